-- ---------------------------------------------------------------------------
-- roles: who may do what
--
-- Nothing is granted to PUBLIC.  Verbs run as voucher_owner, which owns tables
-- and functions, cannot log in and is no superuser; what only reads by SQL runs
-- as its caller.  Tables stand to no other role's hand but the catalogue's.
--
-- Roles belong to the cluster, not to the database: they are there already where
-- another database has the extension, and DROP EXTENSION leaves them.
-- ---------------------------------------------------------------------------

DO $$
DECLARE
    role    text;
    present pg_catalog.pg_roles;
BEGIN
    FOREACH role IN ARRAY '{voucher_owner,voucher_reader,voucher_cashier,voucher_issuer,voucher_auditor,voucher_administrator,voucher_customer}'::text[] LOOP
        SELECT r.* INTO present FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) role;
        IF NOT FOUND THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role);
        -- somebody may have made it to get at what it will own
        ELSIF present.rolcanlogin OR present.rolsuper OR present.rolcreaterole OR present.rolcreatedb
              OR present.rolreplication OR present.rolbypassrls
              OR role OPERATOR(pg_catalog.=) 'voucher_owner'
                 AND EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m WHERE present.oid OPERATOR(pg_catalog.=) ANY (ARRAY[m.roleid, m.member])) THEN
            RAISE object_not_in_prerequisite_state USING
                MESSAGE = pg_catalog.format('role "%s" exists and is not what the extension would create', role),
                DETAIL = 'It can log in, has an attribute, or, being voucher_owner, has members or is one.',
                HINT = 'Take these from it, or rename it.';
        END IF;
    END LOOP;
END
$$;

GRANT voucher_reader TO voucher_cashier, voucher_issuer, voucher_auditor;
GRANT voucher_cashier, voucher_issuer, voucher_auditor TO voucher_administrator;

GRANT USAGE ON SCHEMA voucher TO voucher_owner, voucher_reader, voucher_customer;

CREATE TABLE voucher.customer (
    account_id text COLLATE "C" NOT NULL,
    role_name  text COLLATE "C" NOT NULL,
    recorded_by text COLLATE "C" NOT NULL DEFAULT session_user,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    CONSTRAINT customer_pkey PRIMARY KEY (account_id, role_name),
    CONSTRAINT customer_check CHECK (role_name OPERATOR(pg_catalog.<>) '' AND account_id OPERATOR(pg_catalog.<>) '')
);
SELECT pg_catalog.pg_extension_config_dump('voucher.customer', '');
CREATE INDEX customer_role_name_idx ON voucher.customer (role_name);
COMMENT ON TABLE voucher.customer IS 'which accounts a member of voucher_customer sees';
COMMENT ON COLUMN voucher.customer.role_name IS 'the role''s name: what current_user says in its session';
COMMENT ON COLUMN voucher.customer.recorded_by IS 'the session''s user that last wrote it';
COMMENT ON COLUMN voucher.customer.recorded_at IS 'when it was last written';
CREATE TRIGGER t1_recorded BEFORE UPDATE ON voucher.customer
    FOR EACH ROW EXECUTE FUNCTION voucher.record_change();

-- PostgreSQL asks what is leakproof in the order of its cost, a customer's
-- conditions among a policy's, and EXPLAIN ANALYZE shows which were asked.  So a
-- policy has one that costs next to nothing, beside the one for the index.
CREATE FUNCTION voucher.is_among(text[], text[]) RETURNS boolean
    AS 'arraycontained' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 0.0001;
COMMENT ON FUNCTION voucher.is_among(text[], text[]) IS 'does the second array contain all of the first? for policies, which ask it before anything else';

-- ---------------------------------------------------------------------------
-- What computes from its arguments alone, and types, are for every role
-- ---------------------------------------------------------------------------

REVOKE ALL ON ALL ROUTINES IN SCHEMA voucher FROM PUBLIC;
-- default privileges may have granted these
REVOKE ALL ON ALL TABLES IN SCHEMA voucher FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA voucher FROM PUBLIC;

DO $$
DECLARE
    object record;
