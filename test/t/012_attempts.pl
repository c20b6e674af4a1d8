# Wrong codes: a budget of attempts holds across transactions that fail, at every
# isolation level, for many sessions at once; and a right code is not told from a
# wrong one once it is used up.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION voucher;
	SELECT voucher.register_product('ecs');
	SELECT voucher.create_template('gift', 'voucher', 'CNY', face_value => 50);
	SELECT voucher.create_template('word', 'promo_code', 'CNY', face_value => 5, promo_code => 'WORD');
	SELECT voucher.open_account(a, 'CNY'), voucher.deposit(a, 100) FROM unnest('{ann,ben,cid,dan,eve,fay}'::text[]) AS a;
	CREATE TABLE good AS SELECT code, row_number() OVER () AS n FROM voucher.mint('gift', 3) AS code;
	SELECT voucher.activate('dan', code) FROM good WHERE n = 1;
	INSERT INTO voucher.attempt_budget VALUES ('account', 5, '1 day'), ('client', 8, '1 day');
	-- tries codes in a row, and says how each ended
	CREATE FUNCTION try(n integer, call text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		result text[] := '{}';
	BEGIN
		FOR i IN 1 .. n LOOP
			BEGIN
				EXECUTE call;
				result := result || 'done'::text;
			EXCEPTION WHEN OTHERS THEN
				result := result || SQLSTATE;
			END;
		END LOOP;
		RETURN array_to_string(result, ' ');
	END $$;
});
my ($used, @good) = split /\n/, $node->safe_psql('postgres', 'SELECT code FROM good ORDER BY n');
my $wrong = $node->safe_psql('postgres', 'SELECT voucher.new_code()');

# What a transaction that is rolled back was answered.
sub rolled_back
{
	my ($level, $n, $call) = @_;
	return $node->safe_psql('postgres', "BEGIN ISOLATION LEVEL $level; SELECT 1 \\g /dev/null\nSELECT try($n, \$\$$call\$\$); ROLLBACK") =~ s/\s+\z//r;
}

sub attempts
{
	my ($where) = @_;
	return $node->safe_psql('postgres', "SELECT count(*) FROM voucher.attempt WHERE $where");
}

# ---- by account

is(rolled_back('READ COMMITTED', 2, "SELECT voucher.activate('ann', '$wrong')"), 'VC008 VC008', 'two wrong codes');
is(attempts("account_id = 'ann'"), '2', 'are kept though the transaction was rolled back');
is(rolled_back('REPEATABLE READ', 2, "SELECT voucher.activate('ann', '$used')"), 'VC008 VC008', 'another account\'s code is as wrong');
is(rolled_back('SERIALIZABLE', 3, "SELECT voucher.activate('ann', '$wrong')"), 'VC008 VC503 VC503', 'the budget is used up within a transaction whose snapshot is older');
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.activate('ann', '$good[0]')"), 'VC503', 'a right code is not told from a wrong one then');
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.verify('$good[0]', account_id => 'ann')"), 'VC503', 'nor by verify');
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.quote('ann', 'ecs', 'renewal', 10, promo_code => 'word')"), 'VC503', 'nor is a promo code');
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.settle('ann', 'o1', 'ecs', 'renewal', 10)"), 'done', 'what needs no code goes on');
is(attempts("account_id = 'ann'"), '5', 'what is refused is not counted');
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.activate('ben', '$good[0]')"), 'done', 'another account has a budget of its own');

# ---- promo codes; what was settled or promised stays so

is(rolled_back('READ COMMITTED', 3, "SELECT voucher.settle('cid', 'c', 'ecs', 'renewal', 10, promo_code => 'word'), voucher.cancel('cid', 'c')"), 'done VC205 VC205', 'right ones are not counted');
$node->safe_psql('postgres', "SELECT voucher.settle('cid', 'o1', 'ecs', 'renewal', 10, promo_code => 'word'), voucher.reserve('fay', 'o2', 'ecs', 'renewal', 10, promo_code => 'word')");
is(rolled_back('READ COMMITTED', 6, "SELECT voucher.match('cid', 'ecs', 'renewal', 10, promo_code => 'ward')"), 'VC008 VC008 VC008 VC008 VC008 VC503', 'wrong ones are');
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.settle('cid', 'o1', 'ecs', 'renewal', 10, promo_code => 'word')"), 'done', 'a retry gets its answer');
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.settle('cid', 'o1', 'ecs', 'renewal', 10, promo_code => 'ward')"), 'VC301', 'and tells nothing of another word');
is(rolled_back('READ COMMITTED', 6, "SELECT voucher.match('fay', 'ecs', 'renewal', 10, promo_code => 'ward')"), 'VC008 VC008 VC008 VC008 VC008 VC503', 'of whoever reserved, too');
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.capture('fay', 'o2')"), 'done', 'what was reserved is captured');

