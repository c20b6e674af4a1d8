/*
 * refund.c
 *		Refunds of settled orders.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "catalog.h"
#include "refund.h"
#include "rows.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_refund);

/* What the caller asks for: at most one of amount, consumed and lines. */
typedef struct RefundRequest
{
	Amount		amount;			/* 0: all that is left */
	bool		hasConsumed;
	Amount		consumed;
	bool		hasLines;
	int			nlines;
	int32	   *lineNos;
	Amount	   *lineAmounts;
	bool	   *allOfLine;		/* all that is left of it, not lineAmounts */
	const char *requestId;
	const char *reason;
	const char *reratingId;		/* that takes it back as billed too much; NULL: none */
	TimestampTz at;
} RefundRequest;

/* ------------------------------------------------------------------------
 * The request
 * ------------------------------------------------------------------------
 */

/* The elements of an array of by-value numbers, and which are null; how many. */
static int
ReadNumbers(Datum array, Datum **numbers, bool **nulls)
{
	ArrayType  *items = DatumGetArrayTypeP(array);
	bool		amounts = ARR_ELEMTYPE(items) != INT4OID;
	int			n;

	deconstruct_array(items, ARR_ELEMTYPE(items), amounts ? sizeof(Amount) : sizeof(int32),
					  amounts ? FLOAT8PASSBYVAL : true, amounts ? TYPALIGN_DOUBLE : TYPALIGN_INT,
					  numbers, nulls, &n);
	return n;
}

/* Read which lines are refunded, and how much of each. */
static void
ReadLineArguments(FunctionCallInfo fcinfo, RefundRequest *request)
{
	Datum	   *numbers;
	Datum	   *amounts;
	bool	   *nulls;
	bool	   *noAmount;
	int			n = ReadNumbers(PG_GETARG_DATUM(7), &numbers, &nulls);

	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be empty", "lines")));
	if (!PG_ARGISNULL(8) && ReadNumbers(PG_GETARG_DATUM(8), &amounts, &noAmount) != n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"lines\" and \"line_amounts\" must be of the same length")));
	request->nlines = n;
	request->lineNos = palloc(n * sizeof(int32));
	request->lineAmounts = palloc0(n * sizeof(Amount));
	request->allOfLine = palloc(n * sizeof(bool));
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not hold a null", "lines")));
		request->lineNos[i] = DatumGetInt32(numbers[i]);
		request->allOfLine[i] = PG_ARGISNULL(8) || noAmount[i];
		if (request->allOfLine[i])
			continue;
		request->lineAmounts[i] = DatumGetAmount(amounts[i]);
		CheckPositive(request->lineAmounts[i], "line amount");
	}
}

/* Read the arguments that say what is refunded. */
static void
ReadRefundRequest(FunctionCallInfo fcinfo, RefundRequest *request)
{
	request->amount = PG_ARGISNULL(2) ? 0 : PG_GETARG_AMOUNT(2);
	request->requestId = RequestIdArgument(fcinfo, 3);
	request->reason = OptionalTextArgument(fcinfo, 4);
	request->at = TimeArgument(fcinfo, 5, "at");
	request->hasConsumed = !PG_ARGISNULL(6);
	request->consumed = request->hasConsumed ? PG_GETARG_AMOUNT(6) : 0;
	request->hasLines = !PG_ARGISNULL(7);
	if (!PG_ARGISNULL(2) + request->hasConsumed + request->hasLines > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a refund is by \"amount\", by \"lines\" or by what is \"consumed\"")));
	if (!PG_ARGISNULL(8) && !request->hasLines)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"line_amounts\" needs \"lines\"")));
	if (!PG_ARGISNULL(2))
		CheckPositive(request->amount, "amount");
	if (request->consumed < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("consumed must not be negative"),
				 errdetail("It is %s.", AmountToString(request->consumed))));
	if (request->hasLines)
		ReadLineArguments(fcinfo, request);
}

/* Does a refund that was made name these lines, with these amounts where given? */
static bool
SameLines(const RefundRequest *request, int linesColumn)
{
	bool		none;
	Datum		lines = StoreDatum(0, linesColumn, &none);
	Datum	   *numbers;
	Datum	   *amounts;
	bool	   *nulls;

	if (none || !request->hasLines)
		return none && !request->hasLines;
	if (ReadNumbers(lines, &numbers, &nulls) != request->nlines)
		return false;
	ReadNumbers(StoreNotNull(0, linesColumn + 1), &amounts, &nulls);
	for (int i = 0; i < request->nlines; i++)
	{
		if (DatumGetInt32(numbers[i]) != request->lineNos[i] ||
			(!request->allOfLine[i] && DatumGetAmount(amounts[i]) != request->lineAmounts[i]))
			return false;
	}
	return true;
}

