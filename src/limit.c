/*
 * limit.c
 *		Limits: which a template has, what is used of them, and adding one.
 *
 * Lock order: accounts (each in all its currencies), a code, then counters by
 * their limits' ids.  So calls that count in several limits queue up at the
 * first that they share.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "catalog.h"
#include "issue.h"
#include "limit.h"

PG_FUNCTION_INFO_V1(voucher_create_limit);

/* ------------------------------------------------------------------------
 * The limits of a template
 * ------------------------------------------------------------------------
 */

/* Read the limits of a template and of its campaign into its terms; they live in a context. */
void
LoadLimits(Terms *terms, const char *campaign, MemoryContext context)
{
	Datum		values[3];
	char		nulls[] = {' ', NULL_FLAG(campaign == NULL), ' '};
	int			n;
	UsageLimit *limits;
	MemoryContext old;

	values[0] = Int64GetDatum(terms->templateId);
	values[1] = campaign == NULL ? (Datum) 0 : CStringGetTextDatum(campaign);
	values[2] = CStringGetTextDatum(terms->currency);
	n = (int) StoreRun(STMT_LIMITS_OF_TEMPLATE, STORE_LATEST, values, nulls);
	if (n == 0)
		return;

	old = MemoryContextSwitchTo(context);
	limits = palloc0(n * sizeof(UsageLimit));
	for (int i = 0; i < n; i++)
	{
		UsageLimit *limit = &limits[i];
		bool		isnull;
		Datum		value;

		limit->limitId = StoreInt64(i, 1);
		limit->owner = StoreBool(i, 2) ? psprintf("campaign \"%s\"", campaign) :
			psprintf("template \"%s\"", terms->name);
		limit->countsIssues = StoreBool(i, 3);
		limit->perAccount = StoreBool(i, 4);
		limit->period = StoreText(i, 5);
		limit->timeZone = StoreText(i, 6);
		value = StoreDatum(i, 7, &isnull);
		limit->maxCount = isnull ? PG_INT64_MAX : DatumGetInt64(value);
		value = StoreDatum(i, 8, &isnull);
		limit->maxAmount = isnull ? AMOUNT_MAX : DatumGetAmount(value);
		limit->currency = isnull ? NULL : terms->currency;
	}
	MemoryContextSwitchTo(old);
	terms->limits = limits;
	terms->nlimits = n;
}

/* ------------------------------------------------------------------------
 * Counters
 * ------------------------------------------------------------------------
 */

/*
 * Begin the state of a limit with the period that an instant is in, half-open:
 * from midnight in its zone; a week begins on Monday.
 */
void
PeriodOf(const UsageLimit *limit, TimestampTz at, LimitUsage *state)
{
	Interval	length = {0};
	Datum		zone;
	Datum		local;

	memset(state, 0, sizeof(LimitUsage));
	state->limit = limit;
	state->from = DT_NOBEGIN;
	state->until = DT_NOEND;
	if (limit->period == NULL)
		return;
	if (strcmp(limit->period, "day") == 0)
		length.day = 1;
	else if (strcmp(limit->period, "week") == 0)
		length.day = 7;
	else
		length.month = 1;
	zone = CStringGetTextDatum(limit->timeZone);
	state->from = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_trunc_zone,
														  CStringGetTextDatum(limit->period),
														  TimestampTzGetDatum(at), zone));
	/* the next midnight is not always 24 hours away */
	local = DirectFunctionCall2(timestamptz_zone, zone, TimestampTzGetDatum(state->from));
	local = DirectFunctionCall2(timestamp_pl_interval, local, IntervalPGetDatum(&length));
	state->until = DatumGetTimestampTz(DirectFunctionCall2(timestamp_zone, zone, local));
}

/*
 * The counters in which something is held, of the n rows of held_usage that the
 * last statement returned as limit_id, period_start, per_account.
 */
LimitUsage *
HeldCounters(int n)
{
	UsageLimit *limits = palloc0(Max(n, 1) * sizeof(UsageLimit));
	LimitUsage *states = palloc0(Max(n, 1) * sizeof(LimitUsage));

	for (int i = 0; i < n; i++)
	{
		limits[i].limitId = StoreInt64(i, 1);
		limits[i].perAccount = StoreBool(i, 3);
		states[i].limit = &limits[i];
		states[i].from = StoreTime(i, 2);
	}
	return states;
}

