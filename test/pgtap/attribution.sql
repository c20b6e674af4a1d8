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
SELECT plan(9);

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
SELECT * FROM finish();
ROLLBACK;
