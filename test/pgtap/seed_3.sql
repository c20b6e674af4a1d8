-- The seed, S12: coupons. Each description begins with the row of the seed that
-- it tests.
\set QUIET 1
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;

SELECT plan(64);

-- A settlement as its identity: gross = the parts that are not zero.
CREATE FUNCTION pg_temp.bill(s voucher.settlement) RETURNS text LANGUAGE sql AS $$
    SELECT s.gross || ' = ' || string_agg(p.name || ' ' || p.value, ' + ' ORDER BY p.place)
    FROM (VALUES (1, 'discount', s.discount), (2, 'rounding', s.rounding),
                 (3, 'voucher', s.voucher), (4, 'cash', s.cash)) AS p (place, name, value)
    WHERE p.value OPERATOR(voucher.<>) 0
$$;
-- What a coupon says to an order line: the reason, and what it takes off.
CREATE FUNCTION pg_temp.says(account_id text, template text, product text, order_type text,
                             duration interval DEFAULT NULL, at timestamptz DEFAULT '2026-03-10 00:00+00')
    RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN m.applies THEN 'takes ' || m.pays ELSE m.reason END
    FROM voucher.match($1, $3, $4, 100, duration => $5, at => $6) AS m WHERE m.template = $2
$$;

SELECT voucher.register_product(p)
FROM unnest('{ecs,managed_security,waf,mobile_security,security_manager,antiddos,web_hosting,domain.com,rds}'::text[]) AS p \g /dev/null

-- ---------------------------------------------------------------------------
-- The whole bundle in one call
-- ---------------------------------------------------------------------------

SELECT voucher.create_campaign('lucky', claimable => '[2026-03-01 00:00+00, 2026-05-01 00:00+00)') \g /dev/null
SELECT voucher.create_template('lucky-' || product, 'coupon', 'CNY', discount_rate => rate, scope => (product || ':purchase|upgrade')::voucher.scope,
                               first_purchase => true, per_account => 1, campaign => 'lucky', valid_for => '30 days')
FROM (VALUES ('ecs', 0.5), ('managed_security', 0.1), ('waf', 0.2), ('mobile_security', 0.3), ('security_manager', 0.4),
             ('antiddos', 0.15), ('web_hosting', 0.25), ('domain.com', 0.05)) AS t (product, rate) \g /dev/null
-- a campaign's promo code is typed in, not claimed
SELECT voucher.create_template('lucky-code', 'promo_code', 'CNY', face_value => 1, campaign => 'lucky', promo_code => 'LUCKY') \g /dev/null
SELECT voucher.open_account(a, 'CNY'), voucher.deposit(a, 10000) FROM unnest('{ann,ben,cat,dan,eve,fay}'::text[]) AS a \g /dev/null

SELECT is((SELECT array_agg(template ORDER BY instrument_id) FROM voucher.claim('ann', 'lucky', at => '2026-03-10 00:00+00')),
          '{lucky-ecs,lucky-managed_security,lucky-waf,lucky-mobile_security,lucky-security_manager,lucky-antiddos,lucky-web_hosting,lucky-domain.com}'::text[],
          'S12: one call claims the whole bundle of eight');
SELECT is((SELECT count(*) FROM voucher.list('ann', 'available', at => '2026-03-10 00:00+00')), 8::bigint, 'S12: all eight are usable at once');
SELECT throws_ok($$SELECT voucher.claim('ann', 'lucky', at => '2026-03-10 00:00+00')$$, 'VC112', NULL, 'S12: a bundle cannot be claimed twice');
SELECT throws_ok($$SELECT voucher.claim('ben', 'lucky', at => '2026-02-28 23:59:59.999999+00')$$, 'VC114', NULL, 'S12: nothing is claimed before the campaign');
SELECT throws_ok($$SELECT voucher.claim('ben', 'lucky', at => '2026-05-01 00:00+00')$$, 'VC114', NULL, 'S12: nothing is claimed from its end on');
SELECT throws_ok($$SELECT voucher.claim('ben', 'unlucky')$$, 'VC006', NULL, 'S12: a campaign that does not exist is refused');
-- who has one of the eight by another way cannot have the bundle
SELECT voucher.grant('ben', 'lucky-domain.com', at => '2026-03-10 00:00+00') \g /dev/null
SELECT throws_ok($$SELECT voucher.claim('ben', 'lucky', at => '2026-03-10 00:00+00')$$, 'VC112', NULL, 'S12: the bundle comes whole or not at all');
SELECT is((SELECT count(*) FROM voucher.list('ben')), 1::bigint, 'S12: a refused claim leaves nothing behind');

