-- Random bills with more to pay than cash, paid in parts at random, held against
-- plain numeric: gross = voucher + cash + outstanding; nobody pays more than
-- there is or than is left; and once all is paid, refunds see one sum of cash.
--
-- A failing run is repeated with: pg_prove --set seed=SEED test/pgtap/arrears.sql
\set QUIET 1
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL jit = off;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;
\if :{?seed}
\else
SELECT round(random()::numeric, 6) AS seed \gset
\endif
SELECT plan(9);
SELECT diag('seed ' || :'seed');
SELECT setseed(:seed) \g /dev/null

SELECT voucher.register_product('ecs') \g /dev/null
SELECT voucher.create_template('v', 'voucher', 'CNY', face_value => 1) \g /dev/null
CREATE FUNCTION pg_temp.r(high numeric) RETURNS numeric LANGUAGE sql VOLATILE AS 'SELECT round(random()::numeric * high, 2)';
CREATE TEMP TABLE problem (what text, account text, expected text, found text);

-- An account with cash and vouchers, some bills, and payments until all is paid.
CREATE FUNCTION pg_temp.try_account(a text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    cash     numeric := 0;
    value    numeric := 0;
    owed     numeric := 0;
    gross    numeric;
    by_value numeric;
    by_cash  numeric;
    x     numeric;
    refunded numeric;
    total    numeric;
    s        voucher.settlement;
    bill     record;
    entry    voucher.settlement_entry;
BEGIN
    PERFORM voucher.open_account(a, 'CNY');
    FOR n IN 1 .. 4 LOOP
        IF random() < 0.7 THEN
            x := pg_temp.r(60) + 0.01;
            cash := cash + x;
            PERFORM voucher.deposit(a, x);
        END IF;
        IF random() < 0.3 THEN
            x := pg_temp.r(20) + 0.01;
            value := value + x;
            PERFORM voucher.grant(a, 'v', x);
        END IF;
        gross := pg_temp.r(80);
        s := voucher.settle(a, 'b' || n, 'ecs', 'usage', gross, payment_type => 'pay_as_you_go', arrears => true);
        by_value := LEAST(gross, value);
        by_cash := LEAST(gross - by_value, cash);
        value := value - by_value;
        cash := cash - by_cash;
        owed := owed + gross - by_value - by_cash;
        INSERT INTO problem SELECT 'bill', a, format('%s %s %s', by_value, by_cash, gross - by_value - by_cash), format('%s %s %s', s.voucher, s.cash, s.outstanding)
        WHERE (s.voucher::numeric, s.cash::numeric, s.outstanding::numeric) <> (by_value, by_cash, gross - by_value - by_cash);
    END LOOP;
    INSERT INTO problem SELECT 'owed', a, owed::text, d.due::text
    FROM (SELECT COALESCE(sum(due::numeric), 0) AS due FROM voucher.arrears(a)) AS d WHERE d.due <> owed;

    -- a random amount of a random bill, now and then more than there is, until nothing is owed
    LOOP
        SELECT * INTO bill FROM voucher.arrears(a) ORDER BY random() LIMIT 1;
        EXIT WHEN NOT FOUND;
        IF random() < 0.3 THEN
            BEGIN
                PERFORM voucher.refund(a, bill.order_id);
                INSERT INTO problem VALUES ('refund before it is paid', a, 'VC210', NULL);
            EXCEPTION WHEN SQLSTATE 'VC210' THEN NULL;
            END;
        END IF;
        IF random() < 0.2 THEN
            BEGIN
                PERFORM voucher.issue_invoice(a, format('%s-%s', bill.order_id, bill.paid), bill.order_id);
            EXCEPTION WHEN SQLSTATE 'VC203' THEN NULL;
            END;
        END IF;
        x := CASE WHEN random() < 0.3 THEN bill.due::numeric ELSE pg_temp.r(40) + 0.01 END;
        BEGIN
            entry := voucher.pay_arrears(a, bill.order_id, x);
            INSERT INTO problem SELECT 'payment', a, format('%s of %s with %s', x, bill.due, cash), 'accepted' WHERE x > cash OR x > bill.due::numeric;
            cash := cash - x;
            owed := owed - x;
            INSERT INTO problem SELECT 'paid', a, (bill.paid::numeric + x)::text, entry.paid::text WHERE entry.paid::numeric <> bill.paid::numeric + x;
        EXCEPTION
            WHEN SQLSTATE 'VC201' THEN
                INSERT INTO problem SELECT 'no cash', a, format('%s of %s with %s', x, bill.due, cash), 'refused' WHERE x <= cash OR x > bill.due::numeric;
                x := pg_temp.r(50) + 0.01;
                cash := cash + x;
                PERFORM voucher.deposit(a, x);
            WHEN SQLSTATE 'VC211' THEN
                INSERT INTO problem SELECT 'too much', a, format('%s of %s', x, bill.due), 'refused' WHERE x <= bill.due::numeric;
        END;
        INSERT INTO problem SELECT 'balance', a, cash::text, c.balance::text FROM voucher.account AS c WHERE c.account_id = a AND c.balance::numeric <> cash;
    END LOOP;
    INSERT INTO problem SELECT 'nothing is owed', a, '0', owed::text WHERE owed <> 0;

    -- all is paid: r of a total T with the cash C, whenever it was paid, gives back r * C / T, half up
    FOR s IN SELECT * FROM voucher.settlement AS o WHERE o.account_id = a AND o.gross OPERATOR(voucher.>) 0 LOOP
        total := s.gross;
        by_cash := total - s.voucher::numeric;
        refunded := LEAST(total, pg_temp.r(80) + 0.01);
        entry := voucher.refund(a, s.order_id, refunded);
        INSERT INTO problem SELECT 'refund', a, round(refunded * by_cash / total, 2)::text, entry.refunded_cash::text
        WHERE entry.refunded_cash::numeric <> round(refunded * by_cash / total, 2);
        IF refunded < total THEN
            entry := voucher.refund(a, s.order_id);
        END IF;
        INSERT INTO problem SELECT 'all of it', a, by_cash::text, entry.refunded_cash::text WHERE entry.refunded_cash::numeric <> by_cash;
    END LOOP;
END
$$;

SELECT pg_temp.try_account('of ' || n) FROM generate_series(1, 150) AS n \g /dev/null
SELECT is_empty('SELECT * FROM problem', 'bills, payments and refunds of 150 accounts are what numeric says');
SELECT is_empty('SELECT * FROM voucher.check()', 'check() finds nothing');
SELECT is_empty($$SELECT * FROM voucher.settlement WHERE gross::numeric <> discount::numeric + rounding::numeric + voucher::numeric + cash::numeric + outstanding::numeric$$,
                'gross = discount + rounding + voucher + cash + outstanding');
SELECT is_empty($$SELECT * FROM voucher.settlement AS s
                  WHERE s.outstanding::numeric <> (SELECT COALESCE(sum(-amount::numeric), 0) FROM voucher.cash_entry AS c
                                                   WHERE c.account_id = s.account_id AND c.order_id = s.order_id AND c.kind = 'arrears')$$,
                'cash paid exactly what was outstanding');
SELECT cmp_ok((SELECT count(*) FROM voucher.settlement WHERE outstanding OPERATOR(voucher.>) 0 AND cash OPERATOR(voucher.>) 0), '>', 50::bigint, 'cash paid a part');
SELECT cmp_ok((SELECT count(*) FROM voucher.settlement WHERE outstanding OPERATOR(voucher.>) 0 AND voucher OPERATOR(voucher.>) 0), '>', 10::bigint, 'vouchers paid a part');
SELECT cmp_ok((SELECT count(*) FROM voucher.settlement WHERE outstanding OPERATOR(voucher.=) 0), '>', 50::bigint, 'cash paid all');
SELECT cmp_ok((SELECT count(*) FROM voucher.settlement_entry WHERE kind = 'payment'), '>', 200::bigint, 'arrears were paid');
SELECT cmp_ok((SELECT count(*) FROM voucher.settlement_entry WHERE kind = 'invoice'), '>', 10::bigint, 'invoices came in between');
SELECT * FROM finish();
ROLLBACK;
