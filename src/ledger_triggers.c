/*
 * ledger_triggers.c
 *		The triggers that keep balances true to their entries, whoever writes;
 *		with protect.c, which lets nothing else change them.
 *
 * Tables that hold a balance begin with the same columns, and so do tables of
 * entries (ledger.sql); rows are read by position.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/rangetypes.h"
#include "utils/rel.h"

#include "compat.h"
#include "errors.h"
#include "ledger.h"
#include "rows.h"
#include "store.h"
#include "triggers.h"

PG_FUNCTION_INFO_V1(apply_entry);
PG_FUNCTION_INFO_V1(open_balance);

/* A ledger: the table that holds its balances, and the statements about them. */
typedef struct Ledger
{
	const char *table;			/* also the triggers' argument */
	const char *kinds[20];		/* of its entries; empty: a CHECK says */
	int			columns;		/* of that table */
	int			entryColumns;
	int			request;		/* the entries' column of the request's id */
	Statement	apply;
	Statement	version;
	Statement	open;
} Ledger;

static const Ledger ledgers[] = {
	{"account", {"open", "deposit", "settle", "refund", "cancel", "arrears"},
		ACC_COLUMNS, CASH_COLUMNS, CASH_REQUEST,
		STMT_APPLY_CASH, STMT_VERSION_CASH, STMT_OPEN_CASH},
	{"instrument", {"issue", "settle", "return", "freeze", "unfreeze",
			"reclaim", "revoke", "extend", "transfer_out", "transfer_in",
			"split_out", "split_in", "merge_out", "merge_in",
			"share", "unshare", "draw", "give_back"},
		INS_COLUMNS, ENT_COLUMNS, ENT_REQUEST,
		STMT_APPLY_INSTRUMENT, STMT_VERSION_INSTRUMENT, STMT_OPEN_INSTRUMENT},
	{"settlement", {NULL},
		SET_COLUMNS, SENT_COLUMNS, SENT_REQUEST,
		STMT_APPLY_SETTLEMENT, STMT_VERSION_SETTLEMENT, STMT_OPEN_SETTLEMENT},
};

#define LEDGER_INSTRUMENT	(&ledgers[1])
#define LEDGER_SETTLEMENT	(&ledgers[2])

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */

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

/* A column that is declared NOT NULL, of a row of the trigger's table. */
Datum
NotNull(TriggerData *data, const Row *row, int column)
{
	if (row->isnull[column])
		elog(ERROR, "column %d of table \"%s\" is null", column,
			 RelationGetRelationName(data->tg_relation));
	return row->values[column];
}

