-- Holds: random reservations, captures of all or a part, releases, settlements
-- and cancels on few accounts, vouchers and limits, by a clock that goes on.
-- After each: what is held and what is used never come to more than there is.
-- A capture is what was promised; every decision can be replayed.
--
-- A failing run is repeated with: psql -v seed=SEED -f test/pgtap/hold.sql
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
\if :{?acts}
\else
\set acts 1200
\endif
SELECT plan(11);
SELECT diag('seed ' || :'seed');
SELECT setseed(:seed) \g /dev/null

CREATE FUNCTION pg_temp.among(n integer) RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT 1 + floor(random() * $1)::integer';
CREATE FUNCTION pg_temp.pick(anyarray) RETURNS anyelement LANGUAGE sql VOLATILE AS 'SELECT $1[pg_temp.among(cardinality($1))]';

SELECT voucher.register_product('ecs'), voucher.register_product('oss') \g /dev/null
SELECT voucher.open_account(a, 'CNY'), voucher.deposit(a, 1000000) FROM unnest('{ann,ben}'::text[]) AS a \g /dev/null
SELECT voucher.create_template('stored', 'voucher', 'CNY', face_value => 400, refund_policy => 'prorata'),
       voucher.create_template('thrice', 'voucher', 'CNY', face_value => 90, maximum => 30, uses => 3, scope => 'ecs', effect => 'reduction', refund_policy => 'prorata'),
       voucher.create_template('early', 'voucher', 'CNY', face_value => 100, valid => '[2026-01-01, 2026-01-01 12:00)'),
       voucher.create_template('tenth', 'coupon', 'CNY', discount_rate => 0.1, uses => 40, threshold => 50),
       voucher.create_template('word', 'promo_code', 'CNY', face_value => 60, maximum => 7, uses => 20, promo_code => 'WORD'),
       voucher.create_template('lucky', 'coupon', 'CNY', face_value => 3, first_purchase => true) \g /dev/null
SELECT voucher.grant(a, t, at => '2026-01-01') FROM unnest('{ann,ben}'::text[]) AS a, unnest('{stored,stored,thrice,early,tenth,lucky}'::text[]) AS t \g /dev/null
SELECT voucher.create_limit('tenth', max_count => 12, max_amount => 60), voucher.create_limit('word', max_count => 2, per => 'account', period => 'day') \g /dev/null

CREATE TEMP TABLE did (act integer, verb text, sqlstate text);
CREATE TEMP TABLE broken (act integer, what text);

-- What is held at an instant by the rows alone, with no function of the extension.
CREATE FUNCTION pg_temp.held(t timestamptz) RETURNS TABLE (account_id text, instrument_id bigint, paid numeric, uses bigint) LANGUAGE sql AS $$
    SELECT h.account_id, p.instrument_id, sum(p.paid::numeric), count(*)
    FROM voucher.hold AS h CROSS JOIN LATERAL unnest(h.parts) AS p
    WHERE h.resolution IS NULL AND h.expires_at > t GROUP BY 1, 2
$$;