# ---- by client, and by the session's user where nobody is named

is(rolled_back('READ COMMITTED', 9, "SELECT voucher.verify('$wrong', client => '10.0.0.1')"), 'VC008 ' x 8 . 'VC503', 'a client has a budget');
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.activate('eve', '$good[0]', client => '10.0.0.1')"), 'VC503', 'whatever account it tries');
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.activate('eve', '$good[0]', client => '10.0.0.2')"), 'done', 'another client goes on');
rolled_back('READ COMMITTED', 1, "SELECT voucher.verify('$wrong')");
is(attempts("client = session_user AND account_id IS NULL AND recorded_by = session_user"), '1', 'without a client it is the session\'s user');
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.verify('" . ($wrong =~ s/(\w)\z/$1 eq '0' ? '1' : '0'/er) . "', client => '10.0.0.3')"), '22P02', 'what is mistyped is refused');
is(attempts("client = '10.0.0.3'"), '0', 'and not counted');
is(rolled_back('READ COMMITTED', 1, "SET LOCAL transaction_read_only = on; SELECT voucher.verify('$wrong', client => '10.0.0.3')"), 'VC008', 'a read-only transaction');
is(attempts("client = '10.0.0.3'"), '1', 'counts, too');

# ---- an account that is made up has no budget that could be used up

is(rolled_back('READ COMMITTED', 1, "SELECT voucher.activate('nobody', '$_')"), 'VC001', 'an unknown account learns nothing') for $good[0], $wrong;
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.verify('$_', account_id => 'nobody')"), 'VC001', 'nor by verify') for $good[0], $wrong;

# ---- a name of any length is counted, by what it begins with

