-- Limits: random orders, issues, cancelled orders and limits that come at any
-- time.  Counters are held against the ledger by a computation that shares no
-- code with them, and no counter goes up past its limit.
\set QUIET 1
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;

SELECT * FROM no_plan() \g /dev/null

-- Give a seed to run again what failed: psql -v seed=0.25
\if :{?seed}
\else
SELECT random() AS seed \gset
\endif
SELECT diag('seed ' || :seed);
SELECT setseed(:seed) \g /dev/null

SELECT voucher.register_product('ecs'), voucher.create_campaign('spring'), voucher.create_campaign('summer') \g /dev/null
SELECT voucher.create_template('rate', 'coupon', 'CNY', discount_rate => 0.13, uses => 99, per_account => 99, campaign => 'spring'),
       voucher.create_template('fixed', 'coupon', 'CNY', face_value => 7, per_account => 99, campaign => 'spring'),
       voucher.create_template('word', 'promo_code', 'CNY', discount_rate => 0.1, uses => 99, promo_code => 'WORD', campaign => 'spring'),
       voucher.create_template('other', 'promo_code', 'CNY', discount_rate => 0.07, uses => 99, promo_code => 'OTHER', campaign => 'summer'),
       voucher.create_template('gift', 'voucher', 'CNY', face_value => 30, campaign => 'summer'),
       voucher.create_template('free', 'voucher', 'CNY', face_value => 20) \g /dev/null
SELECT voucher.open_account(a, 'CNY'), voucher.deposit(a, 1000000) FROM unnest('{ann,bob,cid,dan,eve}'::text[]) AS a \g /dev/null
-- what is refused in every run
SELECT voucher.create_limit('word', max_count => 9), voucher.create_limit('other', max_amount => 20, per => 'account') \g /dev/null

-- What the ledger says was counted: a row for each use and each issue.
CREATE VIEW pg_temp.counted AS
SELECT 'use' AS counts, s.account_id, s.at, i.template_id, p.paid::numeric AS amount
FROM voucher.settlement AS s
CROSS JOIN LATERAL unnest(s.parts) AS p
JOIN voucher.instrument AS i USING (account_id, instrument_id)
WHERE NOT EXISTS (SELECT FROM voucher.settlement_entry AS e WHERE e.account_id = s.account_id AND e.order_id = s.order_id AND e.kind = 'cancel')
UNION ALL
SELECT 'issue', account_id, issued_at, template_id, COALESCE(face_value::numeric, 0) FROM voucher.instrument;

-- Of a limit, in the period of an instant and for an account: number and amount.
CREATE FUNCTION pg_temp.usage(l voucher.usage_limit, account text, instant timestamptz, OUT used bigint, OUT amount numeric) LANGUAGE sql AS $$
    SELECT count(*), COALESCE(sum(c.amount), 0)
    FROM pg_temp.counted AS c
    JOIN voucher.template AS t USING (template_id)
    WHERE c.counts = l.counts AND (t.template_id = l.template_id OR t.campaign = l.campaign)
      AND (l.per = 'total' OR c.account_id = account)
      AND (l.period IS NULL
           OR to_char(c.at AT TIME ZONE l.time_zone, CASE l.period WHEN 'day' THEN 'YYYY-MM-DD' WHEN 'week' THEN 'IYYY-IW' ELSE 'YYYY-MM' END)
              = to_char(instant AT TIME ZONE l.time_zone, CASE l.period WHEN 'day' THEN 'YYYY-MM-DD' WHEN 'week' THEN 'IYYY-IW' ELSE 'YYYY-MM' END))
$$;

-- Does a limit keep an account from a template now?
CREATE FUNCTION pg_temp.reached(what text, account text, instant timestamptz) RETURNS boolean LANGUAGE sql AS $$
    SELECT EXISTS (
        SELECT FROM voucher.template AS t
        JOIN voucher.usage_limit AS l ON l.template_id = t.template_id OR l.campaign = t.campaign
        CROSS JOIN LATERAL pg_temp.usage(l, account, instant) AS u
        WHERE t.name = what
          AND (l.counts = 'use'
               OR t.kind = 'promo_code' AND NOT EXISTS (SELECT FROM voucher.instrument AS i WHERE i.account_id = account AND i.template_id = t.template_id))
          AND (u.used >= l.max_count
               OR l.max_amount::numeric - u.amount < CASE l.counts WHEN 'use' THEN 0.01 ELSE COALESCE(t.face_value::numeric, 0) END))
$$;

