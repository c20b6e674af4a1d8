/*
 * limit_triggers.c
 *		The triggers that count: an issue when an instrument arrives, a use when
 *		a settlement does, and what a cancelled order gives back.
 *
 * Counters are derived: they are what the ledger's rows add up to.  They are
 * not dumped.  A limit that arrives, when it is created or restored, counts
 * what is there already; what arrives after it counts itself.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "catalog.h"
#include "errors.h"
#include "ledger.h"
#include "limit.h"
#include "triggers.h"

PG_FUNCTION_INFO_V1(count_usage);
PG_FUNCTION_INFO_V1(open_limit);
PG_FUNCTION_INFO_V1(protect_usage);

/* What an order or an issue adds to a counter. */
typedef struct UsageChange
{
	const UsageLimit *limit;
	int64		uses;
	Amount		amount;
} UsageChange;

typedef struct UsageChanges
{
	int			n;
	int			room;
	UsageChange *changes;
} UsageChanges;

/* What the statement that is being run does to counters; see protect_usage. */
static const LimitUsage *moving;
static int64 movingUses;
static Amount movingAmount;
static int64 movingHeld;
static bool opening;
static bool holding;

/* ------------------------------------------------------------------------
 * Moving counters
 * ------------------------------------------------------------------------
 */

/*
 * Add to a counter, which begins where there is none, and return how many rows
 * that wrote: none if the limit does not allow so much.  What is taken back
 * (uses below zero) is always allowed.
 */
uint64
AddUsage(const LimitUsage *state, const char *accountId, int64 uses, Amount amount)
{
	const UsageLimit *limit = state->limit;
	const LimitUsage *outer = moving;
	int64		outerUses = movingUses;
	Amount		outerAmount = movingAmount;
	bool		limited = uses > 0;
	Datum		values[7];
	char		nulls[] = {' ', ' ', ' ', ' ', ' ',
		NULL_FLAG(!limited || limit->maxCount == PG_INT64_MAX),
	NULL_FLAG(!limited || limit->maxAmount == AMOUNT_MAX)};
	uint64		rows = 0;

	if (limit->maxAmount == AMOUNT_MAX)
		amount = 0;
	values[0] = CStringGetTextDatum(accountId);
	values[1] = Int64GetDatum(limit->limitId);
	values[2] = TimestampTzGetDatum(state->from);
	values[3] = Int64GetDatum(uses);
	values[4] = AmountGetDatum(amount);
	values[5] = Int64GetDatum(limit->maxCount);
	values[6] = AmountGetDatum(limit->maxAmount);
	moving = state;
	movingUses = uses;
	movingAmount = amount;
	PG_TRY();
	{
		rows = StoreRun(limit->perAccount ? STMT_ACCOUNT_USAGE_ADD : STMT_TOTAL_USAGE_ADD,
						STORE_WRITE, values, nulls);
	}
	PG_FINALLY();
	{
		moving = outer;
		movingUses = outerUses;
		movingAmount = outerAmount;
	}
	PG_END_TRY();
	return rows;
}

/* Move by how many holds a counter is kept. */
static void
MoveHeld(const LimitUsage *state, Datum account, int64 holds)
{
	const LimitUsage *outer = moving;
	Datum		values[4];

	values[0] = account;
	values[1] = Int64GetDatum(state->limit->limitId);
	values[2] = TimestampTzGetDatum(state->from);
	values[3] = Int64GetDatum(holds);
	moving = state;
	movingHeld = holds;
	PG_TRY();
	{
		StoreRun(state->limit->perAccount ? STMT_ACCOUNT_HELD_ADD : STMT_TOTAL_HELD_ADD,
				 STORE_WRITE, values, NULL);
	}
	PG_FINALLY();
	{
		moving = outer;
		movingHeld = 0;
	}
	PG_END_TRY();
}

/* Run a statement that writes held_usage. */
static uint64
RunHolding(Statement statement, StoreMode mode, const Datum *values)
{
	uint64		rows = 0;

	holding = true;
	PG_TRY();
	{
		rows = StoreRun(statement, mode, values, NULL);
	}
	PG_FINALLY();
	{
		holding = false;
	}
	PG_END_TRY();
	return rows;
}

/* Is the statement that is being run one that may write held_usage? */
bool
HoldingLimits(void)
{
	return holding || opening;
}

