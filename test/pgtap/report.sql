--
-- Reports on random data: every figure ties with the ledger, at any instant,
-- and reminders are handed out once.  The oracle goes by what settlements say
-- (parts) and what instruments were issued with, not by entries.
--
\set QUIET 1
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;

SELECT plan(24);

-- Another run makes other orders; to repeat one: psql -v seed=0.123
\if :{?seed}
\else
SELECT round(random()::numeric, 6) AS seed \gset
\endif
SELECT diag('seed ' || :'seed');
SELECT setseed(:seed) \g /dev/null

SELECT voucher.register_product('ecs') \g /dev/null
SELECT voucher.create_campaign(c) FROM unnest('{spring,summer}'::text[]) AS c \g /dev/null
SELECT voucher.open_account(a, c, at => '2026-01-01'), voucher.deposit(a, 1000000, c, at => '2026-01-01')
FROM unnest('{ann,ben,cat}'::text[]) AS a, unnest('{CNY,JPY}'::text[]) AS c \g /dev/null
-- vouchers that expire at random hours of five months, or never, some after
-- two uses, one that lowers the price; a coupon that pays by rate; two coupons and two promo codes
SELECT voucher.create_template(format('v%s %s', n, c), 'voucher', c, face_value => 1 + floor(random() * 300)::int,
                               uses => CASE WHEN n % 4 = 0 THEN 2 END, effect => CASE n WHEN 7 THEN 'reduction' END,
                               valid => tstzrange(NULL, CASE WHEN n < 11 THEN '2026-02-01'::timestamptz + floor(random() * 3600)::int * interval '1 hour' END),
                               campaign => (ARRAY['spring', 'summer', NULL])[1 + n % 3])
FROM generate_series(1, 12) AS n, unnest('{CNY,JPY}'::text[]) AS c \g /dev/null
SELECT voucher.create_template('c ' || c, 'coupon', c, discount_rate => 0.3, effect => 'tender', uses => 1000, campaign => 'spring', per_account => 1),
       voucher.create_template('p ' || c, 'promo_code', c, discount_rate => 0.05, uses => 1000, campaign => 'summer', promo_code => 'P' || c)
FROM unnest('{CNY,JPY}'::text[]) AS c \g /dev/null

-- 400 orders at random times, vouchers granted between, a third of the orders refunded in part
DO $$
DECLARE
    happens timestamptz;
    who text;
    what text;
    asked voucher.amount;
BEGIN
    FOR n IN 1 .. 400 LOOP
        happens := '2026-01-01'::timestamptz + random() * interval '200 days';
        who := (ARRAY['ann', 'ben', 'cat'])[1 + floor(random() * 3)::int];
        what := (ARRAY['CNY', 'JPY'])[1 + floor(random() * 2)::int];
        IF random() < 0.5 THEN
            BEGIN
                PERFORM voucher.grant(who, (SELECT t.name FROM voucher.template AS t WHERE t.kind <> 'promo_code' AND t.currency = what
                                            ORDER BY random() LIMIT 1), at => happens);
            EXCEPTION WHEN SQLSTATE 'VC102' OR SQLSTATE 'VC112' THEN
                NULL;
            END;
        END IF;
        PERFORM voucher.settle(who, 'o' || n, 'ecs', 'renewal', 1 + floor(random() * 200)::int, currency => what, at => happens,
                               promo_code => CASE WHEN random() < 0.2 THEN 'P' || what END);
        IF random() < 0.3 THEN
            SELECT s.voucher OPERATOR(voucher.+) s.cash INTO asked FROM voucher.settlement AS s WHERE s.account_id = who AND s.order_id = 'o' || n;
            IF asked OPERATOR(voucher.>) 1 THEN
                PERFORM voucher.refund(who, 'o' || n, 1, at => happens + interval '1 day');
            END IF;
        END IF;
    END LOOP;
END
$$;
SELECT cmp_ok((SELECT count(*) FROM voucher.settlement AS s WHERE s.voucher OPERATOR(voucher.>) 0), '>', 40::bigint, 'many orders are paid with vouchers');

