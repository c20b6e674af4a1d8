-- `make demo`: the whole life of vouchers, coupons and promo codes, told as a
-- story.  Every call is shown above its answer.  All dates are fixed and no
-- secret code is printed, so that the regression test "story" can play it too.
\set ON_ERROR_STOP on
\set QUIET on
\set ECHO none
\pset pager off
\pset footer off
\pset border 2
\pset linestyle unicode
\pset null ''
SET client_min_messages = warning;
SET TimeZone = 'Asia/Shanghai';
SET DateStyle = 'ISO';
SET IntervalStyle = 'postgres';
CREATE EXTENSION IF NOT EXISTS voucher;
-- so that amounts can be added, compared and negated like numbers
SET search_path = public, voucher;

-- What a call that must fail says; a call that succeeds ends the story.
CREATE FUNCTION pg_temp.refused(call text) RETURNS TABLE (refused text)
    LANGUAGE plpgsql AS $$
DECLARE
    message text;
    detail  text;
BEGIN
    BEGIN
        EXECUTE call;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
        RETURN QUERY VALUES (format('ERROR %s: %s', SQLSTATE, message));
        RETURN QUERY SELECT detail WHERE detail <> '';
        RETURN;
    END;
    RAISE EXCEPTION 'not refused: %', call;
END
$$;

\echo ''
\echo '════ 1. The shop ═════════════════════════════════════════════════════════════════════════════════════'
\echo ''
\echo 'What is sold. A voucher for everything (*) pays for nothing that is not universal: no domains, here.'
DO $$
BEGIN
    PERFORM voucher.register_product(product, title)
    FROM (VALUES ('ecs', 'Elastic Compute Service'), ('oss', 'Object Storage Service'),
                 ('rds', 'Relational Database Service'), ('mail', 'Enterprise mail'),
                 ('security.managed', 'Managed security'), ('security.manager', 'Security manager'),
                 ('waf', 'Web application firewall'), ('mobile-security', 'Mobile security'),
                 ('anti-ddos', 'Anti-DDoS IP'), ('hosting', 'Web hosting')) AS p (product, title);
    PERFORM voucher.register_product('domain.com', '.com domain', universal => false);
END
$$;
SELECT product, title, universal FROM voucher.product ORDER BY product;

\echo ''
\echo 'A template is a rule: what a voucher is worth, what it pays for, and when.'
\echo ''
\set ECHO queries
SELECT voucher.create_template('spring-200', 'voucher', 'CNY', face_value => 200, scope => 'ecs, rds',
                               valid => '[2026-03-01, 2026-07-01)') AS template_id;
\set ECHO none
DO $$
BEGIN
    PERFORM voucher.create_template('gift-100', 'voucher', 'CNY', face_value => 100, valid_for => '90 days');
    PERFORM voucher.create_template('mail-50', 'voucher', 'CNY', face_value => 50, scope => 'mail');
    PERFORM voucher.create_template('renewal-30', 'voucher', 'CNY', face_value => 30, scope => '*:renewal');
    PERFORM voucher.create_template('spend-1000', 'voucher', 'CNY', face_value => 250, threshold => 1000);
    PERFORM voucher.create_template('winter-20', 'voucher', 'CNY', face_value => 20,
                                    valid => '[2026-01-01, 2026-03-01)');
    PERFORM voucher.create_template('hello', 'promo_code', 'CNY', discount_rate => 0.1, maximum => 40,
                                    scope => '*:purchase', promo_code => 'HELLO-10');
    PERFORM voucher.open_account(account, 'CNY', at => '2026-02-01'),
            voucher.deposit(account, 2000, at => '2026-02-01')
    FROM unnest('{zhao,qian,sun}'::text[]) AS account;
END
$$;
\echo '… and six more:'
SELECT name, kind, face_value AS face, round(discount_rate, 2) AS rate, maximum, threshold, scope, promo_code
FROM voucher.template ORDER BY template_id;

