# Logical replication carries the tables, the first copy and what follows; the
# subscriber takes over, and goes on.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib 'test/lib';
use Everything;

$ENV{PGCLIENTENCODING} = 'UTF8';
my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical');
$publisher->start;
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(allows_streaming => 'logical');
$subscriber->append_conf('postgresql.conf', "max_logical_replication_workers = 20\nmax_worker_processes = 30\n");
$subscriber->start;

# So many acts of a storm, under keys that begin so; whatever is refused is.
sub act
{
	my ($node, $key, $n) = @_;
	$node->psql('postgres', join('', map { "SELECT storm.act('$key$_');\n" } 1 .. $n), on_error_stop => 0);
}

# A database of the subscriber follows a publication of one of the publisher's.
# What the extension ships comes with the first copy.  More tables that are
# published are to be created.
sub subscribe
{
	my ($database, $from, $publication, $tables) = @_;
	my $connection = $publisher->connstr($from);
	$subscriber->safe_psql($database, 'CREATE EXTENSION voucher;' . ($tables // '') . q{
		SET session_replication_role = replica;
		DELETE FROM voucher.currency;
		DELETE FROM voucher.order_type;
		DELETE FROM voucher.policy;
	});
	$subscriber->safe_psql($database, "CREATE SUBSCRIPTION $publication CONNECTION \$c\$$connection\$c\$ PUBLICATION $publication");
	$subscriber->wait_for_subscription_sync($publisher, $publication, $database);
}

# What brings sequences, which are not replicated, to where they are on the publisher.
sub sequences
{
	return $publisher->safe_psql(shift, q{
		SELECT format('SELECT setval(%L, %s);', schemaname || '.' || sequencename, last_value)
		FROM pg_sequences WHERE schemaname = 'voucher' AND last_value IS NOT NULL});
}

# ---- the tables of the schema, random acts

$publisher->safe_psql('postgres', slurp_file('test/storm/storm.sql'));
act($publisher, 'before', 300);
$publisher->safe_psql('postgres', 'CREATE PUBLICATION voucher FOR TABLES IN SCHEMA voucher');
subscribe('postgres', 'postgres', 'voucher');
act($publisher, 'after', 500);
# a wrong code
$publisher->psql('postgres', 'SELECT voucher.verify(voucher.new_code())');
# what the acts do is random: on, until there is something of everything
my $empty = 'customer default_policy invitation';
for my $more (1 .. 30)
{
	last if empty_tables($publisher, 'postgres', 'r') eq $empty;
	act($publisher, "more$more.", 100);
}
is(empty_tables($publisher, 'postgres', 'r'), $empty, 'there are rows in all tables but a few');
$publisher->wait_for_catchup('voucher');

is(difference(rows_of($subscriber, 'postgres', 'r'), rows_of($publisher, 'postgres', 'r')), '', 'all rows are there');
is(broken($subscriber, 'postgres'), '', 'check() finds nothing');

# Balances are what they were; what was settled is settled.
my $order = $publisher->safe_psql('postgres', q{SELECT format('%L, %L', account_id, order_id) FROM voucher.settlement ORDER BY recorded_at LIMIT 1});
is($subscriber->safe_psql('postgres', "SELECT count(*) > 0 FROM voucher.explain_at($order)"), 't', 'decisions can be replayed');

# ---- all tables of a database: all there is of each arrives as a change

create_database($publisher, 'source', 'CREATE EXTENSION voucher', 'CREATE PUBLICATION streamed FOR ALL TABLES');
# everything.sql makes two tables of its own, which the subscriber is to have, too
create_database($subscriber, 'streamed');
subscribe('streamed', 'source', 'streamed', 'CREATE TABLE secret (c voucher.code, n bigint); CREATE TABLE patterned (c voucher.code);');
my $source = something_of_everything($publisher, 'source');
is(empty_tables($publisher, 'source'), '', 'there are rows in all tables');
$publisher->wait_for_catchup('streamed');
$subscriber->safe_psql('streamed', 'DROP SUBSCRIPTION streamed; ' . sequences('source'));
is_same_and_alive($subscriber, 'streamed', $source, 'FOR ALL TABLES');

