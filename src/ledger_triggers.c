/*
 * ledger_triggers.c
 *		The triggers that keep balances true to their entries, whoever writes.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/rangetypes.h"
#include "utils/rel.h"

#include "catalog.h"
#include "errors.h"
#include "ledger.h"
#include "store.h"
#include "triggers.h"

PG_FUNCTION_INFO_V1(apply_entry);
PG_FUNCTION_INFO_V1(open_balance);
PG_FUNCTION_INFO_V1(protect);
PG_FUNCTION_INFO_V1(check_per_account);

/* The movements of the statement that is being run; see RunMoving. */
static Movement *expected;
static int	nexpected;

/* The trigger data of a call, checked to be a trigger's. */
TriggerData *
GetTriggerData(FunctionCallInfo fcinfo)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("this function must be called as a trigger")));
	return (TriggerData *) fcinfo->context;
}

/* A column of a row by its name; error if the table has none such. */
Datum
Column(TriggerData *data, HeapTuple row, const char *name, bool *isnull)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	int			column = SPI_fnumber(desc, name);

	if (column <= 0)
		elog(ERROR, "table \"%s\" has no column \"%s\"",
			 RelationGetRelationName(data->tg_relation), name);
	return heap_getattr(row, column, desc, isnull);
}

/* As Column, for one that is not null. */
Datum
NotNullColumn(TriggerData *data, HeapTuple row, const char *name)
{
	bool		isnull;
	Datum		value = Column(data, row, name, &isnull);

	if (isnull)
		elog(ERROR, "column \"%s\" is null", name);
	return value;
}

/* What a ledger's balances and entries are called, and the statements that move them. */
typedef struct Ledger
{
	const char *name;			/* the triggers' argument */
	const char *kinds[5];		/* of its entries; empty: a CHECK says */
	const char *table;			/* holds the balance */
	const char *key;			/* second column of the key; the first is account_id */
	const char *balance;		/* the entry's column that carries the balance */
	const char *ownBalance;		/* the column that holds the balance */
	const char *ownVersion;
	Statement	apply;
	Statement	version;
	Statement	open;
} Ledger;

static const Ledger ledgers[] = {
	{"cash", {"open", "deposit", "settle", "refund"}, "account", "currency", "balance", "balance", "version",
	STMT_APPLY_CASH, STMT_VERSION_CASH, STMT_OPEN_CASH},
	{"instrument", {"issue", "settle", "freeze", "unfreeze"}, "instrument", "instrument_id", "balance", "balance", "version",
	STMT_APPLY_INSTRUMENT, STMT_VERSION_INSTRUMENT, STMT_OPEN_INSTRUMENT},
	{"settlement", {NULL}, "settlement", "order_id", "invoiceable", "invoiceable", "entry_version",
	STMT_APPLY_SETTLEMENT, STMT_VERSION_SETTLEMENT, STMT_OPEN_SETTLEMENT},
};

#define LEDGER_INSTRUMENT	(&ledgers[1])
#define LEDGER_SETTLEMENT	(&ledgers[2])

/* The ledger that a trigger's argument names. */
static const Ledger *
GetLedger(TriggerData *data)
{
	for (int i = 0; i < lengthof(ledgers) && data->tg_trigger->tgnargs == 1; i++)
	{
		if (strcmp(ledgers[i].name, data->tg_trigger->tgargs[0]) == 0)
			return &ledgers[i];
	}
	elog(ERROR, "trigger \"%s\" does not name a ledger", data->tg_trigger->tgname);
}

/* Is a text value this string? */
static bool
TextIs(Datum value, const char *string)
{
	text	   *name = DatumGetTextPP(value);
	int			length = strlen(string);

	return VARSIZE_ANY_EXHDR(name) == length && memcmp(VARDATA_ANY(name), string, length) == 0;
}

/* Refuse a row that breaks a rule of its own. */
void
RefuseRow(TriggerData *data, const char *rule)
{
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("new row of table \"%s\" breaks a rule",
					RelationGetRelationName(data->tg_relation)),
			 errdetail("%s", rule)));
}

/* What must hold of an entry by itself. */
static void
CheckEntry(TriggerData *data, const Ledger *ledger, int32 version, Amount balance)
{
	const char *const *kind = ledger->kinds;

	if (*kind == NULL)
		return;
	while (*kind != NULL && !TextIs(NotNullColumn(data, data->tg_trigtuple, "kind"), *kind))
		kind++;
	if (*kind == NULL)
		RefuseRow(data, "This kind of entry does not exist.");
	if (version < 1)
		RefuseRow(data, "Versions count from 1.");
	if (balance < 0)
		RefuseRow(data, psprintf("The balance after it would be %s.", AmountToString(balance)));
}