/* Order two states, each given by its address, as their counters are locked. */
static int
CompareCounters(const void *a, const void *b)
{
	const LimitUsage *left = *(LimitUsage *const *) a;
	const LimitUsage *right = *(LimitUsage *const *) b;

	if (left->limit->limitId != right->limit->limitId)
		return left->limit->limitId < right->limit->limitId ? -1 : 1;
	return (left->from > right->from) - (left->from < right->from);
}

/* Order two states by their limits' ids. */
static int
CompareStates(const void *a, const void *b)
{
	int64		left = ((const LimitUsage *) a)->limit->limitId;
	int64		right = ((const LimitUsage *) b)->limit->limitId;

	return (left > right) - (left < right);
}

/* The state of a limit in a set, or NULL. */
static LimitUsage *
FindState(LimitSet *set, int64 limitId)
{
	for (int i = 0; i < set->n; i++)
	{
		if (set->states[i].limit->limitId == limitId)
			return &set->states[i];
	}
	return NULL;
}

/* Add those limits of some terms that count uses, or issues, to a set that has room for them. */
static void
AddLimits(const Terms *terms, bool uses, bool issues, TimestampTz at, LimitSet *set)
{
	for (int i = 0; i < terms->nlimits; i++)
	{
		const UsageLimit *limit = &terms->limits[i];

		if ((limit->countsIssues ? issues : uses) && FindState(set, limit->limitId) == NULL)
			PeriodOf(limit, at, &set->states[set->n++]);
	}
}

/*
 * Count what open holds of other orders keep of a limit as used.  orderId may
 * be NULL.
 */
static void
AddHeld(const char *accountId, const char *orderId, TimestampTz at, StoreMode mode,
		LimitUsage *state)
{
	Datum		values[5];
	char		nulls[] = "     ";

	values[0] = CStringGetTextDatum(accountId);
	values[1] = Int64GetDatum(state->limit->limitId);
	values[2] = TimestampTzGetDatum(state->from);
	values[3] = TimestampTzGetDatum(at);
	values[4] = OptionalTextDatum(orderId, &nulls[4]);
	StoreRun(STMT_HELD_USAGE_READ, mode, values, nulls);
	state->used += StoreInt64(0, 1);
	state->amount = AmountAdd(state->amount, StoreAmount(0, 2));
}

/*
 * Find the limits that candidates meet and read what is used of them, in one
 * statement; none where nothing has limits.  A promo code that has not been
 * used yet is issued when it is.
 */
void
ReadLimits(const char *accountId, const char *orderId, TimestampTz at, StoreMode mode,
		   Candidate *candidates, int ncandidates, LimitSet *set)
{
	Oid			types[] = {INT8OID, TIMESTAMPTZOID};
	Datum	   *keys[2];
	Datum		values[3];
	bool	   *held;
	int			most = 0;

	set->n = 0;
	set->states = NULL;
	for (int i = 0; i < ncandidates; i++)
		most += candidates[i].terms->nlimits;
	if (most == 0)
		return;

	set->states = palloc(most * sizeof(LimitUsage));
	for (int i = 0; i < ncandidates; i++)
		AddLimits(candidates[i].terms, true, candidates[i].instrumentId == 0, at, set);
	qsort(set->states, set->n, sizeof(LimitUsage), CompareStates);
	for (int i = 0; i < ncandidates; i++)
	{
		Candidate  *candidate = &candidates[i];
		const Terms *terms = candidate->terms;

		candidate->limits = palloc(terms->nlimits * sizeof(LimitUsage *));
		for (int j = 0; j < terms->nlimits; j++)
		{
			if (!terms->limits[j].countsIssues || candidate->instrumentId == 0)
				candidate->limits[candidate->nlimits++] = FindState(set, terms->limits[j].limitId);
		}
	}

	for (int key = 0; key < 2; key++)
	{
		keys[key] = palloc(set->n * sizeof(Datum));
		for (int i = 0; i < set->n; i++)
			keys[key][i] = key == 0 ? Int64GetDatum(set->states[i].limit->limitId) :
				TimestampTzGetDatum(set->states[i].from);
		values[key + 1] = Array8(types[key], keys[key], set->n);
	}
	values[0] = CStringGetTextDatum(accountId);
	StoreRun(STMT_USAGE_READ, mode, values, NULL);
	held = palloc(set->n * sizeof(bool));
	for (int i = 0; i < set->n; i++)
	{
		set->states[i].used = StoreInt64(i, 1);
		set->states[i].amount = StoreAmount(i, 2);
		held[i] = StoreInt64(i, 3) > 0;
	}
	for (int i = 0; i < set->n; i++)
	{
		if (held[i])
			AddHeld(accountId, orderId, at, mode, &set->states[i]);
	}
}

