-- ---------------------------------------------------------------------------
-- catalog: what can be sold and what can be issued
--
-- Every table below is dumped with its rows (pg_extension_config_dump).  Rows
-- that the extension itself ships are marked, so that a restore, which runs
-- this script first, does not meet them twice.  What is written later is not
-- shipped (t1_own).
-- ---------------------------------------------------------------------------

CREATE TABLE voucher.currency (
    currency     text COLLATE "C" NOT NULL,
    minor_digits smallint NOT NULL,
    shipped      boolean NOT NULL DEFAULT false,
    recorded_by text COLLATE "C" NOT NULL DEFAULT session_user,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    CONSTRAINT currency_pkey PRIMARY KEY (currency),
    CONSTRAINT currency_code_check CHECK (currency OPERATOR(pg_catalog.~) '^[A-Z]{3}$'),
    CONSTRAINT currency_minor_digits_check CHECK (minor_digits BETWEEN 0 AND 8)
);
SELECT pg_catalog.pg_extension_config_dump('voucher.currency', 'WHERE NOT shipped');
COMMENT ON TABLE voucher.currency IS 'currencies and the decimals of their minor unit (ISO 4217)';
COMMENT ON COLUMN voucher.currency.minor_digits IS 'decimals of the minor unit: JPY 0, CNY 2, KWD 3';
COMMENT ON COLUMN voucher.currency.shipped IS 'true for the rows that come with the extension';
COMMENT ON COLUMN voucher.currency.recorded_by IS 'the session''s user that last wrote it';
COMMENT ON COLUMN voucher.currency.recorded_at IS 'when it was last written';

INSERT INTO voucher.currency (currency, minor_digits, shipped)
SELECT code, 2, true
FROM pg_catalog.unnest('{AED,AUD,BRL,CAD,CHF,CNY,CZK,DKK,EUR,GBP,HKD,IDR,ILS,INR,MOP,MXN,MYR,NOK,NZD,PHP,PLN,RON,RUB,SAR,SEK,SGD,THB,TRY,TWD,USD,ZAR}'::pg_catalog.text[]) AS code
UNION ALL
SELECT code, 0, true FROM pg_catalog.unnest('{CLP,ISK,JPY,KRW,VND}'::pg_catalog.text[]) AS code
UNION ALL
SELECT code, 3, true FROM pg_catalog.unnest('{BHD,JOD,KWD,OMR,TND}'::pg_catalog.text[]) AS code;

CREATE TABLE voucher.order_type (
    order_type text COLLATE "C" NOT NULL,
    shipped    boolean NOT NULL DEFAULT false,
    recorded_by text COLLATE "C" NOT NULL DEFAULT session_user,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    CONSTRAINT order_type_pkey PRIMARY KEY (order_type),
    CONSTRAINT order_type_name_check CHECK (order_type OPERATOR(pg_catalog.~) '^[a-z0-9_]{1,63}$')
);
SELECT pg_catalog.pg_extension_config_dump('voucher.order_type', 'WHERE NOT shipped');
COMMENT ON TABLE voucher.order_type IS 'what an order line does: purchase, renewal, upgrade …; add your own';
COMMENT ON COLUMN voucher.order_type.shipped IS 'true for the rows that come with the extension';
COMMENT ON COLUMN voucher.order_type.recorded_by IS 'the session''s user that last wrote it';
COMMENT ON COLUMN voucher.order_type.recorded_at IS 'when it was last written';

INSERT INTO voucher.order_type (order_type, shipped)
SELECT name, true
FROM pg_catalog.unnest('{purchase,renewal,upgrade,downgrade,os_change,trial_conversion,usage}'::pg_catalog.text[]) AS name;

