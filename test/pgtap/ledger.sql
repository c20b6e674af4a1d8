-- The ledgers: no path leaves a balance that its entries do not add up to. All
-- of it as a superuser, whom no privilege stops.
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

-- One row in every table: an order of 500 = 20 + 180 + 300, a tenth of it
-- refunded (48 of 480, 30 of it cash), an invoice over 100 and one that is void.
SELECT voucher.register_product('ecs') \g /dev/null
SELECT voucher.create_template('v', 'voucher', 'CNY', face_value => 200, per_account => 3, maximum => 180) AS v \gset
SELECT voucher.create_template('p', 'promo_code', 'CNY', face_value => 20, promo_code => 'P20') \g /dev/null
SELECT voucher.open_account('ann', 'CNY', at => '2026-01-01'), voucher.open_account('ben', 'CNY', at => '2026-01-01'), voucher.deposit('ann', 1000, at => '2026-01-01') \g /dev/null
SELECT voucher.grant('ann', 'v', at => '2026-01-01') AS id, voucher.grant('ann', 'v', at => '2026-01-01') AS other \gset
SELECT voucher.mint('v', 1) AS code, voucher.mint('v', 1) AS unused \gset
SELECT voucher.activate('ben', :'code', at => '2026-01-01') \g /dev/null
SELECT voucher.settle('ann', 'o1', 'ecs', 'purchase', 500, duration => '1 year', promo_code => 'P20', voucher => :'id', at => '2026-01-02') \g /dev/null
SELECT voucher.refund('ann', 'o1', 48, request_id => 'r1', at => '2026-01-03') \g /dev/null
SELECT voucher.issue_invoice('ann', 'i1', 'o1', 100, at => '2026-01-03'), voucher.issue_invoice('ann', 'i2', 'o1', 50, at => '2026-01-03') \g /dev/null
SELECT voucher.void_invoice('ann', 'i2', at => '2026-01-03') \g /dev/null
SELECT voucher.settle('ann', 'o2', 'ecs', 'renewal', 1, voucher => 'none', at => '2026-01-04') \g /dev/null
SELECT voucher.settle('ann', 'b1', 'ecs', 'usage', 0, payment_type => 'pay_as_you_go', at => '2026-01-04'),
       voucher.rerate('ann', 'b1', 'b2', ARRAY[voucher.line('ecs', 'usage', 0)], at => '2026-01-04') \g /dev/null
SELECT is_empty('SELECT * FROM voucher.check()', 'the ledgers are sound to begin with');

-- Runs a statement in a subtransaction that is taken back, and says what was
-- reported: the SQLSTATE, or what voucher.check finds after it.
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    outcome text;
BEGIN
    BEGIN
        EXECUTE statement;
        SELECT 'accepted, check: ' || COALESCE(string_agg(DISTINCT rule, ', '), 'sound') INTO outcome FROM voucher.check();
        RAISE EXCEPTION USING ERRCODE = 'ZZ000';
    EXCEPTION
        WHEN SQLSTATE 'ZZ000' THEN NULL;
        WHEN OTHERS THEN outcome := SQLSTATE;
    END;
    RETURN outcome;
END
$$;

-- ---------------------------------------------------------------------------
-- No UPDATE, DELETE or TRUNCATE
-- ---------------------------------------------------------------------------

-- Every column of every protected table, with another value for it. Columns
-- without one here would fail the test: a new column must be considered.
CREATE TEMP TABLE other_value (table_name text, column_name text, value text, outcome text);
INSERT INTO other_value
SELECT t, c.attname, COALESCE(s.value, CASE format_type(c.atttypid, NULL)
           WHEN 'text' THEN format('%I || ''x''', c.attname)
           WHEN 'integer' THEN format('%I + 1', c.attname)
           WHEN 'bigint' THEN format('%I + 1000', c.attname)
           WHEN 'smallint' THEN format('%I + 1', c.attname)
           WHEN 'boolean' THEN format('NOT %I', c.attname)
           WHEN 'timestamp with time zone' THEN format('%I + interval ''1 s''', c.attname)
           WHEN 'voucher.amount' THEN format('%I OPERATOR(voucher.+) 1', c.attname)
           WHEN 'interval' THEN '''1 day'''
           WHEN 'tstzrange' THEN '''[2020-01-01,)'''
           WHEN 'voucher.scope' THEN '''ecs'''
           WHEN 'numeric' THEN '0.5'
           WHEN 'text[]' THEN '''{x}'''
           WHEN 'bigint[]' THEN '''{7}'''
           WHEN 'jsonb' THEN '''{"x": 1}'''
           WHEN 'bytea' THEN format('%I || ''x''', c.attname)
           ELSE 'NULL' END),
       COALESCE(s.outcome, 'VC401')
