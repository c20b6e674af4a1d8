--
-- errors: everything that is refused, with its SQLSTATE; and that it changes nothing
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

-- A checksum over all rows of the extension's tables, but for the epoch, which
-- counts calls, also those that change nothing, and for attempts with wrong codes,
-- which are kept
CREATE FUNCTION state() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    relation regclass;
    rows text;
    total text := '';
BEGIN
    FOR relation IN SELECT oid FROM pg_class WHERE relnamespace = 'voucher'::regnamespace AND relkind = 'r' AND relname <> 'attempt' ORDER BY relname LOOP
        EXECUTE format('SELECT md5(string_agg(r::text, E''\n'' ORDER BY r::text)) FROM (SELECT to_jsonb(t) - ''epoch'' FROM %s AS t) AS r', relation) INTO rows;
        total := total || relation::text || coalesce(rows, '-');
    END LOOP;
    RETURN md5(total);
END $$;

--
-- What there is.  alice has 100.00 in cash; her vouchers and coupons 1 to 11
-- are each good for nothing in a way of its own.
--
DO $$
BEGIN
    PERFORM voucher.register_product(p) FROM unnest('{ecs,oss,rds}'::text[]) AS p;
    PERFORM voucher.register_product('market', universal => false);
    PERFORM voucher.open_account(a, 'CNY', at => '2026-01-01') FROM unnest('{alice,bob,dual,yen}'::text[]) AS a;
    PERFORM voucher.open_account(a, 'JPY', at => '2026-01-01') FROM unnest('{dual}'::text[]) AS a;
    PERFORM voucher.deposit('alice', 600, request_id => 'deposit-1', at => '2026-01-01');
    PERFORM voucher.deposit('dual', 1000, c, at => '2026-01-01') FROM unnest('{CNY,JPY}'::text[]) AS c;

    PERFORM voucher.create_template('cash 200', 'voucher', 'CNY', face_value => 200, valid => '[2026-01-01, 2026-07-01)');
    PERFORM voucher.create_template('once', 'voucher', 'CNY', face_value => 200, uses => 1);
    PERFORM voucher.create_template('later', 'voucher', 'CNY', face_value => 200, valid => '[2027-01-01,)');
    PERFORM voucher.create_template('oss renewals', 'voucher', 'CNY', face_value => 200, scope => 'oss:renewal');
    PERFORM voucher.create_template('universal', 'voucher', 'CNY', face_value => 50, scope => '*:renewal');
    PERFORM voucher.create_template('usage', 'voucher', 'CNY', face_value => 200, payment_type => 'pay_as_you_go');
    PERFORM voucher.create_template('long', 'voucher', 'CNY', face_value => 200, min_duration => '365 days');
    PERFORM voucher.create_template('short', 'voucher', 'CNY', face_value => 200, max_duration => '31 days', min_duration => '1 day');
    PERFORM voucher.create_template('big', 'voucher', 'CNY', face_value => 200, threshold => 1000, scope => 'rds');
    PERFORM voucher.create_template('first', 'coupon', 'CNY', discount_rate => 0.5, first_purchase => true, scope => 'ecs:purchase', per_account => 1);
    PERFORM voucher.grant('alice', t, at => '2026-01-01')
    FROM unnest('{cash 200,once,cash 200,later,oss renewals,universal,usage,long,short,big,first}'::text[]) AS t;
    PERFORM voucher.grant('bob', 'cash 200', request_id => 'grant-1', at => '2026-01-01');
    PERFORM voucher.freeze('alice', 3, at => '2026-01-01');
    PERFORM voucher.settle('bob', 'b0', 'ecs', 'usage', 0, payment_type => 'pay_as_you_go', at => '2026-01-01');

    PERFORM voucher.create_template('ten', 'promo_code', 'CNY', face_value => 10, promo_code => 'TEN');
    PERFORM voucher.create_template('yen', 'promo_code', 'JPY', face_value => 10, promo_code => 'YEN');
    PERFORM voucher.create_template('old', 'promo_code', 'CNY', face_value => 10, promo_code => 'OLD', valid => '[2025-01-01, 2026-01-01)');
    PERFORM voucher.create_campaign('vip');
    PERFORM voucher.create_template('vip', 'promo_code', 'CNY', face_value => 10, promo_code => 'VIP', campaign => 'vip', audience => 'invited');
    PERFORM voucher.create_template('vip coupon', 'coupon', 'CNY', face_value => 10, campaign => 'vip', audience => 'invited');
    PERFORM voucher.create_campaign('spring', claimable => '[2026-03-01, 2026-04-01)');
    PERFORM voucher.create_template('spring', 'coupon', 'CNY', face_value => 10, campaign => 'spring', per_account => 1);
    PERFORM voucher.create_campaign('nothing');

    -- 500 = voucher 200 + promo code 10 + cash 290; 90.00 of it invoiced, 100.00 of it void
    PERFORM voucher.settle('alice', 'o1', 'ecs', 'purchase', 500, '1 month', voucher => '2', coupon => 'none', promo_code => 'TEN', at => '2026-01-02');
    PERFORM voucher.issue_invoice('alice', 'i1', 'o1', 90, at => '2026-01-03');
    PERFORM voucher.issue_invoice('alice', 'i2', 'o1', 100, at => '2026-01-03');
    PERFORM voucher.void_invoice('alice', 'i2', at => '2026-01-03');
    -- 60 in cash, refunded
    PERFORM voucher.settle('alice', 'o2', 'rds', 'purchase', 60, voucher => 'none', at => '2026-01-02');
    PERFORM voucher.refund('alice', 'o2', request_id => 'refund-2', at => '2026-01-03');
    -- and 210 spent
    PERFORM voucher.settle('alice', 'o3', lines => ARRAY[voucher.line('rds', 'upgrade', 110), voucher.line('rds', 'upgrade', 100)], voucher => 'none', at => '2026-01-02');
    PERFORM voucher.settle('dual', 'd1', 'rds', 'purchase', 60, currency => 'CNY', at => '2026-01-02');
