/*
 * rerate.c
 *		Re-rates settled pay-as-you-go bills: only the difference moves.
 *
 * A settlement never changes.  Where the lines that should have been come to
 * more than was billed, a supplementary bill is settled over the difference;
 * where they come to less, it is taken back from the bills of the chain, the
 * latest first: of each, what is outstanding is waived, and the rest refunded.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "catalog.h"
#include "refund.h"
#include "rerate_plan.h"
#include "rows.h"
#include "settle.h"
#include "store.h"
#include "triggers.h"

PG_FUNCTION_INFO_V1(voucher_rerate);
PG_FUNCTION_INFO_V1(check_rerating);

/* A re-rating: what the caller asks for, what stands, and what it moves. */
typedef struct Rerating
{
	const char *reratingId;
	const char *reason;
	const char *actor;
	const char *policy;			/* these three may be NULL */
	bool		arrears;
	TimestampTz at;
	OrderRequest bill;			/* the whole bill as it should have been */
	OrderRequest standing;		/* the lines that stand */
	int32		version;
	Amount		gross;
	Amount		billedBefore;
	Amount		charged;
	Amount		takenBack;
	Amount		waived;
	Amount		refundedCash;
	Amount		returned;
} Rerating;

/* ------------------------------------------------------------------------
 * What stands
 * ------------------------------------------------------------------------
 */

/*
 * The re-rating that an earlier call with this id made, if any: its row.  Error
 * VC302 if that call asked for something else, VC301 if an order has the id.
 * The policy is compared if it is given, as settle does.
 */
static bool
FindRerating(const Settlement *first, const Rerating *rerating, Datum *row)
{
	const char *accountId = first->account.accountId;
	const char *differs = NULL;
	Datum		key[2];

	key[0] = CStringGetTextDatum(accountId);
	key[1] = CStringGetTextDatum(rerating->reratingId);
	if (StoreRun(STMT_RERATING_READ, STORE_WRITE, key, NULL) == 0)
	{
		if (StoreRun(STMT_SETTLEMENT_CURRENCY, STORE_WRITE, key, NULL) > 0)
			ereport(ERROR,
					(errcode(ERRCODE_VC_ORDER_DIFFERS),
					 errmsg("order \"%s\" of account \"%s\" is already settled",
							rerating->reratingId, accountId),
					 errdetail("A re-rating may settle a supplementary bill under its id."),
					 errhint("Give the re-rating an id that no order has.")));
		return false;
	}
	if (strcmp(StoreText(0, 2), first->orderId) != 0)
		differs = "order_id";
	else if (LinesDifference(LineArray(&rerating->bill), StoreNotNull(0, 3)) != NULL)
		differs = "lines";
	else if (rerating->policy != NULL &&
			 (StoreText(0, 4) == NULL || strcmp(StoreText(0, 4), rerating->policy) != 0))
		differs = "policy";
	if (differs != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_VC_REQUEST_DIFFERS),
				 errmsg("re-rating \"%s\" of account \"%s\" has been made before",
						rerating->reratingId, accountId),
				 errdetail("This call differs from it in \"%s\".", differs)));
	*row = StoreNotNull(0, 1);
	return true;
}

/*
 * Read the first bill of a chain and its last re-rating.  Lines without a time
 * of their own were consumed at the first bill's time, in whichever bill they
 * are.  Errors: VC213 and VC214, this is not one that can be re-rated.
 */
