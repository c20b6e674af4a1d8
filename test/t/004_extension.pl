# The extension's life in a session: dropped and created again, in several
# databases, with a catalogue that other sessions change, and with columns that
# an administrator adds to its tables.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

# acme has cash of 1000 and a voucher of 200
my $data = q{
	SELECT voucher.register_product('ecs');
	SELECT voucher.create_template('gift', 'voucher', 'CNY', face_value => 200);
	SELECT voucher.open_account('acme', 'CNY');
	SELECT voucher.deposit('acme', 1000);
	SELECT voucher.grant('acme', 'gift');
};
my $settle = q{SELECT voucher, cash FROM voucher.settle('acme', 'o1', 'ecs', 'purchase', 500);};

# A session that stays open.
sub session
{
	my ($database) = @_;
	my %session = (in => '', out => '', err => '');
	$session{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr($database) ],
		'<', \$session{in}, '>', \$session{out}, '2>', \$session{err},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return \%session;
}

# What a session answers: the rows, or the error with its SQLSTATE.
sub answer
{
	my ($session, $sql) = @_;
	$session->{out} = $session->{err} = '';
	$session->{in} .= "$sql;\n\\echo [end]\n\\warn [end]\n";
	$session->{run}->pump until $session->{out} =~ /\[end\]\n/ && $session->{err} =~ /\[end\]\n/;
	s/\[end\]\n// for $session->{out}, $session->{err};
	return $1 if $session->{err} =~ /ERROR: +(.*)/;
	chomp $session->{out};
	return $session->{out};
}

# The same for what must not fail.
sub run
{
	my ($session, $sql) = @_;
	my $result = answer($session, $sql);
	die "$session->{err}in $sql" if $session->{err} =~ /ERROR/;
	return $result;
}

# ---------------------------------------------------------------------------
# Dropped and created again in one session
# ---------------------------------------------------------------------------

my $s = session('postgres');
run($s, "CREATE EXTENSION voucher; $data");
run($s, q{PREPARE settle AS SELECT voucher::text, cash::text FROM voucher.settle('acme', $1, 'ecs', 'renewal', 10)});
is(answer($s, $settle), '200.00|300.00', 'settles');
# often enough that a generic plan is kept
run($s, "EXECUTE settle('a$_')") for 1 .. 7;

for my $time ('second', 'third')
{
	run($s, 'DROP EXTENSION voucher');
	like(answer($s, $settle), qr/^3F000: schema "voucher" does not exist|^42883: function voucher\.settle/, 'nothing works while it is dropped');
	run($s, "CREATE EXTENSION voucher; $data");
	is(answer($s, $settle), '200.00|300.00', "settles the $time time");
	is(answer($s, q{EXECUTE settle('a1')}), '0.00|10.00', 'with a statement prepared before');
	is(answer($s, q{SELECT amount FROM voucher.refund('acme', 'o1', 100)}), '-60.00', 'refunds');
	is(answer($s, q{SELECT amount FROM voucher.issue_invoice('acme', 'i1', 'o1')}), '240.00', 'invoices');
	is(answer($s, q{SELECT voucher.activate('acme', c) FROM voucher.mint('gift', 1) AS c}), '2', 'mints and activates');
	is(answer($s, 'SELECT * FROM voucher.check()'), '', 'check() finds nothing');
}

# In one transaction, and undone
run($s, "BEGIN; DROP EXTENSION voucher; CREATE EXTENSION voucher; $data");
is(answer($s, $settle), '200.00|300.00', 'settles in the transaction that created it');
run($s, 'ROLLBACK');
is(answer($s, q{EXECUTE settle('a2')}), '10.00|0.00', 'and with the old one after its rollback');

# Another session that has plans and the catalogue in memory meets the new one.
my $other = session('postgres');
run($other, q{SELECT voucher.settle('acme', 'other', 'ecs', 'renewal', 10)});
run($s, "DROP EXTENSION voucher; CREATE EXTENSION voucher; $data");
is(answer($other, $settle), '200.00|300.00', 'another session settles with the new one');

