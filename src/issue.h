/*
 * issue.h
 *		Giving an account an instrument, or inviting it to claim some.
 */
#ifndef VOUCHER_ISSUE_H
#define VOUCHER_ISSUE_H

#include "catalog.h"
#include "ledger.h"

extern Amount FaceValueArgument(FunctionCallInfo fcinfo, int n, const Template *template);
extern void CheckFaceValue(FunctionCallInfo fcinfo, int n, const Template *template);
extern bool ValidityOf(const Template *template, TimestampTz countFrom, TimestampTz at,
					   Datum *validity);
extern int64 IssueInstrument(const Account *account, const Template *template, Amount faceValue,
							 TimestampTz countFrom, TimestampTz at, const char *requestId,
							 const char *reason, const char *orderId, const char *campaign);
extern void CheckCampaign(const char *campaign, TimestampTz at);
extern bool IsInvited(const char *accountId, const char *campaign);

#endif							/* VOUCHER_ISSUE_H */
