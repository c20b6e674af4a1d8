-- ---------------------------------------------------------------------------
-- settlement: settled orders, and what becomes of them
-- ---------------------------------------------------------------------------

CREATE TABLE voucher.invoice (
    account_id  text COLLATE "C" NOT NULL,
    invoice_id  text COLLATE "C" NOT NULL,
    currency    text COLLATE "C" NOT NULL,
    amount      voucher.amount NOT NULL,
    at          timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    credits     text COLLATE "C",
    reason      text,
    actor       text,
    recorded_by text COLLATE "C" NOT NULL DEFAULT session_user,
    CONSTRAINT invoice_pkey PRIMARY KEY (account_id, invoice_id),
    CONSTRAINT invoice_id_check CHECK (invoice_id OPERATOR(pg_catalog.<>) ''),
    CONSTRAINT invoice_amount_check CHECK (amount OPERATOR(voucher.>) 0 AND credits IS NULL OR amount OPERATOR(voucher.<) 0 AND credits IS NOT NULL)
);
SELECT pg_catalog.pg_extension_config_dump('voucher.invoice', '');
CREATE INDEX invoice_credits_idx ON voucher.invoice (account_id, credits) WHERE credits IS NOT NULL;
COMMENT ON TABLE voucher.invoice IS 'invoices and credit invoices; never changed: voiding one adds entries to its settlements';
COMMENT ON COLUMN voucher.invoice.amount IS 'the sum of its lines; of a credit invoice, negative';
COMMENT ON COLUMN voucher.invoice.credits IS 'credit invoice: the invoice that it credits; null: an invoice';
COMMENT ON COLUMN voucher.invoice.reason IS 'credit invoice: why';
COMMENT ON COLUMN voucher.invoice.actor IS 'who did it, as the caller says';
COMMENT ON COLUMN voucher.invoice.recorded_by IS 'the session''s user that wrote it';

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
    consumed    voucher.amount,
    lines       integer[],
    line_amounts voucher.amount[],
    returned    voucher.amount NOT NULL DEFAULT 0,
    paid        voucher.amount NOT NULL DEFAULT 0,
    waived      voucher.amount NOT NULL DEFAULT 0,
    rerated     voucher.amount NOT NULL DEFAULT 0,
    rerating_id text COLLATE "C",
    actor       text,
    recorded_by text COLLATE "C" NOT NULL DEFAULT session_user,
    CONSTRAINT settlement_entry_pkey PRIMARY KEY (account_id, order_id, version),
    CONSTRAINT settlement_entry_invoice_fkey FOREIGN KEY (account_id, invoice_id) REFERENCES voucher.invoice,
    CONSTRAINT settlement_entry_kind_check CHECK (
        kind OPERATOR(pg_catalog.=) 'refund' AND amount OPERATOR(voucher.<=) 0 AND requested OPERATOR(voucher.>) 0 AND requested IS NOT NULL AND invoice_id IS NULL
        OR kind OPERATOR(pg_catalog.=) 'cancel' AND amount OPERATOR(voucher.=) (OPERATOR(voucher.-) refunded_cash) AND requested OPERATOR(voucher.=) refunded AND requested IS NOT NULL AND invoice_id IS NULL
        OR kind OPERATOR(pg_catalog.=) 'invoice' AND requested IS NULL AND invoice_id IS NOT NULL
           AND (amount OPERATOR(voucher.<) 0 AND invoiceable OPERATOR(voucher.>=) 0 OR amount OPERATOR(voucher.>) 0 AND invoiceable OPERATOR(voucher.<=) 0)
        OR kind OPERATOR(pg_catalog.=) 'credit' AND amount OPERATOR(voucher.>) 0 AND requested IS NULL AND invoice_id IS NOT NULL AND invoiceable OPERATOR(voucher.<=) 0
        OR kind OPERATOR(pg_catalog.=) 'void' AND amount OPERATOR(voucher.<>) 0 AND requested IS NULL AND invoice_id IS NOT NULL
        OR kind OPERATOR(pg_catalog.=) 'payment' AND amount OPERATOR(voucher.>) 0 AND requested IS NULL AND invoice_id IS NULL
        OR kind OPERATOR(pg_catalog.=) 'rerate' AND amount OPERATOR(voucher.=) 0 AND requested IS NULL AND invoice_id IS NULL AND rerating_id IS NOT NULL),
    CONSTRAINT settlement_entry_consumed_check CHECK (consumed IS NULL OR consumed OPERATOR(voucher.>=) 0 AND kind OPERATOR(pg_catalog.=) 'refund' AND lines IS NULL),
    CONSTRAINT settlement_entry_lines_check CHECK (
        (lines IS NULL) OPERATOR(pg_catalog.=) (line_amounts IS NULL)
        AND (lines IS NULL OR kind OPERATOR(pg_catalog.=) 'refund' AND pg_catalog.cardinality(lines) OPERATOR(pg_catalog.=) pg_catalog.cardinality(line_amounts))),
    CONSTRAINT settlement_entry_returned_check CHECK (returned OPERATOR(voucher.>=) 0 AND (refunded_cash OPERATOR(voucher.+) returned) OPERATOR(voucher.<=) refunded),
    CONSTRAINT settlement_entry_paid_check CHECK (paid OPERATOR(voucher.>=) 0),
    CONSTRAINT settlement_entry_rerated_check CHECK (waived OPERATOR(voucher.>=) 0 AND waived OPERATOR(voucher.<=) rerated),
    CONSTRAINT settlement_entry_rerating_check CHECK (rerating_id IS NULL OR kind OPERATOR(pg_catalog.=) ANY ('{rerate,refund}'::pg_catalog.text[])),
    CONSTRAINT settlement_entry_version_check CHECK (version OPERATOR(pg_catalog.>) 0)
);
SELECT pg_catalog.pg_extension_config_dump('voucher.settlement_entry', '');
CREATE UNIQUE INDEX settlement_entry_invoice_key ON voucher.settlement_entry (account_id, invoice_id, order_id, kind) WHERE invoice_id IS NOT NULL;
CREATE UNIQUE INDEX settlement_entry_rerating_key ON voucher.settlement_entry (account_id, rerating_id, order_id, kind) WHERE rerating_id IS NOT NULL;
CREATE UNIQUE INDEX settlement_entry_cancel_key ON voucher.settlement_entry (account_id, order_id) WHERE kind OPERATOR(pg_catalog.=) 'cancel';
COMMENT ON TABLE voucher.settlement_entry IS 'what happened to a settlement afterwards: payments of its arrears, refunds or its cancel, what re-ratings took back, lines of invoices and credit invoices, and their voiding; never changed, never deleted';
COMMENT ON COLUMN voucher.settlement_entry.version IS 'its place among the settlement''s entries: 1, 2, 3 …';
COMMENT ON COLUMN voucher.settlement_entry.kind IS 'payment (of arrears), refund, cancel, invoice or credit (a line of that invoice), void (the line is taken back), or rerate (a re-rating takes back of what was billed)';
COMMENT ON COLUMN voucher.settlement_entry.amount IS 'what it adds to the invoiceable amount; negative: takes off';
COMMENT ON COLUMN voucher.settlement_entry.invoiceable IS 'the invoiceable amount after it; negative after a refund of what was invoiced';
COMMENT ON COLUMN voucher.settlement_entry.requested IS 'refund or cancel: the part of the order''s total that is given back';
COMMENT ON COLUMN voucher.settlement_entry.refunded IS 'the sum of all requested so far';
COMMENT ON COLUMN voucher.settlement_entry.refunded_cash IS 'the cash paid back so far';
COMMENT ON COLUMN voucher.settlement_entry.consumed IS 'refund of what was not consumed: the amount that was; null: another refund';
COMMENT ON COLUMN voucher.settlement_entry.lines IS 'refund of lines: their numbers; null: another refund';
COMMENT ON COLUMN voucher.settlement_entry.actor IS 'who did it, as the caller says';
COMMENT ON COLUMN voucher.settlement_entry.recorded_by IS 'the session''s user that wrote it';
COMMENT ON COLUMN voucher.settlement_entry.line_amounts IS 'refund of lines: how much of each; their sum is requested';
COMMENT ON COLUMN voucher.settlement_entry.returned IS 'the value that went back to vouchers so far';
COMMENT ON COLUMN voucher.settlement_entry.paid IS 'what was paid of the arrears so far';
COMMENT ON COLUMN voucher.settlement_entry.waived IS 'what re-ratings have waived of the arrears so far';
COMMENT ON COLUMN voucher.settlement_entry.rerated IS 'what re-ratings have taken back of what was billed so far, before discounts';
COMMENT ON COLUMN voucher.settlement_entry.rerating_id IS 'rerate, and the refund that comes of it: the re-rating; null: none';

