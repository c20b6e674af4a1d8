/*
 * instrument_triggers.c
 *		What must hold of a new instrument: by itself, and among those of its
 *		template that the account has.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/rangetypes.h"
#include "utils/rel.h"

#include "catalog.h"
#include "errors.h"
#include "rows.h"
#include "store.h"
#include "triggers.h"

PG_FUNCTION_INFO_V1(check_per_account);

/* What must hold of a share by itself: all that it seems to hold is another account's. */
static void
CheckShare(TriggerData *data, const Row *row, char validity)
{
	if (row->isnull[INS_OWNER_ACCOUNT] != row->isnull[INS_OWNER_INSTRUMENT])
		RefuseRow(data, "A share names its owner's account and instrument.");
	if (row->isnull[INS_OWNER_ACCOUNT])
		return;
	if (datum_image_eq(row->values[INS_OWNER_ACCOUNT], row->values[BAL_ACCOUNT], false, -1))
		RefuseRow(data, "An account cannot share with itself.");
	if (DatumGetAmount(row->values[BAL_BALANCE]) != 0 || !row->isnull[INS_MAX_USES] ||
		validity != (RANGE_LB_INF | RANGE_UB_INF))
		RefuseRow(data, "A share has no balance, uses or validity of its own.");
}

/* What must hold of a new instrument by itself. */
void
CheckInstrument(TriggerData *data, const Row *row)
{
	char		flags = range_get_flags(DatumGetRangeTypeP(NotNull(data, row, INS_VALIDITY)));

	if (!row->isnull[INS_ORDINAL] && DatumGetInt32(row->values[INS_ORDINAL]) < 1)
		RefuseRow(data, "Ordinals count from 1.");
	if (DatumGetAmount(NotNull(data, row, BAL_BALANCE)) >
		(row->isnull[INS_FACE_VALUE] ? 0 : DatumGetAmount(row->values[INS_FACE_VALUE])))
		RefuseRow(data, "The balance must not exceed the face value.");
	if (!row->isnull[INS_MAX_USES] &&
		DatumGetInt32(NotNull(data, row, INS_USED)) > DatumGetInt32(row->values[INS_MAX_USES]))
		RefuseRow(data, "It must not have served more orders than it can.");
	if ((flags & (RANGE_EMPTY | RANGE_UB_INC)) != 0 ||
		(flags & (RANGE_LB_INC | RANGE_LB_INF)) == 0)
		RefuseRow(data, "Its validity must be a half-open range and not be empty.");
	CheckShare(data, row, flags);
}

/*
 * Trigger: the n-th instrument of a template that an account gets must be
 * within the template's limit.  With the unique key on (account, template, n),
 * exactly as many as it allows can exist.
 */
Datum
check_per_account(PG_FUNCTION_ARGS)
{
	TriggerData *data = GetTriggerData(fcinfo);
	const Template *template;
	Row			row;

	DeformTuple(data->tg_trigtuple, RelationGetDescr(data->tg_relation), INS_COLUMNS, &row);
	if (row.isnull[INS_ORDINAL])
		return PointerGetDatum(NULL);

	StoreBegin();
	CatalogBegin();
	template = CatalogTemplate(DatumGetInt64(NotNull(data, &row, INS_TEMPLATE)));
	if (DatumGetInt32(row.values[INS_ORDINAL]) > template->perAccount)
		ereport(ERROR,
				(errcode(ERRCODE_VC_PER_ACCOUNT_LIMIT),
				 errmsg("account \"%s\" has all it can get of template \"%s\"",
						TextDatumGetCString(NotNull(data, &row, BAL_ACCOUNT)),
						template->terms.name),
				 errdetail("One account can get %d.", template->perAccount)));
	StoreEnd();
	return PointerGetDatum(NULL);
}
