//! Which commit of the ops repository is the default: the newest of its trunk that every built service could be built with.
//!
//! ```text
//! trunk moves ─► candidate ─each service is built with it─► default
//!                    │ ▲
//!                    │ └── a newer commit takes its place
//!                    └── a service fails: the default stays, until a newer commit comes
//! ```
//!
//! [`next`](mod@next) decides, [`say`] tells it, [`superfluous`](mod@superfluous) says which builds nobody needs any more.

mod facts;
mod next;
pub mod say;
mod superfluous;

pub use facts::{OpsFacts, OpsState, Seen, Subject, Wanted};
pub use next::{Next, next, target};
pub use superfluous::{Tried, superfluous};

#[cfg(test)]
mod tests;
