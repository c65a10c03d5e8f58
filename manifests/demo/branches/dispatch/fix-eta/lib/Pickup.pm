package Pickup;

use strict;
use warnings;

# Minutes until the car is there.
sub minutes { return 3 }

1;
