/*
 * plan.c
 *		Judges every instrument against an order.
 *
 * A percentage is rounded half up to the minor unit here (ValueOf); what is due
 * after discounts is cut down to it in combine.c (Evaluate).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "plan.h"

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

/*
 * Why a line is not eligible for an instrument with these terms, but for
 * reasons that are waived; or APPLIES.
 */
Reason
JudgeLine(const PlanLine *line, const Terms *terms, uint64 waived)
{
#define ASKS(reason) ((waived & REASON_BIT(REASON_##reason)) == 0)
	switch (ScopeJudge(terms->scope, line->product, line->productLen,
					   line->orderType, line->orderTypeLen, line->universal))
	{
		case SCOPE_COVERS:
			break;
		case SCOPE_ORDER_TYPE_NOT_COVERED:
			if (ASKS(ORDER_TYPE))
				return REASON_ORDER_TYPE;
			break;
		case SCOPE_PRODUCT_NOT_COVERED:
		case SCOPE_EXCLUDED:
			if (ASKS(PRODUCT))
				return REASON_PRODUCT;
			break;
	}
	if (ASKS(REGION) && !RegionCovered(line, terms))
		return REASON_REGION;
	if (ASKS(TAGS) && !TagsCovered(line, terms))
		return REASON_TAGS;
	/* an upgrade or renewal is the scope's business; a purchase must be the first */
	if (ASKS(NOT_FIRST_PURCHASE) && terms->firstPurchase && line->purchase &&
		(line->purchasedBefore || line->purchaseHeld))
		return REASON_NOT_FIRST_PURCHASE;
	if (ASKS(DURATION) && (terms->minDuration > 0 || terms->maxDuration < PG_INT64_MAX) &&
		(line->duration < terms->minDuration || line->duration > terms->maxDuration))
		return REASON_DURATION;
	return REASON_APPLIES;
}

/* What of an instrument's balance no other order holds. */
Amount
AvailableOf(const Candidate *candidate)
{
	return Max(candidate->balance - candidate->held, 0);
}

/* What an instrument is good for on eligible lines: its rate of them or its balance. */
static Amount
ValueOf(const Candidate *candidate, Amount base, int digits)
{
	const Terms *terms = candidate->terms;
	Amount		value = AvailableOf(candidate);

	if (terms->hasRate)
		value = AmountMulDivHalfUpTo(base, terms->rate, AMOUNT_ONE, digits);
	value = Min(value, LimitsLeave(candidate));
	return Min(Min(value, terms->maximum), base);
}

/* What a reduction takes off, given what is left of its eligible lines. */
Amount
DiscountOf(const Candidate *candidate, Amount base, int digits)
{
	return AmountTrunc(ValueOf(candidate, base, digits), digits);
}

/* What a tender pays of an amount due, given what is left of its eligible lines. */
Amount
TenderOf(const Candidate *candidate, Amount base, Amount due, int digits)
{
	return AmountTrunc(Min(ValueOf(candidate, base, digits), due), digits);
}

/* Do eligible lines of this sum reach the threshold? */
bool
ReachesThreshold(const Terms *terms, Amount base)
{
	return terms->thresholdStrict ? base > terms->threshold : base >= terms->threshold;
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
 * place where a rule says no.  It stops at the first one; with that waived, it
 * finds the next.
 */
void
JudgeCandidate(const PlanOrder *order, Candidate *candidate)
{
	uint64		waived = candidate->waived;
	const Terms *terms = candidate->terms;
	Reason		nearest = REASON_PRODUCT;
	bool		any = false;

	candidate->base = 0;
	candidate->pays = 0;
	candidate->eligible = NULL;
	/* an order whose limits had to be locked is planned twice */
	candidate->named = candidate->barred = false;
	ForgetPlanned(candidate);

	switch (StatusAt(candidate->cancelled, candidate->frozen && ASKS(FROZEN),
					 !terms->hasRate && ASKS(EXHAUSTED), candidate->balance,
					 candidate->used, ASKS(EXHAUSTED) ? candidate->maxUses : PG_INT32_MAX,
					 ASKS(PENDING) ? candidate->effective : DT_NOBEGIN,
					 ASKS(EXPIRED) ? candidate->expiry : DT_NOEND, JudgedAt(order, candidate)))
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
	if (ASKS(HELD) && (candidate->used + candidate->heldUses >= candidate->maxUses ||
					   (!terms->hasRate && AvailableOf(candidate) == 0)) &&
		candidate->heldUses > 0)
	{
		candidate->reason = REASON_HELD;
		return;
	}
	if (ASKS(CURRENCY) && strcmp(terms->currency, order->currency) != 0)
	{
		candidate->reason = REASON_CURRENCY;
		return;
	}
	if (ASKS(NOT_INVITED) && terms->invitedOnly && !candidate->invited)
	{
		candidate->reason = REASON_NOT_INVITED;
		return;
	}
	if (ASKS(PAYMENT_TYPE) && terms->paymentType != PAYMENT_ANY && terms->paymentType != order->paymentType)
	{
		candidate->reason = REASON_PAYMENT_TYPE;
		return;
	}

	candidate->eligible = palloc(order->nlines * sizeof(bool));
	for (int i = 0; i < order->nlines; i++)
	{
		const PlanLine *line = &order->lines[i];
		Reason		reason = JudgeLine(line, terms, waived);

		candidate->eligible[i] = reason == REASON_APPLIES &&
			(!ASKS(EXPIRED) || !ASKS(PENDING) || ValidFor(candidate, line));
		if (candidate->eligible[i])
		{
			any = true;
			/* what is eligible for a waiver only does not count towards a threshold */
			if (waived == 0 ||
				(ValidFor(candidate, line) && JudgeLine(line, terms, 0) == REASON_APPLIES))
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
	/* a threshold after reductions is judged again when those are known */
	if (ASKS(THRESHOLD) && !ReachesThreshold(terms, candidate->base))
	{
		candidate->reason = REASON_THRESHOLD;
		return;
	}
	/* a rest below the minor unit is none */
	if (ASKS(LIMIT_REACHED) && LimitsLeave(candidate) < AmountQuantum(order->digits))
	{
		candidate->reason = REASON_LIMIT_REACHED;
		return;
	}
	candidate->reason = REASON_APPLIES;
	candidate->pays = terms->reduces
		? DiscountOf(candidate, candidate->base, order->digits)
		: TenderOf(candidate, candidate->base, candidate->base, order->digits);
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