-- ---------------------------------------------------------------------------
-- The identity, and the oracle, at 60 instants and at the last
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE instant ON COMMIT DROP AS
SELECT '2026-01-01'::timestamptz + random() * interval '220 days' AS at FROM generate_series(1, 60)
UNION ALL SELECT '2100-01-01';
CREATE TEMP TABLE total ON COMMIT DROP AS SELECT n.at, v.* FROM instant AS n, voucher.stored_value(n.at) AS v;
SELECT is_empty($$
    SELECT at, currency FROM total
    WHERE issued OPERATOR(voucher.+) adjusted OPERATOR(voucher.<>) (used OPERATOR(voucher.+) expired OPERATOR(voucher.+) outstanding)$$,
    'issued + adjusted = used + expired + outstanding');
SELECT is_empty($$
    SELECT t.at, t.currency FROM total AS t
    LEFT JOIN (SELECT n.at, l.currency, voucher.sum(l.outstanding) AS outstanding FROM instant AS n, voucher.liability(n.at, 'Asia/Shanghai') AS l GROUP BY 1, 2) AS l
        USING (at, currency)
    WHERE t.outstanding OPERATOR(voucher.<>) COALESCE(l.outstanding, 0::voucher.amount)$$, 'the months of liability come to what is outstanding');
SELECT is_empty($$
    SELECT t.at, t.currency FROM total AS t
    LEFT JOIN (SELECT n.at, b.currency, voucher.sum(b.expired) AS expired FROM instant AS n, voucher.breakage(n.at, 'America/New_York') AS b GROUP BY 1, 2) AS b
        USING (at, currency)
    WHERE t.expired OPERATOR(voucher.<>) COALESCE(b.expired, 0::voucher.amount)$$, 'the months of breakage come to what has expired');
SELECT is_empty($$
    SELECT n.at, b.template FROM instant AS n, voucher.breakage(n.at) AS b
    WHERE b.issued OPERATOR(voucher.+) b.adjusted OPERATOR(voucher.<>) (b.used OPERATOR(voucher.+) b.expired)$$, 'each row of breakage adds up');

-- What instruments and settlements say of one voucher at an instant.  Orders
-- are of random times, some before the issue of what paid them.
CREATE TEMP TABLE told ON COMMIT DROP AS
SELECT n.at, i.account_id, i.instrument_id, i.currency, t.name, t.campaign, LEAST(upper(i.validity), CASE WHEN p.orders >= i.max_uses THEN p.last END) AS expires_at,
       CASE WHEN i.issued_at <= n.at THEN i.face_value::numeric ELSE 0 END AS issued, COALESCE(p.paid, 0) AS used
FROM instant AS n
CROSS JOIN voucher.instrument AS i
JOIN voucher.template AS t ON t.template_id = i.template_id AND t.kind = 'voucher' AND t.effect IS NULL
LEFT JOIN LATERAL (SELECT sum(u.paid::numeric) AS paid, count(*) AS orders, max(s.at) AS last FROM voucher.settlement AS s, unnest(s.parts) AS u
                   WHERE s.account_id = i.account_id AND u.instrument_id = i.instrument_id AND s.at <= n.at) AS p ON true
WHERE i.issued_at <= n.at OR p.paid IS NOT NULL;
SELECT is_empty($$
    SELECT at, currency, vouchers, issued::numeric, used::numeric, expired::numeric, outstanding::numeric FROM total
    EXCEPT
    SELECT at, currency, count(*), sum(issued), sum(used), COALESCE(sum(issued - used) FILTER (WHERE expires_at <= at), 0),
           COALESCE(sum(issued - used) FILTER (WHERE (expires_at <= at) IS NOT TRUE), 0) FROM told GROUP BY 1, 2$$,
    'totals are what instruments and settlements tell');
