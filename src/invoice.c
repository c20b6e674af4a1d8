/*
 * invoice.c
 *		Invoices over what cash paid: issued, credited and voided.
 *
 * A settlement's invoiceable amount is what an invoice may still show of it;
 * it is negative after a refund of what was invoiced.  A negative amount is
 * offset by a credit invoice or by a line of a later invoice, so that what is
 * shown and what was paid agree again.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "catalog.h"
#include "refund.h"
#include "rows.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_issue_invoice);
PG_FUNCTION_INFO_V1(voucher_issue_credit_invoice);
PG_FUNCTION_INFO_V1(voucher_void_invoice);

/* What an invoice shows of an order; negative: credits. */
typedef struct InvoiceLine
{
	const char *orderId;
	Amount		amount;
} InvoiceLine;

/* An invoice as it is stored; its lines in the order of the orders' ids. */
typedef struct Invoice
{
	const char *invoiceId;
	Datum		row;
	Amount		amount;
	char	   *currency;
	char	   *credits;		/* the invoice that it credits; NULL: none */
	bool		voided;
	bool		credited;		/* by an invoice that is not void */
	int			nlines;
	InvoiceLine *lines;
} Invoice;

/* Read an invoice; false if there is none. */
static bool
FindInvoice(const char *accountId, const char *invoiceId, Invoice *invoice)
{
	Datum		key[2];

	key[0] = CStringGetTextDatum(accountId);
	key[1] = CStringGetTextDatum(invoiceId);
	invoice->nlines = (int) StoreRun(STMT_INVOICE_READ, STORE_WRITE, key, NULL);
	if (invoice->nlines == 0)
		return false;
	invoice->invoiceId = invoiceId;
	invoice->row = StoreNotNull(0, 1);
	invoice->amount = StoreAmount(0, 2);
	invoice->currency = StoreText(0, 3);
	invoice->credits = StoreText(0, 4);
	invoice->voided = StoreBool(0, 5);
	invoice->credited = StoreBool(0, 6);
	invoice->lines = palloc(invoice->nlines * sizeof(InvoiceLine));
	for (int i = 0; i < invoice->nlines; i++)
	{
		invoice->lines[i].orderId = StoreText(i, 7);
		invoice->lines[i].amount = StoreAmount(i, 8);
	}
	return true;
}

/* As FindInvoice; error VC010 if there is none. */
static void
ReadInvoice(const char *accountId, const char *invoiceId, Invoice *invoice)
{
	if (!FindInvoice(accountId, invoiceId, invoice))
		ereport(ERROR,
				(errcode(ERRCODE_VC_UNKNOWN_INVOICE),
				 errmsg("account \"%s\" has no invoice \"%s\"", accountId, invoiceId)));
}

/* Error VC204 if an invoice is void. */
static void
CheckNotVoid(const Invoice *invoice, const char *accountId)
{
	if (invoice->voided)
		ereport(ERROR,
				(errcode(ERRCODE_VC_INVOICE_IS_VOID),
				 errmsg("invoice \"%s\" of account \"%s\" is void", invoice->invoiceId,
						accountId),
				 errhint("Issue another one under an id of its own.")));
}

/*
 * An invoice of that id is there: is it the one that a call asks for, which
 * differs from it in an argument or does not?  Errors VC302 and VC204.
 */
static void
CheckSameInvoice(const Invoice *invoice, const char *accountId, const char *differs)
{
	if (differs != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_VC_REQUEST_DIFFERS),
				 errmsg("invoice \"%s\" of account \"%s\" is already issued", invoice->invoiceId,
						accountId),
				 errdetail("This call differs from it in \"%s\".", differs)));
	CheckNotVoid(invoice, accountId);
}

/* Write the row of a new invoice and return it. */
static Datum
InsertInvoice(const Account *account, const Invoice *invoice, const char *reason, TimestampTz at)
{
	Datum		values[8];
	char		nulls[] = "        ";

	values[0] = CStringGetTextDatum(account->accountId);
	values[1] = CStringGetTextDatum(invoice->invoiceId);
	values[2] = CStringGetTextDatum(account->currency);
	values[3] = AmountGetDatum(invoice->amount);
	values[4] = TimestampTzGetDatum(at);
	values[5] = OptionalTextDatum(invoice->credits, &nulls[5]);
	values[6] = OptionalTextDatum(reason, &nulls[6]);
	values[7] = OptionalTextDatum(account->actor, &nulls[7]);
	StoreWriteRows(STMT_INVOICE_INSERT, values, nulls, 1);
	return StoreNotNull(0, 1);
}