-- ---------------------------------------------------------------------------
-- Only its own product; first purchase or upgrade; no renewal
-- ---------------------------------------------------------------------------

SELECT is(pg_temp.says('ann', 'lucky-ecs', 'ecs', 'purchase'), 'takes 50.00', 'S12: a coupon serves the first purchase of its product');
SELECT is((SELECT string_agg(template, ' ') FROM voucher.match('ann', 'waf', 'purchase', 100, at => '2026-03-10 00:00+00') WHERE applies), 'lucky-waf',
          'S12: each service takes only its own coupon');
SELECT is((SELECT count(*) FROM voucher.match('ann', 'waf', 'purchase', 100, at => '2026-03-10 00:00+00') WHERE reason = 'product_not_in_scope'), 7::bigint,
          'S12: and the other seven say why not');
SELECT throws_ok(format($$SELECT voucher.settle('ann', 's12-0', 'waf', 'purchase', 100, coupon => %L, at => '2026-03-10 00:00+00')$$,
                        (SELECT instrument_id FROM voucher.vouchers WHERE account_id = 'ann' AND template = 'lucky-ecs')), 'VC105', NULL,
                 'S12: another service''s coupon is refused when named');
SELECT is(pg_temp.says('ann', 'lucky-domain.com', 'domain.com', 'purchase'), 'takes 5.00', 'S12: a coupon of a product below another');
SELECT is(pg_temp.says('ann', 'lucky-ecs', 'ecs', 'renewal'), 'order_type_not_in_scope', 'S12: a renewal takes no coupon');
SELECT throws_ok(format($$SELECT voucher.settle('ann', 's12-0', 'ecs', 'renewal', 100, coupon => %L, at => '2026-03-10 00:00+00')$$,
                        (SELECT instrument_id FROM voucher.vouchers WHERE account_id = 'ann' AND template = 'lucky-ecs')), 'VC106', NULL,
                 'S12: nor when it is named');
SELECT is(pg_temp.bill(voucher.settle('ann', 's12-0', 'ecs', 'renewal', 100, at => '2026-03-10 00:00+00')), '100.00 = cash 100.00',
          'S12: a renewal is paid without');
SELECT is(pg_temp.says('ann', 'lucky-ecs', 'ecs', 'purchase'), 'takes 50.00', 'S12: a renewal is no first purchase');

-- ann has one ecs coupon; with the first order it is used up
SELECT is(pg_temp.bill(voucher.settle('ann', 's12-1', 'ecs', 'purchase', 100, at => '2026-03-10 00:00+00')), '100.00 = discount 50.00 + cash 50.00',
          'S12: the first purchase is settled with the coupon');
SELECT is(pg_temp.says('ann', 'lucky-ecs', 'ecs', 'upgrade'), 'exhausted', 'S12: a coupon serves one order');
-- cat buys without a coupon first and claims then
SELECT voucher.settle('cat', 's12-1', 'ecs', 'purchase', 100, at => '2026-03-09 00:00+00') \g /dev/null
SELECT voucher.claim('cat', 'lucky', at => '2026-03-10 00:00+00') \g /dev/null
SELECT is(pg_temp.says('cat', 'lucky-ecs', 'ecs', 'purchase'), 'not_first_purchase', 'S12: the second purchase of a product takes no coupon');
SELECT throws_ok(format($$SELECT voucher.settle('cat', 's12-2', 'ecs', 'purchase', 100, coupon => %L, at => '2026-03-10 00:00+00')$$,
                        (SELECT instrument_id FROM voucher.vouchers WHERE account_id = 'cat' AND template = 'lucky-ecs')), 'VC109', NULL,
                 'S12: nor when it is named');
