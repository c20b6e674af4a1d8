-- The seed, S1 to S6: what an order matches, one voucher and one promo code,
-- balances used until they are gone, the list, the statement, activation.
-- Each description begins with the row of the seed that it tests.
\set QUIET 1
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;

SELECT plan(79);

-- A settlement as its identity: gross = the parts that are not zero.
CREATE FUNCTION pg_temp.bill(s voucher.settlement) RETURNS text LANGUAGE sql AS $$
    SELECT s.gross || ' = ' || string_agg(p.name || ' ' || p.value, ' + ' ORDER BY p.place)
    FROM (VALUES (1, 'discount', s.discount), (2, 'rounding', s.rounding),
                 (3, 'voucher', s.voucher), (4, 'cash', s.cash)) AS p (place, name, value)
    WHERE p.value OPERATOR(voucher.<>) 0
$$;

-- The templates of a settlement's parts, in the order of deduction.
CREATE FUNCTION pg_temp.used(s voucher.settlement) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(t.name, ', ' ORDER BY u.part)
    FROM unnest(s.parts) WITH ORDINALITY AS u (instrument_id, paid, share, part)
    JOIN voucher.instrument AS i ON i.account_id = s.account_id AND i.instrument_id = u.instrument_id
    JOIN voucher.template AS t ON t.template_id = i.template_id
$$;

SELECT voucher.register_product(p) FROM unnest('{ecs,oss,rds,mail}'::text[]) AS p \g /dev/null
SELECT voucher.register_product('domain', universal => false) \g /dev/null

-- ---------------------------------------------------------------------------
-- S1: product, payment type and amount, for all three kinds
-- ---------------------------------------------------------------------------

SELECT voucher.open_account('ann', 'CNY') \g /dev/null
SELECT voucher.create_template(name, kind, 'CNY', face_value => face, discount_rate => rate, threshold => least,
                               scope => scope::voucher.scope, payment_type => pays, promo_code => code)
FROM (VALUES
    ('v-any',      'voucher',    100::voucher.amount, NULL::numeric, 0::voucher.amount, '*',            NULL,            NULL),
    ('v-ecs',      'voucher',    90,                  NULL,          0,                 'ecs',          'subscription',  NULL),
    ('v-ecs-use',  'voucher',    80,                  NULL,          0,                 'ecs',          'pay_as_you_go', NULL),
    ('v-oss',      'voucher',    70,                  NULL,          0,                 'oss',          NULL,            NULL),
    ('v-1000',     'voucher',    60,                  NULL,          1000,              '*',            NULL,            NULL),
    ('c-ecs',      'coupon',     NULL,                0.25,          0,                 'ecs:purchase', 'subscription',  NULL),
    ('c-ecs-use',  'coupon',     NULL,                0.5,           0,                 'ecs',          'pay_as_you_go', NULL),
    ('c-rds',      'coupon',     40,                  NULL,          0,                 'rds',          NULL,            NULL),
    ('c-1000',     'coupon',     30,                  NULL,          1000,              'ecs',          NULL,            NULL),
    ('p-ecs',      'promo_code', 20,                  NULL,          0,                 'ecs',          'subscription',  'ECS20'),
    ('p-1000',     'promo_code', 200,                 NULL,          1000,              '*',            NULL,            'BIG200'))
    AS t (name, kind, face, rate, least, scope, pays, code) \g /dev/null
SELECT voucher.grant('ann', name) FROM voucher.template WHERE kind <> 'promo_code' ORDER BY template_id \g /dev/null

CREATE FUNCTION pg_temp.fitting(product text, amount voucher.amount, payment_type text DEFAULT 'subscription',
                                promo_code text DEFAULT NULL, order_type text DEFAULT 'purchase')
    RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(m.template, ' ' ORDER BY m.template)
    FROM voucher.match('ann', $1, $5, $2, payment_type => $3, promo_code => $4) AS m WHERE m.applies
$$;
CREATE FUNCTION pg_temp.reason(template text, product text, amount voucher.amount, payment_type text DEFAULT 'subscription',
                               promo_code text DEFAULT NULL, order_type text DEFAULT 'purchase')
    RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN m.applies THEN 'applies' ELSE m.reason END
    FROM voucher.match('ann', $2, $6, $3, payment_type => $4, promo_code => $5) AS m WHERE m.template = $1
