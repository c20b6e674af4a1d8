-- ---------------------------------------------------------------------------
-- invoice: only cash is invoiced, and never more than is left
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.issue_invoice(
    account_id text,
    invoice_id text,
    order_id   text DEFAULT NULL,
    amount     voucher.amount DEFAULT NULL,
    at         timestamptz DEFAULT pg_catalog.now(),
    order_ids  text[] DEFAULT NULL,
    actor      text DEFAULT NULL)
    RETURNS voucher.invoice
    AS 'MODULE_PATHNAME', 'voucher_issue_invoice' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.issue_invoice(text, text, text, voucher.amount, timestamptz, text[], text)
    IS 'invoices all or a part of an order''s invoiceable amount, or all of several orders'', negative ones too; the same call again returns the same invoice';

CREATE FUNCTION voucher.issue_credit_invoice(
    account_id text,
    invoice_id text,
    credits    text,
    order_id   text DEFAULT NULL,
    amount     voucher.amount DEFAULT NULL,
    reason     text DEFAULT NULL,
    at         timestamptz DEFAULT pg_catalog.now(),
    actor      text DEFAULT NULL)
    RETURNS voucher.invoice
    AS 'MODULE_PATHNAME', 'voucher_issue_credit_invoice' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.issue_credit_invoice(text, text, text, text, voucher.amount, text, timestamptz, text)
    IS 'credits what was refunded after an invoice showed it: all of that invoice, of one order, or a part; the same call again returns the same credit invoice';

CREATE FUNCTION voucher.void_invoice(
    account_id text,
    invoice_id text,
    reason     text DEFAULT NULL,
    at         timestamptz DEFAULT pg_catalog.now(),
    actor      text DEFAULT NULL)
    RETURNS voucher.invoice
    AS 'MODULE_PATHNAME', 'voucher_void_invoice' LANGUAGE C VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION voucher.void_invoice(text, text, text, timestamptz, text)
    IS 'voids an invoice or credit invoice with all its lines: what it showed can be shown again; voiding it twice changes nothing';

CREATE FUNCTION voucher.invoice_candidates(
    account_id text,
    currency   text DEFAULT NULL,
    OUT order_id      text,
    OUT currency_code text,
    OUT at            timestamptz,
    OUT cash          voucher.amount,
    OUT refunded_cash voucher.amount,
    OUT invoiced      voucher.amount,
    OUT invoiceable   voucher.amount)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT s.order_id, s.currency, s.at, r.cash, r.refunded,
           ((r.cash OPERATOR(voucher.-) r.refunded) OPERATOR(voucher.-) s.invoiceable), s.invoiceable
    FROM voucher.settlement AS s
    LEFT JOIN voucher.settlement_entry AS e
        ON e.account_id = s.account_id AND e.order_id = s.order_id AND e.version = s.entry_version
    CROSS JOIN LATERAL (SELECT s.cash OPERATOR(voucher.+) COALESCE(e.paid, 0::voucher.amount) AS cash,
                               COALESCE(e.refunded_cash, 0::voucher.amount) AS refunded) AS r
    WHERE s.account_id = $1 AND s.currency = COALESCE($2, s.currency)
      AND s.invoiceable OPERATOR(voucher.<>) 0::voucher.amount
    ORDER BY s.at, s.order_id
$$;
COMMENT ON FUNCTION voucher.invoice_candidates(text, text)
    IS 'the orders of which something is left to invoice, and those of which something is to be credited (negative)';

CREATE VIEW voucher.invoice_line WITH (security_invoker = true) AS
SELECT i.account_id, i.invoice_id, l.order_id, i.currency, OPERATOR(voucher.-) l.amount AS amount, i.at,
       v.at AS voided_at, i.credits
FROM voucher.invoice AS i
JOIN voucher.settlement_entry AS l ON l.account_id OPERATOR(pg_catalog.=) i.account_id
    AND l.invoice_id OPERATOR(pg_catalog.=) i.invoice_id AND l.kind OPERATOR(pg_catalog.=) ANY ('{invoice,credit}'::pg_catalog.text[])
LEFT JOIN voucher.settlement_entry AS v ON v.account_id OPERATOR(pg_catalog.=) l.account_id
    AND v.invoice_id OPERATOR(pg_catalog.=) l.invoice_id AND v.order_id OPERATOR(pg_catalog.=) l.order_id
    AND v.kind OPERATOR(pg_catalog.=) 'void';
COMMENT ON VIEW voucher.invoice_line IS 'what each invoice shows of which order, credit invoices as negative amounts, and when it was voided';
