-- The seed, S7 to S11: distribution, scopes, refunds, invoices and renewals.
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

SELECT plan(75);

-- A settlement as its identity: gross = the parts that are not zero.
CREATE FUNCTION pg_temp.bill(s voucher.settlement) RETURNS text LANGUAGE sql AS $$
    SELECT s.gross || ' = ' || string_agg(p.name || ' ' || p.value, ' + ' ORDER BY p.place)
    FROM (VALUES (1, 'discount', s.discount), (2, 'rounding', s.rounding),
                 (3, 'voucher', s.voucher), (4, 'cash', s.cash)) AS p (place, name, value)
    WHERE p.value OPERATOR(voucher.<>) 0
$$;
CREATE FUNCTION pg_temp.cash(account_id text) RETURNS text LANGUAGE sql AS $$
    SELECT balance::text FROM voucher.account AS a WHERE a.account_id = $1
$$;
-- What an instrument says to an order line.
CREATE FUNCTION pg_temp.reason(account_id text, template text, product text, order_type text,
                               duration interval DEFAULT NULL, at timestamptz DEFAULT '2026-03-10 00:00+00')
    RETURNS text LANGUAGE sql AS $$
    SELECT m.reason FROM voucher.match($1, $3, $4, 100, duration => $5, at => $6) AS m WHERE m.template = $2
$$;

SELECT voucher.register_product(p) FROM unnest('{ecs,oss,rds,mail,ecs.g7.gpu}'::text[]) AS p \g /dev/null
SELECT voucher.register_product('domain', universal => false) \g /dev/null

-- ---------------------------------------------------------------------------
-- S7: designated and non-designated
-- ---------------------------------------------------------------------------

SELECT voucher.create_template('s7', 'voucher', 'CNY', face_value => 50, scope => 'ecs', per_account => 2) \g /dev/null
SELECT voucher.open_account('ann', 'CNY'), voucher.open_account('ben', 'CNY') \g /dev/null

SELECT voucher.grant('ann', 's7', at => '2026-03-01 00:00+00') AS v \gset
SELECT is(pg_temp.bill(voucher.quote('ann', 'ecs', 'purchase', 50, at => '2026-03-01 00:00+00')), '50.00 = voucher 50.00',
          'S7: a designated voucher is usable at the instant of its issue');
SELECT is((SELECT status FROM voucher.list('ann')), 'available', 'S7: a designated voucher is in the account at once');
SELECT is_empty($$SELECT * FROM voucher.match('ben', 'ecs', 'purchase', 50)$$, 'S7: a designated voucher is in no other account');
SELECT throws_ok(format($$SELECT voucher.settle('ben', 's7-1', 'ecs', 'purchase', 50, voucher => %L)$$, :'v'), 'VC007', NULL,
                 'S7: nobody else can use a designated voucher');
SELECT voucher.mint('s7', 1) AS code \gset
SELECT is((SELECT count(*) FROM voucher.vouchers WHERE template = 's7'), 1::bigint, 'S7: a non-designated voucher is in no account');
SELECT isnt(voucher.activate('ben', :'code'), NULL, 'S7: a non-designated voucher goes to who activates its number');
SELECT is(pg_temp.bill(voucher.settle('ben', 's7-1', 'ecs', 'purchase', 50)), '50.00 = voucher 50.00', 'S7: and is then usable like any other');
SELECT throws_ok($$SELECT voucher.grant('cid', 's7')$$, 'VC001', NULL, 'S7: nothing is issued to an account that does not exist');
SELECT voucher.grant('ann', 's7') \g /dev/null
SELECT throws_ok($$SELECT voucher.grant('ann', 's7')$$, 'VC112', NULL, 'S7: an account gets no more than the template allows');
SELECT voucher.mint('s7', 1) AS third \gset
SELECT throws_ok(format('SELECT voucher.activate(%L, %L)', 'ann', :'third'), 'VC112', NULL, 'S7: not by a number either');

-- ---------------------------------------------------------------------------
-- S8: products x order types
-- ---------------------------------------------------------------------------

