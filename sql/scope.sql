--
-- voucher.scope: what a voucher may pay for
--
SET search_path = voucher, public;
\set VERBOSITY default
\set SHOW_CONTEXT never

-- Canonical text; the expectation stands next to each input.
SELECT input, input::scope AS scope, input::scope::text = expected AS ok
FROM (VALUES
    ('*', '*'),
    ('*:*', '*'),
    ('ecs', 'ecs'),
    ('ecs, rds:purchase|renewal', 'ecs, rds:purchase|renewal'),
    ('*:purchase, !market', '*:purchase, !market'),
    ('ecs:purchase|upgrade, !ecs.gpu', 'ecs:purchase|upgrade, !ecs.gpu'),
    -- case and white space
    ('ECS.G7 : Purchase', 'ecs.g7:purchase'),
    (E' \t! Market\n:\r* , * ', '*, !market'),
    ('a_b-c.1:x_1', 'a_b-c.1:x_1'),
    ('-._', '-._'),
    -- includes first, sorted bytewise: * < - < . < digits < _ < letters
    ('!z,b,!*,a', 'a, b, !*, !z'),
    ('ab,a_,a0,a.b,a-b,a,*', '*, a, a-b, a.b, a0, a_, ab'),
    -- a product that is written twice is one term; its types are united
    ('a:y,a:x', 'a:x|y'),
    ('a:x|x|y,a:y', 'a:x|y'),
    ('a:xy|x', 'a:x|xy'),
    ('a:x,a', 'a'),
    ('a:*,a:x', 'a'),
    ('a,a,a', 'a'),
    ('*:x,*:y', '*:x|y'),
    -- but not a product and what is below it, nor an include and an exclude
    ('a,a.b', 'a, a.b'),
    ('a:x,!a:y', 'a:x, !a:y'),
    ('*,!*', '*, !*')
) AS v (input, expected);

-- Text that is no scope.
SELECT ''::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT '  '::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT '!market'::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT 'ecs,'::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT ',ecs'::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT 'ecs rds'::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT 'ecs.'::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT '.ecs'::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT 'ecs..g7'::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT 'ecs. g7'::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT 'ecs.*'::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT '*.g7'::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT '!!ecs'::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT 'ecs:'::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT 'ecs:purchase|'::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT 'ecs:purchase|*'::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT 'ecs:*|purchase'::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT 'ecs:os-change'::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT 'ecs:a:b'::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT U&'ecs, \4e91'::scope;
\echo :LAST_ERROR_SQLSTATE

-- Limits: 255 and 63 bytes, 1000 terms, 10000 order types.
SELECT length(repeat('p', 255)::scope::text), length(('*:' || repeat('t', 63))::scope::text);
SELECT ('ecs, ' || repeat('p', 256))::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT ('ecs:' || repeat('t', 64))::scope;
\echo :LAST_ERROR_SQLSTATE
CREATE FUNCTION terms(n int) RETURNS text LANGUAGE sql
    RETURN (SELECT string_agg('p' || g, ',') FROM generate_series(1, n) g);
CREATE FUNCTION types(n int) RETURNS text LANGUAGE sql
    RETURN (SELECT 'ecs:' || string_agg('t' || g, '|') FROM generate_series(1, n) g);
SELECT cardinality(products(terms(1000)::scope)), cardinality(order_types(types(10000)::scope));
SELECT terms(1001)::scope;
\echo :LAST_ERROR_SQLSTATE
SELECT types(10001)::scope;
\echo :LAST_ERROR_SQLSTATE

-- What a scope covers.
SELECT scope, item, scope @> item AS covers, (scope @> item) = expected AS ok,
       item <@ scope = scope @> item AS commutes,
       covers(scope, split_part(item, ':', 1), split_part(item, ':', 2)) = scope @> item AS same
