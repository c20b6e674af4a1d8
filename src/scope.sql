--
-- scope: what a voucher may pay for
--

CREATE TYPE voucher.scope;

CREATE FUNCTION voucher.scope_in(pg_catalog.cstring) RETURNS voucher.scope
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_in(pg_catalog.cstring) IS 'I/O';

CREATE FUNCTION voucher.scope_out(voucher.scope) RETURNS pg_catalog.cstring
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_out(voucher.scope) IS 'I/O';

CREATE FUNCTION voucher.scope_recv(pg_catalog.internal) RETURNS voucher.scope
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_recv(pg_catalog.internal) IS 'I/O';

CREATE FUNCTION voucher.scope_send(voucher.scope) RETURNS pg_catalog.bytea
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_send(voucher.scope) IS 'I/O';

CREATE TYPE voucher.scope (
    INPUT = voucher.scope_in,
    OUTPUT = voucher.scope_out,
    RECEIVE = voucher.scope_recv,
    SEND = voucher.scope_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = pg_catalog.int4,
    STORAGE = extended
);
COMMENT ON TYPE voucher.scope IS
$$what a voucher may pay for: products x order types, includes minus excludes; excludes win
scope   := term { ',' term }                at least one term includes
term    := [ '!' ] product [ ':' types ]    '!' excludes; without types: every order type
product := '*' | label { '.' label }        '*' is every product; ecs is ecs and everything below, as ecs.g7
types   := '*' | type { '|' type }
label   := [A-Za-z0-9_-]+                   case is folded; a path has at most 255 bytes
type    := [A-Za-z0-9_]+                    case is folded; at most 63 bytes
Examples: '*'   'ecs, rds:purchase|renewal'   '*:purchase, !market'   'ecs:purchase|upgrade, !ecs.gpu'$$;

--
-- scope: order and hash, of the canonical text
--

CREATE FUNCTION voucher.scope_lt(voucher.scope, voucher.scope) RETURNS pg_catalog.bool
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_lt(voucher.scope, voucher.scope) IS 'implementation of < operator';

CREATE FUNCTION voucher.scope_le(voucher.scope, voucher.scope) RETURNS pg_catalog.bool
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_le(voucher.scope, voucher.scope) IS 'implementation of <= operator';

CREATE FUNCTION voucher.scope_eq(voucher.scope, voucher.scope) RETURNS pg_catalog.bool
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_eq(voucher.scope, voucher.scope) IS 'implementation of = operator';

CREATE FUNCTION voucher.scope_ne(voucher.scope, voucher.scope) RETURNS pg_catalog.bool
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_ne(voucher.scope, voucher.scope) IS 'implementation of <> operator';

CREATE FUNCTION voucher.scope_ge(voucher.scope, voucher.scope) RETURNS pg_catalog.bool
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_ge(voucher.scope, voucher.scope) IS 'implementation of >= operator';

CREATE FUNCTION voucher.scope_gt(voucher.scope, voucher.scope) RETURNS pg_catalog.bool
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_gt(voucher.scope, voucher.scope) IS 'implementation of > operator';

CREATE FUNCTION voucher.scope_cmp(voucher.scope, voucher.scope) RETURNS pg_catalog.int4
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_cmp(voucher.scope, voucher.scope) IS 'less-equal-greater';

CREATE FUNCTION voucher.scope_hash(voucher.scope) RETURNS pg_catalog.int4
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_hash(voucher.scope) IS 'hash';

CREATE FUNCTION voucher.scope_hash_extended(voucher.scope, pg_catalog.int8) RETURNS pg_catalog.int8
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_hash_extended(voucher.scope, pg_catalog.int8) IS 'hash';

