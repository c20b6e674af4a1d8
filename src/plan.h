/*
 * plan.h
 *		The plan: who pays how much of which line of an order, and why not.
 *
 * Everything here is a plain struct and a pure function of it: no table, no
 * clock, no setting.  match, quote and settle all call it, so what was quoted
 * is what is settled.  Amounts are units of 1e-8 (amount.h).
 */
#ifndef VOUCHER_PLAN_H
#define VOUCHER_PLAN_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "amount.h"
#include "errors.h"
#include "scope.h"

/*
 * What an instrument is.  The order is the order of deduction among those of
 * one effect: list price, then what reduces it, then what pays as tender, then
 * cash.  The effect is the template's: by default a voucher pays, and a coupon
 * and a promo code reduce.
 */
typedef enum InstrumentKind
{
	KIND_COUPON,
	KIND_PROMO_CODE,
	KIND_VOUCHER
} InstrumentKind;

#define KIND_COUNT 3
#define KIND_BIT(kind) (1 << (kind))

typedef enum PaymentType
{
	PAYMENT_SUBSCRIPTION,
	PAYMENT_PAY_AS_YOU_GO,
	PAYMENT_ANY					/* in terms only: no restriction */
} PaymentType;

/* An instrument's state at an instant: derived, never stored. */
typedef enum InstrumentStatus
{
	STATUS_PENDING,
	STATUS_AVAILABLE,
	STATUS_FROZEN,
	STATUS_EXHAUSTED,
	STATUS_EXPIRED,
	STATUS_CANCELLED
} InstrumentStatus;

#define STATUS_COUNT 6

/*
 * Why an instrument does not apply: symbol, code that users see, SQLSTATE and
 * message when the caller named the instrument.  Judged in JudgeCandidate and
 * nowhere else.  From PRODUCT to DURATION, a later one came nearer.
 */
#define REASONS(R) \
	R(APPLIES, "applies", 0, "%s applies") \
	R(CANCELLED, "cancelled", ERRCODE_VC_CANCELLED, "%s is cancelled") \
	R(EXHAUSTED, "exhausted", ERRCODE_VC_EXHAUSTED, "%s is used up") \
	R(EXPIRED, "expired", ERRCODE_VC_EXPIRED, "%s has expired") \
	R(FROZEN, "frozen", ERRCODE_VC_FROZEN, "%s is frozen") \
	R(PENDING, "not_yet_effective", ERRCODE_VC_NOT_YET_EFFECTIVE, "%s is not yet effective") \
	R(HELD, "held", ERRCODE_VC_HELD, "%s is held by another order") \
	R(CURRENCY, "currency", ERRCODE_VC_CURRENCY, "%s is in another currency") \
	R(NOT_INVITED, "not_invited", ERRCODE_VC_NOT_INVITED, "%s is only for invited accounts") \
	R(PAYMENT_TYPE, "payment_type", ERRCODE_VC_PAYMENT_TYPE, \
	  "%s does not cover the payment type") \
	R(PRODUCT, "product_not_in_scope", ERRCODE_VC_PRODUCT_NOT_IN_SCOPE, \
	  "%s does not cover the product") \
	R(ORDER_TYPE, "order_type_not_in_scope", ERRCODE_VC_ORDER_TYPE_NOT_IN_SCOPE, \
	  "%s does not cover the order type") \
	R(REGION, "region", ERRCODE_VC_REGION, "%s does not cover the region") \
	R(TAGS, "tags", ERRCODE_VC_TAGS, "%s does not cover the resource's tags") \
	R(NOT_FIRST_PURCHASE, "not_first_purchase", ERRCODE_VC_NOT_FIRST_PURCHASE, \
	  "%s is only for the first purchase of a product") \
	R(DURATION, "duration", ERRCODE_VC_DURATION, "%s does not cover the duration") \
	R(THRESHOLD, "below_threshold", ERRCODE_VC_BELOW_THRESHOLD, \
	  "%s needs a larger order") \
	R(EXCLUDED, "excluded", ERRCODE_VC_NOT_COMBINABLE, \
	  "%s does not combine with what else is named") \
	R(LIMIT_REACHED, "limit_reached", ERRCODE_VC_LIMIT_REACHED, "%s has reached a limit")

typedef enum Reason
{
#define R(symbol, code, sqlstate, message) REASON_##symbol,
	REASONS(R)
#undef R
} Reason;

#define REASON_BIT(reason) (UINT64CONST(1) << (reason))

/* How often, or how much of, a template or all of a campaign may be used or issued. */
typedef struct UsageLimit
{
	int64		limitId;
	const char *owner;			/* the template or campaign, as messages name it */
	bool		countsIssues;	/* else orders served */
	bool		perAccount;		/* else over all accounts */
	const char *period;			/* day, week or month; NULL: for all time */
	const char *timeZone;		/* of the period */
	int64		maxCount;		/* PG_INT64_MAX = none */
	Amount		maxAmount;		/* AMOUNT_MAX = none, and amounts are not counted */
	const char *currency;		/* of maxAmount; NULL without it */
} UsageLimit;

