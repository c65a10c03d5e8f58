//! Which builds that were made to try an ops commit nobody needs any more.

use std::collections::BTreeSet;

use super::{OpsState, Wanted};

/// A build that was made to try an ops commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// What was asked for.
    pub wanted: Wanted,
    /// Whether it made an image: then it is a build like any other, and stays as long as those do.
    pub is_good: bool,
}

/// The names of builds that may be ended and removed: those of commits that are neither the default nor tried any more,
/// unless they made an image or an environment asked for the same. `asked` has service, commit and ops commit of what
/// environments run or wait for.
pub fn superfluous<'a>(
    all: &'a [Tried],
    state: &OpsState,
    asked: &BTreeSet<(String, String, String)>,
) -> Vec<&'a str> {
    let candidate = state.candidate.as_ref().map(|candidate| &candidate.commit);
    let is_needed = |tried: &Tried| {
        let Wanted { service, commit, ops_commit, .. } = &tried.wanted;
        tried.is_good
            || candidate == Some(ops_commit)
            || state.accepted.as_ref() == Some(ops_commit)
            || asked.contains(&(service.clone(), commit.clone(), ops_commit.clone()))
    };
    all.iter().filter(|tried| !is_needed(tried)).map(|tried| tried.wanted.build.as_str()).collect()
}
