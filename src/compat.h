/*
 * compat.h
 *		What differs between the versions of PostgreSQL.
 */
#ifndef VOUCHER_COMPAT_H
#define VOUCHER_COMPAT_H

/* The macros for variable-length values moved with 16. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Before 18 the mark had another name and stood behind the declaration. */
#ifndef pg_noreturn
#define pg_noreturn pg_attribute_noreturn()
#endif

/*
 * Soft input errors came with 16.  Below, every input error is thrown and
 * fcinfo->context is not ours to look at.
 */
#if PG_VERSION_NUM >= 160000
#define SOFT_ERROR_CONTEXT(fcinfo)	((fcinfo)->context)
#else
#define SOFT_ERROR_CONTEXT(fcinfo)	NULL
#define ereturn(context, dummy, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy; \
	} while (0)
#endif

/* Is the search_path still the one that a plan was made under? */
#if PG_VERSION_NUM >= 170000
#define SearchPathIsCurrent(path)	SearchPathMatchesCurrentEnvironment(path)
#else
#define SearchPathIsCurrent(path)	OverrideSearchPathMatchesCurrent(path)
#endif

/* Making a range can report a soft error since 16. */
#if PG_VERSION_NUM >= 160000
#define MakeRange(typcache, lower, upper)	make_range(typcache, lower, upper, false, NULL)
#else
#define MakeRange(typcache, lower, upper)	make_range(typcache, lower, upper, false)
#endif

#endif							/* VOUCHER_COMPAT_H */
