/*
 * hold.c
 *		reserve, capture and release: an order in two phases.
 *
 * reserve plans an order and keeps the plan; capture carries it out.  What was
 * promised is not judged again, so it stands though a voucher expires in
 * between; only what was taken away for good or frozen is refused.  All three
 * lock the account in all its currencies, since an order of another currency
 * asks what is held, too (first purchases).
 */
#include "postgres.h"

#include "common/int.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "refund.h"
#include "settle.h"
#include "shared.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_reserve);
PG_FUNCTION_INFO_V1(voucher_capture);
PG_FUNCTION_INFO_V1(voucher_release);

/* An order's last hold. */
typedef struct Hold
{
	Datum		datum;			/* of type voucher.hold */
	int32		version;
	const char *resolution;		/* NULL: not resolved */
	TimestampTz expiresAt;
	Row			row;			/* as the settlement that it would be */
} Hold;

/* Read an order's last hold; false if it has none. */
static bool
ReadHold(const char *accountId, const char *orderId, Hold *hold)
{
	Datum		key[2];

	key[0] = CStringGetTextDatum(accountId);
	key[1] = CStringGetTextDatum(orderId);
	if (StoreRun(STMT_HOLD_READ, STORE_WRITE, key, NULL) == 0)
		return false;
	hold->datum = StoreNotNull(0, 1);
	hold->version = StoreInt32(0, 2);
	hold->resolution = StoreText(0, 3);
	hold->expiresAt = StoreTime(0, 4);
	DeformRow(StoreNotNull(0, 5), SET_COLUMNS, &hold->row);
	return true;
}

/* Read the hold that a capture or release is about.  Error VC701 if there is none. */
static void
FindHold(const char *accountId, const char *orderId, Hold *hold)
{
	if (!ReadHold(accountId, orderId, hold))
		ereport(ERROR,
				(errcode(ERRCODE_VC_NO_HOLD),
				 errmsg("account \"%s\" has no hold for order \"%s\"", accountId, orderId)));
}

/* Resolve a hold, which is not resolved yet; returns its row. */
static Datum
Resolve(const char *accountId, const char *orderId, const Hold *hold, const char *resolution,
		int64 epoch, const char *actor, const char *reason, TimestampTz at)
{
	Datum		values[8];
	char		nulls[] = "        ";

	values[0] = CStringGetTextDatum(accountId);
	values[1] = CStringGetTextDatum(orderId);
	values[2] = Int32GetDatum(hold->version);
	values[3] = CStringGetTextDatum(resolution);
	values[4] = TimestampTzGetDatum(at);
	values[5] = Int64GetDatum(epoch);
	values[6] = OptionalTextDatum(actor, &nulls[6]);
	values[7] = OptionalTextDatum(reason, &nulls[7]);
	StoreWriteRows(STMT_HOLD_RESOLVE, values, nulls, 1);
	return StoreNotNull(0, 1);
}

/*
 * An order is settled, or reserved anew: the hold that it had is over.  The
 * account is locked.
 */
void
ReplaceHold(const OrderRequest *request, int64 epoch, const char *actor)
{
	Hold		hold;

	if (ReadHold(request->accountId, request->orderId, &hold) && hold.resolution == NULL)
		Resolve(request->accountId, request->orderId, &hold,
				hold.expiresAt <= request->at ? "expired" : "replaced", epoch, actor, NULL,
				request->at);
}

/* ------------------------------------------------------------------------
 * Reserve
 * ------------------------------------------------------------------------
 */

/* Arguments of reserve after those that it shares with settle. */
#define RESERVE_HOLD_FOR	14
#define RESERVE_ACTOR		15

