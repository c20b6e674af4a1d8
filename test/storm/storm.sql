-- What a storm needs: few accounts, hot vouchers, limits and codes, and a
-- function that does something at random and says what it did.
CREATE EXTENSION voucher;
CREATE SCHEMA storm;

SELECT voucher.register_product(p) FROM unnest('{ecs,oss,rds}'::text[]) AS p;
SELECT voucher.create_campaign('spring');
SELECT voucher.create_template('gift', 'voucher', 'CNY', face_value => 50, refund_policy => 'prorata', transferable => true, shareable => true, campaign => 'spring'),
       voucher.create_template('big', 'voucher', 'CNY', face_value => 5000, refund_policy => 'return_if_undelivered', shareable => true, uses => 100000),
       voucher.create_template('lower', 'voucher', 'CNY', face_value => 300, maximum => 7, effect => 'reduction', refund_policy => 'prorata', valid_for => '1 day'),
       voucher.create_template('tenth', 'coupon', 'CNY', discount_rate => 0.1, uses => 100000, per_account => 3, refund_policy => 'return_if_undelivered'),
       voucher.create_template('lucky', 'coupon', 'CNY', face_value => 3, first_purchase => true, refund_policy => 'return_if_undelivered'),
       voucher.create_template('word', 'promo_code', 'CNY', face_value => 100000, maximum => 1, uses => 100000, promo_code => 'WORD', refund_policy => 'prorata'),
       voucher.create_template('dollars', 'voucher', 'USD', face_value => 70, refund_policy => 'prorata');
SELECT voucher.create_limit('tenth', max_count => 400, max_amount => 900), voucher.create_limit('tenth', max_count => 200, per => 'account', period => 'day'),
       voucher.create_limit('word', max_count => 300), voucher.create_limit(campaign => 'spring', max_amount => 20000),
       voucher.create_limit('gift', max_count => 3000, counts => 'issue'), voucher.create_limit('big', max_count => 10000);
SELECT voucher.open_account(a, 'CNY'), voucher.deposit(a, 100000, 'CNY', request_id => 'first') FROM unnest('{ann,bob,cid}'::text[]) AS a;
SELECT voucher.open_account(a, 'USD'), voucher.deposit(a, 100000, 'USD', request_id => 'first too') FROM unnest('{ann,bob}'::text[]) AS a;
SELECT voucher.grant(a, t) FROM unnest('{ann,bob,cid}'::text[]) AS a, unnest('{gift,gift,gift,big,lower,tenth,tenth,lucky,lucky}'::text[]) AS t;
SELECT voucher.grant(a, 'dollars') FROM unnest('{ann,bob}'::text[]) AS a;
CREATE TABLE storm.code (c voucher.code);
INSERT INTO storm.code SELECT voucher.mint('gift', 500);

-- for the storm's own look-ups
CREATE INDEX storm_recent ON voucher.settlement (account_id, recorded_at);
CREATE INDEX storm_bills ON voucher.settlement (account_id, recorded_at) WHERE payment_type = 'pay_as_you_go' AND rerates IS NULL;
CREATE INDEX storm_invoices ON voucher.invoice (account_id, recorded_at);

-- wrong codes are many, and mean nothing here
INSERT INTO voucher.attempt_budget (whose, attempts, period) VALUES ('account', 1000000, '1 hour');

CREATE FUNCTION storm.pick(anyarray) RETURNS anyelement LANGUAGE sql VOLATILE AS 'SELECT $1[1 + floor(random() * cardinality($1))::integer]';
-- an order of an account, settled or not
CREATE FUNCTION storm.an_order(a text) RETURNS text LANGUAGE sql VOLATILE AS
    'SELECT order_id FROM voucher.settlement WHERE account_id = $1 ORDER BY recorded_at DESC OFFSET floor(random() * 12) LIMIT 1';
CREATE FUNCTION storm.an_instrument(a text) RETURNS bigint LANGUAGE sql VOLATILE AS
    'SELECT instrument_id FROM voucher.instrument WHERE account_id = $1 AND NOT cancelled ORDER BY random() LIMIT 1';
CREATE FUNCTION storm.an_invoice(a text) RETURNS text LANGUAGE sql VOLATILE AS
    'SELECT invoice_id FROM voucher.invoice WHERE account_id = $1 ORDER BY recorded_at DESC OFFSET floor(random() * 5) LIMIT 1';

