-- ---------------------------------------------------------------------------
-- hold: what is reserved for an order that is not paid yet
--
-- A hold keeps the plan of an order as a settlement would have it.  It moves no
-- balance: whoever plans takes what other orders' open holds keep off what an
-- instrument, or a limit, has.  An open hold is one that is not resolved and
-- whose time-out has not come; so at its time-out it is free with no job having
-- run.  That it is resolved at most once is for its trigger: what is resolved
-- never changes.
--
-- account.holds counts the unresolved holds of an account in a currency, and
-- the counters of limits those that are held in them: where that is zero, and
-- it nearly always is, nobody looks further.  Both are derived.
-- ---------------------------------------------------------------------------

CREATE TABLE voucher.hold (
    account_id       text COLLATE "C" NOT NULL,
    order_id         text COLLATE "C" NOT NULL,
    version          integer NOT NULL,
    currency         text COLLATE "C" NOT NULL,
    at               timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    resolution       text COLLATE "C",
    epoch            bigint,
    gross            voucher.amount NOT NULL,
    discount         voucher.amount NOT NULL,
    rounding         voucher.amount NOT NULL,
    voucher          voucher.amount NOT NULL,
    cash             voucher.amount NOT NULL,
    payment_type     text COLLATE "C" NOT NULL,
    chosen_voucher   text COLLATE "C" NOT NULL,
    chosen_coupon    text COLLATE "C" NOT NULL,
    promo_code       text COLLATE "C",
    policy           text COLLATE "C",
    lines            voucher.line[] NOT NULL,
    parts            voucher.part[] NOT NULL,
    first_purchase   text[] COLLATE "C",
    purchased_before text[] COLLATE "C",
    not_universal    text[] COLLATE "C",
    limits           bigint[],
    exact            boolean NOT NULL DEFAULT true,
    recorded_at      timestamptz NOT NULL DEFAULT pg_catalog.now(),
    actor            text,
    resolved_at      timestamptz,
    resolved_epoch   bigint,
    resolved_by      text,
    reason           text,
    recorded_by text COLLATE "C" NOT NULL DEFAULT session_user,
    CONSTRAINT hold_pkey PRIMARY KEY (account_id, order_id, version),
    CONSTRAINT hold_account_fkey FOREIGN KEY (account_id, currency) REFERENCES voucher.account,
    CONSTRAINT hold_version_check CHECK (version OPERATOR(pg_catalog.>) 0),
    CONSTRAINT hold_expires_at_check CHECK (expires_at OPERATOR(pg_catalog.>) at),
    CONSTRAINT hold_resolution_check CHECK (
        resolution IS NULL AND resolved_at IS NULL AND resolved_epoch IS NULL
        OR resolution OPERATOR(pg_catalog.=) ANY ('{captured,released,replaced,expired}'::pg_catalog.text[]) AND resolved_at IS NOT NULL)
);
SELECT pg_catalog.pg_extension_config_dump('voucher.hold', '');
CREATE UNIQUE INDEX hold_unresolved_key ON voucher.hold (account_id, order_id) WHERE resolution IS NULL;
COMMENT ON TABLE voucher.hold IS 'what is reserved for orders: who would pay what; only its resolution is written afterwards, once';
COMMENT ON COLUMN voucher.hold.version IS 'the order''s n-th hold: 1, 2, 3 …';
COMMENT ON COLUMN voucher.hold.at IS 'when it was reserved, which decided validity';
COMMENT ON COLUMN voucher.hold.expires_at IS 'its time-out: from this instant on it holds nothing';
COMMENT ON COLUMN voucher.hold.resolution IS 'captured, released, replaced (by another hold or a settlement of the order) or expired (found past its time-out); null: not resolved';
COMMENT ON COLUMN voucher.hold.epoch IS 'the account''s epoch that it began; null: not written by reserve';
COMMENT ON COLUMN voucher.hold.cash IS 'what the order would leave to cash; cash is not held';
COMMENT ON COLUMN voucher.hold.parts IS 'the instruments held, and what each would give to which line';
COMMENT ON COLUMN voucher.hold.first_purchase IS 'products of which it holds the first purchase; null: none';
COMMENT ON COLUMN voucher.hold.actor IS 'who reserved, as the caller says';
COMMENT ON COLUMN voucher.hold.resolved_at IS 'when it was resolved, as the caller says';
COMMENT ON COLUMN voucher.hold.resolved_epoch IS 'the account''s epoch in which it was resolved; null: not by a verb';
COMMENT ON COLUMN voucher.hold.resolved_by IS 'who resolved it, as the caller says';
COMMENT ON COLUMN voucher.hold.reason IS 'why it was resolved, as the caller says';
COMMENT ON COLUMN voucher.hold.recorded_by IS 'the session''s user that wrote it';

