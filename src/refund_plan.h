/*
 * refund_plan.h
 *		How much of an order a refund covers, by amount or by line: a pure
 *		function of what was settled and what was refunded before.
 */
#ifndef VOUCHER_REFUND_PLAN_H
#define VOUCHER_REFUND_PLAN_H

#include "amount.h"

/* A line of a settled order. */
typedef struct RefundLine
{
	int32		lineNo;
	Amount		net;			/* list price less its share of the discounts */
	Amount		voucher;		/* its share of what vouchers paid */
	Amount		total;			/* net in minor units: what can be refunded of it */
	Amount		cash;			/* of which cash paid */
	Amount		refunded;		/* of the total, so far */
	Amount		requested;		/* of the total, by this refund */
} RefundLine;

/* What an order came to and where its refunds stand. */
typedef struct RefundState
{
	Amount		total;			/* what the order came to after discounts, less what was waived of it */
	Amount		cash;			/* of which cash paid, arrears paid since included */
	int			digits;			/* of the currency's minor unit */
	Amount		refunded;		/* of the total, so far */
	Amount		refundedCash;	/* of the cash, so far */
	Amount		returned;		/* to vouchers, so far */
	int			nlines;			/* 0 unless refunds are by line */
	RefundLine *lines;
} RefundState;

extern void CoverParts(Amount covered, int n, const Amount *paid, int64 unit, Amount *shares);
extern void SplitLines(RefundState *state);
extern Amount CashUpTo(const RefundState *state, Amount refunded);
extern Amount PartCovered(const RefundState *state, Amount refunded, bool requested, Amount paid,
						  const Amount *shares);
extern Amount PartUnconsumed(const RefundState *state, Amount consumed, Amount paid,
							 Amount covered);

#endif							/* VOUCHER_REFUND_PLAN_H */
