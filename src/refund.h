/*
 * refund.h
 *		A settled order as refunds and invoices see it.
 */
#ifndef VOUCHER_REFUND_H
#define VOUCHER_REFUND_H

#include "ledger.h"

typedef struct Settlement
{
	Account		account;
	const char *orderId;
	Amount		total;			/* what the order came to after discounts */
	Amount		cash;			/* of which cash paid */
	Amount		invoiceable;
	int32		version;		/* of its last entry, 0: none */
	Amount		refunded;		/* of the total, so far */
	Amount		refundedCash;	/* of the cash, so far */
} Settlement;

typedef struct SettlementEntry
{
	const char *kind;
	Amount		amount;			/* signed change of the invoiceable amount */
	Amount		requested;		/* refunds only, else 0 */
	const char *invoiceId;		/* these three may be NULL */
	const char *requestId;
	const char *reason;
} SettlementEntry;

pg_noreturn extern void RefuseUnknownOrder(const char *accountId, const char *orderId);
extern void LockSettlement(const char *accountId, const char *orderId, Settlement *settlement);
extern void AddSettlementEntry(Settlement *settlement, const SettlementEntry *entry,
							   TimestampTz at);

#endif							/* VOUCHER_REFUND_H */
