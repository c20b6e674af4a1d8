/*
 * transfer.c
 *		Value that goes from one instrument to another: transferred to another
 *		account, split into parts, merged.
 *
 * What leaves one instrument and what arrives at the other are two entries
 * that name each other.  The other one is always new, with the template and
 * the validity of the one that it comes from.
 *
 * Locks: the accounts in the order of their ids, so that two opposite
 * transfers wait for one another and cannot deadlock.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "lifecycle.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_transfer);
PG_FUNCTION_INFO_V1(voucher_split);
PG_FUNCTION_INFO_V1(voucher_merge);

/* ------------------------------------------------------------------------
 * transfer
 * ------------------------------------------------------------------------
 */

/* Error unless an instrument may be passed on: once, and whole. */
static void
CheckTransferable(const Act *act, const Instrument *instrument)
{
	const Candidate *state = &instrument->state;

	CheckNoShare(state);
	if (!instrument->template->transferable)
		ereport(ERROR,
				(errcode(ERRCODE_VC_NOT_TRANSFERABLE),
				 errmsg("%s is not transferable", Subject(state)),
				 errdetail("Template \"%s\" does not allow it.", state->terms->name)));
	CheckUsable(instrument, act->at);
	RefuseHeld(instrument);
	CheckNoGift(instrument, ERRCODE_VC_NOT_TRANSFERABLE);
	CheckNotShared(act, instrument);
	if (!instrument->asIssued)
		ereport(ERROR,
				(errcode(ERRCODE_VC_NOT_TRANSFERABLE),
				 errmsg("%s is not transferable", Subject(state)),
				 errdetail("It was itself transferred, split off or merged.")));
	if (state->used > 0 || state->balance != state->faceValue)
		ereport(ERROR,
				(errcode(ERRCODE_VC_NOT_WHOLE),
				 errmsg("%s is not whole any more", Subject(state)),
				 errdetail("Its balance is %s of %s, and it has served %d orders.",
						   AmountToString(state->balance), AmountToString(state->faceValue),
						   state->used)));
}

/* transfer(account_id, instrument_id, to_account_id, request_id, reason, actor, at) returns bigint */
Datum
voucher_transfer(PG_FUNCTION_ARGS)
{
	const char *toAccountId = TextArgument(fcinfo, 2, "to_account_id");
	int64		instrumentId;
	int64		received;
	Act			act;
	Account		to;
	Instrument	instrument;
	EarlierAct	earlier;

	RequireArgument(fcinfo, 1, "instrument_id");
	instrumentId = PG_GETARG_INT64(1);
	ReadAct(fcinfo, 3, 4, 5, 6, &act);
	if (strcmp(act.accountId, toAccountId) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an account cannot transfer to itself")));
	StoreBegin();
	CatalogBegin();
	LockWithPeer(&act, InstrumentAccountCurrency(act.accountId, instrumentId), toAccountId, &to);
	ReadInstrument(&act, instrumentId, &instrument);
	if (FindAct(&act, "transfer_out", &earlier))
	{
		if (earlier.instrumentId != instrumentId)
			RefuseAct(&act, "instrument_id");
		if (strcmp(earlier.peerAccountId, toAccountId) != 0)
			RefuseAct(&act, "to_account_id");
		received = earlier.peerInstrumentId;
	}
	else
	{
		CheckTransferable(&act, &instrument);
		received = ReceiveFrom(&act, &to, &instrument, "transfer_in", instrument.state.faceValue,
							   instrument.state.balance, true);
		SendTo(&act, &instrument, "transfer_out", instrument.state.balance, toAccountId, received);
	}
	StoreEnd();
	PG_RETURN_INT64(received);
}

/* ------------------------------------------------------------------------
 * split and merge
 * ------------------------------------------------------------------------
 */

/* Error unless a voucher can be divided: nothing but its value limits it. */
static void
CheckDivisible(const Act *act, const Instrument *instrument)
{
	const Candidate *state = &instrument->state;

	CheckNoShare(state);
	if (state->terms->kind != KIND_VOUCHER || state->maxUses != PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_VC_NOT_DIVISIBLE),
				 errmsg("%s cannot be split or merged", Subject(state)),
				 state->terms->kind != KIND_VOUCHER ?
				 errdetail("Only vouchers can.") :
				 errdetail("It serves %d orders, however they are divided.", state->maxUses)));
	CheckUsable(instrument, act->at);
	RefuseHeld(instrument);
	CheckNoGift(instrument, ERRCODE_VC_NOT_DIVISIBLE);
	CheckNotShared(act, instrument);
}

