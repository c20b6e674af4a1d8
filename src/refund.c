/*
 * refund.c
 *		Refunds of settled orders.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "catalog.h"
#include "refund.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_refund);

/* Error VC009: the account has not settled such an order. */
void
RefuseUnknownOrder(const char *accountId, const char *orderId)
{
	ereport(ERROR,
			(errcode(ERRCODE_VC_UNKNOWN_ORDER),
			 errmsg("account \"%s\" has no settled order \"%s\"", accountId, orderId)));
}

/*
 * Lock the account of a settled order and read where the settlement stands.
 * Error VC009 if the account has no such order.
 */
void
LockSettlement(const char *accountId, const char *orderId, Settlement *settlement)
{
	Datum		key[2];

	key[0] = CStringGetTextDatum(accountId);
	key[1] = CStringGetTextDatum(orderId);
	if (StoreRun(STMT_SETTLEMENT_CURRENCY, STORE_WRITE, key, NULL) == 0)
		RefuseUnknownOrder(accountId, orderId);
	LockAccount(accountId, StoreText(0, 1), &settlement->account);
	StoreRun(STMT_SETTLEMENT_STATE, STORE_WRITE, key, NULL);
	settlement->orderId = orderId;
	settlement->total = StoreAmount(0, 1);
	settlement->cash = StoreAmount(0, 2);
	settlement->invoiceable = StoreAmount(0, 3);
	settlement->version = StoreInt32(0, 4);
	settlement->refunded = StoreAmount(0, 5);
	settlement->refundedCash = StoreAmount(0, 6);
}

/*
 * Write a settlement's next entry, with the totals as the caller has set them.
 * The row is column 1 of the statement's result.
 */
void
AddSettlementEntry(Settlement *settlement, const SettlementEntry *entry, TimestampTz at)
{
	Datum		values[13];
	char		nulls[] = "             ";

	settlement->version++;
	settlement->invoiceable = AmountAdd(settlement->invoiceable, entry->amount);
	values[0] = CStringGetTextDatum(settlement->account.accountId);
	values[1] = CStringGetTextDatum(settlement->orderId);
	values[2] = Int32GetDatum(settlement->version);
	values[3] = CStringGetTextDatum(entry->kind);
	values[4] = AmountGetDatum(entry->amount);
	values[5] = AmountGetDatum(settlement->invoiceable);
	values[6] = AmountGetDatum(entry->requested);
	nulls[6] = NULL_FLAG(entry->requested == 0);
	values[7] = AmountGetDatum(settlement->refunded);
	values[8] = AmountGetDatum(settlement->refundedCash);
	values[9] = TimestampTzGetDatum(at);
	values[10] = OptionalTextDatum(entry->invoiceId, &nulls[10]);
	values[11] = OptionalTextDatum(entry->requestId, &nulls[11]);
	values[12] = OptionalTextDatum(entry->reason, &nulls[12]);
	StoreWriteRows(STMT_SETTLEMENT_ENTRY, values, nulls, 1);
}

/*
 * The refund that an earlier call with this request id made, if any: its row.
 * amount is 0 where the caller asked for all that is left.  Error VC302 if the
 * earlier call asked for something else.
 */
static bool
FindRefund(const Settlement *settlement, const char *requestId, Amount amount, Datum *row)
{
	const char *differs = NULL;

	if (!FindRequest(STMT_REFUND_REQUEST, settlement->account.accountId, requestId))
		return false;
	if (strcmp(StoreText(0, 3), settlement->orderId) != 0)
		differs = "order_id";
	else if (amount != 0 && StoreAmount(0, 4) != amount)
		differs = "amount";
	if (differs != NULL)
		RefuseRequest(requestId, settlement->account.accountId, differs);
	*row = StoreNotNull(0, 2);
	return true;
}

/*
 * Refund a part of what the order came to.  The cash of all refunds so far is
 * worked out from their sum, half up, so that the last one closes exactly.
 * Returns the new entry's row.
 *
 * Rule: requested r of a total T with cash C gives back r * C / T.
 */
static Datum
Refund(Settlement *settlement, Amount requested, TimestampTz at, const char *requestId,
	   const char *reason)
{
	Amount		left = settlement->total - settlement->refunded;
	Amount		cashBefore = settlement->refundedCash;
	SettlementEntry entry = {0};
	Datum		row;

	if (requested == 0)
		requested = left;
	if (requested > left || left == 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_REFUND_ABOVE_PAID),
				 left == 0 ? errmsg("nothing of order \"%s\" is left to refund",
									settlement->orderId) :
				 errmsg("refund exceeds what is left of order \"%s\"", settlement->orderId),
				 left == 0 ?
				 errdetail("It came to %s, of which %s are refunded.",
						   AmountToString(settlement->total),
						   AmountToString(settlement->refunded)) :
				 errdetail("It came to %s, of which %s are refunded; this refund asks for %s.",
						   AmountToString(settlement->total),
						   AmountToString(settlement->refunded), AmountToString(requested))));

	settlement->refunded += requested;
	/* the last one takes what is left, though the currency's digits have changed since */
	if (settlement->refunded == settlement->total)
		settlement->refundedCash = settlement->cash;
	else
		settlement->refundedCash =
			Max(cashBefore,
				Min(settlement->cash,
					AmountMulDivHalfUpTo(settlement->cash, settlement->refunded,
										 settlement->total,
										 CatalogDigits(settlement->account.currency))));
	entry.kind = "refund";
	entry.amount = cashBefore - settlement->refundedCash;
	entry.requested = requested;
	entry.requestId = requestId;
	entry.reason = reason;
	AddSettlementEntry(settlement, &entry, at);
	row = StoreNotNull(0, 1);
	if (entry.amount < 0)
		AddCashEntry(&settlement->account, "refund", -entry.amount, at, settlement->orderId,
					 NULL, reason);
	return row;
}

/* refund(account_id, order_id, amount, request_id, reason, at) returns settlement_entry */
Datum
voucher_refund(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *orderId = TextArgument(fcinfo, 1, "order_id");
	Amount		amount = PG_ARGISNULL(2) ? 0 : PG_GETARG_AMOUNT(2);
	const char *requestId = RequestIdArgument(fcinfo, 3);
	const char *reason = OptionalTextArgument(fcinfo, 4);
	TimestampTz at = TimeArgument(fcinfo, 5, "at");
	Settlement	settlement;
	Datum		row;

	StoreBegin();
	CatalogBegin();
	LockSettlement(accountId, orderId, &settlement);
	if (!PG_ARGISNULL(2))
		CheckMinorUnit(amount, settlement.account.currency, "amount");
	if (requestId == NULL || !FindRefund(&settlement, requestId, amount, &row))
		row = Refund(&settlement, amount, at, requestId, reason);
	row = SPI_datumTransfer(row, false, -1);
	StoreEnd();
	PG_RETURN_DATUM(row);
}
