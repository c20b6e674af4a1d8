-- Attribution: whatever a verb writes says who did it, as the caller says and by
-- the session's user.
\set QUIET 1
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;
SELECT plan(15);

SELECT voucher.register_product('ecs', reason => 'y', actor => 'x'), voucher.create_campaign('spring', reason => 'y', actor => 'x'), voucher.invite('ann', 'spring', 'y', 'x') \g /dev/null
SELECT voucher.create_template('gift', 'voucher', 'CNY', face_value => 50, refund_policy => 'prorata', transferable => true, shareable => true, campaign => 'spring', per_account => 99, reason => 'y', actor => 'x'),
       voucher.create_template('word', 'promo_code', 'CNY', face_value => 5, promo_code => 'WORD', reason => 'y', actor => 'x') \g /dev/null
SELECT voucher.create_limit('gift', max_count => 1000, request_id => 'l', reason => 'y', actor => 'x') \g /dev/null
SELECT voucher.open_account(a, 'CNY', reason => 'y', actor => 'x') FROM unnest('{ann,ben}'::text[]) AS a \g /dev/null

SELECT voucher.deposit('ann', 1000, actor => 'x'), voucher.deposit('ben', 1000, actor => 'x') \g /dev/null
SELECT voucher.grant('ann', 'gift', actor => 'x') AS g, voucher.grant('ann', 'gift', actor => 'x') AS h, voucher.grant('ben', 'gift', actor => 'x') AS b \gset
SELECT * FROM voucher.claim('ben', 'spring', actor => 'x') \g /dev/null
SELECT code FROM voucher.mint('gift', 1, request_id => 'm', reason => 'y', actor => 'x') AS code \gset
SELECT count(*) FROM voucher.mint_pattern('gift', 1, 'GIFT', request_id => 'p', reason => 'y', actor => 'x') \g /dev/null
SELECT voucher.activate('ben', :'code', actor => 'x') \g /dev/null
SELECT voucher.share('ann', :h, 'ben', actor => 'x') AS share \gset
SELECT voucher.settle('ann', 'o1', 'ecs', 'renewal', 70, promo_code => 'word', voucher => :'g', actor => 'x'), voucher.settle('ben', 'o1', 'ecs', 'renewal', 60, voucher => :'share', actor => 'x') \g /dev/null
SELECT voucher.reserve('ben', 'o2', 'ecs', 'renewal', 60, actor => 'x') \g /dev/null
SELECT voucher.capture('ben', 'o2', actor => 'x') \g /dev/null
SELECT voucher.issue_invoice('ann', 'i1', 'o1', actor => 'x') \g /dev/null
SELECT voucher.refund('ann', 'o1', 30, actor => 'x') \g /dev/null
SELECT voucher.issue_credit_invoice('ann', 'i2', 'i1', actor => 'x') \g /dev/null
SELECT voucher.void_invoice('ann', 'i2', actor => 'x') \g /dev/null
SELECT voucher.cancel('ben', 'o1', actor => 'x') \g /dev/null
SELECT voucher.unshare('ann', :h, 'ben', actor => 'x') \g /dev/null
SELECT voucher.split('ann', :h, '{1}', actor => 'x') \g /dev/null
SELECT voucher.settle('ben', 'bill', 'ecs', 'usage', 2000, payment_type => 'pay_as_you_go', arrears => true, actor => 'x') \g /dev/null
SELECT voucher.rerate('ben', 'bill', 'r', ARRAY[voucher.line('ecs', 'usage', 1999)], actor => 'x') \g /dev/null
SELECT voucher.rerate('ben', 'bill', 'r2', ARRAY[voucher.line('ecs', 'usage', 2001)], arrears => true, actor => 'x') \g /dev/null
SELECT voucher.deposit('ben', 10, actor => 'x') \g /dev/null
SELECT voucher.pay_arrears('ben', 'bill', 3, actor => 'x') \g /dev/null
SELECT voucher.transfer('ann', instrument_id, 'ben', actor => 'x') FROM voucher.grant('ann', 'gift', actor => 'x') AS instrument_id \g /dev/null
SELECT voucher.freeze('ann', :h, actor => 'x'), voucher.unfreeze('ann', :h, actor => 'x')  \g /dev/null
SELECT voucher.revoke('ann', :h, actor => 'x') \g /dev/null

