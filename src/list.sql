-- ---------------------------------------------------------------------------
-- list: what an account holds, with its status
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.status(
    frozen     boolean,
    face_value voucher.amount,
    balance    voucher.amount,
    used       integer,
    max_uses   integer,
    validity   tstzrange,
    at         timestamptz,
    cancelled  boolean DEFAULT false)
    RETURNS text
    AS 'MODULE_PATHNAME', 'voucher_status' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION voucher.status(boolean, voucher.amount, voucher.amount, integer, integer, tstzrange, timestamptz, boolean)
    IS 'the status of an instrument at an instant: pending, available, frozen, exhausted, expired or cancelled';

CREATE FUNCTION voucher.check_status(status text)
    RETURNS boolean
    AS 'MODULE_PATHNAME', 'voucher_check_status' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION voucher.check_status(text)
    IS 'true; an error if the text is neither null nor the name of a status';

-- A share in force has the balance, uses and validity of what it draws on.
CREATE VIEW voucher.vouchers WITH (security_invoker = true) AS
SELECT i.account_id, i.instrument_id, t.kind, t.name AS template, t.campaign, i.currency,
       i.face_value, t.discount_rate, h.balance, h.used, h.max_uses,
       voucher.status(h.frozen, i.face_value, h.balance, h.used, h.max_uses, h.validity, pg_catalog.now(), h.cancelled) AS status,
       h.validity, pg_catalog.lower(h.validity) AS effective_at, pg_catalog.upper(h.validity) AS expires_at,
       t.scope, voucher.products(t.scope) AS products, voucher.order_types(t.scope) AS order_types,
       t.threshold, t.payment_type, h.frozen, i.issued_at, h.cancelled, i.owner_account_id, i.owner_instrument_id,
       voucher.held(COALESCE(o.account_id, i.account_id), COALESCE(o.instrument_id, i.instrument_id)) AS held
FROM voucher.instrument AS i
JOIN voucher.template AS t ON t.template_id OPERATOR(pg_catalog.=) i.template_id
LEFT JOIN voucher.instrument AS o ON o.account_id OPERATOR(pg_catalog.=) i.owner_account_id
    AND o.instrument_id OPERATOR(pg_catalog.=) i.owner_instrument_id AND NOT i.cancelled
CROSS JOIN LATERAL (
    SELECT COALESCE(o.balance, i.balance) AS balance, COALESCE(o.used, i.used) AS used, COALESCE(o.max_uses, i.max_uses) AS max_uses,
           COALESCE(o.validity, i.validity) AS validity, i.frozen OR COALESCE(o.frozen, false) AS frozen,
           i.cancelled OR COALESCE(o.cancelled, false) AS cancelled) AS h;
COMMENT ON VIEW voucher.vouchers IS 'all vouchers, coupons and used promo codes with their terms and their status now; a share with what it draws on';

CREATE FUNCTION voucher.list(
    account_id text,
    status     text DEFAULT NULL,
    effective  tstzrange DEFAULT NULL,
    at         timestamptz DEFAULT pg_catalog.now())
    RETURNS SETOF voucher.vouchers
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT v.account_id, v.instrument_id, v.kind, v.template, v.campaign, v.currency,
           v.face_value, v.discount_rate, v.balance, v.used, v.max_uses, s.status,
           v.validity, v.effective_at, v.expires_at, v.scope, v.products, v.order_types,
           v.threshold, v.payment_type, v.frozen, v.issued_at, v.cancelled, v.owner_account_id, v.owner_instrument_id,
           voucher.held(CASE WHEN v.cancelled THEN v.account_id ELSE COALESCE(v.owner_account_id, v.account_id) END,
                        CASE WHEN v.cancelled THEN v.instrument_id ELSE COALESCE(v.owner_instrument_id, v.instrument_id) END, $4)
    FROM voucher.vouchers AS v
    CROSS JOIN LATERAL voucher.status(v.frozen, v.face_value, v.balance, v.used, v.max_uses, v.validity, $4, v.cancelled) AS s(status)
    WHERE v.account_id = $1
      -- asked once and first, also where the account holds nothing
      AND voucher.check_status($2)
      AND ($2 IS NULL OR s.status = $2)
      AND ($3 IS NULL OR COALESCE(v.effective_at, v.issued_at) <@ $3)
    ORDER BY v.instrument_id
$$;
COMMENT ON FUNCTION voucher.list(text, text, tstzrange, timestamptz)
    IS 'an account''s vouchers, coupons and promo codes: all, or those of a status or that became effective in a range';