# ---------------------------------------------------------------------------
# The catalogue in memory
# ---------------------------------------------------------------------------

# A universal voucher does not cover ecs once it is marked so; then it does again.
my $match = q{SELECT applies FROM voucher.match('acme', 'ecs', 'renewal', 10)};
run($s, q{SELECT voucher.grant('acme', 'gift')});
for my $isolation ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
	is(answer($other, "$match LIMIT 1"), 't', 'covered');
	run($s, q{SELECT voucher.register_product('ecs', universal => false)});
	is(answer($other, "$match LIMIT 1"), 'f', 'seen at once by a session that had the product in memory');

	# within a transaction that has locked all tables that it reads
	run($other, "BEGIN ISOLATION LEVEL $isolation; $match");
	run($s, q{SELECT voucher.register_product('ecs', universal => true)});
	is(answer($other, "$match LIMIT 1"), 't', "within a transaction that is $isolation");
	run($s, q{SELECT voucher.register_product('ecs', universal => false)});
	is(answer($other, "$match LIMIT 1"), 'f', 'and a second time');
	run($other, 'COMMIT');
	is(answer($other, "$match LIMIT 1"), 'f', 'and afterwards');
	run($s, q{SELECT voucher.register_product('ecs', universal => true)});
}

# A currency, an order type and a template that were missed before
like(answer($other, q{SELECT voucher.open_account('acme', 'XTS')}), qr/^VC004:/, 'no such currency');
like(answer($other, q{SELECT voucher.settle('acme', 'o2', 'ecs', 'exchange', 10)}), qr/^VC003:/, 'no such order type');
like(answer($other, q{SELECT voucher.grant('acme', 'new')}), qr/^VC005:/, 'no such template');
like(answer($other, q{SELECT voucher.settle('acme', 'o2', 'ecs', 'renewal', 10, promo_code => 'new')}), qr/^VC008:/, 'no such promo code');
run($s, q{
	INSERT INTO voucher.currency (currency, minor_digits) VALUES ('XTS', 4);
	INSERT INTO voucher.order_type (order_type) VALUES ('exchange');
	SELECT voucher.create_template('new', 'voucher', 'CNY', face_value => 5);
	SELECT voucher.create_template('word', 'promo_code', 'CNY', face_value => 1, promo_code => 'NEW')});
is(answer($other, q{SELECT voucher.open_account('acme', 'XTS')}), 't', 'now the currency is there');
is(answer($other, q{SELECT voucher.deposit('acme', 0.0001, 'XTS')}), '0.0001', 'with its minor unit');
is(answer($other, q{SELECT cash FROM voucher.settle('acme', 'o2', 'ecs', 'exchange', 10, currency => 'CNY', voucher => 'none')}), '10.00', 'the order type');
is(answer($other, q{SELECT voucher.grant('acme', 'new')}), '3', 'the template');
is(answer($other, q{SELECT discount FROM voucher.settle('acme', 'o3', 'ecs', 'renewal', 10, currency => 'CNY', promo_code => 'new')}), '1.00', 'the promo code');

# What is undone is forgotten: by ROLLBACK, to a savepoint, and by an error.
my $undone = q{
	SELECT voucher.register_product('ghost');
	SELECT voucher.create_template('ghost', 'voucher', 'CNY', face_value => 9);
	INSERT INTO voucher.currency (currency, minor_digits) VALUES ('XXX', 2);
	UPDATE voucher.currency SET minor_digits = 0 WHERE currency = 'XTS'};
