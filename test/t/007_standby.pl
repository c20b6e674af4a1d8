# A standby answers what is only read, and takes over when the primary dies in
# the middle: what was answered is there, whole, a retry makes nothing twice,
# and it goes on.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $clients = 4;
my $dir = PostgreSQL::Test::Utils::tempdir();
my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# An answer to a client means that the standby has it.
$primary->append_conf('postgresql.conf', qq{
synchronous_standby_names = '*'
synchronous_commit = remote_apply
});
$primary->reload;
$primary->safe_psql('postgres', slurp_file('test/storm/storm.sql'));
$primary->safe_psql('postgres', q{SELECT voucher.settle('ann', 'read', 'ecs', 'renewal', 12, currency => 'CNY')});

# ---- what is only read

for my $query (
	q{SELECT count(*) > 0 FROM voucher.match('ann', 'ecs', 'renewal', 10, currency => 'CNY')},
	q{SELECT gross::text = '10.00' FROM voucher.quote('ann', 'ecs', 'renewal', 10, currency => 'CNY')},
	q{SELECT count(*) > 0 FROM voucher.explain('ann', 'ecs', 'renewal', 10, currency => 'CNY')},
	q{SELECT count(*) > 0 FROM voucher.explain_at('ann', 'read')},
	q{SELECT count(*) > 0 FROM voucher.list('ann')},
	q{SELECT count(*) > 0 FROM voucher.statement('ann')},
	q{SELECT voucher.balance_at('ann', 'CNY', now()) OPERATOR(voucher.>) 0},
	q{SELECT count(*) > 0 FROM voucher.liability()},
	q{SELECT count(*) = 0 FROM voucher.check()})
{
	is($standby->safe_psql('postgres', $query), 't', "a standby answers: $query");
}
my ($status, $out, $error) = $standby->psql('postgres', q{SELECT voucher.settle('ann', 'never', 'ecs', 'renewal', 1, currency => 'CNY')});
like($error, qr/read-only transaction/, 'and writes nothing');
for my $query (q{SELECT status FROM storm.code, voucher.verify(c) LIMIT 1},
	map { "SELECT voucher.$_('ann', 'ecs', 'renewal', 10, currency => 'CNY', promo_code => 'nonesuch')" } qw(match quote explain))
{
	($status, $out, $error) = $standby->psql('postgres', $query);
	like($error, qr/cannot try codes during recovery/, "nor lets anybody try codes that it could not count: $query");
}

# ---- the primary dies

my $connection = $primary->connstr('postgres');
my (@out, @run);
for my $client (1 .. $clients)
{
	$out[$client] = '';
	append_to_file("$dir/$client.sql", join '', map {
		"SELECT 'done', account_id, order_id, voucher, cash FROM voucher.settle('ann', 'c$client o$_', 'ecs', 'renewal', 1.25, currency => 'CNY', coupon => 'none');\n"
	} 1 .. 20000);
	push @run, IPC::Run::start([ 'psql', '-X', '-A', '-t', '-q', '-d', $connection, '-f', "$dir/$client.sql" ],
		'<', '/dev/null', '>', \$out[$client], '2>', \my $err);
}
my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
until (!grep { ($out[$_] =~ tr/\n//) < 40 } 1 .. $clients)
{
	die 'the clients settle nothing' if time > $deadline;
	$_->pump for @run;
}
$primary->stop('immediate');
$_->finish for @run;
$standby->promote;
$standby->append_conf('postgresql.conf', "synchronous_standby_names = ''\nsynchronous_commit = on\n");
$standby->reload;

my @told = map { /^done\|(ann\|c\d o\d+\|[\d.]+\|[\d.]+)$/ ? $1 : () } map { split /\n/, $_ } @out[ 1 .. $clients ];
my %settlement = map { $_ => 1 } split /\n/,
  $standby->safe_psql('postgres', 'SELECT account_id, order_id, voucher, cash FROM voucher.settlement');
cmp_ok(scalar @told, '>=', 38 * $clients, 'clients were told of settlements');
is(join("\n", grep { !$settlement{$_} } @told), '', 'each of them is on the standby');
is($standby->safe_psql('postgres', 'SELECT * FROM voucher.check()'), '', 'check() finds nothing');

# ---- and it goes on

# Each client's next order may or may not have been settled: asked again, it is, once.
my @next = map { my $client = $_; 'c' . $client . ' o' . (1 + grep { /\|c$client / } @told) } 1 .. $clients;
for my $order (@next)
{
	for (1 .. 2)
	{
		is($standby->safe_psql('postgres', qq{SELECT gross FROM voucher.settle('ann', '$order', 'ecs', 'renewal', 1.25, currency => 'CNY', coupon => 'none')}),
			'1.25', "$order is settled");
	}
	is($standby->safe_psql('postgres', qq{SELECT count(*) FROM voucher.settlement WHERE order_id = '$order'}), '1', 'once');
}
cmp_ok($standby->safe_psql('postgres', q{SELECT voucher.grant('ann', 'gift')}), '>', 0, 'sequences go on');
is($standby->safe_psql('postgres', 'SELECT * FROM voucher.check()'), '', 'check() finds nothing');

$standby->stop;
done_testing();
