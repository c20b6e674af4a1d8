/*
 * report.c
 *		What reports need besides SQL: the requests of take_expiring.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "catalog.h"
#include "ledger.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_keep_reminding);

/* Arguments after the request id that the same request must have again. */
#define REMINDING_CONTENTS 2

/* Error for an argument that is not greater than zero. */
pg_noreturn static void
RefuseNotPositive(const char *what, const char *value)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be greater than zero", what),
			 errdetail("It is %s.", value)));
}

/*
 * keep_reminding(request_id, within, count, at, actor) returns boolean: is this
 * the first call with this request id?  So is one without.  Error VC302 if the
 * first asked for something else.
 */
Datum
voucher_keep_reminding(PG_FUNCTION_ARGS)
{
	const char *requestId = RequestIdArgument(fcinfo, 0);
	const char *differs;
	Datum		values[5];
	char		nulls[] = "     ";
	TimestampTz at;
	bool		isNew;

	RequireArgument(fcinfo, 1, "within");
	RequireArgument(fcinfo, 2, "count");
	if (PG_GETARG_INT32(2) <= 0)
		RefuseNotPositive("count", psprintf("%d", PG_GETARG_INT32(2)));
	if (IntervalSpan(PG_GETARG_INTERVAL_P(1)) <= 0)
		RefuseNotPositive("within", DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(1))));
	at = TimeArgument(fcinfo, 3, "at");
	if (requestId == NULL)
		PG_RETURN_BOOL(true);
	values[0] = CStringGetTextDatum(requestId);
	values[1] = PG_GETARG_DATUM(1);
	values[2] = PG_GETARG_DATUM(2);
	values[3] = TimestampTzGetDatum(at);
	values[4] = OptionalTextDatum(OptionalTextArgument(fcinfo, 4), &nulls[4]);
	StoreBegin();
	isNew = StoreRun(STMT_REMINDING, STORE_WRITE, values, NULL) == 0;
	if (isNew)
		StoreWriteRows(STMT_REMINDING_KEEP, values, nulls, 1);
	else
	{
		differs = StoreDiffers(1, &values[1], nulls, REMINDING_CONTENTS);
		if (differs != NULL)
			RefuseRequest(requestId, NULL, differs);
	}
	StoreEnd();
	PG_RETURN_BOOL(isNew);
}
