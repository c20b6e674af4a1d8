--
-- lifecycle: freezing and unfreezing
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
SELECT voucher.create_template('cash 50', 'voucher', 'CNY', face_value => 50, valid => '[2026-01-01, 2026-02-01)');
SELECT voucher.grant('alice', 'cash 50', at => '2026-01-01');

-- True if it changed anything
SELECT voucher.freeze('alice', 1, 'fraud check', at => '2026-01-02');
SELECT voucher.freeze('alice', 1, 'fraud check', at => '2026-01-03');
SELECT status, frozen, balance FROM voucher.list('alice', at => '2026-01-03');
SELECT applies, pays, balance, reason, detail FROM voucher.match('alice', 'ecs', 'purchase', 30, at => '2026-01-03');
-- It pays nothing, asked for or not
SELECT (voucher.quote('alice', 'ecs', 'purchase', 30, at => '2026-01-03')).voucher;
SELECT voucher.quote('alice', 'ecs', 'purchase', 30, voucher => '1', at => '2026-01-03');
\echo :SQLSTATE

SELECT voucher.unfreeze('alice', 1, 'cleared', at => '2026-01-04');
SELECT voucher.unfreeze('alice', 1, at => '2026-01-05');
SELECT (voucher.settle('alice', 'o1', 'ecs', 'purchase', 30, at => '2026-01-05')).voucher;
SELECT status, frozen, balance FROM voucher.list('alice', at => '2026-01-05');

-- Frozen time counts: past its expiry it has expired, frozen or not
SELECT voucher.freeze('alice', 1, at => '2026-01-06');
SELECT status, frozen, balance FROM voucher.list('alice', at => '2026-02-01');
SELECT version, kind, amount, balance, uses, used, at, reason FROM voucher.entry ORDER BY version;

SELECT voucher.freeze('alice', 2, at => '2026-01-07');
\echo :SQLSTATE
SELECT voucher.unfreeze('bob', 1, at => '2026-01-07');
\echo :SQLSTATE
SELECT * FROM voucher.check();