CREATE TABLE voucher.product (
    product   text COLLATE "C" NOT NULL,
    title     text,
    universal boolean NOT NULL DEFAULT true,
    reason      text,
    actor       text,
    recorded_by text COLLATE "C" NOT NULL DEFAULT session_user,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    CONSTRAINT product_pkey PRIMARY KEY (product),
    CONSTRAINT product_path_check CHECK (product OPERATOR(pg_catalog.~) '^[a-z0-9_-]+([.][a-z0-9_-]+)*$'
                                         AND pg_catalog.octet_length(product) <= 255)
);
SELECT pg_catalog.pg_extension_config_dump('voucher.product', '');
COMMENT ON TABLE voucher.product IS 'products, as dotted paths; a line''s product must be one of them or lie below one';
COMMENT ON COLUMN voucher.product.universal IS 'false: no universal scope (*) covers it or what lies below it';
COMMENT ON COLUMN voucher.product.reason IS 'why it was last changed, as the caller says';
COMMENT ON COLUMN voucher.product.actor IS 'who last changed it, as the caller says';
COMMENT ON COLUMN voucher.product.recorded_by IS 'the session''s user that last wrote it';
COMMENT ON COLUMN voucher.product.recorded_at IS 'when it was last written';

CREATE TABLE voucher.campaign (
    campaign  text COLLATE "C" NOT NULL,
    title     text,
    claimable tstzrange NOT NULL DEFAULT '(,)',
    reason      text,
    actor       text,
    recorded_by text COLLATE "C" NOT NULL DEFAULT session_user,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    CONSTRAINT campaign_pkey PRIMARY KEY (campaign),
    CONSTRAINT campaign_name_check CHECK (campaign OPERATOR(pg_catalog.<>) ''),
    CONSTRAINT campaign_claimable_half_open CHECK (NOT pg_catalog.isempty(claimable) AND NOT pg_catalog.upper_inc(claimable)
                                         AND (pg_catalog.lower_inc(claimable) OR pg_catalog.lower_inf(claimable)))
);
SELECT pg_catalog.pg_extension_config_dump('voucher.campaign', '');
COMMENT ON TABLE voucher.campaign IS 'campaigns: templates that are handed out together, such as a bundle of coupons';
COMMENT ON COLUMN voucher.campaign.claimable IS 'when its templates can be claimed: half-open [from, to)';
COMMENT ON COLUMN voucher.campaign.reason IS 'why, as the caller says';
COMMENT ON COLUMN voucher.campaign.actor IS 'who did it, as the caller says';
COMMENT ON COLUMN voucher.campaign.recorded_by IS 'the session''s user that last wrote it';
COMMENT ON COLUMN voucher.campaign.recorded_at IS 'when it was last written';

CREATE TABLE voucher.invitation (
    account_id text COLLATE "C" NOT NULL,
    campaign   text COLLATE "C" NOT NULL,
    invited_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    reason      text,
    actor       text,
    recorded_by text COLLATE "C" NOT NULL DEFAULT session_user,
    CONSTRAINT invitation_pkey PRIMARY KEY (account_id, campaign),
    CONSTRAINT invitation_campaign_fkey FOREIGN KEY (campaign) REFERENCES voucher.campaign
);
SELECT pg_catalog.pg_extension_config_dump('voucher.invitation', '');
COMMENT ON TABLE voucher.invitation IS 'accounts notified of (invited to) a campaign';
COMMENT ON COLUMN voucher.invitation.reason IS 'why, as the caller says';
COMMENT ON COLUMN voucher.invitation.actor IS 'who did it, as the caller says';
COMMENT ON COLUMN voucher.invitation.recorded_by IS 'the session''s user that wrote it';

CREATE FUNCTION voucher.normalize_promo_code(text) RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION voucher.normalize_promo_code(text) IS 'a promo code as it is kept and compared: upper case, without separators';

