//! Why a reconcile did not get through, and when it is tried again.

use std::time::Duration;

/// Why a reconcile did not get through.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading from the API server failed.
    #[error("failed to read {what}")]
    Read {
        /// What was read.
        what: String,
        /// Why.
        source: kube::Error,
    },
    /// Writing a status failed.
    #[error("failed to write the status of {what}")]
    Status {
        /// Of which object.
        what: String,
        /// Why.
        source: kube::Error,
    },
    /// Writing to an object of ours failed.
    #[error("failed to {verb} {what}")]
    Write {
        /// What was tried.
        verb: &'static str,
        /// On which object.
        what: String,
        /// Why.
        source: kube::Error,
    },
    /// An image did not get its name.
    #[error(transparent)]
    Naming(#[from] crate::registry::NamingError),
    /// A mirror could not be read.
    #[error("failed to read the mirror of {what}")]
    Mirror {
        /// Whose repository.
        what: String,
        /// Why.
        source: crate::git::GitError,
    },
    /// Some steps of a plan failed; the first of them is told.
    #[error("failed to apply {failed} of the objects; first: {first}")]
    Apply {
        /// How many.
        failed: usize,
        /// The first, in the API server's words.
        first: String,
    },
    /// Objects changed between our look and our write.
    #[error("{0} of the objects changed meanwhile")]
    Stale(usize),
    /// Objects of a kind could not be listed.
    #[error(transparent)]
    Unseen(#[from] crate::cache::Unseen),
    /// A declared object could not be rendered.
    #[error(transparent)]
    Render(#[from] slipway_plan::object::RenderError),
    /// The object has no namespace: the API server would not have accepted it.
    #[error("{0} has no namespace")]
    NoNamespace(String),
    /// The reconcile of one object panicked; other objects are not affected.
    #[error("the reconcile of {0} panicked: this is a bug, see the log")]
    Panicked(String),
}

/// When a failed reconcile is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// At once when the watch shows a newer object: what was written was based on an old one.
    Soon,
    /// After a delay that doubles with each attempt, to at most a minute.
    Backoff,
    /// After five minutes: trying again will hardly help.
    Quarantine,
}

impl Error {
    /// The one table of retries.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Stale(_) => Verdict::Soon,
            Self::Status { source, .. } | Self::Write { source, .. } if is_conflict(source) => Verdict::Soon,
            Self::Read { .. }
            | Self::Status { .. }
            | Self::Write { .. }
            | Self::Apply { .. }
            | Self::Naming(_)
            | Self::Mirror { .. }
            | Self::Unseen(_) => Verdict::Backoff,
            Self::Render(_) | Self::NoNamespace(_) | Self::Panicked(_) => Verdict::Quarantine,
        }
    }
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_conflict() || status.is_not_found())
}

/// The shortest and the longest delay between attempts.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_mins(1);
/// After what time something that will hardly get better is tried again.
const QUARANTINE: Duration = Duration::from_mins(5);

/// How long to wait before the next attempt; `attempts` counts those that failed in a row, `jitter` is from 0 to 1.
pub fn delay(verdict: Verdict, attempts: u32, jitter: f64) -> Duration {
    let whole = match verdict {
        Verdict::Soon => FIRST,
        Verdict::Backoff => FIRST.saturating_mul(1 << attempts.min(12)).min(LONGEST),
        Verdict::Quarantine => QUARANTINE,
    };
    whole.mul_f64(1.0 + 0.1 * jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_limit() {
        assert_eq!(delay(Verdict::Backoff, 0, 0.0), FIRST);
        assert_eq!(delay(Verdict::Backoff, 3, 0.0), FIRST * 8);
        assert_eq!(delay(Verdict::Backoff, 4_000, 0.0), LONGEST);
        assert_eq!(delay(Verdict::Quarantine, 0, 0.0), QUARANTINE);
    }
}
