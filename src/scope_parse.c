/*
 * scope_parse.c
 *		The text of the type voucher.scope, and its stored form.
 *
 * A scope is a set of (product, order type) pairs: what its terms include
 * less what its terms exclude.
 *
 *		scope	:= term { ',' term }
 *		term	:= [ '!' ] product [ ':' types ]
 *		product	:= '*' | path
 *		path	:= label { '.' label }
 *		types	:= '*' | type { '|' type }
 *		label	:= [A-Za-z0-9_-]+
 *		type	:= [A-Za-z0-9_]+
 *
 * '!' excludes, and an exclude wins over every include.  The product '*' is
 * every product; a path is itself and everything below it, so that "ecs" has
 * "ecs.g7.large" and not "ecsx".  Without types a term has every order type.
 * At least one term includes.  Case is folded; white space between tokens is
 * ignored, and a path is one token.
 *
 * The canonical text has the includes first and then the excludes, each
 * sorted bytewise by product; a product that is written twice is one term
 * with the order types of both; the types are sorted and distinct, ":*" is
 * left out, and ", " separates the terms.  Two scopes are equal when their
 * canonical texts are.  That is not the same as covering the same items:
 * "ecs, ecs.g7" has a term more than "ecs".
 *
 * An item, what a scope covers or does not, is written path ':' type.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "compat.h"
#include "scope.h"

/* A text under the parser; pos is the next byte to read. */
typedef struct ScopeParser
{
	const char *what;			/* names the grammar in errors */
	const char *input;
	int			len;
	int			pos;
	struct Node *escontext;		/* soft errors go there, NULL: throw */
} ScopeParser;

/* One product of one term with one of its order types. */
typedef struct ScopePair
{
	bool		exclude;
	int			pathLen;
	int			typeLen;		/* 0: every order type */
	const char *path;
	const char *type;
} ScopePair;

/* The pairs of a scope under construction. */
typedef struct ScopePairs
{
	int			n;
	int			allocated;
	ScopePair  *pair;
} ScopePairs;

/* Is this a character of an order type? */
static inline bool
IsTypeChar(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '_';
}

/*
 * Returns the length of the order type that s begins with, 0 if there is none.
 */
static int
ScanType(const char *s, int len)
{
	int			i = 0;

	while (i < len && IsTypeChar(s[i]))
		i++;
	return i;
}

/*
 * Returns the length of the path that s begins with.  Where a label is
 * missing, *complete is false and the result is the place it is missing at.
 */
static int
ScanPath(const char *s, int len, bool *complete)
{
	int			i = 0;

	for (;;)
	{
		int			start = i;

		while (i < len && (IsTypeChar(s[i]) || s[i] == '-'))
			i++;
		*complete = (i > start);
		if (!*complete || i == len || s[i] != '.')
			return i;
		i++;
	}
}

/* Is nothing in the string upper case? */
static bool
IsFolded(const char *s, int len)
{
	for (int i = 0; i < len; i++)
	{
		if (s[i] >= 'A' && s[i] <= 'Z')
			return false;
	}
	return true;
}

/* Is the string a product path as scopes store it? */
bool
ScopeValidPath(const char *s, int len)
{
	bool		complete;

	return len <= SCOPE_MAX_PATH &&
		ScanPath(s, len, &complete) == len && complete && IsFolded(s, len);
}

/*
 * The byte offset as the position that users count: characters, from 1.  All
 * before it is read, and therefore ASCII.
 */
static int
Position(int offset)
{
	return offset + 1;
}

/* Reports that something else was expected at the byte offset. */
static bool
FailSyntax(const ScopeParser *p, int offset, const char *expected)
{
	ereturn(p->escontext, false,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for %s: \"%.*s\"",
					p->what, p->len, p->input),
			 errdetail("Expected %s at position %d.",
					   expected, Position(offset))));
}

/* Reports that the token at the parser's position has too many bytes. */
static bool
FailTooLong(const ScopeParser *p, const char *token, int len, int max)
{
	ereturn(p->escontext, false,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("%s is too long", token),
			 errdetail("The %s at position %d has %d bytes, and at most %d are allowed.",
					   token, Position(p->pos), len, max)));
}

/* Reports that the scope has too many of something, the last at the offset. */
static bool
FailTooMany(const ScopeParser *p, int offset, const char *things, int max)
{
	ereturn(p->escontext, false,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("too many %s in a scope", things),
			 errdetail("At most %d %s are allowed, and position %d begins one more.",
					   max, things, Position(offset))));
}

/* Moves over white space; the set does not depend on the locale. */
static void
SkipSpace(ScopeParser *p)
{
	while (p->pos < p->len &&
		   (p->input[p->pos] == ' ' ||
			(p->input[p->pos] >= '\t' && p->input[p->pos] <= '\r')))
		p->pos++;
}

