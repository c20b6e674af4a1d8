/*
 * lifecycle.c
 *		What becomes of an instrument besides paying: frozen, taken back, revoked
 *		or prolonged.  Each is an entry that says who did it and why.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "held.h"
#include "lifecycle.h"
#include "rows.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_freeze);
PG_FUNCTION_INFO_V1(voucher_unfreeze);
PG_FUNCTION_INFO_V1(voucher_reclaim);
PG_FUNCTION_INFO_V1(voucher_revoke);
PG_FUNCTION_INFO_V1(voucher_extend);

/* ------------------------------------------------------------------------
 * Shared with transfer.c and share.c
 * ------------------------------------------------------------------------
 */

/* Read the account and what stands at these arguments. */
void
ReadAct(FunctionCallInfo fcinfo, int requestId, int reason, int actor, int at, Act *act)
{
	memset(act, 0, sizeof(Act));
	act->accountId = TextArgument(fcinfo, 0, "account_id");
	act->requestId = RequestIdArgument(fcinfo, requestId);
	act->reason = OptionalTextArgument(fcinfo, reason);
	act->actor = OptionalTextArgument(fcinfo, actor);
	act->at = TimeArgument(fcinfo, at, "at");
}

/* Error VC007: the account has no such instrument. */
void
RefuseUnknownInstrument(const char *accountId, int64 instrumentId)
{
	ereport(ERROR,
			(errcode(ERRCODE_VC_UNKNOWN_INSTRUMENT),
			 errmsg("account \"%s\" has no voucher or coupon " INT64_FORMAT, accountId,
					instrumentId)));
}

/* The currency of an instrument, which never changes.  Error VC007 if the account has no such one. */
const char *
InstrumentAccountCurrency(const char *accountId, int64 instrumentId)
{
	Datum		key[2];

	key[0] = CStringGetTextDatum(accountId);
	key[1] = Int64GetDatum(instrumentId);
	if (StoreRun(STMT_INSTRUMENT_CURRENCY, STORE_WRITE, key, NULL) == 0)
		RefuseUnknownInstrument(accountId, instrumentId);
	return StoreText(0, 1);
}

/* Read an instrument of the locked account; error VC007 if it has no such one. */
void
ReadInstrument(const Act *act, int64 instrumentId, Instrument *instrument)
{
	Datum		key[2];
	Row			row;

	InstrumentAccountCurrency(act->accountId, instrumentId);
	key[0] = CStringGetTextDatum(act->accountId);
	key[1] = Int64GetDatum(instrumentId);
	StoreRun(STMT_INSTRUMENT_STATE, STORE_WRITE, key, NULL);
	memset(instrument, 0, sizeof(Instrument));
	DeformRow(StoreNotNull(0, 1), INS_COLUMNS, &row);
	instrument->asIssued = strcmp(StoreText(0, 2), "issue") == 0;
	if (instrument->asIssued)
		instrument->giftOf = StoreText(0, 3);
	instrument->validity = row.values[INS_VALIDITY];
	ReadCandidate(&row, &instrument->state);
	/* may run a statement itself */
	instrument->template = CatalogTemplate(DatumGetInt64(row.values[INS_TEMPLATE]));
	instrument->state.terms = &instrument->template->terms;
	ReadHeld(&act->account, act->at, &instrument->state);
}

/* Lock the account of an instrument and read it. */
void
LockInstrument(Act *act, int64 instrumentId, Instrument *instrument)
{
	LockAccount(act->accountId, InstrumentAccountCurrency(act->accountId, instrumentId),
				&act->account);
	ReadInstrument(act, instrumentId, instrument);
}

/* Error VC302: the request was made before, and differs in an argument. */
void
RefuseAct(const Act *act, const char *differs)
{
	RefuseRequest(act->requestId, act->accountId, differs);
}

/*
 * Has the request been made, by the verb that writes entries of this kind?
 * Error VC302 if by another.  The account is locked.
 */
bool
FindAct(const Act *act, const char *kind, EarlierAct *earlier)
{
	bool		isnull;
	Datum		peer;

	if (act->requestId == NULL ||
		!FindRequest(STMT_ACT_REQUEST, act->accountId, act->requestId))
		return false;
	if (strcmp(StoreText(0, 2), kind) != 0)
		RefuseAct(act, "verb");
	earlier->instrumentId = StoreInt64(0, 3);
	earlier->version = StoreInt32(0, 4);
	earlier->amount = StoreAmount(0, 5);
	earlier->extended = StoreDatum(0, 6, &isnull);
	earlier->peerAccountId = StoreText(0, 7);
	peer = StoreDatum(0, 8, &isnull);
	earlier->peerInstrumentId = isnull ? 0 : DatumGetInt64(peer);
	return true;
}

