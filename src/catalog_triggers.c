/*
 * catalog_triggers.c
 *		Triggers of the catalogue's tables, whose rows people write.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "store.h"
#include "triggers.h"

PG_FUNCTION_INFO_V1(catalog_changed);
PG_FUNCTION_INFO_V1(own_row);
PG_FUNCTION_INFO_V1(record_change);
PG_FUNCTION_INFO_V1(refuse_digits);

/* Trigger: tell every session, this one too, that the table's rows changed. */
Datum
catalog_changed(PG_FUNCTION_ARGS)
{
	CacheInvalidateRelcache(GetTriggerData(fcinfo)->tg_relation);
	return PointerGetDatum(NULL);
}

/*
 * Trigger: what somebody writes is no shipped row, so a dump carries it.  A
 * restore meets the shipped row of the same key, which it takes the place of
 * unless that is in use; a policy never changes, so there it meets none.  The
 * key's column has the table's name.
 */
Datum
own_row(PG_FUNCTION_ARGS)
{
	TriggerData *data = GetTriggerData(fcinfo);
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	const char *table = RelationGetRelationName(data->tg_relation);
	bool		updates = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
	HeapTuple	tuple = updates ? data->tg_newtuple : data->tg_trigtuple;
	int			shipped = SPI_fnumber(desc, "shipped");
	Datum		no = BoolGetDatum(false);
	bool		notnull = false;

	if (!updates && strcmp(table, "policy") != 0)
	{
		bool		isnull;
		Datum		key = heap_getattr(tuple, SPI_fnumber(desc, table), desc, &isnull);

		StoreBegin();
		if (!isnull)
			StoreRun(strcmp(table, "currency") == 0 ? STMT_CURRENCY_REPLACE : STMT_ORDER_TYPE_REPLACE,
					 STORE_WRITE, &key, NULL);
		StoreEnd();
	}
	return PointerGetDatum(heap_modify_tuple_by_cols(tuple, desc, 1, &shipped, &no, &notnull));
}

/*
 * Trigger: a changed row says who changed it and when, whatever the update says.
 * Of a new row its defaults say it, which only a restore may overrule: no role
 * has the right to write these columns.
 */
Datum
record_change(PG_FUNCTION_ARGS)
{
	TriggerData *data = GetTriggerData(fcinfo);
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	int			columns[2];
	Datum		values[2];
	bool		nulls[2] = {false, false};

	columns[0] = SPI_fnumber(desc, "recorded_by");
	values[0] = CStringGetTextDatum(GetUserNameFromId(GetSessionUserId(), false));
	columns[1] = SPI_fnumber(desc, "recorded_at");
	values[1] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	return PointerGetDatum(heap_modify_tuple_by_cols(data->tg_newtuple, desc, 2, columns, values, nulls));
}

/*
 * Trigger: a currency gets no further decimals once there are accounts in it.
 * What was rounded to fewer would not be what its parts come to.
 */
Datum
refuse_digits(PG_FUNCTION_ARGS)
{
	TriggerData *data = GetTriggerData(fcinfo);
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	bool		isnull;
	Datum		currency = heap_getattr(data->tg_newtuple, SPI_fnumber(desc, "currency"), desc, &isnull);

	StoreBegin();
	if (StoreRun(STMT_CURRENCY_USED, STORE_LATEST, &currency, NULL) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_IMMUTABLE_ROW),
				 errmsg("minor digits of currency \"%s\" cannot rise", TextDatumGetCString(currency)),
				 errdetail("There are accounts in it.")));
	StoreEnd();
	return PointerGetDatum(NULL);
}
