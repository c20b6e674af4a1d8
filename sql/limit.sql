--
-- limit: how often, or how much of, what is issued may be used
--
\set SHOW_CONTEXT never
\pset null '(null)'
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET client_min_messages = warning;
DROP EXTENSION voucher CASCADE;
CREATE EXTENSION voucher;
RESET client_min_messages;

SELECT voucher.register_product('ecs');
SELECT voucher.create_campaign('spring', claimable => '[2026-01-01,)');
SELECT voucher.create_template('gift', 'voucher', 'CNY', face_value => 100);
SELECT voucher.create_template('tenth', 'coupon', 'CNY', discount_rate => 0.1, uses => 9, per_account => 9, campaign => 'spring');
SELECT voucher.create_template('five', 'coupon', 'CNY', face_value => 5, per_account => 9, campaign => 'spring');
SELECT voucher.create_template('dollar', 'coupon', 'USD', face_value => 1, per_account => 9, campaign => 'spring');
SELECT voucher.create_template('word', 'promo_code', 'CNY', discount_rate => 0.2, uses => 99, promo_code => 'SPRING');
SELECT voucher.open_account(a, c), voucher.deposit(a, 1000, c) FROM unnest('{ann,bob}'::text[]) AS a, unnest('{CNY,USD}'::text[]) AS c;

-- What is used before a limit comes is counted: 20 % of 100, once by each
SELECT discount, cash FROM voucher.settle('ann', 'o1', 'ecs', 'renewal', 100, promo_code => 'spring', currency => 'CNY', at => '2026-03-01');
SELECT discount, cash FROM voucher.settle('bob', 'o1', 'ecs', 'renewal', 100, promo_code => 'spring', currency => 'CNY', at => '2026-03-01');
SELECT voucher.create_limit('word', max_count => 3) AS total \gset
SELECT voucher.create_limit('word', max_count => 2, per => 'account') AS each \gset
SELECT * FROM voucher.limit_usage ORDER BY limit_id, account_id;
-- the third of three, and ann's second of two
SELECT discount FROM voucher.settle('ann', 'o2', 'ecs', 'renewal', 100, promo_code => 'spring', currency => 'CNY', at => '2026-03-02');
-- reached, for ann by both and for bob by the first
SELECT reason, pays, detail FROM voucher.match('ann', 'ecs', 'renewal', 100, promo_code => 'spring', currency => 'CNY', at => '2026-03-03');
SELECT voucher.settle('bob', 'o2', 'ecs', 'renewal', 100, promo_code => 'spring', currency => 'CNY', at => '2026-03-03');
\echo :SQLSTATE
-- How much is allowed may change, up or down; what is counted may not
UPDATE voucher.usage_limit SET max_count = 4 WHERE limit_id = :total;
SELECT discount FROM voucher.settle('bob', 'o2', 'ecs', 'renewal', 100, promo_code => 'spring', currency => 'CNY', at => '2026-03-03');
UPDATE voucher.usage_limit SET max_count = 1 WHERE limit_id = :each;
SELECT detail FROM voucher.match('ann', 'ecs', 'renewal', 100, promo_code => 'spring', currency => 'CNY', at => '2026-03-03');
UPDATE voucher.usage_limit SET max_count = NULL WHERE limit_id IN (:each, :total);
SELECT discount FROM voucher.settle('ann', 'o3', 'ecs', 'renewal', 100, promo_code => 'spring', currency => 'CNY', at => '2026-03-03');
SELECT limit_id, account_id, used, max_count FROM voucher.limit_usage ORDER BY limit_id, account_id;
UPDATE voucher.usage_limit SET per = 'account' WHERE limit_id = :total;
\echo :SQLSTATE
UPDATE voucher.usage_limit SET max_amount = 10 WHERE limit_id = :total;
\echo :SQLSTATE
DELETE FROM voucher.usage_limit;
\echo :SQLSTATE
UPDATE voucher.total_usage SET used = 0;
\echo :SQLSTATE
INSERT INTO voucher.account_usage (account_id, limit_id, period_start, used, amount) VALUES ('cid', :each, '-infinity', 1, 0);
\echo :SQLSTATE
DELETE FROM voucher.account_usage;
\echo :SQLSTATE
TRUNCATE voucher.total_usage;
\echo :SQLSTATE

