/*
 * lines.c
 *		Reads an order's lines, and what else match, quote and settle are given
 *		alike, from a call's arguments.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "order.h"
#include "rows.h"

/* The payment type that an order names. */
PaymentType
PaymentTypeFromName(const char *name)
{
	if (strcmp(name, "subscription") == 0)
		return PAYMENT_SUBSCRIPTION;
	if (strcmp(name, "pay_as_you_go") == 0)
		return PAYMENT_PAY_AS_YOU_GO;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown payment type: \"%s\"", name),
			 errhint("It is subscription or pay_as_you_go.")));
}


/*
 * Fill in line i of a request, whose payment type is known.  Errors: malformed
 * product (22023), amount that is not positive (22023).
 */
void
AddOrderLine(OrderRequest *request, int i, int32 lineNo, char *product, char *orderType,
			 Amount amount)
{
	PlanLine   *line = &request->lines[i];

	line->lineNo = lineNo;
	line->product = product;
	line->productLen = strlen(product);
	line->orderType = orderType;
	line->orderTypeLen = strlen(orderType);
	line->amount = amount;
	line->duration = -1;
	line->purchase = strcmp(orderType, "purchase") == 0;

	if (!ScopeValidPath(product, line->productLen))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid product of line %d: \"%s\"", lineNo, product),
				 errdetail("A product is lower-case labels joined by dots, such as ecs.g7.")));
	/* a bill has credits, and usage that costs nothing */
	if (amount <= 0 && strcmp(request->paymentType, "pay_as_you_go") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("amount of line %d must be greater than zero", lineNo),
				 errdetail("It is %s.", AmountToString(amount)),
				 errhint("Only a pay_as_you_go bill may have such lines.")));
}

/* Keep a line's duration, which must not be negative. */
void
SetDuration(OrderRequest *request, int i, Datum duration)
{
	request->lines[i].duration = IntervalSpan(DatumGetIntervalP(duration));
	request->durations[i] = duration;
	request->hasDuration[i] = true;
	if (request->lines[i].duration < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("duration of line %d must not be negative",
						request->lines[i].lineNo)));
}

/* Keep a line's tags, which must be an object. */
void
SetTags(PlanLine *line, Jsonb *tags)
{
	if (!JB_ROOT_IS_OBJECT(tags))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tags of line %d must be an object", line->lineNo),
				 errhint("Write them as {\"environment\": \"dev\"}.")));
	line->tags = tags;
}

/* Keep the time of a line's consumption, which must be an instant. */
static void
SetConsumptionTime(PlanLine *line, TimestampTz at)
{
	if (!IsInstant(at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time of line %d must be in the years 1 to 9999", line->lineNo)));
	line->at = at;
	line->hasAt = true;
}

/* Order two line numbers. */
static int
CompareLineNo(const void *a, const void *b)
{
	int32		left = *(const int32 *) a;
	int32		right = *(const int32 *) b;

	return (left > right) - (left < right);
}

/* Error if two lines have the same number. */
static void
CheckLineNumbers(const OrderRequest *request)
{
	int32	   *numbers;

	if (request->nlines < 2)
		return;
	numbers = palloc(request->nlines * sizeof(int32));
	for (int i = 0; i < request->nlines; i++)
		numbers[i] = request->lines[i].lineNo;
	qsort(numbers, request->nlines, sizeof(int32), CompareLineNo);
	for (int i = 1; i < request->nlines; i++)
	{
		if (numbers[i] == numbers[i - 1])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the order has more than one line %d", numbers[i])));
	}
	pfree(numbers);
}

/* Make room for a request's lines. */
void
AllocateLines(OrderRequest *request, int nlines)
{
	request->nlines = nlines;
	request->lines = palloc0(nlines * sizeof(PlanLine));
	request->durations = palloc0(nlines * sizeof(Datum));
	request->hasDuration = palloc0(nlines * sizeof(bool));
}

/* Error unless a part of a line is there. */
static void
CheckLinePart(bool isnull, const char *name, int position)
{
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" of the order's line at position %d must not be null", name,
						position)));
}

