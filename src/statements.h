/*
 * statements.h
 *		Every SQL statement that the extension runs.
 *
 * STATEMENT(name, argument types, text); a letter per argument, as ArgType in
 * store.c reads them.  No include guard: store.h takes the names, store.c the
 * texts.  EQ, ADD and their like are in store.c.
 *
 * Where a statement serves one place only, that place names the columns in
 * the order in which they stand here.
 */

/* -- catalogue ----------------------------------------------------------- */

#define TEMPLATE_COLUMNS \
	"template_id, name, kind, campaign, currency, face_value, discount_rate::voucher.amount, " \
	"maximum, threshold, scope, payment_type, first_purchase, min_duration, max_duration, " \
	"uses, per_account, audience" EQ "'invited', valid, valid_for, valid_from" EQ "'issue', " \
	"time_zone, promo_code, regions, tags, reduces, threshold_after, threshold_strict, priority, excludes, transferable, shareable"

STATEMENT(TEMPLATE_BY_ID, "l",
		  "SELECT " TEMPLATE_COLUMNS " FROM voucher.template WHERE template_id" EQ "$1")
STATEMENT(TEMPLATE_BY_NAME, "t",
		  "SELECT " TEMPLATE_COLUMNS " FROM voucher.template WHERE name" EQ "$1")
STATEMENT(TEMPLATE_BY_PROMO_CODE, "t",
		  "SELECT " TEMPLATE_COLUMNS " FROM voucher.template WHERE promo_code" EQ "$1")
STATEMENT(TEMPLATE_SHOW, "l",
		  "SELECT name, kind, currency, face_value, discount_rate, threshold, scope, valid, valid_for "
		  "FROM voucher.template WHERE template_id" EQ "$1")
/* in the order in which the account is locked per currency: claims cannot deadlock */
STATEMENT(TEMPLATES_OF_CAMPAIGN, "t",
		  "SELECT template_id FROM voucher.template WHERE campaign" EQ "$1 "
		  "AND kind OPERATOR(pg_catalog.<>) 'promo_code' ORDER BY currency, template_id")
#define TEMPLATE_CONTENTS \
		  "name, kind, currency, face_value, discount_rate, maximum, " \
		  "threshold, scope, payment_type, first_purchase, min_duration, max_duration, uses, " \
		  "per_account, campaign, audience, valid, valid_for, valid_from, time_zone, refund_policy, " \
		  "promo_code, regions, tags, effect, threshold_after, threshold_strict, priority, excludes, refund_within, transferable, " \
		  "shareable"
STATEMENT(TEMPLATE_INSERT, "tttanaastbvviittrvttttTjtbbiTvbbtt",
		  "INSERT INTO voucher.template (" TEMPLATE_CONTENTS ", reason, actor) "
		  "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
		  "$16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34) "
		  "ON CONFLICT ON CONSTRAINT template_name_key DO NOTHING RETURNING template_id")
STATEMENT(TEMPLATE_CREATED, "t",
		  "SELECT template_id, " TEMPLATE_CONTENTS " FROM voucher.template WHERE name" EQ "$1")
STATEMENT(SHAREABLE_EXISTS, "", "SELECT 1 FROM voucher.template WHERE shareable LIMIT 1")
STATEMENT(CAMPAIGN, "tz",
		  "SELECT claimable OPERATOR(pg_catalog.@>) $2, claimable::pg_catalog.text "
		  "FROM voucher.campaign WHERE campaign" EQ "$1")
STATEMENT(CAMPAIGN_INSERT, "ttrtt",
		  "INSERT INTO voucher.campaign (campaign, title, claimable, reason, actor) "
		  "VALUES ($1, $2, $3, $4, $5) ON CONFLICT ON CONSTRAINT campaign_pkey DO NOTHING")
STATEMENT(CAMPAIGN_CREATED, "t",
		  "SELECT campaign, title, claimable FROM voucher.campaign WHERE campaign" EQ "$1")
STATEMENT(INVITE, "tttt",
		  "INSERT INTO voucher.invitation (account_id, campaign, reason, actor) VALUES ($1, $2, $3, $4) "
		  "ON CONFLICT ON CONSTRAINT invitation_pkey DO NOTHING")
STATEMENT(INVITED, "tt",
		  "SELECT 1 FROM voucher.invitation WHERE account_id" EQ "$1 AND campaign" EQ "$2")

/* of a path and all that it lies below: the lowest product, and whether all are universal */
STATEMENT(PRODUCT, "T",
		  "SELECT product, pg_catalog.bool_and(universal) OVER () FROM voucher.product "
		  "WHERE product" EQ "ANY ($1) ORDER BY pg_catalog.octet_length(product) DESC LIMIT 1")
STATEMENT(ORDER_TYPE_REPLACE, "t",
		  "DELETE FROM voucher.order_type WHERE order_type" EQ "$1 AND shipped")
STATEMENT(CURRENCY_USED, "t",
		  "SELECT 1 FROM voucher.account WHERE currency" EQ "$1 LIMIT 1")
STATEMENT(CURRENCY_REPLACE, "t",
		  "DELETE FROM voucher.currency AS c WHERE c.currency" EQ "$1 AND c.shipped "
		  "AND NOT EXISTS (SELECT FROM voucher.account AS a WHERE a.currency" EQ "c.currency) "
		  "AND NOT EXISTS (SELECT FROM voucher.template AS t WHERE t.currency" EQ "c.currency)")
STATEMENT(ORDER_TYPE, "t",
		  "SELECT 1 FROM voucher.order_type WHERE order_type" EQ "$1")
STATEMENT(CURRENCY, "t",
		  "SELECT minor_digits::pg_catalog.int4 FROM voucher.currency WHERE currency" EQ "$1")

STATEMENT(POLICY, "t",
		  "SELECT policy, vouchers_per_order, sort, charges FROM voucher.policy WHERE policy" EQ "$1")
STATEMENT(DEFAULT_POLICY, "t",
		  "SELECT policy, vouchers_per_order, sort, charges FROM voucher.policy "
		  "WHERE policy" EQ "COALESCE((SELECT policy FROM voucher.default_policy "
		  "WHERE payment_type" EQ "$1), "
		  "CASE WHEN $1" EQ "'pay_as_you_go' THEN 'tencent' ELSE 'largest' END)")

/* -- cash accounts ------------------------------------------------------- */

/* a new epoch: the row stays locked until the transaction ends */
STATEMENT(ACCOUNT_LOCK, "tt",
		  "UPDATE voucher.account SET epoch = epoch" ADD "1 WHERE account_id" EQ "$1 "
		  "AND currency" EQ "COALESCE($2, currency) RETURNING currency, balance, version, epoch, holds")
STATEMENT(ACCOUNT_CURRENCIES, "t",
		  "SELECT currency FROM voucher.account WHERE account_id" EQ "$1 ORDER BY currency")
STATEMENT(ACCOUNT_OPEN, "ttztt",
		  "WITH opening AS (INSERT INTO voucher.cash_entry (account_id, currency, version, kind, "
		  "amount, balance, at, reason, actor) VALUES ($1, $2, 1, 'open', 0, 0, $3, $4, $5) "
		  "ON CONFLICT ON CONSTRAINT cash_entry_pkey DO NOTHING RETURNING account_id, currency) "
		  "INSERT INTO voucher.account (account_id, currency, balance, version) "
		  "SELECT account_id, currency, 0, 1 FROM opening")
STATEMENT(CASH_REQUEST, "tt",
		  "SELECT e.version IS NOT NULL, e.currency, e.amount, e.balance FROM voucher.request AS r "
		  "LEFT JOIN voucher.cash_entry AS e ON r.entries" EQ "'cash_entry' "
		  "AND e.account_id" EQ "r.account_id AND e.currency" EQ "r.key AND e.version" EQ "r.version "
		  "WHERE r.account_id" EQ "$1 AND r.request_id" EQ "$2")
STATEMENT(CASH_ENTRY, "ttitaaztttt",
		  "INSERT INTO voucher.cash_entry (account_id, currency, version, kind, amount, balance, at, "
		  "order_id, request_id, reason, actor) "
		  "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")

/* -- instruments --------------------------------------------------------- */

/*
 * $1 valid, $2 valid_for, $3 time zone, $4 counted from, $5 now.  Months and days
 * are counted on the zone's calendar, hours and below as time that passes.
 */
STATEMENT(VALIDITY, "rvtzz",
		  "SELECT v, pg_catalog.isempty(v) OR COALESCE(pg_catalog.upper(v) OPERATOR(pg_catalog.<=) $5, false) "
		  "FROM (SELECT CASE WHEN $2 IS NULL THEN $1 "
		  "ELSE $1 OPERATOR(pg_catalog.*) pg_catalog.tstzrange($4, "
		  "pg_catalog.timezone($3, pg_catalog.timezone($3, $4) OPERATOR(pg_catalog.+) "
		  "pg_catalog.date_trunc('day', $2)) OPERATOR(pg_catalog.+) "
		  "($2 OPERATOR(pg_catalog.-) pg_catalog.date_trunc('day', $2))) END AS v) AS s")
STATEMENT(TIME_ZONE, "t",
		  "SELECT pg_catalog.timezone($1, pg_catalog.now())")
STATEMENT(INSTRUMENT_ISSUE, "tltairztttltt",
		  "WITH opening AS (INSERT INTO voucher.entry (account_id, instrument_id, version, kind, uses, "
		  "used, amount, balance, at, request_id, reason, order_id, epoch, actor, campaign) "
		  "SELECT $1, pg_catalog.nextval('voucher.instrument_instrument_id_seq'), 1, 'issue', 0, 0, "
		  "COALESCE($4, " ZERO "), COALESCE($4, " ZERO "), $7, $8, $9, $10, $11, $12, $13 RETURNING instrument_id) "
		  "INSERT INTO voucher.instrument (account_id, instrument_id, template_id, ordinal, version, "
		  "currency, face_value, balance, used, max_uses, validity, issued_at) "
		  "SELECT $1, instrument_id, $2, 1" ADD "COALESCE((SELECT pg_catalog.max(ordinal) "
		  "FROM voucher.instrument WHERE account_id" EQ "$1 AND template_id" EQ "$2), 0), 1, "
		  "$3, $4, COALESCE($4, " ZERO "), 0, $5, $6, $7 FROM opening RETURNING instrument_id")