INSERT INTO voucher.order_type VALUES ('migration');
SELECT voucher.open_account('cat', 'CNY') \g /dev/null
SELECT voucher.create_template(scope, 'voucher', 'CNY', face_value => 10, scope => scope::voucher.scope)
FROM unnest('{ecs:purchase|renewal,oss,*:upgrade,"ecs, !ecs.g7.gpu","domain:purchase, mail:trial_conversion","*, !rds:os_change",ecs:migration}'::text[]) AS scope \g /dev/null
SELECT voucher.grant('cat', name) FROM voucher.template WHERE name <> 's7' \g /dev/null

SELECT is(pg_temp.reason('cat', scope, product, order_type), reason, format('S8: %s and %s of %s: %s', scope, order_type, product, reason))
FROM (VALUES
    ('ecs:purchase|renewal', 'ecs',        'purchase',         'applies'),
    ('ecs:purchase|renewal', 'ecs',        'renewal',          'applies'),
    ('ecs:purchase|renewal', 'ecs.g7',     'renewal',          'applies'),
    ('ecs:purchase|renewal', 'ecs',        'upgrade',          'order_type_not_in_scope'),
    ('ecs:purchase|renewal', 'ecs',        'os_change',        'order_type_not_in_scope'),
    ('ecs:purchase|renewal', 'ecs',        'trial_conversion', 'order_type_not_in_scope'),
    ('ecs:purchase|renewal', 'oss',        'purchase',         'product_not_in_scope'),
    ('oss',                  'oss',        'purchase',         'applies'),
    ('oss',                  'oss',        'os_change',        'applies'),
    ('oss',                  'oss',        'usage',            'applies'),
    ('oss',                  'rds',        'purchase',         'product_not_in_scope'),
    ('*:upgrade',            'ecs',        'upgrade',          'applies'),
    ('*:upgrade',            'rds',        'upgrade',          'applies'),
    ('*:upgrade',            'rds',        'purchase',         'order_type_not_in_scope'),
    ('*:upgrade',            'domain',     'upgrade',          'product_not_in_scope'),
    ('ecs, !ecs.g7.gpu',     'ecs.g7',     'purchase',         'applies'),
    ('ecs, !ecs.g7.gpu',     'ecs.g7.gpu', 'purchase',         'product_not_in_scope'),
    ('ecs, !ecs.g7.gpu',     'ecs.g7.gpu.large', 'upgrade',    'product_not_in_scope'),
    ('ecs, !ecs.g7.gpu',     'ecs.g7.gpux','purchase',         'applies'),
    ('domain:purchase, mail:trial_conversion', 'domain', 'purchase',         'applies'),
    ('domain:purchase, mail:trial_conversion', 'domain', 'trial_conversion', 'order_type_not_in_scope'),
    ('domain:purchase, mail:trial_conversion', 'mail',   'trial_conversion', 'applies'),
    ('domain:purchase, mail:trial_conversion', 'mail',   'purchase',         'order_type_not_in_scope'),
    ('*, !rds:os_change',    'rds',        'purchase',         'applies'),
    ('*, !rds:os_change',    'ecs',        'os_change',        'applies'),
    ('*, !rds:os_change',    'domain',     'purchase',         'product_not_in_scope'),
    ('ecs:migration',        'ecs',        'migration',        'applies'),
    ('ecs:migration',        'ecs',        'purchase',         'order_type_not_in_scope')) AS t (scope, product, order_type, reason);
SELECT isnt(pg_temp.reason('cat', '*, !rds:os_change', 'rds', 'os_change'), 'applies', 'S8: what a scope excludes stays excluded');
SELECT is((voucher.quote('cat', lines => ARRAY[voucher.line('rds', 'renewal', 40), voucher.line('ecs', 'migration', 60)],
                         voucher => (SELECT instrument_id::text FROM voucher.vouchers WHERE template = 'ecs:migration'))).parts[1].share::text,
          '{0.00,10.00}', 'S8: of an order''s lines a voucher pays only those that it covers');
