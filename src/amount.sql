-- ---------------------------------------------------------------------------
-- amount: exact money, units of 1e-8 in an int64
-- ---------------------------------------------------------------------------

CREATE TYPE voucher.amount;

CREATE FUNCTION voucher.amount_in(pg_catalog.cstring) RETURNS voucher.amount
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';

CREATE FUNCTION voucher.amount_out(voucher.amount) RETURNS pg_catalog.cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';

CREATE FUNCTION voucher.amount_recv(pg_catalog.internal) RETURNS voucher.amount
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';

CREATE FUNCTION voucher.amount_send(voucher.amount) RETURNS pg_catalog.bytea
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'int8send';

-- Category N lets coalesce(sum(price), 0) and CASE mix amounts and numbers.
CREATE TYPE voucher.amount (
	INPUT = voucher.amount_in,
	OUTPUT = voucher.amount_out,
	RECEIVE = voucher.amount_recv,
	SEND = voucher.amount_send,
	LIKE = pg_catalog.int8,
	CATEGORY = 'N'
);

-- bigint itself would not do as the other operand of "*" (nor integer as the
-- digits of round): as numeric casts to amount implicitly, bigint * numeric and
-- round(integer, integer) would be ambiguous for everyone who has this schema
-- in the search_path. A domain's name never counts as an exact match.
CREATE DOMAIN voucher.factor AS pg_catalog.int8;

COMMENT ON TYPE voucher.amount IS 'exact money with 8 decimals, between -92233720368.54775807 and 92233720368.54775807';
COMMENT ON DOMAIN voucher.factor IS 'what an amount is multiplied with: any bigint';
COMMENT ON FUNCTION voucher.amount_in(pg_catalog.cstring) IS 'I/O';
COMMENT ON FUNCTION voucher.amount_out(voucher.amount) IS 'I/O';
COMMENT ON FUNCTION voucher.amount_recv(pg_catalog.internal) IS 'I/O';
COMMENT ON FUNCTION voucher.amount_send(voucher.amount) IS 'I/O';

-- ---------------------------------------------------------------------------
-- amount: casts. From numbers exactly or with an error, never from or to float
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.amount(pg_catalog.int4) RETURNS voucher.amount
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'amount_from_integer';

CREATE FUNCTION voucher.amount(pg_catalog.int8) RETURNS voucher.amount
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'amount_from_bigint';

CREATE FUNCTION voucher.amount(pg_catalog.numeric) RETURNS voucher.amount
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'amount_from_numeric';

CREATE FUNCTION voucher.amount_numeric(voucher.amount) RETURNS pg_catalog.numeric
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'amount_to_numeric';

CREATE CAST (pg_catalog.int4 AS voucher.amount)
	WITH FUNCTION voucher.amount(pg_catalog.int4) AS IMPLICIT;

CREATE CAST (pg_catalog.int8 AS voucher.amount)
	WITH FUNCTION voucher.amount(pg_catalog.int8) AS IMPLICIT;

CREATE CAST (pg_catalog.numeric AS voucher.amount)
	WITH FUNCTION voucher.amount(pg_catalog.numeric) AS IMPLICIT;

CREATE CAST (voucher.amount AS pg_catalog.numeric)
	WITH FUNCTION voucher.amount_numeric(voucher.amount) AS ASSIGNMENT;

COMMENT ON FUNCTION voucher.amount(pg_catalog.int4) IS 'convert integer to amount';
COMMENT ON FUNCTION voucher.amount(pg_catalog.int8) IS 'convert bigint to amount, or an error';
COMMENT ON FUNCTION voucher.amount(pg_catalog.numeric) IS 'convert numeric to amount exactly, or an error';
COMMENT ON FUNCTION voucher.amount_numeric(voucher.amount) IS 'convert amount to numeric exactly';
COMMENT ON CAST (pg_catalog.int4 AS voucher.amount) IS 'exact';
COMMENT ON CAST (pg_catalog.int8 AS voucher.amount) IS 'exact, or an error';
COMMENT ON CAST (pg_catalog.numeric AS voucher.amount) IS 'exact, or an error: never rounded silently';
COMMENT ON CAST (voucher.amount AS pg_catalog.numeric) IS 'exact';

-- ---------------------------------------------------------------------------
-- amount: comparison, ordering and hashing, as int8 does it
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.amount_eq(voucher.amount, voucher.amount) RETURNS pg_catalog.bool
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'int8eq';

CREATE FUNCTION voucher.amount_ne(voucher.amount, voucher.amount) RETURNS pg_catalog.bool
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'int8ne';

