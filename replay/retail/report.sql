-- What was read and what became of it; then every total that must tie, each
-- worked out on two ways that share no step: from the files' rows or what the
-- calls returned on one side, from the extension's tables on the other.
\ir ../begin.sql

\echo ''
\echo 'Rows: each in one category'
SELECT COALESCE(c.category, 'all rows') AS category, count(r.row_no) AS rows,
       replay.money(COALESCE(sum(r.value), 0)) AS "quantity x price"
FROM replay.category AS c
LEFT JOIN replay.row AS r ON r.category = c.category
GROUP BY ROLLUP ((c.place, c.category))
ORDER BY c.place;

\echo ''
\echo 'Orders: gross = discount + rounding + voucher + cash'
SELECT count(DISTINCT account_id) AS accounts, count(*) AS orders, COALESCE(sum(cardinality(lines)), 0) AS lines,
       replay.money(replay.total(sum(gross))) AS gross, replay.money(replay.total(sum(discount))) AS discount,
       replay.money(replay.total(sum(rounding))) AS rounding, replay.money(replay.total(sum(s.voucher))) AS voucher,
       replay.money(replay.total(sum(cash))) AS cash
FROM voucher.settlement AS s;

\echo ''
\echo 'Vouchers, coupons and promo codes: what they took off or paid'
SELECT t.kind, t.name, count(DISTINCT i.instrument_id) AS issued,
       COALESCE(t.face_value::text, round(t.discount_rate * 100) || ' %') AS worth,
       count(p.paid) AS orders, replay.money(COALESCE(sum(p.paid)::numeric, 0)) AS paid
FROM voucher.template AS t
LEFT JOIN voucher.instrument AS i ON i.template_id = t.template_id
LEFT JOIN voucher.settlement_part AS p ON p.account_id = i.account_id AND p.instrument_id = i.instrument_id
GROUP BY t.template_id
ORDER BY t.template_id;

\echo ''
\echo 'Refunds: at the price of the cancellation, at that of the order, after discounts, and what of it was cash'
SELECT count(*) AS rows, count(DISTINCT (s.account_id, s.order_id)) AS orders,
       replay.money(COALESCE(-sum(r.value), 0)) AS cancelled,
       replay.money(COALESCE(sum(-r.quantity * s.price), 0)) AS "as sold",
       replay.money(COALESCE(sum(f.requested), 0)) AS "after discounts",
       replay.money(COALESCE(sum(f.cash_back), 0)) AS "cash back",
       replay.money(COALESCE(sum(f.requested - f.cash_back), 0)) AS "forfeited (vouchers)"
FROM replay.refund AS f
JOIN replay.row AS r ON r.row_no = f.row_no
JOIN replay.sold AS s ON s.row_no = f.sold_row;

\echo ''
\echo 'Cash: deposits - spent + cash back = balances'
SELECT count(DISTINCT account_id) AS accounts,
       replay.money(replay.total(sum(amount) FILTER (WHERE kind = 'deposit'))) AS deposits,
       replay.money(replay.total(-sum(amount) FILTER (WHERE kind = 'settle'))) AS spent,
       replay.money(replay.total(sum(amount) FILTER (WHERE kind = 'refund'))) AS "cash back",
       (SELECT replay.money(replay.total(sum(balance))) FROM voucher.account) AS balances
FROM voucher.cash_entry;

\echo ''
\echo 'Invoices: cash - cash back - invoiced = left to invoice (negative: to be credited)'
SELECT count(*) AS invoices, count(voided_at) AS voided,
       replay.money(replay.total(sum(amount) FILTER (WHERE voided_at IS NULL))) AS invoiced,
       (SELECT replay.money(replay.total(sum(invoiceable) FILTER (WHERE invoiceable > 0)))
        FROM voucher.settlement) AS "left to invoice",
       (SELECT replay.money(replay.total(sum(invoiceable) FILTER (WHERE invoiceable < 0)))
        FROM voucher.settlement) AS "to be credited"
FROM voucher.invoice_line;

-- ---------------------------------------------------------------------------
-- The ties
-- ---------------------------------------------------------------------------

CREATE TABLE replay.tie (
    n        integer GENERATED ALWAYS AS IDENTITY,
    rule     text NOT NULL,
    expected numeric NOT NULL,
    found    numeric NOT NULL
);

