-- The bench's data: the extension's own, and the floor's, row for row alike.
--
-- The floor holds what any correct implementation must write for an order of
-- one line that a voucher and cash pay: the two balances, the settlement, and
-- an entry for each balance.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION voucher;
SELECT format('p%s', n) AS product, voucher.register_product(format('p%s', n)) FROM generate_series(1, 10) AS n \g /dev/null
SELECT voucher.create_template('bench', 'voucher', 'CNY', 80000000000, maximum => 2, scope => 'p1:renewal') \g /dev/null
SELECT voucher.create_template(format('scope-%s', n), 'voucher', 'CNY', 100, scope => format('p%s:purchase|renewal|upgrade', n)::voucher.scope)
FROM generate_series(1, 10) AS n \g /dev/null
SELECT voucher.open_account(format('account-%s', n), 'CNY') FROM generate_series(1, :accounts) AS n \g /dev/null
SELECT voucher.deposit(format('account-%s', n), 80000000000) FROM generate_series(1, :accounts) AS n \g /dev/null
SELECT voucher.grant(format('account-%s', n), 'bench') FROM generate_series(1, :accounts) AS n \g /dev/null
-- for match: 20 vouchers of 10 scopes
SELECT voucher.open_account(format('match-%s', n), 'CNY') FROM generate_series(1, :accounts) AS n \g /dev/null
SELECT voucher.grant(format('match-%s', n), format('scope-%s', 1 + v % 10))
FROM generate_series(1, :accounts) AS n, generate_series(1, 20) AS v ORDER BY n, v \g /dev/null

CREATE SCHEMA floor;
CREATE TABLE floor.account (account_id text COLLATE "C", currency text COLLATE "C", balance voucher.amount NOT NULL,
    version integer NOT NULL, PRIMARY KEY (account_id, currency)) WITH (fillfactor = 70);
CREATE TABLE floor.instrument (account_id text COLLATE "C", instrument_id bigint, template_id bigint, version integer NOT NULL,
    currency text COLLATE "C", face_value voucher.amount, balance voucher.amount NOT NULL, validity tstzrange, issued_at timestamptz,
    PRIMARY KEY (account_id, instrument_id)) WITH (fillfactor = 70);
CREATE TABLE floor.settlement (account_id text COLLATE "C", order_id text COLLATE "C", currency text COLLATE "C",
    payment_type text COLLATE "C", at timestamptz NOT NULL, recorded_at timestamptz NOT NULL DEFAULT now(),
    gross voucher.amount NOT NULL, discount voucher.amount NOT NULL, voucher voucher.amount NOT NULL, cash voucher.amount NOT NULL,
    invoiceable voucher.amount NOT NULL, product text COLLATE "C", order_type text COLLATE "C", instrument_id bigint,
    PRIMARY KEY (account_id, order_id));
CREATE TABLE floor.entry (account_id text COLLATE "C", instrument_id bigint, version integer, kind text COLLATE "C", amount voucher.amount NOT NULL,
    balance voucher.amount NOT NULL, at timestamptz NOT NULL, recorded_at timestamptz NOT NULL DEFAULT now(), order_id text COLLATE "C",
    PRIMARY KEY (account_id, instrument_id, version));
CREATE TABLE floor.cash_entry (account_id text COLLATE "C", currency text COLLATE "C", version integer, kind text COLLATE "C",
    amount voucher.amount NOT NULL, balance voucher.amount NOT NULL, at timestamptz NOT NULL, recorded_at timestamptz NOT NULL DEFAULT now(),
    order_id text COLLATE "C", PRIMARY KEY (account_id, currency, version));
CREATE TABLE floor.minted_code (digest bytea NOT NULL, template_id bigint NOT NULL, face_value voucher.amount, activate_before timestamptz,
    minted_at timestamptz NOT NULL, batch text COLLATE "C", account_id text COLLATE "C", instrument_id bigint, activated_at timestamptz,
    space text COLLATE "C", PRIMARY KEY (digest)) WITH (fillfactor = 80);
CREATE TABLE floor.checked_code (LIKE floor.minted_code INCLUDING ALL, FOREIGN KEY (template_id) REFERENCES voucher.template,
    CHECK ((account_id IS NULL) = (instrument_id IS NULL) AND (account_id IS NULL) = (activated_at IS NULL))) WITH (fillfactor = 80);
INSERT INTO floor.account SELECT account_id, currency, balance, version FROM voucher.account WHERE account_id LIKE 'account-%';
INSERT INTO floor.instrument SELECT account_id, 1, template_id, version, currency, face_value, balance, validity, issued_at
FROM voucher.instrument WHERE account_id LIKE 'account-%';
VACUUM ANALYZE;
CHECKPOINT;
