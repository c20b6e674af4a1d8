# The replay accounts for every row of a file and ties every total; and says so
# with its exit status where one does not.
use strict;
use warnings;
use File::Path qw(make_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;
delete local @ENV{qw(PGDATABASE PGUSER ORDERS)};

my $sample = 'test/replay/sample.csv';
my $scratch = PostgreSQL::Test::Utils::tempdir();
my ($header, @rows) = split /^/, slurp_file($sample);

# Exit status, report (a table's row as its cells, spaces apart) and errors.
sub replay
{
	my ($script, @files) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ $script, @files ], '>', \$out, '2>', \$err);
	my $status = $? >> 8;
	utf8::decode($out);
	$out =~ s/[^\x20-\x7e\n]+/ /g;
	$out =~ s/^ +| +$//gm;
	$out =~ s/ +/ /g;
	$out =~ s/\n+/\n/g;
	return ($status, $out, $err);
}

sub written
{
	my ($name, @lines) = @_;
	append_to_file("$scratch/$name", join '', @lines);
	return "$scratch/$name";
}

# Worked out by hand. The twelve orders, in the order of their times:
#
#  order   account  gross    discount             rounding voucher cash
#  600001  10001     58.00    2.00 retail-5 of 40          15       41.00
#  600002  10002    162.55   16.26 tenth                   10      136.29
#  600003  10003     70.00   10.00 first, at most          20       40.00
#  600004  10004     12.265   0.61 retail-5       0.005             11.65
#  600008  10001     85.00                                          85.00
#  600009  10002     16.70                                          16.70
#  600011  10003     60.00    5.00 five                             55.00
#  600014  10004    138.00   12.00 tenth of 120                    126.00
#  600017  10001     17.00                                          17.00
#  600018  10002      5.15                                           5.15
#  600022  10003     10.00                                          10.00
#  600023  10004     20.00                                          20.00
#
# Refunds: 600001 in four steps (9.50, 19.00, 9.50, then the 18.00 left) gives
# its 41.00 in cash as 6.96, 13.91, 6.95 and 13.18; 600004 1.19 of its 3.575
# for three ribbons, all cash; 600003 8.57 x 40 / 60 = 5.71; 600002, five lamps
# at 135.00 after discount, two of them 54.00 x 136.29 / 146.29 = 50.31; a pin
# at 0.003 nothing.
#
# Deposits: each account's gross of a month, rounded up to tens: 160, 190, 140,
# 160 and, in February, 20. Invoices: order 1 and 7 half (20.50, 27.50), 3, 6,
# 9 and 12 in full (40, 16.70, 17, 20), the last voided and issued anew. The
# refunds leave order 1 at -20.50 and order 3 at -5.71.
my ($status, $out, $err) = replay('script/replay', $sample);
is($status, 0, 'the sample ties');
is($err, '', 'without a message');
my ($report, $ties) = split /^(?=Ties$)/m, $out;
is($report, <<'EOF', 'the report has the figures worked out by hand');

Rows: each in one category
category rows quantity x price
settled 21 654.665
refunded 8 -127.258
negative quantity, no cancellation 2 -1.00
positive quantity, cancellation 1 5.00
zero quantity 1 0.00
zero price 1 0.00
negative price 1 -11.50
no customer 2 2.50
cancellation, original not found 2 -34.25
cancellation, more than is left 1 -12.75
all rows 40 475.407
Orders: gross = discount + rounding + voucher + cash
accounts orders lines gross discount rounding voucher cash
4 12 21 654.665 45.87 0.005 45.00 563.79
Vouchers, coupons and promo codes: what they took off or paid
kind name issued worth orders paid
voucher welcome 1 20.00 1 20.00
voucher favourites 1 15.00 1 15.00
voucher card 1 10.00 1 10.00
coupon tenth 2 10 % 2 28.26
coupon five 1 5.00 1 5.00
coupon first 1 20 % 1 10.00
promo_code retail-5 2 5 % 2 2.61
Refunds: at the price of the cancellation, at that of the order, after discounts, and what of it was cash
rows orders cancelled as sold after discounts cash back forfeited (vouchers)
8 5 127.258 129.258 119.76 98.21 21.55
Cash: deposits - spent + cash back = balances
accounts deposits spent cash back balances
4 670.00 563.79 98.21 204.42
Invoices: cash - cash back - invoiced = left to invoice (negative: to be credited)
invoices voided invoiced left to invoice to be credited
7 1 141.70 350.09 -26.21
EOF
my $count = () = $ties =~ /\d ties$/mg;
ok($count > 20, 'there are ties');
like($ties, qr/^Rows: 40, files: 1\. All $count ties hold\.$/m, 'all of them hold');