/* As FindAct, for the verbs that name the instrument that gets the entry. */
static bool
FindActOn(const Act *act, const char *kind, int64 instrumentId, EarlierAct *earlier)
{
	if (!FindAct(act, kind, earlier))
		return false;
	if (earlier->instrumentId != instrumentId)
		RefuseAct(act, "instrument_id");
	return true;
}

/* The status of an instrument, given its state. */
InstrumentStatus
CandidateStatusAt(const Candidate *state, TimestampTz at)
{
	return StatusAt(state->cancelled, state->frozen, !state->terms->hasRate, state->balance,
					state->used, state->maxUses, state->effective, state->expiry, at);
}

/* Refuse an instrument for its status. */
void
RefuseStatus(const Instrument *instrument, InstrumentStatus status)
{
	const Candidate *state = &instrument->state;
	Reason		reason;

	switch (status)
	{
		case STATUS_AVAILABLE:
		case STATUS_PENDING:
			return;
		case STATUS_CANCELLED:
			reason = REASON_CANCELLED;
			break;
		case STATUS_EXHAUSTED:
			reason = REASON_EXHAUSTED;
			break;
		case STATUS_EXPIRED:
			reason = REASON_EXPIRED;
			break;
		case STATUS_FROZEN:
			reason = REASON_FROZEN;
			break;
		default:
			elog(ERROR, "unknown status %d", status);
	}
	ereport(ERROR,
			(errcode(ReasonSqlState(reason)),
			 errmsg(ReasonMessage(reason), Subject(state)),
			 reason != REASON_EXPIRED ? 0 :
			 errdetail("It expired at %s.", timestamptz_to_str(state->expiry))));
}

/* Error VC131 if some of an instrument is held for an order that is not paid yet. */
void
RefuseHeld(const Instrument *instrument)
{
	const Candidate *state = &instrument->state;

	if (state->heldUses == 0)
		return;
	ereport(ERROR,
			(errcode(ReasonSqlState(REASON_HELD)),
			 errmsg(ReasonMessage(REASON_HELD), Subject(state)),
			 errdetail("%d of its uses are held until %s at least.", state->heldUses,
					   timestamptz_to_str(state->heldUntil)),
			 errhint("Capture or release the order, or wait for its time-out.")));
}

/* Begin an instrument's next entry, that an act makes. */
void
BeginEntry(const Act *act, const Instrument *instrument, const char *kind, InstrumentEntry *entry)
{
	memset(entry, 0, sizeof(InstrumentEntry));
	entry->instrumentId = instrument->state.instrumentId;
	entry->version = instrument->state.version;
	entry->balance = instrument->state.balance;
	entry->used = instrument->state.used;
	entry->kind = kind;
	entry->requestId = act->requestId;
	entry->reason = act->reason;
	entry->actor = act->actor;
}

/* Error unless an instrument can be used now or later. */
void
CheckUsable(const Instrument *instrument, TimestampTz at)
{
	InstrumentStatus status = CandidateStatusAt(&instrument->state, at);

	if (status != STATUS_AVAILABLE && status != STATUS_PENDING)
		RefuseStatus(instrument, status);
}

/* Error for what was given with an order, and goes with it if that is refunded. */
void
CheckNoGift(const Instrument *instrument, int sqlState)
{
	if (instrument->giftOf != NULL)
		ereport(ERROR,
				(errcode(sqlState),
				 errmsg("%s must stay as it is", Subject(&instrument->state)),
				 errdetail("It was given with order \"%s\", and goes if that is refunded.",
						   instrument->giftOf)));
}

/* Error VC608 for a share: what becomes of the voucher is its owner's business. */
void
CheckNoShare(const Candidate *state)
{
	if (state->ownerAccountId != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_VC_IS_SHARE),
				 errmsg("%s is a share", Subject(state)),
				 errdetail("It draws on voucher " INT64_FORMAT " of account \"%s\".",
						   state->ownerInstrumentId, state->ownerAccountId),
				 errhint("A share can be frozen, or ended by voucher.revoke.")));
}