STATEMENT(INSTRUMENT_CURRENCY, "tl",
		  "SELECT currency FROM voucher.instrument WHERE account_id" EQ "$1 AND instrument_id" EQ "$2")
STATEMENT(INSTRUMENT_STATE, "tl",
		  "SELECT i, e.kind, e.order_id FROM voucher.instrument AS i JOIN voucher.entry AS e "
		  "ON e.account_id" EQ "i.account_id AND e.instrument_id" EQ "i.instrument_id AND e.version" EQ "1 "
		  "WHERE i.account_id" EQ "$1 AND i.instrument_id" EQ "$2")
STATEMENT(INSTRUMENT_REQUEST, "tt",
		  "SELECT (e.kind" EQ "'issue') IS TRUE, e.instrument_id, e.amount, i.template_id, e.order_id "
		  "FROM voucher.request AS r "
		  "LEFT JOIN (voucher.entry AS e JOIN voucher.instrument AS i "
		  "ON i.account_id" EQ "e.account_id AND i.instrument_id" EQ "e.instrument_id) "
		  "ON e.account_id" EQ "r.account_id AND e.version" EQ "r.version "
		  "AND e.instrument_id" EQ "CASE WHEN r.entries" EQ "'entry' THEN r.key::pg_catalog.int8 END "
		  "WHERE r.account_id" EQ "$1 AND r.request_id" EQ "$2")
STATEMENT(CLAIM_REQUEST, "tt",
		  "SELECT entries" EQ "'claim', key FROM voucher.request WHERE account_id" EQ "$1 AND request_id" EQ "$2")
/* of campaign $2, under request $3, in the order of a claim */
STATEMENT(CLAIMED, "ttt",
		  "SELECT e.instrument_id, t.name FROM voucher.template AS t "
		  "JOIN voucher.instrument AS i ON i.account_id" EQ "$1 AND i.template_id" EQ "t.template_id "
		  "JOIN voucher.entry AS e ON e.account_id" EQ "$1 AND e.instrument_id" EQ "i.instrument_id AND e.version" EQ "1 "
		  "WHERE t.campaign" EQ "$2 AND e.campaign" EQ "$2 AND e.request_id" EQ "$3 ORDER BY t.currency, t.template_id")
/*
 * An instrument that gets value from another one, or is a share of it.  $5 the
 * value, $9 the entry's kind, $12 and $13 the other one, $14 epoch, $15 is it
 * counted per account.
 */
STATEMENT(INSTRUMENT_RECEIVE, "tltaairzttttllb",
		  "WITH opening AS (INSERT INTO voucher.entry (account_id, instrument_id, version, kind, uses, "
		  "used, amount, balance, at, reason, actor, peer_account_id, peer_instrument_id, epoch) "
		  "SELECT $1, pg_catalog.nextval('voucher.instrument_instrument_id_seq'), 1, $9, 0, 0, "
		  "$5, $5, $8, $10, $11, $12, $13, $14 RETURNING instrument_id) "
		  "INSERT INTO voucher.instrument (account_id, instrument_id, template_id, ordinal, version, "
		  "currency, face_value, balance, used, max_uses, validity, issued_at, issued, "
		  "owner_account_id, owner_instrument_id) "
		  "SELECT $1, instrument_id, $2, CASE WHEN $15 THEN 1" ADD "COALESCE((SELECT "
		  "pg_catalog.max(ordinal) FROM voucher.instrument WHERE account_id" EQ "$1 "
		  "AND template_id" EQ "$2), 0) END, 1, $3, $4, $5, 0, $6, $7, $8, false, "
		  "CASE WHEN $9" EQ "'share' THEN $12 END, CASE WHEN $9" EQ "'share' THEN $13 END FROM opening "
		  "RETURNING instrument_id")
/* the parts that were split off by one call, of which the first entry is $3 */
STATEMENT(SPLIT_PARTS, "tli",
		  "SELECT e.peer_instrument_id, e.amount FROM voucher.entry AS f JOIN voucher.entry AS e "
		  "ON e.account_id" EQ "f.account_id AND e.instrument_id" EQ "f.instrument_id "
		  "AND e.epoch" EQ "f.epoch AND e.kind" EQ "f.kind "
		  "WHERE f.account_id" EQ "$1 AND f.instrument_id" EQ "$2 AND f.version" EQ "$3 "
		  "ORDER BY e.version")
STATEMENT(MERGED, "tl",
		  "SELECT peer_instrument_id FROM voucher.entry WHERE account_id" EQ "$1 "
		  "AND instrument_id" EQ "$2 AND kind" EQ "'merge_in' ORDER BY peer_instrument_id")
/* the shares of a voucher that are in force: all, or account $3's */
STATEMENT(SHARES_IN_FORCE, "tlt",
		  "SELECT m.account_id, m.instrument_id FROM voucher.entry AS e JOIN voucher.instrument AS m "
		  "ON m.account_id" EQ "e.peer_account_id AND m.instrument_id" EQ "e.peer_instrument_id "
		  "WHERE e.account_id" EQ "$1 AND e.instrument_id" EQ "$2 AND e.kind" EQ "'share' "
		  "AND m.owner_account_id" EQ "$1 AND m.owner_instrument_id" EQ "$2 AND NOT m.cancelled "
		  "AND ($3 IS NULL OR m.account_id" EQ "$3) ORDER BY m.account_id")
/* what shares draw on: vouchers $2 of accounts $1 */
STATEMENT(OWNERS, "TLz",
		  "SELECT i, h.held, h.uses, h.until FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) WITH ORDINALITY "
		  "AS o (account_id, instrument_id, n) JOIN voucher.instrument AS i "
		  "ON i.account_id" EQ "o.account_id AND i.instrument_id" EQ "o.instrument_id "
		  "CROSS JOIN LATERAL (SELECT COALESCE(voucher.sum(p.paid), " ZERO ") AS held, "
		  "pg_catalog.count(*)::pg_catalog.int4 AS uses, pg_catalog.min(h.expires_at) AS until "
		  "FROM voucher.hold AS h CROSS JOIN LATERAL pg_catalog.unnest(h.parts) AS p "
		  "WHERE h.account_id" EQ "o.account_id AND h.resolution IS NULL AND h.expires_at OPERATOR(pg_catalog.>) $3 "
		  "AND p.instrument_id" EQ "o.instrument_id) AS h ORDER BY o.n")
/* what a request of a verb on one instrument made */
STATEMENT(ACT_REQUEST, "tt",
		  "SELECT e.version IS NOT NULL, e.kind, e.instrument_id, e.version, e.amount, e.extended, "
		  "e.peer_account_id, e.peer_instrument_id FROM voucher.request AS r "
		  "LEFT JOIN voucher.entry AS e ON e.account_id" EQ "r.account_id AND e.version" EQ "r.version "
		  "AND e.instrument_id" EQ "CASE WHEN r.entries" EQ "'entry' THEN r.key::pg_catalog.int8 END "
		  "WHERE r.account_id" EQ "$1 AND r.request_id" EQ "$2")
STATEMENT(ENTRY, "tlitiiaaztttlrtlt",
		  "INSERT INTO voucher.entry (account_id, instrument_id, version, kind, uses, used, amount, "
		  "balance, at, order_id, request_id, reason, epoch, extended, peer_account_id, "
		  "peer_instrument_id, actor) "
		  "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)")

/* -- history ------------------------------------------------------------- */

/*
 * Instruments of account $1 as they were after the last of their entries that
 * fit; null where none does.  Of the extensions, the last until then and the
 * first since.
 */
#define ENTRIES_OF(e) "FROM voucher.entry AS " e " WHERE " e ".account_id" EQ "i.account_id " \
	"AND " e ".instrument_id" EQ "i.instrument_id "
#define STATE_AS_OF(fits) \
	"SELECT i, e.version, e.balance, e.used, COALESCE((SELECT f.kind" EQ "'freeze' " ENTRIES_OF("f") \
	"AND f.version OPERATOR(pg_catalog.<=) e.version " \
	"AND f.kind" EQ "ANY ('{freeze,unfreeze}'::pg_catalog.text[]) ORDER BY f.version DESC LIMIT 1), false), " \
	"EXISTS (SELECT " ENTRIES_OF("c") "AND c.version OPERATOR(pg_catalog.<=) e.version " \
	"AND c.kind" EQ "ANY ('{revoke,transfer_out}'::pg_catalog.text[])), " \
	"(SELECT b.extended " ENTRIES_OF("b") "AND b.version OPERATOR(pg_catalog.<=) e.version " \
	"AND b.extended IS NOT NULL ORDER BY b.version DESC LIMIT 1), " \
	"(SELECT s.extended " ENTRIES_OF("s") "AND s.version OPERATOR(pg_catalog.>) e.version " \
	"AND s.extended IS NOT NULL ORDER BY s.version LIMIT 1) " \
	"FROM voucher.instrument AS i LEFT JOIN LATERAL (SELECT v.version, v.balance, v.used " ENTRIES_OF("v") \
	"AND " fits " ORDER BY v.version DESC LIMIT 1) AS e ON true WHERE i.account_id" EQ "$1 "

STATEMENT(INSTRUMENT_AT, "tlz",
		  STATE_AS_OF("v.at OPERATOR(pg_catalog.<=) $3") "AND i.instrument_id" EQ "$2")
/* in currency $2, before epoch $3; entries that no verb wrote have none, and $4 says when to go by */
STATEMENT(INSTRUMENTS_BEFORE, "ttlz",
		  STATE_AS_OF("(v.epoch OPERATOR(pg_catalog.<) $3 "
					  "OR v.epoch IS NULL AND v.recorded_at OPERATOR(pg_catalog.<) $4)")
		  "AND i.currency" EQ "$2")
