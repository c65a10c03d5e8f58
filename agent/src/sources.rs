//! Gets the repositories from the operator.
//!
//! `GET URL/service?to=SHA[&from=SHA]` (and `/ops`) answers with a gzip-compressed archive: the files that are new or
//! other since `from`, with the times that git's history gives them, and whiteouts for those that are gone; without
//! `from`, all files. A folder that is new has an entry before what is in it. Unpacked twice it is the same as once, so
//! what broke off is just asked for again. 409 says that `from` is nothing to start from, after a push over it for one:
//! then the whole is asked for.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ureq::Agent;

use crate::delta::{Delta, Fetch};
use crate::layer::{Accepted, Applied, LayerError, Limits, apply};
use crate::operator;
use crate::order::{Folders, Sources};

/// What the answer says it is.
pub const MEDIA_TYPE: &str = "application/vnd.slipway.sources.v1.tar+gzip";

/// For how long one repository is asked for again and again, and the time of one answer.
const PATIENCE: Duration = Duration::from_mins(2);
const ONE_ANSWER: Duration = Duration::from_mins(10);
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Answers that may be another one later; all other refusals are final.
const LATER: [u16; 6] = [408, 429, 500, 502, 503, 504];
/// The operator cannot tell what differs from what is here.
const UNKNOWN_START: u16 = 409;
const REASON_BYTES: u64 = 1024;

/// A repository could not be got.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourcesError {
    /// The operator has it not, or does not give it.
    #[error("the operator does not give the {repository} repository at {commit}: {status} {reason}")]
    Refused {
        /// `service` or `ops`.
        repository: &'static str,
        /// The wanted commit.
        commit: String,
        /// HTTP status.
        status: u16,
        /// What it said.
        reason: String,
    },
    /// No attempt succeeded in time.
    #[error("the {repository} repository at {commit} could not be got from the operator in time: {last}")]
    GaveUp {
        /// `service` or `ops`.
        repository: &'static str,
        /// The wanted commit.
        commit: String,
        /// What was in the way at last.
        last: String,
    },
    /// What came cannot be unpacked here.
    #[error("cannot unpack the {repository} repository")]
    Unpack {
        /// `service` or `ops`.
        repository: &'static str,
        /// What was in the way.
        source: LayerError,
    },
    /// The folder could not be made ready.
    #[error("cannot make a folder for the {repository} repository")]
    Folder {
        /// `service` or `ops`.
        repository: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Gets what is missing, and writes it where it belongs.
pub fn fetch(delta: &Delta, from: &Sources, folders: &Folders) -> Result<Applied, SourcesError> {
    let client = operator::client(ONE_ANSWER);
    let parts = [("service", &delta.service, &folders.service), ("ops", &delta.ops, &folders.ops)];
    let mut all = Applied::default();
    for (repository, missing, folder) in parts {
        let Some(fetch) = missing else { continue };
        let asking = Asking { client: &client, from, repository, fetch, folder };
        let done = match asking.all() {
            Err(SourcesError::Refused { status: UNKNOWN_START, .. }) if fetch.from.is_some() => {
                let whole = Fetch { from: None, ..fetch.clone() };
                Asking { fetch: &whole, ..asking }.all()?
            }
            other => other?,
        };
        all.written += done.written;
        all.removed += done.removed;
        all.bytes += done.bytes;
    }
    Ok(all)
}

/// What a base image may have there is not of this repository.
fn make_ready(folder: &Path, is_complete: bool) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    if is_complete {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Asking<'a> {
    client: &'a Agent,
    from: &'a Sources,
    repository: &'static str,
    fetch: &'a Fetch,
    folder: &'a Path,
}

impl Asking<'_> {
    fn all(&self) -> Result<Applied, SourcesError> {
        let repository = self.repository;
        make_ready(self.folder, self.fetch.from.is_none())
            .map_err(|source| SourcesError::Folder { repository, source })?;
        self.until_it_is_here()
    }

    fn until_it_is_here(&self) -> Result<Applied, SourcesError> {
        let until = Instant::now() + PATIENCE;
        let mut wait = FIRST_WAIT;
        loop {
            let problem = match self.once()? {
                Ok(applied) => return Ok(applied),
                Err(problem) => problem,
            };
            if Instant::now() + wait > until {
                let commit = self.fetch.to.clone();
                return Err(SourcesError::GaveUp { repository: self.repository, commit, last: problem });
            }
            eprintln!("slipway-agent: asking again for the {} repository: {problem}", self.repository);
            thread::sleep(wait);
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn url(&self) -> String {
        let from = self.fetch.from.as_ref().map(|from| format!("&from={from}")).unwrap_or_default();
        let url = self.from.url.trim_end_matches('/');
        format!("{url}/{}?to={}{from}", self.repository, self.fetch.to)
    }

    /// The inner error is worth another attempt.
    fn once(&self) -> Result<Result<Applied, String>, SourcesError> {
        let token = match fs::read_to_string(&self.from.token_file) {
            Ok(token) => token,
            Err(error) => return Ok(Err(format!("{}: {error}", self.from.token_file.display()))),
        };
        let request = self.client.get(self.url()).header("authorization", format!("Bearer {}", token.trim()));
        let mut response = match request.call() {
            Ok(response) => response,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let status = response.status().as_u16();
        if status == 200 {
            return self.unpack(response.into_body().into_reader());
        }
        let body = response.body_mut().with_config().limit(REASON_BYTES).read_to_string();
        let reason = body.unwrap_or_default().trim().to_owned();
        if LATER.contains(&status) {
            return Ok(Err(format!("{status} {reason}")));
        }
        let (repository, commit) = (self.repository, self.fetch.to.clone());
        Err(SourcesError::Refused { repository, commit, status, reason })
    }

    fn unpack(&self, body: impl io::Read) -> Result<Result<Applied, String>, SourcesError> {
        match apply(body, self.folder, Accepted::Sources, Limits::default()) {
            Ok(applied) => Ok(Ok(applied)),
            Err(LayerError::Damaged { path, source }) => Ok(Err(format!("cut after {path}: {source}"))),
            Err(source) => Err(SourcesError::Unpack { repository: self.repository, source }),
        }
    }
}
