--
-- rerate: settled bills whose usage is rated again; only the difference moves
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

SELECT voucher.register_product(p) FROM unnest('{ecs,oss}'::text[]) AS p;
SELECT voucher.open_account('alice', 'CNY', at => '2026-01-01'), voucher.deposit('alice', 100, at => '2026-01-01');
-- what a re-rating did, and the lines of a bill
CREATE FUNCTION rr(account text, bill text, id text, VARIADIC lines voucher.line[])
RETURNS TABLE (version integer, gross voucher.amount, before voucher.amount, billed voucher.amount, charged voucher.amount, taken_back voucher.amount,
               waived voucher.amount, cash voucher.amount, returned voucher.amount) LANGUAGE sql AS $$
    SELECT r.version, r.gross, r.billed_before, r.billed, r.charged, r.taken_back, r.waived, r.refunded_cash, r.returned
    FROM voucher.rerate(account, bill, id, lines, at => '2026-02-10', arrears => true) AS r
$$;
CREATE VIEW bill AS SELECT account_id, order_id, rerates, gross, discount, rounding, voucher, cash, outstanding FROM voucher.settlement;
CREATE VIEW line AS SELECT account_id, order_id, line_no, product, order_type, amount, duration, region, tags, at FROM voucher.settlement_line;

-- ---------------------------------------------------------------------------
-- Up: 0.004 cut off of 10.004.  Line 1 rises by 0.003 and line 3 of 0.002 is
-- new: 10.009 is less than one more minor unit, so nothing moves.
-- ---------------------------------------------------------------------------
SELECT gross, cash, rounding FROM voucher.settle('alice', 'b1', payment_type => 'pay_as_you_go', at => '2026-02-01', lines => ARRAY[
    voucher.line('ecs', 'usage', 6.004, region => 'r1'), voucher.line('oss', 'usage', 4, '1 hour', at => '2026-01-31')]);
SELECT * FROM rr('alice', 'b1', 'r1', voucher.line('ecs', 'usage', 6.007, region => 'r1'), voucher.line('oss', 'usage', 4, '1 hour', at => '2026-01-31'), voucher.line('ecs', 'usage', 0.002));
SELECT count(*) AS bills, (SELECT balance FROM voucher.account) FROM voucher.settlement;
-- 12.009 and 0.009 not billed: line 2 rises by 2 and takes the 0.009, line 3
-- falls by 0.001, line 4 of 0.001 is new; 2.009, of which 0.009 is cut off again
SELECT * FROM rr('alice', 'b1', 'r2', voucher.line('ecs', 'usage', 6.007, region => 'r1'), voucher.line('oss', 'usage', 6, '2 hours', at => '2026-01-30', region => 'r2', tags => '{"a": "b"}'),
                 voucher.line('ecs', 'usage', 0.001), voucher.line('ecs', 'renewal', 0.001));
SELECT * FROM bill WHERE order_id = 'r2';
-- a line without a time was consumed at the first bill's
SELECT * FROM line WHERE order_id = 'r2';
-- the same call again, whatever its time and reason; and others
SELECT * FROM rr('alice', 'b1', 'r2', voucher.line('ecs', 'usage', 6.007, region => 'r1'), voucher.line('oss', 'usage', 6, '2 hours', at => '2026-01-30', region => 'r2', tags => '{"a": "b"}'),
                 voucher.line('ecs', 'usage', 0.001), voucher.line('ecs', 'renewal', 0.001));
SELECT count(*) FROM voucher.rerating;

