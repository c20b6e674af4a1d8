-- A shop's invoices and cancellations, run through the extension as they
-- happened: accounts are funded, vouchers handed out, every invoice is settled
-- as one order with many lines, every cancellation refunds a part of an order,
-- and some orders are invoiced, some invoices voided and issued anew.
--
-- Who gets what follows from the place of an account, an order or a row among
-- all: the same files always give the same run.
SET client_min_messages = warning;
-- so that amounts can be added and compared like numbers
SET search_path = public, voucher;

-- ---------------------------------------------------------------------------
-- Every row has one category, decided in this order: what a row says of itself
-- first. A cancellation is refunded if an original is found for it.
-- ---------------------------------------------------------------------------

CREATE TABLE replay.category (
    place    integer PRIMARY KEY,
    category text NOT NULL UNIQUE
);
INSERT INTO replay.category VALUES
    (1, 'settled'),
    (2, 'refunded'),
    (3, 'negative quantity, no cancellation'),
    (4, 'positive quantity, cancellation'),
    (5, 'zero quantity'),
    (6, 'zero price'),
    (7, 'negative price'),
    (8, 'no customer'),
    (9, 'cancellation, original not found'),
    (10, 'cancellation, more than is left');

CREATE TABLE replay.row AS
SELECT r.row_no, r.invoice, r.at, r.account_id, r.quantity, r.price,
       'retail.' || regexp_replace(lower(btrim(r.stock_code)), '[^a-z0-9_-]+', '_', 'g') AS product,
       r.stock_code, r.description, r.quantity * r.price AS value,
       CASE
           WHEN NOT r.cancels AND r.quantity < 0 THEN 'negative quantity, no cancellation'
           WHEN r.cancels AND r.quantity > 0 THEN 'positive quantity, cancellation'
           WHEN r.quantity = 0 THEN 'zero quantity'
           WHEN r.price = 0 THEN 'zero price'
           WHEN r.price < 0 THEN 'negative price'
           WHEN r.account_id IS NULL THEN 'no customer'
           WHEN NOT r.cancels THEN 'settled'
       END AS category
FROM (SELECT i.*, i.invoice LIKE 'C%' AS cancels,
             -- 17850.0 and 17850 are one customer
             'retail-' || NULLIF(regexp_replace(btrim(i.customer), '[.]0+$', ''), '') AS account_id
      FROM replay.input AS i) AS r;
ALTER TABLE replay.row
    ADD CONSTRAINT row_pkey PRIMARY KEY (row_no),
    ADD CONSTRAINT row_category_fkey FOREIGN KEY (category) REFERENCES replay.category (category);

-- ---------------------------------------------------------------------------
-- What is to be sold, and to whom
-- ---------------------------------------------------------------------------

-- an invoice is one customer's, and one order
CREATE TABLE replay.sold AS
SELECT row_no, account_id, invoice AS order_id, product, quantity, price, value,
       row_number() OVER (PARTITION BY account_id, invoice ORDER BY row_no)::integer AS line_no,
       min(at) OVER (PARTITION BY account_id, invoice) AS at,
       0 AS returned,            -- of the quantity
       NULL::numeric AS net,     -- what the line came to after discounts
       0::numeric AS refunded    -- of that
FROM replay.row
WHERE category = 'settled';
ALTER TABLE replay.sold ADD CONSTRAINT sold_pkey PRIMARY KEY (row_no);
CREATE INDEX sold_product_idx ON replay.sold (account_id, product);
CREATE INDEX sold_order_idx ON replay.sold (account_id, order_id);

CREATE TABLE replay.purchase AS
SELECT account_id, order_id, at, array_agg(voucher.line(product, 'purchase', value) ORDER BY line_no) AS lines,
       row_number() OVER (ORDER BY at, account_id COLLATE "C", order_id COLLATE "C") AS n
FROM replay.sold
GROUP BY account_id, order_id, at;

CREATE TABLE replay.customer AS
SELECT account_id, min(at) AS since, row_number() OVER (ORDER BY account_id COLLATE "C") AS n
FROM replay.sold
GROUP BY account_id;

