-- ---------------------------------------------------------------------------
-- ledger: three balances, each the sum of its entries
--
--   account.balance         cash                <- cash_entry
--   instrument.balance      value of a voucher  <- entry
--   settlement.invoiceable  what an invoice may still show  <- settlement_entry
--
-- Their columns begin alike, which the triggers rely on: a balance with
-- account, key, version, balance; an entry with account, key, version, kind,
-- amount, balance.
--
-- An entry carries the version and the balance after it.  Inserting it moves
-- the balance (t1_apply), and nothing else can (t2_protect): whoever writes,
-- balances and entries agree.
--
-- What must hold of a row of account, cash_entry, instrument, entry and
-- settlement is judged by their triggers, not by CHECK constraints: PostgreSQL
-- reads a CHECK from its text again in every statement, which cost a fifth of
-- a settlement's time (make bench).
--
-- A row that holds a balance refers to an entry of its own.  This also makes
-- pg_dump write entries before balances, so that a restore, during which the
-- triggers are live, finds the entries there and t3_open can hold the balance
-- against all of them.
--
-- An entry that a request made is found by table request, which its trigger
-- writes: a unique index on each table of entries would cost every settlement,
-- which has no request, and would not tell a request of one verb from one of
-- another.
-- ---------------------------------------------------------------------------

CREATE TABLE voucher.request (
    account_id text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    entries    text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    version    integer NOT NULL,
    CONSTRAINT request_pkey PRIMARY KEY (account_id, request_id)
);
-- Not dumped: a restore of the entries writes it again.
COMMENT ON TABLE voucher.request IS 'the entry that each request made; written by the entries'' triggers';
COMMENT ON COLUMN voucher.request.entries IS 'the table of the entry: cash_entry, entry or settlement_entry; claim: all entries of a claim';
COMMENT ON COLUMN voucher.request.key IS 'the entry''s currency, instrument or order; of a claim its campaign';
COMMENT ON COLUMN voucher.request.version IS 'the entry''s version';

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
    actor       text,
    recorded_by text COLLATE "C" NOT NULL DEFAULT session_user,
    CONSTRAINT cash_entry_pkey PRIMARY KEY (account_id, currency, version)
);
SELECT pg_catalog.pg_extension_config_dump('voucher.cash_entry', '');
COMMENT ON TABLE voucher.cash_entry IS 'every movement of an account''s cash; never changed, never deleted';
COMMENT ON COLUMN voucher.cash_entry.version IS 'its place among the account''s entries: 1, 2, 3 …';
COMMENT ON COLUMN voucher.cash_entry.amount IS 'what it adds to the balance; negative: takes off';
COMMENT ON COLUMN voucher.cash_entry.balance IS 'the balance after it';
COMMENT ON COLUMN voucher.cash_entry.at IS 'when it happened, as the caller says';
COMMENT ON COLUMN voucher.cash_entry.recorded_at IS 'when it was written';
COMMENT ON COLUMN voucher.cash_entry.request_id IS 'the caller''s key: the same request is recorded once';
COMMENT ON COLUMN voucher.cash_entry.actor IS 'who did it, as the caller says';
COMMENT ON COLUMN voucher.cash_entry.recorded_by IS 'the session''s user that wrote it';

CREATE TABLE voucher.account (
    account_id  text COLLATE "C" NOT NULL,
    currency    text COLLATE "C" NOT NULL,
    version     integer NOT NULL,
    balance     voucher.amount NOT NULL,
    epoch       bigint NOT NULL DEFAULT 0,
    first_entry integer NOT NULL DEFAULT 1,
    holds       integer NOT NULL DEFAULT 0,
    CONSTRAINT account_pkey PRIMARY KEY (account_id, currency),
    CONSTRAINT account_currency_fkey FOREIGN KEY (currency) REFERENCES voucher.currency,
    CONSTRAINT account_first_entry_fkey FOREIGN KEY (account_id, currency, first_entry)
        REFERENCES voucher.cash_entry (account_id, currency, version)
) WITH (fillfactor = 70);
SELECT pg_catalog.pg_extension_config_dump('voucher.account', '');
COMMENT ON TABLE voucher.account IS 'an account''s cash in one currency; every verb that moves anything of the account in it updates this row';
COMMENT ON COLUMN voucher.account.epoch IS 'counts the verbs on the account: what was planned at one epoch is written only if it still stands';
COMMENT ON COLUMN voucher.account.balance IS 'the sum of its cash entries';
COMMENT ON COLUMN voucher.account.version IS 'the number of its cash entries';
COMMENT ON COLUMN voucher.account.holds IS 'the number of the account''s unresolved holds, in all currencies; written by their trigger';
COMMENT ON COLUMN voucher.account.first_entry IS 'its opening entry, always 1: no balance without entries';