static void
ReadStanding(const Settlement *first, Rerating *rerating)
{
	Datum		key[2];
	Row			bill;
	Datum		lines;

	key[0] = CStringGetTextDatum(first->account.accountId);
	key[1] = CStringGetTextDatum(first->orderId);
	StoreRun(STMT_SETTLEMENT_READ, STORE_WRITE, key, NULL);
	DeformRow(StoreNotNull(0, 1), SET_COLUMNS, &bill);
	if (!bill.isnull[SET_RERATES])
		RefuseSupplement(first->orderId, TextDatumGetCString(bill.values[SET_RERATES]));
	if (strcmp(TextDatumGetCString(bill.values[SET_PAYMENT_TYPE]), "pay_as_you_go") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_NOT_A_BILL),
				 errmsg("order \"%s\" is not a pay-as-you-go bill", first->orderId),
				 errhint("Refund it, or cancel it if it was never delivered.")));
	rerating->version = 1;
	rerating->billedBefore = DatumGetAmount(bill.values[SET_GROSS]) -
		DatumGetAmount(bill.values[SET_ROUNDING]);
	lines = bill.values[SET_LINES];
	rerating->bill.at = rerating->standing.at = DatumGetTimestampTz(bill.values[SET_AT]);

	if (StoreRun(STMT_RERATING_LAST, STORE_WRITE, key, NULL) > 0)
	{
		rerating->version = StoreInt32(0, 1) + 1;
		lines = StoreNotNull(0, 2);
		rerating->billedBefore = StoreAmount(0, 3);
	}
	rerating->standing.paymentType = "pay_as_you_go";
	ReadLines(&rerating->standing, DatumGetArrayTypeP(lines));
}

/* ------------------------------------------------------------------------
 * Charging
 * ------------------------------------------------------------------------
 */

/* The lines of a supplementary bill, which add up to "gross". */
static void
SupplementLines(const Rerating *rerating, Amount gross, OrderRequest *supplement)
{
	const OrderRequest *standing = &rerating->standing;
	const OrderRequest *bill = &rerating->bill;
	LineDifference *differences = palloc((standing->nlines + bill->nlines) * sizeof(LineDifference));
	int			n = DiffLines(standing->nlines, standing->lines, bill->nlines, bill->lines,
							  differences);

	AddCutOff(n, differences, gross);
	AllocateLines(supplement, n);
	for (int i = 0; i < n; i++)
	{
		const LineDifference *difference = &differences[i];
		const OrderRequest *from = difference->gone ? standing : bill;
		PlanLine   *line = &supplement->lines[i];

		*line = from->lines[difference->line];
		line->lineNo = difference->lineNo;
		line->amount = difference->amount;
		if (!line->hasAt)
			line->at = bill->at;
		line->hasAt = true;
		supplement->durations[i] = from->durations[difference->line];
		supplement->hasDuration[i] = from->hasDuration[difference->line];
	}
}

/* Settle a supplementary bill over what the lines come to above what was billed. */
static void
Charge(const Settlement *first, Rerating *rerating, Amount amount)
{
	OrderRequest supplement = {0};
	Row			settled;

	supplement.accountId = first->account.accountId;
	supplement.orderId = rerating->reratingId;
	supplement.rerates = first->orderId;
	supplement.paymentType = "pay_as_you_go";
	supplement.currency = first->account.currency;
	supplement.voucher = supplement.coupon = "auto";
	supplement.policy = rerating->policy;
	supplement.actor = rerating->actor;
	supplement.arrears = rerating->arrears;
	supplement.at = rerating->at;
	SupplementLines(rerating, rerating->gross - rerating->billedBefore, &supplement);
	DeformRow(SettleOrder(&supplement), SET_COLUMNS, &settled);
	rerating->charged = DatumGetAmount(settled.values[SET_GROSS]) -
		DatumGetAmount(settled.values[SET_ROUNDING]);
	if (rerating->charged != amount)
		elog(ERROR, "supplementary bill \"%s\" came to %s instead of %s", rerating->reratingId,
			 AmountToString(rerating->charged), AmountToString(amount));
}

/* ------------------------------------------------------------------------
 * Taking back
 * ------------------------------------------------------------------------
 */

/*
 * Take so much of what a bill billed back from it: what is outstanding is
 * waived first, what was paid is refunded.
 */
