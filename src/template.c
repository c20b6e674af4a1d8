/*
 * template.c
 *		Writes a template, with the checks that need the catalogue.
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
	ARG_COUNT
};

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

/* create_template(name, kind, currency, …) returns bigint: see template.sql */
Datum
voucher_create_template(PG_FUNCTION_ARGS)
{
	const char *currency = TextArgument(fcinfo, ARG_CURRENCY, "currency");
	const char *kind = TextArgument(fcinfo, ARG_KIND, "kind");
	const char *promoCode = ReadPromoCode(OptionalTextArgument(fcinfo, ARG_PROMO_CODE));
	const char *campaign = OptionalTextArgument(fcinfo, ARG_CAMPAIGN);
	Datum		timeZone;
	Datum		values[ARG_COUNT];
	char		nulls[ARG_COUNT];
	int64		templateId;

	TextArgument(fcinfo, ARG_NAME, "name");
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
		CheckDiscountRate(PG_GETARG_DATUM(ARG_DISCOUNT_RATE));
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
	StoreWriteRows(STMT_TEMPLATE_INSERT, values, nulls, 1);
	templateId = StoreInt64(0, 1);
	StoreEnd();
	PG_RETURN_INT64(templateId);
}
