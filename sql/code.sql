--
-- voucher.code: what a user sees.  Check symbols are worked out by hand: with
-- one symbol 1 and zeros otherwise the check symbol is the weight of its place,
-- a power of x in GF(32) = GF(2)[x] / (x^5 + x^2 + 1).
--
\pset null '(null)'
SET search_path = voucher, pg_catalog;

-- Every weight on its own: x^1, x^2, x^5 (the first reduction), x^15 to x^30
SELECT '0000000000000012'::code AS x1, '0000000000000104'::code AS x2,
       '0000000000100005'::code AS x5, '100000000000000Z'::code AS x15;
SELECT '1000000000000000V'::code AS x16;
SELECT '100000000000000000000000000009'::code AS x29;
SELECT '100000000000000000000000000000J'::code AS x30;
-- Different symbols, the sum worked out step by step
SELECT 'ABCDEFGHJKMNPQRB'::code;

-- What people type: case, white space, hyphens, underscores, O for 0, I and L for 1
SELECT code AS normal
FROM (VALUES ('abcd-efgh-jkmn-pqrb'::code),
             (E'  AbCd EfGh\t\n\x0B\f\rjKmN__PqRb--'),
             (E'A-B-C-D\u2010EF\u2011GH\u2012JK\u2013MN\u2014PQ\u2015R\u2212B'),
             (E'\u3000\uFF21\uFF22\uFF23\uFF24\uFF0D\uFF25\uFF26\uFF27\uFF28\uFF3F\uFF4A\uFF4B\uFF4D\uFF4E\uFF50\uFF51\uFF52\uFF42\u3000'))
     AS typed(code);
SELECT code AS normal
FROM (VALUES ('OoOo-0000-0000-00I2'::code), ('0000-0000-0000-00i2'),
             ('0000-0000-0000-00L2'), ('0000-0000-0000-00l2'),
             ('0000-0000-0000-00VK'), ('0000-0000-0000-00UK'), ('0000-0000-0000-00uk'),
             (E'\uFF10\uFF2F\uFF4F0-0000-0000-00\uFF11\uFF12'), (E'0000-0000-0000-00\uFF29\uFF12'),
             (E'0000-0000-0000-00\uFF4C\uFF12')) AS typed(code);

-- Characters that are not symbols; the message never repeats the input
SELECT 'ABCD-EFGH-JKMN-PQR!'::code;
\echo :LAST_ERROR_SQLSTATE
SELECT '!'::code;
\echo :LAST_ERROR_SQLSTATE
SELECT 'ABCD.EFGH.JKMN.PQRB'::code;
SELECT 'ABCD*EFGH*JKMN*PQRB'::code;
-- Positions count characters, not bytes
SELECT E'\uFF21\uFF22\u3000\uFF01'::code;
SELECT E'\uFF21\u4E2D'::code;
SELECT E'A\u00A0'::code;
SELECT E'A\U0001F600'::code;
-- Next to the characters that are ignored or full-width
SELECT E'\u200F'::code;
SELECT E'\u2016'::code;
SELECT E'\u2213'::code;
SELECT E'\u3001'::code;
SELECT E'\uFF00'::code;
SELECT E'\uFF5F'::code;

-- Length
SELECT ''::code;
\echo :LAST_ERROR_SQLSTATE
SELECT '- _'::code;
SELECT '000000000000000'::code;
\echo :LAST_ERROR_SQLSTATE
SELECT '0000000000000000'::code;
SELECT '0000000000000000000000000000000'::code;
SELECT '00000000000000000000000000000000'::code;
\echo :LAST_ERROR_SQLSTATE

-- Check symbol
SELECT 'ABCD-EFGH-JKMN-PQRC'::code;
\echo :LAST_ERROR_SQLSTATE
SELECT 'ABDC-EFGH-JKMN-PQRB'::code;
\echo :LAST_ERROR_SQLSTATE

-- Order and equality; a prefix comes before what it is a prefix of
SELECT a, b, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt, sign(code_cmp(a, b)) AS cmp
FROM (VALUES ('0000000000000012'::code, '0000000000000104'::code),
             ('0000000000000012', 'oooooooooooooo12'),
             ('100000000000000Z', '0000000000000012'),
             ('900000000000000W', 'A00000000000000R'),
             ('0000000000000000', '00000000000000000')) AS v(a, b);
