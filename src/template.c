/*
 * template.c
 *		Writes a campaign or a template, with the checks that need the catalogue.
 *
 * Its name is the key: written again with the same contents it is the one that
 * is there, so a script that sets up a catalogue can be run twice.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/rangetypes.h"

#include "arguments.h"
#include "catalog.h"
#include "issue.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_create_campaign);
PG_FUNCTION_INFO_V1(voucher_create_template);

/* The arguments, in the order of STMT_TEMPLATE_INSERT's parameters. */
enum
{
	ARG_NAME,
	ARG_KIND,
	ARG_CURRENCY,
	ARG_FACE_VALUE,
	ARG_DISCOUNT_RATE,
	ARG_MAXIMUM,
	ARG_THRESHOLD,
	ARG_SCOPE,
	ARG_PAYMENT_TYPE,
	ARG_FIRST_PURCHASE,
	ARG_MIN_DURATION,
	ARG_MAX_DURATION,
	ARG_USES,
	ARG_PER_ACCOUNT,
	ARG_CAMPAIGN,
	ARG_AUDIENCE,
	ARG_VALID,
	ARG_VALID_FOR,
	ARG_VALID_FROM,
	ARG_TIME_ZONE,
	ARG_REFUND_POLICY,
	ARG_PROMO_CODE,
	ARG_REGIONS,
	ARG_TAGS,
	ARG_EFFECT,
	ARG_THRESHOLD_AFTER,
	ARG_THRESHOLD_STRICT,
	ARG_PRIORITY,
	ARG_EXCLUDES,
	ARG_REFUND_WITHIN,
	ARG_TRANSFERABLE,
	ARG_SHAREABLE,
	ARG_CONTENTS,				/* all before are what a template is; the others, who wrote it and why */
	ARG_REASON = ARG_CONTENTS,
	ARG_ACTOR,
	ARG_COUNT
};

/* The columns of a campaign, in the order of STMT_CAMPAIGN_INSERT's parameters. */
#define CAMPAIGN_CONTENTS	3
#define CAMPAIGN_COUNT		5

/* Every product and order type that a scope names must be in the catalogue. */
static void
CheckScope(const Scope *scope)
{
	for (int i = 0; i < scope->nincludes + scope->nexcludes; i++)
	{
		const ScopeTerm *term = &scope->terms[i];
		char	   *path = pnstrdup(ScopeText(scope) + term->path, term->pathLen);
		int			offset = 0;
		const char *type;
		int			length;

		if (strcmp(path, "*") != 0)
			CatalogProduct(path);
		/* a term without types has the one type "*" */
		while (term->typesLen > 0 && ScopeNextType(scope, term, &offset, &type, &length))
			CatalogCheckOrderType(pnstrdup(type, length));
	}
}

/* Check an amount argument, if there is one, against the currency's minor unit. */
static void
CheckAmountArgument(FunctionCallInfo fcinfo, int n, const char *currency, const char *what)
{
	if (!PG_ARGISNULL(n))
		CheckMinorUnit(PG_GETARG_AMOUNT(n), currency, what);
}

/* Error unless a rate is a share: 25 is meant as 0.25 more often than not. */
static void
CheckDiscountRate(Datum rate)
{
	Datum		zero = DirectFunctionCall1(int4_numeric, Int32GetDatum(0));
	Datum		one = DirectFunctionCall1(int4_numeric, Int32GetDatum(1));

	if (!DatumGetBool(DirectFunctionCall2(numeric_gt, rate, zero)) ||
		DatumGetBool(DirectFunctionCall2(numeric_gt, rate, one)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("discount rate must be greater than 0 and at most 1"),
				 errdetail("It is %s.",
						   DatumGetCString(DirectFunctionCall1(numeric_out, rate))),
				 errhint("It is the share that is taken off: 0.25 takes off 25 %%.")));
}

/*
 * Write what a name is the key of, or find it written with the same contents.
 * Error VC302 if they are others.  What the store then holds begins, where it
 * was found, with the first of "contents" columns at "column".
 */
static void
WriteOnce(const char *what, const char *name, Statement insert, Statement find,
		  const Datum *values, const char *nulls, int column, int contents)
{
	Datum		key = CStringGetTextDatum(name);
	const char *differs;

	if (StoreRun(insert, STORE_WRITE, values, nulls) == 1)
		return;
	StoreWriteRows(find, &key, NULL, 1);
	differs = StoreDiffers(column, values, nulls, contents);
	if (differs != NULL)
		RefuseExisting(what, name, differs);
}

