-- What a customer, a program in a hurry or an administrator's slip must not do
-- to money.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;
SELECT plan(10);

SELECT voucher.register_product('ecs');
SELECT voucher.create_template('v', 'voucher', 'CNY', 10);
SELECT voucher.open_account('acme', 'CNY');
SELECT voucher.deposit('acme', 100);
SELECT voucher.settle('acme', 'o-1', 'ecs', 'usage', 40);

-- A program that sends '' where it has no request id makes every call look
-- like the first one again: the second deposit would vanish without an error.
SELECT throws_ok($$SELECT voucher.deposit('acme', 5, request_id => '')$$, '22023',
                 'argument "request_id" must not be empty', 'a deposit needs a real request id or none');
SELECT throws_ok($$SELECT voucher.grant('acme', 'v', request_id => '')$$, '22023',
                 'argument "request_id" must not be empty', 'so does a grant');
SELECT throws_ok($$SELECT voucher.refund('acme', 'o-1', 5, request_id => '')$$, '22023',
                 'argument "request_id" must not be empty', 'so does a refund');

-- 100 - 40 stand there: none of the refused calls has moved anything
SELECT is(balance::text, '60.00', 'the cash is untouched') FROM voucher.account WHERE account_id = 'acme';

-- Many lines that purchase: each product is bought for the first time once, and
-- no line of it is a first purchase afterwards.
SELECT voucher.register_product('rds');
SELECT voucher.register_product('oss');
SELECT is((voucher.settle('acme', 'o-2', lines => ARRAY[
               voucher.line('rds', 'purchase', 1), voucher.line('ecs', 'purchase', 1),
               voucher.line('rds.g7', 'purchase', 1), voucher.line('oss', 'renewal', 1)])).first_purchase::text,
          '{ecs,rds}', 'the products of the lines that purchase, once each');
SELECT is((voucher.settle('acme', 'o-3', lines => ARRAY[
               voucher.line('ecs', 'purchase', 1), voucher.line('oss', 'purchase', 1),
               voucher.line('rds', 'purchase', 1)])).first_purchase::text,
          '{oss}', 'but for those bought before');
SELECT is((voucher.settle('acme', 'o-4', lines => ARRAY[
               voucher.line('rds', 'purchase', 1), voucher.line('ecs', 'purchase', 1)])).first_purchase::text,
          NULL, 'none if all were');
-- The last refund closes exactly, though the currency has lost its decimals since.
SELECT (voucher.settle('acme', 'o-5', 'oss', 'renewal', 1.55)).cash;
UPDATE voucher.currency SET minor_digits = 0 WHERE currency = 'CNY';
SELECT is((voucher.refund('acme', 'o-5')).refunded_cash::text, '1.55', 'all of the cash comes back, and no more');
SELECT throws_ok($$UPDATE voucher.currency SET minor_digits = 1 WHERE currency = 'CNY'$$, 'VC401', NULL, 'nor does it get them back');
SELECT is_empty('SELECT * FROM voucher.check()', 'the ledger is sound');

SELECT * FROM finish();
ROLLBACK;
