//! Which run is asked for: each service and commit has one environment.

use sha2::{Digest as _, Sha256};
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_plan::commit::CommitId;
use slipway_plan::service_name::ServiceName;

use crate::args::Test;
use crate::environment::{self, Origin, name_part};
use crate::exit::Usage;

/// Digits of a commit in the environment's name.
const DIGITS: usize = 12;
/// Longest part of the name that a branch or tag makes.
const LONGEST: usize = 24;

/// What has to be done for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Make the environment.
    First,
    /// Count up, for another run.
    Again(i64),
    /// Nothing: there is a run, or its result.
    AsItIs,
}

/// Name of the environment in which the commit of the service is tested.
pub fn name(service: &str, commit: &str) -> Result<String, Usage> {
    ServiceName::parse(service).map_err(|error| Usage(error.to_string()))?;
    if commit.is_empty() {
        return Err(Usage("--commit is empty: name the commit, branch or tag to test".to_owned()));
    }
    Ok(format!("test-{service}-{}", name_of_commit(&self::commit(commit))))
}

fn name_of_commit(commit: &str) -> String {
    if commit.parse::<CommitId>().is_ok() {
        return commit[..DIGITS].to_owned();
    }
    let part = name_part(commit, LONGEST);
    if part == commit {
        return part;
    }
    // What reads the same without its odd characters must not be the same environment.
    let digest = Sha256::digest(commit);
    let sum = digest.iter().take(3).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let part = name_part(commit, LONGEST - 1 - sum.len());
    if part.is_empty() { sum } else { format!("{part}-{sum}") }
}

/// The commit as it is written into the spec: digits in lower case, branches as they are.
pub fn commit(text: &str) -> String {
    let lower = text.to_lowercase();
    if lower.parse::<CommitId>().is_ok() { lower } else { text.to_owned() }
}

/// What has to be done, given the environment of that name.
pub fn ask(before: Option<&DevEnvironment>, arguments: &Test, program: &str) -> Result<Ask, Usage> {
    let Some(before) = before else { return Ok(Ask::First) };
    let name = before.metadata.name.clone().unwrap_or_default();
    let run = before.spec.integration.as_ref().filter(|_| environment::origin(before) == Origin::CommandLine);
    let Some(run) = run else {
        return Err(Usage(format!(
            "environment {name} is not one that slipway test made\n  see what it is: {program} status {name}; or name the commit \
             in another way"
        )));
    };
    if run.service != arguments.service || !is_same(&run.commit, &commit(&arguments.commit)) {
        return Err(Usage(format!(
            "environment {name} tests {} at {}, not at {}\n  name the whole commit, of 40 digits",
            run.service, run.commit, arguments.commit
        )));
    }
    let attempt = run.attempt.unwrap_or(1);
    Ok(if arguments.again { Ask::Again(attempt + 1) } else { Ask::AsItIs })
}

/// Whether two texts name the same commit, as far as the texts say.
fn is_same(one: &str, other: &str) -> bool {
    let is_short = |text: &str| text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let begins = one.starts_with(other) || other.starts_with(one);
    one == other || (begins && is_short(one) && is_short(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;
    use serde_json::json;

    const COMMIT: &str = "3f2c1ab03f2c1ab03f2c1ab03f2c1ab03f2c1ab0";

    fn arguments(more: &[&str]) -> Test {
        let words = [&["slipway", "test", "www", "--commit"], more].concat();
        match crate::args::Arguments::try_parse_from(words).unwrap().call {
            crate::args::Call::Verb(crate::args::Verb::Test(test)) => test,
            _ => panic!(),
        }
    }

    fn made(made_by: &str, commit: &str, attempt: Option<i64>) -> DevEnvironment {
        let integration = json!({"service": "www", "commit": commit, "attempt": attempt});
        serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment",
            "metadata": {"name": "test-www-x", "annotations": {made_by: "slipway test"}},
            "spec": {"integration": integration}}))
        .unwrap()
    }

    #[test]
    fn a_commit_names_its_environment() {
        assert_eq!(name("www", COMMIT), Ok("test-www-3f2c1ab03f2c".to_owned()));
        assert_eq!(name("www", &COMMIT.to_uppercase()), name("www", COMMIT));
        assert_eq!(name("www", "3f2c1ab"), Ok("test-www-3f2c1ab".to_owned()));
        assert_eq!(name("www", "main"), Ok("test-www-main".to_owned()));
    }

    #[test]
    fn branches_that_read_alike_have_environments_of_their_own() {
        let names: Vec<_> =
            ["fix-eta", "fix/eta", "Fix-eta", "fix_eta", "///"].map(|b| name("www", b).unwrap()).into();
        assert_eq!(names[0], "test-www-fix-eta");
        assert!(names[1].starts_with("test-www-fix-eta-"), "{}", names[1]);
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
        let longest = name(&"s".repeat(32), &"long-branch/".repeat(20)).unwrap();
        assert!(longest.len() <= 63, "{longest}");
    }

    #[test]
    fn the_same_call_again_is_no_new_run() {
        let made_by = "slipway.dev/made-by";
        assert_eq!(ask(None, &arguments(&[COMMIT]), "slipway"), Ok(Ask::First));
        let first = made(made_by, COMMIT, None);
        assert_eq!(ask(Some(&first), &arguments(&[COMMIT]), "slipway"), Ok(Ask::AsItIs));
        assert_eq!(ask(Some(&first), &arguments(&[&COMMIT[..12]]), "slipway"), Ok(Ask::AsItIs));
        assert_eq!(ask(Some(&first), &arguments(&[COMMIT, "--again"]), "slipway"), Ok(Ask::Again(2)));
        let third = made(made_by, COMMIT, Some(3));
        assert_eq!(ask(Some(&third), &arguments(&[COMMIT, "--again"]), "slipway"), Ok(Ask::Again(4)));
    }

    #[test]
    fn somebody_elses_environment_is_left_alone() {
        let foreign = made("other", COMMIT, None);
        assert!(
            ask(Some(&foreign), &arguments(&[COMMIT]), "slipway").unwrap_err().0.contains("is not one that")
        );
        let other = made("slipway.dev/made-by", "main", None);
        assert!(
            ask(Some(&other), &arguments(&[COMMIT]), "slipway").unwrap_err().0.contains("at main, not at")
        );
    }
}