BEGIN
    FOR object IN SELECT t.typname AS name FROM pg_catalog.pg_type AS t
                  WHERE t.typnamespace OPERATOR(pg_catalog.=) 'voucher'::pg_catalog.regnamespace
                    AND t.typelem OPERATOR(pg_catalog.=) 0::pg_catalog.oid LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON TYPE voucher.%I FROM PUBLIC', object.name);
        EXECUTE pg_catalog.format('GRANT USAGE ON TYPE voucher.%I TO voucher_owner, voucher_reader, voucher_customer', object.name);
    END LOOP;
    FOR object IN SELECT p.proname AS name, pg_catalog.pg_get_function_identity_arguments(p.oid) AS arguments FROM pg_catalog.pg_proc AS p
                  WHERE p.pronamespace OPERATOR(pg_catalog.=) 'voucher'::pg_catalog.regnamespace
                    AND p.provolatile OPERATOR(pg_catalog.=) 'i' LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE voucher.%I(%s) TO voucher_owner, voucher_reader, voucher_customer', object.name, object.arguments);
    END LOOP;
    FOR object IN SELECT c.relname AS name FROM pg_catalog.pg_class AS c
                  WHERE c.relnamespace OPERATOR(pg_catalog.=) 'voucher'::pg_catalog.regnamespace
                    AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,v}'::pg_catalog."char"[]) LOOP
        EXECUTE pg_catalog.format('ALTER TABLE voucher.%I OWNER TO voucher_owner', object.name);
    END LOOP;
    ALTER SEQUENCE voucher.attempt_uncounted_seq OWNER TO voucher_owner;
    FOR object IN SELECT p.proname AS name, pg_catalog.pg_get_function_identity_arguments(p.oid) AS arguments FROM pg_catalog.pg_proc AS p
                  WHERE p.pronamespace OPERATOR(pg_catalog.=) 'voucher'::pg_catalog.regnamespace AND p.prosecdef LOOP
        EXECUTE pg_catalog.format('ALTER FUNCTION voucher.%I(%s) OWNER TO voucher_owner', object.name, object.arguments);
    END LOOP;
END
$$;

-- ---------------------------------------------------------------------------
-- reader: looks at accounts, plans orders
-- ---------------------------------------------------------------------------

GRANT EXECUTE ON FUNCTION
    voucher.match, voucher.explain, voucher.quote, voucher.list, voucher.held, voucher.statement, voucher.arrears,
    voucher.invoice_candidates, voucher.balance_at(text, bigint, timestamptz), voucher.balance_at(text, text, timestamptz),
    voucher.status_at, voucher.explain_at
    TO voucher_reader;
GRANT SELECT ON
    voucher.currency, voucher.order_type, voucher.product, voucher.campaign, voucher.template, voucher.policy, voucher.default_policy,
    voucher.usage_limit, voucher.total_usage, voucher.attempt_budget,
    voucher.account, voucher.cash_entry, voucher.instrument, voucher.entry, voucher.settlement, voucher.settlement_entry,
    voucher.purchase, voucher.account_usage, voucher.hold, voucher.held_usage, voucher.rerating, voucher.invoice, voucher.request,
    voucher.invitation, voucher.reminding, voucher.reminder, voucher.attempt,
    voucher.vouchers, voucher.settlement_line, voucher.settlement_part, voucher.invoice_line, voucher.limit_usage
    TO voucher_reader;

-- ---------------------------------------------------------------------------
-- cashier: money and orders
-- ---------------------------------------------------------------------------

GRANT EXECUTE ON FUNCTION
    voucher.open_account, voucher.deposit, voucher.reserve, voucher.capture, voucher.release, voucher.settle, voucher.settle_order,
    voucher.refund, voucher.cancel, voucher.pay_arrears, voucher.rerate,
    voucher.issue_invoice, voucher.issue_credit_invoice, voucher.void_invoice,
    voucher.verify, voucher.activate, voucher.claim
    TO voucher_cashier;

-- ---------------------------------------------------------------------------
-- issuer: which vouchers there are, and whose
-- ---------------------------------------------------------------------------

GRANT EXECUTE ON FUNCTION
    voucher.grant, voucher.new_code, voucher.mint, voucher.mint_pattern, voucher.mint_report, voucher.invite,
    voucher.freeze, voucher.unfreeze, voucher.reclaim, voucher.revoke, voucher.extend,
    voucher.transfer, voucher.split, voucher.merge, voucher.share, voucher.unshare,
    voucher.expiring, voucher.take_expiring
    TO voucher_issuer;
GRANT EXECUTE ON FUNCTION voucher.expiring, voucher.keep_reminding TO voucher_owner;
-- Of codes all but the digests: of a code that is mostly known, whoever has them can
-- try the rest where no attempt is counted.
GRANT SELECT (template_id, face_value, activate_before, minted_at, batch, account_id, instrument_id, activated_at, space, minting_id) ON voucher.minted_code
    TO voucher_issuer, voucher_auditor;
GRANT SELECT ON voucher.code_space, voucher.minting TO voucher_issuer, voucher_auditor;

-- ---------------------------------------------------------------------------
-- auditor: everything, and whether it adds up; changes nothing
-- ---------------------------------------------------------------------------

GRANT EXECUTE ON FUNCTION
    voucher.check, voucher.mint_report, voucher.expiring, voucher.expiry_month,
    voucher.stored_value, voucher.stored_value_of, voucher.liability, voucher.breakage, voucher.redemption
    TO voucher_auditor;

-- ---------------------------------------------------------------------------
-- administrator: the catalogue
-- ---------------------------------------------------------------------------

GRANT EXECUTE ON FUNCTION
    voucher.register_product, voucher.create_campaign, voucher.create_template, voucher.create_limit
    TO voucher_administrator;
-- templates and limits are created by functions, which check more than one row
GRANT DELETE ON voucher.template TO voucher_administrator;
GRANT UPDATE (max_count, max_amount, reason, actor) ON voucher.usage_limit TO voucher_administrator;
GRANT SELECT ON voucher.customer TO voucher_administrator;
-- purchases of before; those of an order are written with it
GRANT INSERT (account_id, product) ON voucher.purchase TO voucher_administrator;

