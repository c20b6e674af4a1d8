# Exactly N admits exactly N: twenty sessions at once, each an account of its
# own, want what a limit allows five of.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $sessions = 20;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

# Each account has a coupon of 10 and one of 7, and cash for one order of 100.
$node->safe_psql('postgres', qq{
	CREATE EXTENSION voucher;
	SELECT voucher.register_product('ecs');
	SELECT voucher.create_campaign('spring');
	SELECT voucher.create_template('ten', 'coupon', 'CNY', face_value => 10, campaign => 'spring');
	SELECT voucher.create_template('seven', 'coupon', 'CNY', face_value => 7);
	SELECT voucher.create_template('word', 'promo_code', 'CNY', face_value => 3, promo_code => 'WORD');
	SELECT voucher.create_template('gift', 'voucher', 'CNY', face_value => 50);
	SELECT voucher.create_template('budget', 'promo_code', 'CNY', face_value => 20, promo_code => 'BUDGET');
	SELECT voucher.open_account('a' || n, 'CNY'), voucher.deposit('a' || n, 400) FROM generate_series(1, $sessions) AS n;
	SELECT voucher.grant('a' || n, t) FROM generate_series(1, $sessions) AS n, unnest('{ten,seven}'::text[]) AS t;
	SELECT voucher.create_limit(campaign => 'spring', max_count => 5);
	SELECT voucher.create_limit('word', max_count => 5, counts => 'issue');
	SELECT voucher.create_limit('gift', max_count => 5, counts => 'issue', period => 'month');
	SELECT voucher.create_limit('budget', max_amount => 95);
});

# Run a statement in all sessions at the same time, NUMBER standing for the
# session's; what each printed, sorted.
sub all_at_once
{
	my ($sql) = @_;
	my (@out, @err, @run);

	# they wait for a lock that is given up when all have come
	my ($in, $told) = ("SELECT pg_advisory_lock(1);\n\\echo locked\n", '');
	my $gate = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-q', '-d', $node->connstr('postgres'), '-f', '-' ],
		'<', \$in, '>', \$told);
	$gate->pump until $told =~ /locked/;
	for my $n (1 .. $sessions)
	{
		my $mine = $sql =~ s/NUMBER/$n/gr;
		push @run, IPC::Run::start(
			[ 'psql', '-X', '-A', '-t', '-q', '-v', 'VERBOSITY=sqlstate', '-d', $node->connstr('postgres'),
				'-c', 'SELECT pg_advisory_lock_shared(1)', '-c', 'SELECT pg_advisory_unlock_shared(1)', '-c', $mine ],
			'<', '/dev/null', '>', \$out[$n], '2>', \$err[$n]);
	}
	$node->poll_query_until('postgres',
		"SELECT count(*) = $sessions FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
	  or die 'the sessions did not come';
	$gate->finish;
	$_->finish for @run;
	return join ' ', sort map { ($out[$_] . $err[$_]) =~ s/^(?:t)?\n//mgr =~ s/\s+\z//r =~ s/\s+/ /gr } 1 .. $sessions;
}

# What is chosen by itself falls back on the coupon of 7.
is( all_at_once(q{SELECT discount FROM voucher.settle('aNUMBER', 'o1', 'ecs', 'renewal', 100)}),
	join(' ', ('10.00') x 5, ('7.00') x 15), 'five orders get the limited coupon, fifteen the other');
# What was typed is refused.
is( all_at_once(q{SELECT discount FROM voucher.settle('aNUMBER', 'o2', 'ecs', 'renewal', 100, promo_code => 'word', coupon => 'none')}),
	join(' ', ('3.00') x 5, ('ERROR: VC121') x 15), 'five accounts use the promo code for the first time');
is( all_at_once(q{SELECT 'granted' WHERE voucher.grant('aNUMBER', 'gift') > 0}),
	join(' ', ('ERROR: VC121') x 15, ('granted') x 5), 'five are granted');
# 95 = 4 x 20 + 15
is( all_at_once(q{SELECT discount FROM voucher.settle('aNUMBER', 'o3', 'ecs', 'renewal', 100, promo_code => 'budget', coupon => 'none', voucher => 'none')}),
	join(' ', '15.00', ('20.00') x 4, ('ERROR: VC121') x 15), 'a budget is paid out to the last cent');
is($node->safe_psql('postgres', 'SELECT used, amount FROM voucher.limit_usage ORDER BY limit_id'),
	"5|0.00\n5|0.00\n5|0.00\n5|95.00", 'and counted');
is($node->safe_psql('postgres', 'SELECT * FROM voucher.check()'), '', 'check() finds nothing');

$node->stop;
done_testing();
