/*
 * policy.c
 *		What a deduction policy says: which voucher comes first, and which
 *		charge it pays first.
 */
#include "postgres.h"

#include "plan.h"

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static const char *const sortKeyNames[] = {
#define K(symbol, name) name,
	SORT_KEYS(K)
#undef K
};

static const char *const chargeKeyNames[] = {"amount_desc", "amount_asc", "line_asc"};

/* The sort key of a name; false if there is none. */
bool
SortKeyFromName(const char *name, SortKey *key)
{
	for (int i = 0; i < SORT_KEY_COUNT; i++)
	{
		*key = (SortKey) i;
		if (strcmp(sortKeyNames[i], name) == 0)
			return true;
	}
	return false;
}

/* The order of charges of a name; false if there is none. */
bool
ChargeKeyFromName(const char *name, ChargeKey *key)
{
	for (int i = 0; i < CHARGE_KEY_COUNT; i++)
	{
		*key = (ChargeKey) i;
		if (strcmp(chargeKeyNames[i], name) == 0)
			return true;
	}
	return false;
}

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
			case SORT_DEDUCTIBLE_DESC:
				order = COMPARE(b->pays, a->pays);
				break;
			case SORT_BALANCE_DESC:
				order = COMPARE(AvailableOf(b), AvailableOf(a));
				break;
			case SORT_BALANCE_ASC:
				order = COMPARE(AvailableOf(a), AvailableOf(b));
				break;
			case SORT_EXPIRY_ASC:
				order = COMPARE(a->expiry, b->expiry);
				break;
			case SORT_ISSUED_ASC:
				order = COMPARE(a->issuedAt, b->issuedAt);
				break;
			case SORT_START_ASC:
				order = COMPARE(a->effective, b->effective);
				break;
			case SORT_PRIORITY_ASC:
				order = COMPARE(a->terms->priority, b->terms->priority);
				break;
			case SORT_RESTRICTED_FIRST:
				order = COMPARE(a->terms->nproducts == PG_INT32_MAX,
								b->terms->nproducts == PG_INT32_MAX);
				break;
			case SORT_SINGLE_PRODUCT_FIRST:
				order = COMPARE(a->terms->nproducts != 1, b->terms->nproducts != 1);
				break;
			case SORT_FEWEST_PRODUCTS:
				order = COMPARE(a->terms->nproducts, b->terms->nproducts);
				break;
			case SORT_KEY_COUNT:
				break;
		}
		if (order != 0)
			return order;
	}
	return COMPARE(a->instrumentId, b->instrumentId);
}

/* As CompareCandidates, for qsort_arg: of pointers to them, by a policy. */
int
ComparePlaces(const void *a, const void *b, void *policy)
{
	return CompareCandidates(*(Candidate *const *) a, *(Candidate *const *) b, policy);
}

/* A line to be paid. */
typedef struct Charge
{
	Amount		amount;
	int32		lineNo;
	int			line;
} Charge;

/* Which of two charges is paid first; a qsort_arg comparator. */
static int
CompareCharges(const void *a, const void *b, void *arg)
{
	const Charge *left = a;
	const Charge *right = b;
	const Policy *policy = arg;

	for (int i = 0; i < policy->ncharges; i++)
	{
		int			order = 0;

		switch (policy->charges[i])
		{
			case CHARGE_AMOUNT_DESC:
				order = COMPARE(right->amount, left->amount);
				break;
			case CHARGE_AMOUNT_ASC:
				order = COMPARE(left->amount, right->amount);
				break;
			case CHARGE_LINE_ASC:
			case CHARGE_KEY_COUNT:
				break;
		}
		if (order != 0)
			return order;
	}
	return COMPARE(left->lineNo, right->lineNo);
}

/*
 * Pay lines one after the other, each in full before the next, in the policy's
 * order of what is left of them.  Requires 0 <= total <= sum of left.
 */
void
PayInOrder(Amount total, const Policy *policy, const PlanOrder *order, const Amount *left,
		   Amount *shares)
{
	Charge	   *charges = palloc(order->nlines * sizeof(Charge));

	for (int i = 0; i < order->nlines; i++)
	{
		charges[i].amount = left[i];
		charges[i].lineNo = order->lines[i].lineNo;
		charges[i].line = i;
	}
	qsort_arg(charges, order->nlines, sizeof(Charge), CompareCharges, (void *) policy);
	for (int i = 0; i < order->nlines; i++)
	{
		Amount		share = Min(total, charges[i].amount);

		shares[charges[i].line] = share;
		total -= share;
	}
	pfree(charges);
}
