# The fuzz targets build, and find nothing in the first inputs of a fixed seed;
# `make fuzz` runs them at length.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;

$ENV{RUNS} = 20000;
$ENV{SEED} = 1;
my ($table, $errors) = run_command(['script/fuzz']);
is($errors, '', 'they build');
like($table, qr/^$_ +\d+ +\d+ +\d+ +none$/m, "$_: no finding") for qw(amount code scope plan refund);
note($table);
done_testing();