/* Write a line of an invoice, or its voiding: an entry of its order. */
static void
AddInvoiceLine(Settlement *settlement, const char *kind, Amount amount, const char *invoiceId,
			   const char *reason, TimestampTz at)
{
	SettlementEntry entry = {0};

	entry.kind = kind;
	entry.amount = amount;
	entry.invoiceId = invoiceId;
	entry.reason = reason;
	AddSettlementEntry(settlement, &entry, at);
}

/* ------------------------------------------------------------------------
 * Invoices
 * ------------------------------------------------------------------------
 */

/* The orders of an invoice, from order_id or order_ids, sorted; how many. */
static int
ReadOrders(FunctionCallInfo fcinfo, const char ***orderIds)
{
	Datum	   *items;
	bool	   *nulls;
	int			n;

	if (PG_ARGISNULL(5))
	{
		*orderIds = palloc(sizeof(char *));
		(*orderIds)[0] = TextArgument(fcinfo, 2, "order_id");
		return 1;
	}
	if (!PG_ARGISNULL(2) || !PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an invoice is over \"order_id\" and \"amount\" or over \"order_ids\", not both")));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(5), TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &n);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be empty", "order_ids")));
	*orderIds = palloc(n * sizeof(char *));
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not hold a null", "order_ids")));
		(*orderIds)[i] = TextDatumGetCString(items[i]);
	}
	qsort(*orderIds, n, sizeof(char *), CompareStrings);
	for (int i = 1; i < n; i++)
	{
		if (strcmp((*orderIds)[i], (*orderIds)[i - 1]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("order \"%s\" is named more than once", (*orderIds)[i])));
	}
	return n;
}

/* In what a call differs from an invoice that is there; amount is 0 where it gives none. */
static const char *
InvoiceDifference(const Invoice *invoice, int n, const char *const *orderIds, bool many,
				  Amount amount)
{
	if (invoice->credits != NULL)
		return "credits";
	if (invoice->nlines != n)
		return many ? "order_ids" : "order_id";
	for (int i = 0; i < n; i++)
	{
		if (strcmp(invoice->lines[i].orderId, orderIds[i]) != 0)
			return many ? "order_ids" : "order_id";
	}
	return amount != 0 && invoice->amount != amount ? "amount" : NULL;
}

/* Error VC203 for an order of which so much cannot be invoiced. */
static void
RefuseInvoice(const Settlement *settlement, bool nothing)
{
	const RefundState *state = &settlement->state;

	ereport(ERROR,
			(errcode(ERRCODE_VC_INVOICE_ABOVE_LEFT),
			 nothing ?
			 errmsg("nothing of order \"%s\" is left to invoice", settlement->orderId) :
			 errmsg("invoice exceeds what is left to invoice of order \"%s\"",
					settlement->orderId),
			 errdetail("Cash paid %s, of which %s are refunded and %s are invoiced; %s are left.",
					   AmountToString(state->cash), AmountToString(state->refundedCash),
					   AmountToString(state->cash - state->refundedCash -
									  settlement->invoiceable),
					   AmountToString(settlement->invoiceable)),
			 settlement->invoiceable >= 0 ? 0 :
			 errhint("Offset it by voucher.issue_credit_invoice, or on an invoice with other orders.")));
}

/*
 * Issue an invoice over so much of one order (0: all that is left), or over
 * all that is left of several, negative amounts too; returns its row.
 */
static Datum
IssueInvoice(Settlement *orders, int n, Amount amount, const char *invoiceId, TimestampTz at)
{
	Invoice		invoice = {0};
	Datum		row;

	for (int i = 0; i < n; i++)
	{
		Amount		left = orders[i].invoiceable;

		if (left == 0 || (n == 1 && (left < 0 || amount > left)))
			RefuseInvoice(&orders[i], left <= 0);
		invoice.amount = AmountAdd(invoice.amount, amount == 0 ? left : amount);
	}
	if (invoice.amount <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_INVOICE_ABOVE_LEFT),
				 errmsg("invoice \"%s\" would not come to more than zero", invoiceId),
				 errdetail("What is left of its orders is %s.", AmountToString(invoice.amount)),
				 errhint("Add orders, or offset the negative ones by voucher.issue_credit_invoice.")));
	invoice.invoiceId = invoiceId;
	row = InsertInvoice(&orders[0].account, &invoice, NULL, at);
	for (int i = 0; i < n; i++)
		AddInvoiceLine(&orders[i], "invoice", amount == 0 ? -orders[i].invoiceable : -amount,
					   invoiceId, NULL, at);
	return row;
}