CREATE FUNCTION pg_temp.inspect(act integer, t timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO broken
    SELECT $1, format('instrument %s of %s: balance %s, held %s', i.instrument_id, i.account_id, i.balance, h.paid)
    FROM pg_temp.held($2) AS h JOIN voucher.instrument AS i USING (account_id, instrument_id)
    WHERE i.face_value IS NOT NULL AND h.paid > i.balance::numeric OR i.used + h.uses > i.max_uses
    UNION ALL
    SELECT $1, format('limit %s of %s from %s: used %s, held %s of %s', l.limit_id, u.owner, u.day, u.used, u.held, l.max_count)
    FROM voucher.usage_limit AS l JOIN voucher.template AS t USING (template_id)
    CROSS JOIN LATERAL (
        SELECT CASE l.per WHEN 'account' THEN x.account_id END AS owner, CASE WHEN l.period IS NOT NULL THEN x.at::date END AS day,
               count(*) FILTER (WHERE NOT x.open) AS used, count(*) FILTER (WHERE x.open) AS held, sum(p.paid::numeric) AS amount
        FROM (SELECT s.account_id, s.at, s.parts, false AS open FROM voucher.settlement AS s
              WHERE NOT EXISTS (SELECT FROM voucher.settlement_entry AS e WHERE e.account_id = s.account_id AND e.order_id = s.order_id AND e.kind = 'cancel')
              UNION ALL SELECT h.account_id, h.at, h.parts, true FROM voucher.hold AS h WHERE h.resolution IS NULL AND h.expires_at > $2) AS x
        CROSS JOIN LATERAL unnest(x.parts) AS p
        JOIN voucher.instrument AS i ON i.account_id = x.account_id AND i.instrument_id = p.instrument_id
        WHERE i.template_id = l.template_id GROUP BY 1, 2) AS u
    WHERE u.used + u.held > l.max_count OR u.amount > l.max_amount::numeric
$$;

SELECT set_config('hold.acts', :'acts', true) \g /dev/null
DO $$
DECLARE
    t timestamptz := '2026-01-01 09:00+00';
    n integer;
    a text;
    o text;
    v text;
    l voucher.line[];
    h voucher.hold;
    s voucher.settlement;
    state text;
BEGIN
    FOR n IN 1 .. current_setting('hold.acts')::integer LOOP
        t := t + pg_temp.among(8) * interval '1 minute';
        a := pg_temp.pick('{ann,ben}'::text[]);
        o := 'o' || (n / 8 + pg_temp.among(3));
        SELECT array_agg(voucher.line(pg_temp.pick('{ecs,oss}'::text[]), pg_temp.pick('{renewal,purchase}'::text[]), pg_temp.among(9000) / 100.0))
        INTO l FROM generate_series(1, pg_temp.among(3));
        v := pg_temp.pick('{reserve,reserve,reserve,capture,capture,part,release,settle,cancel}'::text[]);
        state := '00000';
        BEGIN
            CASE v
            WHEN 'reserve' THEN
                PERFORM voucher.reserve(a, o, lines => l, promo_code => CASE WHEN random() < 0.3 THEN 'word' END, at => t,
                                        hold_for => pg_temp.among(25) * interval '1 minute');
            WHEN 'capture' THEN
                s := voucher.capture(a, o, at => t);
                SELECT * INTO h FROM voucher.hold WHERE account_id = a AND order_id = o AND version = s.hold;
                -- what was captured in part before comes back as that part
                IF s.gross::numeric = h.gross::numeric AND (s.discount, s.voucher, s.cash)::text <> (h.discount, h.voucher, h.cash)::text THEN
                    INSERT INTO broken VALUES (n, format('captured %s, promised %s', (s.discount, s.voucher, s.cash), (h.discount, h.voucher, h.cash)));
                END IF;
            WHEN 'part' THEN
                SELECT array_agg(voucher.line(x.product, x.order_type, greatest(round(x.amount::numeric * random()::numeric, 2), 0.01), line_no => x.line_no))
                INTO l FROM (SELECT * FROM voucher.hold WHERE account_id = a AND order_id = o AND resolution IS NULL) AS k
                CROSS JOIN LATERAL unnest(k.lines) AS x WHERE random() < 0.8;
                IF l IS NOT NULL THEN
                    s := voucher.capture(a, o, l, at => t);
                    SELECT * INTO h FROM voucher.hold WHERE account_id = a AND order_id = o AND version = s.hold;
                    IF s.voucher::numeric > h.voucher::numeric OR s.discount::numeric > h.discount::numeric THEN
                        INSERT INTO broken VALUES (n, 'a part took more than was held');
                    END IF;
                END IF;
            WHEN 'release' THEN
                PERFORM voucher.release(a, o, at => t);
            WHEN 'settle' THEN
                PERFORM voucher.settle(a, o, lines => l, promo_code => CASE WHEN random() < 0.2 THEN 'word' END, at => t);
            WHEN 'cancel' THEN
                SELECT order_id INTO o FROM voucher.settlement WHERE account_id = a ORDER BY random() LIMIT 1;
                IF o IS NOT NULL THEN
                    PERFORM voucher.cancel(a, o, at => t);
                END IF;
            END CASE;
        EXCEPTION WHEN OTHERS THEN
            state := SQLSTATE;
            IF state NOT LIKE 'VC%' THEN
                RAISE;
            END IF;
        END;
        INSERT INTO did VALUES (n, v, state);
        PERFORM pg_temp.inspect(n, t);
    END LOOP;
END
$$;

SELECT is_empty('SELECT * FROM broken', 'what is held and used never comes to more than there is, and captures are what was promised');
SELECT is_empty('SELECT * FROM voucher.check()', 'check finds nothing');
SELECT cmp_ok((SELECT count(*)::integer FROM did WHERE verb = v AND sqlstate = '00000'), '>', 5, v || ' succeeded')
FROM unnest('{reserve,capture,part,release,settle,cancel}'::text[]) AS v;
SELECT cmp_ok((SELECT count(*)::integer FROM voucher.hold WHERE resolution = 'expired'), '>', 5, 'holds timed out');
-- what stored vouchers lost is what orders took and did not give back
SELECT is_empty($$
    SELECT i.account_id, i.instrument_id FROM voucher.instrument AS i
    WHERE i.face_value::numeric - i.balance::numeric <> COALESCE((
        SELECT sum(p.paid::numeric) FROM voucher.settlement AS s CROSS JOIN LATERAL unnest(s.parts) AS p
        WHERE s.account_id = i.account_id AND p.instrument_id = i.instrument_id), 0) - COALESCE((
        SELECT sum(e.amount::numeric) FROM voucher.entry AS e
        WHERE e.account_id = i.account_id AND e.instrument_id = i.instrument_id AND e.kind = 'return'), 0)$$, 'no cent is lost');
-- the decision of every order that was settled as a whole
SELECT is_empty($$
    SELECT s.account_id, s.order_id, p.instrument_id, p.paid, x.paid
    FROM voucher.settlement AS s
    LEFT JOIN voucher.hold AS h ON h.account_id = s.account_id AND h.order_id = s.order_id AND h.version = s.hold
    CROSS JOIN LATERAL unnest(COALESCE(h.parts, s.parts)) AS p
    LEFT JOIN LATERAL voucher.explain_at(s.account_id, s.order_id) AS x ON x.instrument_id = p.instrument_id
    WHERE x.paid::numeric IS DISTINCT FROM p.paid::numeric$$, 'every decision replays, with what was held then');
SELECT * FROM finish();
ROLLBACK;
