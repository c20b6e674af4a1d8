/*
 * shared.c
 *		What a share draws on: the voucher of another account, its owner.
 *
 * A share holds nothing.  A plan sees in it the owner's balance, uses and
 * validity; an order draws what the plan uses of it from the owner's voucher
 * first, and what is returned to it goes back there at once.
 *
 * Locks: an order that may draw holds its own account and the owners', in the
 * order of their ids, before it reads what it goes by.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "shared.h"
#include "store.h"

/* ------------------------------------------------------------------------
 * Accounts of owners
 * ------------------------------------------------------------------------
 */

/* Add an account to a set, unless it is there. */
void
AddOwner(OwnerSet *owners, const char *accountId, const char *currency)
{
	for (int i = 0; i < owners->n; i++)
	{
		if (strcmp(owners->accounts[i].accountId, accountId) == 0)
			return;
	}
	owners->currency = currency;
	owners->accounts = owners->n == 0 ? palloc0(sizeof(Account)) :
		repalloc(owners->accounts, (owners->n + 1) * sizeof(Account));
	owners->accounts[owners->n++].accountId = accountId;
}

/*
 * An account of a locked set.  Error 40001 if it is not one of them: the share
 * came after the set was read, and to lock its owner now might be out of order.
 */
const Account *
HeldOwner(const OwnerSet *owners, const char *accountId)
{
	for (int i = 0; i < owners->n; i++)
	{
		if (strcmp(owners->accounts[i].accountId, accountId) == 0)
			return &owners->accounts[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not serialize access due to a concurrent change of shares"),
			 errdetail("The order may now draw on a voucher of account \"%s\".", accountId),
			 errhint("Try the transaction again.")));
}

/*
 * Lock an account, of which accountId is set, together with owners, in the
 * order of their ids; of the account itself, all currencies if told.
 */
void
LockWithOwners(OwnerSet *owners, Account *account, const char *currency, bool allCurrencies)
{
	Account   **accounts = palloc((owners->n + 1) * sizeof(Account *));

	accounts[0] = account;
	for (int i = 0; i < owners->n; i++)
		accounts[i + 1] = &owners->accounts[i];
	LockAccounts(accounts, owners->n + 1, currency, allCurrencies ? account : NULL);
}

/* ------------------------------------------------------------------------
 * What a plan sees in a share
 * ------------------------------------------------------------------------
 */

/* Make a share in force what the voucher that it draws on lets it be. */
void
DrawOn(Candidate *share, const Candidate *owner)
{
	share->owner = owner;
	share->ownUsed = share->used;
	share->balance = owner->balance;
	share->used = owner->used;
	share->maxUses = owner->maxUses;
	share->held = owner->held;
	share->heldUses = owner->heldUses;
	share->heldUntil = owner->heldUntil;
	share->frozen |= owner->frozen;
	share->cancelled |= owner->cancelled;
	share->effective = owner->effective;
	share->expiry = owner->expiry;
}

/* Read vouchers of other accounts, in one statement; without their terms. */
Candidate *
LoadOwners(const char **accountIds, const int64 *instrumentIds, int n, TimestampTz at,
		   StoreMode mode)
{
	Datum	   *accounts = palloc(n * sizeof(Datum));
	Datum	   *instruments = palloc(n * sizeof(Datum));
	Candidate  *owners = palloc0(n * sizeof(Candidate));
	Datum		values[3];

	for (int i = 0; i < n; i++)
	{
		accounts[i] = CStringGetTextDatum(accountIds[i]);
		instruments[i] = Int64GetDatum(instrumentIds[i]);
	}
	values[0] = TextArray(accounts, n);
	values[1] = Array8(INT8OID, instruments, n);
	values[2] = TimestampTzGetDatum(at);
	if (StoreRun(STMT_OWNERS, mode, values, NULL) != n)
		elog(ERROR, "a share draws on a voucher that does not exist");
	for (int i = 0; i < n; i++)
	{
		Row			row;

		DeformRow(StoreNotNull(i, 1), INS_COLUMNS, &row);
		ReadCandidate(&row, &owners[i]);
		owners[i].held = StoreAmount(i, 2);
		owners[i].heldUses = StoreInt32(i, 3);
		if (owners[i].heldUses > 0)
			owners[i].heldUntil = StoreTime(i, 4);
	}
	return owners;
}