-- ---------------------------------------------------------------------------
-- Down and up again: line 2 is another product now, lines 3 and 4 are gone.
-- 6.007 + 3 = 9.007: of 12.00 billed, 3.00 are taken back: 2.00 of r2, all of
-- it, and 1.00 of b1.
-- ---------------------------------------------------------------------------
SELECT * FROM rr('alice', 'b1', 'r3', voucher.line('ecs', 'usage', 6.007, region => 'r1'), voucher.line('ecs', 'upgrade', 3));
SELECT order_id, version, kind, amount, invoiceable, requested, refunded, refunded_cash, waived, rerated, rerating_id FROM voucher.settlement_entry ORDER BY order_id DESC, version;
-- to 14.007: line 2 is oss again, 8.00, and the 3.00 of ecs are gone. The new
-- line keeps number 2, and the one gone gets 3, the least that no line has.
-- 5.007 are left of 9.00 billed: 8.00 - 3.00, and the 0.007 for the largest line.
SELECT * FROM rr('alice', 'b1', 'r4', voucher.line('ecs', 'usage', 6.007, region => 'r1'), voucher.line('oss', 'usage', 8, line_no => 2));
SELECT * FROM line WHERE order_id = 'r4';
-- the whole sum is what would have been billed: 100 - 14.00
SELECT balance FROM voucher.account;
-- nothing was used: all of it comes back, 5.00 of r4 and 9.00 of b1
SELECT * FROM rr('alice', 'b1', 'r5', voucher.line('ecs', 'usage', 0));
SELECT balance FROM voucher.account;
SELECT * FROM rr('alice', 'b1', 'r6', voucher.line('ecs', 'usage', 0));
-- two lines differ by as much: the one with the lowest number takes what was cut off, 0.005
SELECT * FROM rr('alice', 'b1', 'r7', voucher.line('ecs', 'usage', 0.005));
SELECT * FROM rr('alice', 'b1', 'r8', voucher.line('oss', 'usage', 1, line_no => 9), voucher.line('oss', 'usage', 1, line_no => 7), voucher.line('ecs', 'usage', 0.005, line_no => 1));
SELECT line_no, amount FROM line WHERE order_id = 'r8';
SELECT * FROM voucher.check();

-- ---------------------------------------------------------------------------
-- Vouchers. 60 = voucher 40 + cash 20, by a template that returns what was not
-- delivered and one that forfeits. Of 15 taken back 15 * 20 / 60 = 5 are cash,
-- 10 the voucher's.
-- ---------------------------------------------------------------------------
SELECT voucher.create_template(p, 'voucher', 'CNY', face_value => 40, refund_policy => p, scope => 'ecs', valid => '[2026-01-01, 2026-02-05)')
FROM unnest('{forfeit,return_if_undelivered}'::text[]) AS p;
SELECT voucher.open_account(a, 'CNY', at => '2026-01-01'), voucher.deposit(a, 100, at => '2026-01-01'), voucher.grant(a, t, at => '2026-01-01') IS NOT NULL
FROM (VALUES ('bob', 'return_if_undelivered'), ('carl', 'forfeit')) AS v (a, t);
SELECT voucher, cash FROM voucher.settle('bob', 'b1', 'ecs', 'usage', 60, payment_type => 'pay_as_you_go', at => '2026-02-01');
SELECT voucher, cash FROM voucher.settle('carl', 'b1', 'ecs', 'usage', 60, payment_type => 'pay_as_you_go', at => '2026-02-01');
SELECT * FROM rr('bob', 'b1', 'r1', voucher.line('ecs', 'usage', 45));
SELECT * FROM rr('carl', 'b1', 'r1', voucher.line('ecs', 'usage', 45));
-- up by 12: what was consumed before the voucher expired, the voucher pays; it
-- has 10, bob's bill is of February 10. One day later it has none to give.
SELECT * FROM rr('bob', 'b1', 'r2', voucher.line('ecs', 'usage', 57));
SELECT * FROM bill WHERE account_id = 'bob';
SELECT * FROM rr('bob', 'b1', 'r3', voucher.line('ecs', 'usage', 45));
SELECT * FROM rr('bob', 'b1', 'r4', voucher.line('ecs', 'usage', 45), voucher.line('ecs', 'usage', 12, at => '2026-02-05'));
SELECT order_id, voucher, cash FROM bill WHERE account_id = 'bob' AND order_id = 'r4';
-- to nothing: the voucher is as it was, and its use is back; carl's is gone
SELECT * FROM rr('bob', 'b1', 'r5', voucher.line('ecs', 'usage', 0));
SELECT * FROM rr('carl', 'b1', 'r5', voucher.line('ecs', 'usage', 0));
SELECT a.account_id, a.balance AS cash, i.balance, i.used FROM voucher.account AS a JOIN voucher.instrument AS i USING (account_id);

