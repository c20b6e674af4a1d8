--
-- share: several accounts on one balance
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
SELECT a, voucher.open_account(a, 'CNY', at => '2026-01-01'), voucher.deposit(a, 500, at => '2026-01-01') FROM unnest('{ann,bob,cat}'::text[]) AS a;
SELECT voucher.open_account('dan', 'USD', at => '2026-01-01');
SELECT voucher.create_template('pool', 'voucher', 'CNY', face_value => 100, uses => 4, shareable => true, refund_policy => 'prorata', valid => '[2026-01-01, 2026-02-01)'),
       voucher.create_template('lower', 'voucher', 'CNY', face_value => 50, effect => 'reduction', shareable => true, scope => 'oss', refund_policy => 'return_if_undelivered'),
       voucher.create_template('whole', 'voucher', 'CNY', face_value => 30, shareable => true, transferable => true, scope => 'oss'),
       voucher.create_template('own', 'voucher', 'CNY', face_value => 10, scope => 'oss');
\set VERBOSITY terse
SELECT voucher.create_template('c', 'coupon', 'CNY', face_value => 1, shareable => true);
\echo :SQLSTATE
SELECT voucher.create_template('p', 'promo_code', 'CNY', face_value => 1, promo_code => 'P', shareable => true);
\echo :SQLSTATE
SELECT voucher.create_template('r', 'voucher', 'CNY', discount_rate => 0.1, effect => 'reduction', shareable => true);
\echo :SQLSTATE
\set VERBOSITY default
SELECT voucher.grant('bob', 'pool', at => '2026-01-02') AS pool, voucher.grant('bob', 'own', at => '2026-01-02') AS own \gset
SELECT :pool AS pool, :own AS own;

