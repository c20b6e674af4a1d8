--
-- mint: patterns and prefixes, the space they leave, what a batch became
--
\set SHOW_CONTEXT never
\pset null '(null)'
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET client_min_messages = warning;
DROP EXTENSION voucher CASCADE;
CREATE EXTENSION voucher;
RESET client_min_messages;

SELECT voucher.open_account('alice', 'CNY', at => '2026-01-01');
SELECT voucher.create_template('cash 50', 'voucher', 'CNY', face_value => 50);
SELECT voucher.create_template('spring', 'promo_code', 'CNY', face_value => 5, promo_code => 'SPRING');

-- A prefix is followed by sixteen symbols; what is random is shown as a dot
SELECT regexp_replace(code, '(?<=SUMMER.*)[0-9A-Z]', '.', 'g') AS looks FROM voucher.mint_pattern('cash 50', 2, 'SUMMER', batch => 'leaflets') AS code;
-- A pattern is spelled as it was written, and its own letters may stand anywhere but at the end
SELECT regexp_replace(code, '(?<=^.{5})[0-9A-Z]{4}|[0-9A-Z]{4}$', '....', 'g') AS looks
FROM voucher.mint_pattern('cash 50', 1, 'Lou 2#### for you ####') AS code;

-- Verified and activated as customers type it: case and separators do not matter
SELECT code AS seen FROM voucher.mint_pattern('cash 50', 1, 'SUMMER', face_value => 80, activate_before => '2026-03-01', batch => 'leaflets') AS code \gset
SELECT status, template, face_value, activate_before FROM voucher.verify(:'seen', at => '2026-02-01');
SELECT status FROM voucher.verify(lower(replace(:'seen', '-', ' '))::voucher.code, at => '2026-02-01');
SELECT status FROM voucher.verify(replace(replace(:'seen', '-', ''), 'SUMMER', 's_v_m_m_e_r_')::voucher.code, at => '2026-02-01');
SELECT voucher.activate('alice', :'seen', at => '2026-02-01');
SELECT status FROM voucher.verify(:'seen', at => '2026-02-01');
-- A mistyped prefix is mistyped; another word in its place is not what was minted
\set VERBOSITY terse
SELECT voucher.verify(replace(:'seen', 'SUMMER', 'SUMMEN')::voucher.code);
\echo :SQLSTATE
SELECT voucher.verify(replace(:'seen', 'SUMMER', 'SUMEMR')::voucher.code);
\echo :SQLSTATE
-- A stranger's code gets the same answer whatever is in front of it
SELECT voucher.verify('SUMMER-0000-0000-0000-000Q');
\echo :SQLSTATE
SELECT voucher.activate('alice', '0000-0000-0000-0012');
\echo :SQLSTATE
\set VERBOSITY default

-- Of 35 random bits, one in 2^30: 32 codes, whoever spells the pattern how
SELECT count(*) FROM voucher.mint_pattern('cash 50', 30, 'Club 2026-####-####', batch => 'club') AS code;
SELECT count(*) FROM voucher.mint_pattern('cash 50', 3, 'CLVB2O26########', batch => 'more');
\echo :SQLSTATE
SELECT count(*) FROM voucher.mint_pattern('cash 50', 2, 'CLVB2O26########', activate_before => '2026-03-01', batch => 'club');
SELECT count(*) FROM voucher.mint_pattern('cash 50', 1, 'club 2026-####-####');
\echo :SQLSTATE
-- More than a space holds, and nothing of it is written
SELECT count(*) FROM voucher.mint_pattern('cash 50', 33, 'Club 2027-####-####');
\echo :SQLSTATE
SELECT * FROM voucher.code_space ORDER BY space;

-- What became of a batch; 75 bits can give 2^45 codes
\x on
SELECT * FROM voucher.mint_report('leaflets', at => '2026-02-01');
SELECT * FROM voucher.mint_report('club', at => '2026-03-01');
\x off
-- Without a name, and plain codes
SELECT count(*) FROM voucher.mint('cash 50', 3);
SELECT space, bits, minted, unused, space_used, space_left FROM voucher.mint_report(at => '2026-02-01');
SELECT * FROM voucher.mint_report('no such batch');

