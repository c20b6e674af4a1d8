-----------------------------------------------------------------------------
-- voucher.code: the secret number that activates a voucher
--
-- Tables keep its digest, never the code itself.
-----------------------------------------------------------------------------

CREATE TYPE voucher.code;

CREATE FUNCTION voucher.code_in(pg_catalog.cstring)
RETURNS voucher.code
AS 'MODULE_PATHNAME', 'code_in'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION voucher.code_in(pg_catalog.cstring) IS 'text input of voucher.code';

CREATE FUNCTION voucher.code_out(voucher.code)
RETURNS pg_catalog.cstring
AS 'MODULE_PATHNAME', 'code_out'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION voucher.code_out(voucher.code) IS 'text output of voucher.code';

CREATE FUNCTION voucher.code_recv(pg_catalog.internal)
RETURNS voucher.code
AS 'MODULE_PATHNAME', 'code_recv'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION voucher.code_recv(pg_catalog.internal) IS 'binary input of voucher.code';

CREATE FUNCTION voucher.code_send(voucher.code)
RETURNS pg_catalog.bytea
AS 'MODULE_PATHNAME', 'code_send'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION voucher.code_send(voucher.code) IS 'binary output of voucher.code';

CREATE TYPE voucher.code (
    INPUT = voucher.code_in,
    OUTPUT = voucher.code_out,
    RECEIVE = voucher.code_recv,
    SEND = voucher.code_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = external
);

COMMENT ON TYPE voucher.code IS 'secret voucher number: 16 to 31 symbols of 0-9 A-Z without I, L, O and U, the last one a check symbol';

-----------------------------------------------------------------------------
-- Order and hash: by symbols, bytewise
-----------------------------------------------------------------------------

CREATE FUNCTION voucher.code_lt(voucher.code, voucher.code)
RETURNS pg_catalog.bool
AS 'MODULE_PATHNAME', 'code_lt'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION voucher.code_lt(voucher.code, voucher.code) IS 'is the first code before the second, by symbols?';

CREATE FUNCTION voucher.code_le(voucher.code, voucher.code)
RETURNS pg_catalog.bool
AS 'MODULE_PATHNAME', 'code_le'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION voucher.code_le(voucher.code, voucher.code) IS 'is the first code before the second or the same, by symbols?';

CREATE FUNCTION voucher.code_eq(voucher.code, voucher.code)
RETURNS pg_catalog.bool
AS 'MODULE_PATHNAME', 'code_eq'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION voucher.code_eq(voucher.code, voucher.code) IS 'are these the same code?';

CREATE FUNCTION voucher.code_ne(voucher.code, voucher.code)
RETURNS pg_catalog.bool
AS 'MODULE_PATHNAME', 'code_ne'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION voucher.code_ne(voucher.code, voucher.code) IS 'are these different codes?';

CREATE FUNCTION voucher.code_ge(voucher.code, voucher.code)
RETURNS pg_catalog.bool
AS 'MODULE_PATHNAME', 'code_ge'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION voucher.code_ge(voucher.code, voucher.code) IS 'is the first code after the second or the same, by symbols?';

CREATE FUNCTION voucher.code_gt(voucher.code, voucher.code)
RETURNS pg_catalog.bool
AS 'MODULE_PATHNAME', 'code_gt'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION voucher.code_gt(voucher.code, voucher.code) IS 'is the first code after the second, by symbols?';

CREATE FUNCTION voucher.code_cmp(voucher.code, voucher.code)
RETURNS pg_catalog.int4
AS 'MODULE_PATHNAME', 'code_cmp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION voucher.code_cmp(voucher.code, voucher.code) IS 'three-way comparison of codes: negative, zero or positive';

CREATE FUNCTION voucher.code_hash(voucher.code)
RETURNS pg_catalog.int4
AS 'MODULE_PATHNAME', 'code_hash'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION voucher.code_hash(voucher.code) IS 'hash of a code';

CREATE FUNCTION voucher.code_hash_extended(voucher.code, pg_catalog.int8)
RETURNS pg_catalog.int8
AS 'MODULE_PATHNAME', 'code_hash_extended'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION voucher.code_hash_extended(voucher.code, pg_catalog.int8) IS 'hash of a code with a seed';

CREATE OPERATOR voucher.< (
    FUNCTION = voucher.code_lt,
    LEFTARG = voucher.code,
    RIGHTARG = voucher.code,
    COMMUTATOR = OPERATOR(voucher.>),
    NEGATOR = OPERATOR(voucher.>=),
    RESTRICT = pg_catalog.scalarltsel,
    JOIN = pg_catalog.scalarltjoinsel
);

