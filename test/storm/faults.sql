-- Every verb fails at each of its statements in turn: nothing of it is done, and
-- the same call succeeds afterwards.
--
-- The library is one of which a statement can be made to fail (make FAULTS=1),
-- and its path is in :library.
CREATE EXTENSION voucher;
UPDATE pg_proc SET probin = :'library' WHERE probin = '$libdir/voucher';
CREATE SCHEMA faults;
CREATE FUNCTION faults.fault(integer, text) RETURNS void LANGUAGE c STRICT AS :'library', 'voucher_fault';
\c -

SELECT voucher.register_product('ecs'), voucher.register_product('oss'), voucher.create_campaign('spring');
SELECT voucher.create_template('gift', 'voucher', 'CNY', face_value => 50, refund_policy => 'prorata', transferable => true, shareable => true, campaign => 'spring'),
       voucher.create_template('tenth', 'coupon', 'CNY', discount_rate => 0.1, uses => 9, per_account => 9, valid => '(,2090-01-01)', refund_policy => 'return_if_undelivered', campaign => 'spring'),
       voucher.create_template('word', 'promo_code', 'CNY', face_value => 100, maximum => 2, uses => 9, promo_code => 'WORD'),
       voucher.create_template('lucky', 'coupon', 'CNY', face_value => 3, first_purchase => true);
SELECT voucher.create_limit('tenth', max_count => 100), voucher.create_limit('word', max_count => 5, per => 'account', period => 'day'), voucher.create_limit('gift', max_count => 100, counts => 'issue');
SELECT voucher.open_account(a, 'CNY'), voucher.deposit(a, 1000) FROM unnest('{ann,ben}'::text[]) AS a;
SELECT voucher.grant(a, t) FROM unnest('{ann,ben}'::text[]) AS a, unnest('{gift,gift,tenth,lucky}'::text[]) AS t;
SELECT instrument_id AS gift FROM voucher.list('ann') WHERE template = 'gift' ORDER BY 1 LIMIT 1 \gset
SELECT instrument_id AS other FROM voucher.list('ann') WHERE template = 'gift' ORDER BY 1 DESC LIMIT 1 \gset
SELECT instrument_id AS bens FROM voucher.list('ben') WHERE template = 'gift' ORDER BY 1 LIMIT 1 \gset
SELECT instrument_id AS coupon FROM voucher.list('ann') WHERE template = 'tenth' \gset
SELECT voucher.settle('ann', 'done', 'ecs', 'purchase', 100, promo_code => 'word', voucher => :'gift'), voucher.settle('ann', 'whole', 'oss', 'purchase', 30, voucher => 'none');
SELECT voucher.share('ben', :bens, 'ann') AS share \gset
SELECT voucher.settle('ann', 'drawn', 'ecs', 'renewal', 20, voucher => :'share', coupon => 'none');
SELECT voucher.reserve('ann', 'held', 'ecs', 'renewal', 10, promo_code => 'word', hold_for => '100 years'), voucher.reserve('ann', 'held too', 'ecs', 'renewal', 5, hold_for => '100 years');
SELECT voucher.settle('ann', 'bill', 'ecs', 'usage', 2000.005, payment_type => 'pay_as_you_go', arrears => true, voucher => 'none', coupon => 'none');
SELECT voucher.deposit('ann', 500), voucher.settle('ben', 'paid', 'ecs', 'usage', 200, payment_type => 'pay_as_you_go', voucher => 'none', coupon => 'none');
SELECT voucher.issue_invoice('ann', 'i1', 'whole', 10), voucher.issue_invoice('ben', 'i2', 'paid', 200), voucher.refund('ben', 'paid', 50);
SELECT code FROM voucher.mint('gift', 1) AS code \gset
SELECT code AS keyed FROM voucher.mint('gift', 1, request_id => 'keyed') AS code \gset
SELECT count(*) FROM voucher.mint('gift', 1, request_id => 'lost');

-- All rows of all tables.
CREATE FUNCTION faults.state() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    t regclass;
    rows text;
    all_rows text := '';
BEGIN
    FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'voucher'::regnamespace AND relkind = 'r' ORDER BY relname LOOP
        EXECUTE format('SELECT md5(string_agg(r::text, %L ORDER BY r::text)) FROM %s AS r', E'\n', t) INTO rows;
        all_rows := all_rows || t || ' ' || COALESCE(rows, '') || E'\n';
    END LOOP;
    RETURN all_rows;
END
$$;

-- Make a call fail at its first statement, at its second, and so on until it
-- succeeds; how many failed.  What it does is undone in the end.
CREATE FUNCTION faults.try(call text, how text, OUT failed integer, OUT wrong text) LANGUAGE plpgsql AS $$
DECLARE
    before text := faults.state();
    state text;
    code text := CASE how WHEN 'c' THEN '57014' WHEN 'm' THEN '53200' ELSE 'XX000' END;
BEGIN
    FOR n IN 1 .. 1000 LOOP
        state := NULL;
        BEGIN
            PERFORM faults.fault(n, how);
            EXECUTE call;
            RAISE SQLSTATE 'ZZ000';
        EXCEPTION WHEN query_canceled OR OTHERS THEN
            state := SQLSTATE;
        END;
        PERFORM faults.fault(0, 'e');
        IF state = 'ZZ000' THEN
            failed := n - 1;
            RETURN;
        END IF;
        IF state <> code THEN
            wrong := format('%s instead of %s at statement %s', state, code, n);
            RETURN;
        END IF;
        IF faults.state() <> before THEN
            wrong := format('something is done at statement %s', n);
            RETURN;
        END IF;
        -- nothing in memory is left that stands in the way
        BEGIN
            EXECUTE call;
            RAISE SQLSTATE 'ZZ000';
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE <> 'ZZ000' THEN
                wrong := format('%s (%s) after a fault at statement %s', SQLERRM, SQLSTATE, n);
                RETURN;
            END IF;
        END;
    END LOOP;
