--
-- Properties of voucher.code.  The oracle of the check symbol is a table of
-- powers, not the shifts of code.c; the oracle of the order is text in "C".
--
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;
SET LOCAL search_path = pg_temp, voucher, public, pg_catalog;

SELECT plan(26);

-- Another run draws other codes; to repeat one: psql -v seed=0.123
\if :{?seed}
\else
SELECT round(random()::numeric, 6) AS seed \gset
\endif
SELECT diag('seed ' || :'seed');
SELECT setseed(:seed) \g /dev/null

CREATE FUNCTION pg_temp.alphabet() RETURNS text LANGUAGE sql IMMUTABLE
RETURN '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

-- The value of the symbol at a place, counted from 1
CREATE FUNCTION pg_temp.value(symbols text, place int) RETURNS int LANGUAGE sql IMMUTABLE
RETURN strpos(pg_temp.alphabet(), substr(symbols, place, 1)) - 1;

-- Σ x^i · s_i in GF(32), from the powers x^0 to x^30 worked out by hand
CREATE FUNCTION pg_temp.weighted_sum(symbols text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    powers CONSTANT int[] := '{1,2,4,8,16,5,10,20,13,26,17,7,14,28,29,31,27,19,3,6,12,24,21,15,30,25,23,11,22,9,18}';
    total int := 0;
    v int;
BEGIN
    FOR place IN 1 .. length(symbols) LOOP
        v := pg_temp.value(symbols, place);
        IF v <> 0 THEN
            total := total # powers[(array_position(powers, v) - 1 + length(symbols) - place) % 31 + 1];
        END IF;
    END LOOP;
    RETURN total;
END
$$;

CREATE FUNCTION pg_temp.random_code(length int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    body text := '';
BEGIN
    FOR place IN 2 .. length LOOP
        body := body || substr(pg_temp.alphabet(), 1 + floor(random() * 32)::int, 1);
    END LOOP;
    RETURN body || substr(pg_temp.alphabet(), 1 + pg_temp.weighted_sum(body || '0'), 1);
END
$$;

-- What reading a text ends in: the code, or the first words of the message.
-- Any other error is a failure of the test.
CREATE FUNCTION pg_temp.reading(typed text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN typed::voucher.code;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN SQLERRM;
END
$$;

-- All that an error says about a text, but the caller's stack
CREATE FUNCTION pg_temp.complaint(typed text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    detail text;
    hint text;
BEGIN
    PERFORM typed::voucher.code;
    RETURN NULL;
EXCEPTION WHEN invalid_text_representation THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' ', message, detail, hint);
END
$$;

-- Two codes of each length, five more of the default length
CREATE TEMP TABLE sample ON COMMIT DROP AS
SELECT n, pg_temp.random_code(n) AS symbols
FROM generate_series(16, 31) AS n, generate_series(1, CASE n WHEN 16 THEN 7 ELSE 2 END);

--
-- Check symbol
--
SELECT is((SELECT count(*) FROM sample WHERE replace(pg_temp.reading(symbols), '-', '') <> symbols), 0::bigint,
          'codes of every length from 16 to 31 with the oracle''s check symbol are read');

SELECT is((SELECT sum(n * 31)::bigint FROM sample), (SELECT count(*)
           FROM sample, generate_series(1, n) AS place, regexp_split_to_table(pg_temp.alphabet(), '') AS other
           WHERE other <> substr(symbols, place, 1)
             AND pg_temp.reading(overlay(symbols PLACING other FROM place)) = 'voucher code is mistyped'),
          'every substitution of one symbol is caught');

CREATE TEMP TABLE swaps ON COMMIT DROP AS
SELECT b - a AS distance,
       pg_temp.reading(overlay(overlay(symbols PLACING substr(symbols, b, 1) FROM a) PLACING substr(symbols, a, 1) FROM b)) AS reading
FROM sample, generate_series(1, n) AS a, generate_series(a + 1, n) AS b
WHERE substr(symbols, a, 1) <> substr(symbols, b, 1);
SELECT is((SELECT count(*) FROM swaps WHERE distance = 1 AND reading <> 'voucher code is mistyped'), 0::bigint,
          'every swap of two different neighbours is caught');
SELECT is((SELECT count(*) FROM swaps WHERE reading <> 'voucher code is mistyped'), 0::bigint,
          'every swap of two different symbols is caught');
SELECT is((SELECT count(DISTINCT distance) FROM swaps), 30::bigint,
          'swaps at every distance were tried');

SELECT is((SELECT count(*) FROM sample
           WHERE pg_temp.reading(left(symbols, 15)) <> 'voucher code is too short'
              OR pg_temp.reading(rpad(symbols, 32, '0')) <> 'voucher code is too long'), 0::bigint,
          'the first 15 symbols of a code are too short, 32 symbols too long');

--
-- What a person types
--
-- Each symbol in a random disguise with random separators around it
CREATE FUNCTION pg_temp.disguise(symbols text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    separators CONSTANT text := E' \t\n\r\f\x0B-_\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u3000\uFF0D\uFF3F';
    typed text := '';
    symbol text;
BEGIN
    FOREACH symbol IN ARRAY regexp_split_to_array(symbols, '') LOOP
        symbol := CASE symbol
                      WHEN '0' THEN substr('0Oo', 1 + floor(random() * 3)::int, 1)
                      WHEN '1' THEN substr('1IiLl', 1 + floor(random() * 5)::int, 1)
                      WHEN 'V' THEN substr('VvUu', 1 + floor(random() * 4)::int, 1)
                      ELSE CASE WHEN random() < 0.5 THEN lower(symbol) ELSE symbol END
                  END;
        IF random() < 0.3 THEN
            symbol := chr(ascii(symbol) + 65248);
        END IF;
        WHILE random() < 0.3 LOOP
            typed := typed || substr(separators, 1 + floor(random() * length(separators))::int, 1);
        END LOOP;
        typed := typed || symbol;
    END LOOP;
    RETURN typed || substr(separators, 1 + floor(random() * length(separators))::int, 1);
END
$$;
SELECT is((SELECT count(*) FROM (SELECT symbols, pg_temp.disguise(symbols) AS typed FROM sample, generate_series(1, 20)) AS typing
           WHERE replace(pg_temp.reading(typed), '-', '') <> symbols), 0::bigint,
          'disguised codes are read as what was meant');

-- Every other character of the Basic Multilingual Plane, between two symbols
CREATE TEMP TABLE understood ON COMMIT DROP AS
SELECT c FROM generate_series(1, 65535) AS c
WHERE c NOT BETWEEN 55296 AND 57343
  AND pg_temp.complaint('0' || chr(c) || '0') NOT LIKE 'invalid character in voucher code The character at position 2 %';
SELECT is((SELECT string_agg(chr(c), '' ORDER BY c) FROM understood WHERE c < 128),
          E'\t\n\x0B\f\r -0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz',
          'of ASCII, digits, letters, white space, hyphen and underscore are understood');
SELECT is((SELECT string_agg(chr(c - 65248), '' ORDER BY c) FROM understood WHERE c > 65280),
          '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz',
          'their full-width forms are understood');
SELECT is((SELECT array_agg(to_hex(c) ORDER BY c) FROM understood WHERE c BETWEEN 128 AND 65280),
          '{2010,2011,2012,2013,2014,2015,2212,3000}'::text[],
          'dashes and the ideographic space are understood, no other character');

-- A code is a secret
SELECT is((SELECT count(*) FROM sample, LATERAL (VALUES ('mistyped', overlay(symbols PLACING CASE left(symbols, 1) WHEN 'Z' THEN 'Y' ELSE 'Z' END FROM 1)),
                                                        ('invalid', symbols || '*'), ('short', left(symbols, 15)),
                                                        ('long', symbols || symbols)) AS t(kind, typed),
                LATERAL pg_temp.complaint(typed) AS said
           WHERE said LIKE '%' || kind || '%'
             AND NOT EXISTS (SELECT FROM generate_series(1, length(typed) - 5) AS place
                             WHERE strpos(upper(said), substr(typed, place, 6)) > 0)),
          (SELECT 4 * count(*) FROM sample), 'no message repeats six symbols of the input');

SELECT current_setting('server_version_num')::int >= 160000 AS soft \gset
\if :soft
SELECT is((SELECT array_agg(split_part(message, ' ', 4) ORDER BY n)
           FROM (VALUES (1, '!'), (2, ''), (3, repeat('0', 32)), (4, repeat('0', 15) || '1'), (5, repeat('0', 16))) AS v(n, typed),
                pg_input_error_info(typed, 'voucher.code') AS e),
          '{voucher,too,too,mistyped,NULL}'::text[], 'input errors are soft');
\else
SELECT skip('soft errors came with PostgreSQL 16');
\endif

--
-- Binary format
--
CREATE TEMP TABLE sent (code voucher.code) ON COMMIT DROP;
INSERT INTO sent SELECT symbols::voucher.code FROM sample;
SELECT is((SELECT count(*) FROM sample
           WHERE code_send(symbols::code) <> '\x00' || (SELECT string_agg(set_byte('\x00', 0, pg_temp.value(symbols, place)), '' ORDER BY place)
                                                        FROM generate_series(1, n) AS place)), 0::bigint,
          'binary format: a zero byte and the values of the symbols');
CREATE TEMP TABLE received (code voucher.code) ON COMMIT DROP;
-- By way of a file in the server's data directory
COPY sent TO PROGRAM 'cat >voucher_code.copy' (FORMAT binary);
COPY received FROM PROGRAM 'cat voucher_code.copy; rm voucher_code.copy' (FORMAT binary);
SELECT results_eq('SELECT code::text FROM received', 'SELECT code::text FROM sent', 'binary round trip');

--
-- Order and hash
--
-- A few codes share all but the last symbols, or are a prefix of another
INSERT INTO sent SELECT (body || substr(pg_temp.alphabet(), 1 + pg_temp.weighted_sum(body || '0'), 1))::code
FROM (SELECT repeat('0', zeros) || tail AS body
      FROM generate_series(15, 20) AS zeros, unnest('{"",0,1,Z}'::text[]) AS tail) AS t;
CREATE TEMP TABLE pairs ON COMMIT DROP AS
SELECT a.code AS a, b.code AS b, replace(a.code::text, '-', '') COLLATE "C" AS ta, replace(b.code::text, '-', '') COLLATE "C" AS tb
FROM sent AS a, sent AS b;

SELECT is((SELECT count(*) FROM pairs
           WHERE (a < b, a <= b, a = b, a <> b, a >= b, a > b, sign(code_cmp(a, b))::int)
                 IS DISTINCT FROM
                 (ta < tb, ta <= tb, ta = tb, ta <> tb, ta >= tb, ta > tb, CASE WHEN ta < tb THEN -1 WHEN ta > tb THEN 1 ELSE 0 END)),
          0::bigint, 'the order of codes is that of their symbols in "C"');
SELECT is((SELECT count(*) FROM pairs WHERE sign(code_cmp(a, b)) <> -sign(code_cmp(b, a))), 0::bigint, 'the order is antisymmetric');
SELECT is((SELECT count(*) FROM pairs AS p, sent AS s WHERE p.a <= p.b AND p.b <= s.code AND NOT p.a <= s.code), 0::bigint, 'the order is transitive');
SELECT is((SELECT count(*) FROM pairs WHERE (a = b) <> (code_send(a) = code_send(b))), 0::bigint, 'equal codes are the same bytes');

-- One side as stored in a table, the other as text input made it
SELECT is((SELECT count(*) FROM sent
           WHERE (code_hash(code), code_hash_extended(code, 0), code_hash_extended(code, 7))
              <> (code_hash(lower(code::text)::code), code_hash_extended(lower(code::text)::code, 0), code_hash_extended(lower(code::text)::code, 7))),
          0::bigint, 'equal codes have equal hashes');
SELECT is((SELECT (count(DISTINCT code_hash(code)), count(DISTINCT code_hash_extended(code, 0)))::text FROM sent),
          (SELECT (count(DISTINCT code::text), count(DISTINCT code::text))::text FROM sent),
          'different codes have different hashes');
SELECT is((SELECT count(*) FROM sent
           WHERE (code_hash_extended(code, 0) & 4294967295) <> (code_hash(code)::bigint & 4294967295)
              OR code_hash_extended(code, 0) = code_hash_extended(code, 1)), 0::bigint,
          'seed 0 extends the plain hash, another seed changes it');
SELECT is((SELECT count(*) FROM pg_opclass WHERE opcintype = 'voucher.code'::regtype AND opcdefault AND amvalidate(oid)), 2::bigint,
          'btree and hash operator classes are valid');

--
-- Digest
--
SELECT is((SELECT count(*) FROM sample
           WHERE digest(pg_temp.disguise(symbols)::code) <> sha256(symbols::bytea)
              OR digest(symbols::code) <> sha256(replace(symbols::code::text, '-', '')::bytea)), 0::bigint,
          'a digest is the SHA-256 of the symbols, however they were typed');

--
-- New codes
--
CREATE TEMP TABLE made ON COMMIT DROP AS
SELECT new_code() AS code FROM generate_series(1, 4000);
SELECT is((SELECT count(DISTINCT code) FROM made WHERE code::text ~ '^(\w{4}-){3}\w{4}$' AND pg_temp.weighted_sum(replace(code::text, '-', '')) = 0), 4000::bigint,
          'new codes differ, have 16 symbols and the oracle''s check symbol');
-- A place misses one of the symbols once in 10^52 runs
SELECT is((SELECT count(DISTINCT (place, substr(replace(code::text, '-', ''), place, 1))) FROM made, generate_series(1, 16) AS place), 16 * 32::bigint,
          'every symbol turns up in every place');
SELECT is((SELECT (provolatile, proparallel)::text FROM pg_proc WHERE oid = 'voucher.new_code()'::regprocedure), '(v,s)',
          'new_code() is volatile and parallel safe');

SELECT * FROM finish();
ROLLBACK;
