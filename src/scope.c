/*
 * scope.c
 *		The type voucher.scope: what a voucher may pay for.
 *
 * Here is what a scope decides, and its functions in SQL; scope_parse.c has
 * the grammar, scope_gin.c the index support.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "compat.h"
#include "scope.h"

/*
 * Steps through the order types of a term; *offset is 0 at first.  A term with
 * every order type has the one type "*".
 */
bool
ScopeNextType(const Scope *scope, const ScopeTerm *term,
			  int *offset, const char **type, int *len)
{
	const char *types;
	int			end;

	if (term->typesLen == 0)
	{
		*type = "*";
		*len = 1;
		return (*offset)++ == 0;
	}
	if (*offset >= term->typesLen)
		return false;
	types = ScopeText(scope) + term->path + term->pathLen + 1;
	for (end = *offset; end < term->typesLen && types[end] != '|'; end++)
		;
	*type = types + *offset;
	*len = end - *offset;
	*offset = end + 1;
	return true;
}

/* Does s begin with the prefix?  Prefixes are too short for a call of memcmp. */
static inline bool
BeginsWith(const char *s, const char *prefix, int len)
{
	for (int i = 0; i < len; i++)
	{
		if (s[i] != prefix[i])
			return false;
	}
	return true;
}

/* Does the term include or exclude every product? */
static inline bool
IsEveryProduct(const char *text, const ScopeTerm *term)
{
	return text[term->path] == '*';
}

/* Is the product the term's path or something below it? */
static inline bool
IsBelowPath(const char *text, const ScopeTerm *term,
			const char *product, int len)
{
	return (term->pathLen == len ||
			(term->pathLen < len && product[term->pathLen] == '.')) &&
		BeginsWith(product, text + term->path, term->pathLen);
}

/* Does the term have the order type? */
static inline bool
HasOrderType(const char *text, const ScopeTerm *term, const char *type, int len)
{
	const char *at = text + term->path + term->pathLen + 1;
	const char *end = at + term->typesLen;

	if (term->typesLen == 0)
		return true;
	for (; at < end; at++)
	{
		if ((end - at == len || (end - at > len && at[len] == '|')) &&
			BeginsWith(at, type, len))
			return true;
		while (at < end && *at != '|')
			at++;
	}
	return false;
}

/*
 * Says whether the scope covers a product and an order type, both as scopes
 * store them.  universal is false for a product outside universal vouchers:
 * including "*" does not cover it, an explicit path does, and excluding "*"
 * still excludes it.
 *
 * A product that is not covered comes first, since nothing else about the item
 * matters then; after that an exclude, which no other order type may lift.
 *
 * Looks at every term: scopes are short, and one look costs less than the first
 * step of a search.  Allocates nothing.
 */
ScopeVerdict
ScopeJudge(const Scope *scope, const char *product, int productLen,
		   const char *orderType, int orderTypeLen, bool universal)
{
	const char *text = ScopeText(scope);
	const ScopeTerm *term = scope->terms;
	const ScopeTerm *excludes = term + scope->nincludes;
	const ScopeTerm *end = excludes + scope->nexcludes;
	bool		productCovered = false;
	bool		typeCovered = false;

	for (; term < excludes && !typeCovered; term++)
	{
		if (IsEveryProduct(text, term) ? universal :
			IsBelowPath(text, term, product, productLen))
		{
			productCovered = true;
			typeCovered = HasOrderType(text, term, orderType, orderTypeLen);
		}
	}
	if (!productCovered)
		return SCOPE_PRODUCT_NOT_COVERED;

	for (term = excludes; term < end; term++)
	{
		if ((IsEveryProduct(text, term) ||
			 IsBelowPath(text, term, product, productLen)) &&
			HasOrderType(text, term, orderType, orderTypeLen))
			return SCOPE_EXCLUDED;
	}
	return typeCovered ? SCOPE_COVERS : SCOPE_ORDER_TYPE_NOT_COVERED;
}

