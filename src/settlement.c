/*
 * settlement.c
 *		Reads a settlement's row, and the trigger that judges a new one.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "amount.h"
#include "errors.h"
#include "settlement.h"
#include "store.h"
#include "triggers.h"

PG_FUNCTION_INFO_V1(check_settlement);

/*
 * Take a row's first natts attributes apart.  More may follow: columns that an
 * administrator has added, or has added and dropped.
 */
static void
DeformTuple(HeapTuple tuple, TupleDesc desc, int natts, RowValues *result)
{
	if (desc->natts == natts)
	{
		heap_deform_tuple(tuple, desc, result->values, result->isnull);
		return;
	}
	if (desc->natts < natts)
		elog(ERROR, "row type %u has %d attributes, not %d", desc->tdtypeid, desc->natts, natts);
	for (int i = 0; i < natts; i++)
		result->values[i] = heap_getattr(tuple, i + 1, desc, &result->isnull[i]);
}

/* Take a value of a row type apart: its first natts attributes. */
void
DeformRow(Datum row, int natts, RowValues *result)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(row);
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
											  HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple;

	tuple.t_data = header;
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	DeformTuple(&tuple, desc, natts, result);
	ReleaseTupleDesc(desc);
}

/* Put a value of a row type together; attributes past the first natts are null. */
Datum
FormRow(Oid type, int natts, const RowValues *row)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(type, -1);
	Datum	   *values = palloc0(desc->natts * sizeof(Datum));
	bool	   *isnull = palloc(desc->natts * sizeof(bool));
	HeapTuple	tuple;

	memcpy(values, row->values, natts * sizeof(Datum));
	memset(isnull, true, desc->natts * sizeof(bool));
	memcpy(isnull, row->isnull, natts * sizeof(bool));
	tuple = heap_form_tuple(desc, values, isnull);
	ReleaseTupleDesc(desc);
	return HeapTupleGetDatum(tuple);
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
			elog(ERROR, "unexpected null in an array");
	}
	return n;
}

/* The totals: gross = discount + rounding + voucher + cash, none negative. */
static void
CheckTotals(TriggerData *data, const RowValues *row)
{
	Amount		discount = DatumGetAmount(row->values[COL_DISCOUNT]);
	Amount		rounding = DatumGetAmount(row->values[COL_ROUNDING]);
	Amount		voucher = DatumGetAmount(row->values[COL_VOUCHER]);
	Amount		cash = DatumGetAmount(row->values[COL_CASH]);

	if (discount < 0 || rounding < 0 || voucher < 0 || cash < 0)
		RefuseRow(data, "None of its amounts may be negative.");
	if (DatumGetAmount(row->values[COL_GROSS]) !=
		AmountAdd(AmountAdd(discount, rounding), AmountAdd(voucher, cash)))
		RefuseRow(data, "The gross must be discount + rounding + voucher + cash.");
	if (row->isnull[COL_ENTRY_VERSION] &&
		DatumGetAmount(row->values[COL_INVOICEABLE]) != cash)
		RefuseRow(data, "Without entries all of the cash is invoiceable.");
}

/*
 * Take a part's shares off what is left of the lines, and return what it paid.
 */
static Amount
CheckPart(TriggerData *data, Datum part, int nlines, Amount *left)
{
	RowValues	fields;
	ArrayType  *array;
	const Amount *shares;
	Amount		sum = 0;

	DeformRow(part, PART_ATTRIBUTES, &fields);
	if (fields.isnull[PART_INSTRUMENT_ID] || fields.isnull[PART_PAID] || fields.isnull[PART_SHARE])
		RefuseRow(data, "A part must have an instrument, what it paid and its shares.");
	array = DatumGetArrayTypeP(fields.values[PART_SHARE]);
	if (ARR_HASNULL(array) || ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) != nlines)
		RefuseRow(data, "A part must have a share for each line.");
	shares = (const Amount *) ARR_DATA_PTR(array);
	for (int i = 0; i < nlines; i++)
	{
		if (shares[i] < 0 || shares[i] > left[i])
			RefuseRow(data, "The shares of a line must not be negative or exceed it.");
		left[i] -= shares[i];
		sum = AmountAdd(sum, shares[i]);
	}
	if (sum != DatumGetAmount(fields.values[PART_PAID]))
		RefuseRow(data, "The shares of an instrument must add up to what it paid.");
	return sum;
}

