-- Time travel: the decision of every settled order is made once more on what was
-- so then, and is the one that was made, whatever has happened since. Random
-- histories of orders, grants, freezes, extensions, revocations, transfers,
-- splits, merges, shares, refunds, cancels and re-ratings, and a catalogue that changes under them.
--
-- A failing run is repeated with: pg_prove --set seed=SEED test/pgtap/history.sql
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
\set acts 1000
\endif
SELECT plan(16);
SELECT diag('seed ' || :'seed');
SELECT setseed(:seed) \g /dev/null

CREATE FUNCTION pg_temp.among(n integer) RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT 1 + floor(random() * $1)::integer';
CREATE FUNCTION pg_temp.pick(anyarray) RETURNS anyelement LANGUAGE sql VOLATILE AS 'SELECT $1[pg_temp.among(cardinality($1))]';
-- A day of January or February 2026
CREATE FUNCTION pg_temp.day() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$SELECT '2026-01-01 00:00+00'::timestamptz + pg_temp.among(60) * interval '1 day'$$;

SELECT voucher.register_product(p, universal => u) FROM (VALUES ('ecs', true), ('oss', true), ('rds', true), ('market', false)) AS v (p, u) \g /dev/null
SELECT voucher.open_account(a, c), voucher.deposit(a, 100000000, c)
FROM unnest('{ann,ben,cat}'::text[]) AS a, unnest('{CNY,USD}'::text[]) AS c \g /dev/null
DO $$
DECLARE
    c text;
    n integer;
BEGIN
    FOREACH c IN ARRAY '{CNY,USD}'::text[] LOOP
        FOR n IN 1..12 LOOP
            PERFORM voucher.create_template(
                format('%s %s', c, n), CASE WHEN n <= 6 THEN 'voucher' WHEN n <= 10 THEN 'coupon' ELSE 'promo_code' END, c,
                face_value => CASE WHEN n <= 7 OR n = 11 THEN 10 * n + 0.05 END::voucher.amount,
                discount_rate => CASE WHEN n IN (8, 9, 10, 12) THEN 0.05 * n - 0.3 END,
                maximum => CASE WHEN n IN (3, 8) THEN 33 END::voucher.amount,
                threshold => CASE WHEN n % 4 = 0 THEN 60 ELSE 0 END,
                scope => (pg_temp.pick('{*,ecs,"ecs, oss","*, !rds","oss:purchase","*:renewal, market"}'::text[]))::voucher.scope,
                first_purchase => n % 5 = 0,
                uses => CASE WHEN n >= 7 OR n = 6 THEN 3 END,
                valid => CASE WHEN n % 2 = 0 AND n <= 10 THEN '[2026-01-10, 2026-02-10)' ELSE '(,)' END::tstzrange,
                transferable => n <= 8,
                shareable => n <= 6,
                refund_policy => CASE n % 3 WHEN 0 THEN 'forfeit' WHEN 1 THEN 'prorata' ELSE 'return_if_undelivered' END,
                effect => CASE WHEN n = 5 THEN 'reduction' END,
                threshold_after => n = 8,
                excludes => CASE n WHEN 9 THEN '{promo_code}' WHEN 10 THEN '{voucher}' ELSE '{}' END::text[],
                promo_code => CASE WHEN n > 10 THEN format('%s%s', c, n) END);
        END LOOP;
    END LOOP;
END
$$;

-- Limits, on some templates and on each currency's promo codes; some are changed and added later
SELECT voucher.create_limit(t, max_count => 6, max_amount => 80) FROM unnest('{CNY 1,CNY 8,CNY 9,USD 2,CNY 11,USD 12}'::text[]) AS t \g /dev/null
SELECT voucher.create_limit(t, max_count => 2, per => 'account', period => 'day') FROM unnest('{CNY 3,USD 4,CNY 12}'::text[]) AS t \g /dev/null
SELECT voucher.create_limit('CNY 11', max_count => 2, counts => 'issue', per => 'total') \g /dev/null
SELECT voucher.create_limit('CNY 2', max_count => 30, counts => 'issue') \g /dev/null

-- What match showed just before each order was settled, and what was settled.
CREATE TEMP TABLE shown (account_id text, order_id text, rank integer, kind text, instrument_id bigint, template text, applies boolean,
                         pays voucher.amount, balance voucher.amount, expires_at timestamptz, reason text, detail text);