-- The same request mints once: its codes are not kept, so the second call is told so
SELECT code AS first FROM voucher.mint('cash 50', 2, batch => 'mail', request_id => 'm1', reason => 'mailing', actor => 'ann') AS code LIMIT 1 \gset
\set VERBOSITY terse
SELECT voucher.mint('cash 50', 2, batch => 'mail', request_id => 'm1');
\echo :SQLSTATE
-- and names what differs
\set VERBOSITY default
SELECT voucher.mint('cash 50', 3, batch => 'mail', request_id => 'm1');
\echo :SQLSTATE
SELECT voucher.mint('cash 50', 2, face_value => 60, batch => 'mail', request_id => 'm1', replace => true);
SELECT voucher.mint('cash 50', 2, request_id => 'm1');
SELECT voucher.mint('cash 50', 2, batch => 'mail', activate_before => '2026-03-01', request_id => 'm1');
SELECT voucher.mint_pattern('cash 50', 2, 'MAIL', batch => 'mail', request_id => 'm1');
-- A call that never arrived is made again: what it made is no good any more
SELECT code AS second FROM voucher.mint('cash 50', 2, face_value => 50, batch => 'mail', request_id => 'm1', replace => true, actor => 'ben') AS code LIMIT 1 \gset
SELECT status, face_value FROM voucher.verify(:'first', at => '2026-02-01');
SELECT status, face_value FROM voucher.verify(:'second', at => '2026-02-01');
SELECT voucher.activate('alice', :'first', at => '2026-02-01');
\echo :SQLSTATE
SELECT count(*) FROM voucher.mint('cash 50', 2, batch => 'mail', request_id => 'm1', replace => true) AS code;
SELECT code AS third FROM voucher.mint('cash 50', 2, batch => 'mail', request_id => 'm1', replace => true) AS code LIMIT 1 \gset
SELECT voucher.activate('alice', :'second', at => '2026-02-01');
-- One that is activated did arrive
SELECT voucher.activate('alice', :'third', at => '2026-02-01') > 0 AS activated;
\set VERBOSITY terse
SELECT voucher.mint('cash 50', 2, batch => 'mail', request_id => 'm1', replace => true);
\echo :SQLSTATE
\set VERBOSITY default
SELECT count, batch, request_id, reason, actor, recorded_by = session_user AS by_session, arrived_at IS NOT NULL AS arrived, replaced_at IS NOT NULL AS replaced
FROM voucher.minting WHERE request_id = 'm1' ORDER BY minting_id;
SELECT minted, activated, expired, unused, replaced FROM voucher.mint_report('mail', at => '2026-02-02');
-- Replaced in advance is minted; of a pattern, what was replaced still counts in its space
SELECT count(*) FROM voucher.mint_pattern('cash 50', 20, 'Club 2028-####-####', request_id => 'm2', replace => true);
SELECT count(*) FROM voucher.mint_pattern('cash 50', 20, 'Club 2028-####-####', request_id => 'm2', replace => true);
\echo :SQLSTATE
SELECT count(*) FROM voucher.mint_pattern('cash 50', 20, 'CLUB 2028-####-####', request_id => 'm2', replace => true);
SELECT voucher.mint('cash 50', 2, replace => true);
\echo :SQLSTATE
SELECT voucher.mint('cash 50', 2, request_id => '');
-- A refused call leaves its key free
SELECT voucher.mint('cash 50', 0, request_id => 'm3');
SELECT count(*) FROM voucher.mint('cash 50', 1, request_id => 'm3');
-- What was minted stays said
UPDATE voucher.minting SET actor = 'carl' WHERE request_id = 'm2';
\echo :SQLSTATE
UPDATE voucher.minting SET replaced_at = now() WHERE request_id = 'm1' AND replaced_at IS NULL;
\echo :SQLSTATE
UPDATE voucher.minting SET replaced_at = NULL WHERE request_id = 'm1' AND replaced_at IS NOT NULL;
DELETE FROM voucher.minting;

-- Patterns that are refused
SELECT voucher.mint_pattern('cash 50', 1, 'SUMMER-####-####');
\echo :SQLSTATE
SELECT voucher.mint_pattern('cash 50', 1, 'SUMMERTIME-###-###');
\echo :SQLSTATE
SELECT voucher.mint_pattern('cash 50', 1, 'ABCDEFGHJKMNP2026-####-####-####-####');
\echo :SQLSTATE
SELECT voucher.mint_pattern('cash 50', 1, '####-####-####-####-X');
\echo :SQLSTATE
SELECT voucher.mint_pattern('cash 50', 1, '夏-####-####-####-####');
\echo :SQLSTATE
SELECT voucher.mint_pattern('cash 50', 1, NULL);
\echo :SQLSTATE
SELECT voucher.mint_pattern('cash 50', 0, 'SUMMER');
\echo :SQLSTATE
SELECT voucher.mint_pattern('spring', 1, 'SUMMER');
\echo :SQLSTATE
SELECT voucher.mint_pattern('no such', 1, 'SUMMER');
\echo :SQLSTATE

-- The count only grows
UPDATE voucher.code_space SET minted = 0 WHERE space LIKE 'C1VB%';
\echo :SQLSTATE
DELETE FROM voucher.code_space;
\echo :SQLSTATE
UPDATE voucher.minted_code SET space = NULL WHERE batch = 'club';
\echo :SQLSTATE
SELECT * FROM voucher.check();
