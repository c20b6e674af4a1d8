-- voucher.check can fail: for each of its rules, a row is corrupted with all
-- triggers off, and exactly that rule must be reported, where it was broken.
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

-- Two orders. o1, two lines: 300 + 200 = promo code 20 + voucher 180 + cash 300,
-- a tenth of 480 refunded (30 in cash), 100 invoiced, 50 invoiced and voided.
-- o2: 40 with a coupon of 25 %: 10 + voucher 20 + cash 10.
SELECT voucher.register_product('ecs') \g /dev/null
SELECT voucher.create_template('v', 'voucher', 'CNY', face_value => 200, per_account => 2, maximum => 180) \g /dev/null
SELECT voucher.create_template('c', 'coupon', 'CNY', discount_rate => 0.25, scope => 'ecs:renewal') \g /dev/null
SELECT voucher.create_template('p', 'promo_code', 'CNY', face_value => 20, promo_code => 'P20') \g /dev/null
SELECT voucher.create_limit('v', max_count => 5, max_amount => 500, period => 'month') AS total,
       voucher.create_limit('c', max_count => 5, per => 'account', counts => 'issue') AS per_account \gset
SELECT voucher.open_account('ann', 'CNY'), voucher.deposit('ann', 1000, request_id => 'pay-1') \g /dev/null
SELECT voucher.mint('v', 1) AS code \gset
SELECT voucher.activate('ann', :'code') AS v \gset
SELECT count(*) FROM voucher.mint_pattern('v', 2, 'TREE-####-####-####') \g /dev/null
SELECT c.minting_id AS one, t.minting_id AS tree FROM voucher.minted_code AS c, voucher.minted_code AS t WHERE c.space IS NULL AND t.space IS NOT NULL LIMIT 1 \gset
SELECT voucher.grant('ann', 'c') AS c \gset
SELECT voucher.settle('ann', 'o1', lines => ARRAY[voucher.line('ecs', 'purchase', 300), voucher.line('ecs', 'purchase', 200)], promo_code => 'P20') \g /dev/null
SELECT voucher.refund('ann', 'o1', 48) \g /dev/null
SELECT voucher.issue_invoice('ann', 'i1', 'o1', 100), voucher.issue_invoice('ann', 'i2', 'o1', 50) \g /dev/null
SELECT voucher.void_invoice('ann', 'i2') \g /dev/null
SELECT voucher.settle('ann', 'o2', 'ecs', 'renewal', 40) \g /dev/null
SELECT voucher.freeze('ann', :v) \g /dev/null
SELECT instrument_id AS p FROM voucher.vouchers WHERE template = 'p' \gset
-- o3, two lines of 60 and 40: a voucher that comes back pays 50 (30 and 20), cash
-- 50. Invoiced, then line 2 refunded: 20 in cash, 20 to the voucher; 20 credited.
-- o4: 30 in cash, a gift with it, both undone. o5 and o6 on one invoice.
SELECT voucher.register_product('oss') \g /dev/null
SELECT voucher.create_template('w', 'voucher', 'CNY', face_value => 50, scope => 'oss', refund_policy => 'prorata') \g /dev/null
SELECT voucher.grant('ann', 'w') AS w \gset
SELECT voucher.settle('ann', 'o3', lines => ARRAY[voucher.line('oss', 'renewal', 60), voucher.line('oss', 'renewal', 40)], coupon => 'none') \g /dev/null
SELECT voucher.issue_invoice('ann', 'i3', 'o3') \g /dev/null
SELECT voucher.refund('ann', 'o3', lines => '{2}') \g /dev/null
SELECT voucher.issue_credit_invoice('ann', 'i4', 'i3') \g /dev/null
SELECT voucher.settle('ann', 'o4', 'ecs', 'renewal', 30, voucher => 'none', coupon => 'none') \g /dev/null
SELECT voucher.grant('ann', 'w', 10, order_id => 'o4') AS gift \gset
SELECT voucher.cancel('ann', 'o4') \g /dev/null
SELECT voucher.settle('ann', 'o5', 'ecs', 'renewal', 5, voucher => 'none'), voucher.settle('ann', 'o6', 'ecs', 'renewal', 6, voucher => 'none') \g /dev/null
SELECT voucher.issue_invoice('ann', 'i5', order_ids => '{o5,o6}') \g /dev/null
-- ann's coupon of 5, transferred to ben; and a voucher of 10, of which 4 are split off, prolonged twice
SELECT voucher.create_template('t', 'coupon', 'CNY', face_value => 5, transferable => true), voucher.create_template('s', 'voucher', 'CNY', face_value => 10, valid => '[2020-01-01, 2099-01-01)') \g /dev/null
SELECT voucher.open_account('ben', 'CNY') \g /dev/null
SELECT voucher.grant('ann', 't') AS t, voucher.grant('ann', 's') AS s \gset
SELECT voucher.transfer('ann', :t, 'ben') AS received \gset
SELECT voucher.split('ann', :s, '{4}') AS part \gset
SELECT voucher.extend('ann', :s, '2099-02-01'), voucher.extend('ann', :s, '2099-03-01') \g /dev/null
-- b1: all cash there is, and 3 of what that left outstanding; b0's 10 paid them.
SELECT voucher.settle('ann', 'b0', 'ecs', 'renewal', 10, voucher => 'none') \g /dev/null
SELECT voucher.settle('ann', 'b1', 'ecs', 'usage', 2000, payment_type => 'pay_as_you_go', voucher => 'none', coupon => 'none', arrears => true) \g /dev/null
SELECT voucher.refund('ann', 'b0'), voucher.pay_arrears('ann', 'b1', 3) \g /dev/null
-- d1: ben draws 20 of ann's voucher of 60, of which 5 go back; cyn's share of it is ended
SELECT voucher.create_template('d', 'voucher', 'CNY', face_value => 60, shareable => true, refund_policy => 'prorata') \g /dev/null
SELECT voucher.open_account('cyn', 'CNY') \g /dev/null
SELECT voucher.grant('ann', 'd') AS d \gset
SELECT voucher.share('ann', :d, 'ben') AS share, voucher.share('ann', :d, 'cyn') AS ended \gset
SELECT voucher.settle('ben', 'd1', 'ecs', 'renewal', 20, coupon => 'none') \g /dev/null
SELECT voucher.refund('ben', 'd1', 5), voucher.unshare('ann', :d, 'cyn') \g /dev/null
-- reserved: h1 still is, of a limit, and h2 was captured; k holds 10 of 40
SELECT voucher.open_account('kim', 'CNY'), voucher.deposit('kim', 100) \g /dev/null
SELECT voucher.create_template('k', 'voucher', 'CNY', face_value => 40) \g /dev/null
SELECT voucher.grant('kim', 'k') AS k \gset
SELECT voucher.create_limit('k', max_count => 100, max_amount => 1000) AS held_limit \gset
SELECT voucher.reserve('kim', 'h1', 'ecs', 'renewal', 10, hold_for => '100 years'), voucher.reserve('kim', 'h2', 'ecs', 'renewal', 20) \g /dev/null
SELECT voucher.capture('kim', 'h2') \g /dev/null
-- r0: 90 with a third off, so 60; up by 10 with x1, down by 25 with x2: the 10 of
-- x1 and 15 of r0, 10.00 of them after the discount. r5: 8 outstanding, 3 waived.
SELECT voucher.open_account('cat', 'CNY'), voucher.deposit('cat', 70) \g /dev/null
SELECT voucher.grant('cat', 'r') FROM voucher.create_template('r', 'coupon', 'CNY', face_value => 30, threshold => 50) \g /dev/null
SELECT voucher.settle('cat', 'r0', 'ecs', 'usage', 90, payment_type => 'pay_as_you_go') \g /dev/null
SELECT voucher.rerate('cat', 'r0', 'x1', ARRAY[voucher.line('ecs', 'usage', 100.005)]), voucher.rerate('cat', 'r0', 'x2', ARRAY[voucher.line('ecs', 'usage', 75)]) \g /dev/null
SELECT voucher.settle('cat', 'r4', 'ecs', 'usage', 20, payment_type => 'pay_as_you_go') \g /dev/null
SELECT voucher.settle('cat', 'r5', 'ecs', 'usage', 8, payment_type => 'pay_as_you_go', arrears => true) \g /dev/null
SELECT voucher.rerate('cat', 'r5', 'x5', ARRAY[voucher.line('ecs', 'usage', 5)]) \g /dev/null
SELECT is_empty('SELECT * FROM voucher.check()', 'a sound database: no rows');