FROM (VALUES
    ('*'::scope, 'ecs.g7:purchase', true),
    ('ecs', 'ecs:purchase', true),
    ('ecs', 'ecs.g7.large:purchase', true),
    ('ecs', 'ecsx:purchase', false),
    ('ecs', 'ec:purchase', false),
    ('ecs', 'ecs-x:purchase', false),
    ('ecs', 'rds:purchase', false),
    ('ecs.g7', 'ecs:purchase', false),
    ('ecs.g7', 'ecs.g7:purchase', true),
    ('ecs.g7', 'ecs.g8:purchase', false),
    ('rds:purchase|renewal', 'rds:purchase', true),
    ('rds:purchase|renewal', 'rds:renewal', true),
    ('rds:purchase|renewal', 'rds:upgrade', false),
    ('rds:purchase|renewal', 'rds:new', false),
    ('rds:purchase|renewal', 'rds:renew', false),
    ('rds:purchase|renewal', 'rds:renewals', false),
    -- types of several terms add up
    ('*:purchase, ecs:renewal', 'ecs.g7:renewal', true),
    ('*:purchase, ecs:renewal', 'ecs.g7:purchase', true),
    ('*:purchase, ecs:renewal', 'rds:renewal', false),
    ('ecs:purchase, ecs.g7:renewal', 'ecs.g7:purchase', true),
    -- excludes win, also over what is more specific
    ('*:purchase, !market', 'market.image:purchase', false),
    ('*:purchase, !market', 'ecs:purchase', true),
    ('*:purchase, !market', 'ecs:renewal', false),
    ('*, market.image, !market', 'market.image:purchase', false),
    ('ecs, !ecs.gpu:upgrade', 'ecs.gpu:upgrade', false),
    ('ecs, !ecs.gpu:upgrade', 'ecs.gpu:purchase', true),
    ('ecs, !*:renewal', 'ecs:renewal', false),
    ('ecs, !*:renewal', 'ecs:purchase', true),
    ('*, !*', 'ecs:purchase', false),
    -- an item is read as a scope is
    ('ecs', ' ECS.G7 : Purchase ', true)
) AS v (scope, item, expected);
SELECT covers(NULL, 'ecs', 'purchase'), 'ecs'::scope @> NULL AS contains;

-- Items, products and order types that are none.
SELECT scope '*' @> 'ecs';
\echo :LAST_ERROR_SQLSTATE
SELECT scope '*' @> '';
\echo :LAST_ERROR_SQLSTATE
SELECT scope '*' @> '*:purchase';
\echo :LAST_ERROR_SQLSTATE
SELECT scope '*' @> 'ecs:*';
\echo :LAST_ERROR_SQLSTATE
SELECT scope '*' @> 'ecs.:purchase';
\echo :LAST_ERROR_SQLSTATE
SELECT 'ecs:purchase|renewal' <@ scope '*';
\echo :LAST_ERROR_SQLSTATE
SELECT covers('*', '*', 'purchase');
\echo :LAST_ERROR_SQLSTATE
SELECT covers('*', 'ecs:x', 'purchase');
\echo :LAST_ERROR_SQLSTATE
SELECT covers('*', 'ecs', 'a|b');
\echo :LAST_ERROR_SQLSTATE
SELECT scope '*' @> (repeat('p', 255) || ':' || repeat('t', 63)) AS longest;
SELECT scope '*' @> (repeat('p', 256) || ':t');
\echo :LAST_ERROR_SQLSTATE
SELECT covers('*', 'p', repeat('t', 64));
\echo :LAST_ERROR_SQLSTATE

-- What a scope includes.
SELECT scope, products(scope), order_types(scope)
FROM (VALUES
    ('*'::scope),
    ('rds:renewal|purchase, ecs, !ecs.gpu:upgrade'),
    ('b:y|z, a:x|y, !c:w')
) AS v (scope);

