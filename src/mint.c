/*
 * mint.c
 *		Mints codes: plain ones, and ones that look as a pattern says.
 *
 * A pattern is what a customer will read, with # for each secret symbol, such
 * as SUMMER-####-####-####; its other letters and digits are symbols of the
 * code as well, so that the check symbol, which is the last one, covers them.
 *
 * How secret that is: a pattern gives one code per 2^30 of all those it could
 * draw, so whoever guesses needs a billion tries for one hit, however many
 * codes there are.  voucher.code_space counts what it has given; its row is
 * locked from then on until the transaction ends, so the limit is exact.
 *
 * Each call is a row of voucher.minting.  What a request id was used for before
 * cannot be answered again, as nothing keeps codes: it is refused, unless the
 * caller says that the answer never arrived and no code of it says otherwise.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "code.h"
#include "compat.h"
#include "issue.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_mint);
PG_FUNCTION_INFO_V1(voucher_mint_pattern);

/* Codes written by one statement. */
#define MINT_CHUNK			1000

/*
 * How often codes of a chunk that exist already are drawn anew.  At one code
 * per 2^30 that does not happen twice: a user's trigger suppresses the rows.
 */
#define MINT_DRAWS			20

/* How often a request is looked up that others keep replacing meanwhile. */
#define REQUEST_TRIES		20

/* The columns of a minting that are its contents, and those that are written with them. */
#define MINTING_CONTENTS	6
#define MINTING_COLUMNS		9

#define GUESS_BITS			30
#define MAX_SPACE_BITS		62

/* What follows a pattern that has no #, a prefix. */
#define DEFAULT_SECRET		"-####-####-####-####"

/* A call of mint: how its codes look, and the parameters of CODES_MINT. */
typedef struct Mint
{
	CodePattern pattern;
	const char *text;			/* the pattern as given; NULL: voucher.code is returned */
	Datum		parameters[7];
	char		nulls[8];
	ReturnSetInfo *result;
} Mint;

/* Read a pattern's text.  Errors 22023. */
static void
ReadPattern(const char *text, CodePattern *pattern)
{
	const char *rest = text;
	int			secret = 0;

	pattern->length = 0;
	for (int position = 1; *rest != '\0'; position++)
	{
		int			symbol;

		if (*rest == '#')
		{
			symbol = CODE_DRAWN;
			secret++;
			rest++;
		}
		else
		{
			symbol = CodeReadSymbol(&rest);
			if (symbol == SYMBOL_IGNORED)
				continue;
			if (symbol == SYMBOL_INVALID)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("invalid character in code pattern \"%s\"", text),
						 errdetail("The character at position %d is neither # nor a symbol of a voucher code.",
								   position),
						 errhint("The symbols are digits and letters.")));
		}
		if (pattern->length == CODE_MAX_LENGTH)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("code pattern \"%s\" is too long", text),
					 errdetail("A voucher code has at most %d symbols.", CODE_MAX_LENGTH)));
		pattern->fixed[pattern->length++] = symbol;
	}
	if (pattern->length == 0 || pattern->fixed[pattern->length - 1] != CODE_DRAWN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("code pattern \"%s\" does not end in #", text),
				 errdetail("The last symbol of a voucher code checks the others.")));
	pattern->drawn = secret - 1;
	if (pattern->length < CODE_MIN_LENGTH || pattern->drawn * CODE_SYMBOL_BITS < GUESS_BITS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("code pattern \"%s\" is too short", text),
				 errdetail("Its codes would have %d symbols and %d random bits; they must have at least %d and %d.",
						   pattern->length, pattern->drawn * CODE_SYMBOL_BITS, CODE_MIN_LENGTH,
						   GUESS_BITS),
				 errhint("Each further # is a symbol and 5 random bits more.")));
}

/*
 * The space of a pattern: its given symbols as codes have them, # for the
 * others.  NULL for the space of plain codes, which is not counted.
 */
