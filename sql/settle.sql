--
-- settle: match, quote and settle (S1 to S3, S8, S11, S12)
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

SELECT voucher.register_product(p) FROM unnest('{ecs,oss,rds}'::text[]) AS p;
SELECT voucher.open_account('alice', 'CNY', at => '2026-01-01');
SELECT voucher.deposit('alice', 2000, at => '2026-01-01');

SELECT voucher.create_template('cash 200', 'voucher', 'CNY', face_value => 200, valid => '[2026-01-01, 2026-07-01)');
SELECT voucher.create_template('ecs 300', 'voucher', 'CNY', face_value => 300, scope => 'ecs', valid => '[2026-01-01, 2026-06-01)');
SELECT voucher.create_template('oss 900', 'voucher', 'CNY', face_value => 900, scope => 'oss');
SELECT voucher.create_template('bulk', 'voucher', 'CNY', face_value => 1000, threshold => 1000);
SELECT voucher.create_template('later', 'voucher', 'CNY', face_value => 50, valid => '[2026-05-01,)');
SELECT voucher.grant('alice', t, at => '2026-01-01') FROM unnest('{cash 200,ecs 300,oss 900,bulk,later}'::text[]) AS t;

-- What fits is shown, largest first, and why the rest does not
SELECT rank, kind, instrument_id AS id, template, applies, pays, balance, expires_at, reason
FROM voucher.match('alice', 'ecs', 'purchase', 450, at => '2026-02-01');
SELECT template, detail FROM voucher.match('alice', 'ecs', 'purchase', 450, at => '2026-02-01') WHERE NOT applies;
-- Looking changes nothing
SELECT voucher.sum(balance) FROM voucher.instrument;

-- One voucher, the largest; cash pays the rest
SELECT gross, voucher, cash, ARRAY(SELECT instrument_id FROM unnest(parts)) AS instruments, (parts[1]).paid, chosen_voucher FROM voucher.quote('alice', 'ecs', 'purchase', 450, at => '2026-02-01');
SELECT gross, voucher, cash, ARRAY(SELECT instrument_id FROM unnest(parts)) AS instruments, (parts[1]).paid, chosen_voucher FROM voucher.settle('alice', 'o1', 'ecs', 'purchase', 450, at => '2026-02-01');
SELECT balance FROM voucher.account;
-- Or none, or the one that is named; what it does not pay it keeps
SELECT voucher, cash, ARRAY(SELECT instrument_id FROM unnest(parts)) AS instruments FROM voucher.settle('alice', 'o2', 'rds', 'purchase', 10, voucher => 'none', at => '2026-02-02');
SELECT voucher, cash, ARRAY(SELECT instrument_id FROM unnest(parts)) AS instruments FROM voucher.settle('alice', 'o3', 'rds', 'renewal', 120.5, voucher => '1', at => '2026-02-03');
-- ... for the next order: 200 - 120.50 = 79.50
SELECT voucher, cash, ARRAY(SELECT instrument_id FROM unnest(parts)) AS instruments FROM voucher.settle('alice', 'o4', 'rds', 'renewal', 100, at => '2026-02-04');
SELECT template, balance, used, status FROM voucher.list('alice', at => '2026-02-05');
SELECT reason, detail FROM voucher.match('alice', 'rds', 'renewal', 100, at => '2026-02-05') WHERE instrument_id = 1;

-- The same order again returns what was settled and takes nothing
SELECT voucher, cash, at FROM voucher.settle('alice', 'o4', 'rds', 'renewal', 100, at => '2026-02-06');
SELECT balance FROM voucher.account;

-- A threshold counts what is covered: 1000 on one line is enough, 999.99 is not
SELECT applies, pays, reason, detail FROM voucher.match('alice', 'rds', 'renewal', 999.99, at => '2026-02-05') WHERE template = 'bulk';
SELECT applies, pays FROM voucher.match('alice', 'rds', 'renewal', 1000, at => '2026-02-05') WHERE template = 'bulk';

-- The order's own time decides, to the instant
SELECT applies, reason, detail FROM voucher.match('alice', 'rds', 'renewal', 5, at => '2026-04-30 23:59:59.999999') WHERE template = 'later';
SELECT applies FROM voucher.match('alice', 'rds', 'renewal', 5, at => '2026-05-01') WHERE template = 'later';
SELECT voucher.grant('alice', 'cash 200', at => '2026-02-01') AS fresh \gset
SELECT applies FROM voucher.match('alice', 'rds', 'renewal', 5, at => '2026-06-30 23:59:59.999999') WHERE instrument_id = :fresh;
SELECT applies, reason, detail FROM voucher.match('alice', 'rds', 'renewal', 5, at => '2026-07-01') WHERE instrument_id = :fresh;

