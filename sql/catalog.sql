--
-- catalog: currencies, order types, products, campaigns and invitations
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

-- Decimals of the minor unit (ISO 4217)
SELECT minor_digits, count(*) AS currencies, pg_catalog.min(currency) AS first
FROM voucher.currency GROUP BY minor_digits ORDER BY minor_digits;
SELECT currency, minor_digits FROM voucher.currency WHERE currency IN ('JPY', 'CNY', 'KWD') ORDER BY minor_digits;
SELECT order_type FROM voucher.order_type ORDER BY order_type;

-- Products: registering one again changes it; without a title the old one stays
SELECT voucher.register_product('ecs');
SELECT voucher.register_product('ecs', 'Elastic Compute Service');
SELECT voucher.register_product('ecs', universal => true);
SELECT voucher.register_product('market', 'Marketplace', universal => false);
SELECT product, title, universal FROM voucher.product ORDER BY product;
\set VERBOSITY terse
SELECT voucher.register_product('ECS');
SELECT voucher.register_product('ecs..g7');
SELECT voucher.register_product('');
\set VERBOSITY default
SELECT count(*) FROM voucher.product;

-- A line's product is one of them or lies below one; a change of the catalogue
-- is seen at once
SELECT voucher.open_account('alice', 'CNY', at => '2026-01-01');
SELECT (voucher.quote('alice', 'ecs.g7.large', 'purchase', 80, at => '2026-01-01')).cash;
SELECT (voucher.quote('alice', 'ecsx', 'purchase', 80, at => '2026-01-01')).cash;
SELECT (voucher.quote('alice', 'oss', 'purchase', 80, at => '2026-01-01')).cash;
SELECT voucher.register_product('oss');
SELECT (voucher.quote('alice', 'oss', 'purchase', 80, at => '2026-01-01')).cash;
SELECT (voucher.quote('alice', 'oss', 'resize', 80, at => '2026-01-01')).cash;
INSERT INTO voucher.order_type (order_type) VALUES ('resize');
SELECT (voucher.quote('alice', 'oss', 'resize', 80, at => '2026-01-01')).cash;

-- A universal voucher covers neither what is marked as not universal nor what
-- lies below it, until the mark is taken away
SELECT voucher.create_template('any 100', 'voucher', 'CNY', face_value => 100);
SELECT voucher.grant('alice', 'any 100', at => '2026-01-01');
SELECT applies, pays, reason, detail FROM voucher.match('alice', 'ecs', 'purchase', 80, at => '2026-01-01');
SELECT applies, pays, reason, detail FROM voucher.match('alice', 'market.app', 'purchase', 80, at => '2026-01-01');
SELECT voucher.register_product('market.app', universal => true);
SELECT applies, pays, reason FROM voucher.match('alice', 'market.app', 'purchase', 80, at => '2026-01-01');
SELECT voucher.register_product('market', universal => true);
SELECT applies, pays, reason FROM voucher.match('alice', 'market.app', 'purchase', 80, at => '2026-01-01');
SELECT product, title, universal FROM voucher.product WHERE product LIKE 'market%' ORDER BY product;
-- Who last changed it stays, if another call changes nothing
SELECT voucher.register_product('market', 'Market', reason => 'renamed', actor => 'ann');
SELECT voucher.register_product('market', reason => 'again', actor => 'ben');
SELECT title, universal, reason, actor FROM voucher.product WHERE product = 'market';

-- A currency of one's own
SELECT voucher.open_account('alice', 'XTS', at => '2026-01-01');
INSERT INTO voucher.currency (currency, minor_digits) VALUES ('XTS', 4);
SELECT voucher.open_account('alice', 'XTS', at => '2026-01-01');
SELECT voucher.deposit('alice', '0.0001', 'XTS', at => '2026-01-01');
\set VERBOSITY terse
INSERT INTO voucher.currency (currency, minor_digits) VALUES ('xts', 4);
INSERT INTO voucher.currency (currency, minor_digits) VALUES ('XXX', 9);
\set VERBOSITY default
-- What is shipped is replaced, if it is not in use; what one writes is one's own
INSERT INTO voucher.currency (currency, minor_digits, shipped) VALUES ('IDR', 0, true);
UPDATE voucher.currency SET minor_digits = 0 WHERE currency = 'TWD';
INSERT INTO voucher.order_type (order_type, shipped) VALUES ('renewal', true), ('exchange', true);
SELECT currency, minor_digits, shipped FROM voucher.currency WHERE currency IN ('IDR', 'TWD', 'KRW') ORDER BY currency;
SELECT order_type FROM voucher.order_type WHERE NOT shipped ORDER BY order_type;
INSERT INTO voucher.currency (currency, minor_digits) VALUES ('CNY', 3);
INSERT INTO voucher.currency (currency, minor_digits) VALUES ('CNY', 3) ON CONFLICT DO NOTHING;
-- Decimals go, but do not come once there are accounts
UPDATE voucher.currency SET minor_digits = 3 WHERE currency = 'CNY';
UPDATE voucher.currency SET minor_digits = 3 WHERE currency = 'TWD';

-- Campaigns are claimable in a half-open range
SELECT voucher.create_campaign('spring', 'Spring sale', '[2026-03-01, 2026-04-01)', 'season', 'ann');
SELECT voucher.create_campaign('always');
\set VERBOSITY terse
SELECT voucher.create_campaign('closed', claimable => '[2026-03-01, 2026-04-01]');
SELECT voucher.create_campaign('open', claimable => '(2026-03-01, 2026-04-01)');
SELECT voucher.create_campaign('empty', claimable => 'empty');
SELECT voucher.create_campaign('');
SELECT voucher.create_campaign(NULL);
\set VERBOSITY default
SELECT campaign, title, claimable, reason, actor FROM voucher.campaign ORDER BY campaign;

-- A campaign's name is its key: the same again changes nothing, another body is
-- refused, and what is compared is what it is now
SELECT voucher.create_campaign('spring', 'Spring sale', '[2026-03-01 00:00+00, 2026-04-01)', 'again', 'ben');
SELECT voucher.create_campaign('spring', 'Spring', '[2026-03-01, 2026-04-01)');
\echo :SQLSTATE
SELECT voucher.create_campaign('spring', claimable => '[2026-03-01, 2026-04-01)');
SELECT voucher.create_campaign('always', claimable => '[2026-03-01,)');
UPDATE voucher.campaign SET claimable = '[2026-03-01, 2026-04-15)' WHERE campaign = 'spring';
SELECT voucher.create_campaign('spring', 'Spring sale', '[2026-03-01, 2026-04-01)');
SELECT voucher.create_campaign('spring', 'Spring sale', '[2026-03-01, 2026-04-15)');
SELECT reason, actor FROM voucher.campaign WHERE campaign = 'spring';

-- Inviting twice changes nothing
SELECT voucher.invite('alice', 'spring', 'a friend of ours', 'ann');
SELECT voucher.invite('alice', 'spring', 'again', 'ben');
SELECT voucher.invite('alice', 'autumn');
\echo :SQLSTATE
SELECT voucher.invite('', 'spring');
\echo :SQLSTATE
SELECT account_id, campaign, reason, actor FROM voucher.invitation;

-- Promo codes: case and separators do not matter, letters outside ASCII stay
SELECT typed, voucher.normalize_promo_code(typed)
FROM (VALUES ('SPRING10'), (' spring-10 '), ('Sp_ri.ng 10'), ('-'), (''), ('grün 5')) AS t(typed);

SELECT * FROM voucher.check();
