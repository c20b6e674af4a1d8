-- Properties of who pays what, over random orders: identities, whole minor
-- units, shares, least cash, largest remainder, refunds that close. Oracles are
-- written in numeric, from the rules and not from the code.
--
-- A failing run is repeated with: pg_prove --set seed=SEED test/pgtap/plan.sql
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
SELECT plan(23);
SELECT diag('seed ' || :'seed');
SELECT setseed(:seed) \g /dev/null

-- ---------------------------------------------------------------------------
-- The world: products, and templates of each kind in three currencies
-- ---------------------------------------------------------------------------

CREATE FUNCTION pg_temp.among(n integer) RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT 1 + floor(random() * $1)::integer';
CREATE FUNCTION pg_temp.pick(anyarray) RETURNS anyelement LANGUAGE sql VOLATILE AS 'SELECT $1[pg_temp.among(cardinality($1))]';

SELECT voucher.register_product(p) FROM unnest('{ecs,oss,rds,mail}'::text[]) AS p \g /dev/null
-- one voucher per order, whatever the payment type; policy.sql and combine.sql have many
INSERT INTO voucher.default_policy VALUES ('pay_as_you_go', 'largest');
CREATE TEMP TABLE money (currency text, digits integer);
INSERT INTO money VALUES ('JPY', 0), ('CNY', 2), ('KWD', 3);

-- A whole number of minor units, up to a thousand units.
CREATE FUNCTION pg_temp.minor_amount(digits integer, most integer DEFAULT 1000) RETURNS numeric LANGUAGE sql VOLATILE AS $$
    SELECT round(pg_temp.among(($2 * 10 ^ $1)::integer) / (10 ^ $1)::numeric, $1)
$$;

DO $$
DECLARE
    m record;
    k text;
    by_rate boolean;
BEGIN
    FOR m IN SELECT * FROM money LOOP
        FOREACH k IN ARRAY '{voucher,coupon,promo_code}'::text[] LOOP
            FOR i IN 1 .. 12 LOOP
                by_rate := k <> 'voucher' AND random() < 0.6;
                PERFORM voucher.create_template(format('%s-%s-%s', m.currency, k, i), k, m.currency,
                    face_value => CASE WHEN NOT by_rate THEN pg_temp.minor_amount(m.digits, 300) END::voucher.amount,
                    discount_rate => CASE WHEN by_rate THEN pg_temp.pick(ARRAY[1, 0.5, 0.25, 0.333, 0.00000001, round((random() * 0.9 + 0.01)::numeric, 8)]) END,
                    maximum => CASE WHEN random() < 0.4 THEN pg_temp.minor_amount(m.digits, 200) END::voucher.amount,
                    threshold => CASE WHEN random() < 0.3 THEN round((random() * 500)::numeric, 4) ELSE 0 END::voucher.amount,
                    scope => pg_temp.pick('{*,*,ecs,ecs.g7,"ecs, !ecs.g7","oss, rds:purchase","*:purchase|upgrade","*, !mail","rds:renewal, ecs.g7","*:usage","mail, oss:upgrade"}'::text[])::voucher.scope,
                    payment_type => pg_temp.pick('{NULL,NULL,NULL,subscription,pay_as_you_go}'::text[]),
                    valid => tstzrange(NULL, pg_temp.pick(ARRAY[NULL, now() + interval '1 day', now() + interval '2 days'])),
                    promo_code => CASE WHEN k = 'promo_code' THEN format('%sP%s', m.currency, i) END);
            END LOOP;
        END LOOP;
    END LOOP;
END
$$;

-- ---------------------------------------------------------------------------
-- The orders: each has an account of its own, is quoted in all ways that the
-- account's coupons and vouchers allow, settled, and refunded in parts
-- ---------------------------------------------------------------------------

CREATE TEMP TABLE ordered (i integer PRIMARY KEY, digits integer, promo text, quoted voucher.settlement, settled voucher.settlement);
CREATE TEMP TABLE alternative (i integer, coupon text, voucher text, settlement voucher.settlement);
CREATE TEMP TABLE refunded (i integer, part integer, entry voucher.settlement_entry);
CREATE TEMP TABLE misfit (i integer, what text, sqlstate text);

