//! Gets the repositories from the operator.
//!
//! `GET URL/service?to=SHA[&from=SHA]` (and `/ops`) answers with a gzip-compressed archive: the files that are new or
//! other since `from`, with the times that git's history gives them, and whiteouts for those that are gone; without
//! `from`, all files. A folder that is new has an entry before what is in it. Unpacked twice it is the same as once, so
//! what broke off is just asked for again. 409 says that `from` is nothing to start from, after a push over it for one:
//! then the whole is asked for.
//!
//! `GET URL/assets?to=SHA` answers with the assets of a commit, `GET URL/assets/0?to=SHA` with the inputs of one of them.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ureq::{Agent, BodyReader};

use crate::delta::Delta;
use crate::layer::{Accepted, Applied, LayerError, Limits, apply};
use crate::order::{Folders, Sources};
use crate::{Asset, Fault, operator};

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
/// Bytes of a list of assets.
const LIST_BYTES: u64 = 1 << 20;
/// What is asked for when assets are.
const SERVICE: &str = "service";

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

impl SourcesError {
    /// Whose fault it is: what an operator that is there says of a commit is that it is gone, or holds what is never sent.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Refused { status: 404 | 422, .. } => Fault::Commits,
            _ => Fault::Surroundings,
        }
    }
}

/// The assets of a commit, in their order.
pub fn assets(from: &Sources, commit: &str) -> Result<Vec<Asset>, SourcesError> {
    let path = format!("assets?to={commit}");
    let asking =
        Asking { client: &operator::client(ONE_ANSWER), from, repository: SERVICE, path, to: commit };
    asking.until_it_is_here(|body| {
        let list = serde_json::from_reader(body.take(LIST_BYTES));
        Ok(list.map_err(|error| format!("the list of assets cannot be read: {error}")))
    })
}

/// Makes a folder that holds the inputs of the asset at this place in the list, and nothing else.
pub fn inputs(from: &Sources, commit: &str, at: usize, folder: &Path) -> Result<Applied, SourcesError> {
    let path = format!("assets/{at}?to={commit}");
    let asking =
        Asking { client: &operator::client(ONE_ANSWER), from, repository: SERVICE, path, to: commit };
    asking.unpacked(folder, true)
}

/// Gets what is missing, and writes it where it belongs.
pub fn fetch(delta: &Delta, from: &Sources, folders: &Folders) -> Result<Applied, SourcesError> {
    let client = operator::client(ONE_ANSWER);
    let parts = [("service", &delta.service, &folders.service), ("ops", &delta.ops, &folders.ops)];
    let mut all = Applied::default();
    for (repository, missing, folder) in parts {
        let Some(fetch) = missing else { continue };
        let get = |from_commit: Option<&String>| {
            let since = from_commit.map(|commit| format!("&from={commit}")).unwrap_or_default();
            let path = format!("{repository}?to={}{since}", fetch.to);
            let asking = Asking { client: &client, from, repository, path, to: &fetch.to };
            asking.unpacked(folder, from_commit.is_none())
        };
        let done = match get(fetch.from.as_ref()) {
            Err(SourcesError::Refused { status: UNKNOWN_START, .. }) if fetch.from.is_some() => get(None)?,
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

struct Asking<'a> {
    client: &'a Agent,
    from: &'a Sources,
    repository: &'static str,
    /// What is asked for below the operator's address.
    path: String,
    to: &'a str,
}

/// What came, or why it is worth another attempt.
type Attempt<T> = Result<Result<T, String>, SourcesError>;

impl Asking<'_> {
    fn unpacked(&self, folder: &Path, is_complete: bool) -> Result<Applied, SourcesError> {
        let repository = self.repository;
        make_ready(folder, is_complete).map_err(|source| SourcesError::Folder { repository, source })?;
        self.until_it_is_here(|body| match apply(body, folder, Accepted::Sources, Limits::default()) {
            Ok(applied) => Ok(Ok(applied)),
            Err(LayerError::Damaged { path, source }) => Ok(Err(format!("cut after {path}: {source}"))),
            Err(source) => Err(SourcesError::Unpack { repository, source }),
        })
    }

    fn until_it_is_here<T>(&self, take: impl Fn(BodyReader<'_>) -> Attempt<T>) -> Result<T, SourcesError> {
        let until = Instant::now() + PATIENCE;
        let mut wait = FIRST_WAIT;
        loop {
            let problem = match self.once(&take)? {
                Ok(taken) => return Ok(taken),
                Err(problem) => problem,
            };
            if Instant::now() + wait > until {
                let commit = self.to.to_owned();
                return Err(SourcesError::GaveUp { repository: self.repository, commit, last: problem });
            }
            eprintln!("slipway-agent: asking again for the {} repository: {problem}", self.repository);
            thread::sleep(wait);
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn once<T>(&self, take: impl Fn(BodyReader<'_>) -> Attempt<T>) -> Attempt<T> {
        let token = match fs::read_to_string(&self.from.token_file) {
            Ok(token) => token,
            Err(error) => return Ok(Err(format!("{}: {error}", self.from.token_file.display()))),
        };
        let url = format!("{}/{}", self.from.url.trim_end_matches('/'), self.path);
        let request = self.client.get(url).header("authorization", format!("Bearer {}", token.trim()));
        let mut response = match request.call() {
            Ok(response) => response,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let status = response.status().as_u16();
        if status == 200 {
            return take(response.body_mut().as_reader());
        }
        let body = response.body_mut().with_config().limit(REASON_BYTES).read_to_string();
        let reason = body.unwrap_or_default().trim().to_owned();
        if LATER.contains(&status) {
            return Ok(Err(format!("{status} {reason}")));
        }
        Err(SourcesError::Refused { repository: self.repository, commit: self.to.to_owned(), status, reason })
    }
}
