/*
 * plan.c
 *		Fuzzes the plan: an order, an account's instruments, their terms and
 *		limits, a policy and a choice, all built from the input; the settlement
 *		is held against what must be true of each.
 */
#include "shim.h"

#include "plan.h"

#define MAX_LINES 6
#define MAX_TERMS 5
#define MAX_CANDIDATES 7
#define MAX_LIMITS 3

/* Everything that a plan is a function of. */
typedef struct World
{
	PlanOrder	order;
	PlanLine	lines[MAX_LINES];
	int			nterms;
	Terms		terms[MAX_TERMS];
	int			ncandidates;
	Candidate	candidates[MAX_CANDIDATES];
	bool		wanted[MAX_CANDIDATES + 1]; /* by id: named or barred, as the mode says */
	Candidate	judged[MAX_CANDIDATES + 1]; /* by id: as trials of combinations met it */
	UsageLimit	limits[MAX_LIMITS];
	LimitUsage	usage[MAX_LIMITS];
	LimitUsage *limitsOf[MAX_CANDIDATES][MAX_LIMITS];
	Policy		policy;
	int			modes[KIND_COUNT];	/* auto, none, named, barred */
	Choice		choice[KIND_COUNT];
} World;

enum
{
	MODE_AUTO, MODE_NONE, MODE_NAMED, MODE_BARRED, MODE_COUNT
};

static const char *const products[] = {"ecs", "ecs.g7", "ecs.g7.large", "ecsx", "oss"};
static const char *const orderTypes[] = {"purchase", "renewal", "upgrade"};
static const char *const scopes[] = {"*", "ecs", "ecs.g7", "oss", "*, !ecs.g7", "ecs:purchase",
	"ecs, oss:renewal|upgrade", "*:purchase, !oss"};
static const char *const regions[] = {"cn-hangzhou", "cn-beijing"};

/* Money of nothing or more: few or many minor units, what is below them, and what is huge. */
static Amount
TakeMoney(Bytes *bytes, int64 unit)
{
	switch (TakeBelow(bytes, 5))
	{
		case 0:
			return (Amount) Take(bytes, 1) * unit;
		case 1:
			return (Amount) Take(bytes, 2) * unit;
		case 2:
			return (Amount) Take(bytes, 3);
		case 3:
			return (Amount) Take(bytes, 5);
	}
	return (Amount) (Take(bytes, 8) >> 1);
}

/* Money of at least one unit. */
static Amount
TakeValue(Bytes *bytes, int64 unit)
{
	Amount		value = TakeMoney(bytes, unit);

	return Max(value, 1);
}

/* An instant of 0 to 255. */
static TimestampTz
TakeTime(Bytes *bytes)
{
	return TakeBelow(bytes, 256);
}

/* A line of the order. */
static void
BuildLine(World *world, int i, int64 unit, Bytes *bytes)
{
	PlanLine   *line = &world->lines[i];
	bool		credit = TakeOneIn(bytes, 6);

	line->lineNo = i + 1;
	line->product = products[TakeBelow(bytes, lengthof(products))];
	line->productLen = strlen(line->product);
	line->orderType = orderTypes[TakeBelow(bytes, lengthof(orderTypes))];
	line->orderTypeLen = strlen(line->orderType);
	line->amount = TakeMoney(bytes, unit);
	if (credit && world->order.paymentType == PAYMENT_PAY_AS_YOU_GO)
		line->amount = -line->amount;
	line->duration = (int64) Take(bytes, 1) - 1;
	line->hasAt = TakeOneIn(bytes, 4);
	line->at = line->hasAt ? TakeTime(bytes) : world->order.at;
	line->region = TakeOneIn(bytes, 2) ? regions[TakeBelow(bytes, 2)] : NULL;
	line->universal = !TakeOneIn(bytes, 4);
	line->purchase = strcmp(line->orderType, "purchase") == 0;
	line->purchasedBefore = TakeOneIn(bytes, 4);
	line->purchaseHeld = TakeOneIn(bytes, 6);
}

