/*
 * ledger.c
 *		Locks accounts and writes entries.
 *
 * Locks: a verb that writes first updates the row of its account in its
 * currency (the epoch), and so is alone with everything of that account in
 * that currency until its transaction ends.  settle, the hot one, plans first
 * and updates that row together with all it writes, provided that the epoch
 * is still the one it planned in.  The triggers (ledger_triggers.c) do not
 * rely on either: an entry applies only to the version and balance it was
 * made for.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "errors.h"
#include "ledger.h"
#include "store.h"


/* Error for an account that does not exist; currency may be NULL. */
void
RefuseUnknownAccount(const char *accountId, const char *currency)
{
	if (currency != NULL)
		CatalogDigits(currency);
	ereport(ERROR,
			(errcode(ERRCODE_VC_UNKNOWN_ACCOUNT),
			 currency == NULL ?
			 errmsg("account \"%s\" does not exist", accountId) :
			 errmsg("account \"%s\" does not exist in %s", accountId, currency),
			 errhint("Open it with voucher.open_account.")));
}

/* Error for an account of several currencies of which the caller named none. */
void
RefuseManyCurrencies(const char *accountId)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("account \"%s\" has more than one currency", accountId),
			 errhint("Say which one with the argument \"currency\".")));
}

/*
 * Error for a request id that was used for another request, which differs in an
 * argument; accountId is NULL for one that is not about an account.
 */
void
RefuseRequest(const char *requestId, const char *accountId, const char *differs)
{
	ereport(ERROR,
			(errcode(ERRCODE_VC_REQUEST_DIFFERS),
			 accountId == NULL ?
			 errmsg("request \"%s\" has been made before", requestId) :
			 errmsg("request \"%s\" of account \"%s\" has been made before", requestId, accountId),
			 errdetail("This call differs from it in \"%s\".", differs)));
}

/*
 * Has a request been made?  The statement returns what it made, after a column
 * that says whether it was made by the same verb.  Error VC302 if it was not.
 */
bool
FindRequest(Statement statement, const char *accountId, const char *requestId)
{
	Datum		values[2];

	values[0] = CStringGetTextDatum(accountId);
	values[1] = CStringGetTextDatum(requestId);
	if (StoreRun(statement, STORE_WRITE, values, NULL) == 0)
		return false;
	if (!StoreBool(0, 1))
		RefuseRequest(requestId, accountId, "verb");
	return true;
}

/*
 * Lock an account until the transaction ends, so that nothing of it changes
 * meanwhile.  currency may be NULL if the account has only one.  Errors: VC001
 * unknown account, VC004 unknown currency.
 */
void
LockAccount(const char *accountId, const char *currency, Account *account)
{
	Datum		values[2];
	char		nulls[] = {' ', NULL_FLAG(currency == NULL)};
	uint64		rows;

	values[0] = CStringGetTextDatum(accountId);
	values[1] = currency == NULL ? (Datum) 0 : CStringGetTextDatum(currency);
	rows = StoreRun(STMT_ACCOUNT_LOCK, STORE_WRITE, values, nulls);
	if (rows == 0)
		RefuseUnknownAccount(accountId, currency);
	if (rows > 1)
		RefuseManyCurrencies(accountId);
	memset(account, 0, sizeof(Account));
	account->accountId = accountId;
	account->currency = StoreText(0, 1);
	account->balance = StoreAmount(0, 2);
	account->version = StoreInt32(0, 3);
	account->epoch = StoreInt64(0, 4);
	account->holds = StoreInt32(0, 5);
}

/*
 * Lock all that an account has, in the order of the currencies: what an order
 * bought first, an order in another currency may be buying now, either as the
 * second or, if this one is gone, as the first.
 */
void
LockCurrencies(const char *accountId)
{
	Datum		value = CStringGetTextDatum(accountId);
	int			n = (int) StoreRun(STMT_ACCOUNT_CURRENCIES, STORE_WRITE, &value, NULL);
	char	  **currencies = palloc(Max(n, 1) * sizeof(char *));

	for (int i = 0; i < n; i++)
		currencies[i] = StoreText(i, 1);
	for (int i = 0; i < n; i++)
	{
		Account		account;

		LockAccount(accountId, currencies[i], &account);
	}
}

