-- Every statement of the store looks keys up, whatever the search_path and
-- however small the tables were when it was planned.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;
SELECT plan(4);

SELECT voucher.register_product('ecs');
SELECT voucher.create_template('v', 'voucher', 'CNY', 100, scope => 'ecs');
SELECT voucher.open_account('acme', 'CNY');
SELECT voucher.deposit('acme', 1000);
SELECT voucher.grant('acme', 'v');

CREATE FUNCTION pg_temp.scanned() RETURNS text LANGUAGE sql AS $$
    SELECT pg_catalog.string_agg(relname, ', ' ORDER BY relname) FROM pg_catalog.pg_stat_xact_user_tables
    WHERE schemaname = 'voucher' AND seq_scan > 0
      AND relname IN ('account', 'instrument', 'settlement', 'purchase', 'entry', 'cash_entry')
$$;

SELECT (voucher.settle('acme', 'o-1', 'ecs', 'purchase', 5)).cash;
SELECT is(pg_temp.scanned(), NULL, 'no table of an account is scanned');
SET LOCAL search_path = voucher, public;
SELECT (voucher.settle('acme', 'o-2', 'ecs', 'purchase', 5)).cash;
SELECT is(pg_temp.scanned(), NULL, 'nor under another search_path');
SET LOCAL search_path = public;
CREATE TEMP TABLE t ();
SELECT (voucher.settle('acme', 'o-3', 'ecs', 'renewal', 5)).cash;
SELECT is(pg_temp.scanned(), NULL, 'nor once the session has a schema for temporary tables');
SELECT * FROM voucher.match('acme', 'ecs', 'purchase', 5);
SELECT (voucher.refund('acme', 'o-1')).amount;
SELECT is(pg_temp.scanned(), NULL, 'nor by match and refund');

SELECT * FROM finish();
ROLLBACK;
