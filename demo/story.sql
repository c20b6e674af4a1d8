-- `make demo`: what the extension does, told as a story.
\set ON_ERROR_STOP on
CREATE EXTENSION voucher;
\dx voucher
