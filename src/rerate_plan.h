/*
 * rerate_plan.h
 *		The arithmetic of re-ratings: a pure function of what was billed and of
 *		the lines that should have been.
 */
#ifndef VOUCHER_RERATE_PLAN_H
#define VOUCHER_RERATE_PLAN_H

#include "plan.h"

/* A line of a supplementary bill: what a line differs by from the one that stood. */
typedef struct LineDifference
{
	int32		lineNo;
	bool		gone;			/* it is a line that stood; else a new one */
	int			line;			/* its place among those */
	Amount		amount;			/* never 0 */
} LineDifference;

extern Amount SumOfLines(int n, const PlanLine *lines);
extern Amount Unbilled(Amount billed, Amount gross, int digits);
extern int	DiffLines(int nold, const PlanLine *oldLines, int nnew, const PlanLine *newLines,
					  LineDifference *differences);
extern void AddCutOff(int n, LineDifference *differences, Amount gross);
extern Amount ShareAfterDiscount(Amount total, Amount discount, Amount rerated, int digits);

#endif							/* VOUCHER_RERATE_PLAN_H */