$$;

SELECT is(pg_temp.fitting('ecs', 500), 'c-ecs v-any v-ecs',
          'S1: vouchers and coupons that fit product, payment type and amount are shown as such, others are not');
SELECT is(pg_temp.fitting('ecs', 500, promo_code => 'ecs-20'), 'c-ecs p-ecs v-any v-ecs',
          'S1: a promo code that fits is shown once it is typed, whatever its case and separators');
SELECT is(pg_temp.fitting('oss', 500), 'v-any v-oss', 'S1: another product, other vouchers');
SELECT is(pg_temp.fitting('rds', 500), 'c-rds v-any', 'S1: another product, other coupons');
SELECT is(pg_temp.fitting('rds', 500, promo_code => 'ECS20'), 'c-rds v-any', 'S1: a promo code of another product does not fit');
SELECT is(pg_temp.fitting('ecs', 500, 'pay_as_you_go', 'ECS20'), 'c-ecs-use v-any v-ecs-use',
          'S1: another payment type, other vouchers, coupons and promo codes');
SELECT is(pg_temp.fitting('ecs', 999.99, promo_code => 'BIG200'), 'c-ecs v-any v-ecs', 'S1: below their least amount none of the three fits');
SELECT is(pg_temp.fitting('ecs', 1000, promo_code => 'BIG200'), 'c-1000 c-ecs p-1000 v-1000 v-any v-ecs',
          'S1: from their least amount on all of the three fit');
SELECT is(pg_temp.fitting('domain', 500), NULL, 'S1: nothing universal fits a product that is outside universal vouchers');
SELECT is(pg_temp.fitting('ecs', 500, order_type => 'renewal'), 'v-any v-ecs', 'S1: the order type decides too');

SELECT is(pg_temp.reason('v-oss', 'ecs', 500), 'product_not_in_scope', 'S1: a voucher says that the product does not fit');
SELECT is(pg_temp.reason('c-rds', 'ecs', 500), 'product_not_in_scope', 'S1: a coupon says that the product does not fit');
SELECT is(pg_temp.reason('p-ecs', 'rds', 500, promo_code => 'ECS20'), 'product_not_in_scope', 'S1: a promo code says that the product does not fit');
SELECT is(pg_temp.reason('v-ecs-use', 'ecs', 500), 'payment_type', 'S1: a voucher says that the payment type does not fit');
SELECT is(pg_temp.reason('c-ecs-use', 'ecs', 500), 'payment_type', 'S1: a coupon says that the payment type does not fit');
SELECT is(pg_temp.reason('p-ecs', 'ecs', 500, 'pay_as_you_go', 'ECS20'), 'payment_type', 'S1: a promo code says that the payment type does not fit');
SELECT is(pg_temp.reason('v-1000', 'ecs', 999.99), 'below_threshold', 'S1: a voucher says that the amount does not fit');
SELECT is(pg_temp.reason('c-1000', 'ecs', 999.99), 'below_threshold', 'S1: a coupon says that the amount does not fit');
SELECT is(pg_temp.reason('p-1000', 'ecs', 999.99, promo_code => 'BIG200'), 'below_threshold', 'S1: a promo code says that the amount does not fit');
SELECT is(pg_temp.reason('c-ecs', 'ecs', 500, order_type => 'renewal'), 'order_type_not_in_scope', 'S1: a coupon says that the order type does not fit');

SELECT throws_ok($$SELECT voucher.match('ann', 'ecs', 'purchase', 500, promo_code => 'NOSUCH')$$, 'VC008', NULL,
                 'S1: a promo code that does not exist is refused');
SELECT throws_ok($$SELECT voucher.quote('ann', 'rds', 'purchase', 500, promo_code => 'ECS20')$$, 'VC105', NULL,
                 'S1: a promo code that does not fit is not silently left out');
SELECT throws_ok(format('SELECT voucher.quote(%L, %L, %L, 500, voucher => %L)', 'ann', 'ecs', 'purchase',
                        (SELECT instrument_id FROM voucher.vouchers WHERE template = 'v-oss')), 'VC105', NULL,
                 'S1: a voucher that does not fit is refused when named');
