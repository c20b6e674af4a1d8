/*
 * store.c
 *		Runs the statements of statements.h with saved plans.
 *
 * Every name in those statements is schema-qualified, operators too: they mean
 * the same under any search_path.
 *
 * Plans live as long as the session.  PostgreSQL replans them by itself when a
 * table changes; when the extension is dropped and created again its types get
 * new OIDs, which are part of the plans' parameters, so all are made anew.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "store.h"

#define MAX_ARGS 40

typedef struct StatementText
{
	const char *name;
	const char *args;
	const char *sql;
} StatementText;

/* Shorthands of statements.h: operators that no search_path can replace. */
#define EQ " OPERATOR(pg_catalog.=) "
#define ADD " OPERATOR(pg_catalog.+) "
#define AMOUNT_EQ " OPERATOR(voucher.=) "
#define AMOUNT_ADD " OPERATOR(voucher.+) "
#define AMOUNT_SUB " OPERATOR(voucher.-) "
#define AMOUNT_NEG " OPERATOR(voucher.-) "
#define ZERO "'0'::voucher.amount"

static const StatementText statements[] = {
#define STATEMENT(name, args, sql) {#name, args, sql},
#include "statements.h"
#undef STATEMENT
};

static SPIPlanPtr plans[STMT_COUNT];

/* Has the plan been made for execution since it was prepared? */
static bool planned[STMT_COUNT];

static StoreTypes types;

/* The OID of a type of this extension, or InvalidOid. */
static Oid
TypeOid(const char *name)
{
	Oid			namespaceId = get_namespace_oid("voucher", true);

	if (!OidIsValid(namespaceId))
		return InvalidOid;
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
						   ObjectIdGetDatum(namespaceId));
}

/* Look up the types; forget all plans if they are no longer the ones of the plans. */
static void
CheckTypes(void)
{
	Oid			amount = TypeOid("amount");

	if (amount == types.amount && OidIsValid(amount))
		return;
	for (int i = 0; i < STMT_COUNT; i++)
	{
		if (plans[i] != NULL)
			SPI_freeplan(plans[i]);
		plans[i] = NULL;
		planned[i] = false;
	}
	types.amount = InvalidOid;
	types.amountArray = get_array_type(amount);
	types.scope = TypeOid("scope");
	types.line = TypeOid("line");
	types.part = TypeOid("part");
	types.lineArray = get_array_type(types.line);
	types.partArray = get_array_type(types.part);
	types.settlement = TypeOid("settlement");
	types.settlementArray = get_array_type(types.settlement);
	types.cashEntry = TypeOid("cash_entry");
	types.cashEntryArray = get_array_type(types.cashEntry);
	types.entry = TypeOid("entry");
	types.entryArray = get_array_type(types.entry);
	if (!OidIsValid(types.amountArray) || !OidIsValid(types.scope) || !OidIsValid(types.lineArray) ||
		!OidIsValid(types.partArray) || !OidIsValid(types.settlementArray) ||
		!OidIsValid(types.cashEntryArray) || !OidIsValid(types.entryArray))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"voucher\" is not installed in this database")));
	types.amount = amount;
}

/* The types of this extension; valid between StoreBegin and StoreEnd. */
const StoreTypes *
StoreGetTypes(void)
{
	return &types;
}

/* The OID of a table of this extension. */
Oid
StoreRelation(const char *name)
{
	return get_relname_relid(name, get_namespace_oid("voucher", false));
}

/* Open the store for one call; calls may nest, as triggers run inside statements. */
void
StoreBegin(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	CheckTypes();
}

/* Close the store: the rows of its statements and their memory are gone. */
void
StoreEnd(void)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}

