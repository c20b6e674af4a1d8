--
-- amount: exact money
--
set search_path = voucher;

--
-- Text
--

-- Canonical: at least two decimals, no trailing zero beyond them
select v::amount from (values ('300'), ('-0.01'), ('0.00001606'), ('1.005'),
	('1.0050'), ('0'), ('-0'), ('-0.00'), ('+7.1'), ('.5'), ('-.5'), ('007'),
	('0.00000001'), ('-0.00000001'), ('0.1234567800000'), (E' \t12.30\n'),
	('92233720368.54775807'), ('-92233720368.54775807')) t(v);

-- A ninth decimal is refused, unless it is zero
select '0.123456789'::amount;
\echo :LAST_ERROR_SQLSTATE
select '0.000000001'::amount;
\echo :LAST_ERROR_SQLSTATE
select '0.1234567800001'::amount;
\echo :LAST_ERROR_SQLSTATE

-- Out of range, on either side: the range is symmetric
select '92233720368.54775808'::amount;
\echo :LAST_ERROR_SQLSTATE
select '-92233720368.54775808'::amount;
\echo :LAST_ERROR_SQLSTATE
select '92233720369'::amount;
\echo :LAST_ERROR_SQLSTATE
select '184467440737.09551616'::amount;
\echo :LAST_ERROR_SQLSTATE
select '100000000000000000000000000000000'::amount;
\echo :LAST_ERROR_SQLSTATE

-- Malformed
select ''::amount;
\echo :LAST_ERROR_SQLSTATE
select ' '::amount;
\echo :LAST_ERROR_SQLSTATE
select '.'::amount;
\echo :LAST_ERROR_SQLSTATE
select '-'::amount;
\echo :LAST_ERROR_SQLSTATE
select '5.'::amount;
\echo :LAST_ERROR_SQLSTATE
select '- 5'::amount;
\echo :LAST_ERROR_SQLSTATE
select '--5'::amount;
\echo :LAST_ERROR_SQLSTATE
select '1e2'::amount;
\echo :LAST_ERROR_SQLSTATE
select 'NaN'::amount;
\echo :LAST_ERROR_SQLSTATE
select 'infinity'::amount;
\echo :LAST_ERROR_SQLSTATE
select '1,000.00'::amount;
\echo :LAST_ERROR_SQLSTATE
select '1.2.3'::amount;
\echo :LAST_ERROR_SQLSTATE
select '1 2'::amount;
\echo :LAST_ERROR_SQLSTATE
select '0x10'::amount;
\echo :LAST_ERROR_SQLSTATE
select '5.00 CNY'::amount;
\echo :LAST_ERROR_SQLSTATE

--
-- Binary: an int64 of units, but not the one that has no negative
--
select amount_send('300'), amount_send('-0.00000001');
create temp table wire (a amount);
\copy (select u from (values (30000000000), (-1), (-9223372036854775807), (9223372036854775807)) t(u)) to 'results/amount.bin' (format binary)
\copy wire from 'results/amount.bin' (format binary)
select a from wire;
\copy (select -9223372036854775808) to 'results/amount.bin' (format binary)
\copy wire from 'results/amount.bin' (format binary)
\set VERBOSITY sqlstate
\copy wire from 'results/amount.bin' (format binary)
\copy (select 1::int4) to 'results/amount.bin' (format binary)
\copy wire from 'results/amount.bin' (format binary)
\set VERBOSITY default

--
-- Casts: exact or an error, and none from or to float
--
select 5::amount, 9223372036::bigint::amount, 199.99::amount, 1.10000000000::amount,
	2147483647::amount, (-2147483648)::amount;
select 92233720368::bigint::amount, (-92233720368)::bigint::amount;
select 92233720369::bigint::amount;
\echo :LAST_ERROR_SQLSTATE
select (-92233720369)::bigint::amount;
\echo :LAST_ERROR_SQLSTATE
select 0.123456789::numeric::amount;
\echo :LAST_ERROR_SQLSTATE
select 1e20::numeric::amount;
\echo :LAST_ERROR_SQLSTATE
select 'NaN'::numeric::amount;
\echo :LAST_ERROR_SQLSTATE
select '-Infinity'::numeric::amount;
\echo :LAST_ERROR_SQLSTATE
select '300'::amount::numeric, '-0.00001606'::amount::numeric, '92233720368.54775807'::amount::numeric;
select 1.5::float8::amount;
\echo :LAST_ERROR_SQLSTATE
select '1.5'::amount::float8;
\echo :LAST_ERROR_SQLSTATE
select coalesce(null::amount, 0), case when true then '1.5'::amount else 0.5 end;