END $$;
SELECT balance FROM voucher.account WHERE account_id = 'alice';
SELECT instrument_id, template, balance, status FROM voucher.list('alice', at => '2026-02-01') ORDER BY 1;
SELECT state() AS before \gset

--
-- Unknown
--
SELECT voucher.deposit('nobody', 5);
\echo :SQLSTATE
SELECT voucher.deposit('bob', 5, 'JPY');
\echo :SQLSTATE
SELECT voucher.quote('nobody', 'ecs', 'purchase', 5);
\echo :SQLSTATE
SELECT voucher.quote('nobody', 'ecs', 'purchase', 5, currency => 'CNY');
\echo :SQLSTATE
SELECT voucher.quote('alice', 'waf', 'purchase', 5);
\echo :SQLSTATE
SELECT voucher.quote('alice', 'ec', 'purchase', 5);
\echo :SQLSTATE
SELECT voucher.quote('alice', 'ecs', 'rental', 5);
\echo :SQLSTATE
SELECT voucher.open_account('alice', 'XYZ');
\echo :SQLSTATE
SELECT voucher.quote('alice', 'ecs', 'purchase', 5, currency => 'cny');
\echo :SQLSTATE
SELECT voucher.grant('alice', 'cash 300');
\echo :SQLSTATE
SELECT voucher.mint('cash 300', 1);
\echo :SQLSTATE
SELECT voucher.claim('alice', 'autumn');
\echo :SQLSTATE
SELECT voucher.freeze('alice', 99);
\echo :SQLSTATE
SELECT voucher.quote('alice', 'ecs', 'purchase', 5, voucher => '99');
\echo :SQLSTATE
SELECT voucher.quote('alice', 'ecs', 'purchase', 5, coupon => '1');
\echo :SQLSTATE
SELECT voucher.activate('alice', '0000-0000-0000-0012');
\echo :SQLSTATE
SELECT voucher.verify('0000-0000-0000-0012');
\echo :SQLSTATE
SELECT voucher.quote('alice', 'ecs', 'purchase', 5, promo_code => 'twelve');
\echo :SQLSTATE
SELECT voucher.refund('alice', 'o9');
\echo :SQLSTATE
SELECT voucher.issue_invoice('alice', 'i9', 'o9');
\echo :SQLSTATE
SELECT voucher.void_invoice('alice', 'i9');
\echo :SQLSTATE
-- Somebody else's is unknown too
SELECT voucher.quote('alice', 'ecs', 'purchase', 5, voucher => '12');
\echo :SQLSTATE
SELECT voucher.unfreeze('bob', 3);
\echo :SQLSTATE
SELECT voucher.refund('bob', 'o1');
\echo :SQLSTATE
SELECT voucher.void_invoice('bob', 'i1');
\echo :SQLSTATE

