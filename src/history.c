/*
 * history.c
 *		What was so at an earlier time, and the decision of a settled order made
 *		once more on what was so then.
 *
 * Entries are never changed, so an instrument's state at a time is that after
 * its last entry then.  For balance_at and status_at that is the last one of
 * which "at" is not later.  For a settled order, which may have been settled
 * for another time than its own, it is the last one of an earlier epoch of the
 * account: each verb begins one.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "held.h"
#include "lifecycle.h"
#include "match.h"
#include "rows.h"
#include "refund.h"
#include "settle.h"
#include "shared.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_balance_at);
PG_FUNCTION_INFO_V1(voucher_cash_at);
PG_FUNCTION_INFO_V1(voucher_status_at);
PG_FUNCTION_INFO_V1(voucher_explain_at);

/* ------------------------------------------------------------------------
 * States
 * ------------------------------------------------------------------------
 */

/*
 * The instrument in a row of STATE_AS_OF, as it was.  False if it was not
 * there yet.
 */
static bool
ReadPast(uint64 row, Candidate *candidate)
{
	SPITupleTable *table = SPI_tuptable;
	Candidate	extension;
	bool		isnull;
	Datum		value;
	Row			instrument;

	StoreDatum(row, 2, &isnull);
	if (isnull)
		return false;
	DeformRow(StoreNotNull(row, 1), INS_COLUMNS, &instrument);
	ReadCandidate(&instrument, candidate);
	candidate->version = StoreInt32(row, 2);
	candidate->balance = StoreAmount(row, 3);
	candidate->used = StoreInt32(row, 4);
	candidate->frozen = StoreBool(row, 5);
	candidate->cancelled = StoreBool(row, 6);
	value = StoreDatum(row, 7, &isnull);
	if (!isnull)
	{
		ReadValidity(DatumGetRangeTypeP(value), &extension);
		candidate->expiry = extension.expiry;
	}
	else
	{
		/* what the first later extension extended */
		value = StoreDatum(row, 8, &isnull);
		if (!isnull)
		{
			ReadValidity(DatumGetRangeTypeP(value), &extension);
			candidate->expiry = extension.effective;
		}
	}
	/* may run a statement itself */
	candidate->terms = &CatalogTemplate(DatumGetInt64(instrument.values[INS_TEMPLATE]))->terms;
	SPI_tuptable = table;
	return true;
}

/*
 * Read an instrument as it was at an instant, which arguments 1 and 2 say; a
 * share in force as what it drew on was.
 * False if it was not there yet.  Error VC007 if the account has no such one.
 */
static bool
ReadInstrumentAt(FunctionCallInfo fcinfo, Candidate *candidate)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	TimestampTz at = TimeArgument(fcinfo, 2, "at");
	Datum		values[3];

	RequireArgument(fcinfo, 1, "instrument_id");
	values[0] = CStringGetTextDatum(accountId);
	values[1] = PG_GETARG_DATUM(1);
	values[2] = TimestampTzGetDatum(at);
	if (StoreRun(STMT_INSTRUMENT_AT, STORE_READ, values, NULL) == 0)
		RefuseUnknownInstrument(accountId, PG_GETARG_INT64(1));
	if (!ReadPast(0, candidate))
		return false;
	if (candidate->ownerAccountId != NULL && !candidate->cancelled)
	{
		Candidate  *owner = palloc0(sizeof(Candidate));

		values[0] = CStringGetTextDatum(candidate->ownerAccountId);
		values[1] = Int64GetDatum(candidate->ownerInstrumentId);
		if (StoreRun(STMT_INSTRUMENT_AT, STORE_READ, values, NULL) == 0 || !ReadPast(0, owner))
			return false;
		DrawOn(candidate, owner);
	}
	return true;
}

/* balance_at(account_id, instrument_id, at) returns amount */
Datum
voucher_balance_at(PG_FUNCTION_ARGS)
{
	Candidate	candidate;
	bool		there;

	StoreBegin();
	CatalogBegin();
	there = ReadInstrumentAt(fcinfo, &candidate);
	StoreEnd();
	if (!there)
		PG_RETURN_NULL();
	PG_RETURN_AMOUNT(candidate.balance);
}

/* status_at(account_id, instrument_id, at) returns text */
Datum
voucher_status_at(PG_FUNCTION_ARGS)
{
	Candidate	candidate;
	bool		there;
	InstrumentStatus status = STATUS_PENDING;

	StoreBegin();
	CatalogBegin();
	there = ReadInstrumentAt(fcinfo, &candidate);
	if (there)
		status = CandidateStatusAt(&candidate, PG_GETARG_TIMESTAMPTZ(2));
	StoreEnd();
	if (!there)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(StatusName(status)));
}

