/*
 * held.c
 *		Takes what other orders hold off what a plan may use.
 *
 * A hold moves no balance, so it needs no job to end: at its time-out it is
 * simply not counted any more.  What an order holds itself does not stand in
 * its own way.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "held.h"
#include "rows.h"
#include "store.h"

/* Take the parts of one hold off the instruments that they name. */
static void
HoldParts(Datum parts, TimestampTz until, OrderFacts *facts)
{
	Datum	   *elements;
	int			n = DeformArray(parts, &elements);

	for (int i = 0; i < n; i++)
	{
		Row			part;

		DeformRow(elements[i], PART_COLUMNS, &part);
		for (int j = 0; j < facts->ncandidates; j++)
		{
			Candidate  *candidate = &facts->candidates[j];

			if (candidate->instrumentId != DatumGetInt64(part.values[PART_INSTRUMENT_ID]))
				continue;
			if (!candidate->terms->hasRate)
				candidate->held = AmountAdd(candidate->held,
											DatumGetAmount(part.values[PART_PAID]));
			candidate->heldUntil = candidate->heldUses == 0 ? until :
				Min(candidate->heldUntil, until);
			candidate->heldUses++;
		}
	}
}

/* Mark the lines that purchase what a hold purchases first. */
static void
HoldPurchases(Datum products, const OrderRequest *request)
{
	const char **names;
	int			n = ReadTextArray(products, &names);

	for (int i = 0; i < request->nlines; i++)
	{
		PlanLine   *line = &request->lines[i];

		for (int j = 0; j < n && line->purchase; j++)
		{
			if (strcmp(line->registered, names[j]) == 0)
				line->purchaseHeld = true;
		}
	}
}

/* Take off what is held by the rows of HOLDS_OPEN or HOLDS_BEFORE. */
static void
HoldRows(uint64 rows, const OrderRequest *request, OrderFacts *facts)
{
	for (uint64 row = 0; row < rows; row++)
	{
		Datum		products;
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		if (request->orderId != NULL && strcmp(StoreText(row, 1), request->orderId) == 0)
		{
			facts->ownHold = StoreInt32(row, 2);
			continue;
		}
		if (StoreTime(row, 3) <= request->at)
			continue;
		HoldParts(StoreNotNull(row, 4), StoreTime(row, 3), facts);
		products = StoreDatum(row, 5, &isnull);
		if (!isnull)
			HoldPurchases(products, request);
	}
}

/*
 * Take what other orders hold now off the candidates, and note the hold that
 * the order has itself.
 */
void
SubtractHolds(const OrderRequest *request, StoreMode mode, OrderFacts *facts)
{
	Datum		account;

	for (int i = 0; i < request->nlines; i++)
		request->lines[i].purchaseHeld = false;
	if (facts->account.holds == 0)
		return;
	account = CStringGetTextDatum(request->accountId);
	HoldRows(StoreRun(STMT_HOLDS_OPEN, mode, &account, NULL), request, facts);
}

/* The same as it was when the account began an epoch. */
void
SubtractPastHolds(const OrderRequest *request, int64 epoch, OrderFacts *facts)
{
	Datum		values[3];

	values[0] = CStringGetTextDatum(request->accountId);
	values[1] = CStringGetTextDatum(facts->account.currency);
	values[2] = Int64GetDatum(epoch);
	HoldRows(StoreRun(STMT_HOLDS_BEFORE, STORE_READ, values, NULL), request, facts);
}

/* What is held of one instrument of a locked account. */
void
ReadHeld(const Account *account, TimestampTz at, Candidate *candidate)
{
	Datum		values[3];

	if (account->holds == 0)
		return;
	values[0] = CStringGetTextDatum(account->accountId);
	values[1] = Int64GetDatum(candidate->instrumentId);
	values[2] = TimestampTzGetDatum(at);
	StoreRun(STMT_HELD_OF, STORE_WRITE, values, NULL);
	candidate->held = StoreAmount(0, 1);
	candidate->heldUses = StoreInt32(0, 2);
	if (candidate->heldUses > 0)
		candidate->heldUntil = StoreTime(0, 3);
}
