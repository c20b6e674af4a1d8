# The extension can come, go and come back within one session.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

my $objects = q{
	SELECT count(*) FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
	  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'voucher');};

my ($status, $out, $err) = $node->psql('postgres', qq{
	CREATE EXTENSION voucher;
	$objects
	DROP EXTENSION voucher;
	SELECT count(*) FROM pg_depend
	WHERE refclassid = 'pg_namespace'::regclass AND refobjid = 'voucher'::regnamespace;
	CREATE EXTENSION voucher;
	$objects
	LOAD 'voucher';});
is($status, 0, 'created, dropped and created again in one session');
is($err, '', 'without a message');

my ($first, $left, $second) = split /\n/, $out;
is($left, '0', 'nothing is left in the schema after DROP EXTENSION');
is($second, $first, 'the second time has the objects of the first');

is($node->safe_psql('postgres', q{SELECT extversion FROM pg_extension WHERE extname = 'voucher'}),
	slurp_file('voucher.control') =~ /^default_version *= *'(.*)'/m ? $1 : undef,
	'has the version of voucher.control');

$node->stop;
done_testing();