-- what is no goods (postage, fees) is not for universal vouchers
CREATE FUNCTION replay.is_goods(product text) RETURNS boolean
    LANGUAGE sql IMMUTABLE RETURN product ~ '^retail[.][0-9]';

DO $$
BEGIN
    PERFORM voucher.register_product('retail', 'Online retail');
    PERFORM voucher.register_product(product, title, replay.is_goods(product))
    FROM (SELECT product, (array_agg(description ORDER BY row_no))[1] AS title
          FROM replay.row WHERE category = 'settled' GROUP BY product) AS p;
END
$$;

CREATE TABLE replay.favourite AS
SELECT product FROM replay.sold
GROUP BY product ORDER BY count(*) DESC, product COLLATE "C" LIMIT 5;

DO $$
DECLARE
    -- the files may hold nothing that is sold
    favourites text := COALESCE((SELECT string_agg(product, ', ') FROM replay.favourite), 'retail');
BEGIN
    PERFORM voucher.create_template('welcome', 'voucher', 'GBP', face_value => 20, valid_for => '90 days');
    PERFORM voucher.create_template('favourites', 'voucher', 'GBP', face_value => 15, threshold => 30,
                                    scope => favourites::voucher.scope);
    PERFORM voucher.create_template('card', 'voucher', 'GBP', face_value => 10, scope => 'retail',
                                    valid_for => '14 days');
    PERFORM voucher.create_template('tenth', 'coupon', 'GBP', discount_rate => 0.1, maximum => 50, threshold => 100);
    PERFORM voucher.create_campaign('bundle', 'Two coupons in one click');
    PERFORM voucher.create_template('five', 'coupon', 'GBP', face_value => 5, threshold => 50,
                                    campaign => 'bundle', per_account => 1);
    PERFORM voucher.create_template('first', 'coupon', 'GBP', discount_rate => 0.2, maximum => 10,
                                    scope => favourites::voucher.scope, first_purchase => true,
                                    campaign => 'bundle', per_account => 1);
    PERFORM voucher.create_template('retail-5', 'promo_code', 'GBP', discount_rate => 0.05, maximum => 25,
                                    promo_code => 'RETAIL-5');
END
$$;

-- ---------------------------------------------------------------------------
-- What happens when
-- ---------------------------------------------------------------------------

CREATE TABLE replay.event (
    at         timestamptz NOT NULL,
    turn       integer NOT NULL,    -- among events of the same instant
    kind       text NOT NULL,
    account_id text NOT NULL,
    order_id   text,
    row_no     bigint,
    amount     numeric,
    n          bigint
);
-- each month's cash comes on its first day, and then some
INSERT INTO replay.event (at, turn, kind, account_id, amount)
SELECT date_trunc('month', at), 1, 'deposit', account_id, ceil(sum(value) / 10) * 10
FROM replay.sold GROUP BY date_trunc('month', at), account_id;

INSERT INTO replay.event (at, turn, kind, account_id)
SELECT c.since, 2, k.kind, c.account_id
FROM replay.customer AS c
JOIN (VALUES ('grant welcome', 3, 0), ('grant favourites', 4, 1), ('grant tenth', 2, 0),
             ('activate card', 5, 2), ('claim bundle', 7, 3)) AS k (kind, every, start) ON c.n % k.every = k.start;

INSERT INTO replay.event (at, turn, kind, account_id, order_id, n)
SELECT at, 3, 'settle', account_id, order_id, n
FROM replay.purchase;

INSERT INTO replay.event (at, turn, kind, account_id, row_no)
SELECT at, 4, 'cancel', account_id, row_no
FROM replay.row WHERE category IS NULL;

INSERT INTO replay.event (at, turn, kind, account_id, order_id, n)
SELECT p.at + k.later, 5, k.kind, p.account_id, p.order_id, p.n
FROM replay.purchase AS p
JOIN (VALUES ('invoice', 3, 0, '1 day'::interval), ('invoice half', 6, 1, '1 day'), ('void', 12, 0, '3 days'),
             ('invoice anew', 12, 0, '4 days')) AS k (kind, every, start, later) ON p.n % k.every = k.start;