/*
 * The refund that an earlier call with this request id made, if any: its row.
 * Error VC302 if that call asked for something else.
 */
static bool
FindRefund(const Settlement *settlement, const RefundRequest *request, Datum *row)
{
	const char *differs = NULL;
	bool		none;
	Amount		consumed;

	if (!FindRequest(STMT_REFUND_REQUEST, settlement->account.accountId, request->requestId))
		return false;
	consumed = DatumGetAmount(StoreDatum(0, 5, &none));
	if (strcmp(StoreText(0, 3), settlement->orderId) != 0)
		differs = "order_id";
	else if (request->amount != 0 && StoreAmount(0, 4) != request->amount)
		differs = "amount";
	else if (none == request->hasConsumed || (!none && consumed != request->consumed))
		differs = "consumed";
	else if (!SameLines(request, 6))
		differs = "lines";
	if (differs != NULL)
		RefuseRequest(request->requestId, settlement->account.accountId, differs);
	*row = StoreNotNull(0, 2);
	return true;
}

/* ------------------------------------------------------------------------
 * Lines
 * ------------------------------------------------------------------------
 */

/*
 * The lines of a settlement as refunds by line see them, with what was
 * refunded of each before; and each part's shares of them, as they were stored
 * at settlement.
 */
static void
LoadLines(Settlement *settlement, int nparts, ReturnPart *parts)
{
	RefundState *state = &settlement->state;
	Datum		key[2];
	Row			row;
	Datum	   *lines;
	Datum	   *stored;
	int			nrefunded;

	key[0] = CStringGetTextDatum(settlement->account.accountId);
	key[1] = CStringGetTextDatum(settlement->orderId);
	StoreRun(STMT_SETTLEMENT_READ, STORE_WRITE, key, NULL);
	DeformRow(StoreNotNull(0, 1), SET_COLUMNS, &row);
	state->nlines = DeformArray(row.values[SET_LINES], &lines);
	if (DeformArray(row.values[SET_PARTS], &stored) != nparts)
		elog(ERROR, "order \"%s\" has not %d parts", settlement->orderId, nparts);
	state->lines = palloc0(state->nlines * sizeof(RefundLine));
	for (int j = 0; j < nparts; j++)
		parts[j].shares = PartShares(stored[j]);
	for (int i = 0; i < state->nlines; i++)
	{
		RefundLine *line = &state->lines[i];
		Row			fields;

		CHECK_FOR_INTERRUPTS();
		DeformRow(lines[i], LINE_COLUMNS, &fields);
		line->lineNo = DatumGetInt32(fields.values[LINE_NO]);
		line->net = DatumGetAmount(fields.values[LINE_AMOUNT]);
		for (int j = 0; j < nparts; j++)
		{
			if (parts[j].tender)
				line->voucher += parts[j].shares[i];
			else
				line->net -= parts[j].shares[i];
		}
	}
	SplitLines(state);

	nrefunded = (int) StoreRun(STMT_REFUNDED_LINES, STORE_WRITE, key, NULL);
	for (int j = 0; j < nrefunded; j++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < state->nlines; i++)
		{
			if (StoreInt32(j, 1) == state->lines[i].lineNo)
				state->lines[i].refunded = StoreAmount(j, 2);
		}
	}
}

/* The line of a number; error 22023 if the order has none. */
static RefundLine *
FindLine(const Settlement *settlement, int32 lineNo)
{
	for (int i = 0; i < settlement->state.nlines; i++)
	{
		if (settlement->state.lines[i].lineNo == lineNo)
			return &settlement->state.lines[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("order \"%s\" has no line %d", settlement->orderId, lineNo)));
}

/*
 * Set what is requested of each line, and return the sum.  Errors: 22023 a
 * line that is not there or named twice, VC202 more than is left of a line.
 */
