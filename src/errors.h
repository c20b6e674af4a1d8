/*
 * errors.h
 *		The SQLSTATEs of this extension, one table.
 *
 * Malformed input uses PostgreSQL's own codes (22xxx).  What a well-formed
 * request is refused for uses class VC, which neither the SQL standard nor
 * PostgreSQL uses: its first letter is outside 0-4 and A-H.  docs/errors.md
 * explains every code to users.
 */
#ifndef VOUCHER_ERRORS_H
#define VOUCHER_ERRORS_H

#include "utils/elog.h"

/* VC0xx: what the request names does not exist (or is not this account's) */
#define ERRCODE_VC_UNKNOWN_ACCOUNT			MAKE_SQLSTATE('V','C','0','0','1')
#define ERRCODE_VC_UNKNOWN_PRODUCT			MAKE_SQLSTATE('V','C','0','0','2')
#define ERRCODE_VC_UNKNOWN_ORDER_TYPE		MAKE_SQLSTATE('V','C','0','0','3')
#define ERRCODE_VC_UNKNOWN_CURRENCY			MAKE_SQLSTATE('V','C','0','0','4')
#define ERRCODE_VC_UNKNOWN_TEMPLATE			MAKE_SQLSTATE('V','C','0','0','5')
#define ERRCODE_VC_UNKNOWN_CAMPAIGN			MAKE_SQLSTATE('V','C','0','0','6')
#define ERRCODE_VC_UNKNOWN_INSTRUMENT		MAKE_SQLSTATE('V','C','0','0','7')
#define ERRCODE_VC_UNKNOWN_CODE				MAKE_SQLSTATE('V','C','0','0','8')
#define ERRCODE_VC_UNKNOWN_ORDER			MAKE_SQLSTATE('V','C','0','0','9')
#define ERRCODE_VC_UNKNOWN_INVOICE			MAKE_SQLSTATE('V','C','0','1','0')
#define ERRCODE_VC_UNKNOWN_POLICY			MAKE_SQLSTATE('V','C','0','1','1')

/* VC1xx: why an instrument does not apply; plan.h names each one's reason */
#define ERRCODE_VC_NOT_YET_EFFECTIVE		MAKE_SQLSTATE('V','C','1','0','1')
#define ERRCODE_VC_EXPIRED					MAKE_SQLSTATE('V','C','1','0','2')
#define ERRCODE_VC_EXHAUSTED				MAKE_SQLSTATE('V','C','1','0','3')
#define ERRCODE_VC_FROZEN					MAKE_SQLSTATE('V','C','1','0','4')
#define ERRCODE_VC_PRODUCT_NOT_IN_SCOPE		MAKE_SQLSTATE('V','C','1','0','5')
#define ERRCODE_VC_ORDER_TYPE_NOT_IN_SCOPE	MAKE_SQLSTATE('V','C','1','0','6')
#define ERRCODE_VC_PAYMENT_TYPE				MAKE_SQLSTATE('V','C','1','0','7')
#define ERRCODE_VC_BELOW_THRESHOLD			MAKE_SQLSTATE('V','C','1','0','8')
#define ERRCODE_VC_NOT_FIRST_PURCHASE		MAKE_SQLSTATE('V','C','1','0','9')
#define ERRCODE_VC_DURATION					MAKE_SQLSTATE('V','C','1','1','0')
#define ERRCODE_VC_NOT_INVITED				MAKE_SQLSTATE('V','C','1','1','1')
#define ERRCODE_VC_PER_ACCOUNT_LIMIT		MAKE_SQLSTATE('V','C','1','1','2')
#define ERRCODE_VC_CURRENCY					MAKE_SQLSTATE('V','C','1','1','3')
#define ERRCODE_VC_NOT_CLAIMABLE			MAKE_SQLSTATE('V','C','1','1','4')
#define ERRCODE_VC_REGION					MAKE_SQLSTATE('V','C','1','1','5')
#define ERRCODE_VC_TAGS						MAKE_SQLSTATE('V','C','1','1','6')
#define ERRCODE_VC_NOT_COMBINABLE			MAKE_SQLSTATE('V','C','1','2','0')
#define ERRCODE_VC_LIMIT_REACHED			MAKE_SQLSTATE('V','C','1','2','1')
#define ERRCODE_VC_CANCELLED				MAKE_SQLSTATE('V','C','1','3','0')
#define ERRCODE_VC_HELD						MAKE_SQLSTATE('V','C','1','3','1')

