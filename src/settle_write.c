/*
 * settle_write.c
 *		The row of a settlement, and writing it with all that it moves.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "rows.h"
#include "settle.h"
#include "store.h"

/* ------------------------------------------------------------------------
 * The row
 * ------------------------------------------------------------------------
 */

/* The lines of a request as an array of voucher.line. */
Datum
LineArray(const OrderRequest *request)
{
	Oid			lineType = StoreGetTypes()->line;
	int			n = request->nlines;
	Datum	   *lines = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
	{
		const PlanLine *line = &request->lines[i];
		Row			fields;

		CHECK_FOR_INTERRUPTS();
		EmptyRow(&fields);
		SetValue(&fields, LINE_NO, Int32GetDatum(line->lineNo));
		SetText(&fields, LINE_PRODUCT, line->product);
		SetText(&fields, LINE_ORDER_TYPE, line->orderType);
		SetValue(&fields, LINE_AMOUNT, AmountGetDatum(line->amount));
		if (request->hasDuration[i])
			SetValue(&fields, LINE_DURATION, request->durations[i]);
		SetText(&fields, LINE_REGION, line->region);
		if (line->tags != NULL)
			SetValue(&fields, LINE_TAGS, JsonbPGetDatum(line->tags));
		if (line->hasAt)
			SetValue(&fields, LINE_AT, TimestampTzGetDatum(line->at));
		lines[i] = FormRow(lineType, &fields);
	}
	return RowArray(lineType, lines, n);
}

/* The columns that the request decides: the body that a repeated call must repeat. */
void
SetRequest(Row *row, const OrderRequest *request, const PlanOrder *order)
{
	SetText(row, BAL_ACCOUNT, request->accountId);
	SetText(row, BAL_KEY, request->orderId);
	SetText(row, SET_CURRENCY, order->currency);
	SetText(row, SET_PAYMENT_TYPE, request->paymentType);
	SetText(row, SET_CHOSEN_VOUCHER, request->voucher);
	SetText(row, SET_CHOSEN_COUPON, request->coupon);
	SetText(row, SET_PROMO_CODE, request->promoCode);
	SetText(row, SET_ACTOR, request->actor);
	SetText(row, SET_RERATES, request->rerates);
	SetValue(row, SET_AT, TimestampTzGetDatum(request->at));
	SetValue(row, SET_LINES, LineArray(request));
}

