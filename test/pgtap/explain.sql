-- explain: every reason with its figures and the nearest way to qualify; held
-- against match and against what happens when its advice is followed. And
-- strangers, who learn nothing.
\set QUIET 1
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL TimeZone = 'UTC';
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;

\if :{?seed}
\else
SELECT round(random()::numeric, 6) AS seed \gset
\endif
SELECT * FROM no_plan() \g /dev/null
SELECT diag('seed ' || :'seed');
SELECT setseed(:seed) \g /dev/null

SELECT voucher.register_product(p) FROM unnest('{ecs,oss}'::text[]) AS p \g /dev/null
SELECT voucher.create_campaign('guests') \g /dev/null
SELECT voucher.open_account('ann', 'CNY', at => '2026-01-01'), voucher.deposit('ann', 1000, at => '2026-01-01') \g /dev/null

-- one that fails for all there is
SELECT voucher.create_template('hard', 'voucher', 'CNY', face_value => 30, uses => 1, threshold => 100, scope => 'ecs:purchase', payment_type => 'subscription',
                               first_purchase => true, min_duration => '30 days', regions => '{cn-hangzhou}', tags => '{"a": "b"}', valid => '[2026-01-01,2027-01-01)'),
       voucher.create_template('easy', 'voucher', 'CNY', face_value => 30, threshold => 100, scope => 'ecs'),
       voucher.create_template('word', 'promo_code', 'CNY', face_value => 30, promo_code => 'WORD', campaign => 'guests', audience => 'invited') \g /dev/null
SELECT voucher.grant('ann', 'hard', at => '2026-01-01') AS hard, voucher.grant('ann', 'easy', at => '2026-01-01') AS easy \gset
SELECT voucher.settle('ann', 'o1', lines => ARRAY[voucher.line('ecs', 'purchase', 100, '1 month', region => 'cn-hangzhou', tags => '{"a": "b"}')], voucher => :'hard', at => '2026-01-02') \g /dev/null
SELECT voucher.freeze('ann', :hard, at => '2026-01-03') \g /dev/null

CREATE FUNCTION pg_temp.reasons(id bigint, lines voucher.line[], payment_type text, at timestamptz, promo text DEFAULT NULL) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT format('%s: %s', reason, COALESCE(nearest, '-')) FROM voucher.explain('ann', lines => $2, payment_type => $3, at => $4, promo_code => $5)
    WHERE instrument_id IS NOT DISTINCT FROM $1
$$;
-- an upgrade of ecs for 92, a year too late, of the other payment type; the
-- scope lacks upgrades, and so nothing counts towards the 100
SELECT results_eq(format($$SELECT pg_temp.reasons(%s, ARRAY[voucher.line('ecs', 'upgrade', 92)], 'pay_as_you_go', '2028-01-01')$$, :hard), ARRAY[
    'exhausted: -', 'expired: -', 'frozen: -', 'payment_type: a subscription order', 'order_type_not_in_scope: a line of ecs:purchase',
    'region: a line in "cn-hangzhou"', 'tags: a line tagged {"a": "b"}', 'duration: a duration of at least 30 days', 'below_threshold: 100.00 more of ecs:purchase'],
    'all that is wrong, not the first only');
SELECT results_eq(format($$SELECT pg_temp.reasons(%s, ARRAY[voucher.line('oss', 'purchase', 92, '1 day'), voucher.line('ecs', 'purchase', 92, '1 day', region => 'cn-hangzhou')], 'subscription', '2025-01-01')$$, :hard), ARRAY[
    'exhausted: -', 'frozen: -', 'not_yet_effective: from 2026-01-01 00:00:00+00 on', 'tags: a line tagged {"a": "b"}',
    'not_first_purchase: a product that the account has not purchased', 'duration: a duration of at least 30 days', 'below_threshold: 100.00 more of ecs:purchase'],
    'of the lines, the one that comes nearest');
SELECT results_eq(format($$SELECT pg_temp.reasons(%s, ARRAY[voucher.line('ecs', 'renewal', 92), voucher.line('oss', 'renewal', 50)], 'subscription', '2026-02-01')$$, :easy), ARRAY['below_threshold: 8.00 more of ecs'], '8.00 more of ecs');
SELECT results_eq(format($$SELECT pg_temp.reasons(%s, ARRAY[voucher.line('ecs', 'renewal', 100)], 'subscription', '2026-02-01')$$, :easy), ARRAY['applies: -'], 'what applies says so, once');
SELECT results_eq($$SELECT pg_temp.reasons(NULL, ARRAY[voucher.line('ecs', 'renewal', 100)], 'subscription', '2026-02-01', 'word')$$, ARRAY['not_invited: an invitation to guests'], 'a promo code that was typed');
SELECT is((SELECT detail FROM voucher.explain('ann', 'ecs', 'renewal', 92, at => '2026-02-01') WHERE reason = 'below_threshold' AND template = 'easy'),
          'The lines that it covers come to 92.00; 8.00 more would reach 100.00.', 'with figures');