-- 0.03 of one voucher and 0.07 in cash: 0.02 taken back are 0.01 each, to the last cent
SELECT voucher.create_template('cents', 'voucher', 'CNY', face_value => 0.03, scope => 'oss', refund_policy => 'prorata');
SELECT voucher.grant('bob', 'cents', at => '2026-01-01') IS NOT NULL;
SELECT voucher, cash FROM voucher.settle('bob', 'b2', 'oss', 'usage', 0.10, payment_type => 'pay_as_you_go', at => '2026-02-01');
SELECT * FROM rr('bob', 'b2', 'b2-1', voucher.line('oss', 'usage', 0.08));
-- refunds beside it: 0.05 of 0.10 are covered, and 0.04 in cash, so 0.01 is all that is the voucher's
SELECT requested, refunded, refunded_cash, returned FROM voucher.refund('bob', 'b2', 0.03, at => '2026-02-11');
-- of what is billed 0.08 are left to take back, but 0.05 to refund
SELECT rr('bob', 'b2', 'b2-2', voucher.line('oss', 'usage', 0.02));
\echo :SQLSTATE
SELECT * FROM rr('bob', 'b2', 'b2-2', voucher.line('oss', 'usage', 0.03));
SELECT rr('bob', 'b2', 'b2-3', voucher.line('oss', 'usage', 0.02));
\echo :SQLSTATE
SELECT * FROM voucher.check();

-- ---------------------------------------------------------------------------
-- Discounts. 90 with a third off: 60. 10 taken back are 6.67, 20 are 13.33, so
-- 6.66 for the second ten; the last closes at 60.
-- ---------------------------------------------------------------------------
SELECT voucher.create_template('third', 'coupon', 'CNY', face_value => 30, threshold => 50, refund_policy => 'return_if_undelivered');
SELECT voucher.open_account('dan', 'CNY', at => '2026-01-01'), voucher.deposit('dan', 60, at => '2026-01-01'), voucher.grant('dan', 'third', at => '2026-01-01') IS NOT NULL;
SELECT discount, cash FROM voucher.settle('dan', 'b1', 'ecs', 'usage', 90, payment_type => 'pay_as_you_go', at => '2026-02-01');
SELECT * FROM rr('dan', 'b1', 'r1', voucher.line('ecs', 'usage', 80));
SELECT * FROM rr('dan', 'b1', 'r2', voucher.line('ecs', 'usage', 70));
SELECT * FROM rr('dan', 'b1', 'r3', voucher.line('ecs', 'usage', 0));
-- the coupon has lowered a price and stays used
SELECT a.balance, i.used FROM voucher.account AS a JOIN voucher.instrument AS i USING (account_id) WHERE account_id = 'dan';
-- a bill that a coupon took all of: there is nothing to give back
SELECT voucher.grant('dan', 'third', 80, at => '2026-01-01') IS NOT NULL;
SELECT discount, cash FROM voucher.settle('dan', 'b2', 'ecs', 'usage', 80, payment_type => 'pay_as_you_go', at => '2026-02-01');
SELECT * FROM rr('dan', 'b2', 'b2-1', voucher.line('ecs', 'usage', 50));
SELECT balance FROM voucher.account WHERE account_id = 'dan';
SELECT * FROM voucher.check();

