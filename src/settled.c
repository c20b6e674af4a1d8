/*
 * settled.c
 *		Where a settled order stands, and writing its next entry.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "refund.h"
#include "rows.h"
#include "shared.h"
#include "store.h"

/* Error for an account that has no such order. */
void
RefuseUnknownOrder(const char *accountId, const char *orderId)
{
	ereport(ERROR,
			(errcode(ERRCODE_VC_UNKNOWN_ORDER),
			 errmsg("account \"%s\" has no settled order \"%s\"", accountId, orderId)));
}

/* Error for an order that was cancelled. */
void
RefuseCancelled(const char *accountId, const char *orderId)
{
	ereport(ERROR,
			(errcode(ERRCODE_VC_ORDER_IS_CANCELLED),
			 errmsg("order \"%s\" of account \"%s\" is cancelled", orderId, accountId),
			 errhint("Settle another order under an id of its own.")));
}

/* Error for a bill that supplements another one. */
void
RefuseSupplement(const char *orderId, const char *rerates)
{
	ereport(ERROR,
			(errcode(ERRCODE_VC_SUPPLEMENTARY_BILL),
			 errmsg("order \"%s\" is a supplementary bill of order \"%s\"", orderId, rerates),
			 errhint("Re-rate order \"%s\".", rerates)));
}

/*
 * Error VC210 while something of an order is outstanding: what is to come back
 * of a bill that is not paid would be cash that nobody paid.
 */
void
CheckNoArrears(const Settlement *settlement)
{
	if (settlement->outstanding > 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_ORDER_HAS_ARREARS),
				 errmsg("order \"%s\" has arrears", settlement->orderId),
				 errdetail("%s %s of it are outstanding.",
						   AmountToString(settlement->outstanding),
						   settlement->account.currency),
				 errhint("Pay them first, by voucher.pay_arrears.")));
}

/*
 * Read where a settlement of a locked account stands.  Errors: VC009 the
 * account has no such order, VC113 it is in another currency.
 */
void
ReadSettlement(Account *account, const char *orderId, Settlement *settlement)
{
	Datum		key[2];

	key[0] = CStringGetTextDatum(account->accountId);
	key[1] = CStringGetTextDatum(orderId);
	if (StoreRun(STMT_SETTLEMENT_STATE, STORE_WRITE, key, NULL) == 0)
		RefuseUnknownOrder(account->accountId, orderId);
	memset(settlement, 0, sizeof(Settlement));
	settlement->account = *account;
	settlement->orderId = orderId;
	settlement->state.total = StoreAmount(0, 1);
	settlement->state.cash = StoreAmount(0, 2);
	settlement->invoiceable = StoreAmount(0, 3);
	settlement->version = StoreInt32(0, 4);
	settlement->state.refunded = StoreAmount(0, 5);
	settlement->state.refundedCash = StoreAmount(0, 6);
	settlement->state.returned = StoreAmount(0, 7);
	settlement->cancelled = StoreBool(0, 8);
	if (strcmp(StoreText(0, 9), account->currency) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_CURRENCY),
				 errmsg("order \"%s\" is in another currency", orderId),
				 errdetail("It is in %s, and %s is asked for.", StoreText(0, 9),
						   account->currency)));
	settlement->byLines = StoreBool(0, 10);
	settlement->paid = StoreAmount(0, 12);
	settlement->discount = StoreAmount(0, 13);
	settlement->waived = StoreAmount(0, 14);
	settlement->rerated = StoreAmount(0, 15);
	settlement->outstanding = StoreAmount(0, 11) - settlement->paid - settlement->waived;
	settlement->state.total -= settlement->waived;
	settlement->state.digits = CatalogDigits(account->currency);
}

/*
 * Lock the account of a settled order and read where the settlement stands.
 * Error VC009 if the account has no such order.
 */
