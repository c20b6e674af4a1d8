/*
 * code.h
 *		voucher.code: the secret number that a customer types in to activate a
 *		voucher.
 *
 * A code is 16 to 31 symbols of Crockford's base 32 alphabet (no I, L, O, U).
 * The last symbol checks the others: with the symbols read as elements s_i of
 * GF(32), i counted from 0 at the END, and α a generator of its multiplicative
 * group, Σ α^i · s_i = 0.  α has order 31, so the weights of up to 31 symbols
 * are distinct and not zero; hence every single wrong symbol and every swap of
 * two different symbols is caught.  Weights counted from the end make the rule
 * the same for every length, so fixed symbols in front of the random ones, a
 * prefix, need no other format.  Zeros put in front do not change the sum: like
 * any code nobody issued, such a code is well-formed and its digest is unknown.
 *
 * A code keeps symbols, not how a pattern spells them: it cannot be seen from
 * what was typed where a prefix ends, and equal codes are equal bytes.  I and L
 * are read as 1, O as 0, U as V, so any word of letters and digits is a prefix.
 * The spelling is text and belongs to the pattern (mint.c).
 *
 * A code is a secret: no error message of this module repeats its symbols, and
 * tables keep its digest only.  What the server itself logs of statements and
 * of lines that COPY could not read is the administrator's to set.
 */
#ifndef VOUCHER_CODE_H
#define VOUCHER_CODE_H

#include "common/sha2.h"
#include "fmgr.h"

#include "compat.h"

#define CODE_MIN_LENGTH		16
#define CODE_MAX_LENGTH		31
#define CODE_DIGEST_LENGTH	PG_SHA256_DIGEST_LENGTH

typedef struct Code
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	uint8		reserved;		/* always zero */
	uint8		symbols[FLEXIBLE_ARRAY_MEMBER]; /* 0..31 each, first typed first */
} Code;

#define CODE_SIZE(length)		(offsetof(Code, symbols) + (length))
#define CODE_LENGTH(code)		((int) (VARSIZE(code) - offsetof(Code, symbols)))
#define DatumGetCodeP(x)		((Code *) PG_DETOAST_DATUM(x))
#define PG_GETARG_CODE_P(n)		DatumGetCodeP(PG_GETARG_DATUM(n))
#define PG_RETURN_CODE_P(x)		PG_RETURN_POINTER(x)

/*
 * What codes of a kind look like: which of their symbols are given and which
 * are random.  The last one is always the check symbol.
 */
typedef struct CodePattern
{
	int			length;			/* symbols, with the check symbol */
	int			drawn;			/* random ones among them */
	int8		fixed[CODE_MAX_LENGTH]; /* the symbol; CODE_DRAWN where it is random */
} CodePattern;

#define CODE_DRAWN			(-1)
#define CODE_SYMBOL_BITS	5

/* What CodeReadSymbol() returns besides 0..31 */
#define SYMBOL_IGNORED		(-1)
#define SYMBOL_INVALID		(-2)

extern const CodePattern DefaultCodePattern;

extern int	CodeReadSymbol(const char **text);
extern char CodeSymbolLetter(int symbol);
extern Code *CodeDraw(const CodePattern *pattern);
extern Datum CodeDigestDatum(const Code *code);
extern void CodeDigest(const Code *code, uint8 digest[CODE_DIGEST_LENGTH]);

#endif							/* VOUCHER_CODE_H */
