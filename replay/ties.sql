-- Every row of replay.tie, and a verdict: what does not tie is an error.
\echo 'Ties'
SELECT rule, CASE WHEN is_count THEN expected ELSE replay.money(expected) END AS expected,
       CASE WHEN is_count THEN found ELSE replay.money(found) END AS found,
       CASE WHEN expected = found THEN 'ties' ELSE 'DOES NOT TIE' END AS verdict
FROM replay.tie
CROSS JOIN LATERAL (SELECT scale(expected) = 0 AND scale(found) = 0) AS c (is_count)
ORDER BY n;

SELECT count(*) FILTER (WHERE expected <> found) AS untied, count(*) AS ties,
       count(*) FILTER (WHERE expected <> found) > 0 AS broken
FROM replay.tie \gset
\echo ''
\if :broken
    SELECT * FROM voucher.check();
    \echo Rows: :rows, files: :files. Of :ties ties :untied are broken.
    DO $$ BEGIN RAISE EXCEPTION 'the books do not tie'; END $$;
\else
    \echo Rows: :rows, files: :files. All :ties ties hold.
\endif