-- what the extension answered, to hold its books against
CREATE TABLE replay.refund (
    row_no     bigint PRIMARY KEY,
    sold_row   bigint NOT NULL,
    requested  numeric NOT NULL,
    cash_back  numeric NOT NULL
);
CREATE TABLE replay.invoice (
    account_id text,
    invoice_id text,
    amount     numeric NOT NULL,
    voided     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (account_id, invoice_id)
);
CREATE TABLE replay.repeat (
    kind text NOT NULL,
    same boolean NOT NULL
);

-- ---------------------------------------------------------------------------
-- Making it happen. Every tenth order and every second refund is sent twice,
-- as by a client that lost the answer: the second answer must be the first.
-- ---------------------------------------------------------------------------

CREATE PROCEDURE replay.settle(e replay.event)
    LANGUAGE plpgsql AS $$
DECLARE
    promo  text;
    o      replay.purchase := (SELECT p FROM replay.purchase AS p
                               WHERE p.account_id = e.account_id AND p.order_id = e.order_id);
    answer voucher.settlement;
    again  voucher.settlement;
BEGIN
    -- every third customer types the promo code in until it was good for something
    SELECT 'retail-5' INTO promo
    FROM replay.customer AS c
    CROSS JOIN voucher.match(e.account_id, lines => o.lines, promo_code => 'retail-5', at => e.at) AS m
    WHERE c.account_id = e.account_id AND c.n % 3 = 1 AND m.kind = 'promo_code' AND m.applies;

    answer := voucher.settle(e.account_id, e.order_id, lines => o.lines, promo_code => promo, at => e.at);
    UPDATE replay.sold AS s
    SET net = (l.amount - l.discount)::numeric
    FROM voucher.settlement_line AS l
    WHERE s.account_id = e.account_id AND s.order_id = e.order_id
      AND l.account_id = e.account_id AND l.order_id = e.order_id AND l.line_no = s.line_no;
    IF e.n % 10 = 0 THEN
        again := voucher.settle(e.account_id, e.order_id, lines => o.lines, promo_code => promo, at => e.at);
        INSERT INTO replay.repeat VALUES ('settle', again IS NOT DISTINCT FROM answer);
    END IF;
END
$$;

-- A cancellation is held against a line of the same customer and product that
-- was settled before and has enough left: of the same price if there is one,
-- the latest of them. It refunds that share of what the line came to after
-- discounts, all so far cut to the penny together; what empties an order
-- refunds all that is left of it.
CREATE PROCEDURE replay.cancel(e replay.event)
    LANGUAGE plpgsql AS $$
DECLARE
    r         replay.row := (SELECT x FROM replay.row AS x WHERE x.row_no = e.row_no);
    s         replay.sold;
    left_over numeric;
    requested numeric;
    answer    voucher.settlement_entry;
    again     voucher.settlement_entry;