my $use = q{SELECT cash FROM voucher.quote('acme', 'ghost', 'purchase', 1.5, currency => 'XTS')};
sub forgotten
{
	my ($how) = @_;
	like(answer($s, $use), qr/^VC002:/, "$how: the product");
	like(answer($s, q{SELECT voucher.grant('acme', 'ghost')}), qr/^VC005:/, "$how: the template");
	like(answer($s, q{SELECT voucher.open_account('acme', 'XXX')}), qr/^VC004:/, "$how: the currency");
	is(answer($s, q{SELECT cash FROM voucher.quote('acme', 'ecs', 'purchase', 1.5, currency => 'XTS')}), '1.50', "$how: the minor unit");
}
my $use_all = qq{$use; SELECT voucher.grant('acme', 'ghost'), voucher.open_account('acme', 'XXX')};
run($s, "BEGIN; $undone");
is(answer($s, $use), '1.00', 'XTS has no decimals in the transaction that says so');
run($s, "$use_all; ROLLBACK");
forgotten('ROLLBACK');
run($s, "BEGIN; SAVEPOINT s; $undone; $use_all; ROLLBACK TO s");
is(answer($s, q{SELECT cash FROM voucher.quote('acme', 'ecs', 'purchase', 1.5, currency => 'XTS')}), '1.50', 'ROLLBACK TO, within the transaction');
run($s, 'COMMIT');
forgotten('ROLLBACK TO');
run($s, qq{DO \$\$ BEGIN
	$undone; PERFORM voucher.grant('acme', 'ghost');
	RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN NULL; END \$\$} =~ s/SELECT voucher/PERFORM voucher/gr);
forgotten('an exception that is caught');

# ---------------------------------------------------------------------------
# Columns that an administrator adds
# ---------------------------------------------------------------------------

my $n = 0;
for my $table (split /\n/, run($s, q{
		SELECT relname FROM pg_class WHERE relnamespace = 'voucher'::regnamespace AND relkind = 'r' ORDER BY 1}))
{
	run($s, "ALTER TABLE voucher.$table ADD COLUMN note text DEFAULT 'x'");
}
for my $session ($s, $other, session('postgres'))
{
	$n++;
	is(answer($session, qq{SELECT cash, (s).note IS NULL FROM voucher.quote('acme', 'ecs', 'renewal', 10, currency => 'CNY', voucher => 'none') AS s}),
		'10.00|t', 'quotes');
	is(answer($session, qq{SELECT cash FROM voucher.settle('acme', 'n$n', 'ecs', 'renewal', 10, currency => 'CNY', voucher => 'none')}), '10.00', 'settles');
	is(answer($session, qq{SELECT cash FROM voucher.settle('acme', 'n$n', 'ecs', 'renewal', 10, currency => 'CNY', voucher => 'none')}), '10.00', 'settles again');
	is(answer($session, qq{SELECT amount FROM voucher.refund('acme', 'n$n', 4)}), '-4.00', 'refunds');
	is(answer($session, qq{SELECT amount FROM voucher.issue_invoice('acme', 'n$n', 'n$n')}), '6.00', 'invoices');
	is(answer($session, qq{SELECT voucher.freeze('acme', 1), voucher.unfreeze('acme', 1)}), 't|t', 'freezes');
	is(answer($session, qq{SELECT voucher.activate('acme', c) > 0 FROM voucher.mint('gift', 1) AS c}), 't', 'activates');
	is(answer($session, qq{SELECT count(*) > 0 FROM voucher.list('acme')}), 't', 'lists');
	is(answer($session, 'SELECT * FROM voucher.check()'), '', 'check() finds nothing');
}
# Taken away again.
run($s, "ALTER TABLE voucher.$_ DROP COLUMN note") for qw(settlement account instrument);
is(answer($other, $settle =~ s/o1/o9/r =~ s/500/10/r =~ s/\);/, currency => 'CNY', voucher => 'none');/r), '0.00|10.00', 'settles after they are dropped');
run($s, 'ALTER TYPE voucher.line ADD ATTRIBUTE note text');
is(answer($s, q{SELECT cash FROM voucher.settle('acme', 'o10', currency => 'CNY', voucher => 'none',
		lines => ARRAY[ROW(1, 'ecs', 'renewal', 10, NULL, NULL, NULL, NULL, 'x')::voucher.line])}), '10.00', 'settles a line with an attribute more');

# ---------------------------------------------------------------------------
# Databases
# ---------------------------------------------------------------------------