STATEMENT(CASH_AT, "ttz",
		  "SELECT (SELECT balance FROM voucher.cash_entry WHERE account_id" EQ "$1 AND currency" EQ "$2 "
		  "AND at OPERATOR(pg_catalog.<=) $3 ORDER BY version DESC LIMIT 1) "
		  "FROM voucher.account WHERE account_id" EQ "$1 AND currency" EQ "$2")

/* -- secret codes -------------------------------------------------------- */

STATEMENT(MINTING_INSERT, "liazttttt",
		  "INSERT INTO voucher.minting (template_id, count, face_value, activate_before, batch, pattern, "
		  "request_id, reason, actor) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
		  "ON CONFLICT (request_id) WHERE replaced_at IS NULL DO NOTHING RETURNING minting_id")
/* the last one of a request; locked, so that no code of it arrives while it is being replaced */
STATEMENT(MINTING_REQUEST, "t",
		  "SELECT minting_id, template_id AS template, count, face_value, activate_before, batch, pattern, "
		  "arrived_at IS NOT NULL, replaced_at IS NOT NULL, recorded_at "
		  "FROM voucher.minting WHERE request_id" EQ "$1 ORDER BY minting_id DESC LIMIT 1 FOR UPDATE")
STATEMENT(MINTING_REPLACE, "l",
		  "UPDATE voucher.minting SET replaced_at = pg_catalog.now() WHERE minting_id" EQ "$1")
STATEMENT(MINTING_ARRIVE, "l",
		  "UPDATE voucher.minting SET arrived_at = pg_catalog.now() "
		  "WHERE minting_id" EQ "$1 AND arrived_at IS NULL AND replaced_at IS NULL")
STATEMENT(MINTING_REPLACED, "l",
		  "SELECT 1 FROM voucher.minting WHERE minting_id" EQ "$1 AND replaced_at IS NOT NULL")
/* returns the digests that were not there yet, in the order in which they were given */
STATEMENT(CODES_MINT, "Blazttl",
		  "INSERT INTO voucher.minted_code (digest, template_id, face_value, activate_before, "
		  "batch, space, minting_id) SELECT digest, $2, $3, $4, $5, $6, $7 FROM pg_catalog.unnest($1) AS digest "
		  "ON CONFLICT ON CONSTRAINT minted_code_pkey DO NOTHING RETURNING digest")
/* $3 more codes of a space that can give $4 in all: no row if it cannot */
STATEMENT(CODE_SPACE_TAKE, "till",
		  "INSERT INTO voucher.code_space AS s (space, bits, minted) VALUES ($1, $2, $3) "
		  "ON CONFLICT ON CONSTRAINT code_space_pkey DO UPDATE SET minted = s.minted" ADD "$3 "
		  "WHERE s.minted OPERATOR(pg_catalog.<=) ($4 OPERATOR(pg_catalog.-) $3)")
STATEMENT(CODE_SPACE_MINTED, "t",
		  "SELECT minted FROM voucher.code_space WHERE space" EQ "$1")
/* a row, the budget, if so many attempts have been made */
#define ATTEMPTS_OF(whose, key, attempts) \
		  "SELECT b.attempts, b.period " \
		  "FROM (SELECT COALESCE(pg_catalog.max(g.attempts), " attempts ") AS attempts, " \
		  "COALESCE(pg_catalog.max(g.period), '1 hour') AS period " \
		  "FROM voucher.attempt_budget AS g WHERE g.whose" EQ "'" whose "') AS b " \
		  "WHERE (SELECT pg_catalog.count(*) FROM voucher.attempt AS a WHERE a." key EQ "$1 " \
		  "AND a.at OPERATOR(pg_catalog.>) ($2 OPERATOR(pg_catalog.-) b.period)) " \
		  "OPERATOR(pg_catalog.>=) b.attempts"
STATEMENT(ATTEMPTS_OF_ACCOUNT, "tz", ATTEMPTS_OF("account", "account_id", "10"))
STATEMENT(ATTEMPTS_OF_CLIENT, "tz", ATTEMPTS_OF("client", "client", "60"))
STATEMENT(ATTEMPTS_UNCOUNTED, "l",
		  "SELECT FROM voucher.attempt_uncounted_seq WHERE last_value OPERATOR(pg_catalog.>) $1")
STATEMENT(ATTEMPT_WRITE, "ttzt",
		  "INSERT INTO voucher.attempt (account_id, client, at, recorded_by) VALUES ($1, $2, $3, $4) RETURNING attempt_id")
STATEMENT(ATTEMPT_ERASE, "l",
		  "DELETE FROM voucher.attempt WHERE attempt_id" EQ "$1")
/* a hundred at most, as others wait for who does it */
STATEMENT(ATTEMPTS_FORGET, "z",
		  "DELETE FROM voucher.attempt WHERE attempt_id" EQ "ANY (ARRAY("
		  "SELECT a.attempt_id FROM voucher.attempt AS a WHERE a.at OPERATOR(pg_catalog.<) ($1 OPERATOR(pg_catalog.-) "
		  "GREATEST('1 day', (SELECT pg_catalog.max(g.period) FROM voucher.attempt_budget AS g))) "
		  "ORDER BY a.at LIMIT 100))")
/* with the minting that waits to arrive, if the code is of one, and whether it was replaced */
#define CODE_COLUMNS \
		  "SELECT c.template_id, c.face_value, c.activate_before, c.minted_at, c.account_id, " \
		  "c.instrument_id, g.minting_id, g.replaced_at IS NOT NULL FROM voucher.minted_code AS c " \
		  "LEFT JOIN voucher.minting AS g ON g.minting_id" EQ "c.minting_id " \
		  "AND g.request_id IS NOT NULL AND g.arrived_at IS NULL WHERE c.digest" EQ "$1"
STATEMENT(CODE_READ, "y", CODE_COLUMNS)
STATEMENT(CODE_LOCK, "y", CODE_COLUMNS " FOR UPDATE OF c")
STATEMENT(CODE_ACTIVATE, "ytlz",
		  "UPDATE voucher.minted_code SET account_id = $2, instrument_id = $3, activated_at = $4 "
		  "WHERE digest" EQ "$1")

/* -- orders -------------------------------------------------------------- */

/*
 * All that a plan needs to know of the account $1 in one state: its row in
 * currency $2 (null: in each that it has), then a row per instrument.  With the
 * account's row comes which of the products $3 were purchased before, asked
 * only for an order that purchases, and whether order $4 is settled, asked only
 * to settle it.
 * Whole rows are taken apart in C: a statement of few columns starts faster.
 */
#define OF_ACCOUNT(t) t ".account_id" EQ "$1 AND " t ".currency" EQ "COALESCE($2, " t ".currency)"
#define FACTS(purchased, settled) \
	"SELECT a, NULL::voucher.instrument, " purchased ", " settled " " \
	"FROM voucher.account AS a WHERE " OF_ACCOUNT("a") " " \
	"UNION ALL SELECT NULL::voucher.account, i, NULL::pg_catalog.text[], NULL::pg_catalog.bool " \
	"FROM voucher.instrument AS i WHERE " OF_ACCOUNT("i")
#define NO_PURCHASE "'{}'::pg_catalog.text[]"
#define PURCHASED "ARRAY(SELECT product FROM voucher.purchase " \
	"WHERE account_id" EQ "$1 AND product" EQ "ANY ($3))"
#define SETTLED "EXISTS (SELECT FROM voucher.settlement WHERE account_id" EQ "$1 AND order_id" EQ "$4)"

STATEMENT(ORDER_FACTS, "ttTt", FACTS(NO_PURCHASE, "false"))
STATEMENT(PURCHASE_FACTS, "ttTt", FACTS(PURCHASED, "false"))
STATEMENT(SETTLE_FACTS, "ttTt", FACTS(NO_PURCHASE, SETTLED))
STATEMENT(SETTLE_PURCHASE_FACTS, "ttTt", FACTS(PURCHASED, SETTLED))

/*
 * A new epoch of an account, and its new version and balance (null: no cash
 * moves), if it is still in the epoch that the plan was made in ($3).
 */
STATEMENT(SETTLE_ACCOUNT, "ttlia",
		  "UPDATE voucher.account SET epoch = epoch" ADD "1, version = COALESCE($4, version), "
		  "balance = COALESCE($5, balance) "
		  "WHERE account_id" EQ "$1 AND currency" EQ "$2 AND epoch" EQ "$3")

/*
 * The other rows of a settlement: $1 its own, $2 the cash entry and $3 those of
 * the instruments, each in an array of rows.  Rows that come as they are stored
 * need no expression per column, and those are most of what starting such a
 * statement costs.
 */
#define SETTLE_ROWS(moved) \
	"WITH settled AS (INSERT INTO voucher.settlement (" SETTLEMENT_COLUMNS ") " \
	"SELECT " SETTLEMENT_COLUMNS " FROM pg_catalog.unnest($1)), " \
	"paid AS (INSERT INTO voucher.cash_entry (" CASH_ENTRY_COLUMNS ") " \
	"SELECT " CASH_ENTRY_COLUMNS " FROM pg_catalog.unnest($2)), " \
	"moved AS (UPDATE voucher.instrument AS i SET " moved ") " \
	"INSERT INTO voucher.entry (" ENTRY_COLUMNS ") SELECT " ENTRY_COLUMNS " FROM pg_catalog.unnest($3)"
#define SETTLEMENT_COLUMNS \
	"account_id, order_id, entry_version, invoiceable, gross, discount, rounding, voucher, cash, at, " \
	"recorded_at, currency, payment_type, chosen_voucher, chosen_coupon, promo_code, lines, parts, " \
	"first_purchase, policy, exact, epoch, purchased_before, not_universal, limits, outstanding, rerates, " \
	"hold, shares, actor, recorded_by"
#define CASH_ENTRY_COLUMNS \
	"account_id, currency, version, kind, amount, balance, at, recorded_at, order_id, request_id, reason, " \
	"actor, recorded_by"
