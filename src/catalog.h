/*
 * catalog.h
 *		Products, order types, currencies, templates and policies, kept in memory.
 *
 * What the functions return lives at least until the transaction ends.
 */
#ifndef VOUCHER_CATALOG_H
#define VOUCHER_CATALOG_H

#include "utils/rangetypes.h"

#include "compat.h"
#include "plan.h"

/* A template: the plan's terms, and what issuing needs. */
typedef struct Template
{
	Terms		terms;
	const char *campaign;		/* NULL = none */
	const char *promoCode;		/* NULL unless kind is promo_code */
	Amount		faceValue;		/* 0 where a rate decides */
	int32		uses;			/* PG_INT32_MAX = unlimited */
	int32		perAccount;		/* PG_INT32_MAX = unlimited */
	RangeType  *valid;
	Interval   *validFor;		/* NULL = absolute validity only */
	bool		fromIssue;		/* validFor counts from the code's issue */
	const char *timeZone;
	bool		transferable;
	bool		shareable;
} Template;

/* A product of the catalogue, or the one that a line's product lies below. */
typedef struct Product
{
	const char *registered;
	bool		universal;
} Product;

extern void CatalogBegin(void);
extern bool CatalogKnowsNoLimits(void);
extern bool CatalogHasLimits(void);
extern bool CatalogHasShareable(void);
extern const Template *CatalogTemplate(int64 templateId);
extern const Template *CatalogTemplateByName(const char *name);
extern const Template *CatalogTemplateByPromoCode(const char *promoCode);
extern const Product *CatalogProduct(const char *product);
extern void CatalogCheckOrderType(const char *orderType);
extern const Policy *CatalogPolicy(const char *name);
extern const Policy *CatalogDefaultPolicy(const char *paymentType);
extern int	CatalogDigits(const char *currency);
pg_noreturn extern void RefuseExisting(const char *what, const char *name, const char *differs);
extern void CheckPositive(Amount amount, const char *what);
extern void CheckMinorUnit(Amount amount, const char *currency, const char *what);
extern char *NormalizePromoCode(const char *promoCode);
extern char *ReadPromoCode(const char *typed);
extern int64 IntervalSpan(const Interval *interval);

#endif							/* VOUCHER_CATALOG_H */
