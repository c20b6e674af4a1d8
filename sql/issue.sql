--
-- issue: designated vouchers and coupons (S7), and claiming a bundle (S12)
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

SELECT voucher.register_product(p) FROM unnest('{ecs,security,waf,com}'::text[]) AS p;
SELECT voucher.open_account('alice', 'CNY', at => '2026-01-01');
SELECT voucher.open_account('bob', 'CNY', at => '2026-01-01');

-- Granted: in the account at once, for as long as the template says
SELECT voucher.create_template('cash 200', 'voucher', 'CNY', face_value => 200, valid => '[2026-01-01, 2026-07-01)');
SELECT voucher.grant('alice', 'cash 200', at => '2026-01-10');
SELECT kind, template, face_value, balance, used, max_uses, validity, issued_at FROM voucher.vouchers;
SELECT version, kind, amount, balance, uses, used, at, reason FROM voucher.entry;
-- With a face value of its own and a reason
SELECT voucher.grant('alice', 'cash 200', face_value => 80.5, reason => 'outage in March', at => '2026-01-11');
SELECT face_value, balance FROM voucher.vouchers WHERE instrument_id = 2;
SELECT reason FROM voucher.entry WHERE instrument_id = 2;
-- Up to the last instant of its template, not after it
SELECT voucher.grant('alice', 'cash 200', at => '2026-06-30 23:59:59.999999');
SELECT voucher.grant('alice', 'cash 200', at => '2026-07-01');
\echo :SQLSTATE

-- The same request again returns the same
SELECT voucher.grant('alice', 'cash 200', request_id => 'r1', at => '2026-01-12') AS first \gset
SELECT voucher.grant('alice', 'cash 200', request_id => 'r1', at => '2026-01-13') = :first AS same;
SELECT voucher.grant('alice', 'cash 200', face_value => 200, request_id => 'r1', at => '2026-08-01') = :first AS same;
SELECT voucher.grant('alice', 'cash 200', face_value => 100, request_id => 'r1', at => '2026-01-13');
\echo :SQLSTATE
SELECT voucher.grant('bob', 'cash 200', request_id => 'r1', at => '2026-01-13') = :first AS same;

-- Relative validity counts in the template's zone, clamps at a month's end and
-- is cut to the absolute one: 31 January + 1 month is 28 February, each at
-- 00:00 in Shanghai, which is 16:00 of the day before in UTC
SELECT voucher.create_template('one month', 'voucher', 'CNY', face_value => 10, valid_for => '1 month',
                               time_zone => 'Asia/Shanghai', valid => '[2025-01-01, 2026-03-15)');
SELECT voucher.grant('bob', 'one month', at => '2026-01-30 16:00');
SELECT voucher.grant('bob', 'one month', at => '2026-03-01 00:00');
SELECT validity FROM voucher.vouchers WHERE template = 'one month' ORDER BY instrument_id;
-- Days count as days, not 24 hours: New York springs forward on 8 March 2026,
-- so seven days from noon end at noon, 167 hours later
SELECT voucher.create_template('one week', 'voucher', 'CNY', face_value => 10, valid_for => '7 days', time_zone => 'America/New_York');
SELECT voucher.grant('bob', 'one week', at => '2026-03-05 12:00 America/New_York');
SELECT upper(validity) AT TIME ZONE 'America/New_York' AS expires, upper(validity) - lower(validity) AS lasts
FROM voucher.instrument WHERE account_id = 'bob' AND instrument_id = (SELECT max(instrument_id) FROM voucher.instrument);

-- A bundle is claimed as a whole, 30 days from the claim
SELECT voucher.create_campaign('lucky', claimable => '[2026-03-01, 2026-04-01)');
SELECT voucher.create_template('lucky ' || product, 'coupon', 'CNY', discount_rate => rate, scope => (product || ':purchase|upgrade')::voucher.scope,
                               first_purchase => true, per_account => 1, campaign => 'lucky', valid_for => '30 days')
FROM (VALUES ('ecs', 0.25), ('security', 0.4), ('waf', 0.5), ('com', 0.1)) AS c(product, rate);
-- A promo code of the campaign is typed in, not claimed
SELECT voucher.create_template('lucky word', 'promo_code', 'CNY', face_value => 5, promo_code => 'LUCKY', campaign => 'lucky');
SELECT template FROM voucher.claim('alice', 'lucky', at => '2026-02-28 23:59:59');
\echo :SQLSTATE
SELECT template FROM voucher.claim('alice', 'lucky', at => '2026-03-01');
SELECT template, discount_rate, scope, used, max_uses, validity FROM voucher.vouchers WHERE campaign = 'lucky' ORDER BY instrument_id;
-- Once per account, all or nothing
SELECT template FROM voucher.claim('alice', 'lucky', at => '2026-03-02');
\echo :SQLSTATE
SELECT voucher.grant('bob', 'lucky waf', at => '2026-03-02') IS NOT NULL AS granted;
SELECT template FROM voucher.claim('bob', 'lucky', at => '2026-03-02');
\echo :SQLSTATE
SELECT account_id, count(*) FROM voucher.vouchers WHERE campaign = 'lucky' GROUP BY account_id ORDER BY account_id;
SELECT template FROM voucher.claim('bob', 'lucky', at => '2026-04-01');
\echo :SQLSTATE

