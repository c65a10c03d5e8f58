//! One conversation with a server: who we are, how much we take, and what an error of it means.

use std::cell::Cell;
use std::sync::Arc;

use git2::cert::Cert;
use git2::{
    CertificateCheckStatus, Cred, CredentialType, Direction, ErrorClass, ErrorCode, RemoteCallbacks,
    Repository,
};
use slipway_plan::commit::CommitId;

use super::credentials::{Login, certificates};
use super::http::{self, Held};
use super::talk::{Ended, Talk};
use super::{GitError, Limits, Network, Refs, Remote, known_hosts};

/// A conversation that this thread has.
pub(super) struct Conversation {
    talk: Arc<Talk>,
    asked: Cell<bool>,
    limits: Limits,
    _held: Held,
}

impl Conversation {
    pub(super) fn new(remote: &Remote, network: &Network) -> Self {
        let authority = remote.credentials.as_ref().and_then(|credentials| credentials.authority.as_deref());
        let agent = match authority.and_then(certificates) {
            Some(authorities) => http::agent_trusting(authorities, &network.limits),
            None => network.agent.clone(),
        };
        let talk = Arc::new(Talk::new(&agent, remote, &network.limits));
        let held = http::hold(&talk);
        Self { talk, asked: Cell::new(false), limits: network.limits, _held: held }
    }

    /// Callbacks that answer for credentials and end the conversation at its limits.
    pub(super) fn callbacks(&self) -> RemoteCallbacks<'_> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks.credentials(|_, user, allowed| self.credentials(user, allowed));
        callbacks.certificate_check(|certificate, _| self.check_host(certificate));
        callbacks.transfer_progress(|progress| {
            progress.total_objects() <= self.limits.pack_objects
                && self.talk.has_received_pack(progress.received_bytes())
        });
        callbacks.sideband_progress(|_| self.talk.has_received_pack(0));
        callbacks
    }

    /// Only ssh asks: over HTTP credentials go along with the first request.
    fn credentials(&self, user: Option<&str>, allowed: CredentialType) -> Result<Cred, git2::Error> {
        let user = user.unwrap_or("git");
        if allowed.contains(CredentialType::USERNAME) {
            return Cred::username(user);
        }
        // libgit2 asks again for as long as the server refuses.
        let again = self.asked.replace(true);
        match self.talk.remote.credentials.as_ref().map(|credentials| &credentials.login) {
            Some(Login::Key { private, passphrase, .. })
                if !again && allowed.contains(CredentialType::SSH_KEY) =>
            {
                Cred::ssh_key_from_memory(
                    user,
                    None,
                    private.expose(),
                    passphrase.as_ref().map(super::credentials::Secret::expose),
                )
            }
            _ => {
                self.talk.end(Ended::Refused);
                Err(git2::Error::new(ErrorCode::Auth, ErrorClass::Ssh, "credentials refused"))
            }
        }
    }

    /// A host whose key is not known is not spoken to. TLS has its own check, which this leaves alone.
    fn check_host(&self, certificate: &Cert<'_>) -> Result<CertificateCheckStatus, git2::Error> {
        let Some(host) = certificate.as_hostkey() else {
            return Ok(CertificateCheckStatus::CertificatePassthrough);
        };
        let (known, identity) = match &self.talk.remote.credentials {
            Some(credentials) => match &credentials.login {
                Login::Key { known_hosts, .. } => (known_hosts.as_str(), credentials.identity.as_str()),
                _ => ("", credentials.identity.as_str()),
            },
            None => ("", "-"),
        };
        let (name, port) = self.talk.remote.url.host_and_port();
        known_hosts::check(known, &name, port, host.hostkey().unwrap_or_default()).map_err(|reason| {
            self.talk
                .end(Ended::HostUnknown(format!("{reason}; correct `known_hosts` in Secret {identity}")));
            git2::Error::new(ErrorCode::Certificate, ErrorClass::Ssh, "the host is not known")
        })?;
        Ok(CertificateCheckStatus::CertificateOk)
    }

    /// What an error of libgit2 in this conversation means.
    pub(super) fn explain(&self, source: git2::Error) -> GitError {
        let url = self.talk.remote.url.clone();
        match self.talk.why() {
            Some(why) => why,
            None if source.code() == ErrorCode::Auth => self.talk.access_refused(),
            None if source.code() == ErrorCode::Timeout => {
                GitError::TimedOut { url, after: self.limits.silence }
            }
            None if source.message().contains("overly large object") => self.talk.object_too_large(),
            None if is_local(&source) => GitError::Mirror { url, action: "update", source },
            None => GitError::Unreachable { url, source },
        }
    }
}

fn is_local(error: &git2::Error) -> bool {
    use ErrorClass::{Config, Filesystem, Odb, Reference, Repository};
    matches!(error.class(), Filesystem | Odb | Reference | Repository | Config)
}

/// What the server has.
pub(super) fn list(repository: &Repository, remote: &Remote, network: &Network) -> Result<Refs, GitError> {
    let conversation = Conversation::new(remote, network);
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