/* VC2xx: the money does not suffice */
#define ERRCODE_VC_INSUFFICIENT_CASH		MAKE_SQLSTATE('V','C','2','0','1')
#define ERRCODE_VC_REFUND_ABOVE_PAID		MAKE_SQLSTATE('V','C','2','0','2')
#define ERRCODE_VC_INVOICE_ABOVE_LEFT		MAKE_SQLSTATE('V','C','2','0','3')
#define ERRCODE_VC_INVOICE_IS_VOID			MAKE_SQLSTATE('V','C','2','0','4')
#define ERRCODE_VC_ORDER_IS_CANCELLED		MAKE_SQLSTATE('V','C','2','0','5')
#define ERRCODE_VC_ORDER_IS_REFUNDED		MAKE_SQLSTATE('V','C','2','0','6')
#define ERRCODE_VC_REFUND_MIXED				MAKE_SQLSTATE('V','C','2','0','7')
#define ERRCODE_VC_CREDIT_ABOVE_DUE			MAKE_SQLSTATE('V','C','2','0','8')
#define ERRCODE_VC_INVOICE_IS_CREDITED		MAKE_SQLSTATE('V','C','2','0','9')
#define ERRCODE_VC_ORDER_HAS_ARREARS		MAKE_SQLSTATE('V','C','2','1','0')
#define ERRCODE_VC_PAYMENT_ABOVE_ARREARS	MAKE_SQLSTATE('V','C','2','1','1')
#define ERRCODE_VC_ORDER_IS_RERATED			MAKE_SQLSTATE('V','C','2','1','2')
#define ERRCODE_VC_SUPPLEMENTARY_BILL		MAKE_SQLSTATE('V','C','2','1','3')
#define ERRCODE_VC_NOT_A_BILL				MAKE_SQLSTATE('V','C','2','1','4')

/* VC3xx: the same key again, with another body, or for what is told once */
#define ERRCODE_VC_ORDER_DIFFERS			MAKE_SQLSTATE('V','C','3','0','1')
#define ERRCODE_VC_REQUEST_DIFFERS			MAKE_SQLSTATE('V','C','3','0','2')
#define ERRCODE_VC_ANSWER_NOT_KEPT			MAKE_SQLSTATE('V','C','3','0','3')

/* VC4xx: a row was written that the ledger cannot accept */
#define ERRCODE_VC_IMMUTABLE_ROW			MAKE_SQLSTATE('V','C','4','0','1')
#define ERRCODE_VC_ENTRY_OUT_OF_TURN		MAKE_SQLSTATE('V','C','4','0','2')
#define ERRCODE_VC_BALANCE_MISMATCH			MAKE_SQLSTATE('V','C','4','0','3')

/* VC5xx: codes */
#define ERRCODE_VC_PATTERN_USED_UP			MAKE_SQLSTATE('V','C','5','0','1')
#define ERRCODE_VC_CODE_IS_REPLACED			MAKE_SQLSTATE('V','C','5','0','2')
#define ERRCODE_VC_TOO_MANY_ATTEMPTS		MAKE_SQLSTATE('V','C','5','0','3')

/* VC6xx: what a life cycle does not allow */
#define ERRCODE_VC_NOT_TRANSFERABLE			MAKE_SQLSTATE('V','C','6','0','1')
#define ERRCODE_VC_NOT_WHOLE				MAKE_SQLSTATE('V','C','6','0','2')
#define ERRCODE_VC_NOT_DIVISIBLE			MAKE_SQLSTATE('V','C','6','0','3')
#define ERRCODE_VC_ABOVE_BALANCE			MAKE_SQLSTATE('V','C','6','0','4')
#define ERRCODE_VC_NOT_LATER				MAKE_SQLSTATE('V','C','6','0','5')
#define ERRCODE_VC_NO_BALANCE				MAKE_SQLSTATE('V','C','6','0','6')
#define ERRCODE_VC_NOT_SHAREABLE			MAKE_SQLSTATE('V','C','6','0','7')
#define ERRCODE_VC_IS_SHARE					MAKE_SQLSTATE('V','C','6','0','8')
#define ERRCODE_VC_IS_SHARED				MAKE_SQLSTATE('V','C','6','0','9')

/* VC7xx: holds */
#define ERRCODE_VC_NO_HOLD					MAKE_SQLSTATE('V','C','7','0','1')
#define ERRCODE_VC_HOLD_IS_OVER				MAKE_SQLSTATE('V','C','7','0','2')
#define ERRCODE_VC_CAPTURE_ABOVE_HOLD		MAKE_SQLSTATE('V','C','7','0','3')

#endif							/* VOUCHER_ERRORS_H */
