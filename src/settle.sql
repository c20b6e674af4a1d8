-- ---------------------------------------------------------------------------
-- settle: quote and settle an order
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.quote(
    account_id   text,
    product      text DEFAULT NULL,
    order_type   text DEFAULT NULL,
    amount       voucher.amount DEFAULT NULL,
    duration     interval DEFAULT NULL,
    lines        voucher.line[] DEFAULT NULL,
    payment_type text DEFAULT 'subscription',
    currency     text DEFAULT NULL,
    voucher      text DEFAULT 'auto',
    coupon       text DEFAULT 'auto',
    promo_code   text DEFAULT NULL,
    at           timestamptz DEFAULT pg_catalog.now(),
    policy       text DEFAULT NULL)
    RETURNS voucher.settlement
    AS 'MODULE_PATHNAME', 'voucher_quote' LANGUAGE C STABLE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.quote(text, text, text, voucher.amount, interval, voucher.line[], text, text, text, text, text, timestamptz, text)
    IS 'the settlement that settle would make, without making it; it does not ask whether the cash suffices';

CREATE FUNCTION voucher.settle(
    account_id   text,
    order_id     text,
    product      text DEFAULT NULL,
    order_type   text DEFAULT NULL,
    amount       voucher.amount DEFAULT NULL,
    duration     interval DEFAULT NULL,
    lines        voucher.line[] DEFAULT NULL,
    payment_type text DEFAULT 'subscription',
    currency     text DEFAULT NULL,
    voucher      text DEFAULT 'auto',
    coupon       text DEFAULT 'auto',
    promo_code   text DEFAULT NULL,
    at           timestamptz DEFAULT pg_catalog.now(),
    policy       text DEFAULT NULL,
    arrears      boolean DEFAULT false,
    actor      text DEFAULT NULL)
    RETURNS voucher.settlement
    AS 'MODULE_PATHNAME', 'voucher_settle' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.settle(text, text, text, text, voucher.amount, interval, voucher.line[], text, text, text, text, text, timestamptz, text, boolean, text)
    IS 'settles an order once: coupon and promo code reduce it, vouchers pay, cash pays the rest, and with arrears what the cash does not cover of a bill stays outstanding; the same call again returns the same settlement';

-- ---------------------------------------------------------------------------
-- Reading settlements
-- ---------------------------------------------------------------------------

CREATE VIEW voucher.settlement_line WITH (security_invoker = true) AS
SELECT s.account_id, s.order_id, l.line_no, l.product, l.order_type, l.amount, l.duration,
       p.discount, p.voucher, (l.amount OPERATOR(voucher.-) p.discount) OPERATOR(voucher.-) p.voucher AS cash,
       l.region, l.tags, l.at
FROM voucher.settlement AS s
CROSS JOIN LATERAL pg_catalog.unnest(s.lines) WITH ORDINALITY AS l (line_no, product, order_type, amount, duration, region, tags, at, j)
CROSS JOIN LATERAL (
    SELECT COALESCE(voucher.sum(u.share[l.j]) FILTER (WHERE t.reduces), 0::voucher.amount) AS discount,
           COALESCE(voucher.sum(u.share[l.j]) FILTER (WHERE NOT t.reduces), 0::voucher.amount) AS voucher
    FROM pg_catalog.unnest(s.parts) AS u
    JOIN voucher.instrument AS n ON n.account_id OPERATOR(pg_catalog.=) s.account_id
                                AND n.instrument_id OPERATOR(pg_catalog.=) u.instrument_id
    JOIN voucher.template AS t ON t.template_id OPERATOR(pg_catalog.=) n.template_id) AS p;
COMMENT ON VIEW voucher.settlement_line IS 'the lines of settled orders: what discounts, vouchers paid of each, and what that leaves to cash (before rounding, paid or outstanding)';

CREATE VIEW voucher.settlement_part WITH (security_invoker = true) AS
SELECT s.account_id, s.order_id, p.part, t.kind, p.instrument_id, t.name AS template, p.paid
FROM voucher.settlement AS s
CROSS JOIN LATERAL pg_catalog.unnest(s.parts) WITH ORDINALITY AS p (instrument_id, paid, share, part)
JOIN voucher.instrument AS n ON n.account_id OPERATOR(pg_catalog.=) s.account_id
                            AND n.instrument_id OPERATOR(pg_catalog.=) p.instrument_id
JOIN voucher.template AS t ON t.template_id OPERATOR(pg_catalog.=) n.template_id;
COMMENT ON VIEW voucher.settlement_part IS 'what each coupon, promo code and voucher took off or paid of settled orders';