/* An array argument of a by-value 8-byte type without nulls, at least "least" long. */
static int
ArrayArgument(FunctionCallInfo fcinfo, int n, const char *name, int least, Datum **elements)
{
	ArrayType  *array;
	bool	   *nulls;
	int			count;

	RequireArgument(fcinfo, n, name);
	array = PG_GETARG_ARRAYTYPE_P(n);
	deconstruct_array(array, ARR_ELEMTYPE(array), sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  elements, &nulls, &count);
	if (count < least)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 least == 1 ? errmsg("argument \"%s\" must not be empty", name) :
				 errmsg("argument \"%s\" must have at least %d elements", name, least)));
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not hold a null", name)));
	}
	return count;
}

/*
 * The parts that an earlier call split off, as its result; error VC302 if it
 * split off others.
 */
static void
FindParts(const Act *act, const EarlierAct *earlier, const Datum *amounts, int n,
		  ReturnSetInfo *result)
{
	Datum		values[3];

	values[0] = CStringGetTextDatum(act->accountId);
	values[1] = Int64GetDatum(earlier->instrumentId);
	values[2] = Int32GetDatum(earlier->version);
	if (StoreRun(STMT_SPLIT_PARTS, STORE_WRITE, values, NULL) != n)
		RefuseAct(act, "amounts");
	for (int i = 0; i < n; i++)
	{
		Datum		part = StoreNotNull(i, 1);
		bool		isnull = false;

		if (StoreAmount(i, 2) != -DatumGetAmount(amounts[i]))
			RefuseAct(act, "amounts");
		tuplestore_putvalues(result->setResult, result->setDesc, &part, &isnull);
	}
}

/* Split a voucher. */
static void
Split(Act *act, Instrument *instrument, const Datum *amounts, int n, ReturnSetInfo *result)
{
	Amount		sum = 0;

	CheckDivisible(act, instrument);
	for (int i = 0; i < n; i++)
	{
		CheckMinorUnit(DatumGetAmount(amounts[i]), act->account.currency, "part");
		sum = AmountAdd(sum, DatumGetAmount(amounts[i]));
	}
	if (sum > instrument->state.balance)
		ereport(ERROR,
				(errcode(ERRCODE_VC_ABOVE_BALANCE),
				 errmsg("the parts exceed the balance of %s", Subject(&instrument->state)),
				 errdetail("They come to %s; its balance is %s.", AmountToString(sum),
						   AmountToString(instrument->state.balance))));
	for (int i = 0; i < n; i++)
	{
		Amount		amount = DatumGetAmount(amounts[i]);
		Datum		part;
		bool		isnull = false;

		CHECK_FOR_INTERRUPTS();
		part = Int64GetDatum(ReceiveFrom(act, &act->account, instrument, "split_in", amount, amount,
										 false));
		SendTo(act, instrument, "split_out", amount, act->accountId, DatumGetInt64(part));
		act->requestId = NULL;	/* is the first entry's */
		tuplestore_putvalues(result->setResult, result->setDesc, &part, &isnull);
	}
}

/* split(account_id, instrument_id, amounts, request_id, reason, actor, at) returns setof bigint */
Datum
voucher_split(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		instrumentId;
	Datum	   *amounts;
	int			n = ArrayArgument(fcinfo, 2, "amounts", 1, &amounts);
	Act			act;
	Instrument	instrument;
	EarlierAct	earlier;

	RequireArgument(fcinfo, 1, "instrument_id");
	instrumentId = PG_GETARG_INT64(1);
	ReadAct(fcinfo, 3, 4, 5, 6, &act);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	StoreBegin();
	CatalogBegin();
	LockInstrument(&act, instrumentId, &instrument);
	if (FindAct(&act, "split_out", &earlier))
	{
		if (earlier.instrumentId != instrumentId)
			RefuseAct(&act, "instrument_id");
		FindParts(&act, &earlier, amounts, n, result);
	}
	else
		Split(&act, &instrument, amounts, n, result);
	StoreEnd();
	return (Datum) 0;
}