/* When a hold that begins now times out: a span of time, which does not depend on a zone. */
static TimestampTz
TimeOut(FunctionCallInfo fcinfo, TimestampTz at)
{
	int64		span;
	TimestampTz expiresAt;

	RequireArgument(fcinfo, RESERVE_HOLD_FOR, "hold_for");
	span = IntervalSpan(PG_GETARG_INTERVAL_P(RESERVE_HOLD_FOR));
	if (span <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be greater than zero", "hold_for")));
	if (pg_add_s64_overflow(at, span, &expiresAt) || !IS_VALID_TIMESTAMP(expiresAt))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return expiresAt;
}

/*
 * The order's open hold, if this call asks for the same: its row.  hold_for is
 * not compared: a retry does not prolong.
 */
static bool
FindSameHold(const OrderRequest *request, const OrderFacts *facts, Datum *row)
{
	Hold		hold;
	Row			now;

	if (facts->ownHold == 0 || !ReadHold(request->accountId, request->orderId, &hold) ||
		hold.expiresAt <= request->at)
		return false;
	EmptyRow(&now);
	SetRequest(&now, request, &facts->order);
	if (RequestDifference(request, &now, &hold.row) != NULL)
		return false;
	*row = hold.datum;
	return true;
}

/* Resolve the holds of other orders whose time-out has come, so that nobody looks at them again. */
static void
ExpireHolds(const OrderRequest *request, const Account *account)
{
	Datum		values[5];

	if (account->holds == 0)
		return;
	values[0] = CStringGetTextDatum(request->accountId);
	values[1] = CStringGetTextDatum(account->currency);
	values[2] = CStringGetTextDatum(request->orderId);
	values[3] = TimestampTzGetDatum(request->at);
	values[4] = Int64GetDatum(account->epoch);
	StoreRun(STMT_HOLDS_EXPIRE, STORE_WRITE, values, NULL);
}

/* Write a hold with the plan in a settlement's row; returns it. */
static Datum
WriteHold(const OrderRequest *request, const Row *row, int32 version, TimestampTz expiresAt,
		  const char *actor)
{
	/* the settlement's columns in the order of STMT_HOLD_INSERT, from the eighth on */
	static const int columns[] = {
		SET_EPOCH, SET_GROSS, SET_DISCOUNT, SET_ROUNDING, SET_VOUCHER, SET_CASH,
		SET_PAYMENT_TYPE, SET_CHOSEN_VOUCHER, SET_CHOSEN_COUPON, SET_PROMO_CODE, SET_POLICY,
		SET_LINES, SET_PARTS, SET_FIRST_PURCHASE, SET_PURCHASED_BEFORE, SET_NOT_UNIVERSAL,
		SET_LIMITS, SET_EXACT, SET_RECORDED_AT
	};
	Datum		values[7 + lengthof(columns)];
	char		nulls[7 + lengthof(columns) + 1];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = row->values[BAL_ACCOUNT];
	values[1] = row->values[BAL_KEY];
	values[2] = Int32GetDatum(version);
	values[3] = row->values[SET_CURRENCY];
	values[4] = OptionalTextDatum(actor, &nulls[4]);
	values[5] = TimestampTzGetDatum(request->at);
	values[6] = TimestampTzGetDatum(expiresAt);
	for (int i = 0; i < lengthof(columns); i++)
	{
		values[7 + i] = row->values[columns[i]];
		nulls[7 + i] = NULL_FLAG(row->isnull[columns[i]]);
	}
	StoreWriteRows(STMT_HOLD_INSERT, values, nulls, 1);
	return StoreNotNull(0, 1);
}

/* reserve(account_id, order_id, …) returns hold: see hold.sql */
Datum
voucher_reserve(PG_FUNCTION_ARGS)
{
	OrderRequest request = {0};
	const char *actor = OptionalTextArgument(fcinfo, RESERVE_ACTOR);
	OwnerSet	none = {0};
	OrderFacts	facts;
	PaymentPlan plan;
	TimestampTz expiresAt;
	Hold		last;
	Row			row;
	Datum		result;

	request.accountId = TextArgument(fcinfo, 0, "account_id");
	request.orderId = TextArgument(fcinfo, 1, "order_id");
	ReadRequest(fcinfo, 2, &request);
	request.actor = actor;
	expiresAt = TimeOut(fcinfo, request.at);

	StoreBegin();
	CatalogBegin();
	LockCurrencies(request.accountId);
	LoadOrder(&request, STORE_WRITE, &facts);
	if (facts.settled)
		ereport(ERROR,
				(errcode(ERRCODE_VC_ORDER_DIFFERS),
				 errmsg("order \"%s\" of account \"%s\" is already settled", request.orderId,
						request.accountId),
				 errhint("Reserve for a different order under an id of its own.")));
	if (!FindSameHold(&request, &facts, &result))
	{
		DropShares(&facts);
		PlanLocked(&request, &none, &facts, &plan);
		if (facts.ownHold != 0)
			ReplaceHold(&request, facts.account.epoch, actor);
		/* last of what locks counters: it waits for none */
		ExpireHolds(&request, &facts.account);
		/* what is issued stands before the hold in the account's history */
		if (IssuePromo(&request, &facts, &plan))
			LockAccount(request.accountId, facts.account.currency, &facts.account);
		EmptyRow(&row);
		SetRequest(&row, &request, &facts.order);
		SetPlan(&row, &facts.order, &plan);
		SetProducts(&row, &facts.order);
		SetLimits(&row, &facts.limits);
		SetValue(&row, SET_EPOCH, Int64GetDatum(facts.account.epoch));
		SetRecorded(&row);
		result = WriteHold(&request, &row,
						   ReadHold(request.accountId, request.orderId, &last) ? last.version + 1 : 1,
						   expiresAt, actor);
	}
	result = SPI_datumTransfer(result, false, -1);
	StoreEnd();
	PG_RETURN_DATUM(result);
}

/* ------------------------------------------------------------------------
 * Capture
 * ------------------------------------------------------------------------
 */

/* The candidate of an instrument that a hold names. */
static Candidate *
HeldCandidate(OrderFacts *facts, int64 instrumentId)
{
	for (int i = 0; i < facts->ncandidates; i++)
	{
		if (facts->candidates[i].instrumentId == instrumentId)
			return &facts->candidates[i];
	}
	elog(ERROR, "instrument " INT64_FORMAT " of a hold is missing", instrumentId);
}

/* Refuse what was taken away since it was promised: revoked, frozen, or used up by hand. */
static void
CheckStillThere(Candidate *candidate, Amount amount, const PlanOrder *order)
{
	if (candidate->cancelled)
		candidate->reason = REASON_CANCELLED;
	else if (candidate->frozen)
		candidate->reason = REASON_FROZEN;
	else if (candidate->used >= candidate->maxUses ||
			 (!candidate->terms->hasRate && candidate->balance < amount))
		candidate->reason = REASON_EXHAUSTED;
	else
		return;
	Refuse(candidate, order);
}

/* The plan that a hold keeps, on the instruments as they now are. */
static void
HeldPlan(const Hold *hold, OrderFacts *facts, PaymentPlan *plan)
{
	const Row  *row = &hold->row;
	Datum	   *parts;

	memset(plan, 0, sizeof(PaymentPlan));
	plan->gross = DatumGetAmount(row->values[SET_GROSS]);
	plan->discount = DatumGetAmount(row->values[SET_DISCOUNT]);
	plan->rounding = DatumGetAmount(row->values[SET_ROUNDING]);
	plan->voucher = DatumGetAmount(row->values[SET_VOUCHER]);
	plan->cash = DatumGetAmount(row->values[SET_CASH]);
	plan->exact = DatumGetBool(row->values[SET_EXACT]);
	plan->policy = facts->policy;
	plan->nparts = DeformArray(row->values[SET_PARTS], &parts);
	plan->parts = palloc0(Max(plan->nparts, 1) * sizeof(PlanPart));
	for (int i = 0; i < plan->nparts; i++)
	{
		PlanPart   *part = &plan->parts[i];
		Row			fields;

		DeformRow(parts[i], PART_COLUMNS, &fields);
		part->candidate = HeldCandidate(facts, DatumGetInt64(fields.values[PART_INSTRUMENT_ID]));
		part->amount = DatumGetAmount(fields.values[PART_PAID]);
		part->shares = unconstify(Amount *, PartShares(parts[i]));
		CheckStillThere(part->candidate, part->amount, &facts->order);
	}
}

/*
 * Plan the lines that are captured, with nothing but what is held, and no more
 * of it, at the time of the reservation.
 */
static void
PartialPlan(OrderRequest *request, const Hold *hold, OrderFacts *facts, PaymentPlan *plan)
{
	OwnerSet	none = {0};
	PaymentPlan held;
	Candidate  *kept;
	Candidate  *promo = NULL;

	HeldPlan(hold, facts, &held);
	kept = palloc((held.nparts + 1) * sizeof(Candidate));
	for (int i = 0; i < held.nparts; i++)
	{
		Candidate  *candidate = held.parts[i].candidate;

		kept[i] = *candidate;
		if (!candidate->terms->hasRate)
			kept[i].held = candidate->balance - held.parts[i].amount;
		if (facts->promo == candidate)
			promo = &kept[i];
	}
	facts->candidates = kept;
	facts->ncandidates = held.nparts;
	facts->promo = promo;
	JudgeCandidates(&facts->order, facts->ncandidates, facts->candidates);
	/* a smaller order may not qualify for the promo code: then it goes without */
	if (facts->promo != NULL && facts->promo->reason != REASON_APPLIES)
		facts->promo = NULL;
	request->voucher = request->coupon = "auto";
	PlanLocked(request, &none, facts, plan);
}

/* Do two lines have the same number, product and order type? */
static bool
IsSameItem(const PlanLine *a, const PlanLine *b)
{
	return a->lineNo == b->lineNo && strcmp(a->product, b->product) == 0 &&
		strcmp(a->orderType, b->orderType) == 0;
}

/* Error VC703 unless a line that is captured was reserved, and for so much. */
static void
TakeLines(OrderRequest *request, const OrderRequest *captured)
{
	bool	   *taken = palloc0(request->nlines * sizeof(bool));
	int			n = 0;

	for (int i = 0; i < captured->nlines; i++)
	{
		const PlanLine *line = &captured->lines[i];
		int			j = 0;

		while (j < request->nlines && !IsSameItem(&request->lines[j], line))
			j++;
		if (j == request->nlines)
			ereport(ERROR,
					(errcode(ERRCODE_VC_CAPTURE_ABOVE_HOLD),
					 errmsg("line %d of order \"%s\" was not reserved", line->lineNo,
							request->orderId)));
		if (line->amount > request->lines[j].amount)
			ereport(ERROR,
					(errcode(ERRCODE_VC_CAPTURE_ABOVE_HOLD),
					 errmsg("line %d of order \"%s\" exceeds what was reserved", line->lineNo,
							request->orderId),
					 errdetail("%s were reserved; %s are to be captured.",
							   AmountToString(request->lines[j].amount),
							   AmountToString(line->amount))));
		request->lines[j].amount = line->amount;
		taken[j] = true;
	}
	for (int j = 0; j < request->nlines; j++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!taken[j])
			continue;
		request->durations[n] = request->durations[j];
		request->hasDuration[n] = request->hasDuration[j];
		request->lines[n++] = request->lines[j];
	}
	request->nlines = n;
}