/* issue_invoice(account_id, invoice_id, order_id, amount, at, order_ids) returns invoice */
Datum
voucher_issue_invoice(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *invoiceId = TextArgument(fcinfo, 1, "invoice_id");
	Amount		amount = PG_ARGISNULL(3) ? 0 : PG_GETARG_AMOUNT(3);
	TimestampTz at = TimeArgument(fcinfo, 4, "at");
	const char **orderIds;
	int			n = ReadOrders(fcinfo, &orderIds);
	Settlement *orders;
	Invoice		invoice;

	if (!PG_ARGISNULL(3))
		CheckPositive(amount, "amount");
	StoreBegin();
	CatalogBegin();
	orders = palloc(n * sizeof(Settlement));
	LockSettlement(accountId, orderIds[0], &orders[0]);
	orders[0].account.actor = OptionalTextArgument(fcinfo, 6);
	for (int i = 1; i < n; i++)
		ReadSettlement(&orders[0].account, orderIds[i], &orders[i]);
	if (FindInvoice(accountId, invoiceId, &invoice))
		CheckSameInvoice(&invoice, accountId,
						 InvoiceDifference(&invoice, n, orderIds, !PG_ARGISNULL(5), amount));
	else
	{
		if (!PG_ARGISNULL(3))
			CheckMinorUnit(amount, orders[0].account.currency, "amount");
		invoice.row = IssueInvoice(orders, n, amount, invoiceId, at);
	}
	invoice.row = SPI_datumTransfer(invoice.row, false, -1);
	StoreEnd();
	PG_RETURN_DATUM(invoice.row);
}

/* ------------------------------------------------------------------------
 * Credit invoices
 * ------------------------------------------------------------------------
 */

/* What a call asks to be credited. */
typedef struct CreditRequest
{
	const char *invoiceId;
	const char *credits;
	const char *orderId;		/* NULL: all orders of the invoice */
	Amount		amount;			/* 0: all that is to be credited */
	const char *reason;
	TimestampTz at;
} CreditRequest;

/* In what a call differs from an invoice that is there. */
static const char *
CreditDifference(const Invoice *invoice, const CreditRequest *request)
{
	if (invoice->credits == NULL || strcmp(invoice->credits, request->credits) != 0)
		return "credits";
	if (request->orderId != NULL &&
		(invoice->nlines != 1 || strcmp(invoice->lines[0].orderId, request->orderId) != 0))
		return "order_id";
	return request->amount != 0 && -invoice->amount != request->amount ? "amount" : NULL;
}

/* What credit invoices that are not void show of an order of an invoice. */
static Amount
CreditedBefore(const char *accountId, const char *invoiceId, const char *orderId)
{
	Datum		values[3];

	values[0] = CStringGetTextDatum(accountId);
	values[1] = CStringGetTextDatum(invoiceId);
	values[2] = CStringGetTextDatum(orderId);
	StoreRun(STMT_CREDITED, STORE_WRITE, values, NULL);
	return StoreAmount(0, 1);
}

/*
 * The orders of an invoice of which something is to be credited, and how much:
 * what is negative, but no more than the invoice shows.  How many; the sum.
 */
static int
OrdersToCredit(Account *account, const Invoice *original, const CreditRequest *request,
			   Settlement *orders, Amount *due, Amount *sum)
{
	int			n = 0;
	bool		found = request->orderId == NULL;

	*sum = 0;
	for (int i = 0; i < original->nlines; i++)
	{
		const InvoiceLine *line = &original->lines[i];

		if (request->orderId != NULL && strcmp(line->orderId, request->orderId) != 0)
			continue;
		found = true;
		ReadSettlement(account, line->orderId, &orders[n]);
		due[n] = Min(-orders[n].invoiceable,
					 line->amount - CreditedBefore(account->accountId, original->invoiceId,
												   line->orderId));
		if (due[n] <= 0)
			continue;
		*sum = AmountAdd(*sum, due[n++]);
	}
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_VC_UNKNOWN_ORDER),
				 errmsg("invoice \"%s\" does not show order \"%s\"", original->invoiceId,
						request->orderId)));
	return n;
}

