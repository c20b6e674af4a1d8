# The documentation is true and complete: its examples do what it says, every
# error and every object is described, and its links lead somewhere.
#
# Needs the server that PGHOST and the like name, with the extension installed;
# runs in the source folder.
use strict;
use warnings;
use Test::More;

my @files = ('README.md', glob 'docs/*.md');
my %text = map { $_ => slurp($_) } @files;

sub slurp
{
	my $file = shift;
	local $/;
	open my $in, '<', $file or die "$file: $!\n";
	return <$in>;
}

# The part of a text below a heading of level three.
sub section
{
	my ($text, $heading) = @_;
	return $text =~ /^### \Q$heading\E\n(.*?)(?=^##? |^### |\z)/ms ? $1 : undef;
}

# Rows of a query, in a database that has the extension.
sub rows
{
	my ($database, $sql) = @_;
	my @command = ('psql', '-XAtq', '-F', "\t", '-d', $database, '-v', 'ON_ERROR_STOP=1', '-c', $sql);
	open my $psql, '-|', @command or die "psql: $!\n";
	my @rows = map { chomp; [ split /\t/, $_, -1 ] } <$psql>;
	close $psql or die "psql failed\n";
	return @rows;
}

# ---- examples

{
	my ($ran, $diagnosed);
	open my $doctest, '-|', 'script/doctest', @files or die "script/doctest: $!\n";
	while (<$doctest>)
	{
		if (/^(not )?ok \d+ - (.*)/)
		{
			$diagnosed = !ok(!$1, "example $2");
			$ran++;
		}
		elsif (/^# (.*)/ && $diagnosed)
		{
			diag($1);
		}
	}
	close $doctest;
	cmp_ok($ran, '>', @files, 'script/doctest ran');
}

# ---- excerpts: ```c FILE and ```pgsql FILE hold lines of that file, in its order

for my $file (@files)
{
	while ($text{$file} =~ /^```(?:c|pgsql) (\S+)\n(.*?)^```$/msg)
	{
		my ($source, $excerpt) = ($1, $2);
		my $pattern = join '.*?', map { "^\Q$_\E\$" } split /\n/, $excerpt;
		ok(-e $source && slurp($source) =~ /$pattern/ms, "$file: excerpt of $source");
	}
}

# ---- errors

{
	my %defined;
	my $header = slurp('src/errors.h');
	while ($header =~ /^#define ERRCODE_VC_(\w+)\s+MAKE_SQLSTATE\('(.)','(.)','(.)','(.)','(.)'\)/mg)
	{
		$defined{"$2$3$4$5$6"} = lc($1) =~ tr/_/ /r;
	}
	my $errors = $text{'docs/errors.md'};
	my %described = $errors =~ /^\| (VC\d{3}) \| ([^|]+) \|/mg;

	is_deeply([ sort keys %described ], [ sort keys %defined ],
		'docs/errors.md lists the codes of src/errors.h');
	for my $code (sort keys %described)
	{
		is($described{$code} =~ tr/-/ /r, $defined{$code}, "$code is called what src/errors.h calls it");
		my $section = section($errors, "$code $described{$code}") // '';
		like($section, qr/^```sql $code$/m, "$code has an example");
	}
}

# ---- objects

my $database = "docs_$$";
system('createdb', '-T', 'template0', $database) == 0 or die "createdb failed\n";
rows($database, 'CREATE EXTENSION voucher');
my $member = q{SELECT objid FROM pg_depend WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'voucher') AND classid = };
my $reference = $text{'docs/reference.md'};
my ($types) = $reference =~ /^## Types\n(.*)/ms;

# Functions that are not there to be called: of types, operators, operator
# classes, aggregates, casts and the extension's own triggers.
my @functions = rows($database, qq{
	SELECT proname, array_to_string(proargnames, ' ') FROM pg_proc
	WHERE oid IN ($member 'pg_proc'::regclass) AND oid NOT IN (
		SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend]::oid[]) FROM pg_type
		UNION SELECT oprcode FROM pg_operator
		UNION SELECT amproc FROM pg_amproc
		UNION SELECT castfunc FROM pg_cast
		UNION SELECT tgfoid FROM pg_trigger
		UNION SELECT unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn,
			aggmtransfn, aggminvtransfn, aggmfinalfn]::oid[]) FROM pg_aggregate)
	ORDER BY 1});
cmp_ok(@functions, '>', 30, 'there are functions');
for (@functions)
{
	my ($name, $arguments) = @$_;
	my $section = section($reference, $name) // ($types =~ /(^.*`\Q$name\E\(.*)/m ? $1 : undef);
	ok(defined $section, "function $name is described") or next;
	my @missing = grep { $section !~ /`[^`]*\b\Q$_\E\b[^`]*`/ } split ' ', $arguments;
	is("@missing", '', "function $name: every argument and column is described");
}

# Views, row types, and tables that have a section of their own, with all columns.
for (rows($database, qq{
	SELECT relname, relkind, string_agg(attname, ' ' ORDER BY attnum)
	FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0
	WHERE relkind IN ('r', 'v') AND pg_class.oid IN ($member 'pg_class'::regclass)
		OR relkind = 'c' AND reltype IN ($member 'pg_type'::regclass) GROUP BY 1, 2 ORDER BY 1}))
{
	my ($name, $kind, $columns) = @$_;
	my $section = section($reference, $name);
	like($reference, qr/^\| `\Q$name\E` \| /m, "table $name is in the list of tables") if $kind eq 'r';
	ok(defined $section, "$name is described") if $kind ne 'r';
	next unless defined $section;
	my @missing = grep { $section !~ /`\Q$_\E`/ } split ' ', $columns;
	is("@missing", '', "$name: every column is described");
}

for (rows($database, qq{
	SELECT typname FROM pg_type
	WHERE oid IN ($member 'pg_type'::regclass) AND typtype IN ('b', 'd', 'e', 'r') AND typcategory <> 'A'
	UNION
	SELECT opcname FROM pg_opclass WHERE oid IN ($member 'pg_opclass'::regclass) ORDER BY 1}))
{
	like($types, qr/^### \Q$_->[0]\E$|`\Q$_->[0]\E`/m, "$_->[0] is described");
}

for (rows($database, qq{
	SELECT DISTINCT oprname, t.typname FROM pg_operator
	JOIN pg_type AS t ON t.oid IN (oprleft, oprright) AND t.typtype = 'b' AND t.typnamespace = 'voucher'::regnamespace
	WHERE pg_operator.oid IN ($member 'pg_operator'::regclass) ORDER BY 2, 1}))
{
	my ($operator, $type) = @$_;
	like(section($reference, $type), qr/`(?:[^`\n]* )?\Q$operator\E(?: [^`\n]*)?`/, "operator $operator of $type is described");
}
system('dropdb', $database);

# ---- links

# The anchors of a file's headings, as GitHub makes them.
sub anchors
{
	my $text = shift =~ s/^```.*?^```$//msgr;
	return { map { (lc =~ s/[^\w -]//gr =~ tr/ /-/r) => 1 } $text =~ /^#+ (.*)$/mg };
}

for my $file (@files)
{
	my ($folder) = $file =~ m{^(.*/)?};
	my $prose = $text{$file} =~ s/^```.*?^```$//msgr;
	while ($prose =~ /\]\(([^)#:]*)(?:#([^)]*))?\)/g)
	{
		my ($target, $anchor) = ($1 eq '' ? $file : ($folder // '') . $1, $2);
		ok(-e $target && (!defined $anchor || anchors(slurp($target))->{$anchor}),
			"$file: link to $target" . (defined $anchor ? "#$anchor" : ''));
	}
}

done_testing();
