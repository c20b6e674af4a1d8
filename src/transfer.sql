-- ---------------------------------------------------------------------------
-- transfer: value that goes from one voucher to another
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.transfer(
    account_id    text,
    instrument_id bigint,
    to_account_id text,
    request_id    text DEFAULT NULL,
    reason        text DEFAULT NULL,
    actor         text DEFAULT NULL,
    at            timestamptz DEFAULT pg_catalog.now())
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'voucher_transfer' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.transfer(text, bigint, text, text, text, text, timestamptz)
    IS 'passes an unused transferable voucher or coupon on to another account, once, and returns its id there';

CREATE FUNCTION voucher.split(
    account_id    text,
    instrument_id bigint,
    amounts       voucher.amount[],
    request_id    text DEFAULT NULL,
    reason        text DEFAULT NULL,
    actor         text DEFAULT NULL,
    at            timestamptz DEFAULT pg_catalog.now())
    RETURNS SETOF bigint
    AS 'MODULE_PATHNAME', 'voucher_split' LANGUAGE C VOLATILE ROWS 10
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.split(text, bigint, voucher.amount[], text, text, text, timestamptz)
    IS 'splits parts of these amounts off a voucher, and returns their ids; what is left stays where it is';

CREATE FUNCTION voucher.merge(
    account_id     text,
    instrument_ids bigint[],
    request_id     text DEFAULT NULL,
    reason         text DEFAULT NULL,
    actor          text DEFAULT NULL,
    at             timestamptz DEFAULT pg_catalog.now())
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'voucher_merge' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.merge(text, bigint[], text, text, text, timestamptz)
    IS 'merges vouchers of the same template and validity into one, and returns its id';