/* balance_at(account_id, currency, at) returns amount */
Datum
voucher_cash_at(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *currency = TextArgument(fcinfo, 1, "currency");
	Datum		values[3];
	bool		isnull;
	Datum		balance;

	values[0] = CStringGetTextDatum(accountId);
	values[1] = CStringGetTextDatum(currency);
	values[2] = TimestampTzGetDatum(TimeArgument(fcinfo, 2, "at"));
	StoreBegin();
	CatalogBegin();
	if (StoreRun(STMT_CASH_AT, STORE_READ, values, NULL) == 0)
		RefuseUnknownAccount(accountId, currency);
	balance = StoreDatum(0, 1, &isnull);
	StoreEnd();
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(balance);
}

/* ------------------------------------------------------------------------
 * A settled order once more
 * ------------------------------------------------------------------------
 */

/* The names in a column of a settlement, none if null; returns how many. */
static int
NamesOf(const Row *row, int column, const char ***names)
{
	return row->isnull[column] ? 0 : ReadTextArray(row->values[column], names);
}

/* The longest of these that a path is or lies below, at least "longest" long; else "found". */
static const char *
LowestAbove(const char *path, const char **names, int n, const char *found)
{
	for (int i = 0; i < n; i++)
	{
		int			length = strlen(names[i]);

		if (strncmp(path, names[i], length) == 0 && (path[length] == '\0' || path[length] == '.') &&
			(found == NULL || length > strlen(found)))
			found = names[i];
	}
	return found;
}

/*
 * What the catalogue and the account's purchases said of the lines.  The
 * product that a line which purchases belonged to is one of those that the
 * settlement keeps, and was the lowest: that of the longest path.
 */
static void
LookUpPastLines(const Row *row, PlanOrder *order)
{
	const char **first = NULL;
	const char **again = NULL;
	const char **outside = NULL;
	int			nfirst = NamesOf(row, SET_FIRST_PURCHASE, &first);
	int			nagain = NamesOf(row, SET_PURCHASED_BEFORE, &again);
	int			noutside = NamesOf(row, SET_NOT_UNIVERSAL, &outside);

	for (int i = 0; i < order->nlines; i++)
	{
		PlanLine   *line = &order->lines[i];
		const char *bought;
		const char *before;

		CHECK_FOR_INTERRUPTS();
		line->universal = true;
		for (int j = 0; j < noutside; j++)
		{
			if (strcmp(outside[j], line->product) == 0)
				line->universal = false;
		}
		if (!line->hasAt)
			line->at = order->at;
		line->registered = line->product;
		if (!line->purchase)
			continue;
		bought = LowestAbove(line->product, first, nfirst, NULL);
		before = LowestAbove(line->product, again, nagain, NULL);
		/* what another order held is in both: bought first, but not counted so */
		line->purchasedBefore = before != NULL &&
			(bought == NULL || strlen(before) >= strlen(bought));
		line->registered = line->purchasedBefore ? before : bought;
		if (line->registered == NULL)
			elog(ERROR, "settlement does not know product \"%s\"", line->product);
	}
}

/*
 * An order that was captured was decided on when it was reserved: the row as
 * its hold has it.
 */
static void
ReadDecision(const Datum *order, Row *row)
{
	Datum		values[3] = {order[0], order[1], row->values[SET_HOLD]};

	if (StoreRun(STMT_HOLD_CAPTURED, STORE_READ, values, NULL) == 0)
		elog(ERROR, "hold %d of an order is missing", DatumGetInt32(row->values[SET_HOLD]));
	DeformRow(StoreNotNull(0, 1), SET_COLUMNS, row);
}

/* The request of a settlement; returns its epoch.  Error VC009, or 55000 if it has none. */
static int64
ReadSettled(const char *accountId, const char *orderId, Row *row, OrderRequest *request)
{
	Datum		key[2];

	key[0] = CStringGetTextDatum(accountId);
	key[1] = CStringGetTextDatum(orderId);
	if (StoreRun(STMT_SETTLEMENT_READ, STORE_READ, key, NULL) == 0)
		RefuseUnknownOrder(accountId, orderId);
	DeformRow(StoreNotNull(0, 1), SET_COLUMNS, row);
	if (row->isnull[SET_EPOCH])
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("order \"%s\" of account \"%s\" cannot be replayed", orderId, accountId),
				 errdetail("Its settlement was not written by voucher.settle and has no epoch.")));
	if (!row->isnull[SET_HOLD])
		ReadDecision(key, row);
	ReadStoredRequest(accountId, row, request);
	request->orderId = orderId;
	return DatumGetInt64(row->values[SET_EPOCH]);
}

/*
 * The facts that an order was settled on.  The promo code applied, or it would
 * not be settled: the account was invited.  If nothing was left that it could
 * take off, it was not used and may have no instrument.
 */
