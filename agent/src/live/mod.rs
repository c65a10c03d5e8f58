//! Live code: a working tree is mirrored into a container, again whenever it changes.
//!
//! Two programs talk over one connection: `slipway sync` ([`Sender`]) and `slipway-agent sync` (`serve`). No event
//! says what to do. Each end looks at its tree; what differs is computed ([`difference`]) and sent; then the digests of
//! both trees must be the same, or all of it begins anew.

mod difference;
mod error;
mod frame;
mod look;
mod message;
mod repository;
mod rules;
mod sender;
mod tree;
mod working_tree;
mod writing;

#[cfg(feature = "program")]
mod ops;
#[cfg(feature = "program")]
mod receiver;
#[cfg(feature = "program")]
mod reload;

pub use difference::{Difference, difference};
pub use error::LiveError;
pub use frame::{Incoming, Outgoing};
pub use look::{Cache, look};
pub use message::{Answer, Problem, Provisioned, Question, SyncOrder, VERSION};
pub use rules::{Rules, Ruling, Verdict};
pub use sender::{Sender, Synced};
pub use tree::{LiveTree, Node};
pub use working_tree::WorkingTree;

#[cfg(feature = "program")]
pub use ops::Ops;
#[cfg(feature = "program")]
pub use receiver::{serve, serve_ops};

/// Folder in the root of a mirrored tree in which files are written before they are put in their place.
pub(crate) const STAGING: &[u8] = b".slipway-live";

/// The attribute of an entry of a layer that has the digest of the file's content.
pub(crate) const DIGEST: &str = "slipway.digest";

/// Most files and folders of a tree that is mirrored.
pub const MOST_NODES: usize = 300_000;
