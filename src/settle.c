/*
 * settle.c
 *		quote and settle: the same plan, worked out or carried out.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "arguments.h"
#include "issue.h"
#include "refund.h"
#include "rows.h"
#include "settle.h"
#include "shared.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_quote);
PG_FUNCTION_INFO_V1(voucher_settle);

/* Judge the candidates, read what the caller chose of them, and make the plan. */
void
PlanOrderRequest(const OrderRequest *request, OrderFacts *facts, PaymentPlan *plan)
{
	Choice		choice[KIND_COUNT] = {0};
	const Candidate *refused;

	JudgeCandidates(&facts->order, facts->ncandidates, facts->candidates);
	FindOwners(facts);
	choice[KIND_VOUCHER] = ReadChoice(request->voucher, KIND_VOUCHER, facts);
	choice[KIND_COUPON] = ReadChoice(request->coupon, KIND_COUPON, facts);
	choice[KIND_PROMO_CODE].mode = facts->promo == NULL ? CHOICE_NONE : CHOICE_NAMED;
	choice[KIND_PROMO_CODE].named = facts->promo;
	if (facts->promo != NULL && facts->promo->reason != REASON_APPLIES)
		Refuse(facts->promo, &facts->order);
	refused = MakePlan(&facts->order, facts->ncandidates, facts->candidates, choice,
					   facts->policy, plan);
	if (refused != NULL)
		Refuse(refused, &facts->order);
}

/* Does a plan use anything that has limits? */
static bool
UsesLimits(const PaymentPlan *plan)
{
	for (int i = 0; i < plan->nparts; i++)
	{
		if (plan->parts[i].candidate->nlimits > 0)
			return true;
	}
	return false;
}

/*
 * Plan an order of an account that is locked with these owners of its shares.
 * Others count in its limits, too: hold them, and see whether the plan still
 * stands.
 */
void
PlanLocked(OrderRequest *request, const OwnerSet *owners, OrderFacts *facts, PaymentPlan *plan)
{
	PlanOrderRequest(request, facts, plan);
	for (int i = 0; i < facts->owners.n; i++)
		HeldOwner(owners, facts->owners.accounts[i].accountId);
	if (!UsesLimits(plan))
		return;
	LockLimits(request->accountId, request->orderId, request->at, &facts->limits,
			   facts->ownHold != 0);
	PlanOrderRequest(request, facts, plan);
}

/* Read the arguments that quote and settle share, from "first" on. */
void
ReadRequest(FunctionCallInfo fcinfo, int first, OrderRequest *request)
{
	ReadOrderArguments(fcinfo, first, request);
	first += ORDER_ARGUMENTS;
	request->voucher = TextArgument(fcinfo, first, "voucher");
	request->coupon = TextArgument(fcinfo, first + 1, "coupon");
	request->promoCode = ReadPromoCode(OptionalTextArgument(fcinfo, first + 2));
	request->at = TimeArgument(fcinfo, first + 3, "at");
	request->policy = OptionalTextArgument(fcinfo, first + 4);
}

/* quote(account_id, …) returns settlement: see settle.sql */
Datum
voucher_quote(PG_FUNCTION_ARGS)
{
	OrderRequest request = {0};
	OrderFacts	facts;
	PaymentPlan plan;
	Row			row;
	Datum		result;

	EmptyRow(&row);
	request.accountId = TextArgument(fcinfo, 0, "account_id");
	ReadRequest(fcinfo, 1, &request);

	StoreBegin();
	CatalogBegin();
	LoadOrder(&request, STORE_READ, &facts);
	PlanOrderRequest(&request, &facts, &plan);
	plan.outstanding = 0;
	SetRequest(&row, &request, &facts.order);
	SetPlan(&row, &facts.order, &plan);
	SetProducts(&row, &facts.order);
	SetLimits(&row, &facts.limits);
	SetShares(&row, facts.candidates, facts.ncandidates);
	result = SPI_datumTransfer(FormRow(StoreGetTypes()->settlement, &row), false, -1);
	StoreEnd();
	PG_RETURN_DATUM(result);
}

/* A stored attribute, and the name that the caller knows it by. */
typedef struct Argument
{
	int			attribute;
	const char *name;
} Argument;

/* The first argument in which two rows of a type differ; NULL if they agree in all. */
static const char *
FirstDifference(Oid type, const Argument *arguments, int n, const Row *a, const Row *b)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(type, -1);
	const char *name = NULL;

	for (int i = 0; i < n && name == NULL; i++)
	{
		int			j = arguments[i].attribute;
		Form_pg_attribute attribute = TupleDescAttr(desc, j - 1);

		if (a->isnull[j] != b->isnull[j] ||
			(!a->isnull[j] && !datum_image_eq(a->values[j], b->values[j], attribute->attbyval,
											  attribute->attlen)))
			name = arguments[i].name;
	}
	ReleaseTupleDesc(desc);
	return name;
}