/*
 * Lock the counters of a set's limits until the transaction ends and read them
 * as they now are.  The account is locked.  What is held is read when the
 * counter is locked, since who holds moves it.  If the order's own hold is to be
 * resolved, which may be of other limits and periods, its counters are locked in
 * one order with the set's.
 */
void
LockLimits(const char *accountId, const char *orderId, TimestampTz at, LimitSet *set, bool resolves)
{
	int			n = set->n;
	int			nheld = 0;
	LimitUsage *held;
	LimitUsage **states;

	if (resolves)
	{
		Datum		key[2] = {CStringGetTextDatum(accountId), CStringGetTextDatum(orderId)};

		nheld = (int) StoreRun(STMT_HELD_USAGE_OWN, STORE_LATEST, key, NULL);
	}
	states = palloc(Max(n + nheld, 1) * sizeof(LimitUsage *));
	for (int i = 0; i < n; i++)
		states[i] = &set->states[i];
	held = HeldCounters(nheld);
	for (int i = 0; i < nheld; i++)
		states[n++] = &held[i];
	qsort(states, n, sizeof(LimitUsage *), CompareCounters);
	for (int i = 0; i < n; i++)
	{
		LimitUsage *state = states[i];
		Statement	statement = state->limit->perAccount ? STMT_ACCOUNT_USAGE_LOCK :
			STMT_TOTAL_USAGE_LOCK;
		Datum		values[3];

		values[0] = CStringGetTextDatum(accountId);
		values[1] = Int64GetDatum(state->limit->limitId);
		values[2] = TimestampTzGetDatum(state->from);
		/* a counter that is not there could not be locked: two would both begin it */
		if (StoreRun(statement, STORE_WRITE, values, NULL) == 0)
		{
			AddUsage(state, accountId, 0, 0);
			if (StoreRun(statement, STORE_WRITE, values, NULL) == 0)
				elog(ERROR, "counter of limit " INT64_FORMAT " is missing", state->limit->limitId);
		}
		state->used = StoreInt64(0, 1);
		state->amount = StoreAmount(0, 2);
		if (StoreInt64(0, 3) > 0)
			AddHeld(accountId, orderId, at, STORE_WRITE, state);
	}
}

/* Lock what issuing of several templates will count in. */
void
LockIssueLimits(const char *accountId, TimestampTz at, int n, const Terms *const *terms)
{
	LimitSet	set = {0};
	int			most = 0;

	for (int i = 0; i < n; i++)
		most += terms[i]->nlimits;
	if (most == 0)
		return;
	set.states = palloc(most * sizeof(LimitUsage));
	for (int i = 0; i < n; i++)
		AddLimits(terms[i], false, true, at, &set);
	qsort(set.states, set.n, sizeof(LimitUsage), CompareStates);
	LockLimits(accountId, NULL, at, &set, false);
}

/* Numbers that a settlement keeps of each limit that it met: see settlement.sql. */
enum
{
	KEPT_LIMIT,
	KEPT_USED,
	KEPT_AMOUNT,
	KEPT_MAX_COUNT,
	KEPT_MAX_AMOUNT,
	KEPT_COUNT
};

/* Keep in a settlement's row how its limits stood, which will change; null if it met none. */
void
SetLimits(Row *settlement, const LimitSet *set)
{
	Datum	   *kept = palloc(Max(set->n, 1) * KEPT_COUNT * sizeof(Datum));

	if (set->n == 0)
		return;
	for (int i = 0; i < set->n; i++)
	{
		const LimitUsage *state = &set->states[i];
		Datum	   *numbers = &kept[i * KEPT_COUNT];

		numbers[KEPT_LIMIT] = Int64GetDatum(state->limit->limitId);
		numbers[KEPT_USED] = Int64GetDatum(state->used);
		numbers[KEPT_AMOUNT] = Int64GetDatum(state->amount);
		numbers[KEPT_MAX_COUNT] = Int64GetDatum(state->limit->maxCount);
		numbers[KEPT_MAX_AMOUNT] = Int64GetDatum(state->limit->maxAmount);
	}
	SetValue(settlement, SET_LIMITS, Array8(INT8OID, kept, set->n * KEPT_COUNT));
}