-- Order and equality.
SELECT string_agg(s::text, ' ; ' ORDER BY s) FROM unnest('{b,"a:x, !b",*,a,"a, b",a:x}'::scope[]) s;
SELECT a, b, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt, sign(scope_cmp(a, b)) AS cmp_sign
FROM (VALUES ('a'::scope, 'a, b'::scope), ('b', 'a'), ('a:y, a:x', ' A:x|y ')) v (a, b);

-- Stored values: short, long and compressed ones are equal to fresh ones.
CREATE TABLE scopes (id int PRIMARY KEY, scope scope NOT NULL);
INSERT INTO scopes VALUES (1, 'ecs'), (2, terms(1000)::scope), (3, types(1000)::scope), (4, '*, !market');
SELECT id, pg_column_compression(scope) IS NOT NULL AS compressed,
       scope = scope::text::scope AS equal,
       scope_hash(scope) = scope_hash(scope::text::scope) AS same_hash,
       scope_hash_extended(scope, 7) = scope_hash_extended(scope::text::scope, 7) AS same_hash_extended,
       covers(scope, 'p999.x', 't'), covers(scope, 'ecs', 't77')
FROM scopes ORDER BY id;

-- Binary input and output are the text, and hostile input is refused.
SELECT scope_send('B, A:y|x'::scope) = convert_to('a:x|y, b', 'UTF8') AS sent;
CREATE TABLE copied (LIKE scopes);
\copy scopes TO 'results/scope.data' (FORMAT binary)
\copy copied FROM 'results/scope.data' (FORMAT binary)
SELECT count(*) FROM scopes JOIN copied USING (id, scope);
\copy (SELECT 5, ' B,a:y|X ') TO 'results/scope.data' (FORMAT binary)
\copy copied FROM 'results/scope.data' (FORMAT binary)
SELECT scope FROM copied WHERE id = 5;
\copy (SELECT 6, 'ecs:') TO 'results/scope.data' (FORMAT binary)
\copy copied FROM 'results/scope.data' (FORMAT binary)
\copy (SELECT 6, '\x656373002c'::bytea) TO 'results/scope.data' (FORMAT binary)
\copy copied FROM 'results/scope.data' (FORMAT binary)
\copy (SELECT 6, ''::bytea) TO 'results/scope.data' (FORMAT binary)
\copy copied FROM 'results/scope.data' (FORMAT binary)

-- "Which scopes cover this item" is an index look-up, whichever way it is asked.
CREATE INDEX scopes_scope_gin ON scopes USING gin (scope);
SET enable_seqscan = off;
SET enable_indexscan = off;    -- of the primary key; GIN has bitmap scans only
EXPLAIN (COSTS OFF) SELECT id FROM scopes WHERE scope @> 'ecs.g7:purchase' ORDER BY id;
EXPLAIN (COSTS OFF) SELECT id FROM scopes WHERE 'ecs.g7:purchase' <@ scope ORDER BY id;
SELECT id FROM scopes WHERE scope @> 'ecs.g7:purchase' ORDER BY id;
SELECT id FROM scopes WHERE 'ecs:t77' <@ scope ORDER BY id;
SELECT id FROM scopes WHERE scope @> 'p500:purchase' ORDER BY id;
SELECT id FROM scopes WHERE scope @> 'market:purchase' ORDER BY id;
SELECT id FROM scopes WHERE scope @> 'market' ORDER BY id;
\echo :LAST_ERROR_SQLSTATE
RESET enable_indexscan;

-- A hash index, and the catalog's own check of all operator classes.
CREATE INDEX scopes_scope_hash ON scopes USING hash (scope);
EXPLAIN (COSTS OFF) SELECT id FROM scopes WHERE scope = ' * , ! MARKET ';
SELECT id FROM scopes WHERE scope = ' * , ! MARKET ';
RESET enable_seqscan;
SELECT amname, opcname, amvalidate(c.oid)
FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod
WHERE opcintype = 'voucher.scope'::regtype ORDER BY amname;

DROP TABLE scopes, copied;
DROP FUNCTION terms, types;