CREATE FUNCTION voucher.amount_lt(voucher.amount, voucher.amount) RETURNS pg_catalog.bool
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'int8lt';

CREATE FUNCTION voucher.amount_le(voucher.amount, voucher.amount) RETURNS pg_catalog.bool
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'int8le';

CREATE FUNCTION voucher.amount_gt(voucher.amount, voucher.amount) RETURNS pg_catalog.bool
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'int8gt';

CREATE FUNCTION voucher.amount_ge(voucher.amount, voucher.amount) RETURNS pg_catalog.bool
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'int8ge';

CREATE FUNCTION voucher.amount_cmp(voucher.amount, voucher.amount) RETURNS pg_catalog.int4
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'btint8cmp';

CREATE FUNCTION voucher.amount_hash(voucher.amount) RETURNS pg_catalog.int4
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'hashint8';

CREATE FUNCTION voucher.amount_hash_extended(voucher.amount, pg_catalog.int8) RETURNS pg_catalog.int8
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'hashint8extended';

CREATE OPERATOR voucher.= (
	LEFTARG = voucher.amount, RIGHTARG = voucher.amount, FUNCTION = voucher.amount_eq,
	COMMUTATOR = OPERATOR(voucher.=), NEGATOR = OPERATOR(voucher.<>),
	RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
	HASHES, MERGES
);

CREATE OPERATOR voucher.<> (
	LEFTARG = voucher.amount, RIGHTARG = voucher.amount, FUNCTION = voucher.amount_ne,
	COMMUTATOR = OPERATOR(voucher.<>), NEGATOR = OPERATOR(voucher.=),
	RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);

CREATE OPERATOR voucher.< (
	LEFTARG = voucher.amount, RIGHTARG = voucher.amount, FUNCTION = voucher.amount_lt,
	COMMUTATOR = OPERATOR(voucher.>), NEGATOR = OPERATOR(voucher.>=),
	RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);

CREATE OPERATOR voucher.<= (
	LEFTARG = voucher.amount, RIGHTARG = voucher.amount, FUNCTION = voucher.amount_le,
	COMMUTATOR = OPERATOR(voucher.>=), NEGATOR = OPERATOR(voucher.>),
	RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);

CREATE OPERATOR voucher.> (
	LEFTARG = voucher.amount, RIGHTARG = voucher.amount, FUNCTION = voucher.amount_gt,
	COMMUTATOR = OPERATOR(voucher.<), NEGATOR = OPERATOR(voucher.<=),
	RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);

CREATE OPERATOR voucher.>= (
	LEFTARG = voucher.amount, RIGHTARG = voucher.amount, FUNCTION = voucher.amount_ge,
	COMMUTATOR = OPERATOR(voucher.<=), NEGATOR = OPERATOR(voucher.<),
	RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);

CREATE OPERATOR CLASS voucher.amount_ops DEFAULT FOR TYPE voucher.amount USING btree AS
	OPERATOR 1 voucher.<,
	OPERATOR 2 voucher.<=,
	OPERATOR 3 voucher.=,
	OPERATOR 4 voucher.>=,
	OPERATOR 5 voucher.>,
	FUNCTION 1 voucher.amount_cmp(voucher.amount, voucher.amount),
	FUNCTION 2 pg_catalog.btint8sortsupport(pg_catalog.internal),
	FUNCTION 4 pg_catalog.btequalimage(pg_catalog.oid);

CREATE OPERATOR CLASS voucher.amount_ops DEFAULT FOR TYPE voucher.amount USING hash AS
	OPERATOR 1 voucher.=,
	FUNCTION 1 voucher.amount_hash(voucher.amount),
	FUNCTION 2 voucher.amount_hash_extended(voucher.amount, pg_catalog.int8);