-- eligible for the threshold are only the lines that are covered: 999.99 of ecs
SELECT is((SELECT reason FROM voucher.match('ann', lines => ARRAY[voucher.line('ecs', 'purchase', 999.99), voucher.line('rds', 'purchase', 500)])
           WHERE template = 'c-1000'), 'below_threshold', 'S1: the amount that counts is that of the covered lines');

-- ---------------------------------------------------------------------------
-- S2: at most one voucher and one promo code
-- ---------------------------------------------------------------------------

SELECT voucher.create_template('s2-' || face, 'voucher', 'CNY', face_value => face::voucher.amount, scope => 'ecs')
FROM unnest('{50,200,100}'::integer[]) AS face \g /dev/null
SELECT voucher.create_template('s2-promo' || n, 'promo_code', 'CNY', face_value => (10 * n)::voucher.amount, promo_code => 'S2PROMO' || n)
FROM generate_series(1, 2) AS n \g /dev/null
SELECT voucher.open_account('ben', 'CNY'), voucher.deposit('ben', 10000) \g /dev/null
SELECT voucher.grant('ben', 's2-50') AS v50, voucher.grant('ben', 's2-200') AS v200, voucher.grant('ben', 's2-100') AS v100 \gset

SELECT is(pg_temp.bill(voucher.quote('ben', 'ecs', 'purchase', 500)), '500.00 = voucher 200.00 + cash 300.00',
          'S2: of several vouchers the largest is taken, and only that');
SELECT is(pg_temp.bill(voucher.quote('ben', 'ecs', 'purchase', 500, voucher => :'v50')), '500.00 = voucher 50.00 + cash 450.00',
          'S2: or another one that the customer names');
SELECT is(pg_temp.bill(voucher.quote('ben', 'ecs', 'purchase', 500, voucher => 'none')), '500.00 = cash 500.00',
          'S2: or none');
-- 80 is below 100 and 200: both would pay all of it
SELECT is(pg_temp.used(voucher.quote('ben', 'ecs', 'purchase', 80)), 's2-200', 'S2: where two pay the same, the larger balance is taken');
SELECT is((SELECT template FROM voucher.match('ben', 'ecs', 'purchase', 500) WHERE rank = 1), 's2-200', 'S2: the largest is shown first');
SELECT throws_ok($$SELECT voucher.quote('ben', 'ecs', 'purchase', 500, voucher => '1,2')$$, '22023', NULL, 'S2: two vouchers cannot be named');
SELECT throws_ok($$SELECT voucher.quote('ben', 'ecs', 'purchase', 500, promo_code => 'S2PROMO1,S2PROMO2')$$, 'VC008', NULL,
                 'S2: two promo codes cannot be typed in');
SELECT throws_ok(format($$SELECT voucher.quote('ann', 'ecs', 'purchase', 500, voucher => %L)$$, :'v50'), 'VC007', NULL,
                 'S2: another account''s voucher cannot be named');
SELECT is(pg_temp.bill(voucher.settle('ben', 's2-1', 'ecs', 'purchase', 500, promo_code => 'S2PROMO2')),
          '500.00 = discount 20.00 + voucher 200.00 + cash 280.00', 'S2: one voucher and one promo code serve one order');
SELECT is((SELECT string_agg(kind || ' ' || template || ' ' || paid, ', ' ORDER BY part) FROM voucher.settlement_part WHERE order_id = 's2-1'),
          'promo_code s2-promo2 20.00, voucher s2-200 200.00', 'S2: the parts of the order say which');
SELECT throws_ok($$SELECT voucher.settle('ben', 's2-1', 'ecs', 'purchase', 500, promo_code => 'S2PROMO1')$$, 'VC301', NULL,
                 'S2: a settled order takes no second promo code');
SELECT throws_ok($$SELECT voucher.settle('ben', 's2-2', 'ecs', 'purchase', 500, promo_code => 'S2PROMO2')$$, 'VC103', NULL,
                 'S2: a promo code serves an account once');

-- ---------------------------------------------------------------------------
-- S3: used until it is used up or expired; cash pays the rest
-- ---------------------------------------------------------------------------

SELECT voucher.create_template('s3', 'voucher', 'CNY', face_value => 200, scope => 'ecs') \g /dev/null
SELECT voucher.create_template('s3-march', 'voucher', 'CNY', face_value => 200, scope => 'oss',
                               valid => '[2026-03-01 00:00+00, 2026-04-01 00:00+00)') \g /dev/null
