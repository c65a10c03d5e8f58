//! What the operator cannot see yet: events that are held back from it, and watches that were broken and are not open again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::target::Target;

/// What the operator cannot see yet.
#[derive(Debug, Default)]
pub struct Sight(Mutex<Hidden>);

#[derive(Debug, Default)]
struct Hidden {
    held: usize,
    /// How many watches of the same objects; the operator may have several.
    broken: BTreeMap<Target, usize>,
    last: Option<Instant>,
}

impl Sight {
    /// Since when nothing is hidden; none while something is. Without anything that ever was, `begin`.
    pub fn clear_since(&self, begin: Instant) -> Option<Instant> {
        let hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let nothing = hidden.held == 0 && hidden.broken.is_empty();
        nothing.then(|| hidden.last.map_or(begin, |last| last.max(begin)))
    }

    /// A new operator opens all its watches.
    pub fn forget_watches(&self) {
        self.change(|hidden| hidden.broken.clear());
    }

    /// Events are held back as long as the answer lives.
    pub(super) fn hold(&self) -> Held<'_> {
        self.change(|hidden| hidden.held += 1);
        Held(self)
    }

    /// A watch is not opened: it is one that was broken, or that had come to its end.
    pub(super) fn refused(&self, watch: &Target) {
        self.change(|hidden| {
            hidden.broken.entry(watch.clone()).or_insert(1);
        });
    }

    /// An open watch is broken.
    pub(super) fn broken(&self, watch: &Target) {
        self.change(|hidden| *hidden.broken.entry(watch.clone()).or_default() += 1);
    }

    /// A watch is open.
    pub(super) fn opened(&self, watch: &Target) {
        self.change(|hidden| {
            if let Some(count) = hidden.broken.get_mut(watch) {
                *count -= 1;
            }
            hidden.broken.retain(|_, count| *count > 0);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Hidden)) {
        let mut hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = (hidden.held, hidden.broken.clone());
        change(&mut hidden);
        if before != (hidden.held, hidden.broken.clone()) {
            hidden.last = Some(Instant::now());
        }
    }
}

/// Events that are held back.
pub(super) struct Held<'a>(&'a Sight);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.change(|hidden| hidden.held = hidden.held.saturating_sub(1));
    }
}
