/*
 * rows.c
 *		Forms values of the extension's row types and takes them apart.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

#include "rows.h"

/* A row in the making, all of whose columns are null. */
void
EmptyRow(Row *row)
{
	memset(row->isnull, true, sizeof(row->isnull));
}

/* Set a column of a row in the making. */
void
SetValue(Row *row, int column, Datum value)
{
	row->values[column] = value;
	row->isnull[column] = false;
}

/* Set a text column; NULL makes it null. */
void
SetText(Row *row, int column, const char *text)
{
	row->isnull[column] = (text == NULL);
	row->values[column] = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/*
 * The row as a value of a row type, in the current context.  Columns that an
 * administrator has added are null.
 */
Datum
FormRow(Oid type, Row *row)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(type, -1);
	Datum	   *values = row->values + 1;
	bool	   *isnull = row->isnull + 1;
	HeapTuple	tuple;

	if (desc->natts > MAX_COLUMNS)
	{
		values = palloc0(desc->natts * sizeof(Datum));
		isnull = palloc(desc->natts * sizeof(bool));
		memcpy(values, row->values + 1, MAX_COLUMNS * sizeof(Datum));
		memcpy(isnull, row->isnull + 1, MAX_COLUMNS * sizeof(bool));
		memset(isnull + MAX_COLUMNS, true, (desc->natts - MAX_COLUMNS) * sizeof(bool));
	}
	tuple = heap_form_tuple(desc, values, isnull);
	ReleaseTupleDesc(desc);
	return HeapTupleGetDatum(tuple);
}

/*
 * Take a tuple apart into so many columns.  It may have more: those that an
 * administrator has added, even where they are dropped again.
 */
void
DeformTuple(HeapTuple tuple, TupleDesc desc, int ncolumns, Row *row)
{
	if (desc->natts == ncolumns)
	{
		heap_deform_tuple(tuple, desc, row->values + 1, row->isnull + 1);
		return;
	}
	if (desc->natts < ncolumns)
		elog(ERROR, "row type %u has %d columns instead of %d", desc->tdtypeid, desc->natts,
			 ncolumns);
	for (int i = 1; i <= ncolumns; i++)
		row->values[i] = heap_getattr(tuple, i, desc, &row->isnull[i]);
}

/* As DeformTuple, for a value of a row type. */
void
DeformRow(Datum value, int ncolumns, Row *row)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
											  HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple;

	tuple.t_data = header;
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	DeformTuple(&tuple, desc, ncolumns, row);
	ReleaseTupleDesc(desc);
}

/* The elements of an array of a row type, none of them null; returns how many. */
int
DeformArray(Datum array, Datum **elements)
{
	ArrayType  *items = DatumGetArrayTypeP(array);
	bool	   *nulls;
	int			n;

	deconstruct_array(items, ARR_ELEMTYPE(items), -1, false, TYPALIGN_DOUBLE,
					  elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("an array of rows must not hold a null")));
	}
	return n;
}

/* An array of values of a row type. */
Datum
RowArray(Oid type, Datum *rows, int n)
{
	return PointerGetDatum(construct_array(rows, n, type, -1, false, TYPALIGN_DOUBLE));
}

/* An array of integers. */
Datum
Array4(Datum *items, int n)
{
	return PointerGetDatum(construct_array(items, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/* An array of a by-value 8-byte type. */
Datum
Array8(Oid type, Datum *items, int n)
{
	return PointerGetDatum(construct_array(items, n, type, sizeof(int64), FLOAT8PASSBYVAL,
										   TYPALIGN_DOUBLE));
}

/* An array of texts. */
Datum
TextArray(Datum *items, int n)
{
	return PointerGetDatum(construct_array(items, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * The elements of an array of texts, none of them null, as strings in the
 * current context; returns how many.
 */
int
ReadTextArray(Datum array, const char ***strings)
{
	Datum	   *elements;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL,
					  &n);
	*strings = palloc(n * sizeof(char *));
	for (int i = 0; i < n; i++)
		(*strings)[i] = TextDatumGetCString(elements[i]);
	return n;
}

/* Order two strings, each given by its address. */
int
CompareStrings(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* The shares of a part, one per line; CheckShares of settlement.c saw to it. */
const Amount *
PartShares(Datum part)
{
	Row			fields;

	DeformRow(part, PART_COLUMNS, &fields);
	return (const Amount *) ARR_DATA_PTR(DatumGetArrayTypeP(fields.values[PART_SHARE]));
}
