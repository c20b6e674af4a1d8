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
SELECT * FROM voucher.product ORDER BY product;
SELECT voucher.register_product('ECS');
SELECT voucher.register_product('ecs..g7');
SELECT voucher.register_product('');
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
SELECT * FROM voucher.product WHERE product LIKE 'market%' ORDER BY product;

-- A currency of one's own
SELECT voucher.open_account('alice', 'XTS', at => '2026-01-01');
INSERT INTO voucher.currency (currency, minor_digits) VALUES ('XTS', 4);
SELECT voucher.open_account('alice', 'XTS', at => '2026-01-01');
SELECT voucher.deposit('alice', '0.0001', 'XTS', at => '2026-01-01');
INSERT INTO voucher.currency (currency, minor_digits) VALUES ('xts', 4);
INSERT INTO voucher.currency (currency, minor_digits) VALUES ('XXX', 9);

-- Campaigns are claimable in a half-open range
SELECT voucher.create_campaign('spring', 'Spring sale', '[2026-03-01, 2026-04-01)');
SELECT voucher.create_campaign('always');
SELECT voucher.create_campaign('always');
SELECT voucher.create_campaign('closed', claimable => '[2026-03-01, 2026-04-01]');
SELECT voucher.create_campaign('open', claimable => '(2026-03-01, 2026-04-01)');
SELECT voucher.create_campaign('empty', claimable => 'empty');
SELECT voucher.create_campaign('');
SELECT * FROM voucher.campaign ORDER BY campaign;

-- Inviting twice changes nothing
SELECT voucher.invite('alice', 'spring');
SELECT voucher.invite('alice', 'spring');
SELECT voucher.invite('alice', 'autumn');
\echo :SQLSTATE
SELECT voucher.invite('', 'spring');
\echo :SQLSTATE
SELECT account_id, campaign FROM voucher.invitation;

-- Promo codes: case and separators do not matter, letters outside ASCII stay
SELECT typed, voucher.normalize_promo_code(typed)
FROM (VALUES ('SPRING10'), (' spring-10 '), ('Sp_ri.ng 10'), ('-'), (''), ('grün 5')) AS t(typed);

SELECT * FROM voucher.check();
