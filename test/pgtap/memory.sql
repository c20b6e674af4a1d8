-- Memory: nothing that a call allocates outlives its transaction.  Each call of
-- the table below is made 152 times in this session (slow ones 38 times), each in a transaction of its
-- own, and the memory that the session keeps is weighed between.  A call that
-- leaks makes it grow every time; what a cache takes, it takes once.  Commits, so
-- it wants a database of its own.
\set QUIET 1
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only true
\pset pager off

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;
\set warm_up 32
\set window 40
\set calls :warm_up + 3 * :window

SELECT voucher.register_product('ecs'), voucher.create_campaign('spring') \g /dev/null
SELECT voucher.create_template('gift', 'voucher', 'CNY', face_value => 50, refund_policy => 'prorata', transferable => true, shareable => true, valid => '(,2090-01-01)'),
       voucher.create_template('tenth', 'coupon', 'CNY', discount_rate => 0.1, uses => 1000000, refund_policy => 'return_if_undelivered'),
       voucher.create_template('word', 'promo_code', 'CNY', face_value => 1000000, maximum => 1, uses => 100000, promo_code => 'WORD', refund_policy => 'prorata'),
       voucher.create_template('offer', 'coupon', 'CNY', face_value => 1, campaign => 'spring', per_account => 1, scope => 'ecs:purchase'),
       voucher.create_template('coded', 'voucher', 'CNY', face_value => 50) \g /dev/null
SELECT voucher.create_limit('gift', max_count => 1000000), voucher.create_limit('word', max_count => 1000000, per => 'account', period => 'day'),
       voucher.create_limit('gift', max_amount => 100000000, counts => 'issue') \g /dev/null
INSERT INTO voucher.attempt_budget VALUES ('account', 38, '1 day');
CREATE TABLE shop_order (customer text, id text, product text, type text, price numeric);
CREATE TRIGGER settle AFTER INSERT ON shop_order FOR EACH ROW
    EXECUTE FUNCTION voucher.settle_order('account_id=customer', 'order_id=id', 'product=product', 'order_type=type', 'amount=price');
-- an account to read: a bit of everything, and little of it
SELECT voucher.open_account(a, 'CNY'), voucher.deposit(a, 1000) FROM unnest('{ann,ben}'::text[]) AS a \g /dev/null
SELECT voucher.grant('ann', t) FROM unnest('{gift,gift,tenth}'::text[]) AS t \g /dev/null
SELECT voucher.grant('ann', 'gift') AS shared \gset
SELECT voucher.share('ann', :shared, 'ben'), voucher.settle('ann', 'o1', 'ecs', 'renewal', 170, promo_code => 'word'), voucher.refund('ann', 'o1', 5),
       voucher.settle('ann', 'o2', 'ecs', 'renewal', 10, voucher => 'none'), voucher.issue_invoice('ann', 'i1', 'o1'), voucher.reserve('ann', 'held', 'ecs', 'renewal', 20, voucher => 'none'),
       voucher.settle('ann', 'bill', 'ecs', 'usage', 2000, payment_type => 'pay_as_you_go', arrears => true, voucher => 'none') \g /dev/null
CREATE TABLE inactive AS SELECT code FROM voucher.mint('coded', 1, batch => 'b') AS code;

-- ---------------------------------------------------------------------------
-- The calls
-- ---------------------------------------------------------------------------

