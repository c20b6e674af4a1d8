/*
 * combine.c
 *		Tries the combinations of coupon, promo code and vouchers, and keeps the
 *		settlement that leaves the least cash.
 *
 * What is tried, and so what the least cash is the least of: every coupon and
 * none, with the promo code, with
 *	- each voucher, if the policy takes one.  (Of those that pay, the policy's
 *	  first is the best for its order; where the policy's first key is what a
 *	  voucher can deduct, that is the least cash too.)
 *	- if it takes more: each voucher that goes with no other by itself, and all
 *	  others together in the policy's order.  Leaving one of them out never
 *	  helps, as what it pays later ones can pay at most as well; unless it
 *	  lowers the price below a later one's threshold, or takes the place of one.
 *	  There every subset of the vouchers that reduce is tried.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "combine.h"

/*
 * Is one settlement better for the customer: less cash, then less of his
 * vouchers, then fewer instruments spent?  A tie keeps the earlier one.
 */
static bool
IsBetter(const PaymentPlan *a, const PaymentPlan *b)
{
	if (a->cash != b->cash)
		return a->cash < b->cash;
	if (a->voucher != b->voucher)
		return a->voucher < b->voucher;
	return a->nparts < b->nparts;
}

/* The voucher that a plan uses, NULL if none. */
static const Candidate *
VoucherOf(const PaymentPlan *plan)
{
	for (int i = plan->nparts - 1; i >= 0; i--)
	{
		if (plan->parts[i].candidate->terms->kind == KIND_VOUCHER)
			return plan->parts[i].candidate;
	}
	return NULL;
}

/*
 * Of two settlements with the same coupon and promo code, is the first one
 * better?  Where the policy takes one voucher its order says which, unless
 * what it asks first is what a voucher can deduct.
 */
static bool
IsBetterSet(const Policy *policy, const PaymentPlan *a, const PaymentPlan *b)
{
	if (policy->vouchers == 1)
	{
		const Candidate *ours = VoucherOf(a);
		const Candidate *theirs = VoucherOf(b);

		if (policy->nkeys > 0 && policy->keys[0] == SORT_DEDUCTIBLE_DESC &&
			(IsBetter(a, b) || IsBetter(b, a)))
			return IsBetter(a, b);
		if (ours != NULL && theirs != NULL)
			return CompareCandidates(ours, theirs, policy) < 0;
		return ours != NULL;
	}
	return IsBetter(a, b);
}

/* Swap two plans: the loser's buffers serve the next trial. */
static void
SwapPlans(PaymentPlan *a, PaymentPlan *b)
{
	PaymentPlan swap = *a;

	*a = *b;
	*b = swap;
}

/*
 * The candidates of a kind that the choice leaves open, best first; NULL
 * stands for "none of them".  Returns how many options there are.
 */
static int
Options(int ncandidates, Candidate *candidates, InstrumentKind kind, const Choice *choice,
		const Policy *policy, Candidate **options)
{
	int			n = 0;

	if (choice->mode == CHOICE_NAMED)
	{
		options[0] = choice->named;
		return 1;
	}
	if (choice->mode == CHOICE_AUTO)
	{
		for (int i = 0; i < ncandidates; i++)
		{
			if (candidates[i].terms->kind == kind && !candidates[i].barred &&
				candidates[i].reason == REASON_APPLIES)
				options[n++] = &candidates[i];
		}
		if (n > 1)
			qsort_arg(options, n, sizeof(Candidate *), ComparePlaces, (void *) policy);
	}
	options[n++] = NULL;
	return n;
}

/* Of several named vouchers, one that goes with no other; NULL if there is none. */
static Candidate *
FindExclusive(int ncandidates, Candidate *candidates, const Candidate *last)
{
	for (int i = 0; i < ncandidates; i++)
	{
		Candidate  *candidate = &candidates[i];

		if (!candidate->named || candidate->terms->kind != KIND_VOUCHER ||
			(candidate->terms->excludes & KIND_BIT(KIND_VOUCHER)) == 0)
			continue;
		candidate->reason = REASON_EXCLUDED;
		candidate->rival = last;
		for (int j = 0; candidate == last && candidate->rival == last; j++)
		{
			if (candidates[j].named && candidates[j].terms->kind == KIND_VOUCHER &&
				&candidates[j] != last)
				candidate->rival = &candidates[j];
		}
		return candidate;
	}
	return NULL;
}

