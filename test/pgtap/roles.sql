-- Roles: every function and table as every role, and what somebody with evil in
-- mind would try as each of them.
\set QUIET 1
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;
SELECT plan(47);

-- ---------------------------------------------------------------------------
-- A member of each role, one of none, and the accounts of two customers
-- ---------------------------------------------------------------------------

CREATE ROLE nobody;
CREATE ROLE reader IN ROLE voucher_reader;
CREATE ROLE cashier IN ROLE voucher_cashier;
CREATE ROLE issuer IN ROLE voucher_issuer;
CREATE ROLE auditor IN ROLE voucher_auditor;
CREATE ROLE administrator IN ROLE voucher_administrator;
CREATE ROLE customer IN ROLE voucher_customer;
CREATE ROLE "Ben's" IN ROLE voucher_customer;
CREATE TEMP TABLE role AS SELECT unnest('{nobody,reader,cashier,issuer,auditor,administrator,customer}'::text[]) AS name;

SELECT voucher.register_product('ecs'), voucher.create_campaign('spring') \g /dev/null
SELECT voucher.create_template('gift', 'voucher', 'CNY', face_value => 50, refund_policy => 'prorata', transferable => true, shareable => true, campaign => 'spring', per_account => 99, valid => '(,2090-01-01)') \g /dev/null
SELECT voucher.create_template('word', 'promo_code', 'CNY', face_value => 5, promo_code => 'WORD'), voucher.create_template('unseen', 'voucher', 'CNY', face_value => 1) \g /dev/null
SELECT voucher.create_limit('gift', max_count => 1000) \g /dev/null
SELECT voucher.open_account(a, 'CNY'), voucher.deposit(a, 1000) FROM unnest('{ann,ben}'::text[]) AS a \g /dev/null
SELECT voucher.grant('ann', 'gift', request_id => 'key') AS g, voucher.grant('ann', 'gift') AS s, voucher.grant('ann', 'gift') AS f \gset
SELECT code FROM voucher.mint('gift', 1, batch => 'b') AS code \gset
SELECT voucher.share('ann', :s, 'ben') AS share \gset
SELECT voucher.settle('ann', 'o1', 'ecs', 'renewal', 70, voucher => :'g', promo_code => 'word'), voucher.grant('ben', 'gift'), voucher.settle('ben', 'o1', 'ecs', 'renewal', 70) \g /dev/null
SELECT voucher.grant('ben', 'gift') AS b \gset
SELECT voucher.settle('ann', 'bill', 'ecs', 'usage', 2000, payment_type => 'pay_as_you_go', arrears => true, voucher => 'none'), voucher.deposit('ann', 1000) \g /dev/null
SELECT voucher.settle('ann', 'o2', 'ecs', 'renewal', 10, voucher => 'none'), voucher.issue_invoice('ann', 'i1', 'o1'), voucher.reserve('ann', 'held', 'ecs', 'renewal', 20, voucher => 'none') \g /dev/null
SELECT voucher.refund('ann', 'o1', 5), voucher.freeze('ann', :f) \g /dev/null
INSERT INTO voucher.customer VALUES ('ann', 'customer'), ('ben', 'Ben''s');
CREATE TABLE shop_order (customer text, id text, product text, type text, price numeric);
CREATE TRIGGER settle AFTER INSERT ON shop_order FOR EACH ROW
    EXECUTE FUNCTION voucher.settle_order('account_id=customer', 'order_id=id', 'product=product', 'order_type=type', 'amount=price');
GRANT INSERT ON shop_order TO nobody;