SELECT cmp_ok((SELECT count(*) FROM total), '>', 100::bigint, 'at many instants');
SELECT bag_eq($$SELECT n.at, l.currency, l.month, l.vouchers, l.outstanding::numeric FROM instant AS n, voucher.liability(n.at, 'Asia/Shanghai') AS l$$,
              $$SELECT at, currency, (date_trunc('month', expires_at AT TIME ZONE 'Asia/Shanghai' - interval '1 microsecond'))::date, count(*), sum(issued - used)
                FROM told WHERE (expires_at <= at) IS NOT TRUE AND issued <> used GROUP BY 1, 2, 3$$, 'liability by month is what they tell');
SELECT bag_eq($$SELECT n.at, b.currency, b.month, b.campaign, b.template, b.vouchers, b.issued::numeric AS i, b.used::numeric AS u, b.expired::numeric AS e
                FROM instant AS n, voucher.breakage(n.at, 'Asia/Shanghai') AS b$$,
              $$SELECT at, currency, (date_trunc('month', expires_at AT TIME ZONE 'Asia/Shanghai' - interval '1 microsecond'))::date, campaign, name,
                       count(*), sum(issued) AS i, sum(used) AS u, sum(issued - used) AS e
                FROM told WHERE expires_at <= at GROUP BY 1, 2, 3, 4, 5$$, 'breakage by month, campaign and template is what they tell');
SELECT is((SELECT string_agg(format('%s %s', currency, (expired OPERATOR(voucher.+) outstanding)), ', ' ORDER BY currency) FROM total WHERE at = '2100-01-01'),
          (SELECT string_agg(format('%s %s', currency, balance), ', ' ORDER BY currency)
           FROM (SELECT i.currency, voucher.sum(i.balance) AS balance FROM voucher.instrument AS i
                 JOIN voucher.template AS t USING (template_id) WHERE t.kind = 'voucher' AND t.effect IS NULL GROUP BY 1) AS b),
          'in the end, expired and outstanding are the balances');

-- ---------------------------------------------------------------------------
-- Campaigns
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE redeemed ON COMMIT DROP AS SELECT * FROM voucher.redemption('2100-01-01');
SELECT is((SELECT string_agg(format('%s %s %s', currency, paid, discount), ', ' ORDER BY currency)
           FROM (SELECT currency, voucher.sum(value_paid) AS paid, voucher.sum(discount) AS discount FROM redeemed GROUP BY 1) AS r),
          (SELECT string_agg(format('%s %s %s', currency, paid, discount), ', ' ORDER BY currency)
           FROM (SELECT currency, voucher.sum(voucher) AS paid, voucher.sum(discount) AS discount FROM voucher.settlement GROUP BY 1) AS s),
          'what campaigns paid and took off is what settlements say');
SELECT is((SELECT sum(claimed)::bigint FROM redeemed), (SELECT count(*) FROM voucher.instrument), 'every instrument is claimed once');
SELECT is((SELECT sum(used)::bigint FROM redeemed), (SELECT count(*) FROM voucher.instrument WHERE used > 0), 'and used or not');
SELECT is_empty($$
    SELECT campaign, currency, orders, gross::numeric, refunded::numeric, refunded_cash::numeric FROM redeemed
    EXCEPT
    SELECT t.campaign, t.currency, count(o.order_id), COALESCE(sum(o.gross), 0), COALESCE(sum(o.requested), 0), COALESCE(sum(o.cash), 0)
    FROM (SELECT DISTINCT campaign, currency FROM voucher.template) AS t
    LEFT JOIN LATERAL (
        SELECT s.order_id, s.gross::numeric,
               (SELECT sum(e.requested::numeric) FROM voucher.settlement_entry AS e WHERE e.account_id = s.account_id AND e.order_id = s.order_id) AS requested,
               (SELECT sum(c.amount::numeric) FROM voucher.cash_entry AS c WHERE c.account_id = s.account_id AND c.order_id = s.order_id AND c.kind = 'refund') AS cash
        FROM voucher.settlement AS s
        WHERE s.currency = t.currency
          AND EXISTS (SELECT FROM voucher.settlement_part AS p JOIN voucher.template AS m ON m.name = p.template
                      WHERE p.account_id = s.account_id AND p.order_id = s.order_id AND m.campaign IS NOT DISTINCT FROM t.campaign)) AS o ON true
    GROUP BY t.campaign, t.currency$$, 'an order counts once for each campaign that served it, with what was refunded of it');

