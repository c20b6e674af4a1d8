/*
 * plan.c
 *		Judges every instrument against an order and works out the settlement.
 *
 * Rounding happens at two places, both in this file: a percentage is rounded
 * half up to the minor unit (DiscountOf), and what is due after discounts is
 * cut down to it (Evaluate).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "plan.h"

/* What the seed says a customer picks: the largest. */
const Policy LargestFirst = {4, {SORT_PAYS_DESC, SORT_BALANCE_DESC, SORT_EXPIRY_ASC, SORT_ISSUED_ASC}};

static const char *const kindNames[] = {"coupon", "promo_code", "voucher"};
static const char *const statusNames[] = {"pending", "available", "frozen", "exhausted", "expired",
	"cancelled"};

static const char *const reasonCodes[] = {
#define R(symbol, code, sqlstate, message) code,
	REASONS(R)
#undef R
};

static const int reasonSqlStates[] = {
#define R(symbol, code, sqlstate, message) sqlstate,
	REASONS(R)
#undef R
};

static const char *const reasonMessages[] = {
#define R(symbol, code, sqlstate, message) message,
	REASONS(R)
#undef R
};

/* The name that SQL uses for a kind. */
const char *
KindName(InstrumentKind kind)
{
	return kindNames[kind];
}

/* The name that SQL uses for a status. */
const char *
StatusName(InstrumentStatus status)
{
	return statusNames[status];
}

/* The code that match shows for a reason. */
const char *
ReasonCode(Reason reason)
{
	return reasonCodes[reason];
}

/* The SQLSTATE with which an instrument that the caller named is refused. */
int
ReasonSqlState(Reason reason)
{
	return reasonSqlStates[reason];
}

/* The message of that refusal; %s stands for the instrument. */
const char *
ReasonMessage(Reason reason)
{
	return reasonMessages[reason];
}

/*
 * An instrument's state at an instant.  What is cancelled is nothing else; what is used up stays so after its
 * expiry; what has expired is not called frozen.
 */
InstrumentStatus
StatusAt(bool cancelled, bool frozen, bool hasFaceValue, Amount balance, int32 used,
		 int32 maxUses, TimestampTz effective, TimestampTz expiry, TimestampTz at)
{
	if (cancelled)
		return STATUS_CANCELLED;
	if (used >= maxUses || (hasFaceValue && balance == 0))
		return STATUS_EXHAUSTED;
	if (at >= expiry)
		return STATUS_EXPIRED;
	if (frozen)
		return STATUS_FROZEN;
	if (at < effective)
		return STATUS_PENDING;
	return STATUS_AVAILABLE;
}

/* Is a line in one of the regions that the terms ask for? */
static bool
RegionCovered(const PlanLine *line, const Terms *terms)
{
	if (terms->nregions == 0)
		return true;
	for (int i = 0; i < terms->nregions && line->region != NULL; i++)
	{
		if (strcmp(terms->regions[i], line->region) == 0)
			return true;
	}
	return false;
}

/* Has a line all the tags that the terms ask for, with the same values? */
static bool
TagsCovered(const PlanLine *line, const Terms *terms)
{
	JsonbIterator *has;
	JsonbIterator *wants;

	if (terms->tags == NULL)
		return true;
	if (line->tags == NULL)
		return false;
	has = JsonbIteratorInit((JsonbContainer *) &line->tags->root);
	wants = JsonbIteratorInit((JsonbContainer *) &terms->tags->root);
	return JsonbDeepContains(&has, &wants);
}