/* Error VC609 for a voucher of the locked account that others share. */
void
CheckNotShared(const Act *act, const Instrument *instrument)
{
	Datum		values[3];

	if (!instrument->template->shareable)
		return;
	values[0] = CStringGetTextDatum(act->accountId);
	values[1] = Int64GetDatum(instrument->state.instrumentId);
	if (StoreRun(STMT_SHARES_IN_FORCE, STORE_WRITE, values, "  n") > 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_IS_SHARED),
				 errmsg("%s is shared", Subject(&instrument->state)),
				 errdetail("Account \"%s\" draws on it.", StoreText(0, 1)),
				 errhint("End its shares first, by voucher.unshare.")));
}

/* Lock the account of an act and another one, in the order of their ids. */
void
LockWithPeer(Act *act, const char *currency, const char *peerAccountId, Account *peer)
{
	Account    *accounts[] = {&act->account, peer};

	act->account.accountId = act->accountId;
	peer->accountId = peerAccountId;
	LockAccounts(accounts, lengthof(accounts), currency, NULL);
}

/*
 * Take value off an instrument, for another one of which the id is known, and
 * remember its new state.
 */
void
SendTo(const Act *act, Instrument *from, const char *kind, Amount amount, const char *toAccountId,
	   int64 toInstrumentId)
{
	InstrumentEntry entry;

	BeginEntry(act, from, kind, &entry);
	entry.amount = -amount;
	entry.peerAccountId = toAccountId;
	entry.peerInstrumentId = toInstrumentId;
	AddInstrumentEntry(&act->account, &entry, act->at);
	from->state.version++;
	from->state.balance -= amount;
}

/*
 * Issue an instrument to a locked account that gets value from another one, or
 * is a share of it, and return its id.  counted: it is one more of its template, as limited by
 * per_account.
 */
int64
ReceiveFrom(const Act *act, const Account *to, const Instrument *from, const char *kind,
			Amount faceValue, Amount amount, bool counted)
{
	const Candidate *state = &from->state;
	Datum		values[15];
	char		nulls[] = "               ";

	values[0] = CStringGetTextDatum(to->accountId);
	values[1] = Int64GetDatum(state->terms->templateId);
	values[2] = CStringGetTextDatum(to->currency);
	values[3] = AmountGetDatum(faceValue);
	nulls[3] = NULL_FLAG(state->terms->hasRate);
	values[4] = AmountGetDatum(amount);
	values[5] = Int32GetDatum(state->maxUses);
	nulls[5] = NULL_FLAG(state->maxUses == PG_INT32_MAX);
	values[6] = from->validity;
	values[7] = TimestampTzGetDatum(act->at);
	values[8] = CStringGetTextDatum(kind);
	values[9] = OptionalTextDatum(act->reason, &nulls[9]);
	values[10] = OptionalTextDatum(act->actor, &nulls[10]);
	values[11] = CStringGetTextDatum(act->accountId);
	values[12] = Int64GetDatum(state->instrumentId);
	values[13] = Int64GetDatum(to->epoch);
	values[14] = BoolGetDatum(counted);
	StoreWriteRows(STMT_INSTRUMENT_RECEIVE, values, nulls, 1);
	return StoreInt64(0, 1);
}

/* ------------------------------------------------------------------------
 * Verbs
 * ------------------------------------------------------------------------
 */

/* The instrument that argument 1 names. */
static int64
InstrumentArgument(FunctionCallInfo fcinfo)
{
	RequireArgument(fcinfo, 1, "instrument_id");
	return PG_GETARG_INT64(1);
}

/* Freeze or unfreeze; returns whether that changed anything, or did when it was first asked for. */
static Datum
SetFrozen(FunctionCallInfo fcinfo, bool frozen)
{
	int64		instrumentId = InstrumentArgument(fcinfo);
	const char *kind = frozen ? "freeze" : "unfreeze";
	Act			act;
	Instrument	instrument;
	EarlierAct	earlier;
	InstrumentEntry entry;
	bool		changes = true;

	ReadAct(fcinfo, 4, 2, 5, 3, &act);
	StoreBegin();
	CatalogBegin();
	LockInstrument(&act, instrumentId, &instrument);
	if (!FindActOn(&act, kind, instrumentId, &earlier))
	{
		if (instrument.state.cancelled)
			RefuseStatus(&instrument, STATUS_CANCELLED);
		changes = instrument.state.frozen != frozen;
		if (changes)
		{
			BeginEntry(&act, &instrument, kind, &entry);
			AddInstrumentEntry(&act.account, &entry, act.at);
		}
	}
	StoreEnd();
	PG_RETURN_BOOL(changes);
}

