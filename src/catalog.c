/*
 * catalog.c
 *		The catalogue, kept in memory per session.
 *
 * Orders ask for the same few products and templates again and again; reading
 * them from tables would cost more than the plan itself.  A trigger on each of
 * the tables sends a relation cache message when a row changes, and every
 * session that receives one reads anew.  Rows are read as committed now, not
 * by the transaction's snapshot: what an old snapshot saw must not stay in
 * memory after that transaction.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "catalog.h"
#include "errors.h"
#include "rows.h"
#include "store.h"
#include "terms.h"

/* Longest name that is looked up; nothing longer can be in the catalogue. */
#define MAX_NAME 255

/* Read anew past this many names: products' paths come from callers. */
#define MAX_ENTRIES 20000

/* What a name names; the first character of a cache key. */
#define KEY_PRODUCT		'p'
#define KEY_ORDER_TYPE	'o'
#define KEY_CURRENCY	'c'
#define KEY_TEMPLATE	't'
#define KEY_PROMO_CODE	'w'
#define KEY_POLICY		'y'
#define KEY_DEFAULT		'd'

typedef struct NameEntry
{
	char		key[MAX_NAME + 2];
	void	   *value;
} NameEntry;

typedef struct TemplateEntry
{
	int64		templateId;
	Template   *template;
} TemplateEntry;

static MemoryContext catalogContext;
static HTAB *names;
static HTAB *templates;
static bool stale = true;

/* Are there limits, and templates that can be shared, at all? */
typedef enum Existence
{
	EXISTENCE_UNKNOWN,
	EXISTENCE_NONE,
	EXISTENCE_SOME
} Existence;

static Existence limits;
static Existence shareable;

static const char *const watchedTables[] = {
	"currency", "order_type", "product", "template", "usage_limit", "policy", "default_policy"
};
static Oid	watched[lengthof(watchedTables)];

/* A relation changed: is it one of ours? */
static void
RelationChanged(Datum arg, Oid relid)
{
	if (!OidIsValid(relid))
		stale = true;
	for (int i = 0; i < lengthof(watched); i++)
	{
		if (watched[i] == relid)
			stale = true;
	}
}

/*
 * Make ready for look-ups; call once per verb, between StoreBegin and the
 * first look-up.  What earlier look-ups of this transaction returned stays.
 */