my $long = 'client ' . join '', map { chr(33 + $_ * 7919 % 90) } 1 .. 9000;
$long =~ s/[\\'\$]/x/g;
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.verify('$wrong', client => '$long')"), 'VC008', 'a very long client');
is(attempts("client LIKE 'client %'"), '1', 'is counted');

# ---- a statement that is cancelled once the code is known to be wrong

my $lock = $node->background_psql('postgres');
$lock->query_safe('BEGIN; LOCK TABLE voucher.attempt IN SHARE MODE') if $lock->can('query_safe');
SKIP:
{
	skip 'this PostgreSQL has no background_psql with an object', 1 unless $lock->can('query_safe');
	my $err = '';
	my $tries = IPC::Run::start([ 'psql', '-XAtq', '-v', 'VERBOSITY=sqlstate', '-d', $node->connstr('postgres'), '-c', "SELECT voucher.verify('$wrong', client => 'cancelled')" ],
		'<', '/dev/null', '>', '/dev/null', '2>', \$err);
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'voucher attempt' AND wait_event_type = 'Lock'");
	$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT voucher.verify(%' AND state = 'active'");
	$lock->query_safe('COMMIT');
	$tries->finish;
	is(attempts("client = 'cancelled'"), '1', 'counts as any other');
}
$lock->quit;

# ---- who waits for the worker holds what it waits for

is(rolled_back('READ COMMITTED', 1, "LOCK TABLE voucher.attempt; SELECT voucher.verify('$wrong', client => 'locks')"), '53400', 'no deadlock without an end');
isnt($node->psql('postgres', q{UPDATE voucher.attempt_budget SET period = '178000000 years'}), 0, 'no period that reaches beyond time');

# ---- twenty at once: five are told

my (@out, @run);
for my $n (1 .. 20)
{
	push @run, IPC::Run::start([ 'psql', '-XAtq', '-v', 'VERBOSITY=sqlstate', '-d', $node->connstr('postgres'), '-c', "SELECT voucher.activate('dan', '$wrong')" ],
		'<', '/dev/null', '>', '/dev/null', '2>', \$out[$n]);
}
$_->finish for @run;
my %told;
$told{$_}++ for map { /ERROR:  (\w+)/ } @out[ 1 .. 20 ];
is_deeply(\%told, { VC008 => 5, VC503 => 15 }, 'of twenty at once as many as the budget are told');

# ---- time passes, and what no budget counts is forgotten

$node->safe_psql('postgres', "UPDATE voucher.attempt SET at = at - interval '25 hours'");
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.activate('ann', '$good[0]')"), 'done', 'a period later there is a new budget');
rolled_back('READ COMMITTED', 1, "SELECT voucher.activate('ann', '$wrong')");
is(attempts('true'), '1', 'and old attempts go');
is($node->safe_psql('postgres', 'SELECT * FROM voucher.check()'), '', 'nothing is broken');

# ---- no worker to write it down: no answer

my $hour = 3600 * 1000000;
$node->safe_psql('postgres', "SELECT setval('voucher.attempt_uncounted_seq', last_value - $hour) FROM voucher.attempt_uncounted_seq");
$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
$node->restart;
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.activate('ben', '$good[0]')"), 'done', 'a right code needs no worker');
is(rolled_back('READ COMMITTED', 1, "SET LOCAL transaction_read_only = on; SELECT voucher.verify('$wrong', account_id => 'eve')"), '53400', 'what cannot be counted is not answered');
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.activate('ben', '$_')"), '53400', 'nor is what comes after, right or wrong') for $good[0], $wrong;
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.quote('ben', 'ecs', 'renewal', 10, promo_code => '$_')"), '53400', 'nor is a promo code') for 'word', 'ward';
$node->safe_psql('postgres', "SELECT setval('voucher.attempt_uncounted_seq', last_value - $hour) FROM voucher.attempt_uncounted_seq");
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.activate('ben', '$good[0]')"), 'done', 'for an hour');

$node->safe_psql('postgres', "SELECT setval('voucher.attempt_uncounted_seq', last_value + $hour) FROM voucher.attempt_uncounted_seq");
$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
$node->restart;
is(rolled_back('READ COMMITTED', 1, "SET LOCAL transaction_read_only = on; SELECT voucher.verify('$good[0]', account_id => 'ben')"), 'done', 'with workers there are answers');
is(attempts("account_id = 'ben'"), '0', 'of right codes nothing stays');
is(rolled_back('READ COMMITTED', 6, "SELECT voucher.activate('ben', '$wrong')"), 'VC008 VC008 VC008 VC008 VC008 VC503', 'a wrong one counts once');
is(rolled_back('READ COMMITTED', 1, "SELECT voucher.activate('ben', '$good[0]')"), 'VC503', 'and uses up the budget');
is(attempts("account_id = 'ben'"), '5', 'as at any other time');

# ---- no shared memory to tell a worker by: no answer either

my $segments = $node->data_dir . '/pg_dynshmem';
$node->safe_psql('postgres', "DELETE FROM voucher.attempt; SELECT setval('voucher.attempt_uncounted_seq', last_value - $hour) FROM voucher.attempt_uncounted_seq");
$node->append_conf('postgresql.conf', 'dynamic_shared_memory_type = mmap');
$node->restart;
# what a session is answered that can create none from its first statement on
sub without_memory
{
	my ($call) = @_;
	my $answer = $node->safe_psql('postgres', "SELECT 1 \\g /dev/null\n\\! chmod 500 $segments\nSELECT try(1, \$\$$call\$\$);\n\\! chmod 700 $segments");
	return $answer;
}
is(without_memory("SELECT voucher.activate('ben', '$good[1]')"), 'done', 'a right code needs no shared memory');
is(without_memory("SELECT voucher.activate('eve', '$wrong')"), '42501', 'of a wrong one no answer is given');
is(without_memory("SELECT voucher.activate('eve', '$_')"), '42501', 'nor of what comes after, right or wrong') for $good[0], $wrong;
is(attempts('true'), '0', 'none of them is counted');

$node->stop;
done_testing();