/* create_campaign(campaign, title, claimable, reason, actor) returns void */
Datum
voucher_create_campaign(PG_FUNCTION_ARGS)
{
	const char *campaign = TextArgument(fcinfo, 0, "campaign");
	Datum		values[CAMPAIGN_COUNT];
	char		nulls[CAMPAIGN_COUNT];

	for (int i = 0; i < CAMPAIGN_COUNT; i++)
	{
		values[i] = PG_GETARG_DATUM(i);
		nulls[i] = NULL_FLAG(PG_ARGISNULL(i));
	}
	StoreBegin();
	WriteOnce("campaign", campaign, STMT_CAMPAIGN_INSERT, STMT_CAMPAIGN_CREATED, values, nulls, 1,
			  CAMPAIGN_CONTENTS);
	StoreEnd();
	PG_RETURN_VOID();
}

/*
 * A discount rate as the table keeps it, which is how it compares with one that
 * is written already.
 */
static Datum
KeptRate(Datum rate)
{
	return DirectFunctionCall2(numeric, rate, Int32GetDatum(((9 << 16) | 8) + VARHDRSZ));
}

/* create_template(name, kind, currency, …) returns bigint: see template.sql */
Datum
voucher_create_template(PG_FUNCTION_ARGS)
{
	const char *name = TextArgument(fcinfo, ARG_NAME, "name");
	const char *currency = TextArgument(fcinfo, ARG_CURRENCY, "currency");
	const char *kind = TextArgument(fcinfo, ARG_KIND, "kind");
	const char *promoCode = ReadPromoCode(OptionalTextArgument(fcinfo, ARG_PROMO_CODE));
	const char *campaign = OptionalTextArgument(fcinfo, ARG_CAMPAIGN);
	Datum		timeZone;
	Datum		values[ARG_COUNT];
	char		nulls[ARG_COUNT];
	int64		templateId;

	TextArgument(fcinfo, ARG_TIME_ZONE, "time_zone");
	for (int i = 0; i < ARG_COUNT; i++)
	{
		values[i] = PG_GETARG_DATUM(i);
		nulls[i] = NULL_FLAG(PG_ARGISNULL(i));
	}

	StoreBegin();
	CatalogBegin();
	CheckAmountArgument(fcinfo, ARG_FACE_VALUE, currency, "face value");
	CheckAmountArgument(fcinfo, ARG_MAXIMUM, currency, "maximum");
	CatalogDigits(currency);
	if (!PG_ARGISNULL(ARG_DISCOUNT_RATE))
	{
		CheckDiscountRate(PG_GETARG_DATUM(ARG_DISCOUNT_RATE));
		values[ARG_DISCOUNT_RATE] = KeptRate(values[ARG_DISCOUNT_RATE]);
	}
	if (!PG_ARGISNULL(ARG_SCOPE))
		CheckScope(PG_GETARG_SCOPE_P(ARG_SCOPE));
	if (campaign != NULL)
		CheckCampaign(campaign, GetCurrentTransactionStartTimestamp());
	/* an unknown zone is an error here, not at the first issue */
	timeZone = values[ARG_TIME_ZONE];
	StoreRun(STMT_TIME_ZONE, STORE_READ, &timeZone, NULL);

	if (promoCode != NULL)
		values[ARG_PROMO_CODE] = CStringGetTextDatum(promoCode);
	if (PG_ARGISNULL(ARG_USES) && strcmp(kind, "voucher") != 0)
	{
		values[ARG_USES] = Int32GetDatum(1);
		nulls[ARG_USES] = ' ';
	}
	/* a claim has no request id: sent twice, it must not issue the bundle twice */
	if (PG_ARGISNULL(ARG_PER_ACCOUNT) && campaign != NULL && strcmp(kind, "coupon") == 0)
	{
		values[ARG_PER_ACCOUNT] = Int32GetDatum(1);
		nulls[ARG_PER_ACCOUNT] = ' ';
	}
	WriteOnce("template", name, STMT_TEMPLATE_INSERT, STMT_TEMPLATE_CREATED, values, nulls, 2,
			  ARG_CONTENTS);
	templateId = StoreInt64(0, 1);
	StoreEnd();
	PG_RETURN_INT64(templateId);
}