-- What is done under a key.  All that is drawn afterwards follows from the key, too,
-- up to the first look-up.
CREATE FUNCTION storm.verb(key text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM setseed(hashtext(key) / 2147483648.0);
    RETURN storm.pick('{settle,settle,settle,settle,settle,settle,settle,word,word,usd,bill,bill,reserve,reserve,reserve,capture,capture,capture,release,
                           refund,refund,refund,lines,cancel,deposit,grant,claim,activate,freeze,unfreeze,reclaim,revoke,extend,transfer,split,merge,share,unshare,
                           invoice,credit,void,arrears,rerate,rerate,mint,mint,match,limit,take}'::text[]);
END
$$;

-- Do one thing, under a key that nothing else has.  Returns what was done and,
-- where it can be looked up afterwards, the key and the figures of it.  Orders,
-- deposits and grants are the same call whenever they are made under a key: what
-- they are about is drawn before anything is looked up.
CREATE FUNCTION storm.act(key text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v text := storm.verb(key);
    a text := storm.pick('{ann,bob,cid}'::text[]);
    b text := storm.pick('{ann,bob,cid}'::text[]);
    p text := storm.pick('{ecs,oss,rds}'::text[]);
    n voucher.amount := (1 + floor(random() * 3000))::numeric / 100;
    t text := storm.pick('{purchase,renewal}'::text[]);
    d text := storm.pick('{ann,bob}'::text[]);
    g text := storm.pick('{gift,big,lower,lucky}'::text[]);
    o text := storm.an_order(a);
    i bigint := storm.an_instrument(a);
    s voucher.settlement;
    h voucher.hold;
    e voucher.settlement_entry;
    r voucher.rerating;
    ids bigint[];
    c voucher.code;
BEGIN
    IF v IN ('settle', 'word', 'usd', 'bill') THEN
        s := CASE v
            WHEN 'settle' THEN voucher.settle(a, key, p, t, n, currency => 'CNY')
            WHEN 'word' THEN voucher.settle(a, key, p, 'renewal', n, currency => 'CNY', promo_code => 'word')
            WHEN 'usd' THEN voucher.settle(d, key, p, 'purchase', n, currency => 'USD')
            ELSE voucher.settle(a, key, currency => 'CNY', payment_type => 'pay_as_you_go', arrears => true,
                                lines => ARRAY[voucher.line(p, 'usage', n OPERATOR(voucher.+) 0.00123), voucher.line('ecs', 'usage', 0.0077)]) END;
        RETURN concat_ws('|', v, 'settlement', s.account_id, s.order_id, s.gross, s.discount, s.voucher, s.cash);
    ELSIF v = 'reserve' THEN
        h := voucher.reserve(a, key, p, t, n, currency => 'CNY', hold_for => storm.pick('{10 ms,1 s,1 hour}'::interval[]),
                             promo_code => storm.pick('{word,NULL,NULL}'::text[]));
        RETURN concat_ws('|', v, 'hold', h.account_id, h.order_id, h.gross, h.discount, h.voucher, h.cash);
    ELSIF v IN ('capture', 'release') THEN
        SELECT order_id INTO o FROM voucher.hold WHERE account_id = a AND resolution IS NULL ORDER BY random() LIMIT 1;
        IF v = 'release' THEN
            h := voucher.release(a, COALESCE(o, 'none'));
            RETURN concat_ws('|', v, 'released', a, h.order_id, h.version);
        END IF;
        s := voucher.capture(a, COALESCE(o, 'none'));
        RETURN concat_ws('|', v, 'settlement', s.account_id, s.order_id, s.gross, s.discount, s.voucher, s.cash);
    ELSIF v IN ('refund', 'lines', 'cancel') THEN
        e := CASE v
            WHEN 'refund' THEN voucher.refund(a, o, least(n, 0.5), request_id => key)
            WHEN 'lines' THEN voucher.refund(a, o, lines => '{1}', request_id => key)
            ELSE voucher.cancel(a, o, key) END;
        RETURN concat_ws('|', v, 'settlement_entry', e.account_id, e.order_id, e.version, e.requested, e.amount);
    ELSIF v = 'rerate' THEN
        SELECT order_id INTO o FROM voucher.settlement WHERE account_id = a AND payment_type = 'pay_as_you_go' AND rerates IS NULL
        ORDER BY recorded_at DESC OFFSET floor(random() * 5) LIMIT 1;
        r := voucher.rerate(a, o, key, ARRAY[voucher.line(p, 'usage', n OPERATOR(voucher.+) 0.00456)], arrears => true);
        RETURN concat_ws('|', v, 'rerating', r.account_id, r.order_id, r.version, r.gross, r.billed);
    ELSIF v = 'deposit' THEN
        PERFORM voucher.deposit(a, n, 'CNY', request_id => key);
        RETURN concat_ws('|', v, 'cash_entry', a, key, n);
    ELSIF v = 'grant' THEN
        RETURN concat_ws('|', v, 'entry', a, key, 'issue', voucher.grant(a, g, request_id => key));
    ELSIF v = 'claim' THEN
        RETURN (SELECT concat_ws('|', v, 'instrument', a, max(instrument_id)) FROM voucher.claim(a, 'spring', key));
    ELSIF v = 'activate' THEN
        SELECT x.c INTO c FROM storm.code AS x ORDER BY random() LIMIT 1;
        RETURN concat_ws('|', v, 'instrument', a, voucher.activate(a, c));
    ELSIF v = 'mint' THEN
        -- the pattern gives 1024 codes, for all to draw from
        IF random() < 0.5 THEN
            INSERT INTO storm.code SELECT voucher.mint(template => 'gift', count => 3);
        ELSE
            INSERT INTO storm.code SELECT m::voucher.code FROM voucher.mint_pattern(template => 'gift', count => 3, pattern => 'STORM-26-####-####-#') AS m;
        END IF;
    ELSIF v = 'freeze' THEN
        IF voucher.freeze(a, i, request_id => key) THEN
            RETURN concat_ws('|', v, 'entry', a, key, 'freeze', i);
        END IF;
    ELSIF v = 'unfreeze' THEN
        PERFORM voucher.unfreeze(a, instrument_id) FROM voucher.instrument WHERE account_id = a AND frozen LIMIT 1;
    ELSIF v = 'reclaim' THEN
        PERFORM voucher.reclaim(a, i, key);
        RETURN concat_ws('|', v, 'entry', a, key, 'reclaim', i);
    ELSIF v = 'revoke' THEN
        PERFORM voucher.revoke(a, i, key);
        RETURN concat_ws('|', v, 'entry', a, key, 'revoke', i);
    ELSIF v = 'extend' THEN
        PERFORM voucher.extend(a, i, now() + random() * interval '100 days', key);
        RETURN concat_ws('|', v, 'entry', a, key, 'extend', i);
    ELSIF v = 'transfer' THEN
        RETURN concat_ws('|', v, 'instrument', b, voucher.transfer(a, i, b, key));
    ELSIF v = 'split' THEN
        RETURN (SELECT concat_ws('|', v, 'instrument', a, max(part)) FROM voucher.split(a, i, '{0.5}', key) AS part);
    ELSIF v = 'merge' THEN
        SELECT array_agg(instrument_id) INTO ids FROM (SELECT x.instrument_id FROM voucher.instrument AS x JOIN voucher.template AS t USING (template_id)
            WHERE x.account_id = a AND t.name = 'gift' AND x.balance OPERATOR(voucher.>) 0 AND NOT x.cancelled ORDER BY random() LIMIT 2) AS y;
        RETURN concat_ws('|', v, 'instrument', a, voucher.merge(a, ids, key));
    ELSIF v IN ('share', 'unshare') THEN
        SELECT x.instrument_id INTO i FROM voucher.instrument AS x JOIN voucher.template AS t USING (template_id)
        WHERE x.account_id = a AND t.shareable AND x.owner_account_id IS NULL AND NOT x.cancelled ORDER BY random() LIMIT 1;
        IF v = 'share' THEN
            RETURN concat_ws('|', v, 'instrument', b, voucher.share(a, i, b, key));
        ELSE
            PERFORM voucher.unshare(a, i, b, key);
        END IF;
    ELSIF v = 'invoice' THEN
        RETURN concat_ws('|', v, 'invoice', a, key, (voucher.issue_invoice(a, key, o)).amount);
    ELSIF v = 'credit' THEN
        RETURN concat_ws('|', v, 'invoice', a, key, (voucher.issue_credit_invoice(a, key, storm.an_invoice(a))).amount);
    ELSIF v = 'void' THEN
        RETURN concat_ws('|', v, 'voided', a, (voucher.void_invoice(a, storm.an_invoice(a))).invoice_id);
    ELSIF v = 'arrears' THEN
        SELECT order_id INTO o FROM voucher.arrears(a) LIMIT 1;
        IF FOUND THEN
            e := voucher.pay_arrears(a, o, request_id => key);
            RETURN concat_ws('|', v, 'settlement_entry', e.account_id, e.order_id, e.version, e.requested, e.amount);
        END IF;
    ELSIF v = 'limit' THEN
        IF random() < 0.05 THEN
            PERFORM voucher.create_limit(storm.pick('{gift,big,tenth,word}'::text[]), max_count => 100000);
        END IF;
    ELSIF v = 'take' THEN
        RETURN (SELECT concat_ws('|', v, 'reminding', '', key, count(*), COALESCE(voucher.sum(balance), 0)) FROM voucher.take_expiring('2 days', 3, key));
    ELSE
        PERFORM count(*) FROM voucher.match(a, p, 'renewal', n, currency => 'CNY');
        PERFORM voucher.quote(a, p, 'renewal', n, currency => 'CNY');
        PERFORM count(*) FROM voucher.list(a);
    END IF;
    RETURN v;
END
$$;
