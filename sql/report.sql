--
-- report: liability, breakage, redemption by campaign, expiring soon
--
\set SHOW_CONTEXT never
\pset null '(null)'
SET timezone = 'Asia/Shanghai';
SET datestyle = 'ISO, YMD';
SET client_min_messages = warning;
DROP EXTENSION voucher CASCADE;
CREATE EXTENSION voucher;
RESET client_min_messages;

-- Worked out by hand.  "march" expires at the end of March in Shanghai, "utc"
-- at the end of April in UTC, which is in May in Shanghai.
SELECT voucher.register_product('ecs');
SELECT voucher.open_account(a, 'CNY', at => '2026-03-01'), voucher.deposit(a, 1000, at => '2026-03-01') FROM unnest('{ann,ben}'::text[]) AS a;
SELECT voucher.create_campaign('spring');
SELECT voucher.create_template('march', 'voucher', 'CNY', face_value => 100, campaign => 'spring', valid => '[2026-01-01,2026-04-01)'),
       voucher.create_template('april', 'voucher', 'CNY', face_value => 50, campaign => 'spring', valid => '[2026-01-01,2026-05-01)'),
       voucher.create_template('utc', 'voucher', 'CNY', face_value => 30, valid => '[2026-01-01,2026-05-01 00:00+00)'),
       voucher.create_template('forever', 'voucher', 'CNY', face_value => 20),
       voucher.create_template('quarter', 'coupon', 'CNY', discount_rate => 0.25, campaign => 'spring'),
       voucher.create_template('word', 'promo_code', 'CNY', face_value => 5, campaign => 'spring', promo_code => 'SPRING');
SELECT a, t, voucher.grant(a, t, at => '2026-03-01')
FROM (VALUES (1, 'ann', 'march'), (2, 'ann', 'april'), (3, 'ann', 'forever'), (4, 'ann', 'quarter'),
             (5, 'ben', 'march'), (6, 'ben', 'utc'), (7, 'ben', 'april')) AS v (n, a, t) ORDER BY n;
-- 200 = promo code 5 + voucher 1: 100 + cash 95
SELECT discount, voucher, cash FROM voucher.settle('ann', 'o1', 'ecs', 'purchase', 200, voucher => '1', coupon => 'none', promo_code => 'SPRING', at => '2026-03-10');
-- 80 = coupon 20 + voucher 2: 50 + cash 10
SELECT discount, voucher, cash FROM voucher.settle('ann', 'o2', 'ecs', 'renewal', 80, voucher => '2', coupon => '4', at => '2026-03-20');
-- 40 = voucher 5: 40, which leaves 60
SELECT discount, voucher, cash FROM voucher.settle('ben', 'o3', 'ecs', 'renewal', 40, voucher => '5', at => '2026-03-20');
-- half of 195, of which 95 was cash: 47.50
SELECT requested, - amount::numeric AS cash FROM voucher.refund('ann', 'o1', 97.5, at => '2026-03-25');

-- Issued 100 + 50 + 20 + 100 + 30 + 50 = 350; after the first order 100 of it is used
SELECT * FROM voucher.stored_value(at => '2026-02-28');
SELECT * FROM voucher.stored_value(at => '2026-03-15');
-- then 190; at the end of March voucher 5 lapses with 60
SELECT * FROM voucher.stored_value(at => '2026-03-31 23:59:59.999999');
SELECT * FROM voucher.stored_value(at => '2026-04-01');

-- What is owed: in March 100, in April 2 x 50, in May 30 and for ever 20
SELECT * FROM voucher.liability('2026-03-15', 'Asia/Shanghai');
-- in UTC "utc" expires in April, too
SELECT * FROM voucher.liability('2026-03-15', 'UTC');
SELECT * FROM voucher.liability('2026-04-01', 'Asia/Shanghai');
SELECT * FROM voucher.liability('2026-04-01', 'Mars/Olympus');
\echo :SQLSTATE

-- What lapsed: of 200 in "march" 140 were used; in May "april" lapses with 50 of 100, "utc" with all
SELECT * FROM voucher.breakage('2026-03-31 23:59:59.999999', 'Asia/Shanghai');
SELECT * FROM voucher.breakage('2026-04-01', 'Asia/Shanghai');
SELECT * FROM voucher.breakage('2026-06-01', 'Asia/Shanghai');

-- Of "spring": 6 instruments, the promo code's among them, 5 of them used; 190 paid and 25 taken off
-- three orders of 320
\x on
SELECT * FROM voucher.redemption('2026-04-01');
SELECT * FROM voucher.redemption('2026-03-15') WHERE campaign = 'spring';
\x off
-- Two codes are issued and not claimed
SELECT count(*) FROM voucher.mint('april', 2);
SELECT campaign, issued, claimed, used FROM voucher.redemption('2100-01-01');

