//! From which image a build starts: its nearest ancestor's, so that only the difference is provisioned.

use slipway_crds::v1alpha1::{BuildInputs, BuildParent};

/// An image of the same service that could be started from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What it is made of.
    pub inputs: BuildInputs,
    /// The image by digest.
    pub image: String,
    /// Builds since the last full one; none of a full one.
    pub depth: i64,
    /// Commits from it to the one that is built; none when it is no ancestor.
    pub distance: Option<usize>,
}

/// The nearest ancestor with the same ops commit and base, unless it is time for a full build: every `full_every`-th is,
/// so that what provisioning leaves behind does not pile up.
pub fn choose(inputs: &BuildInputs, candidates: &[Candidate], full_every: i64) -> Option<BuildParent> {
    let nearest = nearest(inputs, candidates)?;
    let depth = nearest.depth + 1;
    (depth < full_every).then(|| BuildParent {
        image: nearest.image.clone(),
        commit: nearest.inputs.commit.clone(),
        depth,
    })
}

/// The image whose assets a full build may take over: the nearest ancestor's with the same ops commit and base, for the
/// tools come from there. Of no other line of history: what builds there could put anything in their place.
pub fn assets_from(inputs: &BuildInputs, candidates: &[Candidate]) -> Option<String> {
    nearest(inputs, candidates).map(|candidate| candidate.image.clone())
}

fn nearest<'a>(inputs: &BuildInputs, candidates: &'a [Candidate]) -> Option<&'a Candidate> {
    let fits = |candidate: &&Candidate| {
        candidate.inputs.ops_commit == inputs.ops_commit && candidate.inputs.base == inputs.base
    };
    let near = candidates.iter().filter(fits).filter_map(|candidate| Some((candidate.distance?, candidate)));
    let found = near.min_by_key(|(distance, candidate)| (*distance, candidate.depth, &candidate.image));
    found.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(commit: &str) -> BuildInputs {
        BuildInputs { commit: commit.to_owned(), ops_commit: "ops".to_owned(), base: "base".to_owned() }
    }

    fn candidate(commit: &str, distance: Option<usize>, depth: i64) -> Candidate {
        Candidate { inputs: inputs(commit), image: format!("www@{commit}"), depth, distance }
    }

    #[test]
    fn the_nearest_ancestor_is_started_from() {
        let all = [candidate("far", Some(9), 0), candidate("near", Some(2), 1), candidate("side", None, 0)];
        let parent = choose(&inputs("new"), &all, 10).unwrap();
        assert_eq!((parent.commit.as_str(), parent.image.as_str(), parent.depth), ("near", "www@near", 2));
    }

    #[test]
    fn another_ops_commit_or_base_is_no_ground() {
        let mut other = candidate("near", Some(1), 0);
        other.inputs.ops_commit = "other".to_owned();
        assert_eq!(choose(&inputs("new"), &[other], 10), None);
        let mut other = candidate("near", Some(1), 0);
        other.inputs.base = "other".to_owned();
        assert_eq!(choose(&inputs("new"), &[other], 10), None);
    }

    #[test]
    fn every_nth_build_is_full() {
        assert!(choose(&inputs("new"), &[candidate("near", Some(1), 1)], 3).is_some());
        assert_eq!(choose(&inputs("new"), &[candidate("near", Some(1), 2)], 3), None);
        assert_eq!(choose(&inputs("new"), &[candidate("near", Some(1), 0)], 1), None);
    }

    #[test]
    fn a_full_build_takes_assets_from_an_ancestor_and_from_no_other_branch() {
        let all = [candidate("side", None, 0), candidate("far", Some(9), 0), candidate("near", Some(1), 9)];
        assert_eq!(assets_from(&inputs("new"), &all).as_deref(), Some("www@near"));
        assert_eq!(assets_from(&inputs("new"), &all[..1]), None);
        let mut other = candidate("near", Some(1), 0);
        other.inputs.ops_commit = "other".to_owned();
        assert_eq!(assets_from(&inputs("new"), &[other]), None);
    }
}
