-- Several accounts on the same vouchers: random orders, refunds, cancels and
-- ends of shares. Whatever happens, what all orders paid less what came back is
-- what the vouchers have lost, to the cent and voucher by voucher.
--
-- A failing run is repeated with: pg_prove --set seed=SEED test/pgtap/share.sql
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
\if :{?acts}
\else
\set acts 600
\endif
SELECT plan(11);
SELECT diag('seed ' || :'seed');
SELECT setseed(:seed) \g /dev/null

CREATE FUNCTION pg_temp.among(n integer) RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT 1 + floor(random() * $1)::integer';
CREATE FUNCTION pg_temp.pick(anyarray) RETURNS anyelement LANGUAGE sql VOLATILE AS 'SELECT $1[pg_temp.among(cardinality($1))]';

SELECT voucher.register_product('ecs'), voucher.register_product('oss') \g /dev/null
SELECT voucher.open_account(a, 'CNY'), voucher.deposit(a, 1000000) FROM unnest('{ann,ben,cat,dan,eve}'::text[]) AS a \g /dev/null
-- with and without a number of uses and a maximum, for one product and for all; all come back in some way
SELECT voucher.create_template('t' || n, 'voucher', 'CNY', face_value => 200 * n, shareable => true, scope => CASE n % 3 WHEN 0 THEN 'oss' ELSE '*' END::voucher.scope,
                               uses => CASE WHEN n % 2 = 0 THEN 10 END, maximum => CASE WHEN n = 4 THEN 55.55 END::voucher.amount,
                               refund_policy => CASE n WHEN 1 THEN 'return_if_undelivered' WHEN 2 THEN 'forfeit' ELSE 'prorata' END)
FROM generate_series(1, 6) AS n \g /dev/null
-- ann and cat own two rounds of three each; all others share all of them
SELECT voucher.grant(CASE WHEN n % 2 = 0 THEN 'ann' ELSE 'cat' END, 't' || n) FROM generate_series(1, 6) AS n, generate_series(1, 2) \g /dev/null
SELECT voucher.share(i.account_id, i.instrument_id, a) FROM voucher.instrument AS i, unnest('{ann,ben,cat,dan,eve}'::text[]) AS a WHERE a <> i.account_id \g /dev/null