/* Why a line is not eligible for an instrument with these terms, or APPLIES. */
Reason
JudgeLine(const PlanLine *line, const Terms *terms)
{
	switch (ScopeJudge(terms->scope, line->product, line->productLen,
					   line->orderType, line->orderTypeLen, line->universal))
	{
		case SCOPE_COVERS:
			break;
		case SCOPE_ORDER_TYPE_NOT_COVERED:
			return REASON_ORDER_TYPE;
		case SCOPE_PRODUCT_NOT_COVERED:
		case SCOPE_EXCLUDED:
			return REASON_PRODUCT;
	}
	if (!RegionCovered(line, terms))
		return REASON_REGION;
	if (!TagsCovered(line, terms))
		return REASON_TAGS;
	/* an upgrade or renewal is the scope's business; a purchase must be the first */
	if (terms->firstPurchase && line->purchase && line->purchasedBefore)
		return REASON_NOT_FIRST_PURCHASE;
	if ((terms->minDuration > 0 || terms->maxDuration < PG_INT64_MAX) &&
		(line->duration < terms->minDuration || line->duration > terms->maxDuration))
		return REASON_DURATION;
	return REASON_APPLIES;
}

/* What a reduction takes off, given what is left of its eligible lines. */
static Amount
DiscountOf(const Candidate *candidate, Amount base, int digits)
{
	const Terms *terms = candidate->terms;
	Amount		discount;

	if (terms->hasRate)
		discount = AmountMulDivHalfUpTo(base, terms->rate, AMOUNT_ONE, digits);
	else
		discount = candidate->balance;
	return AmountTrunc(Min(Min(discount, terms->maximum), base), digits);
}

/* What a voucher pays of an amount due, given what is left of its eligible lines. */
static Amount
TenderOf(const Candidate *candidate, Amount base, Amount due, int digits)
{
	return AmountTrunc(Min(Min(candidate->balance, candidate->terms->maximum), Min(base, due)),
					   digits);
}

/* Is an instrument valid at the time of a line? */
static bool
ValidFor(const Candidate *candidate, const PlanLine *line)
{
	return line->at >= candidate->effective && line->at < candidate->expiry;
}

/*
 * The time that decides an instrument's status: of the first line for which it
 * is valid, else of the first line.
 */
static TimestampTz
JudgedAt(const PlanOrder *order, const Candidate *candidate)
{
	for (int i = 0; i < order->nlines; i++)
	{
		if (ValidFor(candidate, &order->lines[i]))
			return order->lines[i].at;
	}
	return order->lines[0].at;
}

/*
 * Find whether an instrument applies to the order by its own rules: the one
 * place where a rule says no.
 */
static void
JudgeCandidate(const PlanOrder *order, Candidate *candidate)
{
	const Terms *terms = candidate->terms;
	Reason		nearest = REASON_PRODUCT;
	bool		any = false;

	candidate->base = 0;
	candidate->pays = 0;
	candidate->eligible = NULL;

	switch (StatusAt(candidate->cancelled, candidate->frozen, !terms->hasRate, candidate->balance,
					 candidate->used, candidate->maxUses,
					 candidate->effective, candidate->expiry, JudgedAt(order, candidate)))
	{
		case STATUS_AVAILABLE:
			break;
		case STATUS_CANCELLED:
			candidate->reason = REASON_CANCELLED;
			return;
		case STATUS_EXHAUSTED:
			candidate->reason = REASON_EXHAUSTED;
			return;
		case STATUS_EXPIRED:
			candidate->reason = REASON_EXPIRED;
			return;
		case STATUS_FROZEN:
			candidate->reason = REASON_FROZEN;
			return;
		case STATUS_PENDING:
			candidate->reason = REASON_PENDING;
			return;
	}
	if (strcmp(terms->currency, order->currency) != 0)
	{
		candidate->reason = REASON_CURRENCY;
		return;
	}
	if (terms->invitedOnly && !candidate->invited)
	{
		candidate->reason = REASON_NOT_INVITED;
		return;
	}
	if (terms->paymentType != PAYMENT_ANY && terms->paymentType != order->paymentType)
	{
		candidate->reason = REASON_PAYMENT_TYPE;
		return;
	}

	candidate->eligible = palloc(order->nlines * sizeof(bool));
	for (int i = 0; i < order->nlines; i++)
	{
		const PlanLine *line = &order->lines[i];
		Reason		reason = JudgeLine(line, terms);

		candidate->eligible[i] = reason == REASON_APPLIES && ValidFor(candidate, line);
		if (candidate->eligible[i])
		{
			any = true;
			candidate->base = AmountAdd(candidate->base, Max(line->amount, 0));
		}
		else
			nearest = Max(nearest, reason);
	}
	if (!any)
	{
		candidate->reason = nearest;
		return;
	}
	if (candidate->base < terms->threshold)
	{
		candidate->reason = REASON_THRESHOLD;
		return;
	}
	candidate->reason = REASON_APPLIES;
	candidate->pays = (terms->kind == KIND_VOUCHER)
		? TenderOf(candidate, candidate->base, candidate->base, order->digits)
		: DiscountOf(candidate, candidate->base, order->digits);
}