-- What a statement ends in as a role: done or the SQLSTATE.  It is undone.
CREATE FUNCTION pg_temp.attempt(role text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text;
BEGIN
    PERFORM set_config('role', role, true);
    EXECUTE statement;
    RAISE EXCEPTION USING ERRCODE = 'DONE0';
EXCEPTION WHEN OTHERS THEN
    RETURN CASE SQLSTATE WHEN 'DONE0' THEN 'done' ELSE SQLSTATE END;
END $$;

-- ---------------------------------------------------------------------------
-- Every function, as every role
-- ---------------------------------------------------------------------------

-- A role's functions are those of the roles that it is a member of, too
CREATE TEMP TABLE may AS SELECT * FROM (VALUES
    ('reader', '{reader,cashier,issuer,auditor,administrator}'::text[]),
    ('reader and customer', '{reader,cashier,issuer,auditor,administrator,customer}'),
    ('cashier', '{cashier,administrator}'),
    ('issuer', '{issuer,administrator}'),
    ('issuer and auditor', '{issuer,auditor,administrator}'),
    ('auditor', '{auditor,administrator}'),
    ('administrator', '{administrator}'),
    ('nobody', '{}')) AS m (who, roles);

CREATE TEMP TABLE call (who text, function text, arguments text);
INSERT INTO call VALUES
    ('reader', 'match', $$'ann', 'ecs', 'renewal', 10$$),
    ('reader', 'explain', $$'ann', 'ecs', 'renewal', 10$$),
    ('reader', 'quote', $$'ann', 'ecs', 'renewal', 10$$),
    ('reader and customer', 'list', $$'ann'$$),
    ('reader and customer', 'held', $$'ann', 1$$),
    ('reader and customer', 'statement', $$'ann'$$),
    ('reader and customer', 'arrears', $$'ann'$$),
    ('reader and customer', 'invoice_candidates', $$'ann'$$),
    ('reader', 'balance_at', $$'ann', 'CNY', now()$$),
    ('reader', 'status_at', $$'ann', $$ || :g || $$, now()$$),
    ('reader', 'explain_at', $$'ann', 'o1'$$),
    ('cashier', 'open_account', $$'ann', 'USD'$$),
    ('cashier', 'deposit', $$'ann', 1$$),
    ('cashier', 'reserve', $$'ann', 'new', 'ecs', 'renewal', 10$$),
    ('cashier', 'capture', $$'ann', 'held'$$),
    ('cashier', 'release', $$'ann', 'held'$$),
    ('cashier', 'settle', $$'ann', 'new', 'ecs', 'renewal', 10$$),
    ('cashier', 'cancel', $$'ann', 'o2'$$),
    ('cashier', 'pay_arrears', $$'ann', 'bill', 1$$),
    ('cashier', 'rerate', $$'ann', 'bill', 'r', ARRAY[voucher.line('ecs', 'usage', 1999)]$$),
    ('cashier', 'refund', $$'ann', 'o1', 1$$),
    ('cashier', 'issue_invoice', $$'ann', 'i2', 'o2'$$),
    ('cashier', 'issue_credit_invoice', $$'ann', 'i2', 'i1'$$),
    ('cashier', 'void_invoice', $$'ann', 'i1'$$),
    ('cashier', 'verify', quote_literal(:'code')),
    ('cashier', 'activate', $$'ann', $$ || quote_literal(:'code')),
    ('cashier', 'claim', $$'ann', 'spring'$$),
    ('issuer', 'grant', $$'ann', 'gift'$$),
    ('issuer', 'new_code', ''),
    ('issuer', 'mint', $$'gift', 1$$),
    ('issuer', 'mint_pattern', $$'gift', 1, 'NEW-'$$),
    ('issuer and auditor', 'mint_report', $$'b'$$),
    ('issuer', 'invite', $$'ann', 'spring'$$),
    ('issuer', 'freeze', $$'ann', $$ || :g),
    ('issuer', 'unfreeze', $$'ann', $$ || :f),
    ('issuer', 'reclaim', $$'ann', $$ || :f),
    ('issuer', 'revoke', $$'ann', $$ || :f),
    ('issuer', 'extend', $$'ann', $$ || :f || $$, '2099-01-01'$$),
    ('issuer', 'transfer', $$'ben', $$ || :b || $$, 'ann'$$),
    ('issuer', 'split', $$'ben', $$ || :b || $$, '{1}'$$),
    ('issuer', 'merge', $$'ann', ARRAY[voucher.grant('ann', 'gift'), voucher.grant('ann', 'gift')]$$),
    ('issuer', 'share', $$'ben', $$ || :b || $$, 'ann'$$),
    ('issuer', 'unshare', $$'ann', $$ || :s || $$, 'ben'$$),
    ('issuer', 'take_expiring', $$'1 day'$$),
    ('nobody', 'keep_reminding', $$'job', '1 day', 1, now(), NULL$$),
    ('issuer and auditor', 'expiring', $$'1 day'$$),
    ('auditor', 'check', ''),
    ('auditor', 'expiry_month', $$now()$$),
    ('auditor', 'stored_value', ''),
    ('auditor', 'stored_value_of', ''),
    ('auditor', 'liability', ''),
    ('auditor', 'breakage', ''),
    ('auditor', 'redemption', ''),
    ('administrator', 'register_product', $$'oss'$$),
    ('administrator', 'create_campaign', $$'summer'$$),
    ('administrator', 'create_template', $$'new', 'voucher', 'CNY', face_value => 5$$),
    ('administrator', 'create_limit', $$'word', max_count => 5$$);
SELECT set_eq($$SELECT p.proname::text FROM pg_proc AS p WHERE p.pronamespace = 'voucher'::regnamespace AND p.provolatile <> 'i' AND p.prorettype <> 'trigger'::regtype$$,
              'SELECT function FROM call', 'every function but those that only compute is called');
SELECT is_empty($$SELECT c.function, r.name, a.found FROM call AS c JOIN may AS m USING (who) CROSS JOIN role AS r
                  CROSS JOIN pg_temp.attempt(r.name, format('SELECT count(*) FROM voucher.%I(%s)', c.function, c.arguments)) AS a (found)
                  WHERE a.found <> CASE WHEN r.name = ANY (m.roles) THEN 'done' ELSE '42501' END$$, 'as each role, and only those do it that may');
SELECT is(pg_temp.attempt('customer', $$SELECT voucher.sum(0.1::voucher.amount), voucher.round(voucher.max(0.125::voucher.amount), 2), 'ecs:renewal'::text OPERATOR(voucher.<@) '*'::voucher.scope$$), 'done', 'types are for all members');
SELECT is(pg_temp.attempt('nobody', $$SELECT 1::voucher.amount$$), '42501', 'and for nobody else');

-- ---------------------------------------------------------------------------
-- Every table, as every role
-- ---------------------------------------------------------------------------

CREATE TEMP TABLE privilege AS
    SELECT c.relname::text AS relation, r.name AS role, string_agg(p, ' ' ORDER BY p COLLATE "C") AS may
    FROM pg_class AS c CROSS JOIN role AS r CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS p
    WHERE c.relnamespace = 'voucher'::regnamespace AND c.relkind IN ('r', 'v')
      AND (has_table_privilege(r.name, c.oid, p) OR p IN ('INSERT', 'UPDATE') AND has_any_column_privilege(r.name, c.oid, p)) GROUP BY 1, 2;
-- and not all columns
SELECT set_eq($$SELECT r.name, a.attname::text FROM role AS r, pg_attribute AS a WHERE a.attrelid IN ('voucher.minted_code'::regclass, 'voucher.template'::regclass)
                    AND a.attname IN ('digest', 'promo_code') AND has_any_column_privilege(r.name, a.attrelid, 'SELECT') AND NOT has_column_privilege(r.name, a.attrelid, a.attnum, 'SELECT')$$,
              $$VALUES ('issuer', 'digest'), ('auditor', 'digest'), ('administrator', 'digest'), ('customer', 'promo_code')$$, 'nobody reads digests, nor a customer promo codes');
SELECT set_eq($$SELECT relation FROM privilege WHERE may <> 'SELECT' AND role = 'administrator'$$,
              '{attempt_budget,campaign,currency,customer,default_policy,order_type,policy,product,purchase,template,usage_limit}'::text[], 'an administrator writes the catalogue');
SELECT is_empty($$SELECT * FROM privilege WHERE may <> 'SELECT' AND role <> 'administrator'$$, 'nobody else writes a table');
SELECT is_empty($$SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'voucher'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname <> 'customer'
                  AND c.relname <> 'minted_code' AND NOT EXISTS (SELECT FROM privilege AS p WHERE p.relation = c.relname AND p.role = 'auditor')$$, 'an auditor reads every table');
SELECT set_eq($$SELECT attname::text FROM pg_attribute WHERE attrelid = 'voucher.minted_code'::regclass AND attnum > 0 AND NOT has_column_privilege('auditor', attrelid, attnum, 'SELECT')$$,
              '{digest}'::text[], 'and of minted codes all but the digest');
SELECT set_eq($$SELECT relation FROM privilege WHERE role = 'auditor' EXCEPT SELECT relation FROM privilege WHERE role = 'reader'$$,
              '{code_space,minting}'::text[], 'a reader all but the codes');
SELECT is_empty($$SELECT * FROM privilege WHERE role = 'nobody'$$, 'nobody none');
SELECT is_empty($$SELECT c.relname, r.name FROM pg_class AS c CROSS JOIN role AS r WHERE c.relnamespace = 'voucher'::regnamespace AND c.relkind = 'S'
                  AND has_sequence_privilege(r.name, c.oid, 'USAGE,SELECT,UPDATE')$$, 'no role touches a sequence');
-- what is granted is what happens
SELECT is_empty($$SELECT r.name, s FROM role AS r CROSS JOIN unnest(ARRAY[
        'UPDATE voucher.account SET balance = 1000000', 'DELETE FROM voucher.entry', 'TRUNCATE voucher.settlement CASCADE',
        'INSERT INTO voucher.cash_entry (account_id, currency, version, kind, amount, balance, at) VALUES (''ann'', ''CNY'', 99, ''deposit'', 1, 1, now())',
        'ALTER TABLE voucher.entry DISABLE TRIGGER ALL', 'ALTER TABLE voucher.instrument DISABLE ROW LEVEL SECURITY', 'DROP TABLE voucher.reminder',
        'CREATE TRIGGER evil AFTER UPDATE ON voucher.account FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
        'CREATE RULE evil AS ON UPDATE TO voucher.account DO INSTEAD NOTHING', 'CREATE FUNCTION voucher.evil() RETURNS int LANGUAGE sql RETURN 1',
        'CREATE OR REPLACE FUNCTION voucher.held(text, bigint, timestamptz) RETURNS voucher.amount LANGUAGE sql RETURN NULL',
        'SELECT nextval(''voucher.instrument_instrument_id_seq'')', 'SET session_replication_role = replica',
        'SELECT digest FROM voucher.minted_code', 'LOCK voucher.reminding IN ROW EXCLUSIVE MODE',
        'INSERT INTO voucher.purchase VALUES (''ben'', ''oss'', ''o1'')', 'INSERT INTO voucher.usage_limit (campaign, max_count) VALUES (''spring'', 0)', 'UPDATE voucher.template SET face_value = 1000000']) AS s
    WHERE pg_temp.attempt(r.name, s) <> '42501'$$, 'the books stand to nobody''s hand');
SELECT is_empty($$SELECT s, pg_temp.attempt('administrator', s) FROM unnest(ARRAY[
        $s$INSERT INTO voucher.currency VALUES ('XTS', 3)$s$, $s$UPDATE voucher.product SET title = 'ECS'$s$, $s$DELETE FROM voucher.order_type WHERE order_type = 'usage' AND false$s$,
        $s$DELETE FROM voucher.template WHERE name = 'unused'$s$, $s$UPDATE voucher.usage_limit SET max_count = 3000, reason = 'sold well'$s$,
        $s$INSERT INTO voucher.default_policy VALUES ('subscription', 'alibaba')$s$, $s$INSERT INTO voucher.purchase (account_id, product) VALUES ('ben', 'oss')$s$,
        $s$INSERT INTO voucher.customer VALUES ('ann', 'x')$s$]) AS s WHERE pg_temp.attempt('administrator', s) <> 'done'$$, 'an administrator does what is granted');

-- What a customer guesses of others' rows, no plan, count or estimate tells it
CREATE FUNCTION pg_temp.explained(relation text, condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    plan text := '';
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (ANALYZE, BUFFERS OFF, TIMING OFF, SUMMARY OFF) SELECT 1 FROM voucher.%I WHERE %s', relation, condition) LOOP
        plan := plan || regexp_replace(line, 'Filter: .*', 'Filter') || E'\n';
    END LOOP;
    RETURN plan;
END$$;
SELECT voucher.create_template('other word', 'promo_code', 'CNY', face_value => 5, promo_code => 'OTHER') \g /dev/null
SELECT voucher.open_account('guess ' || n, 'CNY'), voucher.deposit('guess ' || n, 100, reason => 'word') FROM generate_series(1, 30) AS n \g /dev/null
SELECT voucher.settle('guess ' || n, 'o', 'ecs', 'renewal', 10, promo_code => 'other') FROM generate_series(1, 30) AS n \g /dev/null
ANALYZE voucher.account, voucher.cash_entry, voucher.settlement;
SET ROLE customer;
SELECT is(pg_temp.explained(relation, yes), pg_temp.explained(relation, no), format('as little of %s by %s', relation, yes)) FROM (VALUES
    ('account', $$account_id = 'guess 7' AND balance OPERATOR(voucher.>) 1$$, $$account_id = 'guess 7' AND balance OPERATOR(voucher.>) 100000$$),
    ('settlement', $$promo_code = 'OTHER'$$, $$promo_code = 'OTTER'$$), ('settlement', $$promo_code BETWEEN 'O' AND 'P'$$, $$promo_code BETWEEN 'P' AND 'Q'$$),
    ('cash_entry', $$reason = 'word'$$, $$reason = 'ward'$$)) AS v (relation, yes, no);
RESET ROLE;
SELECT is(pg_temp.attempt('customer', 'SELECT ' || a || ' FROM voucher.' || t), '42501', format('nor does %s.%s', t, a)) FROM (VALUES ('settlement', 'shares'), ('settlement', 'limits'), ('hold', 'limits')) AS v (t, a);

-- ---------------------------------------------------------------------------
-- What the roles are
-- ---------------------------------------------------------------------------

SELECT is_empty($$SELECT * FROM pg_roles WHERE rolname LIKE 'voucher\_%' AND (rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)$$, 'no role logs in or has an attribute');
SELECT is((SELECT count(*) FROM pg_auth_members WHERE 'voucher_owner'::regrole IN (roleid, member)), 0::bigint, 'the owner has no members and is none');
SELECT is_empty($$SELECT name FROM role WHERE pg_has_role(name, 'voucher_owner', 'MEMBER') OR name <> 'Ben''s' AND pg_has_role(name, 'Ben''s', 'MEMBER')$$, 'nobody can become it, nor another customer');
SELECT is_empty($$SELECT a.object FROM (
        SELECT oid::regprocedure::text AS object, aclexplode(COALESCE(proacl, acldefault('f', proowner))) AS acl FROM pg_proc WHERE pronamespace = 'voucher'::regnamespace
        UNION ALL SELECT oid::regtype::text, aclexplode(COALESCE(typacl, acldefault('T', typowner))) FROM pg_type WHERE typnamespace = 'voucher'::regnamespace AND typelem = 0
        UNION ALL SELECT oid::regclass::text, aclexplode(relacl) FROM pg_class WHERE relnamespace = 'voucher'::regnamespace
        UNION ALL SELECT attrelid::regclass::text, aclexplode(attacl) FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid WHERE relnamespace = 'voucher'::regnamespace
        UNION ALL SELECT 'schema', aclexplode(nspacl) FROM pg_namespace WHERE nspname = 'voucher') AS a
    WHERE (a.acl).grantee = 0$$, 'nothing is granted to PUBLIC');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'voucher'::regnamespace AND prosecdef
                  AND (proowner <> 'voucher_owner'::regrole OR proconfig IS DISTINCT FROM '{"search_path=pg_catalog, pg_temp"}')$$, 'what runs as its owner is voucher_owner''s, with its search_path pinned');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'voucher'::regnamespace AND proowner = 'voucher_owner'::regrole AND NOT prosecdef$$, 'and it owns no other');
