/*
 * terms.c
 *		Makes templates and policies, as plans take them, of rows of their tables.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datum.h"

#include "catalog.h"
#include "limit.h"
#include "rows.h"
#include "store.h"
#include "terms.h"

/* A column as a string in the current context, NULL if null. */
static const char *
OptionalText(int column)
{
	return StoreText(0, column);
}

/* A column of a varlena or fixed-length by-reference type, copied; NULL if null. */
static void *
OptionalCopy(int column, int typlen)
{
	bool		isnull;
	Datum		value = StoreDatum(0, column, &isnull);

	if (isnull)
		return NULL;
	if (typlen == -1)
		return PG_DETOAST_DATUM_COPY(value);
	return DatumGetPointer(datumCopy(value, false, typlen));
}

/* The elements of a text[] column, copied; returns how many, 0 if null. */
static int
OptionalTextArray(int column, const char ***strings)
{
	bool		isnull;
	Datum		value = StoreDatum(0, column, &isnull);

	return isnull ? 0 : ReadTextArray(value, strings);
}

/* A 32-bit column, or a default if null. */
static int32
OptionalInt32(int column, int32 otherwise)
{
	bool		isnull;
	Datum		value = StoreDatum(0, column, &isnull);

	return isnull ? otherwise : DatumGetInt32(value);
}

/* An amount column, or a default if null. */
static Amount
OptionalAmount(int column, Amount otherwise)
{
	bool		isnull;
	Datum		value = StoreDatum(0, column, &isnull);

	return isnull ? otherwise : DatumGetAmount(value);
}

/* An interval column as a span, or a default if null. */
static int64
OptionalSpan(int column, int64 otherwise)
{
	Interval   *interval = OptionalCopy(column, sizeof(Interval));

	return interval == NULL ? otherwise : IntervalSpan(interval);
}

/* The kind that a name of template.kind means. */
static InstrumentKind
KindFromName(const char *name)
{
	for (int kind = 0; kind < KIND_COUNT; kind++)
	{
		if (strcmp(KindName(kind), name) == 0)
			return kind;
	}
	elog(ERROR, "unknown kind \"%s\"", name);
}

/* How many products a scope names; PG_INT32_MAX if it is universal. */
static int
CountProducts(const Scope *scope)
{
	for (int i = 0; i < scope->nincludes; i++)
	{
		if (scope->terms[i].pathLen == 1 && ScopeText(scope)[scope->terms[i].path] == '*')
			return PG_INT32_MAX;
	}
	return scope->nincludes;
}

/* The kinds that an array of names stands for. */
static int
KindBits(int column)
{
	const char **names;
	int			n = OptionalTextArray(column, &names);
	int			bits = 0;

	for (int i = 0; i < n; i++)
		bits |= KIND_BIT(KindFromName(names[i]));
	return bits;
}

/* The length of an interval in microseconds, a month taken as 30 days, as PostgreSQL compares. */
int64
IntervalSpan(const Interval *interval)
{
	int64		days = (int64) interval->month * DAYS_PER_MONTH + interval->day;
	int128		span = (int128) days * USECS_PER_DAY + interval->time;

	if (span > PG_INT64_MAX)
		return PG_INT64_MAX;
	if (span < PG_INT64_MIN)
		return PG_INT64_MIN;
	return (int64) span;
}

/*
 * The template of the row that the last statement found, in a context; columns
 * as in TEMPLATE_COLUMNS.
 */
Template *
BuildTemplate(MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Template   *template = palloc0(sizeof(Template));
	Terms	   *terms = &template->terms;
	const char *paymentType;
	bool		isnull;

	terms->templateId = StoreInt64(0, 1);
	terms->name = OptionalText(2);
	terms->kind = KindFromName(OptionalText(3));
	template->campaign = OptionalText(4);
	terms->currency = OptionalText(5);
	template->faceValue = OptionalAmount(6, 0);
	StoreDatum(0, 7, &isnull);
	terms->hasRate = !isnull;
	terms->rate = OptionalAmount(7, 0);
	terms->maximum = OptionalAmount(8, AMOUNT_MAX);
	terms->threshold = StoreAmount(0, 9);
	terms->scope = OptionalCopy(10, -1);
	paymentType = OptionalText(11);
	terms->paymentType = paymentType == NULL ? PAYMENT_ANY :
		strcmp(paymentType, "subscription") == 0 ? PAYMENT_SUBSCRIPTION : PAYMENT_PAY_AS_YOU_GO;
	terms->firstPurchase = StoreBool(0, 12);
	terms->minDuration = OptionalSpan(13, 0);
	terms->maxDuration = OptionalSpan(14, PG_INT64_MAX);
	template->uses = OptionalInt32(15, PG_INT32_MAX);
	template->perAccount = OptionalInt32(16, PG_INT32_MAX);
	terms->invitedOnly = StoreBool(0, 17);
	template->valid = OptionalCopy(18, -1);
	template->validFor = OptionalCopy(19, sizeof(Interval));
	template->fromIssue = StoreBool(0, 20);
	template->timeZone = OptionalText(21);
	template->promoCode = OptionalText(22);
	terms->nregions = OptionalTextArray(23, &terms->regions);
	terms->tags = OptionalCopy(24, -1);
	terms->reduces = StoreBool(0, 25);
	terms->thresholdAfter = StoreBool(0, 26);
	terms->thresholdStrict = StoreBool(0, 27);
	terms->priority = StoreInt32(0, 28);
	terms->excludes = KindBits(29);
	terms->nproducts = CountProducts(terms->scope);
	template->transferable = StoreBool(0, 30);
	template->shareable = StoreBool(0, 31);
	MemoryContextSwitchTo(old);
	LoadLimits(terms, template->campaign, context);
	return template;
}

/*
 * The policy of the row that the last statement found, in a context: name,
 * vouchers, sort, charges.
 */
Policy *
BuildPolicy(MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Policy	   *policy = palloc0(sizeof(Policy));
	const char **keys;
	int			n;

	policy->name = OptionalText(1);
	policy->vouchers = OptionalInt32(2, PG_INT32_MAX);
	n = OptionalTextArray(3, &keys);
	for (int i = 0; i < n; i++)
	{
		if (policy->nkeys >= lengthof(policy->keys) ||
			!SortKeyFromName(keys[i], &policy->keys[policy->nkeys++]))
			elog(ERROR, "policy \"%s\" has an unknown sort key \"%s\"", policy->name, keys[i]);
	}
	n = OptionalTextArray(4, &keys);
	for (int i = 0; i < n; i++)
	{
		if (policy->ncharges >= lengthof(policy->charges) ||
			!ChargeKeyFromName(keys[i], &policy->charges[policy->ncharges++]))
			elog(ERROR, "policy \"%s\" has an unknown order of charges \"%s\"", policy->name,
				 keys[i]);
	}
	MemoryContextSwitchTo(old);
	return policy;
}
