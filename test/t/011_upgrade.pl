# A database of an older server goes to a newer one, by pg_dump and by
# pg_upgrade: every row, every sequence, the extension's objects as the newer
# server makes them, and it goes on.
#
# The newer server is the sandbox's; UPGRADE_FROM names the folder of the older
# one, as script/upgrade-test sets it.  Without it pg_upgrade goes from the
# sandbox's server to itself, which makes all objects anew as well.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use lib 'test/lib';
use Everything;

$ENV{PGCLIENTENCODING} = 'UTF8';
my $dir = PostgreSQL::Test::Utils::tempdir();
# the same for both, whatever a version takes if it is not told
my @init = (extra => [ '--data-checksums', '--encoding=UTF8', '--locale=C' ]);

sub version
{
	return shift->safe_psql('postgres', q{SELECT split_part(current_setting('server_version'), ' ', 1)});
}

# What makes up the extension: functions, tables, triggers, constraints, indexes
# and types with their options and privileges, and what of it is dumped.  A WHEN
# that compares rows comes back with fewer parentheses.
sub catalogue_of
{
	my ($node, $database) = @_;
	return $node->safe_psql($database, q{
		SET search_path = pg_catalog;
		SELECT * FROM (
			SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend
			WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'voucher') AND deptype = 'e'
			UNION ALL
			SELECT concat_ws(' ', oid::regprocedure, provolatile, proparallel, proisstrict, prosecdef, proconfig, prosrc, probin,
				(SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(proacl) AS a)) FROM pg_proc WHERE pronamespace = 'voucher'::regnamespace
			UNION ALL
			SELECT concat_ws(' ', oid::regclass, relkind, relpersistence, relrowsecurity, reloptions,
				(SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(relacl) AS a)) FROM pg_class WHERE relnamespace = 'voucher'::regnamespace AND relkind <> 'i'
			UNION ALL
			SELECT concat_ws(' ', attrelid::regclass, attnum, attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attcollation::regcollation,
				(SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum))
			FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'voucher'::regnamespace AND relkind IN ('r', 'v', 'c') AND attnum > 0
			UNION ALL
			SELECT concat_ws(' ', tgenabled, translate(pg_get_triggerdef(t.oid), '()', '')) FROM pg_trigger AS t JOIN pg_class ON pg_class.oid = tgrelid WHERE relnamespace = 'voucher'::regnamespace AND NOT tgisinternal
			UNION ALL
			SELECT concat_ws(' ', conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'voucher'::regnamespace
			UNION ALL
			SELECT concat_ws(' ', indisvalid, pg_get_indexdef(indexrelid)) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'voucher'::regnamespace
			UNION ALL
			SELECT concat_ws(' ', typname, typlen, typbyval, typalign, typstorage) FROM pg_type WHERE typnamespace = 'voucher'::regnamespace
			UNION ALL
			SELECT concat_ws(' ', c::regclass, w) FROM pg_extension, unnest(extconfig, extcondition) AS u (c, w) WHERE extname = 'voucher'
			UNION ALL
			SELECT concat_ws(' ', classoid::regclass, description) FROM pg_description WHERE objoid IN (
				SELECT objid FROM pg_depend WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'voucher') AND deptype = 'e')
		) AS object (line) ORDER BY line COLLATE "C"});
}

my $old = PostgreSQL::Test::Cluster->new('old', $ENV{UPGRADE_FROM} ? (install_path => $ENV{UPGRADE_FROM}) : ());
$old->init(@init);
$old->start;
create_database($old, 'source', 'CREATE EXTENSION voucher');
my $source = something_of_everything($old, 'source');
is(empty_tables($old, 'source'), '', 'every table of the source has rows');

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init(@init);
$new->start;
my $way = version($old) . ' to ' . version($new);
note($way);
create_database($new, 'fresh', 'CREATE EXTENSION voucher');
my $fresh = catalogue_of($new, 'fresh');
cmp_ok(scalar(split /\n/, $fresh), '>', 500, 'the catalogue knows the extension');

note('pg_dump between versions needs two servers: make upgrade-test NEW=/path/to/pg_config') unless $ENV{UPGRADE_FROM};

# ---- pg_dump, the old server's and the new one's

for my $dumper ($ENV{UPGRADE_FROM} ? ($old, $new) : ())
{
	my $by = version($dumper);
	for my $options ('plain', 'custom')
	{
		my $file = "$dir/$by $options";
		$old->command_ok([ $dumper->installed_command('pg_dump'), '-d', $old->connstr('source'), "--format=$options", '-f', $file ],
			"pg_dump of $by writes $options");
		create_database($new, 'copy');
		$new->command_ok([ $options eq 'plain' ? qw(psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -f) : qw(pg_restore -e), $file, '-d', $new->connstr('copy') ],
			'restored');
		is(difference(catalogue_of($new, 'copy'), $fresh), '', 'the extension is what the new server makes');
		is_same_and_alive($new, 'copy', $source, "$way by pg_dump of $by, $options");
		$new->safe_psql('postgres', 'DROP DATABASE copy');
	}
}
$new->stop;

# ---- pg_upgrade

$old->stop;
for my $mode ('copy', $ENV{UPGRADE_FROM} ? 'link' : ())
{
	my $upgraded = PostgreSQL::Test::Cluster->new($mode);
	$upgraded->init(@init);
	my @upgrade = ('pg_upgrade', '--no-sync', $mode eq 'link' ? '--link' : (), '-d', $old->data_dir, '-D', $upgraded->data_dir,
		'-b', $old->config_data('--bindir'), '-B', $upgraded->config_data('--bindir'),
		'-s', $upgraded->host, '-p', $old->port, '-P', $upgraded->port);
	command_ok([ @upgrade, '--check' ], "pg_upgrade --check, $mode");
	my $done = run_log(\@upgrade);
	ok($done, "pg_upgrade, $mode");
	# what was wrong is in the end of the logs
	diag($_, "\n", slurp_file($_) =~ /((?:.*\n){0,20})\z/) for $done ? () : glob $upgraded->data_dir . '/pg_upgrade_output.d/*/log/*';
	last unless $done;
	$upgraded->start;
	is(difference(catalogue_of($upgraded, 'source'), $fresh), '', 'the extension is what the new server makes');
	SKIP:
	{
		skip 'amcheck is not installed', 1
		  unless $upgraded->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'});
		is($upgraded->psql('source', q{
			CREATE EXTENSION amcheck;
			DO $$ BEGIN
				PERFORM bt_index_check(i.oid, true) FROM pg_class AS i JOIN pg_am ON pg_am.oid = relam
				WHERE relnamespace = 'voucher'::regnamespace AND relkind = 'i' AND amname = 'btree';
			END $$}), 0, 'every index is in order');
	}
	is_same_and_alive($upgraded, 'source', $source, "$way by pg_upgrade, $mode");
	$upgraded->stop;
}

done_testing();