/* The state of the instrument that an entry carries besides the balance. */
static void
InstrumentParameters(TriggerData *data, HeapTuple row, Datum *values, char *nulls)
{
	int32		used = DatumGetInt32(NotNullColumn(data, row, "used"));
	int32		uses = DatumGetInt32(NotNullColumn(data, row, "uses"));
	Datum		kind = NotNullColumn(data, row, "kind");
	bool		freeze = TextIs(kind, "freeze");
	bool		unfreeze = TextIs(kind, "unfreeze");

	values[6] = Int32GetDatum(used);
	values[7] = Int32GetDatum(used - uses);
	values[8] = BoolGetDatum(freeze);
	nulls[8] = NULL_FLAG(!freeze && !unfreeze);
}

/* The refund totals that a settlement's entry carries, before and after it. */
static void
SettlementParameters(TriggerData *data, HeapTuple row, Amount amount, Datum *values)
{
	Amount		refunded = DatumGetAmount(NotNullColumn(data, row, "refunded"));
	Amount		refundedCash = DatumGetAmount(NotNullColumn(data, row, "refunded_cash"));
	bool		notRefund;
	Datum		requested = Column(data, row, "requested", &notRefund);

	values[6] = AmountGetDatum(refunded);
	values[7] = AmountGetDatum(notRefund ? refunded : AmountSub(refunded, DatumGetAmount(requested)));
	values[8] = AmountGetDatum(refundedCash);
	/* a refund takes off the invoiceable amount what it pays back */
	values[9] = AmountGetDatum(notRefund ? refundedCash : AmountAdd(refundedCash, amount));
}

/*
 * Run a statement that moves balances, with the triggers told which, and
 * return its number of rows.
 */
uint64
RunMoving(Statement statement, const Datum *values, const char *nulls, Movement *movements,
		  int nmovements)
{
	Movement   *outer = expected;
	int			nouter = nexpected;
	uint64		rows = 0;

	expected = movements;
	nexpected = nmovements;
	PG_TRY();
	{
		rows = StoreRun(statement, STORE_WRITE, values, nulls);
	}
	PG_FINALLY();
	{
		expected = outer;
		nexpected = nouter;
	}
	PG_END_TRY();
	return rows;
}

/* Has the statement that is being run announced this entry, and moves its balance itself? */
static bool
EntryIsExpected(TriggerData *data, const Ledger *ledger, int32 version, Amount amount,
				Amount balance)
{
	HeapTuple	row = data->tg_trigtuple;

	for (int i = 0; i < nexpected; i++)
	{
		Movement   *movement = &expected[i];

		if (movement->entered || strcmp(movement->table, ledger->table) != 0 ||
			movement->version != version || movement->amount != amount ||
			movement->balance != balance)
			continue;
		if (ledger == LEDGER_INSTRUMENT &&
			(movement->instrumentId != DatumGetInt64(NotNullColumn(data, row, "instrument_id")) ||
			 movement->used != DatumGetInt32(NotNullColumn(data, row, "used"))))
			continue;
		movement->entered = true;
		return true;
	}
	return false;
}

/*
 * Trigger: a new entry moves the balance it belongs to.
 *
 * It must be the next one: made for the version and the balance that stand
 * there.  Where no balance stands yet, as while a dump is restored or in the
 * statement that issues an instrument, open_balance judges all entries when
 * the row arrives.
 */
Datum
apply_entry(PG_FUNCTION_ARGS)
{
	TriggerData *data = GetTriggerData(fcinfo);
	const Ledger *ledger = GetLedger(data);
	HeapTuple	row = data->tg_trigtuple;
	int32		version = DatumGetInt32(NotNullColumn(data, row, "version"));
	Amount		amount = DatumGetAmount(NotNullColumn(data, row, "amount"));
	Amount		balance = DatumGetAmount(NotNullColumn(data, row, ledger->balance));
	Datum		values[10];
	char		nulls[10] = "          ";

	Movement	movement = {0};

	CheckEntry(data, ledger, version, balance);
	if (EntryIsExpected(data, ledger, version, amount, balance))
		return PointerGetDatum(NULL);

	StoreBegin();
	values[0] = NotNullColumn(data, row, "account_id");
	values[1] = NotNullColumn(data, row, ledger->key);
	values[2] = Int32GetDatum(version);
	values[3] = AmountGetDatum(balance);
	values[4] = Int32GetDatum(version - 1);
	values[5] = AmountGetDatum(AmountSub(balance, amount));
	if (ledger == LEDGER_INSTRUMENT)
		InstrumentParameters(data, row, values, nulls);
	else if (ledger == LEDGER_SETTLEMENT)
		SettlementParameters(data, row, amount, values);

	movement.table = ledger->table;
	movement.version = version;
	movement.balance = balance;
	if (ledger == LEDGER_INSTRUMENT)
	{
		movement.instrumentId = DatumGetInt64(values[1]);
		movement.used = DatumGetInt32(values[6]);
	}
	movement.entered = true;
	if (RunMoving(ledger->apply, values, nulls, &movement, 1) == 0 &&
		StoreRun(ledger->version, STORE_WRITE, values, NULL) > 0 &&
		StoreInt32(0, 1) < version)
		ereport(ERROR,
				(errcode(ERRCODE_VC_ENTRY_OUT_OF_TURN),
				 errmsg("entry %d of table \"%s\" does not follow from the balance that stands there",
						version, RelationGetRelationName(data->tg_relation)),
				 errdetail("It adds %s and leaves %s; the last version is %d.",
						   AmountToString(amount), AmountToString(balance), StoreInt32(0, 1))));
	StoreEnd();
	return PointerGetDatum(NULL);
}

