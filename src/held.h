/*
 * held.h
 *		What unresolved holds keep of an account's instruments.
 */
#ifndef VOUCHER_HELD_H
#define VOUCHER_HELD_H

#include "order.h"

extern void SubtractHolds(const OrderRequest *request, StoreMode mode, OrderFacts *facts);
extern void ReadHeld(const Account *account, TimestampTz at, Candidate *candidate);
extern void SubtractPastHolds(const OrderRequest *request, int64 epoch, OrderFacts *facts);

#endif							/* VOUCHER_HELD_H */
