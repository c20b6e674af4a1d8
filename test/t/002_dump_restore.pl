# What pg_dump writes, psql and pg_restore bring back: every row, every
# sequence, and a database that goes on working.  The triggers are live while
# it is restored, so a dump that was tampered with is refused.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

$ENV{PGCLIENTENCODING} = 'UTF8';
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $dir = PostgreSQL::Test::Utils::tempdir();

sub create_database
{
	my ($name, @sql) = @_;
	$node->safe_psql('postgres',
		"CREATE DATABASE $name TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'");
	$node->safe_psql($name, $_) for @sql;
}

# ---------------------------------------------------------------------------
# A database that has something of everything.  Comments work out what the
# tests below rely on.
# ---------------------------------------------------------------------------

create_database('source', <<'SQL');
CREATE EXTENSION voucher;

INSERT INTO voucher.currency (currency, minor_digits) VALUES ('XTS', 4);
INSERT INTO voucher.order_type (order_type) VALUES ('exchange');
SELECT voucher.register_product('ecs', 'Elastic Compute Service');
SELECT voucher.register_product('ecs.g7', E'back\\slash\ttab\nline "quoted" ''too''');
SELECT voucher.register_product('oss');
SELECT voucher.register_product('sms', universal => false);
SELECT voucher.create_campaign('spring', '春天', '[2020-01-01,2100-01-01)');
SELECT voucher.create_campaign($$o'brien "2"$$);
SELECT voucher.invite('acme', 'spring');
SELECT voucher.invite(E'\\N', $$o'brien "2"$$);

SELECT voucher.create_template('gift', 'voucher', 'CNY', face_value => 200);
SELECT voucher.create_template('dated', 'voucher', 'USD', face_value => 100, scope => 'ecs:purchase|exchange',
    valid => '[2020-01-01,2100-01-01)', valid_for => '30 years 2 mons', time_zone => 'Asia/Shanghai');
SELECT voucher.create_template('yen', 'voucher', 'JPY', face_value => 5000, payment_type => 'pay_as_you_go');
SELECT voucher.create_template('test', 'voucher', 'XTS', face_value => 1.2345, uses => 3);
SELECT voucher.create_template(E'name ''with'' "odd" \\ characters\n', 'coupon', 'CNY', discount_rate => 0.25, maximum => 50,
    threshold => 100, first_purchase => true, campaign => 'spring', per_account => 1);
SELECT voucher.create_template('invited', 'coupon', 'CNY', face_value => 8, campaign => 'spring', audience => 'invited',
    min_duration => '1 mon', max_duration => '1 year', scope => 'ecs, oss, !ecs.g7');
SELECT voucher.create_template('lowers', 'voucher', 'CNY', face_value => 1, effect => 'reduction', threshold => 3, threshold_after => true,
    threshold_strict => true, priority => 7, excludes => '{coupon,promo_code}');
INSERT INTO voucher.policy (policy, vouchers_per_order, sort, charges) VALUES ('ours', 2, '{priority_asc,balance_asc}', '{amount_asc}');
INSERT INTO voucher.default_policy VALUES ('pay_as_you_go', 'ours'), ('subscription', 'largest');
SELECT voucher.create_template('word', 'promo_code', 'CNY', discount_rate => 0.1, promo_code => 'save-10');

-- limits; one is lowered below what is used
SELECT voucher.create_limit('gift', max_count => 100, max_amount => 10000, counts => 'issue');
SELECT voucher.create_limit('word', max_count => 5, per => 'account', period => 'month', time_zone => 'Asia/Shanghai');
SELECT voucher.create_limit(campaign => 'spring', max_amount => 1000, request_id => 'spring cap', reason => E'it''s\tenough', actor => 'ops');

-- account ids that COPY, SQL and shells read in ways of their own
SELECT voucher.open_account(a, c), voucher.deposit(a, d, c, request_id => 'paid in ' || c)
FROM (VALUES ('acme', 'CNY', 1000), ('acme', 'USD', 500), ('acme', 'XTS', 9.8765), (E'\\N', 'CNY', 1000), (E'tab\t"quote"'' \\ line\n', 'CNY', 1000),
             ('代金券', 'JPY', 10000), ('NULL', 'CNY', 1000), (' ', 'CNY', 1000)) AS v (a, c, d);
SELECT voucher.open_account('idle', 'KWD');
INSERT INTO voucher.purchase (account_id, product) VALUES ('acme', 'sms');

SELECT voucher.grant('acme', 'gift', request_id => 'g1', reason => E'it''s a \\gift');
SELECT voucher.grant('acme', 'gift', 20);
SELECT voucher.grant('acme', 'dated');
SELECT voucher.grant('acme', 'test');
SELECT voucher.claim('acme', 'spring');
SELECT voucher.grant('代金券', 'yen');
SELECT voucher.grant(a, 'gift') FROM (VALUES (E'\\N'), (E'tab\t"quote"'' \\ line\n'), ('NULL'), (' ')) AS v (a);
-- frozen, and frozen and thawed
SELECT voucher.freeze('NULL', instrument_id, 'asked for') FROM voucher.instrument WHERE account_id = 'NULL';
SELECT voucher.freeze(' ', instrument_id), voucher.unfreeze(' ', instrument_id) FROM voucher.instrument WHERE account_id = ' ';
-- transferred, split, merged, prolonged twice, taken back and revoked
SELECT voucher.open_account('giver', 'CNY'), voucher.open_account('taker', 'CNY');
SELECT voucher.create_template('passed on', 'voucher', 'CNY', face_value => 30, valid => '[2020-01-01,2100-01-01)', transferable => true, per_account => 3);
SELECT voucher.grant('giver', 'passed on') AS a, voucher.grant('giver', 'passed on') AS b, voucher.grant('giver', 'passed on') AS c \gset
SELECT voucher.transfer('giver', :a, 'taker', 'pass', E'it''s\tyours', 'giver') AS a \gset
SELECT voucher.extend('giver', :b, '2100-02-01', 'prolong'), voucher.extend('giver', :b, '2100-03-01'), voucher.extend('taker', :a, '2100-02-01');
SELECT array_agg(part) AS parts FROM voucher.split('giver', :b, '{10,5}', 'divide', actor => 'ops') AS part \gset
SELECT voucher.merge('giver', :'parts', 'unite');
SELECT voucher.reclaim('giver', :b, 'take'), voucher.revoke('giver', :c, 'away', 'fraud', 'risk');

-- the seed's example: 500 = voucher 200 + cash 300; refunded in parts, invoiced, voided, invoiced
SELECT voucher.settle(E'\\N', 'o1', 'oss', 'renewal', 500);
SELECT voucher.issue_invoice(E'\\N', 'i''1', 'o1', 100);
SELECT voucher.refund(E'\\N', 'o1', 33.33, 'r1', 'too much');
SELECT voucher.void_invoice(E'\\N', 'i''1', 'wrong name');
SELECT voucher.issue_invoice(E'\\N', 'i2', 'o1', 250);
SELECT voucher.refund(E'\\N', 'o1', 100);

-- first purchases with a coupon and a promo code, on several lines
SELECT voucher.settle('acme', $$o'1$$, currency => 'CNY', promo_code => 'SAVE 10', lines => ARRAY[
    voucher.line('ecs.g7.large', 'purchase', 150.55, '1 mon'), voucher.line('oss', 'purchase', 20, NULL, 7, 'cn-hangzhou', '{"team": "a\"b"}')]);
SELECT voucher.settle('acme', 'o2', 'ecs', 'exchange', 12.34, currency => 'CNY', coupon => 'none');
SELECT voucher.settle('acme', 'o3', 'ecs', 'exchange', 130, currency => 'USD');
SELECT voucher.settle('acme', 'o4', 'sms', 'renewal', 0.00019999, currency => 'XTS', voucher => 'none');
SELECT voucher.settle('acme', 'o5', 'ecs', 'renewal', 0.5, currency => 'XTS');
SELECT voucher.settle('acme', 'o6', 'ecs', 'renewal', 90, voucher => 'not 1', currency => 'CNY', policy => 'openmeter');
SELECT voucher.settle('代金券', '订单', 'ecs', 'usage', 1234, payment_type => 'pay_as_you_go');
SELECT voucher.settle(E'tab\t"quote"'' \\ line\n', E'order\t\\N', 'ecs', 'purchase', 700);

-- cancelled: a gift given with it is revoked, the purchase is handed on from x6 to x7
SELECT voucher.create_template('back', 'voucher', 'USD', face_value => 20, refund_policy => 'return_within', refund_within => '1 month', scope => 'ecs:upgrade, oss:purchase');
SELECT voucher.register_product('rds');
SELECT voucher.grant('acme', 'back');
SELECT voucher.settle('acme', o, 'rds.mysql', 'purchase', 40, currency => 'USD', voucher => 'none') FROM unnest('{x6,x7}'::text[]) AS o;
SELECT voucher.grant('acme', 'back', 5, order_id => 'x6');
SELECT voucher.cancel('acme', 'x6', 'c6', 'not delivered');
-- by line: 30 + 30 = voucher 20 + cash 40; invoiced with x7, line 2 refunded,
-- 20 credited; half of line 1 refunded, 10 netted on an invoice with o3
SELECT voucher.settle('acme', 'x8', currency => 'USD', voucher => (SELECT min(instrument_id)::text FROM voucher.instrument JOIN voucher.template USING (template_id) WHERE name = 'back'), lines => ARRAY[
    voucher.line('ecs', 'upgrade', 30), voucher.line('ecs', 'upgrade', 30)]);
SELECT voucher.issue_invoice('acme', 'i7', order_ids => '{x7,x8}');
SELECT voucher.refund('acme', 'x8', lines => '{2}', request_id => 'r8');
SELECT voucher.issue_credit_invoice('acme', 'i8', 'i7', reason => 'line 2 refunded');
SELECT voucher.refund('acme', 'x8', lines => '{1}', line_amounts => '{15}');
SELECT voucher.issue_invoice('acme', 'i9', order_ids => '{o3,x8}');
SELECT voucher.refund('acme', 'x7', consumed => 12.5);

-- bills that the cash does not cover: 20 paid of 34 in two parts and invoiced;
-- paid in full and refunded; and not paid at all
SELECT voucher.open_account('behind', 'CNY'), voucher.deposit('behind', 66);
SELECT voucher.settle('behind', o, 'ecs', 'usage', p, payment_type => 'pay_as_you_go', arrears => true) FROM (VALUES ('a1', 100), ('a2', 7), ('a3', 5)) AS v (o, p);
SELECT voucher.deposit('behind', 27);
SELECT voucher.pay_arrears('behind', 'a1', 12, 'pay a1', 'first part');
SELECT voucher.issue_invoice('behind', 'i10', 'a1');
SELECT voucher.pay_arrears('behind', 'a1', 8), voucher.pay_arrears('behind', 'a2');
SELECT voucher.refund('behind', 'a2', 3);

-- re-rated: 60 = voucher 20 + cash 30 + outstanding 10; up by 5 of cash to 65, of
-- 65.009; down to 40: 5 of up, 10 waived and 10 refunded, of which 10 * 20 / 50 = 4
-- go back to the voucher and 6 to cash; and by less than a cent. An order of
-- which all is taken back loses its gift.
SELECT voucher.open_account('rated', 'CNY'), voucher.deposit('rated', 30);
SELECT voucher.create_template('rates', 'voucher', 'CNY', face_value => 20, refund_policy => 'return_if_undelivered');
SELECT voucher.grant('rated', 'rates');
SELECT voucher.settle('rated', 'first', 'ecs', 'usage', 60, payment_type => 'pay_as_you_go', arrears => true);
SELECT voucher.settle('rated', 'none', 'ecs', 'usage', 3, payment_type => 'pay_as_you_go', arrears => true);
SELECT voucher.deposit('rated', 5);
SELECT voucher.rerate('rated', 'first', 'up', ARRAY[voucher.line('ecs', 'usage', 60), voucher.line('oss', 'usage', 5.009, tags => '{"a": "b"}')], 'it''s more', 'ops', policy => 'aws');
SELECT voucher.rerate('rated', 'first', 'down', ARRAY[voucher.line('ecs', 'usage', 40)]);
SELECT voucher.rerate('rated', 'first', 'by little', ARRAY[voucher.line('ecs', 'usage', 40.009)]);
SELECT voucher.grant('rated', 'rates', 1, order_id => 'none'), voucher.rerate('rated', 'none', 'nothing', ARRAY[voucher.line('ecs', 'usage', 0)]);

CREATE TABLE secret AS SELECT c, row_number() OVER () AS n
FROM voucher.mint('gift', 5, 77, '2099-01-01', E'batch\\1') AS c;
SELECT voucher.activate('acme', c) FROM secret WHERE n <= 2;
-- 35 random bits: 32 codes, of which one is left
CREATE TABLE patterned AS SELECT c::voucher.code FROM voucher.mint_pattern('gift', 31, 'SPRING-26-####-####', batch => 'patterned') AS c;

-- one reminder is handed out, of what expires in about thirty years
SELECT voucher.grant('acme', 'dated');
SELECT instrument_id FROM voucher.take_expiring('100 years', count => 1);

UPDATE voucher.usage_limit SET max_amount = 1 WHERE campaign = 'spring';

-- many versions, and on disk in another order than they were written
-- shared: of 100, b draws 60, of which 24 go back, and c's share is ended
SELECT voucher.create_template('pool', 'voucher', 'CNY', face_value => 100, shareable => true, refund_policy => 'prorata');
SELECT voucher.open_account(a, 'CNY') FROM unnest('{share a,share b,share c}'::text[]) AS a;
SELECT voucher.share('share a', pool, 'share b', 'shared', 'team', 'a'), voucher.share('share a', pool, 'share c') FROM voucher.grant('share a', 'pool') AS pool;
SELECT voucher.settle('share b', 'drawn', 'ecs', 'renewal', 60);
SELECT voucher.refund('share b', 'drawn', 24);
SELECT voucher.unshare('share a', instrument_id, 'share c') FROM voucher.instrument WHERE account_id = 'share a';
-- reserved: captured, released, and one that is not resolved, of a limit, with a promo code and a first purchase
SELECT voucher.reserve('acme', 'held ' || n, 'ecs', 'renewal', 2 * n, currency => 'CNY', hold_for => '100 years') FROM generate_series(1, 2) AS n;
SELECT voucher.capture('acme', 'held 1'), voucher.release('acme', 'held 2', E'it''s \\over', 'test');
SELECT voucher.open_account('holder', 'CNY');
SELECT voucher.grant('holder', 'gift');
SELECT voucher.reserve('holder', 'held 3', 'oss', 'purchase', 20, promo_code => 'save-10', hold_for => '100 years', actor => E'\\N');
SELECT voucher.settle('acme', 'many ' || n, 'ecs', 'renewal', 1 + n / 100.0, currency => 'CNY') FROM generate_series(1, 30) AS n;
SELECT voucher.refund('acme', 'many 30', 0.1) FROM generate_series(1, 5);
CREATE INDEX backward_cash ON voucher.cash_entry (version DESC);
CREATE INDEX backward_entry ON voucher.entry (version DESC);
CREATE INDEX backward_settlement_entry ON voucher.settlement_entry (version DESC);
CREATE INDEX backward_settlement ON voucher.settlement (order_id DESC);
CLUSTER voucher.cash_entry USING backward_cash;
CLUSTER voucher.entry USING backward_entry;
CLUSTER voucher.settlement_entry USING backward_settlement_entry;
CLUSTER voucher.settlement USING backward_settlement;
DROP INDEX voucher.backward_cash, voucher.backward_entry, voucher.backward_settlement_entry, voucher.backward_settlement;
SQL

# ---------------------------------------------------------------------------
# Comparing
# ---------------------------------------------------------------------------

my @relations = split /\n/, $node->safe_psql('source', q{
	SELECT relname FROM pg_class
	WHERE relnamespace = 'voucher'::regnamespace AND relkind IN ('r', 'S', 'v') ORDER BY 1});

# All rows of all tables, views and sequences of the schema, sorted.  Shipped rows
# come with each extension, at its own time.
my $all_rows = join ' UNION ALL ', map {
	my $columns = /_seq$/ ? 'ROW(r.last_value, r.is_called)'
	  : /^(?:currency|order_type|policy)$/ ? "(to_jsonb(r) - CASE WHEN r.shipped THEN '{recorded_at}' ELSE '{}' END::text[])" : 'r';
	qq{SELECT '$_ ' || $columns\::text FROM voucher.$_ AS r}
} @relations;

sub rows_of
{
	my ($database) = @_;
	return $node->safe_psql($database, qq{$all_rows ORDER BY 1});
}

my $source = rows_of('source');
my $secrets = $node->safe_psql('source', 'SELECT c FROM secret WHERE n > 2 ORDER BY n');
my $patterned = $node->safe_psql('source', 'SELECT array_agg(c) FROM patterned');
my ($unused_code) = split /\n/, $secrets;

sub broken
{
	my ($database) = @_;
	return $node->safe_psql($database, 'SELECT rule, object FROM voucher.check()');
}

# Every table has rows: an empty one would be equal for nothing.
is(join(' ', grep { $source !~ /^$_ /m } @relations), '', 'every table of the source has rows');
is(broken('source'), '', 'the source is sound');
is( $node->safe_psql('source', q{
		SELECT count(*) > 0 FROM voucher.cash_entry AS a JOIN voucher.cash_entry AS b USING (account_id, currency)
		WHERE a.version > b.version AND a.ctid < b.ctid}),
	't', 'later entries stand before earlier ones');

# The restored database has the same rows and goes on.
sub same_and_alive
{
	my ($database, $how) = @_;

	subtest $how => sub {
		is(rows_of($database), $source, 'the same rows');
		is(broken($database), '', 'check() finds nothing');

		# ids go on where the source stopped; nothing collides
		my $last = $node->safe_psql('source', 'SELECT max(instrument_id) FROM voucher.instrument');
		is($node->safe_psql($database, q{SELECT voucher.grant('acme', 'gift', 150)}), $last + 1, 'grants');
		is( $node->safe_psql($database, q{SELECT voucher.grant('acme', 'gift', request_id => 'g1') =
				(SELECT instrument_id FROM voucher.entry WHERE request_id = 'g1')}), 't', 'knows an earlier request');
		is( $node->safe_psql($database, q{SELECT voucher.create_template('another', 'voucher', 'CNY', face_value => 1)}),
			1 + $node->safe_psql('source', 'SELECT max(template_id) FROM voucher.template'), 'creates a template');
		is( $node->safe_psql($database, qq{SELECT voucher.activate('acme', '$unused_code') = $last + 2}),
			't', 'activates a code minted before');

		is( $node->safe_psql($database, q{SELECT count(*) FROM voucher.expiring('100 years') AS e JOIN voucher.reminder AS r
				ON r.account_id = e.account_id AND r.instrument_id = e.instrument_id AND r.reminded_at = e.reminded_at}),
			'1', 'knows what was reminded of');
		is( $node->safe_psql($database, qq{SELECT count(*) FROM unnest('$patterned'::voucher.code[]) AS c, voucher.verify(c)}), '31', 'verifies codes with a prefix');
		is( $node->safe_psql($database, q{SELECT count(*) FROM voucher.mint_pattern('gift', 1, 'spring26########')}), '1', 'mints the last one of a pattern');
		is( ($node->psql($database, q{SELECT voucher.mint_pattern('gift', 1, 'SPRING-26-####-####')}))[0], 3, 'and no more');

		# 'NULL' has its voucher of 200 frozen: all 40 in cash; half comes back
		is( $node->safe_psql($database, q{SELECT voucher, cash FROM voucher.settle('NULL', 'new', 'oss', 'renewal', 40)}),
			'0.00|40.00', 'settles');
		is( $node->safe_psql($database, q{SELECT amount FROM voucher.refund('NULL', 'new', 20)}), '-20.00', 'refunds');
		is( $node->safe_psql($database, q{SELECT amount FROM voucher.issue_invoice('NULL', 'new', 'new')}),
			'20.00', 'invoices');
		# o1: 500 = 200 + 300, 133.33 of it refunded: 366.67 are left, of which
		# 300 - round(133.33 * 300 / 500) = 300 - 80.00 = 220.00 in cash
		is( $node->safe_psql($database, q{SELECT requested, amount FROM voucher.refund(E'\\\\N', 'o1')}),
			'366.67|-220.00', 'refunds what is left of an order settled before');
		is( $node->safe_psql($database, q{SELECT voucher, cash FROM voucher.settle(E'\\\\N', 'o1', 'oss', 'renewal', 500)}),
			'200.00|300.00', 'answers an order settled before');
		# 40.009 were rated and 40 billed: 0.011 more are a cent and a bit
		is( $node->safe_psql($database, q{SELECT version, billed_before, billed, charged FROM voucher.rerate('rated', 'first', 'new', ARRAY[voucher.line('ecs', 'usage', 40.02)])}),
			'4|40.00|40.02|0.02', 're-rates a bill that was re-rated before');
		is( $node->safe_psql($database, q{SELECT version, waived, refunded_cash, returned FROM voucher.rerate('rated', 'first', 'down', ARRAY[voucher.line('ecs', 'usage', 40)])}),
			'2|10.00|11.00|4.00', 'answers a re-rating made before');
		# every word can be used once, the product bought first once
		is( $node->safe_psql($database, q{
				SELECT string_agg(reason, ' ' ORDER BY kind) FROM voucher.match('acme', 'ecs.g7.large', 'purchase', 150, promo_code => 'save10', currency => 'CNY')
				WHERE kind <> 'voucher' AND template <> 'invited'}),
			'exhausted exhausted', 'knows what is used up');
		is(broken($database), '', 'check() finds nothing afterwards');
	};
	$node->safe_psql('postgres', "DROP DATABASE $database");
}

# ---------------------------------------------------------------------------
# Every way to dump and restore
# ---------------------------------------------------------------------------

sub dump_source
{
	my ($file, @options) = @_;
	$node->command_ok([ 'pg_dump', '-d', 'source', '-f', "$dir/$file", @options ], "pg_dump @options");
}

sub restore
{
	my ($database, @command) = @_;
	$node->command_ok([ @command, '-d', $database ], "restored by @command[0 .. $#command - 1]");
}

my @psql = qw(psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -f);

dump_source('plain.sql');
for my $options ('--inserts', '--column-inserts', '--rows-per-insert=7')
{
	dump_source('inserts.sql', $options);
	create_database('copy');
	restore('copy', @psql, "$dir/inserts.sql");
	same_and_alive('copy', "plain with $options");
}
create_database('copy');
restore('copy', @psql, "$dir/plain.sql");
same_and_alive('copy', 'plain');

dump_source('custom', '-Fc');
dump_source('directory', '-Fd', '-j2');
for my $restore ([ 'custom' ], [ 'custom', '-1' ], [ 'directory' ])
{
	my ($file, @options) = @$restore;
	create_database('copy');
	restore('copy', 'pg_restore', '-e', @options, "$dir/$file");
	same_and_alive('copy', "$file @options");
}

# Rows that the extension ships are there already and are not dumped again.
dump_source('data.sql', '--data-only', '--exclude-table=secret', '--exclude-table=patterned');
create_database('copy', 'CREATE EXTENSION voucher');
restore('copy', @psql, "$dir/data.sql");
same_and_alive('copy', 'only the data, into a new extension');

# pg_restore -j does not mind foreign keys between the tables of an extension:
# it loads them in any order.  A row that comes before what it refers to is
# refused, and pg_restore fails; the way is to load the schema voucher by
# itself, and all else in parallel.
create_database('copy');
if (system_log('pg_restore', '-e', '-j4', '-d', $node->connstr('copy'), "$dir/custom") == 0)
{
	same_and_alive('copy', 'custom -j4, in the right order by chance');
}
else
{
	pass('custom -j4 fails and says so');
	$node->safe_psql('postgres', 'DROP DATABASE copy');
}

create_database('copy');
restore('copy', 'pg_restore', '-e', '--section=pre-data', "$dir/directory");
restore('copy', 'pg_restore', '-e', '--section=data', '-n', 'voucher', "$dir/directory");
restore('copy', 'pg_restore', '-e', '-j4', '--section=data', '--section=post-data', '-N', 'voucher', "$dir/directory");
same_and_alive('copy', 'voucher by itself, all else by pg_restore -j4');

# Without triggers nothing is judged, and neither first purchases nor requests
# are kept; check() says so.
create_database('copy', 'CREATE EXTENSION voucher');
restore('copy', 'pg_restore', '-e', '--data-only', '--disable-triggers', '-n', 'voucher', "$dir/custom");
is( $node->safe_psql('copy', 'SELECT DISTINCT rule FROM voucher.check() ORDER BY 1'),
	"first purchases are kept\nrequests are kept\nusage of a limit is counted\nwhat is held of a limit is kept", 'check() finds what --disable-triggers left out');
$node->safe_psql('postgres', 'DROP DATABASE copy');

# ---------------------------------------------------------------------------
# A dump that was tampered with
# ---------------------------------------------------------------------------

# Account 'NULL': 1000 CNY paid in and nothing spent; its voucher of 200 frozen.
# Account "\N" (in COPY: \\N): o1 above, invoiceable 300 - 80 - 250 = -30.
my $data = slurp_file("$dir/data.sql");
my %cash = (account_id => 'NULL', currency => 'CNY');
my %voucher = (account_id => 'NULL');
my %order = (account_id => '\\\\N', order_id => 'o1');
my @tampered = (
	[ 'more cash', 'account', \%cash, { balance => '1001.00' }, qr/table "account" does not agree/ ],
	[ 'a version of cash', 'account', \%cash, { version => 3 }, qr/table "account" does not agree/ ],
	[ 'a cash entry missing', 'cash_entry', { %cash, version => 2 }, undef, qr/table "account" does not agree/ ],
	[ 'the first cash entry missing', 'cash_entry', { %cash, version => 1 }, undef, qr/"account_first_entry_fkey"/ ],
	[ 'a cash entry changed', 'cash_entry', { %cash, version => 2 }, { balance => '1001.00' }, qr/table "account" does not agree/ ],
	[ 'a cash entry too many', 'cash_entry', { %cash, version => 1 }, { version => 3 }, qr/table "account" does not agree/, 'added' ],
	[ 'a voucher worth more', 'instrument', \%voucher, { face_value => '300.00', balance => '300.00' }, qr/table "instrument" does not agree/ ],
	[ 'a voucher used less', 'instrument', { %order{account_id} }, { used => 0 }, qr/table "instrument" does not agree/ ],
	[ 'a voucher thawed', 'instrument', \%voucher, { frozen => 'f' }, qr/table "instrument" does not agree/ ],
	[ 'a voucher that lasts longer', 'instrument', { account_id => 'taker' }, { validity => '["2020-01-01 00:00:00+00","2101-01-01 00:00:00+00")' }, qr/table "instrument" does not agree/ ],
	[ 'a transferred voucher that is still there', 'instrument', { account_id => 'giver', balance => '0.00', cancelled => 't', version => 2, max_uses => '\\N', ordinal => 1 }, { cancelled => 'f' }, qr/table "instrument" does not agree/ ],
	[ 'a part that counts', 'instrument', { account_id => 'giver', face_value => '10.00' }, { ordinal => 4 }, qr/table "instrument" does not agree/ ],
	[ 'an extension missing', 'entry', { account_id => 'taker', kind => 'extend' }, undef, qr/table "instrument" does not agree/ ],
	[ 'a freeze missing', 'entry', { %voucher, kind => 'freeze' }, undef, qr/table "instrument" does not agree/ ],
	[ 'an issue missing', 'entry', { %voucher, kind => 'issue' }, undef, qr/"instrument_first_entry_fkey"/ ],
	[ 'the last refund missing', 'settlement_entry', { %order, version => 5 }, undef, qr/"settlement_entry_fkey"/ ],
	[ 'an early refund missing', 'settlement_entry', { %order, version => 2 }, undef, qr/table "settlement" does not agree/ ],
	[ 'more returned than paid', 'entry', { account_id => 'acme', order_id => 'x8', kind => 'return', amount => '10.00' }, { order_id => 'x9' }, qr/table "instrument" does not agree/ ],
	[ 'less paid of arrears', 'settlement_entry', { account_id => 'behind', order_id => 'a1', version => 1 }, { paid => '11.00' }, qr/table "settlement" does not agree/ ],
	[ 'a payment of arrears missing', 'settlement_entry', { account_id => 'behind', order_id => 'a1', version => 1 }, undef, qr/table "settlement" does not agree/ ],
	[ 'refunded before it is paid', 'settlement_entry', { account_id => 'behind', order_id => 'a2', kind => 'refund' }, { paid => '0.00' }, qr/table "settlement" does not agree/ ],
	[ 'arrears forgiven', 'settlement', { account_id => 'behind', order_id => 'a1' }, { outstanding => '33.00' }, qr/table "settlement" breaks a rule/ ],
	[ 'a share that holds value', 'instrument', { account_id => 'share b' }, { balance => '24.00' }, qr/table "instrument" breaks a rule/ ],
	[ 'a share of nobody', 'instrument', { account_id => 'share b' }, { owner_account_id => '\\N', owner_instrument_id => '\\N' }, qr/table "instrument" does not agree/ ],
	[ 'a share that is not ended', 'instrument', { account_id => 'share c' }, { cancelled => 'f' }, qr/table "instrument" does not agree/ ],
	[ 'more held than ordered', 'hold', { account_id => 'holder' }, { voucher => '19.00' }, qr/table "hold" breaks a rule/ ],
	[ 'more waived', 'settlement_entry', { account_id => 'rated', order_id => 'none', version => 1 }, { waived => '2.00' }, qr/table "rerating" breaks a rule/ ],
	[ 'waived by what does not', 'settlement_entry', { account_id => 'rated', order_id => 'first', kind => 'refund' }, { waived => '9.00' }, qr/table "settlement" does not agree/ ],
	[ 'more taken back of a bill', 'settlement_entry', { account_id => 'rated', order_id => 'first', kind => 'rerate' }, { rerated => '21.00' }, qr/table "settlement" does not agree/ ],
	[ 'a re-rating missing', 'rerating', { account_id => 'rated', version => 2 }, undef, qr/table "rerating" breaks a rule/ ],
	[ 'more charged', 'rerating', { account_id => 'rated', rerating_id => 'up' }, { charged => '5.50', billed => '65.50' }, qr/"rerating_gross_check"/ ],
	[ 'another line', 'rerating', { account_id => 'rated', rerating_id => 'up' }, { gross => '65.00' }, qr/table "rerating" breaks a rule/ ],
	[ 'charged by no bill', 'settlement', { account_id => 'rated', order_id => 'up' }, { rerates => '\\N' }, qr/table "rerating" breaks a rule/ ],
	[ 'a bill of a chain that is none', 'settlement', { account_id => 'rated', order_id => 'first' }, { rerates => 'none' }, qr/table "rerating" breaks a rule/ ],
	[ 'more cash from a re-rating', 'rerating', { account_id => 'rated', rerating_id => 'down' }, { refunded_cash => '10.00' }, qr/table "rerating" breaks a rule/ ],
	[ 'less returned by a re-rating', 'rerating', { account_id => 'rated', rerating_id => 'down' }, { returned => '3.00' }, qr/table "rerating" breaks a rule/ ],
	[ 'less waived by a re-rating', 'rerating', { account_id => 'rated', rerating_id => 'down' }, { waived => '9.00' }, qr/table "rerating" breaks a rule/ ],
	[ 'more to invoice', 'settlement', \%order, { invoiceable => '-29.00' }, qr/table "settlement" does not agree/ ],
	[ 'cash into voucher', 'settlement', \%order, { voucher => '199.00', cash => '301.00' }, qr/table "settlement" breaks a rule/ ],
	[ 'a cheaper order', 'settlement', \%order, { gross => '499.00', cash => '299.00' }, qr/table "settlement" breaks a rule/ ],
);

# The dump with one row of a table changed, left out, or added as changed.
sub tamper
{
	my ($table, $where, $set, $added) = @_;
	my $sql = $data;
	my ($columns, $rows) = $sql =~ /^COPY voucher\.$table \((.*?)\) FROM stdin;\n(.*?)^\\\.\n/ms;
	my @columns = split /, /, $columns;
	my @tampered;
	my $hits = 0;

	for my $line (split /\n/, $rows)
	{
		my %row;
		@row{@columns} = split /\t/, $line;
		my $hit = !grep { $row{$_} ne $where->{$_} } keys %$where;
		$hits += $hit;
		push @tampered, $line if !$hit || $added;
		next if !$hit || !$set;
		push @tampered, join "\t", @{ { %row, %$set } }{@columns};
	}
	is($hits, 1, "there is one such row in $table");
	substr($sql, index($sql, $rows), length $rows) = join '', map { "$_\n" } @tampered;
	return $sql;
}

create_database('tampered', 'CREATE EXTENSION voucher');
for my $case (@tampered)
{
	my ($what, $table, $where, $set, $error, $added) = @$case;

	append_to_file("$dir/$what.sql", tamper($table, $where, $set, $added));
	$node->command_checks_all([ @psql, "$dir/$what.sql", '-1', '-d', 'tampered' ], 3, [qr/^$/], [$error], "$what: refused");
}
restore('tampered', @psql, "$dir/data.sql");
is(rows_of('tampered'), $source, 'untampered it is accepted there');

$node->stop;
done_testing();
