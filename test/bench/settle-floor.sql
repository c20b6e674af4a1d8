\set account random(1, :accounts)
\set order random(1, 9000000000000000)
WITH held AS (
    SELECT account_id, instrument_id FROM floor.instrument WHERE account_id = 'account-' || :account AND instrument_id = 1 FOR UPDATE
), i AS (
    UPDATE floor.instrument AS i SET balance = balance OPERATOR(voucher.-) 2, version = version + 1 FROM held
    WHERE i.account_id = held.account_id AND i.instrument_id = held.instrument_id RETURNING i.*
), a AS (
    UPDATE floor.account SET balance = balance OPERATOR(voucher.-) 3, version = version + 1
    WHERE account_id = 'account-' || :account AND currency = 'CNY' RETURNING *
), s AS (
    INSERT INTO floor.settlement (account_id, order_id, currency, payment_type, at, gross, discount, voucher, cash, invoiceable, product, order_type, instrument_id)
    VALUES ('account-' || :account, :order::text, 'CNY', 'subscription', now(), 5, 0, 2, 3, 3, 'p1', 'renewal', 1)
), e AS (
    INSERT INTO floor.entry (account_id, instrument_id, version, kind, amount, balance, at, order_id)
    SELECT account_id, instrument_id, version, 'settle', -2, balance, now(), :order::text FROM i
), c AS (
    INSERT INTO floor.cash_entry (account_id, currency, version, kind, amount, balance, at, order_id)
    SELECT account_id, currency, version, 'settle', -3, balance, now(), :order::text FROM a
)
SELECT balance FROM a;