-- ---------------------------------------------------------------------------
-- Arrears. 30 there and 100 billed: 70 outstanding, 20 of it paid. Of 40 taken
-- back 40 are waived; of the next 25 the 10 that are left, and 15 refunded.
-- ---------------------------------------------------------------------------
SELECT voucher.open_account('erin', 'CNY', at => '2026-01-01'), voucher.deposit('erin', 30, at => '2026-01-01');
SELECT cash, outstanding FROM voucher.settle('erin', 'b1', 'ecs', 'usage', 100, payment_type => 'pay_as_you_go', at => '2026-02-01', arrears => true);
SELECT voucher.deposit('erin', 20, at => '2026-02-02');
SELECT paid FROM voucher.pay_arrears('erin', 'b1', at => '2026-02-02', amount => 20);
SELECT voucher.grant('erin', 'cents', 5, order_id => 'b1', at => '2026-02-02') AS gift \gset
SELECT * FROM rr('erin', 'b1', 'r1', voucher.line('ecs', 'usage', 60));
SELECT order_id, outstanding, paid, waived, due FROM voucher.arrears('erin');
SELECT voucher.pay_arrears('erin', 'b1', 10.01);
\echo :SQLSTATE
SELECT voucher.refund('erin', 'b1', 1);
\echo :SQLSTATE
SELECT * FROM rr('erin', 'b1', 'r2', voucher.line('ecs', 'usage', 35));
SELECT * FROM voucher.arrears('erin');
SELECT kind, amount, invoiceable, requested, refunded, paid, waived, rerated FROM voucher.settlement_entry WHERE account_id = 'erin' ORDER BY version;
-- what is waived is no part of what the order came to: 50, all cash, of which 15 are refunded
SELECT voucher.refund('erin', 'b1', 35.01);
\echo :SQLSTATE
-- up by 20, of which 15 are there: what cash does not cover is outstanding, if allowed
SELECT rerating_id FROM voucher.rerate('erin', 'b1', 'r3', ARRAY[voucher.line('ecs', 'usage', 55)], at => '2026-02-11', policy => 'openmeter');
\echo :SQLSTATE
SELECT charged, reason, actor, policy FROM voucher.rerate('erin', 'b1', 'r3', ARRAY[voucher.line('ecs', 'usage', 55)], 'price list of March', 'ops', '2026-02-11', 'openmeter', true);
SELECT order_id, rerates, voucher, cash, outstanding FROM bill WHERE order_id = 'r3';
SELECT order_id, due FROM voucher.arrears('erin');
-- of r3 all is taken back: the 5 that are due and 15. Of b1 25 more; then 10, and the gift goes with it
SELECT * FROM rr('erin', 'b1', 'r4', voucher.line('ecs', 'usage', 10));
SELECT balance, cancelled FROM voucher.instrument WHERE instrument_id = :gift;
SELECT * FROM rr('erin', 'b1', 'r5', voucher.line('ecs', 'usage', 0));
SELECT balance, (SELECT kind FROM voucher.entry WHERE instrument_id = :gift ORDER BY version DESC LIMIT 1) FROM voucher.instrument WHERE instrument_id = :gift;
SELECT voucher.grant('erin', 'cents', 5, order_id => 'b1');
\echo :SQLSTATE
-- all cash is back: 30 + 20
SELECT balance FROM voucher.account WHERE account_id = 'erin';
-- a bill of which nothing was paid: waived, and its gift goes
SELECT cash FROM voucher.settle('erin', 'b2', 'oss', 'usage', 50, payment_type => 'pay_as_you_go', at => '2026-02-12', voucher => 'none');
SELECT cash, outstanding FROM voucher.settle('erin', 'b3', 'oss', 'usage', 7, payment_type => 'pay_as_you_go', at => '2026-02-12', arrears => true);
SELECT voucher.grant('erin', 'cents', 5, order_id => 'b3', at => '2026-02-02') AS gift \gset
SELECT * FROM rr('erin', 'b3', 'b3-1', voucher.line('oss', 'usage', 0));
SELECT balance FROM voucher.instrument WHERE instrument_id = :gift;
SELECT * FROM voucher.check();

-- ---------------------------------------------------------------------------
-- Invoices: 20 invoiced, 8 taken back; the candidate is negative and is credited
-- ---------------------------------------------------------------------------
SELECT voucher.open_account('fay', 'CNY', at => '2026-01-01'), voucher.deposit('fay', 100, at => '2026-01-01');
SELECT cash FROM voucher.settle('fay', 'b1', 'ecs', 'usage', 20, payment_type => 'pay_as_you_go', at => '2026-02-01');
SELECT amount FROM voucher.issue_invoice('fay', 'i1', 'b1', at => '2026-02-02');
SELECT * FROM rr('fay', 'b1', 'r1', voucher.line('ecs', 'usage', 12));
SELECT order_id, cash, refunded_cash, invoiced, invoiceable FROM voucher.invoice_candidates('fay');
SELECT amount FROM voucher.issue_credit_invoice('fay', 'i2', 'i1', at => '2026-02-11');
SELECT * FROM rr('fay', 'b1', 'r2', voucher.line('ecs', 'usage', 15));
SELECT order_id, cash, invoiceable FROM voucher.invoice_candidates('fay');
SELECT at::date, ledger, kind, order_id, amount, balance, reason FROM voucher.statement('fay');

