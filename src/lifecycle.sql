-- ---------------------------------------------------------------------------
-- lifecycle: freezing, taking back, revoking and prolonging what is issued
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.freeze(account_id text, instrument_id bigint, reason text DEFAULT NULL, at timestamptz DEFAULT pg_catalog.now(),
    request_id text DEFAULT NULL, actor text DEFAULT NULL)
    RETURNS boolean
    AS 'MODULE_PATHNAME', 'voucher_freeze' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.freeze(text, bigint, text, timestamptz, text, text)
    IS 'makes a voucher or coupon unusable until it is unfrozen; false if it was frozen already';

CREATE FUNCTION voucher.unfreeze(account_id text, instrument_id bigint, reason text DEFAULT NULL, at timestamptz DEFAULT pg_catalog.now(),
    request_id text DEFAULT NULL, actor text DEFAULT NULL)
    RETURNS boolean
    AS 'MODULE_PATHNAME', 'voucher_unfreeze' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.unfreeze(text, bigint, text, timestamptz, text, text)
    IS 'makes a frozen voucher or coupon usable again; false if it was not frozen';

CREATE FUNCTION voucher.reclaim(
    account_id    text,
    instrument_id bigint,
    request_id    text DEFAULT NULL,
    reason        text DEFAULT NULL,
    actor         text DEFAULT NULL,
    at            timestamptz DEFAULT pg_catalog.now())
    RETURNS voucher.amount
    AS 'MODULE_PATHNAME', 'voucher_reclaim' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.reclaim(text, bigint, text, text, text, timestamptz)
    IS 'takes back what is left of a voucher or coupon, which is used up then, and returns how much';

CREATE FUNCTION voucher.revoke(
    account_id    text,
    instrument_id bigint,
    request_id    text DEFAULT NULL,
    reason        text DEFAULT NULL,
    actor         text DEFAULT NULL,
    at            timestamptz DEFAULT pg_catalog.now())
    RETURNS voucher.amount
    AS 'MODULE_PATHNAME', 'voucher_revoke' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.revoke(text, bigint, text, text, text, timestamptz)
    IS 'cancels a voucher, coupon or used promo code for good, and returns the balance that is gone';

CREATE FUNCTION voucher.extend(
    account_id    text,
    instrument_id bigint,
    until         timestamptz,
    request_id    text DEFAULT NULL,
    reason        text DEFAULT NULL,
    actor         text DEFAULT NULL,
    at            timestamptz DEFAULT pg_catalog.now())
    RETURNS tstzrange
    AS 'MODULE_PATHNAME', 'voucher_extend' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.extend(text, bigint, timestamptz, text, text, text, timestamptz)
    IS 'prolongs a voucher or coupon until a later instant, and returns its validity';