#define ENTRY_COLUMNS \
	"account_id, instrument_id, version, kind, amount, balance, uses, used, at, recorded_at, order_id, " \
	"request_id, reason, actor, extended, peer_account_id, peer_instrument_id, epoch, recorded_by"

/* $4 the account, $5 an instrument of it (null: none), $6 to $8 its version, balance and number of uses */
STATEMENT(SETTLE, "SCEtliai",
		  SETTLE_ROWS("version = $6, balance = $7, used = $8 "
					  "WHERE account_id" EQ "$4 AND instrument_id" EQ "$5"))
/* the same of several instruments */
STATEMENT(SETTLE_MANY, "SCE",
		  SETTLE_ROWS("version = e.version, balance = e.balance, used = e.used "
					  "FROM pg_catalog.unnest($3) AS e "
					  "WHERE i.account_id" EQ "e.account_id AND i.instrument_id" EQ "e.instrument_id"))
STATEMENT(SETTLEMENT_READ, "tt",
		  "SELECT s FROM voucher.settlement AS s WHERE account_id" EQ "$1 AND order_id" EQ "$2")
#define BELOW(path) path " OPERATOR(pg_catalog.||) '.'"
#define CANCELLED(account, order) \
	"EXISTS (SELECT FROM voucher.settlement_entry AS c WHERE c.account_id" EQ account " " \
	"AND c.order_id" EQ order " AND c.kind" EQ "'cancel')"
/* in the products' order: two orders that share products cannot deadlock */
STATEMENT(FIRST_PURCHASE, "ttT",
		  "INSERT INTO voucher.purchase (account_id, product, order_id) "
		  "SELECT $1, product, $2 FROM pg_catalog.unnest($3) AS product "
		  "ORDER BY product COLLATE pg_catalog.\"C\" ON CONFLICT ON CONSTRAINT purchase_pkey DO NOTHING")
/*
 * The products that order $2 bought first were bought first by the next order
 * that still stands, if there is one: by the lowest product of the catalogue
 * that its lines belong to.
 */
STATEMENT(PURCHASE_HAND_ON, "tt",
		  "UPDATE voucher.purchase AS p SET order_id = h.order_id FROM ("
		  "SELECT DISTINCT ON (o.product) o.product, s.order_id FROM voucher.purchase AS o "
		  "JOIN voucher.settlement AS s ON s.account_id" EQ "o.account_id "
		  "CROSS JOIN LATERAL pg_catalog.unnest(s.lines) AS l "
		  "WHERE o.account_id" EQ "$1 AND o.order_id" EQ "$2 AND l.order_type" EQ "'purchase' "
		  "AND (l.product" EQ "o.product OR pg_catalog.starts_with(l.product, " BELOW("o.product") ") "
		  "AND NOT EXISTS (SELECT FROM voucher.product AS n "
		  "WHERE pg_catalog.starts_with(n.product, " BELOW("o.product") ") "
		  "AND (l.product" EQ "n.product OR pg_catalog.starts_with(l.product, " BELOW("n.product") ")))) "
		  "AND NOT " CANCELLED("s.account_id", "s.order_id") " "
		  "ORDER BY o.product, s.recorded_at, s.order_id) AS h "
		  "WHERE p.account_id" EQ "$1 AND p.product" EQ "h.product")
STATEMENT(PURCHASE_FORGET, "tt",
		  "DELETE FROM voucher.purchase WHERE account_id" EQ "$1 AND order_id" EQ "$2")

/* -- limits -------------------------------------------------------------- */

STATEMENT(LIMIT_EXISTS, "", "SELECT 1 FROM voucher.usage_limit LIMIT 1")
/* $1 template, $2 its campaign, $3 its currency */
STATEMENT(LIMITS_OF_TEMPLATE, "ltt",
		  "SELECT limit_id, campaign IS NOT NULL, counts" EQ "'issue', per" EQ "'account', period, time_zone, "
		  "max_count, max_amount FROM (SELECT * FROM voucher.usage_limit WHERE template_id" EQ "$1 "
		  "UNION ALL SELECT * FROM voucher.usage_limit WHERE campaign" EQ "$2) AS l "
		  "WHERE currency IS NULL OR currency" EQ "$3 ORDER BY limit_id")
STATEMENT(LIMIT_INSERT, "ltlatttttttt",
		  "INSERT INTO voucher.usage_limit (template_id, campaign, max_count, max_amount, counts, per, "
		  "period, time_zone, currency, request_id, reason, actor) "
		  "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) "
		  "ON CONFLICT ON CONSTRAINT usage_limit_request_key DO NOTHING RETURNING limit_id")
STATEMENT(LIMIT_REQUEST, "t",
		  "SELECT limit_id, template_id AS template, campaign, max_count, max_amount, counts, per, "
		  "period, time_zone, currency FROM voucher.usage_limit WHERE request_id" EQ "$1")
STATEMENT(CAMPAIGN_CURRENCIES, "t",
		  "SELECT DISTINCT currency FROM voucher.template WHERE campaign" EQ "$1")

/* of each limit $2 in the period that begins at $3; a limit has its counters in one of the tables */
STATEMENT(USAGE_READ, "tLZ",
		  "SELECT COALESCE(t.used, a.used, 0::pg_catalog.int8), COALESCE(t.amount, a.amount, " ZERO "), "
		  "COALESCE(t.held, a.held, 0::pg_catalog.int8) "
		  "FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) WITH ORDINALITY "
		  "AS k (limit_id, period_start, n) "
		  "LEFT JOIN voucher.total_usage AS t ON t.limit_id" EQ "k.limit_id AND t.period_start" EQ "k.period_start "
		  "LEFT JOIN voucher.account_usage AS a ON a.account_id" EQ "$1 AND a.limit_id" EQ "k.limit_id "
		  "AND a.period_start" EQ "k.period_start ORDER BY k.n")
STATEMENT(TOTAL_USAGE_LOCK, "tlz",
		  "SELECT used, amount, held FROM voucher.total_usage "
		  "WHERE limit_id" EQ "$2 AND period_start" EQ "$3 FOR UPDATE")
STATEMENT(ACCOUNT_USAGE_LOCK, "tlz",
		  "SELECT used, amount, held FROM voucher.account_usage "
		  "WHERE account_id" EQ "$1 AND limit_id" EQ "$2 AND period_start" EQ "$3 FOR UPDATE")

/* $4 uses and $5 amount, to at most $6 and $7 (null: without a limit) */
#define WITHIN(used, amount) \
	"(" used " OPERATOR(pg_catalog.<=) $6) IS NOT FALSE AND (" amount " OPERATOR(voucher.<=) $7) IS NOT FALSE"
#define USAGE_ADD \
	"DO UPDATE SET used = u.used" ADD "EXCLUDED.used, amount = u.amount" AMOUNT_ADD "EXCLUDED.amount WHERE " \
	WITHIN("u.used" ADD "EXCLUDED.used", "(u.amount" AMOUNT_ADD "EXCLUDED.amount)")

STATEMENT(TOTAL_USAGE_ADD, "tlzlala",
		  "INSERT INTO voucher.total_usage AS u (limit_id, period_start, used, amount) "
		  "SELECT $2, $3, $4, $5 WHERE " WITHIN("$4", "$5") " "
		  "ON CONFLICT ON CONSTRAINT total_usage_pkey " USAGE_ADD)
STATEMENT(ACCOUNT_USAGE_ADD, "tlzlala",
		  "INSERT INTO voucher.account_usage AS u (account_id, limit_id, period_start, used, amount) "
		  "SELECT $1, $2, $3, $4, $5 WHERE " WITHIN("$4", "$5") " "
		  "ON CONFLICT ON CONSTRAINT account_usage_pkey " USAGE_ADD)
STATEMENT(INSTRUMENT_TEMPLATE, "tl",
		  "SELECT template_id FROM voucher.instrument WHERE account_id" EQ "$1 AND instrument_id" EQ "$2")
STATEMENT(SETTLEMENT_PARTS, "tt",
		  "SELECT parts, at FROM voucher.settlement WHERE account_id" EQ "$1 AND order_id" EQ "$2")
/* all that limit $1 covers so far */
STATEMENT(LIMIT_OPEN, "l",
		  "WITH l AS (SELECT * FROM voucher.usage_limit WHERE limit_id" EQ "$1), "
		  "counted AS (SELECT s.account_id, s.at, p.paid AS amount, i.template_id FROM l "
		  "CROSS JOIN voucher.settlement AS s CROSS JOIN LATERAL pg_catalog.unnest(s.parts) AS p "
		  "JOIN voucher.instrument AS i ON i.account_id" EQ "s.account_id AND i.instrument_id" EQ "p.instrument_id "
		  "WHERE l.counts" EQ "'use' AND NOT EXISTS (SELECT FROM voucher.settlement_entry AS e "
		  "WHERE e.account_id" EQ "s.account_id AND e.order_id" EQ "s.order_id AND e.kind" EQ "'cancel') "
		  "UNION ALL SELECT i.account_id, i.issued_at, COALESCE(i.face_value, " ZERO "), i.template_id FROM l "
		  "CROSS JOIN voucher.instrument AS i WHERE l.counts" EQ "'issue' AND i.issued), "
		  "covered AS (SELECT l.limit_id, CASE l.per WHEN 'account' THEN c.account_id END AS account_id, "
		  "CASE WHEN l.period IS NULL THEN '-infinity' "
		  "ELSE pg_catalog.date_trunc(l.period, c.at, l.time_zone) END AS period_start, "
		  "CASE WHEN l.max_amount IS NULL THEN " ZERO " ELSE c.amount END AS amount FROM l "
		  "JOIN voucher.template AS t ON (t.template_id" EQ "l.template_id OR t.campaign" EQ "l.campaign) "
		  "AND (l.currency IS NULL OR t.currency" EQ "l.currency) "
		  "JOIN counted AS c ON c.template_id" EQ "t.template_id), "
		  "usage AS (SELECT limit_id, account_id, period_start, pg_catalog.count(*) AS used, "
		  "voucher.sum(amount) AS amount FROM covered GROUP BY limit_id, account_id, period_start), "
		  "total AS (INSERT INTO voucher.total_usage (limit_id, period_start, used, amount) "
		  "SELECT limit_id, period_start, used, amount FROM usage WHERE account_id IS NULL) "
		  "INSERT INTO voucher.account_usage (account_id, limit_id, period_start, used, amount) "
		  "SELECT account_id, limit_id, period_start, used, amount FROM usage WHERE account_id IS NOT NULL")

