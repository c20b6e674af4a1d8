/*
 * issue.c
 *		Designated issue: grant, and claim of a campaign's bundle by whom it
 *		invites.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "issue.h"
#include "limit.h"
#include "refund.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_grant);
PG_FUNCTION_INFO_V1(voucher_invite);
PG_FUNCTION_INFO_V1(voucher_claim);

/*
 * The validity of an instrument issued at "at", whose relative validity counts
 * from countFrom.  False if it would be over already.
 */
bool
ValidityOf(const Template *template, TimestampTz countFrom, TimestampTz at, Datum *validity)
{
	Datum		values[5];
	char		nulls[] = {' ', NULL_FLAG(template->validFor == NULL), ' ', ' ', ' '};

	values[0] = RangeTypePGetDatum(template->valid);
	values[1] = IntervalPGetDatum(template->validFor);
	values[2] = CStringGetTextDatum(template->timeZone);
	values[3] = TimestampTzGetDatum(countFrom);
	values[4] = TimestampTzGetDatum(at);
	StoreRun(STMT_VALIDITY, STORE_READ, values, nulls);
	*validity = StoreNotNull(0, 1);
	return !StoreBool(0, 2);
}

/*
 * Issue an instrument to a locked account and return its id.  faceValue counts
 * unless a rate decides; orderId is the order that it is given with, campaign
 * what is claimed, if any.
 * Errors: VC102 expired, VC112 per-account limit.
 */
int64
IssueInstrument(const Account *account, const Template *template, Amount faceValue,
				TimestampTz countFrom, TimestampTz at, const char *requestId, const char *reason,
				const char *orderId, const char *campaign)
{
	Datum		values[13];
	char		nulls[] = "             ";
	Datum		validity;

	if (!ValidityOf(template, countFrom, at, &validity))
		ereport(ERROR,
				(errcode(ERRCODE_VC_EXPIRED),
				 errmsg("template \"%s\" has expired", template->terms.name),
				 errdetail("What is issued of it at %s would not be valid any more.",
						   timestamptz_to_str(at))));

	values[0] = CStringGetTextDatum(account->accountId);
	values[1] = Int64GetDatum(template->terms.templateId);
	values[2] = CStringGetTextDatum(template->terms.currency);
	values[3] = AmountGetDatum(faceValue);
	nulls[3] = NULL_FLAG(template->terms.hasRate);
	values[4] = Int32GetDatum(template->uses);
	nulls[4] = NULL_FLAG(template->uses == PG_INT32_MAX);
	values[5] = validity;
	values[6] = TimestampTzGetDatum(at);
	values[7] = OptionalTextDatum(requestId, &nulls[7]);
	values[8] = OptionalTextDatum(reason, &nulls[8]);
	values[9] = OptionalTextDatum(orderId, &nulls[9]);
	values[10] = Int64GetDatum(account->epoch);
	values[11] = OptionalTextDatum(account->actor, &nulls[11]);
	values[12] = OptionalTextDatum(campaign, &nulls[12]);
	StoreWriteRows(STMT_INSTRUMENT_ISSUE, values, nulls, 1);
	return StoreInt64(0, 1);
}

/* Is the account invited to a campaign? */
bool
IsInvited(const char *accountId, const char *campaign)
{
	Datum		values[2];

	values[0] = CStringGetTextDatum(accountId);
	values[1] = CStringGetTextDatum(campaign);
	return StoreRun(STMT_INVITED, STORE_READ, values, NULL) > 0;
}

/*
 * The face value that argument n gives what is issued of a template; without
 * it, the template's own (0 where a rate decides).  That it is a whole number of
 * the minor unit is for CheckFaceValue to see.
 */
Amount
FaceValueArgument(FunctionCallInfo fcinfo, int n, const Template *template)
{
	Amount		faceValue;

	if (PG_ARGISNULL(n))
		return template->faceValue;
	if (template->terms.hasRate)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("template \"%s\" has a discount rate, not a face value",
						template->terms.name)));
	faceValue = PG_GETARG_AMOUNT(n);
	CheckPositive(faceValue, "face value");
	return faceValue;
}

/* Error unless the face value that argument n gives, if any, is one of the currency. */
void
CheckFaceValue(FunctionCallInfo fcinfo, int n, const Template *template)
{
	if (!PG_ARGISNULL(n))
		CheckMinorUnit(PG_GETARG_AMOUNT(n), template->terms.currency, "face value");
}

