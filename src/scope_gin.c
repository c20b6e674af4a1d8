/*
 * scope_gin.c
 *		GIN support of voucher.scope: which scopes cover an item.
 *
 * A scope's keys are "product:type" of its include terms, with the type "*"
 * for every order type.  A scope includes the item "ecs.g7:purchase" exactly
 * when it has one of the keys ecs.g7:purchase, ecs.g7:*, ecs:purchase, ecs:*,
 * *:purchase and *:*.  Excludes are no keys, so that a match is rechecked.
 */
#include "postgres.h"

#include "access/gin.h"

#include "scope.h"

/* Makes the key "path:type" in the current memory context. */
static Datum
MakeKey(const char *path, int pathLen, const char *type, int typeLen)
{
	Size		size = VARHDRSZ + pathLen + 1 + typeLen;
	text	   *key = palloc(size);
	char	   *data = VARDATA(key);

	SET_VARSIZE(key, size);
	memcpy(data, path, pathLen);
	data[pathLen] = ':';
	memcpy(data + pathLen + 1, type, typeLen);
	return PointerGetDatum(key);
}

/* The keys of a stored scope. */
PG_FUNCTION_INFO_V1(scope_gin_extract_value);
Datum
scope_gin_extract_value(PG_FUNCTION_ARGS)
{
	Scope	   *scope = PG_GETARG_SCOPE_P(0);
	int32	   *nkeys = (int32 *) PG_GETARG_POINTER(1);
	Datum	   *keys = palloc(SCOPE_MAX_TYPES * sizeof(Datum));
	int			n = 0;

	for (int i = 0; i < scope->nincludes; i++)
	{
		const ScopeTerm *term = &scope->terms[i];
		int			offset = 0;
		const char *type;
		int			len;

		while (ScopeNextType(scope, term, &offset, &type, &len))
			keys[n++] = MakeKey(ScopeText(scope) + term->path, term->pathLen,
								type, len);
	}
	*nkeys = n;
	PG_FREE_IF_COPY(scope, 0);
	PG_RETURN_POINTER(keys);
}

/* The keys of the scopes that include an item: any one of them suffices. */
PG_FUNCTION_INFO_V1(scope_gin_extract_query);
Datum
scope_gin_extract_query(PG_FUNCTION_ARGS)
{
	text	   *input = PG_GETARG_TEXT_PP(0);
	int32	   *nkeys = (int32 *) PG_GETARG_POINTER(1);
	ScopeItem	item;
	Datum	   *keys;
	int			n = 0;

	ScopeParseItem(VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input), &item);

	/* Two keys for "*", and two for each label, which has a byte or more. */
	keys = palloc(2 * (item.productLen + 1) * sizeof(Datum));
	keys[n++] = MakeKey("*", 1, "*", 1);
	keys[n++] = MakeKey("*", 1, item.type, item.typeLen);
	for (int end = 1; end <= item.productLen; end++)
	{
		if (end < item.productLen && item.product[end] != '.')
			continue;
		keys[n++] = MakeKey(item.product, end, "*", 1);
		keys[n++] = MakeKey(item.product, end, item.type, item.typeLen);
	}
	*nkeys = n;
	PG_FREE_IF_COPY(input, 0);
	PG_RETURN_POINTER(keys);
}

/* Called when a key matches: the scope includes the item, unless excluded. */
PG_FUNCTION_INFO_V1(scope_gin_consistent);
Datum
scope_gin_consistent(PG_FUNCTION_ARGS)
{
	bool	   *check = (bool *) PG_GETARG_POINTER(0);
	int32		nkeys = PG_GETARG_INT32(3);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(5);

	*recheck = true;
	for (int i = 0; i < nkeys; i++)
	{
		if (check[i])
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
}

/* The same where some keys are not looked up yet. */
PG_FUNCTION_INFO_V1(scope_gin_triconsistent);
Datum
scope_gin_triconsistent(PG_FUNCTION_ARGS)
{
	GinTernaryValue *check = (GinTernaryValue *) PG_GETARG_POINTER(0);
	int32		nkeys = PG_GETARG_INT32(3);

	for (int i = 0; i < nkeys; i++)
	{
		if (check[i] != GIN_FALSE)
			PG_RETURN_GIN_TERNARY_VALUE(GIN_MAYBE);
	}
	PG_RETURN_GIN_TERNARY_VALUE(GIN_FALSE);
}
