--
-- account: cash accounts and deposits
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

SELECT voucher.open_account('alice', 'CNY', at => '2026-01-01');
-- Again: it was open
SELECT voucher.open_account('alice', 'CNY', at => '2026-01-02');
SELECT account_id, currency, balance, version FROM voucher.account;

-- 100.00 + 0.01 = 100.01
SELECT voucher.deposit('alice', 100, at => '2026-01-03');
SELECT voucher.deposit('alice', 0.01, reason => 'a cent', at => '2026-01-04');

-- The same request is recorded once and answers what it answered; by then the
-- balance is 100.01 + 50.00 + 7.00 = 157.01
SELECT voucher.deposit('alice', 50, request_id => 'pay-1', at => '2026-01-05');
SELECT voucher.deposit('alice', 7, request_id => 'pay-2', at => '2026-01-05');
SELECT voucher.deposit('alice', 50, request_id => 'pay-1', at => '2026-01-06');
SELECT voucher.deposit('alice', 50.01, request_id => 'pay-1', at => '2026-01-06');
\echo :SQLSTATE
SELECT balance, version FROM voucher.account;
SELECT version, kind, amount, balance, at, request_id, reason FROM voucher.cash_entry ORDER BY version;

-- Another currency is another balance; then deposits must name one
SELECT voucher.open_account('alice', 'JPY', at => '2026-01-07');
SELECT voucher.deposit('alice', 1000, 'JPY', at => '2026-01-07');
SELECT voucher.deposit('alice', 1, at => '2026-01-07');
\echo :SQLSTATE
SELECT voucher.deposit('alice', 0.5, 'JPY', at => '2026-01-07');
\echo :SQLSTATE
SELECT voucher.deposit('alice', 50, 'JPY', request_id => 'pay-1', at => '2026-01-07');
\echo :SQLSTATE
SELECT voucher.deposit('alice', 1, 'USD', at => '2026-01-07');
\echo :SQLSTATE

-- A request id belongs to its account, and to one verb
SELECT voucher.create_template('v', 'voucher', 'CNY', face_value => 5) > 0 AS created;
SELECT voucher.grant('alice', 'v', request_id => 'pay-1', at => '2026-01-07');
\echo :SQLSTATE
SELECT voucher.grant('alice', 'v', request_id => 'gift-1', at => '2026-01-07') > 0 AS granted;
SELECT voucher.deposit('alice', 3, 'CNY', request_id => 'gift-1', at => '2026-01-07');
\echo :SQLSTATE
SELECT voucher.deposit('alice', 1, 'CNY', request_id => 'gift-2', at => '2026-01-07');
SELECT request_id, entries, key, version FROM voucher.request WHERE entries = 'cash_entry' ORDER BY request_id;
SELECT voucher.open_account('bob', 'CNY', at => '2026-01-01');
SELECT voucher.deposit('bob', 3, request_id => 'pay-1', at => '2026-01-05');

-- An entry written by hand is in the way of an account
BEGIN;
INSERT INTO voucher.cash_entry (account_id, currency, version, kind, amount, balance, at)
VALUES ('eve', 'CNY', 1, 'open', 0, 0, '2026-01-01');
SELECT rule, account_id, object, expected, found FROM voucher.check();
SELECT voucher.open_account('eve', 'CNY', at => '2026-01-01');
\echo :SQLSTATE
ROLLBACK;

SELECT account_id, currency, balance, version FROM voucher.account ORDER BY account_id, currency;
SELECT * FROM voucher.check();
