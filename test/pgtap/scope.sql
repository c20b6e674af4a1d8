-- Properties of voucher.scope: what it covers and how it prints against slow
-- oracles, order and hash, the GIN index against a sequential scan.
--
-- A failing run is repeated with: pg_prove --set seed=SEED test/pgtap/scope.sql
\set QUIET 1
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;
SET search_path = voucher, public;

SELECT current_setting('server_version_num')::int >= 160000 AS soft_errors \gset
\if :{?seed}
\else
SELECT random() AS seed \gset
\endif

SELECT plan(32);
SELECT diag('seed ' || :'seed');
SELECT NULL FROM setseed(:'seed') \g /dev/null

--
-- Random scopes and items, out of few words so that they often meet
--

CREATE FUNCTION pick(words text[]) RETURNS text LANGUAGE sql VOLATILE
    RETURN words[1 + floor(random() * cardinality(words))::int];

CREATE FUNCTION random_space() RETURNS text LANGUAGE sql VOLATILE
    RETURN pick(ARRAY['', '', '', '', ' ', E'\t', E' \n']);

CREATE FUNCTION random_path() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    path text := pick('{a,b,ab,a-b,a_b,A,a0}');
BEGIN
    WHILE random() < 0.45 LOOP
        path := path || '.' || pick('{a,b,ab,B,-,0}');
    END LOOP;
    RETURN path;
END $$;

CREATE FUNCTION random_type() RETURNS text LANGUAGE sql VOLATILE
    RETURN pick('{t,u,tu,T_u,v}');

CREATE FUNCTION random_term(excludes float) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    term text := CASE WHEN random() < excludes THEN '!' || random_space() ELSE '' END;
BEGIN
    term := term || CASE WHEN random() < 0.2 THEN '*' ELSE random_path() END || random_space();
    IF random() < 0.15 THEN
        term := term || ':' || random_space() || '*';
    ELSIF random() < 0.6 THEN
        term := term || ':' || random_space() || random_type();
        WHILE random() < 0.5 LOOP
            term := term || random_space() || '|' || random_space() || random_type();
        END LOOP;
    END IF;
    RETURN random_space() || term || random_space();
END $$;

CREATE FUNCTION random_scope() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    terms text[] := ARRAY[random_term(0)];
BEGIN
    WHILE random() < CASE WHEN cardinality(terms) < 6 THEN 0.6 ELSE 0.9 END LOOP
        IF random() < 0.5 THEN
            terms := terms || random_term(0.3);
        ELSE
            terms := random_term(0.3) || terms;
        END IF;
    END LOOP;
    RETURN array_to_string(terms, ',');
END $$;

--
-- Oracles: they read the text as it was written, by splitting it
--

CREATE FUNCTION oracle_terms(input text, OUT exclude boolean, OUT product text, OUT types text[])
    RETURNS SETOF record LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    term text;
BEGIN
    FOREACH term IN ARRAY string_to_array(regexp_replace(lower(input), '\s', '', 'g'), ',') LOOP
        exclude := left(term, 1) = '!';
        product := split_part(ltrim(term, '!'), ':', 1);
        types := string_to_array(coalesce(nullif(split_part(term, ':', 2), ''), '*'), '|');
        RETURN NEXT;
    END LOOP;
END $$;

CREATE FUNCTION oracle_covers(input text, item_product text, item_type text)
    RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    term record;
    included boolean := false;
BEGIN
    FOR term IN SELECT * FROM oracle_terms(input) LOOP
        IF (term.product = '*' OR item_product || '.' LIKE replace(term.product, '_', '\_') || '.%')
            AND (term.types = '{*}' OR item_type = ANY (term.types)) THEN
            IF term.exclude THEN
                RETURN false;
            END IF;
            included := true;
        END IF;
    END LOOP;
    RETURN included;
END $$;