static void
TakeBackOf(Settlement *bill, Rerating *rerating, Amount amount)
{
	RefundState *state = &bill->state;
	SettlementEntry entry = {0};
	Amount		total = state->total + bill->waived;
	Amount		refundedCash = state->refundedCash;
	Amount		returned = state->returned;
	Amount		back;
	Amount		waived;

	back = -ShareAfterDiscount(total, bill->discount, bill->rerated, state->digits);
	bill->rerated += amount;
	back += ShareAfterDiscount(total, bill->discount, bill->rerated, state->digits);
	waived = Min(back, bill->outstanding);
	bill->outstanding -= waived;
	bill->waived += waived;
	state->total -= waived;
	entry.kind = "rerate";
	entry.reratingId = rerating->reratingId;
	entry.reason = rerating->reason;
	AddSettlementEntry(bill, &entry, rerating->at);
	if (back > waived)
		RefundRerated(bill, back - waived, rerating->reratingId, rerating->reason, rerating->at);
	else if (state->refunded == state->total)
		RevokeGifts(bill, rerating->reason, rerating->at);
	rerating->takenBack += amount;
	rerating->waived += waived;
	rerating->refundedCash += state->refundedCash - refundedCash;
	rerating->returned += state->returned - returned;
}

/* Take so much back from the bills of a chain, the latest first. */
static void
TakeBack(Settlement *first, Rerating *rerating, Amount amount)
{
	Account    *account = &first->account;
	Datum		key[2];
	int			n;
	const char **orderIds;

	key[0] = CStringGetTextDatum(account->accountId);
	key[1] = CStringGetTextDatum(first->orderId);
	n = (int) StoreRun(STMT_SUPPLEMENTS, STORE_WRITE, key, NULL);
	orderIds = palloc((n + 1) * sizeof(char *));
	for (int i = 0; i < n; i++)
		orderIds[i] = StoreText(i, 1);
	orderIds[n] = first->orderId;
	for (int i = 0; i <= n && rerating->takenBack < amount; i++)
	{
		Settlement	bill;
		Amount		left;

		ReadSettlement(account, orderIds[i], &bill);
		bill.owners = first->owners;
		left = bill.state.total + bill.waived + bill.discount - bill.rerated;
		if (left == 0)
			continue;
		TakeBackOf(&bill, rerating, Min(left, amount - rerating->takenBack));
		*account = bill.account;
	}
	if (rerating->takenBack != amount)
		elog(ERROR, "bills of order \"%s\" have %s instead of %s to take back", first->orderId,
			 AmountToString(rerating->takenBack), AmountToString(amount));
}

/* ------------------------------------------------------------------------
 * The verb
 * ------------------------------------------------------------------------
 */

/* Write the row of a re-rating and return it. */
static Datum
InsertRerating(const Settlement *first, const Rerating *rerating)
{
	Datum		values[17];
	char		nulls[] = "                 ";

	values[0] = CStringGetTextDatum(first->account.accountId);
	values[1] = CStringGetTextDatum(first->orderId);
	values[2] = Int32GetDatum(rerating->version);
	values[3] = CStringGetTextDatum(rerating->reratingId);
	values[4] = LineArray(&rerating->bill);
	values[5] = AmountGetDatum(rerating->gross);
	values[6] = AmountGetDatum(rerating->billedBefore);
	values[7] = AmountGetDatum(rerating->billedBefore + rerating->charged - rerating->takenBack);
	values[8] = AmountGetDatum(rerating->charged);
	values[9] = AmountGetDatum(rerating->takenBack);
	values[10] = AmountGetDatum(rerating->waived);
	values[11] = AmountGetDatum(rerating->refundedCash);
	values[12] = AmountGetDatum(rerating->returned);
	values[13] = OptionalTextDatum(rerating->policy, &nulls[13]);
	values[14] = OptionalTextDatum(rerating->reason, &nulls[14]);
	values[15] = OptionalTextDatum(rerating->actor, &nulls[15]);
	values[16] = TimestampTzGetDatum(rerating->at);
	StoreWriteRows(STMT_RERATING_INSERT, values, nulls, 1);
	return StoreNotNull(0, 1);
}

/* Re-rate a bill, whose account is locked.  Returns the new row. */
static Datum
Rerate(Settlement *first, Rerating *rerating)
{
	Amount		unbilled;

	if (first->cancelled)
		RefuseCancelled(first->account.accountId, first->orderId);
	ReadStanding(first, rerating);
	LookUpLines(&rerating->bill);
	if (rerating->policy != NULL)
		CatalogPolicy(rerating->policy);
	rerating->gross = SumOfLines(rerating->bill.nlines, rerating->bill.lines);
	if (rerating->gross < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the order comes to less than zero"),
				 errdetail("Its lines add up to %s.", AmountToString(rerating->gross))));
	unbilled = Unbilled(rerating->billedBefore, rerating->gross, first->state.digits);
	if (unbilled > 0)
		Charge(first, rerating, unbilled);
	else if (unbilled < 0)
		TakeBack(first, rerating, -unbilled);
	return InsertRerating(first, rerating);
}