\echo ''
\echo '════ 2. A voucher comes by grant, or as a number that is verified and activated ══════════════════════'
\echo ''
\echo 'Designated: straight into the account of Zhao, usable at once.'
\echo ''
\set ECHO queries
SELECT voucher.grant('zhao', 'spring-200', at => '2026-03-01') AS voucher;
\set ECHO none
\echo 'Not designated: a number that whoever receives it activates. It is shown this once and never kept.'
\echo ''
SELECT code, left(code::text, -1) || CASE right(code::text, 1) WHEN '0' THEN '1' ELSE '0' END AS mistyped
FROM voucher.mint('gift-100', 1) AS code \gset
\echo 'SELECT voucher.mint(''gift-100'', 1);'
SELECT regexp_replace(:'code', '[^-]', '•', 'g') AS mint;
\echo 'First verify it: what is it good for?'
\echo ''
\echo 'SELECT status, template, face_value, scope, valid_for FROM voucher.verify(:code);'
SELECT status, template, face_value, scope, valid_for FROM voucher.verify(:'code', at => '2026-03-01');
\echo 'A typing mistake is caught by the last symbol, before anything is looked up:'
\echo ''
SELECT * FROM pg_temp.refused(format('SELECT voucher.verify(%L)', :'mistyped'));
\echo 'Then activate it. Only now can it pay, for 90 days from today.'
\echo ''
\echo 'SELECT voucher.activate(''zhao'', :code, at => ''2026-03-02'');'
SELECT voucher.activate('zhao', :'code', at => '2026-03-02') AS voucher;
\echo 'It is nobody else''s now:'
\echo ''
SELECT * FROM pg_temp.refused(format('SELECT voucher.activate(%L, %L)', 'qian', :'code'));

DO $$
BEGIN
    PERFORM voucher.grant('zhao', template, at => '2026-02-01')
    FROM unnest('{mail-50,renewal-30,spend-1000,winter-20}'::text[]) AS template;
END
$$;
\echo 'Four more were granted before. What Zhao holds:'
\echo ''
\set ECHO queries
SELECT instrument_id AS id, template, status, face_value AS face, balance,
       effective_at::date AS effective, expires_at::date AS expires, products, order_types
FROM voucher.list('zhao', at => '2026-03-05');
\set ECHO none

\echo ''
\echo '════ 3. The payment page: a new ECS instance for 500 ═════════════════════════════════════════════════'
\echo ''
\echo 'What fits is offered, the largest first. What does not fit says why.'
\echo ''
\set ECHO queries
SELECT rank, template, pays, COALESCE(detail, reason) AS why
FROM voucher.match('zhao', 'ecs', 'purchase', 500, at => '2026-03-05');
\set ECHO none
\echo 'One voucher per order: the largest by itself, another by name, or none.'
\echo ''
\set ECHO queries
SELECT choice, gross, voucher, cash
FROM unnest('{auto,2,none}'::text[]) AS choice,
     voucher.quote('zhao', 'ecs', 'purchase', 500, voucher => choice, at => '2026-03-05');
\set ECHO none
\echo 'Pay: the voucher gives 200, the cash balance the other 300.'
\echo ''
\set ECHO queries
SELECT order_id, gross, voucher, cash, invoiceable
FROM voucher.settle('zhao', 'order-1', 'ecs', 'purchase', 500, at => '2026-03-05');
\set ECHO none
\echo 'Paying again by mistake pays nothing: same order, same answer. A different order needs its own id.'
\echo ''
\set ECHO queries
SELECT order_id, gross, voucher, cash
FROM voucher.settle('zhao', 'order-1', 'ecs', 'purchase', 500, at => '2026-03-05');
SELECT * FROM pg_temp.refused($$SELECT voucher.settle('zhao', 'order-1', 'ecs', 'purchase', 501)$$);
\set ECHO none

\echo ''
\echo '════ 4. Refunded after three days: 300 in cash, and the 200 are gone ═════════════════════════════════'
\echo ''
\set ECHO queries
SELECT order_id, requested, -amount AS cash_back, invoiceable
FROM voucher.refund('zhao', 'order-1', request_id => 'refund-1', at => '2026-03-08');
SELECT at::date, ledger, template, kind, order_id, amount, balance
FROM voucher.statement('zhao', since => '2026-03-01');
SELECT template, status, face_value AS face, balance
FROM voucher.list('zhao', status => 'exhausted', at => '2026-03-08');
\set ECHO none