/* Is a text value this string? */
static bool
TextIs(Datum value, const char *string)
{
	text	   *packed = DatumGetTextPP(value);
	int			length = strlen(string);

	return VARSIZE_ANY_EXHDR(packed) == length &&
		memcmp(VARDATA_ANY(packed), string, length) == 0;
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

/* The ledger that a trigger's argument names. */
static const Ledger *
GetLedger(TriggerData *data)
{
	for (int i = 0; i < lengthof(ledgers) && data->tg_trigger->tgnargs == 1; i++)
	{
		if (strcmp(ledgers[i].table, data->tg_trigger->tgargs[0]) == 0)
			return &ledgers[i];
	}
	elog(ERROR, "trigger \"%s\" does not name a ledger", data->tg_trigger->tgname);
}

/* ------------------------------------------------------------------------
 * Entries
 * ------------------------------------------------------------------------
 */

/*
 * What must hold of an entry between a share and the voucher that it draws on.
 * What moves adds to one and takes off the other; the use is the voucher's.
 */
static void
CheckShareEntry(TriggerData *data, const Row *row, const char *kind)
{
	Amount		amount = DatumGetAmount(NotNull(data, row, ENT_AMOUNT));
	int32		uses = DatumGetInt32(NotNull(data, row, ENT_USES));
	bool		draws = strcmp(kind, "draw") == 0;
	bool		ofVoucher = draws == (amount < 0);
	bool		fits = !ofVoucher ? uses == 0 : draws ? uses == 1 : uses == 0 || uses == -1;

	if (!draws && strcmp(kind, "give_back") != 0)
	{
		if (amount != 0 || uses != 0)
			RefuseRow(data, "Sharing moves no value.");
	}
	else if (row->isnull[ENT_ORDER] || amount == 0 || !fits)
		RefuseRow(data, "A share draws value and a use for an order, and gives them back.");
}

/* Does an entry of this kind name another instrument? */
static bool
NamesPeer(const char *kind)
{
	return strchr(kind, '_') != NULL || strcmp(kind, "share") == 0 ||
		strcmp(kind, "unshare") == 0 || strcmp(kind, "draw") == 0;
}

/* What must hold of an instrument's entry of a kind by itself. */
static void
CheckInstrumentEntry(TriggerData *data, const Row *row, const char *kind,
					 Amount balance)
{
	bool		peer = NamesPeer(kind);
	bool		none = row->isnull[ENT_EXTENDED];

	if (row->isnull[ENT_PEER_ACCOUNT] == peer || row->isnull[ENT_PEER_INSTRUMENT] == peer)
		RefuseRow(data, "A transfer, split, merge or share, and nothing else, names another instrument.");
	if (peer && strstr(kind, "_in") == NULL && strstr(kind, "_out") == NULL)
		CheckShareEntry(data, row, kind);
	if (!row->isnull[ENT_CAMPAIGN] && strcmp(kind, "issue") != 0)
		RefuseRow(data, "What is claimed is issued.");
	if (none == (strcmp(kind, "extend") == 0) ||
		(!none && (range_get_flags(DatumGetRangeTypeP(row->values[ENT_EXTENDED])) &
				   (RANGE_EMPTY | RANGE_LB_INF | RANGE_LB_INC | RANGE_UB_INC)) != RANGE_LB_INC))
		RefuseRow(data, "An extension, and nothing else, goes from one expiry to a later one.");
	if (balance > 0 && (strcmp(kind, "reclaim") == 0 || strcmp(kind, "revoke") == 0 ||
						strcmp(kind, "transfer_out") == 0))
		RefuseRow(data, "It must take all of the balance.");
}

/* What must hold of an entry that gives something back, or takes it away for good. */
static void
CheckReturn(TriggerData *data, const Row *row, const Ledger *ledger)
{
	Datum		kind = NotNull(data, row, ENT_KIND);
	Amount		amount = DatumGetAmount(NotNull(data, row, ENT_AMOUNT));
	int32		uses;

	if (ledger != LEDGER_INSTRUMENT)
		return;
	if (TextIs(kind, "return"))
	{
		uses = DatumGetInt32(NotNull(data, row, ENT_USES));
		if (row->isnull[ENT_ORDER] || amount < 0 || uses > 0 || uses < -1)
			RefuseRow(data, "A return gives back what an order took.");
	}
	else if (TextIs(kind, "revoke") &&
			 (amount > 0 || DatumGetInt32(NotNull(data, row, ENT_USES)) < 0))
		RefuseRow(data, "What is revoked is taken off.");
}

/* What must hold of an entry by itself. */
static void
CheckEntry(TriggerData *data, const Row *row, const Ledger *ledger, int32 version,
		   Amount balance)
{
	const char *const *kind = ledger->kinds;

	if (*kind == NULL)
		return;
	while (*kind != NULL && !TextIs(NotNull(data, row, ENT_KIND), *kind))
		kind++;
	if (*kind == NULL)
		RefuseRow(data, "This kind of entry does not exist.");
	if (version < 1)
		RefuseRow(data, "Versions count from 1.");
	if (balance < 0)
		RefuseRow(data, psprintf("The balance after it would be %s.", AmountToString(balance)));
	if (ledger == LEDGER_INSTRUMENT)
		CheckInstrumentEntry(data, row, *kind, balance);
	CheckReturn(data, row, ledger);
}

/* Does the statement that is being run move this entry's balance itself? */
static bool
EntryIsExpected(TriggerData *data, const Row *row, const Ledger *ledger, int32 version,
				Amount amount, Amount balance)
{
	Movement   *expected;
	int			n = ExpectedMovements(&expected);

	for (int i = 0; i < n; i++)
	{
		Movement   *movement = &expected[i];

		if (movement->entered || strcmp(movement->table, ledger->table) != 0 ||
			movement->version != version || movement->amount != amount ||
			movement->balance != balance || !HasKey(data, row, movement))
			continue;
		if (ledger == LEDGER_INSTRUMENT &&
			(movement->used != DatumGetInt32(NotNull(data, row, ENT_USED)) ||
			 movement->uses != DatumGetInt32(NotNull(data, row, ENT_USES))))
			continue;
		movement->entered = true;
		return true;
	}
	return false;
}

/*
 * Keep an entry under the request that made it, if one did.  A claim's entries
 * are kept under its request together.
 */
static void
RecordRequest(TriggerData *data, const Row *row, const Ledger *ledger)
{
	bool		claimed = ledger == LEDGER_INSTRUMENT && !row->isnull[ENT_CAMPAIGN];
	Datum		values[5];

	if (row->isnull[ledger->request])
		return;
	StoreBegin();
	values[0] = NotNull(data, row, ENT_ACCOUNT);
	values[1] = row->values[ledger->request];
	values[2] = CStringGetTextDatum(RelationGetRelationName(data->tg_relation));
	values[3] = NotNull(data, row, ENT_KEY);
	if (ledger == LEDGER_INSTRUMENT)
		values[3] = CStringGetTextDatum(psprintf(INT64_FORMAT, DatumGetInt64(values[3])));
	values[4] = NotNull(data, row, ENT_VERSION);
	if (claimed)
	{
		values[2] = CStringGetTextDatum("claim");
		values[3] = row->values[ENT_CAMPAIGN];
	}
	if (!claimed || StoreRun(STMT_REQUEST_KEPT, STORE_WRITE, values, NULL) == 0)
		StoreWriteRows(STMT_REQUEST_INSERT, values, NULL, 1);
	StoreEnd();
}

/* The state of the instrument that an entry carries besides the balance. */
static void
InstrumentParameters(TriggerData *data, const Row *row, Datum *values, char *nulls,
					 Movement *movement)
{
	Datum		kind = NotNull(data, row, ENT_KIND);
	bool		gives;

	movement->used = DatumGetInt32(NotNull(data, row, ENT_USED));
	movement->uses = DatumGetInt32(NotNull(data, row, ENT_USES));
	movement->freezes = TextIs(kind, "freeze");
	movement->unfreezes = TextIs(kind, "unfreeze");
	values[6] = Int32GetDatum(movement->used);
	values[7] = Int32GetDatum(movement->used - movement->uses);
	values[8] = BoolGetDatum(movement->freezes);
	nulls[8] = NULL_FLAG(!movement->freezes && !movement->unfreezes);
	movement->cancels = TextIs(kind, "revoke") || TextIs(kind, "transfer_out");
	values[9] = BoolGetDatum(movement->cancels);
	values[10] = movement->extended = row->values[ENT_EXTENDED];
	movement->extends = !row->isnull[ENT_EXTENDED];
	nulls[10] = NULL_FLAG(row->isnull[ENT_EXTENDED]);
	/* a return gives back no more than its order took, and so does a share to what it draws on */
	gives = TextIs(kind, "return") ||
		(TextIs(kind, "give_back") && DatumGetAmount(NotNull(data, row, ENT_AMOUNT)) > 0);
	values[11] = row->values[ENT_ORDER];
	nulls[11] = NULL_FLAG(!gives || row->isnull[ENT_ORDER]);
	values[12] = row->values[ENT_PEER_ACCOUNT];
	values[13] = row->values[ENT_PEER_INSTRUMENT];
	nulls[12] = nulls[13] = NULL_FLAG(row->isnull[ENT_PEER_ACCOUNT]);
}

/* The totals of refunds, payments and re-ratings that a settlement's entry carries, before and after it. */
static void
SettlementParameters(TriggerData *data, const Row *row, Amount amount, Datum *values)
{
	Amount		refunded = DatumGetAmount(NotNull(data, row, ENT_REFUNDED));
	Amount		refundedCash = DatumGetAmount(NotNull(data, row, ENT_REFUNDED_CASH));
	Amount		paid = DatumGetAmount(NotNull(data, row, SENT_PAID));
	Datum		kind = NotNull(data, row, ENT_KIND);
	bool		notRefund = row->isnull[ENT_REQUESTED];

	values[6] = AmountGetDatum(refunded);
	values[7] = AmountGetDatum(notRefund ? refunded : AmountSub(refunded, DatumGetAmount(row->values[ENT_REQUESTED])));
	values[8] = AmountGetDatum(refundedCash);
	/* a refund or cancel takes off the invoiceable amount what it pays back */
	values[9] = AmountGetDatum(notRefund ? refundedCash : AmountAdd(refundedCash, amount));
	/* a cancel gives back all of it */
	values[10] = BoolGetDatum(TextIs(kind, "cancel"));
	/* a payment of arrears makes invoiceable what it pays */
	values[11] = AmountGetDatum(paid);
	values[12] = AmountGetDatum(TextIs(kind, "payment") ? AmountSub(paid, amount) : paid);
	values[13] = NotNull(data, row, SENT_WAIVED);
	values[14] = NotNull(data, row, SENT_RERATED);
	values[15] = BoolGetDatum(TextIs(kind, "rerate"));
}

/*
 * An order is cancelled: what it bought first was not bought, or first by
 * another order.  While a dump is restored, check_settlement sees to that.
 */
static void
ForgetPurchases(const Datum *key)
{
	StoreRun(STMT_PURCHASE_HAND_ON, STORE_WRITE, key, NULL);
	StoreRun(STMT_PURCHASE_FORGET, STORE_WRITE, key, NULL);
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
	Row			row;
	int32		version;
	Amount		amount;
	Amount		balance;
	Datum		values[16];
	char		nulls[] = "                ";
	Movement	movement = {0};

	DeformTuple(data->tg_trigtuple, RelationGetDescr(data->tg_relation), ledger->entryColumns,
				&row);
	version = DatumGetInt32(NotNull(data, &row, ENT_VERSION));
	amount = DatumGetAmount(NotNull(data, &row, ENT_AMOUNT));
	balance = DatumGetAmount(NotNull(data, &row, ENT_BALANCE));
	CheckEntry(data, &row, ledger, version, balance);
	RecordRequest(data, &row, ledger);
	if (EntryIsExpected(data, &row, ledger, version, amount, balance))
		return PointerGetDatum(NULL);

	StoreBegin();
	values[0] = movement.accountId = NotNull(data, &row, ENT_ACCOUNT);
	values[1] = movement.key = NotNull(data, &row, ENT_KEY);
	values[2] = Int32GetDatum(version);
	values[3] = AmountGetDatum(balance);
	values[4] = Int32GetDatum(version - 1);
	values[5] = AmountGetDatum(AmountSub(balance, amount));
	movement.table = ledger->table;
	movement.version = version;
	movement.balance = balance;
	movement.entered = true;
	if (ledger == LEDGER_INSTRUMENT)
		InstrumentParameters(data, &row, values, nulls, &movement);
	else if (ledger == LEDGER_SETTLEMENT)
		SettlementParameters(data, &row, amount, values);

	if (RunMoving(ledger->apply, values, nulls, &movement, 1) == 0 &&
		StoreRun(ledger->version, STORE_WRITE, values, NULL) > 0 &&
		StoreInt32(0, 1) < version)
		ereport(ERROR,
				(errcode(ERRCODE_VC_ENTRY_OUT_OF_TURN),
				 errmsg("entry %d of table \"%s\" does not follow from the balance that stands there",
						version, RelationGetRelationName(data->tg_relation)),
				 errdetail("It adds %s and leaves %s; the last version is %d.",
						   AmountToString(amount), AmountToString(balance), StoreInt32(0, 1))));
	if (ledger == LEDGER_SETTLEMENT && DatumGetBool(values[10]) && movement.moved)
		ForgetPurchases(values);
	StoreEnd();
	return PointerGetDatum(NULL);
}

/* ------------------------------------------------------------------------
 * New balances
 * ------------------------------------------------------------------------
 */

/*
 * Error unless all entries that are there lead to a new row's balance, each
 * from the one before.  The store is open.
 */
static void
CheckOpening(TriggerData *data, const Row *row, const Ledger *ledger)
{
	Datum		values[12];
	char		nulls[] = "            ";
	bool		isnull;
	bool		agrees;

	values[0] = NotNull(data, row, BAL_ACCOUNT);
	values[1] = NotNull(data, row, BAL_KEY);
	values[2] = NotNull(data, row, BAL_VERSION);
	values[3] = NotNull(data, row, BAL_BALANCE);
	if (ledger == LEDGER_INSTRUMENT)
	{
		values[4] = NotNull(data, row, INS_USED);
		values[5] = NotNull(data, row, INS_FROZEN);
		values[6] = NotNull(data, row, INS_CANCELLED);
		values[7] = NotNull(data, row, INS_VALIDITY);
		values[8] = BoolGetDatum(!row->isnull[INS_ORDINAL]);
		values[9] = NotNull(data, row, INS_ISSUED);
		values[10] = row->values[INS_OWNER_ACCOUNT];
		values[11] = row->values[INS_OWNER_INSTRUMENT];
		nulls[10] = nulls[11] = NULL_FLAG(row->isnull[INS_OWNER_ACCOUNT]);
	}
	else if (ledger == LEDGER_SETTLEMENT)
	{
		values[4] = NotNull(data, row, SET_CASH);
		values[5] = NotNull(data, row, SET_OUTSTANDING);
	}

	StoreRun(ledger->open, STORE_WRITE, values, nulls);
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
CheckSettlementOpening(TriggerData *data, const Row *row)
{
	CheckOpening(data, row, LEDGER_SETTLEMENT);
}

/* Trigger: a new account or instrument must be what its entries add up to. */
Datum
open_balance(PG_FUNCTION_ARGS)
{
	TriggerData *data = GetTriggerData(fcinfo);
	const Ledger *ledger = GetLedger(data);
	Row			row;

	DeformTuple(data->tg_trigtuple, RelationGetDescr(data->tg_relation), ledger->columns, &row);
	if (TextIs(NotNull(data, &row, BAL_ACCOUNT), ""))
		RefuseRow(data, "An account's id must not be empty.");
	if (DatumGetInt32(NotNull(data, &row,
							  ledger == LEDGER_INSTRUMENT ? INS_FIRST_ENTRY : ACC_FIRST_ENTRY)) != 1)
		RefuseRow(data, "The first entry is number 1.");
	if (ledger == LEDGER_INSTRUMENT)
		CheckInstrument(data, &row);
	StoreBegin();
	CheckOpening(data, &row, ledger);
	StoreEnd();
	return PointerGetDatum(NULL);
}
