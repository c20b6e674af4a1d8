-- The best combination: coupon, promo code and vouchers under exclusions,
-- thresholds before and after reductions, maxima and both effects. Every quote
-- is held against brute force: an oracle of its own, in whole minor units,
-- works out every set of instruments that go together.
--
-- A failing run is repeated with: pg_prove --set seed=SEED test/pgtap/combine.sql
\set QUIET 1
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL jit = off;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;

\if :{?seed}
\else
SELECT round(random()::numeric, 6) AS seed \gset
\endif
\if :{?orders}
\else
\set orders 2000
\endif
SELECT * FROM no_plan() \g /dev/null
SELECT diag('seed ' || :'seed');
SELECT setseed(:seed) \g /dev/null

CREATE FUNCTION pg_temp.among(n integer) RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT 1 + floor(random() * $1)::integer';
CREATE FUNCTION pg_temp.pick(anyarray) RETURNS anyelement LANGUAGE sql VOLATILE AS 'SELECT $1[pg_temp.among(cardinality($1))]';

SELECT voucher.register_product(p) FROM unnest('{ecs,oss,rds}'::text[]) AS p \g /dev/null

-- Templates of every sort; amounts in whole yuan and fen.
DO $$
DECLARE
    k text;
    e text;
    by_rate boolean;
BEGIN
    FOREACH k IN ARRAY '{voucher,coupon,promo_code}'::text[] LOOP
        FOR i IN 1 .. 25 LOOP
            e := CASE WHEN random() < 0.3 THEN pg_temp.pick('{tender,reduction}'::text[]) END;
            by_rate := random() < 0.5 AND (k <> 'voucher' OR COALESCE(e = 'reduction', false));
            PERFORM voucher.create_template(format('%s-%s', k, i), k, 'CNY', effect => e,
                face_value => CASE WHEN NOT by_rate THEN pg_temp.among(6000) / 100.0 END::voucher.amount,
                discount_rate => CASE WHEN by_rate THEN pg_temp.pick(ARRAY[1, 0.5, 0.333, 0.1, 0.07]) END,
                maximum => CASE WHEN random() < 0.3 THEN pg_temp.among(4000) / 100.0 END::voucher.amount,
                -- these hit exactly what is left of an order of 100
                threshold => CASE WHEN random() < 0.5 THEN pg_temp.pick(ARRAY[20, 50, 90, 100, pg_temp.among(10000) / 100.0]) ELSE 0 END::voucher.amount,
                threshold_after => random() < 0.5, threshold_strict => random() < 0.3,
                excludes => string_to_array(pg_temp.pick(ARRAY['', '', '', 'voucher', 'coupon', 'promo_code', 'coupon,promo_code', 'voucher,coupon,promo_code']), ','),
                priority => pg_temp.among(3), uses => 5,
                scope => pg_temp.pick('{*,*,ecs,oss,"ecs, oss","*, !rds"}'::text[])::voucher.scope,
                promo_code => CASE WHEN k = 'promo_code' THEN 'P' || i END);
        END LOOP;
    END LOOP;
END
$$;

-- ---------------------------------------------------------------------------
-- The oracle
-- ---------------------------------------------------------------------------

CREATE TEMP TABLE option (id bigint, kind text, reduces boolean, rate numeric, balance bigint, maximum bigint,
                          threshold bigint, late boolean, above boolean, excludes text[], priority integer, eligible boolean[]);

-- The cash that a set of instruments leaves, in fen; null: they do not go
-- together. They stand in the order of deduction within an effect.
CREATE FUNCTION pg_temp.cash_of(lines bigint[], used option[]) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    n integer := cardinality(lines);
    x option;
    y option;
    price bigint[] := lines;
    base bigint;
    limited bigint;
    value bigint;
    given bigint;
    share bigint[];
    rest bigint[];
    place integer;
