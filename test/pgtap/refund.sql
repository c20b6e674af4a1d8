-- Refunds of random orders, held against what their rule says in numeric: by
-- amount, by line, by what was consumed, and cancelled; with vouchers of every
-- policy, coupons, gifts, and invoices in between.
--
-- A failing run is repeated with: pg_prove --set seed=SEED test/pgtap/refund.sql
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
SELECT plan(10);
SELECT diag('seed ' || :'seed');
SELECT setseed(:seed) \g /dev/null

SELECT voucher.register_product(p) FROM unnest('{ecs,oss,rds}'::text[]) AS p \g /dev/null
SELECT voucher.create_template(policy, 'voucher', 'CNY', face_value => 1, refund_policy => policy, refund_within => CASE policy WHEN 'return_within' THEN '5 days'::interval END)
FROM unnest('{forfeit,return_if_undelivered,return_within,prorata}'::text[]) AS policy \g /dev/null
SELECT voucher.create_template('off', 'coupon', 'CNY', face_value => 1, refund_policy => 'prorata') \g /dev/null

CREATE FUNCTION pg_temp.r(low numeric, high numeric, digits integer DEFAULT 2) RETURNS numeric LANGUAGE sql VOLATILE
AS 'SELECT round(low + random()::numeric * (high - low), digits)';
-- the smaller of a random amount and what is left, a whole number of cents
CREATE FUNCTION pg_temp.some(of numeric) RETURNS numeric LANGUAGE sql VOLATILE
AS 'SELECT LEAST(of, GREATEST(0.01, pg_temp.r(0, of)))';

CREATE TEMP TABLE problem (what text, order_id text, expected text, found text);

