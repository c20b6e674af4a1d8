/*
 * cancel.c
 *		Cancels a settled order that was never delivered.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "catalog.h"
#include "refund.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_cancel);

/*
 * The cancel that an earlier call with this request id made, if any: its row.
 * Error VC302 if that call was about another order.
 */
static bool
FindCancelRequest(const Settlement *settlement, const char *requestId, Datum *row)
{
	if (!FindRequest(STMT_CANCEL_REQUEST, settlement->account.accountId, requestId))
		return false;
	if (strcmp(StoreText(0, 3), settlement->orderId) != 0)
		RefuseRequest(requestId, settlement->account.accountId, "order_id");
	*row = StoreNotNull(0, 2);
	return true;
}

/* The row of the entry that cancelled an order. */
static Datum
ReadCancel(const Settlement *settlement)
{
	Datum		key[2];

	key[0] = CStringGetTextDatum(settlement->account.accountId);
	key[1] = CStringGetTextDatum(settlement->orderId);
	StoreRun(STMT_SETTLEMENT_CANCEL, STORE_WRITE, key, NULL);
	return StoreNotNull(0, 1);
}

/*
 * Error for a bill that was re-rated (VC212) or that supplements one (VC213):
 * what its re-ratings have billed would no longer be what the last one says.
 */
static void
CheckNotRerated(const Settlement *settlement)
{
	const char *orderId = settlement->orderId;
	Datum		key[2];

	key[0] = CStringGetTextDatum(settlement->account.accountId);
	key[1] = CStringGetTextDatum(orderId);
	StoreRun(STMT_SETTLEMENT_RERATED, STORE_WRITE, key, NULL);
	if (StoreBool(0, 2))
		ereport(ERROR,
				(errcode(ERRCODE_VC_ORDER_IS_RERATED),
				 errmsg("order \"%s\" cannot be cancelled after a re-rating", orderId),
				 errhint("Re-rate it to its real lines, or to one that costs nothing.")));
	if (StoreText(0, 1) != NULL)
		RefuseSupplement(orderId, StoreText(0, 1));
}

/*
 * Undo an order: all cash comes back, and what each instrument paid or took
 * off if its template says so.  Returns the new entry's row.  The entry's
 * trigger gives back the first purchases.
 */
static Datum
Cancel(Settlement *settlement, const char *requestId, const char *reason, TimestampTz at)
{
	RefundState *state = &settlement->state;
	SettlementEntry entry = {0};
	ReturnPart *parts;
	int			nparts;
	Datum		row;

	CheckNotRerated(settlement);
	CheckNoArrears(settlement);
	if (state->refunded > 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_ORDER_IS_REFUNDED),
				 errmsg("order \"%s\" cannot be cancelled after a refund", settlement->orderId),
				 errdetail("It came to %s, of which %s are refunded.",
						   AmountToString(state->total), AmountToString(state->refunded)),
				 errhint("Refund what is left.")));

	nparts = LoadParts(settlement, at, &parts);
	for (int i = 0; i < nparts; i++)
	{
		if (!parts[i].onCancel)
			continue;
		parts[i].entry.amount = parts[i].byRate ? 0 : parts[i].paid;
		parts[i].entry.uses = -1;
		if (parts[i].tender)
			state->returned = AmountAdd(state->returned, parts[i].entry.amount);
	}
	entry.kind = "cancel";
	entry.amount = -state->cash;
	entry.refunds = true;
	entry.requested = state->total;
	entry.requestId = requestId;
	entry.reason = reason;
	state->refunded = state->total;
	state->refundedCash = state->cash;
	AddSettlementEntry(settlement, &entry, at);
	row = StoreNotNull(0, 1);
	if (state->cash > 0)
		AddCashEntry(&settlement->account, "cancel", state->cash, at, settlement->orderId,
					 NULL, reason);
	GiveBack(settlement, parts, nparts, reason, at);
	RevokeGifts(settlement, reason, at);
	return row;
}

/* cancel(account_id, order_id, request_id, reason, at) returns settlement_entry */
Datum
voucher_cancel(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *orderId = TextArgument(fcinfo, 1, "order_id");
	const char *requestId = RequestIdArgument(fcinfo, 2);
	const char *reason = OptionalTextArgument(fcinfo, 3);
	TimestampTz at = TimeArgument(fcinfo, 4, "at");
	Settlement	settlement;
	Datum		row;

	StoreBegin();
	CatalogBegin();
	LockForReturns(accountId, orderId, STMT_SETTLEMENT_OWNERS, true, &settlement);
	settlement.account.actor = OptionalTextArgument(fcinfo, 5);
	if (requestId == NULL || !FindCancelRequest(&settlement, requestId, &row))
		row = settlement.cancelled ? ReadCancel(&settlement) :
			Cancel(&settlement, requestId, reason, at);
	row = SPI_datumTransfer(row, false, -1);
	StoreEnd();
	PG_RETURN_DATUM(row);
}
