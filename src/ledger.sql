-- ---------------------------------------------------------------------------
-- ledger: three balances, each the sum of its entries
--
--   account.balance         cash                <- cash_entry
--   instrument.balance      value of a voucher  <- entry
--   settlement.invoiceable  what an invoice may still show  <- settlement_entry
--
-- An entry carries the version and the balance after it.  Inserting it moves
-- the balance (t1_apply), and nothing else can (t2_protect): whoever writes,
-- balances and entries agree.
--
-- A row that holds a balance refers to an entry of its own.  This also makes
-- pg_dump write entries before balances, so that a restore, during which the
-- triggers are live, finds the entries there and t3_open can hold the balance
-- against all of them.
-- ---------------------------------------------------------------------------

CREATE TABLE voucher.cash_entry (
    account_id  text COLLATE "C" NOT NULL,
    currency    text COLLATE "C" NOT NULL,
    version     integer NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    amount      voucher.amount NOT NULL,
    balance     voucher.amount NOT NULL,
    at          timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    order_id    text COLLATE "C",
    request_id  text COLLATE "C",
    reason      text,
    CONSTRAINT cash_entry_pkey PRIMARY KEY (account_id, currency, version),
    CONSTRAINT cash_entry_kind_check CHECK (kind OPERATOR(pg_catalog.=) ANY ('{open,deposit,settle,refund}'::pg_catalog.text[])),
    CONSTRAINT cash_entry_balance_check CHECK (balance OPERATOR(voucher.>=) 0),
    CONSTRAINT cash_entry_version_check CHECK (version OPERATOR(pg_catalog.>) 0)
);
SELECT pg_catalog.pg_extension_config_dump('voucher.cash_entry', '');
CREATE UNIQUE INDEX cash_entry_request_key ON voucher.cash_entry (account_id, request_id) WHERE request_id IS NOT NULL;
COMMENT ON TABLE voucher.cash_entry IS 'every movement of an account''s cash; never changed, never deleted';
COMMENT ON COLUMN voucher.cash_entry.version IS 'its place among the account''s entries: 1, 2, 3 …';
COMMENT ON COLUMN voucher.cash_entry.amount IS 'what it adds to the balance; negative: takes off';
COMMENT ON COLUMN voucher.cash_entry.balance IS 'the balance after it';
COMMENT ON COLUMN voucher.cash_entry.at IS 'when it happened, as the caller says';
COMMENT ON COLUMN voucher.cash_entry.recorded_at IS 'when it was written';
COMMENT ON COLUMN voucher.cash_entry.request_id IS 'the caller''s key: the same request is recorded once';

CREATE TABLE voucher.account (
    account_id  text COLLATE "C" NOT NULL,
    currency    text COLLATE "C" NOT NULL,
    balance     voucher.amount NOT NULL,
    version     integer NOT NULL,
    first_entry integer NOT NULL DEFAULT 1,
    CONSTRAINT account_pkey PRIMARY KEY (account_id, currency),
    CONSTRAINT account_currency_fkey FOREIGN KEY (currency) REFERENCES voucher.currency,
    CONSTRAINT account_first_entry_fkey FOREIGN KEY (account_id, currency, first_entry)
        REFERENCES voucher.cash_entry (account_id, currency, version),
    CONSTRAINT account_id_check CHECK (account_id OPERATOR(pg_catalog.<>) ''),
    CONSTRAINT account_balance_check CHECK (balance OPERATOR(voucher.>=) 0),
    CONSTRAINT account_first_entry_check CHECK (first_entry OPERATOR(pg_catalog.=) 1)
) WITH (fillfactor = 70);
SELECT pg_catalog.pg_extension_config_dump('voucher.account', '');
COMMENT ON TABLE voucher.account IS 'an account''s cash in one currency; every verb that moves the account''s money in it locks this row first';
COMMENT ON COLUMN voucher.account.balance IS 'the sum of its cash entries';
COMMENT ON COLUMN voucher.account.version IS 'the number of its cash entries';
COMMENT ON COLUMN voucher.account.first_entry IS 'its opening entry, always 1: no balance without entries';