-- $i is the number of a call, $a the account that this row has to itself, and
-- instrument(i) and code(i) what "before" has put into "made" for it.  Calls
-- that are refused say with what.
CREATE TABLE call (id serial, function text, call text, before text, refused text, slow boolean DEFAULT false);
CREATE TABLE made (i integer PRIMARY KEY, id bigint, code voucher.code);
CREATE FUNCTION instrument(i integer) RETURNS bigint STABLE BEGIN ATOMIC SELECT m.id FROM made AS m WHERE m.i = $1; END;
CREATE FUNCTION code(i integer) RETURNS voucher.code STABLE BEGIN ATOMIC SELECT m.code FROM made AS m WHERE m.i = $1; END;
\set granted 'INSERT INTO made (i, id) SELECT i, voucher.grant($a, ''gift'') FROM generate_series(1, $n) AS i'
\set coded 'INSERT INTO made (i, code) SELECT i, voucher.mint(''coded'', 1) FROM generate_series(1, $n) AS i'
\set settled 'SELECT voucher.grant($a, ''gift'', 1000), voucher.grant($a, ''tenth''); SELECT voucher.settle($a, ''o'' || i, ''ecs'', ''renewal'', 10, promo_code => ''word'') FROM generate_series(1, $n) AS i'
\set billed 'SELECT voucher.settle($a, ''o'' || i, ''ecs'', ''usage'', 20000000, payment_type => ''pay_as_you_go'', arrears => true) FROM generate_series(1, $n) AS i'
\set held 'SELECT voucher.grant($a, ''gift'', 1000); SELECT voucher.reserve($a, ''o'' || i, ''ecs'', ''renewal'', 10, promo_code => ''word'') FROM generate_series(1, $n) AS i'
\set paid 'SELECT voucher.settle($a, ''o'' || i, ''ecs'', ''renewal'', 10) FROM generate_series(1, $n) AS i'
\set invoiced :paid '; SELECT voucher.issue_invoice($a, ''i'' || i, ''o'' || i) FROM generate_series(1, $n) AS i'
INSERT INTO call (function, call, before, refused) VALUES
    -- what reads, first: there is little to read yet
    ('match', $$'ann', 'ecs', 'renewal', 10, promo_code => 'word'$$, NULL, NULL),
    ('explain', $$'ann', 'ecs', 'renewal', 10, promo_code => 'word'$$, NULL, NULL),
    ('quote', $$'ann', 'ecs', 'renewal', 10, promo_code => 'word'$$, NULL, NULL),
    ('quote', $$'ann', lines => ARRAY[voucher.line('ecs', 'renewal', 10), voucher.line('ecs', 'purchase', $i)]$$, NULL, NULL),
    ('list', $$'ann'$$, NULL, NULL),
    ('list', $$'ben'$$, NULL, NULL),
    ('held', $$'ann', 1$$, NULL, NULL),
    ('statement', $$'ann'$$, NULL, NULL),
    ('arrears', $$'ann'$$, NULL, NULL),
    ('invoice_candidates', $$'ann'$$, NULL, NULL),
    ('balance_at', $$'ann', 'CNY', now()$$, NULL, NULL),
    ('balance_at', $$'ann', 1, now()$$, NULL, NULL),
    ('status_at', $$'ann', 1, now()$$, NULL, NULL),
    ('explain_at', $$'ann', 'o1'$$, NULL, NULL),
    ('mint_report', $$'b'$$, NULL, NULL),
    ('expiring', $$'1 day'$$, NULL, NULL),
    ('take_expiring', $$'1 day'$$, NULL, NULL),
    ('keep_reminding', $$'job' || $i, '1 day', 1, now(), NULL$$, NULL, NULL),
    ('check', '', NULL, NULL),
    ('expiry_month', $$now()$$, NULL, NULL),
    ('stored_value', '', NULL, NULL),
    ('stored_value_of', '', NULL, NULL),
    ('liability', '', NULL, NULL),
    ('breakage', '', NULL, NULL),
    ('redemption', '', NULL, NULL),
    ('new_code', '', NULL, NULL),
    ('verify', '(SELECT code FROM inactive)', NULL, NULL),
    ('verify', $$voucher.new_code(), client => 'c'$$, NULL, 'VC008'),
    ('open_account', $$$a || $i, 'CNY'$$, NULL, NULL),
    ('deposit', $$$a, 1, request_id => 'd$i'$$, NULL, NULL),
    ('deposit', $$$a, 1, request_id => 'd'$$, NULL, NULL),
    ('deposit', $$$a, 0$$, NULL, '22023'),
    ('settle', $$$a, 'o$i', 'ecs', 'renewal', 10$$, NULL, NULL),
    ('settle', $$$a, 'o$i', 'ecs', 'renewal', 10, promo_code => 'word'$$, 'SELECT voucher.grant($a, ''gift'', 1000), voucher.grant($a, ''tenth'')', NULL),
    ('settle', $$$a, 'o$i', lines => ARRAY[voucher.line('ecs', 'renewal', 10), voucher.line('ecs', 'purchase', 5)], promo_code => 'word'$$, 'SELECT voucher.grant($a, ''gift'', 1000)', NULL),
    ('settle', $$$a, 'o1', 'ecs', 'renewal', 10, promo_code => 'word'$$, :'settled', NULL),
    ('settle', $$$a, 'o$i', 'ecs', 'renewal', 100000000$$, NULL, 'VC201'),
    -- wrong codes use up the budget, which is looked at before the code
    ('settle', $$'ann', 'new $i', 'ecs', 'renewal', 10, promo_code => 'no word $i'$$, NULL, 'VC008'),
    ('activate', $$'ann', voucher.new_code()$$, NULL, 'VC503'),
    ('settle', $$$a, 'o$i', 'product $i', 'renewal', 10$$, NULL, '22023'),
    ('reserve', $$$a, 'o$i', 'ecs', 'renewal', 10, promo_code => 'word'$$, 'SELECT voucher.grant($a, ''gift'', 1000)', NULL),
    ('capture', $$$a, 'o$i'$$, :'held', NULL),
    ('release', $$$a, 'o$i'$$, :'held', NULL),
    ('refund', $$$a, 'o$i', 5, request_id => 'r$i'$$, :'settled', NULL),
    ('refund', $$$a, 'o1', 0.01$$, :'settled', NULL),
    ('refund', $$$a, 'o1', 1000$$, :'settled', 'VC202'),
    ('cancel', $$$a, 'o$i'$$, :'settled', NULL),
    ('pay_arrears', $$$a, 'o$i', 1$$, :'billed' || '; SELECT voucher.deposit($a, 1000000)', NULL),
    ('rerate', $$$a, 'o$i', 'r$i', ARRAY[voucher.line('ecs', 'usage', 19)]$$, :'billed', NULL),
    ('issue_invoice', $$$a, 'i$i', 'o$i'$$, :'paid', NULL),
    ('issue_credit_invoice', $$$a, 'c$i', 'i$i'$$, :'invoiced' || '; SELECT voucher.refund($a, ''o'' || i, 5) FROM generate_series(1, $n) AS i', NULL),
    ('void_invoice', $$$a, 'i$i'$$, :'invoiced', NULL),
    ('grant', $$$a, 'gift', request_id => 'g$i'$$, NULL, NULL),
    ('grant', $$$a, 'gift', request_id => 'g'$$, NULL, NULL),
    ('grant', $$$a, 'no template $i'$$, NULL, 'VC005'),
    ('claim', $$$a || $i, 'spring'$$, 'SELECT voucher.open_account($a || i, ''CNY'') FROM generate_series(1, $n) AS i', NULL),
    ('invite', $$$a || $i, 'spring'$$, 'SELECT voucher.open_account($a || i, ''CNY'') FROM generate_series(1, $n) AS i', NULL),
    ('mint', $$'coded', 2$$, NULL, NULL),
    ('mint_pattern', $$'coded', 2, 'MEM-####-####-####-#'$$, NULL, NULL),
    ('activate', $$$a, code($i)$$, :'coded', NULL),
    ('activate', $$$a, code(1)$$, :'coded', NULL),
    ('freeze', $$$a, instrument($i)$$, :'granted', NULL),
    ('unfreeze', $$$a, instrument($i)$$, :'granted' || '; SELECT voucher.freeze($a, id) FROM made', NULL),
    ('reclaim', $$$a, instrument($i)$$, :'granted', NULL),
    ('revoke', $$$a, instrument($i)$$, :'granted', NULL),
    ('extend', $$$a, instrument($i), '2099-01-01'$$, :'granted', NULL),
    ('transfer', $$$a, instrument($i), 'ben'$$, :'granted', NULL),
    ('split', $$$a, instrument($i), '{1,2}'$$, :'granted', NULL),
    ('merge', $$$a, ARRAY[instrument($i), voucher.grant($a, 'gift')]$$, :'granted', NULL),
    ('share', $$$a, instrument($i), 'ben'$$, :'granted', NULL),
    ('unshare', $$$a, instrument($i), 'ben'$$, :'granted' || '; SELECT voucher.share($a, id, ''ben'') FROM made', NULL),
    ('settle_order', $$INSERT INTO shop_order VALUES ($a, 'o$i', 'ecs', 'renewal', 10)$$, NULL, NULL),
    -- what changes the catalogue, which is read again after it
    ('register_product', $$'p$i'$$, NULL, NULL),
    ('create_campaign', $$'campaign $i'$$, NULL, NULL),
    ('create_template', $$'template $i', 'voucher', 'CNY', face_value => 5$$, NULL, NULL),
    ('create_limit', $$'limited $i', max_count => 5$$, 'SELECT voucher.create_template(''limited '' || i, ''voucher'', ''CNY'', face_value => 5) FROM generate_series(1, $n) AS i', NULL);