/* Text input. */
PG_FUNCTION_INFO_V1(scope_in);
Datum
scope_in(PG_FUNCTION_ARGS)
{
	char	   *input = PG_GETARG_CSTRING(0);
	Scope	   *scope = ScopeFromText(input, strlen(input), SOFT_ERROR_CONTEXT(fcinfo));

	if (scope == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(scope);
}

/* Text output: the canonical text. */
PG_FUNCTION_INFO_V1(scope_out);
Datum
scope_out(PG_FUNCTION_ARGS)
{
	Scope	   *scope = PG_GETARG_SCOPE_P(0);

	PG_RETURN_CSTRING(pnstrdup(ScopeText(scope), ScopeTextLen(scope)));
}

/* Binary input: text again, held to the same grammar as text input. */
PG_FUNCTION_INFO_V1(scope_recv);
Datum
scope_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			len;
	char	   *input = pq_getmsgtext(buf, buf->len - buf->cursor, &len);

	PG_RETURN_POINTER(ScopeFromText(input, len, NULL));
}

/* Binary output: the canonical text. */
PG_FUNCTION_INFO_V1(scope_send);
Datum
scope_send(PG_FUNCTION_ARGS)
{
	Scope	   *scope = PG_GETARG_SCOPE_P(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendtext(&buf, ScopeText(scope), ScopeTextLen(scope));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* Compares the two arguments of an operator by their canonical texts. */
static int
CompareArguments(FunctionCallInfo fcinfo)
{
	Scope	   *a = PG_GETARG_SCOPE_P(0);
	Scope	   *b = PG_GETARG_SCOPE_P(1);
	int			cmp = ScopeCompareBytes(ScopeText(a), ScopeTextLen(a),
										ScopeText(b), ScopeTextLen(b));

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return cmp;
}

/* Implements <. */
PG_FUNCTION_INFO_V1(scope_lt);
Datum
scope_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArguments(fcinfo) < 0);
}

/* Implements <=. */
PG_FUNCTION_INFO_V1(scope_le);
Datum
scope_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArguments(fcinfo) <= 0);
}

/* Implements =. */
PG_FUNCTION_INFO_V1(scope_eq);
Datum
scope_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArguments(fcinfo) == 0);
}

/* Implements <>. */
PG_FUNCTION_INFO_V1(scope_ne);
Datum
scope_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArguments(fcinfo) != 0);
}

/* Implements >=. */
PG_FUNCTION_INFO_V1(scope_ge);
Datum
scope_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArguments(fcinfo) >= 0);
}

/* Implements >. */
PG_FUNCTION_INFO_V1(scope_gt);
Datum
scope_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArguments(fcinfo) > 0);
}

/* The btree comparison. */
PG_FUNCTION_INFO_V1(scope_cmp);
Datum
scope_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(CompareArguments(fcinfo));
}

/* The hash of the canonical text. */
PG_FUNCTION_INFO_V1(scope_hash);
Datum
scope_hash(PG_FUNCTION_ARGS)
{
	Scope	   *scope = PG_GETARG_SCOPE_P(0);
	Datum		hash = hash_any((const unsigned char *) ScopeText(scope),
								ScopeTextLen(scope));

	PG_FREE_IF_COPY(scope, 0);
	return hash;
}