SELECT is_empty($$SELECT oid::regclass FROM pg_class WHERE relnamespace = 'voucher'::regnamespace AND relkind IN ('r', 'v', 'S') AND relowner <> 'voucher_owner'::regrole$$, 'but all tables, views and sequences');
SELECT is_empty($$SELECT oid::regclass FROM pg_class WHERE relnamespace = 'voucher'::regnamespace AND relkind = 'v' AND 'security_invoker=true' <> ALL (COALESCE(reloptions, '{}'))$$, 'views ask who reads them');
SELECT is_empty($$SELECT DISTINCT attrelid::regclass FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
                  WHERE relnamespace = 'voucher'::regnamespace AND relkind = 'r' AND NOT relrowsecurity AND attname = 'account_id' AND relname <> 'minted_code'$$, 'every table of accounts has row-level security');

-- ---------------------------------------------------------------------------
-- A customer sees its own account
-- ---------------------------------------------------------------------------

-- Relations in which a role sees rows of other accounts than these
CREATE FUNCTION pg_temp.foreign_rows(role text, accounts text[], OUT relation text, OUT rows bigint) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('role', role, true);
    FOR relation IN SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'voucher'::regnamespace AND c.relkind IN ('r', 'v')
                    AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'account_id') AND has_table_privilege(c.oid, 'SELECT') LOOP
        EXECUTE format('SELECT count(*) FROM voucher.%I WHERE account_id <> ALL ($1)', relation) INTO rows USING accounts;
        CONTINUE WHEN rows = 0;
        RETURN NEXT;
    END LOOP;
    RESET ROLE;
