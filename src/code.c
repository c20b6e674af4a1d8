/*
 * code.c
 *		The type voucher.code; code.h says what a code is.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "nodes/nodes.h"

#include "code.h"
#include "compat.h"

#define CODE_GROUP			4

/* 15 random symbols of 5 bits make 75 bits; the 16th is the check symbol. */
const CodePattern DefaultCodePattern = {
	.length = 16,
	.drawn = 15,
	.fixed = {
		CODE_DRAWN, CODE_DRAWN, CODE_DRAWN, CODE_DRAWN, CODE_DRAWN, CODE_DRAWN,
		CODE_DRAWN, CODE_DRAWN, CODE_DRAWN, CODE_DRAWN, CODE_DRAWN, CODE_DRAWN,
		CODE_DRAWN, CODE_DRAWN, CODE_DRAWN, CODE_DRAWN
	}
};

/* In ascending ASCII order, so that codes sort as their text does in "C". */
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* Multiplies an element of GF(32) = GF(2)[x] / (x^5 + x^2 + 1) by α = x. */
static inline uint8
TimesGenerator(uint8 element)
{
	uint8		product = element << 1;

	return (product & 0x20) ? product ^ 0x25 : product;
}

/*
 * Returns Σ α^i · s_i over the symbols, i counted from the end: 0 if the check
 * symbol is right.  With a zero in its place this is the check symbol itself,
 * because its weight is 1 and minus is plus in GF(32).
 */
static uint8
WeightedSum(const uint8 *symbols, int length)
{
	uint8		sum = 0;

	for (int i = 0; i < length; i++)
		sum = TimesGenerator(sum) ^ symbols[i];
	return sum;
}

/*
 * Makes a Code of the given number of zero symbols in the current memory
 * context.
 */
static Code *
CodeAllocate(int length)
{
	Code	   *code = palloc0(CODE_SIZE(length));

	SET_VARSIZE(code, CODE_SIZE(length));
	return code;
}

/*
 * Reads the character at *text, which is not the terminating zero, and moves
 * *text behind it unless it is invalid.  Returns the value of the symbol that
 * a person meant by it, SYMBOL_IGNORED or SYMBOL_INVALID.
 *
 * Chinese input methods produce full-width forms and the ideographic space,
 * word processors typographic dashes; these are understood in UTF-8 only.
 */
int
CodeReadSymbol(const char **text)
{
	pg_wchar	c = (unsigned char) **text;
	int			length = 1;
	const char *found;

	if (IS_HIGHBIT_SET(c))
	{
		if (GetDatabaseEncoding() != PG_UTF8)
			return SYMBOL_INVALID;
		length = pg_encoding_verifymbchar(PG_UTF8, *text,
										  strnlen(*text, MAX_MULTIBYTE_CHAR_LEN));
		if (length < 0)
			return SYMBOL_INVALID;
		c = utf8_to_unicode((const unsigned char *) *text);
		if (c >= 0xFF01 && c <= 0xFF5E)
			c = c - 0xFF01 + '!';
	}
	*text += length;

	switch (c)
	{
		case ' ':
		case '\t':
		case '\n':
		case '\v':
		case '\f':
		case '\r':
		case '-':
		case '_':
		case 0x2010:			/* hyphen */
		case 0x2011:			/* non-breaking hyphen */
		case 0x2012:			/* figure dash */
		case 0x2013:			/* en dash */
		case 0x2014:			/* em dash */
		case 0x2015:			/* horizontal bar */
		case 0x2212:			/* minus sign */
		case 0x3000:			/* ideographic space */
			return SYMBOL_IGNORED;
		case 'O':
		case 'o':
			return 0;
		case 'I':
		case 'i':
		case 'L':
		case 'l':
			return 1;
		case 'U':
		case 'u':
			c = 'V';
			break;
	}

	if (c >= 0x80)
		return SYMBOL_INVALID;
	found = memchr(alphabet, pg_ascii_toupper((unsigned char) c),
				   sizeof(alphabet) - 1);
	return found ? found - alphabet : SYMBOL_INVALID;
}

/* The letter or digit that stands for a symbol. */
char
CodeSymbolLetter(int symbol)
{
	return alphabet[symbol];
}