/* Read what those of the candidates that are shares in force draw on; no statement if none is. */
void
ReadOwners(Candidate *candidates, int ncandidates, TimestampTz at, StoreMode mode)
{
	Candidate **shares = NULL;
	const char **accountIds = NULL;
	int64	   *instrumentIds = NULL;
	Candidate  *owners;
	int			n = 0;

	for (int i = 0; i < ncandidates; i++)
	{
		Candidate  *candidate = &candidates[i];

		if (candidate->ownerAccountId == NULL || candidate->cancelled)
			continue;
		if (n == 0)
		{
			shares = palloc(ncandidates * sizeof(Candidate *));
			accountIds = palloc(ncandidates * sizeof(char *));
			instrumentIds = palloc(ncandidates * sizeof(int64));
		}
		shares[n] = candidate;
		accountIds[n] = candidate->ownerAccountId;
		instrumentIds[n++] = candidate->ownerInstrumentId;
	}
	if (n == 0)
		return;
	owners = LoadOwners(accountIds, instrumentIds, n, at, mode);
	for (int i = 0; i < n; i++)
		DrawOn(shares[i], &owners[i]);
}

/*
 * Leave shares out of an order's facts: what is held must be held for all who
 * draw on it, and those are other accounts.
 */
void
DropShares(OrderFacts *facts)
{
	int			n = 0;

	for (int i = 0; i < facts->ncandidates; i++)
	{
		if (facts->candidates[i].ownerAccountId != NULL)
			continue;
		if (facts->promo == &facts->candidates[i])
			facts->promo = &facts->candidates[n];
		facts->candidates[n++] = facts->candidates[i];
	}
	facts->ncandidates = n;
}

/* Note the owners of the shares that apply to an order, on which it may draw; they have just been judged. */
void
FindOwners(OrderFacts *facts)
{
	for (int i = 0; i < facts->ncandidates; i++)
	{
		const Candidate *candidate = &facts->candidates[i];

		if (candidate->owner != NULL && candidate->reason == REASON_APPLIES)
			AddOwner(&facts->owners, candidate->ownerAccountId, facts->account.currency);
	}
}

/* Numbers that a settlement keeps of each share that it met: see settlement.sql. */
enum
{
	KEPT_SHARE,
	KEPT_BALANCE,
	KEPT_USED,
	KEPT_MAX_USES,
	KEPT_STATE,
	KEPT_EFFECTIVE,
	KEPT_EXPIRY,
	KEPT_HELD,
	KEPT_HELD_USES,
	KEPT_HELD_UNTIL,
	KEPT_COUNT
};

#define KEPT_FROZEN		1
#define KEPT_CANCELLED	2

/* Keep in a settlement's row what its shares drew on, which will change; null if it met none. */
void
SetShares(Row *settlement, const Candidate *candidates, int ncandidates)
{
	Datum	   *kept = NULL;
	int			n = 0;

	for (int i = 0; i < ncandidates; i++)
	{
		const Candidate *owner = candidates[i].owner;
		Datum	   *numbers;

		if (owner == NULL)
			continue;
		if (n == 0)
			kept = palloc(ncandidates * KEPT_COUNT * sizeof(Datum));
		numbers = &kept[n++ * KEPT_COUNT];
		numbers[KEPT_SHARE] = Int64GetDatum(candidates[i].instrumentId);
		numbers[KEPT_BALANCE] = Int64GetDatum(owner->balance);
		numbers[KEPT_USED] = Int64GetDatum((int64) owner->used);
		numbers[KEPT_MAX_USES] = Int64GetDatum((int64) owner->maxUses);
		numbers[KEPT_STATE] = Int64GetDatum((int64) ((owner->frozen ? KEPT_FROZEN : 0) |
													 (owner->cancelled ? KEPT_CANCELLED : 0)));
		numbers[KEPT_EFFECTIVE] = Int64GetDatum(owner->effective);
		numbers[KEPT_EXPIRY] = Int64GetDatum(owner->expiry);
		numbers[KEPT_HELD] = Int64GetDatum(owner->held);
		numbers[KEPT_HELD_USES] = Int64GetDatum((int64) owner->heldUses);
		numbers[KEPT_HELD_UNTIL] = Int64GetDatum(owner->heldUntil);
	}
	if (n > 0)
		SetValue(settlement, SET_SHARES, Array8(INT8OID, kept, n * KEPT_COUNT));
}

