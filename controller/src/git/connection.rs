//! One conversation with a server: who we are, how much we take, and what an error of it means.

use std::cell::Cell;
use std::time::Instant;

use git2::{Cred, CredentialType, Direction, ErrorClass, ErrorCode, RemoteCallbacks, Repository};
use slipway_plan::commit::CommitId;

use super::{GitError, Limits, Refs, Remote};

/// Why a conversation was ended from this side.
#[derive(Clone, Copy)]
enum Ended {
    CredentialsRefused,
    CredentialsMissing,
    TooManyBytes,
    TooSlow,
    Silent,
}

/// What the callbacks of one conversation know.
pub(super) struct Conversation<'a> {
    remote: &'a Remote,
    limits: &'a Limits,
    started: Instant,
    asked: Cell<bool>,
    ended: Cell<Option<Ended>>,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(remote: &'a Remote, limits: &'a Limits) -> Self {
        Self { remote, limits, started: Instant::now(), asked: Cell::new(false), ended: Cell::new(None) }
    }

    /// Callbacks that answer for credentials and end the conversation at its limits.
    pub(super) fn callbacks(&self) -> RemoteCallbacks<'_> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks.credentials(|_, _, allowed| self.credentials(allowed));
        callbacks.transfer_progress(|progress| self.may_go_on(progress.received_bytes()));
        callbacks.sideband_progress(|_| self.may_go_on(0));
        callbacks
    }

    fn credentials(&self, allowed: CredentialType) -> Result<Cred, git2::Error> {
        // libgit2 asks again for as long as the server refuses.
        let again = self.asked.replace(true);
        match &self.remote.credentials {
            Some(credentials) if !again && allowed.contains(CredentialType::USER_PASS_PLAINTEXT) => {
                Cred::userpass_plaintext(&credentials.username, credentials.password.expose())
            }
            given => {
                let why = if given.is_some() { Ended::CredentialsRefused } else { Ended::CredentialsMissing };
                self.ended.set(Some(why));
                Err(git2::Error::new(ErrorCode::Auth, ErrorClass::Http, "credentials refused"))
            }
        }
    }

    fn may_go_on(&self, received_bytes: usize) -> bool {
        if received_bytes > self.limits.fetch_bytes {
            self.ended.set(Some(Ended::TooManyBytes));
        } else if self.started.elapsed() > self.limits.fetch_time {
            self.ended.set(Some(Ended::TooSlow));
        }
        self.ended.get().is_none()
    }

    /// What an error of libgit2 in this conversation means.
    pub(super) fn explain(&self, source: git2::Error) -> GitError {
        let url = self.remote.url.clone();
        match self.ended.get().or_else(|| told(&source)) {
            Some(Ended::CredentialsMissing) => GitError::AuthenticationRefused {
                url,
                reason: "it wants credentials and none are set".to_owned(),
            },
            Some(Ended::CredentialsRefused) => {
                GitError::AuthenticationRefused { url, reason: self.refusal() }
            }
            Some(Ended::TooManyBytes) => {
                let limit = format!("{} bytes", self.limits.fetch_bytes);
                GitError::TooLarge { url, what: "a fetch".to_owned(), limit }
            }
            // The limit and not the time that passed: a message that changes would be written again and again.
            Some(Ended::TooSlow) => GitError::TimedOut { url, after: self.limits.fetch_time },
            Some(Ended::Silent) => GitError::TimedOut { url, after: self.limits.silence },
            None if is_local(&source) => GitError::Mirror { url, action: "update", source },
            None if source.message().contains("redirect") => GitError::UrlRefused {
                url: url.to_string(),
                reason: "it redirects to another host".to_owned(),
            },
            None => GitError::Unreachable { url, source },
        }
    }

    fn refusal(&self) -> String {
        match &self.remote.credentials {
            Some(credentials) => format!("the credentials in Secret {} are not valid", credentials.identity),
            None => "it is not public and no credentials are set".to_owned(),
        }
    }
}

fn told(error: &git2::Error) -> Option<Ended> {
    // libgit2 has no code for a status: only its text tells a 403 from a 500.
    let is_status = |status| error.class() == ErrorClass::Http && error.message().ends_with(status);
    match error.code() {
        ErrorCode::Auth => Some(Ended::CredentialsRefused),
        ErrorCode::Timeout => Some(Ended::Silent),
        _ if is_status(" 401") || is_status(" 403") => Some(Ended::CredentialsRefused),
        _ => None,
    }
}

fn is_local(error: &git2::Error) -> bool {
    use ErrorClass::{Config, Filesystem, Odb, Reference, Repository};
    matches!(error.class(), Filesystem | Odb | Reference | Repository | Config)
}

/// What the server has.
pub(super) fn list(repository: &Repository, remote: &Remote, limits: &Limits) -> Result<Refs, GitError> {
    let conversation = Conversation::new(remote, limits);
    let read = || {
        let mut server = repository.remote_anonymous(remote.url.as_str())?;
        let connection = server.connect_auth(Direction::Fetch, Some(conversation.callbacks()), None)?;
        connection.list().map(refs)
    };
    read().map_err(|error| conversation.explain(error))
}

/// What a connected server advertised.
pub(super) fn refs(heads: &[git2::RemoteHead<'_>]) -> Refs {
    let named = |head: &git2::RemoteHead<'_>| {
        let id: CommitId = head.oid().to_string().parse().ok()?;
        Some((head.name().to_owned(), id))
    };
    heads.iter().filter_map(named).collect()
}