FROM unnest('{account,instrument,settlement,cash_entry,entry,settlement_entry,rerating,invoice,request,template,minted_code,policy}'::text[]) AS t
JOIN pg_attribute AS c ON c.attrelid = ('voucher.' || t)::regclass AND c.attnum > 0 AND NOT c.attisdropped
LEFT JOIN (VALUES
    -- the epoch holds no money
    ('account', 'epoch', NULL, 'accepted, check: sound'),
    -- columns that a key refuses to change before the trigger sees it
    ('account', 'account_id', NULL, '23503'), ('account', 'currency', NULL, '23503'), ('account', 'first_entry', NULL, '23503'),
    ('instrument', 'account_id', NULL, '23503'), ('instrument', 'currency', NULL, '23503'), ('instrument', 'first_entry', NULL, '23503'),
    ('instrument', 'instrument_id', NULL, '23503'), ('instrument', 'template_id', NULL, '23503'),
    ('settlement', 'account_id', NULL, '23503'), ('settlement', 'order_id', NULL, '23503'),
    -- values that no other rule refuses
    ('instrument', 'balance', '(balance::numeric / 2)::voucher.amount', NULL), ('instrument', 'used', 'CASE WHEN max_uses IS NULL THEN used + 1 ELSE used END', NULL),
    ('settlement', 'invoiceable', 'CASE WHEN entry_version IS NULL THEN invoiceable ELSE 1 END', NULL), ('settlement', 'entry_version', 'entry_version - 1', NULL),
    -- where the column is null, or of a type that has many kinds of values
    ('instrument', 'max_uses', '7', NULL), ('settlement', 'promo_code', '''OTHER''', NULL),
    ('settlement', 'lines', 'ARRAY[voucher.line(''ecs'', ''upgrade'', 500)]', NULL), ('settlement', 'parts', '''{}''', NULL), ('settlement', 'first_purchase', '''{oss}''', NULL),
    ('cash_entry', 'order_id', '''x''', NULL), ('cash_entry', 'request_id', '''x''', NULL), ('cash_entry', 'reason', '''x''', NULL),
    ('entry', 'campaign', '''x''', NULL), ('entry', 'actor', '''x''', NULL), ('entry', 'peer_account_id', '''x''', NULL), ('entry', 'peer_instrument_id', '7', NULL),
    ('entry', 'epoch', '7', NULL), ('settlement', 'purchased_before', '''{oss}''', NULL), ('settlement', 'not_universal', '''{oss}''', NULL),
    ('settlement', 'limits', '''{7}''', NULL), ('cash_entry', 'actor', '''y''', NULL), ('invoice', 'actor', '''y''', NULL), ('settlement', 'actor', '''y''', NULL), ('settlement_entry', 'actor', '''y''', NULL), ('settlement', 'hold', '1', NULL), ('settlement', 'shares', '''{7}''', NULL),
    ('instrument', 'owner_account_id', '''x''', NULL), ('instrument', 'owner_instrument_id', '7', NULL),
    ('entry', 'order_id', '''x''', NULL), ('entry', 'request_id', '''x''', NULL), ('entry', 'reason', '''x''', NULL),
    ('settlement_entry', 'requested', '49', NULL), ('settlement_entry', 'invoice_id', '''x''', NULL),
    ('settlement_entry', 'request_id', '''x''', NULL), ('settlement_entry', 'reason', '''x''', NULL),
    ('settlement_entry', 'consumed', '1', NULL), ('settlement_entry', 'lines', '''{1}''', NULL), ('settlement_entry', 'line_amounts', '''{1}''', NULL),
    ('settlement', 'rerates', '''x''', NULL), ('settlement_entry', 'rerating_id', '''x''', NULL),
    ('rerating', 'lines', '''{}''', NULL), ('rerating', 'policy', '''x''', NULL), ('rerating', 'reason', '''x''', NULL), ('rerating', 'actor', '''x''', NULL),
    ('invoice', 'credits', '''x''', NULL), ('invoice', 'reason', '''x''', NULL),
    ('template', 'campaign', '''x''', NULL), ('template', 'face_value', '1', NULL), ('template', 'discount_rate', '0.5', NULL), ('template', 'maximum', '1', NULL),
    ('template', 'payment_type', '''subscription''', NULL), ('template', 'uses', '9', NULL), ('template', 'per_account', '9', NULL), ('template', 'promo_code', '''OTHER''', NULL),
    ('template', 'effect', '''tender''', NULL), ('template', 'reduces', 'DEFAULT', 'accepted, check: sound'), ('template', 'excludes', '''{coupon}''', NULL),
    ('template', 'reason', '''x''', NULL), ('template', 'actor', '''x''', NULL),
    ('policy', 'vouchers_per_order', '7', NULL), ('policy', 'charges', '''{line_asc}''', NULL),
    ('minted_code', 'account_id', 'CASE WHEN account_id IS NOT NULL THEN ''x'' END', NULL), ('minted_code', 'instrument_id', 'instrument_id + 1', NULL),
    ('minted_code', 'activate_before', 'now()', NULL), ('minted_code', 'batch', '''x''', NULL),
    ('minted_code', 'space', '''x''', NULL)) AS s (table_name, column_name, value, outcome)
    ON s.table_name = t AND s.column_name = c.attname;
