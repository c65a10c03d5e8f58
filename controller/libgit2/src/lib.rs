//! What libgit2 keeps for the whole process: limits, where configuration is read, and who speaks HTTP.
//!
//! git2 marks the setters unsafe because libgit2 stores them without a lock. Without the limits a server that accepts a
//! connection and falls silent holds a thread for ever, and a small pack fills the memory; without the empty search paths
//! the operator would obey whatever `~/.gitconfig` says about proxies, other URLs and credentials.

use std::sync::OnceLock;
use std::time::Duration;

use git2::transport::Transport;
use git2::{ConfigLevel, Error, Remote};

static DONE: OnceLock<Result<(), String>> = OnceLock::new();

/// What libgit2 is told.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long a connection may take to come about.
    pub connect: Duration,
    /// How long a server may send nothing.
    pub silence: Duration,
    /// Bytes of one object of a pack, unpacked.
    pub object_bytes: usize,
    /// Objects of one pack.
    pub pack_objects: usize,
    /// Speaks `http` and `https` in libgit2's place.
    pub http: fn(&Remote<'_>) -> Result<Transport, Error>,
}

/// Sets the options; the first call decides, later ones change nothing. Must be called before anything else of libgit2 is
/// used.
pub fn configure(options: Options) -> Result<(), String> {
    DONE.get_or_init(|| apply(options).map_err(|error| error.message().to_owned())).clone()
}

#[allow(
    unsafe_code,
    reason = "git2 has no safe setters; `OnceLock` keeps two threads from doing this at once"
)]
fn apply(options: Options) -> Result<(), Error> {
    let milliseconds = |duration: Duration| i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: plain writes to globals of libgit2, made once, before any other thread uses it (see `configure`); the values
    // are of the C types that libgit2 reads for these options.
    unsafe {
        git2::opts::set_server_connect_timeout_in_milliseconds(milliseconds(options.connect))?;
        git2::opts::set_server_timeout_in_milliseconds(milliseconds(options.silence))?;
        for level in [ConfigLevel::ProgramData, ConfigLevel::System, ConfigLevel::XDG, ConfigLevel::Global] {
            git2::opts::set_search_path(level, "")?;
        }
        let limits = [
            (libgit2_sys::GIT_OPT_SET_PACK_MAX_OBJECT_SIZE, options.object_bytes),
            (libgit2_sys::GIT_OPT_SET_PACK_MAX_OBJECTS, options.pack_objects),
        ];
        for (option, limit) in limits {
            if libgit2_sys::git_libgit2_opts(option.cast_signed(), limit) < 0 {
                return Err(Error::from_str("failed to limit what a pack may hold"));
            }
        }
        git2::transport::register("http", options.http)?;
        git2::transport::register("https", options.http)
    }
}
