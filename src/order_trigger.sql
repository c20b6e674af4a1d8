-- ---------------------------------------------------------------------------
-- order_trigger: settles the rows of the caller's own orders table
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.settle_order() RETURNS trigger
    AS 'MODULE_PATHNAME', 'voucher_settle_order' LANGUAGE C
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.settle_order()
    IS 'trigger: settles each inserted row as an order of one line; arguments "name=column" say where account_id, order_id, product, order_type, amount and, if there, duration, payment_type, currency, voucher, coupon, promo_code, at, region, tags and policy are';