/* rerate(account_id, order_id, rerating_id, lines, …) returns rerating: see rerate.sql */
Datum
voucher_rerate(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *orderId = TextArgument(fcinfo, 1, "order_id");
	Rerating	rerating = {0};
	Settlement	first;
	Datum		row;

	rerating.reratingId = TextArgument(fcinfo, 2, "rerating_id");
	RequireArgument(fcinfo, 3, "lines");
	rerating.bill.paymentType = "pay_as_you_go";
	ReadLines(&rerating.bill, PG_GETARG_ARRAYTYPE_P(3));
	rerating.reason = OptionalTextArgument(fcinfo, 4);
	rerating.actor = OptionalTextArgument(fcinfo, 5);
	rerating.at = TimeArgument(fcinfo, 6, "at");
	rerating.policy = OptionalTextArgument(fcinfo, 7);
	rerating.arrears = !PG_ARGISNULL(8) && PG_GETARG_BOOL(8);

	StoreBegin();
	CatalogBegin();
	LockForReturns(accountId, orderId, STMT_CHAIN_OWNERS, false, &first);
	first.account.actor = rerating.actor;
	if (!FindRerating(&first, &rerating, &row))
		row = Rerate(&first, &rerating);
	row = SPI_datumTransfer(row, false, -1);
	StoreEnd();
	PG_RETURN_DATUM(row);
}

/* ------------------------------------------------------------------------
 * The trigger
 * ------------------------------------------------------------------------
 */

/*
 * Trigger: a re-rating is of a bill that can be re-rated, follows from the one
 * before it, and says what its supplementary bill and the entries that name it
 * say.  All of these stand before it, in a dump, too.
 */
Datum
check_rerating(PG_FUNCTION_ARGS)
{
	static const struct
	{
		int			column;
		const char *rule;
	}			facts[] = {
		{RER_BILLED_BEFORE, "A re-rating must follow from what was billed before it."},
		{RER_CHARGED, "What is charged must be what its supplementary bill came to."},
		{RER_TAKEN_BACK, "What is taken back must be what the bills' entries say."},
		{RER_WAIVED, "What is waived must be what the bills' entries say."},
		{RER_REFUNDED_CASH, "What is refunded must be what the bills' entries say."},
		{RER_RETURNED, "What is returned must be what the bills' entries say."}
	};
	TriggerData *data = GetTriggerData(fcinfo);
	Row			row;
	Datum		values[4];
	Datum	   *lines;
	int			nlines;

	DeformTuple(data->tg_trigtuple, RelationGetDescr(data->tg_relation), RER_COLUMNS, &row);
	nlines = DeformArray(row.values[RER_LINES], &lines);
	if (SumLines(data, nlines, lines, palloc(Max(nlines, 1) * sizeof(Amount))) !=
		DatumGetAmount(row.values[RER_GROSS]))
		RefuseRow(data, "The lines must add up to the gross.");
	StoreBegin();
	values[0] = row.values[RER_ACCOUNT];
	values[1] = row.values[RER_ORDER];
	values[2] = row.values[RER_VERSION];
	values[3] = row.values[RER_ID];
	if (StoreRun(STMT_RERATING_FACTS, STORE_WRITE, values, NULL) == 0 || !StoreBool(0, 1))
		RefuseRow(data, "Only a pay-as-you-go bill that stands and supplements no other can be re-rated.");
	for (int i = 0; i < lengthof(facts); i++)
	{
		bool		none;
		Datum		fact = StoreDatum(0, i + 2, &none);

		if (none || DatumGetAmount(fact) != DatumGetAmount(row.values[facts[i].column]))
			RefuseRow(data, facts[i].rule);
	}
	StoreEnd();
	return PointerGetDatum(NULL);
}
