\set account random(1, :accounts)
SELECT * FROM voucher.match('match-' || :account, 'p1', 'purchase', 500);
