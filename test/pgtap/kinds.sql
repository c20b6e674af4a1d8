-- Kinds: every combination of effect, value, maximum, uses and threshold, by
-- orders that are worked out by hand.
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

SELECT voucher.register_product(p) FROM unnest('{ecs,oss}'::text[]) AS p \g /dev/null

-- ---------------------------------------------------------------------------
-- One instrument, three orders of ecs for 33.33: what each takes off or pays
-- ---------------------------------------------------------------------------

-- A third of 33.33 is 11.1099989, half up 11.11; of 33.33 the face values below
-- leave what the comment of each row says.
CREATE TEMP TABLE example (kind text, effect text, face numeric, rate numeric, maximum numeric, uses integer, reduces boolean, takes text, status text);
INSERT INTO example VALUES
    -- stored value: 33.33, 33.33 and the rest of 70, 3.34; used up
    ('voucher', NULL, 70, NULL, NULL, NULL, false, '33.33 33.33 3.34', 'exhausted'),
    ('voucher', 'tender', 70, NULL, NULL, 3, false, '33.33 33.33 3.34', 'exhausted'),
    ('voucher', 'reduction', 70, NULL, NULL, NULL, true, '33.33 33.33 3.34', 'exhausted'),
    -- the uses end first: 3.34 stays
    ('voucher', NULL, 70, NULL, NULL, 2, false, '33.33 33.33', 'exhausted'),
    ('voucher', 'reduction', 70, NULL, NULL, 1, true, '33.33', 'exhausted'),
    -- a maximum per order: 10 three times of 100
    ('voucher', NULL, 100, NULL, 10, NULL, false, '10.00 10.00 10.00', 'available'),
    -- a share, only of one that reduces; without end unless uses says so
    ('voucher', 'reduction', NULL, 0.33333333, NULL, NULL, true, '11.11 11.11 11.11', 'available'),
    ('voucher', 'reduction', NULL, 0.33333333, 10.01, 2, true, '10.01 10.01', 'exhausted'),
    -- coupons: one use unless told
    ('coupon', NULL, 5, NULL, NULL, NULL, true, '5.00', 'exhausted'),
    ('coupon', NULL, 15, NULL, 5, 2, true, '5.00 5.00', 'exhausted'),
    ('coupon', NULL, 40, NULL, NULL, 5, true, '33.33 6.67', 'exhausted'),
    ('coupon', 'tender', 40, NULL, NULL, 5, false, '33.33 6.67', 'exhausted'),
    ('coupon', NULL, NULL, 0.33333333, NULL, 3, true, '11.11 11.11 11.11', 'exhausted'),
    ('coupon', 'tender', NULL, 0.33333333, 11.1, 4, false, '11.10 11.10 11.10', 'available'),
    ('coupon', 'tender', NULL, 1, NULL, NULL, false, '33.33', 'exhausted'),
    ('promo_code', NULL, 5, NULL, NULL, NULL, true, '5.00', 'exhausted'),
    ('promo_code', 'tender', 40, NULL, NULL, 2, false, '33.33 6.67', 'exhausted'),
    ('promo_code', 'tender', NULL, 0.5, 7, NULL, false, '7.00', 'exhausted');
ALTER TABLE example ADD COLUMN n serial;