SELECT is_empty($$SELECT * FROM voucher.cash_entry WHERE (actor = 'x' AND recorded_by = session_user) IS NOT TRUE$$, 'cash entries');
SELECT is_empty($$SELECT * FROM voucher.entry WHERE (actor = 'x' AND recorded_by = session_user) IS NOT TRUE$$, 'entries');
SELECT is_empty($$SELECT * FROM voucher.settlement WHERE (actor = 'x' AND recorded_by = session_user) IS NOT TRUE$$, 'settlements');
SELECT is_empty($$SELECT * FROM voucher.settlement_entry WHERE (actor = 'x' AND recorded_by = session_user) IS NOT TRUE$$, 'settlement entries');
SELECT is_empty($$SELECT actor FROM voucher.invoice WHERE (actor = 'x' AND recorded_by = session_user) IS NOT TRUE
                  UNION ALL SELECT actor FROM voucher.hold WHERE (actor = 'x' AND recorded_by = session_user AND resolved_by = 'x') IS NOT TRUE
                  UNION ALL SELECT actor FROM voucher.rerating WHERE (actor = 'x' AND recorded_by = session_user) IS NOT TRUE$$, 'invoices, holds and re-ratings');
-- the catalogue and mintings say why, too
SELECT is((SELECT count(*) FROM (
              SELECT actor, reason, recorded_by FROM voucher.product UNION ALL SELECT actor, reason, recorded_by FROM voucher.campaign
              UNION ALL SELECT actor, reason, recorded_by FROM voucher.invitation UNION ALL SELECT actor, reason, recorded_by FROM voucher.template
              UNION ALL SELECT actor, reason, recorded_by FROM voucher.usage_limit UNION ALL SELECT actor, reason, recorded_by FROM voucher.minting) AS a
           WHERE actor = 'x' AND reason = 'y' AND recorded_by = session_user), 8::bigint, 'the catalogue and what is minted');
-- a row that is written without a verb says by whom, too
INSERT INTO voucher.order_type (order_type) VALUES ('move');
INSERT INTO voucher.policy (policy, sort) VALUES ('ours', '{}');
SELECT is((SELECT count(*) FROM (SELECT recorded_by, recorded_at FROM voucher.order_type UNION ALL SELECT recorded_by, recorded_at FROM voucher.policy
                                 UNION ALL SELECT recorded_by, recorded_at FROM voucher.currency) AS a
           WHERE recorded_by = session_user AND recorded_at <= now()), 58::bigint, 'also what comes with the extension');
-- whoever writes to any table is told
SELECT is_empty($$SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'voucher'::regnamespace AND c.relkind = 'r'
                  AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'recorded_by')
                  AND c.relname <> ALL ('{account,instrument,request,purchase,held_usage,total_usage,account_usage,code_space,minted_code}')$$,
                'all but what only triggers write, or is of a row that says who');
-- the list above does what it says
SELECT is((SELECT array_agg(DISTINCT kind ORDER BY kind) FROM voucher.entry),
          '{draw,freeze,give_back,issue,return,revoke,settle,share,split_in,split_out,transfer_in,transfer_out,unfreeze,unshare}'::text[], 'of nearly all kinds');

-- an administrator does not choose whom a row names, and a change names who made it
CREATE ROLE boss IN ROLE voucher_administrator;
CREATE ROLE deputy IN ROLE voucher_administrator;
CREATE TEMP TABLE written (relation text, inserts text, changes text);
INSERT INTO written VALUES
    ('currency', $$(currency, minor_digits, %s) VALUES ('XTS', 2, %L)$$, $$minor_digits = 1$$),
    ('order_type', $$(order_type, %s) VALUES ('scrap', %L)$$, $$order_type = 'waste'$$),
    ('product', $$(product, %s) VALUES ('oss', %L)$$, $$title = 'OSS'$$),
    ('campaign', $$(campaign, %s) VALUES ('fall', %L)$$, $$title = 'Fall'$$),
    ('policy', $$(policy, sort, %s) VALUES ('mine', '{}', %L)$$, NULL),
    ('default_policy', $$(payment_type, policy, %s) VALUES ('subscription', 'mine', %L)$$, $$policy = 'aws'$$),
    ('usage_limit', NULL, $$max_count = 90, reason = 'sold well', actor = 'z'$$),
    ('attempt_budget', $$(whose, attempts, period, %s) VALUES ('client', 9, '1 hour', %L)$$, $$attempts = 90$$),
    ('customer', $$(account_id, role_name, %s) VALUES ('ann', 'x', %L)$$, $$role_name = 'y'$$);