CREATE TABLE voucher.entry (
    account_id    text COLLATE "C" NOT NULL,
    instrument_id bigint NOT NULL,
    version       integer NOT NULL,
    uses          integer NOT NULL,
    amount        voucher.amount NOT NULL,
    balance       voucher.amount NOT NULL,
    at            timestamptz NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    used          integer NOT NULL,
    kind          text COLLATE "C" NOT NULL,
    order_id      text COLLATE "C",
    request_id    text COLLATE "C",
    reason        text,
    CONSTRAINT entry_pkey PRIMARY KEY (account_id, instrument_id, version),
    CONSTRAINT entry_kind_check CHECK (kind OPERATOR(pg_catalog.=) ANY ('{issue,settle,freeze,unfreeze}'::pg_catalog.text[])),
    CONSTRAINT entry_balance_check CHECK (balance OPERATOR(voucher.>=) 0 AND used OPERATOR(pg_catalog.>=) 0),
    CONSTRAINT entry_version_check CHECK (version OPERATOR(pg_catalog.>) 0)
);
SELECT pg_catalog.pg_extension_config_dump('voucher.entry', '');
CREATE UNIQUE INDEX entry_request_key ON voucher.entry (account_id, request_id) WHERE request_id IS NOT NULL;
COMMENT ON TABLE voucher.entry IS 'every movement of a voucher''s, coupon''s or promo code''s balance and uses; never changed, never deleted';
COMMENT ON COLUMN voucher.entry.version IS 'its place among the instrument''s entries: 1, 2, 3 …';
COMMENT ON COLUMN voucher.entry.uses IS 'what it adds to the number of orders served';
COMMENT ON COLUMN voucher.entry.amount IS 'what it adds to the balance; negative: takes off';
COMMENT ON COLUMN voucher.entry.balance IS 'the balance after it';
COMMENT ON COLUMN voucher.entry.used IS 'the number of orders served after it';
COMMENT ON COLUMN voucher.entry.at IS 'when it happened, as the caller says';
COMMENT ON COLUMN voucher.entry.recorded_at IS 'when it was written';
COMMENT ON COLUMN voucher.entry.request_id IS 'the caller''s key: the same request is recorded once';

CREATE TABLE voucher.instrument (
    account_id    text COLLATE "C" NOT NULL,
    instrument_id bigint GENERATED BY DEFAULT AS IDENTITY,
    template_id   bigint NOT NULL,
    ordinal       integer NOT NULL,
    version       integer NOT NULL,
    currency      text COLLATE "C" NOT NULL,
    face_value    voucher.amount,
    balance       voucher.amount NOT NULL,
    used          integer NOT NULL,
    max_uses      integer,
    validity      tstzrange NOT NULL,
    issued_at     timestamptz NOT NULL,
    frozen        boolean NOT NULL DEFAULT false,
    first_entry   integer NOT NULL DEFAULT 1,
    CONSTRAINT instrument_pkey PRIMARY KEY (account_id, instrument_id),
    CONSTRAINT instrument_ordinal_key UNIQUE (account_id, template_id, ordinal),
    CONSTRAINT instrument_account_fkey FOREIGN KEY (account_id, currency) REFERENCES voucher.account,
    CONSTRAINT instrument_template_fkey FOREIGN KEY (template_id) REFERENCES voucher.template,
    CONSTRAINT instrument_first_entry_fkey FOREIGN KEY (account_id, instrument_id, first_entry)
        REFERENCES voucher.entry (account_id, instrument_id, version),
    CONSTRAINT instrument_ordinal_check CHECK (ordinal OPERATOR(pg_catalog.>) 0),
    CONSTRAINT instrument_balance_check CHECK (balance OPERATOR(voucher.>=) 0
        AND balance OPERATOR(voucher.<=) COALESCE(face_value, 0::voucher.amount)),
    CONSTRAINT instrument_uses_check CHECK (used OPERATOR(pg_catalog.>=) 0 AND used OPERATOR(pg_catalog.<=) max_uses),
    CONSTRAINT instrument_validity_half_open CHECK (NOT pg_catalog.upper_inc(validity)
        AND (pg_catalog.lower_inc(validity) OR pg_catalog.lower_inf(validity)) AND NOT pg_catalog.isempty(validity)),
    CONSTRAINT instrument_first_entry_check CHECK (first_entry OPERATOR(pg_catalog.=) 1)
) WITH (fillfactor = 70);
SELECT pg_catalog.pg_extension_config_dump('voucher.instrument', '');
SELECT pg_catalog.pg_extension_config_dump('voucher.instrument_instrument_id_seq', '');
COMMENT ON TABLE voucher.instrument IS 'the vouchers and coupons of an account, and the promo codes it has used';
COMMENT ON COLUMN voucher.instrument.template_id IS 'its template: the rules';
COMMENT ON COLUMN voucher.instrument.ordinal IS 'it is the account''s n-th of this template; unique, and at most the template''s per_account';
COMMENT ON COLUMN voucher.instrument.version IS 'the number of its entries';
COMMENT ON COLUMN voucher.instrument.face_value IS 'stored value at issue; null where a discount rate decides';
COMMENT ON COLUMN voucher.instrument.balance IS 'the sum of its entries'' amounts';
COMMENT ON COLUMN voucher.instrument.used IS 'orders served: the sum of its entries'' uses; counted whether limited or not';
COMMENT ON COLUMN voucher.instrument.max_uses IS 'orders it can serve; null: until its balance is used up';
COMMENT ON COLUMN voucher.instrument.validity IS 'half-open [effective, expiry)';