SELECT is(count(*), 0::bigint, 'every protected column is tried') FROM other_value WHERE value = 'NULL';
SELECT is(pg_temp.try(format('UPDATE voucher.%I SET %I = %s', table_name, column_name, value)), outcome,
          format('UPDATE of %s.%s: %s', table_name, column_name, outcome))
FROM other_value
ORDER BY table_name, column_name;

SELECT is(pg_temp.try($$UPDATE voucher.minted_code SET activate_before = now(), batch = 'x' WHERE account_id IS NULL$$), 'accepted, check: sound',
          'a code that is not yet activated may still get a limit');

SELECT is(pg_temp.try(format('DELETE FROM voucher.%I', t)), 'VC401', format('DELETE from %s is refused', t))
FROM unnest('{account,instrument,settlement,cash_entry,entry,settlement_entry,rerating,invoice,request,minted_code,policy}'::text[]) AS t;
SELECT is(pg_temp.try(format('TRUNCATE voucher.%I CASCADE', t)), 'VC401', format('TRUNCATE of %s is refused', t))
FROM unnest('{account,instrument,settlement,cash_entry,entry,settlement_entry,rerating,invoice,request,minted_code,policy}'::text[]) AS t;
SELECT is(pg_temp.try(format('TRUNCATE voucher.%I CASCADE', t)), 'VC401', format('TRUNCATE of %s does not reach the ledgers', t))
FROM unnest('{template,currency,campaign}'::text[]) AS t;
SELECT is(pg_temp.try('DELETE FROM voucher.template'), '23503', 'a template that is in use cannot be deleted');
SELECT is(pg_temp.try('UPDATE voucher.account SET balance = balance, version = version'), 'accepted, check: sound', 'an UPDATE that changes nothing is no change');
SELECT is(pg_temp.try($$INSERT INTO voucher.account (account_id, currency, balance, version) VALUES ('ann', 'CNY', 5, 1)
                        ON CONFLICT ON CONSTRAINT account_pkey DO UPDATE SET balance = EXCLUDED.balance$$), 'VC401', 'ON CONFLICT DO UPDATE is an UPDATE');
SELECT is(pg_temp.try(format('UPDATE voucher.instrument SET frozen = true WHERE instrument_id = %s', :'id')), 'VC401', 'freezing takes an entry, too');

-- ---------------------------------------------------------------------------
-- Entries written by hand
-- ---------------------------------------------------------------------------

-- ann's cash: open, deposit 1000, settle 300, refund 30, settle 1: 729 at version 5
CREATE FUNCTION pg_temp.cash_entry(version integer, amount voucher.amount, balance voucher.amount, currency text DEFAULT 'CNY')
    RETURNS text LANGUAGE sql AS $$
    SELECT format($f$INSERT INTO voucher.cash_entry (account_id, currency, version, kind, amount, balance, at)
                     VALUES ('ann', %L, %s, 'deposit', %L, %L, '2026-01-05')$f$, $4, $1, $2, $3)