static const char *
SpaceOf(const CodePattern *pattern)
{
	char	   *space = palloc(pattern->length + 1);

	if (pattern->length == DefaultCodePattern.length && pattern->drawn == DefaultCodePattern.drawn)
		return NULL;
	for (int i = 0; i < pattern->length; i++)
		space[i] = pattern->fixed[i] == CODE_DRAWN ? '#' : CodeSymbolLetter(pattern->fixed[i]);
	space[pattern->length] = '\0';
	return space;
}

/* Take codes from a space.  Error VC501 if it cannot give so many. */
static void
TakeFromSpace(const char *space, const Mint *mint, int count)
{
	int			bits = mint->pattern.drawn * CODE_SYMBOL_BITS;
	int64		size = INT64CONST(1) << Min(bits - GUESS_BITS, MAX_SPACE_BITS);
	Datum		values[4];
	int64		minted = 0;

	values[0] = CStringGetTextDatum(space);
	values[1] = Int32GetDatum(bits);
	values[2] = Int64GetDatum(count);
	values[3] = Int64GetDatum(size);
	if (count <= size && StoreRun(STMT_CODE_SPACE_TAKE, STORE_WRITE, values, NULL) == 1)
		return;
	if (StoreRun(STMT_CODE_SPACE_MINTED, STORE_WRITE, values, NULL) == 1)
		minted = StoreInt64(0, 1);
	ereport(ERROR,
			(errcode(ERRCODE_VC_PATTERN_USED_UP),
			 errmsg("code pattern \"%s\" has too few codes left", mint->text),
			 errdetail("With %d random bits it can give " INT64_FORMAT " codes, one in 2^%d; "
					   INT64_FORMAT " are minted, and %d more were asked for.",
					   bits, size, GUESS_BITS, minted, count),
			 errhint("Each further # gives 32 times as many.")));
}

/* A code as a pattern spells it: each # is the next drawn symbol. */
static text *
SpellCode(const Mint *mint, const Code *code)
{
	StringInfoData spelled;
	const char *rest = mint->text;
	int			i = 0;

	initStringInfo(&spelled);
	while (*rest != '\0')
	{
		const char *from = rest;

		if (*rest == '#')
		{
			appendStringInfoChar(&spelled, CodeSymbolLetter(code->symbols[i++]));
			rest++;
			continue;
		}
		if (CodeReadSymbol(&rest) != SYMBOL_IGNORED)
			i++;
		appendBinaryStringInfo(&spelled, from, rest - from);
	}
	return cstring_to_text_with_len(spelled.data, spelled.len);
}

/* Give a code to the caller. */
static void
ReturnCode(const Mint *mint, const Code *code)
{
	Datum		value = PointerGetDatum(code);
	bool		isnull = false;

	if (mint->text != NULL)
		value = PointerGetDatum(SpellCode(mint, code));
	tuplestore_putvalues(mint->result->setResult, mint->result->setDesc, &value, &isnull);
}

/*
 * Draw n codes, write their digests and give the caller those that were new;
 * returns how many.  A code that exists already, or twice among these, is not
 * written and its digest not returned.
 */
static int
MintOnce(Mint *mint, int n)
{
	Datum	   *digests = palloc(n * sizeof(Datum));
	Code	  **codes = palloc(n * sizeof(Code *));
	uint64		written;
	uint64		row = 0;

	for (int i = 0; i < n; i++)
	{
		codes[i] = CodeDraw(&mint->pattern);
		digests[i] = CodeDigestDatum(codes[i]);
	}
	mint->parameters[0] = PointerGetDatum(construct_array(digests, n, BYTEAOID, -1, false,
														  TYPALIGN_INT));
	written = StoreRun(STMT_CODES_MINT, STORE_WRITE, mint->parameters, mint->nulls);
	for (int i = 0; i < n && row < written; i++)
	{
		bytea	   *digest = DatumGetByteaPP(StoreNotNull(row, 1));

		if (memcmp(VARDATA_ANY(digest), VARDATA(DatumGetPointer(digests[i])),
				   CODE_DIGEST_LENGTH) != 0)
			continue;
		ReturnCode(mint, codes[i]);
		row++;
	}
	if (row != written)
		ereport(ERROR,
				(errcode(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION),
				 errmsg("minted codes were written otherwise than drawn"),
				 errhint("A trigger or rule on the table may have changed the write.")));
	StoreFreeRows();
	return (int) written;
}

