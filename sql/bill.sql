--
-- bill: pay-as-you-go bills, whose lines have times, cost nothing, or are credits
--
\set SHOW_CONTEXT never
\pset null '(null)'
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS voucher CASCADE;
CREATE EXTENSION voucher;
RESET client_min_messages;

SELECT p, voucher.register_product(p) FROM unnest('{ecs,oss}'::text[]) AS p;
SELECT voucher.open_account('alice', 'CNY', at => '2026-01-01'), voucher.deposit('alice', 100, at => '2026-01-01');
SELECT voucher.create_template('january', 'voucher', 'CNY', face_value => 100, scope => 'ecs', valid => '[2026-01-01, 2026-02-01)');
SELECT voucher.grant('alice', 'january', at => '2026-01-01') AS january \gset

-- The time of consumption decides validity, though the bill comes later: 10 and
-- 7 are of January, 20 is of February to the microsecond, and 40 has no time of
-- its own.  A line that costs nothing gets nothing, and neither does a credit.
SELECT gross, voucher, cash FROM voucher.settle('alice', 'march bill', payment_type => 'pay_as_you_go', at => '2026-03-01', lines => ARRAY[
    voucher.line('ecs', 'usage', 10, at => '2026-01-31 23:59:59.999999'),
    voucher.line('ecs', 'usage', 20, at => '2026-02-01'),
    voucher.line('ecs', 'usage', 0, at => '2026-01-15'),
    voucher.line('ecs', 'usage', -3, at => '2026-01-15'),
    voucher.line('oss', 'usage', 5, at => '2026-01-15'),
    voucher.line('ecs', 'usage', 40),
    voucher.line('ecs', 'usage', 7, at => '2026-01-01')]);
SELECT line_no, amount, at, voucher, cash FROM voucher.settlement_line ORDER BY line_no;
-- Where no line is of its time, it says which time it was held against
SELECT reason, detail FROM voucher.match('alice', payment_type => 'pay_as_you_go', at => '2026-01-15',
    lines => ARRAY[voucher.line('ecs', 'usage', 1, at => '2026-02-01'), voucher.line('ecs', 'usage', 1, at => '2025-12-31')]);
SELECT reason, detail FROM voucher.match('alice', payment_type => 'pay_as_you_go', at => '2026-02-01',
    lines => ARRAY[voucher.line('ecs', 'usage', 1), voucher.line('ecs', 'usage', 1, at => '2026-02-02')]);
-- The time is a part of what a repeated call repeats
SELECT voucher.settle('alice', 'small', 'oss', 'usage', 1, payment_type => 'pay_as_you_go', at => '2026-03-01') IS NULL AS nothing;
SELECT voucher.settle('alice', 'small', payment_type => 'pay_as_you_go', at => '2026-03-01', lines => ARRAY[voucher.line('oss', 'usage', 1, at => '2026-03-01')]);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'late', payment_type => 'pay_as_you_go', lines => ARRAY[voucher.line('oss', 'usage', 1, at => 'infinity')]);
\echo :SQLSTATE

-- A credit leaves less of the bill than of the lines that a voucher or coupon
-- covers: of 10 - 8 = 2 the coupon takes 2 of its 5, and without it the voucher
-- pays 2 of its 83.
SELECT voucher.create_template('five off', 'coupon', 'CNY', face_value => 5, scope => 'ecs');
SELECT voucher.grant('alice', 'five off', at => '2026-01-01') AS five \gset
SELECT gross, discount, voucher, cash, (parts[1]).share FROM voucher.quote('alice', payment_type => 'pay_as_you_go', at => '2026-01-20',
    lines => ARRAY[voucher.line('ecs', 'usage', 10), voucher.line('ecs', 'usage', -8)]);
SELECT gross, discount, voucher, cash, (parts[1]).share FROM voucher.quote('alice', payment_type => 'pay_as_you_go', at => '2026-01-20', coupon => 'none',
    lines => ARRAY[voucher.line('ecs', 'usage', 10), voucher.line('ecs', 'usage', -8)]);
-- To the last unit below the minor one: 10 - 7.995 = 2.005 = 2 + 0.005
SELECT gross, discount, rounding, voucher, cash FROM voucher.quote('alice', payment_type => 'pay_as_you_go', at => '2026-01-20', coupon => 'none',
    lines => ARRAY[voucher.line('ecs', 'usage', 10), voucher.line('ecs', 'usage', -7.995)]);
SELECT gross, discount, rounding, voucher, cash FROM voucher.quote('alice', payment_type => 'pay_as_you_go', at => '2026-01-20',
    lines => ARRAY[voucher.line('ecs', 'usage', 10), voucher.line('ecs', 'usage', -7.995)]);
-- A bill may come to nothing, not to less
SELECT gross, cash, parts FROM voucher.settle('alice', 'nothing', payment_type => 'pay_as_you_go', at => '2026-01-20',
    lines => ARRAY[voucher.line('ecs', 'usage', 5), voucher.line('ecs', 'usage', -5)]);
SELECT voucher.settle('alice', 'less', payment_type => 'pay_as_you_go', at => '2026-01-20',
    lines => ARRAY[voucher.line('ecs', 'usage', 5), voucher.line('ecs', 'usage', -5.00000001)]);
\echo :SQLSTATE
-- A subscription has no such lines
SELECT voucher.settle('alice', 'zero', 'ecs', 'purchase', 0, at => '2026-01-20');
\echo :SQLSTATE

SELECT currency, balance FROM voucher.account;
SELECT template, balance FROM voucher.list('alice', at => '2026-01-20') ORDER BY template;
SELECT * FROM voucher.check();