/* what unresolved holds keep of limit $1, which has counted what was used */
STATEMENT(LIMIT_OPEN_HELD, "l",
		  "WITH kept AS (INSERT INTO voucher.held_usage (account_id, order_id, version, limit_id, period_start, "
		  "per_account, expires_at, uses, amount) SELECT h.account_id, h.order_id, h.version, l.limit_id, "
		  "CASE WHEN l.period IS NULL THEN '-infinity' ELSE pg_catalog.date_trunc(l.period, h.at, l.time_zone) END, "
		  "l.per" EQ "'account', h.expires_at, pg_catalog.count(*), "
		  "voucher.sum(CASE WHEN l.max_amount IS NULL THEN " ZERO " ELSE p.paid END) "
		  "FROM voucher.usage_limit AS l JOIN voucher.template AS t ON (t.template_id" EQ "l.template_id "
		  "OR t.campaign" EQ "l.campaign) AND (l.currency IS NULL OR t.currency" EQ "l.currency) "
		  "JOIN voucher.instrument AS i ON i.template_id" EQ "t.template_id "
		  "JOIN voucher.hold AS h ON h.account_id" EQ "i.account_id AND h.resolution IS NULL "
		  "CROSS JOIN LATERAL pg_catalog.unnest(h.parts) AS p "
		  "WHERE l.limit_id" EQ "$1 AND l.counts" EQ "'use' AND p.instrument_id" EQ "i.instrument_id "
		  "GROUP BY h.account_id, h.order_id, h.version, l.limit_id RETURNING *), "
		  "total AS (INSERT INTO voucher.total_usage (limit_id, period_start, used, amount, held) "
		  "SELECT limit_id, period_start, 0, 0, pg_catalog.count(*) FROM kept WHERE NOT per_account "
		  "GROUP BY limit_id, period_start "
		  "ON CONFLICT ON CONSTRAINT total_usage_pkey DO UPDATE SET held = EXCLUDED.held) "
		  "INSERT INTO voucher.account_usage (account_id, limit_id, period_start, used, amount, held) "
		  "SELECT account_id, limit_id, period_start, 0, 0, pg_catalog.count(*) FROM kept WHERE per_account "
		  "GROUP BY account_id, limit_id, period_start "
		  "ON CONFLICT ON CONSTRAINT account_usage_pkey DO UPDATE SET held = EXCLUDED.held")

/* -- holds --------------------------------------------------------------- */

/* the columns of a hold as those of the settlement that it would be */
#define HOLD_AS_SETTLEMENT(h) \
	"ROW(" h ".account_id, " h ".order_id, NULL, " h ".cash, " h ".gross, " h ".discount, " h ".rounding, " \
	h ".voucher, " h ".cash, " h ".at, " h ".recorded_at, " h ".currency, " h ".payment_type, " \
	h ".chosen_voucher, " h ".chosen_coupon, " h ".promo_code, " h ".lines, " h ".parts, " \
	h ".first_purchase, " h ".policy, " h ".exact, " h ".epoch, " h ".purchased_before, " \
	h ".not_universal, " h ".limits, " ZERO ", NULL, NULL, NULL, NULL, NULL)::voucher.settlement"
#define HOLDS_OF "SELECT order_id, version, expires_at, parts, first_purchase FROM voucher.hold " \
	"WHERE account_id" EQ "$1 "

/* those of account $1 that are not resolved, past their time-out or not */
STATEMENT(HOLDS_OPEN, "t", HOLDS_OF "AND resolution IS NULL")
/* the same in currency $2, when the account began epoch $3 */
STATEMENT(HOLDS_BEFORE, "ttl",
		  HOLDS_OF "AND currency" EQ "$2 AND epoch OPERATOR(pg_catalog.<) $3 "
		  "AND (resolution IS NULL OR resolved_epoch OPERATOR(pg_catalog.>=) $3)")
/* what is held of instrument $2 at $3: value, uses, and the first time-out */
STATEMENT(HELD_OF, "tlz",
		  "SELECT COALESCE(voucher.sum(p.paid), " ZERO "), pg_catalog.count(*)::pg_catalog.int4, pg_catalog.min(h.expires_at) "
		  "FROM voucher.hold AS h CROSS JOIN LATERAL pg_catalog.unnest(h.parts) AS p "
		  "WHERE h.account_id" EQ "$1 AND h.resolution IS NULL AND h.expires_at OPERATOR(pg_catalog.>) $3 "
		  "AND p.instrument_id" EQ "$2")
/* the decision that an order was captured from */
STATEMENT(HOLD_CAPTURED, "tti",
		  "SELECT " HOLD_AS_SETTLEMENT("h") " FROM voucher.hold AS h "
		  "WHERE account_id" EQ "$1 AND order_id" EQ "$2 AND version" EQ "$3")
/* an order's last hold */
STATEMENT(HOLD_READ, "tt",
		  "SELECT h, h.version, h.resolution, h.expires_at, " HOLD_AS_SETTLEMENT("h") " "
		  "FROM voucher.hold AS h WHERE account_id" EQ "$1 AND order_id" EQ "$2 ORDER BY version DESC LIMIT 1")
STATEMENT(HOLD_INSERT, "ttittzzlaaaaatttttKPTTTLbz",
		  "INSERT INTO voucher.hold AS h (account_id, order_id, version, currency, actor, at, expires_at, "
		  "epoch, gross, discount, rounding, voucher, cash, payment_type, chosen_voucher, "
		  "chosen_coupon, promo_code, policy, lines, parts, first_purchase, purchased_before, "
		  "not_universal, limits, exact, recorded_at) "
		  "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, "
		  "$20, $21, $22, $23, $24, $25, $26) RETURNING h")
STATEMENT(HOLD_UNRESOLVED, "tt",
		  "SELECT 1 FROM voucher.hold WHERE account_id" EQ "$1 AND order_id" EQ "$2 AND resolution IS NULL")
/* $3 the version, $4 the resolution, $5 when, $6 in which epoch, $7 by whom, $8 why */
STATEMENT(HOLD_RESOLVE, "ttitzltt",
		  "UPDATE voucher.hold AS h SET resolution = $4, resolved_at = $5, resolved_epoch = $6, "
		  "resolved_by = $7, reason = $8 WHERE account_id" EQ "$1 AND order_id" EQ "$2 "
		  "AND version" EQ "$3 RETURNING h")
/*
 * Holds of other orders than $3, in currency $2, that are past their time-out at
 * $4, and by the clock; but not if somebody has a counter in which one is held,
 * which waiting for, out of the counters' order, could be a deadlock.
 */
#define TIMED_OUT(h) h ".account_id" EQ "$1 AND " h ".currency" EQ "$2 AND " h ".order_id OPERATOR(pg_catalog.<>) $3 " \
	"AND " h ".resolution IS NULL AND " h ".expires_at OPERATOR(pg_catalog.<=) LEAST($4, pg_catalog.now())"
#define COUNTED_HELD(h) "voucher.held_usage AS k WHERE k.account_id" EQ "$1 AND k.order_id" EQ h ".order_id " \
	"AND k.version" EQ h ".version AND NOT k.per_account"
STATEMENT(HOLDS_EXPIRE, "tttzl",
		  "WITH free AS (SELECT u.limit_id, u.period_start FROM voucher.total_usage AS u "
		  "WHERE (u.limit_id, u.period_start) OPERATOR(pg_catalog.=) ANY (SELECT k.limit_id, k.period_start "
		  "FROM voucher.hold AS o CROSS JOIN LATERAL (SELECT * FROM " COUNTED_HELD("o") ") AS k WHERE " TIMED_OUT("o") ") "
		  "FOR UPDATE SKIP LOCKED) "
		  "UPDATE voucher.hold AS h SET resolution = 'expired', resolved_at = expires_at, resolved_epoch = $5 "
		  "WHERE " TIMED_OUT("h") " AND NOT EXISTS (SELECT FROM " COUNTED_HELD("h") " "
		  "AND NOT EXISTS (SELECT FROM free AS f WHERE f.limit_id" EQ "k.limit_id AND f.period_start" EQ "k.period_start))")
/* the account's rows, locked in the order in which verbs lock them; which is in currency $2 */
STATEMENT(HOLD_EPOCH, "tt",
		  "SELECT currency" EQ "$2, epoch FROM voucher.account WHERE account_id" EQ "$1 "
		  "ORDER BY currency FOR UPDATE")
#define HOLDS_COUNTED "(SELECT pg_catalog.count(*)::pg_catalog.int4 FROM voucher.hold AS h " \
	"WHERE h.account_id" EQ "$1 AND h.resolution IS NULL)"
STATEMENT(HOLDS_COUNT, "t",
		  "UPDATE voucher.account SET holds = " HOLDS_COUNTED " WHERE account_id" EQ "$1 "
		  "AND holds OPERATOR(pg_catalog.<>) " HOLDS_COUNTED)
STATEMENT(HOLDS_COUNTED, "t", "SELECT " HOLDS_COUNTED)
/* one of the instruments of parts $3 of which more would be held at $2 than it has */
STATEMENT(HOLD_EXCESS, "tzP",
		  "SELECT i.instrument_id FROM (SELECT p.instrument_id, voucher.sum(p.paid) AS paid, "
		  "pg_catalog.count(*) AS uses FROM voucher.hold AS h CROSS JOIN LATERAL pg_catalog.unnest(h.parts) AS p "
		  "WHERE h.account_id" EQ "$1 AND h.resolution IS NULL AND h.expires_at OPERATOR(pg_catalog.>) $2 "
		  "AND p.instrument_id" EQ "ANY (ARRAY(SELECT n.instrument_id FROM pg_catalog.unnest($3) AS n)) "
		  "GROUP BY p.instrument_id) AS p "
		  "LEFT JOIN voucher.instrument AS i ON i.account_id" EQ "$1 AND i.instrument_id" EQ "p.instrument_id "
		  "WHERE (i.face_value IS NULL OR p.paid OPERATOR(voucher.<=) i.balance) IS NOT TRUE "
		  "OR (i.used OPERATOR(pg_catalog.+) p.uses OPERATOR(pg_catalog.>) i.max_uses) LIMIT 1")
