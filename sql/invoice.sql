--
-- invoice: only cash is invoiced, and never more than is left (S10)
--
\set SHOW_CONTEXT never
\pset null '(null)'
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;
DROP EXTENSION voucher CASCADE;
CREATE EXTENSION voucher;
RESET client_min_messages;

SELECT voucher.register_product('ecs');
SELECT voucher.open_account('alice', 'CNY', at => '2026-01-01');
SELECT voucher.deposit('alice', 1000, at => '2026-01-01');
SELECT voucher.create_template('cash 200', 'voucher', 'CNY', face_value => 200);
SELECT voucher.grant('alice', 'cash 200', at => '2026-01-01');

-- Order 500 = voucher 200 + cash 300: 300 can be invoiced
SELECT voucher, cash, invoiceable FROM voucher.settle('alice', 'o1', 'ecs', 'purchase', 500, at => '2026-01-02');
SELECT account_id, invoice_id, currency, amount, at FROM voucher.issue_invoice('alice', 'i1', 'o1', 100, at => '2026-01-03');
SELECT voucher.issue_invoice('alice', 'i2', 'o1', 200.01, at => '2026-01-03');
\echo :SQLSTATE
SELECT amount FROM voucher.issue_invoice('alice', 'i2', 'o1', at => '2026-01-03');
SELECT voucher.issue_invoice('alice', 'i3', 'o1', at => '2026-01-03');
\echo :SQLSTATE
-- The same invoice again
SELECT amount, at FROM voucher.issue_invoice('alice', 'i2', 'o1', at => '2026-01-04');
SELECT amount, at FROM voucher.issue_invoice('alice', 'i2', 'o1', 200, at => '2026-01-04');
SELECT voucher.issue_invoice('alice', 'i2', 'o1', 199, at => '2026-01-04');
\echo :SQLSTATE
SELECT invoiceable FROM voucher.settlement;

-- Void: its amount can be invoiced again, under another id
SELECT invoice_id, amount FROM voucher.void_invoice('alice', 'i1', 'wrong address', at => '2026-01-05');
SELECT invoice_id, amount FROM voucher.void_invoice('alice', 'i1', 'again', at => '2026-01-06');
SELECT invoiceable FROM voucher.settlement;
SELECT voucher.issue_invoice('alice', 'i1', 'o1', 100, at => '2026-01-06');
\echo :SQLSTATE
SELECT amount FROM voucher.issue_invoice('alice', 'i3', 'o1', 60, at => '2026-01-06');
SELECT * FROM voucher.invoice_line ORDER BY invoice_id;

-- A refund after the invoice: 300 back, of which 260 is invoiced.  40 - 300 =
-- -260 must be offset before anything is invoiced again
SELECT amount, invoiceable FROM voucher.refund('alice', 'o1', at => '2026-01-07');
SELECT voucher.issue_invoice('alice', 'i4', 'o1', 1, at => '2026-01-08');
\echo :SQLSTATE
SELECT amount FROM voucher.void_invoice('alice', 'i2', at => '2026-01-09');
SELECT amount FROM voucher.void_invoice('alice', 'i3', at => '2026-01-09');
SELECT invoiceable FROM voucher.settlement;
SELECT version, kind, amount, invoiceable, invoice_id, reason FROM voucher.settlement_entry ORDER BY version;
SELECT invoice_id, order_id, amount, voided_at FROM voucher.invoice_line ORDER BY invoice_id;

-- What a voucher paid alone is not invoiced at all
SELECT voucher.grant('alice', 'cash 200', at => '2026-02-01');
SELECT cash, invoiceable FROM voucher.settle('alice', 'o2', 'ecs', 'renewal', 150, at => '2026-02-02');
SELECT voucher.issue_invoice('alice', 'i5', 'o2', at => '2026-02-03');
\echo :SQLSTATE
-- An invoice id is the account's own
SELECT voucher.open_account('bob', 'CNY', at => '2026-01-01');
SELECT voucher.deposit('bob', 10, at => '2026-01-01');
SELECT cash FROM voucher.settle('bob', 'o1', 'ecs', 'purchase', 10, at => '2026-02-02');
SELECT amount FROM voucher.issue_invoice('bob', 'i1', 'o1', at => '2026-02-03');