CREATE TABLE voucher.entry (
    account_id    text COLLATE "C" NOT NULL,
    instrument_id bigint NOT NULL,
    version       integer NOT NULL,
    kind          text COLLATE "C" NOT NULL,
    amount        voucher.amount NOT NULL,
    balance       voucher.amount NOT NULL,
    uses          integer NOT NULL,
    used          integer NOT NULL,
    at            timestamptz NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    order_id      text COLLATE "C",
    request_id    text COLLATE "C",
    reason        text,
    actor         text,
    extended      tstzrange,
    peer_account_id    text COLLATE "C",
    peer_instrument_id bigint,
    epoch         bigint,
    campaign      text COLLATE "C",
    recorded_by text COLLATE "C" NOT NULL DEFAULT session_user,
    CONSTRAINT entry_pkey PRIMARY KEY (account_id, instrument_id, version)
);
SELECT pg_catalog.pg_extension_config_dump('voucher.entry', '');
COMMENT ON TABLE voucher.entry IS 'every movement of a voucher''s, coupon''s or promo code''s balance and uses; never changed, never deleted';
COMMENT ON COLUMN voucher.entry.version IS 'its place among the instrument''s entries: 1, 2, 3 …';
COMMENT ON COLUMN voucher.entry.uses IS 'what it adds to the number of orders served';
COMMENT ON COLUMN voucher.entry.amount IS 'what it adds to the balance; negative: takes off';
COMMENT ON COLUMN voucher.entry.balance IS 'the balance after it';
COMMENT ON COLUMN voucher.entry.used IS 'the number of orders served after it';
COMMENT ON COLUMN voucher.entry.at IS 'when it happened, as the caller says';
COMMENT ON COLUMN voucher.entry.recorded_at IS 'when it was written';
COMMENT ON COLUMN voucher.entry.request_id IS 'the caller''s key: the same request is recorded once';
COMMENT ON COLUMN voucher.entry.order_id IS 'the order that it is of: the account''s own, but of a draw or give_back on a voucher that is shared, the peer''s';
COMMENT ON COLUMN voucher.entry.actor IS 'who did it, as the caller says';
COMMENT ON COLUMN voucher.entry.extended IS 'extend: from the expiry before it to the expiry after it';
COMMENT ON COLUMN voucher.entry.peer_account_id IS 'transfer, split, merge, draw, give_back: the account where the value went, or came from; share, unshare: the other account';
COMMENT ON COLUMN voucher.entry.peer_instrument_id IS 'transfer, split, merge, draw, give_back: the instrument where the value went, or came from; share, unshare: the other instrument';
COMMENT ON COLUMN voucher.entry.epoch IS 'the account''s epoch that the verb began, which orders all verbs of the account; null: not written by one';
COMMENT ON COLUMN voucher.entry.campaign IS 'the campaign that was claimed, of which all entries have the claim''s request; null: not issued by a claim';
COMMENT ON COLUMN voucher.entry.recorded_by IS 'the session''s user that wrote it';

CREATE TABLE voucher.instrument (
    account_id    text COLLATE "C" NOT NULL,
    instrument_id bigint GENERATED BY DEFAULT AS IDENTITY,
    version       integer NOT NULL,
    balance       voucher.amount NOT NULL,
    used          integer NOT NULL,
    frozen        boolean NOT NULL DEFAULT false,
    template_id   bigint NOT NULL,
    ordinal       integer,
    first_entry   integer NOT NULL DEFAULT 1,
    face_value    voucher.amount,
    issued_at     timestamptz NOT NULL,
    max_uses      integer,
    currency      text COLLATE "C" NOT NULL,
    validity      tstzrange NOT NULL,
    cancelled     boolean NOT NULL DEFAULT false,
    issued        boolean NOT NULL DEFAULT true,
    owner_account_id    text COLLATE "C",
    owner_instrument_id bigint,
    CONSTRAINT instrument_pkey PRIMARY KEY (account_id, instrument_id),
    CONSTRAINT instrument_ordinal_key UNIQUE (account_id, template_id, ordinal),
    CONSTRAINT instrument_account_fkey FOREIGN KEY (account_id, currency) REFERENCES voucher.account,
    CONSTRAINT instrument_template_fkey FOREIGN KEY (template_id) REFERENCES voucher.template,
    CONSTRAINT instrument_first_entry_fkey FOREIGN KEY (account_id, instrument_id, first_entry)
        REFERENCES voucher.entry (account_id, instrument_id, version)
) WITH (fillfactor = 70);
SELECT pg_catalog.pg_extension_config_dump('voucher.instrument', '');
SELECT pg_catalog.pg_extension_config_dump('voucher.instrument_instrument_id_seq', '');
-- A voucher is shared with an account once at a time.
CREATE UNIQUE INDEX instrument_share_key ON voucher.instrument (account_id, owner_account_id, owner_instrument_id)
    WHERE owner_account_id IS NOT NULL AND NOT cancelled;