/* Read an order's lines from an array of voucher.line. */
void
ReadLines(OrderRequest *request, ArrayType *array)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_DOUBLE,
					  &elements, &nulls, &n);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the order has no lines")));
	AllocateLines(request, n);
	for (int i = 0; i < n; i++)
	{
		Row			line;

		CHECK_FOR_INTERRUPTS();
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the order's line at position %d must not be null", i + 1)));
		DeformRow(elements[i], LINE_COLUMNS, &line);
		CheckLinePart(line.isnull[LINE_PRODUCT], "product", i + 1);
		CheckLinePart(line.isnull[LINE_ORDER_TYPE], "order_type", i + 1);
		CheckLinePart(line.isnull[LINE_AMOUNT], "amount", i + 1);
		AddOrderLine(request, i, line.isnull[LINE_NO] ? i + 1 : DatumGetInt32(line.values[LINE_NO]),
					 TextDatumGetCString(line.values[LINE_PRODUCT]),
					 TextDatumGetCString(line.values[LINE_ORDER_TYPE]),
					 DatumGetAmount(line.values[LINE_AMOUNT]));
		if (!line.isnull[LINE_DURATION])
			SetDuration(request, i, line.values[LINE_DURATION]);
		if (!line.isnull[LINE_REGION])
			request->lines[i].region = TextDatumGetCString(line.values[LINE_REGION]);
		if (!line.isnull[LINE_TAGS])
			SetTags(&request->lines[i], DatumGetJsonbP(line.values[LINE_TAGS]));
		if (!line.isnull[LINE_AT])
			SetConsumptionTime(&request->lines[i], DatumGetTimestampTz(line.values[LINE_AT]));
	}
	CheckLineNumbers(request);
}

/*
 * Read product, order_type, amount, duration, lines, payment_type and
 * currency, which stand together from argument "first" on.  The order is
 * either one line in the first four or many in lines.
 */
void
ReadOrderArguments(FunctionCallInfo fcinfo, int first, OrderRequest *request)
{
	int			product = first,
				orderType = first + 1,
				amount = first + 2,
				duration = first + 3,
				lines = first + 4,
				paymentType = first + 5,
				currency = first + 6;

	request->paymentType = TextArgument(fcinfo, paymentType, "payment_type");
	if (!PG_ARGISNULL(lines))
	{
		if (!PG_ARGISNULL(product) || !PG_ARGISNULL(orderType) || !PG_ARGISNULL(amount) ||
			!PG_ARGISNULL(duration))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("an order is either one line or \"lines\", not both")));
		ReadLines(request, PG_GETARG_ARRAYTYPE_P(lines));
	}
	else
	{
		if (PG_ARGISNULL(product) && PG_ARGISNULL(orderType) && PG_ARGISNULL(amount))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the order has no lines"),
					 errhint("Give \"product\", \"order_type\" and \"amount\", or \"lines\".")));
		CheckLinePart(PG_ARGISNULL(product), "product", 1);
		CheckLinePart(PG_ARGISNULL(orderType), "order_type", 1);
		CheckLinePart(PG_ARGISNULL(amount), "amount", 1);
		AllocateLines(request, 1);
		AddOrderLine(request, 0, 1, text_to_cstring(PG_GETARG_TEXT_PP(product)),
					 text_to_cstring(PG_GETARG_TEXT_PP(orderType)), PG_GETARG_AMOUNT(amount));
		if (!PG_ARGISNULL(duration))
			SetDuration(request, 0, PG_GETARG_DATUM(duration));
	}
	request->currency = OptionalTextArgument(fcinfo, currency);
}

/* A text column of a settlement, NULL if null. */
static const char *
TextOf(const Row *row, int column)
{
	return row->isnull[column] ? NULL : TextDatumGetCString(row->values[column]);
}

/* The request of a settlement's row, without its order's id. */
void
ReadStoredRequest(const char *accountId, const Row *row, OrderRequest *request)
{
	memset(request, 0, sizeof(OrderRequest));
	request->accountId = accountId;
	request->currency = TextOf(row, SET_CURRENCY);
	request->paymentType = TextOf(row, SET_PAYMENT_TYPE);
	request->voucher = TextOf(row, SET_CHOSEN_VOUCHER);
	request->coupon = TextOf(row, SET_CHOSEN_COUPON);
	request->promoCode = TextOf(row, SET_PROMO_CODE);
	request->policy = TextOf(row, SET_POLICY);
	request->at = DatumGetTimestampTz(row->values[SET_AT]);
	ReadLines(request, DatumGetArrayTypeP(row->values[SET_LINES]));
}