-- A number in place of an amount
create function pg_temp.price(amount) returns text language sql as 'select $1::text';
select pg_temp.price(199.99), pg_temp.price(200), pg_temp.price('200.5'), pg_temp.price(200::bigint);

--
-- Order
--
select a, b, a < b as lt, a <= b as le, a = b as eq, a <> b as ne, a >= b as ge, a > b as gt,
	amount_cmp(a, b) as cmp
from (values ('1'::amount, '1.00'::amount), ('1', '1.00000001'), ('-1', '-1.00000001'), ('-5', '5')) t(a, b);
create temp table price (a amount);
insert into price select i * '0.01'::amount from generate_series(-500, 500) i;
create index price_a on price (a);
create index price_hash on price using hash (a);
analyze price;
set enable_seqscan = off;
set enable_bitmapscan = off;
explain (costs off) select a from price where a > 4.98 order by a;
select a from price where a > 4.98 order by a;
select min(a), max(a) from price;
drop index price_a;
explain (costs off) select a from price where a = 1.99;
select a from price where a = 1.99;
reset enable_seqscan;
reset enable_bitmapscan;
create temp table split (a amount) partition by hash (a);
create temp table split0 partition of split for values with (modulus 2, remainder 0);
create temp table split1 partition of split for values with (modulus 2, remainder 1);
insert into split select a from price;
select count(*), (select count(*) > 0 from split0) and (select count(*) > 0 from split1) as both from split;

--
-- Arithmetic
--
select '0.1'::amount + 0.2 as sum, 1 - '0.00000001'::amount as difference, -'5'::amount as negated,
	abs('-5'::amount), abs('5'::amount);
select '19.99'::amount * 3 as a, 3 * '19.99'::amount as b, '19.99'::amount * 3::bigint as c,
	-3::bigint * '19.99'::amount as d, '19.99'::amount * 0::smallint as e;
select -'92233720368.54775807'::amount as least, abs('-92233720368.54775807'::amount) as most;
select '-92233720368.54775807'::amount * -1 as most;
select '92233720368.54775807'::amount + 0.01;
\echo :LAST_ERROR_SQLSTATE
select '-92233720368.54775807'::amount + -0.01;
\echo :LAST_ERROR_SQLSTATE
select '-92233720368.54775807'::amount - 0.01;
\echo :LAST_ERROR_SQLSTATE
select '92233720368.54775807'::amount - -0.01;
\echo :LAST_ERROR_SQLSTATE
select '1000000000'::amount * 93;
\echo :LAST_ERROR_SQLSTATE
select -93::bigint * '1000000000'::amount;
\echo :LAST_ERROR_SQLSTATE

-- -2^63 units fit an int64, but are no amount
select '-92233720368.54775807'::amount + -0.00000001;
\echo :LAST_ERROR_SQLSTATE
select '-92233720368.54775807'::amount - 0.00000001;
\echo :LAST_ERROR_SQLSTATE
select '-46116860184.27387904'::amount * 2;
\echo :LAST_ERROR_SQLSTATE

-- A factor is a whole number
select '19.99'::amount * 1.5;
\echo :LAST_ERROR_SQLSTATE
select '19.99'::amount * '19.99'::amount;
\echo :LAST_ERROR_SQLSTATE

--
-- Rounding, by name only
--
select v, round(v, 0) as jpy, round(v, 2) as cny, round(v, 3) as kwd, round(v, 8) as exact
from (values ('0.005'::amount), ('0.00499999'), ('-0.005'), ('-0.00499999'), ('2.5'), ('-2.5'),
	('0.49999999'), ('0.0005'), ('1.99999999'), ('-1.99999999'), ('0')) t(v);
select v, trunc(v, 0) as jpy, trunc(v, 2) as cny, trunc(v, 3) as kwd, trunc(v, 8) as exact
from (values ('0.00999999'::amount), ('-0.00999999'), ('2.9999'), ('-2.9999'), ('1.99999999'),
	('92233720368.54775807'), ('-92233720368.54775807')) t(v);
