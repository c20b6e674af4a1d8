-- ---------------------------------------------------------------------------
-- cancel: undoing an order that was never delivered
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.cancel(
    account_id text,
    order_id   text,
    request_id text DEFAULT NULL,
    reason     text DEFAULT NULL,
    at         timestamptz DEFAULT pg_catalog.now(),
    actor      text DEFAULT NULL)
    RETURNS voucher.settlement_entry
    AS 'MODULE_PATHNAME', 'voucher_cancel' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.cancel(text, text, text, text, timestamptz, text)
    IS 'undoes a settled order that was never delivered: all cash comes back, and what vouchers, coupons and promo codes gave, unless their template forfeits it; cancelling it twice changes nothing';