/* The type that a letter of a statement's argument list stands for. */
static Oid
ArgType(char letter)
{
	switch (letter)
	{
		case 'a':
			return types.amount;
		case 'A':
			return types.amountArray;
		case 'b':
			return BOOLOID;
		case 'B':
			return BYTEAARRAYOID;
		case 'C':
			return types.cashEntryArray;
		case 'E':
			return types.entryArray;
		case 'i':
			return INT4OID;
		case 'I':
			return INT4ARRAYOID;
		case 'j':
			return JSONBOID;
		case 'K':
			return types.lineArray;
		case 'l':
			return INT8OID;
		case 'L':
			return INT8ARRAYOID;
		case 'n':
			return NUMERICOID;
		case 'P':
			return types.partArray;
		case 'r':
			return TSTZRANGEOID;
		case 's':
			return types.scope;
		case 'S':
			return types.settlementArray;
		case 't':
			return TEXTOID;
		case 'T':
			return TEXTARRAYOID;
		case 'v':
			return INTERVALOID;
		case 'V':
			return INTERVALARRAYOID;
		case 'y':
			return BYTEAOID;
		case 'z':
			return TIMESTAMPTZOID;
		case 'Z':
			return TIMESTAMPTZARRAYOID;
	}
	elog(ERROR, "unknown argument type \"%c\"", letter);
}

/* Plan a statement for the rest of the session. */
static SPIPlanPtr
Prepare(Statement statement)
{
	const StatementText *text = &statements[statement];
	int			nargs = strlen(text->args);
	Oid			argTypes[MAX_ARGS];
	SPIPlanPtr	plan;

	Assert(nargs <= MAX_ARGS);
	for (int i = 0; i < nargs; i++)
		argTypes[i] = ArgType(text->args[i]);
	/* no statement's best plan depends on its parameters' values */
	plan = SPI_prepare_cursor(text->sql, nargs, argTypes, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare statement %s: %s", text->name,
			 SPI_result_code_string(SPI_result));
	return plan;
}

/*
 * Will PostgreSQL execute the plan that PlanAndExecute made?  It plans again
 * when a table has changed, when the search_path has, though no name in a
 * statement depends on that, and, as tables have row-level security, for another
 * role: a trigger that fires on a statement of somebody's own.
 */
static bool
IsPlanned(Statement statement)
{
	CachedPlanSource *source;

	if (!planned[statement] || !SPI_plan_is_valid(plans[statement]))
		return false;
	source = linitial(SPI_plan_get_plan_sources(plans[statement]));
	return SearchPathIsCurrent(source->search_path) &&
		(!source->dependsOnRLS || source->rewriteRoleId == GetUserId());
}

/* Execute a planned statement. */
static int
Execute(Statement statement, StoreMode mode, const Datum *values, const char *nulls)
{
	if (mode == STORE_LATEST || mode == STORE_LATEST_WRITE)
		return SPI_execute_snapshot(plans[statement], (Datum *) values, nulls,
									GetLatestSnapshot(), InvalidSnapshot, mode == STORE_LATEST,
									mode == STORE_LATEST_WRITE, 0);
	return SPI_execute_plan(plans[statement], (Datum *) values, nulls, mode == STORE_READ, 0);
}

/*
 * Execute a statement that PostgreSQL is about to plan.  All of them look up
 * keys; a scan or a hash of a whole table, which is cheaper while the table is
 * small, would stay in the session's plan as the table grows.  Compiling them
 * would cost more than all of them together.
 */
static int
PlanAndExecute(Statement statement, StoreMode mode, const Datum *values, const char *nulls)
{
	static const char *const avoided[] = {
		"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "jit"
	};
	int			level = NewGUCNestLevel();
	int			result;

	for (int i = 0; i < lengthof(avoided); i++)
		set_config_option(avoided[i], "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
						  true, 0, false);
	result = Execute(statement, mode, values, nulls);
	AtEOXact_GUC(true, level);
	planned[statement] = true;
	return result;
}

/*
 * Raise the error that is being caught again; as a serialization failure if it
 * says that a row of the ledger is there already.  Verbs look before they
 * write, so another transaction must have written that row since: unseen by
 * this one's snapshot, or under the account's lock in another currency.  Tried
 * again, the verb sees it.  A template's promo code is the caller's choice: that
 * it is taken stays a unique violation.
 */
