//! What is known of one conversation with a server: how much of it was had, and why it was ended from this side.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::Agent;

use super::credentials::Login;
use super::{GitError, Limits, Remote};

/// Why a conversation was ended from this side.
#[derive(Clone, Debug)]
pub(super) enum Ended {
    Refused,
    TooManyReferences,
    TooManyBytes,
    TooSlow,
    ListTooSlow,
    Silent,
    Redirected,
    AddressRefused(String),
    HostUnknown(String),
}

/// One conversation.
pub(super) struct Talk {
    pub(super) agent: Agent,
    pub(super) remote: Remote,
    limits: Limits,
    started: Instant,
    references: AtomicUsize,
    pack: AtomicUsize,
    ended: Mutex<Option<Ended>>,
}

impl Talk {
    pub(super) fn new(agent: &Agent, remote: &Remote, limits: &Limits) -> Self {
        Self {
            agent: agent.clone(),
            remote: remote.clone(),
            limits: *limits,
            started: Instant::now(),
            references: AtomicUsize::new(0),
            pack: AtomicUsize::new(0),
            ended: Mutex::default(),
        }
    }

    /// Ends it; the first reason is the one that is told.
    pub(super) fn end(&self, why: Ended) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    /// Counts bytes of the list of references; false when it is enough.
    pub(super) fn received_references(&self, count: usize) -> bool {
        let before = self.references.fetch_add(count, Ordering::Relaxed);
        if before + count > self.limits.list_bytes {
            self.end(Ended::TooManyReferences);
        } else if self.started.elapsed() > self.limits.list_time {
            self.end(Ended::ListTooSlow);
        }
        self.goes_on()
    }

    /// Counts bytes of a pack; false when it is enough.
    pub(super) fn received_pack(&self, count: usize) -> bool {
        let before = self.pack.fetch_add(count, Ordering::Relaxed);
        self.has_received_pack(before + count)
    }

    /// Takes note of how many bytes of a pack came so far; false when it is enough.
    pub(super) fn has_received_pack(&self, bytes: usize) -> bool {
        if bytes > self.limits.fetch_bytes {
            self.end(Ended::TooManyBytes);
        } else if self.started.elapsed() > self.limits.fetch_time {
            self.end(Ended::TooSlow);
        }
        self.goes_on()
    }

    fn goes_on(&self) -> bool {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// How long the whole of it may still take.
    pub(super) fn time_left(&self) -> Duration {
        self.limits.fetch_time.saturating_sub(self.started.elapsed())
    }

    /// User and password, when it is had with them.
    pub(super) fn password(&self) -> Option<(&str, &str)> {
        match &self.remote.credentials.as_ref()?.login {
            Login::Password { username, password } => Some((username, password.expose())),
            Login::Key { .. } | Login::Unknown => None,
        }
    }

    /// Why it was ended from this side, as an error.
    pub(super) fn why(&self) -> Option<GitError> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone();
        ended.map(|why| self.error(why))
    }

    // The limit and not the time that passed: a message that changes would be written again and again.
    fn error(&self, why: Ended) -> GitError {
        let Limits { list_bytes, list_time, fetch_bytes, fetch_time, silence, .. } = self.limits;
        let url = self.remote.url.clone();
        let too_large = |what: &str, limit: usize| GitError::TooLarge {
            url: url.clone(),
            what: what.to_owned(),
            limit: format!("{limit} bytes"),
        };
        let refused = |reason: String| GitError::UrlRefused { url: url.to_string(), reason };
        match why {
            Ended::Refused => self.access_refused(),
            Ended::TooManyReferences => too_large("the list of branches and tags", list_bytes),
            Ended::TooManyBytes => too_large("a fetch", fetch_bytes),
            Ended::TooSlow => GitError::TimedOut { url, after: fetch_time },
            Ended::ListTooSlow => GitError::TimedOut { url, after: list_time },
            Ended::Silent => GitError::TimedOut { url, after: silence },
            Ended::Redirected => refused("it redirects; set `url` to where the repository is".to_owned()),
            Ended::AddressRefused(reason) => refused(reason),
            Ended::HostUnknown(reason) => GitError::AuthenticationRefused { url, reason },
        }
    }

    /// An object is larger than libgit2 was told to unpack.
    pub(super) fn object_too_large(&self) -> GitError {
        let limit = format!("{} bytes", self.limits.object_bytes);
        GitError::TooLarge { url: self.remote.url.clone(), what: "an object".to_owned(), limit }
    }

    /// The server wants other credentials, or any.
    pub(super) fn access_refused(&self) -> GitError {
        let reason = match &self.remote.credentials {
            Some(credentials) => format!("the credentials in Secret {} are not valid", credentials.identity),
            None => "it wants credentials and none are set".to_owned(),
        };
        GitError::AuthenticationRefused { url: self.remote.url.clone(), reason }
    }
}
