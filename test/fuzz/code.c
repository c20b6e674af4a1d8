/*
 * code.c
 *		Fuzzes the type code: what a person types, what a client sends, and the
 *		order of codes.
 */
#include "shim.h"

#include "code.h"

#define F(name) extern Datum name(PG_FUNCTION_ARGS);
F(code_in) F(code_out) F(code_recv) F(code_send) F(code_cmp) F(code_lt) F(code_le) F(code_eq)
F(code_ne) F(code_ge) F(code_gt) F(code_hash) F(code_hash_extended) F(code_digest)

static const Family family = {code_cmp, code_lt, code_le, code_eq, code_ne, code_ge, code_gt,
	code_hash, code_hash_extended};

/* Is every byte the same? */
static bool
Same(const Code *a, const Code *b)
{
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

/* A product in GF(32), by shift and add. */
static uint8
Product(uint8 a, uint8 b)
{
	uint8		sum = 0;

	for (; b != 0; b >>= 1)
	{
		if (b & 1)
			sum ^= a;
		a = (a & 0x10) ? ((a << 1) ^ 0x25) & 0x1F : a << 1;
	}
	return sum;
}

/* The check sum as code.h defines it: weights are powers of α, counted from the end. */
static uint8
CheckSum(const uint8 *symbols, int length)
{
	uint8		sum = 0;
	uint8		weight = 1;

	for (int i = length - 1; i >= 0; i--)
	{
		sum ^= Product(weight, symbols[i]);
		weight = Product(weight, 2);
	}
	return sum;
}

/* A code that was accepted is well-formed, and comes back from text and bytes. */
static void
CheckCode(Code *code)
{
	int			length = CODE_LENGTH(code);
	char	   *text = DatumGetCString(CALL1(code_out, PointerGetDatum(code)));
	bytea	   *sent = DatumGetByteaP(CALL1(code_send, PointerGetDatum(code)));
	bytea	   *digest = DatumGetByteaP(CALL1(code_digest, PointerGetDatum(code)));
	Code	   *again;

	CHECK(code->reserved == 0);
	CHECK(length >= CODE_MIN_LENGTH && length <= CODE_MAX_LENGTH);
	CHECK(CheckSum(code->symbols, length) == 0);
	CHECK(strlen(text) == length + (length - 1) / 4);
	CHECK(strspn(text, "0123456789ABCDEFGHJKMNPQRSTVWXYZ-") == strlen(text));
	CHECK(VARSIZE(digest) == VARHDRSZ + CODE_DIGEST_LENGTH);

	CHECK(SUCCEEDS(again = DatumGetCodeP(CALL1(code_in, CStringGetDatum(text)))));
	CHECK(Same(code, again));
	CHECK(SUCCEEDS(again = DatumGetCodeP(CALL1(code_recv, PointerGetDatum(Message(VARDATA(sent),
																				  VARSIZE(sent) - VARHDRSZ))))));
	CHECK(Same(code, again));
	CHECK(memcmp(digest, DatumGetByteaP(CALL1(code_digest, PointerGetDatum(again))),
				 VARSIZE(digest)) == 0);
}

/* Symbols with their check symbol, as the client's bytes. */
static Code *
MakeCode(Bytes *bytes)
{
	uint8		message[1 + CODE_MAX_LENGTH] = {0};
	int			length = CODE_MIN_LENGTH + TakeBelow(bytes, CODE_MAX_LENGTH - CODE_MIN_LENGTH + 1);

	for (int i = 1; i < length; i++)
		message[i] = Take(bytes, 1) & 0x1F;
	message[length] = CheckSum(message + 1, length);
	return DatumGetCodeP(CALL1(code_recv, PointerGetDatum(Message(message, 1 + length))));
}

/* One wrong symbol, and two that changed places, are always seen. */
static void
CheckMistakes(const Code *code, Bytes *bytes)
{
	int			length = CODE_LENGTH(code);
	int			first = TakeBelow(bytes, length);
	int			second = TakeBelow(bytes, length);
	uint8		change = 1 + TakeBelow(bytes, 31);
	uint8		message[1 + CODE_MAX_LENGTH] = {0};
	Datum		read;

	memcpy(message + 1, code->symbols, length);
	message[1 + first] ^= change;
	CHECK(!SUCCEEDS(read = CALL1(code_recv, PointerGetDatum(Message(message, 1 + length)))));
	message[1 + first] = code->symbols[second];
	message[1 + second] = code->symbols[first];
	if (code->symbols[first] != code->symbols[second])
		CHECK(!SUCCEEDS(read = CALL1(code_recv, PointerGetDatum(Message(message, 1 + length)))));
	(void) read;
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	Bytes		bytes = {data, data + size};
	Code	   *read;
	Code	   *codes[3];

	if (SUCCEEDS(read = DatumGetCodeP(CALL1(code_in, CStringGetDatum(CString(data, size))))))
		CheckCode(read);
	else
		CHECK(raisedState == ERRCODE_INVALID_TEXT_REPRESENTATION);

	if (SUCCEEDS(read = DatumGetCodeP(CALL1(code_recv, PointerGetDatum(Message(data, size))))))
	{
		CHECK(size == 1 + CODE_LENGTH(read) && data[0] == 0 &&
			  memcmp(data + 1, read->symbols, CODE_LENGTH(read)) == 0);
		CheckCode(read);
	}
	else
		CHECK(raisedState == ERRCODE_INVALID_BINARY_REPRESENTATION);

	for (int i = 0; i < 3; i++)
	{
		codes[i] = MakeCode(&bytes);
		CheckCode(codes[i]);
		CheckMistakes(codes[i], &bytes);
	}
	CheckOrder(&family, PointerGetDatum(codes[0]), PointerGetDatum(codes[1]),
			   PointerGetDatum(codes[2]));
	FreeAll();
	return 0;
}
