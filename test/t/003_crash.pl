# What was answered is kept: the server dies while orders are settled; after
# recovery every settlement that a client was told of is there, whole.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $clients = 4;
my $dir = PostgreSQL::Test::Utils::tempdir();
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
# the test is about what is on disk: PostgreSQL::Test::Cluster turns this off
$node->append_conf('postgresql.conf', qq{
fsync = on
full_page_writes = on
});
$node->start;

# Each account has cash of 1000000 and ten vouchers of 10000.
$node->safe_psql('postgres', qq{
	CREATE EXTENSION voucher;
	SELECT voucher.register_product('ecs');
	SELECT voucher.create_template('gift', 'voucher', 'CNY', face_value => 10000);
	SELECT voucher.open_account('a' || n, 'CNY'), voucher.deposit('a' || n, 1000000) FROM generate_series(1, $clients) AS n;
	SELECT voucher.grant('a' || n, 'gift') FROM generate_series(1, $clients) AS n, generate_series(1, 10);
});

# A client settles orders of its own, and one of all clients' common account,
# each in a transaction of its own, until the server goes.  What psql prints was
# committed: it prints a row after the server's answer to the implicit COMMIT.
my (@out, @run);
for my $client (1 .. $clients)
{
	$out[$client] = '';
	my $script = join '', map {
		my $account = $_ % 3 ? "a$client" : 'a1';
		"SELECT 'done', account_id, order_id, voucher, cash FROM voucher.settle('$account', 'c$client o$_', 'ecs', 'usage', 7.35, payment_type => 'pay_as_you_go');\n"
		  . ($_ % 5 ? '' : "SELECT 'back', account_id, order_id, requested FROM voucher.refund('$account', 'c$client o$_', 3.21);\n")
	} 1 .. 20000;
	append_to_file("$dir/$client.sql", $script);
	push @run, IPC::Run::start(
		[ 'psql', '-X', '-A', '-t', '-q', '-d', $node->connstr('postgres'), '-f', "$dir/$client.sql" ],
		'<', '/dev/null', '>', \$out[$client], '2>', \my $err);
}

# Every client is well under way, then all of the server's processes are killed,
# and memory that is not yet on disk goes with them.
my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
until (!grep { ($out[$_] =~ tr/\n//) < 100 } 1 .. $clients)
{
	die 'the clients settle nothing' if time > $deadline;
	$_->pump for @run;
}
$node->stop('immediate');
$_->finish for @run;

$node->start;
my @told = map { split /\n/, $_ } @out[1 .. $clients];
# A line that was cut off at the end is no answer.
my @settled = map { /^done\|(a\d\|c\d o\d+\|[\d.]+\|[\d.]+)$/ ? $1 : () } @told;
my @refunded = map { /^back\|(a\d\|c\d o\d+\|3\.21)$/ ? $1 : () } @told;
cmp_ok(scalar @settled, '>=', 90 * $clients * 5 / 6, 'clients were told of settlements');
note(@settled . ' settlements, ' . @refunded . ' refunds');

my %settlement = map { $_ => 1 } split /\n/,
  $node->safe_psql('postgres', 'SELECT account_id, order_id, voucher, cash FROM voucher.settlement');
my %refund = map { $_ => 1 } split /\n/,
  $node->safe_psql('postgres', 'SELECT account_id, order_id, requested FROM voucher.settlement_entry');
is(join("\n", grep { !$settlement{$_} } @settled), '', 'each of them is there');
is(join("\n", grep { !$refund{$_} } @refunded), '', 'each refund, too');
cmp_ok(keys(%settlement) - @settled, '<=', $clients, 'at most one per client was settled and not told');
is($node->safe_psql('postgres', 'SELECT * FROM voucher.check()'), '', 'check() finds nothing');
is( $node->safe_psql('postgres', q{SELECT gross FROM voucher.settle('a1', 'after', 'ecs', 'usage', 7.35, payment_type => 'pay_as_you_go')}),
	'7.35', 'and goes on');

$node->stop;
done_testing();