SELECT is(pg_temp.says('cat', 'lucky-ecs', 'ecs.g7', 'purchase'), 'not_first_purchase', 'S12: nor another variant of that product');
SELECT is(pg_temp.says('cat', 'lucky-waf', 'waf', 'purchase'), 'takes 20.00', 'S12: the first purchase of another product does');
SELECT is(pg_temp.says('cat', 'lucky-ecs', 'ecs', 'upgrade'), 'takes 50.00', 'S12: an upgrade takes the coupon, purchased before or not');
-- of a second purchase and an upgrade only the upgrade is reduced: 50 % of 200
SELECT is(pg_temp.bill(voucher.quote('cat', lines => ARRAY[voucher.line('ecs', 'purchase', 100), voucher.line('ecs', 'upgrade', 200)], at => '2026-03-10 00:00+00')),
          '300.00 = discount 100.00 + cash 200.00', 'S12: an upgrade does so beside a second purchase, which does not');
-- two purchases of one new product in one order are both its first: 50 % of 300
SELECT voucher.claim('dan', 'lucky', at => '2026-03-10 00:00+00') \g /dev/null
SELECT is(pg_temp.bill(voucher.quote('dan', lines => ARRAY[voucher.line('ecs', 'purchase', 100), voucher.line('ecs', 'purchase', 200)], at => '2026-03-10 00:00+00')),
          '300.00 = discount 150.00 + cash 150.00', 'S12: one order of two of them is the first purchase of both');
-- of a purchase and a renewal only the purchase is reduced: 50 % of 100
SELECT is(pg_temp.bill(voucher.quote('dan', lines => ARRAY[voucher.line('ecs', 'purchase', 100), voucher.line('ecs', 'renewal', 200)], at => '2026-03-10 00:00+00')),
          '300.00 = discount 50.00 + cash 250.00', 'S12: in a mixed order the renewal is not reduced');
SELECT is(pg_temp.bill(voucher.settle('dan', 's12-1', lines => ARRAY[voucher.line('ecs', 'purchase', 100), voucher.line('waf', 'purchase', 100)], coupon => 'none', at => '2026-03-10 00:00+00')),
          '200.00 = cash 200.00', 'S12: a customer may keep the coupon');
SELECT is(pg_temp.says('dan', 'lucky-waf', 'waf', 'purchase'), 'not_first_purchase', 'S12: but that was the first purchase of every product of the order');
-- a purchase made before the orders were kept here
INSERT INTO voucher.purchase (account_id, product) VALUES ('eve', 'ecs');
SELECT voucher.claim('eve', 'lucky', at => '2026-03-10 00:00+00') \g /dev/null
SELECT is(pg_temp.says('eve', 'lucky-ecs', 'ecs', 'purchase'), 'not_first_purchase', 'S12: an earlier purchase that was only recorded counts');
SELECT is(pg_temp.says('ben', 'lucky-domain.com', 'domain.com', 'purchase'), 'takes 5.00', 'S12: another account''s purchases do not count');

-- ---------------------------------------------------------------------------
-- The discount differs by service and period
-- ---------------------------------------------------------------------------

-- 10 % up to 11 months, 20 % from one year, 40 % from three years on
SELECT voucher.create_template('term-' || name, 'coupon', 'CNY', discount_rate => rate, scope => 'rds', min_duration => least, max_duration => most)
FROM (VALUES ('short', 0.1, NULL::interval, '11 months'::interval), ('year', 0.2, '1 year', '2 years'), ('long', 0.4, '3 years', NULL)) AS t (name, rate, least, most) \g /dev/null
SELECT voucher.grant('fay', 'term-' || name, at => '2026-03-01 00:00+00') FROM unnest('{short,year,long}'::text[]) AS name \g /dev/null
SELECT is((SELECT string_agg(template || ' ' || pays, ', ') FROM voucher.match('fay', 'rds', 'purchase', 100, duration => duration::interval, at => '2026-03-10 00:00+00') WHERE applies),
          coupon, format('S12: a period of %s: %s', duration, COALESCE(coupon, 'no coupon')))