/* What is used of a limit in a period, and what the plan adds. */
typedef struct LimitUsage
{
	const UsageLimit *limit;
	TimestampTz from;			/* the period is [from, until) */
	TimestampTz until;
	int64		used;
	Amount		amount;
	int64		plannedUses;	/* by the parts that stand before in the plan */
	Amount		plannedAmount;
} LimitUsage;

/* The rules of a template, as the catalog keeps them.  Frozen once written. */
typedef struct Terms
{
	int64		templateId;
	const char *name;
	InstrumentKind kind;
	const char *currency;
	bool		hasRate;		/* rate, else a face value */
	int64		rate;			/* share of the base that is taken off, in 1e-8 */
	Amount		maximum;		/* most that one use takes off; AMOUNT_MAX = none */
	Amount		threshold;		/* least sum of the eligible lines */
	const Scope *scope;
	PaymentType paymentType;
	bool		firstPurchase;	/* a purchase line must be the product's first */
	int64		minDuration;	/* bounds of a line's duration, microseconds */
	int64		maxDuration;	/* PG_INT64_MAX = none */
	bool		invitedOnly;
	int			nregions;		/* 0 = any region */
	const char **regions;
	const Jsonb *tags;			/* that a line must have; NULL = none */
	bool		reduces;		/* lowers the price; else pays as tender, after rounding */
	bool		thresholdAfter; /* it looks at what earlier reductions leave */
	bool		thresholdStrict;	/* more than the threshold, not as much */
	int32		priority;		/* lower first, where a policy asks */
	int			excludes;		/* KIND_BITs that it does not combine with */
	int			nproducts;		/* that its scope names; PG_INT32_MAX = universal */
	int			nlimits;
	const UsageLimit *limits;	/* its own and its campaign's, by id */
} Terms;

/* A line of an order, with what is known of its product. */
typedef struct PlanLine
{
	int32		lineNo;
	const char *product;
	int			productLen;
	const char *orderType;
	int			orderTypeLen;
	Amount		amount;			/* list price; <= 0 only of a pay-as-you-go bill */
	int64		duration;		/* microseconds, -1 = none given */
	bool		hasAt;			/* it has a time of its own */
	TimestampTz at;				/* of consumption, else the order's */
	const char *region;			/* NULL = none given */
	const Jsonb *tags;			/* an object; NULL = none given */
	const char *registered;		/* the product of the catalogue it belongs to */
	bool		universal;		/* may a universal scope cover it */
	bool		purchase;		/* order type is "purchase" */
	bool		purchasedBefore;	/* by this account: the registered product */
	bool		purchaseHeld;	/* another order holds its first purchase */
} PlanLine;

typedef struct PlanOrder
{
	TimestampTz at;				/* the order's own time */
	const char *currency;
	PaymentType paymentType;
	int			digits;			/* of the currency's minor unit */
	int			nlines;
	PlanLine   *lines;
} PlanOrder;

/* An instrument of the account, and what JudgeCandidate found. */
typedef struct Candidate
{
	int64		instrumentId;	/* 0: a promo code not yet used by the account */
	const Terms *terms;
	Amount		faceValue;		/* 0 where a rate decides */
	Amount		balance;
	int32		used;
	int32		maxUses;		/* PG_INT32_MAX = unlimited */
	int32		version;
	Amount		held;			/* of the balance and uses, by other orders */
	int32		heldUses;
	TimestampTz heldUntil;		/* the first time-out of these; if heldUses */
	bool		frozen;
	bool		cancelled;		/* revoked or transferred away */
	bool		invited;		/* to the template's campaign; read if invitedOnly */
	bool		named;			/* by the caller: must be used */
	bool		barred;			/* by the caller: must not */
	TimestampTz effective;		/* half-open: [effective, expiry) */
	TimestampTz expiry;
	TimestampTz issuedAt;
	const char *ownerAccountId; /* of a share: whose voucher it draws on; NULL: no share */
	int64		ownerInstrumentId;
	const struct Candidate *owner;	/* of a share in force: that voucher */
	int32		ownUsed;		/* of a share in force: orders that it has itself served */
	uint64		waived;			/* REASON_BITs that are not asked */
	int			nlimits;
	LimitUsage **limits;		/* shared by the candidates that they limit */
	/* judged: */
	Reason		reason;
	Amount		base;			/* list price of the eligible lines */
	Amount		pays;			/* what it would pay or take off alone */
	bool	   *eligible;		/* per line */
	/* while plans are tried: */
	int			place;			/* among the vouchers that reduce */
	const struct Candidate *rival;	/* what it does not combine with, if EXCLUDED */
} Candidate;

typedef enum ChoiceMode
{
	CHOICE_AUTO,
	CHOICE_NONE,
	CHOICE_NAMED
} ChoiceMode;

/* Of several vouchers that are named, each is marked. */
typedef struct Choice
{
	ChoiceMode	mode;
	int			nnamed;
	Candidate  *named;			/* the last of them; all must apply */
} Choice;

