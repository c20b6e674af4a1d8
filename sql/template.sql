--
-- template: what can be issued
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
SELECT voucher.register_product('oss');
SELECT voucher.create_campaign('lucky');

-- Defaults: a voucher serves orders until its balance is used up, a coupon or
-- promo code serves one
SELECT voucher.create_template('cash 200', 'voucher', 'CNY', face_value => 200);
SELECT voucher.create_template('25 off', 'coupon', 'CNY', face_value => 25);
SELECT voucher.create_template('SPRING', 'promo_code', 'CNY', discount_rate => 0.1, promo_code => 'spring-10 off');
SELECT template_id, name, kind, face_value, discount_rate, uses, per_account, promo_code
FROM voucher.template ORDER BY template_id;
SELECT DISTINCT campaign, maximum, threshold, scope, payment_type, first_purchase, min_duration, max_duration
FROM voucher.template;
SELECT DISTINCT audience, valid, valid_for, valid_from, time_zone, refund_policy FROM voucher.template;

-- Everything said
SELECT voucher.create_template('lucky ecs', 'coupon', 'CNY',
    discount_rate  => 0.25,
    maximum        => 150,
    threshold      => 100,
    scope          => 'ecs:purchase|upgrade',
    payment_type   => 'subscription',
    first_purchase => true,
    min_duration   => '1 month',
    max_duration   => '3 years',
    uses           => 2,
    per_account    => 1,
    campaign       => 'lucky',
    audience       => 'invited',
    valid          => '[2026-01-01, 2026-07-01)',
    valid_for      => '30 days',
    valid_from     => 'issue',
    time_zone      => 'Asia/Shanghai',
    refund_policy  => 'forfeit');
\x on
SELECT name, kind, campaign, currency, face_value, discount_rate, maximum, threshold, scope, payment_type,
       first_purchase, min_duration, max_duration, uses, per_account, audience, valid, valid_for, valid_from,
       time_zone, refund_policy, promo_code
FROM voucher.template WHERE name = 'lucky ecs';
\x off

-- A written template never changes
UPDATE voucher.template SET face_value = 300 WHERE name = 'cash 200';
\echo :SQLSTATE
UPDATE voucher.template SET name = 'cash two hundred' WHERE name = 'cash 200';
SELECT name, face_value FROM voucher.template WHERE template_id = 1;

-- Its name is its key: the same again gives the same id and changes nothing, whoever
-- asks; another body is refused.  What is left out is its default.
SELECT voucher.create_template('cash 200', 'voucher', 'CNY', face_value => 200, uses => NULL, scope => '*', reason => 'again', actor => 'ben');
SELECT voucher.create_template('25 off', 'coupon', 'CNY', face_value => 25.00, uses => 1);
SELECT voucher.create_template('SPRING', 'promo_code', 'CNY', discount_rate => 0.100000000001, promo_code => 'Spring 10 OFF');
SELECT voucher.create_template('lucky ecs', 'coupon', 'CNY', discount_rate => 0.25, maximum => 150, threshold => 100, scope => 'ecs:upgrade|purchase',
    payment_type => 'subscription', first_purchase => true, min_duration => '1 month', max_duration => '3 years', uses => 2, per_account => 1,
    campaign => 'lucky', audience => 'invited', valid => '[2026-01-01 08:00+08, 2026-07-01)', valid_for => '30 days', valid_from => 'issue',
    time_zone => 'Asia/Shanghai');
SELECT voucher.create_template('cash 200', 'voucher', 'CNY', face_value => 201);
\echo :SQLSTATE
SELECT voucher.create_template('cash 200', 'coupon', 'CNY', face_value => 200);
SELECT voucher.create_template('cash 200', 'voucher', 'CNY', face_value => 200, shareable => true);
SELECT voucher.create_template('cash 200', 'voucher', 'CNY', face_value => 200, tags => '{"team": "a"}');
SELECT voucher.create_template('lucky ecs', 'coupon', 'CNY', discount_rate => 0.25, maximum => 150, threshold => 100, scope => 'ecs:upgrade|purchase',
    payment_type => 'subscription', first_purchase => true, min_duration => '30 days', max_duration => '3 years', uses => 2, per_account => 1,
    campaign => 'lucky', audience => 'invited', valid => '[2026-01-01, 2026-07-01)', valid_for => '30 days', valid_from => 'issue',
    time_zone => 'Asia/Shanghai');
