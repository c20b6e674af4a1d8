/*
 * refund_plan.c
 *		The arithmetic of refunds: exact, cumulative, closing to the minor unit.
 *
 * Everything is worked out for "all refunds so far"; a refund gives the
 * difference to the ones before.  So roundings do not add up, and the last one
 * closes.  Cash is rounded half up; what goes back to a voucher is rounded
 * down: together they never exceed what was asked for.  What a re-rating takes
 * back comes back to the last minor unit, since bills are re-rated again and
 * again.
 */
#include "postgres.h"

#include "plan.h"
#include "refund_plan.h"

/* a * num / den, rounded down to a multiple of the unit. */
static Amount
MulDivDown(Amount a, Amount num, Amount den, int64 unit)
{
	Amount		exact = (Amount) ((int128) a * num / den);

	return exact - exact % unit;
}

/*
 * Split what refunds covered of what several instruments paid, in proportion
 * and to the last minor unit.  Nobody's share ever falls as more is covered, and
 * each is all that it paid in the end: the unit that is left after rounding down
 * goes to who has the most per unit so far (D'Hondt), ties to the first.
 */
void
CoverParts(Amount covered, int n, const Amount *paid, int64 unit, Amount *shares)
{
	Amount		total = 0;
	Amount		left = covered;

	for (int i = 0; i < n; i++)
		total += paid[i];
	for (int i = 0; i < n; i++)
	{
		shares[i] = covered >= total ? paid[i] : MulDivDown(paid[i], covered, total, unit);
		left -= shares[i];
	}
	while (covered < total && left > 0)
	{
		int			most = -1;
		Amount		more;

		for (int i = 0; i < n; i++)
		{
			if (shares[i] < paid[i] &&
				(most < 0 || (int128) paid[i] * (shares[most] + unit) > (int128) paid[most] * (shares[i] + unit)))
				most = i;
		}
		/* less than a unit only where the currency has lost digits since the parts were paid */
		more = Min(Min(unit, left), paid[most] - shares[most]);
		shares[most] += more;
		left -= more;
	}
}

typedef struct Rest
{
	Amount		rest;
	int			line;
} Rest;

/* Larger rest first, ties by line. */
static int
CompareRests(const void *a, const void *b)
{
	const Rest *left = a;
	const Rest *right = b;

	if (left->rest != right->rest)
		return left->rest > right->rest ? -1 : 1;
	return left->line < right->line ? -1 : 1;
}

/*
 * Write a total, whole minor units, as whole minor units per line: each line's
 * exact share rounded down, and what that leaves to the lines with the largest
 * rest.  No line gets more than its cap.
 */
static void
ToMinorUnits(Amount total, int n, const Amount *exact, const Amount *caps, int64 unit,
			 Amount *shares)
{
	Rest	   *rests = palloc(n * sizeof(Rest));
	Amount		left = total;
	Amount		before;

	for (int i = 0; i < n; i++)
	{
		Amount		share = Max(exact[i], 0);

		shares[i] = Min(share - share % unit, caps[i]);
		rests[i].rest = share - shares[i];
		rests[i].line = i;
		left -= shares[i];
	}
	/* less than the lines say was paid: in their proportion */
	if (left < 0)
	{
		Amount	   *weights = palloc(n * sizeof(Amount));

		memcpy(weights, shares, n * sizeof(Amount));
		Allocate(total, n, weights, unit, shares);
		left = 0;
	}
	if (left > 0)
		qsort(rests, n, sizeof(Rest), CompareRests);
	do
	{
		before = left;
		for (int i = 0; i < n && left > 0; i++)
		{
			int			line = rests[i].line;

			if (shares[line] + unit > caps[line])
				continue;
			shares[line] += unit;
			left -= unit;
		}
	} while (left > 0 && left < before);
}

/*
 * Split what an order came to, and the cash of it, over its lines.  Where the
 * lines are whole minor units these are the shares stored at settlement;
 * below, largest remainder makes them whole.
 */
void
SplitLines(RefundState *state)
{
	int			n = state->nlines;
	int64		unit = AmountQuantum(state->digits);
	Amount	   *exact = palloc(n * sizeof(Amount));
	Amount	   *caps = palloc(n * sizeof(Amount));
	Amount	   *shares = palloc(n * sizeof(Amount));

	for (int i = 0; i < n; i++)
	{
		exact[i] = state->lines[i].net;
		caps[i] = AMOUNT_MAX - unit;
	}
	ToMinorUnits(state->total, n, exact, caps, unit, shares);
	for (int i = 0; i < n; i++)
	{
		state->lines[i].total = shares[i];
		caps[i] = Max(0, shares[i] - (state->lines[i].voucher - state->lines[i].voucher % unit));
		exact[i] = state->lines[i].net - state->lines[i].voucher;
	}
	ToMinorUnits(state->cash, n, exact, caps, unit, shares);
	for (int i = 0; i < n; i++)
		state->lines[i].cash = shares[i];
}

/*
 * The cash that belongs to so much of the total, never less than what is paid
 * back already.  Of refunds by line it is what belongs to the lines' requested
 * amounts.
 *
 * Rule: requested r of a total T with cash C gives back r * C / T.
 */
Amount
CashUpTo(const RefundState *state, Amount refunded)
{
	Amount		cash = 0;

	/* the last one takes what is left, though the currency's digits have changed since */
	if (refunded == state->total)
		return state->cash;
	for (int i = 0; i < state->nlines; i++)
	{
		const RefundLine *line = &state->lines[i];

		if (line->total > 0)
			cash += AmountMulDivHalfUpTo(line->cash, line->refunded + line->requested,
										 line->total, state->digits);
	}
	if (state->nlines == 0)
		cash = AmountMulDivHalfUpTo(state->cash, refunded, state->total, state->digits);
	/*
	 * Where a currency has lost digits the unit is larger than what was paid in:
	 * half up may be more than is asked for, or leave to vouchers more than they
	 * paid, which the last refund would have to make up for.
	 */
	cash = Max(cash, refunded - (state->total - state->cash));
	cash = Min(cash, state->refundedCash + (refunded - state->refunded));
	return Max(state->refundedCash, Min(state->cash, cash));
}

/*
 * How much of what an instrument paid so much of the total covers: of refunds
 * by line, what the lines say, with or without what is requested now.
 */
Amount
PartCovered(const RefundState *state, Amount refunded, bool requested, Amount paid,
			const Amount *shares)
{
	int64		unit = AmountQuantum(state->digits);
	Amount		covered = 0;

	if (refunded == state->total)
		return paid;
	if (state->nlines == 0)
		return MulDivDown(paid, refunded, state->total, unit);
	for (int i = 0; i < state->nlines; i++)
	{
		const RefundLine *line = &state->lines[i];

		/* a credit line may have left less of a line than vouchers paid of it */
		if (line->total > 0)
			covered += MulDivDown(shares[i] - shares[i] % unit,
								  line->refunded + (requested ? line->requested : 0),
								  Max(line->total, line->voucher), unit);
	}
	return Min(paid, covered);
}

/*
 * How much an order that was consumed in part gives back of what is not yet
 * covered of a part: the share of what is left that was not consumed.
 */
Amount
PartUnconsumed(const RefundState *state, Amount consumed, Amount paid, Amount covered)
{
	Amount		left = state->total - state->refunded;
	Amount		unconsumed = Min(left, Max(0, left - consumed));

	return MulDivDown(paid - covered, unconsumed, left, AmountQuantum(state->digits));
}