CREATE TABLE voucher.held_usage (
    account_id   text COLLATE "C" NOT NULL,
    order_id     text COLLATE "C" NOT NULL,
    version      integer NOT NULL,
    limit_id     bigint NOT NULL,
    period_start timestamptz NOT NULL,
    per_account  boolean NOT NULL,
    expires_at   timestamptz NOT NULL,
    uses         bigint NOT NULL,
    amount       voucher.amount NOT NULL,
    CONSTRAINT held_usage_pkey PRIMARY KEY (account_id, order_id, version, limit_id)
);
-- Not dumped: a restore of the holds and limits writes it again.
CREATE INDEX held_usage_limit_idx ON voucher.held_usage (limit_id, period_start, expires_at);
COMMENT ON TABLE voucher.held_usage IS 'what unresolved holds keep of limits; written by triggers';
COMMENT ON COLUMN voucher.held_usage.per_account IS 'the limit counts each account by itself';
COMMENT ON COLUMN voucher.held_usage.expires_at IS 'the hold''s time-out';
COMMENT ON COLUMN voucher.held_usage.uses IS 'how many uses it keeps';
COMMENT ON COLUMN voucher.held_usage.amount IS 'how much it keeps; 0 where the limit has no max_amount';

-- ---------------------------------------------------------------------------
-- Triggers
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.apply_hold() RETURNS trigger AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.apply_hold() IS 'trigger: a hold adds up and fits; what counts unresolved holds follows it';
CREATE FUNCTION voucher.check_holds() RETURNS trigger AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.check_holds() IS 'trigger: an account''s number of unresolved holds is what it is';
CREATE FUNCTION voucher.protect_held() RETURNS trigger AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.protect_held() IS 'trigger: only a hold''s own triggers write what it keeps of limits';

CREATE TRIGGER t1_apply AFTER INSERT ON voucher.hold
    FOR EACH ROW EXECUTE FUNCTION voucher.apply_hold();
CREATE TRIGGER t1_resolve AFTER UPDATE ON voucher.hold
    FOR EACH ROW WHEN (OLD.resolution IS NULL AND NEW.resolution IS NOT NULL)
    EXECUTE FUNCTION voucher.apply_hold();
-- Only the columns that resolve it change, once.  Amounts are compared as numeric,
-- as in minted_code's trigger.
CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.hold
    FOR EACH ROW
    WHEN (OLD.resolution IS NOT NULL OR NEW.resolution IS NULL
          OR (OLD.account_id, OLD.order_id, OLD.version, OLD.currency, OLD.at, OLD.expires_at, OLD.epoch, OLD.gross::numeric,
              OLD.discount::numeric, OLD.rounding::numeric, OLD.voucher::numeric, OLD.cash::numeric, OLD.payment_type, OLD.chosen_voucher,
              OLD.chosen_coupon, OLD.promo_code, OLD.policy, OLD.lines, OLD.parts, OLD.first_purchase,
              OLD.purchased_before, OLD.not_universal, OLD.limits, OLD.exact, OLD.recorded_at, OLD.actor,
              OLD.recorded_by)
             IS DISTINCT FROM (NEW.account_id, NEW.order_id, NEW.version, NEW.currency, NEW.at, NEW.expires_at, NEW.epoch, NEW.gross::numeric,
              NEW.discount::numeric, NEW.rounding::numeric, NEW.voucher::numeric, NEW.cash::numeric, NEW.payment_type, NEW.chosen_voucher,
              NEW.chosen_coupon, NEW.promo_code, NEW.policy, NEW.lines, NEW.parts, NEW.first_purchase,
              NEW.purchased_before, NEW.not_universal, NEW.limits, NEW.exact, NEW.recorded_at, NEW.actor,
              NEW.recorded_by))
    EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protected AFTER UPDATE ON voucher.hold
    FOR EACH ROW
    WHEN (OLD.resolution IS NOT NULL OR NEW.resolution IS NULL
          OR (OLD.account_id, OLD.order_id, OLD.version, OLD.currency, OLD.at, OLD.expires_at, OLD.epoch, OLD.gross::numeric,
              OLD.discount::numeric, OLD.rounding::numeric, OLD.voucher::numeric, OLD.cash::numeric, OLD.payment_type, OLD.chosen_voucher,
              OLD.chosen_coupon, OLD.promo_code, OLD.policy, OLD.lines, OLD.parts, OLD.first_purchase,
              OLD.purchased_before, OLD.not_universal, OLD.limits, OLD.exact, OLD.recorded_at, OLD.actor,
              OLD.recorded_by)
             IS DISTINCT FROM (NEW.account_id, NEW.order_id, NEW.version, NEW.currency, NEW.at, NEW.expires_at, NEW.epoch, NEW.gross::numeric,
              NEW.discount::numeric, NEW.rounding::numeric, NEW.voucher::numeric, NEW.cash::numeric, NEW.payment_type, NEW.chosen_voucher,
              NEW.chosen_coupon, NEW.promo_code, NEW.policy, NEW.lines, NEW.parts, NEW.first_purchase,
              NEW.purchased_before, NEW.not_universal, NEW.limits, NEW.exact, NEW.recorded_at, NEW.actor,
              NEW.recorded_by))
    EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.hold
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.hold
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protect AFTER INSERT OR UPDATE OR DELETE ON voucher.held_usage
    FOR EACH ROW EXECUTE FUNCTION voucher.protect_held();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.held_usage
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t6_holds AFTER UPDATE ON voucher.account
    FOR EACH ROW WHEN (OLD.holds OPERATOR(pg_catalog.<>) NEW.holds)
    EXECUTE FUNCTION voucher.check_holds();

