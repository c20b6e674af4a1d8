-- ---------------------------------------------------------------------------
-- report: what is owed, what lapsed, what campaigns brought, what expires soon
--
-- Every figure is a sum of entries, so that for each currency
--
--   issued + adjusted = used + expired + outstanding
--
-- whatever kinds of entries there are: "issued" are those of kind issue, "used"
-- those of kind settle less those of kind return, and what shares drew less what they
-- gave back, "adjusted" all others: what is used through a share counts once, as used
-- of the voucher, and shares themselves are left out.  Stored value is what tenders hold (a reduction was never owed).  It
-- lapses at the expiry, and earlier if the last of the instrument's uses is taken
-- while some is left; in the month of the last instant before: what is valid
-- through 31 March lapses in March.
--
-- Totals of many accounts are numeric: they may be more than an amount holds.
-- ---------------------------------------------------------------------------

CREATE TABLE voucher.reminding (
    request_id  text COLLATE "C" NOT NULL,
    within      interval NOT NULL,
    count       integer NOT NULL,
    at          timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    actor       text,
    recorded_by text COLLATE "C" NOT NULL DEFAULT session_user,
    CONSTRAINT reminding_pkey PRIMARY KEY (request_id)
);
SELECT pg_catalog.pg_extension_config_dump('voucher.reminding', '');
COMMENT ON TABLE voucher.reminding IS 'calls of take_expiring that had a request id';
COMMENT ON COLUMN voucher.reminding.request_id IS 'the caller''s key: the same request hands out the same';
COMMENT ON COLUMN voucher.reminding.within IS 'what it was asked for: within which interval, and at most how many';
COMMENT ON COLUMN voucher.reminding.at IS 'when, as the caller says';
COMMENT ON COLUMN voucher.reminding.actor IS 'who took it, as the caller says';
COMMENT ON COLUMN voucher.reminding.recorded_by IS 'the session''s user that took it';

CREATE TABLE voucher.reminder (
    account_id    text COLLATE "C" NOT NULL,
    instrument_id bigint NOT NULL,
    expiry        timestamptz NOT NULL,
    reminded_at   timestamptz NOT NULL,
    balance       voucher.amount NOT NULL,
    request_id    text COLLATE "C",
    recorded_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    actor         text,
    recorded_by   text COLLATE "C" NOT NULL DEFAULT session_user,
    CONSTRAINT reminder_pkey PRIMARY KEY (account_id, instrument_id, expiry),
    CONSTRAINT reminder_instrument_fkey FOREIGN KEY (account_id, instrument_id) REFERENCES voucher.instrument,
    CONSTRAINT reminder_request_fkey FOREIGN KEY (request_id) REFERENCES voucher.reminding
);
CREATE INDEX reminder_request_idx ON voucher.reminder (request_id) WHERE request_id IS NOT NULL;
SELECT pg_catalog.pg_extension_config_dump('voucher.reminder', '');
COMMENT ON TABLE voucher.reminder IS 'what take_expiring has handed out: an instrument once for each expiry';
COMMENT ON COLUMN voucher.reminder.expiry IS 'the expiry that was reminded of; with another one, a reminder is due again';
COMMENT ON COLUMN voucher.reminder.reminded_at IS 'when it was handed out, as the caller says';
COMMENT ON COLUMN voucher.reminder.balance IS 'what it was worth then';
COMMENT ON COLUMN voucher.reminder.request_id IS 'the request that it was handed out to';
COMMENT ON COLUMN voucher.reminder.actor IS 'who took it, as the caller says';
COMMENT ON COLUMN voucher.reminder.recorded_by IS 'the session''s user that took it';

CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.reminder
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protected AFTER UPDATE ON voucher.reminder
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.reminder
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.reminder
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();

CREATE TRIGGER t2_protect BEFORE UPDATE ON voucher.reminding
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_protected AFTER UPDATE ON voucher.reminding
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep BEFORE DELETE ON voucher.reminding
    FOR EACH ROW EXECUTE FUNCTION voucher.protect();