/*
 * The lines and parts: the lines add up to the gross, the parts to discount
 * and voucher, each part's shares to the part, and no line is paid twice.
 */
static void
CheckShares(TriggerData *data, const RowValues *row)
{
	Datum	   *lines;
	Datum	   *parts;
	int			nlines = DeformArray(row->values[COL_LINES], &lines);
	int			nparts = DeformArray(row->values[COL_PARTS], &parts);
	Amount	   *left = palloc(nlines * sizeof(Amount));
	Amount		gross = 0;
	Amount		reduced = 0;

	for (int i = 0; i < nlines; i++)
	{
		RowValues	fields;

		CHECK_FOR_INTERRUPTS();
		DeformRow(lines[i], LINE_ATTRIBUTES, &fields);
		if (fields.isnull[LINE_NO] || fields.isnull[LINE_PRODUCT] ||
			fields.isnull[LINE_ORDER_TYPE] || fields.isnull[LINE_AMOUNT])
			RefuseRow(data, "A line must have its number, product, order type and amount.");
		left[i] = DatumGetAmount(fields.values[LINE_AMOUNT]);
		gross = AmountAdd(gross, left[i]);
	}
	for (int i = 0; i < nparts; i++)
		reduced = AmountAdd(reduced, CheckPart(data, parts[i], nlines, left));
	if (gross != DatumGetAmount(row->values[COL_GROSS]))
		RefuseRow(data, "The lines must add up to the gross.");
	if (reduced != AmountAdd(DatumGetAmount(row->values[COL_DISCOUNT]),
							 DatumGetAmount(row->values[COL_VOUCHER])))
		RefuseRow(data, "The instruments must add up to discount and voucher.");
}

/*
 * Keep the products that the order bought first.  If another order was faster,
 * this one was planned on what is no longer so.
 */
static void
RecordFirstPurchase(const RowValues *row)
{
	ArrayType  *products = DatumGetArrayTypeP(row->values[COL_FIRST_PURCHASE]);
	Datum		values[3];

	values[0] = row->values[COL_ACCOUNT_ID];
	values[1] = row->values[COL_ORDER_ID];
	values[2] = row->values[COL_FIRST_PURCHASE];
	if (StoreRun(STMT_FIRST_PURCHASE, STORE_WRITE, values, NULL) !=
		ArrayGetNItems(ARR_NDIM(products), ARR_DIMS(products)))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("another order was the first purchase of the same product"),
				 errhint("Try the order again.")));
}

/* Trigger: a settlement adds up, by total and by line; its first purchases are kept. */
Datum
check_settlement(PG_FUNCTION_ARGS)
{
	TriggerData *data = GetTriggerData(fcinfo);
	RowValues	row;

	DeformTuple(data->tg_trigtuple, RelationGetDescr(data->tg_relation), COL_COUNT, &row);
	CheckTotals(data, &row);
	CheckShares(data, &row);
	SettlementArrived(data);
	if (!row.isnull[COL_ENTRY_VERSION] || !row.isnull[COL_FIRST_PURCHASE])
	{
		StoreBegin();
		if (!row.isnull[COL_ENTRY_VERSION])
			CheckSettlementOpening(data, DatumGetAmount(row.values[COL_CASH]));
		if (!row.isnull[COL_FIRST_PURCHASE])
			RecordFirstPurchase(&row);
		StoreEnd();
	}
	return PointerGetDatum(NULL);
}
