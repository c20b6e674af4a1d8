-- The demo, played in a database of its own: what a first-time user sees must
-- stay true. Its figures are those of the rules S1 to S12 that the scenes tell.
\set home :DBNAME
CREATE DATABASE voucher_story TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C';
ALTER DATABASE voucher_story SET lc_messages = 'C';
\c voucher_story
\set story `echo "${PG_ABS_SRCDIR:-.}/demo/story.sql"`
\set ECHO none
\i :story
\set ECHO all
\c :home
DROP DATABASE voucher_story;
