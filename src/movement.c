/*
 * movement.c
 *		The movements that a statement has announced, which the triggers let pass.
 */
#include "postgres.h"

#include "utils/datum.h"
#include "utils/rel.h"

#include "rows.h"
#include "triggers.h"

/* The movements of the statement that is being run; see RunMoving. */
static Movement *expected;
static int	nexpected;

/*
 * Run a statement that moves balances, with the triggers told which, and
 * return its number of rows.
 */
uint64
RunMoving(Statement statement, const Datum *values, const char *nulls, Movement *movements,
		  int nmovements)
{
	Movement   *outer = expected;
	int			nouter = nexpected;
	uint64		rows = 0;

	expected = movements;
	nexpected = nmovements;
	PG_TRY();
	{
		rows = StoreRun(statement, STORE_WRITE, values, nulls);
	}
	PG_FINALLY();
	{
		expected = outer;
		nexpected = nouter;
	}
	PG_END_TRY();
	return rows;
}

/* The movements of the statement that is being run; returns how many. */
int
ExpectedMovements(Movement **movements)
{
	*movements = expected;
	return nexpected;
}

/* Has a row the key of a movement? */
bool
HasKey(TriggerData *data, const Row *row, const Movement *movement)
{
	Form_pg_attribute key = TupleDescAttr(RelationGetDescr(data->tg_relation), BAL_KEY - 1);

	return datum_image_eq(NotNull(data, row, BAL_ACCOUNT), movement->accountId, false, -1) &&
		datum_image_eq(NotNull(data, row, BAL_KEY), movement->key, key->attbyval, key->attlen);
}

/* The row of a settlement has arrived: whoever writes it may be waiting to know. */
void
SettlementArrived(TriggerData *data, const Row *row)
{
	for (int i = 0; i < nexpected; i++)
	{
		if (strcmp(expected[i].table, "settlement") == 0 &&
			HasKey(data, row, &expected[i]))
			expected[i].entered = true;
	}
}

/* The template of an instrument that the statement that is being run moves; 0 if it does not. */
int64
MovingTemplate(int64 instrumentId)
{
	for (int i = 0; i < nexpected; i++)
	{
		if (expected[i].templateId != 0 && DatumGetInt64(expected[i].key) == instrumentId)
			return expected[i].templateId;
	}
	return 0;
}
