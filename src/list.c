/*
 * list.c
 *		The status of what an account holds, and the names of all there are.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "order.h"

PG_FUNCTION_INFO_V1(voucher_status);
PG_FUNCTION_INFO_V1(voucher_check_status);

/* status(frozen, face_value, balance, used, max_uses, validity, at, cancelled) returns text */
Datum
voucher_status(PG_FUNCTION_ARGS)
{
	Candidate	instrument = {0};
	InstrumentStatus status;

	/* face_value and max_uses are null where there is none */
	if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || PG_ARGISNULL(3) || PG_ARGISNULL(5) ||
		PG_ARGISNULL(6) || PG_ARGISNULL(7))
		PG_RETURN_NULL();
	ReadValidity(PG_GETARG_RANGE_P(5), &instrument);
	status = StatusAt(PG_GETARG_BOOL(7), PG_GETARG_BOOL(0), !PG_ARGISNULL(1),
					  PG_GETARG_AMOUNT(2), PG_GETARG_INT32(3),
					  PG_ARGISNULL(4) ? PG_INT32_MAX : PG_GETARG_INT32(4),
					  instrument.effective, instrument.expiry, PG_GETARG_TIMESTAMPTZ(6));
	PG_RETURN_TEXT_P(cstring_to_text(StatusName(status)));
}

/* check_status(status) returns boolean: true, or error 22023; null is no status to check */
Datum
voucher_check_status(PG_FUNCTION_ARGS)
{
	const char *name = OptionalTextArgument(fcinfo, 0);
	StringInfoData known;

	if (name == NULL)
		PG_RETURN_BOOL(true);
	initStringInfo(&known);
	for (int status = 0; status < STATUS_COUNT; status++)
	{
		if (strcmp(StatusName(status), name) == 0)
			PG_RETURN_BOOL(true);
		appendStringInfo(&known, "%s%s",
						 status == 0 ? "" : status == STATUS_COUNT - 1 ? " or " : ", ",
						 StatusName(status));
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown status: \"%s\"", name),
			 errhint("It is %s.", known.data)));
}
