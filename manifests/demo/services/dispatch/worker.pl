# Takes a journey from the queue, asks eta how long it takes, and stores the answer.

use strict;
use warnings;

use JSON::PP qw(decode_json);
use LWP::UserAgent;
use Pickup;
use Queue;
use Store;

STDOUT->autoflush(1);
$SIG{TERM} = sub { exit 0 };

my $agent = LWP::UserAgent->new(timeout => 5);
my $eta   = $ENV{ETA_URL} || 'http://eta';

sub minutes_of {
    my ($journey) = @_;
    my ($from, $to) = map { "$_->{x},$_->{y}" } @$journey{qw(from to)};
    my $answer = $agent->get("$eta/eta?from=$from&to=$to");
    die 'eta says ' . $answer->status_line . "\n" unless $answer->is_success;
    return Pickup::minutes() + decode_json($answer->content)->{minutes};
}

sub work {
    my ($queue, $store) = (Queue->new, Store->new);
    $store->prepare;
    $queue->recover;
    print "dispatch takes journeys from the queue\n";
    while (1) {
        my $job = $queue->take or next;
        my $journey = decode_json($job);
        $store->put($journey->{id}, minutes_of($journey));
        $queue->done($job);
        print "journey $journey->{id} is stored\n";
    }
}

# A store or a service that is not there yet is asked again; the job stays on the list of taken ones.
while (1) {
    eval { work(); 1 } or print "trying again in a second: $@";
    sleep 1;
}