$node->safe_psql('postgres', "CREATE DATABASE $_") for qw(second without squatted filled);
$node->safe_psql('second', "CREATE EXTENSION voucher; $data");
is($node->safe_psql('second', $settle), '200.00|300.00', 'a second database has orders of its own');
is($node->safe_psql('second', 'SELECT count(*) FROM voucher.settlement'), '1', 'and no others');

# The functions alone, as a database without the extension could have them
my ($rc, $out, $err) = $node->psql('without', q{
	\set VERBOSITY verbose
	CREATE FUNCTION normal(text) RETURNS text AS '$libdir/voucher', 'normalize_promo_code' LANGUAGE C STRICT;
	CREATE FUNCTION open(text, text, timestamptz) RETURNS boolean AS '$libdir/voucher', 'voucher_open_account' LANGUAGE C;
	SELECT normal('save-10');
	SELECT open('acme', 'CNY', now());
	SELECT open('acme', 'CNY', now());
	SELECT normal('still-alive');}, on_error_stop => 0);
is($out, "SAVE10\nSTILLALIVE", 'what needs no tables works without the extension');
like($err, qr/(ERROR:  42704: extension "voucher" is not installed in this database.*){2}/s, 'all else says what is missing');

# Whoever owns the schema can put functions of their own next to ours, or drop
# it with all that depends on it.
$node->safe_psql('squatted', q{CREATE ROLE mallory; CREATE SCHEMA voucher AUTHORIZATION mallory});
($rc, $out, $err) = $node->psql('squatted', 'CREATE EXTENSION voucher');
like($err, qr/schema "voucher" belongs to role "mallory"/, 'not into a schema of somebody else');
is($node->safe_psql('squatted', q{ALTER SCHEMA voucher OWNER TO CURRENT_USER; CREATE EXTENSION voucher; SELECT count(*) FROM voucher.check()}),
	'0', 'into one of its own');
$node->safe_psql('filled', q{CREATE SCHEMA voucher; CREATE FUNCTION voucher.sum(numeric) RETURNS numeric LANGUAGE sql RETURN 0});
($rc, $out, $err) = $node->psql('filled', 'CREATE EXTENSION voucher');
like($err, qr/schema "voucher" is not empty/, 'not into one that has objects');

# A script that a superuser runs takes nothing for its own that is there already.
my ($file) = glob 'voucher--*.sql';
my $script = slurp_file($file) =~ s/--.*//gr;
ok($script =~ /\A\s*\\echo .*\s+SET LOCAL search_path = pg_catalog, pg_temp;/, 'the script has a search_path of its own');
ok($script !~ /CREATE\s+OR\s+REPLACE|IF\s+NOT\s+EXISTS/i, 'and creates whatever it needs');

# Roles of the extension's names, which somebody made before it
my $squatters = PostgreSQL::Test::Cluster->new('squatters');
$squatters->init;
$squatters->start;
for my $made ('CREATE ROLE voucher_owner LOGIN', 'CREATE ROLE voucher_cashier CREATEROLE', 'CREATE ROLE mallory; CREATE ROLE voucher_owner ROLE mallory')
{
	$squatters->safe_psql('postgres', $made);
	($rc, $out, $err) = $squatters->psql('postgres', 'CREATE EXTENSION voucher');
	like($err, qr/role "voucher_\w+" exists and is not what the extension would create/, "not with $made");
	$squatters->safe_psql('postgres', "DROP ROLE $_") for split /\n/, $squatters->safe_psql('postgres', q{SELECT rolname FROM pg_roles WHERE rolname ~ '^(voucher_|mallory)'});
}
$squatters->safe_psql('postgres', 'CREATE ROLE clerk; CREATE ROLE voucher_cashier ROLE clerk; CREATE EXTENSION voucher; DROP EXTENSION voucher; CREATE EXTENSION voucher');
is($squatters->safe_psql('postgres', q{SET ROLE clerk; SELECT voucher.open_account('acme', 'CNY')}), 't', 'with one that a dropped extension, or a dump of roles, has left');
$squatters->stop;

$node->stop;
done_testing();