-- What check reports after a statement that no trigger sees: rules and objects.
CREATE FUNCTION pg_temp.broken_by(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    BEGIN
        SET LOCAL session_replication_role = replica;
        EXECUTE statement;
        SELECT string_agg(format('%s: %s', rule, object), '; ' ORDER BY rule, object) INTO found FROM voucher.check();
        RAISE EXCEPTION USING ERRCODE = 'ZZ000';
    EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
        RETURN found;
    END;
END
$$;

CREATE TEMP TABLE corruption (reported text, statement text);
INSERT INTO corruption VALUES
    ('cash balance = sum of entries: CNY', $$UPDATE voucher.account SET balance = 1 WHERE account_id = 'ann'$$),
    ('cash balance = sum of entries: CNY', $$UPDATE voucher.account SET version = version + 1 WHERE account_id = 'ann'$$),
    ('cash balance = sum of entries: CNY', $$UPDATE voucher.cash_entry SET version = 99 WHERE version = (SELECT max(version) FROM voucher.cash_entry)$$),
    ('cash balance = sum of entries: USD', $$INSERT INTO voucher.account (account_id, currency, balance, version) VALUES ('ann', 'USD', 0, 1)$$),
    ('cash balance = sum of entries: USD', $$INSERT INTO voucher.cash_entry (account_id, currency, version, kind, amount, balance, at) VALUES ('ann', 'USD', 1, 'open', 0, 0, now())$$),
    (format('instrument balance = sum of entries: %s', :'v'), format('UPDATE voucher.instrument SET balance = 1 WHERE instrument_id = %s', :'v')),
    (format('instrument balance = sum of entries: %s', :'v'), format('UPDATE voucher.instrument SET used = 1 WHERE instrument_id = %s', :'v')),
    (format('instrument balance = sum of entries: %s', :'v'), format('UPDATE voucher.instrument SET version = 1 WHERE instrument_id = %s', :'v')),
    (format('instrument balance = sum of entries: %s', :'v'), format('UPDATE voucher.instrument SET frozen = false WHERE instrument_id = %s', :'v')),
    (format('instrument balance = sum of entries: %s', :'c'), format('UPDATE voucher.instrument SET frozen = true WHERE instrument_id = %s', :'c')),
    (format('instrument balance = sum of entries: %s', :'v'), format('UPDATE voucher.instrument SET cancelled = true WHERE instrument_id = %s', :'v')),
    (format('instrument balance = sum of entries: %s', :'t'), format('UPDATE voucher.instrument SET cancelled = false WHERE instrument_id = %s', :'t')),
    (format('expiry = that of the last extension: %s', :'s'), format('UPDATE voucher.instrument SET validity = ''[2020-01-01, 2099-04-01)'' WHERE instrument_id = %s', :'s')),
    (format('extension follows from the one before: %s version 4', :'s'), format('UPDATE voucher.entry SET extended = ''[2099-01-15, 2099-03-01)'' WHERE instrument_id = %s AND version = 4', :'s')),
    (format('what leaves one instrument arrives at another: %s version 2', :'t'), format('UPDATE voucher.entry SET amount = -4, balance = 1 WHERE instrument_id = %s AND version = 2;
                                                                              UPDATE voucher.instrument SET balance = 1 WHERE instrument_id = %s', :'t', :'t')),
    (format('what leaves one instrument arrives at another: %s version 2; what leaves one instrument arrives at another: %s version 1', :'t', :'received'),
     format('UPDATE voucher.entry SET peer_account_id = ''ann'' WHERE instrument_id = %s AND version = 2', :'t')),
    (format('what leaves one instrument arrives at another: %s version 2', :'s'), format('UPDATE voucher.entry SET kind = ''issue'' WHERE instrument_id = %s AND version = 1', :'part')),
    (format('a share is of a voucher, and holds nothing: %s', :'share'), format('UPDATE voucher.instrument SET owner_instrument_id = %s WHERE instrument_id = %s', :'s', :'share')),
    (format('a share is of a voucher, and holds nothing: %s', :'share'), format('UPDATE voucher.instrument SET owner_account_id = ''cyn'' WHERE instrument_id = %s', :'share')),
    (format('a share is of a voucher, and holds nothing: %s', :'share'), format('UPDATE voucher.instrument SET ordinal = 1 WHERE instrument_id = %s', :'share')),
    (format('a share is of a voucher, and holds nothing: %s', :'share'), format('UPDATE voucher.instrument SET issued = true WHERE instrument_id = %s', :'share')),
    (format('a share is of a voucher, and holds nothing: %s', :'ended'), format('UPDATE voucher.instrument SET template_id = template_id - 1 WHERE instrument_id = %s', :'ended')),
    (format('a share is of a voucher, and holds nothing: %s; both ends of a share agree: %s share; both ends of a share agree: %s share', :'ended', :'d', :'ended'),
     format('UPDATE voucher.instrument SET owner_account_id = NULL, owner_instrument_id = NULL WHERE instrument_id = %s', :'ended')),
    -- 1 that stays with the share
    (format('a share is of a voucher, and holds nothing: %1$s; both ends of a share agree: %2$s give_back; what shares draw is what orders take of them: d1 instrument %1$s', :'share', :'d'),
     format('UPDATE voucher.entry SET amount = -4, balance = 1 WHERE instrument_id = %1$s AND kind = ''give_back'';
             UPDATE voucher.instrument SET balance = 1 WHERE instrument_id = %1$s;
             UPDATE voucher.entry SET amount = 3, balance = 43 WHERE instrument_id = %2$s AND kind = ''give_back'';
             UPDATE voucher.entry SET balance = 43 WHERE instrument_id = %2$s AND kind = ''unshare'';
             UPDATE voucher.instrument SET balance = 43 WHERE instrument_id = %2$s', :'share', :'d')),
    (format('both ends of a share agree: %s give_back; both ends of a share agree: %s give_back', :'d', :'share'),
     format('UPDATE voucher.entry SET peer_account_id = ''cyn'' WHERE instrument_id = %s AND kind = ''give_back''', :'share')),
    (format('both ends of a share agree: %s draw; both ends of a share agree: %s draw', :'d', :'share'),
     format('UPDATE voucher.entry SET order_id = ''d2'' WHERE instrument_id = %s AND kind = ''draw''', :'share')),
    (format('a share that was ended is cancelled: %s', :'share'),
     format('UPDATE voucher.entry SET peer_account_id = ''ben'', peer_instrument_id = %s WHERE kind = ''unshare''', :'share')),
    (format('what shares draw is what orders take of them: d1 instrument %1$s; what shares draw is what orders take of them: d2 instrument %1$s', :'share'),
     format('UPDATE voucher.entry SET order_id = ''d2'' WHERE instrument_id IN (%s, %s) AND kind = ''give_back''', :'d', :'share')),
    (format('epochs ascend: %s version 3', :'s'), format('UPDATE voucher.entry SET epoch = 1 WHERE instrument_id = %s AND version = 3', :'s')),
    (format('epochs ascend: %s version 4', :'s'), format('UPDATE voucher.entry SET epoch = 1000 WHERE instrument_id = %s AND version = 4', :'s')),
    ('instrument balance = sum of entries: 1000', $$INSERT INTO voucher.entry (account_id, instrument_id, version, kind, uses, used, amount, balance, at) VALUES ('ann', 1000, 1, 'issue', 0, 0, 5, 5, now())$$),
    ('invoiceable = cash - refunds - invoices: o1', $$UPDATE voucher.settlement SET invoiceable = 171 WHERE order_id = 'o1'$$),
    ('invoiceable = cash - refunds - invoices: o1', $$UPDATE voucher.settlement_entry SET amount = -31 WHERE kind = 'refund' AND order_id = 'o1';
                                                      UPDATE voucher.settlement_entry SET refunded_cash = 31, invoiceable = invoiceable OPERATOR(voucher.-) 1 WHERE order_id = 'o1';
                                                      UPDATE voucher.cash_entry SET amount = 31, balance = balance OPERATOR(voucher.+) 1 WHERE kind = 'refund' AND order_id = 'o1';
                                                      UPDATE voucher.cash_entry SET balance = balance OPERATOR(voucher.+) 1 WHERE order_id <> 'o1' AND account_id = 'ann';
                                                      UPDATE voucher.account SET balance = balance OPERATOR(voucher.+) 1 WHERE account_id = 'ann'$$),
    ('invoiceable = cash - refunds - invoices: o2', $$UPDATE voucher.settlement SET invoiceable = 9 WHERE order_id = 'o2'$$),
    ('requests are kept: pay-1', $$DELETE FROM voucher.request$$),
    ('requests are kept: pay-1; requests are kept: pay-1', $$UPDATE voucher.request SET entries = 'entry'$$),
    ('requests are kept: pay-1', $$UPDATE voucher.cash_entry SET request_id = NULL$$),
    ('requests are kept: pay-2', $$INSERT INTO voucher.request (account_id, request_id, entries, key, version) VALUES ('ann', 'pay-2', 'cash_entry', 'CNY', 1)$$),
    ('no balance below zero: USD version 1', $$INSERT INTO voucher.cash_entry (account_id, currency, version, kind, amount, balance, at) VALUES ('ann', 'USD', 1, 'open', -1, -1, now());
                                               INSERT INTO voucher.account (account_id, currency, balance, version) VALUES ('ann', 'USD', -1, 1)$$),
    ('no balance below zero: 1000 version 1', $$INSERT INTO voucher.entry (account_id, instrument_id, version, kind, uses, used, amount, balance, at) VALUES ('ann', 1000, 1, 'issue', 0, 0, -5, -5, now());
                                                INSERT INTO voucher.instrument (account_id, instrument_id, template_id, ordinal, version, currency, face_value, balance, used, validity, issued_at)
                                                SELECT 'ann', 1000, template_id, 2, 1, 'CNY', -5, -5, 0, '(,)', now() FROM voucher.template WHERE name = 'v'$$),
    (format('no more than face value and max_uses: %s', :'v'), format('UPDATE voucher.instrument SET face_value = -1 WHERE instrument_id = %s', :'v')),
    (format('no more than face value and max_uses: %s', :'c'), format('UPDATE voucher.instrument SET max_uses = 0 WHERE instrument_id = %s', :'c')),
    ('cash entry follows from the one before: CNY version 2', $$UPDATE voucher.cash_entry SET balance = 999 WHERE version = 2 AND account_id = 'ann'$$),
    (format('entry follows from the one before: %s version 2', :'v'), format('UPDATE voucher.entry SET balance = 1 WHERE instrument_id = %s AND version = 2', :'v')),
    (format('entry follows from the one before: %s version 2', :'v'), format('UPDATE voucher.entry SET used = 7 WHERE instrument_id = %s AND version = 2', :'v')),
    ('settlement entry follows from the one before: o1 version 2', $$UPDATE voucher.settlement_entry SET invoiceable = 1 WHERE order_id = 'o1' AND version = 2$$),
    ('refunds add up: o1 version 2', $$UPDATE voucher.settlement_entry SET refunded = 47 WHERE order_id = 'o1' AND version = 2$$),
    ('refunds add up: o1 version 2', $$UPDATE voucher.settlement_entry SET refunded_cash = 31 WHERE order_id = 'o1' AND version = 2$$),
    ('gross = discount + rounding + voucher + cash + outstanding: o1', $$UPDATE voucher.settlement SET rounding = 0.01 WHERE order_id = 'o1'$$),
    ('gross = discount + rounding + voucher + cash + outstanding: o1', $$UPDATE voucher.settlement SET rounding = -1, gross = 499, lines[1].amount = 299 WHERE order_id = 'o1'$$),
    ('gross = discount + rounding + voucher + cash + outstanding: b1', $$UPDATE voucher.settlement SET outstanding = outstanding OPERATOR(voucher.+) 1 WHERE order_id = 'b1'$$),
    ('arrears are paid once, and before a refund: b1 version 1; cash entries of an order = its cash: b1', $$UPDATE voucher.settlement_entry SET paid = 2 WHERE kind = 'payment'$$),
    ('arrears are paid once, and before a refund: b1 version 1; refunds add up: b1 version 1', $$UPDATE voucher.settlement_entry SET refunded = 1 WHERE kind = 'payment'$$),
    ('a re-rating took back what entries say: x5; arrears are paid once, and before a refund: r5 version 1; bills of a chain = its last re-rating: r5; what is taken back rises with re-ratings only: r5 version 1', $$UPDATE voucher.settlement_entry SET waived = 9, rerated = 9 WHERE order_id = 'r5'$$),
    ('a re-rating took back what entries say: x2; bills of a chain = its last re-rating: r0; what is taken back comes back after discounts: x1; what is taken back rises with re-ratings only: x1 version 2', $$UPDATE voucher.settlement_entry SET rerated = 9 WHERE order_id = 'x1' AND kind = 'refund'$$),
    ('a re-rating took back what entries say: x2; bills of a chain = its last re-rating: r0; what is taken back comes back after discounts: r0; what is taken back rises with re-ratings only: r0 version 1; what is taken back rises with re-ratings only: r0 version 2', $$UPDATE voucher.settlement_entry SET rerated = 91 WHERE order_id = 'r0'$$),
    ('a re-rating took back what entries say: x5; what is taken back comes back after discounts: r5', $$UPDATE voucher.settlement_entry SET waived = 2 WHERE order_id = 'r5'$$),
    ('a re-rating bills what its lines come to: r0 version 2', $$UPDATE voucher.rerating SET lines[1].amount = 75.01 WHERE rerating_id = 'x2'$$),
    ('a re-rating bills what its lines come to: r0 version 2', $$UPDATE voucher.rerating SET gross = 75.01, lines[1].amount = 75.01 WHERE rerating_id = 'x2'$$),
    ('re-rating follows from the one before: r0 version 3', $$UPDATE voucher.rerating SET version = 3 WHERE rerating_id = 'x2'$$),
    ('a re-rating took back what entries say: x2; re-rating follows from the one before: r0 version 2', $$UPDATE voucher.rerating SET billed_before = 101, taken_back = 26 WHERE rerating_id = 'x2'$$),
    ('a re-rating took back what entries say: x5; bills of a chain = its last re-rating: r5', $$DELETE FROM voucher.rerating WHERE order_id = 'r5'$$),
    ('a re-rating has its supplementary bill: x1; a re-rating took back what entries say: x2; a re-rating took back what entries say: x2; bills of a chain = its last re-rating: x1', $$UPDATE voucher.settlement SET rerates = NULL WHERE order_id = 'x1'$$),
    ('a re-rating took back what entries say: x2', $$UPDATE voucher.rerating SET returned = 1, refunded_cash = 19 WHERE rerating_id = 'x2'$$),
    ('only standing bills are re-rated: r0', $$UPDATE voucher.settlement SET payment_type = 'subscription' WHERE order_id = 'r0'$$),
    ('a re-rating took back what entries say: x5; a re-rating took back what entries say: x5; bills of a chain = its last re-rating: r5; only standing bills are re-rated: x1; re-rating follows from the one before: x1 version 1', $$UPDATE voucher.rerating SET order_id = 'x1' WHERE rerating_id = 'x5'$$),
    ('cash entries of an order = its cash: b1', $$UPDATE voucher.cash_entry SET kind = 'settle' WHERE kind = 'arrears'$$),
    ('gross = sum of lines: o1', $$UPDATE voucher.settlement SET lines[2].amount = 200.01 WHERE order_id = 'o1'$$),
    ('gross = sum of lines: o1', $$UPDATE voucher.settlement SET gross = gross OPERATOR(voucher.+) 1, rounding = 1 WHERE order_id = 'o1'$$),
    (format('sum of shares = part: o1 instrument %s', :'p'), $$UPDATE voucher.settlement SET parts[1].share = '{12,8.01}' WHERE order_id = 'o1'$$),
    (format('sum of shares = part: o1 instrument %s', :'v'), $$UPDATE voucher.settlement SET parts[2].share = '{181,-1}' WHERE order_id = 'o1'$$),
    (format('sum of shares = part: o1 instrument %s', :'v'), $$UPDATE voucher.settlement SET parts[2].share = '{108,72,0}' WHERE order_id = 'o1'$$),
    ('shares <= line: o1 line 2', $$UPDATE voucher.settlement SET lines[1].amount = 499, lines[2].amount = 1, parts[1].share = '{20,0}', parts[2].share = '{178,2}' WHERE order_id = 'o1'$$),
    ('parts = discount and voucher: o1', $$UPDATE voucher.settlement SET discount = 21, voucher = 179 WHERE order_id = 'o1'$$),
    ('policy of a settlement exists: o1', $$UPDATE voucher.settlement SET policy = 'nobody' WHERE order_id = 'o1'$$),
    -- 301 in cash of an order that took 300 from the balance
    ('cash entries of an order = its cash: o1', $$UPDATE voucher.settlement SET cash = 301, gross = 501, lines[1].amount = 301, invoiceable = invoiceable OPERATOR(voucher.+) 1 WHERE order_id = 'o1';
                                                    UPDATE voucher.settlement_entry SET invoiceable = invoiceable OPERATOR(voucher.+) 1 WHERE order_id = 'o1'$$),
    ('cash entries of an order = its cash: o9', $$UPDATE voucher.cash_entry SET order_id = 'o9', kind = 'refund' WHERE kind = 'deposit' AND account_id = 'ann'$$),
    (format('entries of an order = its parts: o2 instrument %s; no balance below zero: %s version 2', :'c', :'c'), format('UPDATE voucher.entry SET amount = -1, balance = -1 WHERE instrument_id = %s AND kind = %L;
                                                                               UPDATE voucher.instrument SET balance = -1 WHERE instrument_id = %s', :'c', 'settle', :'c')),
    (format('entries of an order = its parts: o9 instrument %s; no more returned than paid: o9 instrument %s', :'v', :'v'), format('UPDATE voucher.entry SET order_id = %L, kind = %L WHERE instrument_id = %s AND kind = %L', 'o9', 'settle', :'v', 'issue')),
    (format('no more returned than paid: o3 instrument %s; returned = entries of tenders: o3', :'w'), format('UPDATE voucher.entry SET amount = 60, balance = 60 WHERE instrument_id = %s AND kind = %L;
                                                                               UPDATE voucher.instrument SET balance = 60, face_value = 60 WHERE instrument_id = %s', :'w', 'return', :'w')),
    (format('no more returned than paid: o3 instrument %s', :'w'), format('UPDATE voucher.entry SET uses = -2, used = -1 WHERE instrument_id = %s AND kind = %L;
                                                                               UPDATE voucher.instrument SET used = -1 WHERE instrument_id = %s', :'w', 'return', :'w')),
    ('returned = entries of tenders: o3', $$UPDATE voucher.settlement_entry SET returned = 19 WHERE kind = 'credit'$$),
    ('refunded lines = requested: o3 version 2', $$UPDATE voucher.settlement_entry SET line_amounts = '{39}' WHERE lines IS NOT NULL$$),
    ('no more refunded than a line: o3 line 2', $$UPDATE voucher.settlement SET lines[1].amount = 61, lines[2].amount = 39 WHERE order_id = 'o3'$$),
    ('no more refunded than a line: o3 line 3', $$UPDATE voucher.settlement_entry SET lines = '{3}' WHERE lines IS NOT NULL$$),
    ('a cancel gives back all: o4', $$UPDATE voucher.settlement_entry SET requested = 31, refunded = 31 WHERE kind = 'cancel'$$),
    (format('a gift goes with its order: %s', :'gift'), format('UPDATE voucher.entry SET order_id = %L WHERE instrument_id = %s AND kind = %L', 'o9', :'gift', 'issue')),
    (format('a gift goes with its order: %s', :'gift'), format('DELETE FROM voucher.entry WHERE instrument_id = %s AND kind = %L;
                                                                UPDATE voucher.instrument SET balance = 10, version = 1, cancelled = false WHERE instrument_id = %s', :'gift', 'revoke', :'gift')),
    ('an invoice is in the currency of its orders: i1 order o1', $$UPDATE voucher.invoice SET currency = 'USD' WHERE invoice_id = 'i1'$$),
    ('an invoice is void with all its lines: i5', $$INSERT INTO voucher.settlement_entry (account_id, order_id, version, kind, amount, invoiceable, refunded, refunded_cash, at, invoice_id)
                                                     VALUES ('ann', 'o5', 2, 'void', 5, 5, 0, 0, now(), 'i5');
                                                     UPDATE voucher.settlement SET invoiceable = 5, entry_version = 2 WHERE order_id = 'o5'$$),
    ('no more credited than invoiced: i1 order o3', $$UPDATE voucher.invoice SET credits = 'i1' WHERE invoice_id = 'i4'$$),
    ('no more credited than invoiced: i9 order o3', $$UPDATE voucher.invoice SET credits = 'i9' WHERE invoice_id = 'i4'$$),
    ('first purchases are kept: ecs', $$UPDATE voucher.purchase SET order_id = 'o4'$$),
    ('invoice = sum of its lines: i1', $$UPDATE voucher.invoice SET amount = 101 WHERE invoice_id = 'i1'$$),
    ('invoice = sum of its lines: i9', $$INSERT INTO voucher.invoice (account_id, invoice_id, currency, amount, at) VALUES ('ann', 'i9', 'CNY', 5, now())$$),
    -- the void of i2 is turned into one of i1, whose line is over 100
    ('void takes back an invoice line: i1 order o1', $$UPDATE voucher.settlement_entry SET invoice_id = 'i1' WHERE kind = 'void'$$),
    (format('activated code has its instrument: code of template %s', (SELECT template_id FROM voucher.template WHERE name = 'v')), $$UPDATE voucher.minted_code SET instrument_id = 1000 WHERE account_id IS NOT NULL$$),
    (format('activated code has its instrument: code of template %s', (SELECT template_id FROM voucher.template WHERE name = 'v')), format('UPDATE voucher.minted_code SET instrument_id = %s WHERE account_id IS NOT NULL', :'c')),
    (format('a minting has its codes: %s', :'tree'), format('UPDATE voucher.minting SET count = 3 WHERE minting_id = %s', :'tree')),
    (format('a minting has its codes: %s', :'tree'), format('DELETE FROM voucher.minting WHERE minting_id = %s', :'tree')),
    (format('a minting has its codes: %s; a minting has its codes: %s', :'one', :'tree'), format('UPDATE voucher.minted_code SET minting_id = %s', :'tree')),
    (format('a minting has its codes: %1$s; a minting has its codes: %1$s', :'tree'), format('UPDATE voucher.minting SET template_id = template_id + 1 WHERE minting_id = %s', :'tree')),
    (format('a code that is activated has arrived: code of minting %s', :'one'), $$UPDATE voucher.minting SET request_id = 'r' || minting_id$$),
    (format('a code that is activated has arrived: code of minting %s', :'one'), format('UPDATE voucher.minting SET request_id = ''r'', replaced_at = now() WHERE minting_id = %s', :'one')),
    ('codes of a space are counted: TREE############', $$UPDATE voucher.code_space SET minted = 3$$),
    ('codes of a space are counted: TREE############', $$DELETE FROM voucher.code_space$$),
    ('codes of a space are counted: TREE############', $$UPDATE voucher.minted_code SET space = NULL$$),
    ('codes of a space are counted: SPARE###########', $$INSERT INTO voucher.code_space (space, bits, minted) VALUES ('SPARE###########', 50, 1)$$),
    ('first purchases are kept: ecs', $$DELETE FROM voucher.purchase$$),
    ('first purchases are kept: ecs', $$UPDATE voucher.purchase SET order_id = 'o2'$$),
    ('first purchases are kept: oss', $$INSERT INTO voucher.purchase (account_id, product, order_id) VALUES ('ann', 'oss', 'o2')$$),
    (format('usage of a limit is counted: limit %s from -infinity', :'per_account'), $$UPDATE voucher.account_usage SET used = 2$$),
    (format('usage of a limit is counted: limit %s from -infinity', :'per_account'), $$DELETE FROM voucher.account_usage$$),
    (format('usage of a limit is counted: limit %s from %s', :'total', date_trunc('month', now(), 'UTC')), format('UPDATE voucher.total_usage SET amount = 199.99 WHERE limit_id = %s', :'total')),
    (format('usage of a limit is counted: limit %s from %s', :'total', date_trunc('month', now(), 'UTC')), format('UPDATE voucher.total_usage SET used = 1 WHERE limit_id = %s', :'total')),
    (format('usage of a limit is counted: limit %s from %s', :'total', '2000-01-01'::timestamptz), format('INSERT INTO voucher.total_usage VALUES (%s, %L, 1, 0)', :'total', '2000-01-01')),
    ('unresolved holds are counted: CNY', $$UPDATE voucher.account SET holds = 0 WHERE account_id = 'kim'$$),
    ('a hold adds up: h2 version 1', $$UPDATE voucher.hold SET rounding = 1 WHERE order_id = 'h2'$$),
    ('a hold adds up: h2 version 1', $$UPDATE voucher.hold SET lines[1].amount = 21 WHERE order_id = 'h2'$$),
    ('a hold adds up: h2 version 1', $$UPDATE voucher.hold SET parts[1].paid = 21 WHERE order_id = 'h2'$$),
    ('a captured hold is settled: h2 version 1; a captured hold is settled: h2 version 2', $$UPDATE voucher.settlement SET hold = 2 WHERE order_id = 'h2'$$),
    ('a captured hold is settled: h2 version 1', $$UPDATE voucher.hold SET resolution = 'released' WHERE order_id = 'h2'$$),
    (format('what is held of a limit is kept: limit %s, h1 version 1', :'held_limit'),
     $$UPDATE voucher.hold SET gross = 30, voucher = 30, lines[1].amount = 30, parts[1].paid = 30 WHERE order_id = 'h1'$$),
    (format('what is held of a limit is kept: limit %s, h1 version 1', :'held_limit'), $$UPDATE voucher.held_usage SET amount = 11$$),
    (format('holds of a limit are counted: limit %s from -infinity; what is held of a limit is kept: limit %s, h1 version 1', :'held_limit', :'held_limit'), $$DELETE FROM voucher.held_usage$$),
    (format('holds of a limit are counted: limit %s from -infinity', :'held_limit'), $$UPDATE voucher.total_usage SET held = 2 WHERE held = 1$$),
    ('no more than per_account: v', $$UPDATE voucher.template SET per_account = 1 WHERE name = 'v';
                                      INSERT INTO voucher.entry (account_id, instrument_id, version, kind, uses, used, amount, balance, at) VALUES ('ann', 1000, 1, 'issue', 0, 0, 5, 5, now());
                                      INSERT INTO voucher.instrument (account_id, instrument_id, template_id, ordinal, version, currency, face_value, balance, used, validity, issued_at)
                                      SELECT 'ann', 1000, template_id, 2, 1, 'CNY', 5, 5, 0, '(,)', now() FROM voucher.template WHERE name = 'v'$$);

SELECT is(pg_temp.broken_by(statement), reported, 'check reports ' || reported) FROM corruption;

-- A rule that no corruption above breaks would never have been seen to fail.
SELECT is_empty($$
    SELECT r[1] FROM regexp_matches((SELECT prosrc FROM pg_proc WHERE oid = 'voucher.check'::regproc), 'SELECT ''([^'']+)''', 'g') AS r
    EXCEPT SELECT split_part(r, ': ', 1) FROM corruption CROSS JOIN regexp_split_to_table(reported, '; ') AS r$$, 'every rule of check is broken here at least once');
SELECT is((SELECT count(*) FROM regexp_matches((SELECT prosrc FROM pg_proc WHERE oid = 'voucher.check'::regproc), 'SELECT ''([^'']+)''', 'g')), 59::bigint,
          'and these are all of its rules');
SELECT is_empty('SELECT * FROM voucher.check()', 'sound again');

-- What is sound must not be named: a limit that counts no amounts, of which more than an
-- amount holds was issued and used, and is held
SELECT voucher.create_template('vast', 'voucher', 'CNY', face_value => 90000000000), voucher.create_template('free', 'coupon', 'CNY', discount_rate => 1, uses => 9) \g /dev/null
SELECT voucher.create_limit('vast', max_count => 9, counts => 'issue'), voucher.create_limit('vast', max_count => 9), voucher.create_limit('free', max_count => 9) \g /dev/null
SELECT voucher.grant('ann', 'vast'), voucher.grant('ann', 'vast'), voucher.grant('ann', 'vast'), voucher.grant('ann', 'vast'), voucher.grant('ann', 'free') \g /dev/null
SELECT voucher.settle('ann', 'vast 1', 'ecs', 'upgrade', 90000000000, coupon => 'none'), voucher.settle('ann', 'vast 2', 'ecs', 'upgrade', 90000000000, coupon => 'none'),
       voucher.settle('ann', 'free 1', 'ecs', 'upgrade', 90000000000), voucher.settle('ann', 'free 2', 'ecs', 'upgrade', 90000000000),
       voucher.reserve('ann', 'vast 3', 'ecs', 'upgrade', 90000000000, coupon => 'none'), voucher.reserve('ann', 'vast 4', 'ecs', 'upgrade', 90000000000, coupon => 'none') \g /dev/null
SELECT is((SELECT count(*) FROM voucher.settlement WHERE order_id ~ '^(vast|free)' AND cash OPERATOR(voucher.=) 0), 4::bigint, 'all of it without cash');
SELECT is_empty('SELECT * FROM voucher.check()', 'no sum of check leaves the range of an amount');
-- What came back when the currency had more decimals: half of 5.55 is 2.775, half up 2.78
SELECT voucher.open_account('eve', 'USD'), voucher.deposit('eve', 100), voucher.create_template('half', 'coupon', 'USD', discount_rate => 0.5, uses => 9) \g /dev/null
SELECT voucher.grant('eve', 'half') \g /dev/null
SELECT voucher.settle('eve', 'b1', 'ecs', 'usage', 11.10, payment_type => 'pay_as_you_go'), voucher.settle('eve', 'b2', 'ecs', 'usage', 10.55, payment_type => 'pay_as_you_go', coupon => 'none') \g /dev/null
SELECT voucher.rerate('eve', 'b1', 'r1', ARRAY[voucher.line('ecs', 'usage', 5.55)]), voucher.rerate('eve', 'b2', 'r2', ARRAY[voucher.line('ecs', 'usage', 5.21)]) \g /dev/null
SELECT is((SELECT array_agg(requested ORDER BY order_id)::text FROM voucher.settlement_entry WHERE account_id = 'eve' AND rerating_id IS NOT NULL AND kind = 'refund'), '{2.78,5.34}', 'what came back');
UPDATE voucher.currency SET minor_digits = 0 WHERE currency = 'USD';
SELECT is_empty('SELECT * FROM voucher.check()', 'it stays right in whole units');
SELECT voucher.rerate('eve', 'b1', 'r3', ARRAY[voucher.line('ecs', 'usage', 3)]), voucher.rerate('eve', 'b2', 'r4', ARRAY[voucher.line('ecs', 'usage', 3)]) \g /dev/null
SELECT is_empty('SELECT * FROM voucher.check()', 'and so do further re-ratings');
SELECT * FROM finish();
ROLLBACK;