-- ---------------------------------------------------------------------------
-- Reminders
-- ---------------------------------------------------------------------------
-- so that some are left, whatever the orders took
SELECT voucher.create_template('soon', 'voucher', 'CNY', face_value => 5, valid => '[2026-01-01,2026-04-10)') \g /dev/null
SELECT voucher.grant(a, 'soon', at => '2026-02-15') FROM unnest('{ann,ben,ben,cat}'::text[]) AS a \g /dev/null
CREATE TEMP TABLE due ON COMMIT DROP AS SELECT * FROM voucher.expiring('60 days', at => '2026-03-01');
SELECT bag_eq('SELECT account_id, instrument_id FROM due',
              $$SELECT account_id, instrument_id FROM voucher.vouchers
                WHERE kind <> 'promo_code' AND expires_at > '2026-03-01' AND expires_at <= '2026-04-30' AND balance OPERATOR(voucher.>) 0
                  AND (used < max_uses) IS NOT FALSE$$,
              'expiring: what has value and ends in the interval');
CREATE TEMP TABLE taken (account_id text, instrument_id bigint) ON COMMIT DROP;
INSERT INTO taken SELECT account_id, instrument_id FROM voucher.take_expiring('60 days', count => 3, at => '2026-03-01');
INSERT INTO taken SELECT account_id, instrument_id FROM voucher.take_expiring('60 days', count => 3, at => '2026-03-01');
SELECT is((SELECT count(*) FROM taken), (SELECT LEAST(count(*), 6) FROM due), 'three, and three more');
INSERT INTO taken SELECT account_id, instrument_id FROM voucher.take_expiring('60 days', at => '2026-03-01');
INSERT INTO taken SELECT account_id, instrument_id FROM voucher.take_expiring('60 days', at => '2026-03-01');
SELECT bag_eq('SELECT * FROM taken', 'SELECT account_id, instrument_id FROM due', 'each is taken exactly once');
-- prolonged past any rule, as if by an extension of its validity
SET LOCAL session_replication_role = replica;
UPDATE voucher.instrument SET validity = tstzrange(lower(validity), '2026-04-29 00:00:01') WHERE instrument_id = (SELECT instrument_id FROM taken LIMIT 1);
SET LOCAL session_replication_role = origin;
SELECT is((SELECT array_agg(instrument_id) FROM voucher.take_expiring('60 days', at => '2026-03-01')), (SELECT ARRAY[instrument_id] FROM taken LIMIT 1),
          'with another expiry a reminder is due again');
SELECT is((SELECT count(*) FROM voucher.reminder), (SELECT count(*) + 1 FROM due), 'and both are kept');

-- Totals may be more than an amount holds
SELECT voucher.create_template('vast', 'voucher', 'CNY', face_value => 90000000000, valid => '(,2026-09-01)', campaign => 'spring') \g /dev/null
SELECT outstanding AS before FROM voucher.stored_value('2026-08-15') WHERE currency = 'CNY' \gset
SELECT voucher.grant(a, 'vast', at => '2026-08-10') FROM unnest('{ann,ben}'::text[]) AS a \g /dev/null
SELECT is((SELECT outstanding FROM voucher.stored_value('2026-08-15') WHERE currency = 'CNY'), :before + 180000000000, 'stored value');
SELECT is((SELECT outstanding FROM voucher.liability('2026-08-15') WHERE currency = 'CNY' AND month = '2026-08-01'), 180000000000.00, 'liability');
SELECT is((SELECT expired FROM voucher.breakage('2026-09-01') WHERE template = 'vast'), 180000000000.00, 'breakage');
SELECT cmp_ok((SELECT value_issued FROM voucher.redemption('2026-09-01') WHERE campaign = 'spring' AND currency = 'CNY'), '>', 180000000000.00, 'redemption');

SELECT is_empty('SELECT * FROM voucher.check()', 'check finds nothing');
SELECT * FROM finish();
ROLLBACK;
