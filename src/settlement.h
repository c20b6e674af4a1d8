/*
 * settlement.h
 *		The columns of voucher.settlement, and of its lines and parts.
 *
 * Columns are added at the end and never removed, so their places are fixed.
 * An administrator's own columns come after ours.
 */
#ifndef VOUCHER_SETTLEMENT_H
#define VOUCHER_SETTLEMENT_H

enum
{
	COL_ACCOUNT_ID,
	COL_ORDER_ID,
	COL_ENTRY_VERSION,
	COL_INVOICEABLE,
	COL_GROSS,
	COL_DISCOUNT,
	COL_ROUNDING,
	COL_VOUCHER,
	COL_CASH,
	COL_AT,
	COL_RECORDED_AT,
	COL_CURRENCY,
	COL_PAYMENT_TYPE,
	COL_CHOSEN_VOUCHER,
	COL_CHOSEN_COUPON,
	COL_PROMO_CODE,
	COL_LINES,
	COL_PARTS,
	COL_FIRST_PURCHASE,
	COL_COUNT
};

/* Attributes of the type voucher.line. */
enum
{
	LINE_NO,
	LINE_PRODUCT,
	LINE_ORDER_TYPE,
	LINE_AMOUNT,
	LINE_DURATION,
	LINE_ATTRIBUTES
};

/* Attributes of the type voucher.part. */
enum
{
	PART_INSTRUMENT_ID,
	PART_PAID,
	PART_SHARE,
	PART_ATTRIBUTES
};

/* A value of a row type, or of one in the making. */
typedef struct RowValues
{
	Datum		values[COL_COUNT];
	bool		isnull[COL_COUNT];
} RowValues;

extern Datum FormRow(Oid type, int natts, const RowValues *row);
extern void DeformRow(Datum row, int natts, RowValues *result);
extern int	DeformArray(Datum array, Datum **elements);

#endif							/* VOUCHER_SETTLEMENT_H */