-- A period begins at midnight in its zone: 1 March in Shanghai is 28 February
-- 16:00 UTC.  One use a day and three a month.
SELECT voucher.grant('ann', 'tenth', at => '2026-01-01') AS tenth \gset
SELECT voucher.create_limit('tenth', max_count => 1, per => 'account', period => 'day', time_zone => 'Asia/Shanghai') AS day,
       voucher.create_limit('tenth', max_count => 3, per => 'account', period => 'month', time_zone => 'Asia/Shanghai') AS month \gset
SELECT t AS at, applies, reason, detail FROM unnest('{2026-02-28 15:59:59.999999+00,2026-02-28 16:00+00}'::timestamptz[]) AS t,
       voucher.match('ann', 'ecs', 'renewal', 100, currency => 'CNY', at => t);
SELECT order_id, discount FROM unnest('{2026-02-28 15:59:59.999999+00,2026-02-28 16:00+00,2026-03-01 15:59+00,2026-03-01 16:00+00,2026-03-02 16:00+00,2026-03-03 16:00+00}'::timestamptz[]) WITH ORDINALITY AS u (t, n),
       voucher.settle('ann', 't' || n, 'ecs', 'renewal', 100, currency => 'CNY', at => t) ORDER BY order_id;
SELECT limit_id = :day AS day, period_start, used FROM voucher.limit_usage WHERE limit_id IN (:day, :month) ORDER BY 1, 2;
-- both are reached; what is named is refused, the rest goes without
SELECT voucher.settle('ann', 't7', 'ecs', 'renewal', 100, coupon => :'tenth', currency => 'CNY', at => '2026-03-05');
\echo :SQLSTATE
-- the month ends later than the day
SELECT reason, nearest FROM voucher.explain('ann', 'ecs', 'renewal', 100, currency => 'CNY', at => '2026-03-02 12:00+00');
SELECT reason, nearest FROM voucher.explain('ann', 'ecs', 'renewal', 100, currency => 'CNY', at => '2026-02-28 12:00+00');
-- a week begins on Monday: the 1st of March 2026 is a Sunday
SELECT voucher.create_limit('tenth', max_count => 9, per => 'account', period => 'week') AS week \gset
SELECT period_start, used FROM voucher.limit_usage WHERE limit_id = :week ORDER BY 1;
-- the day that the clocks go forward in New York, 14 March 2027, has 23 hours
SELECT voucher.create_limit('tenth', max_count => 0, per => 'account', period => 'day', time_zone => 'America/New_York') AS summer \gset
SELECT detail FROM voucher.match('ann', 'ecs', 'renewal', 100, currency => 'CNY', at => '2027-03-14 12:00+00');
UPDATE voucher.usage_limit SET max_count = NULL WHERE limit_id = :summer;

-- A budget pays its exact rest: 30 = 20 + 10 of 20 %, and then nothing
SELECT voucher.create_template('half', 'promo_code', 'CNY', discount_rate => 0.5, uses => 99, promo_code => 'HALF');
SELECT voucher.create_limit('half', max_amount => 30) AS budget \gset
SELECT discount, cash FROM voucher.settle('bob', 'b1', 'ecs', 'renewal', 40, promo_code => 'half', currency => 'CNY', at => '2026-03-03');
SELECT pays FROM voucher.match('ann', 'ecs', 'renewal', 40, promo_code => 'half', currency => 'CNY', at => '2026-04-03') WHERE template = 'half';
SELECT discount, cash FROM voucher.settle('bob', 'b2', 'ecs', 'renewal', 40, promo_code => 'half', currency => 'CNY', at => '2026-03-03');
SELECT voucher.settle('bob', 'b3', 'ecs', 'renewal', 40, promo_code => 'half', currency => 'CNY', at => '2026-03-03');
\echo :SQLSTATE
SELECT used, amount, max_amount, currency FROM voucher.limit_usage WHERE limit_id = :budget;

-- What a campaign's templates share: 5 of one and 2 of 10 % make 7 of 8; a limit
-- without a currency covers the dollar too
SELECT voucher.create_limit(campaign => 'spring', max_amount => 8);
\echo :SQLSTATE
SELECT voucher.create_limit(campaign => 'spring', max_amount => 8, currency => 'CNY', period => 'month') AS money,
       voucher.create_limit(campaign => 'spring', max_count => 4, period => 'month') AS number \gset
