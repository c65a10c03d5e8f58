# Answers GET /journeys/<id> from the store.

use strict;
use warnings;

use HTTP::Daemon;
use HTTP::Response;
use JSON::PP qw(encode_json);
use Store;

STDOUT->autoflush(1);
$SIG{TERM} = sub { exit 0 };

my $store  = Store->new;
my $port   = $ENV{PORT} || 80;
my $daemon = HTTP::Daemon->new(LocalAddr => '0.0.0.0', LocalPort => $port, ReuseAddr => 1, Listen => 50)
    or die "cannot listen on port $port: $!\n";
print "dispatch answers on port $port\n";

sub answer {
    my ($path) = @_;
    return (200, '"pong"') if $path eq '/services/ping';
    return (404, '{"error":"no such page"}') unless $path =~ m{^/journeys/([0-9a-f]+)$};
    my $minutes = eval { $store->get($1) };
    return (503, encode_json({ error => $@ })) if $@;
    return (404, '{"error":"no such journey"}') unless defined $minutes;
    return (200, encode_json({ id => $1, minutes => 0 + $minutes }));
}

while (my $client = $daemon->accept) {
    $client->timeout(2);
    if (my $request = $client->get_request) {
        my ($status, $body) = answer($request->uri->path);
        $client->force_last_request;
        $client->send_response(HTTP::Response->new($status, undef, ['Content-Type' => 'application/json'], $body));
    }
    $client->close;
}