/* The seeded hash of the canonical text. */
PG_FUNCTION_INFO_V1(scope_hash_extended);
Datum
scope_hash_extended(PG_FUNCTION_ARGS)
{
	Scope	   *scope = PG_GETARG_SCOPE_P(0);
	Datum		hash = hash_any_extended((const unsigned char *) ScopeText(scope),
										 ScopeTextLen(scope), PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(scope, 0);
	return hash;
}

/* Does the scope cover the item, its product being a product like any other? */
static bool
Covers(const Scope *scope, const ScopeItem *item)
{
	return ScopeJudge(scope, item->product, item->productLen,
					  item->type, item->typeLen, true) == SCOPE_COVERS;
}

/* covers(scope, product, order_type) */
PG_FUNCTION_INFO_V1(scope_covers);
Datum
scope_covers(PG_FUNCTION_ARGS)
{
	Scope	   *scope = PG_GETARG_SCOPE_P(0);
	text	   *product = PG_GETARG_TEXT_PP(1);
	text	   *type = PG_GETARG_TEXT_PP(2);
	ScopeItem	item;

	ScopeParseProduct(VARDATA_ANY(product), VARSIZE_ANY_EXHDR(product), &item);
	ScopeParseType(VARDATA_ANY(type), VARSIZE_ANY_EXHDR(type), &item);
	PG_RETURN_BOOL(Covers(scope, &item));
}

/* Implements scope @> item. */
PG_FUNCTION_INFO_V1(scope_contains_item);
Datum
scope_contains_item(PG_FUNCTION_ARGS)
{
	Scope	   *scope = PG_GETARG_SCOPE_P(0);
	text	   *input = PG_GETARG_TEXT_PP(1);
	ScopeItem	item;
	bool		result;

	ScopeParseItem(VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input), &item);
	result = Covers(scope, &item);

	PG_FREE_IF_COPY(scope, 0);
	PG_FREE_IF_COPY(input, 1);
	PG_RETURN_BOOL(result);
}

/* Implements item <@ scope. */
PG_FUNCTION_INFO_V1(item_in_scope);
Datum
item_in_scope(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(DirectFunctionCall2(scope_contains_item,
										PG_GETARG_DATUM(1), PG_GETARG_DATUM(0)));
}

/* products(scope): the products of the include terms. */
PG_FUNCTION_INFO_V1(scope_products);
Datum
scope_products(PG_FUNCTION_ARGS)
{
	Scope	   *scope = PG_GETARG_SCOPE_P(0);
	const char *text = ScopeText(scope);
	Datum	   *elems = palloc(scope->nincludes * sizeof(Datum));

	for (int i = 0; i < scope->nincludes; i++)
	{
		const ScopeTerm *term = &scope->terms[i];

		elems[i] = PointerGetDatum(cstring_to_text_with_len(text + term->path,
															term->pathLen));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(elems, scope->nincludes, TEXTOID,
										  -1, false, TYPALIGN_INT));
}

/* qsort: orders text values bytewise. */
static int
CompareTexts(const void *left, const void *right)
{
	text	   *a = DatumGetTextPP(*(const Datum *) left);
	text	   *b = DatumGetTextPP(*(const Datum *) right);

	return ScopeCompareBytes(VARDATA_ANY(a), VARSIZE_ANY_EXHDR(a),
							 VARDATA_ANY(b), VARSIZE_ANY_EXHDR(b));
}

/* order_types(scope): the distinct order types of the include terms. */
PG_FUNCTION_INFO_V1(scope_order_types);
Datum
scope_order_types(PG_FUNCTION_ARGS)
{
	Scope	   *scope = PG_GETARG_SCOPE_P(0);
	Datum	   *elems = palloc(SCOPE_MAX_TYPES * sizeof(Datum));
	int			n = 0;
	int			distinct = 0;

	for (int i = 0; i < scope->nincludes; i++)
	{
		int			offset = 0;
		const char *type;
		int			len;

		while (ScopeNextType(scope, &scope->terms[i], &offset, &type, &len))
			elems[n++] = PointerGetDatum(cstring_to_text_with_len(type, len));
	}
	qsort(elems, n, sizeof(Datum), CompareTexts);
	for (int i = 0; i < n; i++)
	{
		if (i == 0 || CompareTexts(&elems[i], &elems[distinct - 1]) != 0)
			elems[distinct++] = elems[i];
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(elems, distinct, TEXTOID,
										  -1, false, TYPALIGN_INT));
}
