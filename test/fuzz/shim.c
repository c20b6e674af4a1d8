/*
 * shim.c
 *		The few functions of the server that the sources under test call.
 *
 * palloc gives every chunk memory of its own, so that AddressSanitizer sees a
 * step outside it; an error jumps to the target that asked for it; and an
 * internal error, XX000, is a finding, as no input may cause one.
 */
#include "shim.h"

#include <ctype.h>
#include <sanitizer/asan_interface.h>

#include "catalog/pg_type.h"
#include "common/int.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "parser/scansup.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

/* ------------------------------------------------------------------------
 * Findings and errors
 * ------------------------------------------------------------------------
 */

static sigjmp_buf tries[4];
static int	ntries = 0;
static char message[4096];
int			raisedState = 0;

/* A property does not hold: libFuzzer keeps the input and ends. */
void
Finding(const char *condition, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
	abort();
}

sigjmp_buf *
BeginTry(void)
{
	CHECK(ntries < (int) lengthof(tries));
	return &tries[ntries++];
}

bool
EndTry(bool success)
{
	if (success)
		ntries--;
	return success;
}

bool
errstart(int elevel, const char *domain)
{
	raisedState = ERRCODE_INTERNAL_ERROR;
	message[0] = '\0';
	return true;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

int
errcode(int sqlerrcode)
{
	raisedState = sqlerrcode;
	return 0;
}

/* Formats what is said of an error: its arguments must be readable. */
static int
Say(const char *fmt, va_list args)
{
	vsnprintf(message, sizeof(message), fmt, args);
	return 0;
}

#define SAY(name) \
int \
name(const char *fmt,...) \
{ \
	va_list		args; \
 \
	va_start(args, fmt); \
	Say(fmt, args); \
	va_end(args); \
	return 0; \
}

SAY(errmsg)
SAY(errmsg_internal)
SAY(errdetail)
SAY(errhint)

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	if (raisedState == ERRCODE_INTERNAL_ERROR)
		Finding(message, filename, lineno);
	CHECK(ntries > 0);
	siglongjmp(tries[--ntries], 1);
}

#if PG_VERSION_NUM >= 160000
/* No target asks for soft errors; the regression tests do. */
bool
errsave_start(struct Node *context, const char *domain)
{
	CHECK(context == NULL);
	return errstart(ERROR, domain);
}

void
errsave_finish(struct Node *context, const char *filename, int lineno, const char *funcname)
{
	errfinish(filename, lineno, funcname);
}
#endif

void
ExceptionalCondition(const char *conditionName,
#if PG_VERSION_NUM < 160000
					 const char *errorType,
#endif
					 const char *fileName, int lineNumber)
{
	Finding(conditionName, fileName, lineNumber);
	abort();
}

volatile sig_atomic_t InterruptPending = false;

void
ProcessInterrupts(void)
{
}

/* ------------------------------------------------------------------------
 * Memory
 * ------------------------------------------------------------------------
 */

/* Stands before a chunk, poisoned. */
typedef struct Chunk
{
	struct Chunk *previous;
	struct Chunk *next;
	size_t		size;
	size_t		padding;
} Chunk;

static Chunk *newest = NULL;
unsigned char fillByte = 0x7F;
MemoryContext CurrentMemoryContext = NULL;

