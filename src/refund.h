/*
 * refund.h
 *		A settled order as refunds, its cancel and invoices see it.
 */
#ifndef VOUCHER_REFUND_H
#define VOUCHER_REFUND_H

#include "ledger.h"
#include "refund_plan.h"
#include "shared.h"

typedef struct Settlement
{
	Account		account;
	const char *orderId;
	RefundState state;
	Amount		invoiceable;
	Amount		outstanding;	/* of its arrears, what is neither paid nor waived yet */
	Amount		paid;			/* of its arrears, so far */
	Amount		waived;			/* of its arrears, by re-ratings so far */
	Amount		discount;		/* total and waived and this: what it billed */
	Amount		rerated;		/* of what it billed, taken back by re-ratings so far */
	int32		version;		/* of its last entry, 0: none */
	bool		cancelled;
	bool		byLines;		/* refunds before were by line */
	OwnerSet	owners;			/* whose vouchers it drew on: locked for what is returned */
} Settlement;

typedef struct SettlementEntry
{
	const char *kind;
	Amount		amount;			/* signed change of the invoiceable amount */
	bool		refunds;		/* a refund or cancel: requested counts */
	Amount		requested;
	const Amount *consumed;		/* these may be NULL */
	Datum	   *lines;			/* nlines numbers, and what is refunded of each */
	Datum	   *lineAmounts;
	int			nlines;
	const char *invoiceId;
	const char *requestId;
	const char *reason;
	const char *reratingId;
} SettlementEntry;

/* What an instrument paid or took off, and what may become of it. */
typedef struct ReturnPart
{
	InstrumentEntry entry;		/* the instrument's state, and what it gets back */
	bool		tender;			/* it paid; else it lowered the price */
	bool		byRate;			/* holds no value */
	bool		onCancel;		/* comes back if the order was never delivered */
	bool		onRefund;		/* comes back with a refund at this time: a tender's value */
	bool		onRerate;		/* comes back with what a re-rating takes back: likewise */
	Amount		paid;
	Amount		returned;		/* by refunds before */
	const Amount *shares;		/* per line; known where refunds are by line */
	const char *ownerAccountId; /* of a share: where it goes on to; NULL: no share */
	const Candidate *owner;
} ReturnPart;

pg_noreturn extern void RefuseUnknownOrder(const char *accountId, const char *orderId);
extern void LockSettlement(const char *accountId, const char *orderId, Settlement *settlement);
extern void LockForReturns(const char *accountId, const char *orderId, Statement findOwners,
						   bool allCurrencies, Settlement *settlement);
extern void ReadSettlement(Account *account, const char *orderId, Settlement *settlement);
pg_noreturn extern void RefuseCancelled(const char *accountId, const char *orderId);
pg_noreturn extern void RefuseSupplement(const char *orderId, const char *rerates);
extern void CheckNoArrears(const Settlement *settlement);
extern void AddSettlementEntry(Settlement *settlement, const SettlementEntry *entry,
							   TimestampTz at);

/* refund.c */
extern void RefundRerated(Settlement *settlement, Amount amount, const char *reratingId,
						  const char *reason, TimestampTz at);

/* returns.c */
extern int	LoadParts(const Settlement *settlement, TimestampTz at, ReturnPart **parts);
extern void GiveBack(const Settlement *settlement, ReturnPart *parts, int n, const char *reason,
					 TimestampTz at);
extern void RevokeGifts(const Settlement *settlement, const char *reason, TimestampTz at);

#endif							/* VOUCHER_REFUND_H */
