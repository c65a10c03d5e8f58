//! Until when this process may write.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedRwLockReadGuard, RwLock, watch};

/// Until when this process may write, as everybody in it knows.
#[derive(Clone, Debug)]
pub struct Tenure {
    held: Arc<watch::Sender<Held>>,
    leader: Arc<watch::Sender<Option<String>>>,
    writes: Arc<RwLock<()>>,
}

/// A write that is under way.
pub type Writing = OwnedRwLockReadGuard<()>;

/// When writes are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Always,
    Until(Instant),
    Not,
}

impl Tenure {
    /// Of an operator that is the only one: it may always write.
    pub fn unlimited() -> Self {
        Self::begin(Held::Always)
    }

    /// Of a candidate.
    pub fn none() -> Self {
        Self::begin(Held::Not)
    }

    fn begin(held: Held) -> Self {
        let held = Arc::new(watch::Sender::new(held));
        Self { held, leader: Arc::default(), writes: Arc::default() }
    }

    /// What is left of it now, at most that much; none when nothing may be written.
    pub fn left(&self, at_most: Duration) -> Option<Duration> {
        match *self.held.borrow() {
            Held::Always => Some(at_most),
            Held::Not => None,
            Held::Until(until) => {
                let left = until.saturating_duration_since(Instant::now());
                (!left.is_zero()).then(|| left.min(at_most))
            }
        }
    }

    /// Whether something may be written now.
    pub fn is_held(&self) -> bool {
        self.left(Duration::MAX).is_some()
    }

    /// Waits until something may be written.
    pub async fn held(&self) {
        // The sender lives as long as this does.
        let _ = self.held.subscribe().wait_for(|_| self.is_held()).await;
    }

    /// Sets it.
    pub fn set(&self, until: Option<Instant>) {
        self.held.send_replace(until.map_or(Held::Not, Held::Until));
    }

    /// Begins a write; none when they are being ended.
    pub fn write(&self) -> Option<Writing> {
        self.writes.clone().try_read_owned().ok()
    }

    /// Allows no write any more, and waits until those under way have ended.
    pub async fn end(&self) {
        self.set(None);
        drop(self.writes.write().await);
    }

    /// Where the leader serves, as the Lease says.
    pub fn leader(&self) -> Option<String> {
        self.leader.borrow().clone()
    }

    /// Sets where the leader serves.
    pub fn set_leader(&self, address: Option<String>) {
        self.leader.send_replace(address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_never_more_than_what_remains_of_the_lease() {
        let tenure = Tenure::none();
        assert_eq!(tenure.left(Duration::from_secs(5)), None);
        tenure.set(Some(Instant::now() + Duration::from_secs(2)));
        assert!(tenure.left(Duration::from_secs(5)).unwrap() <= Duration::from_secs(2));
        assert!(tenure.left(Duration::from_secs(1)).unwrap() <= Duration::from_secs(1));
        tenure.set(Instant::now().checked_sub(Duration::from_secs(1)));
        assert!(!tenure.is_held());
        assert_eq!(Tenure::unlimited().left(Duration::from_secs(5)), Some(Duration::from_secs(5)));
    }
}