/*
 * Mint codes, a chunk at a time in memory of its own: what a million take is
 * in the result set, which goes to disk beyond work_mem.
 */
static void
MintAll(Mint *mint, int count)
{
	MemoryContext chunkContext = AllocSetContextCreate(CurrentMemoryContext, "voucher mint",
													   ALLOCSET_DEFAULT_SIZES);
	int			minted = 0;
	int			chunkEnd = 0;
	int			draws = 0;

	while (minted < count)
	{
		MemoryContext old = MemoryContextSwitchTo(chunkContext);

		CHECK_FOR_INTERRUPTS();
		if (minted == chunkEnd)
		{
			chunkEnd += Min(count - minted, MINT_CHUNK);
			draws = 0;
		}
		else if (draws == MINT_DRAWS)
			ereport(ERROR,
					(errcode(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION),
					 errmsg("could not draw codes that do not exist yet"),
					 errdetail("%d of %d codes are drawn; of the next ones, %d were there already %d times.",
							   minted, count, chunkEnd - minted, MINT_DRAWS),
					 errhint("A trigger or rule on the table may have suppressed the write.")));
		minted += MintOnce(mint, chunkEnd - minted);
		draws++;
		MemoryContextSwitchTo(old);
		MemoryContextReset(chunkContext);
	}
	MemoryContextDelete(chunkContext);
}

/*
 * Replace the codes that an earlier call with this request id made, unless
 * another call has done so meanwhile.  Errors: VC302 that call asked for others;
 * VC303 its codes are not to be replaced, or have arrived.
 */
static void
ReplaceMinting(const char *requestId, const Datum *values, const char *nulls, bool replace)
{
	const char *differs;
	bool		arrived;
	Datum		id;

	StoreWriteRows(STMT_MINTING_REQUEST, &values[MINTING_CONTENTS], NULL, 1);
	if (StoreBool(0, 9))
		return;
	differs = StoreDiffers(2, values, nulls, MINTING_CONTENTS);
	if (differs != NULL)
		RefuseRequest(requestId, NULL, differs);
	arrived = StoreBool(0, 8);
	if (arrived || !replace)
		ereport(ERROR,
				(errcode(ERRCODE_VC_ANSWER_NOT_KEPT),
				 errmsg("codes of request \"%s\" have been minted before", requestId),
				 errdetail("They were returned at %s and are not kept.",
						   timestamptz_to_str(StoreTime(0, 10))),
				 arrived ?
				 errhint("They did arrive: some of them have been activated.") :
				 errhint("If they never arrived, mint others in their place with replace => true.")));
	id = Int64GetDatum(StoreInt64(0, 1));
	StoreWriteRows(STMT_MINTING_REPLACE, &id, NULL, 1);
}

/* Write what is about to be minted and who says so, and return its id. */
static int64
BeginMinting(const Datum *values, const char *nulls, const char *requestId, bool replace)
{
	if (requestId == NULL)
	{
		StoreWriteRows(STMT_MINTING_INSERT, values, nulls, 1);
		return StoreInt64(0, 1);
	}
	for (int i = 0; i < REQUEST_TRIES; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (StoreRun(STMT_MINTING_INSERT, STORE_WRITE, values, nulls) == 1)
			return StoreInt64(0, 1);
		ReplaceMinting(requestId, values, nulls, replace);
	}
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not serialize access due to concurrent replacing of minted codes"),
			 errhint("Try the transaction again.")));
}