/* In what two arrays of lines differ; NULL if they agree. */
const char *
LinesDifference(Datum a, Datum b)
{
	static const Argument attributes[] = {
		{LINE_NO, "line_no"}, {LINE_PRODUCT, "product"}, {LINE_ORDER_TYPE, "order_type"},
		{LINE_AMOUNT, "amount"}, {LINE_DURATION, "duration"}, {LINE_REGION, "region"},
		{LINE_TAGS, "tags"}, {LINE_AT, "at"}
	};
	Datum	   *left;
	Datum	   *right;
	int			n = DeformArray(a, &left);
	const char *name = NULL;

	if (DeformArray(b, &right) != n)
		return "lines";
	for (int i = 0; i < n && name == NULL; i++)
	{
		Row			leftLine;
		Row			rightLine;

		CHECK_FOR_INTERRUPTS();
		DeformRow(left[i], LINE_COLUMNS, &leftLine);
		DeformRow(right[i], LINE_COLUMNS, &rightLine);
		name = FirstDifference(StoreGetTypes()->line, attributes, lengthof(attributes),
							   &leftLine, &rightLine);
	}
	return name;
}

/*
 * The first argument in which a request, as a settlement's row has it, differs
 * from a stored one; NULL if it asks for the same.  The order's time is not
 * compared: a retry may well come later, and neither is what was allowed to
 * stay outstanding.  The policy is, if it is given: a default may have become
 * another one since.
 */
const char *
RequestDifference(const OrderRequest *request, Row *now, Row *then)
{
	static const Argument body[] = {
		{SET_CURRENCY, "currency"}, {SET_PAYMENT_TYPE, "payment_type"},
		{SET_CHOSEN_VOUCHER, "voucher"}, {SET_CHOSEN_COUPON, "coupon"},
		{SET_PROMO_CODE, "promo_code"}, {SET_POLICY, "policy"}, {SET_RERATES, "rerates"}
	};
	const char *differs;

	SetText(now, SET_POLICY, request->policy);
	if (request->policy == NULL)
		then->isnull[SET_POLICY] = true;
	differs = FirstDifference(StoreGetTypes()->settlement, body, lengthof(body), now, then);
	return differs != NULL ? differs :
		LinesDifference(now->values[SET_LINES], then->values[SET_LINES]);
}

/* The settlement that an earlier call made, if it was the same call. */
static Datum
Replay(const OrderRequest *request, const OrderFacts *facts)
{
	Datum		key[2];
	Datum		stored;
	Row			now;
	Row			then;
	const char *differs;

	key[0] = CStringGetTextDatum(request->accountId);
	key[1] = CStringGetTextDatum(request->orderId);
	StoreRun(STMT_SETTLEMENT_READ, STORE_WRITE, key, NULL);
	stored = StoreNotNull(0, 1);

	EmptyRow(&now);
	SetRequest(&now, request, &facts->order);
	DeformRow(stored, SET_COLUMNS, &then);
	differs = RequestDifference(request, &now, &then);
	if (differs != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_VC_ORDER_DIFFERS),
				 errmsg("order \"%s\" of account \"%s\" is already settled",
						request->orderId, request->accountId),
				 errdetail("This call differs from the settled order in \"%s\".", differs),
				 errhint("Settle a different order under an id of its own.")));
	if (!then.isnull[BAL_VERSION] && StoreRun(STMT_SETTLEMENT_CANCEL, STORE_WRITE, key, NULL) > 0)
		RefuseCancelled(request->accountId, request->orderId);
	return SPI_datumTransfer(stored, false, -1);
}

/*
 * Take what the plan leaves to cash from the account's balance.  What the
 * balance does not cover stays outstanding if the caller allows it; cash pays
 * whole minor units.  Error VC201 if not.
 *
 * The balance is of the epoch in which the plan is written, or it is not
 * written at all.
 */
void
TakeCash(const Account *account, bool arrears, int digits, PaymentPlan *plan)
{
	Amount		covered = account->balance - account->balance % AmountQuantum(digits);

	plan->outstanding = 0;
	if (plan->cash <= account->balance)
		return;
	if (!arrears)
		ereport(ERROR,
				(errcode(ERRCODE_VC_INSUFFICIENT_CASH),
				 errmsg("account \"%s\" has insufficient cash", account->accountId),
				 errdetail("The order needs %s %s in cash and the balance is %s.",
						   AmountToString(plan->cash), account->currency,
						   AmountToString(account->balance))));
	plan->outstanding = plan->cash - covered;
	plan->cash = covered;
}

/* Issue the promo code of a plan that uses it for the first time; was one? */
bool
IssuePromo(const OrderRequest *request, OrderFacts *facts, PaymentPlan *plan)
{
	bool		issued = false;

	for (int i = 0; i < plan->nparts; i++)
	{
		Candidate  *candidate = plan->parts[i].candidate;

		if (candidate->instrumentId != 0)
			continue;
		candidate->instrumentId =
			IssueInstrument(&facts->account, CatalogTemplate(candidate->terms->templateId),
							candidate->faceValue, request->at, request->at, NULL, NULL, NULL, NULL);
		issued = true;
	}
	return issued;
}

