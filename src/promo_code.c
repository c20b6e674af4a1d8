/*
 * promo_code.c
 *		A promo code as it is kept and compared.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "catalog.h"

PG_FUNCTION_INFO_V1(normalize_promo_code);

/*
 * A promo code as it is kept and compared: case and separators do not matter.
 * Letters outside ASCII stay as they are.
 */
char *
NormalizePromoCode(const char *promoCode)
{
	char	   *normal = palloc(strlen(promoCode) + 1);
	char	   *to = normal;

	for (const char *from = promoCode; *from != '\0'; from++)
	{
		if (strchr(" \t\r\n-_.", *from) == NULL)
			*to++ = pg_ascii_toupper((unsigned char) *from);
	}
	*to = '\0';
	return normal;
}

/*
 * A promo code as it is compared, NULL if none was typed.  Error 22023 if it
 * was typed and nothing is left of it.
 */
char *
ReadPromoCode(const char *typed)
{
	char	   *promoCode = typed == NULL ? NULL : NormalizePromoCode(typed);

	if (promoCode != NULL && *promoCode == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be empty", "promo_code")));
	return promoCode;
}

/* normalize_promo_code(text) returns text */
Datum
normalize_promo_code(PG_FUNCTION_ARGS)
{
	char	   *promoCode = text_to_cstring(PG_GETARG_TEXT_PP(0));

	PG_RETURN_TEXT_P(cstring_to_text(NormalizePromoCode(promoCode)));
}
