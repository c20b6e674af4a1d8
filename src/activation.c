/*
 * activation.c
 *		Non-designated issue: codes that were minted (mint.c) are verified and
 *		activated.
 *
 * Lock order: the account, then the code.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "attempt.h"
#include "code.h"
#include "compat.h"
#include "issue.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_verify);
PG_FUNCTION_INFO_V1(voucher_activate);

/* A row of voucher.minted_code. */
typedef struct MintedCode
{
	int64		templateId;
	Amount		faceValue;		/* 0 where a rate decides */
	TimestampTz activateBefore;
	TimestampTz mintedAt;
	char	   *accountId;		/* NULL: not activated */
	int64		instrumentId;
	int64		mintingId;		/* that has not arrived yet; 0: it needs not, or has */
	bool		replaced;
} MintedCode;

/*
 * A code was wrong: count it, and raise VC008, the same whether it was never
 * minted or belongs to somebody else.
 */
pg_noreturn static void
RefuseCode(Attempt *attempt)
{
	RecordAttempt(attempt);
	ereport(ERROR,
			(errcode(ERRCODE_VC_UNKNOWN_CODE),
			 errmsg("voucher code does not exist")));
}

/*
 * Error VC001 unless the account exists that a code is tried for: before the code
 * is looked up, as an account that is made up has no budget.
 */
static void
RequireAccount(const char *accountId, StoreMode mode)
{
	Datum		value = CStringGetTextDatum(accountId);

	if (StoreRun(STMT_ACCOUNT_CURRENCIES, mode, &value, NULL) == 0)
		RefuseUnknownAccount(accountId, NULL);
}

/* Find a code, with a statement that may lock it; false if it was never minted. */
static bool
FindCode(Statement statement, StoreMode mode, const Code *code, MintedCode *minted)
{
	Datum		digest = CodeDigestDatum(code);
	Datum		value;
	bool		isnull;

	if (StoreRun(statement, mode, &digest, NULL) == 0)
		return false;
	minted->templateId = StoreInt64(0, 1);
	value = StoreDatum(0, 2, &isnull);
	minted->faceValue = isnull ? 0 : DatumGetAmount(value);
	value = StoreDatum(0, 3, &isnull);
	minted->activateBefore = isnull ? DT_NOEND : DatumGetTimestampTz(value);
	minted->mintedAt = StoreTime(0, 4);
	minted->accountId = StoreText(0, 5);
	value = StoreDatum(0, 6, &isnull);
	minted->instrumentId = isnull ? 0 : DatumGetInt64(value);
	value = StoreDatum(0, 7, &isnull);
	minted->mintingId = isnull ? 0 : DatumGetInt64(value);
	minted->replaced = StoreBool(0, 8);
	return true;
}

/* Is a code that was found another account's? */
static bool
IsForeign(const MintedCode *minted, const char *accountId)
{
	return minted->accountId != NULL && strcmp(minted->accountId, accountId) != 0;
}

/* Error for a code that others took the place of. */
static void
RefuseReplaced(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_VC_CODE_IS_REPLACED),
			 errmsg("voucher code has been replaced"),
			 errdetail("It was minted anew, as it was said never to have arrived.")));
}

/*
 * A code is about to be activated: who minted it must have got it, so its
 * minting is not replaced from now on.  Only the first code of a minting has to
 * say so, and only if it has a request id.  Error VC502 if it is replaced.
 */
static void
Arrive(const MintedCode *minted)
{
	Datum		key = Int64GetDatum(minted->mintingId);

	if (minted->replaced)
		RefuseReplaced();
	if (minted->mintingId == 0 || StoreRun(STMT_MINTING_ARRIVE, STORE_WRITE, &key, NULL) > 0)
		return;
	/* another call was faster: with another code, or by replacing all */
	if (StoreRun(STMT_MINTING_REPLACED, STORE_WRITE, &key, NULL) > 0)
		RefuseReplaced();
}

/*
 * Is it too late to activate a code: is it past its own limit, or would the
 * voucher have expired at once?
 */
static bool
IsTooLate(const MintedCode *minted, const Template *template, TimestampTz at)
{
	Datum		validity;

	return at >= minted->activateBefore ||
		!ValidityOf(template, template->fromIssue ? minted->mintedAt : at, at, &validity);
}