CREATE TRIGGER t2_keep_all BEFORE TRUNCATE ON voucher.reminding
    FOR EACH STATEMENT EXECUTE FUNCTION voucher.protect();

CREATE FUNCTION voucher.stored_value_of(
    at timestamptz DEFAULT pg_catalog.now(),
    OUT account_id    text,
    OUT instrument_id bigint,
    OUT template_id   bigint,
    OUT currency      text,
    OUT ends_at       timestamptz,
    OUT expired       boolean,
    OUT issued        voucher.amount,
    OUT adjusted      voucher.amount,
    OUT used          voucher.amount,
    OUT balance       voucher.amount)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT i.account_id, i.instrument_id, i.template_id, i.currency, u.ends_at, COALESCE(u.ends_at <= $1, false),
           e.issued, e.adjusted, e.used, e.balance
    FROM (SELECT n.account_id, n.instrument_id, voucher.sum(n.amount) AS balance, sum(n.uses) AS uses, max(n.at) FILTER (WHERE n.uses > 0) AS last_use,
                 COALESCE(voucher.sum(n.amount) FILTER (WHERE n.kind = 'issue'), 0::voucher.amount) AS issued,
                 COALESCE(voucher.sum(OPERATOR(voucher.-) n.amount) FILTER (WHERE n.kind IN ('settle', 'return', 'draw', 'give_back')), 0::voucher.amount) AS used,
                 COALESCE(voucher.sum(n.amount) FILTER (WHERE n.kind NOT IN ('issue', 'settle', 'return', 'draw', 'give_back')), 0::voucher.amount) AS adjusted
          FROM voucher.entry AS n
          WHERE n.at <= $1
          GROUP BY n.account_id, n.instrument_id) AS e
    JOIN voucher.instrument AS i ON i.account_id = e.account_id AND i.instrument_id = e.instrument_id
    JOIN voucher.template AS t ON t.template_id = i.template_id AND NOT t.reduces
    -- the expiry as it was then: what was extended since had another one
    LEFT JOIN (SELECT x.account_id, x.instrument_id,
                      (array_agg(upper(x.extended) ORDER BY x.version DESC) FILTER (WHERE x.at <= $1))[1] AS last_until,
                      (array_agg(lower(x.extended) ORDER BY x.version))[1] AS first_from
               FROM voucher.entry AS x
               WHERE x.extended IS NOT NULL
               GROUP BY x.account_id, x.instrument_id) AS x
        ON x.account_id = e.account_id AND x.instrument_id = e.instrument_id
    CROSS JOIN LATERAL (
        SELECT LEAST(NULLIF(COALESCE(x.last_until, x.first_from, upper(i.validity)), 'infinity'),
                     CASE WHEN e.uses >= i.max_uses THEN e.last_use END) AS ends_at) AS u
    WHERE i.face_value IS NOT NULL AND i.owner_account_id IS NULL
$$;
COMMENT ON FUNCTION voucher.stored_value_of(timestamptz)
    IS 'of every instrument that stores value, what its entries up to an instant come to: issued + adjusted = used + balance; what the reports add up';

CREATE FUNCTION voucher.expiry_month(expires_at timestamptz, time_zone text DEFAULT 'UTC')
    RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT date_trunc('month', timezone(COALESCE($2, 'UTC'), $1 - '00:00:00.000001'::interval))::date
$$;
COMMENT ON FUNCTION voucher.expiry_month(timestamptz, text)
    IS 'the first day of the month, in a time zone, of the last instant before an expiry';

CREATE FUNCTION voucher.stored_value(
    at timestamptz DEFAULT pg_catalog.now(),
    OUT currency    text,
    OUT vouchers    bigint,
    OUT issued      numeric,
    OUT adjusted    numeric,
    OUT used        numeric,
    OUT expired     numeric,
    OUT outstanding numeric)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT v.currency, count(*), sum(v.issued::numeric), sum(v.adjusted::numeric), sum(v.used::numeric),
           COALESCE(sum(v.balance::numeric) FILTER (WHERE v.expired), 0.00),
           COALESCE(sum(v.balance::numeric) FILTER (WHERE NOT v.expired), 0.00)
    FROM voucher.stored_value_of($1) AS v
    GROUP BY v.currency
    ORDER BY v.currency
