/*
 * attempt.c
 *		Attempts with wrong codes: they are counted by account and by client, and
 *		when a budget is used up no code is looked up any more, right or wrong.
 *
 * A wrong code is an error, and an error rolls back what its transaction wrote.
 * So a background worker writes down the attempt, in a transaction of its own.
 * Who tries holds a lock on account and client from before the count until the
 * attempt is written: of so many at once no more than the budget are told
 * whether their code was right.
 *
 * Where an attempt could not be written down, a sequence notes when, as it is
 * no part of a transaction either.  For an hour every attempt is then written
 * down before its code is looked up, and erased if that is right: whoever keeps
 * all workers busy, or all shared memory, learns nothing more.
 *
 * Lock order: the account's attempts, the client's, the worker's; nothing else
 * is waited for while they are held.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/sequence.h"
#include "common/hashfn.h"
#include "libpq/pqsignal.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "attempt.h"
#include "compat.h"
#include "errors.h"
#include "store.h"

#define MAX_NAME 255

/* How often a worker is asked for, a hundredth of a second apart, until there is one. */
#define MAX_TRIES 100

/* What the worker is told, in memory that both see. */
typedef struct Record
{
	Oid			database;
	Oid			user;			/* as whom it writes */
	TimestampTz at;
	int64		attemptId;		/* of the one to erase; 0: write one */
	bool		done;			/* by the worker: it has committed */
	char		text[FLEXIBLE_ARRAY_MEMBER];	/* session's user, account, client, each with its
												 * zero; empty: not said */
} Record;

/* Locks of one name: an object of the table of attempts, out of reach of SQL's advisory locks. */
static void
SetTag(LOCKTAG *tag, const char *kind, const char *key)
{
	uint32		hash = hash_combine(DatumGetUInt32(hash_any((const unsigned char *) kind, strlen(kind))),
									DatumGetUInt32(hash_any((const unsigned char *) key, strlen(key))));

	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, StoreRelation("attempt"), hash, 1);
}

static void
LockKey(const char *kind, const char *key)
{
	LOCKTAG		tag;

	SetTag(&tag, kind, key);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

static void
UnlockKey(const char *kind, const char *key)
{
	LOCKTAG		tag;

	SetTag(&tag, kind, key);
	(void) LockRelease(&tag, ExclusiveLock, false);
}

/*
 * Error VC503 if a budget is used up.  What counts is what is committed now: in
 * an older snapshot a transaction would not see its own attempts.
 */
static void
RequireBudget(Statement statement, const char *whose, const char *key, TimestampTz now)
{
	Datum		values[2];
	Datum		period;
	int			attempts;

	values[0] = CStringGetTextDatum(key);
	values[1] = TimestampTzGetDatum(now);
	if (StoreRun(statement, STORE_LATEST, values, NULL) == 0)
		return;
	attempts = StoreInt32(0, 1);
	period = StoreNotNull(0, 2);
	ereport(ERROR,
			(errcode(ERRCODE_VC_TOO_MANY_ATTEMPTS),
			 errmsg("too many attempts with wrong codes"),
			 errdetail_plural("This %s may try %d wrong code in %s.",
							  "This %s may try %d wrong codes in %s.", attempts, whose, attempts,
							  DatumGetCString(DirectFunctionCall1(interval_out, period))),
			 errhint("Try again later.")));
}

/* A name as it is counted: its first bytes, which any index can hold. */
static const char *
Clip(const char *name)
{
	if (name == NULL)
		return NULL;
	return pnstrdup(name, pg_mbcliplen(name, strlen(name), MAX_NAME));
}

/* Who tries a code: an account, a client, either of them NULL if it was not said. */
void
SetAttempt(Attempt *attempt, const char *accountId, const char *client)
{
	attempt->accountId = Clip(accountId);
	attempt->client = Clip(client);
	attempt->attemptId = 0;
}

/* Append a text that may be missing; returns where the next one goes. */
static char *
PutText(char *to, const char *text)
{
	strcpy(to, text == NULL ? "" : text);
	return to + strlen(to) + 1;
}

/* Start a worker on what is in shared memory, and wait for it; false if there is none. */
static bool
RunWorker(dsm_segment *segment)
{
	BackgroundWorker worker = {0};
	BackgroundWorkerHandle *handle;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "voucher", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "voucher_record_attempt", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "voucher attempt", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "voucher attempt", sizeof(worker.bgw_type));
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
	worker.bgw_notify_pid = MyProcPid;
	for (int tries = 0; !RegisterDynamicBackgroundWorker(&worker, &handle); tries++)
	{
		if (tries == MAX_TRIES)
			return false;
		pg_usleep(10000);
	}
	(void) WaitForBackgroundWorkerShutdown(handle);
	return true;
}

/*
 * Write down an attempt, whatever becomes of this transaction; or erase one that
 * is written down.  False if that could not be done.
 */
static bool
Tell(Attempt *attempt)
{
	const char *user = GetUserNameFromId(GetSessionUserId(), false);
	Size		size = offsetof(Record, text) + strlen(user) + 1 +
		(attempt->accountId == NULL ? 0 : strlen(attempt->accountId)) + 1 +
		(attempt->client == NULL ? 0 : strlen(attempt->client)) + 1;
	dsm_segment *segment = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);
	Record	   *record;
	bool		done;

	if (segment == NULL)
		return false;
	record = dsm_segment_address(segment);
	record->database = MyDatabaseId;
	record->user = GetUserId();
	record->at = GetCurrentTimestamp();
	record->attemptId = attempt->attemptId;
	record->done = false;
	PutText(PutText(PutText(record->text, user), attempt->accountId), attempt->client);

	/*
	 * One at a time, so that a flood of attempts takes one worker of those that
	 * there are.  Where there is none, waiting keeps it from being faster.
	 */
	LockKey("worker", "");
	done = RunWorker(segment) && record->done;
	UnlockKey("worker", "");
	attempt->attemptId = record->attemptId;
	dsm_detach(segment);
	return done;
}

