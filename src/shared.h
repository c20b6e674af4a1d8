/*
 * shared.h
 *		What a share draws on: the voucher of another account, its owner.
 */
#ifndef VOUCHER_SHARED_H
#define VOUCHER_SHARED_H

#include "ledger.h"
#include "order.h"
#include "rows.h"

extern void AddOwner(OwnerSet *owners, const char *accountId, const char *currency);
extern const Account *HeldOwner(const OwnerSet *owners, const char *accountId);
extern void LockWithOwners(OwnerSet *owners, Account *account, const char *currency,
						   bool allCurrencies);

extern void DrawOn(Candidate *share, const Candidate *owner);
extern Candidate *LoadOwners(const char **accountIds, const int64 *instrumentIds, int n,
							 TimestampTz at, StoreMode mode);
extern void DropShares(OrderFacts *facts);
extern void ReadOwners(Candidate *candidates, int ncandidates, TimestampTz at, StoreMode mode);
extern void FindOwners(OrderFacts *facts);
extern void SetShares(Row *settlement, const Candidate *candidates, int ncandidates);
extern void PastOwners(const Row *settlement, Candidate *candidates, int ncandidates);

extern void MoveShared(const Account *ownerAccount, const Candidate *owner, const Account *account,
					   const InstrumentEntry *share, Amount amount, int32 uses, TimestampTz at);
extern void DrawShares(const OrderRequest *request, const Account *account,
					   const OwnerSet *owners, const PaymentPlan *plan);

#endif							/* VOUCHER_SHARED_H */