/*
 * What mint and mint_pattern share: count is argument 1; face_value,
 * activate_before, batch, request_id, replace, reason and actor begin at
 * "others".
 */
static Datum
MintCodes(FunctionCallInfo fcinfo, Mint *mint, int others)
{
	const char *templateName = TextArgument(fcinfo, 0, "template");
	const char *batch = OptionalTextArgument(fcinfo, others + 2);
	const char *requestId = RequestIdArgument(fcinfo, others + 3);
	bool		replace = !PG_ARGISNULL(others + 4) && PG_GETARG_BOOL(others + 4);
	Datum		minting[MINTING_COLUMNS];
	char		nulls[] = "         ";
	int			count;
	const Template *template;
	const char *space;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	mint->result = (ReturnSetInfo *) fcinfo->resultinfo;
	RequireArgument(fcinfo, 1, "count");
	count = PG_GETARG_INT32(1);
	if (count <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of codes must be greater than zero"),
				 errdetail("It is %d.", count)));
	if (replace && requestId == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("codes cannot be replaced without the request that they were minted by"),
				 errhint("Say which one with the argument \"request_id\".")));
	StoreBegin();
	CatalogBegin();
	template = CatalogTemplateByName(templateName);
	if (template->terms.kind == KIND_PROMO_CODE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("template \"%s\" is a promo code", templateName),
				 errhint("A promo code is its template's public word; it has no secret codes.")));
	strcpy(mint->nulls, "       ");
	mint->parameters[1] = Int64GetDatum(template->terms.templateId);
	mint->parameters[2] = AmountGetDatum(FaceValueArgument(fcinfo, others, template));
	CheckFaceValue(fcinfo, others, template);
	mint->nulls[2] = NULL_FLAG(template->terms.hasRate);
	mint->parameters[3] = PG_GETARG_DATUM(others + 1);
	mint->nulls[3] = NULL_FLAG(PG_ARGISNULL(others + 1));
	mint->parameters[4] = OptionalTextDatum(batch, &mint->nulls[4]);
	space = SpaceOf(&mint->pattern);
	mint->parameters[5] = OptionalTextDatum(space, &mint->nulls[5]);
	minting[0] = mint->parameters[1];
	minting[1] = Int32GetDatum(count);
	memcpy(&minting[2], &mint->parameters[2], 3 * sizeof(Datum));
	memcpy(&nulls[2], &mint->nulls[2], 3);
	minting[5] = OptionalTextDatum(mint->text, &nulls[5]);
	minting[6] = OptionalTextDatum(requestId, &nulls[6]);
	minting[7] = OptionalTextDatum(OptionalTextArgument(fcinfo, others + 5), &nulls[7]);
	minting[8] = OptionalTextDatum(OptionalTextArgument(fcinfo, others + 6), &nulls[8]);
	mint->parameters[6] = Int64GetDatum(BeginMinting(minting, nulls, requestId, replace));
	if (space != NULL)
		TakeFromSpace(space, mint, count);
	MintAll(mint, count);
	StoreEnd();
	return (Datum) 0;
}

/* mint(template, count, face_value, activate_before, batch, …) returns setof code */
Datum
voucher_mint(PG_FUNCTION_ARGS)
{
	Mint		mint = {.pattern = DefaultCodePattern};

	return MintCodes(fcinfo, &mint, 2);
}

/* mint_pattern(template, count, pattern, face_value, activate_before, batch, …) returns setof text */
Datum
voucher_mint_pattern(PG_FUNCTION_ARGS)
{
	Mint		mint = {0};

	mint.text = TextArgument(fcinfo, 2, "pattern");
	if (strchr(mint.text, '#') == NULL)
		mint.text = psprintf("%s" DEFAULT_SECRET, mint.text);
	ReadPattern(mint.text, &mint.pattern);
	return MintCodes(fcinfo, &mint, 3);
}
