-- ---------------------------------------------------------------------------
-- refund: cash back; what a voucher paid is forfeited
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.refund(
    account_id text,
    order_id   text,
    amount     voucher.amount DEFAULT NULL,
    request_id text DEFAULT NULL,
    reason     text DEFAULT NULL,
    at         timestamptz DEFAULT pg_catalog.now())
    RETURNS voucher.settlement_entry
    AS 'MODULE_PATHNAME', 'voucher_refund' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION voucher.refund(text, text, voucher.amount, text, text, timestamptz)
    IS 'refunds all that is left, or a part, of what an order came to after discounts; cash comes back in the proportion in which it paid, vouchers do not';
