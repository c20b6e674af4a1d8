-- What holds for every object of the extension, whichever module declares it; and
-- requests that are repeated when the catalogue is another one.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;
SELECT plan(5);

-- Not asked of what another object made: sequences of identity columns,
-- functions of ranges, families named after their operator class.
SELECT is_empty($$
    SELECT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
    FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
    JOIN pg_catalog.pg_class AS c ON c.oid = d.classid
    WHERE e.extname = 'voucher'
      AND d.deptype = 'e'
      AND d.refclassid = 'pg_catalog.pg_extension'::regclass
      AND d.classid <> 'pg_catalog.pg_opfamily'::regclass
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS i
                      WHERE (i.classid, i.objid) = (d.classid, d.objid) AND i.deptype = 'i')
      AND pg_catalog.obj_description(d.objid, c.relname) IS NULL
    ORDER BY 1$$,
    'every object of the extension has a comment');


-- A currency that has lost its decimals: what was a request then is found again
SELECT voucher.register_product('ecs') \g /dev/null
SELECT voucher.create_template('gift', 'voucher', 'USD', face_value => 5, shareable => true) \g /dev/null
SELECT voucher.open_account('ann', 'USD') \g /dev/null
CREATE TEMP TABLE call (n integer, statement text, answer text);
INSERT INTO call VALUES
    (1, $$SELECT voucher.deposit('ann', 99.55, request_id => 'd')$$),
    (2, $$SELECT voucher.grant('ann', 'gift', 5.55, request_id => 'g')$$),
    (3, $$SELECT requested FROM voucher.refund('ann', 'o', 0.55, request_id => 'r')$$),
    (4, $$SELECT requested FROM voucher.refund('ann', 'm', lines => '{1}', line_amounts => '{0.25}', request_id => 'l')$$),
    (5, $$SELECT requested FROM voucher.refund('ann', 'p', consumed => 0.25, request_id => 'c')$$),
    (6, $$SELECT amount FROM voucher.issue_invoice('ann', 'i', 'o', 1.25)$$),
    (7, $$SELECT amount FROM voucher.issue_credit_invoice('ann', 'k', 'j', amount => 0.25)$$),
    (8, $$SELECT amount FROM voucher.pay_arrears('ann', 'b', 0.25, request_id => 'a')$$),
    (9, $$SELECT cash FROM voucher.settle('ann', 'q', 'ecs', 'renewal', 1.25, voucher => 'none')$$),
    (10, $$SELECT voucher.split('ann', (SELECT min(instrument_id) FROM voucher.instrument), '{1.25}', request_id => 's')$$);
CREATE FUNCTION pg_temp.answer(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE statement INTO answer;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END$$;
-- each where its turn comes: orders, an invoice that is credited and a bill that is unpaid stand before
DO $$
DECLARE
    c call;
BEGIN
    FOR c IN SELECT * FROM call ORDER BY n LOOP
        UPDATE call SET answer = pg_temp.answer(c.statement) WHERE n = c.n;
        CASE c.n
            WHEN 2 THEN
                PERFORM voucher.settle('ann', o, 'ecs', 'renewal', 10.55, voucher => 'none') FROM unnest('{o,p,k,m}'::text[]) AS o;
                PERFORM voucher.settle('ann', 'b', 'ecs', 'usage', 200.55, payment_type => 'pay_as_you_go', voucher => 'none', arrears => true);
                PERFORM voucher.deposit('ann', 50.55);
                PERFORM voucher.issue_invoice('ann', 'j', 'k');
                PERFORM voucher.refund('ann', 'k', 5.55);
            ELSE NULL;
        END CASE;
    END LOOP;
END$$;
SELECT is_empty($$SELECT * FROM call WHERE answer ~ '^[0-9A-Z]{5} '$$, 'all are made');
UPDATE voucher.currency SET minor_digits = 0 WHERE currency = 'USD';
SELECT is_empty($$SELECT * FROM (SELECT statement, answer, pg_temp.answer(statement) AS again FROM call) AS c WHERE again IS DISTINCT FROM answer$$, 'and answered again as they were, without decimals, too');
SELECT is_empty($$SELECT s FROM unnest(ARRAY[$q$SELECT voucher.deposit('ann', 0.55, request_id => 'new')$q$, $q$SELECT voucher.grant('ann', 'gift', 5.55, request_id => 'new')$q$,
                     $q$SELECT voucher.refund('ann', 'o', 0.55, request_id => 'new')$q$, $q$SELECT voucher.refund('ann', 'o', lines => '{1}', line_amounts => '{0.25}', request_id => 'new')$q$,
                     $q$SELECT voucher.refund('ann', 'o', consumed => 0.25, request_id => 'new')$q$, $q$SELECT voucher.issue_invoice('ann', 'new', 'o', 0.25)$q$,
                     $q$SELECT voucher.issue_credit_invoice('ann', 'new', 'j', amount => 0.25)$q$, $q$SELECT voucher.pay_arrears('ann', 'b', 0.25, request_id => 'new')$q$]) AS s
                  WHERE pg_temp.answer(s) !~ '^22023 .*minor unit'$$, 'new ones are refused');
SELECT is_empty('SELECT * FROM voucher.check()', 'check finds nothing');

SELECT * FROM finish();
ROLLBACK;