# ---- a list of tables: all of them, and without those that a dump leaves out

my @tables = relations($publisher, 'source', 'r');
my %dumped = map { $_ => 1 } split /\n/, $publisher->safe_psql('source', q{
	SELECT relname FROM pg_class JOIN pg_extension ON pg_class.oid = ANY (extconfig) WHERE extname = 'voucher' AND relkind = 'r'});
for my $list ([ 'listed', @tables ], [ 'underived', grep { $dumped{$_} } @tables ])
{
	my ($name, @listed) = @$list;
	$publisher->safe_psql('source', "CREATE PUBLICATION $name FOR TABLE " . join ', ', map { "voucher.$_" } @listed);
	create_database($subscriber, $name);
	subscribe($name, 'source', $name);
	$subscriber->safe_psql($name, "DROP SUBSCRIPTION $name; " . sequences('source'));
}
is_same_and_alive($subscriber, 'listed', $source, 'a list of all tables');

is(join(' ', grep { !$dumped{$_} } @tables), 'account_usage held_usage request total_usage', 'these are derived');
is($subscriber->safe_psql('underived', 'SELECT DISTINCT rule FROM voucher.check() ORDER BY 1'),
	"requests are kept\nusage of a limit is counted\nwhat is held of a limit is kept", 'check() finds what was not published');
# a dump of what was not enough makes them
my $dump = PostgreSQL::Test::Utils::tempdir() . '/underived';
$subscriber->command_ok([ 'pg_dump', '-d', $subscriber->connstr('underived'), '-f', $dump ], 'dumped');
create_database($subscriber, 'rebuilt');
$subscriber->command_ok([ qw(psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -f), $dump, '-d', $subscriber->connstr('rebuilt') ], 'restored');
is_same_and_alive($subscriber, 'rebuilt', $source, 'a list of what a dump has, dumped and restored');

# ---- the subscriber takes over when the publisher is gone

my $sequences = sequences('postgres');
my $storm = slurp_file('test/storm/storm.sql');
my ($functions) = $storm =~ /^(CREATE FUNCTION storm\.pick.*)/ms;
$publisher->stop;
$subscriber->safe_psql('postgres', "ALTER SUBSCRIPTION voucher DISABLE; ALTER SUBSCRIPTION voucher SET (slot_name = NONE); DROP SUBSCRIPTION voucher;");
$subscriber->safe_psql('postgres', "$sequences\nCREATE SCHEMA storm; CREATE TABLE storm.code (c voucher.code); INSERT INTO storm.code SELECT voucher.mint('gift', 100); $functions");
# a call whose answer was lost is made again: nothing is doubled
my $figures = $subscriber->safe_psql('postgres', "SELECT count(*), sum(cash::numeric) FROM voucher.settlement");
is($subscriber->safe_psql('postgres', q{
		SELECT count(*) FROM (SELECT * FROM voucher.settlement AS t WHERE order_id LIKE 'after%' AND rerates IS NULL AND hold IS NULL
			AND NOT EXISTS (SELECT FROM voucher.settlement_entry AS e WHERE (e.account_id, e.order_id, e.kind) = (t.account_id, t.order_id, 'cancel')) OFFSET 0) AS s
		WHERE (voucher.settle(s.account_id, s.order_id, lines => s.lines, payment_type => s.payment_type, currency => s.currency, voucher => s.chosen_voucher,
			coupon => s.chosen_coupon, promo_code => s.promo_code, policy => s.policy, arrears => s.payment_type = 'pay_as_you_go')).cash::text <> s.cash::text}),
	'0', 'a settlement asked for again is the one that there is');
is($subscriber->safe_psql('postgres', "SELECT count(*), sum(cash::numeric) FROM voucher.settlement"), $figures, 'and none is made');
my $before = $subscriber->safe_psql('postgres', 'SELECT count(*) FROM voucher.settlement');
act($subscriber, 'then', 300);
cmp_ok($subscriber->safe_psql('postgres', 'SELECT count(*) FROM voucher.settlement'), '>', $before + 30, 'it goes on settling');
is(broken($subscriber, 'postgres'), '', 'check() finds nothing');

$subscriber->stop;
done_testing();
