//! Leader election: who of several operators may write.
//!
//! ```text
//!             nobody, or silent for a term
//! Candidate ───────────── write ─────────────► Leader ──renewed in time──► Leader
//!     ▲  └─ somebody else's: look again            │
//!     └── (a new process) ◄─────── stop ───────────┘ another holder, or not renewed in time
//! ```
//!
//! Times are those of one process's own monotonic clock; clocks of different machines are never compared. A leader counts
//! its hold from *before* it sent its last renewal, a candidate counts the silence from when it *saw* the last change,
//! which is later; and a hold is shorter than a term. So the one has stopped before the other begins.

use std::time::Duration;

/// How long a holder that says nothing counts as there. A Lease that says a longer time is believed.
pub const TERM: Duration = Duration::from_secs(12);
/// How long a leader may write after it sent its last successful renewal.
pub const HOLD: Duration = Duration::from_secs(10);
/// Time between two renewals.
pub const RENEW: Duration = Duration::from_secs(3);
/// Time between two looks of a candidate, and between two tries of a leader.
pub const LOOK: Duration = Duration::from_millis(500);
/// What a Lease says that was given back: by hand nobody writes so short a time.
pub const RELEASED: Duration = Duration::from_secs(1);
/// The longest silence that is waited for, whatever a Lease says.
const LONGEST: Duration = Duration::from_mins(1);

/// A Lease, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Its holder; empty when it was given back.
    pub holder: String,
    /// How long the holder asks others to wait.
    pub term: Duration,
    /// Resource version.
    pub version: String,
}

/// What happened since the last step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The Lease is there.
    Lease(Lease),
    /// There is none.
    Missing,
    /// Our write was done; it was sent at that time.
    Written {
        /// Before the request began.
        sent: Duration,
        /// What is there now.
        lease: Lease,
    },
    /// Our write was refused: somebody else wrote, or the Lease is not there.
    Refused,
    /// The API server did not answer, or not with sense.
    Nothing,
    /// The time that was waited for has come.
    Awake,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Look at the Lease.
    Look,
    /// Write the Lease: over this version, or as a new one.
    Write {
        /// The version that is replaced.
        over: Option<String>,
    },
    /// Wait until this time.
    Wait(Duration),
    /// Write nothing any more: the lease is lost.
    Stop,
}

/// What one process knows about the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    me: String,
    last: Option<Last>,
    until: Option<Duration>,
}

/// The Lease as it was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Last {
    /// None when it was gone.
    lease: Option<Lease>,
    /// When it was first seen like this.
    since: Duration,
}

impl State {
    /// A candidate that has not looked yet. A process that follows on another of the same name takes its lease over.
    pub fn new(me: String) -> Self {
        Self { me, last: None, until: None }
    }

    /// Until when this process may write; none when it may not.
    pub fn until(&self) -> Option<Duration> {
        self.until
    }
}

/// The next step.
#[must_use]
pub fn next(mut state: State, seen: Seen, now: Duration) -> (State, Act) {
    if state.until.is_some_and(|until| now >= until) {
        state.until = None;
        return (state, Act::Stop);
    }
    let act = match seen {
        Seen::Written { sent, lease } => {
            let hold = HOLD.min(lease.term);
            state.until = Some(sent + hold);
            state.last = Some(Last { lease: Some(lease), since: now });
            Act::Wait(sent + RENEW)
        }
        Seen::Awake => awake(&state),
        Seen::Refused => Act::Look,
        Seen::Nothing => Act::Wait(now + LOOK),
        Seen::Missing if state.until.is_some() => Act::Write { over: None },
        Seen::Missing => missing(&mut state, now),
        Seen::Lease(lease) if state.until.is_some() => defend(&mut state, lease, now),
        Seen::Lease(lease) => stand(&mut state, lease, now),
    };
    (state, act)
}

fn awake(state: &State) -> Act {
    match (&state.last, state.until) {
        (Some(Last { lease: Some(lease), .. }), Some(_)) => Act::Write { over: Some(lease.version.clone()) },
        _ => Act::Look,
    }
}

/// Somebody deleted it, and its holder, who may be another one than was seen last, may not know yet. Where none was ever seen,
/// nobody holds it.
fn missing(state: &mut State, now: Duration) -> Act {
    if state.last.is_none() {
        return Act::Write { over: None };
    }
    stay(state, None, now)
}

/// A leader looked because its renewal was refused.
fn defend(state: &mut State, lease: Lease, now: Duration) -> Act {
    if lease.holder != state.me {
        state.until = None;
        return Act::Stop;
    }
    let over = Some(lease.version.clone());
    state.last = Some(Last { lease: Some(lease), since: now });
    Act::Write { over }
}

/// A candidate looks whether its time has come.
fn stand(state: &mut State, lease: Lease, now: Duration) -> Act {
    let is_first = state.last.is_none();
    let over = lease.version.clone();
    let is_released = lease.holder.is_empty() && lease.term <= RELEASED;
    // Whoever was first here under our name was the process before this one. Later it is somebody's hand.
    if is_released || (is_first && lease.holder == state.me) {
        return Act::Write { over: Some(over) };
    }
    stay(state, Some(lease), now)
}

/// What was seen has to stay as it is for a term.
fn stay(state: &mut State, lease: Option<Lease>, now: Duration) -> Act {
    let since = state.last.take().filter(|last| last.lease == lease).map_or(now, |last| last.since);
    let free = since + lease.as_ref().map_or(TERM, |lease| lease.term.clamp(TERM, LONGEST));
    let over = lease.as_ref().map(|lease| lease.version.clone());
    state.last = Some(Last { lease, since });
    if now >= free { Act::Write { over } } else { Act::Wait(free.min(now + LOOK)) }
}

#[cfg(test)]
mod tests;