/* Error 22023 for arrears of what is no bill. */
void
CheckArrearsAllowed(const OrderRequest *request)
{
	if (request->arrears && strcmp(request->paymentType, "pay_as_you_go") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("only a pay-as-you-go bill can be left in arrears"),
				 errdetail("The order's payment type is \"%s\".", request->paymentType)));
}

/*
 * Lock an order's account with the owners on whose vouchers it may draw; in all
 * its currencies if the order is reserved, since its hold counts in all.
 * Returns whether it is.
 */
static bool
LockOrder(const OrderRequest *request, OwnerSet *owners)
{
	Account		account = {.accountId = request->accountId};
	Datum		key[2];
	bool		reserved;

	key[0] = CStringGetTextDatum(request->accountId);
	key[1] = CStringGetTextDatum(request->orderId);
	reserved = StoreRun(STMT_HOLD_UNRESOLVED, STORE_WRITE, key, NULL) > 0;
	LockWithOwners(owners, &account, owners->n > 0 ? owners->currency : request->currency,
				   reserved);
	return reserved;
}

/*
 * Try to settle an order.  False if the account changed since the plan was
 * made, or if the plan needs it to be locked, with the accounts of the owners
 * that are found then; with them locked, neither can be.
 */
static bool
TrySettle(OrderRequest *request, bool locked, OwnerSet *owners, Datum *result)
{
	bool		reserved = false;
	OrderFacts	facts;
	PaymentPlan plan;
	Account		account;
	Row			row;
	Datum		settlement;

	if (locked)
		reserved = LockOrder(request, owners);
	LoadOrder(request, STORE_WRITE, &facts);
	if (facts.settled)
	{
		*result = Replay(request, &facts);
		return true;
	}
	if (locked && facts.ownHold != 0 && !reserved)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("order \"%s\" was reserved at the same time", request->orderId),
				 errhint("Try the order again.")));
	if (locked)
		PlanLocked(request, owners, &facts, &plan);
	else
	{
		PlanOrderRequest(request, &facts, &plan);
		/* others draw and count, too: hold what they do in, and see whether the plan still stands */
		*owners = facts.owners;
		if (owners->n > 0 || request->promoCode != NULL || UsesLimits(&plan) || facts.ownHold != 0)
			return false;
	}
	TakeCash(&facts.account, request->arrears, facts.order.digits, &plan);
	if (facts.ownHold != 0)
		ReplaceHold(request, facts.account.epoch, NULL);
	IssuePromo(request, &facts, &plan);
	EmptyRow(&row);
	SetRequest(&row, request, &facts.order);
	SetPlan(&row, &facts.order, &plan);
	SetProducts(&row, &facts.order);
	SetLimits(&row, &facts.limits);
	SetShares(&row, facts.candidates, facts.ncandidates);
	SetValue(&row, SET_EPOCH, Int64GetDatum(facts.account.epoch + 1));
	SetRecorded(&row);
	settlement = FormRow(StoreGetTypes()->settlement, &row);
	account = facts.account;
	account.epoch++;
	DrawShares(request, &account, owners, &plan);
	if (!WriteSettlement(request->orderId, &row, settlement, request->at, &facts.account, &plan))
		return false;
	*result = SPI_datumTransfer(settlement, false, -1);
	return true;
}

/*
 * Settle an order in the caller's transaction.  The store must be open.
 * Returns a value of type voucher.settlement that outlives it.
 *
 * The plan is made without a lock and written if the account has not changed
 * meanwhile; if it has, once more with the account locked, and so is a plan
 * that may draw on a share, whose owner is locked with it, or uses something
 * limited: limits are locked after accounts.  A promo code may need an
 * instrument before the settlement, so it takes the lock at once, unless there
 * may be owners to find.
 */
Datum
SettleOrder(OrderRequest *request)
{
	OwnerSet	owners = {0};
	Datum		result;

	CatalogBegin();
	if ((request->promoCode == NULL || CatalogHasShareable()) &&
		TrySettle(request, false, &owners, &result))
		return result;
	if (!TrySettle(request, true, &owners, &result))
		RefuseSuppressed(request->orderId, "account");	/* nobody else can change it now */
	return result;
}

/* Arguments of settle after those that it shares with quote. */
#define SETTLE_ARREARS	14
#define SETTLE_ACTOR	15

/* settle(account_id, order_id, …) returns settlement: see settle.sql */
Datum
voucher_settle(PG_FUNCTION_ARGS)
{
	OrderRequest request = {0};
	Datum		result;

	request.accountId = TextArgument(fcinfo, 0, "account_id");
	request.orderId = TextArgument(fcinfo, 1, "order_id");
	ReadRequest(fcinfo, 2, &request);
	request.arrears = !PG_ARGISNULL(SETTLE_ARREARS) && PG_GETARG_BOOL(SETTLE_ARREARS);
	CheckArrearsAllowed(&request);
	request.actor = OptionalTextArgument(fcinfo, SETTLE_ACTOR);

	StoreBegin();
	result = SettleOrder(&request);
	StoreEnd();
	PG_RETURN_DATUM(result);
}