CREATE TABLE voucher.template (
    template_id    bigint GENERATED BY DEFAULT AS IDENTITY,
    name           text COLLATE "C" NOT NULL,
    kind           text COLLATE "C" NOT NULL,
    campaign       text COLLATE "C",
    currency       text COLLATE "C" NOT NULL,
    face_value     voucher.amount,
    discount_rate  numeric(9,8),
    maximum        voucher.amount,
    threshold      voucher.amount NOT NULL DEFAULT 0,
    scope          voucher.scope NOT NULL,
    payment_type   text COLLATE "C",
    first_purchase boolean NOT NULL DEFAULT false,
    min_duration   interval,
    max_duration   interval,
    uses           integer,
    per_account    integer,
    audience       text COLLATE "C" NOT NULL DEFAULT 'everyone',
    valid          tstzrange NOT NULL DEFAULT '(,)',
    valid_for      interval,
    valid_from     text COLLATE "C" NOT NULL DEFAULT 'activation',
    time_zone      text COLLATE "C" NOT NULL DEFAULT 'UTC',
    refund_policy  text COLLATE "C" NOT NULL DEFAULT 'forfeit',
    promo_code     text COLLATE "C",
    created_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),
    regions        text[] COLLATE "C",
    tags           jsonb,
    effect         text COLLATE "C",
    reduces        boolean NOT NULL GENERATED ALWAYS AS (COALESCE(effect OPERATOR(pg_catalog.=) 'reduction', kind OPERATOR(pg_catalog.<>) 'voucher')) STORED,
    threshold_after  boolean NOT NULL DEFAULT false,
    threshold_strict boolean NOT NULL DEFAULT false,
    priority       integer NOT NULL DEFAULT 0,
    excludes       text[] COLLATE "C" NOT NULL DEFAULT '{}',
    refund_within  interval,
    transferable   boolean NOT NULL DEFAULT false,
    shareable      boolean NOT NULL DEFAULT false,
    reason      text,
    actor       text,
    recorded_by text COLLATE "C" NOT NULL DEFAULT session_user,
    CONSTRAINT template_pkey PRIMARY KEY (template_id),
    CONSTRAINT template_name_key UNIQUE (name),
    CONSTRAINT template_promo_code_key UNIQUE (promo_code),
    CONSTRAINT template_campaign_fkey FOREIGN KEY (campaign) REFERENCES voucher.campaign,
    CONSTRAINT template_currency_fkey FOREIGN KEY (currency) REFERENCES voucher.currency,
    CONSTRAINT template_name_check CHECK (name OPERATOR(pg_catalog.<>) ''),
    CONSTRAINT template_kind_check CHECK (kind OPERATOR(pg_catalog.=) ANY ('{voucher,coupon,promo_code}'::pg_catalog.text[])),
    CONSTRAINT template_value_check CHECK ((face_value IS NULL) OPERATOR(pg_catalog.<>) (discount_rate IS NULL)),
    CONSTRAINT template_face_value_check CHECK (face_value OPERATOR(voucher.>) 0),
    CONSTRAINT template_discount_rate_check CHECK (discount_rate OPERATOR(pg_catalog.>) 0 AND discount_rate OPERATOR(pg_catalog.<=) 1),
    CONSTRAINT template_voucher_has_face_value CHECK (kind OPERATOR(pg_catalog.<>) 'voucher' OR face_value IS NOT NULL
                                                        OR COALESCE(effect OPERATOR(pg_catalog.=) 'reduction', false)),
    CONSTRAINT template_effect_check CHECK (effect OPERATOR(pg_catalog.=) ANY ('{tender,reduction}'::pg_catalog.text[])),
    CONSTRAINT template_excludes_check CHECK (excludes OPERATOR(pg_catalog.<@) '{voucher,coupon,promo_code}'::pg_catalog.text[]),
    CONSTRAINT template_maximum_check CHECK (maximum OPERATOR(voucher.>) 0),
    CONSTRAINT template_threshold_check CHECK (threshold OPERATOR(voucher.>=) 0),
    CONSTRAINT template_payment_type_check CHECK (payment_type OPERATOR(pg_catalog.=) ANY ('{subscription,pay_as_you_go}'::pg_catalog.text[])),
    CONSTRAINT template_duration_check CHECK (min_duration OPERATOR(pg_catalog.>=) '0' AND max_duration OPERATOR(pg_catalog.>=) '0'
                                              AND min_duration OPERATOR(pg_catalog.<=) max_duration),
    CONSTRAINT template_uses_check CHECK (uses OPERATOR(pg_catalog.>) 0),
    CONSTRAINT template_per_account_check CHECK (per_account OPERATOR(pg_catalog.>) 0),
    CONSTRAINT template_audience_check CHECK (audience OPERATOR(pg_catalog.=) 'everyone'
                                              OR audience OPERATOR(pg_catalog.=) 'invited' AND campaign IS NOT NULL),
    CONSTRAINT template_valid_half_open CHECK (NOT pg_catalog.isempty(valid) AND NOT pg_catalog.upper_inc(valid)
                                         AND (pg_catalog.lower_inc(valid) OR pg_catalog.lower_inf(valid))),
    -- as far as the times that calls are given: what is issued expires at a timestamp
    CONSTRAINT template_valid_years CHECK ((pg_catalog.lower(valid) OPERATOR(pg_catalog.>=) '0001-01-01 00:00+00' OR pg_catalog.lower(valid) OPERATOR(pg_catalog.=) '-infinity') IS NOT FALSE
                                           AND (pg_catalog.upper(valid) OPERATOR(pg_catalog.<=) '10000-01-01 00:00+00' OR pg_catalog.upper(valid) OPERATOR(pg_catalog.=) 'infinity') IS NOT FALSE),
    CONSTRAINT template_valid_for_check CHECK (valid_for OPERATOR(pg_catalog.>) '0' AND valid_for OPERATOR(pg_catalog.<=) '1000 years'),
    CONSTRAINT template_valid_from_check CHECK (valid_from OPERATOR(pg_catalog.=) ANY ('{issue,activation}'::pg_catalog.text[])),
    CONSTRAINT template_refund_policy_check CHECK (refund_policy OPERATOR(pg_catalog.=) ANY ('{forfeit,return_if_undelivered,return_within,prorata}'::pg_catalog.text[])),
    CONSTRAINT template_refund_within_check CHECK ((refund_policy OPERATOR(pg_catalog.=) 'return_within') OPERATOR(pg_catalog.=) (refund_within IS NOT NULL)
                                                   AND refund_within OPERATOR(pg_catalog.>) '0' IS NOT FALSE),
    CONSTRAINT template_promo_code_check CHECK ((kind OPERATOR(pg_catalog.=) 'promo_code') OPERATOR(pg_catalog.=) (promo_code IS NOT NULL)),
    CONSTRAINT template_transferable_check CHECK (NOT transferable OR promo_code IS NULL),
    CONSTRAINT template_shareable_check CHECK (NOT shareable OR kind OPERATOR(pg_catalog.=) 'voucher' AND face_value IS NOT NULL),
    CONSTRAINT template_promo_code_absolute CHECK (promo_code IS NULL OR valid_for IS NULL),
    CONSTRAINT template_promo_code_normal CHECK (promo_code OPERATOR(pg_catalog.<>) ''
                                                 AND promo_code OPERATOR(pg_catalog.=) voucher.normalize_promo_code(promo_code)),
    CONSTRAINT template_regions_check CHECK (pg_catalog.cardinality(regions) OPERATOR(pg_catalog.>) 0
                                             AND pg_catalog.array_position(regions, NULL) IS NULL),
    CONSTRAINT template_tags_check CHECK (pg_catalog.jsonb_typeof(tags) OPERATOR(pg_catalog.=) 'object'
                                          AND tags OPERATOR(pg_catalog.<>) '{}')
);
SELECT pg_catalog.pg_extension_config_dump('voucher.template', '');
SELECT pg_catalog.pg_extension_config_dump('voucher.template_template_id_seq', '');
CREATE INDEX template_campaign_idx ON voucher.template (campaign);
CREATE INDEX template_scope_idx ON voucher.template USING gin (scope);
COMMENT ON TABLE voucher.template IS 'what is issued: the rules of a voucher, coupon or promo code; a written row never changes';
COMMENT ON COLUMN voucher.template.kind IS 'voucher, coupon or promo_code';
COMMENT ON COLUMN voucher.template.campaign IS 'the campaign it is claimed with; also whom an invitation covers';
COMMENT ON COLUMN voucher.template.face_value IS 'stored value of a voucher, or what a coupon or promo code takes off; or discount_rate';
COMMENT ON COLUMN voucher.template.discount_rate IS 'share of the eligible lines that is taken off: 0.25 = pay 75 %';
COMMENT ON COLUMN voucher.template.maximum IS 'the most that one order gets from it; null: no maximum';
COMMENT ON COLUMN voucher.template.threshold IS 'least sum of the eligible lines'' list prices for it to apply (>=)';
COMMENT ON COLUMN voucher.template.scope IS 'products and order types that it covers';
COMMENT ON COLUMN voucher.template.payment_type IS 'subscription or pay_as_you_go; null: both';
COMMENT ON COLUMN voucher.template.first_purchase IS 'lines of order type purchase must be the account''s first of that product; other order types that the scope covers are not affected';
COMMENT ON COLUMN voucher.template.min_duration IS 'shortest duration of a line that it covers; null: any';
COMMENT ON COLUMN voucher.template.max_duration IS 'longest duration of a line that it covers; null: any';
COMMENT ON COLUMN voucher.template.uses IS 'orders that one instrument can serve; null: until its balance is used up';
COMMENT ON COLUMN voucher.template.per_account IS 'how many of it one account can get; null: any number; create_template writes 1 for a campaign''s coupon unless told';
COMMENT ON COLUMN voucher.template.audience IS 'everyone, or invited: only accounts invited to its campaign may claim or type it';
COMMENT ON COLUMN voucher.template.valid IS 'absolute validity, half-open [effective, expiry)';
COMMENT ON COLUMN voucher.template.valid_for IS 'relative validity, counted from valid_from in time_zone; cut to valid';
COMMENT ON COLUMN voucher.template.valid_from IS 'what valid_for counts from: activation (also claim or grant), or issue of the code';
COMMENT ON COLUMN voucher.template.time_zone IS 'the zone in which valid_for counts days and months';
COMMENT ON COLUMN voucher.template.refund_policy IS 'what a refund does with the part it paid: forfeit, return_if_undelivered (only cancel returns it), return_within (refund_within) or prorata';
COMMENT ON COLUMN voucher.template.refund_within IS 'return_within: how long after the settlement a refund returns the part it paid';
COMMENT ON COLUMN voucher.template.promo_code IS 'the public word of a promo code, normalised';
COMMENT ON COLUMN voucher.template.regions IS 'regions of the lines that it covers; null: any, and lines without one';
COMMENT ON COLUMN voucher.template.tags IS 'resource tags, each with its value, that a line must have for it to cover it; null: none';
COMMENT ON COLUMN voucher.template.transferable IS 'may an account pass it on to another, once and unused';
COMMENT ON COLUMN voucher.template.shareable IS 'may an account share it with others, which then draw on its balance';
COMMENT ON COLUMN voucher.template.effect IS 'tender (pays what is due; the price stays) or reduction (lowers the price); null: a voucher is a tender, a coupon or promo code a reduction';
COMMENT ON COLUMN voucher.template.reduces IS 'true if its effect is reduction';
COMMENT ON COLUMN voucher.template.threshold_after IS 'the threshold looks at what earlier reductions leave of the eligible lines, not at their list prices';
COMMENT ON COLUMN voucher.template.threshold_strict IS 'the eligible lines must come to more than the threshold, not to as much';
COMMENT ON COLUMN voucher.template.priority IS 'lower first, under a deduction policy that sorts by it';
COMMENT ON COLUMN voucher.template.excludes IS 'kinds of which it does not go with another one in one order: voucher, coupon, promo_code';
COMMENT ON COLUMN voucher.template.reason IS 'why, as the caller says';
COMMENT ON COLUMN voucher.template.actor IS 'who did it, as the caller says';
COMMENT ON COLUMN voucher.template.recorded_by IS 'the session''s user that wrote it';