CREATE FUNCTION pg_temp.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$BEGIN EXECUTE statement; RETURN 'done'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END$$;
GRANT SELECT ON written TO boss, deputy;
GRANT USAGE ON SCHEMA voucher TO boss, deputy;

SELECT set_eq($$SELECT relation FROM written$$, $$SELECT c.relname::text FROM pg_class AS c WHERE c.relnamespace = 'voucher'::regnamespace AND c.relname <> 'purchase' AND has_any_column_privilege('boss', c.oid, 'INSERT,UPDATE')$$,
              'every table that an administrator writes');
SET SESSION AUTHORIZATION boss;
CREATE TEMP TABLE found AS
    SELECT w.relation, c.attname, pg_temp.attempt(format('INSERT INTO voucher.%I ' || COALESCE(w.inserts, '(%s) VALUES (%L)'), w.relation, c.attname, CASE c.attname WHEN 'recorded_by' THEN 'ann' ELSE '2000-01-01' END)) AS inserted,
           pg_temp.attempt(format('UPDATE voucher.%I SET %I = DEFAULT', w.relation, c.attname)) AS updated
    FROM written AS w JOIN pg_attribute AS c ON c.attrelid = format('voucher.%I', w.relation)::regclass AND c.attname IN ('recorded_by', 'recorded_at', 'created_at');
SELECT pg_temp.attempt(format('INSERT INTO voucher.%I ' || inserts, relation, x, y)) FROM written, (VALUES ('reason', 'y')) AS v (x, y) WHERE relation IN ('product', 'campaign') \g /dev/null
SELECT voucher.create_limit(campaign => 'fall', max_count => 9) \g /dev/null
INSERT INTO voucher.currency (currency, minor_digits) VALUES ('XTS', 2);
INSERT INTO voucher.order_type (order_type) VALUES ('scrap');
INSERT INTO voucher.policy (policy, sort, shipped) VALUES ('mine', '{}', true);
INSERT INTO voucher.default_policy (payment_type, policy) VALUES ('subscription', 'mine');
INSERT INTO voucher.attempt_budget (whose, attempts, period) VALUES ('client', 9, '1 hour');
INSERT INTO voucher.customer (account_id, role_name) VALUES ('ann', 'x');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT shipped FROM voucher.policy WHERE policy = 'mine'), false, 'nor that a row came with the extension, which no dump would carry');
SELECT is_empty($$SELECT * FROM found WHERE inserted <> '42501' OR updated <> '42501'$$, 'nobody but a superuser chooses who wrote a row and when');
CREATE FUNCTION pg_temp.writers() RETURNS TABLE (relation text, writers text) LANGUAGE plpgsql AS $$
DECLARE
    w written;
BEGIN
    FOR w IN TABLE written LOOP
        relation := w.relation;
        EXECUTE format('SELECT string_agg(DISTINCT recorded_by, '','') FROM voucher.%I WHERE recorded_by <> %L', w.relation, session_user) INTO writers;
        RETURN NEXT;
    END LOOP;
END$$;
SELECT is_empty($$SELECT * FROM pg_temp.writers() WHERE writers IS DISTINCT FROM 'boss'$$, 'what an administrator wrote says so');
-- even an owner of the table who would have it otherwise
CREATE FUNCTION pg_temp.change(who text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    w written;
BEGIN
    FOR w IN SELECT * FROM written WHERE changes IS NOT NULL LOOP
        EXECUTE format('UPDATE voucher.%I SET %s %s WHERE recorded_by = %L', w.relation, w.changes, who, 'boss');
    END LOOP;
END$$;
SELECT pg_temp.change(', recorded_by = ''ann'', recorded_at = ''2000-01-01''') \g /dev/null
SELECT is_empty($$SELECT w.* FROM pg_temp.writers() AS w JOIN written USING (relation) WHERE changes IS NOT NULL AND writers IS NOT NULL$$, 'a change says who made it, not who wrote the row');
SELECT is((SELECT (max_count, reason, actor, recorded_by, recorded_at)::text FROM voucher.usage_limit WHERE campaign = 'fall'), (90, 'sold well', 'z', session_user, now())::text, 'also of how much a limit allows');
SELECT * FROM finish();
ROLLBACK;