SELECT voucher.open_account('cat', 'CNY'), voucher.deposit('cat', 100) \g /dev/null
SELECT voucher.grant('cat', 's3') AS v \gset
SELECT voucher.grant('cat', 's3-march', at => '2026-03-05 00:00+00') AS march \gset

SELECT is(pg_temp.bill(voucher.settle('cat', 's3-1', 'ecs', 'purchase', 120)), '120.00 = voucher 120.00', 'S3: a voucher pays an order that it covers');
SELECT is(pg_temp.bill(voucher.settle('cat', 's3-2', 'ecs', 'upgrade', 50)), '50.00 = voucher 50.00', 'S3: its balance pays a later order');
-- 200 - 120 - 50 = 30 are left
SELECT throws_ok($$SELECT voucher.settle('cat', 's3-3', 'ecs', 'renewal', 130.01)$$, 'VC201', NULL,
                 'S3: an order that voucher and cash together do not cover is refused');
SELECT is((SELECT balance::text FROM voucher.list('cat') WHERE instrument_id = :v), '30.00', 'S3: a refused order leaves the voucher as it was');
SELECT is((SELECT balance::text FROM voucher.account WHERE account_id = 'cat'), '100.00', 'S3: a refused order leaves the cash as it was');
SELECT is(pg_temp.bill(voucher.settle('cat', 's3-3', 'ecs', 'renewal', 100)), '100.00 = voucher 30.00 + cash 70.00',
          'S3: where it does not cover the order, cash pays the rest');
SELECT is((SELECT balance::text FROM voucher.account WHERE account_id = 'cat'), '30.00', 'S3: the cash went from the balance');
SELECT is(pg_temp.bill(voucher.settle('cat', 's3-4', 'ecs', 'purchase', 10)), '10.00 = cash 10.00', 'S3: a voucher that is used up pays nothing');
SELECT throws_ok(format($$SELECT voucher.settle('cat', 's3-5', 'ecs', 'purchase', 10, voucher => %L)$$, :'v'), 'VC103', NULL,
                 'S3: a voucher that is used up is refused when named');
SELECT is(pg_temp.bill(voucher.settle('cat', 's3-6', 'oss', 'purchase', 150, at => '2026-03-31 23:59:59.999999+00')), '150.00 = voucher 150.00',
          'S3: a voucher pays until the last microsecond before its expiry');
SELECT is(pg_temp.bill(voucher.quote('cat', 'oss', 'purchase', 20, at => '2026-04-01 00:00+00')), '20.00 = cash 20.00',
          'S3: the balance left is worth nothing from the expiry on');
SELECT throws_ok(format($$SELECT voucher.settle('cat', 's3-7', 'oss', 'purchase', 20, voucher => %L, at => '2026-04-01 00:00+00')$$, :'march'), 'VC102', NULL,
                 'S3: an expired voucher is refused when named');

-- ---------------------------------------------------------------------------
-- S4: the list
-- ---------------------------------------------------------------------------

SELECT voucher.create_template('s4-' || name, 'voucher', 'CNY', face_value => 100, scope => 'ecs:purchase|renewal, oss:upgrade', valid => valid::tstzrange)
FROM (VALUES ('open', '[2026-02-01 00:00+00, 2026-06-01 00:00+00)'), ('used', '[2026-02-01 00:00+00, 2026-06-01 00:00+00)'),
             ('over', '[2026-01-01 00:00+00, 2026-03-01 00:00+00)'), ('soon', '[2026-04-01 00:00+00, 2026-06-01 00:00+00)'),
             ('ever', '(,)')) AS t (name, valid) \g /dev/null
SELECT voucher.open_account('dan', 'CNY'), voucher.deposit('dan', 100) \g /dev/null
SELECT voucher.grant('dan', 's4-' || name, at => '2026-01-10 00:00+00') FROM unnest('{open,used,over,soon,ever}'::text[]) AS name \g /dev/null
SELECT voucher.settle('dan', 's4-1', 'ecs', 'purchase', 30, at => '2026-02-10 00:00+00',
                      voucher => (SELECT instrument_id::text FROM voucher.vouchers WHERE template = 's4-open')),
       voucher.settle('dan', 's4-2', 'oss', 'upgrade', 100, at => '2026-02-10 00:00+00',
                      voucher => (SELECT instrument_id::text FROM voucher.vouchers WHERE template = 's4-used')) \g /dev/null