/*
 * What vouchers are sorted by, and charges that a voucher pays: symbol, and
 * the name in voucher.policy.
 */
#define SORT_KEYS(K) \
	K(DEDUCTIBLE_DESC, "deductible_desc") \
	K(BALANCE_DESC, "balance_desc") \
	K(BALANCE_ASC, "balance_asc") \
	K(EXPIRY_ASC, "expiry_asc") \
	K(ISSUED_ASC, "issued_asc") \
	K(START_ASC, "start_asc") \
	K(PRIORITY_ASC, "priority_asc") \
	K(RESTRICTED_FIRST, "restricted_first") \
	K(SINGLE_PRODUCT_FIRST, "single_product_first") \
	K(FEWEST_PRODUCTS, "fewest_products")

typedef enum SortKey
{
#define K(symbol, name) SORT_##symbol,
	SORT_KEYS(K)
#undef K
	SORT_KEY_COUNT
} SortKey;

typedef enum ChargeKey
{
	CHARGE_AMOUNT_DESC,
	CHARGE_AMOUNT_ASC,
	CHARGE_LINE_ASC,
	CHARGE_KEY_COUNT
} ChargeKey;

/*
 * A deduction policy: how many vouchers an order takes, and which first.  The
 * first key that differs decides; every policy ends in the instrument's id, so
 * that a result can be reproduced.
 */
typedef struct Policy
{
	const char *name;
	int32		vouchers;		/* per order; PG_INT32_MAX = many */
	int			nkeys;
	SortKey		keys[SORT_KEY_COUNT];
	int			ncharges;		/* 0: a voucher's part is split in proportion */
	ChargeKey	charges[CHARGE_KEY_COUNT];	/* else it pays line after line */
} Policy;

/* Past so many combinations a plan is the best of these, and says so. */
#define MAX_COMBINATIONS 10000

/* One instrument's part in a settlement. */
typedef struct PlanPart
{
	Candidate  *candidate;
	Amount		amount;
	Amount	   *shares;			/* per line, sum = amount */
} PlanPart;

/*
 * The settlement: gross = discount + rounding + voucher + cash.  Cash is a
 * whole number of minor units, and so is every part; what is below one is in
 * rounding (down, once, on what is due).
 */
typedef struct PaymentPlan
{
	Amount		gross;
	Amount		discount;
	Amount		rounding;
	Amount		voucher;
	Amount		cash;
	Amount		outstanding;	/* of what is left to cash, what the balance does not cover */
	int			nparts;
	PlanPart   *parts;
	bool		exact;			/* all combinations have been tried */
	const Policy *policy;
} PaymentPlan;

extern const char *KindName(InstrumentKind kind);
extern const char *StatusName(InstrumentStatus status);
extern const char *ReasonCode(Reason reason);
extern int	ReasonSqlState(Reason reason);
extern const char *ReasonMessage(Reason reason);

extern InstrumentStatus StatusAt(bool cancelled, bool frozen, bool hasFaceValue,
								 Amount balance, int32 used, int32 maxUses, TimestampTz effective,
								 TimestampTz expiry, TimestampTz at);
extern Reason JudgeLine(const PlanLine *line, const Terms *terms, uint64 waived);
extern void JudgeCandidate(const PlanOrder *order, Candidate *candidate);
extern void JudgeCandidates(const PlanOrder *order, int ncandidates, Candidate *candidates);
extern Amount AvailableOf(const Candidate *candidate);
extern bool ReachesThreshold(const Terms *terms, Amount base);
extern Amount DiscountOf(const Candidate *candidate, Amount base, int digits);
extern Amount TenderOf(const Candidate *candidate, Amount base, Amount due, int digits);

/* policy.c */
extern bool SortKeyFromName(const char *name, SortKey *key);
extern bool ChargeKeyFromName(const char *name, ChargeKey *key);
extern int	CompareCandidates(const Candidate *a, const Candidate *b, const Policy *policy);
extern int	ComparePlaces(const void *a, const void *b, void *policy);
extern void PayInOrder(Amount total, const Policy *policy, const PlanOrder *order,
					   const Amount *left, Amount *shares);

/* combine.c */
extern Candidate *MakePlan(const PlanOrder *order, int ncandidates, Candidate *candidates,
						   const Choice choice[KIND_COUNT], const Policy *policy,
						   PaymentPlan *plan);

/* plan_limit.c */
extern void ForgetPlanned(const Candidate *candidate);
extern Amount LimitsLeave(const Candidate *candidate);
extern bool SharesLimits(const Candidate *candidate);
extern const LimitUsage *TightestLimit(const Candidate *candidate);
extern TimestampTz LimitsEnd(const Candidate *candidate, Amount least);
extern void TakeOfLimits(const Candidate *candidate, Amount amount);

/* allocate.c */
extern void Allocate(Amount total, int n, const Amount *weights, Amount minorUnit,
					 Amount *shares);

#endif							/* VOUCHER_PLAN_H */
