\timing on
SELECT count(*) FROM voucher.mint('bench', :codes);