-- One order, settled and then refunded until nothing is left of it, or cancelled.
CREATE FUNCTION pg_temp.try_order(id text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    a        text := 'of ' || id;
    opened   voucher.amount := (SELECT voucher.deposit(a, 1000) FROM voucher.open_account(a, 'CNY'));
    policy   text := (ARRAY['forfeit', 'return_if_undelivered', 'return_within', 'prorata'])[1 + floor(random() * 4)::int];
    -- now and then below the minor unit, where cents are split by largest remainder
    digits   integer := CASE WHEN random() < 0.2 THEN 4 ELSE 2 END;
    priced   voucher.line[] := ARRAY(SELECT voucher.line((ARRAY['ecs', 'oss', 'rds'])[1 + floor(random() * 3)::int], 'renewal', pg_temp.r(0.01, 50, digits), NULL, n)
                                     FROM generate_series(1, 1 + floor(random() * 5)::int) AS n);
    gross    numeric := (SELECT sum(l.amount::numeric) FROM unnest(priced) AS l);
    v        bigint := voucher.grant(a, policy, GREATEST(0.01, pg_temp.r(0, gross * 1.2)), at => '2026-01-01');
    c        bigint := CASE WHEN random() < 0.3 THEN voucher.grant(a, 'off', GREATEST(0.01, pg_temp.r(0, gross / 2)), at => '2026-01-01') END;
    s        voucher.settlement := voucher.settle(a, id, lines => priced, voucher => v::text, coupon => COALESCE(c::text, 'none'), at => '2026-01-02');
    total    numeric := s.voucher::numeric + s.cash::numeric;
    mode     text := (ARRAY['amount', 'line', 'cancel'])[CASE WHEN random() < 0.1 THEN 3 ELSE 1 + floor(random() * 2)::int END];
    refunded numeric := 0;
    cash     numeric := 0;
    returned numeric := 0;
    asked    numeric;
    before   numeric;
    within   boolean;
    closes   boolean;
    used_up  numeric;
    line     integer;
    entry    voucher.settlement_entry;
    given    numeric;
    expected numeric;
BEGIN
    PERFORM voucher.grant(a, 'prorata', 1, at => '2026-01-02', order_id => id);
    WHILE refunded < total LOOP
        IF random() < 0.2 AND s.cash OPERATOR(voucher.>) 0 THEN
            BEGIN
                PERFORM voucher.issue_invoice(a, format('%s-%s', id, refunded), id);
            EXCEPTION WHEN SQLSTATE 'VC203' THEN NULL;
            END;
        END IF;
        IF mode = 'cancel' THEN
            entry := voucher.cancel(a, id, at => '2026-01-03');
            INSERT INTO problem SELECT 'cancel', id, x, y
            FROM (VALUES (format('%s %s', s.cash, CASE policy WHEN 'forfeit' THEN 0::voucher.amount ELSE s.voucher END), format('%s %s', entry.refunded_cash, entry.returned))) AS t (x, y)
            WHERE x <> y;
            EXIT;
        END IF;
        within := random() < 0.7;
        used_up := NULL;
        before := refunded;
        IF random() < 0.05 THEN
            used_up := pg_temp.r(0, total * 1.2);
            entry := voucher.refund(a, id, consumed => used_up, at => CASE WHEN within THEN '2026-01-06' ELSE '2026-01-07' END::timestamptz);
            refunded := total;
            expected := GREATEST(cash, s.cash::numeric - used_up);
        ELSIF mode = 'amount' OR random() < 0.05 THEN
            asked := CASE WHEN mode = 'line' OR random() < 0.2 THEN total - refunded ELSE pg_temp.some(total - refunded) END;
            entry := voucher.refund(a, id, asked, at => CASE WHEN within THEN '2026-01-06' ELSE '2026-01-07' END::timestamptz);
            refunded := refunded + asked;
            expected := CASE WHEN refunded = total THEN s.cash::numeric ELSE GREATEST(cash, round(s.cash::numeric * refunded / total, 2)) END;
        ELSE
            -- a line that has something left, whole or in part
            SELECT l INTO line FROM generate_series(1, cardinality(priced)) AS l ORDER BY random() LIMIT 1;
            BEGIN
                entry := voucher.refund(a, id, lines => ARRAY[line], at => CASE WHEN within THEN '2026-01-06' ELSE '2026-01-07' END::timestamptz,
                                        line_amounts => CASE WHEN random() < 0.7 THEN ARRAY[pg_temp.some(20)::voucher.amount] END);
            EXCEPTION WHEN SQLSTATE 'VC202' THEN
                CONTINUE;
            END;
            refunded := refunded + entry.requested::numeric;
            -- of whole cents: each line's cash in the proportion stored at settlement, half up
            -- (divided last: a quotient in between would be cut, and half a cent with it)
            SELECT sum(round(t.line_cash * LEAST(t.line_total, COALESCE(r.amount, 0)) / NULLIF(t.line_total, 0), 2)) INTO expected
            FROM (SELECT l.line_no, l.cash::numeric AS line_cash, l.voucher::numeric + l.cash::numeric AS line_total
                  FROM voucher.settlement_line AS l WHERE l.account_id = a AND l.order_id = id) AS t
            LEFT JOIN (SELECT u.line_no, sum(u.amount::numeric) AS amount FROM voucher.settlement_entry AS n,
                           ROWS FROM (unnest(n.lines), unnest(n.line_amounts)) AS u (line_no, amount)
                       WHERE n.account_id = a AND n.order_id = id GROUP BY u.line_no) AS r USING (line_no);
            IF refunded = total THEN
                expected := s.cash;
            ELSIF digits > 2 THEN
                expected := entry.refunded_cash;
            END IF;
        END IF;
        INSERT INTO problem SELECT 'cash of ' || mode, id, expected::text, entry.refunded_cash::text WHERE expected <> entry.refunded_cash::numeric;
        given := entry.returned::numeric - returned;
        -- the voucher's share of what was asked, down, each refund its own
        IF policy IN ('forfeit', 'return_if_undelivered') OR policy = 'return_within' AND NOT within THEN
            expected := 0;
        ELSIF mode = 'amount' AND used_up IS NULL THEN
            expected := trunc(s.voucher::numeric * refunded / total, 2) - trunc(s.voucher::numeric * before / total, 2);
        ELSE
            expected := given;
        END IF;
        INSERT INTO problem SELECT 'voucher of ' || mode, id, expected::text, given::text WHERE expected <> given;
        INSERT INTO problem SELECT 'more than asked', id, refunded::text, format('%s + %s', entry.refunded_cash, entry.returned)
        WHERE entry.refunded_cash::numeric + entry.returned::numeric > refunded;
        INSERT INTO problem SELECT 'more than not consumed', id, format('%s of %s', used_up, total), format('%s + %s', entry.refunded_cash, entry.returned)
        WHERE used_up IS NOT NULL AND before = 0 AND s.cash::numeric >= used_up AND entry.refunded_cash::numeric + entry.returned::numeric > total - used_up;
        INSERT INTO problem SELECT 'refunded', id, refunded::text, entry.refunded::text WHERE refunded <> entry.refunded::numeric;
        cash := entry.refunded_cash;
        returned := entry.returned;
    END LOOP;
    -- closed: all cash is back unless some was consumed, and nothing is left of the gift
    INSERT INTO problem SELECT 'all cash', id, s.cash::text, n.refunded_cash::text FROM voucher.settlement_entry AS n
    WHERE n.account_id = a AND n.order_id = id AND n.refunded::numeric = total AND n.kind IN ('refund', 'cancel')
      AND used_up IS NULL AND n.refunded_cash OPERATOR(voucher.<>) s.cash AND n.requested OPERATOR(voucher.>) 0;
    INSERT INTO problem SELECT 'all value', id, s.voucher::text, returned::text
    WHERE policy = 'prorata' AND mode <> 'cancel' AND used_up IS NULL AND total > 0 AND returned <> s.voucher::numeric;
END
$$;

SELECT pg_temp.try_order('o' || n) FROM generate_series(1, 500) AS n \g /dev/null
SELECT is_empty('SELECT * FROM problem', 'refunds of 500 random orders give what the rules say');
SELECT is_empty('SELECT * FROM voucher.check()', 'check() finds nothing');
SELECT cmp_ok((SELECT count(*) FROM voucher.settlement_entry WHERE lines IS NOT NULL), '>', 150::bigint, 'lines were refunded');
SELECT cmp_ok((SELECT count(*) FROM voucher.settlement_entry WHERE consumed IS NOT NULL), '>', 20::bigint, 'orders were consumed in part');
SELECT cmp_ok((SELECT count(*) FROM voucher.settlement_entry WHERE kind = 'cancel'), '>', 20::bigint, 'orders were cancelled');
SELECT is((SELECT count(*) FROM voucher.entry WHERE kind = 'revoke'),
          (SELECT count(*) FROM voucher.settlement AS s JOIN voucher.settlement_entry AS n ON n.account_id = s.account_id AND n.order_id = s.order_id
           AND n.version = s.entry_version WHERE n.refunded OPERATOR(voucher.=) (s.voucher OPERATOR(voucher.+) s.cash)), 'their gifts are revoked');

-- Every negative candidate is offset: credited, as far as invoices show it.
CREATE FUNCTION pg_temp.credit_all() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    a text;
    i text;
BEGIN
    FOR a, i IN SELECT DISTINCT l.account_id, l.invoice_id FROM voucher.invoice_line AS l
                CROSS JOIN LATERAL voucher.invoice_candidates(l.account_id) AS c WHERE c.invoiceable OPERATOR(voucher.<) 0 LOOP
        BEGIN
            PERFORM voucher.issue_credit_invoice(a, 'credit ' || i, i);
        EXCEPTION WHEN SQLSTATE 'VC208' THEN NULL;
        END;
    END LOOP;
    RETURN (SELECT count(*) FROM voucher.invoice WHERE credits IS NOT NULL);
END
$$;
SELECT cmp_ok(pg_temp.credit_all(), '>', 20::bigint, 'refunds of what was invoiced are credited');
SELECT is_empty($$SELECT c.* FROM voucher.account AS a CROSS JOIN LATERAL voucher.invoice_candidates(a.account_id) AS c WHERE c.invoiceable OPERATOR(voucher.<) 0$$, 'nothing is left to be credited');
SELECT is((SELECT sum(amount::numeric) FROM voucher.invoice),
          (SELECT sum(s.cash::numeric - s.invoiceable::numeric - COALESCE(n.refunded_cash::numeric, 0)) FROM voucher.settlement AS s
           LEFT JOIN voucher.settlement_entry AS n ON n.account_id = s.account_id AND n.order_id = s.order_id AND n.version = s.entry_version),
          'invoices and credits come to the cash that was paid and kept, but for what is left to invoice');
SELECT is_empty('SELECT * FROM voucher.check()', 'check() finds nothing');
SELECT * FROM finish();
ROLLBACK;
