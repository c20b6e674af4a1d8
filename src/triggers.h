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
#include "rows.h"

extern TriggerData *GetTriggerData(FunctionCallInfo fcinfo);
extern Datum NotNull(TriggerData *data, const Row *row, int column);
extern bool HasKey(TriggerData *data, const Row *row, const Movement *movement);
extern int	ExpectedMovements(Movement **movements);
pg_noreturn extern void RefuseRow(TriggerData *data, const char *rule);
extern void CheckSettlementRow(TriggerData *data, const Row *row);
extern Amount SumLines(TriggerData *data, int nlines, const Datum *lines, Amount *left);
extern void SettlementArrived(TriggerData *data, const Row *row);
extern void CheckInstrument(TriggerData *data, const Row *row);
extern void CheckSettlementOpening(TriggerData *data, const Row *row);

#endif							/* VOUCHER_TRIGGERS_H */