/* Order two ids, each a Datum. */
static int
CompareIds(const void *a, const void *b)
{
	int64		left = DatumGetInt64(*(const Datum *) a);
	int64		right = DatumGetInt64(*(const Datum *) b);

	return (left > right) - (left < right);
}

/* Sort the ids of what is merged; error 22023 if one stands there twice. */
static void
SortIds(Datum *ids, int n)
{
	qsort(ids, n, sizeof(Datum), CompareIds);
	for (int i = 1; i < n; i++)
	{
		if (ids[i] == ids[i - 1])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" has " INT64_FORMAT " more than once",
							"instrument_ids", DatumGetInt64(ids[i]))));
	}
}

/* What an earlier call made of these instruments; error VC302 if it merged others. */
static int64
FindMerged(const Act *act, const EarlierAct *earlier, const Datum *ids, int n)
{
	Datum		key[2];
	bool		same;

	key[0] = CStringGetTextDatum(act->accountId);
	key[1] = Int64GetDatum(earlier->peerInstrumentId);
	same = (StoreRun(STMT_MERGED, STORE_WRITE, key, NULL) == n);
	for (int i = 0; i < n && same; i++)
		same = StoreInt64(i, 1) == DatumGetInt64(ids[i]);
	if (!same)
		RefuseAct(act, "instrument_ids");
	return earlier->peerInstrumentId;
}

/* Error unless a voucher can be merged with the first of several. */
static void
CheckAlike(const Instrument *first, const Instrument *instrument)
{
	const char *differs = NULL;

	if (first->template != instrument->template)
		differs = "templates";
	else if (first->state.effective != instrument->state.effective ||
			 first->state.expiry != instrument->state.expiry)
		differs = "validities";
	if (differs != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_VC_NOT_DIVISIBLE),
				 errmsg("%s and %s cannot be merged", Subject(&first->state),
						Subject(&instrument->state)),
				 errdetail("Their %s differ.", differs)));
}

/* Merge vouchers into a new one, and return its id. */
static int64
Merge(Act *act, Instrument *instruments, int n)
{
	Instrument	merged = instruments[0];
	Amount		sum = 0;

	for (int i = 0; i < n; i++)
	{
		CheckDivisible(act, &instruments[i]);
		CheckAlike(&instruments[0], &instruments[i]);
		sum = AmountAdd(sum, instruments[i].state.balance);
	}
	merged.state.instrumentId = ReceiveFrom(act, &act->account, &instruments[0], "merge_in", sum,
											instruments[0].state.balance, false);
	merged.state.version = 1;
	merged.state.used = 0;
	for (int i = 0; i < n; i++)
	{
		Instrument *from = &instruments[i];
		Amount		amount = from->state.balance;

		CHECK_FOR_INTERRUPTS();
		SendTo(act, from, "merge_out", amount, act->accountId, merged.state.instrumentId);
		act->requestId = NULL;	/* is the first entry's */
		/* the first one's value came with the opening entry */
		if (i > 0)
			SendTo(act, &merged, "merge_in", -amount, act->accountId, from->state.instrumentId);
	}
	return merged.state.instrumentId;
}

/* merge(account_id, instrument_ids, request_id, reason, actor, at) returns bigint */
Datum
voucher_merge(PG_FUNCTION_ARGS)
{
	Datum	   *ids;
	int			n = ArrayArgument(fcinfo, 1, "instrument_ids", 2, &ids);
	Act			act;
	Instrument *instruments = palloc(n * sizeof(Instrument));
	EarlierAct	earlier;
	int64		merged;

	ReadAct(fcinfo, 2, 3, 4, 5, &act);
	SortIds(ids, n);
	StoreBegin();
	CatalogBegin();
	LockInstrument(&act, DatumGetInt64(ids[0]), &instruments[0]);
	if (FindAct(&act, "merge_out", &earlier))
		merged = FindMerged(&act, &earlier, ids, n);
	else
	{
		for (int i = 1; i < n; i++)
			ReadInstrument(&act, DatumGetInt64(ids[i]), &instruments[i]);
		merged = Merge(&act, instruments, n);
	}
	StoreEnd();
	PG_RETURN_INT64(merged);
}
