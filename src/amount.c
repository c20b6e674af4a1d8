/*
 * amount.c
 *		The type amount: exact money.
 *
 * Nothing is ever rounded silently: input with a ninth decimal is refused, and
 * only what is called round, trunc or MulDiv rounds.  Comparison, ordering and
 * hashing are PostgreSQL's own int8 functions, bound in amount.sql.
 */
#include "postgres.h"

#include <ctype.h>

#include "amount.h"
#include "compat.h"
#include "libpq/pqformat.h"
#include "parser/scansup.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

/* The type is written with at least this many decimals. */
#define AMOUNT_MIN_DECIMALS	2

/* Sign, 11 digits, point, 8 decimals and the terminating zero. */
#define AMOUNT_TEXT_SIZE	22

/*
 * State of sum(amount).  The total cannot overflow: 2^63 amounts of less than
 * 2^63 units fit.  The count tells an empty frame (null) from one whose sum is
 * zero.
 */
typedef struct AmountSum
{
	int64		count;
	int128		total;			/* units of 1e-8 */
} AmountSum;

PG_FUNCTION_INFO_V1(amount_in);
PG_FUNCTION_INFO_V1(amount_out);
PG_FUNCTION_INFO_V1(amount_recv);
PG_FUNCTION_INFO_V1(amount_from_bigint);
PG_FUNCTION_INFO_V1(amount_from_integer);
PG_FUNCTION_INFO_V1(amount_from_numeric);
PG_FUNCTION_INFO_V1(amount_to_numeric);
PG_FUNCTION_INFO_V1(amount_add);
PG_FUNCTION_INFO_V1(amount_sub);
PG_FUNCTION_INFO_V1(amount_mul);
PG_FUNCTION_INFO_V1(amount_mul_commuted);
PG_FUNCTION_INFO_V1(amount_round);
PG_FUNCTION_INFO_V1(amount_trunc);
PG_FUNCTION_INFO_V1(amount_sum_accum);
PG_FUNCTION_INFO_V1(amount_sum_remove);
PG_FUNCTION_INFO_V1(amount_sum_combine);
PG_FUNCTION_INFO_V1(amount_sum_serialize);
PG_FUNCTION_INFO_V1(amount_sum_deserialize);
PG_FUNCTION_INFO_V1(amount_sum_final);

/* What every range error says of the value or expression that is outside. */
#define OutOfRangeDetail(value) \
	errdetail("%s is not between %s and %s.", (value), \
			  AmountToString(AMOUNT_MIN), AmountToString(AMOUNT_MAX))

/* Raises 22003 for a value, or an expression whose value is no amount. */
static void
AmountOutOfRange(const char *value)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("amount out of range"),
			 OutOfRangeDetail(value)));
}

/* Raises 22003 for "a operation b"; AmountAdd and AmountSub call it. */
void
AmountOverflow(Amount a, char operation, Amount b)
{
	AmountOutOfRange(psprintf("%s %c %s", AmountToString(a), operation,
							  AmountToString(b)));
}

/* Raises 22023 unless a minor unit may have this many decimals. */
static void
CheckDigits(int64 digits)
{
	if (digits < 0 || digits > AMOUNT_DECIMALS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of decimals out of range: " INT64_FORMAT, digits),
				 errdetail("An amount has 0 to %d decimals.", AMOUNT_DECIMALS)));
}

/* Writes one more decimal digit to non-negative units; false on overflow. */
static inline bool
AppendDigit(int64 *units, char digit)
{
	return !pg_mul_s64_overflow(*units, 10, units) &&
		!pg_add_s64_overflow(*units, digit - '0', units);
}

/*
 * Reads the text form: optional white space around [+-] digits [. digits] or
 * [+-] . digits.  There is no exponent, no NaN or infinity and no group
 * separator.  Raises 22P02 or 22003, softly where escontext allows: then it
 * returns false and leaves *amount alone.
 */