COMMENT ON OPERATOR voucher.< (voucher.code, voucher.code) IS 'is the first code before the second, by symbols?';

CREATE OPERATOR voucher.<= (
    FUNCTION = voucher.code_le,
    LEFTARG = voucher.code,
    RIGHTARG = voucher.code,
    COMMUTATOR = OPERATOR(voucher.>=),
    NEGATOR = OPERATOR(voucher.>),
    RESTRICT = pg_catalog.scalarlesel,
    JOIN = pg_catalog.scalarlejoinsel
);

COMMENT ON OPERATOR voucher.<= (voucher.code, voucher.code) IS 'is the first code before the second or the same, by symbols?';

CREATE OPERATOR voucher.= (
    FUNCTION = voucher.code_eq,
    LEFTARG = voucher.code,
    RIGHTARG = voucher.code,
    COMMUTATOR = OPERATOR(voucher.=),
    NEGATOR = OPERATOR(voucher.<>),
    RESTRICT = pg_catalog.eqsel,
    JOIN = pg_catalog.eqjoinsel,
    HASHES,
    MERGES
);

COMMENT ON OPERATOR voucher.= (voucher.code, voucher.code) IS 'are these the same code?';

CREATE OPERATOR voucher.<> (
    FUNCTION = voucher.code_ne,
    LEFTARG = voucher.code,
    RIGHTARG = voucher.code,
    COMMUTATOR = OPERATOR(voucher.<>),
    NEGATOR = OPERATOR(voucher.=),
    RESTRICT = pg_catalog.neqsel,
    JOIN = pg_catalog.neqjoinsel
);

COMMENT ON OPERATOR voucher.<> (voucher.code, voucher.code) IS 'are these different codes?';

CREATE OPERATOR voucher.>= (
    FUNCTION = voucher.code_ge,
    LEFTARG = voucher.code,
    RIGHTARG = voucher.code,
    COMMUTATOR = OPERATOR(voucher.<=),
    NEGATOR = OPERATOR(voucher.<),
    RESTRICT = pg_catalog.scalargesel,
    JOIN = pg_catalog.scalargejoinsel
);

COMMENT ON OPERATOR voucher.>= (voucher.code, voucher.code) IS 'is the first code after the second or the same, by symbols?';

CREATE OPERATOR voucher.> (
    FUNCTION = voucher.code_gt,
    LEFTARG = voucher.code,
    RIGHTARG = voucher.code,
    COMMUTATOR = OPERATOR(voucher.<),
    NEGATOR = OPERATOR(voucher.<=),
    RESTRICT = pg_catalog.scalargtsel,
    JOIN = pg_catalog.scalargtjoinsel
);

COMMENT ON OPERATOR voucher.> (voucher.code, voucher.code) IS 'is the first code after the second, by symbols?';

CREATE OPERATOR CLASS voucher.code_ops
DEFAULT FOR TYPE voucher.code USING btree AS
    OPERATOR 1 voucher.<,
    OPERATOR 2 voucher.<=,
    OPERATOR 3 voucher.=,
    OPERATOR 4 voucher.>=,
    OPERATOR 5 voucher.>,
    FUNCTION 1 voucher.code_cmp(voucher.code, voucher.code),
    FUNCTION 4 pg_catalog.btequalimage(pg_catalog.oid);

COMMENT ON OPERATOR CLASS voucher.code_ops USING btree IS 'order of codes by symbols';

CREATE OPERATOR CLASS voucher.code_ops
DEFAULT FOR TYPE voucher.code USING hash AS
    OPERATOR 1 voucher.=,
    FUNCTION 1 voucher.code_hash(voucher.code),
    FUNCTION 2 voucher.code_hash_extended(voucher.code, pg_catalog.int8);

COMMENT ON OPERATOR CLASS voucher.code_ops USING hash IS 'equality of codes';

-----------------------------------------------------------------------------
-- Making and recognising codes
-----------------------------------------------------------------------------

CREATE FUNCTION voucher.new_code()
RETURNS voucher.code
AS 'MODULE_PATHNAME', 'new_code'
LANGUAGE C VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION voucher.new_code() IS 'a new random code: 75 bits from a cryptographic source and a check symbol';

CREATE FUNCTION voucher.digest(code voucher.code)
RETURNS pg_catalog.bytea
AS 'MODULE_PATHNAME', 'code_digest'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION voucher.digest(voucher.code) IS 'SHA-256 of the symbols as upper-case ASCII without separators; all that a table keeps of a code';