-- ---------------------------------------------------------------------------
-- Candidates, several orders on one invoice, and what is to be credited
-- ---------------------------------------------------------------------------
SELECT voucher.open_account('carol', c, at => '2026-01-01'), voucher.deposit('carol', 1000, c, at => '2026-01-01') FROM unnest('{CNY,USD}'::text[]) AS c;
SELECT order_id, cash FROM unnest('{a1,a2,a3}'::text[], '{100,40,10}'::numeric[]) AS o (id, price),
    voucher.settle('carol', id, 'ecs', 'renewal', price, currency => 'CNY', at => '2026-01-02') AS s;
SELECT cash FROM voucher.settle('carol', 'u1', 'ecs', 'renewal', 7, currency => 'USD', at => '2026-01-02');
SELECT * FROM voucher.invoice_candidates('carol');
SELECT * FROM voucher.invoice_candidates('carol', 'USD');
-- one invoice over two: 140
SELECT amount, credits FROM voucher.issue_invoice('carol', 'c1', order_ids => '{a2,a1}', at => '2026-02-01');
SELECT amount, at FROM voucher.issue_invoice('carol', 'c1', order_ids => '{a1,a2}', at => '2026-02-02');
SELECT order_id, amount FROM voucher.invoice_line WHERE invoice_id = 'c1' ORDER BY order_id;
SELECT voucher.issue_invoice('carol', 'c1', order_ids => '{a1}');
\echo :SQLSTATE
SELECT voucher.issue_invoice('carol', 'c1', order_ids => '{a1,a3}');
\echo :SQLSTATE
SELECT voucher.issue_invoice('carol', 'c1', 'a1');
\echo :SQLSTATE
SELECT order_id, invoiced, invoiceable FROM voucher.invoice_candidates('carol', 'CNY');
-- Refusals: nothing left, another currency, no order, one twice, an amount of many
SELECT voucher.issue_invoice('carol', 'c2', order_ids => '{a3,a1}');
\echo :SQLSTATE
SELECT voucher.issue_invoice('carol', 'c2', order_ids => '{a3,u1}');
\echo :SQLSTATE
SELECT voucher.issue_invoice('carol', 'c2', order_ids => '{a3,a9}');
\echo :SQLSTATE
SELECT voucher.issue_invoice('carol', 'c2', order_ids => '{a3,a3}');
\echo :SQLSTATE
SELECT voucher.issue_invoice('carol', 'c2', order_ids => '{}');
\echo :SQLSTATE
SELECT voucher.issue_invoice('carol', 'c2', order_ids => '{a3,NULL}');
\echo :SQLSTATE
SELECT voucher.issue_invoice('carol', 'c2', amount => 5, order_ids => '{a3}');
\echo :SQLSTATE
SELECT voucher.issue_invoice('carol', 'c2', 'a3', order_ids => '{a3}');
\echo :SQLSTATE
SELECT voucher.issue_invoice('carol', 'c2');
\echo :SQLSTATE