-- ---------------------------------------------------------------------------
-- Sharing: with whom, and what
-- ---------------------------------------------------------------------------
SELECT voucher.share('bob', :own, 'ann', at => '2026-01-03');
\echo :SQLSTATE
SELECT voucher.share('bob', :pool, 'bob', at => '2026-01-03');
\echo :SQLSTATE
SELECT voucher.share('bob', :pool, 'dan', at => '2026-01-03');
\echo :SQLSTATE
SELECT voucher.share('bob', :pool, 'eve', at => '2026-01-03');
\echo :SQLSTATE
SELECT voucher.share('bob', 99, 'ann', at => '2026-01-03');
\echo :SQLSTATE
SELECT voucher.share('bob', :pool, 'ann', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.freeze('bob', :pool, at => '2026-01-03');
SELECT voucher.share('bob', :pool, 'ann', at => '2026-01-03');
\echo :SQLSTATE
SELECT voucher.unfreeze('bob', :pool, at => '2026-01-03');

SELECT voucher.share('bob', :pool, 'ann', 's-1', 'one team', 'bob', at => '2026-01-03') AS ann, voucher.share('bob', :pool, 'cat', at => '2026-01-03') AS cat \gset
SELECT :ann AS ann, :cat AS cat;
-- The same request, and the same key with another body
SELECT voucher.share('bob', :pool, 'ann', 's-1', at => '2026-01-04');
SELECT voucher.share('bob', :pool, 'cat', 's-1', at => '2026-01-04');
\echo :SQLSTATE
SELECT voucher.share('bob', :own, 'ann', 's-1', at => '2026-01-04');
\echo :SQLSTATE
SELECT voucher.unshare('bob', :pool, 'ann', 's-1', at => '2026-01-04');
\echo :SQLSTATE
SELECT voucher.share('bob', :pool, 'ann', at => '2026-01-04');
\echo :SQLSTATE
SELECT account_id, instrument_id, balance, used, max_uses, ordinal, face_value, validity, issued, owner_account_id, owner_instrument_id
FROM voucher.instrument WHERE template_id = 1 ORDER BY instrument_id;
SELECT account_id, instrument_id, version, kind, amount, reason, actor, peer_account_id, peer_instrument_id FROM voucher.entry WHERE kind = 'share' ORDER BY 1, 2, 3;

-- A share is not shared on, taken back, prolonged, passed on or divided
SELECT voucher.share('ann', :ann, 'cat', at => '2026-01-04');
\echo :SQLSTATE
SELECT voucher.reclaim('ann', :ann, at => '2026-01-04');
\echo :SQLSTATE
SELECT voucher.extend('ann', :ann, '2026-03-01', at => '2026-01-04');
\echo :SQLSTATE
SELECT voucher.transfer('ann', :ann, 'cat', at => '2026-01-04');
\echo :SQLSTATE
SELECT voucher.split('ann', :ann, '{1}', at => '2026-01-04');
\echo :SQLSTATE
SELECT voucher.grant('ann', 'own', at => '2026-01-04') AS anns \gset
SELECT voucher.merge('ann', ARRAY[:ann, :anns], at => '2026-01-04');
\echo :SQLSTATE
SELECT voucher.revoke('ann', :anns, at => '2026-01-04');

-- ---------------------------------------------------------------------------
-- Orders draw on the one balance
-- ---------------------------------------------------------------------------
SELECT rank, instrument_id, applies, pays, balance, expires_at, reason FROM voucher.match('ann', 'ecs', 'renewal', 70, at => '2026-01-05');
SELECT voucher, cash, shares IS NOT NULL AS met_shares FROM voucher.quote('ann', 'ecs', 'renewal', 70, at => '2026-01-05');
SELECT voucher, cash FROM voucher.settle('ann', 'o1', 'ecs', 'renewal', 70, at => '2026-01-05');
-- of 100, 30 are left for the other member, who pays the other 20 of 50
SELECT voucher, cash, parts FROM voucher.settle('cat', 'o1', 'ecs', 'renewal', 50, at => '2026-01-06');
SELECT applies, reason, detail FROM voucher.match('ann', 'ecs', 'renewal', 70, at => '2026-01-07') WHERE instrument_id = :ann;
SELECT voucher.settle('bob', 'o1', 'ecs', 'renewal', 50, voucher => :'pool', at => '2026-01-07');
\echo :SQLSTATE
-- the same order again: nothing is drawn twice; another one under its id is refused
SELECT voucher, cash FROM voucher.settle('ann', 'o1', 'ecs', 'renewal', 70, at => '2026-01-08');
SELECT voucher.settle('ann', 'o1', 'ecs', 'renewal', 71, at => '2026-01-08');
\echo :SQLSTATE
SELECT account_id, instrument_id, version, kind, amount, balance, uses, used, order_id, peer_account_id AS peer
FROM voucher.entry WHERE order_id = 'o1' ORDER BY instrument_id, version;
SELECT account_id, instrument_id, owner_account_id, balance, used, max_uses, status, expires_at FROM voucher.list('ann', at => '2026-01-07')
UNION ALL SELECT account_id, instrument_id, owner_account_id, balance, used, max_uses, status, expires_at FROM voucher.list('bob', at => '2026-01-07')
UNION ALL SELECT account_id, instrument_id, owner_account_id, balance, used, max_uses, status, expires_at FROM voucher.list('cat', at => '2026-01-07') ORDER BY 2;
SELECT at, kind, order_id, amount, balance, paid FROM voucher.statement('cat', :cat);
SELECT at, kind, order_id, amount, balance, paid FROM voucher.statement('bob', :pool);

-- ---------------------------------------------------------------------------
-- What comes back goes to the voucher that it was drawn from
-- ---------------------------------------------------------------------------
-- 35 of ann's 70: all of it was the voucher's; the use comes back with the rest
SELECT requested, returned, refunded_cash FROM voucher.refund('ann', 'o1', 35, at => '2026-01-09');
SELECT balance, used FROM voucher.instrument WHERE instrument_id = :pool;
SELECT requested, returned, refunded_cash FROM voucher.refund('ann', 'o1', at => '2026-01-09');
SELECT balance, used FROM voucher.instrument WHERE instrument_id = :pool;
SELECT requested, returned, refunded_cash FROM voucher.cancel('cat', 'o1', at => '2026-01-09');
SELECT balance, used FROM voucher.instrument WHERE instrument_id = :pool;
SELECT account_id, instrument_id, version, kind, amount, balance, uses, used, order_id, peer_account_id AS peer
FROM voucher.entry WHERE kind IN ('return', 'give_back') ORDER BY instrument_id, version;
SELECT * FROM voucher.check();

-- Four uses in all, whoever's they are: 5 each, the fifth order pays cash
SELECT a, n, (voucher.settle(a, 'u' || n, 'ecs', 'renewal', 5, at => '2026-01-10')).voucher
FROM (VALUES (1, 'ann'), (2, 'cat'), (3, 'bob'), (4, 'ann'), (5, 'cat')) AS v (n, a) ORDER BY n;
SELECT voucher.settle('cat', 'u6', 'ecs', 'renewal', 5, voucher => :'cat', at => '2026-01-10');
\echo :SQLSTATE
SELECT account_id, used, balance, status FROM voucher.list('cat', at => '2026-01-10') WHERE instrument_id = :cat;
SELECT account_id, instrument_id, used FROM voucher.instrument WHERE template_id = 1 ORDER BY 2;

-- ---------------------------------------------------------------------------
-- What the owner does acts on all, what is done to a share on its member
-- ---------------------------------------------------------------------------
SELECT voucher.grant('bob', 'pool', at => '2026-01-11') AS pool \gset
SELECT voucher.share('bob', :pool, 'ann', at => '2026-01-11') AS ann, voucher.share('bob', :pool, 'cat', at => '2026-01-11') AS cat \gset
CREATE FUNCTION pg_temp.now_is(at timestamptz) RETURNS TABLE (account text, status text, balance voucher.amount, expires_at timestamptz, frozen boolean, cancelled boolean)
    LANGUAGE sql AS $$
    SELECT a, l.status, l.balance, l.expires_at, l.frozen, l.cancelled FROM unnest('{ann,bob,cat}'::text[]) AS a,
           LATERAL (SELECT * FROM voucher.list(a, at => $1) WHERE template = 'pool' ORDER BY instrument_id DESC LIMIT 1) AS l ORDER BY a $$;
SELECT voucher.freeze('ann', :ann, at => '2026-01-11');
SELECT * FROM pg_temp.now_is('2026-01-11');
SELECT voucher.settle('ann', 'o2', 'ecs', 'renewal', 5, voucher => :'ann', at => '2026-01-11');
\echo :SQLSTATE
SELECT voucher FROM voucher.settle('cat', 'o2', 'ecs', 'renewal', 5, at => '2026-01-11');
SELECT voucher.unfreeze('ann', :ann, at => '2026-01-12'), voucher.freeze('bob', :pool, at => '2026-01-12');
SELECT * FROM pg_temp.now_is('2026-01-12');
SELECT voucher.status_at('ann', :ann, '2026-01-11') AS frozen_here, voucher.status_at('cat', :cat, '2026-01-11') AS not_yet, voucher.status_at('cat', :cat, '2026-01-12') AS there,
       voucher.balance_at('cat', :cat, '2026-01-10') AS not_shared_yet, voucher.balance_at('cat', :cat, '2026-01-11') AS drawn;
SELECT voucher.unfreeze('bob', :pool, at => '2026-01-13'), voucher.extend('bob', :pool, '2026-03-01', at => '2026-01-13');
SELECT * FROM pg_temp.now_is('2026-02-15');
SELECT voucher FROM voucher.settle('ann', 'o3', 'ecs', 'renewal', 5, at => '2026-02-15');
-- why orders were settled as they were, though all has changed since
SELECT voucher.reclaim('bob', :pool, at => '2026-02-16');
SELECT * FROM pg_temp.now_is('2026-02-16');
SELECT instrument_id = :ann AS share, applies, pays, balance, expires_at, paid FROM voucher.explain_at('ann', 'o3') WHERE instrument_id = :ann;
SELECT applies, reason, balance, expires_at FROM voucher.explain_at('cat', 'o1');
-- a refund comes back to what was reclaimed, but not to what is cancelled, and prolongs nothing
SELECT returned FROM voucher.refund('ann', 'o3', at => '2026-03-02');
SELECT * FROM pg_temp.now_is('2026-03-02');
SELECT voucher.revoke('bob', :pool, at => '2026-03-03');
SELECT returned FROM voucher.refund('cat', 'o2', at => '2026-03-04');
SELECT * FROM pg_temp.now_is('2026-03-04');
SELECT reason, detail FROM voucher.match('cat', 'ecs', 'renewal', 5, at => '2026-03-04') WHERE instrument_id = :cat;
SELECT * FROM voucher.check();

-- ---------------------------------------------------------------------------
-- Ending a share: the owner by unshare, the member by revoke
-- ---------------------------------------------------------------------------
SELECT voucher.grant('bob', 'whole', at => '2026-01-02') AS whole \gset
SELECT voucher.share('bob', :whole, 'ann', at => '2026-01-03') AS ann, voucher.share('bob', :whole, 'cat', at => '2026-01-03') AS cat \gset
-- what is shared stays where it is, and whole
SELECT voucher.transfer('bob', :whole, 'cat', at => '2026-01-04');
\echo :SQLSTATE
SELECT voucher.split('bob', :whole, '{1}', at => '2026-01-04');
\echo :SQLSTATE
SELECT voucher.grant('bob', 'whole', at => '2026-01-02') AS other \gset
SELECT voucher.merge('bob', ARRAY[:whole, :other], at => '2026-01-04');
\echo :SQLSTATE
SELECT voucher.unshare('bob', :whole, 'bob');
\echo :SQLSTATE
SELECT voucher.unshare('bob', :whole, 'ann', 'u-1', 'left the team', 'bob', at => '2026-01-05') AS ended, voucher.unshare('bob', :whole, 'ann', 'u-1') AS same,
       voucher.unshare('bob', :whole, 'ann') AS again, voucher.unshare('bob', :other, 'ann') AS never;
SELECT voucher.unshare('bob', :whole, 'cat', 'u-1');
\echo :SQLSTATE
SELECT voucher.revoke('cat', :cat, reason => 'no need', at => '2026-01-05') AS value;
SELECT account_id, instrument_id, kind, reason, actor, peer_account_id AS peer FROM voucher.entry
WHERE kind = 'unshare' OR instrument_id IN (:ann, :cat) AND version > 1 ORDER BY instrument_id;
SELECT status, balance FROM voucher.list('ann', at => '2026-01-05') WHERE instrument_id = :ann;
SELECT reason, detail FROM voucher.match('ann', 'oss', 'renewal', 5, at => '2026-01-05') WHERE instrument_id = :ann;
SELECT voucher.freeze('ann', :ann, at => '2026-01-05');
\echo :SQLSTATE
-- it can be shared again, and passed on once it is not shared
SELECT voucher.share('bob', :whole, 'ann', at => '2026-01-06') > :ann AS new_share, voucher.unshare('bob', :whole, 'ann', at => '2026-01-06');
SELECT voucher.transfer('bob', :whole, 'cat', at => '2026-01-07') > 0 AS transferred;

-- What a share drew before it was ended comes back to the voucher all the same
SELECT voucher.grant('bob', 'pool', at => '2026-01-02') AS pool \gset
SELECT voucher.share('bob', :pool, 'ann', at => '2026-01-03') AS ann \gset
SELECT voucher FROM voucher.settle('ann', 'o4', 'ecs', 'renewal', 60, voucher => :'ann', at => '2026-01-03');
SELECT voucher.unshare('bob', :pool, 'ann', at => '2026-01-04');
SELECT returned FROM voucher.refund('ann', 'o4', 20, at => '2026-01-05');
SELECT returned FROM voucher.refund('ann', 'o4', at => '2026-01-05');
SELECT balance, used FROM voucher.instrument WHERE instrument_id IN (:pool, :ann) ORDER BY instrument_id;

-- A gift stays with its order; a voucher that lowers the price is shared like one that pays
SELECT voucher FROM voucher.settle('bob', 'g1', 'oss', 'renewal', 5, voucher => 'none', at => '2026-01-03');
SELECT voucher.grant('bob', 'lower', order_id => 'g1', at => '2026-01-03') AS gift, voucher.grant('bob', 'lower', at => '2026-01-03') AS lower \gset
SELECT voucher.share('bob', :gift, 'ann', at => '2026-01-03');
\echo :SQLSTATE
SELECT voucher.share('bob', :lower, 'ann', at => '2026-01-03') AS ann \gset
SELECT voucher.share('bob', :lower, 'cat', at => '2026-01-03') AS cat \gset
SELECT discount, voucher, cash FROM voucher.settle('ann', 'o5', 'oss', 'renewal', 30, voucher => :'ann', at => '2026-01-03');
SELECT discount, voucher, cash FROM voucher.settle('cat', 'o5', 'oss', 'renewal', 80, voucher => :'cat', at => '2026-01-03');
SELECT requested, returned FROM voucher.refund('cat', 'o5', 10, at => '2026-01-04');
SELECT balance, used FROM voucher.instrument WHERE instrument_id = :lower;
-- only what is cancelled comes back, and no cash paid ann's order
SELECT requested, returned FROM voucher.cancel('ann', 'o5', at => '2026-01-04');
SELECT balance, used FROM voucher.instrument WHERE instrument_id = :lower;

-- With a promo code; and a limit of the template counts per member
SELECT voucher.create_template('word', 'promo_code', 'CNY', face_value => 3, promo_code => 'WORD') IS NOT NULL AS created;
SELECT voucher.create_limit('pool', max_amount => 30, per => 'account', period => 'month') IS NOT NULL AS limited;
SELECT voucher.grant('bob', 'pool', at => '2026-01-20') AS pool \gset
SELECT voucher.share('bob', :pool, 'ann', at => '2026-01-20') AS ann, voucher.share('bob', :pool, 'cat', at => '2026-01-20') AS cat \gset
SELECT discount, voucher, cash FROM voucher.settle('cat', 'p1', 'ecs', 'renewal', 43, voucher => :'cat', promo_code => 'word', at => '2026-01-20');
SELECT discount, voucher, cash FROM voucher.settle('cat', 'p2', 'ecs', 'renewal', 5, at => '2026-01-20');
SELECT account_id, used, amount FROM voucher.limit_usage ORDER BY account_id, period_start;
-- cancelled, the order gives all of it back
SELECT returned FROM voucher.cancel('cat', 'p1', at => '2026-01-21');
SELECT balance, used FROM voucher.instrument WHERE instrument_id = :pool;
SELECT account_id, used, amount FROM voucher.limit_usage ORDER BY account_id, period_start;

-- Two shares in one order: each from its owner
SELECT voucher.create_template('many', 'voucher', 'CNY', face_value => 40, shareable => true, refund_policy => 'prorata', valid => '[2026-01-01, 2026-04-01)') IS NOT NULL AS created;
SELECT voucher.grant('cat', 'many', at => '2026-03-01') AS cats, voucher.grant('bob', 'many', at => '2026-03-01') AS bobs \gset
SELECT voucher.share('cat', :cats, 'ann', at => '2026-03-01') AS one, voucher.share('bob', :bobs, 'ann', at => '2026-03-01') AS two \gset
SELECT voucher, cash, (SELECT array_agg(paid ORDER BY instrument_id) FROM unnest(parts)) AS parts
FROM voucher.settle('ann', 'm1', payment_type => 'pay_as_you_go', lines => ARRAY[voucher.line('ecs', 'usage', 70)], at => '2026-03-02');
SELECT account_id, balance FROM voucher.instrument WHERE instrument_id IN (:cats, :bobs) ORDER BY 1;
SELECT returned FROM voucher.refund('ann', 'm1', 35, at => '2026-03-02');
SELECT account_id, balance, used FROM voucher.instrument WHERE instrument_id IN (:cats, :bobs) ORDER BY 1;
SELECT * FROM voucher.check();

-- ---------------------------------------------------------------------------
-- Reports: what is used through shares counts once
-- ---------------------------------------------------------------------------
-- Of 4 x "pool", 2 x "own", 2 x "whole" and 2 x "many", issued 400 + 20 + 60 + 80. Used: of the
-- first pool 20, of the second o2's 5, of "many" 35 = 60. Adjusted: 10 revoked, 90 reclaimed, 5 revoked.
-- Lapsed: 80 of the first pool, which has no use left, and 100 each of the third and fourth.
SELECT *, issued OPERATOR(voucher.+) adjusted OPERATOR(voucher.=) (used OPERATOR(voucher.+) expired OPERATOR(voucher.+) outstanding) AS adds_up
FROM voucher.stored_value(at => '2026-03-10');
SELECT voucher.sum(voucher) AS paid FROM voucher.settlement;
-- 10 as above, 2 x "lower" and the word; of which the first two pools, "lower", the word and "many" served orders
SELECT campaign, issued, claimed, used, value_issued FROM voucher.redemption(at => '2026-03-10');
SELECT currency, month, vouchers, outstanding FROM voucher.liability(at => '2026-03-10');
SELECT account_id, instrument_id = :bobs OR instrument_id = :cats AS owners, balance FROM voucher.expiring('30 days', at => '2026-03-10') WHERE template = 'many';

-- ---------------------------------------------------------------------------
-- Rows that are written by hand
-- ---------------------------------------------------------------------------
\set VERBOSITY default
-- a share that names only half of what it draws on; has something of its own; is of its own account;
-- is not of what its entry says; is counted per account; and one that no entry says is one
CREATE FUNCTION pg_temp.by_hand(account text, owner text, owners bigint, max_uses integer DEFAULT NULL, validity tstzrange DEFAULT '(,)',
                                kind text DEFAULT 'share', ordinal integer DEFAULT NULL, issued boolean DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at, peer_account_id, peer_instrument_id)
    VALUES ($1, 1000, 1, kind, 0, 0, 0, 0, now(), CASE kind WHEN 'share' THEN 'cat' END, CASE kind WHEN 'share' THEN 1001 END);
    INSERT INTO voucher.instrument (account_id, instrument_id, template_id, version, currency, face_value, balance, used, validity, issued_at,
                                    ordinal, issued, max_uses, owner_account_id, owner_instrument_id)
    VALUES ($1, 1000, 1, 1, 'CNY', 100, 0, 0, $5, now(), $7, $8, $4, $2, $3);
    RAISE SQLSTATE 'ZZ000' USING MESSAGE = 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, SQLERRM, detail);
