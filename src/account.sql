-- ---------------------------------------------------------------------------
-- account: cash accounts and deposits
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.open_account(
    account_id text,
    currency   text,
    at         timestamptz DEFAULT pg_catalog.now(),
    reason     text DEFAULT NULL,
    actor      text DEFAULT NULL)
    RETURNS boolean
    AS 'MODULE_PATHNAME', 'voucher_open_account' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.open_account(text, text, timestamptz, text, text)
    IS 'opens an account in a currency, with no cash; false if it was open already';

CREATE FUNCTION voucher.deposit(
    account_id text,
    amount     voucher.amount,
    currency   text DEFAULT NULL,
    request_id text DEFAULT NULL,
    reason     text DEFAULT NULL,
    at         timestamptz DEFAULT pg_catalog.now(),
    actor      text DEFAULT NULL)
    RETURNS voucher.amount
    AS 'MODULE_PATHNAME', 'voucher_deposit' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.deposit(text, voucher.amount, text, text, text, timestamptz, text)
    IS 'adds cash to an account and returns the balance after it; the same request_id again adds nothing and returns the same';