$$;
COMMENT ON FUNCTION voucher.stored_value(timestamptz)
    IS 'what became of the value of all vouchers, by currency: issued + adjusted = used + expired + outstanding';

CREATE FUNCTION voucher.liability(
    at        timestamptz DEFAULT pg_catalog.now(),
    time_zone text DEFAULT 'UTC',
    OUT currency    text,
    OUT month       date,
    OUT vouchers    bigint,
    OUT outstanding numeric)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT v.currency, m.month, count(*), sum(v.balance::numeric)
    FROM voucher.stored_value_of($1) AS v
    CROSS JOIN LATERAL (SELECT voucher.expiry_month(v.ends_at, $2) AS month) AS m
    -- below zero where an order of an earlier time than the issue was settled since
    WHERE NOT v.expired AND v.balance OPERATOR(voucher.<>) 0
    GROUP BY v.currency, m.month
    ORDER BY v.currency, m.month NULLS LAST
$$;
COMMENT ON FUNCTION voucher.liability(timestamptz, text)
    IS 'the value that vouchers still hold, by currency and by month of expiry in a time zone; those that never expire come last, without a month';

CREATE FUNCTION voucher.breakage(
    at        timestamptz DEFAULT pg_catalog.now(),
    time_zone text DEFAULT 'UTC',
    OUT currency text,
    OUT month    date,
    OUT campaign text,
    OUT template text,
    OUT vouchers bigint,
    OUT issued   numeric,
    OUT adjusted numeric,
    OUT used     numeric,
    OUT expired  numeric)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT v.currency, m.month, t.campaign, t.name, count(*),
           sum(v.issued::numeric), sum(v.adjusted::numeric), sum(v.used::numeric), sum(v.balance::numeric)
    FROM voucher.stored_value_of($1) AS v
    JOIN voucher.template AS t ON t.template_id = v.template_id
    CROSS JOIN LATERAL (SELECT voucher.expiry_month(v.ends_at, $2) AS month) AS m
    WHERE v.expired
    GROUP BY v.currency, m.month, t.campaign, t.template_id
    ORDER BY v.currency, m.month, t.campaign NULLS LAST, t.name
$$;
COMMENT ON FUNCTION voucher.breakage(timestamptz, text)
    IS 'stored value that has lapsed, by currency, month, campaign and template: issued + adjusted = used + expired';

