//! An eighth of the suite, another one every day.

use jiff::Zoned;
use slipway_faults::scenario;
use slipway_faults::suite::{self, Share};

use crate::shared::in_world;

/// How many shares there are.
const SHARES: usize = 8;
/// Runs at once.
const PARALLEL: usize = 6;

/// From the environment, or the number of the day.
fn seed() -> usize {
    let given = std::env::var("SLIPWAY_FAULT_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| usize::try_from(Zoned::now().day_of_year()).unwrap())
}

#[test]
fn an_operator_that_is_killed_or_lied_to_ends_where_it_would_have_ended() {
    let seed = seed();
    println!("this share again: SLIPWAY_FAULT_SEED={seed}; all of them: make crash");
    let tried = in_world(|world| async move {
        let share = Share { rest: seed % SHARES, of: SHARES };
        suite::try_all(world, &scenario::all(), share, PARALLEL).await.unwrap()
    });
    let failures = suite::failures(&tried);
    assert!(failures.is_empty(), "SLIPWAY_FAULT_SEED={seed}\n{}", failures.join("\n"));
    let runs: usize = tried.iter().map(|tried| tried.outcomes.len()).sum();
    assert!(runs >= scenario::all().len(), "a share without runs proves nothing");
}