CREATE OPERATOR voucher.< (
    FUNCTION = voucher.scope_lt,
    LEFTARG = voucher.scope, RIGHTARG = voucher.scope,
    COMMUTATOR = OPERATOR(voucher.>), NEGATOR = OPERATOR(voucher.>=),
    RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR voucher.< (voucher.scope, voucher.scope) IS 'less than';

CREATE OPERATOR voucher.<= (
    FUNCTION = voucher.scope_le,
    LEFTARG = voucher.scope, RIGHTARG = voucher.scope,
    COMMUTATOR = OPERATOR(voucher.>=), NEGATOR = OPERATOR(voucher.>),
    RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR voucher.<= (voucher.scope, voucher.scope) IS 'less than or equal';

CREATE OPERATOR voucher.= (
    FUNCTION = voucher.scope_eq,
    LEFTARG = voucher.scope, RIGHTARG = voucher.scope,
    COMMUTATOR = OPERATOR(voucher.=), NEGATOR = OPERATOR(voucher.<>),
    RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
    HASHES, MERGES
);
COMMENT ON OPERATOR voucher.= (voucher.scope, voucher.scope) IS 'equal';

CREATE OPERATOR voucher.<> (
    FUNCTION = voucher.scope_ne,
    LEFTARG = voucher.scope, RIGHTARG = voucher.scope,
    COMMUTATOR = OPERATOR(voucher.<>), NEGATOR = OPERATOR(voucher.=),
    RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR voucher.<> (voucher.scope, voucher.scope) IS 'not equal';

CREATE OPERATOR voucher.>= (
    FUNCTION = voucher.scope_ge,
    LEFTARG = voucher.scope, RIGHTARG = voucher.scope,
    COMMUTATOR = OPERATOR(voucher.<=), NEGATOR = OPERATOR(voucher.<),
    RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR voucher.>= (voucher.scope, voucher.scope) IS 'greater than or equal';

CREATE OPERATOR voucher.> (
    FUNCTION = voucher.scope_gt,
    LEFTARG = voucher.scope, RIGHTARG = voucher.scope,
    COMMUTATOR = OPERATOR(voucher.<), NEGATOR = OPERATOR(voucher.<=),
    RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR voucher.> (voucher.scope, voucher.scope) IS 'greater than';

CREATE OPERATOR CLASS voucher.scope_ops
    DEFAULT FOR TYPE voucher.scope USING btree AS
    OPERATOR 1 voucher.<,
    OPERATOR 2 voucher.<=,
    OPERATOR 3 voucher.=,
    OPERATOR 4 voucher.>=,
    OPERATOR 5 voucher.>,
    FUNCTION 1 voucher.scope_cmp(voucher.scope, voucher.scope);
COMMENT ON OPERATOR CLASS voucher.scope_ops USING btree IS 'order of the canonical text, bytewise';

CREATE OPERATOR CLASS voucher.scope_ops
    DEFAULT FOR TYPE voucher.scope USING hash AS
    OPERATOR 1 voucher.=,
    FUNCTION 1 voucher.scope_hash(voucher.scope),
    FUNCTION 2 voucher.scope_hash_extended(voucher.scope, pg_catalog.int8);
COMMENT ON OPERATOR CLASS voucher.scope_ops USING hash IS 'hash of the canonical text';

--
-- scope: what it covers
--

CREATE FUNCTION voucher.covers(scope voucher.scope, product pg_catalog.text, order_type pg_catalog.text)
    RETURNS pg_catalog.bool
    AS 'MODULE_PATHNAME', 'scope_covers' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.covers(voucher.scope, pg_catalog.text, pg_catalog.text) IS
    'does the scope cover this order type of this product? (which products are outside universal vouchers is not known here)';

CREATE FUNCTION voucher.products(scope voucher.scope) RETURNS pg_catalog.text[]
    AS 'MODULE_PATHNAME', 'scope_products' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.products(voucher.scope) IS
    'the products that the scope includes, "*" for every product';

CREATE FUNCTION voucher.order_types(scope voucher.scope) RETURNS pg_catalog.text[]
    AS 'MODULE_PATHNAME', 'scope_order_types' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.order_types(voucher.scope) IS
    'the distinct order types that the scope includes for any product, "*" for every order type';

CREATE FUNCTION voucher.scope_contains_item(voucher.scope, pg_catalog.text) RETURNS pg_catalog.bool
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_contains_item(voucher.scope, pg_catalog.text) IS 'implementation of @> operator';

CREATE FUNCTION voucher.item_in_scope(pg_catalog.text, voucher.scope) RETURNS pg_catalog.bool
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.item_in_scope(pg_catalog.text, voucher.scope) IS 'implementation of <@ operator';

CREATE OPERATOR voucher.@> (
    FUNCTION = voucher.scope_contains_item,
    LEFTARG = voucher.scope, RIGHTARG = pg_catalog.text,
    COMMUTATOR = OPERATOR(voucher.<@),
    RESTRICT = pg_catalog.contsel, JOIN = pg_catalog.contjoinsel
);
COMMENT ON OPERATOR voucher.@> (voucher.scope, pg_catalog.text) IS 'covers the item ''product:order_type''';

CREATE OPERATOR voucher.<@ (
    FUNCTION = voucher.item_in_scope,
    LEFTARG = pg_catalog.text, RIGHTARG = voucher.scope,
    COMMUTATOR = OPERATOR(voucher.@>),
    RESTRICT = pg_catalog.contsel, JOIN = pg_catalog.contjoinsel
);
COMMENT ON OPERATOR voucher.<@ (pg_catalog.text, voucher.scope) IS 'the item ''product:order_type'' is covered';

--
-- scope: GIN, for "which scopes cover this item"
--

CREATE FUNCTION voucher.scope_gin_extract_value(voucher.scope, pg_catalog.internal)
    RETURNS pg_catalog.internal
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_gin_extract_value(voucher.scope, pg_catalog.internal) IS 'GIN support';

-- The query of these three is text; GIN wants the indexed type declared.
CREATE FUNCTION voucher.scope_gin_extract_query(voucher.scope, pg_catalog.internal, pg_catalog.int2,
        pg_catalog.internal, pg_catalog.internal)
    RETURNS pg_catalog.internal
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_gin_extract_query(voucher.scope, pg_catalog.internal, pg_catalog.int2,
    pg_catalog.internal, pg_catalog.internal) IS 'GIN support';

CREATE FUNCTION voucher.scope_gin_consistent(pg_catalog.internal, pg_catalog.int2, voucher.scope,
        pg_catalog.int4, pg_catalog.internal, pg_catalog.internal)
    RETURNS pg_catalog.bool
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_gin_consistent(pg_catalog.internal, pg_catalog.int2, voucher.scope,
    pg_catalog.int4, pg_catalog.internal, pg_catalog.internal) IS 'GIN support';

CREATE FUNCTION voucher.scope_gin_triconsistent(pg_catalog.internal, pg_catalog.int2, voucher.scope,
        pg_catalog.int4, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal)
    RETURNS pg_catalog."char"
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.scope_gin_triconsistent(pg_catalog.internal, pg_catalog.int2, voucher.scope,
    pg_catalog.int4, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal) IS 'GIN support';

-- Keys are compared bytewise, so that no collation can outdate an index.
CREATE OPERATOR CLASS voucher.gin_scope_ops
    DEFAULT FOR TYPE voucher.scope USING gin AS
    OPERATOR 1 voucher.@> (voucher.scope, pg_catalog.text),
    FUNCTION 1 pg_catalog.bttext_pattern_cmp(pg_catalog.text, pg_catalog.text),
    FUNCTION 2 voucher.scope_gin_extract_value(voucher.scope, pg_catalog.internal),
    FUNCTION 3 voucher.scope_gin_extract_query(voucher.scope, pg_catalog.internal, pg_catalog.int2,
        pg_catalog.internal, pg_catalog.internal),
    FUNCTION 4 voucher.scope_gin_consistent(pg_catalog.internal, pg_catalog.int2, voucher.scope,
        pg_catalog.int4, pg_catalog.internal, pg_catalog.internal),
    FUNCTION 6 voucher.scope_gin_triconsistent(pg_catalog.internal, pg_catalog.int2, voucher.scope,
        pg_catalog.int4, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal),
    STORAGE pg_catalog.text;
COMMENT ON OPERATOR CLASS voucher.gin_scope_ops USING gin IS
    'which scopes cover an item: scope @> ''product:order_type''';