END $$;
-- Of how many accounts it sees something in the tables and views
CREATE FUNCTION pg_temp.seen(role text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    relation text;
    account text;
    result text[] := '{}';
BEGIN
    PERFORM set_config('role', role, true);
    FOREACH relation IN ARRAY '{account,cash_entry,instrument,entry,settlement,settlement_entry,vouchers,settlement_line,settlement_part}'::text[] LOOP
        FOR account IN EXECUTE format('SELECT DISTINCT account_id FROM voucher.%I ORDER BY 1', relation) LOOP
            result := result || (relation || ' ' || account);
        END LOOP;
    END LOOP;
    RESET ROLE;
    RETURN array_to_string(result, ', ');
END $$;
SELECT is_empty($$SELECT * FROM pg_temp.foreign_rows('customer', '{ann}')$$, 'no table or view shows a customer another account');
SELECT is(pg_temp.seen('customer'), 'account ann, cash_entry ann, instrument ann, entry ann, settlement ann, settlement_entry ann, vouchers ann, settlement_line ann, settlement_part ann', 'but its own');
SELECT is(pg_temp.seen('Ben''s'), 'account ben, cash_entry ben, instrument ben, entry ben, settlement ben, vouchers ben, settlement_line ben, settlement_part ben', 'whatever its name');
SELECT isnt_empty($$SELECT * FROM pg_temp.foreign_rows('reader', '{ann}')$$, 'a reader sees all');
SET LOCAL ROLE customer;
SELECT (SELECT count(*) FROM voucher.statement('ben')) + (SELECT count(*) FROM voucher.list('ben')) + (SELECT count(*) FROM voucher.invoice_candidates('ben')) AS foreign_rows,
       (SELECT count(*) FROM voucher.statement('ann')) > 5 AND (SELECT count(*) FROM voucher.list('ann')) > 3 AS own_rows,
       (SELECT array_agg(name ORDER BY name) FROM voucher.template) AS templates \gset
RESET ROLE;
SELECT is(:foreign_rows::bigint, 0::bigint, 'nor does a function');
SELECT ok(:'own_rows', 'which shows its own');
SELECT is(:'templates'::text, '{gift,word}', 'of templates those it has something of');
SELECT is(pg_temp.attempt('customer', 'SELECT promo_code FROM voucher.template'), '42501', 'not the words to type in');
-- a condition of its own is not asked of others' rows
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$BEGIN IF $1 = 'ben' THEN RAISE 'leaked'; END IF; RETURN true; END $$;
SELECT is(pg_temp.attempt('customer', 'SELECT count(*) FROM voucher.vouchers WHERE pg_temp.leak(account_id)'), 'done', 'no condition sees others'' rows');
SELECT is(pg_temp.attempt('customer', $$INSERT INTO voucher.customer VALUES ('ben', 'customer')$$), '42501', 'a customer cannot make an account its own');

-- ---------------------------------------------------------------------------
-- Evil names: functions, operators and tables that would be taken for others
-- ---------------------------------------------------------------------------

CREATE SCHEMA evil AUTHORIZATION administrator;
GRANT ALL ON SCHEMA evil TO PUBLIC;
CREATE FUNCTION evil.trap() RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped as %', current_user USING ERRCODE = 'EVIL0'; END $$;
-- every function of pg_catalog that the extension might call, with the same arguments, and every operator of common types
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result
             FROM pg_proc AS p
             WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND NOT p.proretset AND p.provariadic = 0
               AND p.proname IN ('now', 'lower', 'upper', 'length', 'repeat', 'cardinality', 'array_length', 'translate', 'date_trunc', 'timezone', 'format', 'encode', 'octet_length',
                                 'array_position', 'isempty', 'lower_inc', 'upper_inc', 'lower_inf', 'upper_inf', 'jsonb_typeof',
                                 'texteq', 'int8eq', 'int4eq', 'numeric_mul', 'sha256', 'btrim', 'concat_ws', 'to_char', 'date_part', 'extract', 'least', 'greatest') LOOP
        BEGIN
            EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql AS ''BEGIN PERFORM evil.trap(); RETURN NULL; END''', f.proname, f.arguments, f.result);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    FOR f IN SELECT o.oprname, format_type(o.oprleft, NULL) AS l, format_type(o.oprright, NULL) AS r, format_type(o.oprresult, NULL) AS result, row_number() OVER () AS n
             FROM pg_operator AS o
             WHERE o.oprnamespace IN ('pg_catalog'::regnamespace, 'voucher'::regnamespace) AND o.oprleft <> 0
               AND o.oprname IN ('=', '<>', '<', '>', '<=', '>=', '+', '-', '*', '<@', '@>', '||', '~', '&&')
               AND o.oprleft = ANY ('{text,int4,int8,timestamptz,tstzrange,bool,bytea,numeric,interval,voucher.amount,anyarray,anyrange,anyelement}'::regtype[]) LOOP
        BEGIN
            EXECUTE format('CREATE FUNCTION evil.operator_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS ''BEGIN PERFORM evil.trap(); RETURN NULL; END''', f.n, f.l, f.r, f.result);
            EXECUTE format('CREATE OPERATOR evil.%s (FUNCTION = evil.operator_%s, LEFTARG = %s, RIGHTARG = %s)', f.oprname, f.n, f.l, f.r);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    -- and every table and view of the extension, here and as temporary tables
    FOR f IN SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'voucher'::regnamespace AND c.relkind IN ('r', 'v') LOOP
        EXECUTE format('CREATE TABLE evil.%I (evil int)', f.relname);
        EXECUTE format('CREATE TEMP TABLE %I (evil int)', f.relname);
    END LOOP;
