# A database that has something of everything, and what a copy of it is held
# against: made by a dump, a replica or an upgrade, it has the same rows and
# goes on.  Tables and sequences are found in the catalogue.
package Everything;

use strict;
use warnings;
use Exporter qw(import);
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(create_database something_of_everything relations rows_of empty_tables broken difference is_same_and_alive);

# Gives a node a database that is the same on all machines, and runs SQL in it.
sub create_database
{
	my ($node, $name, @sql) = @_;
	$node->safe_psql('postgres',
		"CREATE DATABASE $name TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'");
	$node->safe_psql($name, $_) for @sql;
	return;
}

# Fills a database in which the extension is new.  Returns what a copy must
# have, so that it can be asked for when the node is gone.
sub something_of_everything
{
	my ($node, $database) = @_;
	$node->safe_psql($database, slurp_file('test/lib/everything.sql'));
	return {
		rows => rows_of($node, $database),
		last_instrument => $node->safe_psql($database, 'SELECT max(instrument_id) FROM voucher.instrument'),
		last_template => $node->safe_psql($database, 'SELECT max(template_id) FROM voucher.template'),
		unused_code => $node->safe_psql($database, 'SELECT c FROM secret WHERE n = 3'),
		patterned => $node->safe_psql($database, 'SELECT array_agg(c) FROM patterned'),
	};
}

# The names of the schema's relations of some kinds: r for tables, S for
# sequences, v for views.
sub relations
{
	my ($node, $database, $kinds) = @_;
	return split /\n/, $node->safe_psql($database, qq{
		SELECT relname FROM pg_class
		WHERE relnamespace = 'voucher'::regnamespace AND relkind = ANY ('{$kinds}') ORDER BY relname});
}

# All rows of relations, by default of all tables, views and sequences, sorted.
# Shipped rows come with each extension, at its own time.
sub rows_of
{
	my ($node, $database, $kinds) = @_;
	return $node->safe_psql($database, join(' UNION ALL ', map {
		my $columns = /_seq$/ ? 'ROW(r.last_value, r.is_called)'
		  : /^(?:currency|order_type|policy)$/ ? "(to_jsonb(r) - CASE WHEN r.shipped THEN '{recorded_at}' ELSE '{}' END::text[])" : 'r';
		qq{SELECT '$_ ' || $columns\::text FROM voucher.$_ AS r}
	} relations($node, $database, $kinds // 'r,S,v')) . ' ORDER BY 1');
}

# The relations of some kinds, by default tables, views and sequences, without a
# row, which would be equal for nothing.
sub empty_tables
{
	my ($node, $database, $kinds) = @_;
	my $rows = rows_of($node, $database, $kinds);
	return join ' ', grep { $rows !~ /^$_ /m } relations($node, $database, $kinds // 'r,S,v');
}

# What check() finds.
sub broken
{
	my ($node, $database) = @_;
	return $node->safe_psql($database, 'SELECT rule, object FROM voucher.check()');
}

# The lines that only one of two texts has, as diff shows them.
sub difference
{
	my ($found, $expected) = @_;
	my %found = map { $_ => 1 } split /\n/, $found;
	my %expected = map { $_ => 1 } split /\n/, $expected;
	return join "\n", (map { "+$_" } grep { !$expected{$_} } sort keys %found),
	  (map { "-$_" } grep { !$found{$_} } sort keys %expected);
}

# A copy of what something_of_everything() made has the same rows and goes on.
# It is changed by that.
sub is_same_and_alive
{
	my ($node, $database, $source, $how) = @_;

	subtest $how => sub {
		is(difference(rows_of($node, $database), $source->{rows}), '', 'the same rows');
		is(broken($node, $database), '', 'check() finds nothing');

		# ids go on where the source stopped; nothing collides
		my $last = $source->{last_instrument};
		is($node->safe_psql($database, q{SELECT voucher.grant('acme', 'gift', 150)}), $last + 1, 'grants');
		is( $node->safe_psql($database, q{SELECT voucher.grant('acme', 'gift', request_id => 'g1') =
				(SELECT instrument_id FROM voucher.entry WHERE request_id = 'g1')}), 't', 'knows an earlier request');
		is( $node->safe_psql($database, q{SELECT voucher.create_template('another', 'voucher', 'CNY', face_value => 1)}),
			$source->{last_template} + 1, 'creates a template');
		is( $node->safe_psql($database, qq{SELECT voucher.activate('acme', '$source->{unused_code}') = $last + 2}),
			't', 'activates a code minted before');

		is( $node->safe_psql($database, q{SELECT count(*) FROM voucher.expiring('100 years') AS e JOIN voucher.reminder AS r
				ON r.account_id = e.account_id AND r.instrument_id = e.instrument_id AND r.reminded_at = e.reminded_at}),
			'1', 'knows what was reminded of');
		is( $node->safe_psql($database, qq{SELECT count(*) FROM unnest('$source->{patterned}'::voucher.code[]) AS c, voucher.verify(c)}), '31', 'verifies codes with a prefix');
		is( $node->safe_psql($database, q{SELECT count(*) FROM voucher.mint_pattern('gift', 1, 'spring26########')}), '1', 'mints the last one of a pattern');
		is( ($node->psql($database, q{SELECT voucher.mint_pattern('gift', 1, 'SPRING-26-####-####')}))[0], 3, 'and no more');

		# 'NULL' has its voucher of 200 frozen: all 40 in cash; half comes back
		is( $node->safe_psql($database, q{SELECT voucher, cash FROM voucher.settle('NULL', 'new', 'oss', 'renewal', 40)}),
			'0.00|40.00', 'settles');
		is( $node->safe_psql($database, q{SELECT amount FROM voucher.refund('NULL', 'new', 20)}), '-20.00', 'refunds');
		is( $node->safe_psql($database, q{SELECT amount FROM voucher.issue_invoice('NULL', 'new', 'new')}),
			'20.00', 'invoices');
		# o1: 500 = 200 + 300, 133.33 of it refunded: 366.67 are left, of which
		# 300 - round(133.33 * 300 / 500) = 300 - 80.00 = 220.00 in cash
		is( $node->safe_psql($database, q{SELECT requested, amount FROM voucher.refund(E'\\\\N', 'o1')}),
			'366.67|-220.00', 'refunds what is left of an order settled before');
		is( $node->safe_psql($database, q{SELECT voucher, cash FROM voucher.settle(E'\\\\N', 'o1', 'oss', 'renewal', 500)}),
			'200.00|300.00', 'answers an order settled before');
		# 40.009 were rated and 40 billed: 0.011 more are a cent and a bit
		is( $node->safe_psql($database, q{SELECT version, billed_before, billed, charged FROM voucher.rerate('rated', 'first', 'new', ARRAY[voucher.line('ecs', 'usage', 40.02)])}),
			'4|40.00|40.02|0.02', 're-rates a bill that was re-rated before');
		is( $node->safe_psql($database, q{SELECT version, waived, refunded_cash, returned FROM voucher.rerate('rated', 'first', 'down', ARRAY[voucher.line('ecs', 'usage', 40)])}),
			'2|10.00|11.00|4.00', 'answers a re-rating made before');
		# every word can be used once, the product bought first once
		is( $node->safe_psql($database, q{
				SELECT string_agg(reason, ' ' ORDER BY kind) FROM voucher.match('acme', 'ecs.g7.large', 'purchase', 150, promo_code => 'save10', currency => 'CNY')
				WHERE kind <> 'voucher' AND template <> 'invited'}),
			'exhausted exhausted', 'knows what is used up');
		is(broken($node, $database), '', 'check() finds nothing afterwards');
	};
	return;
}

1;