-- a wrong code starts a process, and check() reads all there is
UPDATE call SET slow = function = 'check' OR refused = 'VC008';

-- Makes the calls of these numbers.
CREATE PROCEDURE run(call_id integer, first integer, last integer) LANGUAGE plpgsql AS $$
DECLARE
    c call;
    a text;
    statement text;
    state text;
BEGIN
    SELECT * INTO c FROM call WHERE id = call_id;
    a := quote_literal('account ' || call_id);
    IF first = 1 THEN
        DELETE FROM made;
        PERFORM voucher.open_account('account ' || call_id, 'CNY'), voucher.deposit('account ' || call_id, 1000000);
        IF c.before IS NOT NULL THEN
            EXECUTE replace(replace(c.before, '$a', a), '$n', (SELECT n::text FROM calls));
        END IF;
        COMMIT;
    END IF;
    statement := CASE WHEN c.call LIKE 'INSERT %' THEN c.call ELSE format('SELECT count(*) FROM voucher.%I(%s)', c.function, c.call) END;
    FOR i IN first .. last LOOP
        state := NULL;
        IF c.refused IS NULL THEN
            EXECUTE replace(replace(statement, '$a', a), '$i', i::text);
        ELSE
            BEGIN
                EXECUTE replace(replace(statement, '$a', a), '$i', i::text);
            EXCEPTION WHEN OTHERS THEN
                state := SQLSTATE;
            END;
            IF state IS DISTINCT FROM c.refused THEN
                RAISE 'call %, %: % instead of %', i, statement, state, c.refused;
            END IF;
        END IF;
        COMMIT;
    END LOOP;
