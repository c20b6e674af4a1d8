/*
 * ledger.h
 *		Locking an account, and writing the entries that move its balances.
 */
#ifndef VOUCHER_LEDGER_H
#define VOUCHER_LEDGER_H

#include "datatype/timestamp.h"

#include "amount.h"

/* An account's cash in one currency. */
typedef struct Account
{
	const char *accountId;
	char	   *currency;
	Amount		balance;
	int32		version;
} Account;

/* An entry of an instrument: the state before it and what it changes. */
typedef struct InstrumentEntry
{
	int64		instrumentId;
	int32		version;
	Amount		balance;
	int32		used;
	const char *kind;
	Amount		amount;			/* signed */
	int32		uses;
	const char *orderId;		/* these three may be NULL */
	const char *requestId;
	const char *reason;
} InstrumentEntry;

extern Datum OptionalTextDatum(const char *text, char *null);
extern void ReadAccount(const char *accountId, const char *currency, Account *account);
extern void LockAccount(const char *accountId, const char *currency, Account *account);
extern void AddCashEntry(Account *account, const char *kind, Amount amount, TimestampTz at,
						 const char *orderId, const char *requestId, const char *reason);
extern void AddInstrumentEntry(const Account *account, const InstrumentEntry *entry,
							   TimestampTz at);

#endif							/* VOUCHER_LEDGER_H */