-- ---------------------------------------------------------------------------
-- Random instruments and orders
-- ---------------------------------------------------------------------------

CREATE FUNCTION pg_temp.among(n integer) RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT 1 + floor(random() * $1)::integer';
CREATE FUNCTION pg_temp.pick(anyarray) RETURNS anyelement LANGUAGE sql VOLATILE AS 'SELECT $1[pg_temp.among(cardinality($1))]';
SELECT voucher.open_account('bob', 'CNY', at => '2026-01-01') \g /dev/null
DO $$
BEGIN
    FOR i IN 1 .. 60 LOOP
        PERFORM voucher.create_template('r' || i, pg_temp.pick('{voucher,coupon}'::text[]), 'CNY', face_value => 10, threshold => pg_temp.pick('{0,50,100}'::integer[]),
            threshold_strict => random() < 0.5, scope => pg_temp.pick('{*,ecs,oss,ecs:renewal}'::text[])::voucher.scope, payment_type => pg_temp.pick('{NULL,subscription,pay_as_you_go}'::text[]),
            min_duration => pg_temp.pick('{NULL,NULL,30 days}'::interval[]), regions => CASE WHEN random() < 0.3 THEN '{east}'::text[] END,
            valid => tstzrange(pg_temp.pick('{NULL,2026-01-01,2026-06-01}'::timestamptz[]), pg_temp.pick('{NULL,2026-07-01,2027-01-01}'::timestamptz[])));
        PERFORM voucher.grant('bob', 'r' || i, at => '2026-06-01');
    END LOOP;
    PERFORM voucher.freeze('bob', instrument_id) FROM voucher.instrument WHERE account_id = 'bob' AND random() < 0.2;
END
$$;
CREATE TEMP TABLE asked AS
SELECT n, r.pay, r.at, ARRAY[voucher.line(pg_temp.pick('{ecs,oss}'::text[]), pg_temp.pick('{renewal,upgrade}'::text[]), pg_temp.among(12) * 10,
                                      pg_temp.pick('{NULL,1 day,60 days}'::interval[]), region => pg_temp.pick('{NULL,east,west}'::text[]))] AS lines
FROM generate_series(1, 100) AS n, LATERAL (SELECT pg_temp.pick('{subscription,pay_as_you_go}'::text[]) AS pay, pg_temp.pick('{2025-01-01,2026-06-15,2026-08-01,2028-01-01}'::timestamptz[]) AS at, n AS for_each) AS r;
CREATE TEMP TABLE answer AS
SELECT a.*, e.instrument_id, e.reason, e.nearest, e.detail, e.place FROM asked AS a
CROSS JOIN LATERAL (SELECT x.*, row_number() OVER (PARTITION BY x.instrument_id ORDER BY x.o) AS place
                    FROM voucher.explain('bob', lines => a.lines, payment_type => a.pay, at => a.at) WITH ORDINALITY
                        AS x (kind, instrument_id, template, applies, reason, detail, nearest, o)) AS e;
SELECT cmp_ok((SELECT count(*) FROM answer WHERE place >= 4), '>', 100::bigint, 'instruments with many reasons occur');
SELECT is_empty($$SELECT a.n, m.instrument_id, m.reason FROM asked AS a CROSS JOIN LATERAL voucher.match('bob', lines => a.lines, payment_type => a.pay, at => a.at) AS m
                  FULL JOIN (SELECT * FROM answer WHERE place = 1) AS e ON e.n = a.n AND e.instrument_id = m.instrument_id
                  WHERE (m.reason, m.detail) IS DISTINCT FROM (e.reason, e.detail)$$, 'the first reason is match''s');
SELECT is_empty('SELECT n, instrument_id, reason FROM answer GROUP BY 1, 2, 3 HAVING count(*) > 1', 'no reason is told twice');
SELECT is_empty($$SELECT n, instrument_id FROM answer WHERE (reason = 'applies') AND place > 1$$, 'what applies has no other reason');

