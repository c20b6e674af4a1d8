-- ---------------------------------------------------------------------------
-- activation: non-designated vouchers, a code that whoever holds it activates
-- ---------------------------------------------------------------------------

CREATE TABLE voucher.minted_code (
    digest          bytea NOT NULL,
    template_id     bigint NOT NULL,
    face_value      voucher.amount,
    activate_before timestamptz,
    minted_at       timestamptz NOT NULL DEFAULT pg_catalog.now(),
    batch           text COLLATE "C",
    account_id      text COLLATE "C",
    instrument_id   bigint,
    activated_at    timestamptz,
    space           text COLLATE "C",
    minting_id      bigint,
    CONSTRAINT minted_code_pkey PRIMARY KEY (digest),
    CONSTRAINT minted_code_template_fkey FOREIGN KEY (template_id) REFERENCES voucher.template,
    CONSTRAINT minted_code_activation_check CHECK ((account_id IS NULL) OPERATOR(pg_catalog.=) (instrument_id IS NULL)
                                                   AND (account_id IS NULL) OPERATOR(pg_catalog.=) (activated_at IS NULL))
) WITH (fillfactor = 80);
SELECT pg_catalog.pg_extension_config_dump('voucher.minted_code', '');
COMMENT ON TABLE voucher.minted_code IS 'codes that were minted; the code itself is shown once and not kept';
COMMENT ON COLUMN voucher.minted_code.digest IS 'SHA-256 of the code';
COMMENT ON COLUMN voucher.minted_code.activate_before IS 'the code cannot be activated from this instant on; null: no limit';
COMMENT ON COLUMN voucher.minted_code.batch IS 'the caller''s name for what was minted together';
COMMENT ON COLUMN voucher.minted_code.account_id IS 'the account that activated it; null: not activated';
COMMENT ON COLUMN voucher.minted_code.space IS 'the code_space that it was drawn from; null: sixteen symbols without a prefix';
COMMENT ON COLUMN voucher.minted_code.instrument_id IS 'the voucher that it became';
COMMENT ON COLUMN voucher.minted_code.minting_id IS 'the call that minted it; no foreign key, which a million codes at a time would wait for: check() looks';

-- A code is activated once; nothing else of it changes.  (What IS DISTINCT FROM
-- compares is numeric: pg_upgrade makes the triggers anew with an empty
-- search_path, where it finds no operator of type amount and no way to name one.)
CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.minted_code
    FOR EACH ROW
    WHEN (OLD.account_id IS NOT NULL
          OR OLD.digest OPERATOR(pg_catalog.<>) NEW.digest
          OR OLD.template_id OPERATOR(pg_catalog.<>) NEW.template_id
          OR OLD.face_value::numeric IS DISTINCT FROM NEW.face_value::numeric
          OR OLD.minted_at OPERATOR(pg_catalog.<>) NEW.minted_at
          OR OLD.space IS DISTINCT FROM NEW.space
          OR OLD.minting_id IS DISTINCT FROM NEW.minting_id)
    EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protected AFTER UPDATE ON voucher.minted_code
    FOR EACH ROW
    WHEN (OLD.account_id IS NOT NULL
          OR OLD.digest OPERATOR(pg_catalog.<>) NEW.digest
          OR OLD.template_id OPERATOR(pg_catalog.<>) NEW.template_id
          OR OLD.face_value::numeric IS DISTINCT FROM NEW.face_value::numeric
          OR OLD.minted_at OPERATOR(pg_catalog.<>) NEW.minted_at
          OR OLD.space IS DISTINCT FROM NEW.space
          OR OLD.minting_id IS DISTINCT FROM NEW.minting_id)
    EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.minted_code
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.minted_code
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();

CREATE FUNCTION voucher.verify(
    code voucher.code,
    at   timestamptz DEFAULT pg_catalog.now(),
    account_id text DEFAULT NULL,
    client     text DEFAULT NULL,
    OUT status          text,
    OUT template        text,
    OUT kind            text,
    OUT currency        text,
    OUT face_value      voucher.amount,
    OUT discount_rate   numeric,
    OUT threshold       voucher.amount,
    OUT scope           voucher.scope,
    OUT valid           tstzrange,
    OUT valid_for       interval,
    OUT activate_before timestamptz)
    RETURNS record
    AS 'MODULE_PATHNAME', 'voucher_verify' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.verify(voucher.code, timestamptz, text, text)
    IS 'shows what a code is good for, before it is activated: status inactive, activated, expired or replaced, and its terms; a wrong one counts as an attempt of the account and the client, or of the session''s user';

CREATE FUNCTION voucher.activate(
    account_id text,
    code       voucher.code,
    at         timestamptz DEFAULT pg_catalog.now(),
    actor      text DEFAULT NULL,
    client     text DEFAULT NULL)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'voucher_activate' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.activate(text, voucher.code, timestamptz, text, text)
    IS 'activates a code for an account and returns the voucher''s id; the same account again gets the same id; a wrong one counts as an attempt of the account and the client';