CREATE FUNCTION pg_temp.listed(status text DEFAULT NULL, effective tstzrange DEFAULT NULL, at timestamptz DEFAULT '2026-03-10 00:00+00')
    RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(substr(l.template, 4), ' ' ORDER BY l.instrument_id) FROM voucher.list('dan', $1, $2, $3) AS l
$$;

SELECT is((SELECT ROW(face_value, balance, effective_at, expires_at, products, order_types, status)::text
           FROM voucher.list('dan', at => '2026-03-10 00:00+00') WHERE template = 's4-open'),
          ROW(100::voucher.amount, 70::voucher.amount, '2026-02-01 00:00+00'::timestamptz, '2026-06-01 00:00+00'::timestamptz,
              '{ecs,oss}'::text[], '{purchase,renewal,upgrade}'::text[], 'available'::text)::text,
          'S4: face value, available balance, effective and expiry time, products, order types and status are shown');
SELECT is((SELECT scope::text FROM voucher.list('dan') WHERE template = 's4-open'), 'ecs:purchase|renewal, oss:upgrade',
          'S4: the scope shows which order types go with which product');
SELECT is(pg_temp.listed(), 'open used over soon ever', 'S4: without a search all are listed');
SELECT is(pg_temp.listed('available'), 'open ever', 'S4: search by status available');
SELECT is(pg_temp.listed('exhausted'), 'used', 'S4: search by status used up');
SELECT is(pg_temp.listed('expired'), 'over', 'S4: search by status expired');
SELECT is(pg_temp.listed('pending'), 'soon', 'S4: what is not yet effective is not available');
SELECT is(pg_temp.listed('expired', at => '2026-02-28 23:59:59.999999+00'), NULL, 'S4: nothing is expired a microsecond before its expiry');
SELECT is(pg_temp.listed('expired', at => '2026-06-01 00:00+00'), 'open over soon', 'S4: time alone turns the status, and what is used up stays used up');
SELECT is(pg_temp.listed(effective => '[2026-02-01 00:00+00, 2026-03-01 00:00+00)'), 'open used', 'S4: search by effective time');
SELECT is(pg_temp.listed(effective => '[2026-02-01 00:00:00.000001+00, 2026-04-01 00:00+00)'), NULL, 'S4: the range that is searched is half-open');
SELECT is(pg_temp.listed('available', '[2026-02-01 00:00+00, 2026-03-01 00:00+00)'), 'open', 'S4: search by status and effective time');
SELECT is(pg_temp.listed(effective => '[2026-01-10 00:00+00, 2026-01-11 00:00+00)'), 'ever', 'S4: what is valid always is effective from its issue');
SELECT is_empty($$SELECT * FROM voucher.list('dan') AS l WHERE l.account_id <> 'dan'$$, 'S4: no other account''s vouchers are listed');

-- ---------------------------------------------------------------------------
-- S5: the statement
-- ---------------------------------------------------------------------------

SELECT voucher.create_template('s5-' || n, 'voucher', 'CNY', face_value => (100 * n)::voucher.amount, scope => CASE n WHEN 1 THEN 'ecs' ELSE 'oss' END::voucher.scope)
FROM generate_series(1, 2) AS n \g /dev/null
SELECT voucher.open_account('eve', 'CNY'), voucher.deposit('eve', 50, at => '2026-01-01 00:00+00') \g /dev/null
SELECT voucher.grant('eve', 's5-1', at => '2026-01-02 00:00+00') AS v1, voucher.grant('eve', 's5-2', at => '2026-01-02 00:00+00') AS v2 \gset
SELECT voucher.settle('eve', 's5-a', 'ecs', 'purchase', 40, at => '2026-01-03 00:00+00') \g /dev/null
SELECT voucher.settle('eve', 's5-b', 'oss', 'purchase', 10, at => '2026-01-04 00:00+00') \g /dev/null
SELECT voucher.settle('eve', 's5-c', 'ecs', 'renewal', 90, at => '2026-01-05 00:00+00') \g /dev/null

