# A storm of all verbs on few accounts, in which the server is killed again and
# again: what was answered is kept, whole, and nothing else half; no two wait
# for each other; no limit, balance or hold is overrun.  A call that was cut off is
# made again under its key, twice: it is done once, whether it had been done or not.
#
# `make storm` runs it at length.  STORM_KILLS says how often the server dies,
# STORM_ACTS how many acts of each client come before that, STORM_CLIENTS how
# many clients there are.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $kills = $ENV{STORM_KILLS} // 2;
my $acts = $ENV{STORM_ACTS} // 120;
my $clients = $ENV{STORM_CLIENTS} // 9;
my $dir = PostgreSQL::Test::Utils::tempdir();
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
# the test is about what is on disk: PostgreSQL::Test::Cluster turns this off
$node->append_conf('postgresql.conf', qq{
fsync = on
full_page_writes = on
deadlock_timeout = 200ms
autovacuum_naptime = 1s
});
$node->start;
$node->safe_psql('postgres', slurp_file('test/storm/storm.sql'));

my (%done, %refused, %refused_by);
my @levels = ('read committed', 'repeatable read', 'serializable');    # of the clients, in turn
my %again = map { $_ => 0 } @levels;
my @cut_off;
my $made_again = 0;
my $cut_off_done = 0;    # though nobody had been told
my $connection = $node->connstr('postgres');

# Every process of the server dies at once, as if the machine had lost its power.
sub kill_server
{
	my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
	# stopped, it starts no further process that would be missed
	kill 'STOP', $postmaster;
	my @pids = ($postmaster, split ' ', `ps -o pid= --ppid $postmaster`);
	kill 'KILL', @pids;
	# the new one refuses to start as long as one of them is there
	for my $pid (@pids)
	{
		1 while kill(0, $pid) && `ps -o stat= -p $pid` =~ /^[^Z]/;
	}
	$node->{_pid} = undef;
	# as after a restart of the machine; who has taken over the dead may not have buried them yet
	unlink $node->data_dir . '/postmaster.pid', $node->host . '/.s.PGSQL.' . $node->port . '.lock';
}