FROM (VALUES ('1 month', 'term-short 10.00'), ('11 months', 'term-short 10.00'), ('11 months 1 day', NULL), ('12 months', 'term-year 20.00'),
             ('1 year', 'term-year 20.00'), ('24 months', 'term-year 20.00'), ('2 years 1 day', NULL), ('3 years', 'term-long 40.00'),
             ('10 years', 'term-long 40.00')) AS t (duration, coupon);
SELECT is(pg_temp.says('fay', 'term-year', 'rds', 'purchase', '11 months'), 'duration', 'S12: a coupon says that the period does not fit');
SELECT is(pg_temp.says('fay', 'term-year', 'rds', 'purchase'), 'duration', 'S12: a line without a period takes no coupon that asks for one');
SELECT throws_ok(format($$SELECT voucher.quote('fay', 'rds', 'purchase', 100, duration => '1 month', coupon => %L, at => '2026-03-10 00:00+00')$$,
                        (SELECT instrument_id FROM voucher.vouchers WHERE template = 'term-long')), 'VC110', NULL, 'S12: nor when it is named');

-- ---------------------------------------------------------------------------
-- 30 days from claim
-- ---------------------------------------------------------------------------

SELECT is((SELECT validity FROM voucher.vouchers WHERE account_id = 'ann' AND template = 'lucky-ecs'), '["2026-03-10 00:00+00", "2026-04-09 00:00+00")'::tstzrange,
          'S12: a coupon is valid for 30 days from its claim');
SELECT is(pg_temp.says('ann', 'lucky-waf', 'waf', 'purchase', at => '2026-04-08 23:59:59.999999+00'), 'takes 20.00', 'S12: it is usable a microsecond before 30 days are over');
SELECT is(pg_temp.says('ann', 'lucky-waf', 'waf', 'purchase', at => '2026-04-09 00:00+00'), 'expired', 'S12: it is not when they are over');
SELECT is(pg_temp.says('ann', 'lucky-waf', 'waf', 'purchase', at => '2026-03-10 00:00+00'), 'takes 20.00', 'S12: it is usable at the instant of its claim');
SELECT is(pg_temp.says('ann', 'lucky-waf', 'waf', 'purchase', at => '2026-03-09 23:59:59.999999+00'), 'not_yet_effective', 'S12: it is not a microsecond earlier');
SELECT throws_ok(format($$SELECT voucher.settle('ann', 's12-9', 'waf', 'purchase', 100, coupon => %L, at => '2026-04-09 00:00+00')$$,
                        (SELECT instrument_id FROM voucher.vouchers WHERE account_id = 'ann' AND template = 'lucky-waf')), 'VC102', NULL,
                 'S12: an expired coupon is refused when named');
SELECT is(pg_temp.bill(voucher.settle('ann', 's12-9', 'waf', 'purchase', 100, at => '2026-04-09 00:00+00')), '100.00 = cash 100.00',
          'S12: an expired coupon takes nothing off');

-- Days are counted on the template's calendar, whatever the session's zone.
-- New York goes to summer time on 8 March 2026 at 02:00 (from UTC-5 to UTC-4)
-- and back on 1 November 2026: noon after 30 days is noon again.
SELECT voucher.create_template('zone-' || name, 'coupon', 'CNY', discount_rate => 0.1, scope => 'rds', valid_for => valid_for, time_zone => zone)
FROM (VALUES ('ny', '30 days'::interval, 'America/New_York'), ('utc', '30 days', 'UTC'), ('sh', '30 days', 'Asia/Shanghai'),
             ('hours', '720 hours', 'America/New_York'), ('month', '1 month', 'Asia/Shanghai')) AS t (name, valid_for, zone) \g /dev/null
