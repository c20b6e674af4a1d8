-- ---------------------------------------------------------------------------
-- statement: what came in and what went out (收支明细)
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.statement(
    account_id    text,
    instrument_id bigint DEFAULT NULL,
    since         timestamptz DEFAULT '-infinity',
    until         timestamptz DEFAULT 'infinity',
    OUT at            timestamptz,
    OUT ledger        text,
    OUT currency      text,
    OUT instrument_id bigint,
    OUT template      text,
    OUT kind          text,
    OUT order_id      text,
    OUT amount        voucher.amount,
    OUT balance       voucher.amount,
    OUT paid          voucher.amount,
    OUT reason        text,
    OUT actor         text)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT s.at, s.ledger, s.currency, s.instrument_id, s.template, s.kind, s.order_id, s.amount, s.balance, s.paid, s.reason, s.actor
    FROM (
        SELECT e.at, e.recorded_at, 'cash' AS ledger, 0 AS place, e.version, e.currency, NULL::bigint AS instrument_id,
               NULL AS template, e.kind, e.order_id, e.amount, e.balance, NULL::voucher.amount AS paid, e.reason, e.actor
        FROM voucher.cash_entry AS e
        WHERE e.account_id = $1 AND $2 IS NULL
        UNION ALL
        SELECT e.at, e.recorded_at, t.kind, 1, e.version, i.currency, i.instrument_id,
               t.name, e.kind, e.order_id, e.amount, e.balance, p.paid, e.reason, e.actor
        FROM voucher.entry AS e
        JOIN voucher.instrument AS i ON i.account_id = e.account_id AND i.instrument_id = e.instrument_id
        JOIN voucher.template AS t ON t.template_id = i.template_id
        LEFT JOIN LATERAL (
            SELECT u.paid
            FROM voucher.settlement AS o
            CROSS JOIN LATERAL unnest(o.parts) AS u
            WHERE e.kind = 'settle' AND o.account_id = e.account_id AND o.order_id = e.order_id
              AND u.instrument_id = e.instrument_id) AS p ON true
        WHERE e.account_id = $1 AND ($2 IS NULL OR e.instrument_id = $2)) AS s
    WHERE s.at >= COALESCE($3, '-infinity') AND s.at < COALESCE($4, 'infinity')
    ORDER BY s.recorded_at, s.place DESC, s.instrument_id, s.version
$$;
COMMENT ON FUNCTION voucher.statement(text, bigint, timestamptz, timestamptz)
    IS 'an account''s entries, or one instrument''s, in [since, until): amount and balance after it per ledger; paid is what an order got from an instrument';
