-- ---------------------------------------------------------------------------
-- check: reads everything and reports every broken invariant
-- ---------------------------------------------------------------------------

CREATE FUNCTION voucher.check(
    OUT rule       text,
    OUT account_id text,
    OUT object     text,
    OUT expected   text,
    OUT found      text)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    -- compiling a query of so many parts takes seconds, running it does not
    SET jit = off
    AS $$
    -- balances are the sums of their entries
    SELECT 'cash balance = sum of entries', COALESCE(a.account_id, e.account_id), COALESCE(a.currency, e.currency),
           NULLIF(format('%s at version %s', e.balance, e.version), ' at version '), NULLIF(format('%s at version %s', a.balance, a.version), ' at version ')
    FROM voucher.account AS a
    FULL JOIN (SELECT c.account_id, c.currency, voucher.sum(c.amount) AS balance, count(*) AS version, max(c.version) AS last
               FROM voucher.cash_entry AS c GROUP BY c.account_id, c.currency) AS e
        ON e.account_id = a.account_id AND e.currency = a.currency
    WHERE (a.balance OPERATOR(voucher.=) e.balance AND a.version = e.version AND a.version = e.last) IS NOT TRUE

    UNION ALL
    SELECT 'instrument balance = sum of entries', COALESCE(i.account_id, e.account_id), COALESCE(i.instrument_id, e.instrument_id)::text,
           NULLIF(format('%s, used %s, at version %s%s%s', e.balance, e.used, e.version,
                         CASE WHEN e.frozen = 1 THEN ', frozen' END, CASE WHEN e.cancelled THEN ', cancelled' END), ', used , at version '),
           NULLIF(format('%s, used %s, at version %s%s%s', i.balance, i.used, i.version,
                         CASE WHEN i.frozen THEN ', frozen' END, CASE WHEN i.cancelled THEN ', cancelled' END), ', used , at version ')
    FROM voucher.instrument AS i
    FULL JOIN (SELECT n.account_id, n.instrument_id, voucher.sum(n.amount) AS balance, sum(n.uses) AS used,
                      count(*) AS version, max(n.version) AS last,
                      sum(CASE n.kind WHEN 'freeze' THEN 1 WHEN 'unfreeze' THEN -1 ELSE 0 END) AS frozen,
                      bool_or(n.kind IN ('revoke', 'transfer_out')) AS cancelled
               FROM voucher.entry AS n GROUP BY n.account_id, n.instrument_id) AS e
        ON e.account_id = i.account_id AND e.instrument_id = i.instrument_id
    WHERE (i.balance OPERATOR(voucher.=) e.balance AND i.used = e.used AND i.version = e.version AND i.version = e.last
           AND i.frozen = (e.frozen = 1) AND i.cancelled = e.cancelled) IS NOT TRUE

    UNION ALL
    SELECT 'expiry = that of the last extension', i.account_id, i.instrument_id::text,
           COALESCE(upper(e.extended)::text, 'never'), COALESCE(upper(i.validity)::text, 'never')
    FROM voucher.instrument AS i
    JOIN (SELECT n.*, row_number() OVER (PARTITION BY n.account_id, n.instrument_id ORDER BY n.version DESC) AS back
          FROM voucher.entry AS n WHERE n.extended IS NOT NULL) AS e
        ON e.account_id = i.account_id AND e.instrument_id = i.instrument_id AND e.back = 1
    WHERE upper(i.validity) IS DISTINCT FROM upper(e.extended)

    UNION ALL
    SELECT 'extension follows from the one before', e.account_id, format('%s version %s', e.instrument_id, e.version),
           COALESCE(upper(e.before)::text, 'never'), lower(e.extended)::text
    FROM (SELECT n.*, lag(n.extended) OVER (PARTITION BY n.account_id, n.instrument_id ORDER BY n.version) AS before
          FROM voucher.entry AS n WHERE n.extended IS NOT NULL) AS e
    WHERE e.before IS NOT NULL AND upper(e.before) IS DISTINCT FROM lower(e.extended)

    -- value that leaves one instrument for another arrives there
    UNION ALL
    SELECT 'what leaves one instrument arrives at another', COALESCE(o.account_id, e.account_id),
           format('%s version %s', COALESCE(o.instrument_id, e.instrument_id), COALESCE(o.version, e.version)),
           (OPERATOR(voucher.-) o.amount)::text, e.amount::text
    FROM (SELECT * FROM voucher.entry WHERE entry.kind ~ '_out$') AS o
    FULL JOIN (SELECT * FROM voucher.entry WHERE entry.kind ~ '_in$') AS e
        ON e.account_id = o.peer_account_id AND e.instrument_id = o.peer_instrument_id
        AND e.peer_account_id = o.account_id AND e.peer_instrument_id = o.instrument_id
        AND replace(e.kind, '_in', '_out') = o.kind
    WHERE (e.amount OPERATOR(voucher.=) (OPERATOR(voucher.-) o.amount)) IS NOT TRUE

    -- a share holds nothing: what it pays it draws from its owner's voucher, and what comes back goes there
    UNION ALL
    SELECT 'a share is of a voucher, and holds nothing', i.account_id, i.instrument_id::text,
           COALESCE(format('%s %s', e.peer_account_id, e.peer_instrument_id), 'no share'),
           format('%s %s, balance %s', i.owner_account_id, i.owner_instrument_id, i.balance)
    FROM voucher.instrument AS i
    LEFT JOIN voucher.entry AS e ON e.account_id = i.account_id AND e.instrument_id = i.instrument_id AND e.version = 1 AND e.kind = 'share'
    LEFT JOIN voucher.instrument AS o ON o.account_id = i.owner_account_id AND o.instrument_id = i.owner_instrument_id
        AND o.owner_account_id IS NULL AND o.template_id = i.template_id AND o.currency = i.currency
    WHERE (i.owner_account_id IS NOT NULL OR i.owner_instrument_id IS NOT NULL OR e.kind IS NOT NULL)
      AND (e.peer_account_id = i.owner_account_id AND e.peer_instrument_id = i.owner_instrument_id AND o.instrument_id IS NOT NULL
           AND i.balance OPERATOR(voucher.=) 0 AND i.ordinal IS NULL AND NOT i.issued) IS NOT TRUE

    UNION ALL
    SELECT 'both ends of a share agree', COALESCE(o.account_id, m.account_id),
           format('%s %s', COALESCE(o.instrument_id, m.instrument_id), COALESCE(o.kind, m.kind)),
           CASE WHEN m.times > 0 THEN format('%s in %s entries', OPERATOR(voucher.-) m.amount, m.times) END,
           CASE WHEN o.times > 0 THEN format('%s in %s entries', o.amount, o.times) END
    FROM (SELECT n.account_id, n.instrument_id, n.kind, COALESCE(n.order_id, '') AS order_id, n.peer_account_id, n.peer_instrument_id,
                 voucher.sum(n.amount) AS amount, count(*) AS times
          FROM voucher.entry AS n
          JOIN voucher.instrument AS i ON i.account_id = n.account_id AND i.instrument_id = n.instrument_id AND i.owner_account_id IS NULL
          WHERE n.kind IN ('share', 'draw', 'give_back') GROUP BY 1, 2, 3, 4, 5, 6) AS o
    FULL JOIN (SELECT n.account_id, n.instrument_id, n.kind, COALESCE(n.order_id, '') AS order_id, n.peer_account_id, n.peer_instrument_id,
                      voucher.sum(n.amount) AS amount, count(*) AS times
               FROM voucher.entry AS n
               JOIN voucher.instrument AS i ON i.account_id = n.account_id AND i.instrument_id = n.instrument_id AND i.owner_account_id IS NOT NULL
               WHERE n.kind IN ('share', 'draw', 'give_back') GROUP BY 1, 2, 3, 4, 5, 6) AS m
        ON m.account_id = o.peer_account_id AND m.instrument_id = o.peer_instrument_id AND m.kind = o.kind AND m.order_id = o.order_id
        AND m.peer_account_id = o.account_id AND m.peer_instrument_id = o.instrument_id
    WHERE (o.amount OPERATOR(voucher.=) (OPERATOR(voucher.-) m.amount) AND o.times = m.times) IS NOT TRUE

    UNION ALL
    SELECT 'a share that was ended is cancelled', n.peer_account_id, n.peer_instrument_id::text, 'cancelled', 'in force'
    FROM voucher.entry AS n
    JOIN voucher.instrument AS i ON i.account_id = n.peer_account_id AND i.instrument_id = n.peer_instrument_id
    WHERE n.kind = 'unshare' AND NOT i.cancelled

    UNION ALL
    SELECT 'what shares draw is what orders take of them', COALESCE(o.account_id, m.account_id),
           format('%s instrument %s', COALESCE(o.order_id, m.order_id), COALESCE(o.instrument_id, m.instrument_id)),
           format('%s, uses %s', m.amount, m.uses), format('%s, uses %s', o.amount, o.uses)
    FROM (SELECT n.peer_account_id AS account_id, n.peer_instrument_id AS instrument_id, n.order_id,
                 voucher.sum(OPERATOR(voucher.-) n.amount) AS amount, sum(n.uses) AS uses
          FROM voucher.entry AS n
          JOIN voucher.instrument AS i ON i.account_id = n.account_id AND i.instrument_id = n.instrument_id AND i.owner_account_id IS NULL
          WHERE n.kind IN ('draw', 'give_back') GROUP BY 1, 2, 3) AS o
    FULL JOIN (SELECT n.account_id, n.instrument_id, n.order_id, voucher.sum(OPERATOR(voucher.-) n.amount) AS amount, sum(n.uses) AS uses
               FROM voucher.entry AS n
               JOIN voucher.instrument AS i ON i.account_id = n.account_id AND i.instrument_id = n.instrument_id AND i.owner_account_id IS NOT NULL
               WHERE n.kind IN ('settle', 'return') GROUP BY 1, 2, 3) AS m
        ON m.account_id = o.account_id AND m.instrument_id = o.instrument_id AND m.order_id = o.order_id
    WHERE (o.amount OPERATOR(voucher.=) m.amount AND o.uses = m.uses) IS NOT TRUE

    -- the epochs order what was done
    UNION ALL
    SELECT 'epochs ascend', e.account_id, format('%s version %s', e.instrument_id, e.version), e.latest::text, e.epoch::text
    FROM (SELECT n.*, max(n.epoch) OVER (PARTITION BY n.account_id, n.instrument_id ORDER BY n.version
                                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before,
                 a.epoch AS latest
          FROM voucher.entry AS n
          JOIN voucher.instrument AS i ON i.account_id = n.account_id AND i.instrument_id = n.instrument_id
          JOIN voucher.account AS a ON a.account_id = i.account_id AND a.currency = i.currency) AS e
    WHERE e.epoch < e.before OR e.epoch > e.latest

    UNION ALL
    SELECT 'invoiceable = cash - refunds - invoices', COALESCE(s.account_id, e.account_id), COALESCE(s.order_id, e.order_id),
           format('%s at version %s', s.cash OPERATOR(voucher.+) COALESCE(e.amount, 0::voucher.amount), e.version),
           NULLIF(format('%s at version %s', s.invoiceable, s.entry_version), ' at version ')
    FROM voucher.settlement AS s
    FULL JOIN (SELECT n.account_id, n.order_id, voucher.sum(n.amount) AS amount, count(*) AS version, max(n.version) AS last
               FROM voucher.settlement_entry AS n GROUP BY n.account_id, n.order_id) AS e
        ON e.account_id = s.account_id AND e.order_id = s.order_id
    WHERE (s.invoiceable OPERATOR(voucher.=) (s.cash OPERATOR(voucher.+) COALESCE(e.amount, 0::voucher.amount))
           AND s.entry_version IS NOT DISTINCT FROM e.version AND s.entry_version IS NOT DISTINCT FROM e.last) IS NOT TRUE

    -- nobody owes, and nothing pays more or oftener than it can
    UNION ALL
    SELECT 'no balance below zero', e.account_id, format('%s version %s', e.currency, e.version), '0.00', e.balance::text
    FROM voucher.cash_entry AS e WHERE e.balance OPERATOR(voucher.<) 0

    UNION ALL
    SELECT 'no balance below zero', e.account_id, format('%s version %s', e.instrument_id, e.version), '0.00', e.balance::text
    FROM voucher.entry AS e WHERE e.balance OPERATOR(voucher.<) 0

    UNION ALL
    SELECT 'no more than face value and max_uses', i.account_id, i.instrument_id::text,
           format('%s, used %s', i.face_value, i.max_uses), format('%s, used %s', i.balance, i.used)
    FROM voucher.instrument AS i
    WHERE i.balance OPERATOR(voucher.>) COALESCE(i.face_value, 0::voucher.amount) OR i.used > i.max_uses

    -- every entry follows from the one before
    UNION ALL
    SELECT 'cash entry follows from the one before', e.account_id, format('%s version %s', e.currency, e.version),
           e.running::text, e.balance::text
    FROM (SELECT c.*, voucher.sum(c.amount) OVER (PARTITION BY c.account_id, c.currency ORDER BY c.version) AS running
          FROM voucher.cash_entry AS c) AS e
    WHERE e.balance OPERATOR(voucher.<>) e.running

    UNION ALL
    SELECT 'entry follows from the one before', e.account_id, format('%s version %s', e.instrument_id, e.version),
           format('%s, used %s', e.running, e.running_uses), format('%s, used %s', e.balance, e.used)
    FROM (SELECT n.*, voucher.sum(n.amount) OVER w AS running, sum(n.uses) OVER w AS running_uses
          FROM voucher.entry AS n WINDOW w AS (PARTITION BY n.account_id, n.instrument_id ORDER BY n.version)) AS e
    WHERE e.balance OPERATOR(voucher.<>) e.running OR e.used <> e.running_uses

    UNION ALL
    SELECT 'settlement entry follows from the one before', e.account_id, format('%s version %s', e.order_id, e.version),
           e.running::text, e.invoiceable::text
    FROM (SELECT n.*, s.cash OPERATOR(voucher.+) voucher.sum(n.amount) OVER (PARTITION BY n.account_id, n.order_id ORDER BY n.version) AS running
          FROM voucher.settlement_entry AS n
          JOIN voucher.settlement AS s ON s.account_id = n.account_id AND s.order_id = n.order_id) AS e
    WHERE e.invoiceable OPERATOR(voucher.<>) e.running

    UNION ALL
    SELECT 'refunds add up', e.account_id, format('%s version %s', e.order_id, e.version),
           format('%s, cash %s', e.running, e.running_cash), format('%s, cash %s', e.refunded, e.refunded_cash)
    FROM (SELECT n.*, COALESCE(voucher.sum(n.requested) OVER w, 0::voucher.amount) AS running,
                 COALESCE(voucher.sum(OPERATOR(voucher.-) n.amount) FILTER (WHERE n.kind IN ('refund', 'cancel')) OVER w, 0::voucher.amount) AS running_cash
          FROM voucher.settlement_entry AS n WINDOW w AS (PARTITION BY n.account_id, n.order_id ORDER BY n.version)) AS e
    WHERE e.refunded OPERATOR(voucher.<>) e.running OR e.refunded_cash OPERATOR(voucher.<>) e.running_cash

    UNION ALL
    SELECT 'arrears are paid once, and before a refund', e.account_id, format('%s version %s', e.order_id, e.version),
           format('%s of %s', e.running, e.outstanding), format('%s of %s, waived %s, refunded %s', e.paid, e.outstanding, e.waived, e.refunded)
    FROM (SELECT n.*, s.outstanding,
                 COALESCE(voucher.sum(n.amount) FILTER (WHERE n.kind = 'payment') OVER (PARTITION BY n.account_id, n.order_id ORDER BY n.version), 0::voucher.amount) AS running
          FROM voucher.settlement_entry AS n
          JOIN voucher.settlement AS s ON s.account_id = n.account_id AND s.order_id = n.order_id) AS e
    CROSS JOIN LATERAL (SELECT e.paid OPERATOR(voucher.+) e.waived AS settled) AS p
    WHERE e.paid OPERATOR(voucher.<>) e.running OR p.settled OPERATOR(voucher.>) e.outstanding
       OR e.refunded OPERATOR(voucher.>) 0 AND p.settled OPERATOR(voucher.<>) e.outstanding

    -- re-ratings: their totals, their bills, and what the chain has billed
    UNION ALL
    SELECT 'what is taken back rises with re-ratings only', e.account_id, format('%s version %s', e.order_id, e.version),
           format('%s, waived %s', e.rerated_before, e.waived_before), format('%s, waived %s', e.rerated, e.waived)
    FROM (SELECT n.*, s.gross OPERATOR(voucher.-) s.rounding AS billed,
                 lag(n.rerated, 1, 0::voucher.amount) OVER w AS rerated_before, lag(n.waived, 1, 0::voucher.amount) OVER w AS waived_before
          FROM voucher.settlement_entry AS n
          JOIN voucher.settlement AS s ON s.account_id = n.account_id AND s.order_id = n.order_id
          WINDOW w AS (PARTITION BY n.account_id, n.order_id ORDER BY n.version)) AS e
    WHERE e.rerated OPERATOR(voucher.>) e.billed
       OR CASE WHEN e.kind = 'rerate' THEN e.rerated OPERATOR(voucher.<=) e.rerated_before OR e.waived OPERATOR(voucher.<) e.waived_before
               ELSE e.rerated OPERATOR(voucher.<>) e.rerated_before OR e.waived OPERATOR(voucher.<>) e.waived_before END

    -- g of a total T after a discount D: g * T / (T + D), half up; where something came back
    -- when the minor unit was smaller, less than the one and a half that two roundings make off
    UNION ALL
    SELECT 'what is taken back comes back after discounts', b.account_id, b.order_id, round(b.share, b.minor_digits)::voucher.amount::text, b.back::text
    FROM (SELECT s.account_id, s.order_id, c.minor_digits,
                 CASE WHEN n.rerated::numeric = t.total + s.discount::numeric THEN t.total
                      ELSE n.rerated::numeric * t.total / NULLIF(t.total + s.discount::numeric, 0) END AS share,
                 n.waived OPERATOR(voucher.+) COALESCE((SELECT voucher.sum(u.requested) FROM voucher.settlement_entry AS u
                     WHERE u.account_id = s.account_id AND u.order_id = s.order_id AND u.rerating_id IS NOT NULL), 0::voucher.amount) AS back
          FROM voucher.settlement AS s
          JOIN voucher.currency AS c ON c.currency = s.currency
          JOIN voucher.settlement_entry AS n ON n.account_id = s.account_id AND n.order_id = s.order_id AND n.version = s.entry_version
          CROSS JOIN LATERAL (SELECT s.voucher::numeric + s.cash::numeric + s.outstanding::numeric AS total) AS t
          WHERE n.rerated OPERATOR(voucher.>) 0) AS b
    CROSS JOIN LATERAL (SELECT b.back::numeric AS back) AS n
    WHERE CASE WHEN n.back = trunc(n.back, b.minor_digits) THEN n.back <> round(b.share, b.minor_digits)
               ELSE abs(n.back - b.share) >= 1.5 * 10::numeric ^ (- b.minor_digits) END

    UNION ALL
    SELECT 'a re-rating bills what its lines come to', r.account_id, format('%s version %s', r.order_id, r.version),
           l.total::voucher.amount::text, format('%s of %s', r.billed, r.gross)
    FROM voucher.rerating AS r
    JOIN voucher.settlement AS s ON s.account_id = r.account_id AND s.order_id = r.order_id
    JOIN voucher.currency AS c ON c.currency = s.currency
    CROSS JOIN LATERAL (SELECT sum(u.amount::numeric) AS total FROM unnest(r.lines) AS u) AS l
    WHERE r.gross::numeric <> l.total OR r.billed::numeric > l.total OR l.total - r.billed::numeric >= 10::numeric ^ (- c.minor_digits)

    UNION ALL
    SELECT 're-rating follows from the one before', r.account_id, format('%s version %s', r.order_id, r.version),
           format('%s after version %s', r.before, r.n - 1),
           format('%s + %s - %s after version %s', r.billed_before, r.charged, r.taken_back, r.version - 1)
    FROM (SELECT q.*, row_number() OVER w AS n, lag(q.billed, 1, s.gross OPERATOR(voucher.-) s.rounding) OVER w AS before
          FROM voucher.rerating AS q
          JOIN voucher.settlement AS s ON s.account_id = q.account_id AND s.order_id = q.order_id
          WINDOW w AS (PARTITION BY q.account_id, q.order_id ORDER BY q.version)) AS r
    WHERE r.version <> r.n OR r.billed_before OPERATOR(voucher.<>) r.before
       OR r.billed OPERATOR(voucher.<>) ((r.billed_before OPERATOR(voucher.+) r.charged) OPERATOR(voucher.-) r.taken_back)

    UNION ALL
    SELECT 'bills of a chain = its last re-rating', q.account_id, q.order_id, r.billed::text, q.billed::text
    FROM (SELECT s.account_id, COALESCE(s.rerates, s.order_id) AS order_id,
                 voucher.sum((s.gross OPERATOR(voucher.-) s.rounding) OPERATOR(voucher.-) COALESCE(n.rerated, 0::voucher.amount)) AS billed
          FROM voucher.settlement AS s
          LEFT JOIN voucher.settlement_entry AS n
              ON n.account_id = s.account_id AND n.order_id = s.order_id AND n.version = s.entry_version
          GROUP BY s.account_id, COALESCE(s.rerates, s.order_id)
          HAVING count(s.rerates) > 0 OR count(*) FILTER (WHERE n.rerated OPERATOR(voucher.>) 0) > 0) AS q
    LEFT JOIN (SELECT DISTINCT ON (p.account_id, p.order_id) p.* FROM voucher.rerating AS p
               ORDER BY p.account_id, p.order_id, p.version DESC) AS r
        ON r.account_id = q.account_id AND r.order_id = q.order_id
    WHERE (q.billed OPERATOR(voucher.=) r.billed) IS NOT TRUE

    UNION ALL
    SELECT 'a re-rating has its supplementary bill', COALESCE(r.account_id, s.account_id), COALESCE(r.rerating_id, s.order_id),
           format('%s: %s', r.order_id, r.charged), format('%s: %s', s.rerates, s.gross OPERATOR(voucher.-) s.rounding)
    FROM (SELECT * FROM voucher.rerating AS p WHERE p.charged OPERATOR(voucher.<>) 0) AS r
    FULL JOIN (SELECT * FROM voucher.settlement AS o WHERE o.rerates IS NOT NULL) AS s
        ON s.account_id = r.account_id AND s.order_id = r.rerating_id AND s.rerates = r.order_id
    WHERE (r.charged OPERATOR(voucher.=) (s.gross OPERATOR(voucher.-) s.rounding)) IS NOT TRUE

    UNION ALL
    SELECT 'a re-rating took back what entries say', COALESCE(r.account_id, e.account_id), COALESCE(r.rerating_id, e.rerating_id),
           format('%s: %s = waived %s, cash %s, returned %s', r.order_id, r.taken_back, r.waived, r.refunded_cash, r.returned),
           format('%s: %s = waived %s, cash %s, returned %s', e.chain, e.taken_back, e.waived, e.refunded_cash, e.returned)
    FROM (SELECT * FROM voucher.rerating AS p WHERE p.taken_back OPERATOR(voucher.<>) 0) AS r
    FULL JOIN (SELECT n.account_id, n.rerating_id, COALESCE(s.rerates, s.order_id) AS chain,
                      voucher.sum(n.rerated OPERATOR(voucher.-) n.rerated_before) AS taken_back,
                      voucher.sum(n.waived OPERATOR(voucher.-) n.waived_before) AS waived,
                      voucher.sum(OPERATOR(voucher.-) n.amount) AS refunded_cash,
                      voucher.sum(n.returned OPERATOR(voucher.-) n.returned_before) AS returned
               FROM (SELECT m.*, lag(m.rerated, 1, 0::voucher.amount) OVER w AS rerated_before,
                            lag(m.waived, 1, 0::voucher.amount) OVER w AS waived_before,
                            lag(m.returned, 1, 0::voucher.amount) OVER w AS returned_before
                     FROM voucher.settlement_entry AS m
                     WINDOW w AS (PARTITION BY m.account_id, m.order_id ORDER BY m.version)) AS n
               JOIN voucher.settlement AS s ON s.account_id = n.account_id AND s.order_id = n.order_id
               WHERE n.rerating_id IS NOT NULL GROUP BY n.account_id, n.rerating_id, COALESCE(s.rerates, s.order_id)) AS e
        ON e.account_id = r.account_id AND e.rerating_id = r.rerating_id AND e.chain = r.order_id
    WHERE (r.taken_back OPERATOR(voucher.=) e.taken_back AND r.waived OPERATOR(voucher.=) e.waived
           AND r.refunded_cash OPERATOR(voucher.=) e.refunded_cash AND r.returned OPERATOR(voucher.=) e.returned) IS NOT TRUE

    UNION ALL
    SELECT 'only standing bills are re-rated', s.account_id, s.order_id, 'pay_as_you_go',
           concat_ws(', ', s.payment_type, 'supplements ' || s.rerates, CASE WHEN c.order_id IS NOT NULL THEN 'cancelled' END)
    FROM voucher.settlement AS s
    LEFT JOIN voucher.rerating AS r ON r.account_id = s.account_id AND r.order_id = s.order_id AND r.version = 1
    LEFT JOIN voucher.settlement_entry AS c ON c.account_id = s.account_id AND c.order_id = s.order_id AND c.kind = 'cancel'
    WHERE r.order_id IS NOT NULL AND s.rerates IS NOT NULL
       OR COALESCE(r.order_id, s.rerates) IS NOT NULL AND (s.payment_type <> 'pay_as_you_go' OR c.order_id IS NOT NULL)

    UNION ALL
    SELECT 'requests are kept', COALESCE(e.account_id, r.account_id), COALESCE(e.request_id, r.request_id),
           format('%s %s version %s', e.entries, e.key, e.version), format('%s %s version %s', r.entries, r.key, r.version)
    FROM (SELECT c.account_id, c.request_id, 'cash_entry' AS entries, c.currency AS key, c.version FROM voucher.cash_entry AS c
          WHERE c.request_id IS NOT NULL
          UNION ALL SELECT i.account_id, i.request_id, 'entry', i.instrument_id::text, i.version FROM voucher.entry AS i
          WHERE i.request_id IS NOT NULL AND i.campaign IS NULL
          UNION ALL SELECT DISTINCT l.account_id, l.request_id, 'claim', l.campaign, l.version FROM voucher.entry AS l
          WHERE l.request_id IS NOT NULL AND l.campaign IS NOT NULL
          UNION ALL SELECT s.account_id, s.request_id, 'settlement_entry', s.order_id, s.version FROM voucher.settlement_entry AS s
          WHERE s.request_id IS NOT NULL) AS e
    FULL JOIN voucher.request AS r ON r.account_id = e.account_id AND r.request_id = e.request_id
        AND r.entries = e.entries AND r.key = e.key AND r.version = e.version
    WHERE e.account_id IS NULL OR r.account_id IS NULL

    -- a settlement adds up
    UNION ALL
    SELECT 'gross = discount + rounding + voucher + cash + outstanding', s.account_id, s.order_id, s.gross::text,
           format('%s + %s + %s + %s + %s', s.discount, s.rounding, s.voucher, s.cash, s.outstanding)
    FROM voucher.settlement AS s
    WHERE s.gross OPERATOR(voucher.<>) (s.discount OPERATOR(voucher.+) s.rounding OPERATOR(voucher.+) s.voucher OPERATOR(voucher.+) s.cash OPERATOR(voucher.+) s.outstanding)
       OR s.discount OPERATOR(voucher.<) 0 OR s.rounding OPERATOR(voucher.<) 0
       OR s.voucher OPERATOR(voucher.<) 0 OR s.cash OPERATOR(voucher.<) 0 OR s.outstanding OPERATOR(voucher.<) 0

    UNION ALL
    SELECT 'gross = sum of lines', s.account_id, s.order_id, l.total::text, s.gross::text
    FROM voucher.settlement AS s
    CROSS JOIN LATERAL (SELECT voucher.sum(u.amount) AS total FROM unnest(s.lines) AS u) AS l
    WHERE (s.gross OPERATOR(voucher.=) l.total) IS NOT TRUE

    UNION ALL
    SELECT 'sum of shares = part', s.account_id, format('%s instrument %s', s.order_id, u.instrument_id),
           u.paid::text, CASE WHEN p.least OPERATOR(voucher.<) 0 THEN format('%s with a share of %s', p.total, p.least) ELSE p.total::text END
    FROM voucher.settlement AS s
    CROSS JOIN LATERAL unnest(s.parts) AS u
    CROSS JOIN LATERAL (SELECT voucher.sum(g) AS total, voucher.min(g) AS least, count(g) AS lines FROM unnest(u.share) AS g) AS p
    WHERE (p.total OPERATOR(voucher.=) u.paid AND p.least OPERATOR(voucher.>=) 0 AND p.lines = cardinality(s.lines)) IS NOT TRUE

    UNION ALL
    SELECT 'shares <= line', s.account_id, format('%s line %s', s.order_id, l.line_no), l.amount::text, p.total::text
    FROM voucher.settlement AS s
    CROSS JOIN LATERAL unnest(s.lines) WITH ORDINALITY AS l (line_no, product, order_type, amount, duration, region, tags, at, j)
    CROSS JOIN LATERAL (SELECT voucher.sum(u.share[l.j]) AS total FROM unnest(s.parts) AS u) AS p
    WHERE p.total OPERATOR(voucher.>) l.amount AND p.total OPERATOR(voucher.>) 0

    UNION ALL
    SELECT 'parts = discount and voucher', s.account_id, s.order_id,
           format('discount %s, voucher %s', s.discount, s.voucher), format('discount %s, voucher %s', p.discount, p.voucher)
    FROM voucher.settlement AS s
    CROSS JOIN LATERAL (
        SELECT COALESCE(voucher.sum(u.paid) FILTER (WHERE t.reduces), 0::voucher.amount) AS discount,
               COALESCE(voucher.sum(u.paid) FILTER (WHERE NOT t.reduces), 0::voucher.amount) AS voucher
        FROM unnest(s.parts) AS u
        JOIN voucher.instrument AS n ON n.account_id = s.account_id AND n.instrument_id = u.instrument_id
        JOIN voucher.template AS t ON t.template_id = n.template_id) AS p
    WHERE s.discount OPERATOR(voucher.<>) p.discount OR s.voucher OPERATOR(voucher.<>) p.voucher

    -- without a foreign key: it would cost every settlement a look-up
    UNION ALL
    SELECT 'policy of a settlement exists', s.account_id, s.order_id, s.policy, NULL
    FROM voucher.settlement AS s
    WHERE s.policy IS NOT NULL AND NOT EXISTS (SELECT FROM voucher.policy AS p WHERE p.policy = s.policy)

    -- settlements and entries tell the same story
    UNION ALL
    SELECT 'cash entries of an order = its cash', COALESCE(s.account_id, e.account_id), COALESCE(s.order_id, e.order_id),
           NULLIF(format('paid %s, arrears %s, refunded %s', s.cash, s.arrears, s.refunded), 'paid , arrears , refunded '),
           NULLIF(format('paid %s, arrears %s, refunded %s', e.paid, e.arrears, e.refunded), 'paid , arrears , refunded ')
    FROM (SELECT o.account_id, o.order_id, o.cash, COALESCE(n.paid, 0::voucher.amount) AS arrears, COALESCE(n.refunded_cash, 0::voucher.amount) AS refunded
          FROM voucher.settlement AS o
          LEFT JOIN voucher.settlement_entry AS n
              ON n.account_id = o.account_id AND n.order_id = o.order_id AND n.version = o.entry_version) AS s
    FULL JOIN (SELECT c.account_id, c.order_id,
                      COALESCE(voucher.sum(OPERATOR(voucher.-) c.amount) FILTER (WHERE c.kind = 'settle'), 0::voucher.amount) AS paid,
                      COALESCE(voucher.sum(OPERATOR(voucher.-) c.amount) FILTER (WHERE c.kind = 'arrears'), 0::voucher.amount) AS arrears,
                      COALESCE(voucher.sum(c.amount) FILTER (WHERE c.kind IN ('refund', 'cancel')), 0::voucher.amount) AS refunded
               FROM voucher.cash_entry AS c WHERE c.order_id IS NOT NULL GROUP BY c.account_id, c.order_id) AS e
        ON e.account_id = s.account_id AND e.order_id = s.order_id
    WHERE (s.cash OPERATOR(voucher.=) COALESCE(e.paid, 0::voucher.amount)
           AND s.arrears OPERATOR(voucher.=) COALESCE(e.arrears, 0::voucher.amount)
           AND s.refunded OPERATOR(voucher.=) COALESCE(e.refunded, 0::voucher.amount)) IS NOT TRUE

    UNION ALL
    SELECT 'entries of an order = its parts', COALESCE(s.account_id, e.account_id),
           format('%s instrument %s', COALESCE(s.order_id, e.order_id), COALESCE(s.instrument_id, e.instrument_id)),
           (CASE WHEN s.by_rate THEN 0::voucher.amount ELSE OPERATOR(voucher.-) s.paid END)::text,
           CASE WHEN e.times > 1 THEN format('%s in %s entries', e.amount, e.times) ELSE e.amount::text END
    FROM (SELECT o.account_id, o.order_id, u.instrument_id, u.paid, n.face_value IS NULL AS by_rate
          FROM voucher.settlement AS o
          CROSS JOIN LATERAL unnest(o.parts) AS u
          LEFT JOIN voucher.instrument AS n ON n.account_id = o.account_id AND n.instrument_id = u.instrument_id) AS s
    FULL JOIN (SELECT n.account_id, n.order_id, n.instrument_id, voucher.sum(n.amount) AS amount, count(*) AS times
               FROM voucher.entry AS n WHERE n.kind = 'settle' GROUP BY n.account_id, n.order_id, n.instrument_id) AS e
        ON e.account_id = s.account_id AND e.order_id = s.order_id AND e.instrument_id = s.instrument_id
    WHERE (e.times = 1 AND e.amount OPERATOR(voucher.=) CASE WHEN s.by_rate THEN 0::voucher.amount ELSE OPERATOR(voucher.-) s.paid END) IS NOT TRUE

    -- refunds, cancelled orders, gifts
    UNION ALL
    SELECT 'no more returned than paid', e.account_id, format('%s instrument %s', e.order_id, e.instrument_id), '0.00, uses 0',
           format('%s, uses %s', e.amount, e.uses)
    FROM (SELECT n.account_id, n.order_id, n.instrument_id, voucher.sum(n.amount) AS amount, sum(n.uses) AS uses
          FROM voucher.entry AS n WHERE n.kind IN ('settle', 'return') AND n.order_id IS NOT NULL
          GROUP BY n.account_id, n.order_id, n.instrument_id) AS e
    WHERE e.amount OPERATOR(voucher.>) 0 OR e.uses < 0

    UNION ALL
    SELECT 'returned = entries of tenders', COALESCE(s.account_id, e.account_id), COALESCE(s.order_id, e.order_id), s.returned::text, e.returned::text
    FROM (SELECT o.account_id, o.order_id, n.returned
          FROM voucher.settlement AS o
          JOIN voucher.settlement_entry AS n
              ON n.account_id = o.account_id AND n.order_id = o.order_id AND n.version = o.entry_version) AS s
    FULL JOIN (SELECT n.account_id, n.order_id, voucher.sum(n.amount) AS returned
               FROM voucher.entry AS n
               JOIN voucher.instrument AS i ON i.account_id = n.account_id AND i.instrument_id = n.instrument_id
               JOIN voucher.template AS t ON t.template_id = i.template_id
               WHERE n.kind = 'return' AND NOT t.reduces GROUP BY n.account_id, n.order_id) AS e
        ON e.account_id = s.account_id AND e.order_id = s.order_id
    WHERE COALESCE(s.returned, 0::voucher.amount) OPERATOR(voucher.<>) COALESCE(e.returned, 0::voucher.amount)

    UNION ALL
    SELECT 'refunded lines = requested', n.account_id, format('%s version %s', n.order_id, n.version), n.requested::text, l.total::text
    FROM voucher.settlement_entry AS n
    CROSS JOIN LATERAL (SELECT voucher.sum(u) AS total FROM unnest(n.line_amounts) AS u) AS l
    WHERE n.lines IS NOT NULL AND (n.requested OPERATOR(voucher.=) l.total) IS NOT TRUE

    UNION ALL
    SELECT 'no more refunded than a line', r.account_id, format('%s line %s', r.order_id, r.line_no), l.amount::text, r.amount::text
    FROM (SELECT n.account_id, n.order_id, u.line_no, voucher.sum(u.amount) AS amount
          FROM voucher.settlement_entry AS n
          CROSS JOIN LATERAL ROWS FROM (unnest(n.lines), unnest(n.line_amounts)) AS u (line_no, amount)
          GROUP BY n.account_id, n.order_id, u.line_no) AS r
    -- below the minor unit a line may have come to the next whole one
    LEFT JOIN (SELECT s.account_id, s.order_id, u.line_no, u.amount, (10::numeric ^ (- c.minor_digits))::voucher.amount AS unit
               FROM voucher.settlement AS s
               JOIN voucher.currency AS c ON c.currency = s.currency
               CROSS JOIN LATERAL unnest(s.lines) AS u) AS l
        ON l.account_id = r.account_id AND l.order_id = r.order_id AND l.line_no = r.line_no
    WHERE (r.amount OPERATOR(voucher.<) (l.amount OPERATOR(voucher.+) l.unit)) IS NOT TRUE

    UNION ALL
    SELECT 'a cancel gives back all', n.account_id, n.order_id,
           format('%s, cash %s', s.voucher OPERATOR(voucher.+) s.cash OPERATOR(voucher.+) s.outstanding, s.cash OPERATOR(voucher.+) s.outstanding),
           format('%s, cash %s', n.requested, n.refunded_cash)
    FROM voucher.settlement_entry AS n
    JOIN voucher.settlement AS s ON s.account_id = n.account_id AND s.order_id = n.order_id
    WHERE n.kind = 'cancel'
      AND (n.requested OPERATOR(voucher.<>) (s.voucher OPERATOR(voucher.+) s.cash OPERATOR(voucher.+) s.outstanding)
           OR n.refunded_cash OPERATOR(voucher.<>) (s.cash OPERATOR(voucher.+) s.outstanding))

    UNION ALL
    SELECT 'a gift goes with its order', g.account_id, g.instrument_id::text, g.order_id, format('%s, used %s', g.balance, g.used)
    FROM (SELECT e.account_id, e.instrument_id, e.order_id, i.balance, i.used, i.max_uses, i.face_value, i.cancelled
          FROM voucher.entry AS e
          JOIN voucher.instrument AS i ON i.account_id = e.account_id AND i.instrument_id = e.instrument_id
          WHERE e.kind = 'issue' AND e.order_id IS NOT NULL) AS g
    LEFT JOIN voucher.settlement AS s ON s.account_id = g.account_id AND s.order_id = g.order_id
    LEFT JOIN voucher.settlement_entry AS n
        ON n.account_id = s.account_id AND n.order_id = s.order_id AND n.version = s.entry_version
    WHERE s.order_id IS NULL
       OR (n.refunded OPERATOR(voucher.+) n.waived) OPERATOR(voucher.=) (s.voucher OPERATOR(voucher.+) s.cash OPERATOR(voucher.+) s.outstanding)
          AND (g.balance OPERATOR(voucher.>) 0 OR g.face_value IS NULL AND NOT g.cancelled AND g.used < g.max_uses)

    -- invoices, codes, first purchases
    UNION ALL
    SELECT 'invoice = sum of its lines', i.account_id, i.invoice_id, i.amount::text, l.total::text
    FROM voucher.invoice AS i
    CROSS JOIN LATERAL (SELECT voucher.sum(OPERATOR(voucher.-) n.amount) AS total FROM voucher.settlement_entry AS n
                        WHERE n.account_id = i.account_id AND n.invoice_id = i.invoice_id
                          AND n.kind = CASE WHEN i.credits IS NULL THEN 'invoice' ELSE 'credit' END) AS l
    WHERE (i.amount OPERATOR(voucher.=) l.total) IS NOT TRUE

    UNION ALL
    SELECT 'an invoice is in the currency of its orders', i.account_id, format('%s order %s', i.invoice_id, s.order_id), i.currency, s.currency
    FROM voucher.invoice AS i
    JOIN voucher.settlement_entry AS n ON n.account_id = i.account_id AND n.invoice_id = i.invoice_id
    JOIN voucher.settlement AS s ON s.account_id = n.account_id AND s.order_id = n.order_id
    WHERE i.currency <> s.currency

    UNION ALL
    SELECT 'void takes back an invoice line', v.account_id, format('%s order %s', v.invoice_id, v.order_id),
           (OPERATOR(voucher.-) l.amount)::text, v.amount::text
    FROM voucher.settlement_entry AS v
    LEFT JOIN voucher.settlement_entry AS l ON l.account_id = v.account_id AND l.invoice_id = v.invoice_id
        AND l.order_id = v.order_id AND l.kind IN ('invoice', 'credit')
    WHERE v.kind = 'void' AND (v.amount OPERATOR(voucher.=) (OPERATOR(voucher.-) l.amount)) IS NOT TRUE

    UNION ALL
    SELECT 'an invoice is void with all its lines', v.account_id, v.invoice_id, count(*)::text, (count(*) FILTER (WHERE v.kind = 'void'))::text
    FROM voucher.settlement_entry AS v
    WHERE v.invoice_id IS NOT NULL
    GROUP BY v.account_id, v.invoice_id
    HAVING count(*) FILTER (WHERE v.kind = 'void') NOT IN (0, count(*) FILTER (WHERE v.kind <> 'void'))

    UNION ALL
    SELECT 'no more credited than invoiced', c.account_id, format('%s order %s', c.credits, c.order_id), l.amount::text, c.amount::text
    FROM (SELECT i.account_id, i.credits, n.order_id, voucher.sum(n.amount) AS amount
          FROM voucher.invoice AS i
          JOIN voucher.settlement_entry AS n ON n.account_id = i.account_id AND n.invoice_id = i.invoice_id AND n.kind = 'credit'
          WHERE NOT EXISTS (SELECT FROM voucher.settlement_entry AS v
                            WHERE v.account_id = i.account_id AND v.invoice_id = i.invoice_id AND v.kind = 'void')
          GROUP BY i.account_id, i.credits, n.order_id) AS c
    LEFT JOIN (SELECT n.account_id, n.invoice_id, n.order_id, OPERATOR(voucher.-) n.amount AS amount
               FROM voucher.settlement_entry AS n
               WHERE n.kind = 'invoice'
                 AND NOT EXISTS (SELECT FROM voucher.settlement_entry AS v
                                 WHERE v.account_id = n.account_id AND v.invoice_id = n.invoice_id AND v.kind = 'void')) AS l
        ON l.account_id = c.account_id AND l.invoice_id = c.credits AND l.order_id = c.order_id
    WHERE (c.amount OPERATOR(voucher.<=) l.amount) IS NOT TRUE

    UNION ALL
    SELECT 'activated code has its instrument', c.account_id, format('code of template %s', c.template_id), c.instrument_id::text, NULL
    FROM voucher.minted_code AS c
    WHERE c.instrument_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM voucher.instrument AS i
                      WHERE i.account_id = c.account_id AND i.instrument_id = c.instrument_id AND i.template_id = c.template_id)

    UNION ALL
    SELECT 'a minting has its codes', NULL, COALESCE(g.minting_id, c.minting_id)::text, g.count::text, COALESCE(c.minted, 0)::text
    FROM voucher.minting AS g
    FULL JOIN (SELECT m.minting_id, m.template_id, count(*) AS minted FROM voucher.minted_code AS m
               WHERE m.minting_id IS NOT NULL GROUP BY m.minting_id, m.template_id) AS c
        ON c.minting_id = g.minting_id AND c.template_id = g.template_id
    WHERE (g.count = c.minted) IS NOT TRUE

    UNION ALL
    SELECT 'a code that is activated has arrived', c.account_id, format('code of minting %s', c.minting_id), 'arrived',
           CASE WHEN g.replaced_at IS NULL THEN 'not arrived' ELSE 'replaced' END
    FROM voucher.minted_code AS c
    JOIN voucher.minting AS g ON g.minting_id = c.minting_id AND g.request_id IS NOT NULL AND g.arrived_at IS NULL
    WHERE c.account_id IS NOT NULL

    UNION ALL
    SELECT 'codes of a space are counted', NULL, COALESCE(s.space, c.space), c.minted::text, s.minted::text
    FROM (SELECT m.space, count(*) AS minted FROM voucher.minted_code AS m WHERE m.space IS NOT NULL GROUP BY m.space) AS c
    FULL JOIN voucher.code_space AS s ON s.space = c.space
    WHERE (c.minted = s.minted) IS NOT TRUE

    UNION ALL
    -- of orders that stand: those that bought it first, and those it was handed on to
    SELECT 'first purchases are kept', COALESCE(s.account_id, p.account_id), COALESCE(s.product, p.product), s.order_id, p.order_id
    FROM (SELECT o.account_id, u.product, o.order_id FROM voucher.settlement AS o
          CROSS JOIN LATERAL unnest(o.first_purchase) AS u (product)
          WHERE NOT EXISTS (SELECT FROM voucher.settlement_entry AS c
                            WHERE c.account_id = o.account_id AND c.order_id = o.order_id AND c.kind = 'cancel')) AS s
    FULL JOIN (SELECT * FROM voucher.purchase WHERE purchase.order_id IS NOT NULL) AS p
        ON p.account_id = s.account_id AND p.product = s.product
    WHERE s.order_id IS DISTINCT FROM p.order_id
      AND (s.order_id IS NOT NULL
           OR EXISTS (SELECT FROM voucher.settlement_entry AS c
                      WHERE c.account_id = p.account_id AND c.order_id = p.order_id AND c.kind = 'cancel')
           OR NOT EXISTS (SELECT FROM voucher.settlement AS o
                          JOIN voucher.settlement_entry AS c ON c.account_id = o.account_id AND c.order_id = o.order_id AND c.kind = 'cancel'
                          WHERE o.account_id = p.account_id AND p.product = ANY (o.first_purchase))
           OR NOT EXISTS (SELECT FROM voucher.settlement AS o
                          CROSS JOIN LATERAL unnest(o.lines) AS l
                          WHERE o.account_id = p.account_id AND o.order_id = p.order_id AND l.order_type = 'purchase'
                            AND (l.product = p.product OR starts_with(l.product, p.product || '.'))))

    UNION ALL
    SELECT 'no more than per_account', i.account_id, t.name, t.per_account::text, count(i.ordinal)::text
    FROM voucher.instrument AS i
    JOIN voucher.template AS t ON t.template_id = i.template_id
    GROUP BY i.account_id, t.template_id
    HAVING count(i.ordinal) > t.per_account

    -- holds: counted, adding up, and resolved as they say
    UNION ALL
    SELECT 'unresolved holds are counted', a.account_id, a.currency, count(h.order_id)::text, a.holds::text
    FROM voucher.account AS a
    LEFT JOIN voucher.hold AS h ON h.account_id = a.account_id AND h.resolution IS NULL
    GROUP BY a.account_id, a.currency
    HAVING count(h.order_id) <> a.holds

    UNION ALL
    SELECT 'a hold adds up', h.account_id, format('%s version %s', h.order_id, h.version), h.gross::text, p.gross::text
    FROM voucher.hold AS h
    CROSS JOIN LATERAL (SELECT voucher.sum(l.amount) AS gross FROM unnest(h.lines) AS l) AS p
    WHERE h.gross OPERATOR(voucher.<>) p.gross
       OR h.gross OPERATOR(voucher.<>) (((h.discount OPERATOR(voucher.+) h.rounding) OPERATOR(voucher.+) h.voucher) OPERATOR(voucher.+) h.cash)
       OR (SELECT COALESCE(voucher.sum(u.paid), 0::voucher.amount) FROM unnest(h.parts) AS u) OPERATOR(voucher.<>) (h.discount OPERATOR(voucher.+) h.voucher)

    UNION ALL
    SELECT 'a captured hold is settled', COALESCE(h.account_id, s.account_id), format('%s version %s', COALESCE(h.order_id, s.order_id), COALESCE(h.version, s.hold)),
           h.gross::text, s.gross::text
    FROM (SELECT * FROM voucher.hold WHERE hold.resolution = 'captured') AS h
    FULL JOIN (SELECT * FROM voucher.settlement WHERE settlement.hold IS NOT NULL) AS s
        ON s.account_id = h.account_id AND s.order_id = h.order_id AND s.hold = h.version
    WHERE (s.gross OPERATOR(voucher.<=) h.gross AND s.voucher OPERATOR(voucher.<=) h.voucher AND s.discount OPERATOR(voucher.<=) h.discount) IS NOT TRUE

    UNION ALL
    SELECT 'what is held of a limit is kept', COALESCE(e.account_id, f.account_id),
           format('limit %s, %s version %s', COALESCE(e.limit_id, f.limit_id), COALESCE(e.order_id, f.order_id), COALESCE(e.version, f.version)),
           format('%s, %s', e.uses, e.amount), format('%s, %s', f.uses, f.amount)
    FROM (SELECT h.account_id, h.order_id, h.version, l.limit_id, count(*) AS uses,
                 COALESCE(voucher.sum(u.paid) FILTER (WHERE l.max_amount IS NOT NULL), 0::voucher.amount) AS amount,
                 COALESCE(date_trunc(l.period, h.at, l.time_zone), '-infinity') AS period_start
          FROM voucher.hold AS h
          CROSS JOIN LATERAL unnest(h.parts) AS u
          JOIN voucher.instrument AS n ON n.account_id = h.account_id AND n.instrument_id = u.instrument_id
          JOIN voucher.template AS t ON t.template_id = n.template_id
          JOIN voucher.usage_limit AS l ON l.counts = 'use' AND COALESCE(l.template_id = t.template_id, l.campaign = t.campaign)
              AND COALESCE(l.currency, t.currency) = t.currency
          WHERE h.resolution IS NULL
          GROUP BY h.account_id, h.order_id, h.version, l.limit_id) AS e
    FULL JOIN voucher.held_usage AS f
        ON f.account_id = e.account_id AND f.order_id = e.order_id AND f.version = e.version AND f.limit_id = e.limit_id
        AND f.period_start = e.period_start
    WHERE (e.uses = f.uses AND e.amount OPERATOR(voucher.=) f.amount) IS NOT TRUE

    UNION ALL
    SELECT 'holds of a limit are counted', COALESCE(f.account_id, e.account_id),
           format('limit %s from %s', COALESCE(e.limit_id, f.limit_id), COALESCE(e.period_start, f.period_start)),
           COALESCE(e.held, 0)::text, COALESCE(f.held, 0)::text
    FROM (SELECT CASE WHEN h.per_account THEN h.account_id END AS account_id, h.limit_id, h.period_start, count(*) AS held
          FROM voucher.held_usage AS h GROUP BY 1, 2, 3) AS e
    FULL JOIN (SELECT NULL AS account_id, n.* FROM voucher.total_usage AS n
               UNION ALL SELECT * FROM voucher.account_usage) AS f
        ON f.limit_id = e.limit_id AND f.period_start = e.period_start
        AND COALESCE(f.account_id, '') = COALESCE(e.account_id, '')
    WHERE COALESCE(e.held, 0) <> COALESCE(f.held, 0)

    -- counters of limits are what the ledger's rows add up to
    UNION ALL
    SELECT 'usage of a limit is counted', COALESCE(e.account_id, f.account_id),
           format('limit %s from %s', COALESCE(e.limit_id, f.limit_id), COALESCE(e.period_start, f.period_start)),
           format('%s, %s', COALESCE(e.used, 0), COALESCE(e.amount, 0::voucher.amount)),
           format('%s, %s', COALESCE(f.used, 0), COALESCE(f.amount, 0::voucher.amount))
    FROM (SELECT l.limit_id, CASE WHEN l.per = 'account' THEN u.account_id END AS account_id,
                 COALESCE(date_trunc(l.period, u.at, l.time_zone), '-infinity') AS period_start,
                 count(*) AS used,
                 -- of what is not limited the sum may be no amount
                 COALESCE(voucher.sum(u.amount) FILTER (WHERE l.max_amount IS NOT NULL), 0::voucher.amount) AS amount
          FROM (SELECT s.account_id, n.template_id, 'use' AS counts, s.at, p.paid AS amount
                FROM voucher.settlement AS s
                CROSS JOIN LATERAL unnest(s.parts) AS p
                JOIN voucher.instrument AS n ON n.account_id = s.account_id AND n.instrument_id = p.instrument_id
                WHERE NOT EXISTS (SELECT FROM voucher.settlement_entry AS c
                                  WHERE c.account_id = s.account_id AND c.order_id = s.order_id AND c.kind = 'cancel')
                UNION ALL
                SELECT i.account_id, i.template_id, 'issue', i.issued_at, COALESCE(i.face_value, 0::voucher.amount)
                FROM voucher.instrument AS i WHERE i.issued) AS u
          JOIN voucher.template AS t ON t.template_id = u.template_id
          JOIN voucher.usage_limit AS l ON l.counts = u.counts AND COALESCE(l.template_id = t.template_id, l.campaign = t.campaign)
              AND COALESCE(l.currency, t.currency) = t.currency
          GROUP BY 1, 2, 3) AS e
    FULL JOIN (SELECT NULL AS account_id, n.* FROM voucher.total_usage AS n
               UNION ALL SELECT * FROM voucher.account_usage) AS f
        ON f.limit_id = e.limit_id AND f.period_start = e.period_start
        AND COALESCE(f.account_id, '') = COALESCE(e.account_id, '')
    WHERE COALESCE(e.used, 0) <> COALESCE(f.used, 0)
       OR COALESCE(e.amount, 0::voucher.amount) OPERATOR(voucher.<>) COALESCE(f.amount, 0::voucher.amount)
$$;
COMMENT ON FUNCTION voucher.check() IS 'every broken invariant: which rule, where, what it should be and what it is; no rows on a sound database';
