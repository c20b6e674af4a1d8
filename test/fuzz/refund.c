/*
 * refund.c
 *		Fuzzes the arithmetic of refunds: an order that was settled, built from
 *		the input, is refunded by amounts, by lines or by re-ratings until
 *		nothing is left of it.
 */
#include "shim.h"

#include "plan.h"
#include "refund_plan.h"

#define MAX_LINES 5
#define MAX_PARTS 3
#define MAX_REFUNDS 12

/* What a tender paid of the order, and what it got back. */
typedef struct Part
{
	Amount		paid;
	Amount		returned;
	Amount		shares[MAX_LINES];
} Part;

typedef struct Order
{
	RefundState state;
	RefundLine	lines[MAX_LINES];
	int			nlines;
	int			nparts;
	Part		parts[MAX_PARTS];
	bool		recut;			/* the currency's digits have changed since */
	bool		reratedOnly;	/* no refund but those of re-ratings */
} Order;

/* Money, also below the minor unit, also huge: the sum of all lines is an amount. */
static Amount
TakeMoney(Bytes *bytes, int64 unit)
{
	switch (TakeBelow(bytes, 4))
	{
		case 0:
			return (Amount) Take(bytes, 1) * unit;
		case 1:
			return (Amount) Take(bytes, 2) * unit;
		case 2:
			return (Amount) Take(bytes, 3);
	}
	return (Amount) (Take(bytes, 8) >> 5);
}

/* An order as MakePlan leaves it: lines after discounts, and what vouchers paid of each. */
static bool
BuildOrder(Order *order, Bytes *bytes)
{
	RefundState *state = &order->state;
	Amount		left[MAX_LINES];
	Amount		sum = 0;
	int64		unit;

	state->digits = TakeBelow(bytes, AMOUNT_DECIMALS + 1);
	unit = AmountQuantum(state->digits);
	order->nlines = 1 + TakeBelow(bytes, MAX_LINES);
	state->lines = order->lines;
	for (int i = 0; i < order->nlines; i++)
	{
		RefundLine *line = &order->lines[i];

		line->lineNo = i + 1;
		line->net = TakeMoney(bytes, unit);
		if (TakeOneIn(bytes, 6))
			line->net = -line->net;
		left[i] = line->net;
		sum += line->net;
	}
	if (sum < 0)
		return false;
	state->total = state->cash = AmountTrunc(sum, state->digits);

	order->nparts = TakeBelow(bytes, MAX_PARTS + 1);
	for (int j = 0; j < order->nparts; j++)
	{
		Part	   *part = &order->parts[j];
		Amount		weights[MAX_LINES];
		Amount		most = 0;

		for (int i = 0; i < order->nlines; i++)
		{
			weights[i] = TakeOneIn(bytes, 3) ? 0 : Max(left[i], 0);
			most += weights[i];
		}
		most = Min(most, state->cash);
		if (TakeOneIn(bytes, 2))
		{
			Amount		value = TakeMoney(bytes, unit);

			most = Min(most, value);
		}
		part->paid = AmountTrunc(most, state->digits);
		Allocate(part->paid, order->nlines, weights, unit, part->shares);
		for (int i = 0; i < order->nlines; i++)
		{
			CHECK(part->shares[i] >= 0 && part->shares[i] <= weights[i]);
			left[i] -= part->shares[i];
			order->lines[i].voucher += part->shares[i];
		}
		state->cash -= part->paid;
	}
	/* what was outstanding and was waived is neither paid nor refunded */
	if (TakeOneIn(bytes, 4))
	{
		Amount		value = TakeMoney(bytes, unit);
		Amount		waived = AmountTrunc(Min(state->cash, value), state->digits);

		state->total -= waived;
		state->cash -= waived;
	}
	order->recut = TakeOneIn(bytes, 8);
	if (order->recut)
		state->digits = TakeBelow(bytes, AMOUNT_DECIMALS + 1);
	return true;
}

/* What can be refunded of each line: all of the order, and the cash of it, in whole minor units. */
static void
CheckLines(const Order *order)
{
	int128		total = 0;
	int128		cash = 0;
	int64		unit = AmountQuantum(order->state.digits);

	for (int i = 0; i < order->nlines; i++)
	{
		const RefundLine *line = &order->lines[i];

		CHECK(line->total >= 0 && line->cash >= 0 && line->cash <= line->total);
		CHECK(order->recut || (line->total % unit == 0 && line->cash % unit == 0));
		total += line->total;
		cash += line->cash;
	}
	CHECK(order->recut || (total == order->state.total && cash == order->state.cash));
}

/* What goes back to each part, as ReturnParts has it; the sum. */
static Amount
ReturnParts(Order *order, Amount refunded, Amount refundedCash, bool rerated)
{
	const RefundState *state = &order->state;
	int64		unit = AmountQuantum(state->digits);
	Amount		room = refunded - refundedCash - state->returned;
	Amount		paid[MAX_PARTS];
	Amount		before[MAX_PARTS];
	Amount		after[MAX_PARTS];
	Amount		sum = 0;

	CHECK(room >= 0);
	for (int j = 0; j < order->nparts; j++)
		paid[j] = order->parts[j].paid;
	if (rerated && order->nparts > 0)
	{
		CoverParts(state->refunded - state->refundedCash, order->nparts, paid, unit, before);
		CoverParts(refunded - refundedCash, order->nparts, paid, unit, after);
	}
	for (int j = 0; j < order->nparts; j++)
	{
		Part	   *part = &order->parts[j];
		Amount		amount;

		if (!rerated)
		{
			before[j] = PartCovered(state, state->refunded, false, part->paid, part->shares);
			after[j] = PartCovered(state, refunded, true, part->paid, part->shares);
		}
		/* where the digits have changed, only what is below bounds it */
		if (!order->recut)
		{
			CHECK(0 <= before[j] && before[j] <= after[j] && after[j] <= part->paid);
			CHECK(after[j] % unit == 0);
			if (refunded == state->total)
				CHECK(after[j] == part->paid);
		}
		amount = Min(after[j] - before[j], Min(part->paid - part->returned, room - sum));
		CHECK(amount >= 0);
		part->returned += amount;
		sum += amount;
	}
	return sum;
}