\echo ''
\echo '════ 5. A balance is used until it is empty: renewal and upgrade ═════════════════════════════════════'
\echo ''
\echo 'The gift of 100 renews storage for 60, then upgrades it for 90: its last 40, and 50 in cash.'
\echo ''
\set ECHO queries
SELECT order_id, gross, voucher, cash
FROM voucher.settle('zhao', 'order-2', 'oss', 'renewal', 60, at => '2026-04-01');
SELECT order_id, gross, voucher, cash
FROM voucher.settle('zhao', 'order-3', 'oss', 'upgrade', 90, at => '2026-04-02');
SELECT at::date, kind, order_id, amount, balance
FROM voucher.statement('zhao', instrument_id => 2);
\set ECHO none

\echo ''
\echo '════ 6. Only cash is invoiced ════════════════════════════════════════════════════════════════════════'
\echo ''
\echo 'Qian buys the same instance with the same voucher, and asks for an invoice over all of it.'
\echo ''
DO $$
BEGIN
    PERFORM voucher.grant('qian', 'spring-200', at => '2026-03-01');
END
$$;
\set ECHO queries
SELECT order_id, gross, voucher, cash, invoiceable
FROM voucher.settle('qian', 'order-4', 'ecs', 'purchase', 500, at => '2026-03-05');
SELECT * FROM pg_temp.refused($$SELECT voucher.issue_invoice('qian', 'invoice-1', 'order-4', 500)$$);
SELECT invoice_id, currency, amount FROM voucher.issue_invoice('qian', 'invoice-1', 'order-4', at => '2026-03-06');
\set ECHO none
\echo 'A refund after the invoice leaves the invoice too high. That is not lost: −300 until it is voided.'
\echo ''
\set ECHO queries
SELECT order_id, -amount AS cash_back, invoiceable
FROM voucher.refund('qian', 'order-4', request_id => 'refund-4', at => '2026-03-07');
SELECT invoice_id, amount FROM voucher.void_invoice('qian', 'invoice-1', 'refunded', at => '2026-03-07');
SELECT order_id, cash, invoiceable FROM voucher.settlement WHERE account_id = 'qian';
\set ECHO none

\echo ''
\echo '════ 7. Lucky coupons: a bundle in one click ═════════════════════════════════════════════════════════'
\echo ''
\echo 'Eight coupons, each for its own product: its first purchase or an upgrade, 30 days from the claim.'
\echo 'The campaign is for invited accounts.'
\echo ''
DO $$
BEGIN
    PERFORM voucher.create_campaign('lucky', 'Lucky coupons', claimable => '[2026-03-01, 2026-04-01)');
    PERFORM voucher.create_template('lucky-' || replace(product, '.', '-'), 'coupon', 'CNY',
                                    discount_rate => rate, scope => (product || ':purchase|upgrade')::voucher.scope,
                                    first_purchase => true, min_duration => period, per_account => 1,
                                    campaign => 'lucky', audience => 'invited', valid_for => '30 days')
    FROM (VALUES (1, 'ecs', 0.25, '1 year'::interval), (2, 'security.managed', 0.15, NULL), (3, 'waf', 0.2, NULL),
                 (4, 'mobile-security', 0.2, NULL), (5, 'security.manager', 0.15, NULL),
                 (6, 'anti-ddos', 0.1, '3 months'), (7, 'hosting', 0.3, '1 year'),
                 (8, 'domain.com', 0.05, NULL)) AS c (place, product, rate, period);
    PERFORM voucher.grant('sun', 'spring-200', at => '2026-03-01');
END
$$;
\set ECHO queries
SELECT * FROM pg_temp.refused($$SELECT voucher.claim('sun', 'lucky', at => '2026-03-10')$$);
SELECT voucher.invite('sun', 'lucky');
SELECT * FROM voucher.claim('sun', 'lucky', at => '2026-03-10');
SELECT * FROM pg_temp.refused($$SELECT voucher.claim('sun', 'lucky', at => '2026-03-11')$$);
SELECT template, round(discount_rate, 2) AS rate, status, expires_at::date AS expires, scope
FROM voucher.list('sun', at => '2026-03-10') WHERE kind = 'coupon';
\set ECHO none