END
$$;
SELECT pg_temp.by_hand('ann', 'cat', 1001) AS sound,
       pg_temp.by_hand('ann', 'cat', NULL) AS half \gx
SELECT pg_temp.by_hand('ann', 'cat', 1001, max_uses => 3) AS uses,
       pg_temp.by_hand('ann', 'cat', 1001, validity => '[2026-01-01,)') AS validity,
       pg_temp.by_hand('cat', 'cat', 1001) AS itself \gx
SELECT pg_temp.by_hand('ann', 'bob', 1001) AS another,
       pg_temp.by_hand('ann', 'cat', 1001, ordinal => 9) AS counted,
       pg_temp.by_hand('ann', 'cat', 1001, issued => true) AS issued,
       pg_temp.by_hand('ann', NULL, NULL) AS none,
       pg_temp.by_hand('ann', 'cat', 1001, kind => 'issue', ordinal => 9, issued => true) AS no_share \gx
-- sharing that moves value; a draw without an order, without a use, without a share
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at, peer_account_id, peer_instrument_id)
VALUES ('bob', :bobs, 5, 'share', -1, 24, 0, 1, '2026-03-10', 'ann', :two);
\echo :SQLSTATE
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at, peer_account_id, peer_instrument_id)
VALUES ('bob', :bobs, 5, 'draw', -1, 24, 1, 2, '2026-03-10', 'ann', :two);
\echo :SQLSTATE
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at, order_id, peer_account_id, peer_instrument_id)
VALUES ('bob', :bobs, 5, 'draw', -1, 24, 0, 1, '2026-03-10', 'm2', 'ann', :two);
\echo :SQLSTATE
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at, order_id)
VALUES ('bob', :bobs, 5, 'draw', -1, 24, 1, 2, '2026-03-10', 'm2');
\echo :SQLSTATE
-- given back for an order that drew nothing
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at, order_id, peer_account_id, peer_instrument_id)
VALUES ('bob', :bobs, 5, 'give_back', 10, 35, 0, 1, '2026-03-10', 'm2', 'ann', :two);
\echo :SQLSTATE
UPDATE voucher.instrument SET owner_instrument_id = 999 WHERE instrument_id = :two;
\echo :SQLSTATE
SELECT voucher.share(NULL, 1, 'ann');
\echo :SQLSTATE
SELECT voucher.share('bob', NULL, 'ann');
\echo :SQLSTATE
SELECT voucher.share('bob', 1, '');
\echo :SQLSTATE
SELECT * FROM voucher.check();