/* The settlement that captured a hold.  Error VC301 if lines are given and differ from its. */
static Datum
ReplayCapture(const char *accountId, const char *orderId, const OrderRequest *captured)
{
	Datum		key[2];
	Datum		stored;
	Row			row;
	OrderRequest request;

	key[0] = CStringGetTextDatum(accountId);
	key[1] = CStringGetTextDatum(orderId);
	StoreRun(STMT_SETTLEMENT_READ, STORE_WRITE, key, NULL);
	stored = StoreNotNull(0, 1);
	DeformRow(stored, SET_COLUMNS, &row);
	ReadStoredRequest(accountId, &row, &request);
	for (int i = 0; i < captured->nlines; i++)
	{
		if (captured->nlines != request.nlines ||
			!IsSameItem(&captured->lines[i], &request.lines[i]) ||
			captured->lines[i].amount != request.lines[i].amount)
			ereport(ERROR,
					(errcode(ERRCODE_VC_ORDER_DIFFERS),
					 errmsg("order \"%s\" of account \"%s\" is already settled", orderId, accountId),
					 errdetail("This call differs from the settled order in \"%s\".", "lines")));
	}
	return stored;
}

/* Error VC702 for a hold that cannot be captured or released any more. */
static void
RefuseOver(const char *accountId, const char *orderId, const Hold *hold)
{
	ereport(ERROR,
			(errcode(ERRCODE_VC_HOLD_IS_OVER),
			 errmsg("hold for order \"%s\" of account \"%s\" is over", orderId, accountId),
			 hold->resolution == NULL || strcmp(hold->resolution, "expired") == 0 ?
			 errdetail("It timed out at %s.", timestamptz_to_str(hold->expiresAt)) :
			 errdetail("It was %s.", hold->resolution)));
}