-- List prices: whole minor units, eight decimals, or next to nothing.
CREATE FUNCTION pg_temp.list_price(digits integer, style integer) RETURNS voucher.amount LANGUAGE sql VOLATILE AS $$
    SELECT CASE CASE WHEN $2 = 4 THEN pg_temp.among(3) ELSE $2 END
        WHEN 1 THEN pg_temp.minor_amount($1)
        WHEN 2 THEN ceil(random() * 50000000000)::bigint * 0.00000001
        ELSE pg_temp.among(100) * 0.00000001 END::voucher.amount
$$;

CREATE FUNCTION pg_temp.make_order(n integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    account text := 'account' || n;
    style integer := pg_temp.pick('{1,1,2,2,3,4,4}'::integer[]);
    few boolean := random() < 0.3;      -- so that vouchers tie
    payment text := pg_temp.pick('{subscription,subscription,pay_as_you_go}'::text[]);
    code text;
    m record;
    coupon text;
    voucher text;
    lines voucher.line[];
    q voucher.settlement;
    s voucher.settlement;
    r voucher.settlement_entry;
    part integer := 0;
    parts integer := pg_temp.among(5);
    ask numeric;
BEGIN
    SELECT * INTO m FROM money ORDER BY random() LIMIT 1;
    PERFORM voucher.open_account(account, m.currency);
    PERFORM voucher.grant(account, t.name, CASE WHEN t.kind = 'voucher' THEN CASE WHEN few THEN pg_temp.pick('{20,100}'::numeric[])
                          ELSE pg_temp.minor_amount(m.digits, pg_temp.pick('{1,10,1000}'::integer[])) END END::voucher.amount)
    FROM (SELECT name, kind FROM voucher.template WHERE currency = m.currency AND kind <> 'promo_code' ORDER BY random() LIMIT pg_temp.among(9) - 1) AS t;
    SELECT array_agg(voucher.line(pg_temp.pick('{ecs,ecs.g7,ecs.g7.large,oss,rds,mail}'::text[]),
                                  pg_temp.pick('{purchase,purchase,renewal,upgrade,usage}'::text[]), pg_temp.list_price(m.digits, style)))
    INTO lines FROM generate_series(1, pg_temp.among(6));

    -- a promo code that does not apply is refused, not ignored
    IF random() < 0.6 THEN
        SELECT promo_code INTO code FROM voucher.template WHERE currency = m.currency AND kind = 'promo_code' ORDER BY random() LIMIT 1;
        IF NOT (SELECT applies FROM voucher.match(account, lines => lines, payment_type => payment, policy => 'largest', promo_code => code) WHERE kind = 'promo_code') THEN
            BEGIN
                PERFORM voucher.quote(account, lines => lines, payment_type => payment, policy => 'largest', promo_code => code);
                INSERT INTO misfit VALUES (n, code, '00000');
            EXCEPTION WHEN OTHERS THEN
                INSERT INTO misfit VALUES (n, code, SQLSTATE);
            END;
            code := NULL;
        END IF;
    END IF;

    q := voucher.quote(account, lines => lines, payment_type => payment, policy => 'largest', promo_code => code);
    FOR coupon IN SELECT 'none' UNION ALL SELECT c.instrument_id::text FROM voucher.match(account, lines => lines, payment_type => payment, policy => 'largest') AS c WHERE c.applies AND c.kind = 'coupon' LOOP
        FOR voucher IN SELECT 'none' UNION ALL SELECT v.instrument_id::text FROM voucher.match(account, lines => lines, payment_type => payment, policy => 'largest') AS v WHERE v.applies AND v.kind = 'voucher' LOOP
            INSERT INTO alternative
            VALUES (n, coupon, voucher, voucher.quote(account, lines => lines, payment_type => payment, policy => 'largest', promo_code => code, voucher => voucher, coupon => coupon));
        END LOOP;
    END LOOP;

    IF q.cash::numeric > 0 THEN
        PERFORM voucher.deposit(account, q.cash);
    END IF;
    s := voucher.settle(account, 'order' || n, lines => lines, payment_type => payment, policy => 'largest', promo_code => code);
    INSERT INTO ordered VALUES (n, m.digits, code, q, s);

    ask := s.voucher::numeric + s.cash::numeric;
    WHILE part < parts AND ask > 0 LOOP
        part := part + 1;
        r := voucher.refund(account, 'order' || n, CASE WHEN part < parts THEN pg_temp.among((ask * 10 ^ m.digits)::integer) / (10 ^ m.digits)::numeric END::voucher.amount);
        ask := ask - r.requested::numeric;
        INSERT INTO refunded VALUES (n, part, r);
    END LOOP;
END
$$;
SELECT pg_temp.make_order(n) FROM generate_series(1, :orders) AS n \g /dev/null

-- ---------------------------------------------------------------------------
-- The same in numeric: lines, parts, shares
-- ---------------------------------------------------------------------------

CREATE TEMP TABLE bill AS
SELECT o.i, o.digits, (10 ^ -o.digits)::numeric AS minor, o.promo, (s).payment_type, (s).gross::numeric, (s).discount::numeric, (s).rounding::numeric,
       (s).voucher::numeric, (s).cash::numeric, (s).account_id,
       (SELECT array_agg(l.amount::numeric ORDER BY j) FROM unnest((s).lines) WITH ORDINALITY AS l (line_no, product, order_type, amount, duration, region, tags, at, j)) AS line,
       (SELECT array_agg(l.product ORDER BY j) FROM unnest((s).lines) WITH ORDINALITY AS l (line_no, product, order_type, amount, duration, region, tags, at, j)) AS product,
       (SELECT array_agg(l.order_type ORDER BY j) FROM unnest((s).lines) WITH ORDINALITY AS l (line_no, product, order_type, amount, duration, region, tags, at, j)) AS order_type,
       (s).parts, (SELECT COALESCE(array_agg(p.paid::numeric ORDER BY j), '{}') FROM unnest((s).parts) WITH ORDINALITY AS p (instrument_id, paid, share, j)) AS paid
FROM (SELECT i, digits, promo, settled AS s FROM ordered) AS o;

CREATE TEMP TABLE part AS
SELECT b.i, p AS part, t.kind, t.name, b.paid[p] AS paid, b.minor, b.digits, t.scope, t.payment_type AS terms_payment_type, b.payment_type,
       t.discount_rate AS rate, n.face_value::numeric AS face_value, t.maximum::numeric AS maximum, t.threshold::numeric AS threshold, b.line,
       (SELECT array_agg(voucher.covers(t.scope, b.product[j], b.order_type[j]) ORDER BY j) FROM generate_subscripts(b.line, 1) AS j) AS covered,
       (SELECT array_agg(b.parts[p].share[j]::numeric ORDER BY j) FROM generate_subscripts(b.line, 1) AS j) AS share,
       -- what the parts before it left of each line
       (SELECT array_agg(b.line[j] - COALESCE((SELECT sum(b.parts[e].share[j]::numeric) FROM generate_series(1, p - 1) AS e), 0) ORDER BY j)
        FROM generate_subscripts(b.line, 1) AS j) AS left_of
FROM bill AS b
CROSS JOIN LATERAL generate_subscripts(b.paid, 1) AS p
JOIN voucher.instrument AS n ON n.account_id = b.account_id AND n.instrument_id = b.parts[p].instrument_id
JOIN voucher.template AS t ON t.template_id = n.template_id;

CREATE FUNCTION pg_temp.total(numeric[]) RETURNS numeric LANGUAGE sql AS 'SELECT sum(v) FROM unnest($1) AS v';

-- Largest remainder, in whole steps: what each line gets of a total, in
-- proportion to its weight. Integers only, so that no quotient is rounded.
CREATE FUNCTION pg_temp.largest_remainder(total numeric, weights numeric[], step numeric) RETURNS numeric[] LANGUAGE sql AS $$
    WITH exact AS (
        SELECT j, div($1 / $3 * w, s.sum) AS steps, mod($1 / $3 * w, s.sum) AS rest
        FROM unnest($2) WITH ORDINALITY AS u (w, j), (SELECT pg_temp.total($2) AS sum) AS s),
    ranked AS (
        SELECT j, steps, row_number() OVER (ORDER BY rest DESC, j) AS place, trunc($1 / $3) - sum(steps) OVER () AS missing FROM exact)
    SELECT array_agg((steps + CASE WHEN place <= missing THEN 1 ELSE 0 END) * $3 ORDER BY j) FROM ranked
$$;
-- 10 over 1 : 1 : 1 in steps of 1 and of 0.01, worked out by hand
SELECT is(pg_temp.largest_remainder(10, '{1,1,1}', 1), '{4,3,3}', 'the oracle: ties by line number');
SELECT is(pg_temp.largest_remainder(10, '{1,2,0}', 0.01), '{3.33,6.67,0}', 'the oracle: the larger remainder first');

-- ---------------------------------------------------------------------------
-- Properties
-- ---------------------------------------------------------------------------

SELECT is((SELECT count(*) FROM ordered), :orders::bigint, 'every order is settled');
-- the random orders must be worth their run: all kinds of them occur
SELECT ok(count(DISTINCT kind) = 3 AND bool_or(kind = 'coupon' AND rate IS NULL) AND bool_or(kind = 'coupon' AND rate IS NOT NULL)
          AND bool_or(paid = maximum) AND bool_or(threshold > 0) AND bool_or(cardinality(line) > 1), 'coupons, promo codes and vouchers of every sort are used') FROM part;
SELECT ok(bool_or(cardinality(paid) = 3) AND bool_or(cardinality(paid) = 0) AND bool_or(cash = 0) AND bool_or(rounding > 0)
          AND bool_or(cash > 0 AND voucher > 0 AND discount > 0), 'orders of every sort occur') FROM bill;

SELECT is_empty($$SELECT i, gross FROM bill WHERE gross <> discount + rounding + voucher + cash OR gross <> pg_temp.total(line)$$,
                'gross = sum of lines = discount + rounding + voucher + cash');
SELECT is_empty($$SELECT i FROM bill WHERE least(discount, rounding, voucher, cash) < 0 OR rounding >= minor$$, 'none is negative, and rounding is less than a minor unit');
SELECT is_empty($$SELECT i FROM bill WHERE mod(cash, minor) <> 0 OR mod(discount, minor) <> 0 OR mod(voucher, minor) <> 0$$, 'cash, discount and voucher are whole minor units');
SELECT is_empty($$SELECT i, part, paid FROM part WHERE mod(paid, minor) <> 0 OR paid <= 0$$, 'every part is a whole number of minor units, one at least');
SELECT is_empty($$SELECT i, part, share FROM part WHERE pg_temp.total(share) <> paid$$, 'the shares of a part add up to it');
SELECT is_empty($$SELECT i, part, share FROM part, unnest(share, left_of) AS u (share_of_line, left_of_line) WHERE share_of_line < 0 OR share_of_line > left_of_line$$,
                '0 <= share <= what is left of the line');
SELECT is_empty($$SELECT i, part, share FROM part, unnest(share, covered) AS u (share_of_line, line_covered) WHERE NOT line_covered AND share_of_line <> 0$$,
                'a line that the scope does not cover gets nothing');
SELECT is_empty($$SELECT i, array_agg(kind) FROM part GROUP BY i HAVING array_agg(kind ORDER BY part) <> array_agg(DISTINCT kind)$$,
                'at most one coupon, one promo code and one voucher, in this order');
SELECT is_empty($$SELECT i, name FROM part WHERE terms_payment_type <> payment_type
                  OR threshold > (SELECT sum(l) FROM unnest(line, covered) AS u (l, c) WHERE c)$$, 'what is used fits payment type and least amount');

-- what is left of the covered lines; what is due is the rest of all, cut down
CREATE TEMP TABLE expected AS
SELECT p.*, (SELECT sum(l) FROM unnest(left_of, covered) AS u (l, c) WHERE c) AS base,
       trunc(pg_temp.total(left_of), digits) AS due
FROM part AS p;
SELECT is_empty($$SELECT i, name, paid, base FROM expected
                  WHERE paid <> trunc(least(CASE WHEN rate IS NULL THEN face_value ELSE round(base * rate, digits) END, maximum, base, due), digits)$$,
                'a part is its face value or rate, at most its maximum, the covered lines and what is due');
SELECT is_empty($$SELECT i, name, paid, share FROM
                  (SELECT p.*, (SELECT array_agg(CASE WHEN c THEN l ELSE 0 END ORDER BY j) FROM unnest(left_of, covered) WITH ORDINALITY AS u (l, c, j)) AS weights FROM part AS p) AS p
                  WHERE share <> pg_temp.largest_remainder(paid, weights,
                      -- shares are whole minor units where all that they divide is
                      CASE WHEN (SELECT bool_and(mod(w, minor) = 0) FROM unnest(weights) AS w) THEN minor ELSE 0.00000001 END)$$,
                'the shares are those of the largest remainder');

-- the quote does not know the order's id and epoch, nor who settles, nor the instrument that a promo code becomes
SELECT is_empty($$SELECT i FROM (SELECT i, to_jsonb(quoted) - '{order_id,recorded_at,recorded_by,epoch,parts}'::text[] AS q, to_jsonb(settled) - '{order_id,recorded_at,recorded_by,epoch,parts}'::text[] AS s,
                                        (quoted).parts AS qp, (settled).parts AS sp FROM ordered) AS o
                  WHERE q <> s OR cardinality(qp) <> cardinality(sp)
                     OR EXISTS (SELECT FROM generate_subscripts(qp, 1) AS p
                                WHERE COALESCE(qp[p].instrument_id, 0) NOT IN (0, sp[p].instrument_id) OR ROW(qp[p].paid, qp[p].share)::text <> ROW(sp[p].paid, sp[p].share)::text)$$,
                'what is quoted is what is settled');

CREATE TEMP TABLE alternative_bill AS
SELECT i, coupon, voucher AS named, (settlement).cash::numeric AS cash, (settlement).voucher::numeric AS voucher, cardinality((settlement).parts) AS parts,
       (settlement).account_id AS account_id
FROM alternative;
SELECT is_empty($$SELECT b.i, b.cash FROM bill AS b WHERE b.cash <> (SELECT min(a.cash) FROM alternative_bill AS a WHERE a.i = b.i)$$,
                'no choice of coupon and voucher takes less cash');
SELECT is_empty($$SELECT b.i FROM bill AS b JOIN LATERAL (SELECT a.voucher, a.parts FROM alternative_bill AS a WHERE a.i = b.i ORDER BY a.cash, a.voucher, a.parts LIMIT 1) AS a ON true
                  WHERE b.voucher <> a.voucher OR cardinality(b.paid) <> a.parts$$, 'and of those that take as little none spends less of the vouchers, or fewer of them');
-- of the vouchers that may be named with the coupon that was chosen
SELECT is_empty($$SELECT b.i FROM bill AS b
                  CROSS JOIN LATERAL (SELECT COALESCE((SELECT p.instrument_id::text FROM voucher.settlement_part AS p WHERE p.account_id = b.account_id AND p.kind = 'coupon'), 'none') AS coupon) AS c
                  JOIN LATERAL (SELECT a.named, a.voucher FROM alternative_bill AS a
                                LEFT JOIN voucher.instrument AS n ON n.account_id = a.account_id AND n.instrument_id::text = a.named
                                WHERE a.i = b.i AND a.coupon = c.coupon
                                ORDER BY a.voucher DESC, n.face_value::numeric DESC, COALESCE(upper(n.validity), 'infinity'), n.instrument_id LIMIT 1) AS best ON best.voucher > 0
                  WHERE NOT EXISTS (SELECT FROM voucher.settlement_part AS p WHERE p.account_id = b.account_id AND p.kind = 'voucher' AND p.instrument_id::text = best.named)$$,
                'the voucher is the one that pays most, then has most, expires first, is oldest');
SELECT is_empty($$SELECT * FROM misfit WHERE sqlstate NOT IN ('VC105', 'VC106', 'VC107', 'VC108')$$, 'a promo code that does not fit is refused for what it does not fit');

-- half up, in whole minor units: floor((2 C R + T) / 2 T)
SELECT is_empty($$SELECT r.i, r.part FROM
                  (SELECT b.i, f.part, f.part = max(f.part) OVER (PARTITION BY b.i) AS last, b.cash / b.minor AS c, (b.cash + b.voucher) / b.minor AS t, b.cash,
                          (f.entry).refunded::numeric / b.minor AS r, (f.entry).refunded_cash::numeric / b.minor AS back, (f.entry).refunded_cash::numeric AS refunded_cash
                   FROM refunded AS f JOIN bill AS b USING (i)) AS r
                  WHERE back <> div(2 * c * r + t, 2 * t) OR last AND (refunded_cash <> cash OR r <> t)$$,
                'refunds give back cash in proportion, and the last part closes exactly');
SELECT is_empty('SELECT * FROM voucher.check()', 'all ledgers are sound');
SELECT * FROM finish();
ROLLBACK;
