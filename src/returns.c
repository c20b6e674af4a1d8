/*
 * returns.c
 *		What goes back to instruments when an order is refunded or cancelled,
 *		and what gifts given with it lose.
 *
 * A return is an entry of the instrument that paid: it keeps its validity, so
 * what comes back past the expiry has lapsed.  What comes back to a share goes
 * on to the voucher that it drew on.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "refund.h"
#include "store.h"

/* The key of a settlement, as most statements take it. */
static void
SettlementKey(const Settlement *settlement, Datum *key)
{
	key[0] = CStringGetTextDatum(settlement->account.accountId);
	key[1] = CStringGetTextDatum(settlement->orderId);
}

/* Read the voucher that a share's part was drawn from: if that is cancelled, it takes nothing back. */
static void
LoadOwner(ReturnPart *part, int64 instrumentId, TimestampTz at)
{
	if (part->ownerAccountId == NULL)
		return;
	part->owner = LoadOwners(&part->ownerAccountId, &instrumentId, 1, at, STORE_WRITE);
	part->onCancel &= !part->owner->cancelled;
	part->onRefund &= !part->owner->cancelled;
	part->onRerate &= !part->owner->cancelled;
}

/*
 * The parts of a settlement in the order in which they stand there, with what
 * their templates' policies say at this time; how many.
 *
 * A gift that was given with an order that came to nothing takes nothing back.
 */
int
LoadParts(const Settlement *settlement, TimestampTz at, ReturnPart **parts)
{
	Datum		values[3];
	int64	   *ownerIds;
	int			n;

	SettlementKey(settlement, values);
	values[2] = TimestampTzGetDatum(at);
	n = (int) StoreRun(STMT_RETURN_PARTS, STORE_WRITE, values, NULL);
	*parts = palloc0(Max(n, 1) * sizeof(ReturnPart));
	ownerIds = palloc(Max(n, 1) * sizeof(int64));
	for (int i = 0; i < n; i++)
	{
		ReturnPart *part = &(*parts)[i];
		bool		lost = StoreBool(i, 11);
		bool		isnull;

		part->entry.instrumentId = StoreInt64(i, 1);
		part->entry.version = StoreInt32(i, 2);
		part->entry.balance = StoreAmount(i, 3);
		part->entry.used = StoreInt32(i, 4);
		part->paid = StoreAmount(i, 5);
		part->returned = StoreAmount(i, 6);
		part->tender = StoreBool(i, 7);
		part->byRate = StoreBool(i, 8);
		part->onCancel = StoreBool(i, 9) && !lost;
		part->onRefund = part->tender && !part->byRate && StoreBool(i, 10) && !lost;
		part->onRerate = part->tender && !part->byRate && part->onCancel;
		part->ownerAccountId = StoreText(i, 12);
		ownerIds[i] = DatumGetInt64(StoreDatum(i, 13, &isnull));
	}
	for (int i = 0; i < n; i++)
		LoadOwner(&(*parts)[i], ownerIds[i], at);
	return n;
}

/* What has come back to a share goes on to the voucher that it drew on, with the use. */
static void
PassOn(const Settlement *settlement, const ReturnPart *part, TimestampTz at)
{
	InstrumentEntry share = part->entry;

	share.version++;
	share.balance += share.amount;
	share.used += share.uses;
	MoveShared(HeldOwner(&settlement->owners, part->ownerAccountId), part->owner,
			   &settlement->account, &share, -share.amount, share.uses, at);
}

/*
 * Write the entries of what goes back.  A part that is back in full gives back
 * its use, too.
 */
void
GiveBack(const Settlement *settlement, ReturnPart *parts, int n, const char *reason,
		 TimestampTz at)
{
	for (int i = 0; i < n; i++)
	{
		InstrumentEntry *entry = &parts[i].entry;

		if (entry->amount == 0 && entry->uses == 0)
			continue;
		entry->kind = "return";
		entry->orderId = settlement->orderId;
		entry->reason = reason;
		AddInstrumentEntry(&settlement->account, entry, at);
		if (parts[i].owner != NULL)
			PassOn(settlement, &parts[i], at);
	}
}

/*
 * Take back what is left of the gifts that were given with an order: value,
 * and the uses of those that hold none.
 */
void
RevokeGifts(const Settlement *settlement, const char *reason, TimestampTz at)
{
	Datum		key[2];
	int			n;
	InstrumentEntry *gifts;

	SettlementKey(settlement, key);
	n = (int) StoreRun(STMT_GIFTS, STORE_WRITE, key, NULL);
	gifts = palloc0(Max(n, 1) * sizeof(InstrumentEntry));
	for (int i = 0; i < n; i++)
	{
		gifts[i].instrumentId = StoreInt64(i, 1);
		gifts[i].version = StoreInt32(i, 2);
		gifts[i].balance = StoreAmount(i, 3);
		gifts[i].used = StoreInt32(i, 4);
		gifts[i].amount = -gifts[i].balance;
		gifts[i].uses = StoreInt32(i, 5);
		gifts[i].kind = "revoke";
		gifts[i].orderId = settlement->orderId;
		gifts[i].reason = reason;
	}
	for (int i = 0; i < n; i++)
		AddInstrumentEntry(&settlement->account, &gifts[i], at);
}