static Amount
RequestLines(Settlement *settlement, const RefundRequest *request, SettlementEntry *entry)
{
	Amount		sum = 0;

	entry->nlines = request->nlines;
	entry->lines = palloc(request->nlines * sizeof(Datum));
	entry->lineAmounts = palloc(request->nlines * sizeof(Datum));
	for (int i = 0; i < request->nlines; i++)
	{
		RefundLine *line = FindLine(settlement, request->lineNos[i]);
		Amount		left = line->total - line->refunded;
		Amount		amount = request->lineAmounts[i];

		if (line->requested != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("line %d is named more than once", line->lineNo)));
		if (request->allOfLine[i])
			amount = left;
		if (left == 0 || amount > left)
			ereport(ERROR,
					(errcode(ERRCODE_VC_REFUND_ABOVE_PAID),
					 left == 0 ?
					 errmsg("nothing of line %d of order \"%s\" is left to refund", line->lineNo,
							settlement->orderId) :
					 errmsg("refund exceeds what is left of line %d of order \"%s\"",
							line->lineNo, settlement->orderId),
					 errdetail("The line came to %s, of which %s are refunded.",
							   AmountToString(line->total), AmountToString(line->refunded))));
		line->requested = amount;
		entry->lines[i] = Int32GetDatum(line->lineNo);
		entry->lineAmounts[i] = AmountGetDatum(amount);
		sum = AmountAdd(sum, amount);
	}
	return sum;
}

/* ------------------------------------------------------------------------
 * The refund
 * ------------------------------------------------------------------------
 */

/* Error unless so much of the order is left to refund. */
static void
CheckLeft(const Settlement *settlement, Amount requested)
{
	const RefundState *state = &settlement->state;
	Amount		left = state->total - state->refunded;

	if (settlement->cancelled)
		RefuseCancelled(settlement->account.accountId, settlement->orderId);
	CheckNoArrears(settlement);
	if (requested > left || left == 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_REFUND_ABOVE_PAID),
				 left == 0 ? errmsg("nothing of order \"%s\" is left to refund",
									settlement->orderId) :
				 errmsg("refund exceeds what is left of order \"%s\"",
						settlement->orderId),
				 left == 0 ?
				 errdetail("It came to %s, of which %s are refunded.",
						   AmountToString(state->total), AmountToString(state->refunded)) :
				 errdetail("It came to %s, of which %s are refunded; this refund asks for %s.",
						   AmountToString(state->total),
						   AmountToString(state->refunded), AmountToString(requested))));
}

/*
 * Error VC207 where refunds by line and by amount would mix: what an amount
 * takes of which line is not known.  What is left can always be refunded.
 */
static void
CheckNotMixed(const Settlement *settlement, bool byLines, bool all)
{
	if (settlement->state.refunded == 0 || all || byLines == settlement->byLines)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_VC_REFUND_MIXED),
			 settlement->byLines ?
			 errmsg("order \"%s\" is refunded by lines", settlement->orderId) :
			 errmsg("order \"%s\" is refunded by amount", settlement->orderId),
			 settlement->byLines ? errhint("Name the lines, or refund all that is left.") :
			 errhint("Refund an amount, or all that is left.")));
}

/*
 * What a re-rating takes back of what each tender paid: what refunds cover of it
 * with this one, less what those before covered.
 */
static void
CoverRerated(const RefundState *state, Amount refunded, Amount refundedCash, ReturnPart *parts,
			 int nparts)
{
	int64		unit = AmountQuantum(state->digits);
	Amount	   *paid = palloc(nparts * sizeof(Amount));
	Amount	   *before = palloc(nparts * sizeof(Amount));
	Amount	   *after = palloc(nparts * sizeof(Amount));

	for (int i = 0; i < nparts; i++)
		paid[i] = parts[i].tender ? parts[i].paid : 0;
	CoverParts(state->refunded - state->refundedCash, nparts, paid, unit, before);
	CoverParts(refunded - refundedCash, nparts, paid, unit, after);
	for (int i = 0; i < nparts; i++)
		parts[i].entry.amount = parts[i].onRerate ? after[i] - before[i] : 0;
}

/*
 * What each voucher gets back with a refund that covers the order up to
 * "refunded", and its cash up to refundedCash; the sum.  A part that is back in
 * full gives back its use.
 *
 * Where refunds and re-ratings of an order mix, what they cover of a part
 * differs by a minor unit: none gets more than it paid, and all together no more
 * than cash leaves.
 */
static Amount
ReturnParts(const Settlement *settlement, const RefundRequest *request, Amount refunded,
			Amount refundedCash, ReturnPart *parts, int nparts)
{
	const RefundState *state = &settlement->state;
	Amount		room = refunded - refundedCash - state->returned;
	Amount		sum = 0;

	if (request->reratingId != NULL && nparts > 0)
		CoverRerated(state, refunded, refundedCash, parts, nparts);
	for (int i = 0; i < nparts; i++)
	{
		ReturnPart *part = &parts[i];
		Amount		covered;

		if (request->reratingId == NULL)
		{
			if (!part->onRefund)
				continue;
			covered = PartCovered(state, state->refunded, false, part->paid, part->shares);
			if (request->hasConsumed)
				part->entry.amount = PartUnconsumed(state, request->consumed, part->paid, covered);
			else
				part->entry.amount =
					PartCovered(state, refunded, true, part->paid, part->shares) - covered;
		}
		part->entry.amount = Min(part->entry.amount, Min(part->paid - part->returned, room - sum));
		if (part->entry.amount > 0 && part->returned + part->entry.amount == part->paid)
			part->entry.uses = -1;
		sum = AmountAdd(sum, part->entry.amount);
	}
	return sum;
}

