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
SELECT * FROM voucher.check();