SELECT throws_ok($$SELECT voucher.match('cat', 'vpn', 'purchase', 100)$$, 'VC002', NULL, 'S8: a product that the catalogue does not have is refused');
SELECT throws_ok($$SELECT voucher.match('cat', 'ecs', 'rental', 100)$$, 'VC003', NULL, 'S8: an order type that the catalogue does not have is refused');
SELECT throws_ok($$SELECT voucher.create_template('s8', 'voucher', 'CNY', face_value => 1, scope => 'vpn')$$, 'VC002', NULL, 'S8: no scope names an unknown product');
SELECT throws_ok($$SELECT voucher.create_template('s8', 'voucher', 'CNY', face_value => 1, scope => 'ecs:rental')$$, 'VC003', NULL, 'S8: no scope names an unknown order type');

-- ---------------------------------------------------------------------------
-- S9, S10: 500 = voucher 200 + cash 300, refunded and invoiced
-- ---------------------------------------------------------------------------

SELECT voucher.create_template('s9', 'voucher', 'CNY', face_value => 200, scope => 'ecs') \g /dev/null
SELECT voucher.open_account('dan', 'CNY'), voucher.deposit('dan', 300) \g /dev/null
SELECT voucher.grant('dan', 's9', at => '2026-03-01 00:00+00') AS v \gset
SELECT is(pg_temp.bill(voucher.settle('dan', 's9-1', 'ecs', 'purchase', 500, at => '2026-03-01 00:00+00')), '500.00 = voucher 200.00 + cash 300.00',
          'S9: an order of 500 is paid with a voucher of 200 and 300 in cash');
SELECT is((SELECT invoiceable::text FROM voucher.settlement WHERE order_id = 's9-1'), '300.00', 'S10: of the order 300 are invoiceable');
SELECT throws_ok($$SELECT voucher.issue_invoice('dan', 'i0', 's9-1', 300.01)$$, 'VC203', NULL, 'S10: nothing of the voucher''s part can be invoiced');
SELECT is((voucher.refund('dan', 's9-1', at => '2026-03-06 00:00+00')).refunded_cash::text, '300.00', 'S9: refunded within five days, 300 come back');
SELECT is(pg_temp.cash('dan'), '300.00', 'S9: in cash');
SELECT is((SELECT ROW(balance, status)::text FROM voucher.list('dan')), '(0.00,exhausted)', 'S9: the voucher''s 200 are gone');
SELECT is((SELECT count(*) FROM voucher.list('dan')), 1::bigint, 'S9: no other voucher is issued instead');
SELECT is(pg_temp.bill(voucher.quote('dan', 'ecs', 'purchase', 100)), '100.00 = cash 100.00', 'S9: it pays nothing any more');
SELECT is((SELECT count(*) FROM voucher.entry WHERE instrument_id = :v), 2::bigint, 'S9: the refund has moved nothing of it');
SELECT throws_ok($$SELECT voucher.refund('dan', 's9-1')$$, 'VC202', NULL, 'S9: nothing is refunded twice');
SELECT is((SELECT invoiceable::text FROM voucher.settlement WHERE order_id = 's9-1'), '0.00', 'S10: what is refunded is not invoiceable');
SELECT throws_ok($$SELECT voucher.issue_invoice('dan', 'i1', 's9-1')$$, 'VC203', NULL, 'S10: an order that is refunded is not invoiced');

-- in parts: 100 of 500 give back 100 x 300 / 500 = 60; then 400 give the other 240
SELECT voucher.grant('dan', 's9') AS v2 \gset
SELECT voucher.settle('dan', 's9-2', 'ecs', 'upgrade', 500) \g /dev/null
SELECT is((voucher.refund('dan', 's9-2', 100)).refunded_cash::text, '60.00', 'S9: a part is refunded in the proportion that cash paid');
SELECT is((SELECT balance::text FROM voucher.list('dan') WHERE instrument_id = :v2), '0.00', 'S9: a part of the voucher does not come back either');
SELECT throws_ok($$SELECT voucher.refund('dan', 's9-2', 400.01)$$, 'VC202', NULL, 'S9: no more is refunded than was paid');
SELECT is((SELECT invoiceable::text FROM voucher.settlement WHERE order_id = 's9-2'), '240.00', 'S10: the rest of the cash stays invoiceable');
SELECT is((voucher.refund('dan', 's9-2')).refunded_cash::text || ' ' || pg_temp.cash('dan'), '300.00 300.00', 'S9: the last part closes');