-- ---------------------------------------------------------------------------
-- customer: its own accounts, as the table of customers says
-- ---------------------------------------------------------------------------

GRANT EXECUTE ON FUNCTION
    voucher.list, voucher.held, voucher.statement, voucher.arrears, voucher.invoice_candidates
    TO voucher_customer;
GRANT SELECT ON
    voucher.customer, voucher.account, voucher.cash_entry, voucher.instrument, voucher.entry, voucher.settlement_entry,
    voucher.purchase, voucher.rerating, voucher.invoice,
    voucher.vouchers, voucher.settlement_line, voucher.settlement_part, voucher.invoice_line
    TO voucher_customer;
-- not promo_code: a word for those who were told
GRANT SELECT (template_id, name, kind, campaign, currency, face_value, discount_rate, maximum, threshold, scope, payment_type, first_purchase,
              min_duration, max_duration, uses, per_account, valid, valid_for, valid_from, time_zone, refund_policy, refund_within,
              regions, tags, effect, reduces, threshold_after, threshold_strict, excludes, transferable, shareable)
    ON voucher.template TO voucher_customer;

-- All columns but some: who wrote a row and when nobody chooses, and a customer sees
-- neither what others have used of limits nor what owners have left of what they share.
DO $$
DECLARE
    rule     record;
    relation text;
    columns  text;
BEGIN
    FOR rule IN VALUES
        ('{currency,order_type,product,campaign,policy,default_policy,attempt_budget,customer}'::text[], '{recorded_by,recorded_at}'::text[],
         'GRANT INSERT (%s), UPDATE (%1$s), DELETE ON voucher.%2$I TO voucher_administrator'),
        ('{settlement,hold}', '{limits,shares}', 'GRANT SELECT (%s) ON voucher.%I TO voucher_customer') LOOP
        FOREACH relation IN ARRAY rule.column1 LOOP
            SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ') INTO columns FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid OPERATOR(pg_catalog.=) pg_catalog.format('voucher.%I', relation)::pg_catalog.regclass
                  AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped AND a.attname::text OPERATOR(pg_catalog.<>) ALL (rule.column2);
            EXECUTE pg_catalog.format(rule.column3, columns, relation);
        END LOOP;
    END LOOP;
END
$$;

-- Row-level security: who may read a table reads all of it, but a customer its
-- own accounts, and of templates what it has an instrument of.  voucher_owner
-- owns the tables and is not asked.
DO $$
DECLARE
    relation  text;
    attribute text;
BEGIN
    FOREACH relation IN ARRAY '{account,cash_entry,instrument,entry,settlement,settlement_entry,purchase,account_usage,hold,held_usage,rerating,invoice,request,invitation,reminder,attempt,template,customer}'::text[] LOOP
        EXECUTE pg_catalog.format('ALTER TABLE voucher.%I ENABLE ROW LEVEL SECURITY', relation);
        EXECUTE pg_catalog.format('CREATE POLICY all_rows ON voucher.%I TO voucher_reader USING (true) WITH CHECK (true)', relation);
        IF relation OPERATOR(pg_catalog.<>) ALL ('{account_usage,held_usage,request,invitation,reminder,attempt,template,customer}'::text[]) THEN
            EXECUTE pg_catalog.format('CREATE POLICY own_account ON voucher.%I FOR SELECT TO voucher_customer '
                'USING (voucher.is_among(ARRAY[account_id], %s) AND account_id OPERATOR(pg_catalog.=) ANY (%2$s))', relation,
                'ARRAY(SELECT c.account_id FROM voucher.customer AS c WHERE c.role_name OPERATOR(pg_catalog.=) (CURRENT_USER)::pg_catalog.text)');
        END IF;
        -- estimates go by all rows, so of words that a customer could guess at there are no statistics
        FOR attribute IN SELECT a.attname FROM pg_catalog.pg_attribute AS a
                         WHERE a.attrelid OPERATOR(pg_catalog.=) pg_catalog.format('voucher.%I', relation)::pg_catalog.regclass
                               AND a.attname::text OPERATOR(pg_catalog.=) ANY ('{promo_code,reason,actor}'::text[]) LOOP
            EXECUTE pg_catalog.format('ALTER TABLE voucher.%I ALTER COLUMN %I SET STATISTICS 0', relation, attribute);
        END LOOP;
    END LOOP;
END
$$;
CREATE POLICY own_account ON voucher.customer FOR SELECT TO voucher_customer
    USING (voucher.is_among(ARRAY[role_name], ARRAY[(CURRENT_USER)::pg_catalog.text]) AND role_name OPERATOR(pg_catalog.=) (CURRENT_USER)::pg_catalog.text);
CREATE POLICY own_account ON voucher.template FOR SELECT TO voucher_customer
    USING (EXISTS (SELECT FROM voucher.instrument AS i WHERE i.template_id OPERATOR(pg_catalog.=) template.template_id));
