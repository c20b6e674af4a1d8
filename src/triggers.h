/*
 * triggers.h
 *		What the trigger functions share.
 */
#ifndef VOUCHER_TRIGGERS_H
#define VOUCHER_TRIGGERS_H

#include "commands/trigger.h"

#include "amount.h"
#include "compat.h"

extern TriggerData *GetTriggerData(FunctionCallInfo fcinfo);
pg_noreturn extern void RefuseRow(TriggerData *data, const char *rule);
extern void SettlementArrived(TriggerData *data);
extern void CheckSettlementOpening(TriggerData *data, Amount cash, Amount outstanding);

#endif							/* VOUCHER_TRIGGERS_H */