/* A limit of these candidates, or NULL. */
static const UsageLimit *
FindLimit(const Candidate *candidates, int ncandidates, int64 limitId)
{
	for (int i = 0; i < ncandidates; i++)
	{
		const Terms *terms = candidates[i].terms;

		for (int j = 0; j < terms->nlimits; j++)
		{
			if (terms->limits[j].limitId == limitId)
				return &terms->limits[j];
		}
	}
	return NULL;
}

/* As ReadLimits, as the limits stood when a settlement was made: those that it keeps. */
void
PastLimits(const Row *settlement, TimestampTz at, Candidate *candidates, int ncandidates,
		   LimitSet *set)
{
	Datum	   *kept;
	int			n;

	set->n = 0;
	set->states = NULL;
	if (settlement->isnull[SET_LIMITS])
		return;
	deconstruct_array(DatumGetArrayTypeP(settlement->values[SET_LIMITS]), INT8OID, sizeof(int64),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &kept, NULL, &n);
	set->states = palloc(n / KEPT_COUNT * sizeof(LimitUsage));
	for (int i = 0; i < n / KEPT_COUNT; i++)
	{
		const Datum *numbers = &kept[i * KEPT_COUNT];
		const UsageLimit *now = FindLimit(candidates, ncandidates,
										  DatumGetInt64(numbers[KEPT_LIMIT]));
		UsageLimit *limit = palloc(sizeof(UsageLimit));
		LimitUsage *state = &set->states[set->n];

		if (now == NULL)
			continue;
		*limit = *now;
		limit->maxCount = DatumGetInt64(numbers[KEPT_MAX_COUNT]);
		limit->maxAmount = DatumGetInt64(numbers[KEPT_MAX_AMOUNT]);
		PeriodOf(limit, at, state);
		state->used = DatumGetInt64(numbers[KEPT_USED]);
		state->amount = DatumGetInt64(numbers[KEPT_AMOUNT]);
		set->n++;
	}
	for (int i = 0; i < ncandidates; i++)
	{
		Candidate  *candidate = &candidates[i];
		const Terms *terms = candidate->terms;

		candidate->nlimits = 0;
		candidate->limits = palloc(Max(terms->nlimits, 1) * sizeof(LimitUsage *));
		for (int j = 0; j < terms->nlimits; j++)
		{
			LimitUsage *state = FindState(set, terms->limits[j].limitId);

			/* of what counts issues, only a promo code's first use asks */
			if (state != NULL &&
				(!terms->limits[j].countsIssues || terms->kind == KIND_PROMO_CODE))
				candidate->limits[candidate->nlimits++] = state;
		}
	}
}

/* What is used of a limit, in words.  Memory: current context. */
char *
LimitDetail(const LimitUsage *state)
{
	const UsageLimit *limit = state->limit;
	char	   *figures;
	char	   *when = "";

	/* timestamptz_to_str has one buffer, so one at a time */
	if (limit->period != NULL)
	{
		when = psprintf(" from %s", timestamptz_to_str(state->from));
		when = psprintf("%s to %s", when, timestamptz_to_str(state->until));
	}
	if (state->used >= limit->maxCount || limit->maxAmount == AMOUNT_MAX)
		figures = psprintf(INT64_FORMAT " of " INT64_FORMAT " %s", state->used, limit->maxCount,
						   limit->countsIssues ? "issues" : "uses");
	else
		figures = psprintf("%s of %s %s %s", AmountToString(state->amount),
						   AmountToString(limit->maxAmount), limit->currency,
						   limit->countsIssues ? "issued" : "used");
	return psprintf("Limit " INT64_FORMAT " of %s stands at %s%s%s.", limit->limitId,
					limit->owner, figures, limit->perAccount ? " per account" : "", when);
}

/* ------------------------------------------------------------------------
 * Adding a limit
 * ------------------------------------------------------------------------
 */

/* The arguments, in the order of STMT_LIMIT_INSERT's parameters. */
enum
{
	ARG_TEMPLATE,
	ARG_CAMPAIGN,
	ARG_MAX_COUNT,
	ARG_MAX_AMOUNT,
	ARG_COUNTS,
	ARG_PER,
	ARG_PERIOD,
	ARG_TIME_ZONE,
	ARG_CURRENCY,
	ARG_CONTENTS,				/* all before are what a limit is */
	ARG_REQUEST_ID = ARG_CONTENTS,
	ARG_REASON,
	ARG_ACTOR,
	ARG_COUNT
};

/*
 * The currency that a limit is in: of its template; of all of its campaign's,
 * if an amount must have one; or what the caller says.
 */
