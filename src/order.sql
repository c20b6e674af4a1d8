-- ---------------------------------------------------------------------------
-- order: the lines of an order, as match, quote and settle take them
-- ---------------------------------------------------------------------------

CREATE TYPE voucher.line AS (
    line_no    integer,
    product    text COLLATE "C",
    order_type text COLLATE "C",
    amount     voucher.amount,
    duration   interval,
    region     text COLLATE "C",
    tags       jsonb,
    at         timestamptz
);
COMMENT ON TYPE voucher.line IS 'a line of an order; make one with the function voucher.line';

CREATE FUNCTION voucher.line(product text, order_type text, amount voucher.amount,
                             duration interval DEFAULT NULL, line_no integer DEFAULT NULL,
                             region text DEFAULT NULL, tags jsonb DEFAULT NULL,
                             at timestamptz DEFAULT NULL)
    RETURNS voucher.line
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ROW($5, $1, $2, $3, $4, $6, $7, $8)::voucher.line;
COMMENT ON FUNCTION voucher.line(text, text, voucher.amount, interval, integer, text, jsonb, timestamptz)
    IS 'a line of an order; without line_no it is numbered by its position, without a time of consumption it is of the order''s';
