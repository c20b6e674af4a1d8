/*
 * store_fault.c
 *		Lets a statement of the store fail, in a build for tests only
 *		(make FAULTS=1).
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "store.h"

PG_FUNCTION_INFO_V1(voucher_fault);

/* Statements until the one that fails, 0: none; and how. */
static int	countdown;
static char how;

/*
 * voucher_fault(n, how): the n-th statement from now on fails: with an (e)rror,
 * out of (m)emory, or as it is (c)ancelled.
 */
Datum
voucher_fault(PG_FUNCTION_ARGS)
{
	countdown = PG_GETARG_INT32(0);
	how = *text_to_cstring(PG_GETARG_TEXT_PP(1));
	PG_RETURN_VOID();
}

/* Called before each statement. */
void
StoreFault(void)
{
	if (countdown == 0 || --countdown > 0)
		return;
	if (how == 'c')
	{
		InterruptPending = QueryCancelPending = true;
		CHECK_FOR_INTERRUPTS();
	}
	ereport(ERROR,
			(errcode(how == 'm' ? ERRCODE_OUT_OF_MEMORY : ERRCODE_INTERNAL_ERROR),
			 errmsg("injected fault")));
}
