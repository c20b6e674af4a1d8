--
-- arrears: bills that the cash does not cover, and paying them later
--
\set SHOW_CONTEXT never
\pset null '(null)'
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS voucher CASCADE;
CREATE EXTENSION voucher;
RESET client_min_messages;

SELECT voucher.register_product('ecs');
SELECT voucher.open_account('alice', 'CNY', at => '2026-01-01'), voucher.deposit('alice', 50, at => '2026-01-01');
SELECT voucher.create_template('thirty', 'voucher', 'CNY', face_value => 30);
SELECT voucher.grant('alice', 'thirty', at => '2026-01-01') AS thirty \gset

-- 100 = voucher 30 + cash 50 + outstanding 20, if the caller allows it
SELECT voucher.settle('alice', 'b1', 'ecs', 'usage', 100, payment_type => 'pay_as_you_go', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'b1', 'ecs', 'usage', 100, payment_type => 'pay_as_you_go', at => '2026-02-01', arrears => NULL);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'b1', 'ecs', 'renewal', 100, at => '2026-02-01', arrears => true);
\echo :SQLSTATE
-- quote leaves all that is due to cash
SELECT gross, voucher, cash, outstanding FROM voucher.quote('alice', 'ecs', 'usage', 100, payment_type => 'pay_as_you_go', at => '2026-02-01');
SELECT gross, voucher, cash, outstanding, invoiceable FROM voucher.settle('alice', 'b1', 'ecs', 'usage', 100, payment_type => 'pay_as_you_go', at => '2026-02-01', arrears => true);
-- the same bill again, whether it would be allowed to or not
SELECT gross, voucher, cash, outstanding, invoiceable FROM voucher.settle('alice', 'b1', 'ecs', 'usage', 100, payment_type => 'pay_as_you_go', arrears => true);
SELECT gross, voucher, cash, outstanding, invoiceable FROM voucher.settle('alice', 'b1', 'ecs', 'usage', 100, payment_type => 'pay_as_you_go');
SELECT * FROM voucher.arrears('alice');
SELECT currency, balance FROM voucher.account;

-- What cash paid can be invoiced; nothing comes back while something is outstanding
SELECT amount FROM voucher.issue_invoice('alice', 'i1', 'b1', at => '2026-02-02');
SELECT voucher.refund('alice', 'b1', 10);
\echo :SQLSTATE
SELECT voucher.cancel('alice', 'b1');
\echo :SQLSTATE

-- Paying: never more than there is, and never more than is left
SELECT voucher.pay_arrears('alice', 'b1', 5);
\echo :SQLSTATE
SELECT voucher.deposit('alice', 12, at => '2026-02-03');
SELECT kind, amount, invoiceable, paid, request_id, reason FROM voucher.pay_arrears('alice', 'b1', 5, 'p1', 'part', '2026-02-03');
SELECT kind, amount, invoiceable, paid, request_id, reason FROM voucher.pay_arrears('alice', 'b1', 5, 'p1');
SELECT kind, amount, invoiceable, paid, request_id, reason FROM voucher.pay_arrears('alice', 'b1', request_id => 'p1');
-- cash paid 55, of which 50 are invoiced
SELECT order_id, cash, refunded_cash, invoiced, invoiceable FROM voucher.invoice_candidates('alice');
SELECT voucher.pay_arrears('alice', 'b1', 6, 'p1');
\echo :SQLSTATE
SELECT voucher.refund('alice', 'b1', 5, 'p1');
\echo :SQLSTATE
SELECT voucher.pay_arrears('alice', 'b1', 15.01);
\echo :SQLSTATE
SELECT voucher.pay_arrears('alice', 'b1', 0.001);
\echo :SQLSTATE
SELECT voucher.pay_arrears('alice', 'b1', -1);
\echo :SQLSTATE
SELECT voucher.pay_arrears('alice', 'b2');
\echo :SQLSTATE
SELECT voucher.pay_arrears('bob', 'b1');
\echo :SQLSTATE
-- all that is left is 15, and the balance is 7
SELECT voucher.pay_arrears('alice', 'b1');
\echo :SQLSTATE
SELECT order_id, outstanding, paid, due FROM voucher.arrears('alice');
SELECT voucher.deposit('alice', 10, at => '2026-02-04');
SELECT amount, invoiceable, paid FROM voucher.pay_arrears('alice', 'b1', at => '2026-02-04');
SELECT voucher.pay_arrears('alice', 'b1');
\echo :SQLSTATE
SELECT * FROM voucher.arrears('alice');

-- All is paid: the cash of the order is 50 + 20.  Of 100 with cash 70, 50 give
-- back 35; 50 are invoiced, so 70 - 50 - 35 = -15 are left to invoice.
SELECT requested, amount, refunded_cash, invoiceable, paid FROM voucher.refund('alice', 'b1', 50, at => '2026-02-05');
SELECT amount FROM voucher.issue_credit_invoice('alice', 'i2', 'i1', at => '2026-02-05');
SELECT requested, amount, refunded_cash, invoiceable, paid FROM voucher.refund('alice', 'b1', at => '2026-02-06');