/* Order two accounts, each given by its address, by their ids. */
static int
CompareAccounts(const void *a, const void *b)
{
	return strcmp((*(Account *const *) a)->accountId, (*(Account *const *) b)->accountId);
}

/*
 * Lock several accounts in one currency, of which accountId is set, in the
 * order of their ids: calls that share some cannot deadlock.  Of one of them,
 * unless NULL, all currencies are locked.  Sorts the array.
 */
void
LockAccounts(Account **accounts, int n, const char *currency, const Account *whole)
{
	qsort(accounts, n, sizeof(Account *), CompareAccounts);
	for (int i = 0; i < n; i++)
	{
		if (accounts[i] == whole)
			LockCurrencies(whole->accountId);
		LockAccount(accounts[i]->accountId, currency, accounts[i]);
	}
}

/* An optional text parameter and its null flag. */
Datum
OptionalTextDatum(const char *text, char *null)
{
	*null = NULL_FLAG(text == NULL);
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/*
 * Move a locked account's cash by a signed amount.  The caller has seen to it
 * that the balance suffices; the entry's trigger is the last guard.
 */
void
AddCashEntry(Account *account, const char *kind, Amount amount, TimestampTz at,
			 const char *orderId, const char *requestId, const char *reason)
{
	Datum		values[11];
	char		nulls[] = "           ";

	account->version++;
	account->balance = AmountAdd(account->balance, amount);
	values[0] = CStringGetTextDatum(account->accountId);
	values[1] = CStringGetTextDatum(account->currency);
	values[2] = Int32GetDatum(account->version);
	values[3] = CStringGetTextDatum(kind);
	values[4] = AmountGetDatum(amount);
	values[5] = AmountGetDatum(account->balance);
	values[6] = TimestampTzGetDatum(at);
	values[7] = OptionalTextDatum(orderId, &nulls[7]);
	values[8] = OptionalTextDatum(requestId, &nulls[8]);
	values[9] = OptionalTextDatum(reason, &nulls[9]);
	values[10] = OptionalTextDatum(account->actor, &nulls[10]);
	StoreWriteRows(STMT_CASH_ENTRY, values, nulls, 1);
}

/* Write an instrument's next entry; its account is locked. */
void
AddInstrumentEntry(const Account *account, const InstrumentEntry *entry, TimestampTz at)
{
	Datum		values[17];
	char		nulls[] = "                 ";

	values[0] = CStringGetTextDatum(account->accountId);
	values[1] = Int64GetDatum(entry->instrumentId);
	values[2] = Int32GetDatum(entry->version + 1);
	values[3] = CStringGetTextDatum(entry->kind);
	values[4] = Int32GetDatum(entry->uses);
	values[5] = Int32GetDatum(entry->used + entry->uses);
	values[6] = AmountGetDatum(entry->amount);
	values[7] = AmountGetDatum(AmountAdd(entry->balance, entry->amount));
	values[8] = TimestampTzGetDatum(at);
	values[9] = OptionalTextDatum(entry->orderId, &nulls[9]);
	values[10] = OptionalTextDatum(entry->requestId, &nulls[10]);
	values[11] = OptionalTextDatum(entry->reason, &nulls[11]);
	values[12] = Int64GetDatum(account->epoch);
	values[13] = entry->extended;
	nulls[13] = NULL_FLAG(!entry->extends);
	values[14] = OptionalTextDatum(entry->peerAccountId, &nulls[14]);
	values[15] = Int64GetDatum(entry->peerInstrumentId);
	nulls[15] = nulls[14];
	values[16] = OptionalTextDatum(entry->actor != NULL ? entry->actor : account->actor, &nulls[16]);
	StoreWriteRows(STMT_ENTRY, values, nulls, 1);
}