SET LOCAL timezone = 'Europe/Berlin';
SELECT voucher.grant('fay', 'zone-' || name, at => at::timestamptz)
FROM (VALUES ('ny', '2026-02-20 17:00+00'), ('utc', '2026-02-20 17:00+00'), ('sh', '2026-02-20 17:00+00'), ('hours', '2026-02-20 17:00+00'),
             ('ny', '2026-10-20 16:00+00'), ('month', '2026-01-31 04:00+00')) AS t (name, at) \g /dev/null
SET LOCAL timezone = 'UTC';
CREATE FUNCTION pg_temp.expiry(template text, issued_at timestamptz) RETURNS timestamptz LANGUAGE sql AS $$
    SELECT v.expires_at FROM voucher.vouchers AS v WHERE v.template = $1 AND v.issued_at = $2
$$;
SELECT is(pg_temp.expiry('zone-ny', '2026-02-20 17:00+00'), '2026-03-22 16:00+00'::timestamptz, 'S12: 30 days into summer time end at the same time of day');
SELECT is(pg_temp.expiry('zone-ny', '2026-10-20 16:00+00'), '2026-11-19 17:00+00'::timestamptz, 'S12: 30 days out of summer time end at the same time of day');
SELECT is(pg_temp.expiry('zone-utc', '2026-02-20 17:00+00'), '2026-03-22 17:00+00'::timestamptz, 'S12: 30 days in UTC are 720 hours');
SELECT is(pg_temp.expiry('zone-sh', '2026-02-20 17:00+00'), '2026-03-22 17:00+00'::timestamptz, 'S12: 30 days in Shanghai are, too');
SELECT is(pg_temp.expiry('zone-hours', '2026-02-20 17:00+00'), '2026-03-22 17:00+00'::timestamptz, 'S12: hours know no calendar');
-- noon of 31 January in Shanghai
SELECT is(pg_temp.expiry('zone-month', '2026-01-31 04:00+00'), '2026-02-28 04:00+00'::timestamptz, 'S12: a month from the 31st ends with February');
SELECT is((SELECT count(*) FROM voucher.match('fay', 'rds', 'purchase', 100, at => at) WHERE template = 'zone-ny' AND applies), usable,
          format('S12: at %s %s of them is usable', at, usable))
FROM (VALUES ('2026-03-22 15:59:59.999999+00'::timestamptz, 1::bigint), ('2026-03-22 16:00+00', 0)) AS t (at, usable);

-- ---------------------------------------------------------------------------
-- Only invited accounts
-- ---------------------------------------------------------------------------

SELECT voucher.create_campaign('vip') \g /dev/null
SELECT voucher.create_template('vip', 'coupon', 'CNY', discount_rate => 0.5, scope => 'rds', campaign => 'vip', audience => 'invited') \g /dev/null
SELECT voucher.create_template('vip-code', 'promo_code', 'CNY', face_value => 5, scope => 'rds', campaign => 'vip', audience => 'invited', promo_code => 'VIP5') \g /dev/null
SELECT voucher.invite('ann', 'vip') \g /dev/null
SELECT lives_ok($$SELECT voucher.claim('ann', 'vip', at => '2026-03-10 00:00+00')$$, 'S12: an invited account claims');
SELECT throws_ok($$SELECT voucher.claim('ben', 'vip', at => '2026-03-10 00:00+00')$$, 'VC111', NULL, 'S12: an account that is not invited does not');
SELECT is(pg_temp.bill(voucher.quote('ann', 'rds', 'purchase', 100, coupon => 'none', promo_code => 'VIP5')), '100.00 = discount 5.00 + cash 95.00',
          'S12: an invited account types its promo code');
SELECT throws_ok($$SELECT voucher.quote('ben', 'rds', 'purchase', 100, promo_code => 'VIP5')$$, 'VC111', NULL, 'S12: an account that is not invited does not');
SELECT is(pg_temp.says('ann', 'vip', 'rds', 'purchase'), 'takes 50.00', 'S12: what was claimed by invitation is used');

SELECT is_empty('SELECT * FROM voucher.check()', 'S12 leaves sound ledgers');
SELECT finish();
ROLLBACK;
