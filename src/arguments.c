/*
 * arguments.c
 *		Reads the arguments of a call, with the same refusals everywhere.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "arguments.h"

/* Error 22004 if argument n is null. */
void
RequireArgument(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
}

/* A text argument that must be there and not be empty. */
const char *
TextArgument(FunctionCallInfo fcinfo, int n, const char *name)
{
	const char *value;

	RequireArgument(fcinfo, n, name);
	value = OptionalTextArgument(fcinfo, n);
	if (*value == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be empty", name)));
	return value;
}

/* A text argument, NULL if null. */
const char *
OptionalTextArgument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/* A name, NULL if null; but an empty one is nobody's. */
const char *
OptionalNameArgument(FunctionCallInfo fcinfo, int n, const char *name)
{
	return PG_ARGISNULL(n) ? NULL : TextArgument(fcinfo, n, name);
}

/*
 * The caller's key of a request, NULL if null.  An empty one would make every
 * call that has none look like the same request.
 */
const char *
RequestIdArgument(FunctionCallInfo fcinfo, int n)
{
	return OptionalNameArgument(fcinfo, n, "request_id");
}

/*
 * Is a time one of the years 1 to 9999, in UTC, and not infinite?  These every
 * client can show, and any zone, period or validity that is added to them leads
 * to a timestamp again.
 */
bool
IsInstant(TimestampTz value)
{
	return value >= (date2j(1, 1, 1) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY &&
		value < (date2j(10000, 1, 1) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
}

/* An instant that must be there. */
TimestampTz
TimeArgument(FunctionCallInfo fcinfo, int n, const char *name)
{
	TimestampTz value;

	RequireArgument(fcinfo, n, name);
	value = PG_GETARG_TIMESTAMPTZ(n);
	if (!IsInstant(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be in the years 1 to 9999", name)));
	return value;
}
