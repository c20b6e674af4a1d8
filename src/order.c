/*
 * order.c
 *		Reads from the store what a plan needs to know of an order's account, and
 *		what the caller chose of it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "attempt.h"
#include "held.h"
#include "issue.h"
#include "order.h"
#include "rows.h"
#include "shared.h"
#include "store.h"

/* What the catalogue says of the lines' products.  Errors: VC002 and VC003, it does not know one. */
void
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
	candidate->owner = NULL;
	candidate->ownerAccountId = NULL;
	if (!row->isnull[INS_OWNER_ACCOUNT])
	{
		candidate->ownerAccountId = TextDatumGetCString(row->values[INS_OWNER_ACCOUNT]);
		candidate->ownerInstrumentId = DatumGetInt64(row->values[INS_OWNER_INSTRUMENT]);
	}
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

/* The account in the rows of its facts, of which those of its currencies come first. */
static void
ReadAccount(const OrderRequest *request, uint64 rows, Account *account)
{
	bool		isnull;
	Row			row;

	if (rows > 0)
		StoreDatum(0, 1, &isnull);
	if (rows == 0 || isnull)
		RefuseUnknownAccount(request->accountId, request->currency);
	if (rows > 1)
	{
		StoreDatum(1, 1, &isnull);
		if (!isnull)
			RefuseManyCurrencies(request->accountId);
	}
	DeformRow(StoreNotNull(0, 1), ACC_COLUMNS, &row);
	account->accountId = request->accountId;
	account->actor = request->actor;
	account->currency = TextDatumGetCString(row.values[BAL_KEY]);
	account->version = DatumGetInt32(row.values[BAL_VERSION]);
	account->balance = DatumGetAmount(row.values[BAL_BALANCE]);
	account->epoch = DatumGetInt64(row.values[ACC_EPOCH]);
	account->holds = DatumGetInt32(row.values[ACC_HOLDS]);
}

/*
 * The template of the promo code that was typed in.  A wrong one counts as an
 * attempt of the account, and is VC008; VC503 if it has made too many.
 */
static const Template *
FindPromoCode(OrderRequest *request)
{
	Attempt		attempt;
	const Template *promo;

	SetAttempt(&attempt, request->accountId, NULL);
	/* what was found once is no attempt, whatever was tried since */
	if (!request->promoFound)
		BeginAttempt(&attempt);
	promo = CatalogTemplateByPromoCode(request->promoCode);
	if (promo == NULL)
	{
		RecordAttempt(&attempt);
		ereport(ERROR,
				(errcode(ERRCODE_VC_UNKNOWN_CODE),
				 errmsg("promo code \"%s\" does not exist", request->promoCode)));
	}
	if (!request->promoFound)
		EndAttempt(&attempt);
	request->promoFound = true;
	return promo;
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
	/* of an order that is settled, only what was typed in then is compared */
	if (request->promoCode != NULL && !facts->settled)
	{
		SPITupleTable *table = SPI_tuptable;

		promo = FindPromoCode(request);
		SPI_tuptable = table;
	}
	order->currency = facts->account.currency;
	order->at = request->at;
	order->nlines = request->nlines;
	order->lines = request->lines;
	facts->candidates = palloc0((rows + 1) * sizeof(Candidate));
	for (uint64 row = 1; row < rows; row++)
	{
		Candidate  *candidate = &facts->candidates[n];
		SPITupleTable *table = SPI_tuptable;
		Row			instrument;

		DeformRow(StoreNotNull(row, 2), INS_COLUMNS, &instrument);
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
	ReadOwners(facts->candidates, n, request->at, mode);
	SubtractHolds(request, mode, facts);
	ReadLimits(request->accountId, request->orderId, request->at, mode, facts->candidates, n, &facts->limits);
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
