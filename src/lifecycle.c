/*
 * lifecycle.c
 *		Freezes and unfreezes what is issued; each is an entry with its reason.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "arguments.h"
#include "catalog.h"
#include "ledger.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_freeze);
PG_FUNCTION_INFO_V1(voucher_unfreeze);

/*
 * Lock the account of an instrument and fill an entry with the instrument's
 * state.  Returns whether it is frozen.  Error VC007 if the account has no
 * such instrument.
 */
static bool
LockInstrument(const char *accountId, int64 instrumentId, Account *account,
			   InstrumentEntry *entry)
{
	Datum		key[2];

	key[0] = CStringGetTextDatum(accountId);
	key[1] = Int64GetDatum(instrumentId);
	if (StoreRun(STMT_INSTRUMENT_CURRENCY, STORE_WRITE, key, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_UNKNOWN_INSTRUMENT),
				 errmsg("account \"%s\" has no voucher or coupon " INT64_FORMAT, accountId,
						instrumentId)));
	LockAccount(accountId, StoreText(0, 1), account);
	StoreRun(STMT_INSTRUMENT_STATE, STORE_WRITE, key, NULL);
	entry->instrumentId = instrumentId;
	entry->version = StoreInt32(0, 1);
	entry->balance = StoreAmount(0, 2);
	entry->used = StoreInt32(0, 3);
	return StoreBool(0, 4);
}

/* Freeze or unfreeze; returns whether that changed anything. */
static Datum
SetFrozen(FunctionCallInfo fcinfo, bool frozen)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	TimestampTz at = TimeArgument(fcinfo, 3, "at");
	Account		account;
	InstrumentEntry entry = {0};
	bool		changes;

	RequireArgument(fcinfo, 1, "instrument_id");
	StoreBegin();
	CatalogBegin();
	changes = LockInstrument(accountId, PG_GETARG_INT64(1), &account, &entry) != frozen;
	if (changes)
	{
		entry.kind = frozen ? "freeze" : "unfreeze";
		entry.reason = OptionalTextArgument(fcinfo, 2);
		AddInstrumentEntry(&account, &entry, at);
	}
	StoreEnd();
	PG_RETURN_BOOL(changes);
}

/* freeze(account_id, instrument_id, reason, at) returns boolean */
Datum
voucher_freeze(PG_FUNCTION_ARGS)
{
	return SetFrozen(fcinfo, true);
}

/* unfreeze(account_id, instrument_id, reason, at) returns boolean */
Datum
voucher_unfreeze(PG_FUNCTION_ARGS)
{
	return SetFrozen(fcinfo, false);
}
