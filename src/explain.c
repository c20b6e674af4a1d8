/*
 * explain.c
 *		Says in words why an instrument does not apply.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#include "order.h"

/* The instrument as an error message calls it. */
char *
Subject(const Candidate *candidate)
{
	switch (candidate->terms->kind)
	{
		case KIND_VOUCHER:
			return psprintf("voucher " INT64_FORMAT, candidate->instrumentId);
		case KIND_COUPON:
			return psprintf("coupon " INT64_FORMAT, candidate->instrumentId);
		case KIND_PROMO_CODE:
			break;
	}
	return psprintf("promo code \"%s\"", CatalogTemplate(candidate->terms->templateId)->promoCode);
}

/* A scope's canonical text. */
static char *
ScopeString(const Scope *scope)
{
	return pnstrdup(ScopeText(scope), ScopeTextLen(scope));
}

/* The first line that is not eligible for this reason. */
static const PlanLine *
LineRefusedFor(const Candidate *candidate, const PlanOrder *order, Reason reason)
{
	for (int i = 0; i < order->nlines; i++)
	{
		if (JudgeLine(&order->lines[i], candidate->terms, candidate->waived) == reason)
			return &order->lines[i];
	}
	return order->lines;
}

/* The regions that a template covers. */
static char *
RegionsString(const Terms *terms)
{
	StringInfoData regions;

	initStringInfo(&regions);
	for (int i = 0; i < terms->nregions; i++)
		appendStringInfo(&regions, "%s\"%s\"", i == 0 ? "" : ", ", terms->regions[i]);
	return regions.data;
}

/* The regions it covers, and the line's. */
static char *
RegionDetail(const Candidate *candidate, const PlanOrder *order)
{
	const PlanLine *line = LineRefusedFor(candidate, order, REASON_REGION);
	char	   *regions = RegionsString(candidate->terms);

	if (line->region == NULL)
		return psprintf("It covers %s; line %d has no region.", regions, line->lineNo);
	return psprintf("It covers %s; line %d is in \"%s\".", regions, line->lineNo, line->region);
}

/* A tags object as text. */
static char *
TagsString(const Jsonb *tags)
{
	return JsonbToCString(NULL, (JsonbContainer *) &tags->root, VARSIZE(tags));
}

/* The tags it asks for, and the line's. */
static char *
TagsDetail(const Candidate *candidate, const PlanOrder *order)
{
	const Terms *terms = candidate->terms;
	const PlanLine *line = LineRefusedFor(candidate, order, REASON_TAGS);

	return psprintf("It covers lines tagged %s; line %d has %s.", TagsString(terms->tags),
					line->lineNo, line->tags == NULL ? "none" : TagsString(line->tags));
}

/* Which product is not bought for the first time. */
static char *
FirstPurchaseDetail(const Candidate *candidate, const PlanOrder *order)
{
	const PlanLine *line = LineRefusedFor(candidate, order, REASON_NOT_FIRST_PURCHASE);

	if (!line->purchasedBefore)
		return psprintf("Another order holds the first purchase of \"%s\".", line->registered);
	return psprintf("The account has purchased \"%s\" before.", line->registered);
}

/* The bounds of a duration. */
static char *
DurationBounds(const Terms *terms)
{
	int64		from = terms->minDuration / USECS_PER_DAY;
	int64		to = terms->maxDuration / USECS_PER_DAY;

	if (terms->maxDuration == PG_INT64_MAX)
		return psprintf("of at least " INT64_FORMAT " days", from);
	return psprintf("from " INT64_FORMAT " to " INT64_FORMAT " days", from, to);
}

/* The bounds of a duration and what the line has, in days as PostgreSQL compares intervals. */
static char *
DurationDetail(const Candidate *candidate, const PlanOrder *order)
{
	const PlanLine *line = LineRefusedFor(candidate, order, REASON_DURATION);
	char	   *bounds = DurationBounds(candidate->terms);

	if (line->duration < 0)
		return psprintf("It covers durations %s; line %d has none.", bounds, line->lineNo);
	return psprintf("It covers durations %s; line %d has " INT64_FORMAT " days.", bounds,
					line->lineNo, line->duration / USECS_PER_DAY);
}