/* When and by which user of the session a row is written. */
void
SetRecorded(Row *row)
{
	SetValue(row, SET_RECORDED_AT, TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
	SetText(row, SET_RECORDED_BY, GetUserNameFromId(GetSessionUserId(), false));
}

/* The columns that the plan decides. */
void
SetPlan(Row *row, const PlanOrder *order, const PaymentPlan *plan)
{
	const StoreTypes *types = StoreGetTypes();
	Datum	   *shares = palloc(order->nlines * sizeof(Datum));
	Datum	   *parts = palloc(Max(plan->nparts, 1) * sizeof(Datum));

	SetValue(row, SET_GROSS, AmountGetDatum(plan->gross));
	SetValue(row, SET_DISCOUNT, AmountGetDatum(plan->discount));
	SetValue(row, SET_ROUNDING, AmountGetDatum(plan->rounding));
	SetValue(row, SET_VOUCHER, AmountGetDatum(plan->voucher));
	SetValue(row, SET_CASH, AmountGetDatum(plan->cash));
	SetValue(row, BAL_BALANCE, AmountGetDatum(plan->cash));
	SetText(row, SET_POLICY, plan->policy->name);
	SetValue(row, SET_EXACT, BoolGetDatum(plan->exact));
	SetValue(row, SET_OUTSTANDING, AmountGetDatum(plan->outstanding));

	for (int i = 0; i < plan->nparts; i++)
	{
		const PlanPart *part = &plan->parts[i];
		Row			fields;

		for (int j = 0; j < order->nlines; j++)
			shares[j] = AmountGetDatum(part->shares[j]);
		EmptyRow(&fields);
		if (part->candidate->instrumentId != 0)
			SetValue(&fields, PART_INSTRUMENT_ID, Int64GetDatum(part->candidate->instrumentId));
		SetValue(&fields, PART_PAID, AmountGetDatum(part->amount));
		SetValue(&fields, PART_SHARE,
				 Array8(types->amount, shares, order->nlines));
		parts[i] = FormRow(types->part, &fields);
	}
	SetValue(row, SET_PARTS, RowArray(types->part, parts, plan->nparts));
}

/* Set a column to the distinct names among these, sorted; null if there are none. */
static void
SetNames(Row *row, int column, const char **names, int n)
{
	Datum	   *distinct = palloc(n * sizeof(Datum));
	int			ndistinct = 0;

	if (n == 0)
		return;
	qsort(names, n, sizeof(char *), CompareStrings);
	for (int i = 0; i < n; i++)
	{
		if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
			distinct[ndistinct++] = CStringGetTextDatum(names[i]);
	}
	SetValue(row, column, TextArray(distinct, ndistinct));
}

/*
 * What of the catalogue and of the account's purchases the plan went by and
 * may change: the products that this order buys for the first time, those that
 * it buys again, and the lines that no universal scope covers.
 */
void
SetProducts(Row *row, const PlanOrder *order)
{
	const char **first = palloc(order->nlines * sizeof(char *));
	const char **again = palloc(order->nlines * sizeof(char *));
	const char **outside = palloc(order->nlines * sizeof(char *));
	int			nfirst = 0;
	int			nagain = 0;
	int			noutside = 0;

	for (int i = 0; i < order->nlines; i++)
	{
		const PlanLine *line = &order->lines[i];

		if (line->purchase && (line->purchasedBefore || line->purchaseHeld))
			again[nagain++] = line->registered;
		if (line->purchase && !line->purchasedBefore)
			first[nfirst++] = line->registered;
		if (!line->universal)
			outside[noutside++] = line->product;
	}
	SetNames(row, SET_FIRST_PURCHASE, first, nfirst);
	SetNames(row, SET_PURCHASED_BEFORE, again, nagain);
	SetNames(row, SET_NOT_UNIVERSAL, outside, noutside);
}

/* ------------------------------------------------------------------------
 * Writing
 * ------------------------------------------------------------------------
 */

/* The movement that a part makes: an entry of its instrument. */
static void
InstrumentMovement(const Row *settlement, const PlanPart *part, Movement *movement)
{
	const Candidate *candidate = part->candidate;

	movement->table = "instrument";
	movement->entries = "entry";
	movement->accountId = settlement->values[BAL_ACCOUNT];
	movement->key = Int64GetDatum(candidate->instrumentId);
	movement->version = candidate->version + 1;
	movement->amount = candidate->terms->hasRate ? 0 : -part->amount;
	movement->balance = candidate->balance + movement->amount;
	movement->uses = 1;
	movement->used = candidate->used + 1;
	movement->templateId = candidate->terms->templateId;
}

/* The movement of the cash. */
static void
CashMovement(const Row *settlement, const Account *account, Amount cash, Movement *movement)
{
	movement->table = "account";
	movement->entries = "cash_entry";
	movement->accountId = settlement->values[BAL_ACCOUNT];
	movement->key = settlement->values[SET_CURRENCY];
	movement->version = account->version + 1;
	movement->amount = -cash;
	movement->balance = account->balance - cash;
}

/* Error for an order of which a table did not take a row. */
void
RefuseSuppressed(const char *orderId, const char *table)
{
	ereport(ERROR,
			(errcode(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION),
			 errmsg("settlement of order \"%s\" was not written in full", orderId),
			 errdetail("A row of table \"%s\" is missing.", table),
			 errhint("A trigger or rule on the table may have suppressed the write.")));
}

/*
 * Error unless all that was announced has happened.  If it has not, a trigger
 * or rule of a user's own took a row away, and would again.  It was not
 * another transaction: an entry that one wrote past the account has the key of
 * one of these entries, which is an error 40001 in the statement itself.
 */
static void
CheckMovements(const char *orderId, const Movement *movements, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (!movements[i].moved)
			RefuseSuppressed(orderId, movements[i].table);
		if (!movements[i].entered)
			RefuseSuppressed(orderId, movements[i].entries);
	}
}

/*
 * Give the account a new epoch and, where cash moves, its new balance.  False
 * if it is no longer in the epoch that the plan was made in.
 */
static bool
MoveAccount(const Row *row, const Account *account, Amount cash, Movement *movements, int n)
{
	Datum		values[5];
	char		nulls[] = {' ', ' ', ' ', NULL_FLAG(cash == 0), NULL_FLAG(cash == 0)};

	values[0] = row->values[BAL_ACCOUNT];
	values[1] = row->values[SET_CURRENCY];
	values[2] = Int64GetDatum(account->epoch);
	values[3] = Int32GetDatum(account->version + 1);
	values[4] = AmountGetDatum(account->balance - cash);
	return RunMoving(STMT_SETTLE_ACCOUNT, values, nulls, movements, n) > 0;
}

/* The columns that the entries of all tables have, but for their key. */
static void
SetEntry(Row *entry, const Movement *movement)
{
	EmptyRow(entry);
	SetValue(entry, ENT_ACCOUNT, movement->accountId);
	SetValue(entry, ENT_KEY, movement->key);
	SetValue(entry, ENT_VERSION, Int32GetDatum(movement->version));
	SetText(entry, ENT_KIND, "settle");
	SetValue(entry, ENT_AMOUNT, AmountGetDatum(movement->amount));
	SetValue(entry, ENT_BALANCE, AmountGetDatum(movement->balance));
}

