/*
 * settle.h
 *		Settling an order, for callers in C; and what settle.c and
 *		settle_write.c share.
 */
#ifndef VOUCHER_SETTLE_H
#define VOUCHER_SETTLE_H

#include "order.h"
#include "rows.h"

extern Datum SettleOrder(OrderRequest *request);
extern void ReadRequest(FunctionCallInfo fcinfo, int first, OrderRequest *request);
extern const char *RequestDifference(const OrderRequest *request, Row *now, Row *then);
extern void PlanLocked(OrderRequest *request, const OwnerSet *owners, OrderFacts *facts,
					   PaymentPlan *plan);
extern bool IssuePromo(const OrderRequest *request, OrderFacts *facts, PaymentPlan *plan);
extern void TakeCash(const Account *account, bool arrears, int digits, PaymentPlan *plan);
extern void CheckArrearsAllowed(const OrderRequest *request);
extern const char *LinesDifference(Datum a, Datum b);
extern void PlanOrderRequest(const OrderRequest *request, OrderFacts *facts, PaymentPlan *plan);

/* settle_write.c */
extern Datum LineArray(const OrderRequest *request);
extern void SetRequest(Row *row, const OrderRequest *request, const PlanOrder *order);
extern void SetRecorded(Row *row);
extern void SetPlan(Row *row, const PlanOrder *order, const PaymentPlan *plan);
extern void SetProducts(Row *row, const PlanOrder *order);
pg_noreturn extern void RefuseSuppressed(const char *orderId, const char *table);
extern bool WriteSettlement(const char *orderId, const Row *row, Datum settlement, TimestampTz at,
							const Account *account, const PaymentPlan *plan);

/* hold.c */
extern void ReplaceHold(const OrderRequest *request, int64 epoch, const char *actor);

#endif							/* VOUCHER_SETTLE_H */
