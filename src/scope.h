/*
 * scope.h
 *		The type voucher.scope: what a voucher may pay for.
 */
#ifndef VOUCHER_SCOPE_H
#define VOUCHER_SCOPE_H

#include "fmgr.h"

#include "compat.h"

#define SCOPE_MAX_PATH		255	/* bytes in a product's path */
#define SCOPE_MAX_TYPE		63	/* bytes in an order type */
#define SCOPE_MAX_TERMS		1000	/* terms, as written */
#define SCOPE_MAX_TYPES		10000	/* order types in all terms, as written */

/*
 * One term of a stored scope.  Its product is a piece of the scope's text, and
 * its order types, if it has any, follow the product after the ':'.
 */
typedef struct ScopeTerm
{
	uint32		path;			/* offset of the product in the text */
	uint32		typesLen;		/* bytes of "type|type", 0: every order type */
	uint16		pathLen;		/* bytes of the product */
	uint16		reserved;		/* always zero */
} ScopeTerm;

/*
 * A scope as it is stored: term headers, then the canonical text they point
 * into.  The includes come first, and within the includes and within the
 * excludes the products are distinct and sorted bytewise.  Equal scopes are
 * equal in every byte.
 */
typedef struct Scope
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	uint32		reserved;		/* always zero */
	uint16		nincludes;
	uint16		nexcludes;
	ScopeTerm	terms[FLEXIBLE_ARRAY_MEMBER];
} Scope;

#define DatumGetScopeP(d)		((Scope *) PG_DETOAST_DATUM(d))
#define PG_GETARG_SCOPE_P(n)	DatumGetScopeP(PG_GETARG_DATUM(n))

/* Why a scope covers an item or does not; ScopeJudge says which comes first. */
typedef enum ScopeVerdict
{
	SCOPE_COVERS,
	SCOPE_PRODUCT_NOT_COVERED,
	SCOPE_ORDER_TYPE_NOT_COVERED,
	SCOPE_EXCLUDED
} ScopeVerdict;

/* A product and an order type, as the right side of @> names them. */
typedef struct ScopeItem
{
	int			productLen;
	int			typeLen;
	char		product[SCOPE_MAX_PATH];
	char		type[SCOPE_MAX_TYPE];
} ScopeItem;

extern ScopeVerdict ScopeJudge(const Scope *scope,
							   const char *product, int productLen,
							   const char *orderType, int orderTypeLen,
							   bool universal);
extern bool ScopeValidPath(const char *s, int len);
extern Scope *ScopeFromText(const char *input, int len, struct Node *escontext);
extern void ScopeParseItem(const char *input, int len, ScopeItem *item);
extern void ScopeParseProduct(const char *input, int len, ScopeItem *item);
extern void ScopeParseType(const char *input, int len, ScopeItem *item);
extern bool ScopeNextType(const Scope *scope, const ScopeTerm *term,
						  int *offset, const char **type, int *len);

/* Orders two strings bytewise, a prefix before what it begins. */
static inline int
ScopeCompareBytes(const char *a, int alen, const char *b, int blen)
{
	int			len = Min(alen, blen);
	/* a term without order types has none to point to */
	int			cmp = len > 0 ? memcmp(a, b, len) : 0;

	if (cmp != 0)
		return cmp;
	return (alen > blen) - (alen < blen);
}

/* The canonical text, which is not null-terminated. */
static inline const char *
ScopeText(const Scope *scope)
{
	return (const char *) &scope->terms[scope->nincludes + scope->nexcludes];
}

/* Bytes of the canonical text. */
static inline int
ScopeTextLen(const Scope *scope)
{
	return VARSIZE(scope) - (ScopeText(scope) - (const char *) scope);
}

#endif							/* VOUCHER_SCOPE_H */
