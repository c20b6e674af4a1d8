/*
 * scope.c
 *		Fuzzes the type scope: its grammar, its stored form, and what it covers,
 *		against a reading of its text term by term.
 *
 * A line feed separates up to three scopes; the last line is an item, too.
 */
#include "shim.h"

#include "scope.h"

#define F(name) extern Datum name(PG_FUNCTION_ARGS);
F(scope_in) F(scope_out) F(scope_recv) F(scope_send) F(scope_cmp) F(scope_lt) F(scope_le)
F(scope_eq) F(scope_ne) F(scope_ge) F(scope_gt) F(scope_hash) F(scope_hash_extended)
F(scope_contains_item) F(item_in_scope) F(scope_covers) F(scope_products) F(scope_order_types)

static const Family family = {scope_cmp, scope_lt, scope_le, scope_eq, scope_ne, scope_ge,
	scope_gt, scope_hash, scope_hash_extended};

/* May reading a scope or an item fail so? */
static bool
IsRefusal(int state)
{
	return state == ERRCODE_INVALID_TEXT_REPRESENTATION || state == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
}

/* Is every byte the same? */
static bool
Same(const Scope *a, const Scope *b)
{
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

/* The bytes of the stored form stand as scope.h says. */
static void
CheckStored(const Scope *scope)
{
	int			n = scope->nincludes + scope->nexcludes;
	int			length = ScopeTextLen(scope);
	const char *text = ScopeText(scope);

	CHECK(scope->reserved == 0 && scope->nincludes > 0 && n <= SCOPE_MAX_TERMS);
	for (int i = 0; i < n; i++)
	{
		const ScopeTerm *term = &scope->terms[i];
		const ScopeTerm *before = i == 0 || i == scope->nincludes ? NULL : term - 1;
		int			offset = 0;
		const char *type;
		int			typeLen;
		const char *lastType = NULL;
		int			lastLen = 0;

		CHECK(term->reserved == 0 && term->pathLen > 0 && term->pathLen <= SCOPE_MAX_PATH);
		CHECK(term->path + term->pathLen + (term->typesLen > 0 ? 1 + term->typesLen : 0) <= length);
		CHECK((text[term->path] == '*' && term->pathLen == 1) ||
			  ScopeValidPath(text + term->path, term->pathLen));
		if (i >= scope->nincludes)
			CHECK(text[term->path - 1] == '!');
		if (before != NULL)
			CHECK(ScopeCompareBytes(text + before->path, before->pathLen,
									text + term->path, term->pathLen) < 0);
		while (ScopeNextType(scope, term, &offset, &type, &typeLen))
		{
			CHECK(typeLen > 0 && typeLen <= SCOPE_MAX_TYPE);
			if (lastType != NULL)
				CHECK(ScopeCompareBytes(lastType, lastLen, type, typeLen) < 0);
			lastType = type;
			lastLen = typeLen;
		}
		CHECK(lastType != NULL);
	}
}

/* A scope that was accepted comes back from text and bytes. */
static void
CheckScope(Scope *scope)
{
	char	   *text = DatumGetCString(CALL1(scope_out, PointerGetDatum(scope)));
	bytea	   *sent = DatumGetByteaP(CALL1(scope_send, PointerGetDatum(scope)));
	Scope	   *again;

	CheckStored(scope);
	CHECK(strlen(text) == ScopeTextLen(scope));
	CHECK(VARSIZE(sent) == VARHDRSZ + strlen(text) && memcmp(VARDATA(sent), text, strlen(text)) == 0);
	CHECK(SUCCEEDS(again = DatumGetScopeP(CALL1(scope_in, CStringGetDatum(text)))));
	CHECK(Same(scope, again));
	CHECK(SUCCEEDS(again = DatumGetScopeP(CALL1(scope_recv, PointerGetDatum(Message(VARDATA(sent),
																					strlen(text)))))));
	CHECK(Same(scope, again));
	CALL1(scope_products, PointerGetDatum(scope));
	CALL1(scope_order_types, PointerGetDatum(scope));
}

/* Does one term of the canonical text, [start, end), hold the item? */
static bool
TermHas(const char *start, const char *end, const ScopeItem *item, bool universal, bool *product)
{
	const char *colon = memchr(start, ':', end - start);
	int			pathLen = (colon != NULL ? colon : end) - start;

	if (*start == '*')
		*product = universal;
	else
		*product = pathLen <= item->productLen && memcmp(start, item->product, pathLen) == 0 &&
			(pathLen == item->productLen || item->product[pathLen] == '.');
	if (colon == NULL)
		return *product;
	for (const char *type = colon + 1; type <= end;)
	{
		const char *bar = memchr(type, '|', end - type);
		int			length = (bar != NULL ? bar : end) - type;

		if (length == item->typeLen && memcmp(type, item->type, length) == 0)
			return *product;
		type += length + 1;
	}
	return false;
}

/* Does the text cover the item?  An exclude wins; the first "!" begins them. */
static ScopeVerdict
JudgeText(const char *text, int length, const ScopeItem *item, bool universal)
{
	bool		anyProduct = false;
	bool		included = false;
	bool		excluded = false;

	for (const char *start = text; start < text + length;)
	{
		const char *comma = memchr(start, ',', text + length - start);
		const char *end = comma != NULL ? comma : text + length;
		bool		product;

		if (*start == '!')
			excluded |= TermHas(start + 1, end, item, true, &product);
		else
		{
			included |= TermHas(start, end, item, universal, &product);
			anyProduct |= product;
		}
		start = end + 2;
	}
	return !anyProduct ? SCOPE_PRODUCT_NOT_COVERED : excluded ? SCOPE_EXCLUDED :
		included ? SCOPE_COVERS : SCOPE_ORDER_TYPE_NOT_COVERED;
}

/* The scope's verdict on an item is what its text says. */
static void
CheckVerdict(const Scope *scope, const ScopeItem *item)
{
	for (int universal = 0; universal < 2; universal++)
		CHECK(ScopeJudge(scope, item->product, item->productLen, item->type, item->typeLen,
						 universal) ==
			  JudgeText(ScopeText(scope), ScopeTextLen(scope), item, universal));
}

/* Items that a scope itself names, what is below them and beside them. */
static void
CheckOwnItems(const Scope *scope, const Scope *other)
{
	int			n = Min(other->nincludes + other->nexcludes, 20);

	for (int i = 0; i < n; i++)
	{
		const ScopeTerm *term = &other->terms[i];
		ScopeItem	item;
		int			offset = 0;
		const char *type;
		int			typeLen;

		if (ScopeText(other)[term->path] == '*')
			continue;
		while (offset < 200 && ScopeNextType(other, term, &offset, &type, &typeLen))
		{
			item.typeLen = *type == '*' ? 1 : typeLen;
			memcpy(item.type, *type == '*' ? "x" : type, item.typeLen);
			item.productLen = term->pathLen;
			memcpy(item.product, ScopeText(other) + term->path, term->pathLen);
			CheckVerdict(scope, &item);
			if (term->pathLen + 2 > SCOPE_MAX_PATH)
				continue;
			memcpy(item.product + term->pathLen, ".a", 2);
			item.productLen += 2;
			CheckVerdict(scope, &item);
			item.product[term->pathLen] = 'b';
			CheckVerdict(scope, &item);
		}
	}
}

/* Text as SQL hands it over. */
static Datum
TextDatum(const char *s, int len)
{
	text	   *result = palloc(len + VARHDRSZ);

	SET_VARSIZE(result, len + VARHDRSZ);
	memcpy(VARDATA(result), s, len);
	return PointerGetDatum(result);
}

/* An item in any spelling: read or refused; the three ways to ask agree. */
static void
CheckItem(const Scope *scope, const uint8 *line, size_t length)
{
	char	   *input = CString(line, length);
	Datum		text = TextDatum(input, length);
	ScopeItem	item;
	Datum		covers = 0;
	Datum		again = 0;

	if (!SUCCEEDS(ScopeParseItem(input, length, &item)))
	{
		CHECK(IsRefusal(raisedState));
		CHECK(!SUCCEEDS(covers = CALL2(scope_contains_item, PointerGetDatum(scope), text)));
		return;
	}
	CHECK(item.productLen > 0 && item.productLen <= SCOPE_MAX_PATH);
	CHECK(item.typeLen > 0 && item.typeLen <= SCOPE_MAX_TYPE);
	CHECK(ScopeValidPath(item.product, item.productLen));
	CheckVerdict(scope, &item);
	CHECK(SUCCEEDS(covers = CALL2(scope_contains_item, PointerGetDatum(scope), text)));
	CHECK(SUCCEEDS(again = CALL2(item_in_scope, text, PointerGetDatum(scope))));
	CHECK(covers == again);
	CHECK(SUCCEEDS(again = CALL3(scope_covers, PointerGetDatum(scope),
								 TextDatum(item.product, item.productLen),
								 TextDatum(item.type, item.typeLen))));
	CHECK(covers == again);
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	const uint8 *line = data;
	size_t		length = size;
	Scope	   *scopes[3];
	int			n = 0;

	for (const uint8 *rest = data; n < 3 && rest != NULL;)
	{
		const uint8 *feed = memchr(rest, '\n', data + size - rest);
		Scope	   *sent = NULL;
		bool		accepted;

		line = rest;
		length = (feed != NULL ? feed : data + size) - line;
		rest = feed != NULL ? feed + 1 : NULL;
		accepted = SUCCEEDS(scopes[n] = DatumGetScopeP(CALL1(scope_in,
															 CStringGetDatum(CString(line, length)))));
		if (!accepted)
			CHECK(IsRefusal(raisedState));
		if (memchr(line, '\0', length) == NULL)
		{
			if (SUCCEEDS(sent = DatumGetScopeP(CALL1(scope_recv, PointerGetDatum(Message(line, length))))))
				CHECK(accepted && Same(sent, scopes[n]));
			else
				CHECK(!accepted && (IsRefusal(raisedState) ||
									raisedState == ERRCODE_CHARACTER_NOT_IN_REPERTOIRE));
		}
		if (accepted)
			CheckScope(scopes[n++]);
	}
	for (int i = 0; i < n; i++)
	{
		CheckItem(scopes[i], line, length);
		for (int j = 0; j < n; j++)
			CheckOwnItems(scopes[i], scopes[j]);
	}
	if (n > 0)
		CheckOrder(&family, PointerGetDatum(scopes[0]), PointerGetDatum(scopes[n / 2]),
				   PointerGetDatum(scopes[n - 1]));
	FreeAll();
	return 0;
}
