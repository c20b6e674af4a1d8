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
CheckShare(TriggerData *data, RangeType *validity)
{
	HeapTuple	row = data->tg_trigtuple;
	bool		noAccount;
	bool		noInstrument;
	bool		noLimit;
	Datum		account = Column(data, row, INS_OWNER_ACCOUNT, &noAccount);

	Column(data, row, INS_OWNER_INSTRUMENT, &noInstrument);
	if (noAccount != noInstrument)
		RefuseRow(data, "A share names its owner's account and instrument.");
	if (noAccount)
		return;
	Column(data, row, INS_MAX_USES, &noLimit);
	if (datum_image_eq(account, NotNull(data, row, BAL_ACCOUNT), false, -1))
		RefuseRow(data, "An account cannot share with itself.");
	if (DatumGetAmount(NotNull(data, row, BAL_BALANCE)) != 0 || !noLimit ||
		range_get_flags(validity) != (RANGE_LB_INF | RANGE_UB_INF))
		RefuseRow(data, "A share has no balance, uses or validity of its own.");
}

/* What must hold of a new instrument by itself. */
void
CheckInstrument(TriggerData *data)
{
	HeapTuple	row = data->tg_trigtuple;
	RangeType  *validity = DatumGetRangeTypeP(NotNull(data, data->tg_trigtuple, INS_VALIDITY));
	char		flags = range_get_flags(validity);
	bool		noFaceValue;
	bool		noLimit;
	bool		notCounted;
	Datum		faceValue = Column(data, row, INS_FACE_VALUE, &noFaceValue);
	Datum		maxUses = Column(data, row, INS_MAX_USES, &noLimit);

	Datum		ordinal = Column(data, row, INS_ORDINAL, &notCounted);

	if (!notCounted && DatumGetInt32(ordinal) < 1)
		RefuseRow(data, "Ordinals count from 1.");
	if (DatumGetAmount(NotNull(data, row, BAL_BALANCE)) >
		(noFaceValue ? 0 : DatumGetAmount(faceValue)))
		RefuseRow(data, "The balance must not exceed the face value.");
	if (!noLimit && DatumGetInt32(NotNull(data, row, INS_USED)) > DatumGetInt32(maxUses))
		RefuseRow(data, "It must not have served more orders than it can.");
	if ((flags & (RANGE_EMPTY | RANGE_UB_INC)) != 0 ||
		(flags & (RANGE_LB_INC | RANGE_LB_INF)) == 0)
		RefuseRow(data, "Its validity must be a half-open range and not be empty.");
	CheckShare(data, validity);
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
	bool		notCounted;
	Datum		ordinal = Column(data, data->tg_trigtuple, INS_ORDINAL, &notCounted);
	const Template *template;

	if (notCounted)
		return PointerGetDatum(NULL);

	StoreBegin();
	CatalogBegin();
	template = CatalogTemplate(DatumGetInt64(NotNull(data, data->tg_trigtuple, INS_TEMPLATE)));
	if (DatumGetInt32(ordinal) > template->perAccount)
		ereport(ERROR,
				(errcode(ERRCODE_VC_PER_ACCOUNT_LIMIT),
				 errmsg("account \"%s\" has all it can get of template \"%s\"",
						TextDatumGetCString(NotNull(data, data->tg_trigtuple, BAL_ACCOUNT)),
						template->terms.name),
				 errdetail("One account can get %d.", template->perAccount)));
	StoreEnd();
	return PointerGetDatum(NULL);
}
