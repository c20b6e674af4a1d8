/*
 * account.c
 *		Cash accounts: opening them and paying in.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "catalog.h"
#include "ledger.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_open_account);
PG_FUNCTION_INFO_V1(voucher_deposit);

/*
 * Error unless an account exists that was not opened: what keeps it from being
 * opened may be something else than that it is open.
 */
static void
CheckOpen(const char *accountId, const char *currency, const Datum *key)
{
	if (StoreRun(STMT_VERSION_CASH, STORE_WRITE, key, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION),
				 errmsg("account \"%s\" could not be opened in %s", accountId, currency),
				 errdetail("Its row in table \"account\" or its entry in table \"cash_entry\" was not written."),
				 errhint("An entry without an account may be in the way, which voucher.check() shows; or a trigger or rule may have suppressed the write.")));
}

/* open_account(account_id, currency, at, reason, actor) returns boolean */
Datum
voucher_open_account(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *currency = TextArgument(fcinfo, 1, "currency");
	Datum		values[5];
	char		nulls[] = "     ";
	bool		opened;

	StoreBegin();
	CatalogBegin();
	CatalogDigits(currency);
	values[0] = CStringGetTextDatum(accountId);
	values[1] = CStringGetTextDatum(currency);
	values[2] = TimestampTzGetDatum(TimeArgument(fcinfo, 2, "at"));
	values[3] = OptionalTextDatum(OptionalTextArgument(fcinfo, 3), &nulls[3]);
	values[4] = OptionalTextDatum(OptionalTextArgument(fcinfo, 4), &nulls[4]);
	opened = StoreRun(STMT_ACCOUNT_OPEN, STORE_WRITE, values, nulls) > 0;
	if (!opened)
		CheckOpen(accountId, currency, values);
	StoreEnd();
	PG_RETURN_BOOL(opened);
}

/*
 * Has a request been made before?  If so, the balance after it.  Error VC302
 * if it asked for something else.
 */
static bool
FindDeposit(const Account *account, const char *requestId, Amount amount, Amount *balance)
{
	const char *differs = NULL;

	if (!FindRequest(STMT_CASH_REQUEST, account->accountId, requestId))
		return false;
	if (strcmp(StoreText(0, 2), account->currency) != 0)
		differs = "currency";
	else if (StoreAmount(0, 3) != amount)
		differs = "amount";
	if (differs != NULL)
		RefuseRequest(requestId, account->accountId, differs);
	*balance = StoreAmount(0, 4);
	return true;
}

/* deposit(account_id, amount, currency, request_id, reason, at) returns amount */
Datum
voucher_deposit(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *currency = OptionalTextArgument(fcinfo, 2);
	const char *requestId = RequestIdArgument(fcinfo, 3);
	const char *reason = OptionalTextArgument(fcinfo, 4);
	TimestampTz at = TimeArgument(fcinfo, 5, "at");
	Amount		amount;
	Amount		balance;
	Account		account;

	RequireArgument(fcinfo, 1, "amount");
	amount = PG_GETARG_AMOUNT(1);
	CheckPositive(amount, "amount");

	StoreBegin();
	CatalogBegin();
	LockAccount(accountId, currency, &account);
	account.actor = OptionalTextArgument(fcinfo, 6);
	if (requestId == NULL || !FindDeposit(&account, requestId, amount, &balance))
	{
		CheckMinorUnit(amount, account.currency, "amount");
		AddCashEntry(&account, "deposit", amount, at, NULL, requestId, reason);
		balance = account.balance;
	}
	StoreEnd();
	PG_RETURN_AMOUNT(balance);
}