CREATE FUNCTION voucher.redemption(
    at timestamptz DEFAULT pg_catalog.now(),
    OUT campaign      text,
    OUT currency      text,
    OUT issued        bigint,
    OUT claimed       bigint,
    OUT used          bigint,
    OUT value_issued  numeric,
    OUT value_paid    numeric,
    OUT discount      numeric,
    OUT orders        bigint,
    OUT gross         numeric,
    OUT refunded      numeric,
    OUT refunded_cash numeric)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
    WITH t AS (
        -- no campaign is called ''
        SELECT t.template_id, t.reduces, COALESCE(t.campaign, '') AS campaign, t.currency FROM voucher.template AS t
    ), held AS (
        -- what was received from another instrument was claimed as that, and what is shared is used as that
        SELECT t.campaign, t.currency, count(e.issued) AS claimed, count(*) FILTER (WHERE e.uses > 0) AS used,
               sum(e.issued::numeric) FILTER (WHERE NOT t.reduces) AS value_issued
        FROM (SELECT n.account_id, n.instrument_id, sum(n.uses) AS uses, voucher.sum(n.amount) FILTER (WHERE n.kind = 'issue') AS issued
              FROM voucher.entry AS n WHERE n.at <= $1 GROUP BY n.account_id, n.instrument_id) AS e
        JOIN voucher.instrument AS i ON i.account_id = e.account_id AND i.instrument_id = e.instrument_id
        JOIN t ON t.template_id = i.template_id
        WHERE i.owner_account_id IS NULL
        GROUP BY t.campaign, t.currency
    ), coded AS (
        SELECT t.campaign, t.currency, count(*) AS waiting
        FROM voucher.minted_code AS m
        JOIN t ON t.template_id = m.template_id
        LEFT JOIN voucher.minting AS g ON g.minting_id = m.minting_id
        WHERE m.minted_at <= $1 AND (m.activated_at <= $1) IS NOT TRUE AND (g.replaced_at <= $1) IS NOT TRUE
        GROUP BY t.campaign, t.currency
    ), part AS (
        SELECT t.campaign, t.currency, s.account_id, s.order_id, s.gross,
               voucher.sum(u.paid) FILTER (WHERE NOT t.reduces) AS value_paid,
               voucher.sum(u.paid) FILTER (WHERE t.reduces) AS discount
        FROM voucher.settlement AS s
        CROSS JOIN LATERAL unnest(s.parts) AS u
        JOIN voucher.instrument AS i ON i.account_id = s.account_id AND i.instrument_id = u.instrument_id
        JOIN t ON t.template_id = i.template_id
        WHERE s.at <= $1
        GROUP BY t.campaign, t.currency, s.account_id, s.order_id
    ), refund AS (
        SELECT n.account_id, n.order_id, voucher.sum(n.requested) AS requested, voucher.sum(OPERATOR(voucher.-) n.amount) AS cash
        FROM voucher.settlement_entry AS n WHERE n.kind IN ('refund', 'cancel') AND n.at <= $1
        GROUP BY n.account_id, n.order_id
    ), ordered AS (
        SELECT p.campaign, p.currency, count(*) AS orders, sum(p.gross::numeric) AS gross,
               sum(p.value_paid::numeric) AS value_paid, sum(p.discount::numeric) AS discount,
               sum(r.requested::numeric) AS refunded, sum(r.cash::numeric) AS refunded_cash
        FROM part AS p
        LEFT JOIN refund AS r ON r.account_id = p.account_id AND r.order_id = p.order_id
        GROUP BY p.campaign, p.currency
    )
    SELECT NULLIF(c.campaign, ''), c.currency, COALESCE(h.claimed, 0) + COALESCE(m.waiting, 0), COALESCE(h.claimed, 0), COALESCE(h.used, 0),
           COALESCE(h.value_issued, 0.00), COALESCE(o.value_paid, 0.00), COALESCE(o.discount, 0.00),
           COALESCE(o.orders, 0), COALESCE(o.gross, 0.00),
           COALESCE(o.refunded, 0.00), COALESCE(o.refunded_cash, 0.00)
    FROM (SELECT DISTINCT t.campaign, t.currency FROM t) AS c
    LEFT JOIN held AS h ON h.campaign = c.campaign AND h.currency = c.currency
    LEFT JOIN coded AS m ON m.campaign = c.campaign AND m.currency = c.currency
    LEFT JOIN ordered AS o ON o.campaign = c.campaign AND o.currency = c.currency
    ORDER BY NULLIF(c.campaign, '') NULLS LAST, c.currency
$$;
COMMENT ON FUNCTION voucher.redemption(timestamptz)
    IS 'what campaigns issued, what of it was claimed and used, and the orders it was used for, by campaign and currency; without a campaign last';

