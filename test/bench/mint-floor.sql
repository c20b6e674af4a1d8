-- Rows of the same columns with the same index, digests in random order too;
-- but no code is drawn, and nobody gets one.
SELECT count(*) AS last FROM floor.:table \gset
\timing on
INSERT INTO floor.:table (digest, template_id, face_value, minted_at)
SELECT sha256(int8send(n)), 1, 80000000000, now() FROM generate_series(:last + 1, :last + :codes) AS n;
