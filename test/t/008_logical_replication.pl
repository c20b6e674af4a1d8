# Logical replication carries the tables, the first copy and what follows; the
# subscriber takes over, and goes on.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical');
$publisher->start;
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(allows_streaming => 'logical');
$subscriber->start;

# So many acts of a storm, under keys that begin so; whatever is refused is.
sub act
{
	my ($node, $key, $n) = @_;
	$node->psql('postgres', join('', map { "SELECT storm.act('$key$_');\n" } 1 .. $n), on_error_stop => 0);
}

# The tables without a row.
sub empty
{
	return join ' ', map { /^(\w+): 0\|/ ? $1 : () } split /\n/, rows_of(shift);
}

# All rows of all tables of the schema, sorted.
sub rows_of
{
	my ($node) = @_;
	my @tables = split /\n/, $node->safe_psql('postgres', q{
		SELECT relname FROM pg_class WHERE relnamespace = 'voucher'::regnamespace AND relkind = 'r' ORDER BY 1});
	return join '', map { "$_: " . $node->safe_psql('postgres', "SELECT count(*), md5(string_agg(r::text, ' ' ORDER BY r::text)) FROM voucher.$_ AS r") . "\n" } @tables;
}

$publisher->safe_psql('postgres', slurp_file('test/storm/storm.sql'));
act($publisher, 'before', 300);
$publisher->safe_psql('postgres', 'CREATE PUBLICATION voucher FOR TABLES IN SCHEMA voucher');

# What the extension ships comes with the first copy.
$subscriber->safe_psql('postgres', q{
	CREATE EXTENSION voucher;
	SET session_replication_role = replica;
	DELETE FROM voucher.currency;
	DELETE FROM voucher.order_type;
	DELETE FROM voucher.policy;
});
my $connection = $publisher->connstr('postgres');
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION voucher CONNECTION \$c\$$connection\$c\$ PUBLICATION voucher");
$subscriber->wait_for_subscription_sync($publisher, 'voucher');
act($publisher, 'after', 500);
# what the acts do is random: on, until there is something of everything
my $empty = 'code_space default_policy invitation reminder';
for my $more (1 .. 30)
{
	last if empty($publisher) eq $empty;
	act($publisher, "more$more.", 100);
}
is(empty($publisher), $empty, 'there are rows in all tables but a few');
$publisher->wait_for_catchup('voucher');

is(rows_of($subscriber), rows_of($publisher), 'all rows are there');
is($subscriber->safe_psql('postgres', 'SELECT * FROM voucher.check()'), '', 'check() finds nothing');

# Balances are what they were; what was settled is settled.
my $order = $publisher->safe_psql('postgres', q{SELECT format('%L, %L', account_id, order_id) FROM voucher.settlement ORDER BY recorded_at LIMIT 1});
is($subscriber->safe_psql('postgres', "SELECT count(*) > 0 FROM voucher.explain_at($order)"), 't', 'decisions can be replayed');

# ---- the subscriber takes over: sequences are not replicated

my $sequences = $publisher->safe_psql('postgres', q{
	SELECT string_agg(format('SELECT setval(%L, %s);', schemaname || '.' || sequencename, last_value), E'\n')
	FROM pg_sequences WHERE schemaname = 'voucher' AND last_value IS NOT NULL});
my $storm = slurp_file('test/storm/storm.sql');
my ($functions) = $storm =~ /^(CREATE FUNCTION storm\.pick.*)/ms;
$publisher->stop;
$subscriber->safe_psql('postgres', "ALTER SUBSCRIPTION voucher DISABLE; ALTER SUBSCRIPTION voucher SET (slot_name = NONE); DROP SUBSCRIPTION voucher;");
$subscriber->safe_psql('postgres', "$sequences\nCREATE SCHEMA storm; CREATE TABLE storm.code (c voucher.code); INSERT INTO storm.code SELECT voucher.mint('gift', 100); $functions");
my $before = $subscriber->safe_psql('postgres', 'SELECT count(*) FROM voucher.settlement');
act($subscriber, 'then', 300);
cmp_ok($subscriber->safe_psql('postgres', 'SELECT count(*) FROM voucher.settlement'), '>', $before + 30, 'it goes on settling');
is($subscriber->safe_psql('postgres', 'SELECT * FROM voucher.check()'), '', 'check() finds nothing');

$subscriber->stop;
done_testing();