-- ---------------------------------------------------------------------------
-- Deduction policies: which vouchers pay first
-- ---------------------------------------------------------------------------

CREATE TABLE voucher.policy (
    policy             text COLLATE "C" NOT NULL,
    vouchers_per_order integer,
    sort               text[] COLLATE "C" NOT NULL,
    charges            text[] COLLATE "C" NOT NULL DEFAULT '{}',
    shipped            boolean NOT NULL DEFAULT false,
    recorded_by text COLLATE "C" NOT NULL DEFAULT session_user,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    CONSTRAINT policy_pkey PRIMARY KEY (policy),
    CONSTRAINT policy_name_check CHECK (policy OPERATOR(pg_catalog.<>) '' AND pg_catalog.octet_length(policy) <= 255),
    CONSTRAINT policy_vouchers_check CHECK (vouchers_per_order OPERATOR(pg_catalog.>) 0),
    CONSTRAINT policy_sort_check CHECK (
        sort OPERATOR(pg_catalog.<@) '{deductible_desc,balance_desc,balance_asc,expiry_asc,issued_asc,start_asc,priority_asc,restricted_first,single_product_first,fewest_products}'::pg_catalog.text[]
        AND pg_catalog.cardinality(sort) BETWEEN 0 AND 10 AND COALESCE(pg_catalog.array_ndims(sort), 1) OPERATOR(pg_catalog.=) 1),
    CONSTRAINT policy_charges_check CHECK (
        charges OPERATOR(pg_catalog.<@) '{amount_desc,amount_asc,line_asc}'::pg_catalog.text[]
        AND pg_catalog.cardinality(charges) BETWEEN 0 AND 3 AND COALESCE(pg_catalog.array_ndims(charges), 1) OPERATOR(pg_catalog.=) 1)
);
SELECT pg_catalog.pg_extension_config_dump('voucher.policy', 'WHERE NOT shipped');
COMMENT ON TABLE voucher.policy IS 'deduction policies: how many vouchers an order takes, and in which order; add your own; a written row never changes';
COMMENT ON COLUMN voucher.policy.vouchers_per_order IS 'the most vouchers that one order takes; null: any number';
COMMENT ON COLUMN voucher.policy.sort IS 'what vouchers are sorted by: the first key that differs decides, last the lower id';
COMMENT ON COLUMN voucher.policy.charges IS 'the order in which a voucher pays the lines, each in full before the next, last the lower line number; empty: all lines in proportion';
COMMENT ON COLUMN voucher.policy.shipped IS 'true for the rows that come with the extension';
COMMENT ON COLUMN voucher.policy.recorded_by IS 'the session''s user that wrote it';
COMMENT ON COLUMN voucher.policy.recorded_at IS 'when it was written';

