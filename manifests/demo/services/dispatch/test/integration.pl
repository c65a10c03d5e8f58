# Puts a journey on the queue of this environment and waits for what dispatch makes of it.

use strict;
use warnings;

use JSON::PP qw(decode_json encode_json);
use LWP::UserAgent;
use Pickup;
use Queue;

my $agent = LWP::UserAgent->new(timeout => 5);
my @cases;

sub check {
    my ($name, $test) = @_;
    my $why = eval { $test->(); 1 } ? undef : $@;
    print defined $why ? "FAILED $name: $why" : "passed $name\n";
    push @cases, [$name, $why];
    return;
}

sub minutes_within {
    my ($seconds, $id) = @_;
    for (1 .. $seconds * 10) {
        my $answer = $agent->get("http://dispatch/journeys/$id");
        return decode_json($answer->content)->{minutes} if $answer->is_success;
        select undef, undef, undef, 0.1;
    }
    die "journey $id was not stored within $seconds seconds\n";
}

check('a queued journey is stored with the minutes of eta', sub {
    my $id  = join '', map { sprintf '%x', rand 16 } 1 .. 32;
    my $job = { id => $id, from => { x => 0, y => 0 }, to => { x => 3, y => 4 } };
    Queue->new->add(encode_json($job));
    my $expected = decode_json($agent->get('http://eta/eta?from=0,0&to=3,4')->content)->{minutes};
    my $stored   = minutes_within(20, $id);
    die "stored $stored minutes, eta says $expected\n" unless $stored == $expected + Pickup::minutes();
});

check('a journey that nobody asked for is not found', sub {
    my $answer = $agent->get('http://dispatch/journeys/00000000000000000000000000000000');
    die 'got ' . $answer->status_line . "\n" unless $answer->code == 404;
});

sub escaped { my ($text) = @_; $text =~ s/([&<>"])/sprintf '&#%d;', ord $1/ge; chomp $text; return $text }

mkdir 'test/results';
open my $report, '>', 'test/results/dispatch.xml' or die "cannot write the report: $!\n";
my $failed = grep { defined $_->[1] } @cases;
printf {$report} '<testsuite name="dispatch" tests="%d" failures="%d">', scalar @cases, $failed;
for my $case (@cases) {
    my ($name, $why) = map { defined $_ ? escaped($_) : undef } @$case;
    my $inside = defined $why ? qq{<failure message="$why"/>} : '';
    print {$report} qq{<testcase classname="dispatch" name="$name">$inside</testcase>};
}
print {$report} "</testsuite>\n";
close $report;
exit($failed ? 1 : 0);
