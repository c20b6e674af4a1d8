-- What was read and what became of it; then every total that must tie, each
-- worked out on two ways that share no step: from the files' rows on one side,
-- from the extension's tables on the other.
\ir ../begin.sql

\echo ''
\echo 'Rows: each in one category'
SELECT COALESCE(c.category, 'all rows') AS category, count(r.row_no) AS rows,
       replay.money(COALESCE(sum(r.cost), 0)) AS cost
FROM replay.category AS c
LEFT JOIN replay.row AS r ON r.category = c.category
GROUP BY ROLLUP ((c.place, c.category))
ORDER BY c.place;

\echo ''
\echo 'Bills: gross = discount + rounding + voucher + cash'
SELECT s.order_id AS bill, cardinality(s.lines) AS lines, cardinality(s.parts) AS vouchers, s.gross, s.discount, s.rounding, s.voucher, s.cash
FROM voucher.settlement AS s ORDER BY s.account_id, s.order_id;

\echo ''
\echo 'Vouchers: what they cover, and what they paid'
SELECT h.template, i.face_value AS worth, COALESCE(h.product, h.region, h.tags::text, h.valid::text) AS covers,
       i.face_value - i.balance AS paid
FROM replay.handout AS h
JOIN replay.granted AS g ON g.template = h.template
JOIN voucher.instrument AS i ON i.account_id = g.account_id AND i.instrument_id = g.instrument_id
ORDER BY h.place;

-- which charges a voucher may pay: by the rows alone
CREATE TABLE replay.eligible AS
SELECT g.account_id, g.instrument_id, c.order_id || ' ' || c.currency AS order_id, c.line_no
FROM replay.handout AS h
JOIN replay.granted AS g ON g.template = h.template
JOIN replay.charge AS c ON c.account_id = h.account_id AND c.currency = h.currency
WHERE (h.product IS NULL OR c.product = h.product)
  AND (h.region IS NULL OR c.region = h.region)
  AND (h.tags IS NULL OR c.tags @> h.tags)
  AND c.at <@ h.valid;

-- what each voucher paid of each charge
CREATE TABLE replay.share AS
SELECT s.account_id, s.order_id, u.instrument_id, l.line_no, l.amount, u.share[l.j] AS share
FROM voucher.settlement AS s
CROSS JOIN unnest(s.lines) WITH ORDINALITY AS l (line_no, product, order_type, amount, duration, region, tags, at, j)
CROSS JOIN unnest(s.parts) AS u;

CREATE TABLE replay.tie (
    n        integer GENERATED ALWAYS AS IDENTITY,
    rule     text NOT NULL,
    expected numeric NOT NULL,
    found    numeric NOT NULL
);
INSERT INTO replay.tie (rule, expected, found)
VALUES ('rows read = rows in categories', :rows, (SELECT count(*) FROM replay.row WHERE category IS NOT NULL)),
       ('cost of all rows = cost of the categories',
        (SELECT COALESCE(sum(BilledCost), 0) FROM replay.input), (SELECT COALESCE(sum(cost), 0) FROM replay.row)),
       ('billed rows = lines of bills',
        (SELECT count(*) FROM replay.row JOIN replay.category USING (category) WHERE billed),
        (SELECT COALESCE(sum(cardinality(lines)), 0) FROM voucher.settlement)),
       ('cost of billed rows - what 8 decimals cut off = gross',
        (SELECT COALESCE(sum(round(i.BilledCost, 8)), 0) FROM replay.input AS i JOIN replay.row USING (row_no) JOIN replay.category USING (category) WHERE billed),
        (SELECT replay.total(sum(gross)) FROM voucher.settlement)),
       ('bills whose rows are not their gross', 0,
        (SELECT count(*)
         FROM (SELECT account_id, order_id || ' ' || currency AS order_id, sum(amount) AS cost FROM replay.charge GROUP BY 1, 2) AS b
         FULL JOIN voucher.settlement AS s ON s.account_id = b.account_id AND s.order_id = b.order_id
         WHERE (s.gross::numeric = b.cost) IS NOT TRUE)),
       ('gross = discount + rounding + voucher + cash',
        (SELECT replay.total(sum(gross)) FROM voucher.settlement),
        (SELECT replay.total(sum(discount + rounding + s.voucher + cash)) FROM voucher.settlement AS s)),
       ('bills rounded by a minor unit or more', 0,
        (SELECT count(*) FROM voucher.settlement JOIN voucher.currency USING (currency)
         WHERE rounding::numeric < 0 OR rounding::numeric >= 1 / 10 ^ minor_digits)),
       ('shares add up to what vouchers paid',
        (SELECT replay.total(sum(share)) FROM replay.share), (SELECT replay.total(sum(s.voucher)) FROM voucher.settlement AS s)),
       ('shares above their line, or of a line at or below zero', 0,
        (SELECT count(*) FROM (SELECT max(amount) AS amount, sum(share) AS share FROM replay.share GROUP BY account_id, order_id, line_no) AS s
         WHERE s.share::numeric < 0 OR s.share::numeric > greatest(s.amount::numeric, 0))),
       ('shares of charges that the voucher does not cover', 0,
        (SELECT count(*) FROM replay.share AS s LEFT JOIN replay.eligible AS e USING (account_id, order_id, instrument_id, line_no)
         WHERE s.share > 0 AND e.line_no IS NULL)),
       ('vouchers with value left while cash paid what they cover', 0,
        (SELECT count(*)
         FROM (SELECT e.account_id, e.order_id, e.instrument_id, sum(l.cash) FILTER (WHERE l.amount > 0) AS cash
               FROM replay.eligible AS e JOIN voucher.settlement_line AS l USING (account_id, order_id, line_no)
               GROUP BY e.account_id, e.order_id, e.instrument_id) AS e
         JOIN voucher.settlement AS s USING (account_id, order_id)
         JOIN voucher.currency AS c USING (currency)
         JOIN voucher.instrument AS i USING (account_id, instrument_id)
         WHERE i.balance > 0 AND s.cash > 0 AND e.cash::numeric >= 1 / 10 ^ c.minor_digits)),
       ('face values - what vouchers paid = balances',
        (SELECT COALESCE(sum(face_value), 0) FROM replay.handout) - (SELECT replay.total(sum(s.voucher)) FROM voucher.settlement AS s),
        (SELECT replay.total(sum(balance)) FROM voucher.instrument)),
       ('deposits - cash = balances',
        (SELECT COALESCE(sum(ceil(cost)), 0) FROM replay.customer) - (SELECT replay.total(sum(cash)) FROM voucher.settlement),
        (SELECT replay.total(sum(balance)) FROM voucher.account)),
       ('cash = invoiced',
        (SELECT replay.total(sum(cash)) FROM voucher.settlement), (SELECT replay.total(sum(amount)) FROM voucher.invoice)),
       ('left to invoice', 0, (SELECT replay.total(sum(invoiceable)) FROM voucher.settlement)),
       ('repeated calls with another answer', 0, (SELECT count(*) FROM replay.repeat WHERE NOT same)),
       ('broken invariants: voucher.check()', 0, (SELECT count(*) FROM voucher.check()));

\echo ''
\ir ../ties.sql