/* What must hold of a new instrument by itself. */
static void
CheckInstrument(TriggerData *data)
{
	HeapTuple	row = data->tg_trigtuple;
	Amount		balance = DatumGetAmount(NotNullColumn(data, row, "balance"));
	int32		used = DatumGetInt32(NotNullColumn(data, row, "used"));
	RangeType  *validity = DatumGetRangeTypeP(NotNullColumn(data, row, "validity"));
	char		flags = range_get_flags(validity);
	bool		noFaceValue;
	bool		noLimit;
	Datum		faceValue = Column(data, row, "face_value", &noFaceValue);
	Datum		maxUses = Column(data, row, "max_uses", &noLimit);

	if (DatumGetInt32(NotNullColumn(data, row, "ordinal")) < 1)
		RefuseRow(data, "Ordinals count from 1.");
	if (balance > (noFaceValue ? 0 : DatumGetAmount(faceValue)))
		RefuseRow(data, "The balance must not exceed the face value.");
	if (!noLimit && used > DatumGetInt32(maxUses))
		RefuseRow(data, "It must not have served more orders than it can.");
	if ((flags & (RANGE_EMPTY | RANGE_UB_INC)) != 0 ||
		(flags & (RANGE_LB_INC | RANGE_LB_INF)) == 0)
		RefuseRow(data, "Its validity must be a half-open range and not be empty.");
}

/*
 * Error unless all entries that are there lead to a new row's balance, each
 * from the one before.  The store is open.
 */
static void
CheckOpening(TriggerData *data, const Ledger *ledger)
{
	HeapTuple	row = data->tg_trigtuple;
	Datum		values[6];
	bool		isnull;
	bool		agrees;

	values[0] = NotNullColumn(data, row, "account_id");
	values[1] = NotNullColumn(data, row, ledger->key);
	values[2] = NotNullColumn(data, row, ledger->ownVersion);
	values[3] = NotNullColumn(data, row, ledger->ownBalance);
	if (ledger == LEDGER_INSTRUMENT)
	{
		values[4] = NotNullColumn(data, row, "used");
		values[5] = NotNullColumn(data, row, "frozen");
	}
	else if (ledger == LEDGER_SETTLEMENT)
		values[4] = NotNullColumn(data, row, "cash");

	StoreRun(ledger->open, STORE_WRITE, values, NULL);
	agrees = DatumGetBool(StoreDatum(0, 1, &isnull));
	if (isnull || !agrees)
		ereport(ERROR,
				(errcode(ERRCODE_VC_BALANCE_MISMATCH),
				 errmsg("new row of table \"%s\" does not agree with its entries",
						RelationGetRelationName(data->tg_relation)),
				 errdetail("Its balance is %s at version %d.",
						   AmountToString(DatumGetAmount(values[3])), DatumGetInt32(values[2]))));
}

/* As CheckOpening, for a settlement that has entries. */
void
CheckSettlementOpening(TriggerData *data)
{
	CheckOpening(data, LEDGER_SETTLEMENT);
}

/* Trigger: a new account or instrument must be what its entries add up to. */
Datum
open_balance(PG_FUNCTION_ARGS)
{
	TriggerData *data = GetTriggerData(fcinfo);
	const Ledger *ledger = GetLedger(data);
	HeapTuple	row = data->tg_trigtuple;

	if (TextIs(NotNullColumn(data, row, "account_id"), ""))
		RefuseRow(data, "An account's id must not be empty.");
	if (DatumGetInt32(NotNullColumn(data, row, "first_entry")) != 1)
		RefuseRow(data, "The first entry is number 1.");
	if (ledger == LEDGER_INSTRUMENT)
		CheckInstrument(data);
	StoreBegin();
	CheckOpening(data, ledger);
	StoreEnd();
	return PointerGetDatum(NULL);
}

