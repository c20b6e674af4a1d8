\set account random(1, :accounts)
\set order random(1, 9000000000000000)
SELECT (voucher.settle('account-' || :account, :order::text, 'p1', 'renewal', 5)).cash;
