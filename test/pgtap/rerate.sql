-- Random bills with prices below the minor unit, re-rated again and again, up
-- and down, held against plain numeric: what a chain of bills has billed is what
-- its last lines come to, cut off once; what was taken back is waived or
-- refunded; no cent is lost or doubled; and re-rating to the first lines restores
-- what an account had that nothing is forfeited of.
--
-- A failing run is repeated with: pg_prove --set seed=SEED test/pgtap/rerate.sql
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
\if :{?bills}
\else
\set bills 250
\endif
SELECT plan(14);
SELECT diag('seed ' || :'seed');
SELECT setseed(:seed) \g /dev/null

SELECT voucher.register_product(p) FROM unnest('{ecs,oss,rds}'::text[]) AS p \g /dev/null
SELECT voucher.create_template('all back', 'voucher', 'CNY', face_value => 10, refund_policy => 'return_if_undelivered'),
       voucher.create_template('ecs back', 'voucher', 'CNY', face_value => 10, scope => 'ecs', refund_policy => 'prorata'),
       voucher.create_template('early back', 'voucher', 'CNY', face_value => 10, refund_policy => 'return_within', refund_within => '1 day'),
       voucher.create_template('forfeit', 'voucher', 'CNY', face_value => 10),
       voucher.create_template('off', 'coupon', 'CNY', discount_rate => 0.3) \g /dev/null
CREATE FUNCTION pg_temp.among(n integer) RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT 1 + floor(random() * $1)::integer';
CREATE FUNCTION pg_temp.pick(anyarray) RETURNS anyelement LANGUAGE sql VOLATILE AS 'SELECT $1[pg_temp.among(cardinality($1))]';
-- A price of up to 20, most of them below the minor unit
CREATE FUNCTION pg_temp.price() RETURNS numeric LANGUAGE sql VOLATILE AS
    'SELECT round((random() * pg_temp.pick(ARRAY[0.02, 1, 20]))::numeric, pg_temp.pick(ARRAY[2, 3, 8, 8]))';
CREATE TEMP TABLE problem (what text, account text, expected text, found text);
CREATE TEMP TABLE did (what text);

-- The lines of another rating: of those before some stay, some change, some go
-- or are of another product now, and some are new. Numbers are 1 to 6.
CREATE FUNCTION pg_temp.rated(before voucher.line[]) RETURNS voucher.line[] LANGUAGE sql VOLATILE AS $$
    SELECT COALESCE(array_agg(voucher.line(
               CASE WHEN random() < 0.15 OR b IS NULL THEN pg_temp.pick('{ecs,oss,rds}'::text[]) ELSE b.product END, 'usage',
               CASE WHEN b IS NOT NULL AND random() < 0.5 THEN b.amount WHEN random() < 0.1 THEN -0.00012345 ELSE pg_temp.price() END,
               line_no => n) ORDER BY random()) FILTER (WHERE random() < CASE WHEN b IS NULL THEN 0.3 ELSE 0.8 END),
           ARRAY[voucher.line('ecs', 'usage', 0)])
    FROM generate_series(1, 6) AS n LEFT JOIN unnest(before) AS b ON b.line_no = n
$$;
CREATE FUNCTION pg_temp.total(lines voucher.line[]) RETURNS numeric LANGUAGE sql AS 'SELECT sum(l.amount::numeric) FROM unnest(lines) AS l';
-- What an account has: cash and the vouchers that are not forfeited, less what it owes
CREATE FUNCTION pg_temp.worth(a text) RETURNS numeric LANGUAGE sql AS $$
    SELECT (SELECT balance::numeric FROM voucher.account WHERE account_id = a)
         + (SELECT COALESCE(sum(balance::numeric), 0) FROM voucher.instrument WHERE account_id = a)
         - (SELECT COALESCE(sum(due::numeric), 0) FROM voucher.arrears(a))
$$;

-- Hold a chain against what its bills, their entries and those of the cash and
-- the vouchers say.
CREATE FUNCTION pg_temp.hold(a text, r voucher.rerating, lines voucher.line[], forfeits boolean, discounts boolean, refunds numeric) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    billed numeric := trunc(pg_temp.total(lines), 2);
    came   record;
