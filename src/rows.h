/*
 * rows.h
 *		Where the columns of the ledger's tables are, and rows and arrays taken
 *		apart and made.
 *
 * Columns are added at the end and never removed, so their places are fixed;
 * those of an administrator come after ours and are written as null.
 * Numbers count from 1, as PostgreSQL's attribute numbers do.
 */
#ifndef VOUCHER_ROWS_H
#define VOUCHER_ROWS_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"

#include "amount.h"

/* Every table that holds a balance begins like this: account, instrument, settlement. */
enum
{
	BAL_ACCOUNT = 1,
	BAL_KEY,
	BAL_VERSION,
	BAL_BALANCE
};

/* voucher.account goes on like this. */
enum
{
	ACC_EPOCH = 5,
	ACC_FIRST_ENTRY,
	ACC_HOLDS,
	ACC_COLUMNS = ACC_HOLDS
};

/* voucher.instrument goes on like this. */
enum
{
	INS_USED = 5,
	INS_FROZEN,
	INS_TEMPLATE,
	INS_ORDINAL,
	INS_FIRST_ENTRY,
	INS_FACE_VALUE,
	INS_ISSUED_AT,
	INS_MAX_USES,
	INS_CURRENCY,
	INS_VALIDITY,
	INS_CANCELLED,
	INS_ISSUED,
	INS_OWNER_ACCOUNT,
	INS_OWNER_INSTRUMENT,
	INS_COLUMNS = INS_OWNER_INSTRUMENT
};

/* voucher.settlement goes on like this. */
enum
{
	SET_GROSS = 5,
	SET_DISCOUNT,
	SET_ROUNDING,
	SET_VOUCHER,
	SET_CASH,
	SET_AT,
	SET_RECORDED_AT,
	SET_CURRENCY,
	SET_PAYMENT_TYPE,
	SET_CHOSEN_VOUCHER,
	SET_CHOSEN_COUPON,
	SET_PROMO_CODE,
	SET_LINES,
	SET_PARTS,
	SET_FIRST_PURCHASE,
	SET_POLICY,
	SET_EXACT,
	SET_EPOCH,
	SET_PURCHASED_BEFORE,
	SET_NOT_UNIVERSAL,
	SET_LIMITS,
	SET_OUTSTANDING,
	SET_RERATES,
	SET_HOLD,
	SET_SHARES,
	SET_ACTOR,
	SET_RECORDED_BY,
	SET_COLUMNS = SET_RECORDED_BY
};

/* Every table of entries begins like this: cash_entry, entry, settlement_entry. */
enum
{
	ENT_ACCOUNT = 1,
	ENT_KEY,
	ENT_VERSION,
	ENT_KIND,
	ENT_AMOUNT,
	ENT_BALANCE
};

/* voucher.cash_entry goes on like this. */
enum
{
	CASH_AT = 7,
	CASH_RECORDED_AT,
	CASH_ORDER,
	CASH_REQUEST,
	CASH_REASON,
	CASH_ACTOR,
	CASH_RECORDED_BY,
	CASH_COLUMNS = CASH_RECORDED_BY
};

/* voucher.entry goes on like this. */
enum
{
	ENT_USES = 7,
	ENT_USED,
	ENT_AT,
	ENT_RECORDED_AT,
	ENT_ORDER,
	ENT_REQUEST,
	ENT_REASON,
	ENT_ACTOR,
	ENT_EXTENDED,
	ENT_PEER_ACCOUNT,
	ENT_PEER_INSTRUMENT,
	ENT_EPOCH,
	ENT_CAMPAIGN,
	ENT_RECORDED_BY,
	ENT_COLUMNS = ENT_RECORDED_BY
};

/* voucher.settlement_entry goes on like this. */
enum
{
	ENT_REQUESTED = 7,
	ENT_REFUNDED,
	ENT_REFUNDED_CASH,
	SENT_AT,
	SENT_RECORDED_AT,
	SENT_INVOICE,
	SENT_REQUEST,
	SENT_REASON,
	SENT_CONSUMED,
	SENT_LINES,
	SENT_LINE_AMOUNTS,
	SENT_RETURNED,
	SENT_PAID,
	SENT_WAIVED,
	SENT_RERATED,
	SENT_RERATING,
	SENT_ACTOR,
	SENT_RECORDED_BY,
	SENT_COLUMNS = SENT_RECORDED_BY
};

/* voucher.rerating. */
enum
{
	RER_ACCOUNT = 1,
	RER_ORDER,
	RER_VERSION,
	RER_ID,
	RER_LINES,
	RER_GROSS,
	RER_BILLED_BEFORE,
	RER_BILLED,
	RER_CHARGED,
	RER_TAKEN_BACK,
	RER_WAIVED,
	RER_REFUNDED_CASH,
	RER_RETURNED,
	RER_COLUMNS = RER_RETURNED
};

/* voucher.hold, as far as it is read by position. */
enum
{
	HOLD_ACCOUNT = 1,
	HOLD_ORDER,
	HOLD_VERSION,
	HOLD_CURRENCY,
	HOLD_AT,
	HOLD_EXPIRES_AT,
	HOLD_RESOLUTION,
	HOLD_EPOCH,
	HOLD_GROSS,
	HOLD_DISCOUNT,
	HOLD_ROUNDING,
	HOLD_VOUCHER,
	HOLD_CASH,
	HOLD_PAYMENT_TYPE,
	HOLD_CHOSEN_VOUCHER,
	HOLD_CHOSEN_COUPON,
	HOLD_PROMO_CODE,
	HOLD_POLICY,
	HOLD_LINES,
	HOLD_PARTS,
	HOLD_COLUMNS = HOLD_PARTS
};

/* The type voucher.line. */
enum
{
	LINE_NO = 1,
	LINE_PRODUCT,
	LINE_ORDER_TYPE,
	LINE_AMOUNT,
	LINE_DURATION,
	LINE_REGION,
	LINE_TAGS,
	LINE_AT,
	LINE_COLUMNS = LINE_AT
};

/* The type voucher.part. */
enum
{
	PART_INSTRUMENT_ID = 1,
	PART_PAID,
	PART_SHARE,
	PART_COLUMNS = PART_SHARE
};

#define MAX_COLUMNS SET_COLUMNS

/* A row taken apart, or in the making; element 0 is not used. */
typedef struct Row
{
	Datum		values[MAX_COLUMNS + 1];
	bool		isnull[MAX_COLUMNS + 1];
} Row;

extern void EmptyRow(Row *row);
extern void SetValue(Row *row, int column, Datum value);
extern void SetText(Row *row, int column, const char *text);
extern Datum FormRow(Oid type, Row *row);
extern void DeformTuple(HeapTuple tuple, TupleDesc desc, int ncolumns, Row *row);
extern void DeformRow(Datum value, int ncolumns, Row *row);
extern int	DeformArray(Datum array, Datum **elements);
extern Datum RowArray(Oid type, Datum *rows, int n);
extern Datum Array4(Datum *items, int n);
extern Datum Array8(Oid type, Datum *items, int n);
extern Datum TextArray(Datum *items, int n);
extern int	ReadTextArray(Datum array, const char ***strings);
extern const Amount *PartShares(Datum part);
extern int	CompareStrings(const void *a, const void *b);

#endif							/* VOUCHER_ROWS_H */