INSERT INTO voucher.policy (policy, vouchers_per_order, sort, charges, shipped) VALUES
    ('largest',    1,    '{deductible_desc,balance_desc,expiry_asc,issued_asc}',    '{}',            true),
    ('alibaba',    1,    '{balance_desc,expiry_asc,issued_asc}',                    '{}',            true),
    ('tencent',    NULL, '{expiry_asc,deductible_desc,balance_asc}',                '{}',            true),
    ('huawei',     NULL, '{restricted_first,expiry_asc}',                           '{}',            true),
    ('baidu',      NULL, '{single_product_first,expiry_asc,balance_asc}',           '{}',            true),
    ('aws',        NULL, '{expiry_asc,fewest_products,issued_asc}',                 '{amount_desc}', true),
    ('metronome',  NULL, '{priority_asc,fewest_products,expiry_asc,start_asc}',     '{}',            true),
    ('openmeter',  NULL, '{priority_asc,expiry_asc,issued_asc}',                    '{}',            true);

-- Ships empty: a shipped row that is changed would not be dumped.
CREATE TABLE voucher.default_policy (
    payment_type text COLLATE "C" NOT NULL,
    policy       text COLLATE "C" NOT NULL,
    recorded_by text COLLATE "C" NOT NULL DEFAULT session_user,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    CONSTRAINT default_policy_pkey PRIMARY KEY (payment_type),
    CONSTRAINT default_policy_payment_type_check CHECK (payment_type OPERATOR(pg_catalog.=) ANY ('{subscription,pay_as_you_go}'::pg_catalog.text[])),
    CONSTRAINT default_policy_policy_fkey FOREIGN KEY (policy) REFERENCES voucher.policy
);
SELECT pg_catalog.pg_extension_config_dump('voucher.default_policy', '');
COMMENT ON TABLE voucher.default_policy IS 'the deduction policy of orders of a payment type that name none; without a row a subscription has largest, a pay-as-you-go bill tencent';
COMMENT ON COLUMN voucher.default_policy.recorded_by IS 'the session''s user that last wrote it';
COMMENT ON COLUMN voucher.default_policy.recorded_at IS 'when it was last written';