$$;
SELECT is((SELECT ROW(balance, version)::text FROM voucher.account WHERE account_id = 'ann'), '(729.00,5)', 'cash: where it stands');
SELECT is(pg_temp.try(pg_temp.cash_entry(6, 1, 730)), 'accepted, check: sound', 'cash: the next entry is accepted');
SELECT is(pg_temp.try(pg_temp.cash_entry(6, -729, 0)), 'accepted, check: sound', 'cash: down to nothing');
SELECT is(pg_temp.try(pg_temp.cash_entry(7, 1, 730)), 'VC402', 'cash: a gap is refused');
SELECT is(pg_temp.try(pg_temp.cash_entry(5, 1, 730)), '23505', 'cash: a version that is taken is refused');
SELECT is(pg_temp.try(pg_temp.cash_entry(0, 1, 730)), '23514', 'cash: version 0 is refused');
SELECT is(pg_temp.try(pg_temp.cash_entry(6, 1, 731)), 'VC402', 'cash: a wrong balance is refused');
SELECT is(pg_temp.try(pg_temp.cash_entry(6, 1, 1)), 'VC402', 'cash: a balance of its own is refused');
SELECT is(pg_temp.try(pg_temp.cash_entry(6, -730, -1)), '23514', 'cash: an overdraft is refused');
SELECT is(pg_temp.try(pg_temp.cash_entry(6, -1, 730)), 'VC402', 'cash: an amount of the wrong sign is refused');
SELECT is(pg_temp.try(pg_temp.cash_entry(6, '-92233720368.54775807', 1)), '22003', 'cash: an amount that overflows is refused');
SELECT is(pg_temp.try(format('%s; %s', pg_temp.cash_entry(6, 1, 730), pg_temp.cash_entry(7, 1, 731))), 'accepted, check: sound', 'cash: two in turn');
SELECT is(pg_temp.try(format('%s; %s', pg_temp.cash_entry(7, 1, 731), pg_temp.cash_entry(6, 1, 730))), 'VC402', 'cash: two out of turn');

-- the voucher: issue 200, settle -180: 20, used 1, at version 2
CREATE FUNCTION pg_temp.entry(version integer, amount voucher.amount, balance voucher.amount, uses integer, used integer,
                              kind text DEFAULT 'settle')
    RETURNS text LANGUAGE sql AS $$
    SELECT format($f$INSERT INTO voucher.entry (account_id, instrument_id, version, kind, uses, used, amount, balance, at)
                     SELECT 'ann', min(instrument_id), %s, %L, %s, %s, %L, %L, '2026-01-05' FROM voucher.vouchers WHERE account_id = 'ann' AND template = 'v'$f$,
                  $1, $6, $4, $5, $2, $3)
$$;
SELECT is((SELECT ROW(balance, used, version)::text FROM voucher.instrument WHERE instrument_id = :id), '(20.00,1,2)', 'voucher: where it stands');
-- the entries agree; that no order stands behind this one is another rule's business
SELECT is(pg_temp.try(pg_temp.entry(3, -5, 15, 1, 2)), 'accepted, check: entries of an order = its parts', 'voucher: the next entry moves the balance and the uses');
SELECT is(pg_temp.try(pg_temp.entry(3, 0, 20, 0, 1, 'freeze')), 'accepted, check: sound', 'voucher: the next entry may freeze it');
SELECT is(pg_temp.try(pg_temp.entry(4, -5, 15, 1, 2)), 'VC402', 'voucher: a gap is refused');
SELECT is(pg_temp.try(pg_temp.entry(2, -5, 15, 1, 2)), '23505', 'voucher: a version that is taken is refused');
SELECT is(pg_temp.try(pg_temp.entry(3, -5, 16, 1, 2)), 'VC402', 'voucher: a wrong balance is refused');
SELECT is(pg_temp.try(pg_temp.entry(3, -5, 15, 1, 3)), 'VC402', 'voucher: a wrong number of uses is refused');
SELECT is(pg_temp.try(pg_temp.entry(3, -21, -1, 1, 2)), '23514', 'voucher: more than its balance is refused');
SELECT is(pg_temp.try(pg_temp.entry(3, 181, 201, 0, 1, 'issue')), 'VC402', 'voucher: more than its face value is refused');

-- the order: cash 300; refund 30, invoices 100 and 50, void 50: 170 at version 4
CREATE FUNCTION pg_temp.settlement_entry(version integer, kind text, amount voucher.amount, invoiceable voucher.amount, requested voucher.amount,
                                         refunded voucher.amount, refunded_cash voucher.amount, invoice_id text DEFAULT NULL)
    RETURNS text LANGUAGE sql AS $$
    SELECT format($f$INSERT INTO voucher.settlement_entry (account_id, order_id, version, kind, amount, invoiceable, requested, refunded, refunded_cash, invoice_id, at)
                     VALUES ('ann', 'o1', %s, %L, %L, %L, %L, %L, %L, %L, '2026-01-05')$f$, $1, $2, $3, $4, $5, $6, $7, $8)
