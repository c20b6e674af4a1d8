-- ---------------------------------------------------------------------------
-- mint: codes are drawn, shown once, and kept as digests
--
-- A space is what a pattern draws from: all codes with the same given symbols
-- in the same places.  It gives one code per 2^30 of its size, so that whoever
-- guesses needs a billion tries for one hit; its row counts what it has given.
-- Sixteen symbols without a prefix can give 2^45 codes: that space has no row,
-- so that those who mint from it need not wait for one another.
-- ---------------------------------------------------------------------------

CREATE TABLE voucher.code_space (
    space   text COLLATE "C" NOT NULL,
    bits    integer NOT NULL,
    minted  bigint NOT NULL,
    CONSTRAINT code_space_pkey PRIMARY KEY (space),
    CONSTRAINT code_space_space_check CHECK (space OPERATOR(pg_catalog.~) '^[0-9A-HJKMNP-TV-Z#]{15,30}#$'),
    CONSTRAINT code_space_bits_check CHECK (
        bits OPERATOR(pg_catalog.=) (5 OPERATOR(pg_catalog.*) (pg_catalog.length(pg_catalog.translate(space, '0123456789ABCDEFGHJKMNPQRSTVWXYZ', '')) OPERATOR(pg_catalog.-) 1))
        AND bits OPERATOR(pg_catalog.>=) 30),
    CONSTRAINT code_space_minted_check CHECK (
        minted OPERATOR(pg_catalog.>=) 0
        AND minted OPERATOR(pg_catalog.<=) (1::bigint OPERATOR(pg_catalog.<<) LEAST(bits OPERATOR(pg_catalog.-) 30, 62)))
);
SELECT pg_catalog.pg_extension_config_dump('voucher.code_space', '');
COMMENT ON TABLE voucher.code_space IS 'the spaces that patterns draw codes from, and how many each has given';
COMMENT ON COLUMN voucher.code_space.space IS 'the given symbols, and # for each drawn one and the check symbol, which is the last';
COMMENT ON COLUMN voucher.code_space.bits IS 'random bits of a code';
COMMENT ON COLUMN voucher.code_space.minted IS 'codes it has given, of all batches and templates; at most 2^(bits - 30)';

-- The count only grows.
CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.code_space
    FOR EACH ROW
    WHEN (OLD.space OPERATOR(pg_catalog.<>) NEW.space OR OLD.bits OPERATOR(pg_catalog.<>) NEW.bits
          OR OLD.minted OPERATOR(pg_catalog.>) NEW.minted)
    EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protected AFTER UPDATE ON voucher.code_space
    FOR EACH ROW
    WHEN (OLD.space OPERATOR(pg_catalog.<>) NEW.space OR OLD.bits OPERATOR(pg_catalog.<>) NEW.bits
          OR OLD.minted OPERATOR(pg_catalog.>) NEW.minted)
    EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.code_space
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.code_space
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();

CREATE FUNCTION voucher.mint(
    template        text,
    count           integer,
    face_value      voucher.amount DEFAULT NULL,
    activate_before timestamptz DEFAULT NULL,
    batch           text DEFAULT NULL)
    RETURNS SETOF voucher.code
    AS 'MODULE_PATHNAME', 'voucher_mint' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.mint(text, integer, voucher.amount, timestamptz, text)
    IS 'mints codes of a template and returns them, this once: only their digests are kept';

CREATE FUNCTION voucher.mint_pattern(
    template        text,
    count           integer,
    pattern         text,
    face_value      voucher.amount DEFAULT NULL,
    activate_before timestamptz DEFAULT NULL,
    batch           text DEFAULT NULL)
    RETURNS SETOF text
    AS 'MODULE_PATHNAME', 'voucher_mint_pattern' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.mint_pattern(text, integer, text, voucher.amount, timestamptz, text)
    IS 'mints codes that look as the pattern says, # for each secret symbol, and returns them as customers see them; a pattern without # is a prefix';

CREATE FUNCTION voucher.mint_report(
    batch text DEFAULT NULL,
    at    timestamptz DEFAULT pg_catalog.now(),
    OUT template    text,
    OUT space       text,
    OUT bits        integer,
    OUT minted      bigint,
    OUT activated   bigint,
    OUT expired     bigint,
    OUT unused      bigint,
    OUT space_size  bigint,
    OUT space_used  bigint,
    OUT space_left  bigint)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT t.name, COALESCE(b.space, repeat('#', 16)), z.bits, b.minted, b.activated, b.expired,
           b.minted - b.activated - b.expired, z.size, z.used, z.size - z.used
    FROM (SELECT m.template_id, m.space, count(*) AS minted,
                 count(*) FILTER (WHERE m.activated_at <= $2) AS activated,
                 count(*) FILTER (WHERE (m.activated_at <= $2) IS NOT TRUE AND m.activate_before <= $2) AS expired
          FROM voucher.minted_code AS m
          WHERE m.batch IS NOT DISTINCT FROM $1
          GROUP BY m.template_id, m.space) AS b
    JOIN voucher.template AS t ON t.template_id = b.template_id
    LEFT JOIN voucher.code_space AS s ON s.space = b.space
    CROSS JOIN LATERAL (
        SELECT COALESCE(s.bits, 75) AS bits, 1::bigint << LEAST(COALESCE(s.bits, 75) - 30, 62) AS size,
               CASE WHEN b.space IS NULL THEN (SELECT count(*) FROM voucher.minted_code AS n WHERE n.space IS NULL)
                    ELSE s.minted END AS used) AS z
    ORDER BY t.name, b.space
$$;
COMMENT ON FUNCTION voucher.mint_report(text, timestamptz)
    IS 'of a batch, by template and space: codes minted, activated, expired and unused, and how many codes the space can still give';
