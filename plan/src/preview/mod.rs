//! What would become of something: asked by the command line, answered by the operator, shown to people.
//!
//! ```text
//! Question (object, or files, or a commit) ─► decide ─► Plan ─► rehearsal (dry run) ─► Preview ─► text
//! ```

mod fields;
mod released;
mod text;

use k8s_openapi::ByteString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diff::{Plan, Step};
use crate::gitsync::files::{Content, File};

pub use fields::{FieldChange, changes};
pub use released::{merge_patch, release};

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Question {
    /// The object that it is about, as it would be.
    pub object: Value,
    /// Of a `GitSync`: the branch, tag or commit of its repository that is to be applied. Unset: what it follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Of a `GitSync`: files that are to be applied in the place of the repository's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<SentFile>>,
}

/// A file of a folder on somebody's machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SentFile {
    /// Path from the root of the repository.
    pub path: String,
    /// What is in it.
    #[serde(default)]
    pub bytes: ByteString,
    /// Its size when it is too large to be read; then there are no bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub too_large: Option<usize>,
}

impl From<SentFile> for File {
    fn from(sent: SentFile) -> Self {
        let SentFile { path, bytes, too_large } = sent;
        Self { path, content: too_large.map_or(Content::Bytes(bytes.0), Content::TooLarge) }
    }
}

/// What would be done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// What it is about.
    pub of: String,
    /// What would be refused, and why.
    #[serde(default)]
    pub problems: Vec<String>,
    /// What would be done, in order.
    #[serde(default)]
    pub steps: Vec<PlannedStep>,
    /// What would be waited for.
    #[serde(default)]
    pub waits: Vec<String>,
    /// What would stay as it is.
    #[serde(default)]
    pub unchanged: Vec<String>,
    /// What would change because of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follows: Vec<Preview>,
}

impl Preview {
    /// Whether nothing would be done, here or because of it.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.follows.iter().all(Self::is_empty)
    }

    /// Whether nothing would be refused, here or because of it.
    pub fn is_possible(&self) -> bool {
        self.problems.is_empty() && self.follows.iter().all(Self::is_possible)
    }
}

/// One act that would follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// What would be done.
    pub act: Act,
    /// To which object.
    pub object: String,
    /// The place that declares it, where it came from a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Why, where that is not plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Which fields would change. Values of Secrets are not among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
}

/// What would be done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// It is made.
    Create,
    /// It is changed.
    Change,
    /// It is deleted.
    Delete,
    /// It is no longer declared, and its deletion waits for a person.
    Hold,
}

/// What a step would make of its object, as the API server said when it was asked without writing.
#[derive(Clone, Debug, PartialEq)]
pub struct Rehearsed {
    /// What is there.
    pub before: Value,
    /// What would be there.
    pub after: Value,
}

/// A step for people.
pub fn step(step: &Step, rehearsed: Option<&Rehearsed>) -> PlannedStep {
    let (act, key) = match step {
        Step::Create(object) => (Act::Create, &object.key),
        Step::Update { object, .. } => (Act::Change, &object.key),
        Step::Delete { key, .. } => (Act::Delete, key),
    };
    // Of what is made, its file says all.
    let both = rehearsed.filter(|_| act == Act::Change);
    let fields = both.map(|both| changes(&key.kind, &both.before, &both.after)).unwrap_or_default();
    PlannedStep { act, object: key.to_string(), place: None, why: why(step, &fields, rehearsed), fields }
}

fn why(step: &Step, fields: &[FieldChange], rehearsed: Option<&Rehearsed>) -> Option<String> {
    use crate::diff::Cause;
    match step {
        Step::Update { cause: Cause::Drift { managers, .. }, .. } if managers.is_empty() => {
            Some("put back".to_owned())
        }
        Step::Update { cause: Cause::Drift { managers, .. }, .. } => {
            Some(format!("put back; {} changed it", managers.join(", ")))
        }
        Step::Update { .. } if rehearsed.is_some() && fields.is_empty() => {
            Some("only the record of what is declared".to_owned())
        }
        _ => None,
    }
}

/// The steps of a plan and what is in their way, for people.
pub fn of_plan(of: String, plan: &Plan, rehearsed: impl Fn(&Step) -> Option<Rehearsed>) -> Preview {
    let steps = plan.steps.iter().map(|one| step(one, rehearsed(one).as_ref())).collect();
    let problems = plan.conflicts.iter().map(|c| format!("{} belongs to {}", c.key, c.holder)).collect();
    Preview { of, problems, steps, ..Preview::default() }
}
