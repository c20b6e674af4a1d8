--
-- cancel: an order that was never delivered is undone
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

SELECT voucher.register_product(p) FROM unnest('{ecs,ecs.gpu,oss,rds}'::text[]) AS p;
SELECT voucher.open_account('alice', 'CNY', at => '2026-01-01'), voucher.deposit('alice', 1000, at => '2026-01-01');
SELECT voucher.create_template('forfeit', 'voucher', 'CNY', face_value => 200);
SELECT voucher.create_template('undelivered', 'voucher', 'CNY', face_value => 200, refund_policy => 'return_if_undelivered');
SELECT voucher.create_template('new', 'coupon', 'CNY', face_value => 40, first_purchase => true, refund_policy => 'return_if_undelivered');
SELECT voucher.create_template('gone', 'coupon', 'CNY', face_value => 30);
SELECT voucher.create_template('word', 'promo_code', 'CNY', discount_rate => 0.1, promo_code => 'WORD', refund_policy => 'return_if_undelivered');
SELECT t, voucher.grant('alice', t, at => '2026-01-01') FROM unnest('{forfeit,undelivered,new,gone}'::text[]) AS t;

-- A used voucher is never refunded or reissued (S9), not even here: of 500 =
-- 200 + 300, 300 come back
SELECT voucher, cash FROM voucher.settle('alice', 'o1', 'rds', 'renewal', 500, voucher => '1', coupon => 'none', at => '2026-01-02');
SELECT kind, amount, invoiceable, requested, refunded, refunded_cash, returned, reason FROM voucher.cancel('alice', 'o1', reason => 'no stock', at => '2026-01-03');
SELECT balance FROM voucher.account;
SELECT balance, used FROM voucher.instrument WHERE instrument_id = 1;

-- Where the templates say so all comes back: 500 - 40 (coupon) = 460, less a
-- tenth (promo code) = 414, of which the voucher pays 200 and cash 214
SELECT discount, voucher, cash, first_purchase FROM voucher.settle('alice', 'o2', 'ecs', 'purchase', 500, promo_code => 'word', coupon => '3', voucher => '2', at => '2026-01-02');
SELECT kind, amount, requested, refunded_cash, returned FROM voucher.cancel('alice', 'o2', request_id => 'c2', at => '2026-01-03');
SELECT instrument_id, version, kind, amount, balance, uses, used, order_id FROM voucher.entry WHERE instrument_id IN (2, 3) OR instrument_id > 4 ORDER BY 1, 2;
SELECT kind, amount, balance, order_id FROM voucher.cash_entry ORDER BY version;
-- The purchase counts as not made: the coupon for first purchases applies again
SELECT * FROM voucher.purchase;
SELECT template, reason, pays FROM voucher.match('alice', 'ecs', 'purchase', 500, promo_code => 'word', at => '2026-01-04') WHERE template <> 'forfeit';

-- A coupon that is forfeited stays used
SELECT discount, cash FROM voucher.settle('alice', 'o3', 'rds', 'renewal', 100, voucher => 'none', coupon => '4', at => '2026-01-02');
SELECT amount, requested, returned FROM voucher.cancel('alice', 'o3', at => '2026-01-03');
SELECT used FROM voucher.instrument WHERE instrument_id = 4;

-- The same request, or cancelling it once more, changes nothing
SELECT version, amount, at FROM voucher.cancel('alice', 'o2', request_id => 'c2', at => '2026-01-05');
SELECT version, amount, at FROM voucher.cancel('alice', 'o2', at => '2026-01-05');
SELECT balance FROM voucher.account;
SELECT voucher.cancel('alice', 'o3', request_id => 'c2');
\echo :SQLSTATE
SELECT voucher.refund('alice', 'o2', request_id => 'c2');
\echo :SQLSTATE
SELECT amount FROM voucher.deposit('alice', 1, request_id => 'd1') AS amount;
SELECT voucher.cancel('alice', 'o3', request_id => 'd1');
\echo :SQLSTATE

