-- ---------------------------------------------------------------------------
-- share: several accounts on one balance
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.share(
    account_id      text,
    instrument_id   bigint,
    with_account_id text,
    request_id      text DEFAULT NULL,
    reason          text DEFAULT NULL,
    actor           text DEFAULT NULL,
    at              timestamptz DEFAULT pg_catalog.now())
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'voucher_share' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.share(text, bigint, text, text, text, text, timestamptz)
    IS 'shares a shareable voucher with another account, whose orders then draw on its balance, and returns the id of the share there';

CREATE FUNCTION voucher.unshare(
    account_id      text,
    instrument_id   bigint,
    with_account_id text,
    request_id      text DEFAULT NULL,
    reason          text DEFAULT NULL,
    actor           text DEFAULT NULL,
    at              timestamptz DEFAULT pg_catalog.now())
    RETURNS boolean
    AS 'MODULE_PATHNAME', 'voucher_unshare' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.unshare(text, bigint, text, text, text, text, timestamptz)
    IS 'ends the share that another account has of a voucher; false if it has none';
