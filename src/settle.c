/*
 * settle.c
 *		match, quote and settle: the same plan, shown, worked out, or carried out.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "issue.h"
#include "settle.h"
#include "settlement.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_match);
PG_FUNCTION_INFO_V1(voucher_quote);
PG_FUNCTION_INFO_V1(voucher_settle);

/* ------------------------------------------------------------------------
 * The settlement's row
 * ------------------------------------------------------------------------
 */

/* Set a text column; NULL makes it null. */
static void
SetText(RowValues *row, int column, const char *text)
{
	row->isnull[column] = (text == NULL);
	row->values[column] = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* An array of a by-value 8-byte type. */
static Datum
Array8(Oid type, Datum *items, int n)
{
	return PointerGetDatum(construct_array(items, n, type, sizeof(int64), FLOAT8PASSBYVAL,
										   TYPALIGN_DOUBLE));
}

/* An integer array. */
static Datum
Int4Array(Datum *items, int n)
{
	return PointerGetDatum(construct_array(items, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/* An array of values of a row type. */
static Datum
RowArray(Oid type, Datum *items, int n)
{
	return PointerGetDatum(construct_array(items, n, type, -1, false, TYPALIGN_DOUBLE));
}

/* The columns that the request decides: the body that a repeated call must repeat. */
static void
SetRequest(RowValues *row, const OrderRequest *request, const PlanOrder *order)
{
	Oid			lineType = StoreGetTypes()->line;
	int			n = order->nlines;
	Datum	   *lines = palloc(n * sizeof(Datum));

	SetText(row, COL_ACCOUNT_ID, request->accountId);
	SetText(row, COL_ORDER_ID, request->orderId);
	SetText(row, COL_CURRENCY, order->currency);
	SetText(row, COL_PAYMENT_TYPE, request->paymentType);
	SetText(row, COL_CHOSEN_VOUCHER, request->voucher);
	SetText(row, COL_CHOSEN_COUPON, request->coupon);
	SetText(row, COL_PROMO_CODE, request->promoCode);
	row->values[COL_AT] = TimestampTzGetDatum(request->at);

	for (int i = 0; i < n; i++)
	{
		const PlanLine *line = &order->lines[i];
		RowValues	fields;

		CHECK_FOR_INTERRUPTS();
		memset(fields.isnull, false, sizeof(fields.isnull));
		fields.values[LINE_NO] = Int32GetDatum(line->lineNo);
		SetText(&fields, LINE_PRODUCT, line->product);
		SetText(&fields, LINE_ORDER_TYPE, line->orderType);
		fields.values[LINE_AMOUNT] = AmountGetDatum(line->amount);
		fields.values[LINE_DURATION] = request->durations[i];
		fields.isnull[LINE_DURATION] = !request->hasDuration[i];
		lines[i] = FormRow(lineType, LINE_ATTRIBUTES, &fields);
	}
	row->values[COL_LINES] = RowArray(lineType, lines, n);
}

/* The columns that the plan decides. */
static void
SetPlan(RowValues *row, const PlanOrder *order, const PaymentPlan *plan)
{
	const StoreTypes *types = StoreGetTypes();
	Datum	   *shares = palloc(order->nlines * sizeof(Datum));
	Datum		parts[KIND_COUNT];

	row->values[COL_GROSS] = AmountGetDatum(plan->gross);
	row->values[COL_DISCOUNT] = AmountGetDatum(plan->discount);
	row->values[COL_ROUNDING] = AmountGetDatum(plan->rounding);
	row->values[COL_VOUCHER] = AmountGetDatum(plan->voucher);
	row->values[COL_CASH] = AmountGetDatum(plan->cash);
	row->values[COL_INVOICEABLE] = AmountGetDatum(plan->cash);

	for (int i = 0; i < plan->nparts; i++)
	{
		const PlanPart *part = &plan->parts[i];
		RowValues	fields;

		for (int j = 0; j < order->nlines; j++)
			shares[j] = AmountGetDatum(part->shares[j]);
		memset(fields.isnull, false, sizeof(fields.isnull));
		fields.values[PART_INSTRUMENT_ID] = Int64GetDatum(part->candidate->instrumentId);
		fields.isnull[PART_INSTRUMENT_ID] = part->candidate->instrumentId == 0;
		fields.values[PART_PAID] = AmountGetDatum(part->amount);
		fields.values[PART_SHARE] = Array8(types->amount, shares, order->nlines);
		parts[i] = FormRow(types->part, PART_ATTRIBUTES, &fields);
	}
	row->values[COL_PARTS] = RowArray(types->part, parts, plan->nparts);
}

/* The products that the account buys with this order for the first time. */
static void
SetFirstPurchase(RowValues *row, const PlanOrder *order)
{
	Datum	   *products = palloc(order->nlines * sizeof(Datum));
	const char **seen = palloc(order->nlines * sizeof(char *));
	int			n = 0;

	for (int i = 0; i < order->nlines; i++)
	{
		const PlanLine *line = &order->lines[i];
		int			j = 0;

		if (!line->purchase || line->purchasedBefore)
			continue;
		while (j < n && strcmp(seen[j], line->registered) != 0)
			j++;
		if (j < n)
			continue;
		seen[n] = line->registered;
		products[n++] = CStringGetTextDatum(line->registered);
	}
	row->isnull[COL_FIRST_PURCHASE] = (n == 0);
	if (n > 0)
		row->values[COL_FIRST_PURCHASE] =
			PointerGetDatum(construct_array(products, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* The row as a value of type voucher.settlement, in the memory of StoreBegin's caller. */
static Datum
RowDatum(const RowValues *row)
{
	return SPI_datumTransfer(FormRow(StoreGetTypes()->settlement, COL_COUNT, row), false, -1);
}

/* ------------------------------------------------------------------------
 * Quote and settle
 * ------------------------------------------------------------------------
 */

/* Judge, choose, plan; the row is complete but for the ids of new instruments. */
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
	const char *promoCode;

	ReadOrderArguments(fcinfo, first, request);
	first += ORDER_ARGUMENTS;
	request->voucher = TextArgument(fcinfo, first, "voucher");
	request->coupon = TextArgument(fcinfo, first + 1, "coupon");
	promoCode = OptionalTextArgument(fcinfo, first + 2);
	request->promoCode = promoCode == NULL ? NULL : NormalizePromoCode(promoCode);
	request->at = TimeArgument(fcinfo, first + 3, "at");
}

/* quote(account_id, …) returns settlement: see settle.sql */
Datum
voucher_quote(PG_FUNCTION_ARGS)
{
	OrderRequest request = {0};
	OrderFacts	facts;
	PaymentPlan plan;
	RowValues row = {0};
	Datum		result;

	request.accountId = TextArgument(fcinfo, 0, "account_id");
	ReadRequest(fcinfo, 1, &request);

	StoreBegin();
	CatalogBegin();
	LoadOrder(&request, STORE_READ, &facts);
	PlanOrderRequest(&request, &facts, &plan);
	SetRequest(&row, &request, &facts.order);
	SetPlan(&row, &facts.order, &plan);
	SetFirstPurchase(&row, &facts.order);
	row.isnull[COL_RECORDED_AT] = true;
	row.isnull[COL_ENTRY_VERSION] = true;
	result = RowDatum(&row);
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
FirstDifference(Oid type, const Argument *arguments, int n, const RowValues *a, const RowValues *b)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(type, -1);
	const char *name = NULL;

	for (int i = 0; i < n && name == NULL; i++)
	{
		int			j = arguments[i].attribute;
		Form_pg_attribute attribute = TupleDescAttr(desc, j);

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
		RowValues	leftLine;
		RowValues	rightLine;

		CHECK_FOR_INTERRUPTS();
		DeformRow(left[i], LINE_ATTRIBUTES, &leftLine);
		DeformRow(right[i], LINE_ATTRIBUTES, &rightLine);
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
		{COL_CURRENCY, "currency"}, {COL_PAYMENT_TYPE, "payment_type"},
		{COL_CHOSEN_VOUCHER, "voucher"}, {COL_CHOSEN_COUPON, "coupon"},
		{COL_PROMO_CODE, "promo_code"}
	};
	Datum		key[2];
	Datum		stored;
	RowValues	now = {0};
	RowValues	then;
	const char *differs;

	key[0] = CStringGetTextDatum(request->accountId);
	key[1] = CStringGetTextDatum(request->orderId);
	StoreRun(STMT_SETTLEMENT_READ, STORE_WRITE, key, NULL);
	stored = StoreNotNull(0, 1);

	SetRequest(&now, request, &facts->order);
	DeformRow(stored, COL_COUNT, &then);
	differs = FirstDifference(StoreGetTypes()->settlement, body, lengthof(body), &now, &then);
	if (differs == NULL)
		differs = LinesDifference(now.values[COL_LINES], then.values[COL_LINES]);
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

/*
 * Write all rows of a settlement and move the balances: its own row, an entry
 * for each instrument used, and one for the cash.  False, and nothing written,
 * if the account is no longer in the epoch that the plan was made in.
 */
static bool
WriteSettlement(const RowValues *row, const Account *account, const PaymentPlan *plan)
{
	static const int columns[] = {
		COL_ACCOUNT_ID, COL_ORDER_ID, COL_GROSS, COL_DISCOUNT, COL_ROUNDING, COL_VOUCHER, COL_CASH,
		COL_AT, COL_CURRENCY, COL_PAYMENT_TYPE, COL_CHOSEN_VOUCHER, COL_CHOSEN_COUPON,
		COL_PROMO_CODE, COL_LINES, COL_PARTS, COL_FIRST_PURCHASE
	};
	int			n = lengthof(columns);
	Datum		values[lengthof(columns) + 8];
	char		nulls[lengthof(columns) + 8];
	Oid			amountType = StoreGetTypes()->amount;
	Movement	movements[KIND_COUNT + 2] = {0};
	int			nmovements = 0;
	Datum		ids[KIND_COUNT];
	Datum		versions[KIND_COUNT];
	Datum		used[KIND_COUNT];
	Datum		amounts[KIND_COUNT];
	Datum		balances[KIND_COUNT];

	memset(nulls, ' ', sizeof(nulls));
	for (int i = 0; i < n; i++)
	{
		values[i] = row->values[columns[i]];
		nulls[i] = NULL_FLAG(row->isnull[columns[i]]);
	}
	for (int i = 0; i < plan->nparts; i++)
	{
		const Candidate *candidate = plan->parts[i].candidate;
		Amount		taken = candidate->terms->hasRate ? 0 : plan->parts[i].amount;
		Movement   *movement = &movements[nmovements++];

		ids[i] = Int64GetDatum(candidate->instrumentId);
		versions[i] = Int32GetDatum(candidate->version + 1);
		used[i] = Int32GetDatum(candidate->used + 1);
		amounts[i] = AmountGetDatum(-taken);
		balances[i] = AmountGetDatum(candidate->balance - taken);

		movement->table = "instrument";
		movement->key = ids[i];
		movement->version = candidate->version + 1;
		movement->balance = candidate->balance - taken;
		movement->amount = -taken;
		movement->used = candidate->used + 1;
		movement->uses = 1;
	}
	if (plan->cash > 0)
	{
		Movement   *movement = &movements[nmovements++];

		movement->table = "account";
		movement->key = row->values[COL_CURRENCY];
		movement->version = account->version + 1;
		movement->balance = account->balance - plan->cash;
		movement->amount = -plan->cash;
	}
	/* a settlement's own row moves no balance, but must arrive */
	movements[nmovements].table = "settlement";
	movements[nmovements].key = row->values[COL_ORDER_ID];
	movements[nmovements++].moved = true;
	for (int i = 0; i < nmovements; i++)
		movements[i].accountId = row->values[COL_ACCOUNT_ID];

	values[n] = Array8(INT8OID, ids, plan->nparts);
	values[n + 1] = Int4Array(versions, plan->nparts);
	values[n + 2] = Int4Array(used, plan->nparts);
	values[n + 3] = Array8(amountType, amounts, plan->nparts);
	values[n + 4] = Array8(amountType, balances, plan->nparts);
	values[n + 5] = Int32GetDatum(account->version + 1);
	values[n + 6] = AmountGetDatum(account->balance - plan->cash);
	nulls[n + 5] = nulls[n + 6] = NULL_FLAG(plan->cash == 0);
	values[n + 7] = Int64GetDatum(account->epoch);
	if (RunMoving(STMT_SETTLE, values, nulls, movements, nmovements) == 0)
		return false;
	for (int i = 0; i < nmovements; i++)
	{
		/* an entry was written past the account, or a user's trigger took a row away */
		if (!movements[i].moved || !movements[i].entered)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("account \"%s\" changed while the order was settled",
							account->accountId),
					 errhint("Try the order again.")));
	}
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
	RowValues row = {0};

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
	SetRequest(&row, request, &facts.order);
	SetPlan(&row, &facts.order, &plan);
	SetFirstPurchase(&row, &facts.order);
	row.values[COL_RECORDED_AT] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	row.isnull[COL_ENTRY_VERSION] = true;
	if (!WriteSettlement(&row, &facts.account, &plan))
		return false;
	*result = RowDatum(&row);
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
		elog(ERROR, "account \"%s\" changed while locked", request->accountId);
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

/* ------------------------------------------------------------------------
 * Match
 * ------------------------------------------------------------------------
 */

/* What applies first, by kind in the order of deduction, best first. */
static int
CompareMatches(const void *a, const void *b)
{
	const Candidate *left = *(Candidate *const *) a;
	const Candidate *right = *(Candidate *const *) b;
	bool		leftApplies = left->reason == REASON_APPLIES;
	bool		rightApplies = right->reason == REASON_APPLIES;

	if (leftApplies != rightApplies)
		return leftApplies ? -1 : 1;
	if (left->terms->kind != right->terms->kind)
		return (int) left->terms->kind - (int) right->terms->kind;
	return CompareCandidates(left, right, &LargestFirst);
}

/* match(account_id, …) returns setof record: see settle.sql */
Datum
voucher_match(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *resultInfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int			next = 1 + ORDER_ARGUMENTS;
	OrderRequest request = {0};
	OrderFacts	facts;
	Candidate **sorted;
	const char *promoCode;
	int			rank = 0;

	InitMaterializedSRF(fcinfo, 0);
	request.accountId = TextArgument(fcinfo, 0, "account_id");
	ReadOrderArguments(fcinfo, 1, &request);
	promoCode = OptionalTextArgument(fcinfo, next);
	request.promoCode = promoCode == NULL ? NULL : NormalizePromoCode(promoCode);
	request.at = TimeArgument(fcinfo, next + 1, "at");

	StoreBegin();
	CatalogBegin();
	LoadOrder(&request, STORE_READ, &facts);
	JudgeCandidates(&facts.order, facts.ncandidates, facts.candidates);

	sorted = palloc((facts.ncandidates + 1) * sizeof(Candidate *));
	for (int i = 0; i < facts.ncandidates; i++)
		sorted[i] = &facts.candidates[i];
	qsort(sorted, facts.ncandidates, sizeof(Candidate *), CompareMatches);

	for (int i = 0; i < facts.ncandidates; i++)
	{
		const Candidate *candidate = sorted[i];
		bool		applies = candidate->reason == REASON_APPLIES;
		Datum		values[10];
		bool		isnull[10] = {false};

		CHECK_FOR_INTERRUPTS();
		rank = (i > 0 && sorted[i - 1]->terms->kind == candidate->terms->kind) ? rank + 1 : 1;
		values[0] = Int32GetDatum(rank);
		isnull[0] = !applies;
		values[1] = CStringGetTextDatum(KindName(candidate->terms->kind));
		values[2] = Int64GetDatum(candidate->instrumentId);
		isnull[2] = candidate->instrumentId == 0;
		values[3] = CStringGetTextDatum(candidate->terms->name);
		values[4] = BoolGetDatum(applies);
		values[5] = AmountGetDatum(candidate->pays);
		values[6] = AmountGetDatum(candidate->balance);
		isnull[6] = candidate->terms->hasRate;
		values[7] = TimestampTzGetDatum(candidate->expiry);
		isnull[7] = TIMESTAMP_IS_NOEND(candidate->expiry);
		values[8] = CStringGetTextDatum(ReasonCode(candidate->reason));
		isnull[9] = applies;
		values[9] = applies ? (Datum) 0 : CStringGetTextDatum(ReasonDetail(candidate, &facts.order));
		tuplestore_putvalues(resultInfo->setResult, resultInfo->setDesc, values, isnull);
	}
	StoreEnd();
	return (Datum) 0;
}