$$;
SELECT is((SELECT ROW(invoiceable, entry_version)::text FROM voucher.settlement WHERE order_id = 'o1'), '(170.00,4)', 'order: where it stands');
-- 48 of 480 more: 30 of 300 more. The cash entry that belongs to it is missing.
SELECT is(pg_temp.try(pg_temp.settlement_entry(5, 'refund', -30, 140, 48, 96, 60)), 'accepted, check: cash entries of an order = its cash', 'order: the next entry moves the invoiceable amount');
SELECT is(pg_temp.try(pg_temp.settlement_entry(6, 'refund', -30, 140, 48, 96, 60)), 'VC402', 'order: a gap is refused');
SELECT is(pg_temp.try(pg_temp.settlement_entry(4, 'refund', -30, 140, 48, 96, 60)), '23505', 'order: a version that is taken is refused');
SELECT is(pg_temp.try(pg_temp.settlement_entry(5, 'refund', -30, 141, 48, 96, 60)), 'VC402', 'order: a wrong invoiceable amount is refused');
SELECT is(pg_temp.try(pg_temp.settlement_entry(5, 'refund', -30, 140, 48, 95, 60)), 'VC402', 'order: a wrong sum of refunds is refused');
SELECT is(pg_temp.try(pg_temp.settlement_entry(5, 'refund', -30, 140, 48, 96, 61)), 'VC402', 'order: a wrong sum of refunded cash is refused');
-- 432 are left of the total, 270 of the cash
SELECT is(pg_temp.try(pg_temp.settlement_entry(5, 'refund', -270, -100, 432.01, 480.01, 300)), 'VC402', 'order: a refund of more than the order is refused');
SELECT is(pg_temp.try(pg_temp.settlement_entry(5, 'refund', -270.01, -100.01, 432, 480, 300.01)), 'VC402', 'order: a refund of more than the cash is refused');
SELECT is(pg_temp.try($$INSERT INTO voucher.invoice (account_id, invoice_id, currency, amount, at) VALUES ('ann', 'i9', 'CNY', 171, '2026-01-05');$$
                      || pg_temp.settlement_entry(5, 'invoice', -171, -1, NULL, 48, 30, 'i9')), '23514', 'order: an invoice over more than is left is refused');
SELECT is(pg_temp.try(pg_temp.settlement_entry(5, 'invoice', -1, 169, NULL, 48, 30, 'none')), '23503', 'order: an entry of an invoice that does not exist is refused');
SELECT is(pg_temp.try(pg_temp.settlement_entry(5, 'void', 100, 270, NULL, 48, 30, 'i2')), '23505', 'order: an invoice is voided once');

-- ---------------------------------------------------------------------------
-- Balances without entries
-- ---------------------------------------------------------------------------

SELECT is(pg_temp.try($$INSERT INTO voucher.account (account_id, currency, balance, version) VALUES ('cat', 'CNY', 5, 1)$$), '23503', 'an account without entries is refused');
SELECT is(pg_temp.try($$INSERT INTO voucher.account (account_id, currency, balance, version, first_entry) VALUES ('cat', 'CNY', 5, 0, NULL)$$), '23502', 'nor can it do without a first entry');
SELECT is(pg_temp.try($$INSERT INTO voucher.cash_entry (account_id, currency, version, kind, amount, balance, at) VALUES ('cat', 'CNY', 1, 'open', 0, 0, now());
                        INSERT INTO voucher.account (account_id, currency, balance, version) VALUES ('cat', 'CNY', 5, 1)$$), 'VC403', 'an account whose entries lead to another balance is refused');
SELECT is(pg_temp.try($$INSERT INTO voucher.cash_entry (account_id, currency, version, kind, amount, balance, at) VALUES ('cat', 'CNY', 1, 'open', 0, 0, now());
                        INSERT INTO voucher.account (account_id, currency, balance, version) VALUES ('cat', 'CNY', 0, 2)$$), 'VC403', 'or to another version');
SELECT is(pg_temp.try($$INSERT INTO voucher.cash_entry (account_id, currency, version, kind, amount, balance, at) VALUES ('cat', 'CNY', 1, 'open', 0, 0, now()), ('cat', 'CNY', 3, 'deposit', 5, 5, now());
                        INSERT INTO voucher.account (account_id, currency, balance, version) VALUES ('cat', 'CNY', 5, 3)$$), 'VC403', 'or have a gap');
SELECT is(pg_temp.try($$INSERT INTO voucher.cash_entry (account_id, currency, version, kind, amount, balance, at) VALUES ('cat', 'CNY', 1, 'open', 0, 0, now()), ('cat', 'CNY', 2, 'deposit', 5, 4, now()), ('cat', 'CNY', 3, 'deposit', 5, 10, now());
                        INSERT INTO voucher.account (account_id, currency, balance, version) VALUES ('cat', 'CNY', 10, 3)$$), 'VC403', 'or do not follow from each other');