/* The rules of a template, within what its table's constraints let be. */
static void
BuildTerms(Terms *terms, int64 unit, Bytes *bytes)
{
	const char *scope = scopes[TakeBelow(bytes, lengthof(scopes))];
	int			rare = TakeBelow(bytes, 256);

	terms->kind = TakeBelow(bytes, KIND_COUNT);
	terms->currency = TakeOneIn(bytes, 20) ? "USD" : "CNY";
	terms->reduces = terms->kind != KIND_VOUCHER;
	if (TakeOneIn(bytes, 4))
		terms->reduces = !terms->reduces;
	/* a voucher that pays has a value of its own */
	terms->hasRate = TakeOneIn(bytes, 3) && (terms->kind != KIND_VOUCHER || terms->reduces);
	terms->rate = terms->hasRate ? 1 + Take(bytes, 4) % AMOUNT_ONE : 0;
	terms->maximum = TakeOneIn(bytes, 3) ? TakeValue(bytes, unit) : AMOUNT_MAX;
	terms->threshold = TakeOneIn(bytes, 3) ? TakeMoney(bytes, unit) : 0;
	terms->thresholdAfter = TakeOneIn(bytes, 3);
	terms->thresholdStrict = TakeOneIn(bytes, 4);
	terms->scope = ScopeFromText(scope, strlen(scope), NULL);
	terms->paymentType = PAYMENT_ANY;
	terms->maxDuration = PG_INT64_MAX;
	if ((rare & 7) == 7)
	{
		terms->paymentType = TakeBelow(bytes, 3);
		terms->firstPurchase = TakeOneIn(bytes, 2);
		terms->minDuration = Take(bytes, 1);
		terms->maxDuration = TakeOneIn(bytes, 2) ? terms->minDuration + Take(bytes, 1) : PG_INT64_MAX;
		terms->invitedOnly = TakeOneIn(bytes, 4);
		terms->nregions = TakeBelow(bytes, 2);
		terms->regions = (const char **) regions;
	}
	terms->priority = (int8) Take(bytes, 1);
	terms->excludes = TakeOneIn(bytes, 3) ? TakeBelow(bytes, 1 << KIND_COUNT) : 0;
	terms->nproducts = TakeOneIn(bytes, 2) ? PG_INT32_MAX : 1 + TakeBelow(bytes, 3);
}

/* An instrument of the account; the first of terms that are a promo code's is the one typed in. */
static void
BuildCandidate(World *world, int i, int64 unit, Bytes *bytes)
{
	Candidate  *candidate = &world->candidates[i];
	int			rare = TakeBelow(bytes, 256);

	candidate->instrumentId = i + 1;
	candidate->terms = &world->terms[TakeBelow(bytes, world->nterms)];
	if (candidate->terms->kind == KIND_PROMO_CODE)
	{
		for (int j = 0; j < i; j++)
		{
			/* at most one promo code is typed in */
			if (world->candidates[j].terms->kind == KIND_PROMO_CODE)
			{
				candidate->terms = world->candidates[0].terms;
				if (candidate->terms->kind == KIND_PROMO_CODE)
					candidate->cancelled = true;
			}
		}
	}
	if (!candidate->terms->hasRate)
	{
		candidate->faceValue = TakeValue(bytes, unit);
		candidate->balance = TakeOneIn(bytes, 2) ?
			(Amount) ((int128) candidate->faceValue * Take(bytes, 1) / 255) : candidate->faceValue;
	}
	candidate->maxUses = TakeOneIn(bytes, 2) ? 1 + TakeBelow(bytes, 3) : PG_INT32_MAX;
	candidate->used = TakeOneIn(bytes, 4) ? TakeBelow(bytes, 3) : 0;
	candidate->expiry = DT_NOEND;
	candidate->effective = DT_NOBEGIN;
	if ((rare & 3) == 3)
	{
		candidate->held = TakeMoney(bytes, unit);
		candidate->heldUses = TakeBelow(bytes, 3);
		candidate->frozen = TakeOneIn(bytes, 8);
		candidate->cancelled |= TakeOneIn(bytes, 8);
		candidate->invited = TakeOneIn(bytes, 2);
		candidate->effective = TakeTime(bytes);
		candidate->expiry = candidate->effective + 1 + Take(bytes, 1);
	}
	candidate->issuedAt = TakeTime(bytes);
	candidate->limits = world->limitsOf[i];
	for (int j = 0; (rare & 12) == 12 && j < MAX_LIMITS; j++)
	{
		/* an instrument that is there has been counted */
		if (TakeOneIn(bytes, 2) &&
			(!world->limits[j].countsIssues || candidate->terms->kind == KIND_PROMO_CODE))
			candidate->limits[candidate->nlimits++] = &world->usage[j];
	}
	world->wanted[candidate->instrumentId] = TakeOneIn(bytes, 3);
}

