/*
 * lifecycle.h
 *		What the verbs on one instrument have in common: lifecycle.c, transfer.c
 *		and share.c.
 */
#ifndef VOUCHER_LIFECYCLE_H
#define VOUCHER_LIFECYCLE_H

#include "fmgr.h"

#include "catalog.h"
#include "ledger.h"
#include "order.h"

/* Who asked for what, why and when; the texts but accountId may be NULL. */
typedef struct Act
{
	const char *accountId;
	const char *requestId;
	const char *reason;
	const char *actor;
	TimestampTz at;
	Account		account;		/* locked */
} Act;

/* An instrument of a locked account. */
typedef struct Instrument
{
	Candidate	state;
	const Template *template;
	Datum		validity;
	bool		asIssued;		/* not received, and not made of others */
	const char *giftOf;			/* the order that it was given with, or NULL */
} Instrument;

/* An earlier request of the same verb: its (first) entry. */
typedef struct EarlierAct
{
	int64		instrumentId;
	int32		version;
	Amount		amount;
	Datum		extended;		/* if the verb extends */
	const char *peerAccountId;	/* if it moves to another instrument */
	int64		peerInstrumentId;
} EarlierAct;

extern void ReadAct(FunctionCallInfo fcinfo, int requestId, int reason, int actor, int at,
					Act *act);
pg_noreturn extern void RefuseUnknownInstrument(const char *accountId, int64 instrumentId);
extern const char *InstrumentAccountCurrency(const char *accountId, int64 instrumentId);
extern void ReadInstrument(const Act *act, int64 instrumentId, Instrument *instrument);
extern void RefuseHeld(const Instrument *instrument);
extern void LockInstrument(Act *act, int64 instrumentId, Instrument *instrument);
extern bool FindAct(const Act *act, const char *kind, EarlierAct *earlier);
extern void RefuseAct(const Act *act, const char *differs);
extern void RefuseStatus(const Instrument *instrument, InstrumentStatus status);
extern InstrumentStatus CandidateStatusAt(const Candidate *state, TimestampTz at);
extern void CheckUsable(const Instrument *instrument, TimestampTz at);
extern void CheckNoGift(const Instrument *instrument, int sqlState);
extern void CheckNoShare(const Candidate *state);
extern void CheckNotShared(const Act *act, const Instrument *instrument);
extern void LockWithPeer(Act *act, const char *currency, const char *peerAccountId, Account *peer);
extern void SendTo(const Act *act, Instrument *from, const char *kind, Amount amount,
				   const char *toAccountId, int64 toInstrumentId);
extern int64 ReceiveFrom(const Act *act, const Account *to, const Instrument *from,
						 const char *kind, Amount faceValue, Amount amount, bool counted);
extern void BeginEntry(const Act *act, const Instrument *instrument, const char *kind,
					   InstrumentEntry *entry);

#endif							/* VOUCHER_LIFECYCLE_H */
