-- ---------------------------------------------------------------------------
-- match: what applies to an order, and why not
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.match(
    account_id   text,
    product      text DEFAULT NULL,
    order_type   text DEFAULT NULL,
    amount       voucher.amount DEFAULT NULL,
    duration     interval DEFAULT NULL,
    lines        voucher.line[] DEFAULT NULL,
    payment_type text DEFAULT 'subscription',
    currency     text DEFAULT NULL,
    promo_code   text DEFAULT NULL,
    at           timestamptz DEFAULT pg_catalog.now(),
    policy       text DEFAULT NULL,
    OUT rank          integer,
    OUT kind          text,
    OUT instrument_id bigint,
    OUT template      text,
    OUT applies       boolean,
    OUT pays          voucher.amount,
    OUT balance       voucher.amount,
    OUT expires_at    timestamptz,
    OUT reason        text,
    OUT detail        text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'voucher_match' LANGUAGE C STABLE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.match(text, text, text, voucher.amount, interval, voucher.line[], text, text, text, timestamptz, text)
    IS 'what of the account''s instruments applies to an order, best first, with what each alone would pay; and why each other one does not';

CREATE FUNCTION voucher.explain(
    account_id   text,
    product      text DEFAULT NULL,
    order_type   text DEFAULT NULL,
    amount       voucher.amount DEFAULT NULL,
    duration     interval DEFAULT NULL,
    lines        voucher.line[] DEFAULT NULL,
    payment_type text DEFAULT 'subscription',
    currency     text DEFAULT NULL,
    promo_code   text DEFAULT NULL,
    at           timestamptz DEFAULT pg_catalog.now(),
    policy       text DEFAULT NULL,
    OUT kind          text,
    OUT instrument_id bigint,
    OUT template      text,
    OUT applies       boolean,
    OUT reason        text,
    OUT detail        text,
    OUT nearest       text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'voucher_explain' LANGUAGE C STABLE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.explain(text, text, text, voucher.amount, interval, voucher.line[], text, text, text, timestamptz, text)
    IS 'a row for every rule by which each of the account''s instruments does not apply to an order: why, with figures, and what would change it; one row for what applies';