void *
palloc(Size size)
{
	Chunk	   *chunk;

	if (size > MaxAllocSize)
		elog(ERROR, "invalid memory alloc request size %zu", size);
	chunk = malloc(sizeof(Chunk) + size);
	chunk->previous = newest;
	chunk->next = NULL;
	chunk->size = size;
	if (newest != NULL)
	{
		ASAN_UNPOISON_MEMORY_REGION(newest, sizeof(Chunk));
		newest->next = chunk;
		ASAN_POISON_MEMORY_REGION(newest, sizeof(Chunk));
	}
	newest = chunk;
	memset(chunk + 1, fillByte, size);
	ASAN_POISON_MEMORY_REGION(chunk, sizeof(Chunk));
	return chunk + 1;
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void
pfree(void *pointer)
{
	Chunk	   *chunk = (Chunk *) pointer - 1;
	Chunk	   *previous;
	Chunk	   *next;

	ASAN_UNPOISON_MEMORY_REGION(chunk, sizeof(Chunk));
	previous = chunk->previous;
	next = chunk->next;
	if (previous != NULL)
	{
		ASAN_UNPOISON_MEMORY_REGION(previous, sizeof(Chunk));
		previous->next = next;
		ASAN_POISON_MEMORY_REGION(previous, sizeof(Chunk));
	}
	if (next != NULL)
	{
		ASAN_UNPOISON_MEMORY_REGION(next, sizeof(Chunk));
		next->previous = previous;
		ASAN_POISON_MEMORY_REGION(next, sizeof(Chunk));
	}
	else
		newest = previous;
	free(chunk);
}

void *
repalloc(void *pointer, Size size)
{
	Chunk	   *chunk = (Chunk *) pointer - 1;
	void	   *result = palloc(size);
	size_t		old;

	ASAN_UNPOISON_MEMORY_REGION(chunk, sizeof(Chunk));
	old = chunk->size;
	ASAN_POISON_MEMORY_REGION(chunk, sizeof(Chunk));
	memcpy(result, pointer, Min(old, size));
	pfree(pointer);
	return result;
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return palloc0(size);
}

void
FreeAll(void)
{
	ntries = 0;
	while (newest != NULL)
		pfree(newest + 1);
}

char *
pnstrdup(const char *in, Size len)
{
	size_t		n = strnlen(in, len);
	char	   *copy = palloc(n + 1);

	memcpy(copy, in, n);
	copy[n] = '\0';
	return copy;
}

char *
psprintf(const char *fmt,...)
{
	char		buffer[1024];
	va_list		args;

	va_start(args, fmt);
	vsnprintf(buffer, sizeof(buffer), fmt, args);
	va_end(args);
	return pnstrdup(buffer, sizeof(buffer));
}

void
initStringInfo(StringInfo str)
{
	str->data = palloc(64);
	str->maxlen = 64;
	resetStringInfo(str);
}

void
resetStringInfo(StringInfo str)
{
	str->data[0] = '\0';
	str->len = str->cursor = 0;
}

void
enlargeStringInfo(StringInfo str, int needed)
{
	if (str->len + needed + 1 <= str->maxlen)
		return;
	while (str->len + needed + 1 > str->maxlen)
		str->maxlen *= 2;
	str->data = repalloc(str->data, str->maxlen);
}

void
appendBinaryStringInfo(StringInfo str,
#if PG_VERSION_NUM >= 160000
					   const void *data,
#else
					   const char *data,
#endif
					   int datalen)
{
	enlargeStringInfo(str, datalen);
	memcpy(str->data + str->len, data, datalen);
	str->len += datalen;
	str->data[str->len] = '\0';
}

void
appendStringInfoString(StringInfo str, const char *s)
{
	appendBinaryStringInfo(str, s, strlen(s));
}

void
appendStringInfoChar(StringInfo str, char ch)
{
	appendBinaryStringInfo(str, &ch, 1);
}

/* ------------------------------------------------------------------------
 * Values
 * ------------------------------------------------------------------------
 */

/* Values in the targets are never toasted, nor have they short headers. */
struct varlena *
pg_detoast_datum(struct varlena *datum)
{
	return datum;
}

struct varlena *
pg_detoast_datum_packed(struct varlena *datum)
{
	return datum;
}

text *
cstring_to_text_with_len(const char *s, int len)
{
	text	   *result = palloc(len + VARHDRSZ);

	SET_VARSIZE(result, len + VARHDRSZ);
	memcpy(VARDATA(result), s, len);
	return result;
}

/* An array of text as a varlena of what its elements are, each after a zero. */
ArrayType *
construct_array(Datum *elems, int nelems, Oid elmtype, int elmlen, bool elmbyval, char elmalign)
{
	StringInfoData all;

	initStringInfo(&all);
	for (int i = 0; i < nelems; i++)
	{
		appendStringInfoChar(&all, '\0');
		appendBinaryStringInfo(&all, VARDATA_ANY(DatumGetPointer(elems[i])),
							   VARSIZE_ANY_EXHDR(DatumGetPointer(elems[i])));
	}
	return (ArrayType *) cstring_to_text_with_len(all.data, all.len);
}

int
GetDatabaseEncoding(void)
{
	return PG_UTF8;
}

bool
scanner_isspace(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == '\v' || ch == '\f';
}

int
pg_ulltoa_n(uint64 value, char *a)
{
	char		text[24];
	int			n = sprintf(text, UINT64_FORMAT, value);

	memcpy(a, text, n);
	return n;
}

char *
pg_ultostr_zeropad(char *str, uint32 value, int32 minwidth)
{
	return str + sprintf(str, "%0*u", minwidth, value);
}

/* sum(amount) is called as an aggregate. */
int
AggCheckCallContext(FunctionCallInfo fcinfo, MemoryContext *aggcontext)
{
	if (aggcontext != NULL)
		*aggcontext = CurrentMemoryContext;
	return AGG_CONTEXT_AGGREGATE;
}

/* ------------------------------------------------------------------------
 * Messages (pqformat.c)
 * ------------------------------------------------------------------------
 */

static void
Need(StringInfo msg, int n)
{
	if (n < 0 || n > msg->len - msg->cursor)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("insufficient data left in message")));
}

