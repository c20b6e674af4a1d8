--
-- transfer: transferring, splitting and merging
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
SELECT voucher.open_account('alice', 'CNY', at => '2026-01-01'), voucher.open_account('bob', 'CNY', at => '2026-01-01'),
       voucher.open_account('carol', 'USD', at => '2026-01-01'), voucher.open_account('dave', 'CNY', at => '2026-01-01');
SELECT voucher.create_template('gift', 'voucher', 'CNY', face_value => 100, transferable => true, per_account => 2, valid => '[2026-01-01, 2026-02-01)'),
       voucher.create_template('own', 'voucher', 'CNY', face_value => 100, valid_for => '10 days'),
       voucher.create_template('tenth', 'coupon', 'CNY', discount_rate => 0.1, uses => 2, transferable => true),
       voucher.create_template('thrice', 'voucher', 'CNY', face_value => 30, uses => 3);
\set VERBOSITY terse
SELECT voucher.create_template('word', 'promo_code', 'CNY', face_value => 1, promo_code => 'WORD', transferable => true);
\echo :SQLSTATE
\set VERBOSITY default
SELECT voucher.grant('alice', 'gift', at => '2026-01-01'), voucher.grant('alice', 'gift', at => '2026-01-01'),
       voucher.grant('alice', 'own', at => '2026-01-01'), voucher.grant('alice', 'own', at => '2026-01-01'),
       voucher.grant('alice', 'own', at => '2026-01-02'), voucher.grant('alice', 'tenth', at => '2026-01-01'),
       voucher.grant('alice', 'thrice', at => '2026-01-01'), voucher.grant('bob', 'gift', at => '2026-01-01');

