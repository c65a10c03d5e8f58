//! Every request that passed, and what became of it.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::target::Target;

/// One request.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When it came.
    pub at: Instant,
    /// As which user of the API server.
    pub user: String,
    /// What it was about.
    pub target: Target,
    /// The query of its path.
    pub query: String,
    /// What was sent.
    pub body: Bytes,
    /// What the API server answered; none when it did not get the request, or has not answered yet.
    pub status: Option<u16>,
    /// The API server's answer to a write.
    pub answer: Bytes,
}

impl Entry {
    /// Whether the API server has done it.
    pub fn is_done(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// What was sent, as JSON.
    pub fn sent(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// What the API server answered to a write, as JSON.
    pub fn answered(&self) -> Value {
        serde_json::from_slice(&self.answer).unwrap_or_default()
    }

    /// SHA-256 of what was sent, its first 12 digits.
    pub fn digest(&self) -> String {
        Sha256::digest(&self.body).iter().take(6).fold(String::new(), |mut text, byte| {
            // Writing to a String does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Target { verb, resource, namespace, name, .. } = &self.target;
        let status = self.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        let verb = format!("{verb:?}").to_lowercase();
        write!(formatter, "{verb} {resource} {namespace}/{name} {} {status} as {}", self.digest(), self.user)
    }
}

/// Every request that passed, in the order in which they came.
#[derive(Debug, Default)]
pub struct Record(Mutex<Vec<Entry>>);

impl Record {
    pub(super) fn begin(&self, entry: Entry) -> usize {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(entry);
        entries.len() - 1
    }

    pub(super) fn end(&self, index: usize, status: u16, answer: Bytes) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(index) {
            entry.status = Some(status);
            entry.answer = answer;
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of those from an index on.
    pub fn since(&self, index: usize) -> Vec<Entry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().skip(index).cloned().collect()
    }

    /// When the last write came.
    pub fn last_write(&self) -> Option<Instant> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().rev().find(|entry| entry.target.verb.is_write()).map(|entry| entry.at)
    }

    /// How many requests match.
    pub fn count(&self, wanted: impl Fn(&Entry) -> bool) -> usize {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().filter(|entry| wanted(entry)).count()
    }
}
