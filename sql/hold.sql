--
-- hold: reserve, capture and release
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

SELECT voucher.register_product('ecs'), voucher.register_product('oss');
SELECT voucher.open_account('alice', 'CNY'), voucher.deposit('alice', 1000);
SELECT voucher.create_template('january 200', 'voucher', 'CNY', face_value => 200, valid => '[2026-01-01, 2026-02-01)',
                               refund_policy => 'prorata', transferable => true),
       voucher.create_template('a tenth from 400', 'coupon', 'CNY', discount_rate => 0.1, threshold => 400),
       voucher.create_template('spring', 'promo_code', 'CNY', face_value => 10, uses => 2, promo_code => 'SPRING');
SELECT voucher.grant('alice', 'january 200', at => '2026-01-02') AS v, voucher.grant('alice', 'a tenth from 400', at => '2026-01-02') AS c \gset

-- 500 - 50 (a tenth) - 10 (spring) = 440 = voucher 200 + cash 240, held for a quarter of an hour
SELECT version, at, expires_at, resolution, gross, discount, voucher, cash, actor
FROM voucher.reserve('alice', 'o1', 'ecs', 'purchase', 500, promo_code => 'spring', at => '2026-01-31 23:50', actor => 'shop');
-- Nothing has moved
SELECT instrument_id, balance, used, held FROM voucher.list('alice', at => '2026-01-31 23:50');
SELECT balance, holds FROM voucher.account;
-- Everyone else counts it: another order gets nothing
SELECT kind, applies, pays, reason, detail FROM voucher.match('alice', 'ecs', 'renewal', 500, promo_code => 'spring', at => '2026-01-31 23:51');
SELECT kind, reason, nearest FROM voucher.explain('alice', 'ecs', 'renewal', 500, at => '2026-01-31 23:51');
SELECT discount, voucher, cash FROM voucher.quote('alice', 'ecs', 'renewal', 500, at => '2026-01-31 23:51');
SELECT voucher.quote('alice', 'ecs', 'renewal', 500, voucher => :'v', at => '2026-01-31 23:51');
\echo :SQLSTATE
-- The same call again is the same hold, and does not prolong it
SELECT version, expires_at FROM voucher.reserve('alice', 'o1', 'ecs', 'purchase', 500, promo_code => 'SPRING', at => '2026-01-31 23:55');
-- The voucher has expired in between; what was promised is honoured
SELECT order_id, at, discount, voucher, cash, hold FROM voucher.capture('alice', 'o1', at => '2026-02-01 00:04');
SELECT kind, instrument_id = :v AS v, amount, uses, at FROM voucher.entry WHERE order_id = 'o1' ORDER BY instrument_id;
SELECT kind, amount, at FROM voucher.cash_entry WHERE order_id = 'o1';
-- ... once
SELECT order_id, at, discount, voucher, cash, hold FROM voucher.capture('alice', 'o1', at => '2026-02-01 00:06');
SELECT balance, holds FROM voucher.account;
SELECT resolution, resolved_at FROM voucher.hold;
SELECT voucher.release('alice', 'o1');
\echo :SQLSTATE
SELECT voucher.reserve('alice', 'o1', 'ecs', 'purchase', 500);
\echo :SQLSTATE
-- The decision is the one of the reservation
SELECT kind, applies, pays, paid FROM voucher.explain_at('alice', 'o1');
-- It is refunded and cancelled as any order
SELECT amount, requested, returned FROM voucher.cancel('alice', 'o1', at => '2026-02-01 00:10');

-- At its time-out it is free, with no job having run
SELECT voucher.grant('alice', 'january 200', at => '2026-01-02') AS v2 \gset
SELECT voucher.revoke('alice', :v, at => '2026-01-03');
SELECT voucher, cash FROM voucher.reserve('alice', 'o2', 'oss', 'renewal', 150, at => '2026-01-05 10:00', hold_for => '1 hour');
SELECT voucher, cash FROM voucher.quote('alice', 'oss', 'renewal', 150, at => '2026-01-05 10:59:59.999999');
SELECT voucher, cash FROM voucher.quote('alice', 'oss', 'renewal', 150, at => '2026-01-05 11:00');
SELECT voucher.capture('alice', 'o2', at => '2026-01-05 11:00');
\echo :SQLSTATE
SELECT voucher, cash FROM voucher.settle('alice', 'o3', 'oss', 'renewal', 150, at => '2026-01-05 11:00');
-- What is found past its time-out is resolved by the next reservation
SELECT voucher, cash FROM voucher.reserve('alice', 'o4', 'oss', 'renewal', 30, at => '2026-01-05 11:30');
SELECT order_id, resolution, resolved_at FROM voucher.hold ORDER BY recorded_at, order_id;