/*
 * The instrument that an earlier call with this request id granted, or 0.
 * Error VC302 if that call asked for something else.
 */
static int64
FindGrant(const char *accountId, const char *requestId, const Template *template,
		  Amount faceValue, const char *orderId)
{
	const char *differs = NULL;
	const char *givenWith;

	if (!FindRequest(STMT_INSTRUMENT_REQUEST, accountId, requestId))
		return 0;
	if (StoreInt64(0, 4) != template->terms.templateId)
		differs = "template";
	else if (StoreAmount(0, 3) != faceValue)
		differs = "face_value";
	givenWith = StoreText(0, 5);
	if (differs == NULL && strcmp(givenWith == NULL ? "" : givenWith, orderId == NULL ? "" : orderId) != 0)
		differs = "order_id";
	if (differs != NULL)
		RefuseRequest(requestId, accountId, differs);
	return StoreInt64(0, 2);
}

/*
 * Error unless a gift can be given with an order: VC009 there is none, VC113
 * in another currency, VC205 and VC206 nothing of it stands.
 */
static void
CheckGiftOrder(Account *account, const char *orderId)
{
	Settlement	settlement;

	ReadSettlement(account, orderId, &settlement);
	if (settlement.cancelled)
		RefuseCancelled(account->accountId, orderId);
	if ((settlement.state.refunded > 0 || settlement.rerated > 0) &&
		settlement.state.refunded == settlement.state.total)
		ereport(ERROR,
				(errcode(ERRCODE_VC_ORDER_IS_REFUNDED),
				 errmsg("order \"%s\" of account \"%s\" is refunded", orderId,
						account->accountId)));
}

/* grant(account_id, template, face_value, request_id, reason, at, order_id) returns bigint */
Datum
voucher_grant(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *templateName = TextArgument(fcinfo, 1, "template");
	const char *requestId = RequestIdArgument(fcinfo, 3);
	const char *reason = OptionalTextArgument(fcinfo, 4);
	TimestampTz at = TimeArgument(fcinfo, 5, "at");
	const char *orderId = PG_ARGISNULL(6) ? NULL : TextArgument(fcinfo, 6, "order_id");
	const Template *template;
	Amount		faceValue;
	Account		account;
	int64		instrumentId = 0;

	StoreBegin();
	CatalogBegin();
	template = CatalogTemplateByName(templateName);
	if (template->terms.kind == KIND_PROMO_CODE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("template \"%s\" is a promo code", templateName),
				 errhint("Promo codes are not granted; customers type them in.")));
	faceValue = FaceValueArgument(fcinfo, 2, template);
	LockAccount(accountId, template->terms.currency, &account);
	account.actor = OptionalTextArgument(fcinfo, 7);
	if (requestId != NULL)
		instrumentId = FindGrant(accountId, requestId, template, faceValue, orderId);
	if (instrumentId == 0)
	{
		CheckFaceValue(fcinfo, 2, template);
		if (orderId != NULL)
			CheckGiftOrder(&account, orderId);
		instrumentId = IssueInstrument(&account, template, faceValue, at, at, requestId, reason,
									   orderId, NULL);
	}
	StoreEnd();
	PG_RETURN_INT64(instrumentId);
}

/*
 * Error VC006 unless a campaign exists.  What the store then holds is about
 * the time "at".
 */
void
CheckCampaign(const char *campaign, TimestampTz at)
{
	Datum		values[2];

	values[0] = CStringGetTextDatum(campaign);
	values[1] = TimestampTzGetDatum(at);
	if (StoreRun(STMT_CAMPAIGN, STORE_WRITE, values, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_UNKNOWN_CAMPAIGN),
				 errmsg("campaign \"%s\" does not exist", campaign)));
}

/* invite(account_id, campaign, reason, actor) returns void */
Datum
voucher_invite(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *campaign = TextArgument(fcinfo, 1, "campaign");
	Datum		values[4];
	char		nulls[] = "    ";

	values[0] = CStringGetTextDatum(accountId);
	values[1] = CStringGetTextDatum(campaign);
	values[2] = OptionalTextDatum(OptionalTextArgument(fcinfo, 2), &nulls[2]);
	values[3] = OptionalTextDatum(OptionalTextArgument(fcinfo, 3), &nulls[3]);
	StoreBegin();
	CheckCampaign(campaign, GetCurrentTransactionStartTimestamp());
	StoreRun(STMT_INVITE, STORE_WRITE, values, nulls);
	StoreEnd();
	PG_RETURN_VOID();
}