CREATE TEMP TABLE had (limit_id bigint, account text, used bigint, amount numeric, ever boolean);
CREATE TEMP TABLE outcome (what text, ok boolean, detail text);

CREATE FUNCTION pg_temp.pick(VARIADIC options text[]) RETURNS text LANGUAGE sql AS 'SELECT options[1 + floor(random() * cardinality(options))]';

-- A limit at random, and what was used before it.
CREATE FUNCTION pg_temp.add_limit() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    on_campaign boolean := random() < 0.4;
    new_id bigint;
BEGIN
    new_id := voucher.create_limit(CASE WHEN NOT on_campaign THEN pg_temp.pick('rate', 'fixed', 'word', 'other', 'gift') END,
        CASE WHEN on_campaign THEN pg_temp.pick('spring', 'summer') END,
        max_count => CASE WHEN random() < 0.6 THEN 5 + floor(random() * 30)::bigint END,
        max_amount => CASE WHEN random() < 0.5 THEN round((20 + random() * 200)::numeric, 2) END,
        counts => pg_temp.pick('use', 'use', 'issue'), per => pg_temp.pick('total', 'account'), period => pg_temp.pick('day', 'week', 'month', NULL),
        time_zone => pg_temp.pick('UTC', 'Asia/Shanghai', 'America/New_York'));
    INSERT INTO had SELECT new_id, account_id, used, amount::numeric, true FROM voucher.limit_usage WHERE limit_id = new_id;
END $$;

