-- ---------------------------------------------------------------------------
-- invoice: only cash is invoiced, and never more than is left
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.issue_invoice(
    account_id text,
    invoice_id text,
    order_id   text,
    amount     voucher.amount DEFAULT NULL,
    at         timestamptz DEFAULT pg_catalog.now())
    RETURNS voucher.invoice
    AS 'MODULE_PATHNAME', 'voucher_issue_invoice' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION voucher.issue_invoice(text, text, text, voucher.amount, timestamptz)
    IS 'invoices all or a part of an order''s invoiceable amount; the same call again returns the same invoice';

CREATE FUNCTION voucher.void_invoice(
    account_id text,
    invoice_id text,
    reason     text DEFAULT NULL,
    at         timestamptz DEFAULT pg_catalog.now())
    RETURNS voucher.invoice
    AS 'MODULE_PATHNAME', 'voucher_void_invoice' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION voucher.void_invoice(text, text, text, timestamptz)
    IS 'voids an invoice: its amount can be invoiced again; voiding it twice changes nothing';

CREATE VIEW voucher.invoice_line AS
SELECT i.account_id, i.invoice_id, l.order_id, i.currency, OPERATOR(voucher.-) l.amount AS amount, i.at,
       v.at AS voided_at
FROM voucher.invoice AS i
JOIN voucher.settlement_entry AS l ON l.account_id OPERATOR(pg_catalog.=) i.account_id
    AND l.invoice_id OPERATOR(pg_catalog.=) i.invoice_id AND l.kind OPERATOR(pg_catalog.=) 'invoice'
LEFT JOIN voucher.settlement_entry AS v ON v.account_id OPERATOR(pg_catalog.=) l.account_id
    AND v.invoice_id OPERATOR(pg_catalog.=) l.invoice_id AND v.order_id OPERATOR(pg_catalog.=) l.order_id
    AND v.kind OPERATOR(pg_catalog.=) 'void';
COMMENT ON VIEW voucher.invoice_line IS 'what each invoice shows of which order, and when it was voided';
