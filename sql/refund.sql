--
-- refund: cash comes back, what a voucher paid does not (S9)
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

-- Order 500 = voucher 200 + cash 300; refunded: 300 back, 200 gone
SELECT voucher, cash FROM voucher.settle('alice', 'o1', 'ecs', 'purchase', 500, at => '2026-01-02');
SELECT balance FROM voucher.account;
SELECT version, kind, amount, invoiceable, requested, refunded, refunded_cash, at, reason
FROM voucher.refund('alice', 'o1', reason => 'within five days', at => '2026-01-05');
SELECT balance FROM voucher.account;
SELECT balance, used FROM voucher.instrument;
SELECT kind, amount, balance, order_id, reason FROM voucher.cash_entry ORDER BY version;
-- Nothing is left
SELECT voucher.refund('alice', 'o1', at => '2026-01-06');
\echo :SQLSTATE

-- In parts.  Order 100.01 = voucher 33.34 + cash 66.67; asked for 33.34 twice
-- and for the rest, 33.33.  Cash back so far, half up:
--   66.67 *  33.34 / 100.01 = 22.2255... -> 22.23, so 22.23
--   66.67 *  66.68 / 100.01 = 44.4511... -> 44.45, so 22.22
--   66.67 * 100.01 / 100.01 = 66.67,               so 22.22
SELECT voucher.grant('alice', 'cash 200', face_value => 33.34, at => '2026-02-01');
SELECT voucher, cash FROM voucher.settle('alice', 'o2', 'ecs', 'renewal', 100.01, at => '2026-02-02');
SELECT amount, requested, refunded, refunded_cash FROM voucher.refund('alice', 'o2', 33.34, at => '2026-02-03');
SELECT amount, requested, refunded, refunded_cash FROM voucher.refund('alice', 'o2', 33.34, at => '2026-02-04');
SELECT voucher.refund('alice', 'o2', 33.34, at => '2026-02-05');
\echo :SQLSTATE
SELECT amount, requested, refunded, refunded_cash FROM voucher.refund('alice', 'o2', at => '2026-02-05');
SELECT invoiceable FROM voucher.settlement WHERE order_id = 'o2';

-- The same request is refunded once
SELECT cash FROM voucher.settle('alice', 'o3', 'ecs', 'renewal', 90, at => '2026-03-01');
SELECT version, amount FROM voucher.refund('alice', 'o3', 30, request_id => 'r1', at => '2026-03-02');
SELECT version, amount FROM voucher.refund('alice', 'o3', 30, request_id => 'r1', at => '2026-03-03');
SELECT voucher.refund('alice', 'o3', 31, request_id => 'r1', at => '2026-03-03');
\echo :SQLSTATE
SELECT version, amount FROM voucher.refund('alice', 'o3', 30, at => '2026-03-04');
-- 1000 - 300 + 300 - 66.67 + 66.67 - 90 + 30 + 30 = 970
SELECT balance FROM voucher.account;

-- What vouchers paid alone gives no cash back, but is refunded once all the same
SELECT voucher.grant('alice', 'cash 200', at => '2026-04-01');
SELECT voucher, cash FROM voucher.settle('alice', 'o4', 'ecs', 'renewal', 150, at => '2026-04-02');
SELECT amount, requested, refunded, refunded_cash FROM voucher.refund('alice', 'o4', at => '2026-04-03');
SELECT voucher.refund('alice', 'o4', at => '2026-04-03');
\echo :SQLSTATE
SELECT balance FROM voucher.instrument WHERE instrument_id = 3;
SELECT balance FROM voucher.account;

-- Discounts were never paid: 100 - 40 = 60 is all that can come back
SELECT voucher.create_template('forty', 'coupon', 'CNY', face_value => 40);
SELECT voucher.grant('alice', 'forty', at => '2026-05-01');
SELECT discount, cash FROM voucher.settle('alice', 'o5', 'ecs', 'upgrade', 100, voucher => 'none', at => '2026-05-02');
SELECT voucher.refund('alice', 'o5', 60.01, at => '2026-05-03');
\echo :SQLSTATE
SELECT amount, requested FROM voucher.refund('alice', 'o5', at => '2026-05-03');
SELECT used, status FROM voucher.list('alice', at => '2026-05-03') WHERE kind = 'coupon';

-- A refunded purchase was still the first
SELECT product, order_id FROM voucher.purchase;
SELECT * FROM voucher.check();