bool
AmountParse(const char *text, Amount *amount, struct Node *escontext)
{
	const char *p = text;
	const char *digits;
	int64		units = 0;
	int			decimals = 0;
	bool		negative = false;
	bool		inRange = true;
	bool		exact = true;

	while (scanner_isspace(*p))
		p++;
	if (*p == '+' || *p == '-')
		negative = *p++ == '-';

	for (digits = p; isdigit((unsigned char) *p); p++)
		inRange = inRange && AppendDigit(&units, *p);
	if (*p == '.')
	{
		for (digits = ++p; isdigit((unsigned char) *p); p++)
		{
			if (decimals == AMOUNT_DECIMALS)
				exact = exact && *p == '0';
			else
			{
				inRange = inRange && AppendDigit(&units, *p);
				decimals++;
			}
		}
	}
	if (p == digits)
		goto malformed;
	while (scanner_isspace(*p))
		p++;
	if (*p != '\0')
		goto malformed;

	for (; decimals < AMOUNT_DECIMALS; decimals++)
		inRange = inRange && AppendDigit(&units, '0');
	if (!inRange)
		ereturn(escontext, false,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("amount out of range"),
				 OutOfRangeDetail(psprintf("\"%s\"", text))));
	if (!exact)
		ereturn(escontext, false,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("amount has more than %d decimals: \"%s\"",
						AMOUNT_DECIMALS, text),
				 errdetail("An amount is exact and is never rounded silently."),
				 errhint("Round it first, for example with round(0.123456789, %d).",
						 AMOUNT_DECIMALS)));

	*amount = negative ? -units : units;
	return true;

malformed:
	ereturn(escontext, false,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s: \"%s\"", "amount", text)));
}

/*
 * The canonical text, palloc'd: at least two decimals, no trailing zero beyond
 * them.
 */
char *
AmountToString(Amount a)
{
	uint64		units = a < 0 ? -(uint64) a : (uint64) a;
	char	   *text = palloc(AMOUNT_TEXT_SIZE);
	char	   *p = text;
	char	   *shortest;

	if (a < 0)
		*p++ = '-';
	p += pg_ulltoa_n(units / AMOUNT_ONE, p);
	*p++ = '.';
	shortest = p + AMOUNT_MIN_DECIMALS;
	p = pg_ultostr_zeropad(p, units % AMOUNT_ONE, AMOUNT_DECIMALS);
	while (p > shortest && p[-1] == '0')
		p--;
	*p = '\0';
	return text;
}

/*
 * Rounds half away from zero to a minor unit of 0 to 8 decimals; raises 22003
 * where that leaves the range.
 */
Amount
AmountRound(Amount a, int digits)
{
	int64		quantum;
	int64		rest;
	Amount		result;

	CheckDigits(digits);
	quantum = AmountQuantum(digits);
	rest = a % quantum;
	result = a - rest;

	if ((rest < 0 ? -rest : rest) >= quantum - (rest < 0 ? -rest : rest) &&
		pg_add_s64_overflow(result, a < 0 ? -quantum : quantum, &result))
		AmountOutOfRange(psprintf("round(%s, %d)", AmountToString(a), digits));
	return result;
}

/* Rounds toward zero to a minor unit of 0 to 8 decimals. */
Amount
AmountTrunc(Amount a, int digits)
{
	CheckDigits(digits);
	return a - a % AmountQuantum(digits);
}

/*
 * a * num / den for non-negative a and num and positive den, exact but for one
 * rounding: half-up to a minor unit of 0 to 8 decimals.  The product of two
 * int64 fits an int128 with room, and so does den times the minor unit.
 */
Amount
AmountMulDivHalfUpTo(Amount a, int64 num, int64 den, int digits)
{
	int64		quantum;
	int128		product = (int128) a * num;
	int128		divisor;
	int128		result;

	CheckDigits(digits);
	if (a < 0 || num < 0 || den <= 0)
		elog(ERROR, "cannot take the share " INT64_FORMAT "/" INT64_FORMAT " of amount %s",
			 num, den, AmountToString(a));

	quantum = AmountQuantum(digits);
	divisor = (int128) den * quantum;
	result = product / divisor;
	if (product % divisor >= divisor - product % divisor)
		result++;
	result *= quantum;
	if (result > AMOUNT_MAX)
		AmountOutOfRange(psprintf("%s * " INT64_FORMAT " / " INT64_FORMAT,
								  AmountToString(a), num, den));
	return (Amount) result;
}