COMMENT ON TABLE voucher.instrument IS 'the vouchers and coupons of an account, and the promo codes it has used';
COMMENT ON COLUMN voucher.instrument.template_id IS 'its template: the rules';
COMMENT ON COLUMN voucher.instrument.ordinal IS 'it is the account''s n-th of this template; unique, and at most the template''s per_account; null: came of a split or merge, which count as what they were made of, or is a share';
COMMENT ON COLUMN voucher.instrument.version IS 'the number of its entries';
COMMENT ON COLUMN voucher.instrument.face_value IS 'stored value at issue; null where a discount rate decides';
COMMENT ON COLUMN voucher.instrument.balance IS 'the sum of its entries'' amounts';
COMMENT ON COLUMN voucher.instrument.used IS 'orders served: the sum of its entries'' uses; counted whether limited or not';
COMMENT ON COLUMN voucher.instrument.max_uses IS 'orders it can serve; null: until its balance is used up';
COMMENT ON COLUMN voucher.instrument.validity IS 'half-open [effective, expiry); the expiry moves with entries of kind extend';
COMMENT ON COLUMN voucher.instrument.cancelled IS 'revoked, transferred away or no longer shared: never usable again';
COMMENT ON COLUMN voucher.instrument.issued IS 'false: its value came from another instrument, by transfer, split or merge, or is a share; only what is issued counts in limits on issues';
COMMENT ON COLUMN voucher.instrument.owner_account_id IS 'a share: the account that shares its voucher; null: its own';
COMMENT ON COLUMN voucher.instrument.owner_instrument_id IS 'a share: the voucher that it draws on, from which its balance, uses and validity are read';

-- ---------------------------------------------------------------------------
-- Triggers
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.apply_entry() RETURNS trigger AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.apply_entry() IS 'trigger: an entry moves the balance it belongs to and is kept under its request; refuses one that is not the next';
CREATE FUNCTION voucher.open_balance() RETURNS trigger AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.open_balance() IS 'trigger: a new row''s balance must be what its entries add up to';
CREATE FUNCTION voucher.protect() RETURNS trigger AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.protect() IS 'trigger: refuses to change, delete or truncate; its arguments name the columns that only entries move';
CREATE FUNCTION voucher.check_per_account() RETURNS trigger AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.check_per_account() IS 'trigger: an account gets no more of a template than its per_account allows';

CREATE TRIGGER t1_apply AFTER INSERT ON voucher.cash_entry
    FOR EACH ROW EXECUTE FUNCTION voucher.apply_entry('account');
CREATE TRIGGER t1_apply AFTER INSERT ON voucher.entry
    FOR EACH ROW EXECUTE FUNCTION voucher.apply_entry('instrument');

-- Rows that never change are looked at twice: before an update, so that no
-- foreign key refuses first with a worse message; and after it, so that no
-- user's trigger that fires later changes a row unseen.
CREATE TRIGGER t2_protect AFTER UPDATE ON voucher.account
    FOR EACH ROW EXECUTE FUNCTION voucher.protect('version', 'balance');
CREATE TRIGGER t2_protect AFTER UPDATE ON voucher.instrument
    FOR EACH ROW EXECUTE FUNCTION voucher.protect('version', 'balance', 'used', 'frozen', 'cancelled', 'validity');
CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.request
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protected AFTER UPDATE ON voucher.request
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.cash_entry
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protected AFTER UPDATE ON voucher.cash_entry
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.entry
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protected AFTER UPDATE ON voucher.entry
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();

CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.request
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.account
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.instrument
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.cash_entry
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.entry
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();

-- PostgreSQL has TRUNCATE triggers per statement only.
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.request
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.account
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.instrument
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.cash_entry
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.entry
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();

CREATE TRIGGER t3_open AFTER INSERT ON voucher.account
    FOR EACH ROW EXECUTE FUNCTION voucher.open_balance('account');
CREATE TRIGGER t3_open AFTER INSERT ON voucher.instrument
    FOR EACH ROW EXECUTE FUNCTION voucher.open_balance('instrument');

CREATE TRIGGER t4_per_account AFTER INSERT ON voucher.instrument
    FOR EACH ROW EXECUTE FUNCTION voucher.check_per_account();

-- A template's terms are frozen as soon as it is written.
CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.template
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protected AFTER UPDATE ON voucher.template
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();

-- A settlement names its policy: it must go on meaning what it meant.
CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.policy
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protected AFTER UPDATE ON voucher.policy
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.policy
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.policy
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();