-- ---------------------------------------------------------------------------
-- Each session keeps the catalogue in memory.  A change sends every session
-- the message that its copy is stale; ALWAYS, so that rows applied by logical
-- replication send it too.
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.catalog_changed() RETURNS trigger
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.catalog_changed() IS 'trigger: makes every session read the catalogue anew';

CREATE TRIGGER t9_changed AFTER INSERT OR UPDATE OR DELETE ON voucher.currency
    FOR EACH ROW EXECUTE FUNCTION voucher.catalog_changed();
CREATE TRIGGER t9_changed AFTER INSERT OR UPDATE OR DELETE ON voucher.order_type
    FOR EACH ROW EXECUTE FUNCTION voucher.catalog_changed();
CREATE TRIGGER t9_changed AFTER INSERT OR UPDATE OR DELETE ON voucher.product
    FOR EACH ROW EXECUTE FUNCTION voucher.catalog_changed();
CREATE TRIGGER t9_changed AFTER INSERT OR UPDATE OR DELETE ON voucher.template
    FOR EACH ROW EXECUTE FUNCTION voucher.catalog_changed();
CREATE TRIGGER t9_changed AFTER INSERT OR UPDATE OR DELETE ON voucher.policy
    FOR EACH ROW EXECUTE FUNCTION voucher.catalog_changed();
