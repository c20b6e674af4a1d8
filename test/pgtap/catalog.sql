-- What holds for every object of the extension, whichever module declares it.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS voucher;
SELECT plan(1);

-- Not asked of what another object made: sequences of identity columns,
-- functions of ranges, families named after their operator class.
SELECT is_empty($$
    SELECT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
    FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
    JOIN pg_catalog.pg_class AS c ON c.oid = d.classid
    WHERE e.extname = 'voucher'
      AND d.deptype = 'e'
      AND d.refclassid = 'pg_catalog.pg_extension'::regclass
      AND d.classid <> 'pg_catalog.pg_opfamily'::regclass
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS i
                      WHERE (i.classid, i.objid) = (d.classid, d.objid) AND i.deptype = 'i')
      AND pg_catalog.obj_description(d.objid, c.relname) IS NULL
    ORDER BY 1$$,
    'every object of the extension has a comment');

SELECT * FROM finish();
ROLLBACK;