BEGIN
    FOREACH x IN ARRAY used LOOP
        FOREACH y IN ARRAY used LOOP
            IF COALESCE(x.id, 0) <> COALESCE(y.id, 0) AND y.kind = ANY (x.excludes) THEN
                RETURN NULL;
            END IF;
        END LOOP;
    END LOOP;
    FOR turn IN 1 .. 2 LOOP
        FOREACH x IN ARRAY used LOOP
            CONTINUE WHEN x.reduces <> (turn = 1);
            base := 0;
            limited := 0;
            FOR j IN 1 .. n LOOP
                IF x.eligible[j] THEN
                    base := base + lines[j];
                    limited := limited + price[j];
                END IF;
            END LOOP;
            IF x.late AND NOT (limited > x.threshold OR limited = x.threshold AND NOT x.above) THEN
                RETURN NULL;
            END IF;
            value := least(CASE WHEN x.rate IS NULL THEN x.balance ELSE floor(base * x.rate + 0.5) END, x.maximum, base);
            CONTINUE WHEN value = 0;
            -- largest remainder: whole fen, ties to the earlier line
            given := 0;
            FOR j IN 1 .. n LOOP
                share[j] := CASE WHEN x.eligible[j] THEN div(value::numeric * lines[j], base) ELSE 0 END;
                rest[j] := CASE WHEN x.eligible[j] THEN mod(value::numeric * lines[j], base) ELSE 0 END;
                given := given + share[j];
            END LOOP;
            WHILE given < value LOOP
                place := 1;
                FOR j IN 2 .. n LOOP
                    IF rest[j] > rest[place] THEN
                        place := j;
                    END IF;
                END LOOP;
                share[place] := share[place] + 1;
                rest[place] := -1;
                given := given + 1;
            END LOOP;
            FOR j IN 1 .. n LOOP
                lines[j] := lines[j] - share[j];
                IF x.reduces THEN
                    price[j] := lines[j];
                END IF;
            END LOOP;
        END LOOP;
    END LOOP;
    RETURN (SELECT sum(l) FROM unnest(lines) AS l);
END
$$;

-- 100 and 50: 20 % of the first, then 10 that may look at 80 of it, then 30 of
-- both, 70 + 50, that is 17.50 and 12.50: 90 is left
SELECT is(pg_temp.cash_of('{10000,5000}', ARRAY[
    (1, 'coupon', true, 0.2, 0, NULL, 0, false, false, '{}', 0, '{t,f}'),
    (2, 'promo_code', true, NULL, 1000, NULL, 8000, true, false, '{}', 0, '{t,f}'),
    (3, 'voucher', false, NULL, 3000, NULL, 0, false, false, '{}', 0, '{t,t}')]::option[]), 9000::bigint, 'the oracle: a threshold that is reached after a reduction');
SELECT is(pg_temp.cash_of('{10000,5000}', ARRAY[
    (1, 'coupon', true, 0.2, 0, NULL, 0, false, false, '{}', 0, '{t,f}'),
    (2, 'promo_code', true, NULL, 1000, NULL, 8000, true, true, '{}', 0, '{t,f}')]::option[]), NULL::bigint, 'the oracle: a strict one is not');
SELECT is(pg_temp.cash_of('{10000}', ARRAY[
    (1, 'coupon', true, 0.2, 0, NULL, 0, false, false, '{promo_code}', 0, '{t}'),
    (2, 'promo_code', true, NULL, 1000, NULL, 0, false, false, '{}', 0, '{t}')]::option[]), NULL::bigint, 'the oracle: an exclusion');