BEGIN
    SELECT sum(s.gross::numeric - s.rounding::numeric) AS gross, sum(s.voucher::numeric + s.cash::numeric + s.outstanding::numeric) AS net,
           sum(COALESCE(e.rerated::numeric, 0)) AS back, sum(COALESCE(e.refunded::numeric, 0)) AS refunded, sum(COALESCE(e.waived::numeric, 0)) AS waived,
           sum(s.rounding::numeric) FILTER (WHERE s.rounding::numeric >= 0.01) AS rounding
    INTO came FROM voucher.settlement AS s
    LEFT JOIN voucher.settlement_entry AS e ON e.account_id = s.account_id AND e.order_id = s.order_id AND e.version = s.entry_version
    WHERE s.account_id = a;
    INSERT INTO problem SELECT 'billed', a, billed::text, r.billed::text WHERE r.billed::numeric <> billed OR r.gross::numeric <> pg_temp.total(lines);
    INSERT INTO problem SELECT 'billed by the chain', a, billed::text, (came.gross - came.back)::text WHERE came.gross - came.back <> billed;
    INSERT INTO problem SELECT 'cut off more than once', a, '< 0.01', came.rounding::text WHERE came.rounding IS NOT NULL;
    -- without a discount, what is paid or owed is what is billed; refunds stand beside it
    INSERT INTO problem SELECT 'cash + voucher + outstanding - refunds - waivers', a, billed::text, (came.net - came.refunded - came.waived)::text
    WHERE NOT discounts AND came.net - came.refunded - came.waived <> billed - refunds;
    -- and if nothing is forfeited, that is what the account has less
    INSERT INTO problem SELECT 'worth', a, (1000 - billed)::text, pg_temp.worth(a)::text
    WHERE NOT forfeits AND NOT discounts AND pg_temp.worth(a) <> 1000 - billed;
    INSERT INTO did VALUES (CASE WHEN r.charged::numeric > 0 THEN 'charged' WHEN r.taken_back::numeric > 0 THEN 'taken back' ELSE 'nothing' END);
    INSERT INTO did SELECT 'waived' WHERE r.waived::numeric > 0;
    INSERT INTO did SELECT 'waived and refunded' WHERE r.waived::numeric > 0 AND r.refunded_cash::numeric > 0;
    INSERT INTO did SELECT 'returned' WHERE r.returned::numeric > 0;
END
$$;