/* Everything, from the input. */
static World *
BuildWorld(Bytes bytes)
{
	World	   *world = palloc0(sizeof(World));
	PlanOrder  *order = &world->order;
	Policy	   *policy = &world->policy;
	int64		unit;

	order->currency = "CNY";
	order->digits = TakeBelow(&bytes, AMOUNT_DECIMALS + 1);
	unit = AmountQuantum(order->digits);
	order->paymentType = TakeBelow(&bytes, 2);
	order->at = TakeTime(&bytes);
	order->nlines = 1 + TakeBelow(&bytes, MAX_LINES);
	order->lines = world->lines;

	policy->name = "fuzz";
	policy->vouchers = TakeOneIn(&bytes, 2) ? PG_INT32_MAX : 1 + TakeBelow(&bytes, 3);
	policy->nkeys = TakeBelow(&bytes, 4);
	for (int i = 0; i < policy->nkeys; i++)
		policy->keys[i] = TakeBelow(&bytes, SORT_KEY_COUNT);
	policy->ncharges = TakeBelow(&bytes, 3);
	for (int i = 0; i < policy->ncharges; i++)
		policy->charges[i] = TakeBelow(&bytes, CHARGE_KEY_COUNT);
	for (int kind = 0; kind < KIND_COUNT; kind++)
		world->modes[kind] = TakeOneIn(&bytes, 2) ? TakeBelow(&bytes, MODE_COUNT) : MODE_AUTO;

	for (int i = 0; i < order->nlines; i++)
		BuildLine(world, i, unit, &bytes);
	for (int i = 0; i < MAX_LIMITS; i++)
	{
		UsageLimit *limit = &world->limits[i];
		LimitUsage *usage = &world->usage[i];

		usage->limit = limit;
		limit->limitId = i + 1;
		limit->countsIssues = TakeOneIn(&bytes, 4);
		limit->maxCount = TakeOneIn(&bytes, 2) ? TakeBelow(&bytes, 4) : PG_INT64_MAX;
		limit->maxAmount = TakeOneIn(&bytes, 2) ? TakeMoney(&bytes, unit) : AMOUNT_MAX;
		usage->used = TakeBelow(&bytes, 3);
		usage->amount = TakeOneIn(&bytes, 2) ? TakeMoney(&bytes, unit) : 0;
		usage->until = DT_NOEND;
	}
	world->nterms = 1 + TakeBelow(&bytes, MAX_TERMS);
	for (int i = 0; i < world->nterms; i++)
		BuildTerms(&world->terms[i], unit, &bytes);
	world->ncandidates = TakeBelow(&bytes, MAX_CANDIDATES + 1);
	for (int i = 0; i < world->ncandidates; i++)
		BuildCandidate(world, i, unit, &bytes);
	return world;
}

/* The same instruments in the opposite order. */
static void
Reverse(World *world)
{
	for (int i = 0, j = world->ncandidates - 1; i < j; i++, j--)
	{
		Candidate	swap = world->candidates[i];

		world->candidates[i] = world->candidates[j];
		world->candidates[j] = swap;
	}
}

/* What the caller chose, as ReadChoice makes it: named ones apply, and are not too many. */
static void
MakeChoice(World *world)
{
	for (int kind = 0; kind < KIND_COUNT; kind++)
	{
		Choice	   *choice = &world->choice[kind];
		int			most = kind == KIND_VOUCHER ? world->policy.vouchers : 1;

		choice->mode = world->modes[kind] == MODE_NONE ? CHOICE_NONE : CHOICE_AUTO;
		/* by id, so that it does not depend on how the candidates stand */
		for (int id = 1; id <= world->ncandidates; id++)
		{
			Candidate  *candidate = world->candidates;

			while (candidate->instrumentId != id)
				candidate++;
			if (candidate->terms->kind != kind)
				continue;
			if (kind == KIND_PROMO_CODE)
			{
				choice->mode = CHOICE_NONE;
				if (candidate->reason == REASON_APPLIES && choice->named == NULL)
					choice->named = candidate;
				if (choice->named != NULL)
					choice->mode = CHOICE_NAMED;
			}
			else if (world->modes[kind] == MODE_BARRED)
				candidate->barred = world->wanted[id];
			else if (world->modes[kind] == MODE_NAMED && world->wanted[id] &&
					 candidate->reason == REASON_APPLIES && choice->nnamed < most)
			{
				candidate->named = true;
				choice->mode = CHOICE_NAMED;
				choice->named = candidate;
				choice->nnamed++;
			}
		}
	}
}

