-- Deduction policies: each shipped one by an example that is worked out by
-- hand, one of a user's own, defaults, many vouchers, charges, and what names
-- and refuses vouchers.
\set QUIET 1
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;

SELECT * FROM no_plan() \g /dev/null

SELECT voucher.register_product(p) FROM unnest('{ecs,oss,rds}'::text[]) AS p \g /dev/null

-- One account per example; a voucher is named by its template. All are issued
-- on 1 March; "days" is how long it is valid.
CREATE FUNCTION pg_temp.give(account text, name text, face numeric, days integer, scope text DEFAULT '*', priority integer DEFAULT 0,
                             issued timestamptz DEFAULT '2026-03-01', start timestamptz DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM voucher.open_account(account, 'CNY');
    PERFORM voucher.create_template(account || ' ' || name, 'voucher', 'CNY', face_value => face::voucher.amount, scope => scope::voucher.scope,
                                    priority => priority, valid => tstzrange(start, '2026-03-01'::timestamptz + days * interval '1 day'));
    PERFORM voucher.grant(account, account || ' ' || name, at => issued);
END
$$;

-- What was used, in order: "name amount", and what cash is left to pay.
CREATE FUNCTION pg_temp.used(policy text, lines voucher.line[], account text DEFAULT NULL, voucher text DEFAULT 'auto') RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(', ', (SELECT string_agg(format('%s %s', split_part(t.name, ' ', 2), p.paid), ', ' ORDER BY p.part)
                            FROM unnest(q.parts) WITH ORDINALITY AS p (instrument_id, paid, share, part)
                            JOIN voucher.instrument AS n USING (instrument_id) JOIN voucher.template AS t USING (template_id)), 'cash ' || q.cash)
    FROM voucher.quote(COALESCE($3, $1), lines => $2, policy => $1, payment_type => 'pay_as_you_go', voucher => $4, at => '2026-03-10') AS q
$$;
CREATE FUNCTION pg_temp.bill(VARIADIC numeric[]) RETURNS voucher.line[] LANGUAGE sql AS $$
    SELECT array_agg(voucher.line((ARRAY['ecs','oss','rds'])[j], 'usage', a::voucher.amount) ORDER BY j) FROM unnest($1) WITH ORDINALITY AS u (a, j)
$$;

-- largest: one. "small" pays 60 of ecs 60; "big" has more but covers oss alone,
-- of which there is 40; "even" pays 60 too, with a smaller balance.
SELECT pg_temp.give('largest', 'even', 60, 30), pg_temp.give('largest', 'small', 80, 90, 'ecs'), pg_temp.give('largest', 'big', 500, 30, 'oss') \g /dev/null
SELECT is(pg_temp.used('largest', pg_temp.bill(60, 40)), 'small 60.00, cash 40.00', 'largest: the one that deducts most, then the larger balance');

-- alibaba: one, the largest balance, though it deducts less.
SELECT is(pg_temp.used('alibaba', pg_temp.bill(60, 40), 'largest'), 'big 40.00, cash 60.00', 'alibaba: the largest balance');
-- Equal balances: the earlier expiry; equal expiries: the earlier issue.
SELECT pg_temp.give('alibaba', 'late', 50, 90), pg_temp.give('alibaba', 'young', 50, 30, issued => '2026-03-02'), pg_temp.give('alibaba', 'old', 50, 30) \g /dev/null
SELECT is(pg_temp.used('alibaba', pg_temp.bill(100)), 'old 50.00, cash 50.00', 'alibaba: then the earlier expiry, then the earlier issue');
SELECT is(pg_temp.used('alibaba', pg_temp.bill(100), voucher => (SELECT 'not ' || instrument_id FROM voucher.vouchers WHERE template = 'alibaba old')),
          'young 50.00, cash 50.00', 'alibaba: the next one where the first is refused');

-- tencent: ecs 60, oss 100. "soon" expires first: 20. Of the two that expire on
-- day 30, "wide" could deduct 70 and "ecs" 40: wide first. It pays 70 of the 140
-- that soon has left (ecs 52.50, oss 87.50 of 60 : 100), half of each, which
-- leaves ecs 26.25 for "ecs". oss 43.75 is left in cash.
SELECT pg_temp.give('tencent', 'ecs', 40, 30, 'ecs'), pg_temp.give('tencent', 'wide', 70, 30), pg_temp.give('tencent', 'soon', 20, 20) \g /dev/null
SELECT is(pg_temp.used('tencent', pg_temp.bill(60, 100)), 'soon 20.00, wide 70.00, ecs 26.25, cash 43.75', 'tencent: expiry, then what it could deduct');
-- both could deduct rds 10; ids are the other way round
SELECT pg_temp.give('tencent2', 'more', 30, 30, 'rds'), pg_temp.give('tencent2', 'less', 20, 30, 'rds') \g /dev/null
SELECT is(pg_temp.used('tencent', pg_temp.bill(1, 1, 10), 'tencent2'), 'less 10.00, cash 2.00', 'tencent: then the smaller balance');

-- huawei: restricted ones by expiry, then universal ones by expiry: 30 and 10 of
-- ecs, then 20 of what is left, 20 + 100, then 50.
SELECT pg_temp.give('huawei', 'anything', 50, 40), pg_temp.give('huawei', 'soon', 20, 20), pg_temp.give('huawei', 'ecs', 10, 60, 'ecs'),
       pg_temp.give('huawei', 'two', 30, 50, 'ecs, rds') \g /dev/null
SELECT is(pg_temp.used('huawei', pg_temp.bill(60, 100)), 'two 30.00, ecs 10.00, soon 20.00, anything 50.00, cash 50.00', 'huawei: restricted before universal, then expiry');

-- baidu: single-product ones first; "two" covers two, so it comes with the
-- universal ones by expiry; at equal expiry the smaller balance.
SELECT pg_temp.give('baidu', 'anything', 50, 40), pg_temp.give('baidu', 'less', 20, 40), pg_temp.give('baidu', 'ecs', 10, 60, 'ecs'),
       pg_temp.give('baidu', 'two', 30, 50, 'ecs, rds') \g /dev/null
-- ecs 60 - 10 = 50, oss 100: less 20 takes 6.67 of ecs (50/150 of 20 = 6.667, the
-- larger remainder), anything 50 takes 16.67 of ecs, so two finds 26.66 of ecs
SELECT is(pg_temp.used('baidu', pg_temp.bill(60, 100)), 'ecs 10.00, less 20.00, anything 50.00, two 26.66, cash 53.34', 'baidu: one product first, then expiry, then the smaller balance');

-- aws: expiry, then the fewest products, then the older; each pays the largest
-- charge first. ecs 30, oss 100, rds 50.
-- "soon" 40 of oss: 60. "one" (rds) 20 of rds: 30. "old" and "young" (anything,
-- same expiry): old 70 = oss 60 + 10; of ecs 30 and rds 30 the lower line is
-- first, so ecs 20, rds 30; young 25 = rds 25: ecs 20, rds 5 in cash.
SELECT pg_temp.give('aws', 'young', 25, 40, issued => '2026-03-02'), pg_temp.give('aws', 'old', 70, 40), pg_temp.give('aws', 'one', 20, 40, 'rds'),
       pg_temp.give('aws', 'soon', 40, 20) \g /dev/null
SELECT is(pg_temp.used('aws', pg_temp.bill(30, 100, 50)), 'soon 40.00, one 20.00, old 70.00, young 25.00, cash 25.00', 'aws: expiry, fewest products, age');
SELECT is((SELECT string_agg(share::text, ' ' ORDER BY j) FROM unnest((voucher.quote('aws', lines => pg_temp.bill(30, 100, 50), policy => 'aws', at => '2026-03-10')).parts)
           WITH ORDINALITY AS p (instrument_id, paid, share, j)),
          '{0.00,40.00,0.00} {0.00,0.00,20.00} {10.00,60.00,0.00} {0.00,0.00,25.00}', 'aws: the largest charge first, ties by line number');

-- metronome: priority 1 before 2; within it one product, then the earlier
-- expiry, then the earlier start. 100 of ecs: 5 + 10 + 20 + 25 + 30 = 90.
SELECT pg_temp.give('metronome', 'second', 30, 10, 'ecs', 2), pg_temp.give('metronome', 'wide', 25, 20, '*', 1), pg_temp.give('metronome', 'later', 20, 50, 'ecs', 1),
       pg_temp.give('metronome', 'started', 10, 40, 'ecs', 1, start => '2026-03-02'), pg_temp.give('metronome', 'first', 5, 40, 'ecs', 1, start => '2026-03-01') \g /dev/null
SELECT is(pg_temp.used('metronome', pg_temp.bill(100)), 'first 5.00, started 10.00, later 20.00, wide 25.00, second 30.00, cash 10.00', 'metronome: priority, fewest products, expiry, start');

-- openmeter: priority, expiry (one that never expires last), issue, id.
SELECT pg_temp.give('openmeter', 'never', 10, NULL, '*', 1), pg_temp.give('openmeter', 'late', 10, 60, '*', 1), pg_temp.give('openmeter', 'young', 10, 30, '*', 1, '2026-03-02'),
       pg_temp.give('openmeter', 'old', 10, 30, '*', 1), pg_temp.give('openmeter', 'twin', 10, 30, '*', 1), pg_temp.give('openmeter', 'second', 10, 10, '*', 2) \g /dev/null
SELECT is(pg_temp.used('openmeter', pg_temp.bill(100)), 'old 10.00, twin 10.00, young 10.00, late 10.00, never 10.00, second 10.00, cash 40.00', 'openmeter: priority, expiry, issue, id');

-- one of a user's own: at most two, the smallest first, the smallest charges first
INSERT INTO voucher.policy (policy, vouchers_per_order, sort, charges) VALUES ('mine', 2, '{balance_asc}', '{amount_asc}');
SELECT is(pg_temp.used('mine', pg_temp.bill(30, 100, 50), 'aws'), 'one 20.00, young 25.00, cash 135.00', 'a policy of a user''s own: two at most, smallest first');
SELECT is((SELECT share::text FROM unnest((voucher.quote('aws', lines => pg_temp.bill(30, 100, 50), policy => 'mine', voucher => (SELECT instrument_id::text FROM voucher.vouchers WHERE template = 'aws soon'),
           at => '2026-03-10')).parts)), '{30.00,0.00,10.00}', 'and the smallest charge first: 30 of ecs, then 10 of rds');

-- every key that the table lets in is known to the code
INSERT INTO voucher.policy (policy, sort, charges)
SELECT 'with ' || key, ARRAY[key], '{}' FROM (SELECT unnest(regexp_match(pg_get_constraintdef(oid), '\{([^}]*)\}')) AS keys FROM pg_constraint WHERE conname = 'policy_sort_check') AS c, unnest(string_to_array(keys, ',')) AS key;
INSERT INTO voucher.policy (policy, sort, charges)
SELECT 'by ' || key, '{}', ARRAY[key] FROM (SELECT unnest(regexp_match(pg_get_constraintdef(oid), '\{([^}]*)\}')) AS keys FROM pg_constraint WHERE conname = 'policy_charges_check') AS c, unnest(string_to_array(keys, ',')) AS key;
SELECT is(count(*), 13::bigint, 'ten sort keys and three orders of charges') FROM voucher.policy WHERE policy ~ '^(with|by) ';
SELECT lives_ok(format('SELECT voucher.quote(''aws'', ''ecs'', ''usage'', 100, policy => %L, at => ''2026-03-10'')', policy), policy || ' is understood') FROM voucher.policy ORDER BY policy;
SELECT throws_ok($$INSERT INTO voucher.policy (policy, sort) VALUES ('x', '{best}')$$, '23514', NULL, 'an unknown sort key is refused');
SELECT throws_ok($$INSERT INTO voucher.policy (policy, sort) VALUES ('x', '{NULL}')$$, '23514', NULL, 'so is a null one');
SELECT throws_ok($$INSERT INTO voucher.policy (policy, sort, charges) VALUES ('x', '{}', '{big}')$$, '23514', NULL, 'an unknown order of charges is refused');
SELECT throws_ok($$INSERT INTO voucher.policy (policy, sort, vouchers_per_order) VALUES ('x', '{}', 0)$$, '23514', NULL, 'an order that takes no voucher is none');

-- defaults
SELECT voucher.deposit('aws', 1000, at => '2026-03-01') \g /dev/null
SELECT is((voucher.quote('aws', 'ecs', 'usage', 30, payment_type => pay, at => '2026-03-10')).policy, policy, pay || ' unless told')
FROM (VALUES ('subscription', 'largest'), ('pay_as_you_go', 'tencent')) AS v (pay, policy);
INSERT INTO voucher.default_policy VALUES ('pay_as_you_go', 'aws');
SELECT is((voucher.quote('aws', 'ecs', 'usage', 30, payment_type => 'pay_as_you_go', at => '2026-03-10')).policy, 'aws', 'the default of a payment type is a row');
SELECT is((voucher.quote('aws', 'ecs', 'usage', 30, at => '2026-03-10')).policy, 'largest', 'of that payment type alone');
SELECT voucher.settle('aws', 'o1', lines => pg_temp.bill(30, 100, 50), payment_type => 'pay_as_you_go', at => '2026-03-10') \g /dev/null
SELECT is((SELECT policy FROM voucher.settlement WHERE order_id = 'o1'), 'aws', 'the settlement names the policy');
UPDATE voucher.default_policy SET policy = 'huawei';
SELECT is((voucher.settle('aws', 'o1', lines => pg_temp.bill(30, 100, 50), payment_type => 'pay_as_you_go')).policy, 'aws', 'a repeated settle that names none gets what was settled, though the default has changed');
SELECT is((voucher.settle('aws', 'o1', lines => pg_temp.bill(30, 100, 50), payment_type => 'pay_as_you_go', policy => 'aws')).cash::text, '25.00', 'so does one that names the same');
SELECT throws_ok($$SELECT voucher.settle('aws', 'o1', lines => pg_temp.bill(30, 100, 50), payment_type => 'pay_as_you_go', policy => 'huawei')$$, 'VC301', NULL, 'one that names another is refused');
SELECT throws_ok($$SELECT voucher.quote('aws', 'ecs', 'usage', 30, policy => 'nobody')$$, 'VC011', NULL, 'an unknown policy is refused');
SELECT throws_ok($$UPDATE voucher.policy SET sort = '{}' WHERE policy = 'mine'$$, 'VC401', NULL, 'a policy does not change');
SELECT throws_ok($$DELETE FROM voucher.policy WHERE policy = 'mine'$$, 'VC401', NULL, 'nor does it go');
SELECT is((SELECT count(*) FROM voucher.entry WHERE order_id = 'o1' AND amount OPERATOR(voucher.<) 0), 4::bigint, 'each of the vouchers has its entry');

-- naming and refusing: ids 1 to 3 of an account, 10 each
SELECT pg_temp.give('ann', 'a', 10, 30), pg_temp.give('ann', 'b', 10, 40), pg_temp.give('ann', 'c', 10, 50) \g /dev/null
SELECT min(instrument_id) AS a, min(instrument_id) + 1 AS b, min(instrument_id) + 2 AS c FROM voucher.instrument WHERE account_id = 'ann' \gset
SELECT is(pg_temp.used('huawei', pg_temp.bill(100), 'ann', format('%s, %s', :c, :a)), 'a 10.00, c 10.00, cash 80.00', 'named ones are used in the policy''s order');
SELECT is(pg_temp.used('huawei', pg_temp.bill(100), 'ann', format('%s,%s', :a, :a)), 'a 10.00, cash 90.00', 'one that is named twice is used once');
SELECT is(pg_temp.used('huawei', pg_temp.bill(100), 'ann', format('not %s', :a)), 'b 10.00, c 10.00, cash 80.00', 'all but one');
SELECT is(pg_temp.used('huawei', pg_temp.bill(100), 'ann', format('not %s,%s', :a, :c)), 'b 10.00, cash 90.00', 'all but two');
SELECT throws_ok(format($$SELECT pg_temp.used('mine', pg_temp.bill(100), 'ann', '%s,%s,%s')$$, :a, :b, :c), '22023', NULL, 'more than the policy takes');
SELECT throws_ok($$SELECT pg_temp.used('huawei', pg_temp.bill(100), 'ann', '999999')$$, 'VC007', NULL, 'one that is not there cannot be named');
SELECT throws_ok($$SELECT pg_temp.used('huawei', pg_temp.bill(100), 'ann', 'not 999999')$$, 'VC007', NULL, 'nor refused');
SELECT throws_ok(format($$SELECT pg_temp.used('huawei', pg_temp.bill(100), 'ann', %L)$$, c), '22023', NULL, format('"%s" is no choice', c))
FROM unnest('{not,"not ",not none,auto 1,"1 2",-1,"1;2"}'::text[]) AS c;

SELECT throws_ok(format($$SELECT pg_temp.used('huawei', pg_temp.bill(100), 'ann', '%s,')$$, :a), '22023', NULL, 'a comma is followed by an id');

-- a hundred vouchers on one order, each with its entry, and a bill of lines
SELECT voucher.open_account('many', 'CNY'), voucher.deposit('many', 1000, at => '2026-03-01') \g /dev/null
SELECT voucher.create_template('penny', 'voucher', 'CNY', face_value => 1.5) \g /dev/null
SELECT voucher.grant('many', 'penny', at => '2026-03-01') FROM generate_series(1, 100) \g /dev/null
SELECT voucher.settle('many', 'bill', lines => (SELECT array_agg(voucher.line('ecs', 'usage', 0.123456)) FROM generate_series(1, 2000)), policy => 'openmeter', at => '2026-03-10') AS s \g /dev/null
-- 246.912 = rounding 0.002 + 100 × 1.50 + 96.91
SELECT is(format('%s %s %s %s', rounding, voucher, cash, cardinality(parts)), '0.002 150.00 96.91 100', 'a hundred vouchers pay one bill') FROM voucher.settlement WHERE order_id = 'bill';

-- of two that go with no other voucher and pay the same, the one that the policy
-- has first, though it was issued last
SELECT voucher.open_account('alone', 'CNY') \g /dev/null
SELECT voucher.create_template('alone ' || name, 'voucher', 'CNY', face_value => 50, excludes => '{voucher}', valid_for => days * interval '1 day'), voucher.grant('alone', 'alone ' || name, at => '2026-03-01')
FROM (VALUES ('late', 90), ('soon', 30)) AS v (name, days) \g /dev/null
SELECT is(pg_temp.used('tencent', pg_temp.bill(100), 'alone'), 'soon 50.00, cash 50.00', 'the earlier expiry of two that go with no other');

-- what is too much to try says so: 14 that reduce, each or not, under a late threshold
SELECT voucher.open_account('bound', 'CNY') \g /dev/null
SELECT voucher.create_template('r', 'voucher', 'CNY', face_value => 1, effect => 'reduction'), voucher.create_template('late', 'voucher', 'CNY', face_value => 50, threshold => 100, threshold_after => true) \g /dev/null
SELECT voucher.grant('bound', 'late', at => '2026-03-01'), (SELECT count(voucher.grant('bound', 'r', at => '2026-03-01')) FROM generate_series(1, 13)) \g /dev/null
-- 101: thirteen take 13 off; one and the late one 51
SELECT is(format('%s %s', cash, exact), '50.00 t', '2^13 combinations are tried') FROM voucher.quote('bound', 'ecs', 'usage', 101, policy => 'openmeter');
SELECT voucher.grant('bound', 'r', at => '2026-03-01') \g /dev/null
SELECT is(format('%s', exact), 'f', '2^14 are not, and the answer says so') FROM voucher.quote('bound', 'ecs', 'usage', 101, policy => 'openmeter');

SELECT is_empty('SELECT * FROM voucher.check()', 'all ledgers are sound');
SELECT * FROM finish();
ROLLBACK;