END $$;
CREATE TABLE calls AS SELECT :calls AS n;

-- ---------------------------------------------------------------------------
-- The scales
-- ---------------------------------------------------------------------------

-- The memory that the session keeps: all contexts but the branches that a
-- statement or a transaction ends, and what waits to be reported as statistics.
-- Before PostgreSQL 18 a branch stands together, since then its contexts have a path.
CREATE VIEW kept AS
    SELECT name, used_bytes FROM (
        SELECT c.*, first_value(name) OVER (PARTITION BY branch ORDER BY nth) AS top FROM (
            SELECT m.name, m.used_bytes, m.nth, COALESCE(to_jsonb(m) #>> '{path,1}', (count(*) FILTER (WHERE level <= 1) OVER (ORDER BY nth))::text) AS branch
            FROM (SELECT *, row_number() OVER () AS nth FROM pg_backend_memory_contexts) AS m) AS c) AS c
    WHERE top NOT IN ('MessageContext', 'TopPortalContext', 'TopTransactionContext', 'ErrorContext') AND top NOT LIKE 'PgStat%';
CREATE TABLE weight (call_id integer, nth integer, bytes bigint, PRIMARY KEY (call_id, nth));

SELECT plan(2 + (SELECT count(*) FROM call)::integer);
SELECT set_eq($$SELECT p.proname::text FROM pg_proc AS p WHERE p.pronamespace = 'voucher'::regnamespace AND p.provolatile <> 'i' AND p.prorettype <> 'trigger'::regtype$$,
              $$SELECT function FROM call WHERE call NOT LIKE 'INSERT %'$$, 'every function but those that only compute is called');

SELECT format('CALL run(%s, %s, %s)', id, CASE nth WHEN 0 THEN 1 ELSE warm_up + (nth - 1) * step + 1 END, warm_up + nth * step),
       format('INSERT INTO weight SELECT %s, %s, sum(used_bytes) FROM kept', id, nth)
FROM (SELECT id, :warm_up / n AS warm_up, :window / n AS step FROM call CROSS JOIN LATERAL (SELECT CASE WHEN slow THEN 4 ELSE 1 END) AS s (n)) AS c CROSS JOIN generate_series(0, 3) AS nth
ORDER BY id, nth \gexec

-- Of three weighings the one in the middle: a cache may have lost or found
-- something in one of them.  The least that can be allocated is 16 bytes.
SELECT cmp_ok(grown, '<', 16 * :window::bigint / CASE WHEN slow THEN 4 ELSE 1 END, format('%s(%s)', function, call) || COALESCE(' refused: ' || refused, ''))
FROM call JOIN (SELECT call_id, percentile_disc(0.5) WITHIN GROUP (ORDER BY grown) AS grown
                FROM (SELECT call_id, bytes - lag(bytes) OVER (PARTITION BY call_id ORDER BY nth) AS grown FROM weight) AS g
                GROUP BY call_id) AS g ON call_id = id
ORDER BY id;
SELECT is_empty('SELECT * FROM voucher.check()', 'nothing is broken');
SELECT * FROM finish();