SELECT code FROM (VALUES ('100000000000000Z'::code), ('0000000000000104'), (NULL), ('ABCDEFGHJKMNPQRB'), ('0000000000000012')) AS v(code) ORDER BY code DESC NULLS LAST;
SELECT code, count(*) FROM (VALUES ('100000000000000Z'::code), ('1oooooooooooooo-z'), ('0000000000000012')) AS v(code) GROUP BY code ORDER BY code;

-- Digest: anyone who holds the code can recompute it
SELECT encode(digest('abcd-efgh-jkmn-pqrb'), 'hex');
SELECT digest('abcd-efgh-jkmn-pqrb') = sha256('ABCDEFGHJKMNPQRB') AS "16",
       digest('100000000000000000000000000000J') = sha256('100000000000000000000000000000J') AS "31";
SELECT digest(NULL);

-- A new code is 16 symbols in four groups
SELECT code::text ~ '^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$' AS canonical,
       code = code::text::code AS reads_back
FROM new_code() AS code;

-- Text becomes a code only when asked to
CREATE TEMP TABLE codes (code code PRIMARY KEY);
INSERT INTO codes SELECT 'ABCDEFGHJKMNPQRB'::text;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO codes SELECT 'ABCDEFGHJKMNPQRB'::text::code;
CREATE INDEX codes_hash ON codes USING hash (code);
SELECT code FROM codes WHERE code = 'abcd-efgh-jkmn-pqrb';
DROP TABLE codes;

-- Binary output and input
SELECT code_send('ABCDEFGHJKMNPQRB');
CREATE FUNCTION pg_temp.receive(message bytea, OUT code voucher.code, OUT state text, OUT error text)
LANGUAGE plpgsql AS $$
DECLARE
    octal text;
BEGIN
    -- A COPY file in binary format with one row of one column
    SELECT pg_catalog.string_agg('\' || pg_catalog.lpad((byte / 64)::text || (byte / 8 % 8)::text || (byte % 8)::text, 3, '0'), '' ORDER BY n)
    INTO octal
    FROM (SELECT n, pg_catalog.get_byte(file, n) AS byte
          FROM (SELECT '\x5047434f50590aff0d0a000000000000000000'::bytea || '\x0001'
                       || pg_catalog.int4send(pg_catalog.length(message)) || message || '\xffff' AS file) AS f,
               pg_catalog.generate_series(0, pg_catalog.length(file) - 1) AS n) AS bytes;
    CREATE TEMP TABLE received (code voucher.code) ON COMMIT DROP;
    EXECUTE pg_catalog.format('COPY received FROM PROGRAM %L (FORMAT binary)', 'printf ''' || octal || '''');
    SELECT r.code INTO STRICT code FROM received AS r;
    DROP TABLE received;
EXCEPTION WHEN data_exception THEN
    state := SQLSTATE;
    error := SQLERRM;
END
$$;
SELECT what, r.*
FROM (VALUES (1, 'valid, 16 symbols', '\x00 0a0b0c0d0e0f101112131415161718 0b'::bytea),
             (2, 'valid, 31 symbols', '\x00 01 0000000000000000000000000000000000000000000000000000000000 12'),
             (3, 'nothing', '\x'),
             (4, 'only the reserved byte', '\x00'),
             (5, '15 symbols', '\x00 000000000000000000000000000000'),
             (6, '32 symbols', '\x00 0000000000000000000000000000000000000000000000000000000000000000'),
             (7, 'reserved byte 1', '\x01 0a0b0c0d0e0f101112131415161718 0b'),
             (8, 'symbol 32 at the end', '\x00 00000000000000000000000000000020'),
             (9, 'symbol 32 in front', '\x00 20000000000000000000000000000000'),
             (10, 'symbol 255', '\x00 ff0b0c0d0e0f101112131415161718 0b'),
             (11, 'ASCII', '\x00' || 'ABCDEFGHJKMNPQRB'::bytea),
             (12, 'wrong check symbol', '\x00 0a0b0c0d0e0f101112131415161718 0c')) AS v(n, what, message),
     pg_temp.receive(message) AS r
ORDER BY n;

-- Other encodings: ASCII is understood, nothing else
\set database :DBNAME
CREATE DATABASE regress_code_latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
\c regress_code_latin1
SET client_encoding = 'LATIN1';
CREATE EXTENSION voucher;
SELECT ' abcd-efgh_jkmn-pqrb'::voucher.code;
SELECT E'ABCD\xEF\xBC\x8DEFGH'::voucher.code;
\c :"database"
DROP DATABASE regress_code_latin1;
