-- Cloud bills in the FOCUS form, run through the extension: each billing account
-- and period is one pay-as-you-go bill with all of its charges as lines, judged
-- by the time of their consumption. Accounts get vouchers for the services that
-- cost them most, and others that look at regions, tags and time; the bills are
-- settled, then invoiced.
--
-- Who gets what follows from the rows: the same files always give the same run.
SET client_min_messages = warning;
-- so that amounts can be added and compared like numbers
SET search_path = public, voucher;

-- ---------------------------------------------------------------------------
-- Every row has one category, decided in this order: what keeps it from being
-- billed first, then what the row says of itself.
-- ---------------------------------------------------------------------------

CREATE TABLE replay.category (
    place    integer PRIMARY KEY,
    category text NOT NULL UNIQUE,
    billed   boolean NOT NULL
);
INSERT INTO replay.category VALUES
    (1, 'usage', true),
    (2, 'usage that costs nothing', true),
    (3, 'usage below zero', true),
    (4, 'purchase', true),
    (5, 'tax', true),
    (6, 'credit', true),
    (7, 'adjustment', true),
    (8, 'no billing account', false),
    (9, 'no service', false),
    (10, 'unknown currency', false),
    (11, 'unknown charge category', false),
    (12, 'of a bill below zero', false);

-- Tags are an object in JSON; what is not is no tags.
CREATE FUNCTION replay.tags(tags text) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE jsonb_typeof(tags::jsonb) WHEN 'object' THEN tags::jsonb END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;

CREATE TABLE replay.row AS
SELECT i.row_no, i.BillingAccountId AS account_id, i.BillingCurrency AS currency,
       to_char(i.BillingPeriodStart, 'YYYY-MM') AS order_id,
       i.BillingPeriodStart AT TIME ZONE 'UTC' AS opens, i.BillingPeriodEnd AT TIME ZONE 'UTC' AS closes,
       i.BilledCost AS cost,
       -- an amount holds 8 decimals: the one place where a cost is rounded
       round(i.BilledCost, 8) AS amount,
       'focus.' || regexp_replace(lower(btrim(i.ServiceName)), '[^a-z0-9_-]+', '_', 'g') AS product,
       i.RegionId AS region, replay.tags(i.Tags) AS tags, i.ChargePeriodStart AT TIME ZONE 'UTC' AS at,
       CASE
           WHEN i.BillingAccountId IS NULL THEN 'no billing account'
           WHEN i.ServiceName IS NULL THEN 'no service'
           WHEN c.currency IS NULL THEN 'unknown currency'
           WHEN i.ChargeCategory = 'Usage' AND i.BilledCost < 0 THEN 'usage below zero'
           WHEN i.ChargeCategory = 'Usage' AND i.BilledCost = 0 THEN 'usage that costs nothing'
           WHEN i.ChargeCategory IN ('Usage', 'Purchase', 'Tax', 'Credit', 'Adjustment') THEN lower(i.ChargeCategory)
           ELSE 'unknown charge category'
       END AS category
FROM replay.input AS i
LEFT JOIN voucher.currency AS c ON c.currency = i.BillingCurrency;
ALTER TABLE replay.row
    ADD CONSTRAINT row_pkey PRIMARY KEY (row_no),
    ADD CONSTRAINT row_category_fkey FOREIGN KEY (category) REFERENCES replay.category (category);

-- a bill that comes to less than zero is the provider's to pay out
UPDATE replay.row AS r SET category = 'of a bill below zero'
FROM (SELECT account_id, order_id, currency FROM replay.row JOIN replay.category USING (category)
      WHERE billed GROUP BY account_id, order_id, currency HAVING sum(amount) < 0) AS b
WHERE r.account_id = b.account_id AND r.order_id = b.order_id AND r.currency = b.currency
  AND r.category IN (SELECT category FROM replay.category WHERE billed);

CREATE TABLE replay.charge AS
SELECT r.*, row_number() OVER (PARTITION BY account_id, order_id, currency ORDER BY row_no)::integer AS line_no
FROM replay.row AS r JOIN replay.category USING (category) WHERE billed;
ALTER TABLE replay.charge ADD CONSTRAINT charge_pkey PRIMARY KEY (row_no);

CREATE TABLE replay.bill AS
SELECT account_id, order_id || ' ' || currency AS order_id, currency, max(closes) AS at,
       array_agg(voucher.line(product, 'usage', amount, NULL, line_no, region, tags, at) ORDER BY line_no) AS lines
FROM replay.charge GROUP BY account_id, charge.order_id, currency;

-- ---------------------------------------------------------------------------
-- What is handed out: for each account and currency
-- ---------------------------------------------------------------------------

CREATE TABLE replay.customer AS
SELECT account_id, currency, min(opens) AS opens, max(closes) AS closes,
       sum(amount) FILTER (WHERE amount > 0) AS cost,
       row_number() OVER (ORDER BY account_id COLLATE "C", currency COLLATE "C") AS n
FROM replay.charge GROUP BY account_id, currency;