int
pq_getmsgbyte(StringInfo msg)
{
	Need(msg, 1);
	return (unsigned char) msg->data[msg->cursor++];
}

void
pq_copymsgbytes(StringInfo msg,
#if PG_VERSION_NUM >= 180000
				void *buf,
#else
				char *buf,
#endif
				int datalen)
{
	Need(msg, datalen);
	memcpy(buf, msg->data + msg->cursor, datalen);
	msg->cursor += datalen;
}

int64
pq_getmsgint64(StringInfo msg)
{
	uint64		n;

	pq_copymsgbytes(msg, (char *) &n, sizeof(n));
	return pg_ntoh64(n);
}

/* As the server does: text that is not valid in its encoding never gets further. */
char *
pq_getmsgtext(StringInfo msg, int rawbytes, int *nbytes)
{
	char	   *result;

	Need(msg, rawbytes);
	if (pg_encoding_verifymbstr(PG_UTF8, msg->data + msg->cursor, rawbytes) != rawbytes)
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("invalid byte sequence for encoding")));
	result = pnstrdup(msg->data + msg->cursor, rawbytes);
	*nbytes = rawbytes;
	msg->cursor += rawbytes;
	return result;
}

void
pq_getmsgend(StringInfo msg)
{
	if (msg->cursor != msg->len)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("invalid message format")));
}

void
pq_begintypsend(StringInfo buf)
{
	initStringInfo(buf);
	appendBinaryStringInfo(buf, "\0\0\0\0", VARHDRSZ);
}

void
pq_sendbytes(StringInfo buf,
#if PG_VERSION_NUM >= 160000
			 const void *data,
#else
			 const char *data,
#endif
			 int datalen)
{
	appendBinaryStringInfo(buf, data, datalen);
}

void
pq_sendtext(StringInfo buf, const char *str, int slen)
{
	appendBinaryStringInfo(buf, str, slen);
}

bytea *
pq_endtypsend(StringInfo buf)
{
	SET_VARSIZE(buf->data, buf->len);
	return (bytea *) buf->data;
}

/* ------------------------------------------------------------------------
 * What no target reaches: numeric and jsonb are the server's own
 * ------------------------------------------------------------------------
 */

#define UNREACHED(type, name, ...) \
type \
name(__VA_ARGS__) \
{ \
	CHECK(false); \
	abort(); \
}

UNREACHED(Datum, numeric_in, FunctionCallInfo fcinfo)
UNREACHED(Datum, numeric_out, FunctionCallInfo fcinfo)
UNREACHED(bool, numeric_is_nan, Numeric num)
UNREACHED(bool, numeric_is_inf, Numeric num)
UNREACHED(JsonbIterator *, JsonbIteratorInit, JsonbContainer *container)
UNREACHED(bool, JsonbDeepContains, JsonbIterator **val, JsonbIterator **mContained)
UNREACHED(Datum, DirectFunctionCall1Coll, PGFunction func, Oid collation, Datum arg1)
UNREACHED(Datum, DirectFunctionCall3Coll, PGFunction func, Oid collation, Datum arg1, Datum arg2,
		  Datum arg3)