-- An account of 1000: some in vouchers, some in cash, the rest owed. A bill, up
-- to eight re-ratings, and back to the first lines.
CREATE FUNCTION pg_temp.try_chain(n integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    a         text := 'of ' || n;
    forfeits  boolean := random() < 0.2;
    discounts boolean := random() < 0.15;
    refunds   numeric := 0;
    vouchers  numeric := 0;
    x         numeric;
    lines     voucher.line[];
    first     voucher.line[];
    r         voucher.rerating;
    again     voucher.rerating;
    bill      voucher.settlement;
    cash      numeric;
BEGIN
    PERFORM voucher.open_account(a, 'CNY');
    FOR i IN 1 .. pg_temp.among(5) - 1 LOOP
        x := 0.01 + round((random() * 10)::numeric, 2);
        vouchers := vouchers + x;
        PERFORM voucher.grant(a, CASE WHEN forfeits AND random() < 0.5 THEN 'forfeit' ELSE pg_temp.pick('{all back,ecs back,early back}'::text[]) END, x);
    END LOOP;
    IF discounts THEN
        PERFORM voucher.grant(a, 'off');
    END IF;
    -- now and then there is too little cash, and something is owed; what the account has is the same
    cash := CASE WHEN random() < 0.5 THEN round((random() * pg_temp.pick(ARRAY[1, 10, 30]))::numeric, 2) + 0.01 ELSE 1000 - vouchers END;
    PERFORM voucher.deposit(a, cash);
    LOOP
        first := pg_temp.rated(pg_temp.rated('{}'));
        EXIT WHEN pg_temp.total(first) >= 0;
    END LOOP;
    lines := first;
    bill := voucher.settle(a, 'bill', lines => lines, payment_type => 'pay_as_you_go', arrears => true);
    IF cash < 1000 - vouchers THEN
        PERFORM voucher.deposit(a, 1000 - vouchers - cash);
    END IF;
    FOR i IN 1 .. pg_temp.among(8) LOOP
        lines := pg_temp.rated(lines);
        CONTINUE WHEN pg_temp.total(lines) < 0;
        IF random() < 0.2 THEN
            PERFORM voucher.pay_arrears(a, order_id, CASE WHEN random() < 0.5 THEN due ELSE 0.01 END) FROM voucher.arrears(a);
            INSERT INTO did VALUES ('paid');
        END IF;
        -- a refund of forfeited vouchers stands beside the chain
        IF forfeits AND random() < 0.1 THEN
            BEGIN
                x := (voucher.refund(a, 'bill', 0.01)).requested::numeric;
                refunds := refunds + x;
                INSERT INTO did VALUES ('refunded beside');
            EXCEPTION WHEN SQLSTATE 'VC202' OR SQLSTATE 'VC210' THEN NULL;
            END;
        END IF;
        BEGIN
            r := voucher.rerate(a, 'bill', 'rating ' || i, lines, arrears => true);
        EXCEPTION WHEN SQLSTATE 'VC202' THEN
            INSERT INTO problem SELECT 'too little is left', a, NULL, SQLERRM WHERE refunds = 0;
            RETURN;
        END;
        PERFORM pg_temp.hold(a, r, lines, forfeits, discounts, refunds);
        again := voucher.rerate(a, 'bill', 'rating ' || i, lines, arrears => true);
        INSERT INTO problem SELECT 'the same call again', a, r::text, again::text WHERE r::text <> again::text;
    END LOOP;
    BEGIN
        r := voucher.rerate(a, 'bill', 'first again', first, arrears => true);
        PERFORM pg_temp.hold(a, r, first, forfeits, discounts, refunds);
        r := voucher.rerate(a, 'bill', 'nothing', ARRAY[voucher.line('ecs', 'usage', 0)]);
        PERFORM pg_temp.hold(a, r, ARRAY[voucher.line('ecs', 'usage', 0)], forfeits, discounts, refunds);
    EXCEPTION WHEN SQLSTATE 'VC202' THEN
        INSERT INTO problem SELECT 'too little is left', a, NULL, SQLERRM WHERE refunds = 0;
        RETURN;
    END;
    -- all is taken back: every voucher that is not forfeited is as it was granted
    INSERT INTO problem SELECT 'as granted', a, format('%s, used 0', i.face_value), format('%s, used %s', i.balance, i.used)
    FROM voucher.instrument AS i JOIN voucher.template AS t USING (template_id)
    WHERE i.account_id = a AND t.name NOT IN ('forfeit', 'off') AND refunds = 0 AND (i.balance::numeric <> i.face_value::numeric OR i.used <> 0);
    INSERT INTO problem SELECT 'owes nothing', a, NULL, due::text FROM voucher.arrears(a);
END
$$;

SELECT pg_temp.try_chain(n) FROM generate_series(1, :bills) AS n \g /dev/null
SELECT is_empty('SELECT * FROM problem', :'bills' || ' bills and their re-ratings are what numeric says');
SELECT is_empty('SELECT * FROM voucher.check()', 'check() finds nothing');

-- The lines of a supplementary bill are those of the re-rating less those that
-- stood before it, told by number and product; but for what was cut off before.
SELECT is_empty($$
    WITH chain AS (
        SELECT r.account_id, r.rerating_id, r.charged, r.lines, lag(r.lines, 1, b.lines) OVER (PARTITION BY r.account_id ORDER BY r.version) AS before
        FROM voucher.rerating AS r JOIN voucher.settlement AS b ON b.account_id = r.account_id AND b.order_id = r.order_id
    ), expected AS (
        SELECT c.account_id, c.rerating_id, l.product, sum(l.amount) AS amount, count(*) FILTER (WHERE l.amount <> 0) AS lines
        FROM chain AS c
        CROSS JOIN LATERAL (SELECT COALESCE(n.product, o.product) AS product, COALESCE(n.amount::numeric, 0) - COALESCE(o.amount::numeric, 0) AS amount
                            FROM unnest(c.lines) AS n FULL JOIN unnest(c.before) AS o ON o.line_no = n.line_no AND o.product = n.product) AS l
        WHERE c.charged::numeric > 0
        GROUP BY c.account_id, c.rerating_id, l.product HAVING count(*) FILTER (WHERE l.amount <> 0) > 0
    ), found AS (
        SELECT s.account_id, s.order_id, l.product, sum(l.amount::numeric) AS amount, count(*) AS lines
        FROM voucher.settlement AS s CROSS JOIN LATERAL unnest(s.lines) AS l WHERE s.rerates IS NOT NULL
        GROUP BY s.account_id, s.order_id, l.product
    )
    SELECT * FROM expected AS e FULL JOIN found AS f ON f.account_id = e.account_id AND f.order_id = e.rerating_id AND f.product = e.product
    WHERE (e.lines = f.lines AND f.amount - e.amount >= 0 AND f.amount - e.amount < 0.01) IS NOT TRUE$$,
    'lines of supplementary bills are differences');
SELECT is_empty($$
    SELECT s.order_id FROM voucher.settlement AS s CROSS JOIN LATERAL unnest(s.lines) AS l
    WHERE s.rerates IS NOT NULL GROUP BY s.account_id, s.order_id HAVING count(DISTINCT l.line_no) <> count(*) OR count(*) FILTER (WHERE l.amount::numeric = 0) > 0
        OR bool_or(l.at IS NULL)$$,
    'each has its number and its time, and none is nothing');

-- Has enough happened?
SELECT cmp_ok((SELECT count(*) FROM did WHERE what = v), '>', (least * :bills)::bigint, v || ' often enough')
FROM (VALUES ('charged', 0.5), ('taken back', 0.5), ('nothing', 0.04), ('waived', 0.05), ('waived and refunded', 0.02), ('returned', 0.3), ('paid', 0.1), ('refunded beside', 0)) AS w (v, least);
SELECT cmp_ok((SELECT count(*) FROM voucher.settlement AS s CROSS JOIN LATERAL unnest(s.parts) AS p WHERE s.rerates IS NOT NULL), '>', (0.1 * :bills)::bigint, 'vouchers paid supplementary bills');

-- A cent that is taken back and does not come back would be noticed.
SET LOCAL session_replication_role = replica;
UPDATE voucher.settlement_entry SET rerated = rerated OPERATOR(voucher.+) 0.01
WHERE ctid = (SELECT ctid FROM voucher.settlement_entry WHERE kind = 'rerate' LIMIT 1);
SELECT isnt_empty('SELECT * FROM voucher.check()', 'a cent is found');
SELECT * FROM finish();
ROLLBACK;