-- A code with an error in it is told from an unknown one before any look-up
SELECT voucher.activate('alice', '0000-0000-0000-0013');
\echo :SQLSTATE
SELECT voucher.activate('alice', '0000-0000-0000-0021');
\echo :SQLSTATE
SELECT voucher.activate('alice', '0000-0000');
\echo :SQLSTATE
SELECT voucher.verify('U000-0000-0000-0012');
\echo :SQLSTATE
SELECT voucher.verify('');
\echo :SQLSTATE

--
-- An instrument that is named and does not apply says why
--
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, voucher => '4', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, voucher => '1', at => '2026-07-01');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, voucher => '2', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, promo_code => 'TEN', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, voucher => '3', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, voucher => '5', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'oss', 'purchase', 5, voucher => '5', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'market', 'renewal', 5, voucher => '6', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, voucher => '7', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, '364 days', voucher => '8', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, voucher => '8', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, '32 days', voucher => '9', at => '2026-02-01');
\echo :SQLSTATE
-- Only the lines that it covers count: 995 + 4.99 of 1000
SELECT voucher.settle('alice', 'x', lines => ARRAY[voucher.line('rds', 'purchase', 995), voucher.line('ecs', 'purchase', 995), voucher.line('rds.proxy', 'renewal', 4.99)],
                      voucher => '10', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs.g7', 'purchase', 5, coupon => '11', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, promo_code => 'VIP', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, promo_code => 'OLD', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, promo_code => 'YEN', at => '2026-02-01');
\echo :SQLSTATE
SELECT state() = :'before' AS unchanged;

--
-- Issue
--
SELECT voucher.grant('alice', 'cash 200', at => '2026-07-01');
\echo :SQLSTATE
SELECT voucher.grant('alice', 'first', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.grant('alice', 'ten', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.grant('alice', 'first', face_value => 5, at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.grant('alice', 'cash 200', face_value => 0.001, at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.grant('alice', 'cash 200', face_value => -1, at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.grant('alice', 'cash 200', at => 'infinity');
SELECT voucher.grant('alice', 'cash 200', at => '0001-12-31 23:59:59.999999+00 BC');
SELECT voucher.grant('alice', 'cash 200', at => '10000-01-01 00:00+00');
\echo :SQLSTATE
SELECT voucher.claim('alice', 'spring', at => '2026-04-01');
\echo :SQLSTATE
SELECT voucher.claim('alice', 'nothing', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.claim('alice', 'vip', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.claim('nobody', 'spring', at => '2026-03-01');
\echo :SQLSTATE
SELECT voucher.mint('cash 200', 0);
\echo :SQLSTATE
SELECT voucher.mint('cash 200', -1);
\echo :SQLSTATE
SELECT voucher.mint('ten', 1);
\echo :SQLSTATE
SELECT voucher.mint('first', 1, face_value => 5);
\echo :SQLSTATE
SELECT state() = :'before' AS unchanged;

--
-- Malformed orders
--
SELECT voucher.settle('alice', 'x');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', lines => '{}');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', amount => 5);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', order_type => 'purchase', amount => 5);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', lines => ARRAY[voucher.line('ecs', 'purchase', 5)]);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', lines => ARRAY[NULL]::voucher.line[]);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', lines => ARRAY[voucher.line('ecs', 'purchase', 5), voucher.line('ecs', NULL, 5)]);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 0);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', lines => ARRAY[voucher.line('ecs', 'purchase', 5, line_no => 7), voucher.line('ecs', 'purchase', -0.00000001, line_no => 8)]);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', lines => ARRAY[voucher.line('ecs', 'purchase', 5, line_no => 7), voucher.line('oss', 'purchase', 5, line_no => 7)]);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', lines => ARRAY[voucher.line('ecs', 'purchase', '92233720368.54775807'), voucher.line('ecs', 'purchase', '0.00000001')]);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', '92233720368.54775808');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', '0.000000001');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ECS', 'purchase', 5);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', '*', 'purchase', 5);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', '', 'purchase', 5);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', '', 5);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, '-1 day');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, payment_type => 'prepaid');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, payment_type => '');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, voucher => 'largest');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, coupon => '-1');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, voucher => '9223372036854775808');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, promo_code => '');
\echo :SQLSTATE
SELECT voucher.quote('alice', 'ecs', 'purchase', 5, promo_code => ' - ');
\echo :SQLSTATE
SELECT voucher.match('alice', 'ecs', 'purchase', 5, promo_code => '');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 5, at => '-infinity');
\echo :SQLSTATE
SELECT voucher.settle('', 'x', 'ecs', 'purchase', 5);
\echo :SQLSTATE
SELECT voucher.settle('alice', '', 'ecs', 'purchase', 5);
\echo :SQLSTATE
SELECT voucher.settle('dual', 'x', 'ecs', 'purchase', 5);
\echo :SQLSTATE
SELECT state() = :'before' AS unchanged;

