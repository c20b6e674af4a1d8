/*
 * settle.c
 *		quote and settle: the same plan, worked out or carried out.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "arguments.h"
#include "issue.h"
#include "rows.h"
#include "settle.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_quote);
PG_FUNCTION_INFO_V1(voucher_settle);

/* ------------------------------------------------------------------------
 * The settlement's row
 * ------------------------------------------------------------------------
 */

/* An array of a by-value 8-byte type. */
static Datum
Array8(Oid type, Datum *items, int n)
{
	return PointerGetDatum(construct_array(items, n, type, sizeof(int64), FLOAT8PASSBYVAL,
										   TYPALIGN_DOUBLE));
}

/* An array of integers. */
static Datum
Array4(Datum *items, int n)
{
	return PointerGetDatum(construct_array(items, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/* The columns that the request decides: the body that a repeated call must repeat. */
static void
SetRequest(Row *row, const OrderRequest *request, const PlanOrder *order)
{
	Oid			lineType = StoreGetTypes()->line;
	int			n = order->nlines;
	Datum	   *lines = palloc(n * sizeof(Datum));

	SetText(row, BAL_ACCOUNT, request->accountId);
	SetText(row, BAL_KEY, request->orderId);
	SetText(row, SET_CURRENCY, order->currency);
	SetText(row, SET_PAYMENT_TYPE, request->paymentType);
	SetText(row, SET_CHOSEN_VOUCHER, request->voucher);
	SetText(row, SET_CHOSEN_COUPON, request->coupon);
	SetText(row, SET_PROMO_CODE, request->promoCode);
	SetValue(row, SET_AT, TimestampTzGetDatum(request->at));

	for (int i = 0; i < n; i++)
	{
		const PlanLine *line = &order->lines[i];
		Row			fields;

		CHECK_FOR_INTERRUPTS();
		EmptyRow(&fields);
		SetValue(&fields, LINE_NO, Int32GetDatum(line->lineNo));
		SetText(&fields, LINE_PRODUCT, line->product);
		SetText(&fields, LINE_ORDER_TYPE, line->orderType);
		SetValue(&fields, LINE_AMOUNT, AmountGetDatum(line->amount));
		if (request->hasDuration[i])
			SetValue(&fields, LINE_DURATION, request->durations[i]);
		lines[i] = FormRow(lineType, &fields);
	}
	SetValue(row, SET_LINES, RowArray(lineType, lines, n));
}

/* The columns that the plan decides. */
static void
SetPlan(Row *row, const PlanOrder *order, const PaymentPlan *plan)
{
	const StoreTypes *types = StoreGetTypes();
	Datum	   *shares = palloc(order->nlines * sizeof(Datum));
	Datum		parts[KIND_COUNT];

	SetValue(row, SET_GROSS, AmountGetDatum(plan->gross));
	SetValue(row, SET_DISCOUNT, AmountGetDatum(plan->discount));
	SetValue(row, SET_ROUNDING, AmountGetDatum(plan->rounding));
	SetValue(row, SET_VOUCHER, AmountGetDatum(plan->voucher));
	SetValue(row, SET_CASH, AmountGetDatum(plan->cash));
	SetValue(row, BAL_BALANCE, AmountGetDatum(plan->cash));

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

/* Order two lines by product. */
static int
CompareLineProducts(const void *a, const void *b)
{
	return strcmp((*(const PlanLine *const *) a)->registered,
				  (*(const PlanLine *const *) b)->registered);
}

/* The products that the account buys with this order for the first time, sorted. */
static void
SetFirstPurchase(Row *row, const PlanOrder *order)
{
	const PlanLine **bought = palloc(order->nlines * sizeof(PlanLine *));
	Datum	   *products = palloc(order->nlines * sizeof(Datum));
	int			nbought = 0;
	int			n = 0;

	for (int i = 0; i < order->nlines; i++)
	{
		if (order->lines[i].purchase && !order->lines[i].purchasedBefore)
			bought[nbought++] = &order->lines[i];
	}
	qsort(bought, nbought, sizeof(PlanLine *), CompareLineProducts);
	for (int i = 0; i < nbought; i++)
	{
		if (i == 0 || strcmp(bought[i]->registered, bought[i - 1]->registered) != 0)
			products[n++] = CStringGetTextDatum(bought[i]->registered);
	}
	if (n > 0)
		SetValue(row, SET_FIRST_PURCHASE,
				 PointerGetDatum(construct_array(products, n, TEXTOID, -1, false, TYPALIGN_INT)));
}

/* ------------------------------------------------------------------------
 * Quote and settle
 * ------------------------------------------------------------------------
 */

/* Judge the candidates, read what the caller chose of them, and make the plan. */
static void
PlanOrderRequest(const OrderRequest *request, OrderFacts *facts, PaymentPlan *plan)
{
	Choice		choice[KIND_COUNT];

	JudgeCandidates(&facts->order, facts->ncandidates, facts->candidates);
	choice[KIND_VOUCHER] = ReadChoice(request->voucher, KIND_VOUCHER, facts);
	choice[KIND_COUPON] = ReadChoice(request->coupon, KIND_COUPON, facts);
	choice[KIND_PROMO_CODE].mode = facts->promo == NULL ? CHOICE_NONE : CHOICE_NAMED;
	choice[KIND_PROMO_CODE].named = facts->promo;
	if (facts->promo != NULL && facts->promo->reason != REASON_APPLIES)
		Refuse(facts->promo, &facts->order);
	MakePlan(&facts->order, facts->ncandidates, facts->candidates, choice, &LargestFirst, plan);
}

/* Read the arguments that quote and settle share, from "first" on. */
static void
ReadRequest(FunctionCallInfo fcinfo, int first, OrderRequest *request)
{
	ReadOrderArguments(fcinfo, first, request);
	first += ORDER_ARGUMENTS;
	request->voucher = TextArgument(fcinfo, first, "voucher");
	request->coupon = TextArgument(fcinfo, first + 1, "coupon");
	request->promoCode = ReadPromoCode(OptionalTextArgument(fcinfo, first + 2));
	request->at = TimeArgument(fcinfo, first + 3, "at");
}

/* quote(account_id, …) returns settlement: see settle.sql */
Datum
voucher_quote(PG_FUNCTION_ARGS)
{
	OrderRequest request = {0};
	OrderFacts	facts;
	PaymentPlan plan;
	Row			row;
	Datum		result;

	EmptyRow(&row);
	request.accountId = TextArgument(fcinfo, 0, "account_id");
	ReadRequest(fcinfo, 1, &request);

	StoreBegin();
	CatalogBegin();
	LoadOrder(&request, STORE_READ, &facts);
	PlanOrderRequest(&request, &facts, &plan);
	SetRequest(&row, &request, &facts.order);
	SetPlan(&row, &facts.order, &plan);
	SetFirstPurchase(&row, &facts.order);
	result = SPI_datumTransfer(FormRow(StoreGetTypes()->settlement, &row), false, -1);
	StoreEnd();
	PG_RETURN_DATUM(result);
}

/* A stored attribute, and the name that the caller knows it by. */
typedef struct Argument
{
	int			attribute;
	const char *name;
} Argument;

/* The first argument in which two rows of a type differ; NULL if they agree in all. */
static const char *
FirstDifference(Oid type, const Argument *arguments, int n, const Row *a, const Row *b)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(type, -1);
	const char *name = NULL;

	for (int i = 0; i < n && name == NULL; i++)
	{
		int			j = arguments[i].attribute;
		Form_pg_attribute attribute = TupleDescAttr(desc, j - 1);

		if (a->isnull[j] != b->isnull[j] ||
			(!a->isnull[j] && !datum_image_eq(a->values[j], b->values[j], attribute->attbyval,
											  attribute->attlen)))
			name = arguments[i].name;
	}
	ReleaseTupleDesc(desc);
	return name;
}

/* In what two arrays of lines differ; NULL if they agree. */
static const char *
LinesDifference(Datum a, Datum b)
{
	static const Argument attributes[] = {
		{LINE_NO, "line_no"}, {LINE_PRODUCT, "product"}, {LINE_ORDER_TYPE, "order_type"},
		{LINE_AMOUNT, "amount"}, {LINE_DURATION, "duration"}
	};
	Datum	   *left;
	Datum	   *right;
	int			n = DeformArray(a, &left);
	const char *name = NULL;

	if (DeformArray(b, &right) != n)
		return "lines";
	for (int i = 0; i < n && name == NULL; i++)
	{
		Row			leftLine;
		Row			rightLine;

		CHECK_FOR_INTERRUPTS();
		DeformRow(left[i], LINE_COLUMNS, &leftLine);
		DeformRow(right[i], LINE_COLUMNS, &rightLine);
		name = FirstDifference(StoreGetTypes()->line, attributes, lengthof(attributes),
							   &leftLine, &rightLine);
	}
	return name;
}

/*
 * The settlement that an earlier call made, if it was the same call.  The
 * order's time is not compared: a retry may well come later.
 */
static Datum
Replay(const OrderRequest *request, const OrderFacts *facts)
{
	static const Argument body[] = {
		{SET_CURRENCY, "currency"}, {SET_PAYMENT_TYPE, "payment_type"},
		{SET_CHOSEN_VOUCHER, "voucher"}, {SET_CHOSEN_COUPON, "coupon"},
		{SET_PROMO_CODE, "promo_code"}
	};
	Datum		key[2];
	Datum		stored;
	Row			now;
	Row			then;
	const char *differs;

	key[0] = CStringGetTextDatum(request->accountId);
	key[1] = CStringGetTextDatum(request->orderId);
	StoreRun(STMT_SETTLEMENT_READ, STORE_WRITE, key, NULL);
	stored = StoreNotNull(0, 1);

	EmptyRow(&now);
	SetRequest(&now, request, &facts->order);
	DeformRow(stored, SET_COLUMNS, &then);
	differs = FirstDifference(StoreGetTypes()->settlement, body, lengthof(body), &now, &then);
	if (differs == NULL)
		differs = LinesDifference(now.values[SET_LINES], then.values[SET_LINES]);
	if (differs != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_VC_ORDER_DIFFERS),
				 errmsg("order \"%s\" of account \"%s\" is already settled",
						request->orderId, request->accountId),
				 errdetail("This call differs from the settled order in \"%s\".", differs),
				 errhint("Settle a different order under an id of its own.")));
	return SPI_datumTransfer(stored, false, -1);
}

/* Error unless the account's cash covers what the plan leaves to it. */
static void
CheckCash(const Account *account, const PaymentPlan *plan)
{
	if (plan->cash > account->balance)
		ereport(ERROR,
				(errcode(ERRCODE_VC_INSUFFICIENT_CASH),
				 errmsg("account \"%s\" has insufficient cash", account->accountId),
				 errdetail("The order needs %s %s in cash and the balance is %s.",
						   AmountToString(plan->cash), account->currency,
						   AmountToString(account->balance))));
}

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
static void
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
	Datum		fields[SETTLE_PARAMETERS][KIND_COUNT];

	if (n == 0)
		memset(&nulls[SETTLE_INSTRUMENT], 'n', SETTLE_PARAMETERS - SETTLE_INSTRUMENT);
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
static bool
WriteSettlement(const char *orderId, const Row *row, const Account *account,
				const PaymentPlan *plan)
{
	Datum		values[SETTLE_PARAMETERS] = {0};
	char		nulls[SETTLE_PARAMETERS];
	Movement	movements[KIND_COUNT + 2] = {0};
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

/*
 * Try to settle an order.  False if the account changed since the plan was
 * made; with the account locked, that cannot be.
 */
static bool
TrySettle(OrderRequest *request, bool locked, Datum *result)
{
	OrderFacts	facts;
	PaymentPlan plan;
	Row			row;

	if (locked)
	{
		Account		account;

		LockAccount(request->accountId, request->currency, &account);
	}
	LoadOrder(request, STORE_WRITE, &facts);
	if (facts.settled)
	{
		*result = Replay(request, &facts);
		return true;
	}
	PlanOrderRequest(request, &facts, &plan);
	CheckCash(&facts.account, &plan);
	for (int i = 0; i < plan.nparts; i++)
	{
		Candidate  *candidate = plan.parts[i].candidate;

		if (candidate->instrumentId == 0)
			candidate->instrumentId =
				IssueInstrument(&facts.account, CatalogTemplate(candidate->terms->templateId),
								candidate->faceValue, request->at, request->at, NULL, NULL);
	}
	EmptyRow(&row);
	SetRequest(&row, request, &facts.order);
	SetPlan(&row, &facts.order, &plan);
	SetFirstPurchase(&row, &facts.order);
	SetValue(&row, SET_RECORDED_AT, TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
	if (!WriteSettlement(request->orderId, &row, &facts.account, &plan))
		return false;
	*result = SPI_datumTransfer(FormRow(StoreGetTypes()->settlement, &row), false, -1);
	return true;
}

/*
 * Settle an order in the caller's transaction.  The store must be open.
 * Returns a value of type voucher.settlement that outlives it.
 *
 * The plan is made without a lock and written if the account has not changed
 * meanwhile; if it has, once more with the account locked.  A promo code may
 * need an instrument before the settlement, so it takes the lock at once.
 */
Datum
SettleOrder(OrderRequest *request)
{
	Datum		result;

	CatalogBegin();
	if (request->promoCode == NULL && TrySettle(request, false, &result))
		return result;
	if (!TrySettle(request, true, &result))
		RefuseSuppressed(request->orderId, "account");	/* nobody else can change it now */
	return result;
}

/* settle(account_id, order_id, …) returns settlement: see settle.sql */
Datum
voucher_settle(PG_FUNCTION_ARGS)
{
	OrderRequest request = {0};
	Datum		result;

	request.accountId = TextArgument(fcinfo, 0, "account_id");
	request.orderId = TextArgument(fcinfo, 1, "order_id");
	ReadRequest(fcinfo, 2, &request);

	StoreBegin();
	result = SettleOrder(&request);
	StoreEnd();
	PG_RETURN_DATUM(result);
}
