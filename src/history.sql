-- ---------------------------------------------------------------------------
-- history: what was so at an earlier time, and why an order was settled as it was
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.balance_at(account_id text, instrument_id bigint, at timestamptz)
    RETURNS voucher.amount
    AS 'MODULE_PATHNAME', 'voucher_balance_at' LANGUAGE C STABLE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.balance_at(text, bigint, timestamptz)
    IS 'the balance of a voucher or coupon at an instant; null before it was issued';

CREATE FUNCTION voucher.balance_at(account_id text, currency text, at timestamptz)
    RETURNS voucher.amount
    AS 'MODULE_PATHNAME', 'voucher_cash_at' LANGUAGE C STABLE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.balance_at(text, text, timestamptz)
    IS 'an account''s cash in a currency at an instant; null before it was opened';

CREATE FUNCTION voucher.status_at(account_id text, instrument_id bigint, at timestamptz)
    RETURNS text
    AS 'MODULE_PATHNAME', 'voucher_status_at' LANGUAGE C STABLE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.status_at(text, bigint, timestamptz)
    IS 'the status that a voucher or coupon had at an instant; null before it was issued';

CREATE FUNCTION voucher.explain_at(
    account_id text,
    order_id   text,
    OUT rank          integer,
    OUT kind          text,
    OUT instrument_id bigint,
    OUT template      text,
    OUT applies       boolean,
    OUT pays          voucher.amount,
    OUT balance       voucher.amount,
    OUT expires_at    timestamptz,
    OUT reason        text,
    OUT detail        text,
    OUT paid          voucher.amount,
    OUT share         voucher.amount[])
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'voucher_explain_at' LANGUAGE C STABLE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.explain_at(text, text)
    IS 'replays the decision of a settled order on what was so then: the rows of match, and what each instrument paid of the order and of its lines';
