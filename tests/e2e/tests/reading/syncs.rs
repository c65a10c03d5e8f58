//! A `GitSync` in each of its states.

use serde_json::json;
use slipway_crds::reasons;
use slipway_crds::v1alpha1::{GitSync, Suspension};
use slipway_plan::commit::CommitId;
use slipway_plan::gitsync::decide::{Facts, decide};
use slipway_plan::gitsync::files::{Content, File, Home, read};
use slipway_plan::gitsync::kinds::Kinds;
use slipway_plan::gitsync::report::{self, Applied, Attempt, Outcome, Refusal};
use slipway_plan::gitsync::settled::Settled;
use slipway_plan::gitsync::source::{Failure, Fetched};

use crate::states::{Kstatus, State, deleted};
use crate::support::at;

const GOOD: &str = "apiVersion: slipway.dev/v1alpha1\nkind: ServiceRepo\nmetadata: {name: www}\nspec: {url: http://git/www.git}\n";

fn sync() -> GitSync {
    let object = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "GitSync",
        "metadata": {"name": "fleet", "namespace": "reading", "uid": "sync-uid", "generation": 1},
        "spec": {"url": "https://git.example.com/fleet.git"}});
    serde_json::from_value(object).unwrap()
}

fn revision() -> CommitId {
    "3f2c1ab0".repeat(5).parse().unwrap()
}

/// After a revision with this file was applied, as far as it went.
fn applied(text: &str, outcome: &Outcome) -> GitSync {
    let sync = sync();
    let file = File { path: "www.yaml".to_owned(), content: Content::Bytes(text.as_bytes().to_vec()) };
    let reading =
        read(&[file], &Home { namespace: "reading", name: "fleet", uid: "sync-uid", kinds: &Kinds::own() });
    let revision = revision();
    let facts = Facts {
        sync: &sync,
        revision: &revision,
        is_current: true,
        is_rewritten: false,
        reading: &reading,
        observed: &[],
        settled: &Settled::default(),
    };
    let decision = decide(&facts);
    let applied = Applied { reading: &reading, observed: &[], decision: &decision, outcome };
    let fetched = Fetched::Head(revision.clone());
    let attempt = Attempt { sync: &sync, fetched: &fetched, rewritten: None, applied: Some(applied) };
    let status = Some(report::status(&attempt, at(0)));
    GitSync { status, ..sync }
}

fn unread(reason: &'static str, needs_a_person: bool) -> GitSync {
    let failure = Failure { reason, message: "it cannot be read".to_owned(), needs_a_person };
    let (sync, fetched) = (sync(), Fetched::Failed { failure, last: None });
    let status =
        report::status(&Attempt { sync: &sync, fetched: &fetched, rewritten: None, applied: None }, at(0));
    GitSync { status: Some(status), ..sync }
}

fn suspended() -> GitSync {
    let sync = applied(GOOD, &Outcome::default());
    let suspension =
        Suspension { reason: "incident 42".to_owned(), by: Some("emma".to_owned()), until: None };
    let status = Some(report::suspended(&sync, &suspension, at(10)));
    GitSync { status, ..sync }
}

fn ending() -> GitSync {
    let sync = deleted(applied(GOOD, &Outcome::default()));
    let status = Some(report::ending(&sync, &[], None, at(10)));
    GitSync { status, ..sync }
}

fn refused(needs_a_person: bool) -> Outcome {
    let refusal =
        Refusal { is_delete: false, is_forbidden: false, message: "quota".to_owned(), needs_a_person };
    Outcome { refusals: vec![refusal], ..Outcome::default() }
}

pub fn all() -> Vec<State> {
    let mut edited = applied(GOOD, &Outcome::default());
    edited.metadata.generation = Some(2);
    vec![
        State::new("new", &sync()),
        State::of("applied", &applied(GOOD, &Outcome::default()), Kstatus::Current),
        State::of("edited", &edited, Kstatus::InProgress),
        State::of("away", &unread(reasons::FETCH_FAILED, false), Kstatus::InProgress),
        State::of("no-such-branch", &unread(reasons::REFERENCE_NOT_FOUND, true), Kstatus::Failed),
        State::of("mistaken", &applied("kind: [\n", &Outcome::default()), Kstatus::Failed),
        State::of("tried-again", &applied(GOOD, &refused(false)), Kstatus::InProgress),
        State::of("refused", &applied(GOOD, &refused(true)), Kstatus::Failed),
        State::of("suspended", &suspended(), Kstatus::Current),
        State::of("deleted", &ending(), Kstatus::Terminating),
    ]
}
