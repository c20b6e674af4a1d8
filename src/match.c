/*
 * match.c
 *		Shows what of an account applies to an order, and why the rest does not.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "match.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_match);
PG_FUNCTION_INFO_V1(voucher_explain);

/* What applies first, by kind in the order of deduction, best first. */
static int
CompareMatches(const void *a, const void *b, void *policy)
{
	const Candidate *left = *(Candidate *const *) a;
	const Candidate *right = *(Candidate *const *) b;
	bool		leftApplies = left->reason == REASON_APPLIES;
	bool		rightApplies = right->reason == REASON_APPLIES;

	if (leftApplies != rightApplies)
		return leftApplies ? -1 : 1;
	if (left->terms->kind != right->terms->kind)
		return (int) left->terms->kind - (int) right->terms->kind;
	return CompareCandidates(left, right, policy);
}

/* The judged candidates in the order of match's rows. */
Candidate **
SortMatches(const OrderFacts *facts)
{
	Candidate **sorted = palloc((facts->ncandidates + 1) * sizeof(Candidate *));

	for (int i = 0; i < facts->ncandidates; i++)
		sorted[i] = &facts->candidates[i];
	qsort_arg(sorted, facts->ncandidates, sizeof(Candidate *), CompareMatches,
			  (void *) facts->policy);
	return sorted;
}

/* A value of type text, null if the string is NULL. */
static Datum
TextOrNull(const char *string, bool *isnull)
{
	*isnull = string == NULL;
	return string == NULL ? (Datum) 0 : CStringGetTextDatum(string);
}

/* The columns of match's row i; rank is what this returned for the row before. */
int
SetMatch(const PlanOrder *order, Candidate *const *sorted, int i, int rank, Datum *values,
		 bool *isnull)
{
	const Candidate *candidate = sorted[i];
	bool		applies = candidate->reason == REASON_APPLIES;

	rank = (i > 0 && sorted[i - 1]->terms->kind == candidate->terms->kind) ? rank + 1 : 1;
	memset(isnull, false, MATCH_COLUMNS * sizeof(bool));
	values[0] = Int32GetDatum(rank);
	isnull[0] = !applies;
	values[1] = CStringGetTextDatum(KindName(candidate->terms->kind));
	values[2] = Int64GetDatum(candidate->instrumentId);
	isnull[2] = candidate->instrumentId == 0;
	values[3] = CStringGetTextDatum(candidate->terms->name);
	values[4] = BoolGetDatum(applies);
	values[5] = AmountGetDatum(candidate->pays);
	values[6] = AmountGetDatum(candidate->balance);
	isnull[6] = candidate->terms->hasRate;
	values[7] = TimestampTzGetDatum(candidate->expiry);
	isnull[7] = TIMESTAMP_IS_NOEND(candidate->expiry);
	values[8] = CStringGetTextDatum(ReasonCode(candidate->reason));
	values[9] = TextOrNull(ReasonDetail(candidate, order), &isnull[9]);
	return rank;
}

/*
 * Read the arguments, judge what the account holds, and sort it.  The store
 * must be open.
 */
static Candidate **
JudgeAccount(FunctionCallInfo fcinfo, OrderFacts *facts)
{
	int			next = 1 + ORDER_ARGUMENTS;
	OrderRequest request = {0};

	request.accountId = TextArgument(fcinfo, 0, "account_id");
	ReadOrderArguments(fcinfo, 1, &request);
	request.promoCode = ReadPromoCode(OptionalTextArgument(fcinfo, next));
	request.at = TimeArgument(fcinfo, next + 1, "at");
	request.policy = OptionalTextArgument(fcinfo, next + 2);

	CatalogBegin();
	LoadOrder(&request, STORE_READ, facts);
	JudgeCandidates(&facts->order, facts->ncandidates, facts->candidates);

	return SortMatches(facts);
}

/* match(account_id, …) returns setof record: see match.sql */
Datum
voucher_match(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *resultInfo = (ReturnSetInfo *) fcinfo->resultinfo;
	OrderFacts	facts;
	Candidate **sorted;
	int			rank = 0;

	InitMaterializedSRF(fcinfo, 0);
	StoreBegin();
	sorted = JudgeAccount(fcinfo, &facts);
	for (int i = 0; i < facts.ncandidates; i++)
	{
		Datum		values[MATCH_COLUMNS];
		bool		isnull[MATCH_COLUMNS];

		CHECK_FOR_INTERRUPTS();
		rank = SetMatch(&facts.order, sorted, i, rank, values, isnull);
		tuplestore_putvalues(resultInfo->setResult, resultInfo->setDesc, values, isnull);
	}
	StoreEnd();
	return (Datum) 0;
}

/* explain(account_id, …) returns setof record: see match.sql */
Datum
voucher_explain(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *resultInfo = (ReturnSetInfo *) fcinfo->resultinfo;
	OrderFacts	facts;
	Candidate **sorted;

	InitMaterializedSRF(fcinfo, 0);
	StoreBegin();
	sorted = JudgeAccount(fcinfo, &facts);
	for (int i = 0; i < facts.ncandidates; i++)
	{
		Candidate  *candidate = sorted[i];

		/* each reason is waived to find the next; one that cannot be waived is the last */
		for (;;)
		{
			Datum		values[7];
			bool		isnull[7] = {false};

			CHECK_FOR_INTERRUPTS();
			values[0] = CStringGetTextDatum(KindName(candidate->terms->kind));
			values[1] = Int64GetDatum(candidate->instrumentId);
			isnull[1] = candidate->instrumentId == 0;
			values[2] = CStringGetTextDatum(candidate->terms->name);
			values[3] = BoolGetDatum(candidate->reason == REASON_APPLIES);
			values[4] = CStringGetTextDatum(ReasonCode(candidate->reason));
			values[5] = TextOrNull(ReasonDetail(candidate, &facts.order), &isnull[5]);
			values[6] = TextOrNull(Nearest(candidate, &facts.order), &isnull[6]);
			tuplestore_putvalues(resultInfo->setResult, resultInfo->setDesc, values, isnull);

			if (candidate->reason == REASON_APPLIES)
				break;
			candidate->waived |= REASON_BIT(candidate->reason);
			JudgeCandidate(&facts.order, candidate);
			if (candidate->reason == REASON_APPLIES ||
				(candidate->waived & REASON_BIT(candidate->reason)) != 0)
				break;
		}
	}
	StoreEnd();
	return (Datum) 0;
}
