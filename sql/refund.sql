--
-- refund: cash comes back, what a voucher paid does not (S9)
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
SELECT voucher.deposit('alice', 1000, at => '2026-01-01');
SELECT voucher.create_template('cash 200', 'voucher', 'CNY', face_value => 200);
SELECT voucher.grant('alice', 'cash 200', at => '2026-01-01');

-- Order 500 = voucher 200 + cash 300; refunded: 300 back, 200 gone
SELECT voucher, cash FROM voucher.settle('alice', 'o1', 'ecs', 'purchase', 500, at => '2026-01-02');
SELECT balance FROM voucher.account;
SELECT version, kind, amount, invoiceable, requested, refunded, refunded_cash, at, reason
FROM voucher.refund('alice', 'o1', reason => 'within five days', at => '2026-01-05');
SELECT balance FROM voucher.account;
SELECT balance, used FROM voucher.instrument;
SELECT kind, amount, balance, order_id, reason FROM voucher.cash_entry ORDER BY version;
-- Nothing is left
SELECT voucher.refund('alice', 'o1', at => '2026-01-06');
\echo :SQLSTATE

-- In parts.  Order 100.01 = voucher 33.34 + cash 66.67; asked for 33.34 twice
-- and for the rest, 33.33.  Cash back so far, half up:
--   66.67 *  33.34 / 100.01 = 22.2255... -> 22.23, so 22.23
--   66.67 *  66.68 / 100.01 = 44.4511... -> 44.45, so 22.22
--   66.67 * 100.01 / 100.01 = 66.67,               so 22.22
SELECT voucher.grant('alice', 'cash 200', face_value => 33.34, at => '2026-02-01');
SELECT voucher, cash FROM voucher.settle('alice', 'o2', 'ecs', 'renewal', 100.01, at => '2026-02-02');
SELECT amount, requested, refunded, refunded_cash FROM voucher.refund('alice', 'o2', 33.34, at => '2026-02-03');
SELECT amount, requested, refunded, refunded_cash FROM voucher.refund('alice', 'o2', 33.34, at => '2026-02-04');
SELECT voucher.refund('alice', 'o2', 33.34, at => '2026-02-05');
\echo :SQLSTATE
SELECT amount, requested, refunded, refunded_cash FROM voucher.refund('alice', 'o2', at => '2026-02-05');
SELECT invoiceable FROM voucher.settlement WHERE order_id = 'o2';

-- The same request is refunded once
SELECT cash FROM voucher.settle('alice', 'o3', 'ecs', 'renewal', 90, at => '2026-03-01');
SELECT version, amount FROM voucher.refund('alice', 'o3', 30, request_id => 'r1', at => '2026-03-02');
SELECT version, amount FROM voucher.refund('alice', 'o3', 30, request_id => 'r1', at => '2026-03-03');
SELECT voucher.refund('alice', 'o3', 31, request_id => 'r1', at => '2026-03-03');
\echo :SQLSTATE
SELECT version, amount FROM voucher.refund('alice', 'o3', 30, at => '2026-03-04');
-- 1000 - 300 + 300 - 66.67 + 66.67 - 90 + 30 + 30 = 970
SELECT balance FROM voucher.account;

-- What vouchers paid alone gives no cash back, but is refunded once all the same
SELECT voucher.grant('alice', 'cash 200', at => '2026-04-01');
SELECT voucher, cash FROM voucher.settle('alice', 'o4', 'ecs', 'renewal', 150, at => '2026-04-02');
SELECT amount, requested, refunded, refunded_cash FROM voucher.refund('alice', 'o4', at => '2026-04-03');
SELECT voucher.refund('alice', 'o4', at => '2026-04-03');
\echo :SQLSTATE
SELECT balance FROM voucher.instrument WHERE instrument_id = 3;
SELECT balance FROM voucher.account;

-- Discounts were never paid: 100 - 40 = 60 is all that can come back
SELECT voucher.create_template('forty', 'coupon', 'CNY', face_value => 40);
SELECT voucher.grant('alice', 'forty', at => '2026-05-01');
SELECT discount, cash FROM voucher.settle('alice', 'o5', 'ecs', 'upgrade', 100, voucher => 'none', at => '2026-05-02');
SELECT voucher.refund('alice', 'o5', 60.01, at => '2026-05-03');
\echo :SQLSTATE
SELECT amount, requested FROM voucher.refund('alice', 'o5', at => '2026-05-03');
SELECT used, status FROM voucher.list('alice', at => '2026-05-03') WHERE kind = 'coupon';

-- A refunded purchase was still the first
SELECT product, order_id FROM voucher.purchase;

