# voucher.control is the one source of the version; what repeats it agrees.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my ($version) = slurp_file('voucher.control') =~ /^default_version *= *'(.*)'/m;
like($version, qr/^\d+\.\d+\.\d+$/, 'voucher.control has a version');

my $meta = decode_json(slurp_file('META.json'));
is($meta->{version}, $version, 'META.json: the version of the distribution');
is($meta->{provides}{voucher}{version}, $version, 'META.json: the version of the extension');

my ($newest) = slurp_file('CHANGELOG.md') =~ /^## (\S+)/m;
like($newest, qr/^(?:Unreleased|\Q$version\E)$/,
	'CHANGELOG.md begins with this version or what is unreleased');

done_testing();