/* freeze(account_id, instrument_id, reason, at, request_id, actor) returns boolean */
Datum
voucher_freeze(PG_FUNCTION_ARGS)
{
	return SetFrozen(fcinfo, true);
}

/* unfreeze(account_id, instrument_id, reason, at, request_id, actor) returns boolean */
Datum
voucher_unfreeze(PG_FUNCTION_ARGS)
{
	return SetFrozen(fcinfo, false);
}

/* Take the whole balance, by an entry of a kind; returns what was taken. */
static Datum
TakeBalance(FunctionCallInfo fcinfo, const char *kind, bool needsBalance)
{
	int64		instrumentId = InstrumentArgument(fcinfo);
	Act			act;
	Instrument	instrument;
	EarlierAct	earlier;
	InstrumentEntry entry;
	Amount		taken;

	ReadAct(fcinfo, 2, 3, 4, 5, &act);
	StoreBegin();
	CatalogBegin();
	LockInstrument(&act, instrumentId, &instrument);
	if (FindActOn(&act, kind, instrumentId, &earlier))
		taken = -earlier.amount;
	else
	{
		if (needsBalance)
			CheckNoShare(&instrument.state);
		if (instrument.state.cancelled)
			RefuseStatus(&instrument, STATUS_CANCELLED);
		if (needsBalance)
			RefuseHeld(&instrument);
		taken = instrument.state.balance;
		if (needsBalance && taken == 0)
			ereport(ERROR,
					(errcode(ERRCODE_VC_NO_BALANCE),
					 errmsg("%s has no balance to take back", Subject(&instrument.state)),
					 errhint("To make it unusable, revoke it.")));
		BeginEntry(&act, &instrument, kind, &entry);
		entry.amount = -taken;
		AddInstrumentEntry(&act.account, &entry, act.at);
	}
	StoreEnd();
	PG_RETURN_AMOUNT(taken);
}

/* reclaim(account_id, instrument_id, request_id, reason, actor, at) returns amount */
Datum
voucher_reclaim(PG_FUNCTION_ARGS)
{
	return TakeBalance(fcinfo, "reclaim", true);
}

/* revoke(account_id, instrument_id, request_id, reason, actor, at) returns amount */
Datum
voucher_revoke(PG_FUNCTION_ARGS)
{
	return TakeBalance(fcinfo, "revoke", false);
}

/* Prolong an instrument's validity. */
static void
Extend(const Act *act, const Instrument *instrument, TimestampTz until)
{
	const Candidate *state = &instrument->state;
	InstrumentStatus status = CandidateStatusAt(state, act->at);
	InstrumentEntry entry;

	CheckNoShare(state);
	if (status == STATUS_CANCELLED || status == STATUS_EXHAUSTED)
		RefuseStatus(instrument, status);
	if (until <= state->expiry)
		ereport(ERROR,
				(errcode(ERRCODE_VC_NOT_LATER),
				 errmsg("%s would not be valid any longer", Subject(state)),
				 TIMESTAMP_IS_NOEND(state->expiry) ? errdetail("It never expires.") :
				 errdetail("It is valid until %s.", timestamptz_to_str(state->expiry))));
	BeginEntry(act, instrument, "extend", &entry);
	entry.extends = true;
	entry.extended = MakeTimeRange(state->expiry, until);
	AddInstrumentEntry(&act->account, &entry, act->at);
}

/* extend(account_id, instrument_id, until, request_id, reason, actor, at) returns tstzrange */
Datum
voucher_extend(PG_FUNCTION_ARGS)
{
	int64		instrumentId = InstrumentArgument(fcinfo);
	TimestampTz until = TimeArgument(fcinfo, 2, "until");
	Act			act;
	Instrument	instrument;
	EarlierAct	earlier;
	Candidate	extension;
	Datum		result;

	ReadAct(fcinfo, 3, 4, 5, 6, &act);
	StoreBegin();
	CatalogBegin();
	LockInstrument(&act, instrumentId, &instrument);
	if (FindActOn(&act, "extend", instrumentId, &earlier))
	{
		ReadValidity(DatumGetRangeTypeP(earlier.extended), &extension);
		if (extension.expiry != until)
			RefuseAct(&act, "until");
	}
	else
		Extend(&act, &instrument, until);
	result = SPI_datumTransfer(MakeTimeRange(instrument.state.effective, until), false, -1);
	StoreEnd();
	PG_RETURN_DATUM(result);
}
