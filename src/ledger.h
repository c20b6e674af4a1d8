/*
 * ledger.h
 *		Locking an account, and writing the entries that move its balances.
 */
#ifndef VOUCHER_LEDGER_H
#define VOUCHER_LEDGER_H

#include "datatype/timestamp.h"

#include "amount.h"
#include "compat.h"
#include "store.h"

/* An account's cash in one currency. */
typedef struct Account
{
	const char *accountId;
	char	   *currency;
	Amount		balance;
	int32		version;
	int64		epoch;			/* of the verb that holds it, or that a plan was made in */
	const char *actor;			/* who acts, as the caller says; NULL: he does not. Set by the verb */
	int32		holds;			/* unresolved, of its orders */
} Account;

/* The accounts of owners whose vouchers an order draws on; locked together with its own. */
typedef struct OwnerSet
{
	int			n;
	const char *currency;		/* the order's; NULL where there are none */
	Account    *accounts;
} OwnerSet;

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
	const char *orderId;		/* these four may be NULL */
	const char *requestId;
	const char *reason;
	const char *actor;
	const char *peerAccountId;	/* where value goes or comes from; NULL: none */
	int64		peerInstrumentId;
	bool		extends;
	Datum		extended;		/* if extends: from the old expiry to the new one */
} InstrumentEntry;

extern Datum OptionalTextDatum(const char *text, char *null);
pg_noreturn extern void RefuseUnknownAccount(const char *accountId, const char *currency);
pg_noreturn extern void RefuseManyCurrencies(const char *accountId);
pg_noreturn extern void RefuseRequest(const char *requestId, const char *accountId,
									  const char *differs);
extern bool FindRequest(Statement statement, const char *accountId, const char *requestId);
extern void LockAccount(const char *accountId, const char *currency, Account *account);
extern void LockCurrencies(const char *accountId);
extern void LockAccounts(Account **accounts, int n, const char *currency, const Account *whole);
extern void AddCashEntry(Account *account, const char *kind, Amount amount, TimestampTz at,
						 const char *orderId, const char *requestId, const char *reason);
extern void AddInstrumentEntry(const Account *account, const InstrumentEntry *entry,
							   TimestampTz at);

/*
 * A balance that a statement moves together with the entry that says so: the
 * triggers let just this pass.
 */
typedef struct Movement
{
	const char *table;			/* that holds the balance */
	const char *entries;		/* that gets the entry; known to who writes both */
	Datum		accountId;		/* the row's key */
	Datum		key;
	int32		version;		/* after it */
	Amount		balance;		/* after it */
	Amount		amount;			/* what its entry adds */
	int32		used;			/* these eight of instruments only; after it */
	int32		uses;
	bool		freezes;
	bool		unfreezes;
	bool		cancels;
	bool		extends;
	Datum		extended;
	int64		templateId;
	bool		moved;			/* the balance has moved */
	bool		entered;		/* the entry is there */
} Movement;

/* movement.c */
extern uint64 RunMoving(Statement statement, const Datum *values, const char *nulls,
						Movement *movements, int nmovements);
extern int64 MovingTemplate(int64 instrumentId);

#endif							/* VOUCHER_LEDGER_H */
