--
-- order_trigger: settling the rows of the caller's own orders table
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

SELECT voucher.register_product(p) FROM unnest('{ecs,rds}'::text[]) AS p;
SELECT voucher.open_account('alice', 'CNY', at => '2026-01-01');
SELECT voucher.open_account('alice', 'JPY', at => '2026-01-01');
SELECT voucher.deposit('alice', 500, 'CNY', at => '2026-01-01');
SELECT voucher.create_template('cash 200', 'voucher', 'CNY', face_value => 200);
SELECT voucher.create_template('quarter', 'coupon', 'CNY', discount_rate => 0.25, min_duration => '1 year');
SELECT voucher.create_template('ten', 'promo_code', 'CNY', face_value => 10, promo_code => 'TEN');
SELECT voucher.grant('alice', t, at => '2026-01-01') FROM unnest('{cash 200,quarter}'::text[]) AS t;

-- The caller's table, with types and names of its own
CREATE TABLE orders (
    id       bigint PRIMARY KEY,
    customer varchar(20),
    sku      text,
    action   text DEFAULT 'purchase',
    price    numeric(12,2),
    term     interval,
    billing  text,
    cur      char(3) DEFAULT 'CNY',
    "use voucher" text,
    coupon   text,
    promo    text,
    placed   timestamptz
);
CREATE TRIGGER settle AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION voucher.settle_order(
    'account_id=customer', 'order_id=id', 'product=sku', 'order_type=action', 'amount=price', 'duration=term',
    'payment_type=billing', 'currency=cur', 'voucher=use voucher', 'coupon=coupon', 'promo_code=promo', 'at=placed');

-- Columns that are null have settle's defaults
INSERT INTO orders (id, customer, sku, price, placed) VALUES (1, 'alice', 'ecs', 120, '2026-02-01');
-- All of them: 400 - 100 - 10 = 290 in cash
INSERT INTO orders VALUES (2, 'alice', 'rds', 'purchase', 400, '1 year', 'subscription', 'CNY', 'none', '2', 'ten', '2026-02-02');
SELECT order_id, currency, payment_type, at, gross, discount, voucher, cash, chosen_voucher, chosen_coupon, promo_code, ARRAY(SELECT duration FROM unnest(lines)) AS durations
FROM voucher.settlement ORDER BY order_id;
SELECT currency, balance FROM voucher.account ORDER BY currency;

-- What settle refuses is not inserted, and nothing of the statement is: the
-- voucher has 80 left and cash 210
INSERT INTO orders (id, customer, sku, price, placed) VALUES (3, 'alice', 'ecs', 200, '2026-02-03'), (4, 'alice', 'ecs', 91, '2026-02-03');
\echo :SQLSTATE
SELECT id FROM orders ORDER BY id;
SELECT order_id FROM voucher.settlement ORDER BY order_id;
INSERT INTO orders (id, customer, sku, price, placed) VALUES (3, 'alice', 'ecs', 200, '2026-02-03'), (4, 'alice', 'ecs', 90, '2026-02-03');
SELECT order_id, voucher, cash FROM voucher.settlement WHERE order_id IN ('3', '4') ORDER BY order_id;

-- The same order again is no second settlement, if the body is the same
DELETE FROM orders WHERE id = 4;
INSERT INTO orders (id, customer, sku, price, placed) VALUES (4, 'alice', 'ecs', 90, '2026-02-04');
DELETE FROM orders WHERE id = 4;
INSERT INTO orders (id, customer, sku, price, placed) VALUES (4, 'alice', 'ecs', 80, '2026-02-04');
\echo :SQLSTATE
-- A column renamed under the trigger is said, not guessed
ALTER TABLE orders RENAME COLUMN price TO list_price;
INSERT INTO orders (id, customer, sku, list_price) VALUES (5, 'alice', 'ecs', 1);
\echo :SQLSTATE
-- Without a time the order is of now
ALTER TABLE orders RENAME COLUMN list_price TO price;
SELECT voucher.deposit('alice', 1, 'CNY');
BEGIN;
INSERT INTO orders (id, customer, sku, price) VALUES (5, 'alice', 'ecs', 1);
SELECT at = now() AS of_now, cash FROM voucher.settlement WHERE order_id = '5';
COMMIT;
-- Columns of region and tags
CREATE TABLE usage (id text, customer text, sku text DEFAULT 'ecs', kind text DEFAULT 'renewal', price numeric, currency text DEFAULT 'CNY', place text, labels jsonb);
CREATE TRIGGER settle AFTER INSERT ON usage FOR EACH ROW EXECUTE FUNCTION
    voucher.settle_order('account_id=customer', 'order_id=id', 'product=sku', 'order_type=kind', 'amount=price', 'region=place', 'tags=labels', 'currency=currency');
SELECT voucher.deposit('alice', 1, 'CNY');
INSERT INTO usage (id, customer, price, place, labels) VALUES ('u1', 'alice', 0.5, 'cn-hangzhou', '{"team": "a"}'), ('u2', 'alice', 0.5, NULL, NULL);
SELECT order_id, region, tags FROM voucher.settlement_line WHERE order_id IN ('u1', 'u2') ORDER BY order_id;
INSERT INTO usage (id, customer, price, labels) VALUES ('u3', 'alice', 0.5, '[1]');
\echo :SQLSTATE
DROP TABLE usage;
SELECT currency, balance FROM voucher.account ORDER BY currency;
SELECT * FROM voucher.check();
DROP TABLE orders;