-- ---------------------------------------------------------------------------
-- Refused
-- ---------------------------------------------------------------------------
SELECT cash FROM voucher.settle('fay', 's1', 'ecs', 'renewal', 10, at => '2026-02-01');
SELECT cash FROM voucher.settle('fay', 'c1', 'ecs', 'usage', 10, payment_type => 'pay_as_you_go', at => '2026-02-01');
SELECT kind FROM voucher.cancel('fay', 'c1', at => '2026-02-01');
SELECT voucher.rerate('fay', 's1', 'x', ARRAY[voucher.line('ecs', 'usage', 5)]);
\echo :SQLSTATE
SELECT voucher.rerate('fay', 'c1', 'x', ARRAY[voucher.line('ecs', 'usage', 5)]);
\echo :SQLSTATE
SELECT voucher.rerate('fay', 'r2', 'x', ARRAY[voucher.line('ecs', 'usage', 5)]);
\echo :SQLSTATE
SELECT voucher.rerate('fay', 'b9', 'x', ARRAY[voucher.line('ecs', 'usage', 5)]);
\echo :SQLSTATE
SELECT voucher.rerate('gus', 'b1', 'x', ARRAY[voucher.line('ecs', 'usage', 5)]);
\echo :SQLSTATE
SELECT voucher.rerate('fay', 'b1', 's1', ARRAY[voucher.line('ecs', 'usage', 5)]);
\echo :SQLSTATE
SELECT voucher.rerate('fay', 'b1', '', ARRAY[voucher.line('ecs', 'usage', 5)]);
\echo :SQLSTATE
SELECT voucher.rerate('fay', 'b1', 'r2', ARRAY[voucher.line('ecs', 'usage', 15.01)]);
\echo :SQLSTATE
SELECT voucher.rerate('fay', 'b1', 'r2', ARRAY[voucher.line('ecs', 'usage', 15)], policy => 'aws');
\echo :SQLSTATE
SELECT voucher.rerate('erin', 'b2', 'r3', ARRAY[voucher.line('ecs', 'usage', 55)]);
\echo :SQLSTATE
SELECT version, charged FROM voucher.rerate('erin', 'b1', 'r3', ARRAY[voucher.line('ecs', 'usage', 55)], policy => 'openmeter');
SELECT voucher.rerate('erin', 'b1', 'r3', ARRAY[voucher.line('ecs', 'usage', 55)], policy => 'aws');
\echo :SQLSTATE
SELECT voucher.rerate('fay', 'b1', 'x', '{}');
\echo :SQLSTATE
SELECT voucher.rerate('fay', 'b1', 'x', NULL);
\echo :SQLSTATE
SELECT voucher.rerate('fay', 'b1', 'x', ARRAY[voucher.line('ecs', 'usage', 5), voucher.line('ecs', 'usage', -5.01)]);
\echo :SQLSTATE
SELECT voucher.rerate('fay', 'b1', 'x', ARRAY[voucher.line('ecs', 'usage', 5, line_no => 1), voucher.line('ecs', 'usage', 5, line_no => 1)]);
\echo :SQLSTATE
SELECT voucher.rerate('fay', 'b1', 'x', ARRAY[voucher.line('sms', 'usage', 5)]);
\echo :SQLSTATE
SELECT voucher.rerate('fay', 'b1', 'x', ARRAY[voucher.line('ecs', 'lease', 5)]);
\echo :SQLSTATE
SELECT voucher.rerate('fay', 'b1', 'x', ARRAY[voucher.line('ecs', 'usage', 5)], policy => 'nobody');
\echo :SQLSTATE
SELECT voucher.rerate('fay', 'b1', 'x', ARRAY[voucher.line('ecs', 'usage', 1000)]);
\echo :SQLSTATE
SELECT voucher.cancel('fay', 'b1');
\echo :SQLSTATE
SELECT voucher.cancel('fay', 'r2');
\echo :SQLSTATE
-- settle knows a supplementary bill, and is not what made it
SELECT voucher.settle('fay', 'r2', 'ecs', 'usage', 3, payment_type => 'pay_as_you_go');
\echo :SQLSTATE
-- a bill that is refunded by lines is not refunded by amount, unless by all that is left
SELECT cash FROM voucher.settle('fay', 'l1', payment_type => 'pay_as_you_go', at => '2026-02-01', lines => ARRAY[voucher.line('ecs', 'usage', 10), voucher.line('ecs', 'usage', 5)]);
SELECT refunded FROM voucher.refund('fay', 'l1', lines => '{2}', at => '2026-02-02');
SELECT rr('fay', 'l1', 'l1-1', voucher.line('ecs', 'usage', 6), voucher.line('ecs', 'usage', 5));
\echo :SQLSTATE
SELECT * FROM rr('fay', 'l1', 'l1-1', voucher.line('ecs', 'usage', 0), voucher.line('ecs', 'usage', 5));