-- Cancelled: 72 are there, 80 are due; both parts come back
SELECT voucher, cash, outstanding FROM voucher.settle('alice', 'b2', 'ecs', 'usage', 80, payment_type => 'pay_as_you_go', at => '2026-03-01', arrears => true);
-- with nothing there, nothing is paid: all of it is outstanding
SELECT voucher, cash, outstanding, invoiceable FROM voucher.settle('alice', 'b3', 'ecs', 'usage', 3, payment_type => 'pay_as_you_go', at => '2026-03-01', arrears => true);
SELECT order_id, outstanding, paid, due FROM voucher.arrears('alice');
SELECT voucher.issue_invoice('alice', 'i3', 'b3');
\echo :SQLSTATE
SELECT voucher.deposit('alice', 8, at => '2026-03-02');
SELECT amount, invoiceable, paid FROM voucher.pay_arrears('alice', 'b2', 8, at => '2026-03-02');
SELECT kind, amount, requested, refunded_cash, invoiceable FROM voucher.cancel('alice', 'b2', at => '2026-03-03');
SELECT amount, invoiceable, paid FROM voucher.pay_arrears('alice', 'b3', at => '2026-03-03');
SELECT amount FROM voucher.issue_invoice('alice', 'i3', 'b3', at => '2026-03-03');
-- what the cash covers leaves nothing outstanding
SELECT voucher, cash, outstanding FROM voucher.settle('alice', 'b4', 'ecs', 'usage', 77, payment_type => 'pay_as_you_go', at => '2026-03-04', arrears => true);

-- Cash pays whole minor units: of 1.2345, 1.23 when the currency has two digits
INSERT INTO voucher.currency (currency, minor_digits) VALUES ('XTS', 4);
SELECT voucher.open_account('carol', 'XTS'), voucher.deposit('carol', 1.2345);
UPDATE voucher.currency SET minor_digits = 2 WHERE currency = 'XTS';
SELECT cash, outstanding FROM voucher.settle('carol', 'b1', 'ecs', 'usage', 5, payment_type => 'pay_as_you_go', arrears => true);

-- The statement
SELECT at::date, ledger, kind, order_id, amount, balance FROM voucher.statement('alice') WHERE ledger = 'cash' AND order_id <= 'b2';

-- Rows written past the verbs: more paid than was outstanding, paid twice as
-- much as it says, refunded before it is paid, and a subscription with arrears
INSERT INTO voucher.settlement_entry (account_id, order_id, version, kind, amount, invoiceable, refunded, refunded_cash, paid, at)
VALUES ('carol', 'b1', 1, 'payment', 4, 5.23, 0, 0, 4, now());
\echo :SQLSTATE
INSERT INTO voucher.settlement_entry (account_id, order_id, version, kind, amount, invoiceable, refunded, refunded_cash, paid, at)
VALUES ('carol', 'b1', 1, 'payment', 1, 2.23, 0, 0, 2, now());
\echo :SQLSTATE
INSERT INTO voucher.settlement_entry (account_id, order_id, version, kind, amount, invoiceable, requested, refunded, refunded_cash, at)
VALUES ('carol', 'b1', 1, 'refund', -1, 0.23, 1, 1, 1, now());
\echo :SQLSTATE
\set VERBOSITY terse
INSERT INTO voucher.settlement_entry (account_id, order_id, version, kind, amount, invoiceable, refunded, refunded_cash, paid, at)
VALUES ('carol', 'b1', 1, 'payment', -1, 0.23, 0, 0, -1, now());
\echo :SQLSTATE
\set VERBOSITY default
UPDATE voucher.settlement SET outstanding = 0;
\echo :SQLSTATE
INSERT INTO voucher.settlement (account_id, order_id, invoiceable, gross, discount, rounding, voucher, cash, at, currency, payment_type,
                                chosen_voucher, chosen_coupon, lines, parts, outstanding)
VALUES ('carol', 'b2', 0, 5, 0, 0, 0, 0, now(), 'XTS', 'subscription', 'none', 'none', ARRAY[voucher.line('ecs', 'usage', 5, line_no => 1)], '{}', 5);
\echo :SQLSTATE
INSERT INTO voucher.settlement (account_id, order_id, invoiceable, gross, discount, rounding, voucher, cash, at, currency, payment_type,
                                chosen_voucher, chosen_coupon, lines, parts, outstanding)
VALUES ('carol', 'b2', 0, 5, 0, 0, 0, 0, now(), 'XTS', 'pay_as_you_go', 'none', 'none', ARRAY[voucher.line('ecs', 'usage', 5, line_no => 1)], '{}', 6);
\echo :SQLSTATE

SELECT * FROM voucher.check();