-- Every set of instruments: at most one coupon, the promo code if there is one,
-- and at most so many of the vouchers; the least cash.
CREATE FUNCTION pg_temp.least_cash(lines bigint[], options option[], most integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    best bigint;
    coupons option[] := (SELECT array_agg(o ORDER BY o.id) FROM unnest(options) AS o WHERE o.kind = 'coupon');
    promo option[] := COALESCE((SELECT array_agg(o) FROM unnest(options) AS o WHERE o.kind = 'promo_code'), '{}');
    vouchers option[] := COALESCE((SELECT array_agg(o ORDER BY o.priority, o.id) FROM unnest(options) AS o WHERE o.kind = 'voucher'), '{}');
    these option[];
BEGIN
    FOR bits IN 0 .. (1 << cardinality(vouchers)) - 1 LOOP
        these := '{}';
        FOR v IN 1 .. cardinality(vouchers) LOOP
            IF bits & (1 << (v - 1)) <> 0 THEN
                these := these || vouchers[v];
            END IF;
        END LOOP;
        CONTINUE WHEN cardinality(these) > most;
        FOR c IN 0 .. COALESCE(cardinality(coupons), 0) LOOP
            best := least(best, pg_temp.cash_of(lines, CASE WHEN c = 0 THEN '{}' ELSE ARRAY[coupons[c]] END || promo || these));
        END LOOP;
    END LOOP;
    RETURN best;
END
$$;

-- ---------------------------------------------------------------------------
-- Random orders
-- ---------------------------------------------------------------------------

CREATE TEMP TABLE outcome (i integer, most integer, expected bigint, quoted voucher.settlement, settled voucher.settlement);

CREATE FUNCTION pg_temp.make_order(i integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    account text := 'account' || i;
    most integer := CASE WHEN random() < 0.5 THEN 1 ELSE 100 END;
    lines voucher.line[];
    fen bigint[];
    code text;
    options option[];
    q voucher.settlement;
    s voucher.settlement;
BEGIN
    PERFORM voucher.open_account(account, 'CNY'), voucher.deposit(account, 1000);
    PERFORM voucher.grant(account, t.name)
    FROM (SELECT name, kind, row_number() OVER (PARTITION BY kind ORDER BY random()) AS n FROM voucher.template) AS t
    WHERE kind = 'coupon' AND n <= 3 OR kind = 'voucher' AND n <= 4;
    SELECT array_agg(voucher.line(l.product, 'purchase', l.fen / 100.0) ORDER BY l.j), array_agg(l.fen ORDER BY l.j)
    INTO lines, fen
    FROM (SELECT j, pg_temp.pick('{ecs,oss,rds}'::text[]) AS product, pg_temp.pick(ARRAY[10000, 5000, pg_temp.among(15000)])::bigint AS fen
          FROM generate_series(1, pg_temp.among(3)) AS j) AS l;
    IF random() < 0.6 THEN
        code := 'P' || pg_temp.among(25);
    END IF;
    SELECT array_agg(ROW(COALESCE(n.instrument_id, -1), t.kind, t.reduces, t.discount_rate,
                         (t.face_value::numeric * 100)::bigint, (t.maximum::numeric * 100)::bigint, (t.threshold::numeric * 100)::bigint,
                         t.threshold_after, t.threshold_strict, t.excludes, t.priority, e.eligible)::option)
    INTO options
    FROM voucher.template AS t
    LEFT JOIN voucher.instrument AS n ON n.account_id = account AND n.template_id = t.template_id
    CROSS JOIN LATERAL (SELECT array_agg(voucher.covers(t.scope, l.product, 'purchase') ORDER BY j) AS eligible,
                               COALESCE(sum((l.amount::numeric * 100)::bigint) FILTER (WHERE voucher.covers(t.scope, l.product, 'purchase')), 0) AS base
                        FROM unnest(lines) WITH ORDINALITY AS l (line_no, product, order_type, amount, duration, j)) AS e
    WHERE (n.instrument_id IS NOT NULL OR t.promo_code = code)
      AND e.base > 0 AND (e.base > t.threshold::numeric * 100 OR e.base = t.threshold::numeric * 100 AND NOT t.threshold_strict);
    IF NOT EXISTS (SELECT FROM unnest(options) AS o WHERE o.kind = 'promo_code') THEN
        code := NULL;
    END IF;
    q := voucher.quote(account, lines => lines, promo_code => code, policy => CASE most WHEN 1 THEN 'largest' ELSE 'openmeter' END);
    s := voucher.settle(account, 'order', lines => lines, promo_code => code, policy => CASE most WHEN 1 THEN 'largest' ELSE 'openmeter' END);
    INSERT INTO outcome VALUES (i, most, pg_temp.least_cash(fen, options, most), q, s);
END
$$;
SELECT pg_temp.make_order(n) FROM generate_series(1, :orders) AS n \g /dev/null

SELECT is((SELECT count(*) FROM outcome), :orders::bigint, 'every order is settled');
SELECT is_empty('SELECT i, most, expected, (quoted).cash FROM outcome WHERE (quoted).cash::numeric * 100 <> expected', 'no set of instruments leaves less cash');
SELECT is_empty('SELECT i FROM outcome WHERE (quoted).cash OPERATOR(voucher.<>) (settled).cash OR (quoted).discount OPERATOR(voucher.<>) (settled).discount
                 OR (quoted).policy <> (settled).policy OR (quoted).exact <> (settled).exact', 'quote = settle');
SELECT is_empty('SELECT i FROM outcome WHERE NOT (quoted).exact', 'all of them are exact');
-- the orders must be worth their run
SELECT ok(count(*) FILTER (WHERE cardinality((settled).parts) >= 3) > :orders / 20
          AND count(*) FILTER (WHERE most > 1 AND (SELECT count(*) FROM voucher.settlement_part AS p WHERE p.account_id = (settled).account_id AND p.kind = 'voucher') > 1) > :orders / 20
          AND count(*) FILTER (WHERE expected > 0) > :orders / 2, 'orders of every sort occur') FROM outcome;
SELECT is_empty($$SELECT a.order_id FROM voucher.settlement_part AS a JOIN voucher.settlement_part AS b USING (account_id, order_id)
                  JOIN voucher.template AS t ON t.name = a.template WHERE a.part <> b.part AND b.kind = ANY (t.excludes)$$, 'what excludes a kind has none of it beside it');
SELECT is_empty('SELECT * FROM voucher.check()', 'all ledgers are sound');
SELECT * FROM finish();
ROLLBACK;