SELECT is(pg_temp.try($$INSERT INTO voucher.cash_entry (account_id, currency, version, kind, amount, balance, at) VALUES ('cat', 'CNY', 1, 'open', 0, 0, now()), ('cat', 'CNY', 2, 'deposit', 5, 5, now());
                        INSERT INTO voucher.account (account_id, currency, balance, version) VALUES ('cat', 'CNY', 5, 2)$$), 'accepted, check: sound', 'an account whose entries lead to its balance is accepted, as a restore needs');

CREATE FUNCTION pg_temp.instrument(balance voucher.amount, used integer DEFAULT 0, ordinal integer DEFAULT 3, frozen boolean DEFAULT false)
    RETURNS text LANGUAGE sql AS $$
    SELECT format($f$INSERT INTO voucher.instrument (account_id, instrument_id, template_id, ordinal, version, currency, face_value, balance, used, validity, issued_at, frozen)
                     SELECT 'ann', 1000, template_id, %s, 1, 'CNY', 200, %L, %s, '(,)', now(), %L FROM voucher.template WHERE name = 'v'$f$, $3, $1, $2, $4)
$$;
CREATE FUNCTION pg_temp.issue() RETURNS text LANGUAGE sql AS $$
    SELECT $f$INSERT INTO voucher.entry (account_id, instrument_id, version, kind, uses, used, amount, balance, at)
              VALUES ('ann', 1000, 1, 'issue', 0, 0, 200, 200, now());$f$
$$;
SELECT is(pg_temp.try(pg_temp.instrument(200)), '23503', 'a voucher without entries is refused');
SELECT is(pg_temp.try(pg_temp.issue() || pg_temp.instrument(199)), 'VC403', 'a voucher whose entries lead to another balance is refused');
SELECT is(pg_temp.try(pg_temp.issue() || pg_temp.instrument(200, used => 1)), 'VC403', 'or to another number of uses');
SELECT is(pg_temp.try(pg_temp.issue() || pg_temp.instrument(200, frozen => true)), 'VC403', 'or do not freeze it');
SELECT is(pg_temp.try(pg_temp.issue() || pg_temp.instrument(200)), 'accepted, check: sound', 'a voucher whose entries lead to its balance is accepted');
SELECT is(pg_temp.try(pg_temp.issue() || pg_temp.instrument(201)), '23514', 'a voucher of more than its face value is refused');

-- per account three of template v: ann has two
SELECT is(pg_temp.try(pg_temp.issue() || pg_temp.instrument(200, ordinal => 4)), 'VC112', 'a voucher above the limit per account is refused');
SELECT is(pg_temp.try(pg_temp.issue() || pg_temp.instrument(200, ordinal => 2)), '23505', 'nor can it take another one''s place');
SELECT is(pg_temp.try(pg_temp.issue() || pg_temp.instrument(200, ordinal => 0)), '23514', 'nor a place before the first');

CREATE FUNCTION pg_temp.settlement(invoiceable voucher.amount, entry_version text DEFAULT 'NULL') RETURNS text LANGUAGE sql AS $$
    SELECT format($f$INSERT INTO voucher.settlement (account_id, order_id, currency, payment_type, at, gross, discount, rounding, voucher, cash, invoiceable,
                         entry_version, chosen_voucher, chosen_coupon, lines, parts)
                     VALUES ('ann', 'o9', 'CNY', 'subscription', now(), 300, 0, 0, 0, 300, %L, %s, 'auto', 'auto', ARRAY[voucher.line('ecs', 'renewal', 300, line_no => 1)], '{}')$f$,
                  $1, $2)
$$;
CREATE FUNCTION pg_temp.refund() RETURNS text LANGUAGE sql AS $$
    SELECT $f$INSERT INTO voucher.settlement_entry (account_id, order_id, version, kind, amount, invoiceable, requested, refunded, refunded_cash, at)
              VALUES ('ann', 'o9', 1, 'refund', -100, 200, 100, 100, 100, now());$f$
$$;
SELECT is(pg_temp.try(pg_temp.settlement(299)), '23514', 'a settlement without entries whose invoiceable amount is not its cash is refused');
SELECT is(pg_temp.try(pg_temp.settlement(200, '1')), '23503', 'a settlement that claims an entry is refused without it');
SELECT is(pg_temp.try(pg_temp.refund() || pg_temp.settlement(201, '1')), 'VC403', 'a settlement whose entries lead to another amount is refused');
SELECT is(pg_temp.try(pg_temp.refund() || pg_temp.settlement(200, '1')), 'accepted, check: cash entries of an order = its cash',
          'a settlement whose entries lead to its amount is accepted; that the cash did not move is found');