INSERT INTO replay.tie (rule, expected, found)
VALUES ('rows read = rows in categories', :rows,
        (SELECT count(*) FROM replay.category AS c JOIN replay.row AS r ON r.category = c.category)),
       ('value of the files = value of the categories',
        (SELECT COALESCE(sum(quantity * price), 0) FROM replay.input),
        (SELECT COALESCE(sum(value), 0) FROM replay.row WHERE category IS NOT NULL)),
       ('customers with a settled row = accounts',
        (SELECT count(DISTINCT account_id) FROM replay.row WHERE category = 'settled'),
        (SELECT count(*) FROM voucher.account)),
       ('settled rows = lines of orders',
        (SELECT count(*) FROM replay.row WHERE category = 'settled'),
        (SELECT COALESCE(sum(cardinality(lines)), 0) FROM voucher.settlement)),
       ('value of settled rows = gross',
        (SELECT COALESCE(sum(i.quantity * i.price), 0) FROM replay.input AS i
         JOIN replay.row AS r ON r.row_no = i.row_no WHERE r.category = 'settled'),
        (SELECT replay.total(sum(gross)) FROM voucher.settlement)),
       ('invoices whose value is not their order''s gross', 0,
        (SELECT count(*)
         FROM (SELECT account_id, invoice AS order_id, sum(value) AS value FROM replay.row
               WHERE category = 'settled' GROUP BY account_id, invoice) AS r
         FULL JOIN voucher.settlement AS s ON s.account_id = r.account_id AND s.order_id = r.order_id
         WHERE (s.gross::numeric = r.value) IS NOT TRUE)),
       ('gross = discount + rounding + voucher + cash',
        (SELECT replay.total(sum(gross)) FROM voucher.settlement),
        (SELECT replay.total(sum(discount)) + replay.total(sum(rounding)) + replay.total(sum(s.voucher))
                + replay.total(sum(cash)) FROM voucher.settlement AS s)),
       ('discount and voucher = what their instruments gave',
        (SELECT replay.total(sum(discount)) + replay.total(sum(s.voucher)) FROM voucher.settlement AS s),
        (SELECT replay.total(sum(paid)) FROM voucher.settlement_part)),
       ('orders with two instruments of a kind', 0,
        (SELECT count(*) FROM (SELECT FROM voucher.settlement_part
                               GROUP BY account_id, order_id, kind HAVING count(*) > 1) AS p)),
       ('instruments that paid outside their validity', 0,
        (SELECT count(*) FROM voucher.settlement_part AS p
         JOIN voucher.settlement AS s ON s.account_id = p.account_id AND s.order_id = p.order_id
         JOIN voucher.instrument AS i ON i.account_id = p.account_id AND i.instrument_id = p.instrument_id
         WHERE s.at <@ i.validity IS NOT TRUE)),
       ('lines paid by what does not cover them', 0,
        (SELECT count(*)
         FROM voucher.settlement AS s
         CROSS JOIN unnest(s.parts) WITH ORDINALITY AS u (instrument_id, paid, share, part)
         CROSS JOIN unnest(s.lines) WITH ORDINALITY AS l (line_no, product, order_type, amount, duration, region, tags, at, j)
         JOIN voucher.settlement_part AS p
             ON p.account_id = s.account_id AND p.order_id = s.order_id AND p.part = u.part
         WHERE u.share[l.j] > 0
           AND NOT CASE
               WHEN p.template IN ('favourites', 'first') THEN l.product IN (SELECT product FROM replay.favourite)
               ELSE p.template = 'card' OR replay.is_goods(l.product) END)),
       ('"tenth" not 10 % of the goods, at most 50, from 100 on', 0,
        (SELECT count(*)
         FROM voucher.settlement_part AS p
         CROSS JOIN LATERAL (SELECT sum(value) AS goods FROM replay.sold AS s
                             WHERE s.account_id = p.account_id AND s.order_id = p.order_id
                               AND replay.is_goods(s.product)) AS g
         WHERE p.template = 'tenth'
           AND (g.goods >= 100 AND p.paid::numeric = least(50, trunc(round(g.goods * 0.1, 2), 2))) IS NOT TRUE)),
       ('face values - what they paid = what is left on them',
        (SELECT replay.total(sum(face_value)) FROM voucher.instrument)
        - (SELECT replay.total(sum(p.paid)) FROM voucher.settlement_part AS p
           JOIN voucher.template AS t ON t.name = p.template WHERE t.face_value IS NOT NULL),
        (SELECT replay.total(sum(balance)) FROM voucher.instrument)),
       ('deposits made - cash of orders + cash back = balances',
        (SELECT COALESCE(sum(amount), 0) FROM replay.event WHERE kind = 'deposit')
        - (SELECT replay.total(sum(cash)) FROM voucher.settlement)
        + (SELECT COALESCE(sum(cash_back), 0) FROM replay.refund),
        (SELECT replay.total(sum(balance)) FROM voucher.account)),
       ('refunded rows = refunds, and those below a penny',
        (SELECT count(*) FROM replay.row WHERE category = 'refunded'),
        (SELECT count(*) FROM voucher.settlement_entry WHERE kind = 'refund')
        + (SELECT count(*) FROM replay.refund WHERE requested = 0)),
       ('refunds requested = refunds booked',
        (SELECT COALESCE(sum(requested), 0) FROM replay.refund),
        (SELECT replay.total(sum(requested)) FROM voucher.settlement_entry)),
       ('cash back returned = cash back booked',
        (SELECT COALESCE(sum(cash_back), 0) FROM replay.refund),
        (SELECT replay.total(sum(amount)) FROM voucher.cash_entry WHERE kind = 'refund')),
       ('orders whose cash back is not their cash x refunded / total', 0,
        (SELECT count(*)
         FROM (SELECT account_id, order_id, sum(requested)::numeric AS refunded, -sum(amount)::numeric AS cash_back
               FROM voucher.settlement_entry WHERE kind = 'refund' GROUP BY account_id, order_id) AS e
         JOIN voucher.settlement AS s ON s.account_id = e.account_id AND s.order_id = e.order_id
         WHERE e.cash_back <> round(s.cash::numeric * e.refunded / (s.voucher + s.cash)::numeric, 2))),
       ('orders refunded by more than a penny a line off', 0,
        (SELECT count(*)
         FROM (SELECT sum(refunded) AS refunded, sum(net * returned / quantity) AS worth, count(*) AS lines
               FROM replay.sold GROUP BY account_id, order_id) AS s
         WHERE abs(refunded - worth) > 0.01 * lines)),
       ('orders cancelled as a whole that did not close', 0,
        (SELECT count(*)
         FROM (SELECT account_id, order_id FROM replay.sold GROUP BY account_id, order_id
               HAVING bool_and(returned = quantity)) AS c
         JOIN voucher.settlement AS s ON s.account_id = c.account_id AND s.order_id = c.order_id
         LEFT JOIN (SELECT account_id, order_id, sum(requested) AS refunded, -sum(amount) AS cash_back
                    FROM voucher.settlement_entry WHERE kind = 'refund' GROUP BY account_id, order_id) AS e
             ON e.account_id = c.account_id AND e.order_id = c.order_id
         WHERE COALESCE(e.refunded, 0::amount) <> s.voucher + s.cash
            OR COALESCE(e.cash_back, 0::amount) <> s.cash)),
       ('invoices made and not voided = invoices that stand',
        (SELECT COALESCE(sum(amount), 0) FROM replay.invoice WHERE NOT voided),
        (SELECT replay.total(sum(amount)) FROM voucher.invoice_line WHERE voided_at IS NULL)),
       ('cash - cash back - invoices that stand = left to invoice',
        (SELECT replay.total(sum(cash)) FROM voucher.settlement)
        - (SELECT COALESCE(sum(cash_back), 0) FROM replay.refund)
        - (SELECT COALESCE(sum(amount), 0) FROM replay.invoice WHERE NOT voided),
        (SELECT replay.total(sum(invoiceable)) FROM voucher.settlement)),
       ('repeated calls with another answer', 0,
        (SELECT count(*) FROM replay.repeat WHERE NOT same)),
       ('broken invariants: voucher.check()', 0, (SELECT count(*) FROM voucher.check()));

\echo ''
\ir ../ties.sql
