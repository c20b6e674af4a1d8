/*
 * combine.c
 *		Works out the settlement: tries the combinations of coupon, promo code
 *		and vouchers, and keeps the one that leaves the least cash.
 *
 * A combination is worked out in the order of deduction: what reduces the
 * price (coupon, promo code, vouchers in the policy's order), rounding down of
 * what is then due, once, and what pays (likewise).
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

/* What is left of the lines that an instrument may touch. */
static Amount
EligibleLeft(const PlanOrder *order, const Candidate *candidate, const Amount *left)
{
	Amount		sum = 0;

	for (int i = 0; i < order->nlines; i++)
	{
		if (candidate->eligible[i] && left[i] > 0)
			sum += left[i];
	}
	return sum;
}

/* Give an instrument its part and take the shares off what is left of the lines. */
static void
AddPart(const Search *search, PaymentPlan *plan, Candidate *candidate, Amount amount)
{
	const PlanOrder *order = search->order;
	Amount	   *left = search->left;
	PlanPart   *part = &plan->parts[plan->nparts];
	Amount	   *weights;

	if (amount == 0)
		return;
	if (part->shares == NULL)
		part->shares = palloc(order->nlines * sizeof(Amount));
	weights = palloc(order->nlines * sizeof(Amount));
	for (int i = 0; i < order->nlines; i++)
		weights[i] = candidate->eligible[i] ? Max(left[i], 0) : 0;
	if (candidate->terms->kind == KIND_VOUCHER && search->policy->ncharges > 0)
		PayInOrder(amount, search->policy, order, weights, part->shares);
	else
		Allocate(amount, order->nlines, weights, AmountQuantum(order->digits), part->shares);
	pfree(weights);

	for (int i = 0; i < order->nlines; i++)
		left[i] -= part->shares[i];
	part->candidate = candidate;
	part->amount = amount;
	plan->nparts++;
	if (candidate->terms->reduces)
		plan->discount += amount;
	else
		plan->voucher += amount;
	TakeOfLimits(candidate, amount);
}

/* Does one of two instruments say that it does not go with the other's kind? */
static bool
Exclude(const Candidate *a, const Candidate *b)
{
	return a != NULL && b != NULL && a != b &&
		((a->terms->excludes & KIND_BIT(b->terms->kind)) != 0 ||
		 (b->terms->excludes & KIND_BIT(a->terms->kind)) != 0);
}

/* Refuse a combination, as a named instrument does not go with another one. */
static bool
RefuseRival(Search *search, Candidate *candidate, const Candidate *rival)
{
	candidate->reason = REASON_EXCLUDED;
	candidate->rival = rival;
	search->refused = candidate;
	return false;
}

/* Refuse a combination, as what it leaves of a named instrument's lines is too little. */
static bool
RefuseThreshold(Search *search, Candidate *candidate, Amount base)
{
	candidate->reason = REASON_THRESHOLD;
	candidate->base = base;
	search->refused = candidate;
	return false;
}

/* Refuse a combination, as earlier parts took what limits left to an instrument. */
static bool
RefuseLimit(Search *search, Candidate *candidate)
{
	candidate->reason = REASON_LIMIT_REACHED;
	search->refused = candidate;
	return false;
}

/*
 * Do earlier parts take an instrument's limits away from it?  Then another
 * order of the vouchers might leave less cash, and is not tried.
 */
static bool
IsShutOut(Search *search, const PaymentPlan *plan, const Candidate *candidate, Amount due)
{
	Amount		base;

	if (!search->limited || !SharesLimits(candidate))
		return false;
	base = EligibleLeft(search->order, candidate, search->left);
	if (!candidate->terms->reduces)
		base = Min(base, due - plan->voucher);
	if (LimitsLeave(candidate) < base && candidate->terms->kind == KIND_VOUCHER &&
		search->policy->vouchers > 1)
		search->exact = false;
	return LimitsLeave(candidate) < Min(base, AmountQuantum(search->order->digits));
}

/* Is what earlier reductions leave too little for an instrument that asks? */
static bool
IsBelowLate(const Search *search, const Candidate *candidate, Amount *base)
{
	const Terms *terms = candidate->terms;

	if (!terms->thresholdAfter)
		return false;
	*base = EligibleLeft(search->order, candidate, terms->reduces ? search->left : search->price);
	return !ReachesThreshold(terms, *base);
}

/* What an instrument can take of what is left: off the price, or of what is due. */
static Amount
TakeOf(const Search *search, const PaymentPlan *plan, const Candidate *candidate, Amount due)
{
	Amount		base = EligibleLeft(search->order, candidate, search->left);

	if (!candidate->terms->reduces)
		return TenderOf(candidate, base, due - plan->voucher, search->order->digits);
	/* lines below zero may leave less of the order than of the eligible lines */
	return Min(DiscountOf(candidate, base, search->order->digits),
			   AmountTrunc(plan->gross - plan->discount, search->order->digits));
}

/* Add the coupon or promo code, if its effect's turn it is.  False: refused. */
static bool
AddSingle(Search *search, PaymentPlan *plan, Candidate *candidate, bool reduces, Amount due)
{
	Amount		base;

	if (candidate == NULL || candidate->terms->reduces != reduces)
		return true;
	if (IsBelowLate(search, candidate, &base))
		return RefuseThreshold(search, candidate, base);
	if (IsShutOut(search, plan, candidate, due))
		return RefuseLimit(search, candidate);
	AddPart(search, plan, candidate, TakeOf(search, plan, candidate, due));
	return true;
}

