\set account random(1, :accounts)
SELECT * FROM voucher.instrument WHERE account_id = 'match-' || :account AND currency = 'CNY';