CREATE FUNCTION pg_temp.takes(n integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    e example;
    s voucher.settlement;
    account text := 'account' || n;
    word text := CASE WHEN (SELECT x.kind FROM example AS x WHERE x.n = takes.n) = 'promo_code' THEN 'WORD' || n END;
    takes text[] := '{}';
BEGIN
    SELECT * INTO e FROM example AS x WHERE x.n = takes.n;
    PERFORM voucher.create_template('t' || n, e.kind, 'CNY', face_value => e.face::voucher.amount, discount_rate => e.rate, maximum => e.maximum::voucher.amount,
                                    uses => e.uses, effect => e.effect, promo_code => word);
    PERFORM voucher.open_account(account, 'CNY'), voucher.deposit(account, 1000);
    IF word IS NULL THEN
        PERFORM voucher.grant(account, 't' || n);
    END IF;
    FOR i IN 1 .. 3 LOOP
        BEGIN
            s := voucher.settle(account, 'o' || i, 'ecs', 'renewal', 33.33, promo_code => word);
        EXCEPTION WHEN SQLSTATE 'VC103' THEN
            CONTINUE;       -- what was typed must apply
        END;
        CONTINUE WHEN s.discount::numeric + s.voucher::numeric = 0;
        IF (CASE WHEN e.reduces THEN s.voucher ELSE s.discount END)::numeric <> 0 OR s.cash::numeric <> 33.33 - s.discount::numeric - s.voucher::numeric OR s.invoiceable::numeric <> s.cash::numeric THEN
            RETURN format('settled as discount %s, voucher %s, cash %s', s.discount, s.voucher, s.cash);
        END IF;
        takes := takes || (s.discount OPERATOR(voucher.+) s.voucher)::text;
    END LOOP;
    RETURN array_to_string(takes, ' ') || ' ' || (SELECT status FROM voucher.vouchers WHERE account_id = account);
END
$$;
SELECT is(pg_temp.takes(n), takes || ' ' || status, format('%s, %s, face %s, rate %s, maximum %s, uses %s', kind, COALESCE(effect, 'by default'), face, rate, maximum, uses)) FROM example ORDER BY n;
SELECT is((SELECT string_agg(reduces::text, '' ORDER BY n) FROM example), (SELECT string_agg(t.reduces::text, '' ORDER BY e.n) FROM example AS e JOIN voucher.template AS t ON t.name = 't' || e.n), 'reduces says what effect and kind mean');

-- ---------------------------------------------------------------------------
-- Order of deduction, rounding and refunds
-- ---------------------------------------------------------------------------

-- 100.019: a voucher that reduces 10, then, of 90.019 due 90.01, a coupon that
-- pays a tenth of 90.019, half up 9.00, and a voucher of 50; 31.01 in cash
SELECT voucher.create_template('less', 'voucher', 'CNY', face_value => 10, effect => 'reduction'), voucher.create_template('tenth', 'coupon', 'CNY', discount_rate => 0.1, effect => 'tender'),
       voucher.create_template('fifty', 'voucher', 'CNY', face_value => 50), voucher.open_account('ann', 'CNY'), voucher.deposit('ann', 1000) \g /dev/null
SELECT voucher.grant('ann', t) FROM unnest('{fifty,tenth,less}'::text[]) AS t \g /dev/null
SELECT voucher.settle('ann', 'o1', 'ecs', 'renewal', 100.019, policy => 'openmeter') \g /dev/null
SELECT is((SELECT format('%s %s %s %s', discount, rounding, voucher, cash) FROM voucher.settlement WHERE account_id = 'ann'), '10.00 0.009 59.00 31.01', 'reductions, rounding, tenders, cash');
SELECT is((SELECT string_agg(template || ' ' || paid, ', ' ORDER BY part) FROM voucher.settlement_part WHERE account_id = 'ann'), 'less 10.00, tenth 9.00, fifty 50.00', 'in this order');
SELECT is((SELECT format('%s %s %s', discount, voucher, cash) FROM voucher.settlement_line WHERE account_id = 'ann'), '10.00 59.00 31.019', 'and so by line, cash before rounding');
-- all is given back: 90.01 were asked for, of which 31.01 cash; the tenders are forfeited
SELECT is((SELECT format('%s %s', requested, refunded_cash) FROM voucher.refund('ann', 'o1')), '90.01 31.01', 'what paid counts in a refund, what reduced was never owed');

-- ---------------------------------------------------------------------------
-- Thresholds: 10 off first (coupon), then the voucher looks at 90 or at 100
-- ---------------------------------------------------------------------------

SELECT voucher.create_template('ten', 'coupon', 'CNY', face_value => 10, uses => 99), voucher.open_account('ben', 'CNY') \g /dev/null
SELECT voucher.grant('ben', 'ten') \g /dev/null
CREATE TEMP TABLE threshold (late boolean, above boolean, threshold numeric, applies boolean);
INSERT INTO threshold VALUES (false, false, 100, true), (false, false, 100.01, false), (false, true, 100, false), (false, true, 99.99, true),
    (true, false, 90, true), (true, false, 90.01, false), (true, true, 90, false), (true, true, 89.99, true);
SELECT voucher.create_template(format('%s %s %s', late, above, threshold), 'voucher', 'CNY', face_value => 5, threshold => threshold::voucher.amount, threshold_after => late, threshold_strict => above),
       voucher.grant('ben', format('%s %s %s', late, above, threshold)) FROM threshold \g /dev/null
CREATE FUNCTION pg_temp.try(name text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (voucher.quote('ben', 'ecs', 'renewal', 100, coupon => (SELECT instrument_id::text FROM voucher.vouchers WHERE account_id = 'ben' AND template = 'ten'),
                          voucher => (SELECT instrument_id::text FROM voucher.vouchers WHERE account_id = 'ben' AND template = name))).cash;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
SELECT is(pg_temp.try(format('%s %s %s', late, above, threshold)), CASE WHEN applies THEN '85.00' ELSE 'VC108' END,
          format('%s %s, %s reductions', CASE WHEN above THEN 'more than' ELSE 'at least' END, threshold, CASE WHEN late THEN 'after' ELSE 'before' END)) FROM threshold;

-- What cannot be.
SELECT throws_ok($$SELECT voucher.create_template('x', 'voucher', 'CNY', discount_rate => 0.1)$$, '23514', NULL, 'a voucher that pays has a face value');
SELECT throws_ok($$SELECT voucher.create_template('x', 'voucher', 'CNY', discount_rate => 0.1, effect => 'tender')$$, '23514', NULL, 'said or not');
SELECT throws_ok($$SELECT voucher.create_template('x', 'coupon', 'CNY', discount_rate => 0.1, face_value => 1)$$, '23514', NULL, 'not both a face value and a rate');
SELECT throws_ok($$SELECT voucher.create_template('x', 'coupon', 'CNY', face_value => 1, effect => 'gift')$$, '23514', NULL, 'another effect does not exist');
SELECT throws_ok($$SELECT voucher.create_template('x', 'coupon', 'CNY', face_value => 1, excludes => '{cash}')$$, '23514', NULL, 'what is no kind cannot be excluded');
SELECT is_empty('SELECT * FROM voucher.check()', 'all ledgers are sound');
SELECT * FROM finish();
ROLLBACK;