/* What an instrument found when it was judged by itself. */
static void
CheckJudged(const World *world, const Candidate *candidate)
{
	const Terms *terms = candidate->terms;
	int64		unit = AmountQuantum(world->order.digits);
	int128		base = 0;

	CHECK(candidate->reason >= REASON_APPLIES && candidate->reason <= REASON_LIMIT_REACHED);
	if (candidate->reason != REASON_APPLIES)
		return;
	for (int i = 0; i < world->order.nlines; i++)
	{
		const PlanLine *line = &world->lines[i];

		if (!candidate->eligible[i])
			continue;
		base += Max(line->amount, 0);
		CHECK(line->at >= candidate->effective && line->at < candidate->expiry);
		CHECK(ScopeJudge(terms->scope, line->product, line->productLen, line->orderType,
						 line->orderTypeLen, line->universal) == SCOPE_COVERS);
	}
	CHECK(!candidate->cancelled && !candidate->frozen && candidate->used < candidate->maxUses);
	CHECK(candidate->base == base && ReachesThreshold(terms, base));
	CHECK(candidate->pays >= 0 && candidate->pays <= base && candidate->pays % unit == 0);
	CHECK(candidate->pays <= terms->maximum);
}

/* What a line is left at by the parts before one. */
static Amount
LeftOfLine(const World *world, const PaymentPlan *plan, int before, int line, bool reductionsOnly)
{
	Amount		left = world->lines[line].amount;

	for (int i = 0; i < before; i++)
	{
		if (!reductionsOnly || plan->parts[i].candidate->terms->reduces)
			left -= plan->parts[i].shares[line];
	}
	return left;
}

/* One instrument's part: within all that bounds it, and its shares within the lines. */
static void
CheckPart(const World *world, const PaymentPlan *plan, int n)
{
	const PlanPart *part = &plan->parts[n];
	const Candidate *candidate = &world->judged[part->candidate->instrumentId];
	const Terms *terms = candidate->terms;
	int64		unit = AmountQuantum(world->order.digits);
	int128		sum = 0;
	int128		base = 0;

	CHECK(candidate->reason == REASON_APPLIES && !part->candidate->barred);
	CHECK(part->amount > 0 && part->amount % unit == 0);
	CHECK(part->amount <= terms->maximum);
	for (int i = 0; i < world->order.nlines; i++)
	{
		Amount		left = LeftOfLine(world, plan, n, i, false);

		CHECK(part->shares[i] >= 0 && part->shares[i] <= Max(left, 0));
		if (!candidate->eligible[i])
			CHECK(part->shares[i] == 0);
		else
			base += Max(LeftOfLine(world, plan, n, i, true), 0);
		sum += part->shares[i];
	}
	CHECK(sum == part->amount);
	CHECK(ReachesThreshold(terms, terms->thresholdAfter ? (Amount) base : candidate->base));
	if (terms->hasRate)
		CHECK((int128) part->amount * AMOUNT_ONE <=
			  (int128) candidate->base * terms->rate + (int128) unit * AMOUNT_ONE);
	else
		CHECK(part->amount <= candidate->balance - candidate->held);
	for (int i = 0; i < n; i++)
	{
		const Terms *other = plan->parts[i].candidate->terms;

		CHECK(plan->parts[i].candidate != part->candidate);
		CHECK((terms->excludes & KIND_BIT(other->kind)) == 0);
		CHECK((other->excludes & KIND_BIT(terms->kind)) == 0);
		CHECK(other->reduces || !terms->reduces);	/* what reduces comes first */
	}
}

/* No limit is passed by all parts together. */
static void
CheckLimits(const World *world, const PaymentPlan *plan)
{
	for (int i = 0; i < MAX_LIMITS; i++)
	{
		const LimitUsage *usage = &world->usage[i];
		const UsageLimit *limit = usage->limit;
		int			uses = 0;
		int128		amount = 0;

		for (int j = 0; j < plan->nparts; j++)
		{
			const Candidate *candidate = plan->parts[j].candidate;

			for (int k = 0; k < candidate->nlimits; k++)
			{
				if (candidate->limits[k] != usage)
					continue;
				uses++;
				amount += limit->countsIssues ? candidate->faceValue : plan->parts[j].amount;
			}
		}
		if (uses == 0)
			continue;
		CHECK(usage->used + uses <= limit->maxCount);
		if (limit->maxAmount < AMOUNT_MAX)
			CHECK(usage->amount + amount <= limit->maxAmount);
	}
}