-- An order's retry takes over its own hold: 40 are left of the voucher, not 50 - 30
SELECT version, voucher, cash FROM voucher.reserve('alice', 'o4', 'oss', 'renewal', 40, at => '2026-01-05 11:31');
SELECT order_id, version, resolution, resolved_at FROM voucher.hold WHERE order_id = 'o4' ORDER BY version;
-- ... also to settle at once
SELECT voucher, cash, hold FROM voucher.settle('alice', 'o4', 'oss', 'renewal', 45, at => '2026-01-05 11:32');
SELECT order_id, version, resolution FROM voucher.hold WHERE order_id = 'o4' ORDER BY version;
SELECT voucher.capture('alice', 'o4', at => '2026-01-05 11:33');
\echo :SQLSTATE

-- Released: free at once; again: nothing more happens
SELECT voucher, cash FROM voucher.reserve('alice', 'o5', 'oss', 'renewal', 5, at => '2026-01-05 12:00');
SELECT resolution, resolved_at, resolved_by, reason FROM voucher.release('alice', 'o5', 'payment failed', 'psp', '2026-01-05 12:01');
SELECT resolution, resolved_at, resolved_by, reason FROM voucher.release('alice', 'o5', 'once more', 'psp', '2026-01-05 12:02');
SELECT voucher, cash FROM voucher.quote('alice', 'oss', 'renewal', 5, at => '2026-01-05 12:01');
SELECT voucher.capture('alice', 'o5', at => '2026-01-05 12:02');
\echo :SQLSTATE
SELECT voucher.capture('alice', 'o6');
\echo :SQLSTATE
SELECT voucher.release('bob', 'o6');
\echo :SQLSTATE

-- A part is captured; the rest is released.  Reserved are 300 + 200, less a
-- tenth, 50, and voucher 200: cash 250.  Captured are 300 + 120 = 420: a tenth
-- is 42, the voucher pays 200, cash 178.
SELECT voucher.open_account('carl', 'CNY'), voucher.deposit('carl', 1000);
SELECT voucher.grant('carl', 'january 200', at => '2026-01-02') AS v, voucher.grant('carl', 'a tenth from 400', at => '2026-01-02') AS c \gset
SELECT discount, voucher, cash FROM voucher.reserve('carl', 'c1', at => '2026-01-31 23:59',
    lines => ARRAY[voucher.line('ecs', 'renewal', 300), voucher.line('oss', 'renewal', 200)]);