/* Issue a credit invoice; returns its row. */
static Datum
IssueCredit(Account *account, const Invoice *original, const CreditRequest *request)
{
	Settlement *orders = palloc(original->nlines * sizeof(Settlement));
	Amount	   *due = palloc(original->nlines * sizeof(Amount));
	Amount		sum;
	Invoice		invoice = {0};
	int			n;
	Datum		row;

	CheckNotVoid(original, account->accountId);
	if (original->credits != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invoice \"%s\" is a credit invoice", original->invoiceId),
				 errhint("Void it instead.")));
	if (request->amount != 0 && request->orderId == NULL && original->nlines > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"amount\" needs \"order_id\" where an invoice shows several orders")));
	n = OrdersToCredit(account, original, request, orders, due, &sum);
	if (sum == 0 || request->amount > sum)
		ereport(ERROR,
				(errcode(ERRCODE_VC_CREDIT_ABOVE_DUE),
				 sum == 0 ? errmsg("nothing of invoice \"%s\" is to be credited",
								   original->invoiceId) :
				 errmsg("credit exceeds what is to be credited of invoice \"%s\"",
						original->invoiceId),
				 errdetail("%s are to be credited: what was refunded after it was invoiced.",
						   AmountToString(sum))));
	if (request->amount != 0)
		due[0] = sum = request->amount;
	invoice.invoiceId = request->invoiceId;
	invoice.credits = pstrdup(request->credits);
	invoice.amount = -sum;
	row = InsertInvoice(account, &invoice, request->reason, request->at);
	for (int i = 0; i < n; i++)
		AddInvoiceLine(&orders[i], "credit", due[i], request->invoiceId, request->reason,
					   request->at);
	return row;
}

/* issue_credit_invoice(account_id, invoice_id, credits, order_id, amount, reason, at) returns invoice */
Datum
voucher_issue_credit_invoice(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	CreditRequest request = {0};
	Account		account;
	Invoice		original;
	Invoice		invoice;

	request.invoiceId = TextArgument(fcinfo, 1, "invoice_id");
	request.credits = TextArgument(fcinfo, 2, "credits");
	request.orderId = OptionalTextArgument(fcinfo, 3);
	request.amount = PG_ARGISNULL(4) ? 0 : PG_GETARG_AMOUNT(4);
	request.reason = OptionalTextArgument(fcinfo, 5);
	request.at = TimeArgument(fcinfo, 6, "at");
	if (!PG_ARGISNULL(4))
		CheckPositive(request.amount, "amount");

	StoreBegin();
	CatalogBegin();
	ReadInvoice(accountId, request.credits, &original);
	LockAccount(accountId, original.currency, &account);
	account.actor = OptionalTextArgument(fcinfo, 7);
	/* only now does nobody else void it */
	ReadInvoice(accountId, request.credits, &original);
	if (FindInvoice(accountId, request.invoiceId, &invoice))
		CheckSameInvoice(&invoice, accountId, CreditDifference(&invoice, &request));
	else
	{
		if (!PG_ARGISNULL(4))
			CheckMinorUnit(request.amount, account.currency, "amount");
		invoice.row = IssueCredit(&account, &original, &request);
	}
	invoice.row = SPI_datumTransfer(invoice.row, false, -1);
	StoreEnd();
	PG_RETURN_DATUM(invoice.row);
}

/* ------------------------------------------------------------------------
 * Voiding
 * ------------------------------------------------------------------------
 */

/* void_invoice(account_id, invoice_id, reason, at) returns invoice */
Datum
voucher_void_invoice(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *invoiceId = TextArgument(fcinfo, 1, "invoice_id");
	const char *reason = OptionalTextArgument(fcinfo, 2);
	TimestampTz at = TimeArgument(fcinfo, 3, "at");
	Account		account;
	Invoice		invoice;

	StoreBegin();
	CatalogBegin();
	ReadInvoice(accountId, invoiceId, &invoice);
	LockAccount(accountId, invoice.currency, &account);
	account.actor = OptionalTextArgument(fcinfo, 4);
	/* only now does nobody else void it */
	ReadInvoice(accountId, invoiceId, &invoice);
	if (invoice.credited && !invoice.voided)
		ereport(ERROR,
				(errcode(ERRCODE_VC_INVOICE_IS_CREDITED),
				 errmsg("invoice \"%s\" of account \"%s\" is credited", invoiceId, accountId),
				 errhint("Void its credit invoice first.")));
	for (int i = 0; i < invoice.nlines && !invoice.voided; i++)
	{
		Settlement	settlement;

		ReadSettlement(&account, invoice.lines[i].orderId, &settlement);
		AddInvoiceLine(&settlement, "void", invoice.lines[i].amount, invoiceId, reason, at);
	}
	invoice.row = SPI_datumTransfer(invoice.row, false, -1);
	StoreEnd();
	PG_RETURN_DATUM(invoice.row);
}