-- What is cancelled is neither refunded nor settled again
SELECT voucher.refund('alice', 'o2');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'o2', 'ecs', 'purchase', 500, promo_code => 'word', coupon => '3', voucher => '2', at => '2026-01-06');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'o2', 'ecs', 'purchase', 501, promo_code => 'word', coupon => '3', voucher => '2', at => '2026-01-06');
\echo :SQLSTATE
SELECT voucher.cancel('alice', 'o99');
\echo :SQLSTATE
-- nor what is refunded cancelled: it was delivered
SELECT cash FROM voucher.settle('alice', 'o4', 'rds', 'renewal', 100, voucher => 'none', coupon => 'none', at => '2026-01-02');
SELECT amount FROM voucher.refund('alice', 'o4', 10, at => '2026-01-03');
SELECT voucher.cancel('alice', 'o4');
\echo :SQLSTATE

-- An order that came to nothing can be cancelled too, once
SELECT voucher.create_template('free', 'coupon', 'CNY', discount_rate => 1, refund_policy => 'prorata');
SELECT voucher.grant('alice', 'free', at => '2026-01-01') AS free \gset
SELECT discount, cash FROM voucher.settle('alice', 'o5', 'rds', 'renewal', 100, coupon => :'free', at => '2026-01-02');
SELECT version, amount, requested FROM voucher.cancel('alice', 'o5', at => '2026-01-03');
SELECT version, amount, requested FROM voucher.cancel('alice', 'o5', at => '2026-01-04');
SELECT version, kind, used FROM voucher.entry WHERE instrument_id = :free ORDER BY version;

-- A return never prolongs: what comes back after the expiry has lapsed
SELECT voucher.create_template('january', 'voucher', 'CNY', face_value => 50, valid => '[2026-01-01,2026-02-01)', refund_policy => 'return_if_undelivered');
SELECT voucher.grant('alice', 'january', at => '2026-01-01') AS january \gset
SELECT voucher, cash FROM voucher.settle('alice', 'o6', 'rds', 'renewal', 50, voucher => :'january', coupon => 'none', at => '2026-01-31');
SELECT returned FROM voucher.cancel('alice', 'o6', at => '2026-02-01');
SELECT balance, status, expires_at FROM voucher.list('alice', at => '2026-02-01') WHERE instrument_id = :january;

-- Gifts go with the order: of 30, 10 are spent; a coupon is taken back unused
SELECT cash FROM voucher.settle('alice', 'o7', 'rds', 'renewal', 100, voucher => 'none', coupon => 'none', at => '2026-03-01');
SELECT voucher.grant('alice', 'undelivered', 30, request_id => 'g1', at => '2026-03-01', order_id => 'o7') AS gift \gset
SELECT voucher.grant('alice', 'free', at => '2026-03-01', order_id => 'o7') AS coupon \gset
SELECT voucher.grant('alice', 'undelivered', 30, request_id => 'g1', at => '2026-03-01', order_id => 'o7') = :gift AS same;
SELECT voucher.grant('alice', 'undelivered', 30, request_id => 'g1', at => '2026-03-01');
\echo :SQLSTATE
SELECT voucher FROM voucher.settle('alice', 'o8', 'rds', 'renewal', 10, voucher => :'gift', coupon => 'none', at => '2026-03-01');
SELECT amount FROM voucher.cancel('alice', 'o7', reason => 'no stock', at => '2026-03-02');
SELECT instrument_id = :coupon AS coupon, kind, amount, balance, used, order_id, reason FROM voucher.entry WHERE instrument_id IN (:gift, :coupon) ORDER BY instrument_id, version;
SELECT instrument_id = :coupon AS coupon, status FROM voucher.list('alice', at => '2026-03-02') WHERE instrument_id IN (:gift, :coupon) ORDER BY instrument_id;
-- and what it paid of another order does not come back to it
SELECT amount, requested, returned FROM voucher.cancel('alice', 'o8', at => '2026-03-03');
SELECT balance FROM voucher.instrument WHERE instrument_id = :gift;
-- an order that is gone has no gifts
SELECT voucher.grant('alice', 'free', order_id => 'o7');
\echo :SQLSTATE
SELECT voucher.grant('alice', 'free', order_id => 'o99');
\echo :SQLSTATE
SELECT voucher.create_template('dollar', 'voucher', 'USD', face_value => 5);
SELECT voucher.open_account('alice', 'USD');
SELECT voucher.grant('alice', 'dollar', order_id => 'o4');
\echo :SQLSTATE
-- a refund of the whole takes them back as well
SELECT voucher.grant('alice', 'free', at => '2026-03-01', order_id => 'o4') AS coupon \gset
SELECT amount FROM voucher.refund('alice', 'o4', 89, at => '2026-03-04');
SELECT used FROM voucher.instrument WHERE instrument_id = :coupon;
SELECT amount FROM voucher.refund('alice', 'o4', at => '2026-03-04');
SELECT used FROM voucher.instrument WHERE instrument_id = :coupon;
SELECT voucher.grant('alice', 'free', order_id => 'o4');
\echo :SQLSTATE