-- ---------------------------------------------------------------------------
-- What is held
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.held(account_id text, instrument_id bigint, at timestamptz DEFAULT pg_catalog.now())
    RETURNS voucher.amount
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT COALESCE(voucher.sum(p.paid), 0::voucher.amount)
    FROM voucher.hold AS h
    CROSS JOIN LATERAL unnest(h.parts) AS p
    JOIN voucher.instrument AS i ON i.account_id = $1 AND i.instrument_id = $2 AND i.face_value IS NOT NULL
    WHERE h.account_id = $1 AND h.resolution IS NULL AND h.expires_at > $3 AND p.instrument_id = $2
$$;
COMMENT ON FUNCTION voucher.held(text, bigint, timestamptz)
    IS 'what orders that are reserved and not yet captured hold of an instrument''s balance at an instant, by the holds that are not resolved now';

-- ---------------------------------------------------------------------------
-- Reserve, capture, release
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.reserve(
    account_id   text,
    order_id     text,
    product      text DEFAULT NULL,
    order_type   text DEFAULT NULL,
    amount       voucher.amount DEFAULT NULL,
    duration     interval DEFAULT NULL,
    lines        voucher.line[] DEFAULT NULL,
    payment_type text DEFAULT 'subscription',
    currency     text DEFAULT NULL,
    voucher      text DEFAULT 'auto',
    coupon       text DEFAULT 'auto',
    promo_code   text DEFAULT NULL,
    at           timestamptz DEFAULT pg_catalog.now(),
    policy       text DEFAULT NULL,
    hold_for     interval DEFAULT '15 minutes',
    actor        text DEFAULT NULL)
    RETURNS voucher.hold
    AS 'MODULE_PATHNAME', 'voucher_reserve' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.reserve(text, text, text, text, voucher.amount, interval, voucher.line[], text, text, text, text, text, timestamptz, text, interval, text)
    IS 'plans an order as settle does and holds what it would take of vouchers, coupon, promo code and limits until its time-out; the same call again returns the same hold, another one for the order replaces it';

CREATE FUNCTION voucher.capture(
    account_id text,
    order_id   text,
    lines      voucher.line[] DEFAULT NULL,
    arrears    boolean DEFAULT false,
    actor      text DEFAULT NULL,
    at         timestamptz DEFAULT pg_catalog.now())
    RETURNS voucher.settlement
    AS 'MODULE_PATHNAME', 'voucher_capture' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.capture(text, text, voucher.line[], boolean, text, timestamptz)
    IS 'settles an order with what is held for it: all of it, or the lines given, of which none may exceed what was reserved; the rest is released';

CREATE FUNCTION voucher.release(
    account_id text,
    order_id   text,
    reason     text DEFAULT NULL,
    actor      text DEFAULT NULL,
    at         timestamptz DEFAULT pg_catalog.now())
    RETURNS voucher.hold
    AS 'MODULE_PATHNAME', 'voucher_release' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.release(text, text, text, text, timestamptz)
    IS 'gives back what is held for an order; the same call again changes nothing';
