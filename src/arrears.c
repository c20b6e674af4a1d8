/*
 * arrears.c
 *		Pays what a settled bill left outstanding.
 *
 * A settlement says what the cash did not cover; what was paid of it since,
 * its entries say.  Cash paid later is cash all the same: it is invoiceable
 * and comes back with a refund.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "catalog.h"
#include "refund.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_pay_arrears);

/*
 * The payment that an earlier call with this request id made, if any: its row.
 * Error VC302 if that call asked for something else; amount is 0 where this
 * one gives none.
 */
static bool
FindPayment(const Settlement *settlement, Amount amount, const char *requestId, Datum *row)
{
	const char *differs = NULL;

	if (!FindRequest(STMT_PAYMENT_REQUEST, settlement->account.accountId, requestId))
		return false;
	if (strcmp(StoreText(0, 3), settlement->orderId) != 0)
		differs = "order_id";
	else if (amount != 0 && StoreAmount(0, 8) != amount)
		differs = "amount";
	if (differs != NULL)
		RefuseRequest(requestId, settlement->account.accountId, differs);
	*row = StoreNotNull(0, 2);
	return true;
}

/* Error unless so much is outstanding and the cash covers it. */
static void
CheckPayment(const Settlement *settlement, Amount amount)
{
	const Account *account = &settlement->account;

	if (settlement->outstanding == 0 || amount > settlement->outstanding)
		ereport(ERROR,
				(errcode(ERRCODE_VC_PAYMENT_ABOVE_ARREARS),
				 settlement->outstanding == 0 ?
				 errmsg("nothing of order \"%s\" is outstanding", settlement->orderId) :
				 errmsg("payment exceeds what is outstanding of order \"%s\"",
						settlement->orderId),
				 settlement->outstanding == 0 ? 0 :
				 errdetail("%s %s are outstanding.", AmountToString(settlement->outstanding),
						   account->currency)));
	if (amount > account->balance)
		ereport(ERROR,
				(errcode(ERRCODE_VC_INSUFFICIENT_CASH),
				 errmsg("account \"%s\" has insufficient cash", account->accountId),
				 errdetail("The payment needs %s %s in cash and the balance is %s.",
						   AmountToString(amount), account->currency,
						   AmountToString(account->balance))));
}

/* Pay so much of what is outstanding, 0: all of it.  Returns the new entry's row. */
static Datum
PayArrears(Settlement *settlement, Amount amount, const char *requestId, const char *reason,
		   TimestampTz at)
{
	SettlementEntry entry = {0};
	Datum		row;

	if (amount == 0)
		amount = settlement->outstanding;
	CheckPayment(settlement, amount);
	settlement->outstanding -= amount;
	settlement->paid = AmountAdd(settlement->paid, amount);
	entry.kind = "payment";
	entry.amount = amount;
	entry.requestId = requestId;
	entry.reason = reason;
	AddSettlementEntry(settlement, &entry, at);
	row = StoreNotNull(0, 1);
	AddCashEntry(&settlement->account, "arrears", -amount, at, settlement->orderId, NULL, reason);
	return row;
}

/* pay_arrears(account_id, order_id, amount, request_id, reason, at) returns settlement_entry */
Datum
voucher_pay_arrears(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *orderId = TextArgument(fcinfo, 1, "order_id");
	Amount		amount = PG_ARGISNULL(2) ? 0 : PG_GETARG_AMOUNT(2);
	const char *requestId = RequestIdArgument(fcinfo, 3);
	const char *reason = OptionalTextArgument(fcinfo, 4);
	TimestampTz at = TimeArgument(fcinfo, 5, "at");
	Settlement	settlement;
	Datum		row;

	if (!PG_ARGISNULL(2))
		CheckPositive(amount, "amount");
	StoreBegin();
	CatalogBegin();
	LockSettlement(accountId, orderId, &settlement);
	settlement.account.actor = OptionalTextArgument(fcinfo, 6);
	if (requestId == NULL || !FindPayment(&settlement, amount, requestId, &row))
	{
		if (!PG_ARGISNULL(2))
			CheckMinorUnit(amount, settlement.account.currency, "amount");
		row = PayArrears(&settlement, amount, requestId, reason, at);
	}
	row = SPI_datumTransfer(row, false, -1);
	StoreEnd();
	PG_RETURN_DATUM(row);
}