END
$$;

CREATE TABLE faults.call (call text);
INSERT INTO faults.call VALUES
    ($$SELECT voucher.deposit('ann', 5, request_id => 'r')$$),
    ($$SELECT voucher.open_account('new', 'CNY')$$),
    ($$SELECT voucher.grant('ann', 'gift', request_id => 'r')$$),
    ($$SELECT voucher.claim('ben', 'spring', 'r')$$),
    (format('SELECT voucher.activate(%L, %L)', 'ann', :'code')),
    ($$SELECT voucher.mint('gift', 3)$$),
    ($$SELECT voucher.mint_pattern('gift', 3, 'FAULT', request_id => 'r')$$),
    ($$SELECT voucher.mint('gift', 1, request_id => 'lost', replace => true)$$),
    (format('SELECT voucher.activate(%L, %L)', 'ann', :'keyed')),
    ($$SELECT voucher.create_campaign('new')$$),
    ($$SELECT voucher.create_campaign('spring')$$),
    ($$SELECT voucher.invite('ann', 'spring')$$),
    ($$SELECT voucher.settle('ann', 'n', 'ecs', 'renewal', 30)$$),
    ($$SELECT voucher.settle('ann', 'n', 'ecs', 'renewal', 30, voucher => 'none', coupon => 'none')$$),
    ($$SELECT voucher.settle('ben', 'n', 'oss', 'purchase', 300, promo_code => 'word')$$),
    (format('SELECT voucher.settle(%L, %L, %L, %L, 10, voucher => %L)', 'ann', 'n', 'ecs', 'renewal', :'share')),
    ($$SELECT voucher.settle('ann', 'held', 'ecs', 'renewal', 11)$$),
    ($$SELECT voucher.settle('ben', 'n', payment_type => 'pay_as_you_go', lines => ARRAY[voucher.line('ecs', 'usage', 70.005), voucher.line('oss', 'usage', 70)])$$),
    ($$SELECT voucher.reserve('ben', 'n', 'oss', 'purchase', 300, promo_code => 'word')$$),
    ($$SELECT voucher.reserve('ann', 'held', 'ecs', 'renewal', 12)$$),
    ($$SELECT voucher.capture('ann', 'held')$$),
    ($$SELECT voucher.capture('ann', 'held', ARRAY[voucher.line('ecs', 'renewal', 7)])$$),
    ($$SELECT voucher.release('ann', 'held')$$),
    ($$SELECT voucher.refund('ann', 'done', 10, request_id => 'r')$$),
    ($$SELECT voucher.refund('ann', 'done', lines => '{1}')$$),
    ($$SELECT voucher.refund('ann', 'drawn')$$),
    ($$SELECT voucher.cancel('ann', 'done', 'r')$$),
    ($$SELECT voucher.cancel('ann', 'drawn')$$),
    ($$SELECT voucher.pay_arrears('ann', 'bill', 5)$$),
    ($$SELECT voucher.rerate('ben', 'paid', 'r', ARRAY[voucher.line('ecs', 'usage', 250)])$$),
    ($$SELECT voucher.rerate('ben', 'paid', 'r', ARRAY[voucher.line('ecs', 'usage', 170)])$$),
    ($$SELECT voucher.rerate('ann', 'bill', 'r', ARRAY[voucher.line('ecs', 'usage', 10)])$$),
    ($$SELECT voucher.issue_invoice('ann', 'n', 'done')$$),
    ($$SELECT voucher.issue_credit_invoice('ben', 'n', 'i2')$$),
    ($$SELECT voucher.void_invoice('ann', 'i1')$$),
    (format('SELECT voucher.freeze(%L, %s)', 'ann', :'other')),
    (format('SELECT voucher.extend(%L, %s, now() + interval %L)', 'ann', :'coupon', '100 years')),
    (format('SELECT voucher.reclaim(%L, %s)', 'ben', :'bens')),
    (format('SELECT voucher.revoke(%L, %s)', 'ben', :'bens')),
    (format('SELECT voucher.transfer(%L, %s, %L)', 'ben', (SELECT max(instrument_id) FROM voucher.list('ben') WHERE template = 'gift'), 'ann')),
    (format('SELECT voucher.split(%L, %s, %L)', 'ben', (SELECT max(instrument_id) FROM voucher.list('ben') WHERE template = 'gift'), '{10,20}')),
    (format('SELECT voucher.share(%L, %s, %L)', 'ben', (SELECT max(instrument_id) FROM voucher.list('ben') WHERE template = 'gift'), 'ann')),
    (format('SELECT voucher.unshare(%L, %s, %L)', 'ben', :'bens', 'ann')),
    ($$SELECT voucher.create_limit('gift', max_count => 1000)$$),
    ($$SELECT voucher.create_limit('gift', max_count => 1000, request_id => 'r')$$),
    ($$SELECT voucher.create_template('new', 'voucher', 'CNY', face_value => 1)$$);
