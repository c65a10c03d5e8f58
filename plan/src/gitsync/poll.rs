//! When a repository is asked for news.

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use slipway_crds::names;
use slipway_crds::v1alpha1::{GitSync, Suspension};

use super::source;
use crate::duration;

/// The last time a repository was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// What was asked, see [`question`].
    pub question: String,
    /// When it is asked again.
    pub next: Timestamp,
    /// How often in a row it did not answer.
    pub failures: u32,
}

const FIRST_RETRY: SignedDuration = SignedDuration::from_secs(5);

/// What a `GitSync` asks for: when this changes, the repository is asked at once.
pub fn question(sync: &GitSync) -> String {
    let secret = sync.spec.credentials.as_ref().map_or("", |credentials| credentials.secret.as_str());
    let requested = sync.annotations().get(names::REQUESTED_AT).map_or("", String::as_str);
    let verify = sync.spec.verify.as_ref().map(|verify| (verify.provider, verify.secret.as_str()));
    format!("{}\n{secret}\n{verify:?}\n{requested}", source::identity(&sync.spec))
}

/// Whether the repository is asked now.
pub fn is_due(last: Option<&Poll>, sync: &GitSync, now: Timestamp) -> bool {
    last.is_none_or(|poll| poll.next <= now || poll.question != question(sync))
}

/// How long to wait before the repository is asked again: the interval, or less after failures, which doubles up to the
/// interval. `jitter` from 0 to 1 adds up to a tenth, so that many `GitSync`s do not ask at once.
pub fn wait(interval: &str, failures: u32, jitter: f64) -> SignedDuration {
    // A duration that is none is refused by the schema.
    let interval = duration::parse(interval).unwrap_or(SignedDuration::from_mins(1));
    let interval = interval.max(SignedDuration::from_secs(1));
    let whole = match failures {
        0 => interval,
        count => FIRST_RETRY.saturating_mul(1 << (count - 1).min(16)).min(interval),
    };
    SignedDuration::from_secs_f64(whole.as_secs_f64() * (1.0 + 0.1 * jitter.clamp(0.0, 1.0)))
}

/// The pause that is in force.
pub fn suspension(sync: &GitSync, now: Timestamp) -> Option<&Suspension> {
    sync.spec.suspend.as_ref().filter(|suspension| suspension.until.is_none_or(|until| until > now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_gets_up_to_a_tenth_more() {
        assert_eq!(wait("1h", 0, 0.0), SignedDuration::from_hours(1));
        assert_eq!(wait("1h", 0, 1.0), SignedDuration::from_mins(66));
        assert_eq!(wait("0s", 0, 0.0), SignedDuration::from_secs(1));
    }

    #[test]
    fn failures_are_retried_sooner_and_then_less_and_less_often() {
        let seconds = |failures| wait("1m", failures, 0.0).as_secs();
        assert_eq!([seconds(1), seconds(2), seconds(3), seconds(5), seconds(99)], [5, 10, 20, 60, 60]);
        assert_eq!(wait("2s", 9, 0.0), SignedDuration::from_secs(2));
    }
}