-- First purchases are handed on: o10 bought below ecs after o9 did, o11 bought
-- a product of its own
SELECT voucher.open_account('bob', 'CNY', at => '2026-04-01'), voucher.deposit('bob', 100, at => '2026-04-01');
SELECT first_purchase FROM voucher.settle('bob', 'o9', lines => ARRAY[voucher.line('ecs.g7', 'purchase', 1), voucher.line('oss', 'purchase', 1)], voucher => 'none', coupon => 'none', at => '2026-04-01');
SELECT first_purchase FROM voucher.settle('bob', 'o11', 'ecs.gpu.a10', 'purchase', 1, voucher => 'none', coupon => 'none', at => '2026-04-01');
SELECT first_purchase FROM voucher.settle('bob', 'o10', 'ecs.g8', 'purchase', 1, voucher => 'none', coupon => 'none', at => '2026-04-02');
SELECT amount FROM voucher.cancel('bob', 'o9', at => '2026-04-03');
SELECT product, order_id FROM voucher.purchase WHERE account_id = 'bob' ORDER BY product;
SELECT first_purchase FROM voucher.settle('bob', 'o12', lines => ARRAY[voucher.line('ecs', 'purchase', 1), voucher.line('oss', 'purchase', 1)], voucher => 'none', coupon => 'none', at => '2026-04-04');
SELECT amount FROM voucher.cancel('bob', 'o10', at => '2026-04-05');
SELECT product, order_id FROM voucher.purchase WHERE account_id = 'bob' ORDER BY product;
SELECT * FROM voucher.check();

-- Nobody gives back more than an order took, or undoes a half of it
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at, order_id)
SELECT account_id, instrument_id, version + 1, 'return', 1, balance OPERATOR(voucher.+) 1, 0, used, now(), 'o8' FROM voucher.instrument WHERE instrument_id = 1;
\echo :SQLSTATE
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at, order_id)
SELECT account_id, instrument_id, version + 1, 'return', 0, balance, -1, used - 1, now(), 'o8' FROM voucher.instrument WHERE instrument_id = 1;
\echo :SQLSTATE
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at)
SELECT account_id, instrument_id, version + 1, 'return', 1, balance OPERATOR(voucher.+) 1, 0, used, now() FROM voucher.instrument WHERE instrument_id = 1;
\echo :SQLSTATE
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at, order_id)
SELECT account_id, instrument_id, version + 1, 'revoke', 1, balance OPERATOR(voucher.+) 1, 0, used, now(), 'o1' FROM voucher.instrument WHERE instrument_id = 1;
\echo :SQLSTATE
INSERT INTO voucher.settlement_entry (account_id, order_id, version, kind, amount, invoiceable, requested, refunded, refunded_cash, at)
VALUES ('bob', 'o12', 1, 'cancel', -1, 1, 1, 1, 1, now());
\echo :SQLSTATE
INSERT INTO voucher.settlement_entry (account_id, order_id, version, kind, amount, invoiceable, requested, refunded, refunded_cash, at)
VALUES ('alice', 'o5', 2, 'cancel', 0, 0, 0, 0, 0, now());
\echo :SQLSTATE
