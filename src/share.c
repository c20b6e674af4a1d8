/*
 * share.c
 *		Shares a voucher with other accounts, and ends that.
 *
 * A share is an instrument of the member's account that points to the owner's
 * voucher; shared.c says how orders draw on it.  Sharing and ending it are
 * entries of both.
 *
 * Locks: both accounts in the order of their ids, as transfer does.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "lifecycle.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_share);
PG_FUNCTION_INFO_V1(voucher_unshare);

/*
 * What share and unshare begin with: read the arguments, lock both accounts,
 * read the owner's voucher, and find what an earlier call with the same
 * request id did, if any did.  The store must be open.
 */
static bool
BeginSharing(FunctionCallInfo fcinfo, const char *kind, Act *act, Account *member,
			 Instrument *instrument, EarlierAct *earlier)
{
	const char *memberId = TextArgument(fcinfo, 2, "with_account_id");
	int64		instrumentId;

	RequireArgument(fcinfo, 1, "instrument_id");
	instrumentId = PG_GETARG_INT64(1);
	ReadAct(fcinfo, 3, 4, 5, 6, act);
	if (strcmp(act->accountId, memberId) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an account cannot share with itself")));
	LockWithPeer(act, InstrumentAccountCurrency(act->accountId, instrumentId), memberId, member);
	ReadInstrument(act, instrumentId, instrument);
	if (!FindAct(act, kind, earlier))
		return false;
	if (earlier->instrumentId != instrumentId)
		RefuseAct(act, "instrument_id");
	if (strcmp(earlier->peerAccountId, memberId) != 0)
		RefuseAct(act, "with_account_id");
	return true;
}

/* The share of a voucher that an account has now; 0 if none. */
static int64
ShareInForce(const Act *act, const Instrument *instrument, const char *memberId)
{
	Datum		values[3];

	values[0] = CStringGetTextDatum(act->accountId);
	values[1] = Int64GetDatum(instrument->state.instrumentId);
	values[2] = CStringGetTextDatum(memberId);
	return StoreRun(STMT_SHARES_IN_FORCE, STORE_WRITE, values, NULL) > 0 ? StoreInt64(0, 2) : 0;
}

/* Error unless a voucher may be shared with an account. */
static void
CheckShareable(const Act *act, const Instrument *instrument, const char *memberId)
{
	const Candidate *state = &instrument->state;
	int64		shareId;

	CheckNoShare(state);
	if (!instrument->template->shareable)
		ereport(ERROR,
				(errcode(ERRCODE_VC_NOT_SHAREABLE),
				 errmsg("%s is not shareable", Subject(state)),
				 errdetail("Template \"%s\" does not allow it.", state->terms->name)));
	CheckUsable(instrument, act->at);
	CheckNoGift(instrument, ERRCODE_VC_NOT_SHAREABLE);
	shareId = ShareInForce(act, instrument, memberId);
	if (shareId != 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_IS_SHARED),
				 errmsg("%s is shared with account \"%s\" already", Subject(state), memberId),
				 errdetail("It is voucher " INT64_FORMAT " there.", shareId)));
}

/* share(account_id, instrument_id, with_account_id, request_id, reason, actor, at) returns bigint */
Datum
voucher_share(PG_FUNCTION_ARGS)
{
	Act			act;
	Account		member;
	Instrument	instrument;
	EarlierAct	earlier;
	int64		shareId;

	StoreBegin();
	CatalogBegin();
	if (BeginSharing(fcinfo, "share", &act, &member, &instrument, &earlier))
		shareId = earlier.peerInstrumentId;
	else
	{
		Instrument	share = instrument;

		CheckShareable(&act, &instrument, member.accountId);
		/* uses and validity are the voucher's, like the balance */
		share.state.maxUses = PG_INT32_MAX;
		share.validity = MakeTimeRange(DT_NOBEGIN, DT_NOEND);
		shareId = ReceiveFrom(&act, &member, &share, "share", share.state.faceValue, 0, false);
		SendTo(&act, &instrument, "share", 0, member.accountId, shareId);
	}
	StoreEnd();
	PG_RETURN_INT64(shareId);
}

/* Cancel the share of a locked member's account. */
static void
EndShare(const Act *act, const Account *member, int64 shareId)
{
	Act			memberAct = *act;
	Instrument	share;
	InstrumentEntry entry;

	memberAct.accountId = member->accountId;
	memberAct.requestId = NULL;	/* is the owner's */
	ReadInstrument(&memberAct, shareId, &share);
	BeginEntry(&memberAct, &share, "revoke", &entry);
	AddInstrumentEntry(member, &entry, act->at);
}

/* unshare(account_id, instrument_id, with_account_id, request_id, reason, actor, at) returns boolean */
Datum
voucher_unshare(PG_FUNCTION_ARGS)
{
	Act			act;
	Account		member;
	Instrument	instrument;
	EarlierAct	earlier;
	bool		ended;

	StoreBegin();
	CatalogBegin();
	ended = BeginSharing(fcinfo, "unshare", &act, &member, &instrument, &earlier);
	if (!ended)
	{
		int64		shareId = ShareInForce(&act, &instrument, member.accountId);

		ended = shareId != 0;
		if (ended)
		{
			EndShare(&act, &member, shareId);
			SendTo(&act, &instrument, "unshare", 0, member.accountId, shareId);
		}
	}
	StoreEnd();
	PG_RETURN_BOOL(ended);
}