-- ---------------------------------------------------------------------------
-- What was consumed is taken off the cash paid, never below 0, and ends the order
-- ---------------------------------------------------------------------------
SELECT voucher.open_account('bob', 'CNY', at => '2026-01-01'), voucher.deposit('bob', 10000, at => '2026-01-01');
SELECT voucher.register_product('oss');
SELECT voucher.create_template('within', 'voucher', 'CNY', face_value => 200, refund_policy => 'return_within', refund_within => '5 days', time_zone => 'Asia/Shanghai');
SELECT voucher.create_template('prorata', 'voucher', 'CNY', face_value => 200, refund_policy => 'prorata', uses => 1);
SELECT voucher.create_template('undelivered', 'voucher', 'CNY', face_value => 200, refund_policy => 'return_if_undelivered');
\set VERBOSITY terse
SELECT voucher.create_template('no window', 'voucher', 'CNY', face_value => 200, refund_policy => 'return_within');
\echo :SQLSTATE
SELECT voucher.create_template('no policy', 'voucher', 'CNY', face_value => 200, refund_policy => 'prorata', refund_within => '5 days');
\echo :SQLSTATE
SELECT voucher.create_template('no time', 'voucher', 'CNY', face_value => 200, refund_policy => 'return_within', refund_within => '0 days');
\echo :SQLSTATE
SELECT voucher.create_template('no such', 'voucher', 'CNY', face_value => 200, refund_policy => 'reissue');
\echo :SQLSTATE
\set VERBOSITY default

-- 500 = 200 + 300, 120 consumed: 300 - 120 = 180 back
SELECT voucher.grant('bob', 'cash 200', at => '2026-01-01') AS v \gset
SELECT voucher, cash FROM voucher.settle('bob', 'p1', 'ecs', 'renewal', 500, voucher => :'v', at => '2026-01-02');
SELECT amount, requested, refunded, refunded_cash, consumed, returned FROM voucher.refund('bob', 'p1', consumed => 120, request_id => 'b1', at => '2026-01-03');
SELECT amount, consumed FROM voucher.refund('bob', 'p1', consumed => 120, request_id => 'b1', at => '2026-01-04');
SELECT voucher.refund('bob', 'p1', consumed => 121, request_id => 'b1');
\echo :SQLSTATE
SELECT voucher.refund('bob', 'p1', request_id => 'b1');
\echo :SQLSTATE
SELECT voucher.refund('bob', 'p1', 1);
\echo :SQLSTATE
-- more than the cash: nothing back; after a refund of 100 (60 in cash), the rest of 300 - 230
SELECT voucher, cash FROM voucher.settle('bob', 'p2', 'ecs', 'renewal', 50, voucher => 'none', at => '2026-01-02');
SELECT amount, requested, refunded_cash FROM voucher.refund('bob', 'p2', consumed => 50.01, at => '2026-01-03');
SELECT voucher.grant('bob', 'cash 200', at => '2026-01-01') AS v \gset
SELECT voucher, cash FROM voucher.settle('bob', 'p3', 'ecs', 'renewal', 500, voucher => :'v', at => '2026-01-02');
SELECT amount FROM voucher.refund('bob', 'p3', 100, at => '2026-01-03');
SELECT amount, requested, refunded_cash FROM voucher.refund('bob', 'p3', consumed => 230, at => '2026-01-03');
SELECT voucher, cash FROM voucher.settle('bob', 'p4', 'ecs', 'renewal', 50, voucher => 'none', at => '2026-01-02');
SELECT amount, refunded_cash FROM voucher.refund('bob', 'p4', consumed => 0, at => '2026-01-03');
SELECT voucher.refund('bob', 'p3', consumed => -1);
\echo :SQLSTATE
SELECT voucher.refund('bob', 'p3', consumed => 0.001);
\echo :SQLSTATE
SELECT voucher.refund('bob', 'p3', 1, consumed => 1);
\echo :SQLSTATE