-- what each template asks, judged here by itself: the reasons that do not depend on another
SELECT is_empty($$SELECT a.n, i.instrument_id, r.reason, r.fails FROM asked AS a
                  CROSS JOIN voucher.instrument AS i JOIN voucher.template AS t USING (template_id)
                  CROSS JOIN LATERAL (VALUES
                      ('frozen', i.frozen), ('expired', COALESCE(a.at >= upper(i.validity), false)), ('not_yet_effective', COALESCE(a.at < lower(i.validity), false)),
                      ('payment_type', COALESCE(t.payment_type <> a.pay, false)),
                      ('product_not_in_scope', NOT ((a.lines)[1].product = ANY (voucher.products(t.scope)) OR t.scope::text = '*')),
                      ('order_type_not_in_scope', t.scope::text = 'ecs:renewal' AND (a.lines)[1].product = 'ecs' AND (a.lines)[1].order_type <> 'renewal'),
                      ('region', t.regions IS NOT NULL AND (a.lines)[1].region IS DISTINCT FROM 'east'),
                      ('duration', t.min_duration IS NOT NULL AND ((a.lines)[1].duration >= t.min_duration) IS NOT TRUE)) AS r (reason, fails)
                  WHERE i.account_id = 'bob'
                    AND r.fails <> EXISTS (SELECT FROM answer AS e WHERE e.n = a.n AND e.instrument_id = i.instrument_id AND e.reason = r.reason)$$,
                'each reason is told where its rule says no, and only there');
-- the advice about a threshold, followed: it is reached, and with a minor unit less it is not
CREATE TEMP TABLE followed AS
SELECT e.n, e.instrument_id, e.pay, e.at, e.lines, substring(e.nearest FROM '^[0-9.]+')::numeric AS more FROM answer AS e WHERE e.reason = 'below_threshold' AND e.place = 1;
SELECT cmp_ok((SELECT count(*) FROM followed), '>', 20::bigint, 'thresholds that are not reached occur');
SELECT is_empty($$SELECT f.n, f.instrument_id, f.more, short FROM followed AS f CROSS JOIN unnest('{0,0.01}'::numeric[]) AS short
                  CROSS JOIN LATERAL (SELECT (SELECT array_agg(voucher.line(l.product, l.order_type, (l.amount::numeric + f.more - short)::voucher.amount, l.duration, region => l.region)) FROM unnest(f.lines) AS l) AS lines) AS b
                  CROSS JOIN LATERAL voucher.match('bob', lines => b.lines, payment_type => f.pay, at => f.at) AS m
                  WHERE m.instrument_id = f.instrument_id AND m.applies <> (short = 0)$$, 'so much more is enough, and a fen less is not');

-- ---------------------------------------------------------------------------
-- Strangers
-- ---------------------------------------------------------------------------

SELECT code FROM voucher.mint('easy', 1) AS code \gset
SELECT voucher.activate('ann', :'code', at => '2026-02-01') AS activated \gset
-- What a call raises, all of it.
CREATE FUNCTION pg_temp.answer(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    detail text;
    hint text;
BEGIN
    EXECUTE call;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws('|', SQLSTATE, message, detail, hint);
END
$$;
SELECT is(pg_temp.answer(format($$SELECT voucher.activate('bob', %L)$$, :'code')), pg_temp.answer(format($$SELECT voucher.activate('bob', %L)$$, voucher.new_code())),
          'a code that another account has and one that was never minted get one answer');
SELECT is(pg_temp.answer(format($$SELECT voucher.verify(%L)$$, voucher.new_code())), 'VC008|voucher code does not exist||', 'so does verify');
SELECT is(replace(pg_temp.answer(format($$SELECT voucher.quote('bob', 'ecs', 'renewal', 1, voucher => '%s')$$, :activated)), :'activated', 'N'),
          replace(pg_temp.answer($$SELECT voucher.quote('bob', 'ecs', 'renewal', 1, voucher => '99999999')$$), '99999999', 'N'), 'the id of another account''s voucher is one that does not exist');
SELECT is_empty(format($$SELECT * FROM voucher.explain('bob', 'ecs', 'renewal', 1) WHERE instrument_id = %s$$, :activated), 'and explain does not show it');
SELECT is(pg_temp.answer($$SELECT voucher.explain('bob', 'ecs', 'renewal', 1, promo_code => 'nobody')$$), 'VC008|promo code "NOBODY" does not exist||', 'a promo code that is none');
SELECT * FROM finish();
ROLLBACK;
