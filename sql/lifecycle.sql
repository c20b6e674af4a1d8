--
-- lifecycle: freezing, taking back, revoking, prolonging
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


-- ---------------------------------------------------------------------------
-- Each verb is an entry with who and why; each request once
-- ---------------------------------------------------------------------------
SELECT voucher.unfreeze('alice', 1, at => '2026-01-06');
SELECT voucher.freeze('alice', 1, 'again', '2026-01-07', 'freeze-1', 'support: li'),
       voucher.unfreeze('alice', 1, 'cleared', '2026-01-07', 'unfreeze-1', 'support: li');
-- A retry of the freeze does not freeze what was unfrozen since
SELECT voucher.freeze('alice', 1, 'again', '2026-01-07', 'freeze-1', 'support: li');
SELECT frozen FROM voucher.instrument WHERE instrument_id = 1;

-- reclaim: 50 - 30 = 20 are left
SELECT voucher.reclaim('alice', 1, 'reclaim-1', 'campaign over', 'ops: wang', at => '2026-01-08');
SELECT voucher.reclaim('alice', 1, 'reclaim-1', 'campaign over', 'ops: wang', at => '2026-01-08');
SELECT voucher.reclaim('alice', 1, at => '2026-01-08');
\echo :SQLSTATE
SELECT status, balance FROM voucher.list('alice', at => '2026-01-08');

-- revoke: whatever it is, also a coupon; once
SELECT voucher.create_template('tenth', 'coupon', 'CNY', discount_rate => 0.1, uses => 3, valid => '[2026-01-01, 2026-02-01)');
SELECT voucher.grant('alice', 'tenth', at => '2026-01-01'), voucher.grant('alice', 'cash 50', at => '2026-01-01');
SELECT voucher.reclaim('alice', 2, at => '2026-01-08');
\echo :SQLSTATE
SELECT voucher.revoke('alice', 2, 'revoke-2', 'fraud', 'risk', at => '2026-01-08'),
       voucher.revoke('alice', 3, 'revoke-3', 'fraud', 'risk', at => '2026-01-08');
SELECT voucher.revoke('alice', 3, 'revoke-3', at => '2026-01-09');
SELECT voucher.revoke('alice', 3, at => '2026-01-09');
\echo :SQLSTATE
SELECT voucher.revoke('alice', 2, 'revoke-3', at => '2026-01-09');
\echo :SQLSTATE
SELECT voucher.reclaim('alice', 3, 'revoke-3', at => '2026-01-09');
\echo :SQLSTATE
SELECT voucher.freeze('alice', 3, at => '2026-01-09');
\echo :SQLSTATE
SELECT voucher.extend('alice', 3, '2026-03-01', at => '2026-01-09');
\echo :SQLSTATE
-- Cancelled, also past its expiry
SELECT instrument_id, status, balance FROM voucher.list('alice', 'cancelled', at => '2026-03-01');
SELECT instrument_id, reason, detail FROM voucher.match('alice', 'ecs', 'purchase', 30, at => '2026-01-09');
SELECT voucher.quote('alice', 'ecs', 'purchase', 30, voucher => '3', at => '2026-01-09');
\echo :SQLSTATE

-- extend: later, never earlier; what has expired is usable again
SELECT voucher.grant('alice', 'cash 50', at => '2026-01-01');
SELECT voucher.extend('alice', 4, '2026-02-01', at => '2026-01-10');
\echo :SQLSTATE
SELECT voucher.extend('alice', 4, 'infinity', at => '2026-01-10');
\echo :SQLSTATE
SELECT voucher.extend('alice', 4, '2026-03-01', 'extend-4', 'outage', 'support: li', at => '2026-02-10');
SELECT voucher.extend('alice', 4, '2026-03-01', 'extend-4', at => '2026-02-11');
SELECT voucher.extend('alice', 4, '2026-03-02', 'extend-4', at => '2026-02-11');
\echo :SQLSTATE
SELECT voucher.extend('alice', 1, '2026-03-02', at => '2026-02-11');
\echo :SQLSTATE
SELECT status FROM voucher.list('alice', at => '2026-02-28') WHERE instrument_id = 4;
SELECT (voucher.settle('alice', 'o2', 'ecs', 'renewal', 10, at => '2026-02-28')).voucher;
-- What never expires cannot last longer
SELECT voucher.create_template('for good', 'voucher', 'CNY', face_value => 5);
SELECT voucher.grant('alice', 'for good', at => '2026-01-01');
SELECT voucher.extend('alice', 5, '2026-03-01', at => '2026-01-10');
\echo :SQLSTATE

SELECT instrument_id, version, kind, amount, balance, at, request_id, reason, actor, extended
FROM voucher.entry WHERE kind NOT IN ('issue', 'settle') ORDER BY instrument_id, version;
-- Nulls
SELECT voucher.reclaim('alice', NULL);
\echo :SQLSTATE
SELECT voucher.revoke('alice', 1, '');
\echo :SQLSTATE
SELECT voucher.extend('alice', 1, NULL);
\echo :SQLSTATE

-- ---------------------------------------------------------------------------
-- Written by hand, an entry moves the state; nothing else does
-- ---------------------------------------------------------------------------
UPDATE voucher.instrument SET validity = '[2026-01-01, 2099-01-01)' WHERE instrument_id = 4;
\echo :SQLSTATE
UPDATE voucher.instrument SET cancelled = false WHERE instrument_id = 3;
\echo :SQLSTATE
-- an extension from another expiry than the one that stands there
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at, extended)
VALUES ('alice', 4, 4, 'extend', 0, 40, 0, 1, '2026-02-28', '[2026-03-02, 2026-04-01)');
\echo :SQLSTATE
-- an extension that says nothing, and another entry that does
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at)
VALUES ('alice', 4, 4, 'extend', 0, 40, 0, 1, '2026-02-28');
\echo :SQLSTATE
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at, extended)
VALUES ('alice', 4, 4, 'freeze', 0, 40, 0, 1, '2026-02-28', '[2026-03-01, 2026-04-01)');
\echo :SQLSTATE
-- a revocation that leaves a balance; an order served by what is cancelled; a transfer to nowhere
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at)
VALUES ('alice', 4, 4, 'revoke', -1, 39, 0, 1, '2026-02-28');
\echo :SQLSTATE
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at)
VALUES ('alice', 2, 3, 'settle', 0, 0, 1, 1, '2026-01-10');
\echo :SQLSTATE
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at)
VALUES ('alice', 4, 4, 'transfer_out', -40, 0, 0, 1, '2026-02-28');
\echo :SQLSTATE
INSERT INTO voucher.entry (account_id, instrument_id, version, kind, amount, balance, uses, used, at, extended)
VALUES ('alice', 4, 4, 'extend', 0, 40, 0, 1, '2026-02-28', '[2026-03-01, 2026-04-01)');
SELECT upper(validity) FROM voucher.instrument WHERE instrument_id = 4;
SELECT * FROM voucher.check();