-- ---------------------------------------------------------------------------
-- The user's own triggers
-- ---------------------------------------------------------------------------

CREATE FUNCTION pg_temp.with_trigger(table_name text, event text, body text, statement text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.try(format($f$
        CREATE FUNCTION pg_temp.meddle() RETURNS trigger LANGUAGE plpgsql AS $b$ BEGIN %s END $b$;
        CREATE TRIGGER a_meddle %s ON voucher.%I FOR EACH ROW EXECUTE FUNCTION pg_temp.meddle();
        %s$f$, $3, $2, $1, $4))
$$;
-- a trigger of a name that fires after the protection's own
SELECT is(pg_temp.try(format($f$
        CREATE FUNCTION pg_temp.meddle() RETURNS trigger LANGUAGE plpgsql AS $b$ BEGIN NEW.reason := 'meddled'; RETURN NEW; END $b$;
        CREATE TRIGGER z_meddle BEFORE UPDATE ON voucher.%I FOR EACH ROW EXECUTE FUNCTION pg_temp.meddle();
        UPDATE voucher.%1$I SET reason = reason$f$, name)), 'VC401', 'a user''s trigger that changes what an update of ' || name || ' left alone')
FROM unnest('{cash_entry,entry,settlement_entry}'::text[]) AS name;
\set order 'SELECT voucher.settle(''ann'', ''o3'', ''ecs'', ''renewal'', 100, voucher => ''' :other ''')'
SELECT is(pg_temp.with_trigger('instrument', event, body, :'order'), expected, 'a user''s trigger ' || event || ' on instrument: ' || body)
FROM (VALUES
    ('BEFORE UPDATE', 'NEW.balance := 150; RETURN NEW;', 'VC401'),
    ('BEFORE UPDATE', 'NEW.used := 7; RETURN NEW;', 'VC401'),
    ('BEFORE UPDATE', 'NEW.version := 7; RETURN NEW;', 'VC401'),
    ('BEFORE UPDATE', 'NEW.frozen := true; RETURN NEW;', 'VC401'),
    ('BEFORE UPDATE', 'NEW.face_value := 300; RETURN NEW;', 'VC401'),
    -- nobody may be told to try again what can never succeed
    ('BEFORE UPDATE', 'RETURN NULL;', '23000'),
    ('BEFORE UPDATE', 'RETURN NEW;', 'accepted, check: sound'),
    -- while one voucher moves, another one is not free to move with it or in its place
    ('BEFORE UPDATE', 'IF NEW.instrument_id = ' || :'other' || ' THEN UPDATE voucher.instrument AS i SET balance = NEW.balance, used = NEW.used, version = NEW.version '
                      'WHERE i.account_id = ''ben''; END IF; RETURN NEW;', 'VC401'),
    ('BEFORE UPDATE', 'IF NEW.instrument_id = ' || :'other' || ' THEN UPDATE voucher.instrument AS i SET balance = NEW.balance, used = NEW.used, version = NEW.version '
                      'WHERE i.account_id = ''ben''; RETURN NULL; END IF; RETURN NEW;', 'VC401'),
    ('BEFORE UPDATE', 'IF NEW.instrument_id = ' || :'other' || ' THEN UPDATE voucher.instrument AS i SET balance = NEW.balance, used = NEW.used, version = NEW.version '
                      'WHERE i.instrument_id = ' || :'id' || '; RETURN NULL; END IF; RETURN NEW;', 'VC401'),
    ('AFTER UPDATE', 'IF NEW.instrument_id = ' || :'other' || ' THEN UPDATE voucher.instrument AS i SET frozen = true WHERE i.account_id = ''ben''; END IF; RETURN NULL;', 'VC401')
    ) AS t (event, body, expected);
SELECT is(pg_temp.with_trigger('account', event, body, $$SELECT voucher.deposit('ann', 1)$$), expected, 'a user''s trigger ' || event || ' on account: ' || body)
FROM (VALUES
    ('BEFORE UPDATE', 'NEW.balance := 5000; RETURN NEW;', 'VC401'),
    ('BEFORE UPDATE', 'NEW.version := 70; RETURN NEW;', 'VC401'),
    ('BEFORE UPDATE', 'IF NEW.version <> OLD.version AND NEW.account_id = ''ann'' THEN UPDATE voucher.account AS a SET balance = NEW.balance, version = NEW.version '
                      'WHERE a.account_id = ''ben''; RETURN NULL; END IF; RETURN NEW;', 'VC401'),
    -- and to deposit as if there were no account to lock
    ('BEFORE UPDATE', 'RETURN NULL;', 'VC001'),
    ('BEFORE UPDATE', 'RETURN NEW;', 'accepted, check: sound')) AS t (event, body, expected);
SELECT is(pg_temp.with_trigger('account', 'BEFORE UPDATE', 'IF NEW.version <> OLD.version THEN RETURN NULL; END IF; RETURN NEW;',
                              $$SELECT voucher.settle('ann', 'o3', 'ecs', 'renewal', 100, voucher => 'none')$$), '23000',
          'a user''s trigger on account that lets it be locked and suppresses what settle moves');
SELECT is(pg_temp.with_trigger('settlement', 'BEFORE UPDATE', body, $$SELECT voucher.refund('ann', 'o2')$$), expected, 'a user''s trigger BEFORE UPDATE on settlement: ' || body)
FROM (VALUES
    ('NEW.invoiceable := 500; RETURN NEW;', 'VC401'),
    ('NEW.cash := 500; RETURN NEW;', 'VC401'),
    ('RETURN NULL;', 'VC402')) AS t (body, expected);
SELECT is(pg_temp.with_trigger('cash_entry', 'BEFORE INSERT', body, $$SELECT voucher.deposit('ann', 1)$$), expected, 'a user''s trigger BEFORE INSERT on cash_entry: ' || body)
FROM (VALUES
    ('NEW.amount := 500; RETURN NEW;', 'VC402'),
    ('NEW.balance := 500; RETURN NEW;', 'VC402')) AS t (body, expected);
-- What a trigger suppresses, nobody may take for written.
SELECT is(pg_temp.with_trigger(table_name, event, 'RETURN NULL;', statement), expected, 'a user''s trigger ' || event || ' on ' || table_name || ' that suppresses the row')
FROM (VALUES
    ('cash_entry', 'BEFORE INSERT', $$SELECT voucher.deposit('ann', 1)$$, '23000'),
    ('cash_entry', 'BEFORE INSERT', $$SELECT voucher.settle('ann', 'o3', 'ecs', 'renewal', 100, voucher => 'none')$$, '23000'),
    ('cash_entry', 'BEFORE INSERT', $$SELECT voucher.refund('ann', 'o1')$$, '23000'),
    ('cash_entry', 'BEFORE INSERT', $$SELECT voucher.open_account('eve', 'CNY')$$, '23000'),
    ('cash_entry', 'BEFORE INSERT', $$SELECT voucher.open_account('ann', 'CNY')$$, 'accepted, check: sound'),
    ('account', 'BEFORE INSERT', $$SELECT voucher.open_account('eve', 'CNY')$$, '23000'),
    ('entry', 'BEFORE INSERT', :'order', '23000'),
    ('entry', 'BEFORE INSERT', $$SELECT voucher.grant('ann', 'v')$$, '23000'),
    ('instrument', 'BEFORE INSERT', $$SELECT voucher.grant('ann', 'v')$$, '23000'),
    ('settlement', 'BEFORE INSERT', :'order', '23000'),
    ('settlement_entry', 'BEFORE INSERT', $$SELECT voucher.refund('ann', 'o1')$$, '23000'),
    ('settlement_entry', 'BEFORE INSERT', $$SELECT voucher.issue_invoice('ann', 'i8', 'o1')$$, '23000'),
    ('settlement_entry', 'BEFORE INSERT', $$SELECT voucher.void_invoice('ann', 'i1')$$, '23000'),
    ('invoice', 'BEFORE INSERT', $$SELECT voucher.issue_invoice('ann', 'i8', 'o1')$$, '23000'),
    ('minted_code', 'BEFORE INSERT', $$SELECT voucher.mint('v', 2)$$, '23000'),
    ('minted_code', 'BEFORE UPDATE', format($$SELECT voucher.activate('ben', %L)$$, :'unused'), '23000'),
    ('template', 'BEFORE INSERT', $$SELECT voucher.create_template('w', 'voucher', 'CNY', face_value => 1)$$, '23000')) AS t (table_name, event, statement, expected);
SELECT is(pg_temp.with_trigger('instrument', 'BEFORE INSERT', 'NEW.balance := 100; RETURN NEW;', $$SELECT voucher.grant('ann', 'v')$$), 'VC403',
          'a user''s trigger BEFORE INSERT on instrument cannot change the balance');
SELECT is(pg_temp.with_trigger('instrument', 'BEFORE INSERT', 'NEW.ordinal := 9; RETURN NEW;', $$SELECT voucher.grant('ann', 'v')$$), 'VC112',
          'nor go above the limit per account');

SELECT is_empty('SELECT * FROM voucher.check()', 'the ledgers are sound at the end');
SELECT * FROM finish();
ROLLBACK;
