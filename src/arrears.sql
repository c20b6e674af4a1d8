-- ---------------------------------------------------------------------------
-- arrears: what a pay-as-you-go bill left outstanding, and paying it
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.pay_arrears(
    account_id text,
    order_id   text,
    amount     voucher.amount DEFAULT NULL,
    request_id text DEFAULT NULL,
    reason     text DEFAULT NULL,
    at         timestamptz DEFAULT pg_catalog.now(),
    actor      text DEFAULT NULL)
    RETURNS voucher.settlement_entry
    AS 'MODULE_PATHNAME', 'voucher_pay_arrears' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.pay_arrears(text, text, voucher.amount, text, text, timestamptz, text)
    IS 'pays all or an amount of what a bill left outstanding, from cash; the same request_id again pays nothing and returns the same';

CREATE FUNCTION voucher.arrears(
    account_id text,
    OUT order_id    text,
    OUT currency    text,
    OUT at          timestamptz,
    OUT outstanding voucher.amount,
    OUT paid        voucher.amount,
    OUT due         voucher.amount,
    OUT waived      voucher.amount)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT s.order_id, s.currency, s.at, s.outstanding, p.paid, (s.outstanding OPERATOR(voucher.-) p.paid) OPERATOR(voucher.-) p.waived, p.waived
    FROM voucher.settlement AS s
    LEFT JOIN voucher.settlement_entry AS e
        ON e.account_id = s.account_id AND e.order_id = s.order_id AND e.version = s.entry_version
    CROSS JOIN LATERAL (SELECT COALESCE(e.paid, 0::voucher.amount) AS paid, COALESCE(e.waived, 0::voucher.amount) AS waived) AS p
    WHERE s.account_id = $1 AND s.outstanding OPERATOR(voucher.>) 0 AND s.outstanding OPERATOR(voucher.>) (p.paid OPERATOR(voucher.+) p.waived)
    ORDER BY s.at, s.order_id
$$;
COMMENT ON FUNCTION voucher.arrears(text)
    IS 'an account''s bills of which something is outstanding, the oldest first: what was, what is paid of it since, what is due, and what re-ratings waived';
