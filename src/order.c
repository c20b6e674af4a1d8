/*
 * order.c
 *		Reads an order from a call's arguments, and the account's facts from
 *		the store: all that a plan needs.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "arguments.h"
#include "issue.h"
#include "order.h"
#include "rows.h"
#include "store.h"

/* ------------------------------------------------------------------------
 * Arguments
 * ------------------------------------------------------------------------
 */

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

/* Keep the time of a line's consumption, which must be finite. */
static void
SetConsumptionTime(PlanLine *line, TimestampTz at)
{
	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time of line %d must be finite", line->lineNo)));
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

/* ------------------------------------------------------------------------
 * Facts
 * ------------------------------------------------------------------------
 */

/* What the catalogue says of the lines' products. */
static void
LookUpLines(OrderRequest *request)
{
	for (int i = 0; i < request->nlines; i++)
	{
		PlanLine   *line = &request->lines[i];
		const Product *product = CatalogProduct(line->product);

		CatalogCheckOrderType(line->orderType);
		line->registered = product->registered;
		line->universal = product->universal;
		if (!line->hasAt)
			line->at = request->at;
	}
}

/* The products of the lines that purchase, as a text[]; returns how many. */
static int
PurchasedProducts(const OrderRequest *request, Datum *array)
{
	Datum	   *products = palloc(request->nlines * sizeof(Datum));
	int			n = 0;

	for (int i = 0; i < request->nlines; i++)
	{
		if (request->lines[i].purchase)
			products[n++] = CStringGetTextDatum(request->lines[i].registered);
	}
	*array = TextArray(products, n);
	return n;
}

/* Mark the lines whose product the account has purchased before. */
static void
MarkPurchased(OrderRequest *request, Datum purchased)
{
	const char **sorted;
	int			n;

	/* a plan made before may have seen what a cancel has since given back */
	for (int i = 0; i < request->nlines; i++)
		request->lines[i].purchasedBefore = false;
	n = ReadTextArray(purchased, &sorted);
	if (n == 0)
		return;
	qsort(sorted, n, sizeof(char *), CompareStrings);
	for (int i = 0; i < request->nlines; i++)
	{
		PlanLine   *line = &request->lines[i];

		line->purchasedBefore =
			bsearch(&line->registered, sorted, n, sizeof(char *), CompareStrings) != NULL;
	}
}

/* The bounds of a validity, infinite where it has none. */
void
ReadValidity(RangeType *validity, Candidate *candidate)
{
	TypeCacheEntry *typcache = lookup_type_cache(RangeTypeGetOid(validity), TYPECACHE_RANGE_INFO);
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;

	range_deserialize(typcache, validity, &lower, &upper, &empty);
	candidate->effective = lower.infinite ? DT_NOBEGIN : DatumGetTimestampTz(lower.val);
	candidate->expiry = upper.infinite ? DT_NOEND : DatumGetTimestampTz(upper.val);
}

/* A half-open range of instants, of which the last may be infinite: unbounded. */
Datum
MakeTimeRange(TimestampTz from, TimestampTz to)
{
	TypeCacheEntry *typcache = lookup_type_cache(TSTZRANGEOID, TYPECACHE_RANGE_INFO);
	RangeBound	lower = {TimestampTzGetDatum(from), TIMESTAMP_IS_NOBEGIN(from),
		!TIMESTAMP_IS_NOBEGIN(from), true};
	RangeBound	upper = {TimestampTzGetDatum(to), TIMESTAMP_IS_NOEND(to), false, false};

	return RangeTypePGetDatum(MakeRange(typcache, &lower, &upper));
}

/* The instrument in a row of voucher.instrument, but for its terms. */
void
ReadCandidate(const Row *row, Candidate *candidate)
{
	candidate->instrumentId = DatumGetInt64(row->values[BAL_KEY]);
	candidate->version = DatumGetInt32(row->values[BAL_VERSION]);
	candidate->balance = DatumGetAmount(row->values[BAL_BALANCE]);
	candidate->used = DatumGetInt32(row->values[INS_USED]);
	candidate->frozen = DatumGetBool(row->values[INS_FROZEN]);
	candidate->cancelled = DatumGetBool(row->values[INS_CANCELLED]);
	candidate->faceValue = row->isnull[INS_FACE_VALUE] ? 0 :
		DatumGetAmount(row->values[INS_FACE_VALUE]);
	candidate->maxUses = row->isnull[INS_MAX_USES] ? PG_INT32_MAX :
		DatumGetInt32(row->values[INS_MAX_USES]);
	candidate->issuedAt = DatumGetTimestampTz(row->values[INS_ISSUED_AT]);
	candidate->invited = true;
	ReadValidity(DatumGetRangeTypeP(row->values[INS_VALIDITY]), candidate);
}

/* A promo code that the account has not used yet: its first use issues the instrument. */
void
NewPromoCandidate(const Template *template, TimestampTz at, Candidate *candidate)
{
	/* the place may hold what was read of an instrument that is no candidate */
	memset(candidate, 0, sizeof(Candidate));
	candidate->instrumentId = 0;
	candidate->terms = &template->terms;
	candidate->version = 1;
	candidate->faceValue = candidate->balance = template->faceValue;
	candidate->maxUses = template->uses;
	ReadValidity(template->valid, candidate);
	candidate->issuedAt = at;
}

/* The account in the rows of its facts, which are in the order of its currencies. */
static void
ReadAccount(const OrderRequest *request, uint64 rows, Account *account)
{
	Row			row;

	if (rows == 0)
		RefuseUnknownAccount(request->accountId, request->currency);
	if (request->currency == NULL && rows > 1)
	{
		DeformRow(StoreNotNull(rows - 1, 1), ACC_COLUMNS, &row);
		account->currency = TextDatumGetCString(row.values[BAL_KEY]);
	}
	DeformRow(StoreNotNull(0, 1), ACC_COLUMNS, &row);
	account->accountId = request->accountId;
	if (account->currency != NULL &&
		strcmp(account->currency, TextDatumGetCString(row.values[BAL_KEY])) != 0)
		RefuseManyCurrencies(request->accountId);
	account->currency = TextDatumGetCString(row.values[BAL_KEY]);
	account->version = DatumGetInt32(row.values[BAL_VERSION]);
	account->balance = DatumGetAmount(row.values[BAL_BALANCE]);
	account->epoch = DatumGetInt64(row.values[ACC_EPOCH]);
}

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
 * Read all that the plan needs, in one state of the account: that of the
 * calling query in STORE_READ, the latest in STORE_WRITE.  The account's promo
 * codes are candidates only when typed in.
 */
void
LoadOrder(OrderRequest *request, StoreMode mode, OrderFacts *facts)
{
	const Template *promo = NULL;
	Datum		values[4];
	char		nulls[] = "    ";
	bool		purchases;
	Statement	statement;
	uint64		rows;
	int			n = 0;
	PlanOrder  *order = &facts->order;

	memset(facts, 0, sizeof(OrderFacts));
	order->paymentType = PaymentTypeFromName(request->paymentType);
	facts->policy = request->policy == NULL ? CatalogDefaultPolicy(request->paymentType) :
		CatalogPolicy(request->policy);
	LookUpLines(request);
	if (request->promoCode != NULL)
	{
		promo = CatalogTemplateByPromoCode(request->promoCode);
		if (promo == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_VC_UNKNOWN_CODE),
					 errmsg("promo code \"%s\" does not exist", request->promoCode)));
	}

	values[0] = CStringGetTextDatum(request->accountId);
	values[1] = OptionalTextDatum(request->currency, &nulls[1]);
	purchases = PurchasedProducts(request, &values[2]) > 0;
	values[3] = OptionalTextDatum(request->orderId, &nulls[3]);
	if (request->orderId != NULL)
		statement = purchases ? STMT_SETTLE_PURCHASE_FACTS : STMT_SETTLE_FACTS;
	else
		statement = purchases ? STMT_PURCHASE_FACTS : STMT_ORDER_FACTS;
	rows = StoreRun(statement, mode, values, nulls);

	ReadAccount(request, rows, &facts->account);
	MarkPurchased(request, StoreNotNull(0, 3));
	facts->settled = StoreBool(0, 4);
	order->currency = facts->account.currency;
	order->at = request->at;
	order->nlines = request->nlines;
	order->lines = request->lines;
	facts->candidates = palloc0((rows + 1) * sizeof(Candidate));
	for (uint64 row = 0; row < rows; row++)
	{
		Candidate  *candidate = &facts->candidates[n];
		SPITupleTable *table = SPI_tuptable;
		bool		isnull;
		Datum		value = StoreDatum(row, 2, &isnull);
		Row			instrument;

		if (isnull)
			break;				/* the account has no instruments */

		DeformRow(value, INS_COLUMNS, &instrument);
		/* may run a statement itself */
		candidate->terms = &CatalogTemplate(DatumGetInt64(instrument.values[INS_TEMPLATE]))->terms;
		SPI_tuptable = table;
		if (candidate->terms->kind == KIND_PROMO_CODE)
		{
			if (promo == NULL || candidate->terms->templateId != promo->terms.templateId)
				continue;
			facts->promo = candidate;
		}
		ReadCandidate(&instrument, candidate);
		n++;
	}
	if (promo != NULL)
	{
		if (facts->promo == NULL)
		{
			facts->promo = &facts->candidates[n++];
			NewPromoCandidate(promo, request->at, facts->promo);
		}
		facts->promo->invited = promo->terms.invitedOnly &&
			IsInvited(request->accountId, promo->campaign);
	}
	facts->ncandidates = n;
	ReadLimits(request->accountId, request->at, mode, facts->candidates, n, &facts->limits);
	order->digits = CatalogDigits(order->currency);
}

