/*
 * shim.h
 *		What a fuzz target needs of the server, and what all targets share.
 *
 * The sources under test are compiled as they are, against the server's
 * headers.  What of the server they call is in shim.c and in the two static
 * libraries that every PostgreSQL installs for frontends (libpgcommon,
 * libpgport).
 */
#ifndef FUZZ_SHIM_H
#define FUZZ_SHIM_H

#include "postgres.h"

#include <setjmp.h>

#include "fmgr.h"
#include "lib/stringinfo.h"

/* A property that does not hold: a finding. */
#define CHECK(condition) \
	do { \
		if (!(condition)) \
			Finding(#condition, __FILE__, __LINE__); \
	} while (0)

extern void Finding(const char *condition, const char *file, int line);

/*
 * Runs a statement; true unless it raised an error.  The error's SQLSTATE is
 * then in raisedState.
 */
#define SUCCEEDS(...) \
	(sigsetjmp(*BeginTry(), 0) == 0 ? ((void) (__VA_ARGS__), EndTry(true)) : EndTry(false))

extern sigjmp_buf *BeginTry(void);
extern bool EndTry(bool success);
extern int	raisedState;

/* Everything palloc'd is freed between inputs; new memory is filled with this. */
extern unsigned char fillByte;
extern void FreeAll(void);

/* Calls an SQL function of one to three arguments, none of them null. */
extern Datum Call(PGFunction function, int nargs, Datum a, Datum b, Datum c);
#define CALL1(f, a)			Call(f, 1, a, 0, 0)
#define CALL2(f, a, b)		Call(f, 2, a, b, 0)
#define CALL3(f, a, b, c)	Call(f, 3, a, b, c)
extern bool resultIsNull;

/* A message from a client, in memory of exactly its size. */
extern StringInfo Message(const void *data, size_t size);

/* A copy of bytes, zero-terminated, in memory of exactly its size. */
extern char *CString(const uint8 *data, size_t size);

/* Takes values off the input; zero when it is used up. */
typedef struct Bytes
{
	const uint8 *next;
	const uint8 *end;
} Bytes;

extern uint64 Take(Bytes *bytes, int n);
extern int	TakeBelow(Bytes *bytes, int bound);
extern bool TakeOneIn(Bytes *bytes, int n);

/* The properties of an order, given a btree comparison and the rest of its family. */
typedef struct Family
{
	PGFunction	cmp, lt, le, eq, ne, ge, gt, hash, hash_extended;
} Family;

extern void CheckOrder(const Family *family, Datum a, Datum b, Datum c);

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

#endif							/* FUZZ_SHIM_H */