/* qsort_arg comparator of CompareCandidates. */
static int
ComparePlaces(const void *a, const void *b, void *policy)
{
	return CompareCandidates(*(Candidate *const *) a, *(Candidate *const *) b, policy);
}

/*
 * Put vouchers of one effect in the policy's order, by what each could take of
 * what is left now, and drop those that cannot take part.  False: refused,
 * since a named one cannot.
 */
static bool
ChooseVouchers(Search *search, const PaymentPlan *plan, Candidate **vouchers, int n,
			   const VoucherSet *set, const Candidate *coupon, const Candidate *promo,
			   Amount due, int *nchosen)
{
	const Policy *policy = search->policy;

	*nchosen = 0;
	for (int i = 0; i < n; i++)
	{
		Candidate  *candidate = vouchers[i];
		const Candidate *rival = Exclude(candidate, coupon) ? coupon :
			Exclude(candidate, promo) ? promo : NULL;
		Amount		base;

		if (set->only != NULL ? candidate != set->only :
			(candidate->terms->reduces ?
			 !set->reducing || (candidate->place < 64 &&
								(set->skipped & (UINT64CONST(1) << candidate->place)) != 0) :
			 !set->tenders))
			continue;
		/* goes with no other voucher: in a set of its own, unless one is all there is */
		if (set->only == NULL && policy->vouchers > 1 && !candidate->named &&
			(candidate->terms->excludes & KIND_BIT(KIND_VOUCHER)) != 0)
			continue;
		if (rival != NULL)
		{
			if (candidate->named)
				return RefuseRival(search, candidate, rival);
			continue;
		}
		if (IsBelowLate(search, candidate, &base))
		{
			if (candidate->named)
				return RefuseThreshold(search, candidate, base);
			continue;
		}
		if (IsShutOut(search, plan, candidate, due) && candidate->named)
			return RefuseLimit(search, candidate);
		candidate->pays = TakeOf(search, plan, candidate, due);
		if (candidate->pays == 0)
			continue;
		if (policy->vouchers > 1)
			search->chosen[(*nchosen)++] = candidate;
		else if (*nchosen == 0 || CompareCandidates(candidate, search->chosen[0], policy) < 0)
		{
			search->chosen[0] = candidate;
			*nchosen = 1;
		}
	}
	if (*nchosen > 1)
		qsort_arg(search->chosen, *nchosen, sizeof(Candidate *), ComparePlaces, (void *) policy);
	return true;
}

/* Add the vouchers of one effect, at most so many of both.  False: refused. */
static bool
AddVouchers(Search *search, PaymentPlan *plan, bool reduces, const VoucherSet *set,
			const Candidate *coupon, const Candidate *promo, Amount due, int32 *slots)
{
	int			n;

	if (!ChooseVouchers(search, plan, reduces ? search->reducing : search->paying,
						reduces ? search->nreducing : search->npaying, set, coupon, promo,
						due, &n))
		return false;
	for (int i = 0; i < n && *slots > 0; i++)
	{
		Candidate  *candidate = search->chosen[i];
		Amount		amount;
		Amount		base;

		/* an earlier one may have lowered the price */
		if (reduces && i > 0 && IsBelowLate(search, candidate, &base))
		{
			if (candidate->named)
				return RefuseThreshold(search, candidate, base);
			continue;
		}
		if (i > 0 && IsShutOut(search, plan, candidate, due) && candidate->named)
			return RefuseLimit(search, candidate);
		amount = TakeOf(search, plan, candidate, due);
		if (amount == 0)
			continue;
		AddPart(search, plan, candidate, amount);
		(*slots)--;
	}
	return true;
}

/*
 * The settlement with a given coupon and promo code, either of which may be
 * NULL, and set of vouchers.  False if they do not go together.
 */
static bool
Evaluate(Search *search, Candidate *coupon, Candidate *promo, const VoucherSet *set,
		 PaymentPlan *plan)
{
	const PlanOrder *order = search->order;
	int32		slots = search->policy->vouchers;
	Amount		due;

	plan->nparts = 0;
	plan->discount = 0;
	plan->voucher = 0;
	for (int i = 0; i < order->nlines; i++)
		search->left[i] = order->lines[i].amount;
	for (int i = 0; search->limited && i < search->ncandidates; i++)
		ForgetPlanned(&search->candidates[i]);

	if (Exclude(coupon, promo))
		return RefuseRival(search, promo, coupon);
	if (!AddSingle(search, plan, coupon, true, 0) || !AddSingle(search, plan, promo, true, 0))
		return false;
	if (search->nreducing > 0 &&
		!AddVouchers(search, plan, true, set, coupon, promo, 0, &slots))
		return false;

	due = AmountTrunc(plan->gross - plan->discount, order->digits);
	plan->rounding = plan->gross - plan->discount - due;
	if (search->late)
		memcpy(search->price, search->left, order->nlines * sizeof(Amount));

	if (!AddSingle(search, plan, coupon, false, due) || !AddSingle(search, plan, promo, false, due))
		return false;
	if (search->npaying > 0 && due > plan->voucher &&
		!AddVouchers(search, plan, false, set, coupon, promo, due, &slots))
		return false;
	plan->cash = due - plan->voucher;
	return true;
}

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
