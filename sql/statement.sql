--
-- statement: what came in and what went out (S5)
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
SELECT voucher.deposit('alice', 500, reason => 'bank transfer', actor => 'bank', at => '2026-01-02');
SELECT voucher.create_template('cash 200', 'voucher', 'CNY', face_value => 200);
SELECT voucher.create_template('quarter', 'coupon', 'CNY', discount_rate => 0.25);
SELECT voucher.create_template('ten', 'promo_code', 'CNY', face_value => 10, promo_code => 'TEN');
SELECT voucher.grant('alice', 'cash 200', reason => 'welcome', at => '2026-01-03');
SELECT voucher.grant('alice', 'quarter', at => '2026-01-04');
-- 400 - 100 - 10 = 290 = voucher 200 + cash 90
SELECT discount, voucher, cash FROM voucher.settle('alice', 'o1', 'ecs', 'purchase', 400, promo_code => 'ten', at => '2026-01-05');
SELECT amount FROM voucher.refund('alice', 'o1', 145, reason => 'half of it', at => '2026-01-06');
SELECT voucher.freeze('alice', 1, 'by mistake', actor => 'support', at => '2026-01-07');
SELECT voucher.open_account('bob', 'CNY', at => '2026-01-01');

-- The whole account.  A coupon by rate has no balance to move: paid says what
-- the order got from it.  Half of 290 refunded is 45.00 in cash.
SELECT at::date, ledger, instrument_id AS id, template, kind, order_id, amount, balance, paid, reason, actor FROM voucher.statement('alice');
-- One voucher
SELECT at::date, ledger, currency, kind, order_id, amount, balance, paid, reason, actor FROM voucher.statement('alice', 1);
SELECT at::date, ledger, kind, order_id, amount, balance, paid FROM voucher.statement('alice', 2);
-- A month, or since a day, or until one: the end is not in it
SELECT count(*) FROM voucher.statement('alice', since => '2026-01-05');
SELECT ledger, kind FROM voucher.statement('alice', since => '2026-01-06', until => '2026-01-07');
SELECT ledger, kind FROM voucher.statement('alice', until => '2026-01-02');
SELECT count(*) FROM voucher.statement('alice', since => NULL, until => NULL);
-- Only the account's own
SELECT ledger, kind, amount FROM voucher.statement('bob');
SELECT count(*) FROM voucher.statement('bob', 1);
SELECT count(*) FROM voucher.statement('nobody');
