--
-- order: the lines of an order
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

SELECT voucher.register_product(p) FROM unnest('{ecs,oss,rds}'::text[]) AS p;
SELECT voucher.open_account('alice', 'CNY', at => '2026-01-01');
SELECT voucher.deposit('alice', 1000, at => '2026-01-01');
SELECT voucher.create_template('cash 100', 'voucher', 'CNY', face_value => 100, scope => 'ecs, oss');
SELECT voucher.grant('alice', 'cash 100', at => '2026-01-01');

SELECT voucher.line('ecs', 'purchase', 100);
SELECT (voucher.line('ecs', 'renewal', 99.5, duration => '1 year', line_no => 7)).*;

-- Lines are numbered by their position unless they say otherwise.  The voucher
-- covers ecs and oss: 100 of 150 in the proportion 100 : 50 is 66.666 and
-- 33.333; the cent left goes to the larger remainder, 66.67 + 33.33
SELECT gross, voucher, cash, ARRAY(SELECT share FROM unnest(parts)) AS shares
FROM voucher.quote('alice', lines => ARRAY[voucher.line('ecs', 'purchase', 100, '1 year'), voucher.line('oss', 'purchase', 50),
                                           voucher.line('rds', 'purchase', 0.01)], at => '2026-01-02');
SELECT ARRAY(SELECT line_no FROM unnest(lines)) AS line_no
FROM voucher.quote('alice', lines => ARRAY[voucher.line('ecs', 'purchase', 100, line_no => 20), voucher.line('oss', 'purchase', 50),
                                           voucher.line('rds', 'purchase', 0.01, line_no => -1)], at => '2026-01-02');
SELECT gross, cash FROM voucher.settle('alice', 'o1',
    lines => ARRAY[voucher.line('ecs', 'purchase', 100, '1 year'), voucher.line('oss', 'purchase', 50), voucher.line('rds', 'purchase', 0.01)],
    at => '2026-01-02');
SELECT line_no, product, order_type, amount, duration, discount, voucher, cash FROM voucher.settlement_line ORDER BY line_no;
SELECT part, kind, instrument_id, template, paid FROM voucher.settlement_part;
SELECT product, order_id FROM voucher.purchase ORDER BY product;

-- One line is written without an array; it is the same order
SELECT cash FROM voucher.settle('alice', 'o2', 'rds', 'renewal', 12.5, '1 month', at => '2026-01-03');
SELECT cash FROM voucher.settle('alice', 'o2', lines => ARRAY[voucher.line('rds', 'renewal', 12.5, '1 month')], at => '2026-01-03');
SELECT order_id, line_no, duration FROM voucher.settlement_line ORDER BY order_id, line_no;

-- List prices may be finer than the minor unit; what is due is cut down to it,
-- once: 0.005 + 0.015 = 0.02, but 0.005 + 0.0199 = 0.0249 = 0.02 + 0.0049
SELECT gross, rounding, cash FROM voucher.quote('alice', lines => ARRAY[voucher.line('rds', 'usage', 0.005), voucher.line('rds', 'usage', 0.015)],
                                                payment_type => 'pay_as_you_go', at => '2026-01-04');
SELECT gross, rounding, cash FROM voucher.quote('alice', lines => ARRAY[voucher.line('rds', 'usage', 0.005), voucher.line('rds', 'usage', 0.0199)],
                                                payment_type => 'pay_as_you_go', at => '2026-01-04');
-- Too little to be due
SELECT gross, rounding, cash FROM voucher.quote('alice', 'rds', 'usage', 0.00000001, payment_type => 'pay_as_you_go', at => '2026-01-04');

-- Two lines with one number: said twice, or said and counted
SELECT voucher.quote('alice', lines => ARRAY[voucher.line('ecs', 'purchase', 1, line_no => 3), voucher.line('oss', 'purchase', 1, line_no => 3)], at => '2026-01-04');
\echo :SQLSTATE
SELECT voucher.quote('alice', lines => ARRAY[voucher.line('ecs', 'purchase', 1, line_no => 2), voucher.line('oss', 'purchase', 1)], at => '2026-01-04');
\echo :SQLSTATE

-- Region and tags are a line's own, and a part of what a repeated call repeats
SELECT voucher.create_template('test', 'voucher', 'CNY', face_value => 100, scope => 'rds:usage',
                               regions => '{cn-hangzhou}', tags => '{"environment": "test"}');
SELECT voucher.grant('alice', 'test', at => '2026-01-05') AS test \gset
SELECT gross, voucher FROM voucher.settle('alice', 'o3', payment_type => 'pay_as_you_go', at => '2026-01-05', lines => ARRAY[
    voucher.line('rds', 'usage', 1, region => 'cn-hangzhou', tags => '{"team": "a", "environment": "test"}'),
    voucher.line('rds', 'usage', 2, region => 'cn-beijing', tags => '{"environment": "test"}'),
    voucher.line('rds', 'usage', 4, region => 'cn-hangzhou', tags => '{"environment": "live"}'),
    voucher.line('rds', 'usage', 8, region => 'cn-hangzhou'),
    voucher.line('rds', 'usage', 16, tags => '{"environment": "test"}')]);
SELECT line_no, region, tags, voucher FROM voucher.settlement_line WHERE order_id = 'o3' ORDER BY line_no;
SELECT m.reason, m.detail FROM (VALUES ('cn-beijing', '{"environment": "test"}'::jsonb), ('cn-hangzhou', '{"environment": "live"}'), (NULL, NULL), ('cn-hangzhou', NULL)) AS l (region, tags)
CROSS JOIN LATERAL voucher.match('alice', payment_type => 'pay_as_you_go', at => '2026-01-05',
                                 lines => ARRAY[voucher.line('rds', 'usage', 1, region => l.region, tags => l.tags)]) AS m WHERE m.template = 'test';
SELECT voucher.quote('alice', payment_type => 'pay_as_you_go', at => '2026-01-05', voucher => :'test',
                     lines => ARRAY[voucher.line('rds', 'usage', 1, region => 'cn-beijing')]);
\echo :SQLSTATE
SELECT voucher.quote('alice', payment_type => 'pay_as_you_go', at => '2026-01-05', voucher => :'test',
                     lines => ARRAY[voucher.line('rds', 'usage', 1, region => 'cn-hangzhou')]);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'o4', at => '2026-01-05', lines => ARRAY[voucher.line('rds', 'usage', 1, region => 'x', tags => '{"a": 1}')]) IS NULL AS nothing;
SELECT voucher.settle('alice', 'o4', at => '2026-01-05', lines => ARRAY[voucher.line('rds', 'usage', 1, region => 'y', tags => '{"a": 1}')]);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'o4', at => '2026-01-05', lines => ARRAY[voucher.line('rds', 'usage', 1, region => 'x', tags => '{"a": 2}')]);
\echo :SQLSTATE
SELECT voucher.quote('alice', at => '2026-01-05', lines => ARRAY[voucher.line('rds', 'usage', 1, tags => '["a"]')]);
\echo :SQLSTATE
SELECT * FROM voucher.check();