CREATE TABLE voucher.invoice (
    account_id  text COLLATE "C" NOT NULL,
    invoice_id  text COLLATE "C" NOT NULL,
    currency    text COLLATE "C" NOT NULL,
    amount      voucher.amount NOT NULL,
    at          timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    CONSTRAINT invoice_pkey PRIMARY KEY (account_id, invoice_id),
    CONSTRAINT invoice_id_check CHECK (invoice_id OPERATOR(pg_catalog.<>) ''),
    CONSTRAINT invoice_amount_check CHECK (amount OPERATOR(voucher.>) 0)
);
SELECT pg_catalog.pg_extension_config_dump('voucher.invoice', '');
COMMENT ON TABLE voucher.invoice IS 'invoices; never changed: voiding one adds entries to its settlements';

CREATE TABLE voucher.settlement_entry (
    account_id  text COLLATE "C" NOT NULL,
    order_id    text COLLATE "C" NOT NULL,
    version     integer NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    amount      voucher.amount NOT NULL,
    invoiceable voucher.amount NOT NULL,
    requested   voucher.amount,
    refunded    voucher.amount NOT NULL,
    refunded_cash voucher.amount NOT NULL,
    at          timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    invoice_id  text COLLATE "C",
    request_id  text COLLATE "C",
    reason      text,
    CONSTRAINT settlement_entry_pkey PRIMARY KEY (account_id, order_id, version),
    CONSTRAINT settlement_entry_invoice_fkey FOREIGN KEY (account_id, invoice_id) REFERENCES voucher.invoice,
    CONSTRAINT settlement_entry_kind_check CHECK (
        kind OPERATOR(pg_catalog.=) 'refund' AND amount OPERATOR(voucher.<=) 0 AND requested OPERATOR(voucher.>) 0 AND requested IS NOT NULL AND invoice_id IS NULL
        OR kind OPERATOR(pg_catalog.=) 'invoice' AND amount OPERATOR(voucher.<) 0 AND requested IS NULL AND invoice_id IS NOT NULL AND invoiceable OPERATOR(voucher.>=) 0
        OR kind OPERATOR(pg_catalog.=) 'void' AND amount OPERATOR(voucher.>) 0 AND requested IS NULL AND invoice_id IS NOT NULL),
    CONSTRAINT settlement_entry_version_check CHECK (version OPERATOR(pg_catalog.>) 0)
);
SELECT pg_catalog.pg_extension_config_dump('voucher.settlement_entry', '');
CREATE UNIQUE INDEX settlement_entry_request_key ON voucher.settlement_entry (account_id, request_id) WHERE request_id IS NOT NULL;
CREATE UNIQUE INDEX settlement_entry_invoice_key ON voucher.settlement_entry (account_id, invoice_id, order_id, kind) WHERE invoice_id IS NOT NULL;
COMMENT ON TABLE voucher.settlement_entry IS 'what happened to a settlement afterwards: refunds, invoice lines and their voiding; never changed, never deleted';
COMMENT ON COLUMN voucher.settlement_entry.version IS 'its place among the settlement''s entries: 1, 2, 3 …';
COMMENT ON COLUMN voucher.settlement_entry.kind IS 'refund, invoice (a line of that invoice) or void (the line is taken back)';
COMMENT ON COLUMN voucher.settlement_entry.amount IS 'what it adds to the invoiceable amount; negative: takes off';
COMMENT ON COLUMN voucher.settlement_entry.invoiceable IS 'the invoiceable amount after it; negative after a refund of what was invoiced';
COMMENT ON COLUMN voucher.settlement_entry.requested IS 'refund: the part of the order''s total that is given back';
COMMENT ON COLUMN voucher.settlement_entry.refunded IS 'the sum of all requested so far';
COMMENT ON COLUMN voucher.settlement_entry.refunded_cash IS 'the cash paid back so far';