--
-- Money.  alice has 100.00
--
SELECT voucher.settle('alice', 'x', 'ecs', 'purchase', 100.01, voucher => 'none', coupon => 'none', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.deposit('alice', 0);
\echo :SQLSTATE
SELECT voucher.deposit('alice', -5);
\echo :SQLSTATE
SELECT voucher.deposit('alice', 0.005);
\echo :SQLSTATE
SELECT voucher.deposit('alice', '92233720368.54');
\echo :SQLSTATE
SELECT voucher.deposit('dual', 5);
\echo :SQLSTATE
-- o1 came to 490, of which 290 was cash, of which 90 is invoiced
SELECT voucher.refund('alice', 'o1', 490.01);
\echo :SQLSTATE
SELECT voucher.refund('alice', 'o1', 0);
\echo :SQLSTATE
SELECT voucher.refund('alice', 'o1', -1);
\echo :SQLSTATE
SELECT voucher.refund('alice', 'o1', 0.001);
\echo :SQLSTATE
SELECT voucher.refund('alice', 'o2');
\echo :SQLSTATE
SELECT voucher.refund('alice', 'o2', 1);
\echo :SQLSTATE
SELECT voucher.issue_invoice('alice', 'i9', 'o1', 200.01);
\echo :SQLSTATE
SELECT voucher.issue_invoice('alice', 'i9', 'o1', 0);
\echo :SQLSTATE
SELECT voucher.issue_invoice('alice', 'i9', 'o2');
\echo :SQLSTATE
SELECT voucher.issue_invoice('alice', 'i2', 'o1', 100);
\echo :SQLSTATE
SELECT state() = :'before' AS unchanged;

--
-- The same key with another body, each field on its own
--
SELECT voucher.settle('dual', 'd1', 'rds', 'purchase', 60, currency => 'JPY');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'o2', 'rds', 'purchase', 60, voucher => 'none', payment_type => 'pay_as_you_go');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'o2', 'rds', 'purchase', 60);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'o2', 'rds', 'purchase', 60, voucher => 'none', coupon => 'none');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'o2', 'rds', 'purchase', 60, voucher => 'none', promo_code => 'TEN');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'o2', 'ecs', 'purchase', 60, voucher => 'none');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'o2', 'rds', 'renewal', 60, voucher => 'none');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'o2', 'rds', 'purchase', 60.01, voucher => 'none');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'o2', 'rds', 'purchase', 60, '1 month', voucher => 'none');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'o1', 'ecs', 'purchase', 500, '2 months', voucher => '2', coupon => 'none', promo_code => 'TEN');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'o2', lines => ARRAY[voucher.line('rds', 'purchase', 60, line_no => 2)], voucher => 'none');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'o3', lines => ARRAY[voucher.line('rds', 'upgrade', 100), voucher.line('rds', 'upgrade', 110)], voucher => 'none');
\echo :SQLSTATE
SELECT voucher.settle('alice', 'o3', 'rds', 'upgrade', 210, voucher => 'none');
\echo :SQLSTATE
SELECT voucher.deposit('alice', 5, request_id => 'deposit-1');
\echo :SQLSTATE
SELECT voucher.grant('bob', 'once', request_id => 'grant-1');
\echo :SQLSTATE
SELECT voucher.grant('bob', 'cash 200', face_value => 5, request_id => 'grant-1', at => '2026-02-01');
\echo :SQLSTATE
SELECT voucher.refund('alice', 'o1', 60, request_id => 'refund-2');
\echo :SQLSTATE
SELECT voucher.refund('alice', 'o2', 59, request_id => 'refund-2');
\echo :SQLSTATE
SELECT voucher.issue_invoice('alice', 'i1', 'o2', 90);
\echo :SQLSTATE
SELECT voucher.issue_invoice('alice', 'i1', 'o1', 91);
\echo :SQLSTATE
-- The same body is no error, whatever its time
SELECT cash FROM voucher.settle('alice', 'o2', 'rds', 'purchase', 60, voucher => 'none', at => '2030-01-01');
SELECT requested FROM voucher.refund('alice', 'o2', request_id => 'refund-2', at => '2030-01-01');
SELECT voucher.deposit('alice', 600, request_id => 'deposit-1', at => '2030-01-01');
SELECT state() = :'before' AS unchanged;

