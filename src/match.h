/*
 * match.h
 *		The rows of match, which explain_at returns too.
 */
#ifndef VOUCHER_MATCH_H
#define VOUCHER_MATCH_H

#include "order.h"

/* rank to detail: see match.sql */
#define MATCH_COLUMNS 10

extern Candidate **SortMatches(const OrderFacts *facts);
extern int	SetMatch(const PlanOrder *order, Candidate *const *sorted, int i, int rank,
					 Datum *values, bool *isnull);

#endif							/* VOUCHER_MATCH_H */
