-- ---------------------------------------------------------------------------
-- lifecycle: freezing what is issued
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.freeze(account_id text, instrument_id bigint, reason text DEFAULT NULL, at timestamptz DEFAULT pg_catalog.now())
    RETURNS boolean
    AS 'MODULE_PATHNAME', 'voucher_freeze' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION voucher.freeze(text, bigint, text, timestamptz)
    IS 'makes a voucher or coupon unusable until it is unfrozen; false if it was frozen already';

CREATE FUNCTION voucher.unfreeze(account_id text, instrument_id bigint, reason text DEFAULT NULL, at timestamptz DEFAULT pg_catalog.now())
    RETURNS boolean
    AS 'MODULE_PATHNAME', 'voucher_unfreeze' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION voucher.unfreeze(text, bigint, text, timestamptz)
    IS 'makes a frozen voucher or coupon usable again; false if it was not frozen';
