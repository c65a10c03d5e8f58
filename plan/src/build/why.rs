//! Why a build is made: which of its inputs changed.

use slipway_crds::v1alpha1::BuildInputs;

use crate::environment::resolve::short;

/// In one sentence, compared with the last build of the service.
pub fn why(inputs: &BuildInputs, last: Option<&BuildInputs>) -> String {
    let Some(last) = last else { return "it is the first build of the service".to_owned() };
    let moved = |what: &str, from: &str, to: &str| {
        (from != to).then(|| format!("{what} moved from {} to {}", named(from), named(to)))
    };
    let changes: Vec<String> = [
        moved("the service", &last.commit, &inputs.commit),
        moved("the ops repository", &last.ops_commit, &inputs.ops_commit),
        moved("the base image", &last.base, &inputs.base),
    ]
    .into_iter()
    .flatten()
    .collect();
    match changes.split_last() {
        None => "nothing changed, its image is gone from the registry".to_owned(),
        Some((only, [])) => only.clone(),
        Some((end, rest)) => format!("{} and {end}", rest.join(", ")),
    }
}

/// A commit, or the end of an image by digest, in a few digits.
fn named(text: &str) -> &str {
    short(text.rsplit("sha256:").next().unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(commit: &str, ops: &str, base: &str) -> BuildInputs {
        BuildInputs { commit: commit.to_owned(), ops_commit: ops.to_owned(), base: base.to_owned() }
    }

    #[test]
    fn it_says_which_input_changed() {
        let last = inputs("aaa", "bbb", "base@sha256:c0ffee");
        let cases = [
            (inputs("ddd", "bbb", "base@sha256:c0ffee"), "the service moved from aaa to ddd"),
            (
                inputs("ddd", "eee", "base@sha256:c0ffee"),
                "the service moved from aaa to ddd and the ops repository moved from bbb to eee",
            ),
            (inputs("aaa", "bbb", "base@sha256:beef"), "the base image moved from c0ffee to beef"),
            (last.clone(), "nothing changed, its image is gone from the registry"),
        ];
        for (now, expected) in cases {
            assert_eq!(why(&now, Some(&last)), expected);
        }
        assert_eq!(why(&last, None), "it is the first build of the service");
    }
}