-- ---------------------------------------------------------------------------
-- transfer: once, whole, and only where the template lets it
-- ---------------------------------------------------------------------------
SELECT voucher.transfer('alice', 3, 'bob', at => '2026-01-03');
\echo :SQLSTATE
SELECT voucher.transfer('alice', 1, 'alice', at => '2026-01-03');
\echo :SQLSTATE
SELECT voucher.transfer('alice', 1, 'carol', at => '2026-01-03');
\echo :SQLSTATE
SELECT voucher.transfer('alice', 9, 'bob', at => '2026-01-03');
\echo :SQLSTATE
SELECT voucher.transfer('alice', 1, 'bob', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.freeze('alice', 1, at => '2026-01-02');
SELECT voucher.transfer('alice', 1, 'bob', at => '2026-01-03');
\echo :SQLSTATE
SELECT voucher.unfreeze('alice', 1, at => '2026-01-02');

-- It has the same value, validity and uses there
SELECT voucher.transfer('alice', 1, 'bob', 'to-bob', 'birthday', 'alice', at => '2026-01-03') AS gift,
       voucher.transfer('alice', 6, 'bob', at => '2026-01-03') AS tenth;
SELECT instrument_id, template, status, face_value, balance, max_uses, validity FROM voucher.list('bob', at => '2026-01-03');
SELECT instrument_id, status, balance FROM voucher.list('alice', at => '2026-01-03') WHERE instrument_id IN (1, 6);
-- The same request, and the same key with another body
SELECT voucher.transfer('alice', 1, 'bob', 'to-bob', at => '2026-01-04') AS gift;
SELECT voucher.transfer('alice', 2, 'bob', 'to-bob', at => '2026-01-04') AS gift;
\echo :SQLSTATE
SELECT voucher.transfer('alice', 1, 'dave', 'to-bob', at => '2026-01-04') AS gift;
\echo :SQLSTATE
SELECT voucher.grant('alice', 'own', request_id => 'to-bob', at => '2026-01-04');
\echo :SQLSTATE
-- Gone is gone; what was received stays; the receiver has his two
SELECT voucher.transfer('alice', 1, 'bob', at => '2026-01-04');
\echo :SQLSTATE
SELECT voucher.quote('alice', 'ecs', 'renewal', 10, coupon => '6', at => '2026-01-04');
\echo :SQLSTATE
SELECT voucher.transfer('bob', 9, 'alice', at => '2026-01-04');
\echo :SQLSTATE
SELECT voucher.transfer('alice', 2, 'bob', at => '2026-01-04');
\echo :SQLSTATE
-- Used in part
SELECT (voucher.settle('bob', 'o1', 'ecs', 'renewal', 10, voucher => '8', coupon => 'none', at => '2026-01-04')).voucher;
SELECT voucher.transfer('bob', 8, 'alice', at => '2026-01-04');
\echo :SQLSTATE

-- ---------------------------------------------------------------------------
-- split: 100 = 30 + 20.50 + 49.50 that stay
-- ---------------------------------------------------------------------------
SELECT voucher.split('alice', 3, '{30, 20.50}', 'split-3', 'two cost centres', 'alice', at => '2026-01-05');
SELECT voucher.split('alice', 3, '{30, 20.50}', 'split-3', at => '2026-01-06');
SELECT instrument_id, face_value, balance, validity FROM voucher.list('alice', at => '2026-01-05') WHERE template = 'own';
SELECT voucher.split('alice', 3, '{20.50, 30}', 'split-3', at => '2026-01-06');
\echo :SQLSTATE
SELECT voucher.split('alice', 3, '{30}', 'split-3', at => '2026-01-06');
\echo :SQLSTATE
SELECT voucher.split('alice', 4, '{30, 20.50}', 'split-3', at => '2026-01-06');
\echo :SQLSTATE
SELECT voucher.split('alice', 3, '{40, 9.51}', at => '2026-01-06');
\echo :SQLSTATE
SELECT voucher.split('alice', 3, '{}', at => '2026-01-06');
\echo :SQLSTATE
SELECT voucher.split('alice', 3, '{1, NULL}', at => '2026-01-06');
\echo :SQLSTATE
SELECT voucher.split('alice', 3, '{1, -1}', at => '2026-01-06');
\echo :SQLSTATE
SELECT voucher.split('alice', 3, '{0.001}', at => '2026-01-06');
\echo :SQLSTATE
-- Not what its number of uses limits; not a coupon
SELECT voucher.split('alice', 7, '{10}', at => '2026-01-06');
\echo :SQLSTATE
SELECT voucher.split('bob', 10, '{10}', at => '2026-01-06');
\echo :SQLSTATE
-- Parts do not count per account: alice has had her two gifts
SELECT voucher.split('alice', 2, '{50, 50}', at => '2026-01-06');
SELECT voucher.grant('alice', 'gift', at => '2026-01-06');
\echo :SQLSTATE
-- A part is not what was issued
SELECT voucher.transfer('alice', 14, 'bob', at => '2026-01-06');
\echo :SQLSTATE

-- ---------------------------------------------------------------------------
-- merge: 30 + 49.50 + 100 = 179.50 of one template and validity
-- ---------------------------------------------------------------------------
SELECT voucher.merge('alice', '{12, 3, 4}', 'merge-1', 'tidy', 'alice', at => '2026-01-07');
SELECT voucher.merge('alice', '{3, 4, 12}', 'merge-1', at => '2026-01-07');
SELECT instrument_id, status, face_value, balance FROM voucher.list('alice', at => '2026-01-07') WHERE template = 'own';
SELECT voucher.merge('alice', '{3, 4}', 'merge-1', at => '2026-01-07');
\echo :SQLSTATE
SELECT voucher.merge('alice', '{3, 4, 13}', 'merge-1', at => '2026-01-07');
\echo :SQLSTATE
SELECT voucher.merge('alice', '{15}', at => '2026-01-07');
\echo :SQLSTATE
SELECT voucher.merge('alice', '{13, 13}', at => '2026-01-07');
\echo :SQLSTATE
-- 5 is valid a day longer; 14 is of another template; 3 is used up; 9 is bob's
SELECT voucher.merge('alice', '{13, 5}', at => '2026-01-07');
\echo :SQLSTATE
SELECT voucher.merge('alice', '{13, 14}', at => '2026-01-07');
\echo :SQLSTATE
SELECT voucher.merge('alice', '{13, 3}', at => '2026-01-07');
\echo :SQLSTATE
SELECT voucher.merge('alice', '{13, 9}', at => '2026-01-07');
\echo :SQLSTATE
-- Once prolonged to the same day, they can be merged
SELECT voucher.create_template('twin', 'voucher', 'CNY', face_value => 1, valid => '[2026-01-01, 2026-02-01)'),
       voucher.grant('alice', 'twin', at => '2026-01-01'), voucher.grant('alice', 'twin', at => '2026-01-01');
SELECT voucher.extend('alice', 18, '2026-03-01', at => '2026-01-07');
SELECT voucher.merge('alice', '{18, 19}', at => '2026-01-07');
\echo :SQLSTATE
SELECT voucher.extend('alice', 19, '2026-03-01', at => '2026-01-07'), voucher.merge('alice', '{18, 19}', at => '2026-01-07');

SELECT account_id, instrument_id, version, kind, amount, balance, request_id, reason, actor, peer_account_id AS peer, peer_instrument_id
FROM voucher.entry WHERE kind NOT IN ('issue', 'settle', 'freeze', 'unfreeze', 'extend') ORDER BY 1, 2, 3;
-- Nothing was made or lost: 100 + 100 + 3 * 100 + 30 + 100 and twice 1, less the 10 of bob's order, is 622
SELECT voucher.sum(balance) FROM voucher.instrument;
SELECT * FROM voucher.check();

-- ---------------------------------------------------------------------------
-- Gifts and returns
-- ---------------------------------------------------------------------------
-- A gift goes with its order: it stays where a refund finds it
SELECT voucher.grant('dave', 'gift', at => '2026-01-05') AS first \gset
SELECT (voucher.settle('dave', 'o2', 'ecs', 'renewal', 100, at => '2026-01-05')).voucher;
SELECT voucher.grant('dave', 'gift', order_id => 'o2', at => '2026-01-05') AS gift \gset
SELECT voucher.transfer('dave', :gift, 'alice', at => '2026-01-06');
\echo :SQLSTATE
SELECT voucher.split('dave', :gift, '{10}', at => '2026-01-06');
\echo :SQLSTATE
-- Nothing comes back to what is cancelled; the gift is revoked, and so cancelled, too
SELECT voucher.create_template('back', 'voucher', 'CNY', face_value => 40, scope => 'ecs:upgrade', refund_policy => 'return_if_undelivered');
SELECT voucher.grant('dave', 'back', at => '2026-01-05') AS kept, voucher.grant('dave', 'back', at => '2026-01-05') AS revoked \gset
SELECT (voucher.settle('dave', 'o3', 'ecs', 'upgrade', 30, voucher => :'kept', at => '2026-01-06')).voucher,
       (voucher.settle('dave', 'o4', 'ecs', 'upgrade', 30, voucher => :'revoked', at => '2026-01-06')).voucher;
SELECT voucher.revoke('dave', :revoked, reason => 'fraud', at => '2026-01-07');
SELECT (voucher.cancel('dave', order_id, at => '2026-01-08')).kind FROM unnest('{o2,o3,o4}'::text[]) AS order_id;
SELECT template, instrument_id - :first AS n, status, balance FROM voucher.list('dave', at => '2026-01-08');
SELECT * FROM voucher.check();