CREATE TRIGGER t9_changed AFTER INSERT OR UPDATE OR DELETE ON voucher.default_policy
    FOR EACH ROW EXECUTE FUNCTION voucher.catalog_changed();
ALTER TABLE voucher.currency ENABLE ALWAYS TRIGGER t9_changed;
ALTER TABLE voucher.order_type ENABLE ALWAYS TRIGGER t9_changed;
ALTER TABLE voucher.product ENABLE ALWAYS TRIGGER t9_changed;
ALTER TABLE voucher.template ENABLE ALWAYS TRIGGER t9_changed;
ALTER TABLE voucher.policy ENABLE ALWAYS TRIGGER t9_changed;
ALTER TABLE voucher.default_policy ENABLE ALWAYS TRIGGER t9_changed;

-- Shipped rows that somebody changes, or writes anew, are that somebody's.
CREATE FUNCTION voucher.own_row() RETURNS trigger
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.own_row() IS 'trigger: a row that somebody writes takes the place of the shipped one and is not shipped, so that a dump carries it';
CREATE TRIGGER t1_own BEFORE INSERT OR UPDATE ON voucher.currency
    FOR EACH ROW EXECUTE FUNCTION voucher.own_row();
CREATE TRIGGER t1_own BEFORE INSERT OR UPDATE ON voucher.order_type
    FOR EACH ROW EXECUTE FUNCTION voucher.own_row();