/*
 * Judge all candidates; fills in their reason, base, pays and eligible.
 * Memory: current context.
 */
void
JudgeCandidates(const PlanOrder *order, int ncandidates, Candidate *candidates)
{
	for (int i = 0; i < ncandidates; i++)
	{
		CHECK_FOR_INTERRUPTS();
		JudgeCandidate(order, &candidates[i]);
	}
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/*
 * Which of two instruments comes first under a policy: negative when a does.
 * "pays" is what was last worked out for them on the same order.
 */
int
CompareCandidates(const Candidate *a, const Candidate *b, const Policy *policy)
{
	for (int i = 0; i < policy->nkeys; i++)
	{
		int			order = 0;

		switch (policy->keys[i])
		{
			case SORT_PAYS_DESC:
				order = COMPARE(b->pays, a->pays);
				break;
			case SORT_BALANCE_DESC:
				order = COMPARE(b->balance, a->balance);
				break;
			case SORT_EXPIRY_ASC:
				order = COMPARE(a->expiry, b->expiry);
				break;
			case SORT_ISSUED_ASC:
				order = COMPARE(a->issuedAt, b->issuedAt);
				break;
		}
		if (order != 0)
			return order;
	}
	return COMPARE(a->instrumentId, b->instrumentId);
}

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
AddPart(const PlanOrder *order, PaymentPlan *plan, Candidate *candidate, Amount amount, Amount *left)
{
	PlanPart   *part = &plan->parts[plan->nparts];
	Amount	   *weights;

	if (amount == 0)
		return;
	if (part->shares == NULL)
		part->shares = palloc(order->nlines * sizeof(Amount));
	weights = palloc(order->nlines * sizeof(Amount));
	for (int i = 0; i < order->nlines; i++)
		weights[i] = candidate->eligible[i] ? Max(left[i], 0) : 0;
	Allocate(amount, order->nlines, weights, AmountQuantum(order->digits), part->shares);
	pfree(weights);

	for (int i = 0; i < order->nlines; i++)
		left[i] -= part->shares[i];
	part->candidate = candidate;
	part->amount = amount;
	plan->nparts++;
}

/* The voucher that comes first under the policy for what is still due, or NULL. */
static Candidate *
ChooseVoucher(const PlanOrder *order, int ncandidates, Candidate *candidates,
			  const Choice *choice, const Policy *policy, Amount due, const Amount *left)
{
	Candidate  *best = NULL;

	if (choice->mode == CHOICE_NONE || due == 0)
		return NULL;
	for (int i = 0; i < ncandidates; i++)
	{
		Candidate  *candidate = &candidates[i];

		if (candidate->terms->kind != KIND_VOUCHER || candidate->reason != REASON_APPLIES)
			continue;
		if (choice->mode == CHOICE_NAMED && candidate != choice->named)
			continue;
		candidate->pays = TenderOf(candidate, EligibleLeft(order, candidate, left), due,
								   order->digits);
		if (candidate->pays > 0 &&
			(best == NULL || CompareCandidates(candidate, best, policy) < 0))
			best = candidate;
	}
	return best;
}

/* The settlement with a given coupon and promo code, either of which may be NULL. */
static void
Evaluate(const PlanOrder *order, int ncandidates, Candidate *candidates,
		 Candidate *coupon, Candidate *promo, const Choice *voucherChoice,
		 const Policy *policy, Amount *left, PaymentPlan *plan)
{
	Candidate  *reductions[] = {coupon, promo};
	Candidate  *voucher;
	Amount		due;

	plan->nparts = 0;
	plan->discount = 0;
	plan->voucher = 0;
	for (int i = 0; i < order->nlines; i++)
		left[i] = order->lines[i].amount;

	for (int i = 0; i < lengthof(reductions); i++)
	{
		Amount		discount;

		if (reductions[i] == NULL)
			continue;
		/* lines below zero may leave less of the order than of the eligible lines */
		discount = DiscountOf(reductions[i], EligibleLeft(order, reductions[i], left),
							  order->digits);
		discount = Min(discount, AmountTrunc(plan->gross - plan->discount, order->digits));
		AddPart(order, plan, reductions[i], discount, left);
		plan->discount += discount;
	}

	due = AmountTrunc(plan->gross - plan->discount, order->digits);
	plan->rounding = plan->gross - plan->discount - due;

	voucher = ChooseVoucher(order, ncandidates, candidates, voucherChoice, policy, due, left);
	if (voucher != NULL)
	{
		plan->voucher = voucher->pays;
		AddPart(order, plan, voucher, voucher->pays, left);
	}
	plan->cash = due - plan->voucher;
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
			if (candidates[i].terms->kind != kind ||
				candidates[i].reason != REASON_APPLIES)
				continue;
			/* insertion sort: an account holds few coupons that apply */
			options[n] = &candidates[i];
			for (int j = n++; j > 0 && CompareCandidates(options[j], options[j - 1], policy) < 0; j--)
			{
				Candidate  *swap = options[j];

				options[j] = options[j - 1];
				options[j - 1] = swap;
			}
		}
	}
	options[n++] = NULL;
	return n;
}

