-- Properties of the type amount, against numeric, on random values. To repeat
-- a run: pg_prove --set seed=<what it printed>
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\set ON_ERROR_STOP 1
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;
SET LOCAL search_path = voucher, public;

\if :{?seed}
\else
SELECT round(random()::numeric, 6) AS seed \gset
\endif
SELECT setseed(:seed) \gset
SELECT plan(30);
SELECT diag('seed ' || :seed);

-- Units of every magnitude, and the edges: n is what a should be.
CREATE TEMP TABLE sample AS
SELECT i, u * 0.00000001 AS n, (u * 0.00000001)::amount AS a
FROM (SELECT i, (hashint8extended(i, (random() * 1e9)::bigint) >> (1 + random() * 62)::integer)::numeric AS u
	  FROM generate_series(1, 2000) i
	  UNION ALL
	  SELECT 2000 + row_number() OVER (), v
	  FROM (VALUES (0), (1), (-1), (99999999), (100000000), (-100000000), (9223372036854775807),
			(-9223372036854775807), (9223372036854775806), (4611686018427387904)) t(v)) s;
-- Neighbours in a random order, and equal pairs.
CREATE TEMP TABLE pair AS
SELECT x.a AS a, x.n AS n, y.a AS b, y.n AS m
FROM (SELECT a, n, row_number() OVER (ORDER BY i) AS k FROM sample) x
JOIN (SELECT a, n, row_number() OVER (ORDER BY random()) AS k FROM sample) y USING (k)
UNION ALL
SELECT a, n, n::amount, n FROM sample
UNION ALL
SELECT a, n, (n + 0.00000001)::amount, n + 0.00000001 FROM sample WHERE n < 92233720368;

CREATE FUNCTION pg_temp.units(amount) RETURNS bigint LANGUAGE sql AS
$$ SELECT ('x' || encode(amount_send($1), 'hex'))::bit(64)::bigint $$;

-- The type
SELECT results_eq(
	$$ SELECT typlen::int, typbyval, typalign::text, typcategory::text, typispreferred
	   FROM pg_type WHERE oid = 'amount'::regtype $$,
	$$ VALUES (8, true, 'd', 'N', false) $$, 'eight bytes, by value, a number but not the preferred one');
SELECT bag_eq(
	$$ SELECT castsource::regtype::text, casttarget::regtype::text, castcontext::text, castmethod::text FROM pg_cast
	   WHERE 'amount'::regtype IN (castsource, casttarget) $$,
	$$ VALUES ('integer', 'amount', 'i', 'f'), ('bigint', 'amount', 'i', 'f'), ('numeric', 'amount', 'i', 'f'),
			  ('amount', 'numeric', 'a', 'f') $$, 'the casts, none of them from or to float');

-- Round trips
SELECT is_empty('SELECT n, a FROM sample WHERE a::numeric <> n', 'numeric -> amount -> numeric');
SELECT is_empty('SELECT n, a FROM sample WHERE a::text::amount <> a', 'amount -> text -> amount');
SELECT is_empty('SELECT n, a FROM sample WHERE a::text::numeric <> n', 'the text is the number');
SELECT is_empty('SELECT n, a FROM sample WHERE pg_temp.units(a) <> n * 100000000', 'the bytes are the units');
SELECT is_empty(
	$$ SELECT a FROM sample WHERE a::text !~ '^-?(0|[1-9][0-9]*)[.][0-9]{2}([0-9]*[1-9])?$' OR a::text = '-0.00' $$,
	'the text is canonical');
SELECT is_empty('SELECT n, a FROM sample WHERE a::numeric::text <> a::text', 'numeric shows the same decimals');
SELECT is_empty(
	$$ SELECT a FROM sample WHERE (E' \n' || CASE WHEN n >= 0 THEN '+00' ELSE '-00' END || abs(n) || '000 ')::amount <> a $$,
	'any spelling of a number is the same amount');

-- Order and hash
SELECT is_empty(
	$$ SELECT a, b FROM pair
	   WHERE (a < b, a <= b, a = b, a <> b, a >= b, a > b) IS DISTINCT FROM
			 (n < m, n <= m, n = m, n <> m, n >= m, n > m) $$, 'the operators order as numeric does');
