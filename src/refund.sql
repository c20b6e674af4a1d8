-- ---------------------------------------------------------------------------
-- refund: cash back; what becomes of the vouchers' part, their templates say
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.refund(
    account_id   text,
    order_id     text,
    amount       voucher.amount DEFAULT NULL,
    request_id   text DEFAULT NULL,
    reason       text DEFAULT NULL,
    at           timestamptz DEFAULT pg_catalog.now(),
    consumed     voucher.amount DEFAULT NULL,
    lines        integer[] DEFAULT NULL,
    line_amounts voucher.amount[] DEFAULT NULL,
    actor      text DEFAULT NULL)
    RETURNS voucher.settlement_entry
    AS 'MODULE_PATHNAME', 'voucher_refund' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.refund(text, text, voucher.amount, text, text, timestamptz, voucher.amount, integer[], voucher.amount[], text)
    IS 'refunds all that is left, an amount, some lines, or what was not consumed of what an order came to after discounts; cash comes back in the proportion in which it paid, vouchers if their template says so';
