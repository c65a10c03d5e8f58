package Store;

# Journeys in DynamoDB: requests are signed by AWS::Signature4.

use strict;
use warnings;

use AWS::Signature4;
use HTTP::Request;
use JSON::PP ();
use LWP::UserAgent;

my $json = JSON::PP->new->canonical->utf8;

sub new {
    my ($class) = @_;
    my $signer = AWS::Signature4->new(
        -access_key => $ENV{AWS_ACCESS_KEY_ID}     || 'local',
        -secret_key => $ENV{AWS_SECRET_ACCESS_KEY} || 'local',
    );
    return bless {
        agent  => LWP::UserAgent->new(timeout => 5),
        signer => $signer,
        url    => $ENV{DYNAMODB_URL} || 'http://local:8000',
    }, $class;
}

# Makes the table when it is not there yet.
sub prepare {
    my ($self) = @_;
    my ($found) = $self->_ask('DescribeTable', { TableName => 'journeys' });
    return if $found;
    my ($made, $why) = $self->_ask('CreateTable', {
        TableName            => 'journeys',
        BillingMode          => 'PAY_PER_REQUEST',
        AttributeDefinitions => [{ AttributeName => 'id', AttributeType => 'S' }],
        KeySchema            => [{ AttributeName => 'id', KeyType => 'HASH' }],
    });
    die "cannot make the table of journeys: $why\n" unless $made || $why =~ /ResourceInUse/;
    return;
}

sub put {
    my ($self, $id, $minutes) = @_;
    my $item = { id => { S => $id }, minutes => { N => "$minutes" } };
    my ($done, $why) = $self->_ask('PutItem', { TableName => 'journeys', Item => $item });
    die "cannot store journey $id: $why\n" unless $done;
    return;
}

# Minutes of a journey, or nothing.
sub get {
    my ($self, $id) = @_;
    my $key = { TableName => 'journeys', Key => { id => { S => $id } }, ConsistentRead => JSON::PP::true };
    my ($found, $why) = $self->_ask('GetItem', $key);
    die "cannot read journey $id: $why\n" unless $found || $why =~ /ResourceNotFound/;
    return $found && $found->{Item} ? $found->{Item}{minutes}{N} : undef;
}

sub _ask {
    my ($self, $action, $body) = @_;
    my $request = HTTP::Request->new(POST => $self->{url});
    $request->header('Content-Type' => 'application/x-amz-json-1.0', 'X-Amz-Target' => "DynamoDB_20120810.$action");
    $request->content($json->encode($body));
    $self->{signer}->sign($request, $ENV{AWS_REGION} || 'us-east-1');
    my $answer = $self->{agent}->request($request);
    return $json->decode($answer->content) if $answer->is_success;
    return (undef, $answer->status_line . ' ' . $answer->content);
}

1;