CREATE FUNCTION oracle_canonical(input text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(CASE WHEN exclude THEN '!' ELSE '' END || product ||
                      CASE WHEN '*' = ANY (types) THEN '' ELSE ':' || array_to_string(types, '|') END,
                      ', ' ORDER BY exclude, product COLLATE "C")
    FROM (SELECT exclude, product, array_agg(DISTINCT type COLLATE "C" ORDER BY type COLLATE "C") AS types
          FROM oracle_terms(input), unnest(types) AS type
          GROUP BY exclude, product) AS term
$$;

CREATE TEMP TABLE sample AS
    SELECT id, input, input::scope AS scope, lower(product) AS product, lower(type) AS type
    FROM (SELECT id, random_scope() AS input, random_path() AS product, random_type() AS type
          FROM generate_series(1, 5000) AS id) AS random;

--
-- Text and what is covered
--

SELECT is_empty(
    $$SELECT input, scope FROM sample WHERE scope::text IS DISTINCT FROM oracle_canonical(input)$$,
    'the text is canonical');
SELECT is_empty(
    $$SELECT input, scope FROM sample WHERE scope::text::scope::text <> scope::text$$,
    'the canonical text is its own canonical text');
SELECT is_empty(
    $$SELECT input, product, type FROM sample
      WHERE covers(scope, product, type) IS DISTINCT FROM oracle_covers(input, product, type)$$,
    'covers() agrees with the oracle');
SELECT cmp_ok((SELECT count(*) FROM sample WHERE covers(scope, product, type)), '>', 500::bigint,
    'the sample has items that are covered');
SELECT cmp_ok((SELECT count(*) FROM sample WHERE NOT covers(scope, product, type)), '>', 500::bigint,
    'the sample has items that are not covered');
SELECT cmp_ok((SELECT count(*) FROM sample
               WHERE NOT covers(scope, product, type)
                 AND oracle_covers(regexp_replace(scope::text, ', !.*', ''), product, type)), '>', 100::bigint,
    'the sample has items that an exclude takes away');
SELECT is_empty(
    $$SELECT scope, product, type FROM sample
      WHERE (scope @> (product || ':' || type)) IS DISTINCT FROM covers(scope, product, type)
         OR (upper(product) || ' : ' || type <@ scope) IS DISTINCT FROM covers(scope, product, type)$$,
    '@> and <@ are covers(), in either case');
SELECT is_empty(
    $$SELECT scope FROM sample
      WHERE products(scope) IS DISTINCT FROM
            (SELECT array_agg(DISTINCT product COLLATE "C" ORDER BY product COLLATE "C")
             FROM oracle_terms(input) WHERE NOT exclude)$$,
    'products() has the included products');
SELECT is_empty(
    $$SELECT scope FROM sample
      WHERE order_types(scope) IS DISTINCT FROM
            (SELECT array_agg(DISTINCT type COLLATE "C" ORDER BY type COLLATE "C")
             FROM oracle_terms(scope::text), unnest(types) AS type WHERE NOT exclude)$$,
    'order_types() has the included order types');
SELECT is_empty(
    $$SELECT scope FROM sample WHERE scope_send(scope) <> convert_to(scope::text, 'UTF8')$$,
    'the binary form is the text');

--
-- Malformed text: every scope with one byte spoilt is refused or reads as the
-- oracle reads it
--

CREATE FUNCTION sqlstate_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN '00000';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;

CREATE TEMP TABLE spoilt AS
    SELECT overlay(input PLACING pick('{!,",",:,|,.,*,"",$,é,"\\"}') FROM 1 + floor(random() * length(input))::int FOR 1) AS input
    FROM sample WHERE id <= 2000;
SELECT is_empty(
    $$SELECT input, state
      FROM spoilt, sqlstate_of(format('SELECT %L::voucher.scope', input)) AS state
      WHERE state NOT IN ('00000', '22P02')$$,
    'spoilt text is read or refused with 22P02');
SELECT is_empty(
    $$SELECT input
      FROM spoilt
      WHERE sqlstate_of(format('SELECT %L::voucher.scope', input)) = '00000'
        AND input::scope::text IS DISTINCT FROM oracle_canonical(input)$$,
    'spoilt text that is read is read right');
SELECT is_empty(
    $$SELECT input
      FROM spoilt, regexp_replace(lower(input), '\s*([!,:|]|$|^)\s*', '\1', 'g') AS trimmed
      WHERE (sqlstate_of(format('SELECT %L::voucher.scope', input)) = '00000')
         <> (trimmed ~ '^(!?([*]|[a-z0-9_-]+(\.[a-z0-9_-]+)*)(:([*]|[a-z0-9_]+(\|[a-z0-9_]+)*))?(,|$))+$'
             AND trimmed !~ ',$' AND trimmed ~ '(^|,)[^!]')$$,
    'exactly what the grammar allows is read');
SELECT throws_ok(
    format('SELECT voucher.scope ''*'' OPERATOR(voucher.@>) %L', item), '22P02', NULL,
    format('no item: %L', item))
FROM unnest('{a,"",:t,a:,a:t|u,a:t:u}'::text[]) AS item;

--
-- Equality, hash and order
--

CREATE TEMP TABLE pair AS
    SELECT a.scope AS a, b.scope AS b
    FROM (SELECT scope, row_number() OVER (ORDER BY random()) AS id FROM sample) AS a
    JOIN (SELECT scope, row_number() OVER (ORDER BY random()) AS id FROM sample) AS b USING (id)
    UNION ALL
    -- the same scope again, written in another order and case
    SELECT scope, (SELECT string_agg(upper(term), ' , ' ORDER BY n DESC)
                   FROM string_to_table(scope::text, ', ') WITH ORDINALITY AS t (term, n))::scope
    FROM sample;
SELECT cmp_ok((SELECT count(*) FROM pair WHERE a = b), '>=', 5000::bigint, 'there are equal pairs');
SELECT is_empty(
    $$SELECT a, b FROM pair WHERE (a = b) <> (a::text = b::text) OR (a = b) <> (a::text::bytea = b::text::bytea)$$,
    'scopes are equal when their texts are');
SELECT is_empty(
    $$SELECT a, b FROM pair WHERE (a = b) <> record_image_eq(ROW(a), ROW(b))$$,
    'equal scopes are equal in every stored byte');
SELECT is_empty(
    $$SELECT a, b FROM pair
      WHERE a = b AND (scope_hash(a) <> scope_hash(b)
                       OR scope_hash_extended(a, 0) <> scope_hash_extended(b, 0)
                       OR scope_hash_extended(a, 42) <> scope_hash_extended(b, 42))$$,
    'equal scopes have equal hashes');
SELECT is_empty(
    $$SELECT a FROM pair
      WHERE scope_hash(a) <> (scope_hash_extended(a, 0) & x'ffffffff'::bigint)::bit(32)::int
         OR scope_hash_extended(a, 0) = scope_hash_extended(a, 42)$$,
    'the extended hash begins as the hash with seed 0, and heeds its seed');
SELECT cmp_ok(
    (SELECT count(DISTINCT scope::text) - count(DISTINCT scope_hash(scope)) FROM sample), '<=', 2::bigint,
    'different scopes have different hashes');
SELECT is_empty(
    $$SELECT a, b FROM pair
      WHERE sign(scope_cmp(a, b)) <> -sign(scope_cmp(b, a)) OR scope_cmp(a, a) <> 0
         OR (a < b) <> (scope_cmp(a, b) < 0) OR (a <= b) <> (scope_cmp(a, b) <= 0)
         OR (a = b) <> (scope_cmp(a, b) = 0) OR (a <> b) <> (scope_cmp(a, b) <> 0)
         OR (a >= b) <> (scope_cmp(a, b) >= 0) OR (a > b) <> (scope_cmp(a, b) > 0)$$,
    'the order is antisymmetric, and every operator agrees with it');
SELECT is_empty(
    $$WITH few AS (SELECT DISTINCT scope FROM (SELECT scope FROM sample WHERE id <= 60) AS s)
      SELECT a.scope, b.scope, c.scope FROM few AS a, few AS b, few AS c
      WHERE a.scope < b.scope AND b.scope < c.scope AND NOT a.scope < c.scope$$,
    'the order is transitive');
SELECT is_empty(
    $$SELECT a, b FROM pair WHERE (a < b) <> (a::text COLLATE "C" < b::text COLLATE "C")$$,
    'the order is that of the text, bytewise');

--
-- The GIN index finds what a sequential scan finds
--

CREATE TEMP TABLE indexed (id int, scope scope);
INSERT INTO indexed SELECT id, scope FROM sample WHERE id <= 1500;
CREATE INDEX indexed_gin ON indexed USING gin (scope);
-- these wait in the index's pending list
INSERT INTO indexed SELECT id, scope FROM sample WHERE id > 1500 AND id <= 3000;
CREATE TEMP TABLE item AS
    SELECT DISTINCT product || ':' || type AS item FROM sample WHERE id > 3000 AND id <= 3400;

-- EXECUTE: a plan that is kept would go on as it began
CREATE FUNCTION found_by(item text) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
    ids int[];
BEGIN
    EXECUTE 'SELECT array_agg(id ORDER BY id) FROM indexed WHERE scope @> $1' INTO ids USING item;
    RETURN ids;
END $$;
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END $$;

SET LOCAL enable_indexscan = off;
SET LOCAL enable_bitmapscan = off;
CREATE TEMP TABLE by_scan AS SELECT item, found_by(item) AS ids FROM item;
SET LOCAL enable_bitmapscan = on;
SET LOCAL enable_seqscan = off;
SELECT ok(bool_or(line LIKE '%Bitmap Index Scan on indexed_gin%'), 'the index is used for @>')
FROM plan_of($$SELECT id FROM indexed WHERE scope @> 'a.b:t'$$) AS line;
CREATE TEMP TABLE by_index AS SELECT item, found_by(item) AS ids FROM item;
SELECT is_empty(
    $$SELECT item, s.ids, i.ids FROM by_scan AS s JOIN by_index AS i USING (item)
      WHERE s.ids IS DISTINCT FROM i.ids$$,
    'the index finds what a scan finds');
SELECT cmp_ok((SELECT sum(cardinality(ids)) FROM by_index), '>', 1000::bigint, 'the index finds something');

--
-- Soft errors
--

\if :soft_errors
SELECT ok(pg_input_is_valid('a, !b', 'voucher.scope') AND NOT pg_input_is_valid('!b', 'voucher.scope')
          AND NOT pg_input_is_valid('a,', 'voucher.scope') AND NOT pg_input_is_valid(repeat('a', 256), 'voucher.scope'),
    'input errors are soft');
\else
SELECT skip('soft errors came with PostgreSQL 16', 1);
\endif

SELECT * FROM finish();
ROLLBACK;
