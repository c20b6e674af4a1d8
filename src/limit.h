/*
 * limit.h
 *		Limits on uses and issues: their counters, read, locked and moved.
 */
#ifndef VOUCHER_LIMIT_H
#define VOUCHER_LIMIT_H

#include "plan.h"
#include "rows.h"
#include "store.h"

/* The limits that an order or an issue may meet, by id, each with its counter. */
typedef struct LimitSet
{
	int			n;
	LimitUsage *states;
} LimitSet;

extern void LoadLimits(Terms *terms, const char *campaign, MemoryContext context);
extern void PeriodOf(const UsageLimit *limit, TimestampTz at, LimitUsage *state);
extern void ReadLimits(const char *accountId, const char *orderId, TimestampTz at, StoreMode mode,
					   Candidate *candidates, int ncandidates, LimitSet *set);
extern LimitUsage *HeldCounters(int n);
extern void LockLimits(const char *accountId, const char *orderId, TimestampTz at, LimitSet *set,
					   bool resolves);
extern void LockIssueLimits(const char *accountId, TimestampTz at, int n,
							const Terms *const *terms);
extern void SetLimits(Row *settlement, const LimitSet *set);
extern void PastLimits(const Row *settlement, TimestampTz at, Candidate *candidates,
					   int ncandidates, LimitSet *set);
extern char *LimitDetail(const LimitUsage *state);

/* limit_triggers.c */
extern uint64 AddUsage(const LimitUsage *state, const char *accountId, int64 uses, Amount amount);
extern void CountSettlement(const Row *settlement);
extern void HoldLimits(const Row *settlement, int32 version, TimestampTz expiresAt);
extern void ReleaseHeld(Datum account, Datum orderId, int32 version);
extern bool HoldingLimits(void);

#endif							/* VOUCHER_LIMIT_H */