-- ---------------------------------------------------------------------------
-- A currency that has lost digits: 1.2345 were billed. Of 1.00 are 0.2345 too
-- much: 0.24, the next whole cent. Of nothing it is all that is left, 0.9945.
-- ---------------------------------------------------------------------------
INSERT INTO voucher.currency (currency, minor_digits) VALUES ('XTS', 4);
SELECT voucher.open_account('hal', 'XTS'), voucher.deposit('hal', 10);
SELECT cash FROM voucher.settle('hal', 'b1', 'ecs', 'usage', 1.2345, payment_type => 'pay_as_you_go', at => '2026-02-01');
UPDATE voucher.currency SET minor_digits = 2 WHERE currency = 'XTS';
SELECT * FROM rr('hal', 'b1', 'r1', voucher.line('ecs', 'usage', 1));
SELECT * FROM rr('hal', 'b1', 'r2', voucher.line('ecs', 'usage', 2));
SELECT * FROM rr('hal', 'b1', 'r3', voucher.line('ecs', 'usage', 1));
SELECT * FROM rr('hal', 'b1', 'r4', voucher.line('ecs', 'usage', 0));
SELECT balance FROM voucher.account WHERE account_id = 'hal';
-- Three vouchers paid 0.0099 each. Of 0.01 are 0.0197 too much: 0.02, of which
-- two get a cent at most, so all that they paid, 0.0198. Of nothing it is 0.0097,
-- which gives the third all that it paid.
INSERT INTO voucher.currency (currency, minor_digits) VALUES ('XTA', 4);
SELECT voucher.open_account('ina', 'XTA');
SELECT voucher.create_template('99 of 10000', 'voucher', 'XTA', face_value => 0.0099, refund_policy => 'return_if_undelivered');
SELECT count(voucher.grant('ina', '99 of 10000', at => '2026-01-01')) FROM generate_series(1, 3);
SELECT voucher, cash FROM voucher.settle('ina', 'b1', 'ecs', 'usage', 0.0297, payment_type => 'pay_as_you_go', policy => 'tencent', at => '2026-02-01');
UPDATE voucher.currency SET minor_digits = 2 WHERE currency = 'XTA';
SELECT * FROM rr('ina', 'b1', 'r1', voucher.line('ecs', 'usage', 0.01));
SELECT balance FROM voucher.instrument WHERE account_id = 'ina' ORDER BY instrument_id;
SELECT * FROM rr('ina', 'b1', 'r2', voucher.line('ecs', 'usage', 0));
SELECT balance FROM voucher.instrument WHERE account_id = 'ina' ORDER BY instrument_id;
-- A voucher that forfeits paid 0.0152 of 1.005, cash 0.9898. Of 0.01 are 0.995 too
-- much: 1.00. Half up, 0.98 of it were cash; but the voucher lost 0.0152 at most, so
-- 0.9848. Of nothing it is the other 0.005, all of it cash.
INSERT INTO voucher.currency (currency, minor_digits) VALUES ('XTB', 4);
SELECT voucher.create_template('152 of 10000', 'voucher', 'XTB', face_value => 0.0152);
SELECT voucher.open_account('jon', 'XTB'), voucher.deposit('jon', 1), voucher.grant('jon', '152 of 10000', at => '2026-01-01') > 0 AS granted;
SELECT voucher, cash FROM voucher.settle('jon', 'b1', 'ecs', 'usage', 1.005, payment_type => 'pay_as_you_go', at => '2026-02-01');
UPDATE voucher.currency SET minor_digits = 2 WHERE currency = 'XTB';
SELECT * FROM rr('jon', 'b1', 'r1', voucher.line('ecs', 'usage', 0.01));
SELECT * FROM rr('jon', 'b1', 'r2', voucher.line('ecs', 'usage', 0));