CREATE TRIGGER t1_own BEFORE INSERT ON voucher.policy
    FOR EACH ROW EXECUTE FUNCTION voucher.own_row();

-- Who changed a row, of the tables whose rows may change.
CREATE FUNCTION voucher.record_change() RETURNS trigger
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.record_change() IS 'trigger: a changed row says who changed it, and when';
CREATE TRIGGER t1_recorded BEFORE UPDATE ON voucher.currency
    FOR EACH ROW EXECUTE FUNCTION voucher.record_change();
CREATE TRIGGER t1_recorded BEFORE UPDATE ON voucher.order_type
    FOR EACH ROW EXECUTE FUNCTION voucher.record_change();
CREATE TRIGGER t1_recorded BEFORE UPDATE ON voucher.product
    FOR EACH ROW EXECUTE FUNCTION voucher.record_change();
CREATE TRIGGER t1_recorded BEFORE UPDATE ON voucher.campaign
    FOR EACH ROW EXECUTE FUNCTION voucher.record_change();
CREATE TRIGGER t1_recorded BEFORE UPDATE ON voucher.default_policy
    FOR EACH ROW EXECUTE FUNCTION voucher.record_change();

CREATE FUNCTION voucher.refuse_digits() RETURNS trigger
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.refuse_digits() IS 'trigger: a currency gets no further decimals once there are accounts in it';
CREATE TRIGGER t2_refuse AFTER UPDATE ON voucher.currency
    FOR EACH ROW WHEN (NEW.minor_digits OPERATOR(pg_catalog.>) OLD.minor_digits) EXECUTE FUNCTION voucher.refuse_digits();

-- ---------------------------------------------------------------------------
-- Writing the catalogue
-- ---------------------------------------------------------------------------

-- What would change nothing is not written: the row goes on saying who made it what it is.
CREATE FUNCTION voucher.register_product(
    product   text,
    title     text DEFAULT NULL,
    universal boolean DEFAULT true,
    reason    text DEFAULT NULL,
    actor     text DEFAULT NULL)
    RETURNS void
    LANGUAGE sql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $$
    INSERT INTO voucher.product AS p (product, title, universal, reason, actor)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT ON CONSTRAINT product_pkey
    DO UPDATE SET title = COALESCE(EXCLUDED.title, p.title), universal = EXCLUDED.universal, reason = EXCLUDED.reason, actor = EXCLUDED.actor
    WHERE p.universal <> EXCLUDED.universal OR p.title IS DISTINCT FROM COALESCE(EXCLUDED.title, p.title)
$$;
COMMENT ON FUNCTION voucher.register_product(text, text, boolean, text, text)
    IS 'adds a product to the catalogue, or changes its title and whether universal vouchers cover it';

CREATE FUNCTION voucher.create_campaign(
    campaign  text,
    title     text DEFAULT NULL,
    claimable tstzrange DEFAULT '(,)',
    reason    text DEFAULT NULL,
    actor     text DEFAULT NULL)
    RETURNS void
    AS 'MODULE_PATHNAME', 'voucher_create_campaign' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.create_campaign(text, text, tstzrange, text, text)
    IS 'adds a campaign; one with the same contents that is there already stays';

CREATE FUNCTION voucher.invite(
    account_id text,
    campaign   text,
    reason     text DEFAULT NULL,
    actor      text DEFAULT NULL)
    RETURNS void
    AS 'MODULE_PATHNAME', 'voucher_invite' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.invite(text, text, text, text) IS 'invites an account to a campaign; inviting twice changes nothing';
