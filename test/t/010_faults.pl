# Every verb fails at each of its statements in turn, by an error, out of memory
# and cancelled: nothing of it is done, and the same call succeeds afterwards.
#
# Builds the library once more, with what lets a statement fail.
use strict;
use warnings;
use File::Spec::Functions qw(rel2abs);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $build = rel2abs(PostgreSQL::Test::Utils::tempdir());
system_or_bail('cp', '-R', 'src', 'Makefile', 'voucher.control', $build);
unlink glob "$build/src/*.o";
system_or_bail('make', '-s', '-C', $build, 'FAULTS=1', 'COPT=-O0', 'with_llvm=no', 'voucher.so');

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
command_ok([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-v', 'ON_ERROR_STOP=1', '-v', "library=$build/voucher",
		'-o', '/dev/null', '-f', 'test/storm/faults.sql' ], 'prepared');
is($node->safe_psql('postgres', 'SELECT * FROM voucher.check()'), '', 'check() finds nothing');

my $faults = 0;
for my $call (split /\n/, $node->safe_psql('postgres', 'SELECT call FROM faults.call'))
{
	for my $how ('e', 'm', 'c')
	{
		my ($failed, $found) = split /\|/, $node->safe_psql('postgres', "SELECT * FROM faults.try(\$call\$$call\$call\$, '$how')"), -1;
		is($found, '', "$call: $how");
		cmp_ok($failed || 0, '>', 0, 'it failed') if $how eq 'e';
		$faults += $failed || 0;
	}
}
is($node->safe_psql('postgres', 'SELECT * FROM voucher.check()'), '', 'check() finds nothing');
note("$faults faults");
$node->stop;
done_testing();
