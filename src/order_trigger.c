/*
 * order_trigger.c
 *		Settles the rows of the caller's own orders table as they are inserted.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "settle.h"
#include "store.h"
#include "triggers.h"

PG_FUNCTION_INFO_V1(voucher_settle_order);

/* What a trigger argument can name, as settle's own arguments are called. */
typedef enum OrderField
{
	FIELD_ACCOUNT_ID,
	FIELD_ORDER_ID,
	FIELD_PRODUCT,
	FIELD_ORDER_TYPE,
	FIELD_AMOUNT,
	FIELD_DURATION,
	FIELD_PAYMENT_TYPE,
	FIELD_CURRENCY,
	FIELD_VOUCHER,
	FIELD_COUPON,
	FIELD_PROMO_CODE,
	FIELD_AT,
	FIELD_REGION,
	FIELD_TAGS,
	FIELD_POLICY,
	FIELD_ACTOR,
	FIELD_COUNT
} OrderField;

static const char *const fieldNames[] = {
	"account_id", "order_id", "product", "order_type", "amount", "duration", "payment_type",
	"currency", "voucher", "coupon", "promo_code", "at", "region", "tags", "policy", "actor"
};

/* The fields that every order must have. */
#define REQUIRED_FIELDS (FIELD_AMOUNT + 1)

/* Error for a trigger that was created with wrong arguments. */
static void
BadArgument(const Trigger *trigger, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("trigger \"%s\" has invalid arguments", trigger->tgname),
			 errdetail("%s", detail),
			 errhint("Arguments are written name=column, such as 'account_id=customer'.")));
}

/* The column that each field is in, 0 if none. */
static void
ReadMapping(const Trigger *trigger, TupleDesc desc, int columns[FIELD_COUNT])
{
	memset(columns, 0, FIELD_COUNT * sizeof(int));
	for (int i = 0; i < trigger->tgnargs; i++)
	{
		const char *argument = trigger->tgargs[i];
		const char *equals = strchr(argument, '=');
		int			field = 0;

		if (equals == NULL)
			BadArgument(trigger, psprintf("\"%s\" has no \"=\".", argument));
		while (field < FIELD_COUNT &&
			   (strlen(fieldNames[field]) != equals - argument ||
				strncmp(fieldNames[field], argument, equals - argument) != 0))
			field++;
		if (field == FIELD_COUNT)
			BadArgument(trigger, psprintf("\"%s\" names nothing that an order has.", argument));
		if (columns[field] != 0)
			BadArgument(trigger, psprintf("More than one says where \"%s\" is.", fieldNames[field]));
		columns[field] = SPI_fnumber(desc, equals + 1);
		if (columns[field] <= 0)
			BadArgument(trigger, psprintf("The table has no column \"%s\".", equals + 1));
	}
	for (int field = 0; field < REQUIRED_FIELDS; field++)
	{
		if (columns[field] == 0)
			BadArgument(trigger, psprintf("No argument says where \"%s\" is.", fieldNames[field]));
	}
}

/* A column's value as text, as the column's type prints it; NULL if null or not mapped. */
static char *
FieldText(TriggerData *data, int column)
{
	if (column == 0)
		return NULL;
	return SPI_getvalue(data->tg_trigtuple, RelationGetDescr(data->tg_relation), column);
}

/* As FieldText, for what an order must have. */
static char *
RequiredText(TriggerData *data, const int *columns, OrderField field)
{
	char	   *value = FieldText(data, columns[field]);

	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" of the order must not be null", fieldNames[field])));
	if (*value == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" of the order must not be empty", fieldNames[field])));
	return value;
}

/* As FieldText, with the default that settle has too. */
static const char *
TextOr(TriggerData *data, const int *columns, OrderField field, const char *otherwise)
{
	char	   *value = FieldText(data, columns[field]);

	return value == NULL ? otherwise : value;
}

/* The order's time: an instant; now if null or not mapped. */
static TimestampTz
OrderTime(TriggerData *data, int column)
{
	char	   *value = FieldText(data, column);
	TimestampTz at;

	if (value == NULL)
		return GetCurrentTransactionStartTimestamp();
	at = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(value),
												 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	if (!IsInstant(at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" of the order must be in the years 1 to 9999", fieldNames[FIELD_AT])));
	return at;
}

/*
 * Trigger: settle the inserted row as an order of one line.  Whatever settle
 * refuses makes the INSERT fail.
 */
Datum
voucher_settle_order(PG_FUNCTION_ARGS)
{
	TriggerData *data = GetTriggerData(fcinfo);
	int			columns[FIELD_COUNT];
	OrderRequest request = {0};
	char	   *value;
	Amount		amount;

	if (!TRIGGER_FIRED_BY_INSERT(data->tg_event) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		!TRIGGER_FIRED_AFTER(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" must be AFTER INSERT FOR EACH ROW",
						data->tg_trigger->tgname)));

	StoreBegin();
	ReadMapping(data->tg_trigger, RelationGetDescr(data->tg_relation), columns);
	request.accountId = RequiredText(data, columns, FIELD_ACCOUNT_ID);
	request.orderId = RequiredText(data, columns, FIELD_ORDER_ID);
	request.paymentType = TextOr(data, columns, FIELD_PAYMENT_TYPE, "subscription");
	request.currency = TextOr(data, columns, FIELD_CURRENCY, NULL);
	request.voucher = TextOr(data, columns, FIELD_VOUCHER, "auto");
	request.coupon = TextOr(data, columns, FIELD_COUPON, "auto");
	request.promoCode = ReadPromoCode(FieldText(data, columns[FIELD_PROMO_CODE]));
	request.policy = TextOr(data, columns, FIELD_POLICY, NULL);
	request.actor = TextOr(data, columns, FIELD_ACTOR, NULL);
	request.at = OrderTime(data, columns[FIELD_AT]);

	AmountParse(RequiredText(data, columns, FIELD_AMOUNT), &amount, NULL);
	AllocateLines(&request, 1);
	AddOrderLine(&request, 0, 1, RequiredText(data, columns, FIELD_PRODUCT),
				 RequiredText(data, columns, FIELD_ORDER_TYPE), amount);
	value = FieldText(data, columns[FIELD_DURATION]);
	if (value != NULL)
		SetDuration(&request, 0,
					DirectFunctionCall3(interval_in, CStringGetDatum(value),
										ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	request.lines[0].region = FieldText(data, columns[FIELD_REGION]);
	value = FieldText(data, columns[FIELD_TAGS]);
	if (value != NULL)
		SetTags(&request.lines[0],
				DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(value))));
	SettleOrder(&request);
	StoreEnd();
	return PointerGetDatum(NULL);
}