-- ---------------------------------------------------------------------------
-- The policies: 500 = voucher 200 + cash 300; of 100, 60 are cash and 40 voucher
-- ---------------------------------------------------------------------------
-- return_within: 5 days from 23:00 of 2 January in Shanghai
SELECT voucher.grant('bob', 'within', at => '2026-01-01') AS v \gset
SELECT voucher, cash FROM voucher.settle('bob', 'p5', 'ecs', 'renewal', 500, voucher => :'v', at => '2026-01-02 23:00+08');
SELECT amount, returned FROM voucher.refund('bob', 'p5', 100, at => '2026-01-07 22:59:59.999999+08');
SELECT amount, returned FROM voucher.refund('bob', 'p5', 100, at => '2026-01-07 23:00+08');
-- one within it again: its own share only, 40
SELECT amount, returned FROM voucher.refund('bob', 'p5', 100, at => '2026-01-06 23:00+08');
SELECT amount, returned FROM voucher.refund('bob', 'p5', at => '2026-02-06');
SELECT version, kind, amount, balance, uses, used FROM voucher.entry WHERE instrument_id = :v ORDER BY version;
-- prorata, any time: in thirds of 100 = voucher 33.34 + cash 66.66, down for the
-- voucher and half up for the cash: 33.34 * 0.3333 = 11.112 -> 11.11, 66.66 *
-- 0.3333 = 22.217 -> 22.22; 33.34 * 0.6666 = 22.224 -> 22.22, 44.4355 -> 44.44
SELECT voucher.grant('bob', 'prorata', 33.34, at => '2026-01-01') AS v \gset
SELECT voucher, cash FROM voucher.settle('bob', 'p6', 'ecs', 'renewal', 100, voucher => :'v', at => '2026-01-02');
SELECT amount, refunded_cash, returned FROM voucher.refund('bob', 'p6', 33.33, at => '2027-01-07');
SELECT status FROM voucher.list('bob', at => '2027-01-07') WHERE instrument_id = :v;
SELECT amount, refunded_cash, returned FROM voucher.refund('bob', 'p6', 33.33, at => '2027-01-07');
SELECT amount, refunded_cash, returned FROM voucher.refund('bob', 'p6', at => '2027-01-07');
-- its one use is back with the last of its value
SELECT version, kind, amount, balance, uses, used FROM voucher.entry WHERE instrument_id = :v ORDER BY version;
SELECT status FROM voucher.list('bob', at => '2027-01-07') WHERE instrument_id = :v;
-- consumed 100 of 500: 300 - 100 in cash, and four fifths of the voucher
SELECT voucher.grant('bob', 'prorata', at => '2026-01-01') AS v \gset
SELECT voucher, cash FROM voucher.settle('bob', 'p7', 'ecs', 'renewal', 500, voucher => :'v', at => '2026-01-02');
SELECT amount, refunded, refunded_cash, returned FROM voucher.refund('bob', 'p7', consumed => 100, at => '2026-01-07');
-- return_if_undelivered: this order was delivered
SELECT voucher.grant('bob', 'undelivered', at => '2026-01-01') AS v \gset
SELECT voucher, cash FROM voucher.settle('bob', 'p8', 'ecs', 'renewal', 500, voucher => :'v', at => '2026-01-02');
SELECT amount, returned FROM voucher.refund('bob', 'p8', at => '2026-01-02');
-- a coupon does not come back with a refund: nothing was paid with it
SELECT voucher.create_template('off', 'coupon', 'CNY', face_value => 10, refund_policy => 'prorata');
SELECT voucher.grant('bob', 'off', at => '2026-01-01') AS c \gset
SELECT discount, cash FROM voucher.settle('bob', 'p9', 'ecs', 'renewal', 50, voucher => 'none', coupon => :'c', at => '2026-01-02');
SELECT amount, returned FROM voucher.refund('bob', 'p9', at => '2026-01-02');
SELECT used, balance FROM voucher.instrument WHERE instrument_id = :c;

