package Queue;

# The queue of journeys, a Redis list. What is being worked on is kept on a second list until it is stored.

use strict;
use warnings;

use Redis;

sub new {
    my ($class) = @_;
    my ($server) = ($ENV{REDIS_URL} || 'redis://local:6379') =~ m{^redis://([^/]+)};
    my $redis = Redis->new(server => $server, cnx_timeout => 5, reconnect => 0);
    return bless { redis => $redis }, $class;
}

sub add  { my ($self, $job) = @_; $self->{redis}->lpush('journeys', $job); return }
sub done { my ($self, $job) = @_; $self->{redis}->lrem('journeys:taken', 1, $job); return }

# Puts back what a worker that died had taken.
sub recover {
    my ($self) = @_;
    while ($self->{redis}->rpoplpush('journeys:taken', 'journeys')) { }
    return;
}

# The oldest job; waits up to five seconds for one.
sub take {
    my ($self) = @_;
    return $self->{redis}->brpoplpush('journeys', 'journeys:taken', 5);
}

1;