-- Only for invited accounts
SELECT voucher.create_campaign('private');
SELECT voucher.create_template('private ecs', 'coupon', 'CNY', face_value => 20, audience => 'invited', campaign => 'private');
SELECT template FROM voucher.claim('bob', 'private', at => '2026-03-02');
\echo :SQLSTATE
SELECT voucher.invite('bob', 'private');
SELECT template FROM voucher.claim('bob', 'private', at => '2026-03-02');
-- A campaign's coupon is claimed once, even where nobody said so: a double click
SELECT template FROM voucher.claim('bob', 'private', at => '2026-03-02');
\echo :SQLSTATE
-- ... unless per_account says more
SELECT voucher.create_campaign('double');
SELECT voucher.create_template('double ecs', 'coupon', 'CNY', face_value => 20, per_account => 2, campaign => 'double');
SELECT template FROM voucher.claim('bob', 'double', at => '2026-03-02');
SELECT template FROM voucher.claim('bob', 'double', at => '2026-03-02');
SELECT template FROM voucher.claim('bob', 'double', at => '2026-03-02');
\echo :SQLSTATE
-- The same request again gets what it got, also when nothing can be claimed any more
SELECT voucher.open_account('cleo', 'CNY'), voucher.open_account('cleo', 'USD');
SELECT voucher.create_campaign('pair', claimable => '[2026-03-01, 2026-04-01)');
SELECT voucher.create_template('pair ' || currency, 'voucher', currency, face_value => 5, campaign => 'pair') > 0 AS created FROM unnest('{USD,CNY}'::text[]) AS currency;
SELECT count(*) FROM voucher.claim('cleo', 'pair', 'c1', at => '2026-04-01');
\echo :SQLSTATE
SELECT array_agg(instrument_id) AS claimed, min(instrument_id) AS first FROM voucher.claim('cleo', 'pair', 'c1', 'spring sale', at => '2026-03-02', actor => 'cleo') \gset
SELECT array_agg(instrument_id) = :'claimed' AS same, array_agg(template) AS templates FROM voucher.claim('cleo', 'pair', 'c1', at => '2026-05-01');
SELECT template FROM voucher.claim('cleo', 'pair', 'c2', at => '2026-03-02');
-- ... or has become more, in a currency that the account does not have
SELECT voucher.create_template('pair JPY', 'voucher', 'JPY', face_value => 5, campaign => 'pair') > 0 AS created;
SELECT array_agg(instrument_id) = :'claimed' AS same FROM voucher.claim('cleo', 'pair', 'c1', at => '2026-05-01');
SELECT voucher.claim('cleo', 'pair', 'c3', at => '2026-03-02');
SELECT template, count(*) FROM voucher.vouchers WHERE account_id = 'cleo' GROUP BY template ORDER BY template;
SELECT kind, campaign, request_id, reason, actor FROM voucher.entry WHERE account_id = 'cleo' ORDER BY instrument_id;
-- another body, and another verb
SELECT voucher.claim('cleo', 'double', 'c1', at => '2026-03-02');
\set VERBOSITY terse
SELECT voucher.claim('cleo', 'none', 'c1', at => '2026-03-02');
SELECT voucher.grant('cleo', 'pair CNY', request_id => 'c1', at => '2026-03-02');
SELECT voucher.deposit('cleo', 5, 'CNY', request_id => 'c1');
SELECT voucher.reclaim('cleo', :first, 'c1');
SELECT voucher.deposit('cleo', 5, 'CNY', request_id => 'd1');
SELECT voucher.claim('cleo', 'pair', 'd1', at => '2026-03-02');
SELECT voucher.claim('cleo', 'pair', '', at => '2026-03-02');
-- past the verb: of one claim, and nothing but what is issued
BEGIN;
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at, request_id, campaign) VALUES ('cleo', 0, 1, 'issue', 5, 5, 0, 0, now(), 'c1', 'double');
ROLLBACK;
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at, campaign) VALUES ('cleo', :first, 2, 'freeze', 0, 5, 0, 0, now(), 'pair');
\set VERBOSITY default

SELECT * FROM voucher.check();