/* Settle an order with what is held for it; lines that are given say how much. */
static Datum
Capture(const char *accountId, const char *orderId, const Hold *hold,
		const OrderRequest *captured, const char *actor, TimestampTz at)
{
	OrderRequest request;
	OrderFacts	facts;
	PaymentPlan plan;
	Datum		settlement;
	Row			row;

	ReadStoredRequest(accountId, &hold->row, &request);
	request.orderId = orderId;
	request.actor = actor;
	request.promoFound = true;
	if (captured->nlines > 0)
		TakeLines(&request, captured);
	LoadOrder(&request, STORE_WRITE, &facts);
	if (captured->nlines > 0)
		PartialPlan(&request, hold, &facts, &plan);
	else
		HeldPlan(hold, &facts, &plan);
	TakeCash(&facts.account, captured->arrears, facts.order.digits, &plan);
	Resolve(accountId, orderId, hold, "captured", facts.account.epoch, actor, NULL, at);

	EmptyRow(&row);
	SetRequest(&row, &request, &facts.order);
	SetText(&row, SET_CHOSEN_VOUCHER, TextDatumGetCString(hold->row.values[SET_CHOSEN_VOUCHER]));
	SetText(&row, SET_CHOSEN_COUPON, TextDatumGetCString(hold->row.values[SET_CHOSEN_COUPON]));
	SetPlan(&row, &facts.order, &plan);
	SetProducts(&row, &facts.order);
	/* what the decision went by is with the hold */
	row.isnull[SET_PURCHASED_BEFORE] = true;
	SetValue(&row, SET_HOLD, Int32GetDatum(hold->version));
	SetValue(&row, SET_EPOCH, Int64GetDatum(facts.account.epoch + 1));
	SetRecorded(&row);
	settlement = FormRow(StoreGetTypes()->settlement, &row);
	if (!WriteSettlement(orderId, &row, settlement, at, &facts.account, &plan))
		RefuseSuppressed(orderId, "account");	/* nobody else can change it now */
	return settlement;
}

