/*
 * rerate_plan.c
 *		The arithmetic of re-ratings: exact, by difference, cut off once.
 *
 * A bill and its supplementary bills are a chain.  What the chain has billed is
 * always what its last lines come to, rounded down to the minor unit, as if
 * they had been billed so from the start.
 */
#include "postgres.h"

#include "rerate_plan.h"

/* What lines come to.  Error 22003 where that is no amount. */
Amount
SumOfLines(int n, const PlanLine *lines)
{
	Amount		sum = 0;

	for (int i = 0; i < n; i++)
		sum = AmountAdd(sum, lines[i].amount);
	return sum;
}

/*
 * What is still to be billed, in whole minor units; below zero, to be taken
 * back.  What that leaves of the lines is less than a unit, and is not billed.
 */
Amount
Unbilled(Amount billed, Amount gross, int digits)
{
	int64		unit = AmountQuantum(digits);
	Amount		difference = AmountSub(gross, billed);
	Amount		below = difference % unit;

	if (below < 0)
		below += unit;
	/* nothing can be billed below zero, though the currency lost digits since */
	return Max(difference - below, -billed);
}

/* A line's number and place. */
typedef struct LinePlace
{
	int32		lineNo;
	int			place;
} LinePlace;

/* Order two places by the line's number. */
static int
ComparePlacesByNo(const void *a, const void *b)
{
	int32		left = ((const LinePlace *) a)->lineNo;
	int32		right = ((const LinePlace *) b)->lineNo;

	return (left > right) - (left < right);
}

/* The numbers of lines, in ascending order, with their places. */
static LinePlace *
SortByNo(int n, const PlanLine *lines)
{
	LinePlace  *places = palloc(Max(n, 1) * sizeof(LinePlace));

	for (int i = 0; i < n; i++)
	{
		places[i].lineNo = lines[i].lineNo;
		places[i].place = i;
	}
	qsort(places, n, sizeof(LinePlace), ComparePlacesByNo);
	return places;
}

/* The place of a number among sorted ones, NULL if it is not there. */
static const LinePlace *
FindNo(int32 lineNo, int n, const LinePlace *sorted)
{
	LinePlace	key = {lineNo, 0};

	return bsearch(&key, sorted, n, sizeof(LinePlace), ComparePlacesByNo);
}

/*
 * How lines differ from those that stood; returns how many differ, of at most
 * all of both.  A line is told by its number; one whose product is another is a
 * line gone and a new one.  The new lines come first, then those gone.  All keep
 * their numbers, but for the line gone whose number a new one has: it gets the
 * least number from 1 on that no line has.
 */
int
DiffLines(int nold, const PlanLine *oldLines, int nnew, const PlanLine *newLines,
		  LineDifference *differences)
{
	LinePlace  *sortedOld = SortByNo(nold, oldLines);
	LinePlace  *sortedNew = SortByNo(nnew, newLines);
	bool	   *stands = palloc0(Max(nold, 1) * sizeof(bool));
	int32		unused = 0;
	int			n = 0;

	for (int i = 0; i < nnew; i++)
	{
		const PlanLine *line = &newLines[i];
		const LinePlace *old = FindNo(line->lineNo, nold, sortedOld);
		Amount		amount = line->amount;

		if (old != NULL && strcmp(oldLines[old->place].product, line->product) == 0)
		{
			stands[old->place] = true;
			amount = AmountSub(amount, oldLines[old->place].amount);
		}
		if (amount != 0)
			differences[n++] = (LineDifference) {line->lineNo, false, i, amount};
	}
	for (int i = 0; i < nold; i++)
	{
		int32		lineNo = oldLines[i].lineNo;

		if (stands[i] || oldLines[i].amount == 0)
			continue;
		if (FindNo(lineNo, nnew, sortedNew) != NULL)
		{
			do
				unused++;
			while (FindNo(unused, nnew, sortedNew) != NULL ||
				   FindNo(unused, nold, sortedOld) != NULL);
			lineNo = unused;
		}
		differences[n++] = (LineDifference) {lineNo, true, i, -oldLines[i].amount};
	}
	return n;
}

/*
 * Make differences add up to "gross": what earlier bills cut off below the
 * minor unit goes to the line with the largest difference, ties to the lowest
 * number.
 */
void
AddCutOff(int n, LineDifference *differences, Amount gross)
{
	LineDifference *largest = differences;
	Amount		sum = 0;

	for (int i = 0; i < n; i++)
	{
		LineDifference *difference = &differences[i];

		sum = AmountAdd(sum, difference->amount);
		if (difference->amount > largest->amount ||
			(difference->amount == largest->amount && difference->lineNo < largest->lineNo))
			largest = difference;
	}
	largest->amount = AmountAdd(largest->amount, gross - sum);
}

/*
 * What belongs to so much of what a bill billed after its discount, which is
 * spread over all of it.
 *
 * Rule: g of a total T with a discount D is g * T / (T + D), half up, of all
 * that re-ratings have taken back so far.
 */
Amount
ShareAfterDiscount(Amount total, Amount discount, Amount rerated, int digits)
{
	/* the last one takes what is left, though the currency's digits have changed since */
	if (rerated == total + discount)
		return total;
	return Min(total, AmountMulDivHalfUpTo(total, rerated, total + discount, digits));
}