/* Has the statement that is being run announced the balance that a row gets? */
static bool
MovementIsExpected(TriggerData *data)
{
	HeapTuple	row = data->tg_newtuple;
	const char *table = RelationGetRelationName(data->tg_relation);
	char	  **columns = data->tg_trigger->tgargs;

	for (int i = 0; i < nexpected; i++)
	{
		Movement   *movement = &expected[i];

		/* the trigger's first two arguments: version and balance */
		if (movement->moved || strcmp(movement->table, table) != 0 ||
			movement->version != DatumGetInt32(NotNullColumn(data, row, columns[0])) ||
			movement->balance != DatumGetAmount(NotNullColumn(data, row, columns[1])))
			continue;
		if (movement->instrumentId != 0 &&
			(movement->instrumentId != DatumGetInt64(NotNullColumn(data, row, "instrument_id")) ||
			 movement->used != DatumGetInt32(NotNullColumn(data, row, "used"))))
			continue;
		movement->moved = true;
		return true;
	}
	return false;
}

/* Is a column one that moves with entries: one of the trigger's arguments? */
static bool
MovesWithEntries(const Trigger *trigger, const char *column)
{
	for (int i = 0; i < trigger->tgnargs; i++)
	{
		if (strcmp(trigger->tgargs[i], column) == 0)
			return true;
	}
	return false;
}

/* Refuse a change of a protected row. */
static void
RefuseChange(TriggerData *data, const char *verb, const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_VC_IMMUTABLE_ROW),
			 errmsg("rows of table \"%s\" cannot be %s",
					RelationGetRelationName(data->tg_relation), verb),
			 column == NULL ? 0 :
			 errdetail("The update changes column \"%s\".", column),
			 data->tg_trigger->tgnargs == 0 ? 0 :
			 errhint("Balances move when an entry is inserted.")));
}

/*
 * Trigger: what is settled, issued or booked stays.  An update may change only
 * the columns that the trigger's arguments name, and those only when an entry
 * moves them.
 */
Datum
protect(PG_FUNCTION_ARGS)
{
	TriggerData *data = GetTriggerData(fcinfo);
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	const char *moves = NULL;

	if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
		RefuseChange(data, "truncated", NULL);
	if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
		RefuseChange(data, "deleted", NULL);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		const char *name = NameStr(attribute->attname);
		bool		oldNull;
		bool		newNull;
		Datum		oldValue = heap_getattr(data->tg_trigtuple, i + 1, desc, &oldNull);
		Datum		newValue = heap_getattr(data->tg_newtuple, i + 1, desc, &newNull);

		if (attribute->attisdropped ||
			(oldNull && newNull) ||
			(!oldNull && !newNull &&
			 datum_image_eq(oldValue, newValue, attribute->attbyval, attribute->attlen)))
			continue;
		/* the epoch holds no money: raising it only makes a settle plan anew */
		if (strcmp(name, "epoch") == 0)
			continue;
		if (newNull || !MovesWithEntries(data->tg_trigger, name))
			RefuseChange(data, "changed", name);
		moves = name;
	}
	if (moves != NULL && !MovementIsExpected(data))
		RefuseChange(data, "changed", moves);
	if (TRIGGER_FIRED_BEFORE(data->tg_event))
		return PointerGetDatum(data->tg_newtuple);
	return PointerGetDatum(NULL);
}

/*
 * Trigger: the n-th instrument of a template that an account gets must be
 * within the template's limit.  With the unique key on (account, template, n),
 * exactly as many as it allows can exist.
 */
Datum
check_per_account(PG_FUNCTION_ARGS)
{
	TriggerData *data = GetTriggerData(fcinfo);
	HeapTuple	row = data->tg_trigtuple;
	int32		ordinal = DatumGetInt32(NotNullColumn(data, row, "ordinal"));
	const Template *template;

	StoreBegin();
	CatalogBegin();
	template = CatalogTemplate(DatumGetInt64(NotNullColumn(data, row, "template_id")));
	if (ordinal > template->perAccount)
		ereport(ERROR,
				(errcode(ERRCODE_VC_PER_ACCOUNT_LIMIT),
				 errmsg("account \"%s\" has all it can get of template \"%s\"",
						TextDatumGetCString(NotNullColumn(data, row, "account_id")),
						template->terms.name),
				 errdetail("One account can get %d.", template->perAccount)));
	StoreEnd();
	return PointerGetDatum(NULL);
}