static void
RethrowConflict(MemoryContext context)
{
	ErrorData  *error;

	if (geterrcode() != ERRCODE_UNIQUE_VIOLATION)
		PG_RE_THROW();
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	if (error->schema_name == NULL || strcmp(error->schema_name, "voucher") != 0 ||
		error->table_name == NULL || strcmp(error->table_name, "template") == 0)
		PG_RE_THROW();
	FlushErrorState();
	error->sqlerrcode = ERRCODE_T_R_SERIALIZATION_FAILURE;
	error->message = psprintf("could not serialize access due to concurrent insert into table \"%s\"",
							  error->table_name);
	error->hint = pstrdup("Try the transaction again.");
	ReThrowError(error);
}

/*
 * Run a statement and return the number of rows it returned or wrote.  nulls
 * has a character per parameter, 'n' for null; NULL if none is.  Error 40001 if
 * a concurrent transaction was faster.
 */
uint64
StoreRun(Statement statement, StoreMode mode, const Datum *values, const char *nulls)
{
	MemoryContext context = CurrentMemoryContext;
	volatile int result = 0;

#ifdef VOUCHER_FAULTS
	StoreFault();
#endif
	if (plans[statement] == NULL)
		plans[statement] = Prepare(statement);

	PG_TRY();
	{
		if (IsPlanned(statement))
			result = Execute(statement, mode, values, nulls);
		else
			result = PlanAndExecute(statement, mode, values, nulls);
	}
	PG_CATCH();
	{
		RethrowConflict(context);
	}
	PG_END_TRY();
	if (result < 0)
		elog(ERROR, "statement %s failed: %s", statements[statement].name,
			 SPI_result_code_string(result));
	return SPI_processed;
}

/*
 * Run a statement that writes so many rows and no fewer: a trigger or rule of
 * a user's own may have suppressed some, and nobody may believe them written.
 */
void
StoreWriteRows(Statement statement, const Datum *values, const char *nulls, uint64 rows)
{
	uint64		written = StoreRun(statement, STORE_WRITE, values, nulls);

	if (written != rows)
		ereport(ERROR,
				(errcode(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION),
				 errmsg("statement %s wrote " UINT64_FORMAT " rows instead of " UINT64_FORMAT,
						statements[statement].name, written, rows),
				 errhint("A trigger or rule on the table may have suppressed the write.")));
}

/* Free the last statement's rows: for a verb that runs many statements. */
void
StoreFreeRows(void)
{
	SPI_freetuptable(SPI_tuptable);
}

/* A column of a row of the last statement. */
Datum
StoreDatum(uint64 row, int column, bool *isnull)
{
	Assert(row < SPI_tuptable->numvals);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

/* A column that the statement or the table's definition keeps from being null. */
Datum
StoreNotNull(uint64 row, int column)
{
	bool		isnull;
	Datum		value = StoreDatum(row, column, &isnull);

	if (isnull)
		elog(ERROR, "unexpected null in column %d", column);
	return value;
}

/* A text column as a palloc'd string, NULL if null. */
char *
StoreText(uint64 row, int column)
{
	bool		isnull;
	Datum		value = StoreDatum(row, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* Is a value of a type the same as another one? */
static bool
IsSame(Form_pg_attribute attribute, Datum a, Datum b)
{
	TypeCacheEntry *type;

	/* a month equals 30 days, but is not the same to who counts by it */
	if (attribute->atttypid == INTERVALOID)
		return datum_image_eq(a, b, attribute->attbyval, attribute->attlen);
	type = lookup_type_cache(attribute->atttypid, TYPECACHE_EQ_OPR_FINFO);
	return DatumGetBool(FunctionCall2Coll(&type->eq_opr_finfo, C_COLLATION_OID, a, b));
}

/*
 * The name of the first of n columns of the last statement's row, counted from
 * one on, that is not what the parameters say; NULL if all are.  What was
 * written under a key is so compared with what is asked for under it now.
 */
const char *
StoreDiffers(int column, const Datum *values, const char *nulls, int n)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;

	for (int i = 0; i < n; i++)
	{
		bool		isnull;
		Datum		value = StoreDatum(0, column + i, &isnull);
		Form_pg_attribute attribute = TupleDescAttr(desc, column + i - 1);

		if (isnull != (nulls[i] == 'n') || (!isnull && !IsSame(attribute, value, values[i])))
			return NameStr(attribute->attname);
	}
	return NULL;
}
