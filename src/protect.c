/*
 * protect.c
 *		The trigger that lets nobody change, delete or truncate what is written:
 *		a balance, and what else of an instrument moves, moves with an entry.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "utils/datum.h"
#include "utils/rangetypes.h"
#include "utils/rel.h"

#include "errors.h"
#include "ledger.h"
#include "order.h"
#include "rows.h"
#include "triggers.h"

PG_FUNCTION_INFO_V1(protect);

/* Is an instrument's validity what a movement makes of it? */
static bool
ValidityIsExpected(TriggerData *data, const Row *old, const Row *new,
				   const Movement *movement)
{
	Datum		was = NotNull(data, old, INS_VALIDITY);
	Datum		is = NotNull(data, new, INS_VALIDITY);
	Candidate	before;
	Candidate	after;
	Candidate	extension;

	if (!movement->extends)
		return datum_image_eq(was, is, false, -1);
	ReadValidity(DatumGetRangeTypeP(was), &before);
	ReadValidity(DatumGetRangeTypeP(is), &after);
	ReadValidity(DatumGetRangeTypeP(movement->extended), &extension);
	return after.effective == before.effective && before.expiry == extension.effective &&
		after.expiry == extension.expiry;
}

/* Is an instrument's state after an update what a movement makes of it? */
static bool
StateIsExpected(TriggerData *data, const Row *old, const Row *new,
				const Movement *movement)
{
	bool		wasFrozen = DatumGetBool(NotNull(data, old, INS_FROZEN));
	bool		isFrozen = DatumGetBool(NotNull(data, new, INS_FROZEN));
	bool		wasCancelled = DatumGetBool(NotNull(data, old, INS_CANCELLED));
	bool		isCancelled = DatumGetBool(NotNull(data, new, INS_CANCELLED));

	return movement->used == DatumGetInt32(NotNull(data, new, INS_USED)) &&
		isFrozen == (movement->freezes || (wasFrozen && !movement->unfreezes)) &&
		isCancelled == (movement->cancels || wasCancelled) &&
		!(wasCancelled && movement->uses > 0) &&
		ValidityIsExpected(data, old, new, movement);
}

/*
 * Has the statement that is being run announced the balance that a row gets?
 * A user's own trigger may have changed it, or be updating another row.
 */
static bool
MovementIsExpected(TriggerData *data)
{
	Movement   *expected;
	int			nexpected = ExpectedMovements(&expected);
	int			ncolumns = Min(RelationGetDescr(data->tg_relation)->natts, MAX_COLUMNS);
	Row			old;
	Row			new;

	DeformTuple(data->tg_trigtuple, RelationGetDescr(data->tg_relation), ncolumns, &old);
	DeformTuple(data->tg_newtuple, RelationGetDescr(data->tg_relation), ncolumns, &new);

	for (int i = 0; i < nexpected; i++)
	{
		Movement   *movement = &expected[i];

		if (movement->moved ||
			strcmp(movement->table, RelationGetRelationName(data->tg_relation)) != 0 ||
			movement->version != DatumGetInt32(NotNull(data, &new, BAL_VERSION)) ||
			movement->balance != DatumGetAmount(NotNull(data, &new, BAL_BALANCE)) ||
			!HasKey(data, &new, movement))
			continue;
		if (strcmp(movement->table, "instrument") == 0 &&
			!StateIsExpected(data, &old, &new, movement))
			continue;
		movement->moved = true;
		return true;
	}
	return false;
}

/* Is a column one that moves with entries: one of the trigger's arguments? */
static bool
MovesWithEntries(const Trigger *trigger, const char *column)
{
	for (int i = 0; i < trigger->tgnargs; i++)
	{
		if (strcmp(trigger->tgargs[i], column) == 0)
			return true;
	}
	return false;
}

/* Refuse a change of a protected row. */
static void
RefuseChange(TriggerData *data, const char *verb, const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_VC_IMMUTABLE_ROW),
			 errmsg("rows of table \"%s\" cannot be %s",
					RelationGetRelationName(data->tg_relation), verb),
			 column == NULL ? 0 :
			 errdetail("The update changes column \"%s\".", column),
			 data->tg_trigger->tgnargs == 0 ? 0 :
			 errhint("Balances move when an entry is inserted.")));
}

/* The columns of a tuple, however many the table has. */
typedef struct Deformed
{
	Datum	   *values;
	bool	   *isnull;
} Deformed;

/* Take a tuple of the trigger's table apart, in the current context. */
static Deformed
AllColumns(HeapTuple tuple, TupleDesc desc)
{
	Deformed	result;

	result.values = palloc(desc->natts * sizeof(Datum));
	result.isnull = palloc(desc->natts * sizeof(bool));
	heap_deform_tuple(tuple, desc, result.values, result.isnull);
	return result;
}

/*
 * Trigger: what is settled, issued or booked stays.  An update may change only
 * the columns that the trigger's arguments name, and those only when an entry
 * moves them.
 */
Datum
protect(PG_FUNCTION_ARGS)
{
	TriggerData *data = GetTriggerData(fcinfo);
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	const char *moves = NULL;
	Deformed	was;
	Deformed	is;

	if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
		RefuseChange(data, "truncated", NULL);
	if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
		RefuseChange(data, "deleted", NULL);

	was = AllColumns(data->tg_trigtuple, desc);
	is = AllColumns(data->tg_newtuple, desc);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		const char *name = NameStr(attribute->attname);

		if (attribute->attisdropped ||
			(was.isnull[i] && is.isnull[i]) ||
			(!was.isnull[i] && !is.isnull[i] &&
			 datum_image_eq(was.values[i], is.values[i], attribute->attbyval, attribute->attlen)))
			continue;
		if (strcmp(RelationGetRelationName(data->tg_relation), "account") == 0 && !is.isnull[i])
		{
			/* the epoch holds no money: raising it only makes a settle plan anew; it orders what was done */
			if (strcmp(name, "epoch") == 0 &&
				DatumGetInt64(is.values[i]) >= DatumGetInt64(was.values[i]))
				continue;
			/* check_holds counts them */
			if (strcmp(name, "holds") == 0)
				continue;
		}
		if (is.isnull[i] || !MovesWithEntries(data->tg_trigger, name))
			RefuseChange(data, "changed", name);
		moves = name;
	}
	if (moves != NULL && !MovementIsExpected(data))
		RefuseChange(data, "changed", moves);
	if (TRIGGER_FIRED_BEFORE(data->tg_event))
		return PointerGetDatum(data->tg_newtuple);
	return PointerGetDatum(NULL);
}
