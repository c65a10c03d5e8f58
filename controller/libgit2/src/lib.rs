//! Options that libgit2 keeps for the whole process: time limits of connections, and where configuration is read.
//!
//! git2 marks their setters unsafe because libgit2 stores them without a lock. Without the limits a server that accepts a
//! connection and falls silent holds a thread for ever; without the empty search paths the operator would obey
//! whatever `~/.gitconfig` says about proxies, other URLs and credentials.

use std::sync::OnceLock;
use std::time::Duration;

use git2::{ConfigLevel, Error};

static DONE: OnceLock<Result<(), String>> = OnceLock::new();

/// Sets the options; the first call decides, later ones change nothing. Must be called before anything else of libgit2 is
/// used. `connect` is how long a connection may take to come about, `silence` how long a server may send nothing.
pub fn configure(connect: Duration, silence: Duration) -> Result<(), String> {
    DONE.get_or_init(|| apply(connect, silence).map_err(|error| error.message().to_owned())).clone()
}

#[allow(
    unsafe_code,
    reason = "git2 has no safe setters; `OnceLock` keeps two threads from doing this at once"
)]
fn apply(connect: Duration, silence: Duration) -> Result<(), Error> {
    let milliseconds = |duration: Duration| i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: plain writes to globals of libgit2, made once, before any other thread uses it (see `configure`).
    unsafe {
        git2::opts::set_server_connect_timeout_in_milliseconds(milliseconds(connect))?;
        git2::opts::set_server_timeout_in_milliseconds(milliseconds(silence))?;
        for level in [ConfigLevel::ProgramData, ConfigLevel::System, ConfigLevel::XDG, ConfigLevel::Global] {
            git2::opts::set_search_path(level, "")?;
        }
    }
    Ok(())
}
