/*
 * amount.c
 *		Fuzzes the type amount: its text, its bytes and its arithmetic, against
 *		a reader of one page and 128-bit integers.
 */
#include "shim.h"

#include "amount.h"
#include "port/pg_bswap.h"

#define F(name) extern Datum name(PG_FUNCTION_ARGS);
F(amount_in) F(amount_out) F(amount_recv) F(amount_from_bigint)
F(amount_from_integer) F(amount_add) F(amount_sub) F(amount_mul) F(amount_mul_commuted)
F(amount_round) F(amount_trunc) F(amount_sum_accum) F(amount_sum_remove) F(amount_sum_combine)
F(amount_sum_serialize) F(amount_sum_deserialize) F(amount_sum_final)

/* Is a wide number an amount? */
static bool
InRange(int128 wide)
{
	return wide >= AMOUNT_MIN && wide <= AMOUNT_MAX;
}

/*
 * What a text means, read in another way than AmountParse does: by its parts.
 * 0: it is one; else the SQLSTATE that it must meet.
 */
static int
ReadText(const char *text, Amount *amount)
{
	static const char digits[] = "0123456789";
	size_t		spaces = strspn(text, " \t\n\r\v\f");
	const char *sign = text + spaces;
	const char *whole = sign + (*sign == '+' || *sign == '-');
	size_t		nwhole = strspn(whole, digits);
	const char *rest = whole + nwhole;
	size_t		ndecimals = *rest == '.' ? strspn(rest + 1, digits) : 0;
	const char *end = rest + (*rest == '.' ? 1 + ndecimals : 0);
	int128		units = 0;

	if (nwhole + ndecimals == 0 || (*rest == '.' && ndecimals == 0) ||
		end[strspn(end, " \t\n\r\v\f")] != '\0')
		return ERRCODE_INVALID_TEXT_REPRESENTATION;
	for (size_t i = 0; i < nwhole + AMOUNT_DECIMALS; i++)
	{
		char		digit = i < nwhole ? whole[i] :
			i - nwhole < ndecimals ? rest[1 + i - nwhole] : '0';

		units = Min(units * 10 + (digit - '0'), (int128) 1 << 100);
	}
	if (!InRange(units))
		return ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
	for (size_t i = AMOUNT_DECIMALS; i < ndecimals; i++)
	{
		if (rest[1 + i] != '0')
			return ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
	}
	*amount = *sign == '-' ? -units : units;
	return 0;
}

/* An amount is written in the one canonical way, and comes back from text and bytes. */
static void
CheckWritten(Amount a)
{
	char	   *text = DatumGetCString(CALL1(amount_out, AmountGetDatum(a)));
	const char *point = strchr(text, '.');
	size_t		length = strlen(text);
	uint64		sent = pg_hton64((uint64) a);	/* int8send */
	Amount		again;

	CHECK(point != NULL && point > text && text[length - 1] != '.');
	CHECK(strlen(point + 1) >= 2 && strlen(point + 1) <= AMOUNT_DECIMALS);
	CHECK(strlen(point + 1) == 2 || text[length - 1] != '0');
	CHECK(text[0] != '0' || text[1] == '.');
	CHECK((text[0] == '-') == (a < 0));
	CHECK(ReadText(text, &again) == 0 && again == a);
	CHECK(DatumGetAmount(CALL1(amount_in, CStringGetDatum(text))) == a);

	CHECK(DatumGetAmount(CALL1(amount_recv, PointerGetDatum(Message(&sent, sizeof(sent))))) == a);
}

/* The whole input as text. */
static void
CheckText(const uint8 *data, size_t size)
{
	char	   *text = CString(data, size);
	Amount		expected = 0;
	int			state = ReadText(text, &expected);
	Datum		read = 0;

	if (SUCCEEDS(read = CALL1(amount_in, CStringGetDatum(text))))
	{
		CHECK(state == 0 && DatumGetAmount(read) == expected);
		CheckWritten(expected);
	}
	else
		CHECK(raisedState == state);
}

/* An amount off the input: any, or one close to a bound or to nothing. */
static Amount
TakeAmount(Bytes *bytes)
{
	int64		near = (int64) Take(bytes, 1) - 128;
	int64		any;

	switch (near & 3)
	{
		case 0:
			return near;
		case 1:
			return AMOUNT_MAX - (near & 127);
		case 2:
			return AMOUNT_MIN + (near & 127);
	}
	any = (int64) Take(bytes, 8);
	return Max(any, AMOUNT_MIN);
}

/* A function gives what the wide number says, or, where that is no amount, 22003. */
static void
CheckResult(PGFunction function, int64 a, int64 b, int128 expected)
{
	Datum		result = 0;

	if (SUCCEEDS(result = CALL2(function, Int64GetDatum(a), Int64GetDatum(b))))
		CHECK(InRange(expected) && DatumGetAmount(result) == (Amount) expected);
	else
		CHECK(!InRange(expected) && raisedState == ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE);
}

