/*
 * allocate.c
 *		Splits an amount over lines: largest remainder, exact.
 */
#include "postgres.h"

#include "plan.h"

typedef struct Remainder
{
	int128		rest;
	int			line;
} Remainder;

/* Larger remainder first, ties by line. */
static int
CompareRemainders(const void *a, const void *b)
{
	const Remainder *left = a;
	const Remainder *right = b;

	if (left->rest != right->rest)
		return left->rest > right->rest ? -1 : 1;
	return left->line < right->line ? -1 : 1;
}

/*
 * Split total over n lines in proportion to their weights, which are also
 * their caps: 0 <= shares[i] <= weights[i] and the shares add up to total.
 * Requires weights >= 0 and 0 <= total <= their sum.
 *
 * Shares are whole minor units where total and every weight are; otherwise the
 * only step that surely fits is the smallest unit of an amount.
 *
 * Rule: domain of cloud billing, "largest remainder, ties by line number".
 */
void
Allocate(Amount total, int n, const Amount *weights, Amount minorUnit, Amount *shares)
{
	int128		sum = 0;
	Amount		step = minorUnit;
	Amount		left = total;
	Remainder  *remainders;

	for (int i = 0; i < n; i++)
	{
		sum += weights[i];
		if (weights[i] % minorUnit != 0)
			step = 1;
	}
	if (total % minorUnit != 0)
		step = 1;
	Assert(total >= 0 && total <= sum);

	if (n == 1)
	{
		shares[0] = total;
		return;
	}
	if (total == 0)
	{
		memset(shares, 0, n * sizeof(Amount));
		return;
	}

	remainders = palloc(n * sizeof(Remainder));
	for (int i = 0; i < n; i++)
	{
		/* both factors are below 2^63, so the product fits */
		int128		exact = (int128) total * weights[i];

		shares[i] = (Amount) (exact / sum / step * step);
		remainders[i].rest = exact - (int128) shares[i] * sum;
		remainders[i].line = i;
		left -= shares[i];
	}

	/*
	 * Fewer than n steps are left.  A share that was rounded down lies at
	 * least one step below its cap, and one that was not has no remainder and
	 * is never reached, so no cap can be passed.
	 */
	if (left > 0)
		qsort(remainders, n, sizeof(Remainder), CompareRemainders);
	for (int i = 0; left > 0; i++)
	{
		Assert(i < n && shares[remainders[i].line] + step <= weights[remainders[i].line]);
		shares[remainders[i].line] += step;
		left -= step;
	}
	pfree(remainders);
}
