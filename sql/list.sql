--
-- list: what an account holds, with its status (S4)
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
SELECT voucher.open_account(a, 'CNY', at => '2026-01-01') FROM unnest('{alice,bob}'::text[]) AS a;
SELECT voucher.create_template('spring', 'voucher', 'CNY', face_value => 200, valid => '[2026-03-01, 2026-06-01)', scope => 'ecs:purchase|renewal, oss');
SELECT voucher.create_template('for ever', 'voucher', 'CNY', face_value => 50, threshold => 10);
SELECT voucher.create_template('quarter', 'coupon', 'CNY', discount_rate => 0.25, valid_for => '30 days', payment_type => 'subscription');
SELECT voucher.grant('alice', t, at => '2026-02-01') FROM unnest('{spring,for ever,quarter,spring}'::text[]) AS t;
SELECT voucher.grant('bob', 'spring', at => '2026-02-01');
SELECT voucher.freeze('alice', 4, at => '2026-02-02');

-- Everything of one
\x on
SELECT * FROM voucher.list('alice', at => '2026-02-15') WHERE instrument_id = 1;
SELECT * FROM voucher.list('alice', at => '2026-02-15') WHERE instrument_id = 3;
\x off

-- The status follows from the time, to the instant; frozen only hides available and pending
SELECT t.at, l.status AS spring, f.status AS frozen_spring, e.status AS for_ever, q.status AS quarter
FROM (VALUES (timestamptz '2026-02-15'), ('2026-02-28 23:59:59.999999'), ('2026-03-01'), ('2026-03-02 23:59:59.999999'),
             ('2026-03-03'), ('2026-05-31 23:59:59.999999'), ('2026-06-01')) AS t(at),
     voucher.list('alice', at => t.at) AS l, voucher.list('alice', at => t.at) AS f,
     voucher.list('alice', at => t.at) AS e, voucher.list('alice', at => t.at) AS q
WHERE l.instrument_id = 1 AND f.instrument_id = 4 AND e.instrument_id = 2 AND q.instrument_id = 3
ORDER BY t.at;

-- Used up stays used up, after its expiry too: o1 takes the voucher of 200 and
-- the coupon of a quarter off 250, 62.50, so 187.50; o2 the rest, 12.50
SELECT discount, voucher FROM voucher.settle('alice', 'o1', 'ecs', 'purchase', 250, voucher => '1', at => '2026-03-01');
SELECT balance, used, status FROM voucher.list('alice', at => '2026-03-01') WHERE instrument_id = 1;
SELECT discount, voucher FROM voucher.settle('alice', 'o2', 'ecs', 'renewal', 12.5, voucher => '1', at => '2026-03-02');
SELECT instrument_id, kind, balance, used, max_uses, status FROM voucher.list('alice', at => '2026-07-01');

-- Search by status
SELECT s.status, array_agg(l.instrument_id) AS found
FROM unnest('{pending,available,frozen,exhausted,expired}'::text[]) AS s(status), voucher.list('alice', status => s.status, at => '2026-03-02') AS l
GROUP BY s.status ORDER BY s.status;
SELECT instrument_id FROM voucher.list('alice', 'expired', at => '2026-06-01');
-- A status that does not exist is an error, also where nothing is held
SELECT instrument_id FROM voucher.list('alice', 'used up');
\echo :SQLSTATE
SELECT count(*) FROM voucher.list('nobody', status => 'Available');
\echo :SQLSTATE
SELECT voucher.list('alice', status => '');
\echo :SQLSTATE
-- Search by the time at which it became effective: half-open as all ranges; a
-- voucher without a beginning counts from its issue
SELECT instrument_id, effective_at, issued_at FROM voucher.list('alice', effective => '[2026-02-01, 2026-03-01)', at => '2026-03-02');
SELECT instrument_id FROM voucher.list('alice', effective => '[2026-03-01, 2026-03-02)', at => '2026-03-02');
SELECT instrument_id FROM voucher.list('alice', effective => '(2026-03-01,)', at => '2026-03-02');
SELECT instrument_id FROM voucher.list('alice', 'frozen', '[2026-03-01,)', '2026-03-02');
-- Only the account's own
SELECT instrument_id, account_id FROM voucher.list('bob', at => '2026-03-02');
SELECT count(*) FROM voucher.list('nobody', at => '2026-03-02');
SELECT account_id, count(*) FROM voucher.vouchers GROUP BY account_id ORDER BY account_id;