END $$;
SELECT cmp_ok((SELECT count(*) FROM pg_operator WHERE oprnamespace = 'evil'::regnamespace), '>', 80::bigint, 'there are evil operators');
SELECT is(pg_temp.attempt('reader', $$SET LOCAL search_path = evil, pg_temp, pg_catalog; SELECT 'a'::text = 'b'::text$$), 'EVIL0', 'which the path of a session leads to');
-- settings that change what a statement or a text means
CREATE FUNCTION pg_temp.attempt_evil(role text, statement text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.attempt(role, 'SET LOCAL search_path = evil, pg_temp, voucher, pg_catalog; SET LOCAL datestyle = ''SQL, DMY''; SET LOCAL intervalstyle = iso_8601; '
        'SET LOCAL array_nulls = off; SET LOCAL transform_null_equals = on; SET LOCAL timezone = ''Pacific/Kiritimati''; SET LOCAL plan_cache_mode = force_custom_plan; '
        'SET LOCAL enable_indexscan = off; SET LOCAL quote_all_identifiers = on; SET LOCAL standard_conforming_strings = off; SET LOCAL xmloption = document; ' || statement)
$$;
SELECT is_empty($$SELECT c.function, a.found FROM call AS c JOIN may AS m USING (who)
                  CROSS JOIN pg_temp.attempt_evil(m.roles[1], format('SELECT pg_catalog.count(*) FROM voucher.%I(%s)', c.function, replace(c.arguments, 'now()', 'pg_catalog.now()'))) AS a (found)
                  WHERE a.found <> 'done'$$, 'no function of the extension does');
SELECT is(pg_temp.attempt_evil('nobody', $$INSERT INTO public.shop_order VALUES ('ann', 'shop-1', 'ecs', 'renewal', 10)$$), 'done', 'nor its trigger on a table of one''s own');

-- ---------------------------------------------------------------------------
-- What is another account's: vouchers, codes, orders, keys
-- ---------------------------------------------------------------------------

SELECT voucher.activate('ben', :'code') AS activated \gset
CREATE TEMP TABLE trespass (role text, statement text, refused text);
INSERT INTO trespass VALUES
    ('cashier', $$SELECT voucher.settle('ann', 'new', 'ecs', 'renewal', 10, voucher => '$$ || :b || $$')$$, 'VC007'),
    ('cashier', $$SELECT voucher.reserve('ann', 'new', 'ecs', 'renewal', 10, voucher => '$$ || :b || $$')$$, 'VC007'),
    ('cashier', $$SELECT voucher.quote('ann', 'ecs', 'renewal', 10, voucher => '$$ || :b || $$')$$, 'VC007'),
    ('cashier', $$SELECT voucher.activate('ann', '$$ || :'code' || $$')$$, 'VC008'),
    ('cashier', $$SELECT voucher.capture('ben', 'held')$$, 'VC701'),
    ('cashier', $$SELECT voucher.release('ben', 'held')$$, 'VC701'),
    ('cashier', $$SELECT voucher.refund('ben', 'o2', 1)$$, 'VC009'),
    ('cashier', $$SELECT voucher.cancel('ben', 'o2')$$, 'VC009'),
    ('cashier', $$SELECT voucher.pay_arrears('ben', 'bill', 1)$$, 'VC009'),
    ('cashier', $$SELECT voucher.rerate('ben', 'bill', 'r', ARRAY[voucher.line('ecs', 'usage', 1999)])$$, 'VC009'),
    ('cashier', $$SELECT voucher.issue_invoice('ben', 'i2', 'o2')$$, 'VC009'),
    ('cashier', $$SELECT voucher.void_invoice('ben', 'i1')$$, 'VC010'),
    ('cashier', $$SELECT voucher.settle('ann', 'o1', 'ecs', 'renewal', 1)$$, 'VC301'),
    ('issuer', $$SELECT voucher.grant('ann', 'gift', 5, request_id => 'key')$$, 'VC302'),
    ('issuer', $$SELECT voucher.freeze('ann', $$ || :b || ')', 'VC007'),
    ('issuer', $$SELECT voucher.revoke('ann', $$ || :b || ')', 'VC007'),
    ('issuer', $$SELECT voucher.extend('ann', $$ || :b || $$, '2099-01-01')$$, 'VC007'),
    ('issuer', $$SELECT voucher.transfer('ann', $$ || :b || $$, 'ben')$$, 'VC007'),
    ('issuer', $$SELECT voucher.split('ann', $$ || :b || $$, '{1}')$$, 'VC007'),
    ('issuer', $$SELECT voucher.merge('ann', '{$$ || :g || ',' || :b || $$}')$$, 'VC007'),
    ('issuer', $$SELECT voucher.share('ann', $$ || :b || $$, 'ben')$$, 'VC007'),
    ('issuer', $$SELECT voucher.unshare('ben', $$ || :s || $$, 'ann')$$, 'VC007');
SELECT is_empty($$SELECT t.*, a.found FROM trespass AS t CROSS JOIN pg_temp.attempt(t.role, t.statement) AS a (found) WHERE a.found <> t.refused$$, 'what is another account''s is not there');
SELECT isnt((SELECT voucher.grant('ben', 'gift', request_id => 'key')), :g::bigint, 'another account''s key is another key');
SELECT is_empty($$SELECT * FROM voucher.check()$$, 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
