-- ---------------------------------------------------------------------------
-- rerate: the usage of a settled bill rated again, and only the difference moves
-- ---------------------------------------------------------------------------

CREATE TABLE voucher.rerating (
    account_id    text COLLATE "C" NOT NULL,
    order_id      text COLLATE "C" NOT NULL,
    version       integer NOT NULL,
    rerating_id   text COLLATE "C" NOT NULL,
    lines         voucher.line[] NOT NULL,
    gross         voucher.amount NOT NULL,
    billed_before voucher.amount NOT NULL,
    billed        voucher.amount NOT NULL,
    charged       voucher.amount NOT NULL,
    taken_back    voucher.amount NOT NULL,
    waived        voucher.amount NOT NULL,
    refunded_cash voucher.amount NOT NULL,
    returned      voucher.amount NOT NULL,
    policy        text COLLATE "C",
    reason        text,
    actor         text,
    at            timestamptz NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    recorded_by text COLLATE "C" NOT NULL DEFAULT session_user,
    CONSTRAINT rerating_pkey PRIMARY KEY (account_id, order_id, version),
    CONSTRAINT rerating_id_key UNIQUE (account_id, rerating_id),
    CONSTRAINT rerating_settlement_fkey FOREIGN KEY (account_id, order_id) REFERENCES voucher.settlement,
    CONSTRAINT rerating_id_check CHECK (rerating_id OPERATOR(pg_catalog.<>) ''),
    CONSTRAINT rerating_version_check CHECK (version OPERATOR(pg_catalog.>) 0),
    CONSTRAINT rerating_billed_check CHECK (billed OPERATOR(voucher.=) ((billed_before OPERATOR(voucher.+) charged) OPERATOR(voucher.-) taken_back)),
    -- what is not billed of the lines is less than any minor unit
    CONSTRAINT rerating_gross_check CHECK (billed OPERATOR(voucher.>=) 0 AND billed OPERATOR(voucher.<=) gross AND (gross OPERATOR(voucher.-) billed) OPERATOR(voucher.<) 1),
    CONSTRAINT rerating_charged_check CHECK (
        charged OPERATOR(voucher.>=) 0 AND taken_back OPERATOR(voucher.>=) 0
        AND (charged OPERATOR(voucher.=) 0 OR taken_back OPERATOR(voucher.=) 0)),
    CONSTRAINT rerating_taken_back_check CHECK (
        waived OPERATOR(voucher.>=) 0 AND refunded_cash OPERATOR(voucher.>=) 0 AND returned OPERATOR(voucher.>=) 0
        AND ((waived OPERATOR(voucher.+) refunded_cash) OPERATOR(voucher.+) returned) OPERATOR(voucher.<=) taken_back)
);
SELECT pg_catalog.pg_extension_config_dump('voucher.rerating', '');
COMMENT ON TABLE voucher.rerating IS 're-ratings of settled pay-as-you-go bills: the lines as they should have been, and what that moved; never changed, never deleted';
COMMENT ON COLUMN voucher.rerating.recorded_by IS 'the session''s user that wrote it';
COMMENT ON COLUMN voucher.rerating.order_id IS 'the bill that was settled first; with its supplementary bills it is a chain';
COMMENT ON COLUMN voucher.rerating.version IS 'its place among the re-ratings of the bill: 1, 2, 3 …';
COMMENT ON COLUMN voucher.rerating.rerating_id IS 'the caller''s key: the same re-rating is made once; and the order_id of its supplementary bill, if it made one';
COMMENT ON COLUMN voucher.rerating.lines IS 'the whole bill as it should have been';
COMMENT ON COLUMN voucher.rerating.gross IS 'the sum of the lines';
COMMENT ON COLUMN voucher.rerating.billed_before IS 'what the chain had billed before it: gross - rounding of its bills, less what re-ratings took back';
COMMENT ON COLUMN voucher.rerating.billed IS 'what the chain has billed after it = billed_before + charged - taken_back: the gross, rounded down to the minor unit';
COMMENT ON COLUMN voucher.rerating.charged IS 'gross - rounding of its supplementary bill; 0: it made none';
COMMENT ON COLUMN voucher.rerating.taken_back IS 'what it took back of what was billed, before discounts';
COMMENT ON COLUMN voucher.rerating.waived IS 'of what was taken back: what was outstanding and is not due any more';
COMMENT ON COLUMN voucher.rerating.refunded_cash IS 'of what was taken back: what came back in cash';
COMMENT ON COLUMN voucher.rerating.returned IS 'of what was taken back: what went back to vouchers';
COMMENT ON COLUMN voucher.rerating.policy IS 'the deduction policy that the caller named for a supplementary bill; null: the default';
COMMENT ON COLUMN voucher.rerating.actor IS 'who did it, as the caller says';
COMMENT ON COLUMN voucher.rerating.at IS 'when it happened, as the caller says';
COMMENT ON COLUMN voucher.rerating.recorded_at IS 'when it was written';

CREATE FUNCTION voucher.check_rerating() RETURNS trigger AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION voucher.check_rerating() IS 'trigger: a re-rating follows from the one before, and says what its bill and entries say';

CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.rerating
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protected AFTER UPDATE ON voucher.rerating
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.rerating
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.rerating
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t3_open AFTER INSERT ON voucher.rerating
    FOR EACH ROW EXECUTE FUNCTION voucher.check_rerating();

CREATE FUNCTION voucher.rerate(
    account_id  text,
    order_id    text,
    rerating_id text,
    lines       voucher.line[],
    reason      text DEFAULT NULL,
    actor       text DEFAULT NULL,
    at          timestamptz DEFAULT pg_catalog.now(),
    policy      text DEFAULT NULL,
    arrears     boolean DEFAULT false)
    RETURNS voucher.rerating
    AS 'MODULE_PATHNAME', 'voucher_rerate' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.rerate(text, text, text, voucher.line[], text, text, timestamptz, text, boolean)
    IS 're-rates a settled pay-as-you-go bill to the lines that it should have had: the difference is charged by a supplementary bill, or waived and refunded; the same call again returns the same re-rating';