/* Note what one instrument adds to the limits of its template. */
static void
NoteChanges(UsageChanges *changes, const Terms *terms, bool issue, int64 uses, Amount amount)
{
	for (int i = 0; i < terms->nlimits; i++)
	{
		const UsageLimit *limit = &terms->limits[i];
		int			j = 0;

		if (limit->countsIssues != issue)
			continue;
		while (j < changes->n && changes->changes[j].limit->limitId != limit->limitId)
			j++;
		if (j == changes->room)
		{
			changes->room += 8;
			changes->changes = changes->changes == NULL ?
				palloc(changes->room * sizeof(UsageChange)) :
				repalloc(changes->changes, changes->room * sizeof(UsageChange));
		}
		if (j == changes->n)
		{
			changes->changes[j].limit = limit;
			changes->changes[j].uses = 0;
			changes->changes[j].amount = 0;
			changes->n++;
		}
		changes->changes[j].uses += uses;
		changes->changes[j].amount = AmountAdd(changes->changes[j].amount, amount);
	}
}

/* Order two changes by their limits' ids: the order in which counters are locked. */
static int
CompareChanges(const void *a, const void *b)
{
	int64		left = ((const UsageChange *) a)->limit->limitId;
	int64		right = ((const UsageChange *) b)->limit->limitId;

	return (left > right) - (left < right);
}

/* Read a counter into the state of its limit. */
static void
ReadCounter(LimitUsage *state, const char *accountId)
{
	Datum		values[3];

	values[0] = CStringGetTextDatum(accountId);
	values[1] = Int64GetDatum(state->limit->limitId);
	values[2] = TimestampTzGetDatum(state->from);
	if (StoreRun(state->limit->perAccount ? STMT_ACCOUNT_USAGE_LOCK : STMT_TOTAL_USAGE_LOCK,
				 STORE_WRITE, values, NULL) == 0)
		return;
	state->used = StoreInt64(0, 1);
	state->amount = StoreAmount(0, 2);
}

/* Make noted changes, of something that happened at an instant.  Error VC121 where a limit is reached. */
static void
MakeChanges(UsageChanges *changes, Datum account, TimestampTz at)
{
	const char *accountId;

	if (changes->n == 0)
		return;
	accountId = TextDatumGetCString(account);
	qsort(changes->changes, changes->n, sizeof(UsageChange), CompareChanges);
	for (int i = 0; i < changes->n; i++)
	{
		const UsageChange *change = &changes->changes[i];
		LimitUsage	state;

		PeriodOf(change->limit, at, &state);
		if (AddUsage(&state, accountId, change->uses, change->amount) > 0)
			continue;
		ReadCounter(&state, accountId);
		ereport(ERROR,
				(errcode(ERRCODE_VC_LIMIT_REACHED),
				 errmsg("%s has reached a limit", change->limit->owner),
				 errdetail("%s", LimitDetail(&state))));
	}
}

/* ------------------------------------------------------------------------
 * What counts
 * ------------------------------------------------------------------------
 */

/* The template of an account's instrument. */
static const Template *
TemplateOf(Datum account, Datum instrumentId)
{
	int64		templateId = MovingTemplate(DatumGetInt64(instrumentId));
	Datum		values[2];

	if (templateId == 0)
	{
		values[0] = account;
		values[1] = instrumentId;
		/* one that does not exist is another trigger's business, or check's */
		if (StoreRun(STMT_INSTRUMENT_TEMPLATE, STORE_WRITE, values, NULL) == 0)
			return NULL;
		templateId = StoreInt64(0, 1);
	}
	return CatalogTemplate(templateId);
}

/* Note what the parts of an order add to the limits of their templates. */
static void
NoteParts(Datum account, Datum parts, int sign, UsageChanges *changes)
{
	Datum	   *elements;
	int			n = DeformArray(parts, &elements);

	for (int i = 0; i < n; i++)
	{
		const Template *template;
		Row			part;

		DeformRow(elements[i], PART_COLUMNS, &part);
		template = TemplateOf(account, part.values[PART_INSTRUMENT_ID]);
		if (template != NULL)
			NoteChanges(changes, &template->terms, false, sign,
						sign * DatumGetAmount(part.values[PART_PAID]));
	}
}

/* Count the parts of an order that was made at an instant; sign -1 takes them back. */
static void
CountParts(Datum account, Datum parts, TimestampTz at, int sign)
{
	UsageChanges changes = {0};

	NoteParts(account, parts, sign, &changes);
	MakeChanges(&changes, account, at);
}