CREATE TEMP TABLE did (verb text, sqlstate text);

-- An order of one to four lines; false if it was refused.
CREATE FUNCTION pg_temp.settle_one(id text, owner text, money text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    lines  voucher.line[];
    promo  text := CASE WHEN random() < 0.3 THEN money || pg_temp.pick('{11,12}'::text[]) END;
    at     timestamptz := pg_temp.day();
    chosen text := CASE WHEN random() < 0.2 THEN 'none' ELSE 'auto' END;
    policy text := CASE WHEN random() < 0.6 THEN pg_temp.pick('{alibaba,tencent,huawei,baidu,aws,metronome,openmeter}'::text[]) END;
    kind   text := pg_temp.pick('{subscription,pay_as_you_go}'::text[]);
    named  bigint;
BEGIN
    SELECT array_agg(voucher.line(pg_temp.pick('{ecs,ecs.g7,ecs.g7.large,oss,oss.hot,rds,market,market.app}'::text[]),
                                  pg_temp.pick('{purchase,renewal,upgrade}'::text[]), (pg_temp.among(9000) / 100.0)::voucher.amount))
    INTO lines FROM generate_series(1, pg_temp.among(4));
    INSERT INTO shown
    SELECT owner, id, m.* FROM voucher.match(owner, lines => lines, currency => money, promo_code => promo, at => at, policy => policy, payment_type => kind) AS m;
    IF random() < 0.2 THEN
        SELECT s.instrument_id INTO named FROM shown AS s WHERE s.account_id = owner AND s.order_id = id AND s.kind = 'voucher' AND s.applies LIMIT 1;
        chosen := COALESCE(named::text, chosen);
    END IF;
    PERFORM voucher.settle(owner, id, lines => lines, currency => money, voucher => chosen, promo_code => promo, at => at, policy => policy, payment_type => kind);
END
$$;

-- A bill re-rated: most of its lines for another price, one more now and then. It is
-- done twice, since only its supplementary bill says of which lines match is asked.
CREATE FUNCTION pg_temp.rerate_one(id text, owner text, money text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    bill   text;
    rated  voucher.line[];
    extra  voucher.line[];
    at     timestamptz := pg_temp.day();
    policy text := CASE WHEN random() < 0.6 THEN pg_temp.pick('{tencent,huawei,baidu,aws,metronome,openmeter}'::text[]) END;
BEGIN
    SELECT s.order_id, s.lines INTO bill, rated FROM voucher.settlement AS s
    WHERE s.account_id = owner AND s.currency = money AND s.payment_type = 'pay_as_you_go' AND s.rerates IS NULL ORDER BY random() LIMIT 1;
    SELECT array_agg(voucher.line(l.product, l.order_type, CASE WHEN random() < 0.7 THEN (pg_temp.among(9000) / 100.0)::voucher.amount ELSE l.amount END, line_no => l.line_no))
    INTO rated FROM unnest(rated || CASE WHEN random() < 0.3 THEN ARRAY[voucher.line('oss', 'usage', 1, line_no => 9)] ELSE '{}' END) AS l;
    BEGIN
        PERFORM voucher.rerate(owner, bill, id, rated, at => at, policy => policy);
        SELECT s.lines INTO extra FROM voucher.settlement AS s WHERE s.account_id = owner AND s.order_id = id;
        RAISE EXCEPTION 'seen' USING ERRCODE = 'ZZ000';
    EXCEPTION WHEN SQLSTATE 'ZZ000' THEN NULL;
    END;
    IF extra IS NOT NULL THEN
        INSERT INTO shown
        SELECT owner, id, m.* FROM voucher.match(owner, lines => extra, currency => money, at => at, policy => policy, payment_type => 'pay_as_you_go') AS m;
    END IF;
    PERFORM voucher.rerate(owner, bill, id, rated, at => at, policy => policy);
END
$$;

CREATE FUNCTION pg_temp.act(n integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    verb     text := pg_temp.pick('{grant,grant,grant,settle,settle,settle,settle,settle,settle,freeze,unfreeze,reclaim,revoke,extend,transfer,split,merge,merge,merge,share,share,unshare,refund,cancel,rerate,rerate,rerate,catalogue}'::text[]);
    owner    text := pg_temp.pick('{ann,ben,cat}'::text[]);
    money    text := pg_temp.pick('{CNY,CNY,USD}'::text[]);
    id       bigint;
    ids      bigint[];
    paid     text;
    member   text;
    code     text := '00000';
BEGIN
    SELECT i.instrument_id INTO id FROM voucher.instrument AS i WHERE i.account_id = owner AND i.currency = money ORDER BY random() LIMIT 1;
    SELECT s.order_id INTO paid FROM voucher.settlement AS s WHERE s.account_id = owner AND s.currency = money ORDER BY random() LIMIT 1;
    BEGIN
        -- what a history leaves is rarely as issued; these verbs shall succeed too
        IF verb IN ('transfer', 'split', 'extend', 'reclaim') AND random() < 0.3 OR verb = 'share' AND random() < 0.8 THEN
            id := voucher.grant(owner, format('%s %s', money, CASE verb WHEN 'extend' THEN 4 WHEN 'share' THEN pg_temp.among(6) ELSE 1 END), at => '2026-01-12');
        END IF;
        CASE verb
            WHEN 'grant' THEN PERFORM voucher.grant(owner, format('%s %s', money, pg_temp.among(10)), at => pg_temp.day());
            WHEN 'settle' THEN PERFORM pg_temp.settle_one('o' || n, owner, money);
            WHEN 'freeze' THEN PERFORM voucher.freeze(owner, id);
            WHEN 'unfreeze' THEN PERFORM voucher.unfreeze(owner, id);
            WHEN 'reclaim' THEN PERFORM voucher.reclaim(owner, id);
            WHEN 'revoke' THEN IF random() < 0.3 THEN PERFORM voucher.revoke(owner, id); END IF;
            WHEN 'extend' THEN PERFORM voucher.extend(owner, id, pg_temp.day() + interval '10 days', at => '2026-01-15');
            WHEN 'transfer' THEN PERFORM voucher.transfer(owner, id, pg_temp.pick('{ann,ben,cat}'::text[]), at => '2026-01-15');
            WHEN 'split' THEN PERFORM voucher.split(owner, id, ARRAY[1, 2.5]::voucher.amount[], at => '2026-01-15');
            WHEN 'merge' THEN
                SELECT array_agg(i.instrument_id) INTO ids FROM voucher.instrument AS i
                JOIN voucher.template AS t ON t.template_id = i.template_id AND t.kind = 'voucher'
                WHERE i.account_id = owner AND i.currency = money AND i.max_uses IS NULL AND i.balance OPERATOR(voucher.>) 0 AND NOT i.frozen
                  AND upper(i.validity) > '2026-01-15' IS NOT FALSE
                  AND NOT EXISTS (SELECT FROM voucher.instrument AS m WHERE m.owner_account_id = i.account_id AND m.owner_instrument_id = i.instrument_id AND NOT m.cancelled)
                GROUP BY i.template_id, i.validity HAVING count(*) > 1 ORDER BY random() LIMIT 1;
                PERFORM voucher.merge(owner, ids, at => '2026-01-15');
            WHEN 'share' THEN PERFORM voucher.share(owner, id, pg_temp.pick('{ann,ben,cat}'::text[]), at => '2026-01-15');
            WHEN 'unshare' THEN
                SELECT i.owner_account_id, i.owner_instrument_id, i.account_id INTO owner, id, member
                FROM voucher.instrument AS i WHERE i.owner_account_id IS NOT NULL AND NOT i.cancelled ORDER BY random() LIMIT 1;
                PERFORM voucher.unshare(owner, id, member, at => '2026-01-15');
            WHEN 'refund' THEN PERFORM voucher.refund(owner, paid, (pg_temp.among(2000) / 100.0)::voucher.amount, at => '2026-03-01');
            WHEN 'cancel' THEN PERFORM voucher.cancel(owner, paid, at => '2026-03-01');
            WHEN 'rerate' THEN PERFORM pg_temp.rerate_one('o' || n, owner, money);
            WHEN 'catalogue' THEN
                PERFORM voucher.register_product(pg_temp.pick('{ecs,oss,rds,market}'::text[]), universal => random() < 0.6);
                UPDATE voucher.usage_limit SET max_count = pg_temp.among(20) WHERE counts = 'use' AND random() < 0.1;
                IF random() < 0.1 THEN
                    PERFORM voucher.create_limit(format('%s %s', money, pg_temp.among(12)), max_count => pg_temp.among(20));
                END IF;
                IF random() < 0.1 THEN
                    PERFORM voucher.register_product(pg_temp.pick('{ecs.g7,ecs.g7.large,oss.hot,market.app}'::text[]), universal => random() < 0.6);
                END IF;
        END CASE;
    EXCEPTION WHEN OTHERS THEN
        code := SQLSTATE;
        IF code NOT LIKE 'VC%' AND code NOT IN ('22004', '22023') THEN
            RAISE;
        END IF;
    END;
    INSERT INTO did VALUES (verb, code);
END
$$;
SELECT pg_temp.act(n) FROM generate_series(1, :acts) AS n \g /dev/null

-- ---------------------------------------------------------------------------
-- Has enough happened?
-- ---------------------------------------------------------------------------

SELECT is_empty('SELECT * FROM voucher.check()', 'the books are sound');
SELECT is_empty($$SELECT v FROM unnest('{grant,settle,freeze,unfreeze,reclaim,revoke,extend,transfer,split,merge,share,unshare,refund,cancel,rerate,catalogue}'::text[]) AS v
                  WHERE NOT EXISTS (SELECT FROM did WHERE verb = v AND sqlstate = '00000')$$, 'every verb has succeeded');
SELECT cmp_ok((SELECT count(*) FROM voucher.settlement), '>', (:acts / 16)::bigint, 'many orders are settled');
SELECT cmp_ok((SELECT count(*) FROM voucher.settlement WHERE cardinality(parts) > 1), '>', (:acts / 250)::bigint, 'many with several instruments');
SELECT cmp_ok((SELECT count(*) FROM voucher.settlement WHERE not_universal IS NOT NULL AND purchased_before IS NOT NULL), '>', (:acts / 250)::bigint,
              'many with facts that the catalogue and the account have changed since');

SELECT cmp_ok((SELECT count(*) FROM voucher.entry WHERE kind = 'draw'), '>', (:acts / 250)::bigint, 'several drew on shares');
SELECT cmp_ok((SELECT count(*) FROM voucher.settlement WHERE rerates IS NOT NULL AND parts <> '{}'), '>', (:acts / 250)::bigint, 'supplementary bills among them');
SELECT cmp_ok((SELECT count(*) FROM shown WHERE reason = 'limit_reached'), '>', (:acts / 250)::bigint, 'and limits said no');

-- ---------------------------------------------------------------------------
-- The decisions, once more
-- ---------------------------------------------------------------------------

CREATE TEMP TABLE replayed AS
SELECT s.account_id, s.order_id, e.* FROM voucher.settlement AS s CROSS JOIN LATERAL voucher.explain_at(s.account_id, s.order_id) AS e;

-- the instrument of a promo code that was used for the first time was not there yet
SELECT is_empty($$
    (SELECT account_id, order_id, rank, kind, instrument_id, template, applies, pays, balance, expires_at, reason, detail FROM replayed WHERE kind <> 'promo_code'
     EXCEPT ALL SELECT * FROM shown)
    UNION ALL
    (SELECT * FROM shown WHERE kind <> 'promo_code' AND (account_id, order_id) IN (SELECT account_id, order_id FROM voucher.settlement)
     EXCEPT ALL SELECT account_id, order_id, rank, kind, instrument_id, template, applies, pays, balance, expires_at, reason, detail FROM replayed)$$,
    'explain_at shows of vouchers and coupons what match showed then');
SELECT is_empty($$
    (SELECT account_id, order_id, template, applies, pays, balance, reason FROM replayed WHERE kind = 'promo_code'
     EXCEPT ALL SELECT account_id, order_id, template, applies, pays, balance, reason FROM shown)
    UNION ALL
    (SELECT account_id, order_id, template, applies, pays, balance, reason FROM shown
     WHERE kind = 'promo_code' AND (account_id, order_id) IN (SELECT account_id, order_id FROM voucher.settlement)
     EXCEPT ALL SELECT account_id, order_id, template, applies, pays, balance, reason FROM replayed)$$,
    'and of promo codes');
SELECT is_empty($$
    SELECT COALESCE(r.order_id, p.order_id) FROM (SELECT * FROM replayed WHERE share IS NOT NULL) AS r
    FULL JOIN (SELECT s.account_id, s.order_id, u.* FROM voucher.settlement AS s CROSS JOIN LATERAL unnest(s.parts) AS u) AS p
        ON p.account_id = r.account_id AND p.order_id = r.order_id AND p.instrument_id = r.instrument_id
    WHERE (r.paid::text = p.paid::text AND r.share::text = p.share::text) IS NOT TRUE$$,
    'the plan is the one that was settled: the same instruments paid the same of the same lines');

-- ---------------------------------------------------------------------------
-- Balance and status: an oracle that adds up, entry by entry
-- ---------------------------------------------------------------------------

SELECT is_empty($$
    SELECT i.instrument_id, at FROM voucher.instrument AS i
    CROSS JOIN (SELECT DISTINCT at FROM voucher.entry) AS t
    LEFT JOIN LATERAL (SELECT max(e.version) AS version FROM voucher.entry AS e
                       WHERE e.account_id = i.account_id AND e.instrument_id = i.instrument_id AND e.at <= t.at) AS v ON true
    LEFT JOIN LATERAL (SELECT voucher.sum(e.amount) AS balance, i.owner_account_id IS NOT NULL AND NOT bool_or(e.kind = 'revoke') AS draws FROM voucher.entry AS e
                       WHERE e.account_id = i.account_id AND e.instrument_id = i.instrument_id AND e.version <= v.version) AS s ON true
    -- of a share, those of what it draws on
    LEFT JOIN LATERAL (SELECT voucher.sum(e.amount) AS balance FROM voucher.entry AS e
                       WHERE s.draws AND e.account_id = i.owner_account_id AND e.instrument_id = i.owner_instrument_id
                         AND e.version <= (SELECT max(m.version) FROM voucher.entry AS m WHERE m.account_id = e.account_id AND m.instrument_id = e.instrument_id AND m.at <= t.at)) AS o ON true
    WHERE voucher.balance_at(i.account_id, i.instrument_id, at)::text IS DISTINCT FROM CASE WHEN s.draws THEN o.balance ELSE s.balance END::text$$,
    'balance_at is the sum of the entries until the last one of that time');
SELECT is_empty($$
    SELECT instrument_id, voucher.status_at(account_id, instrument_id, at), status FROM (
        SELECT i.account_id, i.instrument_id, i.owner_account_id, i.owner_instrument_id, now() AS at, i.status FROM voucher.vouchers AS i) AS v
    WHERE (SELECT max(e.at) FROM voucher.entry AS e WHERE e.account_id = v.account_id AND e.instrument_id = v.instrument_id
              OR e.account_id = v.owner_account_id AND e.instrument_id = v.owner_instrument_id) <= now()
      AND voucher.status_at(account_id, instrument_id, at) IS DISTINCT FROM status$$,
    'status_at of now is the status now');
SELECT is_empty($$
    SELECT a.account_id FROM voucher.account AS a
    WHERE voucher.balance_at(a.account_id, a.currency, '2100-01-01')::text <> a.balance::text OR voucher.balance_at(a.account_id, a.currency, '1900-01-01') IS NOT NULL$$,
    'cash in the end is the balance, and nothing before the account was opened');

-- A settlement that was made on other facts would be noticed.
UPDATE replayed SET paid = paid OPERATOR(voucher.+) 0.01 WHERE ctid = (SELECT ctid FROM replayed WHERE share IS NOT NULL LIMIT 1);
SELECT isnt_empty($$SELECT FROM replayed AS r JOIN (SELECT s.account_id, s.order_id, u.* FROM voucher.settlement AS s CROSS JOIN LATERAL unnest(s.parts) AS u) AS p
                    USING (account_id, order_id, instrument_id) WHERE r.paid::text <> p.paid::text$$, 'the comparison can fail');
SELECT is((SELECT count(*) FROM voucher.entry WHERE epoch IS NULL), 0::bigint, 'every entry has its epoch');
SELECT * FROM finish();
ROLLBACK;