--
-- NULL for every argument of every function.  Each is called with good
-- arguments but for one; whatever it does is undone.
--
CREATE FUNCTION outcome(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before text := state();
    nothing boolean;
BEGIN
    EXECUTE 'SELECT ' || call || ' IS NULL LIMIT 1' INTO nothing;
    RAISE EXCEPTION USING ERRCODE = 'UNDO1', MESSAGE =
        CASE nothing WHEN true THEN 'null' WHEN false THEN 'a value' ELSE 'no rows' END
        || CASE WHEN state() <> before THEN ', written' ELSE '' END;
EXCEPTION WHEN OTHERS THEN
    RETURN CASE WHEN SQLSTATE = 'UNDO1' THEN SQLERRM ELSE SQLSTATE || ' ' || SQLERRM END;
END $$;

CREATE TABLE sample (name text, type text, value text);
INSERT INTO sample VALUES
    ('account_id', 'text', '''alice'''), ('campaign', 'text', '''spring'''), ('template', 'text', '''cash 200'''),
    ('product', 'text', '''ecs'''), ('order_type', 'text', '''renewal'''), ('order_id', 'text', '''o1'''),
    ('invoice_id', 'text', '''i1'''), ('currency', 'text', '''CNY'''), ('payment_type', 'text', '''subscription'''),
    ('voucher', 'text', '''auto'''), ('coupon', 'text', '''auto'''), ('promo_code', 'text', 'NULL'), ('status', 'text', '''available'''),
    ('kind', 'text', '''coupon'''), ('audience', 'text', '''everyone'''), ('valid_from', 'text', '''activation'''),
    ('time_zone', 'text', '''UTC'''), ('refund_policy', 'text', '''forfeit'''), ('discount_rate', 'numeric', 'NULL'),
    ('policy', 'text', '''largest'''), ('effect', 'text', 'NULL'), (NULL, 'text[]', '''{}'''),
    ('instrument_id', 'bigint', '1'), ('lines', 'voucher.line[]', 'NULL'), ('duration', 'interval', '''1 month'''),
    ('at', 'timestamptz', '''2026-03-01'''), ('since', 'timestamptz', '''-infinity'''), ('until', 'timestamptz', '''infinity'''), ('code', 'voucher.code', '''0000-0000-0000-0012'''),
    ('min_duration', 'interval', 'NULL'), ('max_duration', 'interval', 'NULL'), ('valid_for', 'interval', 'NULL'),
    ('refund_within', 'interval', 'NULL'), ('consumed', 'voucher.amount', 'NULL'), ('lines', 'integer[]', 'NULL'), ('line_amounts', 'voucher.amount[]', 'NULL'),
    ('arrears', 'boolean', 'false'),
    ('order_ids', 'text[]', 'NULL'), ('credits', 'text', '''i1'''),
    ('counts', 'text', '''use'''), ('per', 'text', '''total'''), ('period', 'text', '''day'''),
    ('regions', 'text[]', '''{cn-hangzhou}'''), ('tags', 'jsonb', '''{"environment": "test"}'''),
    ('to_account_id', 'text', '''bob'''), ('with_account_id', 'text', '''bob'''), ('shareable', 'boolean', 'false'), ('amounts', 'voucher.amount[]', '''{1}'''), ('instrument_ids', 'bigint[]', '''{1,2}'''),
    (NULL, 'text', '''new'''), (NULL, 'bigint', '1'), (NULL, 'integer', '1'), (NULL, 'smallint', '1'), (NULL, 'numeric', '0.5'), (NULL, 'boolean', 'true'),
    (NULL, 'timestamptz', '''2026-03-01'''), (NULL, 'tstzrange', '''[2026-01-01, 2027-01-01)'''), (NULL, 'interval', '''1 day'''),
    (NULL, 'voucher.amount', '''5'''), (NULL, 'voucher.scope', '''*'''), (NULL, 'voucher.code', '''0000-0000-0000-0012'''),
    (NULL, 'voucher.factor', '0.5'), (NULL, 'cstring', '''5'''), (NULL, 'bytea', '''\x00''');

CREATE TABLE argument AS
SELECT p.oid, p.proname, a.position, a.name, format_type(a.type, NULL) AS type,
       COALESCE((SELECT s.value FROM sample AS s WHERE s.type::regtype = a.type AND s.name = a.name),
                (SELECT s.value FROM sample AS s WHERE s.type::regtype = a.type AND s.name IS NULL)) AS value
FROM pg_proc AS p
JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'voucher'
CROSS JOIN LATERAL (SELECT i.position, p.proargnames[i.position] AS name, i.type
                    FROM unnest(p.proargtypes) WITH ORDINALITY AS i(type, position)) AS a
WHERE p.prokind = 'f';
-- What takes the type internal cannot be called from SQL
DELETE FROM argument WHERE oid IN (SELECT oid FROM argument WHERE type = 'internal');
-- A new order, a new campaign
UPDATE argument SET value = '''2027-01-01''' WHERE (proname, name) = ('extend', 'until');
UPDATE argument SET value = '''new''' WHERE (proname, name) IN (('settle', 'order_id'), ('create_campaign', 'campaign'), ('issue_credit_invoice', 'invoice_id'));
-- A bill
UPDATE argument SET value = CASE name WHEN 'account_id' THEN '''bob''' WHEN 'order_id' THEN '''b0''' ELSE 'ARRAY[voucher.line(''ecs'', ''usage'', 0)]' END
WHERE proname = 'rerate' AND name IN ('account_id', 'order_id', 'lines');
-- A limit is on a template or on a campaign
UPDATE argument SET value = 'NULL' WHERE (proname, name) IN (('create_limit', 'campaign'));
-- Every type has a sample
SELECT proname, name, type FROM argument WHERE value IS NULL;

CREATE TABLE tried AS
SELECT n.proname, n.position, COALESCE(n.name, '$' || n.position) AS argument, n.type,
       outcome(format('voucher.%I(%s)', n.proname,
                      (SELECT string_agg(format('%s::%s', CASE WHEN a.position = n.position THEN 'NULL' ELSE a.value END, a.type),
                                         ', ' ORDER BY a.position)
                       FROM argument AS a WHERE a.oid = n.oid))) AS outcome
FROM argument AS n;
SELECT count(*) AS internal_errors FROM tried WHERE outcome LIKE 'XX%';
\pset format unaligned
SELECT proname || '(' || argument || ')' AS "null for", outcome FROM tried
WHERE argument NOT LIKE '$%' ORDER BY proname COLLATE "C", position, argument COLLATE "C";
SELECT DISTINCT proname || '(' || type || ')' AS "null for", outcome FROM tried
WHERE argument LIKE '$%' AND outcome <> 'null' ORDER BY 1, 2;
\pset format aligned
DROP TABLE tried, argument, sample;
SELECT state() = :'before' AS unchanged;

-- The same with lines
SELECT voucher.settle('alice', 'x', lines => ARRAY[voucher.line(NULL, 'renewal', 5)]);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', lines => ARRAY[voucher.line('ecs', 'renewal', NULL)]);
\echo :SQLSTATE
SELECT voucher.settle('alice', 'x', lines => ARRAY[voucher.line('ecs', 'renewal', 5), ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::voucher.line]);
\echo :SQLSTATE

--
-- Triggers
--
SELECT voucher.settle_order();
\echo :SQLSTATE
CREATE TABLE orders (id text, customer text, what text, why text, price numeric);
CREATE TRIGGER settle AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION voucher.settle_order();
INSERT INTO orders VALUES ('x', 'alice', 'ecs', 'renewal', 5);
\echo :SQLSTATE
CREATE OR REPLACE TRIGGER settle AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION voucher.settle_order('account_id');
INSERT INTO orders VALUES ('x', 'alice', 'ecs', 'renewal', 5);
\echo :SQLSTATE
CREATE OR REPLACE TRIGGER settle AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION voucher.settle_order('account=customer');
INSERT INTO orders VALUES ('x', 'alice', 'ecs', 'renewal', 5);
\echo :SQLSTATE
CREATE OR REPLACE TRIGGER settle AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION voucher.settle_order('account_id=client');
INSERT INTO orders VALUES ('x', 'alice', 'ecs', 'renewal', 5);
\echo :SQLSTATE
CREATE OR REPLACE TRIGGER settle AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION voucher.settle_order('account_id=customer', 'account_id=id');
INSERT INTO orders VALUES ('x', 'alice', 'ecs', 'renewal', 5);
\echo :SQLSTATE
CREATE OR REPLACE TRIGGER settle BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION
    voucher.settle_order('account_id=customer', 'order_id=id', 'product=what', 'order_type=why', 'amount=price');
INSERT INTO orders VALUES ('x', 'alice', 'ecs', 'renewal', 5);
\echo :SQLSTATE
CREATE OR REPLACE TRIGGER settle AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION
    voucher.settle_order('account_id=customer', 'order_id=id', 'product=what', 'order_type=why', 'amount=price');
INSERT INTO orders VALUES ('x', 'alice', 'ecs', 'renewal', NULL);
\echo :SQLSTATE
INSERT INTO orders VALUES ('', 'alice', 'ecs', 'renewal', 5);
\echo :SQLSTATE
INSERT INTO orders VALUES (NULL, 'alice', 'ecs', 'renewal', 5);
\echo :SQLSTATE
INSERT INTO orders VALUES ('x', 'alice', 'ecs', 'renewal', 'NaN');
\echo :SQLSTATE
INSERT INTO orders VALUES ('x', 'alice', 'waf', 'renewal', 5);
\echo :SQLSTATE
CREATE OR REPLACE TRIGGER settle AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION
    voucher.settle_order('account_id=customer', 'order_id=id', 'product=what', 'order_type=why', 'amount=price', 'at=placed');
ALTER TABLE orders ADD COLUMN placed timestamptz;
INSERT INTO orders VALUES ('x', 'alice', 'ecs', 'renewal', 5, 'infinity');
\echo :SQLSTATE
SELECT count(*) FROM orders;
DROP TABLE orders;
SELECT state() = :'before' AS unchanged;
SELECT * FROM voucher.check();
DROP FUNCTION outcome, state;