/* The first line whose product is in the scope but not for universal ones; NULL if none is. */
static const PlanLine *
NotUniversalLine(const Terms *terms, const PlanOrder *order)
{
	for (int i = 0; i < order->nlines; i++)
	{
		const PlanLine *line = &order->lines[i];

		if (!line->universal &&
			ScopeJudge(terms->scope, line->product, line->productLen, line->orderType,
					   line->orderTypeLen, true) == SCOPE_COVERS)
			return line;
	}
	return NULL;
}

/* What a scope covers, and what of the order it would if that were universal. */
static char *
ScopeDetail(const Terms *terms, const PlanOrder *order)
{
	const PlanLine *line = NotUniversalLine(terms, order);

	if (line == NULL)
		return psprintf("It covers \"%s\".", ScopeString(terms->scope));
	return psprintf("It covers \"%s\", and \"%s\" is excluded from \"*\".",
					ScopeString(terms->scope), line->product);
}

/* How far the lines are from the threshold. */
static char *
ThresholdDetail(const Candidate *candidate)
{
	const Terms *terms = candidate->terms;

	if (terms->thresholdStrict)
		return psprintf("The lines that it covers come to %s and must come to more than %s.",
						AmountToString(candidate->base), AmountToString(terms->threshold));
	return psprintf("The lines that it covers come to %s; %s more would reach %s.",
					AmountToString(candidate->base),
					AmountToString(terms->threshold - candidate->base),
					AmountToString(terms->threshold));
}

/* The time that an instrument was held against: the first line's. */
static char *
OrderTime(const PlanOrder *order)
{
	const PlanLine *line = &order->lines[0];

	if (line->hasAt)
		return psprintf("line %d is of %s.", line->lineNo, timestamptz_to_str(line->at));
	return psprintf("the order is of %s.", timestamptz_to_str(order->at));
}

/* Which limit leaves an instrument nothing. */
static char *
LimitReachedDetail(const Candidate *candidate, const PlanOrder *order)
{
	ForgetPlanned(candidate);
	if (LimitsLeave(candidate) >= AmountQuantum(order->digits))
		return pstrdup("Another instrument of the order takes the last of a limit that they share.");
	return LimitDetail(TightestLimit(candidate));
}

/*
 * The figures behind a reason, a sentence or two; NULL if the instrument
 * applies.  Memory: current context.
 */
char *
ReasonDetail(const Candidate *candidate, const PlanOrder *order)
{
	const Terms *terms = candidate->terms;

	switch (candidate->reason)
	{
		case REASON_APPLIES:
			return NULL;
		case REASON_CANCELLED:
			return pstrdup(candidate->ownerAccountId == NULL ?
						   "It was revoked or transferred away." :
						   "It is no longer shared, or what it draws on was revoked.");
		case REASON_EXHAUSTED:
			if (candidate->used >= candidate->maxUses)
				return psprintf("It has served %d of %d orders.", candidate->used,
								candidate->maxUses);
			return psprintf("Its balance is %s of %s.", AmountToString(candidate->balance),
							AmountToString(candidate->faceValue));
		case REASON_EXPIRED:
			/* timestamptz_to_str has one buffer, so one at a time */
			return psprintf("It expired at %s; %s",
							pstrdup(timestamptz_to_str(candidate->expiry)),
							OrderTime(order));
		case REASON_PENDING:
			return psprintf("It is valid from %s; %s",
							pstrdup(timestamptz_to_str(candidate->effective)),
							OrderTime(order));
		case REASON_FROZEN:
			return pstrdup("It must be unfrozen first.");
		case REASON_HELD:
			return psprintf("%s until %s.", terms->hasRate ?
							psprintf("%d of its uses are held", candidate->heldUses) :
							psprintf("Of its balance of %s, %s are held",
									 AmountToString(candidate->balance),
									 AmountToString(candidate->held)),
							timestamptz_to_str(candidate->heldUntil));
		case REASON_CURRENCY:
			return psprintf("It is in %s; the order is in %s.", terms->currency, order->currency);
		case REASON_NOT_INVITED:
			return psprintf("The account is not invited to campaign \"%s\".",
							CatalogTemplate(terms->templateId)->campaign);
		case REASON_PAYMENT_TYPE:
			return psprintf("It covers %s orders only.",
							terms->paymentType == PAYMENT_SUBSCRIPTION ? "subscription" : "pay_as_you_go");
		case REASON_PRODUCT:
		case REASON_ORDER_TYPE:
			return ScopeDetail(terms, order);
		case REASON_REGION:
			return RegionDetail(candidate, order);
		case REASON_TAGS:
			return TagsDetail(candidate, order);
		case REASON_NOT_FIRST_PURCHASE:
			return FirstPurchaseDetail(candidate, order);
		case REASON_DURATION:
			return DurationDetail(candidate, order);
		case REASON_THRESHOLD:
			return ThresholdDetail(candidate);
		case REASON_EXCLUDED:
			return psprintf("It does not combine with %s.", Subject(candidate->rival));
		case REASON_LIMIT_REACHED:
			return LimitReachedDetail(candidate, order);
	}
	return NULL;
}

