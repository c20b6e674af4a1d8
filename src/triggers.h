/*
 * triggers.h
 *		What the trigger functions share.
 */
#ifndef VOUCHER_TRIGGERS_H
#define VOUCHER_TRIGGERS_H

#include "commands/trigger.h"

#include "amount.h"
#include "compat.h"
#include "ledger.h"

extern TriggerData *GetTriggerData(FunctionCallInfo fcinfo);
extern Datum Column(TriggerData *data, HeapTuple row, int column, bool *isnull);
extern Datum NotNull(TriggerData *data, HeapTuple row, int column);
extern bool HasKey(TriggerData *data, HeapTuple row, const Movement *movement);
extern int	ExpectedMovements(Movement **movements);
pg_noreturn extern void RefuseRow(TriggerData *data, const char *rule);
extern Amount SumLines(TriggerData *data, int nlines, const Datum *lines, Amount *left);
extern void SettlementArrived(TriggerData *data);
extern void CheckInstrument(TriggerData *data);
extern void CheckSettlementOpening(TriggerData *data, Amount cash, Amount outstanding);

#endif							/* VOUCHER_TRIGGERS_H */