/* Who settled: on an entry as on the settlement. */
static void
CopyAttribution(const Row *settlement, Row *entry, int actor, int recordedBy)
{
	entry->values[actor] = settlement->values[SET_ACTOR];
	entry->isnull[actor] = settlement->isnull[SET_ACTOR];
	SetValue(entry, recordedBy, settlement->values[SET_RECORDED_BY]);
}

/* The row of voucher.cash_entry that a movement of cash makes. */
static Datum
CashEntryRow(const Row *settlement, const Movement *movement, Datum at)
{
	Row			entry;

	SetEntry(&entry, movement);
	SetValue(&entry, CASH_AT, at);
	SetValue(&entry, CASH_RECORDED_AT, settlement->values[SET_RECORDED_AT]);
	SetValue(&entry, CASH_ORDER, settlement->values[BAL_KEY]);
	CopyAttribution(settlement, &entry, CASH_ACTOR, CASH_RECORDED_BY);
	return FormRow(StoreGetTypes()->cashEntry, &entry);
}

/* The row of voucher.entry that a movement of an instrument makes. */
static Datum
EntryRow(const Row *settlement, const Movement *movement, Datum at)
{
	Row			entry;

	SetEntry(&entry, movement);
	SetValue(&entry, ENT_USES, Int32GetDatum(movement->uses));
	SetValue(&entry, ENT_USED, Int32GetDatum(movement->used));
	SetValue(&entry, ENT_AT, at);
	SetValue(&entry, ENT_RECORDED_AT, settlement->values[SET_RECORDED_AT]);
	SetValue(&entry, ENT_ORDER, settlement->values[BAL_KEY]);
	CopyAttribution(settlement, &entry, ENT_ACTOR, ENT_RECORDED_BY);
	SetValue(&entry, ENT_EPOCH, settlement->values[SET_EPOCH]);
	return FormRow(StoreGetTypes()->entry, &entry);
}

/*
 * Write a settlement's own row and all entries, and move the instruments.  Of
 * the movements, those of instruments come first, then that of the cash if it
 * moves.
 */
static void
WriteRows(const Row *row, Datum settlement, Datum at, int ninstruments, Movement *movements,
		  int n, bool cash)
{
	const StoreTypes *types = StoreGetTypes();
	Datum	   *entries = palloc(Max(ninstruments, 1) * sizeof(Datum));
	Datum		cashEntry;
	Datum		values[8];
	char		nulls[] = "        ";

	for (int i = 0; i < ninstruments; i++)
		entries[i] = EntryRow(row, &movements[i], at);
	if (cash)
		cashEntry = CashEntryRow(row, &movements[ninstruments], at);
	values[0] = RowArray(types->settlement, &settlement, 1);
	values[1] = RowArray(types->cashEntry, &cashEntry, cash ? 1 : 0);
	values[2] = RowArray(types->entry, entries, ninstruments);
	if (ninstruments > 1)
	{
		RunMoving(STMT_SETTLE_MANY, values, NULL, movements, n);
		return;
	}
	values[3] = row->values[BAL_ACCOUNT];
	/* without an instrument, the last movement's key is not one: it stays null */
	memset(&nulls[4], NULL_FLAG(ninstruments == 0), 4);
	values[4] = movements[0].key;
	values[5] = Int32GetDatum(movements[0].version);
	values[6] = AmountGetDatum(movements[0].balance);
	values[7] = Int32GetDatum(movements[0].used);
	RunMoving(STMT_SETTLE, values, nulls, movements, n);
}

/*
 * Write all rows of a settlement and move the balances: its own row, given also
 * as a value of its type, an entry for each instrument used, and one for the
 * cash, which happen at an instant.  False, and nothing written, if the account is no longer in the epoch
 * that the plan was made in.
 */
bool
WriteSettlement(const char *orderId, const Row *row, Datum settlement, TimestampTz at,
				const Account *account, const PaymentPlan *plan)
{
	/* the instruments, the cash, and the settlement's own row */
	Movement   *movements = palloc0((plan->nparts + 2) * sizeof(Movement));
	int			n = plan->nparts;

	for (int i = 0; i < plan->nparts; i++)
		InstrumentMovement(row, &plan->parts[i], &movements[i]);
	if (plan->cash > 0)
		CashMovement(row, account, plan->cash, &movements[n++]);
	/* a settlement's own row moves no balance, but must arrive */
	movements[n].table = movements[n].entries = "settlement";
	movements[n].accountId = row->values[BAL_ACCOUNT];
	movements[n].key = row->values[BAL_KEY];
	movements[n++].moved = true;

	if (!MoveAccount(row, account, plan->cash, movements, n))
		return false;
	WriteRows(row, settlement, TimestampTzGetDatum(at), plan->nparts, movements, n, plan->cash > 0);
	CheckMovements(orderId, movements, n);
	return true;
}