SELECT is_empty('SELECT a, b FROM pair WHERE sign(amount_cmp(a, b)) <> sign(n - m)', 'cmp orders as numeric does');
SELECT is_empty('SELECT a, b FROM pair WHERE sign(amount_cmp(a, b)) <> -sign(amount_cmp(b, a))', 'cmp is antisymmetric');
SELECT results_eq('SELECT a::numeric FROM sample ORDER BY a', 'SELECT n FROM sample ORDER BY n', 'sorting');
SELECT is_empty(
	$$ SELECT a, b FROM pair WHERE a = b AND (amount_hash(a) <> amount_hash(b) OR
	   amount_hash_extended(a, 7) <> amount_hash_extended(b, 7) OR amount_send(a) <> amount_send(b)) $$,
	'equal amounts have equal hashes and bytes');
SELECT is_empty(
	$$ SELECT a FROM sample WHERE amount_hash(a)::bit(32) <> amount_hash_extended(a, 0)::bit(32) $$,
	'the extended hash with seed 0 is the hash');
SELECT cmp_ok(
	(SELECT count(DISTINCT amount_hash(a)) FROM (SELECT DISTINCT a FROM sample) s), '>=',
	(SELECT count(DISTINCT a) - 5 FROM sample), 'the hash spreads');
SELECT bag_eq(
	$$ SELECT concat_ws(' ', o.oprname, c.oprname, n.oprname, o.oprcanhash, o.oprcanmerge, o.oprrest, o.oprjoin)
			  COLLATE "default"
	   FROM pg_operator o JOIN pg_operator c ON c.oid = o.oprcom JOIN pg_operator n ON n.oid = o.oprnegate
	   WHERE o.oprleft = 'amount'::regtype AND o.oprright = 'amount'::regtype AND o.oprresult = 'bool'::regtype $$,
	$$ VALUES ('< > >= f f scalarltsel scalarltjoinsel'), ('<= >= > f f scalarlesel scalarlejoinsel'),
			  ('<> <> = f f neqsel neqjoinsel'), ('= = <> t t eqsel eqjoinsel'),
			  ('> < <= f f scalargtsel scalargtjoinsel'), ('>= <= < f f scalargesel scalargejoinsel') $$,
	'commutators, negators and selectivity');
SELECT is_empty(
	$$ SELECT c.oid FROM pg_opclass c WHERE opcname = 'amount_ops' AND NOT amvalidate(c.oid) $$,
	'the operator classes are valid');

-- Arithmetic: the exact result, or 22003 where it is out of range
CREATE FUNCTION pg_temp.calculate(expression text, a amount, b amount, k bigint, OUT result numeric, OUT state text)
LANGUAGE plpgsql AS $$
BEGIN
	CASE expression
		WHEN 'a + b' THEN result := a + b;
		WHEN 'a - b' THEN result := a - b;
		WHEN 'a * k' THEN result := a * k;
		WHEN 'k * a' THEN result := k * a;
		WHEN '- a' THEN result := - a;
		WHEN 'abs(a)' THEN result := abs(a);
		WHEN 'round(a, k)' THEN result := round(a, k);
		WHEN 'trunc(a, k)' THEN result := trunc(a, k);
	END CASE;
EXCEPTION WHEN others THEN
	state := SQLSTATE;