/* As ReadOwners, as their vouchers stood when a settlement was made, which it keeps. */
void
PastOwners(const Row *settlement, Candidate *candidates, int ncandidates)
{
	Datum	   *kept;
	int			n;

	if (settlement->isnull[SET_SHARES])
		return;
	deconstruct_array(DatumGetArrayTypeP(settlement->values[SET_SHARES]), INT8OID, sizeof(int64),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &kept, NULL, &n);
	for (int i = 0; i < n / KEPT_COUNT; i++)
	{
		const Datum *numbers = &kept[i * KEPT_COUNT];
		int64		state = DatumGetInt64(numbers[KEPT_STATE]);
		Candidate  *owner = palloc0(sizeof(Candidate));

		owner->balance = DatumGetInt64(numbers[KEPT_BALANCE]);
		owner->used = (int32) DatumGetInt64(numbers[KEPT_USED]);
		owner->maxUses = (int32) DatumGetInt64(numbers[KEPT_MAX_USES]);
		owner->frozen = (state & KEPT_FROZEN) != 0;
		owner->cancelled = (state & KEPT_CANCELLED) != 0;
		owner->effective = DatumGetInt64(numbers[KEPT_EFFECTIVE]);
		owner->expiry = DatumGetInt64(numbers[KEPT_EXPIRY]);
		owner->held = DatumGetInt64(numbers[KEPT_HELD]);
		owner->heldUses = (int32) DatumGetInt64(numbers[KEPT_HELD_USES]);
		owner->heldUntil = DatumGetInt64(numbers[KEPT_HELD_UNTIL]);
		for (int j = 0; j < ncandidates; j++)
		{
			if (candidates[j].instrumentId == DatumGetInt64(numbers[KEPT_SHARE]))
				DrawOn(&candidates[j], owner);
		}
	}
}

/* ------------------------------------------------------------------------
 * Drawing and giving back
 * ------------------------------------------------------------------------
 */

/*
 * Write both ends of what a share, of the state that the entry says, draws for
 * an order from its owner's voucher; or, below zero, gives back to it.  The
 * voucher serves so many more uses.  Both accounts are locked.
 */
void
MoveShared(const Account *ownerAccount, const Candidate *owner, const Account *account,
		   const InstrumentEntry *share, Amount amount, int32 uses, TimestampTz at)
{
	InstrumentEntry from = {0};
	InstrumentEntry to = *share;

	from.instrumentId = owner->instrumentId;
	from.version = owner->version;
	from.balance = owner->balance;
	from.used = owner->used;
	from.amount = -amount;
	from.uses = uses;
	from.orderId = share->orderId;
	from.reason = share->reason;
	from.actor = account->actor;
	from.peerAccountId = account->accountId;
	from.peerInstrumentId = share->instrumentId;
	to.amount = amount;
	to.uses = 0;
	to.peerAccountId = ownerAccount->accountId;
	to.peerInstrumentId = owner->instrumentId;
	from.kind = to.kind = amount > 0 ? "draw" : "give_back";
	AddInstrumentEntry(ownerAccount, &from, at);
	AddInstrumentEntry(account, &to, at);
}

/*
 * Draw what the plan of an order uses of shares.  Each is then an instrument
 * that holds what it pays, which the settlement takes off it.  The account is
 * in the epoch of the settlement.
 */
void
DrawShares(const OrderRequest *request, const Account *account, const OwnerSet *owners,
		   const PaymentPlan *plan)
{
	for (int i = 0; i < plan->nparts; i++)
	{
		Candidate  *share = plan->parts[i].candidate;
		InstrumentEntry entry = {0};

		if (share->owner == NULL)
			continue;
		entry.instrumentId = share->instrumentId;
		entry.version = share->version;
		entry.used = share->ownUsed;
		entry.orderId = request->orderId;
		MoveShared(HeldOwner(owners, share->ownerAccountId), share->owner, account, &entry,
				   plan->parts[i].amount, 1, request->at);
		share->version++;
		share->balance = plan->parts[i].amount;
		share->used = share->ownUsed;
	}
}