CREATE TYPE voucher.part AS (
    instrument_id bigint,
    paid          voucher.amount,
    share         voucher.amount[]
);
COMMENT ON TYPE voucher.part IS 'what an instrument took off or paid of an order, and of each of its lines';

CREATE TABLE voucher.settlement (
    account_id     text COLLATE "C" NOT NULL,
    order_id       text COLLATE "C" NOT NULL,
    entry_version  integer,
    invoiceable    voucher.amount NOT NULL,
    gross          voucher.amount NOT NULL,
    discount       voucher.amount NOT NULL,
    rounding       voucher.amount NOT NULL,
    voucher        voucher.amount NOT NULL,
    cash           voucher.amount NOT NULL,
    at             timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    currency       text COLLATE "C" NOT NULL,
    payment_type   text COLLATE "C" NOT NULL,
    chosen_voucher text COLLATE "C" NOT NULL,
    chosen_coupon  text COLLATE "C" NOT NULL,
    promo_code     text COLLATE "C",
    lines          voucher.line[] NOT NULL,
    parts          voucher.part[] NOT NULL,
    first_purchase text[] COLLATE "C",
    policy         text COLLATE "C",
    exact          boolean NOT NULL DEFAULT true,
    epoch          bigint,
    purchased_before text[] COLLATE "C",
    not_universal  text[] COLLATE "C",
    limits         bigint[],
    outstanding    voucher.amount NOT NULL DEFAULT 0,
    rerates        text COLLATE "C",
    hold           integer,
    shares         bigint[],
    actor          text,
    recorded_by text COLLATE "C" NOT NULL DEFAULT session_user,
    CONSTRAINT settlement_pkey PRIMARY KEY (account_id, order_id),
    CONSTRAINT settlement_entry_fkey FOREIGN KEY (account_id, order_id, entry_version)
        REFERENCES voucher.settlement_entry (account_id, order_id, version)
);
SELECT pg_catalog.pg_extension_config_dump('voucher.settlement', '');
COMMENT ON TABLE voucher.settlement IS 'settled orders: what was ordered and who paid what; only the invoiceable amount moves afterwards';
COMMENT ON COLUMN voucher.settlement.at IS 'the order''s own time, which decided validity';
COMMENT ON COLUMN voucher.settlement.gross IS 'the sum of the lines'' list prices = discount + rounding + voucher + cash + outstanding';
COMMENT ON COLUMN voucher.settlement.discount IS 'taken off by what reduces the price: coupon and promo code unless their effect is tender';
COMMENT ON COLUMN voucher.settlement.rounding IS 'cut off below the minor unit';
COMMENT ON COLUMN voucher.settlement.voucher IS 'paid by vouchers and whatever else is a tender';
COMMENT ON COLUMN voucher.settlement.cash IS 'paid from the cash balance';
COMMENT ON COLUMN voucher.settlement.invoiceable IS 'cash + payments of arrears - refunds - what is invoiced';
COMMENT ON COLUMN voucher.settlement.entry_version IS 'the number of its settlement entries; null: none yet';
COMMENT ON COLUMN voucher.settlement.chosen_voucher IS 'what the caller asked for: auto, none, ids, or not and ids';
COMMENT ON COLUMN voucher.settlement.chosen_coupon IS 'what the caller asked for: auto, none, an id, or not and ids';
COMMENT ON COLUMN voucher.settlement.promo_code IS 'the promo code that the caller gave';
COMMENT ON COLUMN voucher.settlement.epoch IS 'the account''s epoch that it began, which orders it among all verbs of the account; null: not written by settle';
COMMENT ON COLUMN voucher.settlement.purchased_before IS 'products that it bought and the account had bought before; null: none';
COMMENT ON COLUMN voucher.settlement.limits IS 'of each limit that it met: limit_id, used, amount, max_count and max_amount as they were, amounts in units of 1e-8; null: none';
COMMENT ON COLUMN voucher.settlement.shares IS 'of each share that it met: instrument_id, and of the owner''s voucher balance (in units of 1e-8), used, max_uses, 1 if frozen plus 2 if cancelled, and both ends of its validity as they were (microseconds since 2000); null: none';
COMMENT ON COLUMN voucher.settlement.not_universal IS 'products of lines that no universal scope covered; null: none';
COMMENT ON COLUMN voucher.settlement.lines IS 'what was ordered, at list prices; the view settlement_line has a row for each';
COMMENT ON COLUMN voucher.settlement.parts IS 'the instruments used, in the order of deduction, and what each gave to which line; the view settlement_part has a row for each';
COMMENT ON COLUMN voucher.settlement.first_purchase IS 'products that the account bought for the first time with this order, as it stood then';
COMMENT ON COLUMN voucher.settlement.policy IS 'the deduction policy that it was worked out with';
COMMENT ON COLUMN voucher.settlement.exact IS 'no combination of the account''s instruments left less cash; false: there were too many to try them all';
COMMENT ON COLUMN voucher.settlement.hold IS 'the version of the hold that it captured, when the decision was made; null: settled at once';
COMMENT ON COLUMN voucher.settlement.actor IS 'who did it, as the caller says';
COMMENT ON COLUMN voucher.settlement.recorded_by IS 'the session''s user that wrote it';
COMMENT ON COLUMN voucher.settlement.outstanding IS 'pay-as-you-go: what the cash balance did not cover; what is paid or waived of it since, the entries say';
COMMENT ON COLUMN voucher.settlement.rerates IS 'a supplementary bill: the order whose re-rating made it; null: an order of its own';