COMMENT ON FUNCTION voucher.amount_eq(voucher.amount, voucher.amount) IS 'implementation of = operator';
COMMENT ON FUNCTION voucher.amount_ne(voucher.amount, voucher.amount) IS 'implementation of <> operator';
COMMENT ON FUNCTION voucher.amount_lt(voucher.amount, voucher.amount) IS 'implementation of < operator';
COMMENT ON FUNCTION voucher.amount_le(voucher.amount, voucher.amount) IS 'implementation of <= operator';
COMMENT ON FUNCTION voucher.amount_gt(voucher.amount, voucher.amount) IS 'implementation of > operator';
COMMENT ON FUNCTION voucher.amount_ge(voucher.amount, voucher.amount) IS 'implementation of >= operator';
COMMENT ON FUNCTION voucher.amount_cmp(voucher.amount, voucher.amount) IS 'less-equal-greater';
COMMENT ON FUNCTION voucher.amount_hash(voucher.amount) IS 'hash';
COMMENT ON FUNCTION voucher.amount_hash_extended(voucher.amount, pg_catalog.int8) IS 'hash';
COMMENT ON OPERATOR voucher.= (voucher.amount, voucher.amount) IS 'equal';
COMMENT ON OPERATOR voucher.<> (voucher.amount, voucher.amount) IS 'not equal';
COMMENT ON OPERATOR voucher.< (voucher.amount, voucher.amount) IS 'less than';
COMMENT ON OPERATOR voucher.<= (voucher.amount, voucher.amount) IS 'less than or equal';
COMMENT ON OPERATOR voucher.> (voucher.amount, voucher.amount) IS 'greater than';
COMMENT ON OPERATOR voucher.>= (voucher.amount, voucher.amount) IS 'greater than or equal';
COMMENT ON OPERATOR CLASS voucher.amount_ops USING btree IS 'amounts, as int8_ops';
COMMENT ON OPERATOR FAMILY voucher.amount_ops USING btree IS 'amounts, as int8_ops';
COMMENT ON OPERATOR CLASS voucher.amount_ops USING hash IS 'amounts, as int8_ops';
COMMENT ON OPERATOR FAMILY voucher.amount_ops USING hash IS 'amounts, as int8_ops';

-- ---------------------------------------------------------------------------
-- amount: arithmetic. Exact, with an error instead of an overflow
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.amount_add(voucher.amount, voucher.amount) RETURNS voucher.amount
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';

CREATE FUNCTION voucher.amount_sub(voucher.amount, voucher.amount) RETURNS voucher.amount
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';

CREATE FUNCTION voucher.amount_mul(voucher.amount, voucher.factor) RETURNS voucher.amount
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'amount_mul';

CREATE FUNCTION voucher.amount_mul(voucher.factor, voucher.amount) RETURNS voucher.amount
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'amount_mul_commuted';

CREATE FUNCTION voucher.amount_neg(voucher.amount) RETURNS voucher.amount
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'int8um';

CREATE FUNCTION voucher.abs(voucher.amount) RETURNS voucher.amount
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'int8abs';

CREATE OPERATOR voucher.+ (
	LEFTARG = voucher.amount, RIGHTARG = voucher.amount, FUNCTION = voucher.amount_add,
	COMMUTATOR = OPERATOR(voucher.+)
);

CREATE OPERATOR voucher.- (
	LEFTARG = voucher.amount, RIGHTARG = voucher.amount, FUNCTION = voucher.amount_sub
);

CREATE OPERATOR voucher.- (
	RIGHTARG = voucher.amount, FUNCTION = voucher.amount_neg
);

CREATE OPERATOR voucher.* (
	LEFTARG = voucher.amount, RIGHTARG = voucher.factor, FUNCTION = voucher.amount_mul,
	COMMUTATOR = OPERATOR(voucher.*)
);

CREATE OPERATOR voucher.* (
	LEFTARG = voucher.factor, RIGHTARG = voucher.amount, FUNCTION = voucher.amount_mul,
	COMMUTATOR = OPERATOR(voucher.*)
);

COMMENT ON FUNCTION voucher.amount_add(voucher.amount, voucher.amount) IS 'implementation of + operator';
COMMENT ON FUNCTION voucher.amount_sub(voucher.amount, voucher.amount) IS 'implementation of - operator';
COMMENT ON FUNCTION voucher.amount_mul(voucher.amount, voucher.factor) IS 'implementation of * operator';
COMMENT ON FUNCTION voucher.amount_mul(voucher.factor, voucher.amount) IS 'implementation of * operator';
COMMENT ON FUNCTION voucher.amount_neg(voucher.amount) IS 'implementation of - operator';
COMMENT ON FUNCTION voucher.abs(voucher.amount) IS 'absolute value';
COMMENT ON OPERATOR voucher.+ (voucher.amount, voucher.amount) IS 'add';
COMMENT ON OPERATOR voucher.- (voucher.amount, voucher.amount) IS 'subtract';
COMMENT ON OPERATOR voucher.- (NONE, voucher.amount) IS 'negate';
COMMENT ON OPERATOR voucher.* (voucher.amount, voucher.factor) IS 'multiply';
COMMENT ON OPERATOR voucher.* (voucher.factor, voucher.amount) IS 'multiply';

-- ---------------------------------------------------------------------------
-- amount: rounding to a currency's minor unit (JPY 0, CNY 2, KWD 3)
-- ---------------------------------------------------------------------------