SELECT count(*) FROM voucher.claim('bob', 'spring', at => '2026-05-01');
SELECT discount FROM voucher.settle('bob', 's1', 'ecs', 'renewal', 20, currency => 'CNY', coupon => (SELECT instrument_id::text FROM voucher.vouchers WHERE account_id = 'bob' AND template = 'five'), at => '2026-05-01');
SELECT discount FROM voucher.settle('bob', 's2', 'ecs', 'renewal', 20, currency => 'CNY', at => '2026-05-02');
SELECT discount FROM voucher.settle('bob', 's3', 'ecs', 'renewal', 20, currency => 'USD', at => '2026-05-03');
SELECT limit_id = :money AS money, used, max_count, amount, max_amount, currency FROM voucher.limit_usage
WHERE limit_id IN (:money, :number) AND period_start = '2026-05-01' ORDER BY 1;
-- 1 is left: 20 x 10 % is 2
SELECT discount FROM voucher.settle('bob', 's4', 'ecs', 'renewal', 20, currency => 'CNY', at => '2026-05-04');
SELECT template, detail FROM voucher.match('bob', 'ecs', 'renewal', 20, currency => 'CNY', at => '2026-05-05') WHERE reason = 'limit_reached';
SELECT template, applies FROM voucher.match('bob', 'ecs', 'renewal', 20, currency => 'CNY', at => '2026-06-01');

-- One left for two: the order takes what leaves less cash, and both if named is refused
SELECT voucher.create_campaign('last'), voucher.open_account('cid', 'CNY'), voucher.deposit('cid', 100);
SELECT voucher.create_template('last coupon', 'coupon', 'CNY', face_value => 3, campaign => 'last'),
       voucher.create_template('last word', 'promo_code', 'CNY', face_value => 2, promo_code => 'LAST', campaign => 'last'),
       voucher.create_template('last voucher', 'voucher', 'CNY', face_value => 4, campaign => 'last');
SELECT count(*) FROM voucher.claim('cid', 'last');
SELECT voucher.create_limit(campaign => 'last', max_count => 1) AS last \gset
SELECT discount, voucher, cash FROM voucher.quote('cid', 'ecs', 'renewal', 10);
SELECT discount, voucher, cash FROM voucher.quote('cid', 'ecs', 'renewal', 10, coupon => 'none');
-- the promo code was typed, so it comes first
SELECT discount, voucher, cash FROM voucher.quote('cid', 'ecs', 'renewal', 10, promo_code => 'last');
SELECT instrument_id AS coupon FROM voucher.vouchers WHERE template = 'last coupon' \gset
SELECT instrument_id AS voucher FROM voucher.vouchers WHERE template = 'last voucher' \gset
SELECT discount, voucher, cash FROM voucher.quote('cid', 'ecs', 'renewal', 10, voucher => :'voucher');
SELECT voucher.quote('cid', 'ecs', 'renewal', 10, coupon => :'coupon', promo_code => 'last');
\echo :SQLSTATE
SELECT voucher.quote('cid', 'ecs', 'renewal', 10, coupon => :'coupon', voucher => :'voucher');
\echo :SQLSTATE
SELECT discount, voucher, cash FROM voucher.settle('cid', 'l1', 'ecs', 'renewal', 10);
SELECT template, reason FROM voucher.match('cid', 'ecs', 'renewal', 10, promo_code => 'last');

-- Issues: grants, claims, activated codes and a promo code's first use
SELECT voucher.create_limit('gift', max_count => 2, counts => 'issue') AS issues,
       voucher.create_limit('gift', max_amount => 150, counts => 'issue') AS value \gset
SELECT code FROM voucher.mint('gift', 2) AS code LIMIT 1 \gset
SELECT voucher.grant('ann', 'gift', 50) > 0 AS granted;
-- 120 would make 170: all or nothing
SELECT voucher.grant('bob', 'gift', 120);
\echo :SQLSTATE
SELECT voucher.activate('bob', :'code') > 0 AS activated;
SELECT voucher.grant('bob', 'gift', 10);
\echo :SQLSTATE
SELECT limit_id = :issues AS issues, used, max_count, amount, max_amount FROM voucher.limit_usage WHERE limit_id IN (:issues, :value) ORDER BY 1;
-- a minted code counts when it is activated
SELECT code FROM voucher.mint('gift', 1) AS code \gset
SELECT voucher.activate('ann', :'code');
\echo :SQLSTATE
-- the bundle or nothing
SELECT voucher.create_limit('five', max_count => 1, counts => 'issue') AS claims \gset
SELECT template FROM voucher.claim('ann', 'spring', at => '2026-05-01');
\echo :SQLSTATE
SELECT count(*) FROM voucher.instrument WHERE account_id = 'ann' AND issued_at = '2026-05-01';
-- a code that nobody but bob may begin to use
SELECT voucher.create_limit('half', max_count => 1, counts => 'issue') AS firsts \gset
UPDATE voucher.usage_limit SET max_amount = 60 WHERE limit_id = :budget;
SELECT discount FROM voucher.settle('bob', 'b4', 'ecs', 'renewal', 40, promo_code => 'half', currency => 'CNY', at => '2026-03-03');
SELECT voucher.settle('ann', 'b4', 'ecs', 'renewal', 40, promo_code => 'half', currency => 'CNY', at => '2026-03-03');
\echo :SQLSTATE

