//! What the process remembers of objects.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Something remembered for each object while the process lives.
#[derive(Debug)]
pub struct Memory<T>(Mutex<BTreeMap<String, T>>);

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone + Default> Memory<T> {
    /// What is remembered of it.
    pub fn get(&self, object: &str) -> T {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(object).cloned().unwrap_or_default()
    }

    /// Remembers it.
    pub fn set(&self, object: &str, value: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(object.to_owned(), value);
    }

    /// Changes what is remembered of it.
    pub fn change(&self, object: &str, change: impl FnOnce(&mut T)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(object.to_owned()).or_default());
    }

    /// Forgets it.
    pub fn forget(&self, object: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(object);
    }
}