-- half of what a part of the charges costs, rounded up to the minor unit
CREATE FUNCTION replay.half(cost numeric, currency text) RETURNS numeric
    LANGUAGE sql STABLE
    RETURN (SELECT ceil(cost / 2 * 10 ^ c.minor_digits) / 10 ^ c.minor_digits FROM voucher.currency AS c WHERE c.currency = half.currency);

CREATE TABLE replay.handout (
    place      integer GENERATED ALWAYS AS IDENTITY,
    template   text PRIMARY KEY,
    account_id text NOT NULL,
    currency   text NOT NULL,
    face_value numeric,
    product    text,
    region     text,
    tags       jsonb,
    valid      tstzrange NOT NULL DEFAULT '(,)'
);
-- half of the three services that cost most
INSERT INTO replay.handout (template, account_id, currency, face_value, product)
SELECT format('service %s of account %s', s.place, c.n), c.account_id, c.currency, replay.half(s.cost, c.currency), s.product
FROM replay.customer AS c
CROSS JOIN LATERAL (
    SELECT product, sum(amount) AS cost, row_number() OVER (ORDER BY sum(amount) DESC, product COLLATE "C") AS place
    FROM replay.charge AS g WHERE g.account_id = c.account_id AND g.currency = c.currency AND g.amount > 0
    GROUP BY product) AS s
WHERE s.place <= 3 ORDER BY c.n, s.place;
-- of the region and of the tag that cost most, and of the first half of the month
INSERT INTO replay.handout (template, account_id, currency, face_value, region)
SELECT DISTINCT ON (c.n) format('region of account %s', c.n), c.account_id, c.currency, replay.half(sum(g.amount) / 10, c.currency), g.region
FROM replay.customer AS c JOIN replay.charge AS g ON g.account_id = c.account_id AND g.currency = c.currency AND g.amount > 0
WHERE g.region IS NOT NULL GROUP BY c.n, c.account_id, c.currency, g.region ORDER BY c.n, sum(g.amount) DESC, g.region COLLATE "C";
INSERT INTO replay.handout (template, account_id, currency, face_value, tags)
SELECT DISTINCT ON (c.n) format('tag of account %s', c.n), c.account_id, c.currency, replay.half(sum(g.amount) / 10, c.currency), jsonb_build_object(t.key, t.value)
FROM replay.customer AS c JOIN replay.charge AS g ON g.account_id = c.account_id AND g.currency = c.currency AND g.amount > 0
CROSS JOIN LATERAL jsonb_each(g.tags) AS t
GROUP BY c.n, c.account_id, c.currency, t.key, t.value ORDER BY c.n, sum(g.amount) DESC, t.key COLLATE "C", t.value;
INSERT INTO replay.handout (template, account_id, currency, face_value, valid)
SELECT format('first half of account %s', n), account_id, currency, replay.half(cost / 10, currency), tstzrange(opens, opens + interval '15 days')
FROM replay.customer ORDER BY n;

DO $$
BEGIN
    PERFORM voucher.register_product('focus', 'Cloud services');
    PERFORM voucher.register_product(product) FROM (SELECT DISTINCT product FROM replay.charge) AS p;
    PERFORM voucher.open_account(account_id, currency, at => opens), voucher.deposit(account_id, ceil(cost), currency, at => opens)
    FROM replay.customer;
    PERFORM voucher.create_template(template, 'voucher', currency, face_value => face_value, payment_type => 'pay_as_you_go',
                                    scope => COALESCE(product, '*')::voucher.scope,
                                    regions => CASE WHEN region IS NOT NULL THEN ARRAY[region] END, tags => tags, valid => valid)
    FROM replay.handout ORDER BY place;
END
$$;
-- a grant of what is over already is refused, so each is handed out when the account opens
CREATE TABLE replay.granted AS
SELECT h.template, h.account_id, voucher.grant(h.account_id, h.template, at => c.opens) AS instrument_id
FROM replay.handout AS h JOIN replay.customer AS c USING (account_id, currency) ORDER BY h.place;

-- ---------------------------------------------------------------------------
-- The bills: settled, asked for again, and invoiced
-- ---------------------------------------------------------------------------

CREATE TABLE replay.repeat (order_id text, same boolean NOT NULL);
DO $$
DECLARE
    bill  replay.bill;
    first voucher.settlement;
    again voucher.settlement;
BEGIN
    FOR bill IN SELECT * FROM replay.bill ORDER BY at, account_id COLLATE "C", order_id COLLATE "C" LOOP
        first := voucher.settle(bill.account_id, bill.order_id, lines => bill.lines, payment_type => 'pay_as_you_go',
                                currency => bill.currency, at => bill.at);
        again := voucher.settle(bill.account_id, bill.order_id, lines => bill.lines, payment_type => 'pay_as_you_go',
                                currency => bill.currency, at => bill.at + interval '1 day');
        INSERT INTO replay.repeat VALUES (bill.order_id, first IS NOT DISTINCT FROM again);
        IF first.cash > 0 THEN
            PERFORM voucher.issue_invoice(bill.account_id, bill.order_id, bill.order_id, at => bill.at);
        END IF;
    END LOOP;
END
$$;