CREATE FUNCTION voucher.expiring(
    within interval,
    at     timestamptz DEFAULT pg_catalog.now(),
    OUT account_id    text,
    OUT instrument_id bigint,
    OUT kind          text,
    OUT template      text,
    OUT campaign      text,
    OUT currency      text,
    OUT balance       voucher.amount,
    OUT discount_rate numeric,
    OUT expires_at    timestamptz,
    OUT reminded_at   timestamptz)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT i.account_id, i.instrument_id, t.kind, t.name, t.campaign, i.currency, i.balance, t.discount_rate, upper(i.validity), r.reminded_at
    FROM voucher.instrument AS i
    JOIN voucher.template AS t ON t.template_id = i.template_id
    LEFT JOIN voucher.reminder AS r
        ON r.account_id = i.account_id AND r.instrument_id = i.instrument_id AND r.expiry = upper(i.validity)
    WHERE upper(i.validity) > $2 AND upper(i.validity) <= $2 + $1
      AND t.kind <> 'promo_code'
      AND voucher.status(i.frozen, i.face_value, i.balance, i.used, i.max_uses, i.validity, $2, i.cancelled) IN ('available', 'pending')
    ORDER BY upper(i.validity), i.account_id, i.instrument_id
$$;
COMMENT ON FUNCTION voucher.expiring(interval, timestamptz)
    IS 'vouchers and coupons that can still be used and expire within an interval, the first to expire first, and when take_expiring handed them out';

CREATE FUNCTION voucher.keep_reminding(
    request_id text,
    within     interval,
    count      integer,
    at         timestamptz,
    actor      text)
    RETURNS boolean
    AS 'MODULE_PATHNAME', 'voucher_keep_reminding' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION voucher.keep_reminding(text, interval, integer, timestamptz, text)
    IS 'for take_expiring: keeps its request, and says whether it is the first of its id';

CREATE FUNCTION voucher.take_expiring(
    within     interval,
    count      integer DEFAULT 1000,
    request_id text DEFAULT NULL,
    at         timestamptz DEFAULT pg_catalog.now(),
    actor      text DEFAULT NULL,
    OUT account_id    text,
    OUT instrument_id bigint,
    OUT kind          text,
    OUT template      text,
    OUT campaign      text,
    OUT currency      text,
    OUT balance       voucher.amount,
    OUT discount_rate numeric,
    OUT expires_at    timestamptz)
    RETURNS SETOF record
    LANGUAGE sql VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    -- Whoever comes second waits here and then sees what the first has taken;
    -- without it, both would choose the same rows and the second come out with none.
    -- No role can take this lock but by this function.
    LOCK TABLE voucher.reminding IN SHARE ROW EXCLUSIVE MODE;
    WITH request AS MATERIALIZED (
        SELECT voucher.keep_reminding($3, $1, n.count, $4, $5) AS is_new, n.count FROM (SELECT COALESCE($2, 1000) AS count) AS n
    ), due AS (
        SELECT e.* FROM request AS q CROSS JOIN LATERAL voucher.expiring(CASE WHEN q.is_new THEN $1 END, $4) AS e
        WHERE e.reminded_at IS NULL
        ORDER BY e.expires_at, e.account_id, e.instrument_id
        -- asked of the request, which refuses what is not positive before LIMIT does
        LIMIT (SELECT q.count FROM request AS q)
    ), taken AS (
        INSERT INTO voucher.reminder (account_id, instrument_id, expiry, reminded_at, balance, request_id, actor)
        SELECT d.account_id, d.instrument_id, d.expires_at, $4, d.balance, $3, $5 FROM due AS d
        ON CONFLICT ON CONSTRAINT reminder_pkey DO NOTHING
        RETURNING reminder.*
    )
    SELECT r.account_id, r.instrument_id, t.kind, t.name, t.campaign, i.currency, r.balance, t.discount_rate, r.expiry
    FROM (SELECT n.* FROM taken AS n
          UNION ALL
          SELECT h.* FROM request AS q JOIN voucher.reminder AS h ON NOT q.is_new AND h.request_id = $3) AS r
    JOIN voucher.instrument AS i ON i.account_id = r.account_id AND i.instrument_id = r.instrument_id
    JOIN voucher.template AS t ON t.template_id = i.template_id
    ORDER BY r.expiry, r.account_id, r.instrument_id
$$;
COMMENT ON FUNCTION voucher.take_expiring(interval, integer, text, timestamptz, text)
    IS 'hands out what expires within an interval, each instrument once for each expiry, and keeps that it did; the same request_id again hands out the same';
