//! Git over HTTP, in the place of libgit2's own: bounded in bytes and time from the first byte on, never redirected.
//!
//! libgit2 keeps every reference that a server names, for as long as it goes on naming them. Here the conversation ends
//! at its limits, whatever libgit2 is doing.

use std::cell::RefCell;
use std::io::{Error as IoError, Read, Result as IoResult, Write};
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use git2::{Error, ErrorClass, ErrorCode};
use ureq::http::{StatusCode, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body, Timeout};

use super::Limits;
use super::talk::{Ended, Talk};

/// What is sent to a server in one request at most: what it has already, one line each.
const REQUEST_BYTES: usize = 16 * 1024 * 1024;

thread_local! {
    // libgit2 makes a transport deep inside a call that runs on the thread of its conversation.
    static TALK: RefCell<Option<Arc<Talk>>> = const { RefCell::new(None) };
}

/// While it lives, this thread's requests belong to one conversation.
pub(super) struct Held(());

/// Gives this thread's requests to a conversation.
pub(super) fn hold(talk: &Arc<Talk>) -> Held {
    TALK.with(|held| held.replace(Some(Arc::clone(talk))));
    Held(())
}

impl Drop for Held {
    fn drop(&mut self) {
        TALK.with(RefCell::take);
    }
}

/// Connections to servers, kept for a while between requests.
pub(super) fn agent(limits: &Limits) -> Agent {
    trusting(RootCerts::PlatformVerifier, limits)
}

/// The same, to servers that these and no other authorities vouch for.
pub(super) fn agent_trusting(authorities: Vec<Certificate<'static>>, limits: &Limits) -> Agent {
    trusting(RootCerts::Specific(Arc::new(authorities)), limits)
}

fn trusting(roots: RootCerts, limits: &Limits) -> Agent {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_connect(Some(limits.connect_time))
        .timeout_recv_response(Some(limits.silence))
        .timeout_per_read(Some(limits.silence))
        .timeout_per_write(Some(limits.silence))
        .user_agent("git/slipway")
        .build();
    Agent::with_parts(config, DefaultConnector::new(), Allowed::default())
}

/// Looks names up, and keeps to addresses that a git server can have.
#[derive(Debug, Default)]
struct Allowed(DefaultResolver);

impl Resolver for Allowed {
    fn resolve(
        &self,
        uri: &ureq::http::Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.0.resolve(uri, config, timeout)?;
        match found.iter().find(|address| !is_allowed(address.ip())) {
            Some(address) => Err(ureq::Error::BadUri(format!("address {} is never contacted", address.ip()))),
            None => Ok(found),
        }
    }
}

/// Whether a git server can be there. Link-local addresses are where clouds keep their machines' credentials.
pub(super) fn is_allowed(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            !(v4.is_link_local() || v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast())
        }
        // The last is where one cloud keeps them in IPv6.
        IpAddr::V6(v6) => {
            let is_metadata = v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254];
            !(v6.is_unicast_link_local() || v6.is_unspecified() || v6.is_multicast() || is_metadata)
        }
    }
}

/// What libgit2 calls for `http` and `https`.
pub(super) fn transport(remote: &git2::Remote<'_>) -> Result<Transport, Error> {
    let talk = TALK.with(|held| held.borrow().clone());
    let talk = talk.ok_or_else(|| failed("a request outside of a conversation"))?;
    Transport::smart(remote, true, Requests(talk))
}

fn failed(message: impl AsRef<str>) -> Error {
    Error::new(ErrorCode::GenericError, ErrorClass::Http, message.as_ref().replace('\0', " "))
}

struct Requests(Arc<Talk>);

impl SmartSubtransport for Requests {
    fn action(&self, url: &str, action: Service) -> Result<Box<dyn SmartSubtransportStream>, Error> {
        let kind = match action {
            Service::UploadPackLs => Kind::References,
            Service::UploadPack => Kind::Pack,
            Service::ReceivePackLs | Service::ReceivePack => return Err(failed("nothing is ever pushed")),
        };
        let talk = Arc::clone(&self.0);
        Ok(Box::new(Exchange { talk, url: url.to_owned(), kind, request: Vec::new(), answer: None }))
    }

    fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Kind {
    References,
    Pack,
}

impl Kind {
    fn content_type(self) -> &'static str {
        match self {
            Self::References => "application/x-git-upload-pack-advertisement",
            Self::Pack => "application/x-git-upload-pack-result",
        }
    }
}

/// One request and its answer. The request is sent when the answer is first read.
struct Exchange {
    talk: Arc<Talk>,
    url: String,
    kind: Kind,
    request: Vec<u8>,
    answer: Option<Box<dyn Read + Send>>,
}

impl Write for Exchange {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        if self.request.len() + bytes.len() > REQUEST_BYTES {
            return Err(IoError::other("the request is too large"));
        }
        self.request.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(())
    }
}

impl Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let mut answer = match self.answer.take() {
            Some(answer) => answer,
            None => Box::new(self.ask().map_err(|error| self.told(&error))?.into_reader()),
        };
        let count = answer.read(buffer).map_err(|error| self.told(&ureq::Error::from(error)))?;
        self.answer = Some(answer);
        let goes_on = match self.kind {
            Kind::References => self.talk.received_references(count),
            Kind::Pack => self.talk.received_pack(count),
        };
        if goes_on { Ok(count) } else { Err(IoError::other("a limit was reached")) }
    }
}

impl Exchange {
    fn ask(&self) -> Result<Body, ureq::Error> {
        let left = Some(self.talk.time_left());
        let response = match self.kind {
            Kind::References => {
                let url = format!("{}/info/refs?service=git-upload-pack", self.url);
                let mut request = self.talk.agent.get(url).config().timeout_global(left).build();
                if let Some(value) = self.authorization() {
                    request = request.header(header::AUTHORIZATION, value);
                }
                request.call()
            }
            Kind::Pack => {
                let url = format!("{}/git-upload-pack", self.url);
                let mut request = self.talk.agent.post(url).config().timeout_global(left).build();
                if let Some(value) = self.authorization() {
                    request = request.header(header::AUTHORIZATION, value);
                }
                request
                    .header(header::CONTENT_TYPE, "application/x-git-upload-pack-request")
                    .header(header::ACCEPT, self.kind.content_type())
                    .send(self.request.as_slice())
            }
        }?;
        self.check(response.status(), response.headers())?;
        Ok(response.into_body())
    }

    fn authorization(&self) -> Option<String> {
        let (username, password) = self.talk.password()?;
        Some(format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
    }

    fn check(&self, status: StatusCode, headers: &ureq::http::HeaderMap) -> Result<(), ureq::Error> {
        let refused = |reason: String| Err(ureq::Error::Io(IoError::other(reason)));
        if status.is_redirection() {
            self.talk.end(Ended::Redirected);
            return refused("it redirects".to_owned());
        }
        if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status) {
            self.talk.end(Ended::Refused);
            return refused("it refuses access".to_owned());
        }
        if status != StatusCode::OK {
            return refused(format!("it answers with status {}", status.as_u16()));
        }
        let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        if given != self.kind.content_type() {
            return refused(
                "it does not answer as a git server does: is it the address of a repository?".to_owned(),
            );
        }
        Ok(())
    }

    /// What libgit2 is told; what the conversation knows better is asked there.
    fn told(&self, error: &ureq::Error) -> IoError {
        match error {
            ureq::Error::Timeout(Timeout::Global) => self.talk.end(Ended::TooSlow),
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => {}
            ureq::Error::Timeout(_) => self.talk.end(Ended::Silent),
            ureq::Error::BadUri(reason) => self.talk.end(Ended::AddressRefused(reason.clone())),
            _ => {}
        }
        IoError::other(error.to_string().replace('\0', " "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_at_which_there_is_no_git_server_are_never_contacted() {
        for bad in [
            "169.254.169.254",
            "0.0.0.0",
            "224.0.0.1",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
        ] {
            assert!(!is_allowed(bad.parse().unwrap()), "{bad}");
        }
        for good in ["127.0.0.1", "10.96.0.1", "192.0.2.1", "::1", "2001:db8::1", "fd00::1"] {
            assert!(is_allowed(good.parse().unwrap()), "{good}");
        }
    }
}