void
LockSettlement(const char *accountId, const char *orderId, Settlement *settlement)
{
	Datum		key[2];
	Account		account;

	key[0] = CStringGetTextDatum(accountId);
	key[1] = CStringGetTextDatum(orderId);
	if (StoreRun(STMT_SETTLEMENT_CURRENCY, STORE_WRITE, key, NULL) == 0)
		RefuseUnknownOrder(accountId, orderId);
	LockAccount(accountId, StoreText(0, 1), &account);
	ReadSettlement(&account, orderId, settlement);
}

/*
 * As LockSettlement, for what gives back to instruments: locks the owners of
 * the vouchers that the order drew on, too, in the order of the accounts' ids;
 * a re-rating those of all that it may draw on or give back to, as the statement
 * says.  A cancel locks all currencies of the order's own account.
 */
void
LockForReturns(const char *accountId, const char *orderId, Statement findOwners,
			   bool allCurrencies, Settlement *settlement)
{
	Datum		key[2];
	Account		account = {.accountId = accountId};
	OwnerSet	owners = {0};
	const char *currency;
	int			n;

	key[0] = CStringGetTextDatum(accountId);
	key[1] = CStringGetTextDatum(orderId);
	n = (int) StoreRun(findOwners, STORE_WRITE, key, NULL);
	if (n == 0)
	{
		/* it may be being settled now: a cancel waits for that */
		if (allCurrencies)
			LockCurrencies(accountId);
		LockSettlement(accountId, orderId, settlement);
		return;
	}
	currency = StoreText(0, 1);
	for (int i = 0; i < n; i++)
	{
		const char *owner = StoreText(i, 2);

		if (owner != NULL)
			AddOwner(&owners, owner, currency);
	}
	LockWithOwners(&owners, &account, currency, allCurrencies);
	ReadSettlement(&account, orderId, settlement);
	settlement->owners = owners;
}

/*
 * Write a settlement's next entry, with the totals as the caller has set them.
 * The row is column 1 of the statement's result.
 */
void
AddSettlementEntry(Settlement *settlement, const SettlementEntry *entry, TimestampTz at)
{
	Datum		values[22] = {0};
	char		nulls[] = "                      ";
	int			n = entry->nlines;

	settlement->version++;
	settlement->invoiceable = AmountAdd(settlement->invoiceable, entry->amount);
	values[0] = CStringGetTextDatum(settlement->account.accountId);
	values[1] = CStringGetTextDatum(settlement->orderId);
	values[2] = Int32GetDatum(settlement->version);
	values[3] = CStringGetTextDatum(entry->kind);
	values[4] = AmountGetDatum(entry->amount);
	values[5] = AmountGetDatum(settlement->invoiceable);
	values[6] = AmountGetDatum(entry->requested);
	nulls[6] = NULL_FLAG(!entry->refunds);
	values[7] = AmountGetDatum(settlement->state.refunded);
	values[8] = AmountGetDatum(settlement->state.refundedCash);
	values[9] = TimestampTzGetDatum(at);
	values[10] = OptionalTextDatum(entry->invoiceId, &nulls[10]);
	values[11] = OptionalTextDatum(entry->requestId, &nulls[11]);
	values[12] = OptionalTextDatum(entry->reason, &nulls[12]);
	nulls[13] = NULL_FLAG(entry->consumed == NULL);
	if (entry->consumed != NULL)
		values[13] = AmountGetDatum(*entry->consumed);
	nulls[14] = nulls[15] = NULL_FLAG(n == 0);
	if (n > 0)
	{
		values[14] = Array4(entry->lines, n);
		values[15] = Array8(StoreGetTypes()->amount, entry->lineAmounts, n);
	}
	values[16] = AmountGetDatum(settlement->state.returned);
	values[17] = AmountGetDatum(settlement->paid);
	values[18] = AmountGetDatum(settlement->waived);
	values[19] = AmountGetDatum(settlement->rerated);
	values[20] = OptionalTextDatum(entry->reratingId, &nulls[20]);
	values[21] = OptionalTextDatum(settlement->account.actor, &nulls[21]);
	StoreWriteRows(STMT_SETTLEMENT_ENTRY, values, nulls, 1);
}