CREATE TABLE voucher.settlement (
    account_id     text COLLATE "C" NOT NULL,
    order_id       text COLLATE "C" NOT NULL,
    currency       text COLLATE "C" NOT NULL,
    payment_type   text COLLATE "C" NOT NULL,
    at             timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    gross          voucher.amount NOT NULL,
    discount       voucher.amount NOT NULL,
    rounding       voucher.amount NOT NULL,
    voucher        voucher.amount NOT NULL,
    cash           voucher.amount NOT NULL,
    invoiceable    voucher.amount NOT NULL,
    entry_version  integer,
    chosen_voucher text COLLATE "C" NOT NULL,
    chosen_coupon  text COLLATE "C" NOT NULL,
    promo_code     text COLLATE "C",
    line_no        integer[] NOT NULL,
    product        text[] COLLATE "C" NOT NULL,
    order_type     text[] COLLATE "C" NOT NULL,
    amount         voucher.amount[] NOT NULL,
    duration       interval[],
    instrument_id  bigint[] NOT NULL,
    paid           voucher.amount[] NOT NULL,
    share          voucher.amount[] NOT NULL,
    first_purchase text[] COLLATE "C",
    CONSTRAINT settlement_pkey PRIMARY KEY (account_id, order_id),
    CONSTRAINT settlement_entry_fkey FOREIGN KEY (account_id, order_id, entry_version)
        REFERENCES voucher.settlement_entry (account_id, order_id, version),
    CONSTRAINT settlement_order_id_check CHECK (order_id OPERATOR(pg_catalog.<>) ''),
    CONSTRAINT settlement_total_check CHECK (gross OPERATOR(voucher.=) (discount OPERATOR(voucher.+) rounding OPERATOR(voucher.+) voucher OPERATOR(voucher.+) cash)),
    CONSTRAINT settlement_sign_check CHECK (discount OPERATOR(voucher.>=) 0 AND rounding OPERATOR(voucher.>=) 0
                                            AND voucher OPERATOR(voucher.>=) 0 AND cash OPERATOR(voucher.>=) 0),
    CONSTRAINT settlement_invoiceable_check CHECK (entry_version IS NOT NULL OR invoiceable OPERATOR(voucher.=) cash)
);
SELECT pg_catalog.pg_extension_config_dump('voucher.settlement', '');
COMMENT ON TABLE voucher.settlement IS 'settled orders: what was ordered and who paid what; only the invoiceable amount moves afterwards';
COMMENT ON COLUMN voucher.settlement.at IS 'the order''s own time, which decided validity';
COMMENT ON COLUMN voucher.settlement.gross IS 'the sum of the lines'' list prices = discount + rounding + voucher + cash';
COMMENT ON COLUMN voucher.settlement.discount IS 'taken off by coupon and promo code';
COMMENT ON COLUMN voucher.settlement.rounding IS 'cut off below the minor unit';
COMMENT ON COLUMN voucher.settlement.voucher IS 'paid by vouchers';
COMMENT ON COLUMN voucher.settlement.cash IS 'paid from the cash balance';
COMMENT ON COLUMN voucher.settlement.invoiceable IS 'cash - refunds - what is invoiced';
COMMENT ON COLUMN voucher.settlement.entry_version IS 'the number of its settlement entries; null: none yet';
COMMENT ON COLUMN voucher.settlement.chosen_voucher IS 'what the caller asked for: auto, none, or an instrument''s id';
COMMENT ON COLUMN voucher.settlement.chosen_coupon IS 'what the caller asked for: auto, none, or an instrument''s id';
COMMENT ON COLUMN voucher.settlement.promo_code IS 'the promo code that the caller gave';
COMMENT ON COLUMN voucher.settlement.amount IS 'list price per line, in the order of line_no';
COMMENT ON COLUMN voucher.settlement.instrument_id IS 'the instruments used, in the order of deduction';
COMMENT ON COLUMN voucher.settlement.paid IS 'what each instrument took off or paid';
COMMENT ON COLUMN voucher.settlement.share IS 'share[i][j]: what instrument i gave to line j; each row adds up to paid[i]';
COMMENT ON COLUMN voucher.settlement.first_purchase IS 'products that the account bought for the first time with this order';

