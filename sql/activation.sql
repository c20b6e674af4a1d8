--
-- activation: codes are minted, verified and activated (S6, S7)
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
SELECT voucher.open_account('alice', 'CNY', at => '2026-01-01');
SELECT voucher.open_account('bob', 'CNY', at => '2026-01-01');
SELECT voucher.create_template('cash 50', 'voucher', 'CNY', face_value => 50, threshold => 10, scope => 'ecs', valid_for => '30 days',
                               valid => '[2026-01-01, 2027-01-01)', time_zone => 'Asia/Shanghai');

-- Codes are random, so they are kept in variables here and not shown
SELECT code AS first FROM voucher.mint('cash 50', 1) AS code \gset
SELECT code AS second FROM voucher.mint('cash 50', 1, face_value => 80, activate_before => '2026-03-01', batch => 'fair') AS code \gset
SELECT count(*), count(DISTINCT code) AS distinct FROM voucher.mint('cash 50', 2500, batch => 'many') AS code;
-- Only their digests are kept
SELECT batch, face_value, activate_before, count(*) FROM voucher.minted_code GROUP BY 1, 2, 3 ORDER BY 4, 1;
SELECT account_id, instrument_id, activated_at, digest = voucher.digest(:'second') AS is_its_digest
FROM voucher.minted_code WHERE batch = 'fair';

-- Verifying shows what a code is good for and changes nothing
\x on
SELECT * FROM voucher.verify(:'first', at => '2026-02-01');
SELECT * FROM voucher.verify(:'second', at => '2026-02-01');
\x off
SELECT status FROM voucher.verify(:'second', at => '2026-02-28 23:59:59.999999');
SELECT status FROM voucher.verify(:'second', at => '2026-03-01');
SELECT status FROM voucher.verify(:'first', at => '2027-01-01');
SELECT count(*) AS instruments FROM voucher.instrument;

-- However it is typed
SELECT status FROM voucher.verify(lower(replace(:'first', '-', ' '))::voucher.code, at => '2026-02-01');

-- Usable only once activated; then for 30 days from that
SELECT count(*) FROM voucher.match('alice', 'ecs', 'purchase', 60, at => '2026-02-01');
SELECT voucher.activate('alice', :'first', at => '2026-02-01');
SELECT template, face_value, balance, validity FROM voucher.list('alice', at => '2026-02-01');
SELECT applies, pays FROM voucher.match('alice', 'ecs', 'purchase', 60, at => '2026-02-01');
SELECT status FROM voucher.verify(:'first', at => '2026-02-02');
SELECT account_id, instrument_id, activated_at FROM voucher.minted_code WHERE digest = voucher.digest(:'first');

-- Again by the same account: the same voucher, not another one, however late
SELECT voucher.activate('alice', :'first', at => '2026-02-02');
SELECT voucher.activate('alice', :'first', at => '2027-02-02');
SELECT count(*) AS instruments FROM voucher.instrument;
-- By another account: no such code, as if it had never been minted
SELECT voucher.activate('bob', :'first', at => '2026-02-02');
\echo :SQLSTATE
SELECT voucher.activate('bob', '0000-0000-0000-0012', at => '2026-02-02');
\echo :SQLSTATE
SELECT voucher.verify('0000-0000-0000-0012', at => '2026-02-02');
\echo :SQLSTATE
-- Too late
SELECT voucher.activate('bob', :'second', at => '2026-03-01');
\echo :SQLSTATE
SELECT voucher.activate('bob', :'second', at => '2026-02-28');
SELECT face_value, balance, validity FROM voucher.list('bob', at => '2026-03-01');

-- Validity that counts from the code's issue, whenever it is activated
SELECT voucher.create_template('from issue', 'voucher', 'CNY', face_value => 50, valid_for => '30 days', valid_from => 'issue');
SELECT code AS third FROM voucher.mint('from issue', 1) AS code \gset
SELECT voucher.activate('bob', :'third', at => now() + '29 days') AS id \gset
SELECT validity = tstzrange(m.minted_at, m.minted_at + '30 days') AS from_issue
FROM voucher.instrument AS i JOIN voucher.minted_code AS m ON m.account_id = i.account_id AND m.instrument_id = i.instrument_id
WHERE i.instrument_id = :id;
SELECT code AS fourth FROM voucher.mint('from issue', 1) AS code \gset
\set VERBOSITY terse
SELECT voucher.activate('bob', :'fourth', at => now() + '31 days');
\echo :SQLSTATE

\set VERBOSITY default

-- A code of a coupon
SELECT voucher.create_template('quarter off', 'coupon', 'CNY', discount_rate => 0.25);
SELECT code AS fifth FROM voucher.mint('quarter off', 1) AS code \gset
SELECT status, kind, face_value, discount_rate FROM voucher.verify(:'fifth', at => '2026-02-01');

-- What was minted is neither changed nor deleted
UPDATE voucher.minted_code SET face_value = 1000 WHERE batch = 'fair';
\echo :SQLSTATE
DELETE FROM voucher.minted_code WHERE batch = 'many';
\echo :SQLSTATE
SELECT * FROM voucher.check();