-- List price - coupon - promo code - voucher - cash.  Of 1000: a quarter is
-- 250.00, 10.00 off, 200 by voucher, 1000 - 250 - 10 - 200 = 540 in cash.
SELECT voucher.open_account('carol', 'CNY', at => '2026-01-01');
SELECT voucher.deposit('carol', 2000, at => '2026-01-01');
SELECT voucher.create_template('quarter', 'coupon', 'CNY', discount_rate => 0.25, scope => 'ecs:purchase|upgrade', first_purchase => true);
SELECT voucher.create_template('ten', 'promo_code', 'CNY', face_value => 10, promo_code => 'TEN');
SELECT voucher.grant('carol', t, at => '2026-01-01') FROM unnest('{cash 200,quarter}'::text[]) AS t;
SELECT kind, template, applies, pays FROM voucher.match('carol', 'ecs.g7', 'purchase', 1000, promo_code => 't-e-n', at => '2026-02-01');
SELECT gross, discount, rounding, voucher, cash, chosen_coupon, promo_code, first_purchase
FROM voucher.settle('carol', 'c1', 'ecs.g7', 'purchase', 1000, promo_code => 't-e-n', at => '2026-02-01');
SELECT part, kind, template, paid FROM voucher.settlement_part WHERE order_id = 'c1' ORDER BY part;
SELECT line_no, discount, voucher, cash FROM voucher.settlement_line WHERE order_id = 'c1';
SELECT kind, template, balance, used, max_uses, status FROM voucher.list('carol', at => '2026-02-02');

-- The first purchase of ecs was c1: another of its products is not the first,
-- an upgrade need not be, and other products are not covered
SELECT voucher.grant('carol', 'quarter', at => '2026-02-01') AS second \gset
SELECT order_type, m.applies, m.pays, m.reason, m.detail
FROM (VALUES ('purchase'), ('upgrade'), ('renewal')) AS o(order_type),
     voucher.match('carol', 'ecs.c6', o.order_type, 100, at => '2026-02-03') AS m WHERE m.instrument_id = :second;
SELECT reason, detail FROM voucher.match('carol', 'oss', 'purchase', 100, at => '2026-02-03') WHERE instrument_id = :second;

-- Half up once on the discount, to the minor unit: a quarter of 99.99 is
-- 24.9975, so 25.00; of 99.97 it is 24.9925, so 24.99
SELECT gross, discount, rounding, cash FROM voucher.quote('carol', 'ecs', 'upgrade', 99.99,
    currency => 'CNY', at => '2026-02-03');
SELECT gross, discount, rounding, cash FROM voucher.quote('carol', 'ecs', 'upgrade', 99.97, at => '2026-02-03');
-- Yen have no decimals: a quarter of 1002 is 250.5, so 251; of 1002.75 it is
-- 250.6875, so 251, and of the 751.75 left 751 are due
SELECT voucher.open_account('carol', 'JPY', at => '2026-01-01');
SELECT voucher.create_template('yen quarter', 'coupon', 'JPY', discount_rate => 0.25, maximum => 300);
SELECT voucher.grant('carol', 'yen quarter', at => '2026-01-01') IS NOT NULL AS granted;
SELECT gross, discount, rounding, cash FROM voucher.quote('carol', 'ecs', 'upgrade', 1002, currency => 'JPY', at => '2026-02-03');
SELECT gross, discount, rounding, cash FROM voucher.quote('carol', 'ecs', 'upgrade', 1002.75, currency => 'JPY', at => '2026-02-03');
-- ... and at most 300: of 2000 a quarter would be 500
SELECT gross, discount, cash FROM voucher.quote('carol', 'ecs', 'upgrade', 2000, currency => 'JPY', at => '2026-02-03');

-- The automatic choice leaves the least cash to pay, then spends the least of
-- the voucher: 60 + 40 of it, not 40 + 50 and 10 in cash
SELECT voucher.open_account('dave', 'CNY', at => '2026-01-01');
SELECT voucher.create_template('sixty', 'coupon', 'CNY', face_value => 60);
SELECT voucher.create_template('forty', 'coupon', 'CNY', face_value => 40, scope => 'rds');
SELECT voucher.create_template('rds 50', 'voucher', 'CNY', face_value => 50, scope => 'rds');
SELECT count(voucher.grant('dave', t, at => '2026-01-01')) FROM unnest('{sixty,forty,rds 50}'::text[]) AS t;
-- Settled without any cash in the account: coupon and voucher cover it
SELECT gross, discount, voucher, cash, invoiceable FROM voucher.settle('dave', 'd1', 'rds', 'purchase', 100, at => '2026-02-03');
SELECT part, kind, template, paid FROM voucher.settlement_part WHERE order_id = 'd1' ORDER BY part;
-- What cash cannot pay is not settled, and nothing is used: of 100 the coupon
-- takes 40 and the voucher has 10 left
SELECT voucher.settle('dave', 'd2', 'rds', 'renewal', 100, at => '2026-02-03');
\echo :SQLSTATE
SELECT template, balance, used, status FROM voucher.list('dave', at => '2026-02-04');
SELECT count(*) FROM voucher.settlement WHERE account_id = 'dave';

SELECT * FROM voucher.check();