/*
 * Returns a new code of a pattern, its random symbols from the system's
 * cryptographic source, allocated in the current memory context.
 */
Code *
CodeDraw(const CodePattern *pattern)
{
	Code	   *code = CodeAllocate(pattern->length);
	int			body = pattern->length - 1;

	if (!pg_strong_random(code->symbols, body))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	for (int i = 0; i < body; i++)
	{
		if (pattern->fixed[i] == CODE_DRAWN)
			code->symbols[i] &= 0x1F;
		else
			code->symbols[i] = pattern->fixed[i];
	}
	code->symbols[body] = 0;
	code->symbols[body] = WeightedSum(code->symbols, pattern->length);
	return code;
}

/*
 * Computes the SHA-256 of the code's symbols as upper-case ASCII without
 * separators, so that anyone who holds the code can recompute it.
 */
void
CodeDigest(const Code *code, uint8 digest[CODE_DIGEST_LENGTH])
{
	int			length = CODE_LENGTH(code);
	uint8		ascii[CODE_MAX_LENGTH];
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	for (int i = 0; i < length; i++)
		ascii[i] = alphabet[code->symbols[i]];

	if (pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, ascii, length) < 0 ||
		pg_cryptohash_final(context, digest, CODE_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute %s hash: %s", "SHA-256",
			 pg_cryptohash_error(context));
	pg_cryptohash_free(context);
}

/* A code's digest as bytea. */
Datum
CodeDigestDatum(const Code *code)
{
	bytea	   *digest = palloc(VARHDRSZ + CODE_DIGEST_LENGTH);

	SET_VARSIZE(digest, VARHDRSZ + CODE_DIGEST_LENGTH);
	CodeDigest(code, (uint8 *) VARDATA(digest));
	return PointerGetDatum(digest);
}

/* Orders codes by their symbols, bytewise; a proper prefix comes first. */
static int
CodeCompare(const Code *a, const Code *b)
{
	int			order = memcmp(a->symbols, b->symbols,
							   Min(CODE_LENGTH(a), CODE_LENGTH(b)));

	return order != 0 ? order : CODE_LENGTH(a) - CODE_LENGTH(b);
}

/*
 * Text input: normalises what a person types.  Positions in messages count
 * characters of the input from 1.
 */
PG_FUNCTION_INFO_V1(code_in);
Datum
code_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	Node	   *escontext = SOFT_ERROR_CONTEXT(fcinfo);
	uint8		symbols[CODE_MAX_LENGTH];
	int			length = 0;
	Code	   *code;

	for (int position = 1; *text != '\0'; position++)
	{
		int			symbol = CodeReadSymbol(&text);

		if (symbol == SYMBOL_IGNORED)
			continue;
		if (symbol == SYMBOL_INVALID)
			ereturn(escontext, (Datum) 0,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("invalid character in voucher code"),
					 errdetail("The character at position %d is not a symbol of a voucher code.",
							   position),
					 errhint("The symbols are digits and letters.")));
		if (length == CODE_MAX_LENGTH)
			ereturn(escontext, (Datum) 0,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("voucher code is too long"),
					 errdetail("A voucher code has at most %d symbols.",
							   CODE_MAX_LENGTH)));
		symbols[length++] = symbol;
	}

	if (length < CODE_MIN_LENGTH)
		ereturn(escontext, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("voucher code is too short"),
				 errdetail("A voucher code has at least %d symbols; the input has %d.",
						   CODE_MIN_LENGTH, length)));
	if (WeightedSum(symbols, length) != 0)
		ereturn(escontext, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("voucher code is mistyped"),
				 errdetail("Its last symbol does not match the others."),
				 errhint("Compare it with the original, symbol by symbol.")));

	code = CodeAllocate(length);
	memcpy(code->symbols, symbols, length);
	PG_RETURN_CODE_P(code);
}