\echo ''
\echo '════ 8. Coupon, promo code and voucher: one of each ══════════════════════════════════════════════════'
\echo ''
\echo 'Sun buys an ECS instance for a year, 1000, and types in HELLO-10. What fits:'
\echo ''
\set ECHO queries
SELECT kind, template, pays
FROM voucher.match('sun', 'ecs', 'purchase', 1000, '1 year', promo_code => 'hello10', at => '2026-03-12')
WHERE applies;
\set ECHO none
\echo 'The coupon takes 25 % off 1000, the promo code 10 % off the 750 left but never above 40, the voucher'
\echo 'pays 200 of the 710 due, and cash the rest.'
\echo ''
\set ECHO queries
SELECT order_id, gross, discount, voucher, cash
FROM voucher.settle('sun', 'order-5', 'ecs', 'purchase', 1000, '1 year', promo_code => 'hello10',
                    at => '2026-03-12');
SELECT part, kind, template, paid FROM voucher.settlement_part WHERE order_id = 'order-5' ORDER BY part;
\set ECHO none
\echo 'A lucky coupon is for the first purchase. Sun bought a WAF at full price; the coupon does not buy a second'
\echo 'one and does not renew the first, but it does upgrade it.'
\echo ''
\set ECHO queries
SELECT order_id, gross, discount, cash
FROM voucher.settle('sun', 'order-6', 'waf', 'purchase', 100, coupon => 'none', at => '2026-03-13');
SELECT order_type, applies, pays, reason, detail
FROM unnest('{purchase,renewal,upgrade}'::text[]) AS order_type,
     voucher.match('sun', 'waf', order_type, 100, at => '2026-03-14')
WHERE template = 'lucky-waf';
\set ECHO none

\echo ''
\echo '════ 9. Voucher management ═══════════════════════════════════════════════════════════════════════════'
\echo ''
\echo 'By status. Time decides: nothing has to run for a coupon to expire.'
\echo ''
\set ECHO queries
SELECT date, status, count(*)
FROM unnest('{2026-03-20,2026-04-20}'::date[]) AS date, voucher.list('sun', at => date) WHERE kind = 'coupon'
GROUP BY date, status ORDER BY date, status;
SELECT template, status, balance, expires_at::date AS expires
FROM voucher.list('zhao', status => 'exhausted', at => '2026-04-20');
\set ECHO none
\echo 'By when they became effective:'
\echo ''
\set ECHO queries
SELECT template, status, balance, effective_at::date AS effective, expires_at::date AS expires
FROM voucher.list('zhao', effective => '[2026-03-02, 2026-04-01)', at => '2026-04-20');
\set ECHO none

\echo ''
\echo '════ 10. Your own orders table ═══════════════════════════════════════════════════════════════════════'
\echo ''
\echo 'A trigger settles each order in the INSERT that stores it: both happen, or neither.'
\echo ''
\set ECHO queries
CREATE TEMP TABLE orders (id text PRIMARY KEY, customer text, item text, action text, price numeric,
                          placed timestamptz);
CREATE TRIGGER settle AFTER INSERT ON orders FOR EACH ROW
    EXECUTE FUNCTION voucher.settle_order('order_id=id', 'account_id=customer', 'product=item',
                                          'order_type=action', 'amount=price', 'at=placed');
INSERT INTO orders VALUES ('order-7', 'zhao', 'mail', 'purchase', 80, '2026-05-01');
SELECT id, item, price, s.voucher, s.cash FROM orders JOIN voucher.settlement AS s ON s.order_id = orders.id;
SELECT * FROM pg_temp.refused($$INSERT INTO orders VALUES ('order-8', 'zhao', 'rds', 'purchase', 9999)$$);
SELECT id AS orders_kept FROM orders;
\set ECHO none

\echo ''
\echo '════ 11. The books ═══════════════════════════════════════════════════════════════════════════════════'
\echo ''
\echo 'Cash in, cash out, cash back, and what is left:'
\echo ''
\set ECHO queries
SELECT account_id, sum(amount) FILTER (WHERE kind = 'deposit') AS deposited,
       sum(amount) FILTER (WHERE kind = 'settle') AS spent, sum(amount) FILTER (WHERE kind = 'refund') AS refunded,
       (SELECT balance FROM voucher.account AS a WHERE a.account_id = e.account_id) AS balance
FROM voucher.cash_entry AS e GROUP BY account_id ORDER BY account_id;
\set ECHO none
\echo 'And whatever else must hold: check reads everything and reports what does not. No row is good news.'
\echo ''
\set ECHO queries
SELECT * FROM voucher.check();
\set ECHO none
