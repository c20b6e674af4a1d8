/*
 * hold_triggers.c
 *		The triggers of holds: what is held adds up and is there, and what counts
 *		unresolved holds is true whoever writes.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "limit.h"
#include "rows.h"
#include "store.h"
#include "triggers.h"

PG_FUNCTION_INFO_V1(apply_hold);
PG_FUNCTION_INFO_V1(check_holds);
PG_FUNCTION_INFO_V1(protect_held);

/* The column of a settlement that a column of a hold would be. */
static const int settlementColumn[HOLD_COLUMNS + 1] = {
	[HOLD_ACCOUNT] = BAL_ACCOUNT,
	[HOLD_ORDER] = BAL_KEY,
	[HOLD_CURRENCY] = SET_CURRENCY,
	[HOLD_AT] = SET_AT,
	[HOLD_EPOCH] = SET_EPOCH,
	[HOLD_GROSS] = SET_GROSS,
	[HOLD_DISCOUNT] = SET_DISCOUNT,
	[HOLD_ROUNDING] = SET_ROUNDING,
	[HOLD_VOUCHER] = SET_VOUCHER,
	[HOLD_CASH] = SET_CASH,
	[HOLD_PAYMENT_TYPE] = SET_PAYMENT_TYPE,
	[HOLD_LINES] = SET_LINES,
	[HOLD_PARTS] = SET_PARTS,
};

/* A hold as the settlement that it would be, as far as that is judged. */
static void
AsSettlement(const Row *hold, Row *settlement)
{
	EmptyRow(settlement);
	for (int i = 1; i <= HOLD_COLUMNS; i++)
	{
		if (settlementColumn[i] != 0 && !hold->isnull[i])
			SetValue(settlement, settlementColumn[i], hold->values[i]);
	}
	SetValue(settlement, BAL_BALANCE, hold->values[HOLD_CASH]);
	SetValue(settlement, SET_OUTSTANDING, AmountGetDatum(0));
}

/*
 * A new hold takes no more than is there, counting all that is held then of what
 * it takes: of other instruments more may be held than there is, if a call for a
 * later time has used it.  One that is restored, and was followed by other
 * calls, held what was there in its time.
 */
static void
CheckFits(TriggerData *data, const Row *hold, int64 epoch)
{
	Datum		values[3];

	if (!hold->isnull[HOLD_EPOCH] && DatumGetInt64(hold->values[HOLD_EPOCH]) < epoch)
		return;
	if (!hold->isnull[HOLD_EPOCH] && DatumGetInt64(hold->values[HOLD_EPOCH]) > epoch)
		RefuseRow(data, "The account has not come to its epoch.");
	values[0] = hold->values[HOLD_ACCOUNT];
	values[1] = hold->values[HOLD_AT];
	values[2] = hold->values[HOLD_PARTS];
	if (StoreRun(STMT_HOLD_EXCESS, STORE_WRITE, values, NULL) > 0)
		RefuseRow(data, psprintf("More would be held of instrument " INT64_FORMAT " than it has.",
								 StoreInt64(0, 1)));
}

/*
 * Trigger: a new hold, or one that is resolved.  The account's row is locked
 * before anything is counted, so that of two at a time each sees the other.
 */
Datum
apply_hold(PG_FUNCTION_ARGS)
{
	TriggerData *data = GetTriggerData(fcinfo);
	bool		isNew = TRIGGER_FIRED_BY_INSERT(data->tg_event);
	Datum		key[2];
	int64		epoch = 0;
	int			rows;
	Row			hold;
	Row			settlement;

	DeformTuple(isNew ? data->tg_trigtuple : data->tg_newtuple,
				RelationGetDescr(data->tg_relation), HOLD_COLUMNS, &hold);
	key[0] = hold.values[HOLD_ACCOUNT];
	key[1] = hold.values[HOLD_CURRENCY];
	AsSettlement(&hold, &settlement);
	if (isNew)
		CheckSettlementRow(data, &settlement);

	StoreBegin();
	rows = (int) StoreRun(STMT_HOLD_EPOCH, STORE_WRITE, key, NULL);
	for (int i = 0; i < rows; i++)
	{
		if (StoreBool(i, 1))
			epoch = StoreInt64(i, 2);
	}
	StoreRun(STMT_HOLDS_COUNT, STORE_WRITE, key, NULL);
	if (!isNew)
		ReleaseHeld(hold.values[HOLD_ACCOUNT], hold.values[HOLD_ORDER],
					DatumGetInt32(hold.values[HOLD_VERSION]));
	else if (hold.isnull[HOLD_RESOLUTION])
	{
		CheckFits(data, &hold, epoch);
		HoldLimits(&settlement, DatumGetInt32(hold.values[HOLD_VERSION]),
				   DatumGetTimestampTz(hold.values[HOLD_EXPIRES_AT]));
	}
	StoreEnd();
	return PointerGetDatum(NULL);
}

/* Trigger: account.holds is the number of its unresolved holds, in all currencies. */
Datum
check_holds(PG_FUNCTION_ARGS)
{
	TriggerData *data = GetTriggerData(fcinfo);
	Row			row;
	int32		counted;

	DeformTuple(data->tg_newtuple, RelationGetDescr(data->tg_relation), ACC_COLUMNS, &row);
	StoreBegin();
	StoreRun(STMT_HOLDS_COUNTED, STORE_WRITE, &row.values[BAL_ACCOUNT], NULL);
	counted = StoreInt32(0, 1);
	StoreEnd();
	if (counted != DatumGetInt32(row.values[ACC_HOLDS]))
		ereport(ERROR,
				(errcode(ERRCODE_VC_IMMUTABLE_ROW),
				 errmsg("rows of table \"%s\" cannot be changed", "account"),
				 errdetail("The account has %d unresolved holds.", counted),
				 errhint("The number moves when a hold is inserted or resolved.")));
	return PointerGetDatum(NULL);
}

/* Trigger: what is held of limits is written by the triggers of holds and limits only. */
Datum
protect_held(PG_FUNCTION_ARGS)
{
	TriggerData *data = GetTriggerData(fcinfo);

	if (!HoldingLimits())
		ereport(ERROR,
				(errcode(ERRCODE_VC_IMMUTABLE_ROW),
				 errmsg("rows of table \"%s\" cannot be written",
						RelationGetRelationName(data->tg_relation)),
				 errhint("It follows what is inserted into voucher.hold and resolved there.")));
	return PointerGetDatum(NULL);
}