# The same rows in two files, as spreadsheets write them: byte order mark, CRLF
# and no end of the last line. An order spans both.
my @crlf = map { s/\n/\r\n/r } $header, @rows;
(my $last = $crlf[-1]) =~ s/\r\n//;
my $first = written('first half.csv', "\xef\xbb\xbf", @crlf[ 0 .. 10 ]);
my $second = written('second.csv', @crlf[ 0, 11 .. $#crlf - 1 ], $last);
($status, my $again, $err) = replay('script/replay', $first, $second);
is($status, 0, 'two files tie too') or diag $err;
is($again, $out =~ s/files: 1/files: 2/r, 'and give the same report');

{
	local $ENV{ORDERS} = "test/replay/*.csv";
	is((replay('script/replay'))[1], $out, 'ORDERS takes patterns');
}

($status, $out) = replay('script/replay', written('empty.csv', $header));
is($status, 0, 'a file without rows ties');
like($out, qr/^Rows: 0, files: 1\. All $count ties hold\.$/m, 'and says so');

# What cannot be replayed.
sub refused
{
	my ($files, $status, $message, $name) = @_;
	my ($found, undef, $err) = replay('script/replay', @$files);
	is($found, $status, "$name: exit status");
	like($err, $message, "$name: message");
}
refused([], 2, qr/no files given: make replay ORDERS=/, 'no file');
refused(["$scratch/none*.csv"], 1, qr/none\*\.csv: no such file/, 'a file that is not there');
refused([ written('other.csv', "a,b\n") ], 1, qr/other\.csv: first line is not of a known format/,
	'another format');
refused([ $sample, written('bad.csv', $header, $rows[0], $rows[0] =~ s/,4,/,four,/r) ], 1,
	qr/line 3, column quantity: "four".*bad\.csv: cannot be loaded/s, 'a row that is not one');

# A penny that goes astray, and a row.
sub spoilt
{
	my ($file, $from, $to, $tie, $name) = @_;
	my $copy = "$scratch/$name";
	make_path("$copy/replay");
	system_or_bail('cp', '-R', 'script', $copy);
	system_or_bail('cp', '-R', 'replay', $copy);
	my $sql = slurp_file("$copy/replay/retail/$file");
	$sql =~ s/\Q$from\E/$to/ or die "$file has no $from";
	unlink "$copy/replay/retail/$file";
	append_to_file("$copy/replay/retail/$file", $sql);
	my ($status, $out, $err) = replay("$copy/script/replay", $sample);
	is($status, 1, "$name: exit status");
	like($out, qr/^\Q$tie\E .*DOES NOT TIE$/m, "$name: is named");
	like($err, qr/the books do not tie/, "$name: message");
}
spoilt('run.sql', 'COALESCE(-answer.amount, 0)::numeric', '(COALESCE(-answer.amount, 0) + 0.01)::numeric',
	'cash back returned = cash back booked', 'a stray penny');
spoilt('run.sql', "SET category = 'refunded'", 'SET category = NULL',
	'rows read = rows in categories', 'a stray row');

is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_database WHERE datname LIKE 'voucher%'}),
	'0', 'no database is left behind');

# A bill in the FOCUS form. Lines of "acme": compute 4 (of 2 September, in
# us-east-1, tagged prod), 2, -0.50 and a credit of -0.25; storage 1.005 (in
# us-east-1) and 0; support 0.10, 1 and 0.33333333333, of which 8 decimals stay:
# 7.68833333, of which 7.68 are due. It gets half of compute (6), support
# (1.43333333) and storage (1.005), each up to the next cent, a twentieth of
# us-east-1 (5.005), of prod (4) and, for the first half of the month, of all
# above zero (8.43833333). Of the fewest days left first, then of the most that
# it could pay, each pays its all: 0.43 + 3 + 0.72 + 0.51 + 0.26 + 0.20 = 5.12.
($status, $out, $err) = replay('script/replay', 'test/replay/focus/bill.csv');
is($status, 0, 'a bill in the FOCUS form ties');
is($err, '', 'without a message');
($report, $ties) = split /^(?=Ties$)/m, $out;
is($report, <<'EOF', 'its report has the figures worked out by hand');

Rows: each in one category
category rows cost
usage 3 7.005
usage that costs nothing 1 0.00
usage below zero 1 -0.50
purchase 1 1.00
tax 1 0.33333333333
credit 1 -0.25
adjustment 1 0.10
no billing account 1 5.00
no service 1 6.00
unknown currency 1 7.00
unknown charge category 1 8.00
of a bill below zero 2 -1.00
all rows 15 32.68833333333
Bills: gross = discount + rounding + voucher + cash
bill lines vouchers gross discount rounding voucher cash
2024-09 USD 9 6 7.68833333 0.00 0.00833333 5.12 2.56
Vouchers: what they cover, and what they paid
template worth covers paid
service 1 of account 1 3.00 focus.compute 3.00
service 2 of account 1 0.72 focus.support_care 0.72
service 3 of account 1 0.51 focus.storage 0.51
region of account 1 0.26 us-east-1 0.26
tag of account 1 0.20 {"env": "prod"} 0.20
first half of account 1 0.43 ["2024-09-01 00:00:00+00","2024-09-16 00:00:00+00") 0.43
EOF
unlike($ties, qr/DOES NOT TIE/, 'all of its ties hold');
like($ties, qr/^deposits - cash = balances 6\.44 6\.44 ties$/m, 'the cash that is left: 9 - 2.56');

$node->stop;
done_testing();