-- The same request creates one limit; what is compared is what it is now, but for a
-- currency that is left out
SELECT voucher.create_limit('gift', max_count => 7, request_id => 'cap', reason => 'budget', actor => 'ann') AS cap \gset
SELECT voucher.create_limit('gift', max_count => 7, request_id => 'cap', currency => 'CNY', actor => 'ben') = :cap AS same;
SELECT reason, actor, recorded_by = session_user AS by_session FROM voucher.usage_limit WHERE limit_id = :cap;
SELECT voucher.create_limit('gift', max_count => 8, request_id => 'cap');
\echo :SQLSTATE
SELECT voucher.create_limit('five', max_count => 7, request_id => 'cap');
SELECT voucher.create_limit(campaign => 'spring', max_count => 7, request_id => 'cap');
SELECT voucher.create_limit('gift', max_count => 7, request_id => 'cap', per => 'account');
UPDATE voucher.usage_limit SET max_count = 8 WHERE limit_id = :cap;
SELECT voucher.create_limit('gift', max_count => 7, request_id => 'cap');
SELECT voucher.create_limit('gift', max_count => 8, request_id => 'cap') = :cap AS same;
SELECT voucher.create_campaign('summer');
SELECT voucher.create_template('sum', 'coupon', 'CNY', face_value => 5, campaign => 'summer');
SELECT voucher.create_limit(campaign => 'summer', max_amount => 50, request_id => 'summer') AS summer \gset
SELECT voucher.create_template('sum in dollars', 'coupon', 'USD', face_value => 5, campaign => 'summer');
SELECT voucher.create_limit(campaign => 'summer', max_amount => 50, request_id => 'summer') = :summer AS same;
SELECT voucher.create_limit(campaign => 'summer', max_amount => 50, currency => 'USD', request_id => 'summer');
-- refused, and the key is free
SELECT voucher.create_limit('gift', max_amount => 0.001, request_id => 'free');
SELECT voucher.create_limit('gift', max_amount => 1, request_id => 'free') > 0 AS created;
UPDATE voucher.usage_limit SET request_id = 'other' WHERE limit_id = :cap;

-- What a limit cannot be
\set VERBOSITY terse
SELECT voucher.create_limit(max_count => 1);
\echo :SQLSTATE
SELECT voucher.create_limit('gift', 'spring', max_count => 1);
\echo :SQLSTATE
SELECT voucher.create_limit('none', max_count => 1);
\echo :SQLSTATE
SELECT voucher.create_limit(campaign => 'none', max_count => 1);
\echo :SQLSTATE
SELECT voucher.create_limit('gift', max_count => -1);
\echo :SQLSTATE
SELECT voucher.create_limit('gift', max_amount => 0.001);
\echo :SQLSTATE
SELECT voucher.create_limit('gift', max_amount => 1, currency => 'USD');
\echo :SQLSTATE
SELECT voucher.create_limit('gift', max_count => 1, period => 'year');
\echo :SQLSTATE
SELECT voucher.create_limit('gift', max_count => 1, per => 'order');
\echo :SQLSTATE
SELECT voucher.create_limit('gift', max_count => 1, counts => 'views');
\echo :SQLSTATE
SELECT voucher.create_limit('gift', max_count => 1, period => 'day', time_zone => 'Mars/Olympus');
\echo :SQLSTATE
SELECT voucher.create_limit(campaign => 'spring', max_count => 1, currency => 'XXX');
\echo :SQLSTATE
\set VERBOSITY default
SELECT * FROM voucher.check();