/* Moves over the character, and white space before it, if it comes next. */
static bool
Accept(ScopeParser *p, char c)
{
	SkipSpace(p);
	if (p->pos == p->len || p->input[p->pos] != c)
		return false;
	p->pos++;
	return true;
}

/* Reads a path; false is a soft error. */
static bool
ParsePath(ScopeParser *p, const char *expected, const char **path, int *len)
{
	bool		complete;

	SkipSpace(p);
	*path = p->input + p->pos;
	*len = ScanPath(*path, p->len - p->pos, &complete);
	if (!complete)
		return FailSyntax(p, p->pos + *len, *len == 0 ? expected : "a label");
	if (*len > SCOPE_MAX_PATH)
		return FailTooLong(p, "product path", *len, SCOPE_MAX_PATH);
	p->pos += *len;
	return true;
}

/* Reads an order type; false is a soft error. */
static bool
ParseType(ScopeParser *p, const char *expected, const char **type, int *len)
{
	SkipSpace(p);
	*type = p->input + p->pos;
	*len = ScanType(*type, p->len - p->pos);
	if (*len == 0)
		return FailSyntax(p, p->pos, expected);
	if (*len > SCOPE_MAX_TYPE)
		return FailTooLong(p, "order type", *len, SCOPE_MAX_TYPE);
	p->pos += *len;
	return true;
}

/* Reads the end of the text; false is a soft error. */
static bool
ParseEnd(ScopeParser *p, const char *expected)
{
	SkipSpace(p);
	if (p->pos < p->len)
		return FailSyntax(p, p->pos, expected);
	return true;
}

/* Adds a pair; false is a soft error. */
static bool
AddPair(const ScopeParser *p, ScopePairs *pairs, const ScopePair *pair)
{
	if (pairs->n == SCOPE_MAX_TYPES)
		return FailTooMany(p, (pair->type ? pair->type : pair->path) - p->input,
						   "order types", SCOPE_MAX_TYPES);
	if (pairs->n == pairs->allocated)
	{
		pairs->allocated *= 2;
		pairs->pair = repalloc(pairs->pair,
							   pairs->allocated * sizeof(ScopePair));
	}
	pairs->pair[pairs->n++] = *pair;
	return true;
}

/*
 * Reads a term; false is a soft error.  *follow is set to what may stand after
 * the term, for the message when something else does.
 */
static bool
ParseTerm(ScopeParser *p, ScopePairs *pairs, const char **follow)
{
	ScopePair	pair = {0};
	const char *expected = "an order type or \"*\"";

	pair.exclude = Accept(p, '!');
	if (Accept(p, '*'))
	{
		pair.path = "*";
		pair.pathLen = 1;
	}
	else if (!ParsePath(p, "a product or \"*\"", &pair.path, &pair.pathLen))
		return false;

	if (!Accept(p, ':'))
	{
		*follow = "\":\", \",\" or the end";
		return AddPair(p, pairs, &pair);
	}
	if (Accept(p, '*'))
	{
		*follow = "\",\" or the end";
		return AddPair(p, pairs, &pair);
	}
	*follow = "\"|\", \",\" or the end";
	do
	{
		if (!ParseType(p, expected, &pair.type, &pair.typeLen) ||
			!AddPair(p, pairs, &pair))
			return false;
		expected = "an order type";
	} while (Accept(p, '|'));
	return true;
}

/*
 * Reads a scope into pairs, as they are written: unsorted, in either case.
 * They point into the input.  False is a soft error.
 */
static bool
ParseScope(ScopeParser *p, ScopePairs *pairs)
{
	int			nterms = 0;
	const char *follow;

	do
	{
		SkipSpace(p);
		if (nterms++ == SCOPE_MAX_TERMS)
			return FailTooMany(p, p->pos, "terms", SCOPE_MAX_TERMS);
		if (!ParseTerm(p, pairs, &follow))
			return false;
	} while (Accept(p, ','));
	if (!ParseEnd(p, follow))
		return false;

	for (int i = 0; i < pairs->n; i++)
	{
		if (!pairs->pair[i].exclude)
			return true;
	}
	ereturn(p->escontext, false,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for %s: \"%.*s\"",
					p->what, p->len, p->input),
			 errdetail("Every term excludes, so that nothing is included."),
			 errhint("Begin with \"*\" to include every product.")));
}

/* Do both pairs stand in the same term of the canonical text? */
static bool
SameTerm(const ScopePair *a, const ScopePair *b)
{
	return a->exclude == b->exclude &&
		ScopeCompareBytes(a->path, a->pathLen, b->path, b->pathLen) == 0;
}

/* qsort: the order of the canonical text, "every order type" before types. */
static int
ComparePairs(const void *left, const void *right)
{
	const ScopePair *a = left;
	const ScopePair *b = right;
	int			cmp;

	if (a->exclude != b->exclude)
		return a->exclude ? 1 : -1;
	cmp = ScopeCompareBytes(a->path, a->pathLen, b->path, b->pathLen);
	if (cmp == 0)
		cmp = ScopeCompareBytes(a->type, a->typeLen, b->type, b->typeLen);
	return cmp;
}

