//! A small world to carry plans out in.

use jiff::Timestamp;
use serde_json::{Value, json};
use slipway_crds::names;
use slipway_crds::v1alpha1::{AllowedKind, GitSync, GitSyncStatus};

use crate::commit::CommitId;
use crate::diff::Step;
use crate::gitsync::decide::{Decision, Facts, decide};
use crate::gitsync::files::{Content, File, Home, Reading, read, read_changes};
use crate::gitsync::kinds::Kinds;
use crate::gitsync::report::{self, Applied, Attempt, Outcome};
use crate::gitsync::settled::Settled;
use crate::gitsync::source::Fetched;
use crate::object::{Object, Observed};

/// A `GitSync` and the objects of its namespace.
#[derive(Clone)]
pub struct World {
    pub sync: GitSync,
    pub objects: Vec<Observed>,
    pub rewritten: Option<String>,
    uids: u32,
}

/// What one attempt came to.
pub struct Round {
    pub decision: Decision,
    pub status: GitSyncStatus,
}

impl Round {
    /// The plan, the deletes that wait, and the conditions, as text.
    pub fn told(&self) -> String {
        let mut text = self.decision.plan.to_string();
        for condition in &self.status.conditions {
            text += &[
                &condition.type_,
                "=",
                &condition.status,
                " ",
                &condition.reason,
                ": ",
                &condition.message,
                "\n",
            ]
            .concat();
        }
        text
    }
}

pub fn commit(digit: char) -> CommitId {
    digit.to_string().repeat(40).parse().unwrap()
}

pub fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), content: Content::Bytes(text.as_bytes().to_vec()) }
}

pub fn service_repo(name: &str) -> String {
    format!(
        "apiVersion: slipway.dev/v1alpha1\nkind: ServiceRepo\nmetadata: {{name: {name}}}\nspec: {{url: http://git/{name}.git}}\n"
    )
}

pub fn environment(name: &str) -> String {
    format!(
        "apiVersion: slipway.dev/v1alpha1\nkind: DevEnvironment\nmetadata: {{name: {name}}}\nspec: {{profile: rider}}\n"
    )
}

/// What the files say here.
pub fn read_here(files: &[File]) -> Reading {
    read_as(files, &Kinds::own())
}

/// What the files say where these kinds are allowed.
pub fn read_as(files: &[File], kinds: &Kinds) -> Reading {
    read(files, &Home { namespace: "platform", name: "fleet", uid: "sync-uid", kinds })
}

/// What the files say here after a commit, from what they said and what it changed.
pub fn read_changes_here(before: Reading, changed: &[File], gone: &[String]) -> Option<Reading> {
    let kinds = &Kinds::own();
    read_changes(
        before,
        changed,
        gone,
        &Home { namespace: "platform", name: "fleet", uid: "sync-uid", kinds },
    )
}

pub fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

impl World {
    pub fn new() -> Self {
        let sync = json!({
            "metadata": {"name": "fleet", "namespace": "platform", "uid": "sync-uid", "generation": 1},
            "spec": {"url": "http://git/fleet.git"},
        });
        Self { sync: serde_json::from_value(sync).unwrap(), objects: Vec::new(), rewritten: None, uids: 0 }
    }

    /// Decides on a revision without doing anything.
    pub fn decide(&self, revision: &CommitId, files: &[File]) -> Decision {
        let reading = read_as(files, &Kinds::of(&self.sync.spec));
        decide(&Facts {
            sync: &self.sync,
            revision,
            is_current: true,
            is_rewritten: self.rewritten.is_some(),
            reading: &reading,
            observed: &self.objects,
            settled: &Settled::default(),
        })
    }

    /// Decides, does it, and reports.
    pub fn round(&mut self, digit: char, files: &[File]) -> Round {
        let revision = commit(digit);
        let decision = self.decide(&revision, files);
        let before = self.objects.clone();
        let outcome = self.carry_out(&decision);
        let reading = read_as(files, &Kinds::of(&self.sync.spec));
        let applied =
            Applied { reading: &reading, observed: &before, decision: &decision, outcome: &outcome };
        let attempt = Attempt {
            sync: &self.sync,
            fetched: &Fetched::Head(revision),
            rewritten: self.rewritten.as_deref(),
            applied: Some(applied),
        };
        let status = report::status(&attempt, now());
        self.sync.status = Some(status.clone());
        Round { decision, status }
    }

    /// Allows these kinds, and no others.
    pub fn allow(&mut self, kinds: &[(&str, &str)]) {
        let allowed = |(version, kind): &(&str, &str)| AllowedKind {
            api_version: (*version).to_owned(),
            kind: (*kind).to_owned(),
        };
        self.sync.spec.allowed_kinds = Some(kinds.iter().map(allowed).collect());
    }

    /// Puts an object of somebody else there.
    pub fn put_foreign(&mut self, text: &str, manager: &str) {
        let object = read_here(&[file("foreign.yaml", text)]).objects.remove(0);
        let mut made = self.made(&object);
        made.body["metadata"]["labels"] = json!({});
        made.body["metadata"]["managedFields"] = json!([{"manager": manager}]);
        self.objects.push(made);
    }

    /// Confirms the prune of a revision.
    pub fn confirm(&mut self, revision: &CommitId) {
        let annotations = self.sync.metadata.annotations.get_or_insert_default();
        annotations.insert(names::CONFIRM_PRUNE.to_owned(), revision.to_string());
    }

    pub fn names(&self) -> Vec<&str> {
        self.objects.iter().map(|object| object.key.name.as_str()).collect()
    }

    fn carry_out(&mut self, decision: &Decision) -> Outcome {
        let mut outcome = Outcome::default();
        for step in &decision.plan.steps {
            match step {
                Step::Create(object) => {
                    let made = self.made(object);
                    outcome.written.push(made.clone());
                    self.objects.push(made);
                }
                Step::Update { object, uid, .. } => {
                    let found = self.objects.iter_mut().find(|found| found.uid() == uid).unwrap();
                    overlay(&mut found.body, &object.body);
                    outcome.written.push(found.clone());
                }
                Step::Delete { uid, .. } => self.objects.retain(|found| found.uid() != uid),
            }
        }
        outcome
    }

    fn made(&mut self, object: &Object) -> Observed {
        self.uids += 1;
        let mut body = object.body.clone();
        body["metadata"]["uid"] = format!("uid-{}", self.uids).into();
        body["metadata"]["managedFields"] = json!([{"manager": names::GITSYNC_MANAGER}]);
        Observed { key: object.key.clone(), body }
    }
}

fn overlay(found: &mut Value, declared: &Value) {
    match (found, declared) {
        (Value::Object(found), Value::Object(declared)) => {
            for (name, value) in declared {
                overlay(found.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (found, declared) => *found = declared.clone(),
    }
}