/*
 * Count what a new settlement uses, unless it arrives with its cancellation, as
 * in a dump.  Where there are no limits at all, this costs nothing.
 */
void
CountSettlement(const Row *settlement)
{
	if (CatalogKnowsNoLimits() ||
		ARR_NDIM(DatumGetArrayTypeP(settlement->values[SET_PARTS])) == 0)
		return;
	StoreBegin();
	CatalogBegin();
	if (CatalogHasLimits())
	{
		Datum		key[2] = {settlement->values[BAL_ACCOUNT], settlement->values[BAL_KEY]};

		if (settlement->isnull[BAL_VERSION] ||
			StoreRun(STMT_SETTLEMENT_CANCEL, STORE_WRITE, key, NULL) == 0)
			CountParts(settlement->values[BAL_ACCOUNT], settlement->values[SET_PARTS],
					   DatumGetTimestampTz(settlement->values[SET_AT]), 1);
	}
	StoreEnd();
}

/* Keep what the parts of a new hold would use of their templates' limits. */
void
HoldLimits(const Row *settlement, int32 version, TimestampTz expiresAt)
{
	UsageChanges changes = {0};
	TimestampTz at = DatumGetTimestampTz(settlement->values[SET_AT]);
	Datum		values[9];

	CatalogBegin();
	if (!CatalogHasLimits())
		return;
	NoteParts(settlement->values[BAL_ACCOUNT], settlement->values[SET_PARTS], 1, &changes);
	qsort(changes.changes, changes.n, sizeof(UsageChange), CompareChanges);
	values[0] = settlement->values[BAL_ACCOUNT];
	values[1] = settlement->values[BAL_KEY];
	values[2] = Int32GetDatum(version);
	values[6] = TimestampTzGetDatum(expiresAt);
	for (int i = 0; i < changes.n; i++)
	{
		const UsageChange *change = &changes.changes[i];
		LimitUsage	state;

		PeriodOf(change->limit, at, &state);
		values[3] = Int64GetDatum(change->limit->limitId);
		values[4] = TimestampTzGetDatum(state.from);
		values[5] = BoolGetDatum(change->limit->perAccount);
		values[7] = Int64GetDatum(change->uses);
		values[8] = AmountGetDatum(change->limit->maxAmount == AMOUNT_MAX ? 0 : change->amount);
		MoveHeld(&state, values[0], 1);
		RunHolding(STMT_HELD_USAGE_INSERT, STORE_WRITE, values);
	}
}

/*
 * Give back what a hold that is resolved kept of limits, also of those that came
 * since this transaction's snapshot.
 */
void
ReleaseHeld(Datum account, Datum orderId, int32 version)
{
	Datum		key[3] = {account, orderId, Int32GetDatum(version)};
	int			n = (int) RunHolding(STMT_HELD_USAGE_DELETE, STORE_LATEST_WRITE, key);
	LimitUsage *states = HeldCounters(n);

	for (int i = 0; i < n; i++)
		MoveHeld(&states[i], account, -1);
}

/* Take back what an order used, which has been cancelled. */
static void
ReleaseOrder(Datum account, Datum orderId)
{
	Datum		key[2] = {account, orderId};

	/* in a dump entries come before their settlement: nothing is counted yet */
	if (StoreRun(STMT_SETTLEMENT_PARTS, STORE_WRITE, key, NULL) == 0)
		return;
	CountParts(account, StoreNotNull(0, 1), StoreTime(0, 2), -1);
}

/*
 * Trigger: counts a new instrument as an issue; of an entry that cancels a
 * settlement, takes back what the order used.
 */
Datum
count_usage(PG_FUNCTION_ARGS)
{
	TriggerData *data = GetTriggerData(fcinfo);
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	Row			row;

	if (CatalogKnowsNoLimits())
		return PointerGetDatum(NULL);
	StoreBegin();
	CatalogBegin();
	if (!CatalogHasLimits())
		 /* nothing to count in */ ;
	else if (strcmp(RelationGetRelationName(data->tg_relation), "instrument") == 0)
	{
		UsageChanges changes = {0};

		DeformTuple(data->tg_trigtuple, desc, INS_COLUMNS, &row);
		NoteChanges(&changes, &CatalogTemplate(DatumGetInt64(row.values[INS_TEMPLATE]))->terms,
					true, 1, row.isnull[INS_FACE_VALUE] ? 0 : DatumGetAmount(row.values[INS_FACE_VALUE]));
		MakeChanges(&changes, row.values[BAL_ACCOUNT],
					DatumGetTimestampTz(row.values[INS_ISSUED_AT]));
	}
	else
	{
		DeformTuple(data->tg_trigtuple, desc, ENT_KEY, &row);
		ReleaseOrder(row.values[ENT_ACCOUNT], row.values[ENT_KEY]);
	}
	StoreEnd();
	return PointerGetDatum(NULL);
}

