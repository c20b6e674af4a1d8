/*
 * combine.h
 *		The search for the best settlement, and one combination of it.
 */
#ifndef VOUCHER_COMBINE_H
#define VOUCHER_COMBINE_H

#include "plan.h"

/* Which vouchers take part in a combination. */
typedef struct VoucherSet
{
	Candidate  *only;			/* this one; NULL: all that go together */
	bool		reducing;		/* … and reduce */
	bool		tenders;		/* … and pay */
	uint64		skipped;		/* bit per place: not these of those that reduce */
} VoucherSet;

typedef struct Search
{
	const PlanOrder *order;
	const Policy *policy;
	Candidate **reducing;		/* vouchers that may take part, by effect */
	int			nreducing;
	Candidate **paying;
	int			npaying;
	VoucherSet *sets;			/* of vouchers, to be tried; but for subsets */
	int			nsets;
	uint64		nsubsets;		/* of the last set */
	Candidate **chosen;			/* scratch */
	Amount	   *left;			/* of each line */
	int			ncandidates;
	Candidate  *candidates;
	bool		limited;		/* some candidate has limits */
	bool		late;			/* some threshold looks at what reductions leave */
	Amount	   *price;			/* if so: what they have left of each line */
	bool		exact;			/* nothing has been left out */
	Candidate  *refused;		/* the named one that the last combination refused */
} Search;

/* evaluate.c */
extern bool Evaluate(Search *search, Candidate *coupon, Candidate *promo, const VoucherSet *set,
					 PaymentPlan *plan);

#endif							/* VOUCHER_COMBINE_H */