void
CatalogBegin(void)
{
	static bool registered = false;
	HASHCTL		control = {0};

	if (!registered)
	{
		CacheRegisterRelcacheCallback(RelationChanged, (Datum) 0);
		registered = true;
	}
	/* a transaction that has all its locks already would not look by itself */
	AcceptInvalidationMessages();
	if (names != NULL && hash_get_num_entries(names) > MAX_ENTRIES)
		stale = true;
	if (!stale)
		return;

	/* an outer call of this transaction may still hold what it looked up */
	if (catalogContext != NULL)
		MemoryContextSetParent(catalogContext, TopTransactionContext);
	names = templates = NULL;
	catalogContext = AllocSetContextCreate(CacheMemoryContext, "voucher catalogue",
										   ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < lengthof(watched); i++)
		watched[i] = StoreRelation(watchedTables[i]);

	control.hcxt = catalogContext;
	control.keysize = sizeof(((NameEntry *) NULL)->key);
	control.entrysize = sizeof(NameEntry);
	names = hash_create("voucher names", 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	control.keysize = sizeof(int64);
	control.entrysize = sizeof(TemplateEntry);
	templates = hash_create("voucher templates", 64, &control,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	limits = shareable = EXISTENCE_UNKNOWN;
	stale = false;
}

/*
 * Is it known, without a look-up, that there are no limits?  May be asked at
 * any time, also with the store closed.
 */
bool
CatalogKnowsNoLimits(void)
{
	AcceptInvalidationMessages();
	return !stale && limits == EXISTENCE_NONE;
}

/* Is there what a statement looks for?  It is run once, until the catalogue changes. */
static bool
Exists(Existence *known, Statement statement)
{
	if (*known == EXISTENCE_UNKNOWN)
		*known = StoreRun(statement, STORE_LATEST, NULL, NULL) > 0 ?
			EXISTENCE_SOME : EXISTENCE_NONE;
	return *known == EXISTENCE_SOME;
}

/* Are there limits on any template or campaign? */
bool
CatalogHasLimits(void)
{
	return Exists(&limits, STMT_LIMIT_EXISTS);
}

/* Is there any template of which accounts may share what they hold? */
bool
CatalogHasShareable(void)
{
	return Exists(&shareable, STMT_SHAREABLE_EXISTS);
}

/* Compose the cache key of a name.  The caller has checked the name's length. */
static void
NameKey(char *key, char what, const char *name)
{
	key[0] = what;
	strlcpy(key + 1, name, MAX_NAME + 1);
}

/* What is kept under a name, or NULL. */
static void *
FindName(char what, const char *name)
{
	char		key[MAX_NAME + 2];
	NameEntry  *entry;

	if (strlen(name) > MAX_NAME)
		return NULL;
	NameKey(key, what, name);
	entry = hash_search(names, key, HASH_FIND, NULL);
	return entry == NULL ? NULL : entry->value;
}

/* Keep a value, which lives in catalogContext, under a name. */
static void
KeepName(char what, const char *name, void *value)
{
	char		key[MAX_NAME + 2];
	NameEntry  *entry;

	NameKey(key, what, name);
	entry = hash_search(names, key, HASH_ENTER, NULL);
	entry->value = value;
}

/* Run a look-up by one text key; false if it found nothing. */
static bool
LookUp(Statement statement, const char *name)
{
	Datum		value;

	if (strlen(name) > MAX_NAME)
		return false;
	value = CStringGetTextDatum(name);
	return StoreRun(statement, STORE_LATEST, &value, NULL) > 0;
}

/* Keep the template of the row that the last statement found. */
static Template *
KeepTemplate(void)
{
	Template   *template = BuildTemplate(catalogContext);
	TemplateEntry *entry = hash_search(templates, &template->terms.templateId, HASH_ENTER, NULL);

	entry->template = template;
	return template;
}

/* A template by its id, which came from a row that refers to it. */
const Template *
CatalogTemplate(int64 templateId)
{
	TemplateEntry *entry = hash_search(templates, &templateId, HASH_FIND, NULL);
	Datum		value = Int64GetDatum(templateId);

	if (entry != NULL)
		return entry->template;
	if (StoreRun(STMT_TEMPLATE_BY_ID, STORE_LATEST, &value, NULL) == 0)
		elog(ERROR, "template " INT64_FORMAT " does not exist", templateId);
	return KeepTemplate();
}

/* A template by its name; error VC005 if there is none. */
const Template *
CatalogTemplateByName(const char *name)
{
	Template   *template = FindName(KEY_TEMPLATE, name);

	if (template != NULL)
		return template;
	if (!LookUp(STMT_TEMPLATE_BY_NAME, name))
		ereport(ERROR,
				(errcode(ERRCODE_VC_UNKNOWN_TEMPLATE),
				 errmsg("template \"%s\" does not exist", name)));
	template = KeepTemplate();
	KeepName(KEY_TEMPLATE, name, template);
	return template;
}

/* The template of a normalised promo code, NULL if there is none. */
const Template *
CatalogTemplateByPromoCode(const char *promoCode)
{
	Template   *template = FindName(KEY_PROMO_CODE, promoCode);

	if (template != NULL)
		return template;
	if (!LookUp(STMT_TEMPLATE_BY_PROMO_CODE, promoCode))
		return NULL;
	template = KeepTemplate();
	KeepName(KEY_PROMO_CODE, promoCode, template);
	return template;
}

/* A deduction policy by its name; error VC011 if there is none. */
const Policy *
CatalogPolicy(const char *name)
{
	Policy	   *policy = FindName(KEY_POLICY, name);

	if (policy != NULL)
		return policy;
	if (!LookUp(STMT_POLICY, name))
		ereport(ERROR,
				(errcode(ERRCODE_VC_UNKNOWN_POLICY),
				 errmsg("deduction policy \"%s\" does not exist", name),
				 errhint("Policies are rows of voucher.policy.")));
	policy = BuildPolicy(catalogContext);
	KeepName(KEY_POLICY, name, policy);
	return policy;
}

/* The policy of orders of a payment type that name none. */
const Policy *
CatalogDefaultPolicy(const char *paymentType)
{
	Policy	   *policy = FindName(KEY_DEFAULT, paymentType);

	if (policy != NULL)
		return policy;
	if (!LookUp(STMT_DEFAULT_POLICY, paymentType))
		elog(ERROR, "the shipped deduction policy is missing");
	policy = BuildPolicy(catalogContext);
	KeepName(KEY_DEFAULT, paymentType, policy);
	return policy;
}

/* A path and all that it lies below, as a text[]. */
static Datum
PathPrefixes(const char *path)
{
	Datum		prefixes[(MAX_NAME + 1) / 2];
	int			n = 0;

	for (const char *end = path; n < lengthof(prefixes); end++)
	{
		if (*end != '.' && *end != '\0')
			continue;
		prefixes[n++] = PointerGetDatum(cstring_to_text_with_len(path, end - path));
		if (*end == '\0')
			break;
	}
	return TextArray(prefixes, n);
}

/*
 * The product of the catalogue that a path is or lies below: the lowest one.
 * It counts as universal if all that it lies below are.  Error VC002 if there
 * is none.
 */
const Product *
CatalogProduct(const char *path)
{
	Product    *product = FindName(KEY_PRODUCT, path);
	Datum		prefixes;

	if (product != NULL)
		return product;
	prefixes = PathPrefixes(path);
	if (StoreRun(STMT_PRODUCT, STORE_LATEST, &prefixes, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_UNKNOWN_PRODUCT),
				 errmsg("product \"%s\" does not exist", path),
				 errdetail("Neither it nor a product that it lies below is in the catalogue."),
				 errhint("Add it with voucher.register_product.")));
	product = MemoryContextAlloc(catalogContext, sizeof(Product));
	product->registered = MemoryContextStrdup(catalogContext, StoreText(0, 1));
	product->universal = StoreBool(0, 2);
	KeepName(KEY_PRODUCT, path, product);
	return product;
}

/* Error VC003 unless the order type exists. */
void
CatalogCheckOrderType(const char *orderType)
{
	static char known;

	if (FindName(KEY_ORDER_TYPE, orderType) != NULL)
		return;
	if (!LookUp(STMT_ORDER_TYPE, orderType))
		ereport(ERROR,
				(errcode(ERRCODE_VC_UNKNOWN_ORDER_TYPE),
				 errmsg("order type \"%s\" does not exist", orderType),
				 errhint("Order types are rows of voucher.order_type.")));
	KeepName(KEY_ORDER_TYPE, orderType, &known);
}

/* Decimals of a currency's minor unit; error VC004 if it does not exist. */
int
CatalogDigits(const char *currency)
{
	int		   *digits = FindName(KEY_CURRENCY, currency);

	if (digits != NULL)
		return *digits;
	if (!LookUp(STMT_CURRENCY, currency))
		ereport(ERROR,
				(errcode(ERRCODE_VC_UNKNOWN_CURRENCY),
				 errmsg("currency \"%s\" does not exist", currency),
				 errhint("Currencies are rows of voucher.currency.")));
	digits = MemoryContextAlloc(catalogContext, sizeof(int));
	*digits = StoreInt32(0, 1);
	KeepName(KEY_CURRENCY, currency, digits);
	return *digits;
}

/* Error for what exists with other contents than a call would create it with. */
void
RefuseExisting(const char *what, const char *name, const char *differs)
{
	ereport(ERROR,
			(errcode(ERRCODE_VC_REQUEST_DIFFERS),
			 errmsg("%s \"%s\" exists already", what, name),
			 errdetail("This call differs from it in \"%s\".", differs)));
}

/* Error unless an amount is positive. */
void
CheckPositive(Amount amount, const char *what)
{
	if (amount <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be greater than zero", what),
				 errdetail("It is %s.", AmountToString(amount))));
}

/*
 * Error unless an amount is positive and a whole number of the currency's minor
 * unit.  Not asked when a request is repeated: the unit may have become larger.
 */
void
CheckMinorUnit(Amount amount, const char *currency, const char *what)
{
	int			digits = CatalogDigits(currency);

	CheckPositive(amount, what);
	if (amount % AmountQuantum(digits) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a whole number of the currency's minor unit", what),
				 errdetail("It is %s %s; %s has %d decimals.", AmountToString(amount),
						   currency, currency, digits),
				 errhint("Round it first: voucher.round(amount, %d).", digits)));
}
