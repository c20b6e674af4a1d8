/*
 * store.h
 *		The one module that runs SQL.
 *
 * A verb calls StoreBegin, runs statements by name, reads their rows and calls
 * StoreEnd.  Between the two, the current memory context is SPI's: it goes
 * with StoreEnd.
 */
#ifndef VOUCHER_STORE_H
#define VOUCHER_STORE_H

#include "executor/spi.h"

#include "amount.h"

typedef enum Statement
{
#define STATEMENT(name, args, sql) STMT_##name,
#include "statements.h"
#undef STATEMENT
	STMT_COUNT
} Statement;

/* Which rows a statement sees. */
typedef enum StoreMode
{
	STORE_WRITE,				/* a new snapshot; may write */
	STORE_READ,					/* the snapshot of the calling query */
	STORE_LATEST,				/* what is committed now, whatever the isolation */
	STORE_LATEST_WRITE			/* the same; may write */
} StoreMode;

/* The types of this extension, as this database knows them now. */
typedef struct StoreTypes
{
	Oid			amount;
	Oid			amountArray;
	Oid			scope;
	Oid			line;
	Oid			lineArray;
	Oid			part;
	Oid			partArray;
	Oid			settlement;
	Oid			settlementArray;
	Oid			cashEntry;
	Oid			cashEntryArray;
	Oid			entry;
	Oid			entryArray;
} StoreTypes;

extern void StoreBegin(void);
extern void StoreEnd(void);
extern const StoreTypes *StoreGetTypes(void);
extern Oid	StoreRelation(const char *name);
extern uint64 StoreRun(Statement statement, StoreMode mode, const Datum *values,
					   const char *nulls);
extern void StoreWriteRows(Statement statement, const Datum *values, const char *nulls,
						   uint64 rows);
extern void StoreFreeRows(void);

/* Column values of the last statement's rows; columns count from 1. */
extern Datum StoreDatum(uint64 row, int column, bool *isnull);
extern Datum StoreNotNull(uint64 row, int column);
extern char *StoreText(uint64 row, int column);
extern const char *StoreDiffers(int column, const Datum *values, const char *nulls, int n);

#define StoreAmount(row, column)	DatumGetAmount(StoreNotNull(row, column))
#define StoreInt64(row, column)		DatumGetInt64(StoreNotNull(row, column))
#define StoreInt32(row, column)		DatumGetInt32(StoreNotNull(row, column))
#define StoreBool(row, column)		DatumGetBool(StoreNotNull(row, column))
#define StoreTime(row, column)		DatumGetTimestampTz(StoreNotNull(row, column))

/* A parameter that may be null: its place in the nulls string. */
#define NULL_FLAG(isnull)	((isnull) ? 'n' : ' ')

#ifdef VOUCHER_FAULTS
/* store_fault.c */
extern void StoreFault(void);
#endif

#endif							/* VOUCHER_STORE_H */