static const char *
LimitCurrency(FunctionCallInfo fcinfo, const Template *template, const char *campaign)
{
	const char *currency = OptionalTextArgument(fcinfo, ARG_CURRENCY);
	Datum		value;

	if (template != NULL)
	{
		if (currency != NULL && strcmp(currency, template->terms.currency) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("template \"%s\" is in another currency", template->terms.name),
					 errdetail("It is in %s.", template->terms.currency)));
		return template->terms.currency;
	}
	if (currency != NULL || PG_ARGISNULL(ARG_MAX_AMOUNT))
		return currency;
	value = CStringGetTextDatum(campaign);
	if (StoreRun(STMT_CAMPAIGN_CURRENCIES, STORE_LATEST, &value, NULL) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("templates of campaign \"%s\" are not all in one currency", campaign),
				 errhint("Say which one with the argument \"currency\".")));
	return StoreText(0, 1);
}

/*
 * The limit that an earlier call with this request id created; of its contents
 * the first ones are compared.  Error VC302 if that call asked for another one.
 */
static bool
FindCreated(const char *requestId, const Datum *values, const char *nulls, int contents,
		  int64 *limitId)
{
	const char *differs;

	if (StoreRun(STMT_LIMIT_REQUEST, STORE_WRITE, &values[ARG_REQUEST_ID], NULL) == 0)
		return false;
	differs = StoreDiffers(2, values, nulls, contents);
	if (differs != NULL)
		RefuseRequest(requestId, NULL, differs);
	*limitId = StoreInt64(0, 1);
	return true;
}

/* Write a limit, or find it if another call with its request id was faster. */
static int64
WriteLimit(const char *requestId, const Datum *values, const char *nulls, int contents)
{
	int64		limitId;

	if (requestId != NULL && StoreRun(STMT_LIMIT_INSERT, STORE_WRITE, values, nulls) == 1)
		return StoreInt64(0, 1);
	if (requestId != NULL && FindCreated(requestId, values, nulls, contents, &limitId))
		return limitId;
	StoreWriteRows(STMT_LIMIT_INSERT, values, nulls, 1);
	return StoreInt64(0, 1);
}

/* create_limit(template, campaign, …) returns bigint: see limit.sql */
Datum
voucher_create_limit(PG_FUNCTION_ARGS)
{
	const char *templateName = OptionalTextArgument(fcinfo, ARG_TEMPLATE);
	const char *campaign = OptionalTextArgument(fcinfo, ARG_CAMPAIGN);
	const Template *template = NULL;
	const char *currency;
	Datum		values[ARG_COUNT];
	char		nulls[ARG_COUNT];
	const char *requestId = RequestIdArgument(fcinfo, ARG_REQUEST_ID);
	int			contents = PG_ARGISNULL(ARG_CURRENCY) ? ARG_CURRENCY : ARG_CONTENTS;
	int64		limitId;

	if ((templateName == NULL) == (campaign == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a limit is on either a template or a campaign")));
	for (int i = 0; i < ARG_COUNT; i++)
	{
		values[i] = PG_GETARG_DATUM(i);
		nulls[i] = NULL_FLAG(PG_ARGISNULL(i));
	}
	TextArgument(fcinfo, ARG_COUNTS, "counts");
	TextArgument(fcinfo, ARG_PER, "per");
	TextArgument(fcinfo, ARG_TIME_ZONE, "time_zone");

	StoreBegin();
	CatalogBegin();
	if (templateName != NULL)
		template = CatalogTemplateByName(templateName);
	else
		CheckCampaign(campaign, GetCurrentTimestamp());
	if (template != NULL)
		values[ARG_TEMPLATE] = Int64GetDatum(template->terms.templateId);
	/* a currency that was left out may not be clear any more */
	if (requestId != NULL && FindCreated(requestId, values, nulls, contents, &limitId))
	{
		StoreEnd();
		PG_RETURN_INT64(limitId);
	}
	currency = LimitCurrency(fcinfo, template, campaign);
	if (currency != NULL)
		CatalogDigits(currency);
	if (!PG_ARGISNULL(ARG_MAX_AMOUNT))
		CheckMinorUnit(PG_GETARG_AMOUNT(ARG_MAX_AMOUNT), currency, "max_amount");
	values[ARG_CURRENCY] = OptionalTextDatum(currency, &nulls[ARG_CURRENCY]);
	limitId = WriteLimit(requestId, values, nulls, contents);
	StoreEnd();
	PG_RETURN_INT64(limitId);
}
