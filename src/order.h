/*
 * order.h
 *		An order as match, quote and settle take it, and what is known about it.
 */
#ifndef VOUCHER_ORDER_H
#define VOUCHER_ORDER_H

#include "fmgr.h"
#include "utils/array.h"

#include "catalog.h"
#include "compat.h"
#include "ledger.h"
#include "limit.h"
#include "plan.h"
#include "rows.h"

/* What the caller asked for, checked. */
typedef struct OrderRequest
{
	const char *accountId;
	const char *orderId;		/* NULL in match and quote */
	const char *paymentType;
	const char *currency;		/* NULL: the account's only one */
	const char *voucher;		/* auto, none, ids, or not and ids; NULL in match */
	const char *coupon;
	const char *promoCode;		/* normalised; NULL: none */
	const char *policy;			/* NULL: the payment type's default */
	const char *actor;			/* who acts; NULL: not said */
	bool		arrears;		/* what the cash does not cover stays outstanding */
	const char *rerates;		/* the order that this one supplements; NULL: none */
	bool		promoFound;		/* when the order was reserved, or by a plan before this one */
	TimestampTz at;
	int			nlines;
	PlanLine   *lines;
	Datum	   *durations;		/* per line; only if hasDuration */
	bool	   *hasDuration;
} OrderRequest;

/* The request and the account's facts: the plan's input. */
typedef struct OrderFacts
{
	PlanOrder	order;
	Account		account;
	const Policy *policy;
	bool		settled;		/* the order is settled already */
	int32		ownHold;		/* the version of its own unresolved hold, 0: none */
	int			ncandidates;
	Candidate  *candidates;
	Candidate  *promo;			/* the candidate of the promo code; NULL: none given */
	LimitSet	limits;			/* of all candidates */
	OwnerSet	owners;			/* of the shares that apply, once they are judged */
} OrderFacts;

/* lines.c: arguments product … currency, which match, quote and settle have in this order. */
#define ORDER_ARGUMENTS 7
extern void ReadOrderArguments(FunctionCallInfo fcinfo, int first, OrderRequest *request);
extern void ReadLines(OrderRequest *request, ArrayType *array);
extern PaymentType PaymentTypeFromName(const char *name);
extern void ReadStoredRequest(const char *accountId, const Row *row, OrderRequest *request);
extern void AllocateLines(OrderRequest *request, int nlines);
extern void SetDuration(OrderRequest *request, int i, Datum duration);
extern void SetTags(PlanLine *line, Jsonb *tags);
extern void AddOrderLine(OrderRequest *request, int i, int32 lineNo, char *product,
						 char *orderType, Amount amount);

/* order.c */
extern void LookUpLines(OrderRequest *request);
extern void LoadOrder(OrderRequest *request, StoreMode mode, OrderFacts *facts);
extern void NewPromoCandidate(const Template *template, TimestampTz at, Candidate *candidate);
extern void ReadCandidate(const Row *row, Candidate *candidate);
extern Datum MakeTimeRange(TimestampTz from, TimestampTz to);
extern void ReadValidity(RangeType *validity, Candidate *candidate);
extern Choice ReadChoice(const char *choice, InstrumentKind kind, OrderFacts *facts);

/* explain.c */
extern char *Subject(const Candidate *candidate);
extern char *Nearest(const Candidate *candidate, const PlanOrder *order);
extern char *ReasonDetail(const Candidate *candidate, const PlanOrder *order);
pg_noreturn extern void Refuse(const Candidate *candidate, const PlanOrder *order);

#endif							/* VOUCHER_ORDER_H */
