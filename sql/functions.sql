--
-- functions: every function of the extension and how it is marked
--
-- Any change here is a change of the API, or of what the planner may assume.
--
SET client_min_messages = warning;
DROP EXTENSION voucher CASCADE;
CREATE EXTENSION voucher;
RESET client_min_messages;
\pset format unaligned
\pset null ''

SELECT p.proname || '(' || pg_get_function_arguments(p.oid) || ')' AS function,
       pg_get_function_result(p.oid) AS result,
       CASE p.prokind WHEN 'a' THEN 'aggregate' ELSE l.lanname END AS language,
       CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END AS volatility,
       CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END AS parallel,
       concat_ws(' ', CASE WHEN p.proisstrict THEN 'strict' END, CASE WHEN p.proleakproof THEN 'leakproof' END,
                 CASE WHEN p.prosecdef THEN 'security definer' END) AS marks,
       array_to_string(p.proconfig, ', ') AS config
FROM pg_proc AS p
JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'voucher'
JOIN pg_language AS l ON l.oid = p.prolang
ORDER BY p.proname COLLATE "C", pg_get_function_identity_arguments(p.oid) COLLATE "C";

-- Every SQL function with a body of its own looks names up in pg_catalog alone
SELECT p.proname FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
WHERE p.pronamespace = 'voucher'::regnamespace AND l.lanname IN ('sql', 'plpgsql') AND p.prosqlbody IS NULL
  AND NOT COALESCE('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false);

-- Every object says what it is for
SELECT p.oid::regprocedure AS without_comment FROM pg_proc AS p
WHERE p.pronamespace = 'voucher'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL ORDER BY 1;
SELECT c.oid::regclass AS without_comment FROM pg_class AS c
WHERE c.relnamespace = 'voucher'::regnamespace AND c.relkind IN ('r', 'v') AND obj_description(c.oid, 'pg_class') IS NULL ORDER BY 1;
SELECT t.oid::regtype AS without_comment FROM pg_type AS t
WHERE t.typnamespace = 'voucher'::regnamespace AND t.typelem = 0 AND t.typrelid = 0 AND obj_description(t.oid, 'pg_type') IS NULL ORDER BY 1;