/* One refund: never more than was paid, of the order and of each that paid. */
static void
RefundOnce(Order *order, Amount requested, bool rerated)
{
	RefundState *state = &order->state;
	Amount		refunded = state->refunded + requested;
	Amount		cash = CashUpTo(state, refunded);
	Amount		returned;

	CHECK(refunded <= state->total);
	CHECK(cash >= state->refundedCash && cash <= state->cash && cash <= refunded);
	if (!order->recut)
	{
		CHECK(cash % AmountQuantum(state->digits) == 0);
		CHECK(cash - state->refundedCash <= requested);
	}
	if (refunded == state->total)
		CHECK(cash == state->cash);
	returned = ReturnParts(order, refunded, cash, rerated);
	/* what a re-rating takes back comes back to the last unit */
	if (order->reratedOnly)
		CHECK(returned + cash - state->refundedCash == requested);
	state->returned += returned;
	CHECK(state->returned + cash <= refunded);
	state->refunded = refunded;
	state->refundedCash = cash;
	for (int i = 0; i < state->nlines; i++)
	{
		order->lines[i].refunded += order->lines[i].requested;
		order->lines[i].requested = 0;
	}
}

/* So much of what is left, in whole minor units; often all of it. */
static Amount
TakeOf(Bytes *bytes, Amount left, int64 unit)
{
	Amount		part = (Amount) ((int128) left * Take(bytes, 1) / 255);

	return TakeOneIn(bytes, 3) ? left : Min(left, part - part % unit);
}

/* What re-ratings cover of several parts grows with what is covered, and adds up to it. */
static void
CheckCover(const Order *order, Bytes *bytes)
{
	int64		unit = AmountQuantum(order->state.digits);
	Amount		paid[MAX_PARTS];
	Amount		shares[MAX_PARTS];
	Amount		before[MAX_PARTS] = {0};
	Amount		total = 0;
	Amount		covered = 0;

	if (order->nparts == 0 || order->recut)
		return;
	for (int j = 0; j < order->nparts; j++)
		total += (paid[j] = order->parts[j].paid);
	for (int i = 0; i < 4; i++)
	{
		int128		sum = 0;

		covered += TakeOf(bytes, total - covered, unit);
		CoverParts(covered, order->nparts, paid, unit, shares);
		for (int j = 0; j < order->nparts; j++)
		{
			CHECK(shares[j] >= before[j] && shares[j] <= paid[j] && shares[j] % unit == 0);
			sum += shares[j];
			before[j] = shares[j];
		}
		CHECK(sum == covered);
	}
}

/* An order that was consumed in part gives back no more than was not. */
static void
CheckConsumed(const Order *order, Bytes *bytes)
{
	const RefundState *state = &order->state;
	Amount		consumed = TakeMoney(bytes, AmountQuantum(state->digits));

	for (int j = 0; j < order->nparts && state->refunded < state->total; j++)
	{
		const Part *part = &order->parts[j];
		Amount		covered = PartCovered(state, state->refunded, false, part->paid, part->shares);
		Amount		back = PartUnconsumed(state, consumed, part->paid, covered);

		CHECK(back >= 0 && back <= part->paid - covered);
		if (consumed >= state->total - state->refunded)
			CHECK(back == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	Bytes		bytes = {data, data + size};
	Order		order = {0};
	RefundState *state = &order.state;
	int			way;
	int64		unit;

	if (!BuildOrder(&order, &bytes))
	{
		FreeAll();
		return 0;
	}
	unit = AmountQuantum(state->digits);
	way = TakeBelow(&bytes, 4);
	order.reratedOnly = way == 1;
	CheckCover(&order, &bytes);
	if (way == 0)
	{
		state->nlines = order.nlines;
		SplitLines(state);
		CheckLines(&order);
	}
	for (int i = 0; i < MAX_REFUNDS && state->refunded < state->total; i++)
	{
		Amount		requested = 0;

		CheckConsumed(&order, &bytes);
		if (state->nlines == 0)
			requested = TakeOf(&bytes, state->total - state->refunded, unit);
		else
		{
			for (int j = 0; j < order.nlines; j++)
			{
				RefundLine *line = &order.lines[j];

				line->requested = TakeOf(&bytes, line->total - line->refunded, unit);
				requested += line->requested;
			}
		}
		/* where a currency lost digits, its lines may come to more than the order: refused */
		if (order.recut && requested > state->total - state->refunded)
		{
			for (int j = 0; j < order.nlines; j++)
				order.lines[j].requested = 0;
			continue;
		}
		/* by amount, all of it; by re-rating, all of it; or they mix */
		if (requested > 0)
			RefundOnce(&order, requested, order.reratedOnly || (way == 2 && TakeOneIn(&bytes, 2)));
	}
	if (state->refunded < state->total)
	{
		/* all that is left, of all lines: what it takes of which does not matter any more */
		RefundOnce(&order, state->total - state->refunded, order.reratedOnly);
	}
	CHECK(state->refundedCash == state->cash);
	FreeAll();
	return 0;
}