/*
 * Trigger: a new limit begins with what was used before it.
 *
 * Nobody may slip in between the counting and the moment from which others see
 * the limit, which is this transaction's commit.  Who moves anything of an
 * account updates its row first; so locking that table first means to wait for
 * those, and to stop the others before they hold anything.  The other
 * tables are for rows that are written by hand.
 */
Datum
open_limit(PG_FUNCTION_ARGS)
{
	static const char *const counted[] = {"account", "settlement", "settlement_entry", "instrument", "hold"};
	TriggerData *data = GetTriggerData(fcinfo);
	Datum		limitId;
	bool		isnull;

	limitId = heap_getattr(data->tg_trigtuple, 1, RelationGetDescr(data->tg_relation), &isnull);
	for (int i = 0; i < lengthof(counted); i++)
		LockRelationOid(StoreRelation(counted[i]), ShareRowExclusiveLock);
	StoreBegin();
	opening = true;
	PG_TRY();
	{
		/* also what an older snapshot of this transaction does not see */
		StoreRun(STMT_LIMIT_OPEN, STORE_LATEST_WRITE, &limitId, NULL);
		StoreRun(STMT_LIMIT_OPEN_HELD, STORE_LATEST_WRITE, &limitId, NULL);
	}
	PG_FINALLY();
	{
		opening = false;
	}
	PG_END_TRY();
	StoreEnd();
	return PointerGetDatum(NULL);
}

/* ------------------------------------------------------------------------
 * The last guard
 * ------------------------------------------------------------------------
 */

/* Columns of voucher.total_usage and of voucher.account_usage. */
typedef struct UsageRow
{
	int64		limitId;
	TimestampTz from;
	int64		used;
	Amount		amount;
	int64		held;
} UsageRow;

/* Take a row of a counter apart; that of an account has the account before the rest. */
static void
ReadUsageRow(TriggerData *data, HeapTuple tuple, UsageRow *usage)
{
	bool		ofAccount = strcmp(RelationGetRelationName(data->tg_relation), "account_usage") == 0;
	Row			row;

	DeformTuple(tuple, RelationGetDescr(data->tg_relation), 5 + ofAccount, &row);
	usage->limitId = DatumGetInt64(row.values[1 + ofAccount]);
	usage->from = DatumGetTimestampTz(row.values[2 + ofAccount]);
	usage->used = DatumGetInt64(row.values[3 + ofAccount]);
	usage->amount = DatumGetAmount(row.values[4 + ofAccount]);
	usage->held = DatumGetInt64(row.values[5 + ofAccount]);
}

/*
 * Trigger: a counter moves by what is being counted and by nothing else, and
 * never up past its limit.
 */
Datum
protect_usage(PG_FUNCTION_ARGS)
{
	TriggerData *data = GetTriggerData(fcinfo);
	UsageRow	was = {0};
	UsageRow	is;
	bool		sameKey = true;

	if (opening)
		return PointerGetDatum(NULL);
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
	{
		ReadUsageRow(data, data->tg_trigtuple, &was);
		ReadUsageRow(data, data->tg_newtuple, &is);
		sameKey = was.limitId == is.limitId && was.from == is.from;
	}
	else
		ReadUsageRow(data, data->tg_trigtuple, &is);
	if (!sameKey || moving == NULL || moving->limit->limitId != is.limitId || moving->from != is.from ||
		is.used - was.used != movingUses || is.amount - was.amount != movingAmount ||
		is.held - was.held != movingHeld)
		ereport(ERROR,
				(errcode(ERRCODE_VC_IMMUTABLE_ROW),
				 errmsg("rows of table \"%s\" cannot be written",
						RelationGetRelationName(data->tg_relation)),
				 errhint("Counters move when instruments are issued and orders settled or cancelled.")));
	if (is.used < 0 || is.amount < 0)
		RefuseRow(data, "More would be taken back than was counted.");
	if (movingUses > 0 &&
		(is.used > moving->limit->maxCount || is.amount > moving->limit->maxAmount))
		RefuseRow(data, "The counter would pass its limit.");
	return PointerGetDatum(NULL);
}