/*
 * Refund a part of what the order came to.  Returns the new entry's row.
 *
 * Where a part of the order was consumed, the refund ends the order: what is
 * consumed is taken off the cash that was paid, never below what was refunded
 * before, and nothing is left to refund.
 */
static Datum
Refund(Settlement *settlement, const RefundRequest *request)
{
	RefundState *state = &settlement->state;
	Amount		left = state->total - state->refunded;
	Amount		refundedCash;
	Amount		requested = request->amount;
	SettlementEntry entry = {0};
	ReturnPart *parts = NULL;
	int			nparts = 0;
	Amount		refunded;
	Amount		returned;
	Datum		row;

	CheckLeft(settlement, requested);
	if (requested == 0 && !request->hasLines)
		requested = left;
	CheckNotMixed(settlement, request->hasLines, requested == left);
	if (state->total > state->cash || request->hasLines || settlement->byLines)
		nparts = LoadParts(settlement, request->at, &parts);
	if (request->hasLines || settlement->byLines)
		LoadLines(settlement, nparts, parts);
	if (request->hasLines)
	{
		requested = RequestLines(settlement, request, &entry);
		CheckLeft(settlement, requested);
	}

	refunded = state->refunded + requested;
	if (request->hasConsumed)
	{
		entry.consumed = &request->consumed;
		refundedCash = Max(state->refundedCash, state->cash - Min(state->cash, request->consumed));
	}
	else
		refundedCash = CashUpTo(state, refunded);
	returned = ReturnParts(settlement, request, refunded, refundedCash, parts, nparts);
	entry.kind = "refund";
	entry.amount = state->refundedCash - refundedCash;
	entry.refunds = true;
	entry.reratingId = request->reratingId;
	state->refunded = refunded;
	state->refundedCash = refundedCash;
	state->returned = AmountAdd(state->returned, returned);
	entry.requested = requested;
	entry.requestId = request->requestId;
	entry.reason = request->reason;
	AddSettlementEntry(settlement, &entry, request->at);
	row = StoreNotNull(0, 1);
	if (entry.amount < 0)
		AddCashEntry(&settlement->account, "refund", -entry.amount, request->at,
					 settlement->orderId, NULL, request->reason);
	GiveBack(settlement, parts, nparts, request->reason, request->at);
	if (refunded == state->total)
		RevokeGifts(settlement, request->reason, request->at);
	return row;
}

/*
 * Refund so much of a bill, after discounts, as a re-rating says that it billed
 * too much.  Errors: VC202 and VC207, what was refunded before leaves too little.
 */
void
RefundRerated(Settlement *settlement, Amount amount, const char *reratingId, const char *reason,
			  TimestampTz at)
{
	RefundRequest request = {0};

	request.amount = amount;
	request.reratingId = reratingId;
	request.reason = reason;
	request.at = at;
	Refund(settlement, &request);
}

/* Error unless all amounts of a request are whole numbers of the currency's minor unit. */
static void
CheckMinorUnits(const RefundRequest *request, const char *currency)
{
	if (request->amount > 0)
		CheckMinorUnit(request->amount, currency, "amount");
	if (request->consumed > 0)
		CheckMinorUnit(request->consumed, currency, "consumed");
	for (int i = 0; i < request->nlines; i++)
	{
		if (!request->allOfLine[i])
			CheckMinorUnit(request->lineAmounts[i], currency, "line amount");
	}
}

/* refund(account_id, order_id, amount, …) returns settlement_entry: see refund.sql */
Datum
voucher_refund(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *orderId = TextArgument(fcinfo, 1, "order_id");
	RefundRequest request = {0};
	Settlement	settlement;
	Datum		row;

	ReadRefundRequest(fcinfo, &request);
	StoreBegin();
	CatalogBegin();
	LockForReturns(accountId, orderId, STMT_SETTLEMENT_OWNERS, false, &settlement);
	settlement.account.actor = OptionalTextArgument(fcinfo, 9);
	if (request.requestId == NULL || !FindRefund(&settlement, &request, &row))
	{
		CheckMinorUnits(&request, settlement.account.currency);
		row = Refund(&settlement, &request);
	}
	row = SPI_datumTransfer(row, false, -1);
	StoreEnd();
	PG_RETURN_DATUM(row);
}