CREATE TEMP TABLE did (verb text, sqlstate text);
-- as all of them were, above; later it takes an unshare of the same before it
INSERT INTO did VALUES ('share', '00000');
CREATE FUNCTION pg_temp.act(n integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    verb   text := pg_temp.pick('{settle,settle,settle,settle,bill,refund,refund,cancel,freeze,unfreeze,unshare,share}'::text[]);
    buyer  text := pg_temp.pick('{ann,ben,cat,dan,eve}'::text[]);
    item   text := pg_temp.pick('{ecs,oss}'::text[]);
    price  voucher.amount := (pg_temp.among(12000) / 100.0)::voucher.amount;
    paid   text;
    owner  text;
    id     bigint;
    code   text := '00000';
BEGIN
    SELECT s.order_id INTO paid FROM voucher.settlement AS s WHERE s.account_id = buyer ORDER BY random() LIMIT 1;
    SELECT i.account_id, i.instrument_id INTO owner, id FROM voucher.instrument AS i WHERE i.owner_account_id IS NULL ORDER BY random() LIMIT 1;
    BEGIN
        CASE verb
            WHEN 'settle' THEN PERFORM voucher.settle(buyer, 'o' || n, item, 'renewal', price);
            WHEN 'bill' THEN PERFORM voucher.settle(buyer, 'o' || n, payment_type => 'pay_as_you_go',
                                                    lines => ARRAY[voucher.line('ecs', 'usage', price), voucher.line('oss', 'usage', 77.77), voucher.line(item, 'usage', 9.99)]);
            WHEN 'refund' THEN PERFORM voucher.refund(buyer, paid, CASE WHEN random() < 0.5 THEN (pg_temp.among(3000) / 100.0)::voucher.amount END);
            WHEN 'cancel' THEN PERFORM voucher.cancel(buyer, paid);
            -- of the voucher, or of one member's share of it
            WHEN 'freeze' THEN PERFORM voucher.freeze(i.account_id, i.instrument_id) FROM (SELECT * FROM voucher.instrument AS i ORDER BY random() LIMIT 1) AS i;
            WHEN 'unfreeze' THEN PERFORM voucher.unfreeze(i.account_id, i.instrument_id) FROM (SELECT * FROM voucher.instrument AS i WHERE i.frozen ORDER BY random() LIMIT 1) AS i;
            WHEN 'unshare' THEN PERFORM voucher.unshare(owner, id, buyer);
            WHEN 'share' THEN PERFORM voucher.share(owner, id, buyer);
        END CASE;
    EXCEPTION WHEN OTHERS THEN
        code := SQLSTATE;
        IF code NOT LIKE 'VC%' AND code NOT IN ('22004', '22023') THEN
            RAISE;
        END IF;
    END;
    INSERT INTO did VALUES (verb, code);
END
$$;
SELECT pg_temp.act(n) FROM generate_series(1, :acts) AS n \g /dev/null

-- ---------------------------------------------------------------------------
-- Has enough happened?
-- ---------------------------------------------------------------------------
SELECT is_empty($$SELECT v FROM unnest('{settle,bill,refund,cancel,freeze,unfreeze,unshare,share}'::text[]) AS v
                  WHERE NOT EXISTS (SELECT FROM did WHERE verb = v AND sqlstate = '00000')$$, 'every verb has succeeded');
SELECT cmp_ok((SELECT count(*) FROM voucher.entry WHERE kind = 'draw'), '>', (:acts / 20)::bigint, 'many orders drew on shares');
SELECT cmp_ok((SELECT count(*) FROM voucher.entry WHERE kind = 'give_back'), '>', (:acts / 60)::bigint, 'and gave back');

-- ---------------------------------------------------------------------------
-- The sums
-- ---------------------------------------------------------------------------
SELECT is_empty('SELECT * FROM voucher.check()', 'the books are sound');
SELECT is((SELECT voucher.sum(s.voucher OPERATOR(voucher.-) COALESCE(e.returned, 0::voucher.amount))::text FROM voucher.settlement AS s
           LEFT JOIN voucher.settlement_entry AS e ON e.account_id = s.account_id AND e.order_id = s.order_id AND e.version = s.entry_version),
          (SELECT voucher.sum(i.face_value OPERATOR(voucher.-) i.balance)::text FROM voucher.instrument AS i WHERE i.owner_account_id IS NULL),
          'what orders paid with vouchers less what came back is what the vouchers have lost');
-- a part is of a voucher, or of a share of one
CREATE TEMP TABLE part AS
SELECT COALESCE(i.owner_instrument_id, i.instrument_id) AS voucher, i.owner_account_id IS NOT NULL AS shared, u.paid,
       COALESCE((SELECT voucher.sum(r.amount) FROM voucher.entry AS r WHERE r.account_id = s.account_id AND r.instrument_id = u.instrument_id
                 AND r.order_id = s.order_id AND r.kind = 'return'), 0::voucher.amount) AS returned,
       EXISTS (SELECT FROM voucher.entry AS r WHERE r.account_id = s.account_id AND r.instrument_id = u.instrument_id
               AND r.order_id = s.order_id AND r.kind = 'return' AND r.uses = -1) AS undone
FROM voucher.settlement AS s CROSS JOIN LATERAL unnest(s.parts) AS u
JOIN voucher.instrument AS i ON i.account_id = s.account_id AND i.instrument_id = u.instrument_id;
CREATE TEMP VIEW off AS
SELECT i.instrument_id FROM voucher.instrument AS i
LEFT JOIN (SELECT p.voucher, voucher.sum(p.paid OPERATOR(voucher.-) p.returned) AS lost, count(*) FILTER (WHERE NOT p.undone) AS used FROM part AS p GROUP BY p.voucher) AS p
    ON p.voucher = i.instrument_id
WHERE i.owner_account_id IS NULL
  AND (i.face_value OPERATOR(voucher.-) i.balance OPERATOR(voucher.<>) COALESCE(p.lost, 0::voucher.amount) OR i.used <> COALESCE(p.used, 0));
SELECT is_empty('SELECT * FROM off', 'and so it is voucher by voucher, with the uses');
SELECT is_empty($$SELECT * FROM voucher.instrument WHERE owner_account_id IS NOT NULL AND balance::text <> '0.00'$$, 'shares hold nothing');
SELECT is_empty($$SELECT * FROM voucher.entry WHERE balance OPERATOR(voucher.<) 0$$, 'nothing was ever overdrawn');
SELECT is_empty($$
    SELECT s.* FROM voucher.stored_value() AS s
    WHERE s.vouchers <> 12 OR s.issued::text <> '8400.00' OR s.adjusted::text <> '0.00'
       OR s.used OPERATOR(voucher.<>) (SELECT voucher.sum(p.paid OPERATOR(voucher.-) p.returned) FROM part AS p)
       OR s.issued OPERATOR(voucher.<>) (s.used OPERATOR(voucher.+) s.expired OPERATOR(voucher.+) s.outstanding)$$, 'the report counts it once');
-- what a member sees is what the owner has
SELECT is_empty($$
    SELECT m.account_id, m.instrument_id FROM voucher.vouchers AS m
    JOIN voucher.vouchers AS o ON o.account_id = m.owner_account_id AND o.instrument_id = m.owner_instrument_id
    WHERE NOT m.cancelled AND (m.balance, m.used, m.max_uses, m.validity)::text <> (o.balance, o.used, o.max_uses, o.validity)::text$$, 'members see the owner''s balance');
UPDATE part SET paid = paid OPERATOR(voucher.+) 0.01 WHERE ctid = (SELECT ctid FROM part WHERE shared LIMIT 1);
SELECT isnt_empty('SELECT * FROM off', 'the comparison can fail');
SELECT * FROM finish();
ROLLBACK;
