/*
 * arguments.h
 *		Reads the arguments of a call.
 *
 * name is what the argument is called in SQL; error messages say it.
 */
#ifndef VOUCHER_ARGUMENTS_H
#define VOUCHER_ARGUMENTS_H

#include "datatype/timestamp.h"
#include "fmgr.h"

extern void RequireArgument(FunctionCallInfo fcinfo, int n, const char *name);
extern const char *TextArgument(FunctionCallInfo fcinfo, int n, const char *name);
extern const char *OptionalTextArgument(FunctionCallInfo fcinfo, int n);
extern const char *OptionalNameArgument(FunctionCallInfo fcinfo, int n, const char *name);
extern const char *RequestIdArgument(FunctionCallInfo fcinfo, int n);
extern bool IsInstant(TimestampTz value);
extern TimestampTz TimeArgument(FunctionCallInfo fcinfo, int n, const char *name);

#endif							/* VOUCHER_ARGUMENTS_H */
