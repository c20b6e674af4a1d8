/*
 * evaluate.c
 *		Works out the settlement with one combination of instruments, in the
 *		order of deduction: what reduces the price (coupon, promo code, vouchers
 *		in the policy's order), rounding down of what is then due, once, and what
 *		pays (likewise).
 */
#include "postgres.h"

#include "combine.h"

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
bool
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
