/*
 * settlement.c
 *		The trigger that judges a settlement's row.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "amount.h"
#include "errors.h"
#include "store.h"
#include "triggers.h"

PG_FUNCTION_INFO_V1(check_settlement);

/* An amount column of the new row. */
static Amount
AmountColumn(TriggerData *data, const char *name)
{
	return DatumGetAmount(NotNullColumn(data, data->tg_trigtuple, name));
}

/* An array column of the new row, of n elements without nulls that take 8 bytes each. */
static const int64 *
ArrayColumn(TriggerData *data, const char *name, int n)
{
	ArrayType  *array = DatumGetArrayTypeP(NotNullColumn(data, data->tg_trigtuple, name));

	if (ARR_HASNULL(array) || ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) != n)
		RefuseRow(data, psprintf("\"%s\" must have %d elements and no null.", name, n));
	return (const int64 *) ARR_DATA_PTR(array);
}

/* The number of elements of an array column of the new row. */
static int
Elements(TriggerData *data, const char *name)
{
	ArrayType  *array = DatumGetArrayTypeP(NotNullColumn(data, data->tg_trigtuple, name));

	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

/* The totals: gross = discount + rounding + voucher + cash, none negative. */
static void
CheckTotals(TriggerData *data)
{
	Amount		discount = AmountColumn(data, "discount");
	Amount		rounding = AmountColumn(data, "rounding");
	Amount		voucher = AmountColumn(data, "voucher");
	Amount		cash = AmountColumn(data, "cash");

	if (discount < 0 || rounding < 0 || voucher < 0 || cash < 0)
		RefuseRow(data, "None of its amounts may be negative.");
	if (AmountColumn(data, "gross") !=
		AmountAdd(AmountAdd(discount, rounding), AmountAdd(voucher, cash)))
		RefuseRow(data, "The gross must be discount + rounding + voucher + cash.");
}

/*
 * The lines and parts: the lines add up to the gross, the parts to discount
 * and voucher, each part's shares to the part, and no line is paid twice.
 */
static void
CheckShares(TriggerData *data)
{
	int			nlines = Elements(data, "amount");
	int			nparts = Elements(data, "instrument_id");
	const int64 *lines = ArrayColumn(data, "amount", nlines);
	const int64 *paid = ArrayColumn(data, "paid", nparts);
	const int64 *shares = ArrayColumn(data, "share", nparts * nlines);
	Amount		gross = 0;
	Amount		reduced = 0;

	for (int j = 0; j < nlines; j++)
	{
		Amount		left = lines[j];

		gross = AmountAdd(gross, lines[j]);
		for (int i = 0; i < nparts; i++)
		{
			if (shares[i * nlines + j] < 0 || shares[i * nlines + j] > left)
				RefuseRow(data, "The shares of a line must not be negative or exceed it.");
			left -= shares[i * nlines + j];
		}
	}
	for (int i = 0; i < nparts; i++)
	{
		Amount		sum = 0;

		for (int j = 0; j < nlines; j++)
			sum = AmountAdd(sum, shares[i * nlines + j]);
		if (sum != paid[i])
			RefuseRow(data, "The shares of an instrument must add up to what it paid.");
		reduced = AmountAdd(reduced, paid[i]);
	}
	if (gross != AmountColumn(data, "gross"))
		RefuseRow(data, "The lines must add up to the gross.");
	if (reduced != AmountAdd(AmountColumn(data, "discount"), AmountColumn(data, "voucher")))
		RefuseRow(data, "The instruments must add up to discount and voucher.");
}

/*
 * Keep the products that the order bought first.  If another order was faster,
 * this one was planned on what is no longer so.
 */
static void
RecordFirstPurchase(TriggerData *data, Datum products)
{
	ArrayType  *array = DatumGetArrayTypeP(products);
	Datum		values[3];

	values[0] = NotNullColumn(data, data->tg_trigtuple, "account_id");
	values[1] = NotNullColumn(data, data->tg_trigtuple, "order_id");
	values[2] = products;
	if (StoreRun(STMT_FIRST_PURCHASE, STORE_WRITE, values, NULL) !=
		ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)))
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
	bool		noEntries;
	bool		noFirst;
	Datum		products;

	CheckTotals(data);
	CheckShares(data);
	Column(data, data->tg_trigtuple, "entry_version", &noEntries);
	products = Column(data, data->tg_trigtuple, "first_purchase", &noFirst);
	if (noEntries && AmountColumn(data, "invoiceable") != AmountColumn(data, "cash"))
		RefuseRow(data, "Without entries all of the cash is invoiceable.");
	if (!noEntries || !noFirst)
	{
		StoreBegin();
		if (!noEntries)
			CheckSettlementOpening(data);
		if (!noFirst)
			RecordFirstPurchase(data, products);
		StoreEnd();
	}
	return PointerGetDatum(NULL);
}