-- An order at random: what match says of limits is so; what is quoted is
-- settled; a typed promo code is refused if, and only if, a limit is reached.
CREATE FUNCTION pg_temp.order_once(n integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    account text := pg_temp.pick('ann', 'bob', 'cid');
    instant timestamptz := timestamptz '2026-02-20 00:00+00' + random() * interval '20 days';
    word text := pg_temp.pick('WORD', 'OTHER', NULL);
    price numeric := round((random() * 100 + 1)::numeric, 2);
    quoted voucher.settlement;
    settled voucher.settlement;
    expected boolean := word IS NOT NULL AND pg_temp.reached(lower(word), account, instant);
BEGIN
    INSERT INTO outcome
    SELECT 'match', (reason = 'limit_reached') = pg_temp.reached(template, account, instant), format('%s %s %s %s: %s', n, account, template, instant, detail)
    FROM voucher.match(account, 'ecs', 'renewal', price, promo_code => word, at => instant)
    WHERE reason IN ('applies', 'limit_reached');
    quoted := voucher.quote(account, 'ecs', 'renewal', price, promo_code => word, at => instant);
    settled := voucher.settle(account, 'o' || n, 'ecs', 'renewal', price, promo_code => word, at => instant);
    INSERT INTO outcome VALUES ('settled', NOT expected, n::text),
        ('quote', (quoted.discount, quoted.voucher, quoted.cash)::text = (settled.discount, settled.voucher, settled.cash)::text, n::text);
EXCEPTION WHEN SQLSTATE 'VC121' THEN
    INSERT INTO outcome VALUES ('refused', expected, format('%s %s %s %s', n, account, word, SQLERRM));
END $$;

CREATE FUNCTION pg_temp.issue_once() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM voucher.grant(pg_temp.pick('ann', 'bob', 'cid'), pg_temp.pick('rate', 'fixed', 'gift', 'free'), at => timestamptz '2026-02-20' + random() * interval '10 days');
    INSERT INTO outcome VALUES ('issued', true, NULL);
EXCEPTION WHEN SQLSTATE 'VC121' THEN
    INSERT INTO outcome VALUES ('not issued', true, NULL);
END $$;

DO $$
DECLARE
    chance float8;
    s record;
BEGIN
    FOR n IN 1 .. 300 LOOP
        chance := random();
        IF n % 25 = 0 THEN
            PERFORM pg_temp.add_limit();
        ELSIF chance < 0.6 THEN
            PERFORM pg_temp.order_once(n);
        ELSIF chance < 0.85 THEN
            PERFORM pg_temp.issue_once();
        ELSE
            SELECT account_id, order_id INTO s FROM voucher.settlement
            WHERE entry_version IS NULL AND NOT EXISTS (SELECT FROM voucher.settlement_entry AS e WHERE (e.account_id, e.order_id) = (settlement.account_id, settlement.order_id))
            ORDER BY random() LIMIT 1;
            IF FOUND THEN
                PERFORM voucher.cancel(s.account_id, s.order_id);
                INSERT INTO outcome VALUES ('cancelled', true, NULL);
            END IF;
        END IF;
    END LOOP;
END $$;

SELECT is_empty('SELECT what, detail FROM outcome WHERE NOT ok LIMIT 5', 'limits are judged as the ledger says, and what is quoted is settled');
SELECT is_empty($$SELECT 'nothing was ' || what FROM unnest('{match,quote,settled,refused,issued,cancelled}'::text[]) AS what EXCEPT SELECT 'nothing was ' || what FROM outcome$$,
    'all of it happened');
SELECT is_empty('SELECT * FROM voucher.check()', 'counters are what the ledger adds up to');
SELECT is_empty($$
    SELECT v.limit_id, v.account_id, v.period_start, v.used, u.used, v.amount, u.amount
    FROM voucher.limit_usage AS v
    JOIN voucher.usage_limit AS l USING (limit_id)
    CROSS JOIN LATERAL pg_temp.usage(l, v.account_id, COALESCE(v.period_start, now())) AS u
    WHERE (v.used, v.amount::numeric) <> (u.used, CASE WHEN l.max_amount IS NULL THEN 0 ELSE u.amount END)
      AND (v.account_id IS NOT NULL OR l.per = 'total')$$, 'and what the other computation does');
-- a limit that came late may stand above its maximum, but not above what it began with
SELECT is_empty($$
    SELECT v.limit_id, v.account_id, v.period_start, v.used, v.max_count, v.amount, v.max_amount
    FROM voucher.limit_usage AS v
    WHERE v.max_count IS NOT NULL AND v.used > GREATEST(v.max_count, (SELECT max(h.used) FROM had AS h WHERE h.limit_id = v.limit_id))
       OR v.max_amount IS NOT NULL AND v.amount::numeric > GREATEST(v.max_amount::numeric, (SELECT max(h.amount) FROM had AS h WHERE h.limit_id = v.limit_id))$$,
    'no counter went up past its limit');

-- A cancelled order gives back what it used, once, to the period it took it from.
SELECT voucher.create_template('last', 'promo_code', 'CNY', discount_rate => 0.5, uses => 99, promo_code => 'LAST'),
       voucher.create_limit('last', max_count => 1, max_amount => 10, period => 'day') AS last,
       voucher.create_limit('last', max_count => 1, counts => 'issue') AS issue \gset
SELECT voucher.settle('dan', 'last 1', 'ecs', 'renewal', 16, promo_code => 'LAST', at => '2026-05-01') \g /dev/null
SELECT throws_ok($$SELECT voucher.settle('dan', 'last 2', 'ecs', 'renewal', 16, promo_code => 'LAST', at => '2026-05-01')$$, 'VC121');
SELECT voucher.cancel('dan', 'last 1') \g /dev/null
SELECT results_eq(format('SELECT used, amount::numeric FROM voucher.limit_usage WHERE limit_id = %s', :last), 'SELECT 0::bigint, 0::numeric', 'released');
-- what was issued stays issued: dan has the code, nobody else can begin to use it
SELECT is((voucher.settle('dan', 'last 2', 'ecs', 'renewal', 16, promo_code => 'LAST', at => '2026-05-01')).discount::text, '8.00', 'and used again');
SELECT throws_ok($$SELECT voucher.settle('eve', 'last 2', 'ecs', 'renewal', 16, promo_code => 'LAST', at => '2026-05-02')$$, 'VC121');

-- A limit that came when more had been issued than it lets: a code with a rate has
-- no face value and would add nothing, and is refused by match as by settle.
SELECT voucher.create_campaign('autumn'), voucher.create_template('leaf', 'voucher', 'CNY', face_value => 30, campaign => 'autumn'), voucher.grant('dan', 'leaf'),
       voucher.create_template('fall', 'promo_code', 'CNY', discount_rate => 0.1, promo_code => 'FALL', campaign => 'autumn'),
       voucher.create_limit(campaign => 'autumn', max_amount => 20, currency => 'CNY', counts => 'issue') \g /dev/null
SELECT is((SELECT reason FROM voucher.match('eve', 'ecs', 'renewal', 16, promo_code => 'FALL') WHERE template = 'fall'), 'limit_reached', 'match knows');
SELECT throws_ok($$SELECT voucher.quote('eve', 'ecs', 'renewal', 16, promo_code => 'FALL')$$, 'VC121');
SELECT throws_ok($$SELECT voucher.settle('eve', 'fall', 'ecs', 'renewal', 16, promo_code => 'FALL')$$, 'VC121');
SELECT * FROM finish();
ROLLBACK;