Datum
DirectFunctionCall2Coll(PGFunction func, Oid collation, Datum arg1, Datum arg2)
{
	return CALL2(func, arg1, arg2);
}

/* ------------------------------------------------------------------------
 * For the targets
 * ------------------------------------------------------------------------
 */

bool		resultIsNull;

Datum
Call(PGFunction function, int nargs, Datum a, Datum b, Datum c)
{
	LOCAL_FCINFO(fcinfo, 3);
	Datum		result;

	InitFunctionCallInfoData(*fcinfo, NULL, nargs, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = a;
	fcinfo->args[1].value = b;
	fcinfo->args[2].value = c;
	for (int i = 0; i < 3; i++)
		fcinfo->args[i].isnull = false;
	result = function(fcinfo);
	resultIsNull = fcinfo->isnull;
	return result;
}

StringInfo
Message(const void *data, size_t size)
{
	StringInfo	msg = palloc(sizeof(StringInfoData));

	/* as the server hands it over: a zero behind it */
	msg->data = CString(data, size);
	msg->len = msg->maxlen = size;
	msg->cursor = 0;
	return msg;
}

char *
CString(const uint8 *data, size_t size)
{
	char	   *copy = palloc(size + 1);

	memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

uint64
Take(Bytes *bytes, int n)
{
	uint64		value = 0;

	for (; n > 0 && bytes->next < bytes->end; n--)
		value = value << 8 | *bytes->next++;
	return value;
}

/* Of 0 to bound - 1, of which there are at most 256. */
int
TakeBelow(Bytes *bytes, int bound)
{
	return Take(bytes, 1) % bound;
}

/* True once in n times; false when the input is used up. */
bool
TakeOneIn(Bytes *bytes, int n)
{
	return TakeBelow(bytes, n) == n - 1;
}

static int
Sign(int order)
{
	return (order > 0) - (order < 0);
}

/* All operators of a family agree with its comparison of a and b, and hashes with equality. */
static int
CheckPair(const Family *f, Datum a, Datum b)
{
	int			order = Sign(DatumGetInt32(CALL2(f->cmp, a, b)));

	CHECK(Sign(DatumGetInt32(CALL2(f->cmp, b, a))) == -order);
	CHECK(DatumGetBool(CALL2(f->lt, a, b)) == (order < 0));
	CHECK(DatumGetBool(CALL2(f->le, a, b)) == (order <= 0));
	CHECK(DatumGetBool(CALL2(f->eq, a, b)) == (order == 0));
	CHECK(DatumGetBool(CALL2(f->ne, a, b)) == (order != 0));
	CHECK(DatumGetBool(CALL2(f->ge, a, b)) == (order >= 0));
	CHECK(DatumGetBool(CALL2(f->gt, a, b)) == (order > 0));
	CHECK((order == 0) == (VARSIZE(DatumGetPointer(a)) == VARSIZE(DatumGetPointer(b)) &&
						   memcmp(DatumGetPointer(a), DatumGetPointer(b),
								  VARSIZE(DatumGetPointer(a))) == 0));
	if (order == 0)
	{
		CHECK(CALL1(f->hash, a) == CALL1(f->hash, b));
		CHECK(CALL2(f->hash_extended, a, Int64GetDatum(7)) ==
			  CALL2(f->hash_extended, b, Int64GetDatum(7)));
	}
	/* the seed 0 gives the plain hash in its lower half */
	CHECK((uint32) CALL2(f->hash_extended, a, Int64GetDatum(0)) == (uint32) CALL1(f->hash, a));
	return order;
}

/* The order of three values of a variable length. */
void
CheckOrder(const Family *family, Datum a, Datum b, Datum c)
{
	int			ab = CheckPair(family, a, b);
	int			bc = CheckPair(family, b, c);
	int			ac = CheckPair(family, a, c);

	CHECK(CheckPair(family, a, a) == 0);
	if (ab <= 0 && bc <= 0)
		CHECK(ac <= 0 && (ac < 0 || (ab == 0 && bc == 0)));
	if (ab >= 0 && bc >= 0)
		CHECK(ac >= 0 && (ac > 0 || (ab == 0 && bc == 0)));
}
