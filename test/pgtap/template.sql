-- Writing templates.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;

SELECT plan(3);

SELECT voucher.register_product('ecs');

SELECT lives_ok(
    $$SELECT voucher.create_template('every product', 'voucher', 'CNY', face_value => 1)$$,
    'the default scope covers every product and order type');
SELECT lives_ok(
    $$SELECT voucher.create_template('every order type', 'voucher', 'CNY', face_value => 1, scope => 'ecs, !ecs.gpu')$$,
    'a scope need not name order types');
SELECT throws_ok(
    $$SELECT voucher.create_template('unknown type', 'voucher', 'CNY', face_value => 1, scope => 'ecs:purchase|rental')$$,
    'VC003', NULL, 'an order type that a scope names must exist');

SELECT * FROM finish();
ROLLBACK;
