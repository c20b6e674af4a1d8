--
-- Properties of minted codes with patterns and prefixes: what is read, what is
-- caught, what is kept, what a space gives, and what is drawn anew.
--
\set QUIET 1
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;

SELECT plan(25);

-- Another run takes other patterns; to repeat one: psql -v seed=0.123.  The
-- secret symbols are of the system's random source and differ every time.
\if :{?seed}
\else
SELECT round(random()::numeric, 6) AS seed \gset
\endif
SELECT diag('seed ' || :'seed');
SELECT setseed(:seed) \g /dev/null

SELECT voucher.open_account('ann', 'CNY'), voucher.open_account('bob', 'CNY') \g /dev/null
SELECT voucher.create_template('v', 'voucher', 'CNY', face_value => 5) \g /dev/null

-- What is meant by a text, worked out without the type: its symbols
CREATE FUNCTION pg_temp.symbols(typed text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN translate(upper(typed), 'OILU -_', '011V');

-- The symbols in random case and disguise, with random separators between
CREATE FUNCTION pg_temp.typed(symbols text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT string_agg(
        substr(CASE c WHEN '0' THEN '0Oo' WHEN '1' THEN '1IiLl' WHEN 'V' THEN 'VvUu' ELSE c || lower(c) END,
               1 + floor(random() * CASE c WHEN '0' THEN 3 WHEN '1' THEN 5 WHEN 'V' THEN 4 ELSE 2 END)::int, 1)
        || substr('- _', 1 + floor(random() * 9)::int, 1), '' ORDER BY place)
    FROM regexp_split_to_table($1, '') WITH ORDINALITY AS s (c, place)
$$;

-- What reading a text ends in: its symbols, or the message
CREATE FUNCTION pg_temp.reading(typed text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN replace(typed::voucher.code::text, '-', '');
EXCEPTION WHEN invalid_text_representation THEN
    RETURN SQLERRM;
END
$$;

-- Forty patterns: up to eleven letters and digits, then 9 to 20 secret symbols
-- (16 to 31 in all), in groups of random length; a few secret ones come first.
CREATE TEMP TABLE pattern ON COMMIT DROP AS
SELECT n, string_agg(CASE WHEN place > first + words OR place <= first THEN '#'
                          ELSE substr('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', 1 + floor(random() * 62)::int, 1) END
                     || CASE WHEN place < length AND random() < 0.25 THEN substr('- _', 1 + floor(random() * 3)::int, 1) ELSE '' END,
                     '' ORDER BY place) AS pattern
FROM (SELECT n, floor(random() * 3)::int AS first, 1 + n % 11 AS words, 20 + floor(random() * 12)::int AS length
      FROM generate_series(1, 40) AS n) AS p, generate_series(1, length) AS place
GROUP BY n;
CREATE TEMP TABLE sample ON COMMIT DROP AS
SELECT pattern, code, pg_temp.symbols(code) AS symbols FROM pattern, voucher.mint_pattern('v', 1, pattern, batch => 'sample') AS code;

SELECT is((SELECT count(*) FROM sample), 40::bigint, 'every pattern gives a code');
SELECT is((SELECT count(*) FROM sample
           WHERE length(code) <> length(pattern)
              OR EXISTS (SELECT FROM generate_series(1, length(pattern)) AS place
                         WHERE CASE substr(pattern, place, 1) WHEN '#' THEN substr(code, place, 1) !~ '[0-9A-HJKMNP-TV-Z]'
                                    ELSE substr(code, place, 1) <> substr(pattern, place, 1) END)), 0::bigint,
          'a code is the pattern with a symbol for each #');
SELECT is((SELECT count(*) FROM sample WHERE pg_temp.reading(code) <> symbols), 0::bigint,
          'a code is read as the symbols that it is made of, the prefix too');
SELECT is((SELECT count(*) FROM sample, generate_series(1, 50) WHERE pg_temp.reading(pg_temp.typed(symbols)) <> symbols), 0::bigint,
          'whatever case and separators it is typed with');

SELECT is((SELECT count(*) FROM sample, generate_series(1, length(symbols)) AS place,
                regexp_split_to_table('0123456789ABCDEFGHJKMNPQRSTVWXYZ', '') AS other
           WHERE other <> substr(symbols, place, 1)
             AND pg_temp.reading(overlay(symbols PLACING other FROM place)) <> 'voucher code is mistyped'), 0::bigint,
          'every single mistyped symbol is caught, in the prefix and behind it');
-- as the customer sees it, spelled with I, L, O, U and separators
SELECT is((SELECT count(*) FROM sample, generate_series(1, length(code)) AS place,
                regexp_split_to_table('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', '') AS other
           WHERE substr(code, place, 1) ~ '\w' AND substr(code, place, 1) <> '_'
             AND pg_temp.symbols(other) <> pg_temp.symbols(substr(code, place, 1))
             AND pg_temp.reading(overlay(code PLACING other FROM place)) <> 'voucher code is mistyped'), 0::bigint,
          'also as it is spelled');
CREATE TEMP TABLE swaps ON COMMIT DROP AS
SELECT symbols, overlay(symbols PLACING substr(symbols, place + 1, 1) || substr(symbols, place, 1) FROM place) AS swapped
FROM sample, generate_series(1, length(symbols) - 1) AS place;
SELECT is((SELECT count(*) FROM swaps WHERE swapped <> symbols AND pg_temp.reading(swapped) <> 'voucher code is mistyped'), 0::bigint,
          'every swap of two different neighbours is caught');
SELECT cmp_ok((SELECT count(*) FROM swaps WHERE swapped <> symbols), '>', 600::bigint, 'and many were tried');

--
-- At rest
--
SELECT is((SELECT count(*) FROM sample JOIN voucher.minted_code AS m ON m.digest = sha256(symbols::bytea) AND m.batch = 'sample'), 40::bigint,
          'the table has the SHA-256 of the symbols');
SELECT is((SELECT count(*) FROM sample, voucher.minted_code AS m
           WHERE strpos(pg_temp.symbols(m::text), right(symbols, 8)) > 0), 0::bigint, 'and no secret symbols');
SELECT is((SELECT count(*) FROM sample AS s JOIN voucher.minted_code AS m ON m.digest = sha256(symbols::bytea)
           WHERE m.space IS DISTINCT FROM regexp_replace(pg_temp.symbols(pattern), '^#{16}$', '')), 0::bigint,
          'its space is the pattern''s symbols');
SELECT is((SELECT count(*) FROM sample, LATERAL voucher.verify(pg_temp.typed(symbols)::voucher.code) AS v WHERE v.status = 'inactive'), 40::bigint,
          'all are verified');
SELECT is((SELECT count(DISTINCT voucher.activate('ann', pg_temp.typed(symbols)::voucher.code)) FROM sample), 40::bigint, 'all are activated');
SELECT is((SELECT count(DISTINCT voucher.activate('ann', code::voucher.code)) FROM sample), 40::bigint, 'once, however they are typed the second time');
SELECT throws_ok(format('SELECT voucher.activate(%L, %L)', 'bob', (SELECT code FROM sample LIMIT 1)), 'VC008', 'voucher code does not exist',
                 'a stranger learns nothing');
SELECT is((SELECT (sum(minted), sum(activated), sum(unused))::text FROM voucher.mint_report('sample')), '(40,40,0)', 'the report counts them');

--
-- Codes that exist already are drawn anew.  A real collision does not happen
-- in the life of the universe; triggers act as if: ON CONFLICT DO NOTHING and
-- a row that a trigger suppresses look the same.
--
CREATE SEQUENCE pg_temp.seen;
GRANT USAGE ON SEQUENCE pg_temp.seen TO voucher_owner;
CREATE FUNCTION pg_temp.collide() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('pg_temp.seen') % 3 = 0 THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER collide BEFORE INSERT ON voucher.minted_code FOR EACH ROW EXECUTE FUNCTION pg_temp.collide();
CREATE TEMP TABLE redrawn ON COMMIT DROP AS SELECT code FROM voucher.mint_pattern('v', 2500, 'REDRAWN', batch => 'redrawn') AS code;
SELECT is((SELECT count(DISTINCT code) FROM redrawn), 2500::bigint, 'where a third exist already, as many as asked for are given');
SELECT is((SELECT count(*) FROM redrawn JOIN voucher.minted_code AS m ON m.digest = voucher.digest(code::voucher.code) AND m.batch = 'redrawn'), 2500::bigint,
          'each of them one that was written');
SELECT is((SELECT minted FROM voucher.mint_report('redrawn')), 2500::bigint, 'and no more were written than given');
-- Two of one chunk are equal: the second is written over the first's digest
CREATE OR REPLACE FUNCTION pg_temp.collide() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('pg_temp.seen') % 2 = 0 THEN
        NEW.digest := (SELECT digest FROM voucher.minted_code WHERE batch = NEW.batch LIMIT 1);
    END IF;
    RETURN NEW;
END
$$;
ALTER SEQUENCE pg_temp.seen RESTART;
SELECT is((SELECT count(DISTINCT code) FROM voucher.mint_pattern('v', 50, 'TWINS', batch => 'redrawn') AS code), 50::bigint, 'a code that exists is drawn anew');
-- All exist: given up after twenty times, with figures, and nothing is kept
CREATE OR REPLACE FUNCTION pg_temp.collide() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE WHEN nextval('pg_temp.seen') <= 1500 THEN NEW END;
END
$$;
ALTER SEQUENCE pg_temp.seen RESTART;
CREATE FUNCTION pg_temp.complaint(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE statement;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, SQLERRM, detail);
END
$$;
SELECT is(pg_temp.complaint($$SELECT voucher.mint_pattern('v', 2500, 'NEVER', batch => 'never')$$),
          '23000 could not draw codes that do not exist yet 1500 of 2500 codes are drawn; of the next ones, 500 were there already 20 times.',
          'where all exist already, it ends with an error and figures');
SELECT is((SELECT last_value FROM pg_temp.seen), 1000 + 1000 + 19 * 500::bigint, 'after twenty draws of what was left');
SELECT is_empty($$SELECT FROM voucher.minted_code WHERE batch = 'never' UNION ALL SELECT FROM voucher.code_space WHERE space LIKE 'NEVER%'$$, 'and nothing is kept');
DROP TRIGGER collide ON voucher.minted_code;

--
-- A long one can be stopped
--
SET LOCAL statement_timeout = '300ms';
CREATE FUNCTION pg_temp.stopped() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM voucher.mint('v', 2000000000);
    RETURN 'not stopped';
EXCEPTION WHEN query_canceled THEN
    RETURN 'stopped';
END
$$;
SELECT is(pg_temp.stopped(), 'stopped', 'minting two thousand millions can be stopped');
SET LOCAL statement_timeout = 0;

SELECT is_empty('SELECT * FROM voucher.check()', 'check finds nothing');
SELECT * FROM finish();
ROLLBACK;
