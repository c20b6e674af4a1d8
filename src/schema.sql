-- What has no schema in this script is PostgreSQL's own.
SET LOCAL search_path = pg_catalog, pg_temp;

-- ---------------------------------------------------------------------------
-- schema: voucher must be ours alone
--
-- Whoever owns a schema can drop it with all that depends on it, and can put
-- functions into it that take the place of ours.  CREATE EXTENSION makes the
-- schema if it is missing, but would take one that anybody has made.
-- ---------------------------------------------------------------------------

DO $$
DECLARE
    schema_owner pg_catalog.name;
BEGIN
    SELECT r.rolname INTO schema_owner
    FROM pg_catalog.pg_namespace AS n
    JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
    WHERE n.nspname OPERATOR(pg_catalog.=) 'voucher' AND NOT r.rolsuper
      AND r.rolname OPERATOR(pg_catalog.<>) CURRENT_USER;
    IF schema_owner IS NOT NULL THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = pg_catalog.format('schema "voucher" belongs to role "%s"', schema_owner),
            HINT = 'Drop it, or make yourself its owner: ALTER SCHEMA voucher OWNER TO CURRENT_USER.';
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_depend AS d
               WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
                 AND d.refobjid OPERATOR(pg_catalog.=) 'voucher'::pg_catalog.regnamespace
                 AND d.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_extension'::pg_catalog.regclass) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'schema "voucher" is not empty',
            HINT = 'Move its objects to another schema, or drop them.';
    END IF;
END
$$;

