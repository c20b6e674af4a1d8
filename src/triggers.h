/*
 * triggers.h
 *		What the trigger functions share.
 */
#ifndef VOUCHER_TRIGGERS_H
#define VOUCHER_TRIGGERS_H

#include "commands/trigger.h"

extern TriggerData *GetTriggerData(FunctionCallInfo fcinfo);
extern Datum Column(TriggerData *data, HeapTuple row, const char *name, bool *isnull);
extern Datum NotNullColumn(TriggerData *data, HeapTuple row, const char *name);
extern void RefuseRow(TriggerData *data, const char *rule) pg_attribute_noreturn();
extern void CheckSettlementOpening(TriggerData *data);

#endif							/* VOUCHER_TRIGGERS_H */
