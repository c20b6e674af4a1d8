/*
 * settle.h
 *		Settling an order, for callers in C.
 */
#ifndef VOUCHER_SETTLE_H
#define VOUCHER_SETTLE_H

#include "order.h"

extern Datum SettleOrder(OrderRequest *request);

#endif							/* VOUCHER_SETTLE_H */
