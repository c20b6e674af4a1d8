--
-- check: a sound database has nothing to report, a broken one each rule
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

SELECT voucher.register_product(p) FROM unnest('{ecs,oss}'::text[]) AS p;
SELECT voucher.open_account('alice', 'CNY', at => '2026-01-01');
SELECT voucher.deposit('alice', 500, at => '2026-01-01');
SELECT voucher.create_template('cash 200', 'voucher', 'CNY', face_value => 200, per_account => 2);
SELECT voucher.create_template('quarter', 'coupon', 'CNY', discount_rate => 0.25);
SELECT code FROM voucher.mint('cash 200', 1) AS code \gset
SELECT voucher.activate('alice', :'code', at => '2026-01-01');
SELECT voucher.grant('alice', 'quarter', at => '2026-01-01');
-- 400 - 100 = 300 = voucher 200 + cash 100
SELECT discount, voucher, cash FROM voucher.settle('alice', 'o1',
    lines => ARRAY[voucher.line('ecs', 'purchase', 300), voucher.line('oss', 'purchase', 100)], at => '2026-01-02');
SELECT amount FROM voucher.issue_invoice('alice', 'i1', 'o1', 40, at => '2026-01-03');
SELECT amount FROM voucher.issue_invoice('alice', 'i2', 'o1', 30, at => '2026-01-03');
SELECT amount FROM voucher.void_invoice('alice', 'i2', at => '2026-01-03');
SELECT amount FROM voucher.refund('alice', 'o1', 150, at => '2026-01-04');
SELECT voucher.freeze('alice', 2, at => '2026-01-04');
SELECT voucher.unfreeze('alice', 2, at => '2026-01-05');
SELECT * FROM voucher.check();

-- Now each rule is broken on its own, past all triggers, and mended by rolling back
CREATE PROCEDURE broken(change text) LANGUAGE plpgsql AS $$
DECLARE
    finding record;
BEGIN
    SET LOCAL session_replication_role = replica;
    EXECUTE change;
    FOR finding IN SELECT * FROM voucher.check() AS c ORDER BY c.rule COLLATE "C", c.object COLLATE "C" LOOP
        RAISE NOTICE '% | % | % | expected % | found %', finding.rule, finding.account_id,
            finding.object, coalesce(finding.expected, 'nothing'),
            coalesce(finding.found, 'nothing');
    END LOOP;
    ROLLBACK;
END $$;

CALL broken('UPDATE voucher.account SET balance = 451');
CALL broken('UPDATE voucher.account SET version = 5');
CALL broken('DELETE FROM voucher.account');
CALL broken('DELETE FROM voucher.cash_entry WHERE version = 2');
CALL broken('UPDATE voucher.cash_entry SET balance = 401 WHERE version = 3');
CALL broken('UPDATE voucher.instrument SET balance = 1 WHERE instrument_id = 1');
CALL broken('UPDATE voucher.instrument SET used = 0 WHERE instrument_id = 2');
CALL broken('UPDATE voucher.instrument SET frozen = true WHERE instrument_id = 2');
CALL broken('UPDATE voucher.entry SET balance = 1 WHERE instrument_id = 1 AND version = 2');
CALL broken('UPDATE voucher.entry SET order_id = ''o9'' WHERE instrument_id = 1 AND version = 2');
CALL broken('UPDATE voucher.settlement SET invoiceable = 11');
CALL broken('UPDATE voucher.settlement SET lines[2].amount = 101');
CALL broken('UPDATE voucher.settlement SET parts[2].share[2] = 51');
CALL broken('UPDATE voucher.settlement SET parts[1].share = ''{-10,110}''');
CALL broken('UPDATE voucher.settlement SET first_purchase = ''{ecs}''');
CALL broken('DELETE FROM voucher.purchase');
CALL broken('UPDATE voucher.settlement_entry SET refunded = 149 WHERE kind = ''refund''');
CALL broken('UPDATE voucher.settlement_entry SET refunded_cash = 49 WHERE kind = ''refund''');
CALL broken('UPDATE voucher.invoice SET amount = 41 WHERE invoice_id = ''i1''');
CALL broken('UPDATE voucher.settlement_entry SET invoiceable = 61 WHERE version = 1');
CALL broken('UPDATE voucher.settlement_entry SET amount = 31 WHERE kind = ''void''');
CALL broken('UPDATE voucher.cash_entry SET order_id = ''o9'' WHERE kind = ''settle''');
CALL broken('UPDATE voucher.template SET per_account = 1; '
            'INSERT INTO voucher.instrument (account_id, instrument_id, template_id, ordinal, version, currency, face_value, balance, used, max_uses, validity, issued_at) '
            'SELECT account_id, 9, template_id, 2, version, currency, face_value, balance, used, max_uses, validity, issued_at FROM voucher.instrument WHERE instrument_id = 1');
CALL broken('UPDATE voucher.settlement SET rounding = 0.01');
CALL broken('UPDATE voucher.settlement SET rounding = -1, gross = 399, lines[1].amount = 299');
CALL broken('UPDATE voucher.settlement SET discount = 99, voucher = 201');
CALL broken('UPDATE voucher.cash_entry SET amount = -501, balance = -1 WHERE version = 3; UPDATE voucher.cash_entry SET balance = 49 WHERE version = 4; '
            'UPDATE voucher.account SET balance = 49');
CALL broken('UPDATE voucher.entry SET amount = -201, balance = -1 WHERE instrument_id = 1 AND version = 2; UPDATE voucher.instrument SET balance = -1 WHERE instrument_id = 1');
CALL broken('UPDATE voucher.instrument SET max_uses = 0 WHERE instrument_id = 2');
CALL broken('UPDATE voucher.instrument SET face_value = -1 WHERE instrument_id = 1');
CALL broken('UPDATE voucher.minted_code SET instrument_id = 2');
CALL broken('DELETE FROM voucher.settlement');
-- All of that was rolled back
SELECT * FROM voucher.check();
DROP PROCEDURE broken;