-- The word of another one stays taken
SELECT voucher.create_template('another', 'promo_code', 'CNY', discount_rate => 0.1, promo_code => 'SPRING10OFF');
\echo :SQLSTATE
SELECT name, reason, actor FROM voucher.template WHERE actor IS NOT NULL;

-- What does not go together is refused; the constraint's name says what
\set VERBOSITY terse
SELECT voucher.create_template('', 'voucher', 'CNY', face_value => 200);
SELECT voucher.create_template('t', 'gift', 'CNY', face_value => 200);
SELECT voucher.create_template('t', 'coupon', 'CNY');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, discount_rate => 0.5);
SELECT voucher.create_template('t', 'voucher', 'CNY', discount_rate => 0.5);
SELECT voucher.create_template('t', 'coupon', 'CNY', discount_rate => 0);
SELECT voucher.create_template('t', 'coupon', 'CNY', discount_rate => 1.00000001);
SELECT voucher.create_template('t', 'coupon', 'CNY', discount_rate => 25);
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, threshold => -1);
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, payment_type => 'prepaid');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, min_duration => '2 years', max_duration => '1 year');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, max_duration => '-1 day');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, regions => '{}');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, regions => '{cn-hangzhou,NULL}');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, tags => '["test"]');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, tags => '{}');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, uses => 0);
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, per_account => 0);
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, audience => 'friends');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, audience => 'invited');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, valid => '[2026-01-01, 2026-02-01]');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, valid => 'empty');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, valid_for => '0 days');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, valid_for => '1000 years 1 day');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, valid => '(,10000-01-02)');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, valid => '[0001-12-30 BC,)');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, valid_from => 'purchase');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, refund_policy => 'return');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, promo_code => 'T');
SELECT voucher.create_template('t', 'promo_code', 'CNY', face_value => 5);
SELECT voucher.create_template('t', 'promo_code', 'CNY', face_value => 5, promo_code => ' - ');
SELECT voucher.create_template('t', 'promo_code', 'CNY', face_value => 5, promo_code => 'Spring 10-OFF');
SELECT voucher.create_template('t', 'promo_code', 'CNY', face_value => 5, promo_code => 'T', valid_for => '3 days');
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, campaign => 'unlucky');
\echo :SQLSTATE
\set VERBOSITY default

-- One per account of a campaign's coupon, unless said otherwise; of the
-- campaign's vouchers and promo codes, and of other coupons, any number
SELECT voucher.create_template('once', 'coupon', 'CNY', face_value => 5, campaign => 'lucky');
SELECT voucher.create_template('thrice', 'coupon', 'CNY', face_value => 5, campaign => 'lucky', per_account => 3);
SELECT voucher.create_template('money', 'voucher', 'CNY', face_value => 5, campaign => 'lucky');
SELECT voucher.create_template('word', 'promo_code', 'CNY', face_value => 5, campaign => 'lucky', promo_code => 'W');
SELECT voucher.create_template('loose', 'coupon', 'CNY', face_value => 5);
SELECT name, per_account FROM voucher.template WHERE name IN ('once', 'thrice', 'money', 'word', 'loose') ORDER BY name;

-- What is not in the catalogue, in the scope too
SELECT voucher.create_template('t', 'coupon', 'ABC', face_value => 5);
\echo :SQLSTATE
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, scope => 'ecs, rds');
\echo :SQLSTATE
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, scope => '*, !rds');
\echo :SQLSTATE
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, scope => 'ecs:purchase|resize');
\echo :SQLSTATE
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, time_zone => 'Mars/Olympus');
\echo :SQLSTATE

-- Money in whole minor units: JPY has no decimals, CNY two
SELECT voucher.create_template('t', 'voucher', 'JPY', face_value => 0.5);
\echo :SQLSTATE
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, maximum => 0.001);
\echo :SQLSTATE
SELECT voucher.create_template('t', 'voucher', 'CNY', face_value => 0);
\echo :SQLSTATE
SELECT count(*) FROM voucher.template;