/* Text output: upper case in groups of four; the last one may be shorter. */
PG_FUNCTION_INFO_V1(code_out);
Datum
code_out(PG_FUNCTION_ARGS)
{
	Code	   *code = PG_GETARG_CODE_P(0);
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < CODE_LENGTH(code); i++)
	{
		if (i > 0 && i % CODE_GROUP == 0)
			appendStringInfoChar(&text, '-');
		appendStringInfoChar(&text, alphabet[code->symbols[i]]);
	}
	PG_RETURN_CSTRING(text.data);
}

/*
 * Binary input: a reserved zero byte and the symbols, a byte each.  Accepts
 * nothing that the text input could not have made.
 */
PG_FUNCTION_INFO_V1(code_recv);
Datum
code_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			length = message->len - message->cursor - 1;
	Code	   *code;

	if (length < CODE_MIN_LENGTH || length > CODE_MAX_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid length in external \"voucher.code\" value")));
	code = CodeAllocate(length);
	code->reserved = pq_getmsgbyte(message);
	if (code->reserved != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("reserved byte is not zero in external \"voucher.code\" value")));
	pq_copymsgbytes(message, (char *) code->symbols, length);
	for (int i = 0; i < length; i++)
		if (code->symbols[i] > 0x1F)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					 errmsg("invalid symbol in external \"voucher.code\" value")));
	if (WeightedSum(code->symbols, length) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("wrong check symbol in external \"voucher.code\" value")));
	PG_RETURN_CODE_P(code);
}

/* Binary output, as code_recv() reads it. */
PG_FUNCTION_INFO_V1(code_send);
Datum
code_send(PG_FUNCTION_ARGS)
{
	Code	   *code = PG_GETARG_CODE_P(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbyte(&message, code->reserved);
	pq_sendbytes(&message, (const char *) code->symbols, CODE_LENGTH(code));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* Compares arguments 0 and 1 of an operator-class function. */
static int
CompareArguments(FunctionCallInfo fcinfo)
{
	Code	   *a = PG_GETARG_CODE_P(0);
	Code	   *b = PG_GETARG_CODE_P(1);
	int			order = CodeCompare(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return order;
}

/* a < b */
PG_FUNCTION_INFO_V1(code_lt);
Datum
code_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArguments(fcinfo) < 0);
}

/* a <= b */
PG_FUNCTION_INFO_V1(code_le);
Datum
code_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArguments(fcinfo) <= 0);
}

/* a = b */
PG_FUNCTION_INFO_V1(code_eq);
Datum
code_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArguments(fcinfo) == 0);
}

/* a <> b */
PG_FUNCTION_INFO_V1(code_ne);
Datum
code_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArguments(fcinfo) != 0);
}

/* a >= b */
PG_FUNCTION_INFO_V1(code_ge);
Datum
code_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArguments(fcinfo) >= 0);
}

/* a > b */
PG_FUNCTION_INFO_V1(code_gt);
Datum
code_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArguments(fcinfo) > 0);
}

/* Three-way comparison for btree. */
PG_FUNCTION_INFO_V1(code_cmp);
Datum
code_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(CompareArguments(fcinfo));
}

/* Hash for hash indexes, joins and aggregates. */
PG_FUNCTION_INFO_V1(code_hash);
Datum
code_hash(PG_FUNCTION_ARGS)
{
	Code	   *code = PG_GETARG_CODE_P(0);
	Datum		hash = hash_any(code->symbols, CODE_LENGTH(code));

	PG_FREE_IF_COPY(code, 0);
	return hash;
}

/* Hash with a seed, for hash partitioning. */
PG_FUNCTION_INFO_V1(code_hash_extended);
Datum
code_hash_extended(PG_FUNCTION_ARGS)
{
	Code	   *code = PG_GETARG_CODE_P(0);
	Datum		hash = hash_any_extended(code->symbols, CODE_LENGTH(code),
										 PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(code, 0);
	return hash;
}

/* SQL: voucher.new_code() */
PG_FUNCTION_INFO_V1(new_code);
Datum
new_code(PG_FUNCTION_ARGS)
{
	PG_RETURN_CODE_P(CodeDraw(&DefaultCodePattern));
}

/* SQL: voucher.digest(code) */
PG_FUNCTION_INFO_V1(code_digest);
Datum
code_digest(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(CodeDigestDatum(PG_GETARG_CODE_P(0)));
}
