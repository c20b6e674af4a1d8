/*
 * settlement.c
 *		The trigger that judges a new settlement.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "amount.h"
#include "errors.h"
#include "limit.h"
#include "rows.h"
#include "store.h"
#include "triggers.h"

PG_FUNCTION_INFO_V1(check_settlement);

/* The totals: gross = discount + rounding + voucher + cash + outstanding, none negative. */
static void
CheckTotals(TriggerData *data, const Row *row)
{
	Amount		discount = DatumGetAmount(row->values[SET_DISCOUNT]);
	Amount		rounding = DatumGetAmount(row->values[SET_ROUNDING]);
	Amount		voucher = DatumGetAmount(row->values[SET_VOUCHER]);
	Amount		cash = DatumGetAmount(row->values[SET_CASH]);
	Amount		outstanding = DatumGetAmount(row->values[SET_OUTSTANDING]);

	if (discount < 0 || rounding < 0 || voucher < 0 || cash < 0 || outstanding < 0)
		RefuseRow(data, "None of its amounts may be negative.");
	if (DatumGetAmount(row->values[SET_GROSS]) !=
		AmountAdd(AmountAdd(AmountAdd(discount, rounding), AmountAdd(voucher, cash)),
				  outstanding))
		RefuseRow(data, "The gross must be discount + rounding + voucher + cash + outstanding.");
	if (outstanding > 0 &&
		strcmp(TextDatumGetCString(row->values[SET_PAYMENT_TYPE]), "pay_as_you_go") != 0)
		RefuseRow(data, "Only a pay-as-you-go bill may leave something outstanding.");
	if (!row->isnull[SET_RERATES] &&
		strcmp(TextDatumGetCString(row->values[SET_PAYMENT_TYPE]), "pay_as_you_go") != 0)
		RefuseRow(data, "Only a pay-as-you-go bill supplements another one.");
	if (row->isnull[BAL_VERSION] &&
		DatumGetAmount(row->values[BAL_BALANCE]) != cash)
		RefuseRow(data, "Without entries all of the cash is invoiceable.");
}

/*
 * Take a part's shares off what is left of the lines, and return what it paid.
 */
static Amount
CheckPart(TriggerData *data, Datum part, int nlines, Amount *left)
{
	Row	fields;
	ArrayType  *array;
	const Amount *shares;
	Amount		sum = 0;

	DeformRow(part, PART_COLUMNS, &fields);
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
 * The sum of lines, none of which may lack what makes a line; "left" gets what
 * each comes to, a credit nothing.
 */
Amount
SumLines(TriggerData *data, int nlines, const Datum *lines, Amount *left)
{
	Amount		gross = 0;

	for (int i = 0; i < nlines; i++)
	{
		Row	fields;

		CHECK_FOR_INTERRUPTS();
		DeformRow(lines[i], LINE_COLUMNS, &fields);
		if (fields.isnull[LINE_NO] || fields.isnull[LINE_PRODUCT] ||
			fields.isnull[LINE_ORDER_TYPE] || fields.isnull[LINE_AMOUNT])
			RefuseRow(data, "A line must have its number, product, order type and amount.");
		left[i] = Max(DatumGetAmount(fields.values[LINE_AMOUNT]), 0);
		gross = AmountAdd(gross, DatumGetAmount(fields.values[LINE_AMOUNT]));
	}
	return gross;
}

/*
 * The lines and parts: the lines add up to the gross, the parts to discount
 * and voucher, each part's shares to the part, and no line is paid twice.
 */
static void
CheckShares(TriggerData *data, const Row *row)
{
	Datum	   *lines;
	Datum	   *parts;
	int			nlines = DeformArray(row->values[SET_LINES], &lines);
	int			nparts = DeformArray(row->values[SET_PARTS], &parts);
	Amount	   *left = palloc(nlines * sizeof(Amount));
	Amount		gross = SumLines(data, nlines, lines, left);
	Amount		reduced = 0;

	for (int i = 0; i < nparts; i++)
		reduced = AmountAdd(reduced, CheckPart(data, parts[i], nlines, left));
	if (gross != DatumGetAmount(row->values[SET_GROSS]))
		RefuseRow(data, "The lines must add up to the gross.");
	if (reduced != AmountAdd(DatumGetAmount(row->values[SET_DISCOUNT]),
							 DatumGetAmount(row->values[SET_VOUCHER])))
		RefuseRow(data, "The instruments must add up to discount and voucher.");
}

/* What must hold of a settlement, or of a hold that would be one, by itself. */
void
CheckSettlementRow(TriggerData *data, const Row *row)
{
	CheckTotals(data, row);
	CheckShares(data, row);
}

/* Has the order been cancelled, as a dump may say that is being restored? */
static bool
IsCancelled(const Row *row)
{
	Datum		key[2];

	key[0] = row->values[BAL_ACCOUNT];
	key[1] = row->values[BAL_KEY];
	return !row->isnull[BAL_VERSION] &&
		StoreRun(STMT_SETTLEMENT_CANCEL, STORE_WRITE, key, NULL) > 0;
}

/*
 * Keep the products that the order bought first.  If another order was faster,
 * this one was planned on what is no longer so.
 */
static void
RecordFirstPurchase(const Row *row)
{
	ArrayType  *products = DatumGetArrayTypeP(row->values[SET_FIRST_PURCHASE]);
	Datum		values[3];

	values[0] = row->values[BAL_ACCOUNT];
	values[1] = row->values[BAL_KEY];
	values[2] = row->values[SET_FIRST_PURCHASE];
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
	Row			row;

	DeformTuple(data->tg_trigtuple, RelationGetDescr(data->tg_relation), SET_COLUMNS, &row);
	CheckSettlementRow(data, &row);
	SettlementArrived(data, &row);
	CountSettlement(&row);
	if (!row.isnull[BAL_VERSION] || !row.isnull[SET_FIRST_PURCHASE])
	{
		StoreBegin();
		if (!row.isnull[BAL_VERSION])
			CheckSettlementOpening(data, &row);
		if (!row.isnull[SET_FIRST_PURCHASE] && !IsCancelled(&row))
			RecordFirstPurchase(&row);
		StoreEnd();
	}
	return PointerGetDatum(NULL);
}