-- 100 - 40 = 60, 60 - 60 = 0, and 30 of the 90 from cash
SELECT results_eq(format($$SELECT kind, order_id, amount::text, balance::text FROM voucher.statement('eve', %s)$$, :'v1'),
                  $$VALUES ('issue', NULL, '100.00', '100.00'), ('settle', 's5-a', '-40.00', '60.00'), ('settle', 's5-c', '-60.00', '0.00')$$,
                  'S5: a voucher''s statement shows its issue and what it paid of which order');
SELECT results_eq(format($$SELECT kind, order_id, amount::text FROM voucher.statement('eve', %s, since => '2026-01-03 00:00+00', until => '2026-01-05 00:00+00')$$, :'v1'),
                  $$VALUES ('settle', 's5-a', '-40.00')$$, 'S5: a statement can be cut to a half-open span of time');
SELECT is((SELECT ROW(voucher.sum(amount), count(*))::text FROM voucher.statement('eve', :v2)), '(190.00,2)', 'S5: each voucher has a statement of its own');
SELECT is((SELECT string_agg(amount::text, ' ' ORDER BY balance DESC) FROM voucher.statement('eve') WHERE ledger = 'cash' AND kind <> 'open'), '50.00 -30.00',
          'S5: the account''s statement shows the cash too');
SELECT is_empty(format($$SELECT * FROM voucher.statement('dan', %s)$$, :'v1'), 'S5: another account''s voucher shows nothing');

-- ---------------------------------------------------------------------------
-- S6: verify, then activate
-- ---------------------------------------------------------------------------

SELECT voucher.create_template('s6', 'voucher', 'CNY', face_value => 100, scope => 'ecs:purchase', threshold => 20, valid_for => '30 days') \g /dev/null
SELECT voucher.open_account('fay', 'CNY'), voucher.open_account('gus', 'CNY'), voucher.deposit('gus', 100) \g /dev/null
SELECT voucher.mint('s6', 1) AS code \gset
SELECT voucher.mint('s6', 1, activate_before => '2026-03-01 00:00+00') AS late \gset

SELECT is((SELECT ROW(status, template, kind, currency, face_value, threshold, scope, valid_for)::text FROM voucher.verify(:'code')),
          '(inactive,s6,voucher,CNY,100.00,20.00,ecs:purchase,"30 days")', 'S6: verifying a number shows the details');
SELECT is_empty($$SELECT * FROM voucher.list('gus')$$, 'S6: verifying activates nothing');
SELECT is(pg_temp.bill(voucher.quote('gus', 'ecs', 'purchase', 100)), '100.00 = cash 100.00', 'S6: a number pays nothing before it is activated');
SELECT throws_ok($$SELECT voucher.verify(voucher.new_code())$$, 'VC008', NULL, 'S6: a number that does not exist cannot be verified');
SELECT throws_ok($$SELECT voucher.activate('gus', voucher.new_code())$$, 'VC008', NULL, 'S6: a number that does not exist cannot be activated');
SELECT voucher.activate('gus', :'code', at => '2026-03-01 00:00+00') AS v \gset
SELECT is(pg_temp.bill(voucher.quote('gus', 'ecs', 'purchase', 100, at => '2026-03-01 00:00+00')), '100.00 = voucher 100.00', 'S6: it pays as soon as it is activated');
SELECT is((SELECT status FROM voucher.verify(:'code')), 'activated', 'S6: a number that is activated says so');
SELECT is(voucher.activate('gus', :'code'), :v::bigint, 'S6: activating it again gives the same voucher');
SELECT throws_ok(format('SELECT voucher.activate(%L, %L)', 'fay', :'code'), 'VC008', NULL, 'S6: nobody else can activate it');
SELECT is((SELECT status FROM voucher.verify(:'late', at => '2026-02-28 23:59:59.999999+00')) || ' '
          || (SELECT status FROM voucher.verify(:'late', at => '2026-03-01 00:00+00')), 'inactive expired', 'S6: a number whose time is over says so');
SELECT throws_ok(format('SELECT voucher.activate(%L, %L, at => %L)', 'gus', :'late', '2026-03-01 00:00+00'), 'VC102', NULL,
                 'S6: a number whose time is over cannot be activated');

SELECT is_empty('SELECT * FROM voucher.check()', 'S1 to S6 leave sound ledgers');
SELECT finish();
ROLLBACK;