SELECT voucher.capture('carl', 'c1', ARRAY[voucher.line('ecs', 'renewal', 300.01)], at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.capture('carl', 'c1', ARRAY[voucher.line('rds', 'renewal', 1)], at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.capture('carl', 'c1', ARRAY[voucher.line('ecs', 'renewal', 1, line_no => 3)], at => '2026-02-01');
\echo :SQLSTATE
SELECT gross, discount, voucher, cash FROM voucher.capture('carl', 'c1', at => '2026-02-01',
    lines => ARRAY[voucher.line('ecs', 'renewal', 300), voucher.line('oss', 'renewal', 120)]);
SELECT gross, cash FROM voucher.capture('carl', 'c1', at => '2026-02-01',
    lines => ARRAY[voucher.line('ecs', 'renewal', 300), voucher.line('oss', 'renewal', 120)]);
SELECT voucher.capture('carl', 'c1', ARRAY[voucher.line('ecs', 'renewal', 300), voucher.line('oss', 'renewal', 121)]);
\echo :SQLSTATE
SELECT voucher.capture('carl', 'c1', ARRAY[voucher.line('ecs', 'renewal', 300), voucher.line('ecs', 'renewal', 120)]);
SELECT voucher.capture('carl', 'c1', ARRAY[voucher.line('ecs', 'renewal', 300), voucher.line('oss', 'purchase', 120)]);
-- ... and where it no longer qualifies for the coupon, goes without:
-- 300 - spring 10 = 290 = voucher 200 + cash 90
SELECT voucher.open_account('dora', 'CNY'), voucher.deposit('dora', 1000);
SELECT voucher.grant('dora', 'january 200', at => '2026-01-02') AS v, voucher.grant('dora', 'a tenth from 400', at => '2026-01-02') AS c \gset
SELECT discount, voucher, cash FROM voucher.reserve('dora', 'd1', at => '2026-01-10', promo_code => 'spring',
    lines => ARRAY[voucher.line('ecs', 'renewal', 300), voucher.line('oss', 'renewal', 200)]);
SELECT gross, discount, voucher, cash FROM voucher.capture('dora', 'd1', ARRAY[voucher.line('ecs', 'renewal', 300)], at => '2026-01-10 00:14');
SELECT template, balance, used, held FROM voucher.list('dora', at => '2026-01-10') ORDER BY instrument_id;

-- Cash is not held: it must be there when the order is captured, and the hold stays until then
SELECT voucher.open_account('emma', 'CNY');
SELECT voucher.grant('emma', 'january 200', at => '2026-01-02') AS v \gset
SELECT voucher, cash FROM voucher.reserve('emma', 'e1', 'ecs', 'renewal', 300, at => '2026-01-10', hold_for => '1 day');
SELECT voucher.capture('emma', 'e1', at => '2026-01-10 01:00');
\echo :SQLSTATE
SELECT voucher.deposit('emma', 100);
-- What is held cannot be passed on or taken back; what is frozen or revoked cannot be captured
SELECT voucher.transfer('emma', :v, 'alice', at => '2026-01-10 01:00');
\echo :SQLSTATE
SELECT voucher.split('emma', :v, '{1}', at => '2026-01-10 01:00');
\echo :SQLSTATE
SELECT voucher.reclaim('emma', :v, at => '2026-01-10 01:00');
\echo :SQLSTATE
SELECT voucher.freeze('emma', :v, at => '2026-01-10 01:00');
SELECT voucher.capture('emma', 'e1', at => '2026-01-10 01:00');
\echo :SQLSTATE
SELECT voucher.unfreeze('emma', :v, at => '2026-01-10 01:00');
SELECT voucher, cash FROM voucher.capture('emma', 'e1', at => '2026-01-10 01:00');
SELECT voucher.grant('emma', 'january 200', at => '2026-01-02') AS v \gset
SELECT voucher, cash FROM voucher.reserve('emma', 'e2', 'ecs', 'renewal', 200, at => '2026-01-11');
SELECT voucher.revoke('emma', :v, reason => 'fraud', at => '2026-01-11');
SELECT voucher.capture('emma', 'e2', at => '2026-01-11');
\echo :SQLSTATE
SELECT resolution FROM voucher.release('emma', 'e2', at => '2026-01-11');

-- Limits are held, too: of two uses one is held, one is left, and none; each until its time-out
SELECT voucher.create_template('two', 'coupon', 'CNY', face_value => 1, uses => 10);
SELECT voucher.grant('alice', 'two') AS a, voucher.grant('carl', 'two') AS c, voucher.grant('dora', 'two') AS d, voucher.grant('emma', 'two') AS e \gset
SELECT discount FROM voucher.reserve('alice', 't1', 'ecs', 'renewal', 5, coupon => :'a', voucher => 'none', at => '2026-03-01 10:00');
-- A limit that comes later counts what is held
SELECT voucher.create_limit('two', max_count => 2, max_amount => 10) AS two, voucher.create_limit('two', max_count => 1, per => 'account', period => 'day') AS daily \gset
SELECT limit_id = :two AS two, account_id, order_id, uses, amount, per_account FROM voucher.held_usage ORDER BY limit_id;
SELECT discount FROM voucher.reserve('carl', 't2', 'ecs', 'renewal', 5, coupon => :'c', at => '2026-03-01 10:05', hold_for => '1 hour');
SELECT used, held FROM voucher.total_usage;
SELECT discount FROM voucher.settle('dora', 't3', 'ecs', 'renewal', 5, coupon => :'d', at => '2026-03-01 10:10');
\echo :SQLSTATE
SELECT reason, detail FROM voucher.match('dora', 'ecs', 'renewal', 5, at => '2026-03-01 10:10') WHERE instrument_id = :d;
-- t1 has timed out: one is free; t2 is captured; and that was the last
SELECT discount FROM voucher.settle('dora', 't3', 'ecs', 'renewal', 5, coupon => :'d', at => '2026-03-01 10:15');
SELECT discount FROM voucher.capture('carl', 't2', at => '2026-03-01 10:20');
SELECT voucher.settle('emma', 't4', 'ecs', 'renewal', 5, coupon => :'e', at => '2026-03-01 10:25');
\echo :SQLSTATE
SELECT used, amount, held FROM voucher.total_usage;
-- t1's hold is past its time-out but nobody has come by; it is found by the next reservation
SELECT order_id, uses FROM voucher.held_usage WHERE limit_id = :two;
SELECT discount, voucher FROM voucher.reserve('alice', 't5', 'ecs', 'renewal', 5, at => '2026-03-01 11:00');
SELECT count(*) FROM voucher.held_usage WHERE order_id = 't1';
SELECT used, amount, held FROM voucher.total_usage;

-- The first purchase of a product is held: the second order is not the first, and the captured one is
SELECT voucher.create_template('lucky', 'coupon', 'CNY', face_value => 40, first_purchase => true, scope => 'oss:purchase');
SELECT voucher.open_account('fay', 'CNY'), voucher.deposit('fay', 1000);
SELECT voucher.grant('fay', 'lucky'), voucher.grant('fay', 'lucky');
SELECT discount, first_purchase FROM voucher.reserve('fay', 'f1', 'oss', 'purchase', 100, at => '2026-04-01 10:00');
SELECT reason, detail FROM voucher.match('fay', 'oss', 'purchase', 100, at => '2026-04-01 10:01');
SELECT discount, first_purchase, purchased_before FROM voucher.settle('fay', 'f2', 'oss', 'purchase', 100, at => '2026-04-01 10:01');
SELECT discount, first_purchase, purchased_before FROM voucher.capture('fay', 'f1', at => '2026-04-01 10:02');
SELECT product, order_id FROM voucher.purchase WHERE account_id = 'fay';
SELECT applies, reason, paid FROM voucher.explain_at('fay', 'f2') ORDER BY instrument_id;
SELECT applies, reason, paid FROM voucher.explain_at('fay', 'f1') ORDER BY instrument_id;

-- A call for an earlier time, after a hold has timed out and what it held was used: it gets
-- nothing of that, and is not in the way of anything
SELECT voucher.open_account('gus', 'CNY'), voucher.deposit('gus', 1000);
SELECT voucher.create_template('hundred', 'voucher', 'CNY', face_value => 100);
SELECT voucher.grant('gus', 'hundred', at => '2026-04-01') AS g \gset
SELECT voucher FROM voucher.reserve('gus', 'g1', 'ecs', 'renewal', 50, at => '2026-04-02 10:00', hold_for => '1 minute');
SELECT voucher FROM voucher.settle('gus', 'g2', 'ecs', 'renewal', 80, at => '2026-04-02 10:02');
SELECT voucher, cash FROM voucher.reserve('gus', 'g3', 'ecs', 'renewal', 10, at => '2026-04-02 10:00:30');

-- Bad calls
SELECT voucher.reserve('alice', 'x', 'ecs', 'renewal', 5, hold_for => '0');
\echo :SQLSTATE
SELECT voucher.reserve('alice', 'x', 'ecs', 'renewal', 5, hold_for => NULL);
\echo :SQLSTATE
SELECT voucher.reserve('alice', 'x', 'ecs', 'renewal', 5, hold_for => '300000 years');
\echo :SQLSTATE
SELECT voucher.reserve('nobody', 'x', 'ecs', 'renewal', 5);
\echo :SQLSTATE
SELECT voucher.reserve('alice', NULL, 'ecs', 'renewal', 5);
\echo :SQLSTATE
SELECT voucher.capture('carl', 't2', arrears => true);
\echo :SQLSTATE

-- Nobody else writes
SELECT order_id FROM voucher.reserve('alice', 'w1', 'ecs', 'renewal', 5, at => '2026-05-01', hold_for => '100 years');
UPDATE voucher.hold SET expires_at = '2100-01-01' WHERE order_id = 'w1';
UPDATE voucher.hold SET resolution = NULL, resolved_at = NULL, resolved_epoch = NULL WHERE order_id = 'o1';
DELETE FROM voucher.hold;
TRUNCATE voucher.hold;
UPDATE voucher.account SET holds = 0 WHERE account_id = 'alice';
UPDATE voucher.held_usage SET uses = 0;
DELETE FROM voucher.held_usage;
UPDATE voucher.total_usage SET held = held + 1;
INSERT INTO voucher.hold (account_id, order_id, version, currency, at, expires_at, gross, discount, rounding, voucher, cash,
                          payment_type, chosen_voucher, chosen_coupon, lines, parts)
SELECT account_id, 'forged', 1, currency, at, '2100-01-01', 1000, 0, 0, 1000, 0, payment_type, 'auto', 'auto',
       ARRAY[voucher.line('ecs', 'renewal', 1000, line_no => 1)], ARRAY[ROW(:v2, 1000, '{1000}')::voucher.part]
FROM voucher.hold WHERE order_id = 'w1';
-- An administrator may resolve one by hand: what counts it follows
UPDATE voucher.hold SET resolution = 'released', resolved_at = now() WHERE order_id = 'w1';
SELECT holds FROM voucher.account WHERE account_id = 'alice';

SELECT * FROM voucher.check();