/* capture(account_id, order_id, lines, arrears, actor, at) returns settlement */
Datum
voucher_capture(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *orderId = TextArgument(fcinfo, 1, "order_id");
	const char *actor = OptionalTextArgument(fcinfo, 4);
	TimestampTz at = TimeArgument(fcinfo, 5, "at");
	OrderRequest captured = {0};
	Hold		hold;
	Datum		result;

	captured.arrears = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
	StoreBegin();
	CatalogBegin();
	LockCurrencies(accountId);
	FindHold(accountId, orderId, &hold);
	captured.paymentType = TextDatumGetCString(hold.row.values[SET_PAYMENT_TYPE]);
	CheckArrearsAllowed(&captured);
	if (!PG_ARGISNULL(2))
		ReadLines(&captured, PG_GETARG_ARRAYTYPE_P(2));
	if (hold.resolution != NULL && strcmp(hold.resolution, "captured") == 0)
		result = ReplayCapture(accountId, orderId, &captured);
	else
	{
		if (hold.resolution != NULL || hold.expiresAt <= at)
			RefuseOver(accountId, orderId, &hold);
		result = Capture(accountId, orderId, &hold, &captured, actor, at);
	}
	result = SPI_datumTransfer(result, false, -1);
	StoreEnd();
	PG_RETURN_DATUM(result);
}

/* ------------------------------------------------------------------------
 * Release
 * ------------------------------------------------------------------------
 */

/* release(account_id, order_id, reason, actor, at) returns hold */
Datum
voucher_release(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *orderId = TextArgument(fcinfo, 1, "order_id");
	const char *reason = OptionalTextArgument(fcinfo, 2);
	const char *actor = OptionalTextArgument(fcinfo, 3);
	TimestampTz at = TimeArgument(fcinfo, 4, "at");
	Account		account;
	Hold		hold;
	Datum		result;

	StoreBegin();
	CatalogBegin();
	LockCurrencies(accountId);
	FindHold(accountId, orderId, &hold);
	if (hold.resolution != NULL && strcmp(hold.resolution, "captured") == 0)
		RefuseOver(accountId, orderId, &hold);
	result = hold.datum;
	if (hold.resolution == NULL)
	{
		LockAccount(accountId, TextDatumGetCString(hold.row.values[SET_CURRENCY]), &account);
		result = Resolve(accountId, orderId, &hold, hold.expiresAt <= at ? "expired" : "released",
						 account.epoch, actor, reason, at);
	}
	result = SPI_datumTransfer(result, false, -1);
	StoreEnd();
	PG_RETURN_DATUM(result);
}