# All clients act until each has been answered so often, also by a refusal, or
# all is done; then the server is killed, if told.  Returns what they were told.
sub storm
{
	my ($round, $n, $kill) = @_;
	my (@out, @err, @run, @lines);

	for my $client (1 .. $clients)
	{
		($out[$client], $err[$client]) = ('', '');
		my $script = "\\set VERBOSITY sqlstate\n"
		  . "SET default_transaction_isolation = '$levels[$client % @levels]';\n"
		  . join '', map { "SELECT storm.act('r${round}c${client}n$_');\n" } 1 .. $n;
		append_to_file("$dir/$round.$client.sql", $script);
		$lines[$client] = [ split /\n/, $script ];
		push @run, IPC::Run::start([ 'psql', '-X', '-A', '-t', '-q', '-d', $connection, '-f', "$dir/$round.$client.sql" ],
			'<', '/dev/null', '>', \$out[$client], '2>', \$err[$client]);
	}
	if ($kill)
	{
		my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
		until (!grep { ($out[$_] =~ tr/\n//) + ($err[$_] =~ tr/\n//) < $acts } 1 .. $clients)
		{
			die 'the clients do nothing' if time > $deadline;
			$_->pump for @run;
		}
		kill_server();
	}
	$_->finish for @run;
	# a line that was cut off at the end is no answer
	my @told = map { /\n\z/ ? split(/\n/, $_) : (split /\n/, $_)[0 .. ($_ =~ tr/\n//) - 1] } @out[1 .. $clients];
	$done{ (split /\|/, $_)[0] }++ for @told;
	for my $client (1 .. $clients)
	{
		$refused{$_}++ for $err[$client] =~ /ERROR:  (\w{5})$/mg;
		# psql says the line, which has the key
		while ($err[$client] =~ /:(\d+): ERROR:  (\w{5})$/mg)
		{
			push @{ $refused_by{$2} }, $lines[$client][ $1 - 1 ] =~ /'(.*)'/;
		}
		if ($kill)
		{
			# the first call that was not answered
			my $answers = ($out[$client] =~ tr/\n//) + (() = $err[$client] =~ /ERROR:  \w{5}$/mg);
			my @calls = grep { /storm\.act/ } @{ $lines[$client] };
			push @cut_off, $calls[$answers] =~ /'(.*)'/;
		}
		$again{ $levels[$client % @levels] }++ for $err[$client] =~ /ERROR:  40001$/mg;
	}
	return @told;
}

# Calls that were cut off are made again, twice.  Both answers are the same, and if
# the call had been done there is one.  Returns what they were told.
sub make_again
{
	my @told;

	for my $key (splice @cut_off)
	{
		# whose calls do not depend on what is there
		next if $node->safe_psql('postgres', "SELECT storm.verb('$key')") !~ /^(?:settle|word|usd|bill|deposit|grant|claim|take)$/;
		my $had = $node->safe_psql('postgres', "SELECT count(*) FROM (SELECT FROM voucher.settlement WHERE order_id = '$key' UNION ALL SELECT FROM voucher.request WHERE request_id = '$key' UNION ALL SELECT FROM voucher.reminding WHERE request_id = '$key') AS s");
		my ($first, $second) = map { ($node->psql('postgres', "SELECT storm.act('$key')"))[1] } 1 .. 2;
		is($second, $first, "$key: the same answer twice");
		isnt($first, '', "$key: what had been done is answered") if $had;
		$cut_off_done++ if $had;
		$made_again++;
		push @told, $first if $first ne '';
	}
	return @told;
}

# What was answered and is not there, with the same figures.
sub lost
{
	my @told = grep { /\|/ } @_;
	my $values = join ",\n", map { my @f = split /\|/, $_, -1; push @f, '' while @f < 8; '(' . join(', ', map { "'$_'" } @f[ 1 .. 7 ]) . ')' } @told;
	return '' if $values eq '';
	return $node->safe_psql('postgres', qq{
		WITH told (kind, account, key, f1, f2, f3, f4) AS (VALUES $values)
		SELECT t.* FROM told AS t WHERE NOT CASE t.kind
			WHEN 'settlement' THEN EXISTS (SELECT FROM voucher.settlement AS s WHERE s.account_id = t.account AND s.order_id = t.key
				AND (s.gross::text, s.discount::text, s.voucher::text, s.cash::text) = (t.f1, t.f2, t.f3, t.f4))
			WHEN 'hold' THEN EXISTS (SELECT FROM voucher.hold AS h WHERE h.account_id = t.account AND h.order_id = t.key
				AND (h.gross::text, h.discount::text, h.voucher::text, h.cash::text) = (t.f1, t.f2, t.f3, t.f4))
			WHEN 'settlement_entry' THEN EXISTS (SELECT FROM voucher.settlement_entry AS e WHERE e.account_id = t.account AND e.order_id = t.key
				AND (e.version::text, e.requested::text, e.amount::text) = (t.f1, t.f2, t.f3))
			WHEN 'rerating' THEN EXISTS (SELECT FROM voucher.rerating AS r WHERE r.account_id = t.account AND r.order_id = t.key
				AND (r.version::text, r.gross::text, r.billed::text) = (t.f1, t.f2, t.f3))
			WHEN 'cash_entry' THEN EXISTS (SELECT FROM voucher.cash_entry AS c WHERE c.account_id = t.account AND c.request_id = t.key AND c.amount::text = t.f1)
			WHEN 'entry' THEN EXISTS (SELECT FROM voucher.entry AS n WHERE n.account_id = t.account AND n.request_id = t.key
				AND (n.kind, n.instrument_id::text) = (t.f1, t.f2))
			WHEN 'instrument' THEN EXISTS (SELECT FROM voucher.instrument AS i WHERE i.account_id = t.account AND i.instrument_id::text = t.key)
			WHEN 'invoice' THEN EXISTS (SELECT FROM voucher.invoice AS i WHERE i.account_id = t.account AND i.invoice_id = t.key AND i.amount::text = t.f1)
			WHEN 'voided' THEN EXISTS (SELECT FROM voucher.settlement_entry AS e WHERE e.account_id = t.account AND e.invoice_id = t.key AND e.kind = 'void')
			WHEN 'released' THEN EXISTS (SELECT FROM voucher.hold AS h WHERE h.account_id = t.account AND h.order_id = t.key AND h.version::text = t.f1 AND h.resolution IS NOT NULL)
			WHEN 'reminding' THEN EXISTS (SELECT FROM voucher.reminding AS g WHERE g.request_id = t.key)
				AND t.f1 = (SELECT count(*)::text FROM voucher.reminder AS m WHERE m.request_id = t.key)
			ELSE false END});
}

my @all;
for my $round (1 .. $kills)
{
	push @all, storm($round, 100000, 1);
	$node->start;
	is(lost(@all), '', "kill $round: what was answered is there");
	push @all, make_again();
	is(lost(@all), '', "kill $round: and what was answered when made again");
	is($node->safe_psql('postgres', 'SELECT * FROM voucher.check()'), '', "kill $round: check() finds nothing");
}
push @all, storm('last', $acts, 0);
is(lost(@all), '', 'what was answered is there');
is($node->safe_psql('postgres', 'SELECT * FROM voucher.check()'), '', 'check() finds nothing');

# Conservation, by numbers that no function of the extension works out.
is( $node->safe_psql('postgres', q{
		SELECT currency, sum(n) FROM (
			SELECT currency, amount::numeric FROM voucher.cash_entry WHERE kind = 'deposit'
			UNION ALL SELECT currency, -cash::numeric FROM voucher.settlement
			UNION ALL SELECT s.currency, -e.amount::numeric FROM voucher.settlement_entry AS e JOIN voucher.settlement AS s USING (account_id, order_id)
				WHERE e.kind IN ('payment', 'refund', 'cancel')
			UNION ALL SELECT currency, -balance::numeric FROM voucher.account) AS moved (currency, n)
		GROUP BY currency ORDER BY currency}),
	"CNY|0.00\nUSD|0.00", 'no cent of cash is lost');
is($node->safe_psql('postgres', 'SELECT count(*) FROM voucher.limit_usage WHERE used > max_count OR amount OPERATOR(voucher.>) max_amount'), '0', 'no limit is overrun');
is($refused{'40P01'} // 0, 0, 'no two waited for each other');
is(join(' ', grep { /^(XX|P0|23|42)/ } keys %refused), '', 'no internal error, and no constraint that a verb ran into');
isnt(lost('settle|settlement|ann|never|1.00|0.00|0.00|1.00'), '', 'what is not there would be found');
my @never = grep { !$done{$_} } qw(settle word usd bill reserve capture release refund lines cancel deposit grant activate freeze rerate split merge share invoice arrears mint);
ok($kills + $acts < 100 || @never <= 3, 'nearly every verb has succeeded') or diag("never: @never");

my $done = 0;
$done += $_ for values %done;
my $refused = 0;
$refused += $_ for values %refused;
note("$clients clients, $kills kills: $done acts done, $refused refused, of these " . ($refused{'40001'} // 0)
	  . ' to be run again (40001: ' . join(', ', map { uc . " $again{$_}" } @levels) . '), ' . ($refused{'40P01'} // 0) . ' deadlocks');
note('done: ' . join ', ', map { "$_ $done{$_}" } sort keys %done);
note('refused: ' . join ', ', map { "$_ $refused{$_}" } sort keys %refused);
note("cut off and made again: $made_again, of which $cut_off_done had been done");
my @keys = map { @$_ } values %refused_by;
my %verb_of;
while (my @some = splice @keys, 0, 1000)
{
	my $list = join ',', @some;
	@verb_of{@some} = split /\n/, $node->safe_psql('postgres', "SELECT storm.verb(k) FROM unnest('{$list}'::text[]) WITH ORDINALITY AS u (k, n) ORDER BY n");
}
my %refused_as;
for my $state (keys %refused_by)
{
	$refused_as{"$verb_of{$_} $state"}++ for @{ $refused_by{$state} };
}
my @most = sort { $refused_as{$b} <=> $refused_as{$a} || $a cmp $b } grep { !/40001/ } keys %refused_as;
note('refused most: ' . join ', ', map { "$_ $refused_as{$_}" } @most[ 0 .. ($#most < 19 ? $#most : 19) ]);

$node->stop;
done_testing();
