--
-- history: what was so at an earlier time, and why an order was settled as it was
--
\set SHOW_CONTEXT never
\pset null '(null)'
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET client_min_messages = warning;
DROP EXTENSION voucher CASCADE;
CREATE EXTENSION voucher;
RESET client_min_messages;

SELECT voucher.register_product('ecs'), voucher.register_product('market', universal => false);
SELECT voucher.open_account('alice', 'CNY', at => '2026-01-01'), voucher.deposit('alice', 500, at => '2026-01-02');
SELECT voucher.create_template('fifty', 'voucher', 'CNY', face_value => 50, valid => '[2026-01-05, 2026-02-01)'),
       voucher.create_template('third', 'coupon', 'CNY', discount_rate => 0.3, first_purchase => true),
       voucher.create_template('word', 'promo_code', 'CNY', face_value => 5, promo_code => 'WORD');
SELECT voucher.grant('alice', 'fifty', at => '2026-01-03'), voucher.grant('alice', 'third', at => '2026-01-03');

-- ---------------------------------------------------------------------------
-- Balance and status, by the entries until then
-- ---------------------------------------------------------------------------
SELECT voucher.freeze('alice', 1, at => '2026-01-06'), voucher.unfreeze('alice', 1, at => '2026-01-08');
-- 40: coupon 12 (30 %), promo code 5, voucher 23
SELECT discount, voucher, cash FROM voucher.settle('alice', 'o1', 'ecs', 'purchase', 40, promo_code => 'word', at => '2026-01-10');
SELECT voucher.extend('alice', 1, '2026-03-01', at => '2026-02-10');
SELECT voucher.revoke('alice', 1, at => '2026-02-20');
SELECT at::date, voucher.balance_at('alice', 1, at) AS balance, voucher.status_at('alice', 1, at) AS status, voucher.balance_at('alice', 'CNY', at) AS cash
FROM unnest('{2025-12-31,2026-01-01,2026-01-03,2026-01-05,2026-01-06,2026-01-08,2026-01-10,2026-01-31,2026-02-01,2026-02-10,2026-02-20,2027-01-01}'::timestamptz[]) AS at;
-- used: the coupon serves one order
SELECT voucher.status_at('alice', 2, '2026-01-09'), voucher.status_at('alice', 2, '2026-01-10'), voucher.balance_at('alice', 2, '2026-01-10');
SELECT voucher.balance_at('alice', 9, '2026-01-10');
\echo :SQLSTATE
SELECT voucher.status_at('bob', 1, '2026-01-10');
\echo :SQLSTATE
SELECT voucher.balance_at('alice', 'USD', '2026-01-10');
\echo :SQLSTATE
SELECT voucher.balance_at('alice', 1, NULL);
\echo :SQLSTATE
SELECT voucher.balance_at('alice', 1, 'infinity');
\echo :SQLSTATE

-- ---------------------------------------------------------------------------
-- The decision of an order, whatever became of its instruments since
-- ---------------------------------------------------------------------------
SELECT voucher.grant('alice', 'fifty', at => '2026-01-09');
SELECT rank, kind, instrument_id, applies, pays, balance, expires_at, reason, detail, paid, share FROM voucher.explain_at('alice', 'o1');
-- now: another purchase, another voucher, an instrument cancelled
SELECT rank, kind, instrument_id, applies, pays, balance, reason FROM voucher.match('alice', 'ecs', 'purchase', 40, promo_code => 'word', at => '2026-01-10');
-- Products that were outside universal scopes then, and were registered since
SELECT voucher, cash FROM voucher.settle('alice', 'o2', 'market.app', 'purchase', 20, at => '2026-01-11');
SELECT voucher.register_product('market'), voucher.register_product('market.app'), voucher.register_product('ecs.g7');
SELECT kind, instrument_id, reason, detail, paid FROM voucher.explain_at('alice', 'o2');
SELECT voucher, cash FROM voucher.settle('alice', 'o3', 'ecs.g7', 'purchase', 20, at => '2026-01-11');
SELECT kind, instrument_id, reason, paid FROM voucher.explain_at('alice', 'o3');
-- A promo code that took nothing off a bill below the minor unit, and so has no instrument: the
-- state of the account's only one, another code's that b1 used up, is not taken for its own
SELECT voucher.open_account('bob', 'CNY', at => '2026-01-01'), voucher.deposit('bob', 100, at => '2026-01-02');
SELECT voucher.create_template('term', 'promo_code', 'CNY', face_value => 7, promo_code => 'TERM');
SELECT discount, rounding, cash, cardinality(parts) AS parts
FROM unnest('{b1,b2}'::text[], '{20,0.004}'::numeric[], '{word,term}'::text[]) AS o (id, price, code),
     voucher.settle('bob', id, 'ecs', 'usage', price, payment_type => 'pay_as_you_go', promo_code => code, at => '2026-01-12');
SELECT kind, instrument_id, template, applies, pays, balance, reason, detail, paid FROM voucher.explain_at('bob', 'b2');

SELECT * FROM voucher.explain_at('alice', 'o9');
\echo :SQLSTATE
SELECT * FROM voucher.explain_at('alice', NULL);
\echo :SQLSTATE
SELECT * FROM voucher.check();
-- What no verb wrote cannot be replayed
INSERT INTO voucher.settlement (account_id, order_id, invoiceable, gross, discount, rounding, voucher, cash, at, currency, payment_type, chosen_voucher, chosen_coupon, lines, parts)
VALUES ('alice', 'by hand', 0, 0, 0, 0, 0, 0, '2026-01-12', 'CNY', 'subscription', 'auto', 'auto', '{}', '{}');
SELECT * FROM voucher.explain_at('alice', 'by hand');
\echo :SQLSTATE