/* The templates of a campaign that are claimed; how many. */
static int
TemplatesOfCampaign(const char *campaign, const Template ***templates)
{
	Datum		value = CStringGetTextDatum(campaign);
	int			n = (int) StoreRun(STMT_TEMPLATES_OF_CAMPAIGN, STORE_WRITE, &value, NULL);
	int64	   *ids = palloc(Max(n, 1) * sizeof(int64));

	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_NOT_CLAIMABLE),
				 errmsg("campaign \"%s\" has nothing to claim", campaign)));
	for (int i = 0; i < n; i++)
		ids[i] = StoreInt64(i, 1);
	*templates = palloc(n * sizeof(Template *));
	for (int i = 0; i < n; i++)
		(*templates)[i] = CatalogTemplate(ids[i]);
	return n;
}

/*
 * Return what an earlier call with this request id claimed; false if there was
 * none.  Error VC302 if that call asked for something else.
 */
static bool
FindClaim(const char *accountId, const char *requestId, const char *campaign, ReturnSetInfo *result)
{
	Datum		values[3];
	int			n;

	if (!FindRequest(STMT_CLAIM_REQUEST, accountId, requestId))
		return false;
	if (strcmp(StoreText(0, 2), campaign) != 0)
		RefuseRequest(requestId, accountId, "campaign");
	values[0] = CStringGetTextDatum(accountId);
	values[1] = CStringGetTextDatum(campaign);
	values[2] = CStringGetTextDatum(requestId);
	n = (int) StoreRun(STMT_CLAIMED, STORE_WRITE, values, NULL);
	for (int i = 0; i < n; i++)
	{
		Datum		row[2] = {StoreNotNull(i, 1), StoreNotNull(i, 2)};
		bool		isnull[2] = {false, false};

		tuplestore_putvalues(result->setResult, result->setDesc, row, isnull);
	}
	return true;
}

/* claim(account_id, campaign, request_id, reason, at, actor) returns setof (instrument_id, template) */
Datum
voucher_claim(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *resultInfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *campaign = TextArgument(fcinfo, 1, "campaign");
	const char *requestId = RequestIdArgument(fcinfo, 2);
	const char *reason = OptionalTextArgument(fcinfo, 3);
	TimestampTz at = TimeArgument(fcinfo, 4, "at");
	const Template **templates;
	const Terms **terms;
	Account    *accounts;
	bool		claimable;
	const char *when;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	StoreBegin();
	CatalogBegin();
	if (requestId != NULL)
	{
		/* all currencies: what was claimed is found whatever the campaign has today */
		LockCurrencies(accountId);
		if (FindClaim(accountId, requestId, campaign, resultInfo))
		{
			StoreEnd();
			return (Datum) 0;
		}
	}
	CheckCampaign(campaign, at);
	claimable = StoreBool(0, 1);
	when = StoreText(0, 2);
	n = TemplatesOfCampaign(campaign, &templates);
	terms = palloc(n * sizeof(Terms *));
	accounts = palloc(n * sizeof(Account));
	/* all locks first, accounts before limits: claims cannot deadlock */
	for (int i = 0; i < n; i++)
	{
		terms[i] = &templates[i]->terms;
		LockAccount(accountId, terms[i]->currency, &accounts[i]);
		accounts[i].actor = OptionalTextArgument(fcinfo, 5);
	}
	if (!claimable)
		ereport(ERROR,
				(errcode(ERRCODE_VC_NOT_CLAIMABLE),
				 errmsg("campaign \"%s\" cannot be claimed at this time", campaign),
				 errdetail("It can be claimed in %s.", when)));
	LockIssueLimits(accountId, at, n, terms);
	for (int i = 0; i < n; i++)
	{
		const Template *template = templates[i];
		Datum		values[2];
		bool		isnull[2] = {false, false};

		CHECK_FOR_INTERRUPTS();
		if (template->terms.invitedOnly && !IsInvited(accountId, campaign))
			ereport(ERROR,
					(errcode(ERRCODE_VC_NOT_INVITED),
					 errmsg("account \"%s\" is not invited to campaign \"%s\"", accountId,
							campaign)));
		values[0] = Int64GetDatum(IssueInstrument(&accounts[i], template, template->faceValue, at,
												  at, requestId, reason, NULL, campaign));
		values[1] = CStringGetTextDatum(template->terms.name);
		tuplestore_putvalues(resultInfo->setResult, resultInfo->setDesc, values, isnull);
	}
	StoreEnd();
	return (Datum) 0;
}