/* verify(code, at, account_id, client) returns record: see activation.sql */
Datum
voucher_verify(PG_FUNCTION_ARGS)
{
	TimestampTz at = TimeArgument(fcinfo, 1, "at");
	const char *accountId = OptionalNameArgument(fcinfo, 2, "account_id");
	TupleDesc	desc;
	MintedCode	minted;
	const char *status = "inactive";
	Datum		key;
	Datum		values[11];
	bool		isnull[11] = {false};
	Datum		result;
	Attempt		attempt;

	RequireArgument(fcinfo, 0, "code");
	SetAttempt(&attempt, accountId, OptionalNameArgument(fcinfo, 3, "client"));
	if (attempt.accountId == NULL && attempt.client == NULL)
		SetAttempt(&attempt, NULL, GetUserNameFromId(GetSessionUserId(), false));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);

	StoreBegin();
	CatalogBegin();
	if (accountId != NULL)
		RequireAccount(accountId, STORE_READ);
	BeginAttempt(&attempt);
	if (!FindCode(STMT_CODE_READ, STORE_READ, PG_GETARG_CODE_P(0), &minted))
		RefuseCode(&attempt);
	EndAttempt(&attempt);
	if (minted.accountId != NULL)
		status = "activated";
	else if (minted.replaced)
		status = "replaced";
	else if (IsTooLate(&minted, CatalogTemplate(minted.templateId), at))
		status = "expired";

	/* template, kind, currency, face_value, discount_rate … valid_for */
	key = Int64GetDatum(minted.templateId);
	StoreRun(STMT_TEMPLATE_SHOW, STORE_READ, &key, NULL);
	for (int i = 1; i <= 9; i++)
		values[i] = StoreDatum(0, i, &isnull[i]);
	values[0] = CStringGetTextDatum(status);
	values[4] = AmountGetDatum(minted.faceValue);
	values[10] = TimestampTzGetDatum(minted.activateBefore);
	isnull[10] = TIMESTAMP_IS_NOEND(minted.activateBefore);
	result = SPI_datumTransfer(HeapTupleGetDatum(heap_form_tuple(desc, values, isnull)), false, -1);
	StoreEnd();
	PG_RETURN_DATUM(result);
}

/* activate(account_id, code, at, actor, client) returns bigint */
Datum
voucher_activate(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	TimestampTz at = TimeArgument(fcinfo, 2, "at");
	const Code *code;
	const Template *template;
	MintedCode	minted;
	Account		account;
	Attempt		attempt;

	RequireArgument(fcinfo, 1, "code");
	SetAttempt(&attempt, accountId, OptionalNameArgument(fcinfo, 4, "client"));
	code = PG_GETARG_CODE_P(1);

	StoreBegin();
	CatalogBegin();
	RequireAccount(accountId, STORE_WRITE);
	BeginAttempt(&attempt);
	if (!FindCode(STMT_CODE_READ, STORE_WRITE, code, &minted) || IsForeign(&minted, accountId))
		RefuseCode(&attempt);
	EndAttempt(&attempt);
	template = CatalogTemplate(minted.templateId);
	LockAccount(accountId, template->terms.currency, &account);
	account.actor = OptionalTextArgument(fcinfo, 3);
	/* another account may have been faster */
	if (!FindCode(STMT_CODE_LOCK, STORE_WRITE, code, &minted) || IsForeign(&minted, accountId))
		RefuseCode(&attempt);
	if (minted.accountId == NULL)
	{
		Datum		values[4];

		Arrive(&minted);
		if (IsTooLate(&minted, template, at))
			ereport(ERROR,
					(errcode(ERRCODE_VC_EXPIRED),
					 errmsg("voucher code has expired"),
					 at >= minted.activateBefore ?
					 errdetail("It could be activated before %s.",
							   timestamptz_to_str(minted.activateBefore)) :
					 errdetail("What it becomes would not be valid at %s.",
							   timestamptz_to_str(at))));
		minted.instrumentId =
			IssueInstrument(&account, template, minted.faceValue,
							template->fromIssue ? minted.mintedAt : at, at, NULL, NULL, NULL, NULL);
		values[0] = CodeDigestDatum(code);
		values[1] = CStringGetTextDatum(accountId);
		values[2] = Int64GetDatum(minted.instrumentId);
		values[3] = TimestampTzGetDatum(at);
		StoreWriteRows(STMT_CODE_ACTIVATE, values, NULL, 1);
	}
	StoreEnd();
	PG_RETURN_INT64(minted.instrumentId);
}