CREATE TABLE voucher.purchase (
    account_id text COLLATE "C" NOT NULL,
    product    text COLLATE "C" NOT NULL,
    order_id   text COLLATE "C",
    CONSTRAINT purchase_pkey PRIMARY KEY (account_id, product)
);
-- Rows with an order come from settlement.first_purchase, at a restore too.
SELECT pg_catalog.pg_extension_config_dump('voucher.purchase', 'WHERE order_id IS NULL');
COMMENT ON TABLE voucher.purchase IS 'products that an account has purchased';
COMMENT ON COLUMN voucher.purchase.order_id IS 'the first order; null: a purchase made before this extension kept the orders (record_purchase)';

-- ---------------------------------------------------------------------------
-- Triggers
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.apply_entry() RETURNS trigger AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.apply_entry() IS 'trigger: an entry moves the balance it belongs to; refuses one that is not the next';
CREATE FUNCTION voucher.open_balance() RETURNS trigger AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.open_balance() IS 'trigger: a new row''s balance must be what its entries add up to';
CREATE FUNCTION voucher.protect() RETURNS trigger AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.protect() IS 'trigger: refuses to change, delete or truncate; its arguments name the columns that only entries move';
CREATE FUNCTION voucher.record_first_purchase() RETURNS trigger AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.record_first_purchase() IS 'trigger: keeps which products an account has purchased';
CREATE FUNCTION voucher.check_per_account() RETURNS trigger AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.check_per_account() IS 'trigger: an account gets no more of a template than its per_account allows';

CREATE TRIGGER t1_apply AFTER INSERT ON voucher.cash_entry
    FOR EACH ROW EXECUTE FUNCTION voucher.apply_entry('cash');
CREATE TRIGGER t1_apply AFTER INSERT ON voucher.entry
    FOR EACH ROW EXECUTE FUNCTION voucher.apply_entry('instrument');
CREATE TRIGGER t1_apply AFTER INSERT ON voucher.settlement_entry
    FOR EACH ROW EXECUTE FUNCTION voucher.apply_entry('settlement');

CREATE TRIGGER t2_protect AFTER UPDATE ON voucher.account
    FOR EACH ROW EXECUTE FUNCTION voucher.protect('balance', 'version');
CREATE TRIGGER t2_protect AFTER UPDATE ON voucher.instrument
    FOR EACH ROW EXECUTE FUNCTION voucher.protect('balance', 'used', 'version', 'frozen');
CREATE TRIGGER t2_protect AFTER UPDATE ON voucher.settlement
    FOR EACH ROW EXECUTE FUNCTION voucher.protect('invoiceable', 'entry_version');
CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.cash_entry
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.entry
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.settlement_entry
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.invoice
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.template
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();

CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.account
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.instrument
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.settlement
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.cash_entry
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.entry
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.settlement_entry
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.invoice
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();

-- PostgreSQL has TRUNCATE triggers per statement only.
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.account
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.instrument
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.settlement
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.cash_entry
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.entry
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.settlement_entry
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.invoice
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();

CREATE TRIGGER t3_open AFTER INSERT ON voucher.account
    FOR EACH ROW EXECUTE FUNCTION voucher.open_balance('cash');
CREATE TRIGGER t3_open AFTER INSERT ON voucher.instrument
    FOR EACH ROW EXECUTE FUNCTION voucher.open_balance('instrument');
CREATE TRIGGER t3_open AFTER INSERT ON voucher.settlement
    FOR EACH ROW WHEN (NEW.entry_version IS NOT NULL)
    EXECUTE FUNCTION voucher.open_balance('settlement');

CREATE TRIGGER t4_per_account AFTER INSERT ON voucher.instrument
    FOR EACH ROW EXECUTE FUNCTION voucher.check_per_account();
CREATE TRIGGER t5_first_purchase AFTER INSERT ON voucher.settlement
    FOR EACH ROW WHEN (NEW.first_purchase IS NOT NULL)
    EXECUTE FUNCTION voucher.record_first_purchase();
