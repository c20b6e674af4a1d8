-- A database that has something of everything, made where the extension is new.
-- Comments work out what the tests rely on (test/lib/Everything.pm).
INSERT INTO voucher.currency (currency, minor_digits) VALUES ('XTS', 4);
INSERT INTO voucher.order_type (order_type) VALUES ('exchange');
SELECT voucher.register_product('ecs', 'Elastic Compute Service');
SELECT voucher.register_product('ecs.g7', E'back\\slash\ttab\nline "quoted" ''too''');
SELECT voucher.register_product('oss');
SELECT voucher.register_product('sms', universal => false);
SELECT voucher.create_campaign('spring', '春天', '[2020-01-01,2100-01-01)');
SELECT voucher.create_campaign($$o'brien "2"$$);
SELECT voucher.invite('acme', 'spring');
SELECT voucher.invite(E'\\N', $$o'brien "2"$$);

SELECT voucher.create_template('gift', 'voucher', 'CNY', face_value => 200);
SELECT voucher.create_template('dated', 'voucher', 'USD', face_value => 100, scope => 'ecs:purchase|exchange',
    valid => '[2020-01-01,2100-01-01)', valid_for => '30 years 2 mons', time_zone => 'Asia/Shanghai');
SELECT voucher.create_template('yen', 'voucher', 'JPY', face_value => 5000, payment_type => 'pay_as_you_go');
SELECT voucher.create_template('test', 'voucher', 'XTS', face_value => 1.2345, uses => 3);
SELECT voucher.create_template(E'name ''with'' "odd" \\ characters\n', 'coupon', 'CNY', discount_rate => 0.25, maximum => 50,
    threshold => 100, first_purchase => true, campaign => 'spring', per_account => 1);
SELECT voucher.create_template('invited', 'coupon', 'CNY', face_value => 8, campaign => 'spring', audience => 'invited',
    min_duration => '1 mon', max_duration => '1 year', scope => 'ecs, oss, !ecs.g7');
SELECT voucher.create_template('lowers', 'voucher', 'CNY', face_value => 1, effect => 'reduction', threshold => 3, threshold_after => true,
    threshold_strict => true, priority => 7, excludes => '{coupon,promo_code}');
INSERT INTO voucher.policy (policy, vouchers_per_order, sort, charges) VALUES ('ours', 2, '{priority_asc,balance_asc}', '{amount_asc}');
INSERT INTO voucher.default_policy VALUES ('pay_as_you_go', 'ours'), ('subscription', 'largest');
SELECT voucher.create_template('word', 'promo_code', 'CNY', discount_rate => 0.1, promo_code => 'save-10');

-- limits; one is lowered below what is used
SELECT voucher.create_limit('gift', max_count => 100, max_amount => 10000, counts => 'issue');
SELECT voucher.create_limit('word', max_count => 5, per => 'account', period => 'month', time_zone => 'Asia/Shanghai');
SELECT voucher.create_limit(campaign => 'spring', max_amount => 1000, request_id => 'spring cap', reason => E'it''s\tenough', actor => 'ops');

-- account ids that COPY, SQL and shells read in ways of their own
SELECT voucher.open_account(a, c), voucher.deposit(a, d, c, request_id => 'paid in ' || c)
FROM (VALUES ('acme', 'CNY', 1000), ('acme', 'USD', 500), ('acme', 'XTS', 9.8765), (E'\\N', 'CNY', 1000), (E'tab\t"quote"'' \\ line\n', 'CNY', 1000),
             ('代金券', 'JPY', 10000), ('NULL', 'CNY', 1000), (' ', 'CNY', 1000)) AS v (a, c, d);
SELECT voucher.open_account('idle', 'KWD');
INSERT INTO voucher.purchase (account_id, product) VALUES ('acme', 'sms');

SELECT voucher.grant('acme', 'gift', request_id => 'g1', reason => E'it''s a \\gift');
SELECT voucher.grant('acme', 'gift', 20);
SELECT voucher.grant('acme', 'dated');
SELECT voucher.grant('acme', 'test');
SELECT voucher.claim('acme', 'spring', 'claim 1');
SELECT voucher.grant('代金券', 'yen');
SELECT voucher.grant(a, 'gift') FROM (VALUES (E'\\N'), (E'tab\t"quote"'' \\ line\n'), ('NULL'), (' ')) AS v (a);
-- frozen, and frozen and thawed
SELECT voucher.freeze('NULL', instrument_id, 'asked for') FROM voucher.instrument WHERE account_id = 'NULL';
SELECT voucher.freeze(' ', instrument_id), voucher.unfreeze(' ', instrument_id) FROM voucher.instrument WHERE account_id = ' ';
-- transferred, split, merged, prolonged twice, taken back and revoked
SELECT voucher.open_account('giver', 'CNY'), voucher.open_account('taker', 'CNY');
SELECT voucher.create_template('passed on', 'voucher', 'CNY', face_value => 30, valid => '[2020-01-01,2100-01-01)', transferable => true, per_account => 3);
SELECT voucher.grant('giver', 'passed on') AS a, voucher.grant('giver', 'passed on') AS b, voucher.grant('giver', 'passed on') AS c \gset
SELECT voucher.transfer('giver', :a, 'taker', 'pass', E'it''s\tyours', 'giver') AS a \gset
SELECT voucher.extend('giver', :b, '2100-02-01', 'prolong'), voucher.extend('giver', :b, '2100-03-01'), voucher.extend('taker', :a, '2100-02-01');
SELECT array_agg(part) AS parts FROM voucher.split('giver', :b, '{10,5}', 'divide', actor => 'ops') AS part \gset
SELECT voucher.merge('giver', :'parts', 'unite');
SELECT voucher.reclaim('giver', :b, 'take'), voucher.revoke('giver', :c, 'away', 'fraud', 'risk');

-- the seed's example: 500 = voucher 200 + cash 300; refunded in parts, invoiced, voided, invoiced
SELECT voucher.settle(E'\\N', 'o1', 'oss', 'renewal', 500);
SELECT voucher.issue_invoice(E'\\N', 'i''1', 'o1', 100);
SELECT voucher.refund(E'\\N', 'o1', 33.33, 'r1', 'too much');
SELECT voucher.void_invoice(E'\\N', 'i''1', 'wrong name');
SELECT voucher.issue_invoice(E'\\N', 'i2', 'o1', 250);
SELECT voucher.refund(E'\\N', 'o1', 100);

-- first purchases with a coupon and a promo code, on several lines
SELECT voucher.settle('acme', $$o'1$$, currency => 'CNY', promo_code => 'SAVE 10', lines => ARRAY[
    voucher.line('ecs.g7.large', 'purchase', 150.55, '1 mon'), voucher.line('oss', 'purchase', 20, NULL, 7, 'cn-hangzhou', '{"team": "a\"b"}')]);
SELECT voucher.settle('acme', 'o2', 'ecs', 'exchange', 12.34, currency => 'CNY', coupon => 'none');
SELECT voucher.settle('acme', 'o3', 'ecs', 'exchange', 130, currency => 'USD');
SELECT voucher.settle('acme', 'o4', 'sms', 'renewal', 0.00019999, currency => 'XTS', voucher => 'none');
SELECT voucher.settle('acme', 'o5', 'ecs', 'renewal', 0.5, currency => 'XTS');
SELECT voucher.settle('acme', 'o6', 'ecs', 'renewal', 90, voucher => 'not 1', currency => 'CNY', policy => 'openmeter');
SELECT voucher.settle('代金券', '订单', 'ecs', 'usage', 1234, payment_type => 'pay_as_you_go');
SELECT voucher.settle(E'tab\t"quote"'' \\ line\n', E'order\t\\N', 'ecs', 'purchase', 700);

-- cancelled: a gift given with it is revoked, the purchase is handed on from x6 to x7
SELECT voucher.create_template('back', 'voucher', 'USD', face_value => 20, refund_policy => 'return_within', refund_within => '1 month', scope => 'ecs:upgrade, oss:purchase');
SELECT voucher.register_product('rds');
SELECT voucher.grant('acme', 'back');
SELECT voucher.settle('acme', o, 'rds.mysql', 'purchase', 40, currency => 'USD', voucher => 'none') FROM unnest('{x6,x7}'::text[]) AS o;
SELECT voucher.grant('acme', 'back', 5, order_id => 'x6');
SELECT voucher.cancel('acme', 'x6', 'c6', 'not delivered');
-- by line: 30 + 30 = voucher 20 + cash 40; invoiced with x7, line 2 refunded,
-- 20 credited; half of line 1 refunded, 10 netted on an invoice with o3
SELECT voucher.settle('acme', 'x8', currency => 'USD', voucher => (SELECT min(instrument_id)::text FROM voucher.instrument JOIN voucher.template USING (template_id) WHERE name = 'back'), lines => ARRAY[
    voucher.line('ecs', 'upgrade', 30), voucher.line('ecs', 'upgrade', 30)]);
SELECT voucher.issue_invoice('acme', 'i7', order_ids => '{x7,x8}');
SELECT voucher.refund('acme', 'x8', lines => '{2}', request_id => 'r8');
SELECT voucher.issue_credit_invoice('acme', 'i8', 'i7', reason => 'line 2 refunded');
SELECT voucher.refund('acme', 'x8', lines => '{1}', line_amounts => '{15}');
SELECT voucher.issue_invoice('acme', 'i9', order_ids => '{o3,x8}');
SELECT voucher.refund('acme', 'x7', consumed => 12.5);

-- bills that the cash does not cover: 20 paid of 34 in two parts and invoiced;
-- paid in full and refunded; and not paid at all
SELECT voucher.open_account('behind', 'CNY'), voucher.deposit('behind', 66);
SELECT voucher.settle('behind', o, 'ecs', 'usage', p, payment_type => 'pay_as_you_go', arrears => true) FROM (VALUES ('a1', 100), ('a2', 7), ('a3', 5)) AS v (o, p);
SELECT voucher.deposit('behind', 27);
SELECT voucher.pay_arrears('behind', 'a1', 12, 'pay a1', 'first part');
SELECT voucher.issue_invoice('behind', 'i10', 'a1');
SELECT voucher.pay_arrears('behind', 'a1', 8), voucher.pay_arrears('behind', 'a2');
SELECT voucher.refund('behind', 'a2', 3);

-- re-rated: 60 = voucher 20 + cash 30 + outstanding 10; up by 5 of cash to 65, of
-- 65.009; down to 40: 5 of up, 10 waived and 10 refunded, of which 10 * 20 / 50 = 4
-- go back to the voucher and 6 to cash; and by less than a cent. An order of
-- which all is taken back loses its gift.
SELECT voucher.open_account('rated', 'CNY'), voucher.deposit('rated', 30);
SELECT voucher.create_template('rates', 'voucher', 'CNY', face_value => 20, refund_policy => 'return_if_undelivered');
SELECT voucher.grant('rated', 'rates');
SELECT voucher.settle('rated', 'first', 'ecs', 'usage', 60, payment_type => 'pay_as_you_go', arrears => true);
SELECT voucher.settle('rated', 'none', 'ecs', 'usage', 3, payment_type => 'pay_as_you_go', arrears => true);
SELECT voucher.deposit('rated', 5);
SELECT voucher.rerate('rated', 'first', 'up', ARRAY[voucher.line('ecs', 'usage', 60), voucher.line('oss', 'usage', 5.009, tags => '{"a": "b"}')], 'it''s more', 'ops', policy => 'aws');
SELECT voucher.rerate('rated', 'first', 'down', ARRAY[voucher.line('ecs', 'usage', 40)]);
SELECT voucher.rerate('rated', 'first', 'by little', ARRAY[voucher.line('ecs', 'usage', 40.009)]);
SELECT voucher.grant('rated', 'rates', 1, order_id => 'none'), voucher.rerate('rated', 'none', 'nothing', ARRAY[voucher.line('ecs', 'usage', 0)]);

CREATE TABLE secret AS SELECT c, row_number() OVER () AS n
FROM voucher.mint('gift', 5, 77, '2099-01-01', E'batch\\1') AS c;
SELECT voucher.activate('acme', c) FROM secret WHERE n <= 2;
-- 35 random bits: 32 codes, of which one is left
CREATE TABLE patterned AS SELECT c::voucher.code FROM voucher.mint_pattern('gift', 31, 'SPRING-26-####-####', batch => 'patterned') AS c;

-- one reminder is handed out, of what expires in about thirty years
SELECT voucher.grant('acme', 'dated');
SELECT instrument_id FROM voucher.take_expiring('100 years', 1, 'job');

UPDATE voucher.usage_limit SET max_amount = 1 WHERE campaign = 'spring';

-- shared: of 100, b draws 60, of which 24 go back, and c's share is ended
SELECT voucher.create_template('pool', 'voucher', 'CNY', face_value => 100, shareable => true, refund_policy => 'prorata');
SELECT voucher.open_account(a, 'CNY') FROM unnest('{share a,share b,share c}'::text[]) AS a;
SELECT voucher.share('share a', pool, 'share b', 'shared', 'team', 'a'), voucher.share('share a', pool, 'share c') FROM voucher.grant('share a', 'pool') AS pool;
SELECT voucher.settle('share b', 'drawn', 'ecs', 'renewal', 60);
SELECT voucher.refund('share b', 'drawn', 24);
SELECT voucher.unshare('share a', instrument_id, 'share c') FROM voucher.instrument WHERE account_id = 'share a';
-- reserved: captured, released, and one that is not resolved, of a limit, with a promo code and a first purchase
SELECT voucher.reserve('acme', 'held ' || n, 'ecs', 'renewal', 2 * n, currency => 'CNY', hold_for => '100 years') FROM generate_series(1, 2) AS n;
SELECT voucher.capture('acme', 'held 1'), voucher.release('acme', 'held 2', E'it''s \\over', 'test');
SELECT voucher.open_account('holder', 'CNY');
SELECT voucher.grant('holder', 'gift');
SELECT voucher.reserve('holder', 'held 3', 'oss', 'purchase', 20, promo_code => 'save-10', hold_for => '100 years', actor => E'\\N');

-- shipped rows that are somebody's own now
UPDATE voucher.currency SET minor_digits = 0 WHERE currency = 'IDR';
DELETE FROM voucher.order_type WHERE order_type = 'os_change';
INSERT INTO voucher.order_type (order_type) VALUES ('os_change');

-- wrong codes, and how many there may be
INSERT INTO voucher.attempt_budget VALUES ('client', 5, '2 days');
INSERT INTO voucher.attempt (account_id, client, at) VALUES ('acme', E'it''s \\N', now()), (NULL, '代金券', now());
SELECT setval('voucher.attempt_uncounted_seq', 86400000000);

-- who sees what
INSERT INTO voucher.customer (account_id, role_name) VALUES ('acme', E'it''s \\ a role');

-- many versions, and on disk in another order than they were written
SELECT voucher.settle('acme', 'many ' || n, 'ecs', 'renewal', 1 + n / 100.0, currency => 'CNY') FROM generate_series(1, 30) AS n;
SELECT voucher.refund('acme', 'many 30', 0.1) FROM generate_series(1, 5);
CREATE INDEX backward_cash ON voucher.cash_entry (version DESC);
CREATE INDEX backward_entry ON voucher.entry (version DESC);
CREATE INDEX backward_settlement_entry ON voucher.settlement_entry (version DESC);
CREATE INDEX backward_settlement ON voucher.settlement (order_id DESC);
CLUSTER voucher.cash_entry USING backward_cash;
CLUSTER voucher.entry USING backward_entry;
CLUSTER voucher.settlement_entry USING backward_settlement_entry;
CLUSTER voucher.settlement USING backward_settlement;
DROP INDEX voucher.backward_cash, voucher.backward_entry, voucher.backward_settlement_entry, voucher.backward_settlement;