CREATE TABLE voucher.purchase (
    account_id text COLLATE "C" NOT NULL,
    product    text COLLATE "C" NOT NULL,
    order_id   text COLLATE "C",
    CONSTRAINT purchase_pkey PRIMARY KEY (account_id, product)
);
-- The rows of settlement.first_purchase come from there, at a restore too;
-- others are those that an administrator added, and those that an order was
-- handed on when the one before it was cancelled.
SELECT pg_catalog.pg_extension_config_dump('voucher.purchase', $$WHERE NOT EXISTS (
    SELECT FROM voucher.settlement AS s
    WHERE s.account_id OPERATOR(pg_catalog.=) purchase.account_id AND s.order_id OPERATOR(pg_catalog.=) purchase.order_id
      AND purchase.product OPERATOR(pg_catalog.=) ANY (s.first_purchase))$$);
COMMENT ON TABLE voucher.purchase IS 'products that an account has purchased';
COMMENT ON COLUMN voucher.purchase.order_id IS 'the first order; null: bought before this extension kept the orders (insert such rows when you migrate)';

-- ---------------------------------------------------------------------------
-- Triggers
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.check_settlement() RETURNS trigger AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.check_settlement() IS 'trigger: a settlement adds up, by total and by line, and its first purchases are kept';

CREATE TRIGGER t1_apply AFTER INSERT ON voucher.settlement_entry
    FOR EACH ROW EXECUTE FUNCTION voucher.apply_entry('settlement');
CREATE TRIGGER t2_protect AFTER UPDATE ON voucher.settlement
    FOR EACH ROW EXECUTE FUNCTION voucher.protect('entry_version', 'invoiceable');
CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.settlement_entry
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protected AFTER UPDATE ON voucher.settlement_entry
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.invoice
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protected AFTER UPDATE ON voucher.invoice
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.settlement
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.settlement_entry
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.invoice
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t3_open AFTER INSERT ON voucher.settlement
    FOR EACH ROW EXECUTE FUNCTION voucher.check_settlement();

CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.settlement
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.settlement_entry
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.invoice
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();