static void
LoadPast(const OrderRequest *request, const Row *row, int64 epoch, OrderFacts *facts)
{
	PlanOrder  *order = &facts->order;
	Datum		values[4];
	uint64		rows;
	int			n = 0;

	memset(facts, 0, sizeof(OrderFacts));
	order->at = request->at;
	order->currency = request->currency;
	order->paymentType = PaymentTypeFromName(request->paymentType);
	order->digits = CatalogDigits(request->currency);
	order->nlines = request->nlines;
	order->lines = request->lines;
	facts->policy = request->policy == NULL ? CatalogDefaultPolicy(request->paymentType) :
		CatalogPolicy(request->policy);
	LookUpPastLines(row, order);
	facts->account.accountId = request->accountId;
	facts->account.currency = pstrdup(request->currency);

	values[0] = CStringGetTextDatum(request->accountId);
	values[1] = CStringGetTextDatum(request->currency);
	values[2] = Int64GetDatum(epoch);
	values[3] = row->values[SET_RECORDED_AT];
	rows = StoreRun(STMT_INSTRUMENTS_BEFORE, STORE_READ, values, NULL);
	facts->candidates = palloc0((rows + 1) * sizeof(Candidate));
	for (uint64 i = 0; i < rows; i++)
	{
		Candidate  *candidate = &facts->candidates[n];

		CHECK_FOR_INTERRUPTS();
		if (!ReadPast(i, candidate))
			continue;
		if (candidate->terms->kind == KIND_PROMO_CODE)
		{
			const Template *template = CatalogTemplate(candidate->terms->templateId);

			if (request->promoCode == NULL ||
				strcmp(template->promoCode, request->promoCode) != 0)
				continue;
			facts->promo = candidate;
		}
		n++;
	}
	if (request->promoCode != NULL && facts->promo == NULL)
	{
		const Template *template = CatalogTemplateByPromoCode(request->promoCode);

		if (template == NULL)
			elog(ERROR, "promo code \"%s\" does not exist", request->promoCode);
		facts->promo = &facts->candidates[n++];
		NewPromoCandidate(template, request->at, facts->promo);
		facts->promo->invited = true;
	}
	facts->ncandidates = n;
	PastOwners(row, facts->candidates, n);
	SubtractPastHolds(request, epoch, facts);
	PastLimits(row, request->at, facts->candidates, n, &facts->limits);
}

/* The part that a plan gives an instrument, NULL if none. */
static const PlanPart *
PartOf(const PaymentPlan *plan, const Candidate *candidate)
{
	for (int i = 0; i < plan->nparts; i++)
	{
		if (plan->parts[i].candidate->instrumentId == candidate->instrumentId)
			return &plan->parts[i];
	}
	return NULL;
}

/* What an instrument paid of each line. */
static Datum
Shares(const PlanPart *part, int nlines)
{
	Datum	   *shares = palloc(nlines * sizeof(Datum));

	for (int i = 0; i < nlines; i++)
		shares[i] = AmountGetDatum(part->shares[i]);
	return Array8(StoreGetTypes()->amount, shares, nlines);
}

/* explain_at(account_id, order_id) returns setof record: see history.sql */
Datum
voucher_explain_at(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *resultInfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *orderId = TextArgument(fcinfo, 1, "order_id");
	OrderRequest request;
	OrderFacts	facts;
	PaymentPlan plan;
	OrderFacts	judged;
	Candidate **sorted;
	int64		epoch;
	int			rank = 0;
	Row			row;

	InitMaterializedSRF(fcinfo, 0);
	StoreBegin();
	CatalogBegin();
	epoch = ReadSettled(accountId, orderId, &row, &request);
	LoadPast(&request, &row, epoch, &facts);

	/* of what each alone would pay, the plan works out what is left to it: so it gets its own */
	JudgeCandidates(&facts.order, facts.ncandidates, facts.candidates);
	judged = facts;
	judged.candidates = palloc((facts.ncandidates + 1) * sizeof(Candidate));
	memcpy(judged.candidates, facts.candidates, facts.ncandidates * sizeof(Candidate));
	PlanOrderRequest(&request, &facts, &plan);

	sorted = SortMatches(&judged);
	for (int i = 0; i < judged.ncandidates; i++)
	{
		const PlanPart *part = PartOf(&plan, sorted[i]);
		Datum		values[MATCH_COLUMNS + 2];
		bool		isnull[MATCH_COLUMNS + 2];

		CHECK_FOR_INTERRUPTS();
		rank = SetMatch(&judged.order, sorted, i, rank, values, isnull);
		values[MATCH_COLUMNS] = AmountGetDatum(part == NULL ? 0 : part->amount);
		isnull[MATCH_COLUMNS] = false;
		isnull[MATCH_COLUMNS + 1] = (part == NULL);
		if (part != NULL)
			values[MATCH_COLUMNS + 1] = Shares(part, facts.order.nlines);
		tuplestore_putvalues(resultInfo->setResult, resultInfo->setDesc, values, isnull);
	}
	StoreEnd();
	return (Datum) 0;
}