/* $1 … of a hold, $5 the period, $9 the amount */
STATEMENT(HELD_USAGE_INSERT, "ttilzbzla",
		  "INSERT INTO voucher.held_usage (account_id, order_id, version, limit_id, period_start, "
		  "per_account, expires_at, uses, amount) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
STATEMENT(HELD_USAGE_DELETE, "tti",
		  "WITH gone AS (DELETE FROM voucher.held_usage WHERE account_id" EQ "$1 AND order_id" EQ "$2 "
		  "AND version" EQ "$3 RETURNING limit_id, period_start, per_account) "
		  "SELECT limit_id, period_start, per_account FROM gone ORDER BY limit_id")
STATEMENT(HELD_USAGE_OWN, "tt",
		  "SELECT limit_id, period_start, per_account FROM voucher.held_usage "
		  "WHERE account_id" EQ "$1 AND order_id" EQ "$2")
/* what others than order $5 hold of limit $2 at $4, $1 the account */
STATEMENT(HELD_USAGE_READ, "tlzzt",
		  "SELECT COALESCE(pg_catalog.sum(uses), 0)::pg_catalog.int8, COALESCE(voucher.sum(amount), " ZERO ") "
		  "FROM voucher.held_usage WHERE limit_id" EQ "$2 AND period_start" EQ "$3 "
		  "AND expires_at OPERATOR(pg_catalog.>) $4 AND (NOT per_account OR account_id" EQ "$1) "
		  "AND (account_id OPERATOR(pg_catalog.<>) $1 OR (order_id OPERATOR(pg_catalog.<>) $5) IS NOT FALSE)")
#define HELD_ADD "DO UPDATE SET held = u.held" ADD "EXCLUDED.held"
STATEMENT(TOTAL_HELD_ADD, "tlzl",
		  "INSERT INTO voucher.total_usage AS u (limit_id, period_start, used, amount, held) "
		  "VALUES ($2, $3, 0, 0, $4) ON CONFLICT ON CONSTRAINT total_usage_pkey " HELD_ADD)
STATEMENT(ACCOUNT_HELD_ADD, "tlzl",
		  "INSERT INTO voucher.account_usage AS u (account_id, limit_id, period_start, used, amount, held) "
		  "VALUES ($1, $2, $3, 0, 0, $4) ON CONFLICT ON CONSTRAINT account_usage_pkey " HELD_ADD)

/* -- refunds and invoices ------------------------------------------------ */

/* what an order came to after discounts */
#define TOTAL(s) s ".voucher" AMOUNT_ADD s ".cash" AMOUNT_ADD s ".outstanding"

STATEMENT(SETTLEMENT_CURRENCY, "tt",
		  "SELECT currency FROM voucher.settlement WHERE account_id" EQ "$1 AND order_id" EQ "$2")
/* the same, a row per account whose vouchers the order drew on; if on none, one row without */
STATEMENT(SETTLEMENT_OWNERS, "tt",
		  "SELECT s.currency, o.account_id FROM voucher.settlement AS s LEFT JOIN LATERAL ("
		  "SELECT DISTINCT i.owner_account_id AS account_id FROM pg_catalog.unnest(s.parts) AS p "
		  "JOIN voucher.instrument AS i ON i.account_id" EQ "$1 AND i.instrument_id" EQ "p.instrument_id "
		  "WHERE s.shares IS NOT NULL AND i.owner_account_id IS NOT NULL) AS o ON true "
		  "WHERE s.account_id" EQ "$1 AND s.order_id" EQ "$2")
/* the same with all whose vouchers the account draws on or has drawn on in that currency */
STATEMENT(CHAIN_OWNERS, "tt",
		  "SELECT s.currency, o.account_id FROM voucher.settlement AS s LEFT JOIN LATERAL ("
		  "SELECT DISTINCT i.owner_account_id AS account_id FROM voucher.instrument AS i "
		  "WHERE i.account_id" EQ "$1 AND i.currency" EQ "s.currency AND i.owner_account_id IS NOT NULL) AS o ON true "
		  "WHERE s.account_id" EQ "$1 AND s.order_id" EQ "$2")
STATEMENT(SETTLEMENT_STATE, "tt",
		  "SELECT " TOTAL("s") ", s.cash" AMOUNT_ADD "COALESCE(e.paid, " ZERO "), s.invoiceable, COALESCE(s.entry_version, 0), "
		  "COALESCE(e.refunded, " ZERO "), COALESCE(e.refunded_cash, " ZERO "), COALESCE(e.returned, " ZERO "), "
		  "s.entry_version IS NOT NULL AND " CANCELLED("$1", "$2") ", s.currency, "
		  "s.entry_version IS NOT NULL AND EXISTS (SELECT FROM voucher.settlement_entry AS l "
		  "WHERE l.account_id" EQ "$1 AND l.order_id" EQ "$2 AND l.lines IS NOT NULL), "
		  "s.outstanding, COALESCE(e.paid, " ZERO "), s.discount, COALESCE(e.waived, " ZERO "), COALESCE(e.rerated, " ZERO ") "
		  "FROM voucher.settlement AS s "
		  "LEFT JOIN voucher.settlement_entry AS e ON e.account_id" EQ "s.account_id "
		  "AND e.order_id" EQ "s.order_id AND e.version" EQ "s.entry_version "
		  "WHERE s.account_id" EQ "$1 AND s.order_id" EQ "$2")
STATEMENT(SETTLEMENT_ENTRY, "ttitaaaaaztttaIAaaaatt",
		  "INSERT INTO voucher.settlement_entry AS e (account_id, order_id, version, kind, amount, "
		  "invoiceable, requested, refunded, refunded_cash, at, invoice_id, request_id, reason, "
		  "consumed, lines, line_amounts, returned, paid, waived, rerated, rerating_id, actor) "
		  "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22) "
		  "RETURNING e")
#define SETTLEMENT_REQUEST(kind) \
	"SELECT e.version IS NOT NULL, e, e.order_id, e.requested, e.consumed, e.lines, e.line_amounts, e.amount " \
	"FROM voucher.request AS r " \
	"LEFT JOIN voucher.settlement_entry AS e ON r.entries" EQ "'settlement_entry' " \
	"AND e.account_id" EQ "r.account_id AND e.order_id" EQ "r.key AND e.version" EQ "r.version " \
	"AND e.kind" EQ kind " WHERE r.account_id" EQ "$1 AND r.request_id" EQ "$2"
STATEMENT(REFUND_REQUEST, "tt", SETTLEMENT_REQUEST("'refund'"))
STATEMENT(CANCEL_REQUEST, "tt", SETTLEMENT_REQUEST("'cancel'"))
STATEMENT(PAYMENT_REQUEST, "tt", SETTLEMENT_REQUEST("'payment'"))
STATEMENT(SETTLEMENT_CANCEL, "tt",
		  "SELECT e FROM voucher.settlement_entry AS e "
		  "WHERE account_id" EQ "$1 AND order_id" EQ "$2 AND kind" EQ "'cancel'")
STATEMENT(REFUNDED_LINES, "tt",
		  "SELECT l.line_no, voucher.sum(l.amount) FROM voucher.settlement_entry AS e "
		  "CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(e.lines), pg_catalog.unnest(e.line_amounts)) "
		  "AS l (line_no, amount) WHERE e.account_id" EQ "$1 AND e.order_id" EQ "$2 GROUP BY l.line_no")

/* -- re-ratings ---------------------------------------------------------- */

/* the last re-rating of an order */
STATEMENT(RERATING_LAST, "tt",
		  "SELECT version, lines, billed FROM voucher.rerating WHERE account_id" EQ "$1 AND order_id" EQ "$2 "
		  "ORDER BY version DESC LIMIT 1")
STATEMENT(RERATING_READ, "tt",
		  "SELECT r, order_id, lines, policy FROM voucher.rerating AS r "
		  "WHERE account_id" EQ "$1 AND rerating_id" EQ "$2")
/* the supplementary bills of an order, the latest first */
STATEMENT(SUPPLEMENTS, "tt",
		  "SELECT rerating_id FROM voucher.rerating WHERE account_id" EQ "$1 AND order_id" EQ "$2 "
		  "AND charged OPERATOR(voucher.>) " ZERO " ORDER BY version DESC")
STATEMENT(RERATING_INSERT, "ttitKaaaaaaaatttz",
		  "INSERT INTO voucher.rerating AS r (account_id, order_id, version, rerating_id, lines, gross, "
		  "billed_before, billed, charged, taken_back, waived, refunded_cash, returned, policy, reason, actor, at) "
		  "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) RETURNING r")
#define HAS_RERATINGS(account, order) \
	"EXISTS (SELECT FROM voucher.rerating AS r WHERE r.account_id" EQ account " AND r.order_id" EQ order ")"
/* which order does this one supplement (null: none), and is it re-rated itself? */
STATEMENT(SETTLEMENT_RERATED, "tt",
		  "SELECT rerates, " HAS_RERATINGS("$1", "$2") " FROM voucher.settlement "
		  "WHERE account_id" EQ "$1 AND order_id" EQ "$2")
/* by how much entries e raised a total over what entries b before them say */
#define RISE(total) "voucher.sum(e." total AMOUNT_SUB "COALESCE(b." total ", " ZERO ")) AS " total
/*
 * What re-rating $4, number $3 of order $2, must agree with: may the order be
 * re-rated; what was billed before it (null: the re-rating before is missing);
 * and what bills and entries say that it charged, took back, waived, and gave
 * back in cash and to vouchers.
 */
STATEMENT(RERATING_FACTS, "ttit",
		  "SELECT s.payment_type" EQ "'pay_as_you_go' AND s.rerates IS NULL AND NOT " CANCELLED("$1", "$2") ", "
		  "CASE WHEN $3" EQ "1 THEN s.gross" AMOUNT_SUB "s.rounding ELSE (SELECT billed FROM voucher.rerating "
		  "WHERE account_id" EQ "$1 AND order_id" EQ "$2 AND version" EQ "($3 OPERATOR(pg_catalog.-) 1)) END, "
		  "COALESCE((SELECT gross" AMOUNT_SUB "rounding FROM voucher.settlement "
		  "WHERE account_id" EQ "$1 AND order_id" EQ "$4 AND rerates" EQ "$2), " ZERO "), "
		  "COALESCE(t.rerated, " ZERO "), COALESCE(t.waived, " ZERO "), COALESCE(t.refunded_cash, " ZERO "), "
		  "COALESCE(t.returned, " ZERO ") FROM voucher.settlement AS s CROSS JOIN (SELECT "
		  RISE("rerated") ", " RISE("waived") ", " RISE("refunded_cash") ", " RISE("returned") " "
		  "FROM voucher.settlement_entry AS e LEFT JOIN voucher.settlement_entry AS b "
		  "ON b.account_id" EQ "e.account_id AND b.order_id" EQ "e.order_id AND b.version" EQ "(e.version OPERATOR(pg_catalog.-) 1) "
		  "WHERE e.account_id" EQ "$1 AND e.rerating_id" EQ "$4) AS t "
		  "WHERE s.account_id" EQ "$1 AND s.order_id" EQ "$2")

/*
 * The parts of a settlement in their order, for a refund or cancel at $3: the
 * instrument's state; paid and returned; is it a tender, without value; does
 * its policy return it when cancelled, when refunded; has it been cancelled,
 * or been a gift with an order that came to nothing; and what it draws on, if
 * it is a share, for which that is what may be cancelled.  The days of
 * refund_within are counted on the calendar of the template's zone, as those
 * of a validity are.
 */
STATEMENT(RETURN_PARTS, "ttz",
		  "SELECT i.instrument_id, i.version, i.balance, i.used, p.paid, "
		  "COALESCE((SELECT voucher.sum(r.amount) FROM voucher.entry AS r WHERE r.account_id" EQ "$1 "
		  "AND r.instrument_id" EQ "p.instrument_id AND r.order_id" EQ "$2 AND r.kind" EQ "'return'), " ZERO "), "
		  "NOT t.reduces, i.face_value IS NULL, t.refund_policy OPERATOR(pg_catalog.<>) 'forfeit', "
		  "t.refund_policy" EQ "'prorata' OR t.refund_policy" EQ "'return_within' "
		  "AND $3 OPERATOR(pg_catalog.<) (pg_catalog.timezone(t.time_zone, "
		  "pg_catalog.timezone(t.time_zone, s.at) OPERATOR(pg_catalog.+) "
		  "pg_catalog.date_trunc('day', t.refund_within)) OPERATOR(pg_catalog.+) "
		  "(t.refund_within OPERATOR(pg_catalog.-) pg_catalog.date_trunc('day', t.refund_within))), "
		  "i.cancelled AND i.owner_account_id IS NULL "
		  "OR EXISTS (SELECT FROM voucher.entry AS g JOIN voucher.settlement AS o ON o.account_id" EQ "g.account_id "
		  "AND o.order_id" EQ "g.order_id JOIN voucher.settlement_entry AS u ON u.account_id" EQ "o.account_id "
		  "AND u.order_id" EQ "o.order_id AND u.version" EQ "o.entry_version "
		  "WHERE g.account_id" EQ "$1 AND g.instrument_id" EQ "p.instrument_id AND g.version" EQ "1 "
		  "AND (u.refunded" AMOUNT_ADD "u.waived)" AMOUNT_EQ "(" TOTAL("o") ")), i.owner_account_id, i.owner_instrument_id "
		  "FROM voucher.settlement AS s CROSS JOIN LATERAL pg_catalog.unnest(s.parts) WITH ORDINALITY "
		  "AS p (instrument_id, paid, share, part) "
		  "JOIN voucher.instrument AS i ON i.account_id" EQ "s.account_id AND i.instrument_id" EQ "p.instrument_id "
		  "JOIN voucher.template AS t ON t.template_id" EQ "i.template_id "
		  "WHERE s.account_id" EQ "$1 AND s.order_id" EQ "$2 ORDER BY p.part")
/* what was issued with an order and has something left: its state, and the uses it loses */
STATEMENT(GIFTS, "tt",
		  "SELECT i.instrument_id, i.version, i.balance, i.used, "
		  "CASE WHEN i.face_value IS NULL THEN COALESCE(i.max_uses OPERATOR(pg_catalog.-) i.used, 0) ELSE 0 END "
		  "FROM voucher.instrument AS i JOIN voucher.entry AS e ON e.account_id" EQ "i.account_id "
		  "AND e.instrument_id" EQ "i.instrument_id AND e.version" EQ "1 "
		  "WHERE i.account_id" EQ "$1 AND e.order_id" EQ "$2 AND e.kind" EQ "'issue' AND NOT i.cancelled "
		  "AND (i.balance OPERATOR(voucher.>) " ZERO " OR i.face_value IS NULL "
		  "AND (i.used OPERATOR(pg_catalog.<) i.max_uses) IS NOT FALSE) ORDER BY i.instrument_id")

#define INVOICE_LINE "ANY ('{invoice,credit}'::pg_catalog.text[])"
#define VOIDED(invoice) \
	"EXISTS (SELECT FROM voucher.settlement_entry AS v WHERE v.account_id" EQ "$1 " \
	"AND v.invoice_id" EQ invoice " AND v.kind" EQ "'void')"
/* a row per line */
STATEMENT(INVOICE_READ, "tt",
		  "SELECT i, i.amount, i.currency, i.credits, " VOIDED("$2") ", "
		  "EXISTS (SELECT FROM voucher.invoice AS c WHERE c.account_id" EQ "$1 "
		  "AND c.credits" EQ "$2 AND NOT " VOIDED("c.invoice_id") "), "
		  "l.order_id, " AMOUNT_NEG "l.amount "
		  "FROM voucher.invoice AS i JOIN voucher.settlement_entry AS l ON l.account_id" EQ "$1 "
		  "AND l.invoice_id" EQ "$2 AND l.kind" EQ INVOICE_LINE " "
		  "WHERE i.account_id" EQ "$1 AND i.invoice_id" EQ "$2 ORDER BY l.order_id")
STATEMENT(INVOICE_INSERT, "tttazttt",
		  "INSERT INTO voucher.invoice AS i (account_id, invoice_id, currency, amount, at, credits, reason, actor) "
		  "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING i")
STATEMENT(CREDITED, "ttt",
		  "SELECT COALESCE(voucher.sum(l.amount), " ZERO ") FROM voucher.invoice AS c "
		  "JOIN voucher.settlement_entry AS l ON l.account_id" EQ "$1 AND l.invoice_id" EQ "c.invoice_id "
		  "AND l.order_id" EQ "$3 AND l.kind" EQ "'credit' "
		  "WHERE c.account_id" EQ "$1 AND c.credits" EQ "$2 AND NOT " VOIDED("c.invoice_id"))

/* -- reminders ----------------------------------------------------------- */

STATEMENT(REMINDING, "t",
		  "SELECT within, count FROM voucher.reminding WHERE request_id" EQ "$1")
STATEMENT(REMINDING_KEEP, "tvizt",
		  "INSERT INTO voucher.reminding (request_id, within, count, at, actor) VALUES ($1, $2, $3, $4, $5)")

/* -- triggers: an entry moves its balance --------------------------------- */

STATEMENT(REQUEST_KEPT, "tttti",
		  "SELECT 1 FROM voucher.request WHERE account_id" EQ "$1 AND request_id" EQ "$2 "
		  "AND entries" EQ "$3 AND key" EQ "$4 AND version" EQ "$5")
STATEMENT(REQUEST_INSERT, "tttti",
		  "INSERT INTO voucher.request (account_id, request_id, entries, key, version) "
		  "VALUES ($1, $2, $3, $4, $5)")

/* kinds of entries in which an order takes from an instrument and gives back */
#define ORDER_KINDS "'{settle,return}'::pg_catalog.text[]"
/* kinds of entries in which a share takes from its owner's voucher for an order, and gives back */
#define DRAW_KINDS "'{draw,give_back}'::pg_catalog.text[]"

/* keys, new version and balance, version and balance that must stand there */
STATEMENT(APPLY_CASH, "ttiaia",
		  "UPDATE voucher.account SET version = $3, balance = $4 WHERE account_id" EQ "$1 "
		  "AND currency" EQ "$2 AND version" EQ "$5 AND balance" AMOUNT_EQ "$6")
/*
 * ... what is cancelled serves no more orders; an expiry moves from the one that
 * stands there; $12 is the order of which a return gives back no more than was
 * taken, by the share $13, $14 if one did
 */
STATEMENT(APPLY_INSTRUMENT, "tliaiaiibbrttl",
		  "UPDATE voucher.instrument SET version = $3, balance = $4, used = $7, "
		  "frozen = COALESCE($9, frozen), cancelled = cancelled OR $10, "
		  "validity = CASE WHEN $11 IS NULL THEN validity ELSE pg_catalog.tstzrange("
		  "pg_catalog.lower(validity), pg_catalog.upper($11)) END "
		  "WHERE account_id" EQ "$1 AND instrument_id" EQ "$2 "
		  "AND version" EQ "$5 AND balance" AMOUNT_EQ "$6 AND used" EQ "$8 "
		  "AND ($4 OPERATOR(voucher.<=) COALESCE(face_value, " ZERO ")) "
		  "AND ($7 OPERATOR(pg_catalog.<=) max_uses) IS NOT FALSE AND $7 OPERATOR(pg_catalog.>=) 0 "
		  "AND (NOT cancelled OR $7 OPERATOR(pg_catalog.<=) $8) "
		  "AND ($11 IS NULL OR pg_catalog.lower($11)" EQ "pg_catalog.upper(validity)) "
		  "AND ($12 IS NULL OR (SELECT voucher.sum(amount) OPERATOR(voucher.<=) " ZERO " "
		  "AND pg_catalog.sum(uses) OPERATOR(pg_catalog.>=) 0 FROM voucher.entry "
		  "WHERE account_id" EQ "$1 AND instrument_id" EQ "$2 AND order_id" EQ "$12 "
		  "AND kind" EQ "ANY (CASE WHEN $13 IS NULL THEN " ORDER_KINDS " ELSE " DRAW_KINDS " END) "
		  "AND peer_account_id IS NOT DISTINCT FROM $13 AND peer_instrument_id IS NOT DISTINCT FROM $14))")
/* what re-ratings took back ($14 waived, $15 in all) moves with entries of kind rerate only ($16) */
STATEMENT(APPLY_SETTLEMENT, "ttiaiaaaaabaaaab",
		  "UPDATE voucher.settlement AS s SET entry_version = $3, invoiceable = $4 "
		  "WHERE account_id" EQ "$1 AND order_id" EQ "$2 AND COALESCE(entry_version, 0)" EQ "$5 "
		  "AND invoiceable" AMOUNT_EQ "$6 "
		  "AND ($7" AMOUNT_ADD "$14) OPERATOR(voucher.<=) (" TOTAL("s") ") "
		  "AND $9 OPERATOR(voucher.<=) (cash" AMOUNT_ADD "outstanding) "
		  "AND ($12" AMOUNT_ADD "$14) OPERATOR(voucher.<=) outstanding "
		  "AND ($7" AMOUNT_EQ "0 OR ($12" AMOUNT_ADD "$14)" AMOUNT_EQ "outstanding) "
		  "AND $15 OPERATOR(voucher.<=) (" TOTAL("s") AMOUNT_ADD "discount) "
		  "AND ($11 IS FALSE OR $7" AMOUNT_EQ "(" TOTAL("s") ") AND $9" AMOUNT_EQ "(cash" AMOUNT_ADD "outstanding) "
		  "AND rerates IS NULL AND NOT " HAS_RERATINGS("$1", "$2") ") "
		  "AND COALESCE((SELECT refunded" AMOUNT_EQ "$8 AND refunded_cash" AMOUNT_EQ "$10 AND paid" AMOUNT_EQ "$13 "
		  "AND (CASE WHEN $16 THEN waived OPERATOR(voucher.<=) $14 AND rerated OPERATOR(voucher.<) $15 "
		  "ELSE waived" AMOUNT_EQ "$14 AND rerated" AMOUNT_EQ "$15 END) "
		  "FROM voucher.settlement_entry AS e WHERE e.account_id" EQ "$1 AND e.order_id" EQ "$2 "
		  "AND e.version" EQ "$5), $8" AMOUNT_EQ "0 AND $10" AMOUNT_EQ "0 AND $13" AMOUNT_EQ "0 "
		  "AND $16" EQ "($15 OPERATOR(voucher.>) 0))")

STATEMENT(VERSION_CASH, "tt",
		  "SELECT version FROM voucher.account WHERE account_id" EQ "$1 AND currency" EQ "$2")
STATEMENT(VERSION_INSTRUMENT, "tl",
		  "SELECT version FROM voucher.instrument WHERE account_id" EQ "$1 AND instrument_id" EQ "$2")
STATEMENT(VERSION_SETTLEMENT, "tt",
		  "SELECT COALESCE(entry_version, 0) FROM voucher.settlement "
		  "WHERE account_id" EQ "$1 AND order_id" EQ "$2")

/* do all entries of a new row lead to its version and balance? */
STATEMENT(OPEN_CASH, "ttia",
		  "SELECT pg_catalog.count(*)" EQ "$3 AND pg_catalog.max(version)" EQ "$3 "
		  "AND voucher.sum(amount)" AMOUNT_EQ "$4 AND pg_catalog.bool_and(balance" AMOUNT_EQ "running) "
		  "FROM (SELECT version, amount, balance, voucher.sum(amount) OVER (ORDER BY version) AS running "
		  "FROM voucher.cash_entry WHERE account_id" EQ "$1 AND currency" EQ "$2) AS e")
/* also whether it is frozen and cancelled; its expiry is that of the last extension; and which are counted; $11 and $12 what it is a share of */
STATEMENT(OPEN_INSTRUMENT, "tliaibbrbbtl",
		  "SELECT pg_catalog.count(*)" EQ "$3 AND pg_catalog.max(version)" EQ "$3 "
		  "AND voucher.sum(amount)" AMOUNT_EQ "$4 AND pg_catalog.sum(uses)" EQ "$5 "
		  "AND pg_catalog.bool_and(balance" AMOUNT_EQ "running AND used" EQ "running_uses) "
		  "AND ($3" EQ "1 OR NOT EXISTS (SELECT FROM voucher.entry WHERE account_id" EQ "$1 "
		  "AND instrument_id" EQ "$2 AND kind" EQ "ANY (" ORDER_KINDS ") GROUP BY order_id "
		  "HAVING voucher.sum(amount) OPERATOR(voucher.>) " ZERO " OR pg_catalog.sum(uses) OPERATOR(pg_catalog.<) 0)) "
		  "AND ($3" EQ "1 OR $11 IS NOT NULL OR NOT EXISTS (SELECT FROM voucher.entry WHERE account_id" EQ "$1 "
		  "AND instrument_id" EQ "$2 AND kind" EQ "ANY (" DRAW_KINDS ") GROUP BY order_id, peer_account_id, peer_instrument_id "
		  "HAVING voucher.sum(amount) OPERATOR(voucher.>) " ZERO " OR pg_catalog.sum(uses) OPERATOR(pg_catalog.<) 0)) "
		  "AND $6" EQ "COALESCE((pg_catalog.array_agg(kind" EQ "'freeze' ORDER BY version DESC) "
		  "FILTER (WHERE kind" EQ "ANY ('{freeze,unfreeze}'::pg_catalog.text[])))[1], false) "
		  "AND $7" EQ "pg_catalog.bool_or(kind" EQ "ANY ('{revoke,transfer_out}'::pg_catalog.text[])) "
		  "AND pg_catalog.bool_and(before IS NULL OR (pg_catalog.upper(before)" EQ "pg_catalog.lower(extended)) IS TRUE) "
		  "AND COALESCE((pg_catalog.array_agg(pg_catalog.upper(extended) IS NOT DISTINCT FROM pg_catalog.upper($8) "
		  "ORDER BY version DESC) FILTER (WHERE extended IS NOT NULL))[1], true) "
		  "AND $9" EQ "pg_catalog.bool_and(version OPERATOR(pg_catalog.>) 1 "
		  "OR kind OPERATOR(pg_catalog.<>) ALL ('{split_in,merge_in,share}'::pg_catalog.text[])) "
		  "AND $10" EQ "pg_catalog.bool_and(version OPERATOR(pg_catalog.>) 1 "
		  "OR kind OPERATOR(pg_catalog.<>) ALL ('{transfer_in,split_in,merge_in,share}'::pg_catalog.text[])) "
		  "AND pg_catalog.bool_or(version" EQ "1 AND kind" EQ "'share')" EQ "($11 IS NOT NULL) "
		  "AND pg_catalog.bool_and(version OPERATOR(pg_catalog.>) 1 OR kind OPERATOR(pg_catalog.<>) 'share' "
		  "OR (peer_account_id" EQ "$11 AND peer_instrument_id" EQ "$12) IS TRUE) "
		  "FROM (SELECT version, kind, amount, balance, uses, used, extended, peer_account_id, peer_instrument_id, "
		  "CASE WHEN extended IS NOT NULL THEN pg_catalog.lag(extended) OVER (PARTITION BY extended IS NULL ORDER BY version) END AS before, "
		  "voucher.sum(amount) OVER (ORDER BY version) AS running, "
		  "pg_catalog.sum(uses) OVER (ORDER BY version) AS running_uses "
		  "FROM voucher.entry WHERE account_id" EQ "$1 AND instrument_id" EQ "$2) AS e")
/* $5 its cash, $6 what was outstanding */
STATEMENT(OPEN_SETTLEMENT, "ttiaaa",
		  "SELECT pg_catalog.count(*)" EQ "$3 AND pg_catalog.max(version)" EQ "$3 "
		  "AND ($5" AMOUNT_ADD "voucher.sum(amount))" AMOUNT_EQ "$4 "
		  "AND pg_catalog.bool_and(invoiceable" AMOUNT_EQ "($5" AMOUNT_ADD "running) "
		  "AND paid" AMOUNT_EQ "running_paid AND (paid" AMOUNT_ADD "waived) OPERATOR(voucher.<=) $6 "
		  "AND (refunded" AMOUNT_EQ "0 OR (paid" AMOUNT_ADD "waived)" AMOUNT_EQ "$6) "
		  "AND CASE WHEN kind" EQ "'rerate' THEN waived OPERATOR(voucher.>=) waived_before AND rerated OPERATOR(voucher.>) rerated_before "
		  "ELSE waived" AMOUNT_EQ "waived_before AND rerated" AMOUNT_EQ "rerated_before END) "
		  "FROM (SELECT version, kind, amount, invoiceable, refunded, paid, waived, rerated, "
		  "pg_catalog.lag(waived, 1, " ZERO ") OVER (ORDER BY version) AS waived_before, "
		  "pg_catalog.lag(rerated, 1, " ZERO ") OVER (ORDER BY version) AS rerated_before, "
		  "voucher.sum(amount) OVER (ORDER BY version) AS running, "
		  "COALESCE(voucher.sum(amount) FILTER (WHERE kind" EQ "'payment') OVER (ORDER BY version), " ZERO ") AS running_paid "
		  "FROM voucher.settlement_entry WHERE account_id" EQ "$1 AND order_id" EQ "$2) AS e")
