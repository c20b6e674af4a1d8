/*
 * attempt.h
 *		Attempts with wrong codes, and how many of them there may be.
 */
#ifndef VOUCHER_ATTEMPT_H
#define VOUCHER_ATTEMPT_H

#include "postgres.h"

/* Who tries a code; SetAttempt makes one. */
typedef struct Attempt
{
	const char *accountId;		/* NULL: not said; not empty */
	const char *client;			/* as the caller names it; the same */
	int64		attemptId;		/* 0: not written down */
} Attempt;

extern void SetAttempt(Attempt *attempt, const char *accountId, const char *client);
extern void BeginAttempt(Attempt *attempt);
extern void EndAttempt(Attempt *attempt);
extern void RecordAttempt(Attempt *attempt);

extern PGDLLEXPORT void voucher_record_attempt(Datum arg);

#endif							/* VOUCHER_ATTEMPT_H */