END $$;
CREATE FUNCTION pg_temp.miscalculated(expression text, reference text, factors text)
RETURNS TABLE (a amount, b amount, k bigint, expected numeric, result numeric, state text) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format(
		'SELECT a, b, k, e, c.result, c.state
		 FROM (SELECT a, b, k, %s AS e FROM (SELECT *, %s AS k FROM pair) p) q, pg_temp.calculate(%L, a, b, k) c
		 WHERE CASE WHEN abs(e) <= 92233720368.54775807 THEN c.result IS DISTINCT FROM e
					ELSE c.state IS DISTINCT FROM ''22003'' END', reference, factors, expression);
END $$;
SELECT is_empty(format('SELECT * FROM pg_temp.miscalculated(%L, %L, %L)', expression, expected, factors), expression)
FROM (VALUES
	(1, 'a + b', 'n + m', '0::bigint'),
	(2, 'a - b', 'n - m', '0::bigint'),
	(3, 'a * k', 'n * k::numeric', '(hashint8extended(pg_temp.units(b), 1) >> (abs(hashint8(pg_temp.units(a))::bigint) % 64)::int)'),
	(4, 'k * a', 'k::numeric * n', '(hashint8extended(pg_temp.units(b), 2) >> (abs(hashint8(pg_temp.units(a))::bigint) % 64)::int)'),
	(5, '- a', '- n', '0::bigint'),
	(6, 'abs(a)', 'abs(n)', '0::bigint'),
	(7, 'round(a, k)', 'pg_catalog.round(n, k::int)', 'abs(hashint8(pg_temp.units(b))::bigint) % 9'),
	(8, 'trunc(a, k)', 'pg_catalog.trunc(n, k::int)', 'abs(hashint8(pg_temp.units(b))::bigint) % 9')
) t(i, expression, expected, factors) ORDER BY i;

-- Aggregates; a thousandth of an amount lets all sums fit
CREATE TEMP TABLE small AS SELECT i, pg_catalog.round(n / 4096, 8) AS n, pg_catalog.round(n / 4096, 8)::amount AS a FROM sample;
UPDATE small SET n = NULL, a = NULL WHERE i % 10 = 0;
SELECT results_eq('SELECT sum(a)::numeric, min(a)::numeric, max(a)::numeric FROM small',
				  'SELECT sum(n), min(n), max(n) FROM small', 'sum, min and max');
SELECT is_empty(
	$$ SELECT i FROM (SELECT i, sum(a) OVER w::numeric AS s, sum(n) OVER w AS e FROM small
		WINDOW w AS (ORDER BY i ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING)) t WHERE s IS DISTINCT FROM e $$,
	'sum over a moving frame');

-- What works without amounts resolves as if this schema were not there.
-- All that is lost: rounding an integer to a smallint or a quoted number of digits.
CREATE FUNCTION pg_temp.resolve(expression text, path text) RETURNS text
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
	type text;
BEGIN
	PERFORM set_config('search_path', path, true);
	EXECUTE 'SELECT pg_catalog.pg_typeof(' || expression || ')' INTO type;
	RETURN type;
EXCEPTION WHEN others THEN
	RETURN SQLSTATE;
END $$;
CREATE TEMP TABLE expression AS
WITH operand (x) AS (
	SELECT 'NULL::' || unnest('{int2,int4,int8,numeric,float4,float8,money,oid,interval,date,text,jsonb,pg_lsn}'::text[])
	UNION ALL
	SELECT unnest('{''5'',NULL}'::text[]))
SELECT format('%s %s %s', l.x, o, r.x) AS e
FROM operand l, operand r, unnest('{+,-,*,=,<>,<,<=,>,>=}'::text[]) o
UNION ALL
SELECT format(f, x) FROM operand, unnest('{-%s,abs(%s),round(%s),trunc(%s),sum(%s),min(%s),max(%s)}'::text[]) f
UNION ALL
SELECT format('%s(%s, %s)', f, l.x, r.x) FROM operand l, operand r, unnest('{round,trunc}'::text[]) f;
SELECT is_empty(
	$$ SELECT *
	   FROM (SELECT e, pg_temp.resolve(e, 'pg_catalog') AS without, pg_temp.resolve(e, 'voucher, public') AS "with"
			 FROM expression) t
	   WHERE without <> "with" AND without ~ '[a-z]' AND
			 e !~ '^(round|trunc)[(](NULL::int[48]|''5''), (NULL::int2|''5'')[)]$' $$,
	'expressions on other types neither change nor become ambiguous');

-- Soft errors came with PostgreSQL 16
CREATE FUNCTION pg_temp.soft(value text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	valid boolean;
BEGIN
	EXECUTE 'SELECT pg_input_is_valid($1, ''voucher.amount'')' INTO valid USING value;
	RETURN valid;
END $$;
SELECT CASE WHEN current_setting('server_version_num')::integer < 160000
			THEN skip('no soft errors before PostgreSQL 16', 1)
			ELSE is_empty(
				$$ SELECT v FROM (VALUES ('5', true), ('x', false), ('', false), ('1.123456789', false),
					('92233720368.54775808', false)) t(v, valid) WHERE pg_temp.soft(v) <> valid $$, 'soft errors') END;

SELECT * FROM finish();
ROLLBACK;