select round('92233720368.54499999'::amount, 2), round('92233720368.49999999'::amount, 0);
select round('92233720368.54775807'::amount, 0);
\echo :LAST_ERROR_SQLSTATE
select round('-92233720368.54775807'::amount, 7);
\echo :LAST_ERROR_SQLSTATE
select round('1'::amount, 9);
\echo :LAST_ERROR_SQLSTATE
select round('1'::amount, -1);
\echo :LAST_ERROR_SQLSTATE
select trunc('1'::amount, 9);
\echo :LAST_ERROR_SQLSTATE
select trunc('1'::amount, 4294967296);
\echo :LAST_ERROR_SQLSTATE

--
-- Aggregates
--
select sum(a), min(a), max(a) from (values ('0.1'::amount), ('0.2'), (null), ('-5')) t(a);
select sum(a), min(a), max(a) from price where a > 100;
select sum(a) from (values (null::amount), (null)) t(a);

select aggfnoid::regprocedure, aggsortop::regoperator from pg_catalog.pg_aggregate
where aggfnoid in ('min(amount)'::regprocedure, 'max(amount)'::regprocedure) order by aggsortop::regoperator::text collate "C";

-- Out of range on the way, but not at the end
select sum(a) from (values ('92233720368'::amount), ('92233720368'), ('-92233720368'), ('1'), ('-92233720368')) t(a);
select sum(a) from (values ('92233720368.54775807'::amount), ('0.00000001')) t(a);
\echo :LAST_ERROR_SQLSTATE
select sum(a) from (values ('-92233720368.54775807'::amount), ('-0.00000001')) t(a);
\echo :LAST_ERROR_SQLSTATE

-- A moving frame; the first has no value, and the big ones leave it again
select i, sum(a) over (order by i rows between 2 preceding and 1 preceding)
from (values (1, '92233720368'::amount), (2, '-1'), (3, null), (4, null), (5, '0.05'), (6, '0.07')) t(i, a);
select i, sum(a) over (order by i rows between 1 preceding and current row)
from (values (1, '92233720368'::amount), (2, '92233720368')) t(i, a);
\echo :LAST_ERROR_SQLSTATE

-- In parts: 0.01 + ... + 5.00 is 500 * 501 / 2 cents
set enable_partitionwise_aggregate = on;
explain (costs off) select sum(a), min(a), max(a) from split where a > 0;
select sum(a), min(a), max(a) from split where a > 0;
reset enable_partitionwise_aggregate;

-- In parallel, where only workers read, so that every state is sent: the cents
-- from 1 to 10000; three times the most, less or more than one amount; nothing
create table public.amount_parallel (g integer, a amount) with (parallel_workers = 2);
insert into public.amount_parallel select 1, i * '0.01'::amount from generate_series(1, 10000) i;
insert into public.amount_parallel select g, null from generate_series(2, 3) g, generate_series(1, 10000) i;
insert into public.amount_parallel values (2, '92233720368'), (2, '92233720368'), (2, '92233720368'),
	(3, '-92233720368'), (3, '-92233720368'), (3, '92233720368');
analyze public.amount_parallel;
set parallel_setup_cost = 0;
set parallel_tuple_cost = 0;
set min_parallel_table_scan_size = 0;
set max_parallel_workers_per_gather = 2;
set parallel_leader_participation = off;
explain (costs off) select sum(a), min(a), max(a) from public.amount_parallel where g = 1;
select sum(a), min(a), max(a) from public.amount_parallel where g = 1;
explain (costs off) select sum(a) from public.amount_parallel where g = 2;
select sum(a) from public.amount_parallel where g = 2;
\echo :LAST_ERROR_SQLSTATE
explain (costs off) select sum(a) from public.amount_parallel where g = 3;
select sum(a) from public.amount_parallel where g = 3;
select sum(a) from public.amount_parallel where g = 3 and a is null;
drop table public.amount_parallel;

--
-- As int8's, the comparisons leak nothing
--
select proname from pg_catalog.pg_proc
where pronamespace = 'voucher'::regnamespace and proname like 'amount%' and proleakproof order by 1;
