/*
 * invoice.c
 *		Invoices: issued for what cash paid, and voided.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "catalog.h"
#include "refund.h"
#include "store.h"

PG_FUNCTION_INFO_V1(voucher_issue_invoice);
PG_FUNCTION_INFO_V1(voucher_void_invoice);

/* An invoice as it is stored. */
typedef struct Invoice
{
	Datum		row;
	Amount		amount;
	char	   *orderId;
	bool		voided;
} Invoice;

/* Read an invoice; false if there is none. */
static bool
FindInvoice(const char *accountId, const char *invoiceId, Invoice *invoice)
{
	Datum		key[2];

	key[0] = CStringGetTextDatum(accountId);
	key[1] = CStringGetTextDatum(invoiceId);
	if (StoreRun(STMT_INVOICE_READ, STORE_WRITE, key, NULL) == 0)
		return false;
	invoice->row = StoreNotNull(0, 1);
	invoice->amount = StoreAmount(0, 2);
	invoice->orderId = StoreText(0, 3);
	invoice->voided = StoreBool(0, 4);
	return true;
}

/*
 * Is an invoice of that id the one that this call asks for?  amount is 0 where
 * it asks for all that is left.  Errors: VC302 it is another, VC204 it is void.
 */
static void
CheckSameInvoice(const Invoice *invoice, const Settlement *settlement, const char *invoiceId,
				 Amount amount)
{
	const char *differs = NULL;

	if (strcmp(invoice->orderId, settlement->orderId) != 0)
		differs = "order_id";
	else if (amount != 0 && invoice->amount != amount)
		differs = "amount";
	if (differs != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_VC_REQUEST_DIFFERS),
				 errmsg("invoice \"%s\" of account \"%s\" is already issued", invoiceId,
						settlement->account.accountId),
				 errdetail("This call differs from it in \"%s\".", differs)));
	if (invoice->voided)
		ereport(ERROR,
				(errcode(ERRCODE_VC_INVOICE_IS_VOID),
				 errmsg("invoice \"%s\" of account \"%s\" is void", invoiceId,
						settlement->account.accountId),
				 errhint("Issue another one under an id of its own.")));
}

/* Issue an invoice over a settlement's invoiceable amount; returns its row. */
static Datum
IssueInvoice(Settlement *settlement, const char *invoiceId, Amount amount, TimestampTz at)
{
	Datum		values[5];
	Datum		row;
	SettlementEntry entry = {0};

	if (amount == 0)
		amount = settlement->invoiceable;
	if (amount > settlement->invoiceable || settlement->invoiceable <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_VC_INVOICE_ABOVE_LEFT),
				 settlement->invoiceable <= 0 ?
				 errmsg("nothing of order \"%s\" is left to invoice", settlement->orderId) :
				 errmsg("invoice exceeds what is left to invoice of order \"%s\"",
						settlement->orderId),
				 errdetail("Cash paid %s, of which %s are refunded and %s are invoiced; %s are left.",
						   AmountToString(settlement->cash),
						   AmountToString(settlement->refundedCash),
						   AmountToString(settlement->cash - settlement->refundedCash -
										  settlement->invoiceable),
						   AmountToString(settlement->invoiceable))));

	values[0] = CStringGetTextDatum(settlement->account.accountId);
	values[1] = CStringGetTextDatum(invoiceId);
	values[2] = CStringGetTextDatum(settlement->account.currency);
	values[3] = AmountGetDatum(amount);
	values[4] = TimestampTzGetDatum(at);
	StoreWriteRows(STMT_INVOICE_INSERT, values, NULL, 1);
	row = StoreNotNull(0, 1);

	entry.kind = "invoice";
	entry.amount = -amount;
	entry.invoiceId = invoiceId;
	AddSettlementEntry(settlement, &entry, at);
	return row;
}

/* issue_invoice(account_id, invoice_id, order_id, amount, at) returns invoice */
Datum
voucher_issue_invoice(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *invoiceId = TextArgument(fcinfo, 1, "invoice_id");
	const char *orderId = TextArgument(fcinfo, 2, "order_id");
	Amount		amount = PG_ARGISNULL(3) ? 0 : PG_GETARG_AMOUNT(3);
	TimestampTz at = TimeArgument(fcinfo, 4, "at");
	Settlement	settlement;
	Invoice		invoice;

	StoreBegin();
	CatalogBegin();
	LockSettlement(accountId, orderId, &settlement);
	if (!PG_ARGISNULL(3))
		CheckMinorUnit(amount, settlement.account.currency, "amount");
	if (FindInvoice(accountId, invoiceId, &invoice))
		CheckSameInvoice(&invoice, &settlement, invoiceId, amount);
	else
		invoice.row = IssueInvoice(&settlement, invoiceId, amount, at);
	invoice.row = SPI_datumTransfer(invoice.row, false, -1);
	StoreEnd();
	PG_RETURN_DATUM(invoice.row);
}

/* void_invoice(account_id, invoice_id, reason, at) returns invoice */
Datum
voucher_void_invoice(PG_FUNCTION_ARGS)
{
	const char *accountId = TextArgument(fcinfo, 0, "account_id");
	const char *invoiceId = TextArgument(fcinfo, 1, "invoice_id");
	const char *reason = OptionalTextArgument(fcinfo, 2);
	TimestampTz at = TimeArgument(fcinfo, 3, "at");
	Settlement	settlement;
	Invoice		invoice;

	StoreBegin();
	CatalogBegin();
	if (!FindInvoice(accountId, invoiceId, &invoice))
		ereport(ERROR,
				(errcode(ERRCODE_VC_UNKNOWN_INVOICE),
				 errmsg("account \"%s\" has no invoice \"%s\"", accountId, invoiceId)));
	LockSettlement(accountId, invoice.orderId, &settlement);
	/* only now does nobody else void it */
	FindInvoice(accountId, invoiceId, &invoice);
	if (!invoice.voided)
	{
		SettlementEntry entry = {0};

		entry.kind = "void";
		entry.amount = invoice.amount;
		entry.invoiceId = invoiceId;
		entry.reason = reason;
		AddSettlementEntry(&settlement, &entry, at);
	}
	invoice.row = SPI_datumTransfer(invoice.row, false, -1);
	StoreEnd();
	PG_RETURN_DATUM(invoice.row);
}