-- Why digits is a bigint: see voucher.factor.
CREATE FUNCTION voucher.round(amount voucher.amount, digits pg_catalog.int8) RETURNS voucher.amount
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'amount_round';

CREATE FUNCTION voucher.trunc(amount voucher.amount, digits pg_catalog.int8) RETURNS voucher.amount
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'amount_trunc';

COMMENT ON FUNCTION voucher.round(voucher.amount, pg_catalog.int8) IS 'round half away from zero to 0 to 8 decimals';
COMMENT ON FUNCTION voucher.trunc(voucher.amount, pg_catalog.int8) IS 'round toward zero to 0 to 8 decimals';

-- ---------------------------------------------------------------------------
-- amount: aggregates
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.amount_sum_accum(pg_catalog.internal, voucher.amount) RETURNS pg_catalog.internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';

CREATE FUNCTION voucher.amount_sum_remove(pg_catalog.internal, voucher.amount) RETURNS pg_catalog.internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';

CREATE FUNCTION voucher.amount_sum_combine(pg_catalog.internal, pg_catalog.internal) RETURNS pg_catalog.internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';

CREATE FUNCTION voucher.amount_sum_serialize(pg_catalog.internal) RETURNS pg_catalog.bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';

CREATE FUNCTION voucher.amount_sum_deserialize(pg_catalog.bytea, pg_catalog.internal) RETURNS pg_catalog.internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';

CREATE FUNCTION voucher.amount_sum_final(pg_catalog.internal) RETURNS voucher.amount
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';

CREATE FUNCTION voucher.amount_larger(voucher.amount, voucher.amount) RETURNS voucher.amount
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'int8larger';

CREATE FUNCTION voucher.amount_smaller(voucher.amount, voucher.amount) RETURNS voucher.amount
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'int8smaller';

CREATE AGGREGATE voucher.sum(voucher.amount) (
	SFUNC = voucher.amount_sum_accum,
	STYPE = pg_catalog.internal,
	SSPACE = 32,
	FINALFUNC = voucher.amount_sum_final,
	COMBINEFUNC = voucher.amount_sum_combine,
	SERIALFUNC = voucher.amount_sum_serialize,
	DESERIALFUNC = voucher.amount_sum_deserialize,
	MSFUNC = voucher.amount_sum_accum,
	MINVFUNC = voucher.amount_sum_remove,
	MSTYPE = pg_catalog.internal,
	MSSPACE = 32,
	MFINALFUNC = voucher.amount_sum_final,
	PARALLEL = SAFE
);

CREATE AGGREGATE voucher.min(voucher.amount) (
	SFUNC = voucher.amount_smaller,
	STYPE = voucher.amount,
	COMBINEFUNC = voucher.amount_smaller,
	SORTOP = OPERATOR(voucher.<),
	PARALLEL = SAFE
);

CREATE AGGREGATE voucher.max(voucher.amount) (
	SFUNC = voucher.amount_larger,
	STYPE = voucher.amount,
	COMBINEFUNC = voucher.amount_larger,
	SORTOP = OPERATOR(voucher.>),
	PARALLEL = SAFE
);

COMMENT ON FUNCTION voucher.amount_sum_accum(pg_catalog.internal, voucher.amount) IS 'aggregate transition function';
COMMENT ON FUNCTION voucher.amount_sum_remove(pg_catalog.internal, voucher.amount) IS 'aggregate inverse transition function';
COMMENT ON FUNCTION voucher.amount_sum_combine(pg_catalog.internal, pg_catalog.internal) IS 'aggregate combine function';
COMMENT ON FUNCTION voucher.amount_sum_serialize(pg_catalog.internal) IS 'aggregate serial function';
COMMENT ON FUNCTION voucher.amount_sum_deserialize(pg_catalog.bytea, pg_catalog.internal) IS 'aggregate deserial function';
COMMENT ON FUNCTION voucher.amount_sum_final(pg_catalog.internal) IS 'aggregate final function';
COMMENT ON FUNCTION voucher.amount_larger(voucher.amount, voucher.amount) IS 'larger of two';
COMMENT ON FUNCTION voucher.amount_smaller(voucher.amount, voucher.amount) IS 'smaller of two';
COMMENT ON AGGREGATE voucher.sum(voucher.amount) IS 'exact sum; an error where it leaves the range';
COMMENT ON AGGREGATE voucher.min(voucher.amount) IS 'smallest amount';
COMMENT ON AGGREGATE voucher.max(voucher.amount) IS 'largest amount';