/* Error for a choice that is none. */
pg_noreturn static void
RefuseChoice(const char *choice, InstrumentKind kind)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid choice of %s: \"%s\"", KindName(kind), choice),
			 errhint("Give auto, none, ids with commas between them, or \"not\" and ids.")));
}

/* The account's instrument of a kind and id; error VC007 if there is none. */
static Candidate *
FindCandidate(int64 id, InstrumentKind kind, OrderFacts *facts)
{
	for (int i = 0; i < facts->ncandidates; i++)
	{
		Candidate  *candidate = &facts->candidates[i];

		if (candidate->instrumentId == id && candidate->terms->kind == kind)
			return candidate;
	}
	ereport(ERROR,
			(errcode(ERRCODE_VC_UNKNOWN_INSTRUMENT),
			 errmsg("account \"%s\" has no %s " INT64_FORMAT " in %s",
					facts->account.accountId, KindName(kind), id, facts->order.currency)));
}

/*
 * What the caller chose of a kind: auto, none, ids of instruments that must
 * apply and are used, or "not" and ids of those that are not.  Candidates have
 * been judged.
 */
Choice
ReadChoice(const char *choice, InstrumentKind kind, OrderFacts *facts)
{
	Choice		result = {CHOICE_AUTO, 0, NULL};
	bool		barred = strncmp(choice, "not ", 4) == 0;
	int			most = kind == KIND_VOUCHER ? facts->policy->vouchers : 1;
	const char *next = barred ? choice + 4 : choice;
	int			nids = 1;

	if (strcmp(choice, "auto") == 0)
		return result;
	if (strcmp(choice, "none") == 0)
	{
		result.mode = CHOICE_NONE;
		return result;
	}
	for (const char *c = next; *c != '\0'; c++)
		nids += (*c == ',');
	if (!barred && nids > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid choice of %s: \"%s\"", KindName(kind), choice),
				 kind == KIND_VOUCHER ?
				 errdetail("Deduction policy \"%s\" allows an order %d of them.",
						   facts->policy->name, most) :
				 errdetail("An order takes one at most.")));
	for (;;)
	{
		Candidate  *candidate;
		char	   *end;
		int64		id;

		while (*next == ' ')
			next++;
		errno = 0;
		id = strtoi64(next, &end, 10);
		if (errno != 0 || !isdigit((unsigned char) *next) || (*end != '\0' && *end != ','))
			RefuseChoice(choice, kind);
		candidate = FindCandidate(id, kind, facts);
		if (barred)
			candidate->barred = true;
		else if (!candidate->named)
		{
			if (candidate->reason != REASON_APPLIES)
				Refuse(candidate, &facts->order);
			candidate->named = true;
			result.mode = CHOICE_NAMED;
			result.named = candidate;
			result.nnamed++;
		}
		if (*end == '\0')
			break;
		next = end + 1;
	}
	return result;
}
