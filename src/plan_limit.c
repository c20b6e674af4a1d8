/*
 * plan_limit.c
 *		What limits on its template leave to an instrument.
 *
 * An order may use several instruments that share a limit, as those of one
 * campaign do.  What the parts planned so far take of it is kept beside the
 * counter that was read, so that the last use of a limit serves one part.
 */
#include "postgres.h"

#include "plan.h"

/* Forget what was planned so far. */
void
ForgetPlanned(const Candidate *candidate)
{
	for (int i = 0; i < candidate->nlimits; i++)
	{
		candidate->limits[i]->plannedUses = 0;
		candidate->limits[i]->plannedAmount = 0;
	}
}

/* What one limit lets an instrument take off or pay now. */
static Amount
LeftOf(const LimitUsage *state, const Candidate *candidate)
{
	const UsageLimit *limit = state->limit;
	Amount		left = AMOUNT_MAX;

	if (state->used + state->plannedUses >= limit->maxCount)
		return 0;
	if (limit->maxAmount < AMOUNT_MAX)
		left = limit->maxAmount - state->amount - state->plannedAmount;
	/* an issue is of the whole face value or of nothing; where a rate decides, of 0 */
	if (limit->countsIssues)
		return left < candidate->faceValue ? 0 : AMOUNT_MAX;
	return Max(left, 0);
}

/*
 * The most that an instrument's limits let it take off or pay: nothing where
 * one is reached, AMOUNT_MAX without limits.
 */
Amount
LimitsLeave(const Candidate *candidate)
{
	Amount		left = AMOUNT_MAX;

	for (int i = 0; i < candidate->nlimits; i++)
		left = Min(left, LeftOf(candidate->limits[i], candidate));
	return left;
}

/* Have parts that stand before in the plan taken of an instrument's limits? */
bool
SharesLimits(const Candidate *candidate)
{
	for (int i = 0; i < candidate->nlimits; i++)
	{
		if (candidate->limits[i]->plannedUses > 0)
			return true;
	}
	return false;
}

/* The limit that leaves an instrument the least; it has limits. */
const LimitUsage *
TightestLimit(const Candidate *candidate)
{
	const LimitUsage *tightest = candidate->limits[0];

	for (int i = 1; i < candidate->nlimits; i++)
	{
		if (LeftOf(candidate->limits[i], candidate) < LeftOf(tightest, candidate))
			tightest = candidate->limits[i];
	}
	return tightest;
}

/*
 * When the periods of all limits that leave an instrument less than an amount
 * are over: DT_NOEND if one of them has none.
 */
TimestampTz
LimitsEnd(const Candidate *candidate, Amount least)
{
	TimestampTz end = DT_NOBEGIN;

	for (int i = 0; i < candidate->nlimits; i++)
	{
		if (LeftOf(candidate->limits[i], candidate) < least)
			end = Max(end, candidate->limits[i]->until);
	}
	return end;
}

/* A part of the plan takes its share of the limits. */
void
TakeOfLimits(const Candidate *candidate, Amount amount)
{
	for (int i = 0; i < candidate->nlimits; i++)
	{
		LimitUsage *state = candidate->limits[i];

		state->plannedUses++;
		state->plannedAmount += state->limit->countsIssues ? candidate->faceValue : amount;
	}
}
