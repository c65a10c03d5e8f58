//! What this program writes: environments of its own, and annotations on any.

use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use serde_json::{Map, Value, json};
use slipway_crds::v1alpha1::{DevEnvironment, DevEnvironmentSpec};
use slipway_crds::{GROUP, VERSION, names};

use crate::api_error::Attempted as _;
use crate::connect::Session;
use crate::environment::{self, State};

/// An environment that this program declares.
#[derive(Clone, Debug)]
pub struct Declared<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it should be.
    pub spec: &'a DevEnvironmentSpec,
    /// The verb that made it.
    pub made_by: &'a str,
    /// The one there is: it is only changed when it is still the same object.
    pub before: Option<&'a DevEnvironment>,
}

/// Makes the environment, or changes the one that this program made before. The operator is asked to look at once.
pub async fn apply(session: &Session, declared: &Declared<'_>) -> anyhow::Result<DevEnvironment> {
    let mut object = document(declared.name, declared.spec)?;
    object["metadata"]["annotations"] = json!({names::MADE_BY: declared.made_by, names::REQUESTED_AT: now()});
    let mut params = PatchParams::apply(names::CLI_MANAGER);
    if let Some(before) = declared.before {
        object["metadata"]["uid"] = json!(before.uid());
        // What somebody changed by hand is kept, unless a flag of this call says otherwise.
        params = params.force();
    }
    let applied = session.environments().patch(declared.name, &params, &Patch::Apply(&object)).await;
    applied.attempted(format!("write environment {}", declared.name))
}

/// Sets annotations, or takes them away. They are no part of what a `GitSync` declares.
pub async fn annotate(
    session: &Session,
    environment: &DevEnvironment,
    annotations: Vec<(&str, Option<String>)>,
) -> anyhow::Result<DevEnvironment> {
    let name = environment.name_any();
    let annotations: Map<_, _> =
        annotations.into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect();
    let patch = json!({"metadata": {"uid": environment.uid(), "annotations": annotations}});
    let params = PatchParams { field_manager: Some(names::CLI_MANAGER.to_owned()), ..PatchParams::default() };
    let patched = session.environments().patch(&name, &params, &Patch::Merge(&patch)).await;
    patched.attempted(format!("annotate environment {name}"))
}

/// The environment as a document, as it would be committed.
pub fn document(name: &str, spec: &DevEnvironmentSpec) -> anyhow::Result<Value> {
    Ok(json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": "DevEnvironment",
        "metadata": {"name": name},
        "spec": serde_json::to_value(spec)?,
    }))
}

/// A new value of the annotation that asks for a look.
pub fn now() -> String {
    Timestamp::now().to_string()
}

/// An environment that is going can be neither changed nor made anew yet.
pub fn refuse_deleting(environment: &DevEnvironment, program: &str) -> anyhow::Result<()> {
    if environment::state(environment) == State::Deleting {
        anyhow::bail!(
            "environment {} is being removed: {}\n  wait until it is gone from: {program} list; or choose another name",
            environment.name_any(),
            environment::message(environment)
        );
    }
    Ok(())
}