/* Error for an attempt that cannot be written down; the answer is kept back. */
pg_noreturn static void
RefuseUncounted(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("could not write down an attempt with a code"),
			 errhint("There may be too few \"max_worker_processes\", or a lock on the table of attempts; the server's log says which.")));
}

/* Note that an attempt could not be written down, in a read-only transaction, too. */
static void
NoteUncounted(TimestampTz now)
{
	bool		readOnly = XactReadOnly;

	XactReadOnly = false;
	DirectFunctionCall2(setval_oid, ObjectIdGetDatum(StoreRelation("attempt_uncounted_seq")),
						Int64GetDatum(now));
	XactReadOnly = readOnly;
}

/* Has that been noted within the last hour? */
static bool
HasUncounted(TimestampTz now)
{
	Datum		since = Int64GetDatum(now - USECS_PER_HOUR);

	return StoreRun(STMT_ATTEMPTS_UNCOUNTED, STORE_LATEST, &since, NULL) > 0;
}

/*
 * Somebody is about to try a code.  Error VC503 if the account or the client has
 * used up its budget; else both stay locked until EndAttempt, or until an error
 * ends the transaction.  Error 53400 if the attempt must be written down now and
 * cannot be; 25006 on a standby, which can write down none.
 */
void
BeginAttempt(Attempt *attempt)
{
	TimestampTz now = GetCurrentTimestamp();

	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot try codes during recovery"),
				 errdetail("Attempts with wrong codes are counted on the primary.")));
	if (attempt->accountId != NULL)
	{
		LockKey("account", attempt->accountId);
		RequireBudget(STMT_ATTEMPTS_OF_ACCOUNT, "account", attempt->accountId, now);
	}
	if (attempt->client != NULL)
	{
		LockKey("client", attempt->client);
		RequireBudget(STMT_ATTEMPTS_OF_CLIENT, "client", attempt->client, now);
	}
	if (HasUncounted(now) && !Tell(attempt))
		RefuseUncounted();
}

/* The code was right.  What cannot be erased stays counted. */
void
EndAttempt(Attempt *attempt)
{
	if (attempt->attemptId != 0)
		(void) Tell(attempt);
	attempt->attemptId = 0;
	if (attempt->client != NULL)
		UnlockKey("client", attempt->client);
	if (attempt->accountId != NULL)
		UnlockKey("account", attempt->accountId);
}

/*
 * The code was wrong: write down the attempt.  The caller then raises the error
 * that says so.  Error 53400 if it cannot be written down, or whatever keeps it
 * from being.  Until then nothing cancels the statement: who is cut off has
 * learnt that the code was wrong.
 */
void
RecordAttempt(Attempt *attempt)
{
	MemoryContext context = CurrentMemoryContext;

	if (attempt->attemptId != 0)
		return;
	HOLD_INTERRUPTS();
	PG_TRY();
	{
		if (!Tell(attempt))
			RefuseUncounted();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		NoteUncounted(GetCurrentTimestamp());
		PG_RE_THROW();
	}
	PG_END_TRY();
	RESUME_INTERRUPTS();
}

/* Write down an attempt, and forget what no budget counts any more. */
static void
WriteAttempt(Record *record)
{
	const char *account = record->text + strlen(record->text) + 1;
	const char *client = account + strlen(account) + 1;
	Datum		values[4];
	char		nulls[] = "    ";

	values[0] = CStringGetTextDatum(account);
	values[1] = CStringGetTextDatum(client);
	values[2] = TimestampTzGetDatum(record->at);
	values[3] = CStringGetTextDatum(record->text);
	nulls[0] = NULL_FLAG(*account == '\0');
	nulls[1] = NULL_FLAG(*client == '\0');
	StoreWriteRows(STMT_ATTEMPT_WRITE, values, nulls, 1);
	record->attemptId = StoreInt64(0, 1);
	StoreRun(STMT_ATTEMPTS_FORGET, STORE_WRITE, &values[2], NULL);
}

/* Erase an attempt. */
static void
EraseAttempt(Record *record)
{
	Datum		value = Int64GetDatum(record->attemptId);

	StoreRun(STMT_ATTEMPT_ERASE, STORE_WRITE, &value, NULL);
}

/* The worker: writes down one attempt, or erases it. */
void
voucher_record_attempt(Datum arg)
{
	dsm_segment *segment;
	Record	   *record;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	CurrentResourceOwner = ResourceOwnerCreate(NULL, "voucher attempt");
	segment = dsm_attach(DatumGetUInt32(arg));
	if (segment == NULL)
		proc_exit(0);			/* who waited for it is gone */
	dsm_pin_mapping(segment);
	record = dsm_segment_address(segment);

	BackgroundWorkerInitializeConnectionByOid(record->database, InvalidOid, 0);
	SetConfigOption("default_transaction_read_only", "off", PGC_USERSET, PGC_S_OVERRIDE);

	/*
	 * Who waits for this worker may hold what the worker waits for, or be waited
	 * for by who does; no detector of deadlocks sees that.
	 */
	SetConfigOption("lock_timeout", "1s", PGC_USERSET, PGC_S_OVERRIDE);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	SetUserIdAndSecContext(record->user, SECURITY_LOCAL_USERID_CHANGE);
	StoreBegin();
	if (record->attemptId == 0)
		WriteAttempt(record);
	else
		EraseAttempt(record);
	StoreEnd();
	PopActiveSnapshot();
	CommitTransactionCommand();
	record->done = true;
	proc_exit(0);
}
