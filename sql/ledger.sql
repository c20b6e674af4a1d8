--
-- ledger: balances move by entries only
--
\set SHOW_CONTEXT never
\pset null '(null)'
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;
DROP EXTENSION voucher CASCADE;
CREATE EXTENSION voucher;
RESET client_min_messages;

SELECT voucher.register_product('ecs');
SELECT voucher.open_account('alice', 'CNY', at => '2026-01-01');
SELECT voucher.deposit('alice', 300, at => '2026-01-01');
SELECT voucher.create_template('cash 200', 'voucher', 'CNY', face_value => 200);
SELECT voucher.grant('alice', 'cash 200', at => '2026-01-01');
SELECT (voucher.settle('alice', 'o1', 'ecs', 'purchase', 450, at => '2026-01-02')).cash;

-- Nothing moves a balance by hand, and nothing written goes away
UPDATE voucher.account SET balance = 1000;
\echo :SQLSTATE
UPDATE voucher.instrument SET balance = 200;
\echo :SQLSTATE
UPDATE voucher.instrument SET validity = '(,)', face_value = 300;
UPDATE voucher.settlement SET lines[1].product = 'oss';
UPDATE voucher.cash_entry SET amount = 5 WHERE version = 1;
DELETE FROM voucher.entry;
\echo :SQLSTATE
DELETE FROM voucher.settlement;
TRUNCATE voucher.settlement CASCADE;
\echo :SQLSTATE

-- An entry that follows moves the balance: 300 - 250 + 10 = 60
INSERT INTO voucher.cash_entry (account_id, currency, version, kind, amount, balance, at)
VALUES ('alice', 'CNY', 4, 'deposit', 10, 60, '2026-01-03');
SELECT balance, version FROM voucher.account;
-- One that does not follow is refused: by its balance, by its version
INSERT INTO voucher.cash_entry (account_id, currency, version, kind, amount, balance, at)
VALUES ('alice', 'CNY', 5, 'deposit', 10, 80, '2026-01-03');
\echo :SQLSTATE
INSERT INTO voucher.cash_entry (account_id, currency, version, kind, amount, balance, at)
VALUES ('alice', 'CNY', 6, 'deposit', 10, 70, '2026-01-03');
\echo :SQLSTATE
-- A balance without entries is refused
INSERT INTO voucher.account (account_id, currency, balance, version) VALUES ('bob', 'CNY', 5, 1);
\echo :SQLSTATE

BEGIN;
INSERT INTO voucher.cash_entry (account_id, currency, version, kind, amount, balance, at)
VALUES ('bob', 'CNY', 1, 'open', 0, 0, '2026-01-03');
INSERT INTO voucher.account (account_id, currency, balance, version) VALUES ('bob', 'CNY', 5, 1);
\echo :SQLSTATE
ROLLBACK;
-- Nobody owes: 60 - 61
INSERT INTO voucher.cash_entry (account_id, currency, version, kind, amount, balance, at)
VALUES ('alice', 'CNY', 5, 'settle', -61, -1, '2026-01-03');
\echo :SQLSTATE

SELECT balance, version FROM voucher.account;
SELECT balance, used, version FROM voucher.instrument;
SELECT * FROM voucher.check();