/*
 * Makes the stored scope of folded pairs, which it sorts.  The result is
 * allocated in the current memory context, and every byte of it is set.
 */
static Scope *
BuildScope(ScopePairs *pairs)
{
	Scope	   *scope;
	ScopeTerm  *terms = palloc0(pairs->n * sizeof(ScopeTerm));
	int			nterms = 0;
	int			nincludes = 0;
	StringInfoData text;
	Size		header;

	initStringInfo(&text);
	qsort(pairs->pair, pairs->n, sizeof(ScopePair), ComparePairs);
	for (int i = 0; i < pairs->n;)
	{
		const ScopePair *first = &pairs->pair[i];
		ScopeTerm  *term = &terms[nterms++];
		int			typesStart;

		if (i > 0)
			appendStringInfoString(&text, ", ");
		if (first->exclude)
			appendStringInfoChar(&text, '!');
		else
			nincludes++;
		term->path = text.len;
		term->pathLen = first->pathLen;
		appendBinaryStringInfo(&text, first->path, first->pathLen);

		typesStart = text.len + 1;
		for (; i < pairs->n && SameTerm(first, &pairs->pair[i]); i++)
		{
			const ScopePair *pair = &pairs->pair[i];

			/* Every order type comes first and absorbs the rest. */
			if (first->typeLen == 0 ||
				(pair > first && ComparePairs(pair, pair - 1) == 0))
				continue;
			appendStringInfoChar(&text, pair == first ? ':' : '|');
			appendBinaryStringInfo(&text, pair->type, pair->typeLen);
		}
		if (text.len > typesStart)
			term->typesLen = text.len - typesStart;
	}

	header = offsetof(Scope, terms) + nterms * sizeof(ScopeTerm);
	scope = palloc0(header + text.len);
	SET_VARSIZE(scope, header + text.len);
	scope->nincludes = nincludes;
	scope->nexcludes = nterms - nincludes;
	memcpy(scope->terms, terms, nterms * sizeof(ScopeTerm));
	memcpy((char *) scope + header, text.data, text.len);

	pfree(terms);
	pfree(text.data);
	return scope;
}

/*
 * Makes a scope of its text, allocated in the current memory context.
 * Returns NULL after a soft error.
 */
Scope *
ScopeFromText(const char *input, int len, struct Node *escontext)
{
	ScopeParser p = {.what = "type voucher.scope", .len = len, .escontext = escontext};
	ScopePairs	pairs = {.allocated = 16};
	char	   *copy = pnstrdup(input, len);
	Scope	   *scope;

	p.input = copy;
	pairs.pair = palloc(pairs.allocated * sizeof(ScopePair));
	if (!ParseScope(&p, &pairs))
		return NULL;

	/* What the pairs point to is folded only now: messages quote the input. */
	for (int i = 0; i < len; i++)
		copy[i] = pg_ascii_tolower(copy[i]);
	scope = BuildScope(&pairs);

	pfree(pairs.pair);
	pfree(copy);
	return scope;
}

/* Copies a token in lower case. */
static void
CopyFolded(char *to, const char *from, int len)
{
	for (int i = 0; i < len; i++)
		to[i] = pg_ascii_tolower(from[i]);
}

/* Reads the item's product. */
static void
ParseItemProduct(ScopeParser *p, ScopeItem *item)
{
	const char *token;

	ParsePath(p, "a product", &token, &item->productLen);
	CopyFolded(item->product, token, item->productLen);
}

/* Reads the item's order type, and then the end. */
static void
ParseItemType(ScopeParser *p, ScopeItem *item)
{
	const char *token;

	ParseType(p, "an order type", &token, &item->typeLen);
	CopyFolded(item->type, token, item->typeLen);
	ParseEnd(p, "the end");
}

/* Reads path ':' type into the item, or throws.  Allocates nothing. */
void
ScopeParseItem(const char *input, int len, ScopeItem *item)
{
	ScopeParser p = {.what = "scope item", .input = input, .len = len};

	ParseItemProduct(&p, item);
	if (!Accept(&p, ':'))
		FailSyntax(&p, p.pos, "\":\"");
	ParseItemType(&p, item);
}

/* Reads the item's product only, or throws.  Allocates nothing. */
void
ScopeParseProduct(const char *input, int len, ScopeItem *item)
{
	ScopeParser p = {.what = "product", .input = input, .len = len};

	ParseItemProduct(&p, item);
	ParseEnd(&p, "the end");
}

/* Reads the item's order type only, or throws.  Allocates nothing. */
void
ScopeParseType(const char *input, int len, ScopeItem *item)
{
	ScopeParser p = {.what = "order type", .input = input, .len = len};

	ParseItemType(&p, item);
}
