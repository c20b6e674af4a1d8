# What pg_dump writes, psql and pg_restore bring back: every row, every
# sequence, and a database that goes on working.  The triggers are live while
# it is restored, so a dump that was tampered with is refused.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib 'test/lib';
use Everything;

$ENV{PGCLIENTENCODING} = 'UTF8';
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $dir = PostgreSQL::Test::Utils::tempdir();

create_database($node, 'source', 'CREATE EXTENSION voucher');
my $source = something_of_everything($node, 'source');
is(empty_tables($node, 'source'), '', 'every table of the source has rows');
is(broken($node, 'source'), '', 'the source is sound');
is( $node->safe_psql('source', q{
		SELECT count(*) > 0 FROM voucher.cash_entry AS a JOIN voucher.cash_entry AS b USING (account_id, currency)
		WHERE a.version > b.version AND a.ctid < b.ctid}),
	't', 'later entries stand before earlier ones');

sub same_and_alive
{
	my ($database, $how) = @_;
	is_same_and_alive($node, $database, $source, $how);
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
	create_database($node, 'copy');
	restore('copy', @psql, "$dir/inserts.sql");
	same_and_alive('copy', "plain with $options");
}
create_database($node, 'copy');
restore('copy', @psql, "$dir/plain.sql");
same_and_alive('copy', 'plain');

dump_source('custom', '-Fc');
dump_source('directory', '-Fd', '-j2');
for my $restore ([ 'custom' ], [ 'custom', '-1' ], [ 'directory' ])
{
	my ($file, @options) = @$restore;
	create_database($node, 'copy');
	restore('copy', 'pg_restore', '-e', @options, "$dir/$file");
	same_and_alive('copy', "$file @options");
}

# Rows that the extension ships are there already and are not dumped again.
dump_source('data.sql', '--data-only', '--exclude-table=secret', '--exclude-table=patterned');
create_database($node, 'copy', 'CREATE EXTENSION voucher');
restore('copy', @psql, "$dir/data.sql");
same_and_alive('copy', 'only the data, into a new extension');

# pg_restore -j does not mind foreign keys between the tables of an extension:
# it loads them in any order.  A row that comes before what it refers to is
# refused, and pg_restore fails; the way is to load the schema voucher by
# itself, and all else in parallel.
create_database($node, 'copy');
if (system_log('pg_restore', '-e', '-j4', '-d', $node->connstr('copy'), "$dir/custom") == 0)
{
	same_and_alive('copy', 'custom -j4, in the right order by chance');
}
else
{
	pass('custom -j4 fails and says so');
	$node->safe_psql('postgres', 'DROP DATABASE copy');
}

create_database($node, 'copy');
restore('copy', 'pg_restore', '-e', '--section=pre-data', "$dir/directory");
restore('copy', 'pg_restore', '-e', '--section=data', '-n', 'voucher', "$dir/directory");
restore('copy', 'pg_restore', '-e', '-j4', '--section=data', '--section=post-data', '-N', 'voucher', "$dir/directory");
same_and_alive('copy', 'voucher by itself, all else by pg_restore -j4');

# Without triggers nothing is judged, and neither first purchases nor requests
# are kept; check() says so.
create_database($node, 'copy', q{
	CREATE EXTENSION voucher;
	DELETE FROM voucher.currency WHERE currency = 'IDR';
	DELETE FROM voucher.order_type WHERE order_type = 'os_change'});
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

create_database($node, 'tampered', 'CREATE EXTENSION voucher');
for my $case (@tampered)
{
	my ($what, $table, $where, $set, $error, $added) = @$case;

	append_to_file("$dir/$what.sql", tamper($table, $where, $set, $added));
	$node->command_checks_all([ @psql, "$dir/$what.sql", '-1', '-d', 'tampered' ], 3, [qr/^$/], [$error], "$what: refused");
}
restore('tampered', @psql, "$dir/data.sql");
is(rows_of($node, 'tampered'), $source->{rows}, 'untampered it is accepted there');

$node->stop;
done_testing();