/* The settlement as a whole. */
static void
CheckPlan(const World *world, const PaymentPlan *plan)
{
	int64		unit = AmountQuantum(world->order.digits);
	int128		gross = 0;
	int128		discount = 0;
	int128		voucher = 0;
	int			counts[KIND_COUNT] = {0};

	for (int i = 0; i < world->order.nlines; i++)
		gross += world->lines[i].amount;
	CHECK(plan->gross == gross && gross >= 0);
	CHECK(gross == (int128) plan->discount + plan->rounding + plan->voucher + plan->cash);
	CHECK(plan->discount >= 0 && plan->voucher >= 0);
	CHECK(plan->cash >= 0 && plan->cash % unit == 0);
	CHECK(plan->rounding >= 0 && plan->rounding < unit);
	CHECK(plan->cash <= plan->gross - plan->gross % unit);
	for (int i = 0; i < plan->nparts; i++)
	{
		const Terms *terms = plan->parts[i].candidate->terms;

		CheckPart(world, plan, i);
		counts[terms->kind]++;
		if (terms->reduces)
			discount += plan->parts[i].amount;
		else
			voucher += plan->parts[i].amount;
	}
	CHECK(plan->discount == discount && plan->voucher == voucher);
	CHECK(counts[KIND_COUPON] <= 1 && counts[KIND_PROMO_CODE] <= 1);
	CHECK(counts[KIND_VOUCHER] <= world->policy.vouchers);
	for (int i = 0; i < KIND_COUNT; i++)
	{
		if (world->choice[i].mode == CHOICE_NONE)
			CHECK(counts[i] == 0);
	}
	CheckLimits(world, plan);
}

/* Are two settlements the same to the last share? */
static void
CheckSame(const World *world, const PaymentPlan *a, const PaymentPlan *b)
{
	CHECK(a->gross == b->gross && a->discount == b->discount && a->rounding == b->rounding);
	CHECK(a->voucher == b->voucher && a->cash == b->cash && a->exact == b->exact);
	CHECK(a->nparts == b->nparts);
	for (int i = 0; i < a->nparts; i++)
	{
		CHECK(a->parts[i].candidate->instrumentId == b->parts[i].candidate->instrumentId);
		CHECK(a->parts[i].amount == b->parts[i].amount);
		CHECK(memcmp(a->parts[i].shares, b->parts[i].shares,
					 world->order.nlines * sizeof(Amount)) == 0);
	}
}

/* Judges and plans; NULL where the order is refused. */
static PaymentPlan *
PlanWorld(World *world)
{
	PaymentPlan *plan = palloc0(sizeof(PaymentPlan));
	Candidate  *refused;

	JudgeCandidates(&world->order, world->ncandidates, world->candidates);
	for (int i = 0; i < world->ncandidates; i++)
	{
		CheckJudged(world, &world->candidates[i]);
		world->judged[world->candidates[i].instrumentId] = world->candidates[i];
	}
	MakeChoice(world);
	refused = MakePlan(&world->order, world->ncandidates, world->candidates, world->choice,
					   &world->policy, plan);
	if (refused == NULL)
		return plan;
	CHECK(refused->reason != REASON_APPLIES);
	CHECK(refused->named || refused->terms->kind == KIND_PROMO_CODE);
	return NULL;
}

/* Plans, with new memory full of a byte; true unless it raised an error that an order may meet. */
static bool
TryPlan(World *world, unsigned char fill, PaymentPlan **plan)
{
	fillByte = fill;
	*plan = NULL;
	if (SUCCEEDS(*plan = PlanWorld(world)))
		return true;
	CHECK(raisedState == ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE ||
		  raisedState == ERRCODE_INVALID_PARAMETER_VALUE);
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	Bytes		bytes = {data, data + size};
	World	   *first = BuildWorld(bytes);
	World	   *second = BuildWorld(bytes);
	PaymentPlan *plan;
	PaymentPlan *again;
	bool		planned = TryPlan(first, 0x7F, &plan);

	if (plan != NULL)
		CheckPlan(first, plan);
	/* once more as it was, and once with the instruments the other way round */
	if (TakeOneIn(&bytes, 2))
		Reverse(second);
	CHECK(TryPlan(second, 0xA5, &again) == planned);
	CHECK((plan == NULL) == (again == NULL));
	if (plan != NULL)
		CheckSame(first, plan, again);
	FreeAll();
	return 0;
}