/* How many units a minor unit of so many decimals has. */
static int64
Quantum(int digits)
{
	int64		quantum = 1;

	while (digits++ < AMOUNT_DECIMALS)
		quantum *= 10;
	return quantum;
}

/* a rounded half away from zero. */
static int128
Rounded(int128 a, int64 quantum)
{
	int128		units = a < 0 ? -a : a;
	int128		whole = (units * 2 + quantum) / ((int128) quantum * 2) * quantum;

	return a < 0 ? -whole : whole;
}

/* a * num / den rounded half up to the minor unit, or 22003. */
static void
CheckShare(Amount a, int64 num, int64 den, int digits)
{
	uint128		divisor = (uint128) den * Quantum(digits);
	uint128		expected = ((uint128) a * num * 2 + divisor) / (divisor * 2) * Quantum(digits);
	Amount		result = 0;

	if (SUCCEEDS(result = AmountMulDivHalfUpTo(a, num, den, digits)))
		CHECK(expected <= AMOUNT_MAX && result == (Amount) expected);
	else
		CHECK(expected > AMOUNT_MAX && raisedState == ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE);
}

/* Arithmetic on what the input holds. */
static void
CheckArithmetic(Bytes *bytes)
{
	Amount		a = TakeAmount(bytes);
	Amount		b = TakeAmount(bytes);
	int64		factor = (int64) Take(bytes, 8);
	int64		digits = (int8) Take(bytes, 1);
	Datum		result = 0;

	CheckWritten(a);
	CheckResult(amount_add, a, b, (int128) a + b);
	CheckResult(amount_sub, a, b, (int128) a - b);
	CheckResult(amount_mul, a, factor, (int128) a * factor);
	CheckResult(amount_mul_commuted, factor, a, (int128) a * factor);
	CheckResult(amount_from_bigint, factor, 0, (int128) factor * AMOUNT_ONE);
	CHECK(DatumGetAmount(CALL1(amount_from_integer, Int32GetDatum((int32) factor))) ==
		  (Amount) (int32) factor * AMOUNT_ONE);
	if (digits >= 0 && digits <= AMOUNT_DECIMALS)
	{
		int64		quantum = Quantum(digits);

		CheckResult(amount_round, a, digits, Rounded(a, quantum));
		CheckResult(amount_trunc, a, digits, (int128) (a / quantum) * quantum);
		CheckShare(a < 0 ? -a : a, b < 0 ? -b : b, factor > 0 ? factor : 1, digits);
	}
	else
	{
		CHECK(!SUCCEEDS(result = CALL2(amount_round, AmountGetDatum(a), Int64GetDatum(digits))));
		CHECK(raisedState == ERRCODE_INVALID_PARAMETER_VALUE);
		CHECK(!SUCCEEDS(result = CALL2(amount_trunc, AmountGetDatum(a), Int64GetDatum(digits))));
		CHECK(raisedState == ERRCODE_INVALID_PARAMETER_VALUE);
	}
	(void) result;
}

/* sum(amount): two workers, values that come and go, states that are sent. */
static void
CheckSum(Bytes *bytes)
{
	Datum		states[2];
	int128		total = 0;
	int			count = 0;
	Datum		result = 0;

	/* a first value that goes again makes the state */
	for (int i = 0; i < 2; i++)
	{
		states[i] = PointerGetDatum(palloc0(sizeof(int64) * 4));
		for (int n = TakeBelow(bytes, 6); n > 0; n--)
		{
			Amount		a = TakeAmount(bytes);

			states[i] = CALL2(amount_sum_accum, states[i], AmountGetDatum(a));
			if (TakeOneIn(bytes, 4))
				states[i] = CALL2(amount_sum_remove, states[i], AmountGetDatum(a));
			else
			{
				total += a;
				count++;
			}
		}
		if (TakeOneIn(bytes, 2))
			states[i] = CALL1(amount_sum_deserialize, CALL1(amount_sum_serialize, states[i]));
	}
	states[0] = CALL2(amount_sum_combine, states[0], states[1]);
	if (SUCCEEDS(result = CALL1(amount_sum_final, states[0])))
	{
		CHECK(resultIsNull == (count == 0));
		CHECK(resultIsNull || (InRange(total) && DatumGetAmount(result) == (Amount) total));
	}
	else
		CHECK(!InRange(total) && raisedState == ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE);
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	Bytes		bytes = {data, data + size};
	Datum		read = 0;

	CheckText(data, size);
	if (SUCCEEDS(read = CALL1(amount_recv, PointerGetDatum(Message(data, size)))))
	{
		CHECK(size >= sizeof(int64));
		CheckWritten(DatumGetAmount(read));
	}
	else if (size >= sizeof(int64))
		CHECK((int64) Take(&(Bytes) {data, data + size}, 8) == PG_INT64_MIN);
	CheckArithmetic(&bytes);
	CheckSum(&bytes);
	FreeAll();
	return 0;
}