BEGIN
    SELECT * INTO s FROM replay.sold
    WHERE account_id = r.account_id AND product = r.product AND at <= r.at AND quantity - returned >= -r.quantity
    ORDER BY price = r.price DESC, at DESC, row_no DESC LIMIT 1;
    IF NOT FOUND THEN
        UPDATE replay.row AS x
        SET category = CASE WHEN EXISTS (SELECT FROM replay.sold AS o
                                         WHERE o.account_id = r.account_id AND o.product = r.product AND o.at <= r.at)
                            THEN 'cancellation, more than is left' ELSE 'cancellation, original not found' END
        WHERE x.row_no = r.row_no;
        RETURN;
    END IF;

    UPDATE replay.sold SET returned = returned - r.quantity WHERE row_no = s.row_no;
    SELECT (o.gross - o.discount - o.rounding)::numeric - (SELECT sum(refunded) FROM replay.sold AS x
            WHERE x.account_id = s.account_id AND x.order_id = s.order_id)
    INTO left_over
    FROM voucher.settlement AS o WHERE o.account_id = s.account_id AND o.order_id = s.order_id;
    IF EXISTS (SELECT FROM replay.sold
               WHERE account_id = s.account_id AND order_id = s.order_id AND returned < quantity) THEN
        requested := trunc(s.net * (s.returned - r.quantity) / s.quantity, 2) - s.refunded;
    ELSE
        requested := left_over;
    END IF;

    -- a part of a penny is worth nothing until more of the line comes back
    IF requested > 0 THEN
        -- null: all that is left
        answer := voucher.refund(s.account_id, s.order_id, NULLIF(requested, left_over), 'row ' || r.row_no,
                                 'cancelled by ' || r.invoice, e.at);
        IF r.row_no % 2 = 0 THEN
            again := voucher.refund(s.account_id, s.order_id, NULLIF(requested, left_over), 'row ' || r.row_no,
                                    'cancelled by ' || r.invoice, e.at);
            INSERT INTO replay.repeat VALUES ('refund', again IS NOT DISTINCT FROM answer);
        END IF;
    END IF;
    UPDATE replay.sold SET refunded = refunded + requested WHERE row_no = s.row_no;
    INSERT INTO replay.refund VALUES (r.row_no, s.row_no, requested, COALESCE(-answer.amount, 0)::numeric);
    UPDATE replay.row SET category = 'refunded' WHERE row_no = r.row_no;
END
$$;

CREATE PROCEDURE replay.invoice(e replay.event)
    LANGUAGE plpgsql AS $$
DECLARE
    wanted numeric := (SELECT invoiceable::numeric FROM voucher.settlement AS o
                       WHERE o.account_id = e.account_id AND o.order_id = e.order_id);
    answer voucher.invoice;
BEGIN
    IF e.kind = 'invoice half' THEN
        wanted := trunc(wanted / 2, 2);
    END IF;
    -- vouchers may have paid all of it, or a refund may have taken it back
    IF wanted > 0 THEN
        answer := voucher.issue_invoice(e.account_id, format('%s/%s', e.order_id, e.kind), e.order_id, wanted, e.at);
        INSERT INTO replay.invoice VALUES (e.account_id, answer.invoice_id, answer.amount::numeric);
    END IF;
END
$$;

CREATE PROCEDURE replay.run()
    LANGUAGE plpgsql AS $$
DECLARE
    e    replay.event;
    id   text;
    card voucher.code;
BEGIN
    PERFORM voucher.open_account(account_id, 'GBP', at => date_trunc('month', since)) FROM replay.customer;
    FOR e IN SELECT * FROM replay.event ORDER BY at, turn, n, row_no, account_id, kind LOOP
        CASE
            WHEN e.kind = 'deposit' THEN
                PERFORM voucher.deposit(e.account_id, e.amount, 'GBP', request_id => e.at::text, at => e.at);
            WHEN e.kind LIKE 'grant %' THEN
                PERFORM voucher.grant(e.account_id, substr(e.kind, 7), at => e.at);
            WHEN e.kind = 'activate card' THEN
                card := (SELECT mint FROM voucher.mint('card', 1));
                ASSERT (voucher.verify(card, at => e.at)).status = 'inactive';
                PERFORM voucher.activate(e.account_id, card, at => e.at);
            WHEN e.kind = 'claim bundle' THEN
                PERFORM voucher.claim(e.account_id, 'bundle', at => e.at);
            WHEN e.kind = 'settle' THEN
                CALL replay.settle(e);
            WHEN e.kind = 'cancel' THEN
                CALL replay.cancel(e);
            WHEN e.kind LIKE 'invoice%' THEN
                CALL replay.invoice(e);
            WHEN e.kind = 'void' THEN
                UPDATE replay.invoice SET voided = true
                WHERE account_id = e.account_id AND invoice_id = e.order_id || '/invoice'
                RETURNING invoice_id INTO id;
                IF FOUND THEN
                    PERFORM voucher.void_invoice(e.account_id, id, 'wrong address', e.at);
                END IF;
        END CASE;
        COMMIT;
    END LOOP;
END
$$;
CALL replay.run();
