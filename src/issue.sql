-- ---------------------------------------------------------------------------
-- issue: designated vouchers and coupons, straight into the account
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.grant(
    account_id text,
    template   text,
    face_value voucher.amount DEFAULT NULL,
    request_id text DEFAULT NULL,
    reason     text DEFAULT NULL,
    at         timestamptz DEFAULT pg_catalog.now(),
    order_id   text DEFAULT NULL,
    actor      text DEFAULT NULL)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'voucher_grant' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.grant(text, text, voucher.amount, text, text, timestamptz, text, text)
    IS 'issues a voucher or coupon to an account, usable at once, and returns its id; the same request_id again returns the same id; a gift given with an order goes when nothing of the order is left';

CREATE FUNCTION voucher.claim(
    account_id text,
    campaign   text,
    request_id text DEFAULT NULL,
    reason     text DEFAULT NULL,
    at         timestamptz DEFAULT pg_catalog.now(),
    actor      text DEFAULT NULL,
    OUT instrument_id bigint,
    OUT template      text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'voucher_claim' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.claim(text, text, text, text, timestamptz, text)
    IS 'claims the whole bundle of a campaign: one of each of its vouchers and coupons, or nothing; the same request_id again returns the same';