-- ---------------------------------------------------------------------------
-- Lines: 300 + 200, coupon 50 (30 + 20), voucher 180 (108 + 72): 270 = 108 +
-- 162 and 180 = 72 + 108
-- ---------------------------------------------------------------------------
SELECT voucher.create_template('fifty', 'coupon', 'CNY', face_value => 50);
SELECT voucher.grant('bob', 'prorata', 180, at => '2026-01-01') AS v, voucher.grant('bob', 'fifty', at => '2026-01-01') AS c \gset
SELECT discount, voucher, cash FROM voucher.settle('bob', 'q1', lines => ARRAY[voucher.line('ecs', 'renewal', 300), voucher.line('oss', 'renewal', 200)], voucher => :'v', coupon => :'c', at => '2026-01-02');
SELECT line_no, discount, voucher, cash FROM voucher.settlement_line WHERE order_id = 'q1';
SELECT amount, requested, lines, line_amounts, returned FROM voucher.refund('bob', 'q1', lines => '{2}', request_id => 'q', at => '2026-01-03');
SELECT version, amount FROM voucher.refund('bob', 'q1', lines => '{2}', request_id => 'q', at => '2026-01-03');
SELECT version, amount FROM voucher.refund('bob', 'q1', lines => '{2}', line_amounts => '{180}', request_id => 'q', at => '2026-01-03');
SELECT voucher.refund('bob', 'q1', lines => '{2}', line_amounts => '{179}', request_id => 'q');
\echo :SQLSTATE
SELECT voucher.refund('bob', 'q1', lines => '{1}', request_id => 'q');
\echo :SQLSTATE
SELECT voucher.refund('bob', 'q1', lines => '{2}');
\echo :SQLSTATE
SELECT voucher.refund('bob', 'q1', lines => '{1}', line_amounts => '{270.01}');
\echo :SQLSTATE
SELECT voucher.refund('bob', 'q1', lines => '{3}');
\echo :SQLSTATE
SELECT voucher.refund('bob', 'q1', lines => '{1,1}', line_amounts => '{1,1}');
\echo :SQLSTATE
SELECT voucher.refund('bob', 'q1', lines => '{}');
\echo :SQLSTATE
SELECT voucher.refund('bob', 'q1', lines => '{NULL}');
\echo :SQLSTATE
SELECT voucher.refund('bob', 'q1', lines => '{1}', line_amounts => '{1,1}');
\echo :SQLSTATE
SELECT voucher.refund('bob', 'q1', line_amounts => '{1}');
\echo :SQLSTATE
SELECT voucher.refund('bob', 'q1', lines => '{1}', line_amounts => '{0}');
\echo :SQLSTATE
SELECT voucher.refund('bob', 'q1', lines => '{1}', line_amounts => '{0.001}');
\echo :SQLSTATE
SELECT voucher.refund('bob', 'q1', 10, lines => '{1}');
\echo :SQLSTATE
-- by amount no more, but for all that is left
SELECT voucher.refund('bob', 'q1', 10);
\echo :SQLSTATE
-- 100.01 of 270: 162 * 100.01 / 270 = 60.006 -> 60.01, 108 * 100.01 / 270 = 40.004 -> 40.00
SELECT amount, refunded_cash, returned FROM voucher.refund('bob', 'q1', lines => '{1}', line_amounts => '{100.01}', at => '2026-01-03');
SELECT amount, requested, refunded_cash, returned FROM voucher.refund('bob', 'q1', at => '2026-01-03');
SELECT balance, used FROM voucher.instrument WHERE instrument_id = :v;
-- nor by lines after a refund by amount
SELECT cash FROM voucher.settle('bob', 'q2', 'ecs', 'renewal', 100, voucher => 'none', at => '2026-01-02');
SELECT amount FROM voucher.refund('bob', 'q2', 10, at => '2026-01-03');
SELECT voucher.refund('bob', 'q2', lines => '{1}');
\echo :SQLSTATE
-- Below the minor unit: 0.005 + 0.005 + 0.014 = 0.024 is 0.02 in cash. Whole
-- cents of the lines: none each and 0.01; the second cent is that of the largest
-- rest, 0.005 of line 1
SELECT gross, rounding, cash FROM voucher.settle('bob', 'q3', lines => ARRAY[voucher.line('ecs', 'renewal', 0.005), voucher.line('ecs', 'renewal', 0.005), voucher.line('oss', 'renewal', 0.014)], voucher => 'none', at => '2026-01-02');
SELECT voucher.refund('bob', 'q3', lines => '{2}');
\echo :SQLSTATE
SELECT amount FROM voucher.refund('bob', 'q3', lines => '{3}', at => '2026-01-03');
SELECT amount FROM voucher.refund('bob', 'q3', lines => '{1}', at => '2026-01-03');
-- A credit line lessens what the others came to: 60 + 40 - 20 = 80, so 48 and 32
SELECT cash FROM voucher.settle('bob', 'q4', lines => ARRAY[voucher.line('ecs', 'usage', 60), voucher.line('ecs', 'usage', 40), voucher.line('ecs', 'usage', -20)], payment_type => 'pay_as_you_go', voucher => 'none', at => '2026-01-02');
SELECT voucher.refund('bob', 'q4', lines => '{1}', line_amounts => '{48.01}');
\echo :SQLSTATE
SELECT amount FROM voucher.refund('bob', 'q4', lines => '{1,2}', at => '2026-01-03');
-- A currency that has lost digits: half up, 0.015 and 0.025 of 1 were 0.02 and
-- 0.03, which is more than was asked for; the last one gets 1 - 0.025
INSERT INTO voucher.currency (currency, minor_digits) VALUES ('XTS', 4);
SELECT voucher.open_account('carol', 'XTS'), voucher.deposit('carol', 1);
SELECT cash FROM voucher.settle('carol', 'x1', 'ecs', 'renewal', 1, at => '2026-01-02');
SELECT amount, refunded, refunded_cash FROM voucher.refund('carol', 'x1', 0.005, at => '2026-01-03');
UPDATE voucher.currency SET minor_digits = 2 WHERE currency = 'XTS';
SELECT amount, refunded, refunded_cash FROM voucher.refund('carol', 'x1', 0.01, at => '2026-01-03');
SELECT amount, refunded, refunded_cash FROM voucher.refund('carol', 'x1', 0.01, at => '2026-01-03');
SELECT amount, refunded, refunded_cash FROM voucher.refund('carol', 'x1', at => '2026-01-03');
SELECT * FROM voucher.check();