/* Does any candidate that may be used look at what earlier reductions leave? */
static bool
HasLateThreshold(int ncandidates, const Candidate *candidates)
{
	for (int i = 0; i < ncandidates; i++)
	{
		if (candidates[i].reason == REASON_APPLIES && candidates[i].terms->thresholdAfter)
			return true;
	}
	return false;
}

/* Has any candidate that may be used limits? */
static bool
HasLimits(int ncandidates, const Candidate *candidates)
{
	for (int i = 0; i < ncandidates; i++)
	{
		if (candidates[i].reason == REASON_APPLIES && candidates[i].nlimits > 0)
			return true;
	}
	return false;
}

/* Is a candidate a voucher that the choice leaves open? */
static bool
MayTakePart(const Candidate *candidate, const Choice *choice)
{
	return candidate->terms->kind == KIND_VOUCHER && candidate->reason == REASON_APPLIES &&
		!candidate->barred && (choice->mode == CHOICE_AUTO ||
							   (choice->mode == CHOICE_NAMED && candidate->named));
}

/* Find the vouchers that may take part, by their effect. */
static void
FindVouchers(Search *search, int ncandidates, Candidate *candidates, const Choice *choice)
{
	search->paying = palloc((ncandidates + 1) * sizeof(Candidate *));
	search->reducing = palloc((ncandidates + 1) * sizeof(Candidate *));
	search->chosen = palloc((ncandidates + 1) * sizeof(Candidate *));
	for (int i = 0; i < ncandidates; i++)
	{
		if (!MayTakePart(&candidates[i], choice))
			continue;
		if (candidates[i].terms->reduces)
			search->reducing[search->nreducing++] = &candidates[i];
		else
			search->paying[search->npaying++] = &candidates[i];
	}
	if (search->nreducing > 1)
		qsort_arg(search->reducing, search->nreducing, sizeof(Candidate *), ComparePlaces,
				  (void *) search->policy);
	/* of those that go with no other, the policy's first is kept when they pay the same */
	if (search->npaying > 1 && search->policy->vouchers > 1)
		qsort_arg(search->paying, search->npaying, sizeof(Candidate *), ComparePlaces,
				  (void *) search->policy);
	for (int i = 0; i < search->nreducing; i++)
		search->reducing[i]->place = i;
}

/* List the sets of vouchers to be tried; the last one stands for its subsets. */
static void
ListVoucherSets(Search *search, const Choice *choice)
{
	VoucherSet *all;
	bool		one = search->policy->vouchers == 1;

	search->sets = palloc0((search->nreducing + search->npaying + 1) * sizeof(VoucherSet));
	for (int effect = 0; effect < 2; effect++)
	{
		Candidate **vouchers = effect == 0 ? search->reducing : search->paying;
		int			n = effect == 0 ? search->nreducing : search->npaying;

		for (int i = 0; i < n; i++)
		{
			/* of those that pay, the policy's first is found without trying each */
			if (one ? effect == 0 : !vouchers[i]->named &&
				(vouchers[i]->terms->excludes & KIND_BIT(KIND_VOUCHER)) != 0)
				search->sets[search->nsets++].only = vouchers[i];
		}
	}
	if (one && choice->mode == CHOICE_NAMED && search->nsets > 0)
	{
		search->nsubsets = 1;
		return;
	}
	all = &search->sets[search->nsets++];
	all->tenders = true;
	all->reducing = !one;
	search->nsubsets = 1;
	if (!one && choice->mode != CHOICE_NAMED &&
		(search->late || search->limited || search->policy->vouchers < PG_INT32_MAX))
		search->nsubsets = UINT64CONST(1) << Min(search->nreducing, 62);
}