/* Text input. */
Datum
amount_in(PG_FUNCTION_ARGS)
{
	Amount		result;

	if (!AmountParse(PG_GETARG_CSTRING(0), &result, fcinfo->context))
		PG_RETURN_NULL();
	PG_RETURN_AMOUNT(result);
}

/* Text output. */
Datum
amount_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(AmountToString(PG_GETARG_AMOUNT(0)));
}

/* Binary input: an int64 of units, but never the one that cannot be negated. */
Datum
amount_recv(PG_FUNCTION_ARGS)
{
	int64		units = pq_getmsgint64((StringInfo) PG_GETARG_POINTER(0));

	if (units < AMOUNT_MIN)
		AmountOutOfRange(AmountToString(units));
	PG_RETURN_AMOUNT(units);
}

/* Whole money from a bigint; raises 22003 where it is no amount. */
Datum
amount_from_bigint(PG_FUNCTION_ARGS)
{
	int64		whole = PG_GETARG_INT64(0);
	Amount		result;

	/* A multiple of AMOUNT_ONE is never PG_INT64_MIN, which is a power of two. */
	if (pg_mul_s64_overflow(whole, AMOUNT_ONE, &result))
		AmountOutOfRange(psprintf(INT64_FORMAT, whole));
	PG_RETURN_AMOUNT(result);
}

/* Whole money from an integer: every one is an amount. */
Datum
amount_from_integer(PG_FUNCTION_ARGS)
{
	PG_RETURN_AMOUNT(PG_GETARG_INT32(0) * AMOUNT_ONE);
}

/*
 * From numeric, exactly or not at all, by way of the text: numeric_out writes
 * all digits and no exponent.  NaN and the infinities are out of range.
 */
Datum
amount_from_numeric(PG_FUNCTION_ARGS)
{
	Numeric		number = PG_GETARG_NUMERIC(0);
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out,
														   NumericGetDatum(number)));
	Amount		result = 0;

	if (numeric_is_nan(number) || numeric_is_inf(number))
		AmountOutOfRange(text);
	AmountParse(text, &result, NULL);
	PG_RETURN_AMOUNT(result);
}

/* To numeric, exactly, with the decimals that the text form shows. */
Datum
amount_to_numeric(PG_FUNCTION_ARGS)
{
	return DirectFunctionCall3(numeric_in,
							   CStringGetDatum(AmountToString(PG_GETARG_AMOUNT(0))),
							   ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}

/* amount + amount */
Datum
amount_add(PG_FUNCTION_ARGS)
{
	PG_RETURN_AMOUNT(AmountAdd(PG_GETARG_AMOUNT(0), PG_GETARG_AMOUNT(1)));
}

/* amount - amount */
Datum
amount_sub(PG_FUNCTION_ARGS)
{
	PG_RETURN_AMOUNT(AmountSub(PG_GETARG_AMOUNT(0), PG_GETARG_AMOUNT(1)));
}

/* a * factor; raises 22003 where the product is no amount. */
static Amount
AmountMul(Amount a, int64 factor)
{
	Amount		result;

	if (pg_mul_s64_overflow(a, factor, &result) || result < AMOUNT_MIN)
		AmountOutOfRange(psprintf("%s * " INT64_FORMAT, AmountToString(a), factor));
	return result;
}

/* amount * bigint */
Datum
amount_mul(PG_FUNCTION_ARGS)
{
	PG_RETURN_AMOUNT(AmountMul(PG_GETARG_AMOUNT(0), PG_GETARG_INT64(1)));
}

/* bigint * amount */
Datum
amount_mul_commuted(PG_FUNCTION_ARGS)
{
	PG_RETURN_AMOUNT(AmountMul(PG_GETARG_AMOUNT(1), PG_GETARG_INT64(0)));
}

/* round(amount, digits): half away from zero */
Datum
amount_round(PG_FUNCTION_ARGS)
{
	int64		digits = PG_GETARG_INT64(1);

	CheckDigits(digits);
	PG_RETURN_AMOUNT(AmountRound(PG_GETARG_AMOUNT(0), (int) digits));
}

/* trunc(amount, digits): toward zero */
Datum
amount_trunc(PG_FUNCTION_ARGS)
{
	int64		digits = PG_GETARG_INT64(1);

	CheckDigits(digits);
	PG_RETURN_AMOUNT(AmountTrunc(PG_GETARG_AMOUNT(0), (int) digits));
}

/*
 * The aggregate's state in argument n, made in the aggregate's own memory
 * context where there is none yet.
 */
static AmountSum *
GetAmountSum(FunctionCallInfo fcinfo, int n)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (PG_ARGISNULL(n))
		return MemoryContextAllocZero(context, sizeof(AmountSum));
	return (AmountSum *) PG_GETARG_POINTER(n);
}