-- ---------------------------------------------------------------------------
-- Rows written past the verb
-- ---------------------------------------------------------------------------
-- the row that says that nothing moved, with something changed in it
CREATE FUNCTION pg_temp.forge(change jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    row voucher.rerating;
    detail text;
    broken text;
BEGIN
    SELECT * INTO row FROM jsonb_populate_record((SELECT r FROM voucher.rerating AS r WHERE account_id = 'fay' AND rerating_id = 'r2'),
        '{"version": 3, "rerating_id": "x", "billed_before": 15, "charged": 0}' || change);
    row.lines[1].amount := COALESCE((change ->> 'gross')::numeric, 15);
    INSERT INTO voucher.rerating SELECT row.*;
    RAISE EXCEPTION 'taken' USING ERRCODE = 'ZZ000';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, broken = CONSTRAINT_NAME;
    RETURN format('%s %s', SQLSTATE, COALESCE(NULLIF(broken, ''), NULLIF(detail, ''), SQLERRM));
END
$$;
SELECT change, pg_temp.forge(change) FROM unnest(ARRAY['{}', '{"version": 4}', '{"version": 2}', '{"version": 0}', '{"rerating_id": "r1"}', '{"rerating_id": ""}',
    '{"billed_before": 14, "charged": 1}', '{"charged": 1, "billed": 15.5}', '{"gross": 14.5}', '{"gross": 16}', '{"charged": -0.5, "billed": 14.5}',
    '{"charged": 1, "taken_back": 1}', '{"waived": 1}', '{"returned": -1}',
    '{"gross": 15.5, "billed": 15.5, "charged": 0.5}', '{"billed": 14.5, "taken_back": 0.5}',
    '{"order_id": "s1", "version": 1, "gross": 10, "billed_before": 10, "billed": 10}', '{"order_id": "c1", "version": 1}',
    '{"order_id": "r2", "version": 1}', '{"order_id": "none", "version": 1}']::jsonb[]) AS change;
INSERT INTO voucher.rerating SELECT account_id, order_id, 3, 'x', lines, 15.5, 15, 15, 0, 0, 0, 0, 0, NULL, NULL, NULL, at FROM voucher.rerating WHERE account_id = 'fay' AND rerating_id = 'r2';
\echo :SQLSTATE
-- an entry of kind rerate, and others that claim what only it may
CREATE FUNCTION pg_temp.forge_entry(kind text, rerating_id text, waived numeric, rerated numeric) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    INSERT INTO voucher.settlement_entry (account_id, order_id, version, kind, amount, invoiceable, refunded, refunded_cash, waived, rerated, rerating_id, at)
    VALUES ('erin', 'b2', 1, kind, 0, 50, 0, 0, waived, rerated, rerating_id, now());
    RAISE EXCEPTION 'taken' USING ERRCODE = 'ZZ000';
EXCEPTION WHEN OTHERS THEN
    RETURN format('%s %s', SQLSTATE, SQLERRM);
END
$$;
SELECT v.*, pg_temp.forge_entry(kind, id, waived, rerated)
FROM (VALUES ('rerate', 'x', 0, 5), ('rerate', NULL, 0, 5), ('rerate', 'x', 0, 0), ('rerate', 'x', 6, 5), ('rerate', 'x', 1, 5), ('rerate', 'x', 0, 50.01),
             ('payment', NULL, 0, 1), ('payment', 'x', 0, 0)) AS v (kind, id, waived, rerated);
-- a cancel of a supplementary bill
INSERT INTO voucher.settlement_entry (account_id, order_id, version, kind, amount, invoiceable, requested, refunded, refunded_cash, at)
VALUES ('fay', 'r2', 1, 'cancel', -3, 0, 3, 3, 3, now());
\echo :SQLSTATE
UPDATE voucher.rerating SET reason = 'none';
\echo :SQLSTATE
DELETE FROM voucher.rerating;
\echo :SQLSTATE
TRUNCATE voucher.rerating;
\echo :SQLSTATE
UPDATE voucher.settlement SET rerates = NULL WHERE order_id = 'r2';
\echo :SQLSTATE

SELECT * FROM voucher.check();