/* The best settlement with a given coupon and promo code.  False if there is none. */
static bool
BestSet(Search *search, Candidate *coupon, Candidate *promo, uint64 most, PaymentPlan *trial,
		PaymentPlan *best)
{
	bool		found = false;
	uint64		n = search->nsets - 1 + search->nsubsets;

	for (uint64 i = 0; i < n; i++)
	{
		VoucherSet	set = search->sets[Min(i, search->nsets - 1)];

		CHECK_FOR_INTERRUPTS();
		if (i >= most)
		{
			search->exact = false;
			break;
		}
		if (search->nsubsets > 1 && i >= search->nsets - 1)
			set.skipped = i - (search->nsets - 1);
		if (Evaluate(search, coupon, promo, &set, trial) &&
			(!found || IsBetterSet(search->policy, trial, best)))
		{
			SwapPlans(trial, best);
			found = true;
		}
	}
	return found;
}

/*
 * Work out the settlement.  Candidates have been judged, and named ones apply.
 * Returns NULL; or, if what is named does not go together, one that does not,
 * with its reason, and there is no plan.
 *
 * Errors: amount out of range, if the lines add up to more than an amount
 * holds.  Memory: current context.
 */
Candidate *
MakePlan(const PlanOrder *order, int ncandidates, Candidate *candidates,
		 const Choice choice[KIND_COUNT], const Policy *policy, PaymentPlan *plan)
{
	Candidate **coupons = palloc((ncandidates + 1) * sizeof(Candidate *));
	Candidate **promos = palloc((ncandidates + 1) * sizeof(Candidate *));
	Search		search = {0};
	PaymentPlan plans[3] = {0};
	PaymentPlan *best = &plans[0];
	bool		found = false;
	int			ncoupons;
	int			npromos;
	uint64		pairs;
	uint64		most;
	int			maxParts;

	search.order = order;
	search.policy = policy;
	search.exact = true;
	if (choice[KIND_VOUCHER].nnamed > 1 &&
		(search.refused = FindExclusive(ncandidates, candidates, choice[KIND_VOUCHER].named)) != NULL)
		return search.refused;
	search.left = palloc(order->nlines * sizeof(Amount));
	FindVouchers(&search, ncandidates, candidates, &choice[KIND_VOUCHER]);
	search.ncandidates = ncandidates;
	search.candidates = candidates;
	search.limited = HasLimits(ncandidates, candidates);
	search.late = HasLateThreshold(ncandidates, candidates);
	if (search.late)
		search.price = palloc(order->nlines * sizeof(Amount));
	ListVoucherSets(&search, &choice[KIND_VOUCHER]);

	maxParts = 2 + Min(search.nreducing + search.npaying, policy->vouchers);
	for (int i = 0; i < order->nlines; i++)
		plans[0].gross = AmountAdd(plans[0].gross, order->lines[i].amount);
	if (plans[0].gross < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the order comes to less than zero"),
				 errdetail("Its lines add up to %s.", AmountToString(plans[0].gross))));
	for (int i = 0; i < lengthof(plans); i++)
	{
		plans[i].gross = plans[0].gross;
		plans[i].parts = palloc0(maxParts * sizeof(PlanPart));
	}

	ncoupons = Options(ncandidates, candidates, KIND_COUPON, &choice[KIND_COUPON], policy, coupons);
	npromos = Options(ncandidates, candidates, KIND_PROMO_CODE, &choice[KIND_PROMO_CODE], policy,
					  promos);
	pairs = (uint64) ncoupons * npromos;
	most = Max(MAX_COMBINATIONS / pairs, 1);
	for (uint64 pair = 0; pair < pairs; pair++)
	{
		/* the last pair is the one without a coupon, if that may be */
		if (pair == MAX_COMBINATIONS - 1 && pair < pairs - 1)
		{
			search.exact = false;
			pair = pairs - 1;
		}
		if (!BestSet(&search, coupons[pair / npromos], promos[pair % npromos], most, &plans[1],
					 &plans[2]))
			continue;
		if (!found || IsBetter(&plans[2], best))
			SwapPlans(&plans[2], best);
		found = true;
	}
	if (!found)
		return search.refused;
	*plan = *best;
	plan->exact = search.exact;
	plan->policy = policy;
	return NULL;
}