-- Expiring soon: voucher 1 is used up, 5 expires seven days after the 25th
SELECT * FROM voucher.expiring('6 days 23:59:59.999999', at => '2026-03-25');
SELECT * FROM voucher.expiring('7 days', at => '2026-03-25');
SELECT account_id, instrument_id, balance, expires_at FROM voucher.expiring('60 days', at => '2026-03-25');
-- Each is handed out once, the first to expire first
SELECT instrument_id, balance FROM voucher.take_expiring('60 days', count => 1, at => '2026-03-25');
SELECT instrument_id, balance FROM voucher.take_expiring('60 days', at => '2026-03-26');
SELECT instrument_id, balance FROM voucher.take_expiring('60 days', at => '2026-03-27');
SELECT instrument_id, balance, reminded_at FROM voucher.expiring('60 days', at => '2026-03-27');
-- ... or again to the same request, as it was
SELECT voucher.create_template('next day', 'voucher', 'CNY', face_value => 3, valid => '[2026-01-01, 2026-03-28)') > 0 AS created;
SELECT voucher.grant('ben', 'next day', at => '2026-03-26') AS "next" \gset
SELECT instrument_id = :next AS next, template, balance, expires_at FROM voucher.take_expiring('60 days', request_id => 'job 1', at => '2026-03-27', actor => 'job');
SELECT voucher.revoke('ben', :next, at => '2026-03-27');
SELECT instrument_id = :next AS next, template, balance, expires_at FROM voucher.take_expiring('60 days', request_id => 'job 1', at => '2026-03-28');
SELECT voucher.take_expiring('60 days', request_id => 'job 2', at => '2026-03-27');
SELECT voucher.grant('ben', 'next day', at => '2026-03-26') > 0 AS granted;
SELECT voucher.take_expiring('60 days', request_id => 'job 2', at => '2026-03-27');
SELECT voucher.take_expiring('30 days', request_id => 'job 2', at => '2026-03-27');
\echo :SQLSTATE
SELECT voucher.take_expiring('60 days', 5, 'job 2', at => '2026-03-27');
SELECT voucher.take_expiring('60 days', request_id => '');
SELECT voucher.take_expiring(NULL, request_id => 'job 3');
-- nothing to hand out is no request
SELECT voucher.take_expiring('60 days', 0, 'job 3');
SELECT voucher.take_expiring('60 days', -1);
SELECT voucher.take_expiring('0 days', request_id => 'job 3');
SELECT voucher.take_expiring('-1 day');
\echo :SQLSTATE
SELECT request_id, within, count, at, actor FROM voucher.reminding ORDER BY request_id;
-- What is frozen cannot be used, and nobody is reminded of it
SELECT voucher.freeze('ben', 7, at => '2026-03-27');
SELECT instrument_id FROM voucher.expiring('60 days', at => '2026-03-27');
SELECT account_id, instrument_id, expiry, reminded_at FROM voucher.reminder ORDER BY expiry;

-- A cancelled order gives its 40 back to the voucher, and revokes the gift that was
-- granted with it: of 30, 5 are used and 25 taken back
SELECT voucher.create_campaign('back');
SELECT voucher.open_account('ann', 'USD', at => '2026-04-01');
SELECT voucher.create_template('comes back', 'voucher', 'USD', face_value => 100, campaign => 'back', refund_policy => 'return_if_undelivered'),
       voucher.create_template('gift', 'voucher', 'USD', face_value => 30);
SELECT voucher.grant('ann', 'comes back', at => '2026-04-10') AS back \gset
SELECT voucher, cash FROM voucher.settle('ann', 'u1', 'ecs', 'renewal', 40, currency => 'USD', voucher => :'back', at => '2026-04-10');
SELECT voucher.grant('ann', 'gift', order_id => 'u1', at => '2026-04-10') AS gift \gset
SELECT voucher, cash FROM voucher.settle('ann', 'u2', 'ecs', 'renewal', 5, currency => 'USD', voucher => :'gift', at => '2026-04-11');
SELECT requested FROM voucher.cancel('ann', 'u1', at => '2026-04-12');
SELECT * FROM voucher.stored_value('2026-04-11') WHERE currency = 'USD';
SELECT * FROM voucher.stored_value('2026-04-12') WHERE currency = 'USD';
SELECT claimed, used, value_issued, value_paid, orders, gross, refunded, refunded_cash FROM voucher.redemption('2026-04-11') WHERE campaign = 'back';
SELECT claimed, used, value_issued, value_paid, orders, gross, refunded, refunded_cash FROM voucher.redemption('2026-04-12') WHERE campaign = 'back';

-- What lapsed in April lapsed in April, though it was extended in May, and again in June: of 40,
-- 10 are used, and 30 expired until May 15, of June until June 15, then of July
SELECT voucher.open_account('ann', 'EUR', at => '2026-04-01');
SELECT voucher.create_template('prolonged', 'voucher', 'EUR', face_value => 40, valid => '[2026-04-01, 2026-05-01)');
SELECT voucher.grant('ann', 'prolonged', at => '2026-04-01') AS prolonged \gset
SELECT voucher, cash FROM voucher.settle('ann', 'e1', 'ecs', 'renewal', 10, currency => 'EUR', at => '2026-04-10');
SELECT voucher.extend('ann', :prolonged, '2026-07-01', at => '2026-05-15') IS NOT NULL AS once,
       voucher.extend('ann', :prolonged, '2026-08-01', at => '2026-06-15') IS NOT NULL AS twice;
SELECT at::date, v.used, v.expired, v.outstanding, l.month AS due, b.month AS lapsed, voucher.status_at('ann', :prolonged, at)
FROM unnest('{2026-04-30,2026-05-10,2026-05-15,2026-06-15,2026-08-01}'::timestamptz[]) AS at
CROSS JOIN LATERAL voucher.stored_value(at) AS v
LEFT JOIN LATERAL voucher.liability(at) AS l ON l.currency = v.currency
LEFT JOIN LATERAL voucher.breakage(at) AS b ON b.currency = v.currency
WHERE v.currency = 'EUR' ORDER BY at;

-- A reminder stays as it is
UPDATE voucher.reminder SET expiry = '2026-01-01';
\echo :SQLSTATE
DELETE FROM voucher.reminder;
\echo :SQLSTATE
TRUNCATE voucher.reminder;
\echo :SQLSTATE
SELECT * FROM voucher.check();
