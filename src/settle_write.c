/*
 * settle_write.c
 *		The row of a settlement, and writing it with all that it moves.
 */
#include "postgres.h"

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
	SetText(row, SET_RERATES, request->rerates);
	SetValue(row, SET_AT, TimestampTzGetDatum(request->at));
	SetValue(row, SET_LINES, LineArray(request));
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

		if (line->purchase && line->purchasedBefore)
			again[nagain++] = line->registered;
		else if (line->purchase)
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

/* Parameters of STMT_SETTLE and STMT_SETTLE_MANY after the settlement's columns. */
enum
{
	SETTLE_CASH_VERSION = SET_COLUMNS,
	SETTLE_CASH_BALANCE,
	SETTLE_INSTRUMENT,
	SETTLE_VERSION,
	SETTLE_AMOUNT,
	SETTLE_BALANCE,
	SETTLE_USED,
	SETTLE_PARAMETERS
};

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

/*
 * The parameters of STMT_SETTLE that say what becomes of the instruments: one
 * value each for one, arrays for several.  Returns the statement to use.
 */
static Statement
SetInstruments(const Movement *movements, int n, Datum *values, char *nulls)
{
	Oid			amountType = StoreGetTypes()->amount;
	Datum	   *fields[SETTLE_PARAMETERS];

	if (n == 0)
		memset(&nulls[SETTLE_INSTRUMENT], 'n', SETTLE_PARAMETERS - SETTLE_INSTRUMENT);
	for (int field = SETTLE_INSTRUMENT; field < SETTLE_PARAMETERS; field++)
		fields[field] = palloc(Max(n, 1) * sizeof(Datum));
	for (int i = 0; i < n; i++)
	{
		fields[SETTLE_INSTRUMENT][i] = movements[i].key;
		fields[SETTLE_VERSION][i] = Int32GetDatum(movements[i].version);
		fields[SETTLE_AMOUNT][i] = AmountGetDatum(movements[i].amount);
		fields[SETTLE_BALANCE][i] = AmountGetDatum(movements[i].balance);
		fields[SETTLE_USED][i] = Int32GetDatum(movements[i].used);
	}
	for (int field = SETTLE_INSTRUMENT; n == 1 && field < SETTLE_PARAMETERS; field++)
		values[field] = fields[field][0];
	if (n < 2)
		return STMT_SETTLE;
	values[SETTLE_INSTRUMENT] = Array8(INT8OID, fields[SETTLE_INSTRUMENT], n);
	values[SETTLE_VERSION] = Array4(fields[SETTLE_VERSION], n);
	values[SETTLE_AMOUNT] = Array8(amountType, fields[SETTLE_AMOUNT], n);
	values[SETTLE_BALANCE] = Array8(amountType, fields[SETTLE_BALANCE], n);
	values[SETTLE_USED] = Array4(fields[SETTLE_USED], n);
	return STMT_SETTLE_MANY;
}

/*
 * Write all rows of a settlement and move the balances: its own row, an entry
 * for each instrument used, and one for the cash.  False, and nothing written,
 * if the account is no longer in the epoch that the plan was made in.
 */
bool
WriteSettlement(const char *orderId, const Row *row, const Account *account,
				const PaymentPlan *plan)
{
	Datum		values[SETTLE_PARAMETERS] = {0};
	char		nulls[SETTLE_PARAMETERS];
	/* the instruments, the cash, and the settlement's own row */
	Movement   *movements = palloc0((plan->nparts + 2) * sizeof(Movement));
	int			n = plan->nparts;
	Statement	statement;

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
	memset(nulls, ' ', sizeof(nulls));
	for (int i = 0; i < SET_COLUMNS; i++)
	{
		values[i] = row->values[i + 1];
		nulls[i] = NULL_FLAG(row->isnull[i + 1]);
	}
	values[SETTLE_CASH_VERSION] = Int32GetDatum(account->version + 1);
	values[SETTLE_CASH_BALANCE] = AmountGetDatum(account->balance - plan->cash);
	nulls[SETTLE_CASH_VERSION] = nulls[SETTLE_CASH_BALANCE] = NULL_FLAG(plan->cash == 0);
	statement = SetInstruments(movements, plan->nparts, values, nulls);
	RunMoving(statement, values, nulls, movements, n);
	CheckMovements(orderId, movements, n);
	return true;
}
