-- How the reports print, and how they count money.
\set ECHO none
SET client_min_messages = warning;
SET search_path = public, voucher;
\pset pager off
\pset footer off
\pset border 2
\pset linestyle unicode
\pset null ''

-- all decimals that are there, and never less than two
CREATE FUNCTION replay.money(numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE RETURN round($1, greatest(2, min_scale($1)));

-- a sum of amounts; over nothing it is 0
CREATE FUNCTION replay.total(amount) RETURNS numeric
    LANGUAGE sql IMMUTABLE RETURN COALESCE($1::numeric, 0);