/*
 * Work out the settlement: at most one coupon, one promo code and one voucher.
 * Candidates have been judged, and a named one applies.  Every coupon is tried
 * with every promo code; the voucher is the policy's first for what they leave
 * due.
 *
 * Errors: amount out of range, if the lines add up to more than an amount
 * holds.  Memory: current context.
 */
void
MakePlan(const PlanOrder *order, int ncandidates, Candidate *candidates,
		 const Choice choice[KIND_COUNT], const Policy *policy, PaymentPlan *plan)
{
	Candidate **coupons = palloc((ncandidates + 1) * sizeof(Candidate *));
	Candidate **promos = palloc((ncandidates + 1) * sizeof(Candidate *));
	Amount	   *left = palloc(order->nlines * sizeof(Amount));
	PaymentPlan trial = {0};
	int			ncoupons;
	int			npromos;

	memset(plan, 0, sizeof(PaymentPlan));
	for (int i = 0; i < order->nlines; i++)
		plan->gross = AmountAdd(plan->gross, order->lines[i].amount);
	trial.gross = plan->gross;
	if (plan->gross < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the order comes to less than zero"),
				 errdetail("Its lines add up to %s.", AmountToString(plan->gross))));

	ncoupons = Options(ncandidates, candidates, KIND_COUPON, &choice[KIND_COUPON], policy, coupons);
	npromos = Options(ncandidates, candidates, KIND_PROMO_CODE, &choice[KIND_PROMO_CODE], policy,
					  promos);
	for (int i = 0; i < ncoupons; i++)
	{
		for (int j = 0; j < npromos; j++)
		{
			CHECK_FOR_INTERRUPTS();
			Evaluate(order, ncandidates, candidates, coupons[i], promos[j],
					 &choice[KIND_VOUCHER], policy, left, &trial);
			if ((i == 0 && j == 0) || IsBetter(&trial, plan))
			{
				/* the loser's buffers serve the next trial */
				PaymentPlan swap = *plan;

				*plan = trial;
				trial = swap;
				trial.gross = plan->gross;
			}
		}
	}
}