-- Refunded after it was invoiced: a1 by 30, a2 by 40. Both are to be credited
SELECT amount, invoiceable FROM voucher.refund('carol', 'a1', 30, at => '2026-02-03');
SELECT amount, invoiceable FROM voucher.cancel('carol', 'a2', at => '2026-02-03');
SELECT order_id, cash, refunded_cash, invoiced, invoiceable FROM voucher.invoice_candidates('carol', 'CNY');
SELECT voucher.issue_invoice('carol', 'c2', 'a1');
\echo :SQLSTATE
-- netted, it must stay above zero: 10 - 30 - 40
SELECT voucher.issue_invoice('carol', 'c2', order_ids => '{a1,a2,a3}');
\echo :SQLSTATE
-- a credit invoice over a part of one, then over all that is left
SELECT voucher.issue_credit_invoice('carol', 'r1', 'c1', amount => 10);
\echo :SQLSTATE
SELECT voucher.issue_credit_invoice('carol', 'r1', 'c1', 'a1', 30.01);
\echo :SQLSTATE
SELECT amount, credits, reason FROM voucher.issue_credit_invoice('carol', 'r1', 'c1', 'a1', 10, reason => 'refund', at => '2026-02-04');
SELECT amount, credits, at FROM voucher.issue_credit_invoice('carol', 'r1', 'c1', 'a1', 10, at => '2026-02-05');
SELECT voucher.issue_credit_invoice('carol', 'r1', 'c1', 'a1', 11);
\echo :SQLSTATE
SELECT voucher.issue_credit_invoice('carol', 'r1', 'c1', 'a2');
\echo :SQLSTATE
SELECT voucher.issue_credit_invoice('carol', 'c1', 'c1');
\echo :SQLSTATE
SELECT voucher.issue_invoice('carol', 'r1', 'a1');
\echo :SQLSTATE
SELECT amount FROM voucher.issue_credit_invoice('carol', 'r2', 'c1', at => '2026-02-05');
SELECT invoice_id, order_id, amount, credits FROM voucher.invoice_line WHERE account_id = 'carol' ORDER BY 1, 2;
SELECT order_id, invoiceable FROM voucher.invoice_candidates('carol', 'CNY');
SELECT voucher.issue_credit_invoice('carol', 'r3', 'c1');
\echo :SQLSTATE
SELECT voucher.issue_credit_invoice('carol', 'r3', 'c1', 'a3');
\echo :SQLSTATE
SELECT voucher.issue_credit_invoice('carol', 'r3', 'c9');
\echo :SQLSTATE
SELECT voucher.issue_credit_invoice('carol', 'r3', 'r1');
\echo :SQLSTATE
-- what is credited is not voided but after its credit invoices; voided, these
-- are to be issued anew
SELECT voucher.void_invoice('carol', 'c1');
\echo :SQLSTATE
SELECT amount FROM voucher.void_invoice('carol', 'r2', 'wrong title', at => '2026-02-06');
SELECT order_id, invoiced, invoiceable FROM voucher.invoice_candidates('carol', 'CNY');
SELECT voucher.issue_credit_invoice('carol', 'r2', 'c1');
\echo :SQLSTATE
-- or netted with orders that come to more: 10 + 100 - 20 - 40 = 50
SELECT cash FROM voucher.settle('carol', 'a4', 'ecs', 'renewal', 100, currency => 'CNY', at => '2026-02-07');
SELECT amount FROM voucher.issue_invoice('carol', 'c3', order_ids => '{a1,a2,a3,a4}', at => '2026-02-07');
SELECT order_id, amount FROM voucher.invoice_line WHERE invoice_id = 'c3' ORDER BY order_id;
SELECT order_id, invoiceable FROM voucher.invoice_candidates('carol', 'CNY');
SELECT voucher.issue_credit_invoice('carol', 'r4', 'c1');
\echo :SQLSTATE
-- voided, all of its lines are
SELECT amount FROM voucher.void_invoice('carol', 'c3', at => '2026-02-08');
SELECT order_id, invoiceable FROM voucher.invoice_candidates('carol', 'CNY');
SELECT amount FROM voucher.void_invoice('carol', 'r1', at => '2026-02-08');
SELECT amount FROM voucher.void_invoice('carol', 'c1', at => '2026-02-08');
SELECT order_id, invoiced, invoiceable FROM voucher.invoice_candidates('carol', 'CNY');
SELECT voucher.issue_credit_invoice('carol', 'r5', 'c1');
\echo :SQLSTATE
-- a credit never exceeds what one invoice shows: 60 and 40 invoiced, 80 refunded
SELECT amount FROM voucher.issue_invoice('carol', 'c4', 'a4', 60, at => '2026-02-09');
SELECT amount FROM voucher.issue_invoice('carol', 'c5', 'a4', at => '2026-02-09');
SELECT invoiceable FROM voucher.refund('carol', 'a4', 80, at => '2026-02-09');
SELECT amount FROM voucher.issue_credit_invoice('carol', 'r6', 'c5', at => '2026-02-09');
SELECT voucher.issue_credit_invoice('carol', 'r7', 'c5');
\echo :SQLSTATE
SELECT amount FROM voucher.issue_credit_invoice('carol', 'r7', 'c4', at => '2026-02-09');
-- no entry credits more than is negative
\set VERBOSITY terse
INSERT INTO voucher.settlement_entry (account_id, order_id, version, kind, amount, invoiceable, refunded, refunded_cash, at, invoice_id)
SELECT 'carol', 'a4', entry_version + 1, 'credit', 1, 1, 80, 80, now(), 'r7' FROM voucher.settlement WHERE order_id = 'a4';
\echo :SQLSTATE
SELECT * FROM voucher.check();