/* sum(amount): one more value; nulls do not count */
Datum
amount_sum_accum(PG_FUNCTION_ARGS)
{
	AmountSum  *state = GetAmountSum(fcinfo, 0);

	if (!PG_ARGISNULL(1))
	{
		state->count++;
		state->total += PG_GETARG_AMOUNT(1);
	}
	PG_RETURN_POINTER(state);
}

/* sum(amount) over a moving frame: a value that leaves it */
Datum
amount_sum_remove(PG_FUNCTION_ARGS)
{
	AmountSum  *state = GetAmountSum(fcinfo, 0);

	if (!PG_ARGISNULL(1))
	{
		state->count--;
		state->total -= PG_GETARG_AMOUNT(1);
	}
	PG_RETURN_POINTER(state);
}

/* sum(amount): the states of two workers */
Datum
amount_sum_combine(PG_FUNCTION_ARGS)
{
	AmountSum  *state = GetAmountSum(fcinfo, 0);

	if (!PG_ARGISNULL(1))
	{
		AmountSum  *other = (AmountSum *) PG_GETARG_POINTER(1);

		state->count += other->count;
		state->total += other->total;
	}
	PG_RETURN_POINTER(state);
}

/* sum(amount): a worker's state as bytes: count, then the total's two halves */
Datum
amount_sum_serialize(PG_FUNCTION_ARGS)
{
	AmountSum  *state = GetAmountSum(fcinfo, 0);
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendint64(&buffer, state->count);
	pq_sendint64(&buffer, (uint64) (state->total >> 64));
	pq_sendint64(&buffer, (uint64) state->total);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* sum(amount): and back, in the caller's memory context */
Datum
amount_sum_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	AmountSum  *state = palloc(sizeof(AmountSum));
	StringInfoData buffer;
	uint64		high;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");

	initStringInfo(&buffer);
	appendBinaryStringInfo(&buffer, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	state->count = pq_getmsgint64(&buffer);
	high = pq_getmsgint64(&buffer);
	state->total = (int128) ((uint128) high << 64 | (uint64) pq_getmsgint64(&buffer));
	pq_getmsgend(&buffer);
	PG_RETURN_POINTER(state);
}

/*
 * sum(amount): null for no value at all.  Only here is the range checked, so
 * that a sum which leaves it on the way and comes back is right.
 */
Datum
amount_sum_final(PG_FUNCTION_ARGS)
{
	AmountSum  *state = PG_ARGISNULL(0) ? NULL : (AmountSum *) PG_GETARG_POINTER(0);

	if (state == NULL || state->count == 0)
		PG_RETURN_NULL();
	if (state->total < AMOUNT_MIN || state->total > AMOUNT_MAX)
		AmountOutOfRange(psprintf("The sum of " INT64_FORMAT " amounts", state->count));
	PG_RETURN_AMOUNT((Amount) state->total);
}
