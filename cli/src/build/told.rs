//! A build for people.

use kube::ResourceExt as _;
use slipway_crds::v1alpha1::{
    BuildOutcome, BuildTime, BuiltAsset, ProvisionState, Provisioned, ServiceBuild, ServiceBuildStatus,
};

use crate::output::colours::Colours;

/// States that are shown of the slowest.
const SLOWEST: usize = 3;

/// What it does now, in one line.
pub fn step(status: &ServiceBuildStatus) -> String {
    if status.message.is_empty() {
        return String::new();
    }
    format!("{:?}: {}", status.step, status.message)
}

/// What became of it.
pub fn whole(build: &ServiceBuild, status: &ServiceBuildStatus, colours: Colours) -> String {
    let mut lines = vec![head(build, status, colours)];
    lines.extend(status.image.as_ref().map(|image| field("image", image)));
    lines.extend(status.why.as_ref().map(|why| field("because", why)));
    lines
        .extend(status.parent.as_ref().map(|parent| field("on", &format!("the image of {}", parent.commit))));
    if !status.times.is_empty() {
        lines.push(field("times", &times(&status.times)));
    }
    lines.extend(status.provisioned.iter().flat_map(provisioned));
    lines.extend(assets(&status.assets));
    let failures = status.unit.iter().flat_map(|unit| &unit.failures);
    lines.extend(failures.map(|failure| field("failed", &format!("{}: {}", failure.name, failure.message))));
    lines.extend(
        status
            .result
            .as_ref()
            .map(|map| field("log", &format!("kubectl get configmap {map} -o jsonpath='{{.data.log}}'"))),
    );
    lines.join("\n") + "\n"
}

fn head(build: &ServiceBuild, status: &ServiceBuildStatus, colours: Colours) -> String {
    let name = build.name_any();
    let message = &status.message;
    match status.outcome {
        Some(BuildOutcome::Succeeded) => colours.good(&format!("✓ build {name}: {message}")),
        Some(outcome) => colours.bad(&format!("✗ build {name} {outcome:?}: {message}")),
        None => format!("build {name}: {message}"),
    }
}

fn field(name: &str, text: &str) -> String {
    format!("  {name:<8} {text}")
}

fn times(times: &[BuildTime]) -> String {
    let one = |time: &BuildTime| format!("{} {} s", time.name, time.seconds);
    times.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn provisioned(said: &Provisioned) -> Vec<String> {
    let failed = said.failed.iter().map(|state| field("failed", &format!("{}: {}", state.id, state.comment)));
    let slow = |state: &ProvisionState| format!("{} {} ms", state.id, state.milliseconds);
    let slowest: Vec<String> = said.slowest.iter().take(SLOWEST).map(slow).collect();
    let slowest = (!slowest.is_empty()).then(|| field("slowest", &slowest.join(", ")));
    let states = field("states", &format!("{}, {} of them changed something", said.states, said.changed));
    std::iter::once(states).chain(slowest).chain(failed).collect()
}

/// How many, and each with its reason.
fn assets(all: &[BuiltAsset]) -> Vec<String> {
    if all.is_empty() {
        return Vec::new();
    }
    let built = all.iter().filter(|asset| asset.built).count();
    let summary = field("assets", &format!("{built} of {} built, kept {}", all.len(), all.len() - built));
    let one = |asset: &BuiltAsset| {
        let BuiltAsset { output, built, because, milliseconds } = asset;
        field(if *built { "built" } else { "kept" }, &format!("{output} in {milliseconds} ms: {because}"))
    };
    std::iter::once(summary).chain(all.iter().map(one)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failed_build_says_which_state_and_what_it_said() {
        let build: ServiceBuild = serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1",
            "kind": "ServiceBuild", "metadata": {"name": "www-1"}, "spec": {"service": "www", "commit": "3f2c"},
            "status": {"step": "Finished", "outcome": "Failed", "message": "1 of 9 states failed",
                "why": "the service moved from 1a2b to 3f2c",
                "times": [{"name": "Fetch", "seconds": 1}, {"name": "Provision", "seconds": 8}],
                "provisioned": {"states": 9, "changed": 4,
                    "failed": [{"id": "nginx (pkg.installed)", "comment": "no such package", "milliseconds": 1}],
                    "slowest": [{"id": "pip (cmd.run)", "milliseconds": 7000}]},
                "assets": [{"output": "public", "built": true, "because": "its output is gone", "milliseconds": 70},
                    {"output": "docs", "built": false, "because": "none of its sources changed", "milliseconds": 1}]}}))
        .unwrap();
        let expected = "\
✗ build www-1 Failed: 1 of 9 states failed
  because  the service moved from 1a2b to 3f2c
  times    Fetch 1 s, Provision 8 s
  states   9, 4 of them changed something
  slowest  pip (cmd.run) 7000 ms
  failed   nginx (pkg.installed): no such package
  assets   1 of 2 built, kept 1
  built    public in 70 ms: its output is gone
  kept     docs in 1 ms: none of its sources changed
";
        assert_eq!(whole(&build, build.status.as_ref().unwrap(), Colours::default()), expected);
    }
}