-- 100 from a voucher alone
SELECT voucher.grant('dan', 's9') \g /dev/null
SELECT is(pg_temp.bill(voucher.settle('dan', 's9-3', 'ecs', 'renewal', 100)), '100.00 = voucher 100.00', 'S9: an order that only a voucher paid');
SELECT is((voucher.refund('dan', 's9-3')).refunded_cash::text || ' ' || pg_temp.cash('dan'), '0.00 300.00', 'S9: refunded, it gives back nothing');
SELECT is((SELECT balance::text FROM voucher.list('dan', 'available')), '100.00', 'S9: the voucher keeps the balance that it had left');
SELECT throws_ok($$SELECT voucher.issue_invoice('dan', 'i2', 's9-3')$$, 'VC203', NULL, 'S10: it cannot be invoiced');

SELECT voucher.create_template('s10', 'coupon', 'CNY', discount_rate => 0.1) \g /dev/null
SELECT voucher.grant('dan', 's10') \g /dev/null
-- 300 less 10 % is 270; the voucher's last 100 leave 170 to cash
SELECT is(pg_temp.bill(voucher.settle('dan', 's10-1', 'ecs', 'renewal', 300)), '300.00 = discount 30.00 + voucher 100.00 + cash 170.00', 'S10: an order with a coupon');
SELECT is((voucher.issue_invoice('dan', 'i3', 's10-1')).amount::text, '170.00', 'S10: neither discount nor voucher is invoiced, cash is');
SELECT throws_ok($$SELECT voucher.issue_invoice('dan', 'i4', 's10-1', 0.01)$$, 'VC203', NULL, 'S10: nothing is invoiced twice');
SELECT is((voucher.refund('dan', 's10-1')).invoiceable::text, '-170.00', 'S10: a refund of what is invoiced must be offset');

-- ---------------------------------------------------------------------------
-- S11: renewal
-- ---------------------------------------------------------------------------

SELECT voucher.create_template('s11-renew', 'voucher', 'CNY', face_value => 70, scope => 'rds:renewal') \g /dev/null
SELECT voucher.create_template('s11-buy', 'voucher', 'CNY', face_value => 90, scope => 'rds:purchase|upgrade') \g /dev/null
SELECT voucher.open_account('eve', 'CNY'), voucher.deposit('eve', 1000) \g /dev/null
SELECT voucher.grant('eve', 's11-renew') AS renew, voucher.grant('eve', 's11-buy') AS buy \gset
SELECT is(pg_temp.bill(voucher.settle('eve', 's11-1', 'rds', 'renewal', 100)), '100.00 = voucher 70.00 + cash 30.00',
          'S11: a voucher that covers the product and renewal pays a renewal');
SELECT is(pg_temp.bill(voucher.settle('eve', 's11-2', 'rds', 'renewal', 100)), '100.00 = cash 100.00', 'S11: a voucher that does not cover renewal pays none');
SELECT throws_ok(format($$SELECT voucher.settle('eve', 's11-3', 'rds', 'renewal', 100, voucher => %L)$$, :'buy'), 'VC106', NULL,
                 'S11: nor when it is named');
SELECT voucher.grant('eve', 's11-renew') AS renew \gset
SELECT throws_ok(format($$SELECT voucher.settle('eve', 's11-3', 'ecs', 'renewal', 100, voucher => %L)$$, :'renew'), 'VC105', NULL,
                 'S11: a voucher that covers renewal of another product is refused');
SELECT is(pg_temp.bill(voucher.settle('eve', 's11-3', 'rds', 'purchase', 100)), '100.00 = voucher 90.00 + cash 10.00',
          'S11: the voucher for purchases pays a purchase');

SELECT is_empty('SELECT * FROM voucher.check()', 'S7 to S11 leave sound ledgers');
SELECT finish();
ROLLBACK;