/* How much more of what an instrument covers would reach its threshold. */
static char *
NearestThreshold(const Candidate *candidate, const PlanOrder *order)
{
	const Terms *terms = candidate->terms;
	Amount		lacks = AmountSub(terms->threshold, candidate->base);

	if (terms->thresholdStrict)
		lacks = AmountAdd(lacks, AmountQuantum(order->digits));
	if (strcmp(ScopeString(terms->scope), "*") == 0)
		return psprintf("%s more", AmountToString(lacks));
	return psprintf("%s more of %s", AmountToString(lacks), ScopeString(terms->scope));
}

/* When the limits that an instrument has reached count anew; NULL: never. */
static char *
NextPeriod(const Candidate *candidate, const PlanOrder *order)
{
	TimestampTz end = LimitsEnd(candidate, AmountQuantum(order->digits));

	return TIMESTAMP_IS_NOEND(end) ? NULL : psprintf("from %s on", timestamptz_to_str(end));
}

/*
 * What would make an instrument pass the rule that says no; NULL if nothing
 * that the customer can do.  Memory: current context.
 */
char *
Nearest(const Candidate *candidate, const PlanOrder *order)
{
	const Terms *terms = candidate->terms;

	switch (candidate->reason)
	{
		case REASON_PENDING:
			return psprintf("from %s on", timestamptz_to_str(candidate->effective));
		case REASON_HELD:
			return psprintf("from %s on", timestamptz_to_str(candidate->heldUntil));
		case REASON_CURRENCY:
			return psprintf("an order in %s", terms->currency);
		case REASON_NOT_INVITED:
			return psprintf("an invitation to %s", CatalogTemplate(terms->templateId)->campaign);
		case REASON_PAYMENT_TYPE:
			return pstrdup(terms->paymentType == PAYMENT_SUBSCRIPTION ?
						   "a subscription order" : "a pay_as_you_go order");
		case REASON_PRODUCT:
		case REASON_ORDER_TYPE:
			return psprintf("a line of %s", ScopeString(terms->scope));
		case REASON_REGION:
			return psprintf("a line in %s", RegionsString(terms));
		case REASON_TAGS:
			return psprintf("a line tagged %s", TagsString(terms->tags));
		case REASON_NOT_FIRST_PURCHASE:
			return pstrdup("a product that the account has not purchased");
		case REASON_DURATION:
			return psprintf("a duration %s", DurationBounds(terms));
		case REASON_THRESHOLD:
			return NearestThreshold(candidate, order);
		case REASON_LIMIT_REACHED:
			return NextPeriod(candidate, order);
		default:
			return NULL;
	}
}

/* Refuse an instrument that the caller named and that does not apply. */
void
Refuse(const Candidate *candidate, const PlanOrder *order)
{
	ereport(ERROR,
			(errcode(ReasonSqlState(candidate->reason)),
			 errmsg(ReasonMessage(candidate->reason), Subject(candidate)),
			 errdetail("%s", ReasonDetail(candidate, order))));
}
