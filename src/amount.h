/*
 * amount.h
 *		Exact money: whole units of 1e-8 in an int64.
 *
 * Eight decimals are the finest that a cloud bill carries per line.  The range
 * is symmetric, so that negation and abs cannot overflow: PG_INT64_MIN is never
 * an amount.
 */
#ifndef VOUCHER_AMOUNT_H
#define VOUCHER_AMOUNT_H

#include "common/int.h"
#include "fmgr.h"

#ifndef HAVE_INT128
#error "voucher needs a compiler with 128-bit integers: shares and totals of money are computed exactly in them"
#endif

typedef int64 Amount;

#define AMOUNT_DECIMALS		8
#define AMOUNT_ONE			INT64CONST(100000000)
#define AMOUNT_MAX			PG_INT64_MAX
#define AMOUNT_MIN			(-PG_INT64_MAX)

#define DatumGetAmount(X)		((Amount) DatumGetInt64(X))
#define AmountGetDatum(X)		Int64GetDatum(X)
#define PG_GETARG_AMOUNT(n)		DatumGetAmount(PG_GETARG_DATUM(n))
#define PG_RETURN_AMOUNT(x)		return AmountGetDatum(x)

extern bool AmountParse(const char *text, Amount *amount, struct Node *escontext);
extern char *AmountToString(Amount a);

extern Amount AmountRound(Amount a, int digits);
extern Amount AmountTrunc(Amount a, int digits);
extern Amount AmountMulDivHalfUpTo(Amount a, int64 num, int64 den, int digits);

extern void AmountOverflow(Amount a, char operation, Amount b);

/* a + b; raises 22003 where the sum is no amount. */
static inline Amount
AmountAdd(Amount a, Amount b)
{
	Amount		result;

	if (unlikely(pg_add_s64_overflow(a, b, &result) || result < AMOUNT_MIN))
		AmountOverflow(a, '+', b);
	return result;
}

/* a - b; raises 22003 where the difference is no amount. */
static inline Amount
AmountSub(Amount a, Amount b)
{
	Amount		result;

	if (unlikely(pg_sub_s64_overflow(a, b, &result) || result < AMOUNT_MIN))
		AmountOverflow(a, '-', b);
	return result;
}

/*
 * How many units of 1e-8 a minor unit with this many decimals (0 to 8) is
 * worth: 10^(8 - digits).
 */
static inline int64
AmountQuantum(int digits)
{
	int64		quantum = 1;

	Assert(digits >= 0 && digits <= AMOUNT_DECIMALS);
	for (int i = digits; i < AMOUNT_DECIMALS; i++)
		quantum *= 10;
	return quantum;
}

#endif							/* VOUCHER_AMOUNT_H */
