-- ---------------------------------------------------------------------------
-- template: writing one, with its defaults and checks
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.create_template(
    name           text,
    kind           text,
    currency       text,
    face_value     voucher.amount DEFAULT NULL,
    discount_rate  numeric DEFAULT NULL,
    maximum        voucher.amount DEFAULT NULL,
    threshold      voucher.amount DEFAULT 0,
    scope          voucher.scope DEFAULT '*',
    payment_type   text DEFAULT NULL,
    first_purchase boolean DEFAULT false,
    min_duration   interval DEFAULT NULL,
    max_duration   interval DEFAULT NULL,
    uses           integer DEFAULT NULL,
    per_account    integer DEFAULT NULL,
    campaign       text DEFAULT NULL,
    audience       text DEFAULT 'everyone',
    valid          tstzrange DEFAULT '(,)',
    valid_for      interval DEFAULT NULL,
    valid_from     text DEFAULT 'activation',
    time_zone      text DEFAULT 'UTC',
    refund_policy  text DEFAULT 'forfeit',
    promo_code     text DEFAULT NULL,
    regions        text[] DEFAULT NULL,
    tags           jsonb DEFAULT NULL,
    effect         text DEFAULT NULL,
    threshold_after  boolean DEFAULT false,
    threshold_strict boolean DEFAULT false,
    priority       integer DEFAULT 0,
    excludes       text[] DEFAULT '{}',
    refund_within  interval DEFAULT NULL,
    transferable   boolean DEFAULT false,
    shareable      boolean DEFAULT false,
    reason         text DEFAULT NULL,
    actor          text DEFAULT NULL)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'voucher_create_template' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.create_template(text, text, text, voucher.amount, numeric, voucher.amount, voucher.amount, voucher.scope, text, boolean, interval, interval, integer, integer, text, text, tstzrange, interval, text, text, text, text, text[], jsonb, text, boolean, boolean, integer, text[], interval, boolean, boolean, text, text)
    IS 'adds a template and returns its id, of one with the same contents that is there already too; coupons serve one order and promo codes one per account unless uses says otherwise; an account gets one of a campaign''s coupon unless per_account says otherwise';
