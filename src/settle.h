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
extern void PlanOrderRequest(const OrderRequest *request, OrderFacts *facts, PaymentPlan *plan);

/* settle_write.c */
extern void SetRequest(Row *row, const OrderRequest *request, const PlanOrder *order);
extern void SetPlan(Row *row, const PlanOrder *order, const PaymentPlan *plan);
extern void SetProducts(Row *row, const PlanOrder *order);
pg_noreturn extern void RefuseSuppressed(const char *orderId, const char *table);
extern bool WriteSettlement(const char *orderId, const Row *row, Datum settlement,
							const Account *account, const PaymentPlan *plan);

#endif							/* VOUCHER_SETTLE_H */
