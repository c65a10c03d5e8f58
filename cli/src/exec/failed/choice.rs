//! Which build is meant, and what failed in it.

use kube::ResourceExt as _;
use slipway_crds::v1alpha1::{BuildInputs, Outcome, ServiceBuild, ServiceBuildStatus, UnitStatus};
use slipway_plan::desired::build::Looking;

use crate::output::colours::Colours;

/// A build whose image was kept because its unit tests failed.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    name: &'a str,
    /// The service.
    pub service: &'a str,
    /// Namespace of its pods.
    pub namespace: &'a str,
    status: &'a ServiceBuildStatus,
    inputs: &'a BuildInputs,
    image: &'a str,
    unit: &'a UnitStatus,
}

impl<'a> Kept<'a> {
    fn of(build: &'a ServiceBuild) -> Option<Self> {
        let status = build.status.as_ref()?;
        let unit = status.unit.as_ref().filter(|unit| unit.outcome != Outcome::Passed)?;
        Some(Self {
            name: build.metadata.name.as_deref()?,
            service: &build.spec.service,
            namespace: status.namespace.as_deref()?,
            status,
            inputs: status.inputs.as_ref()?,
            image: status.image.as_deref()?,
            unit,
        })
    }

    /// As the Job wants it.
    pub fn looking(&self, name: &'a str) -> Looking<'a> {
        let Self { name: build, service, namespace, inputs, image, .. } = *self;
        Looking { name, namespace, build, service, inputs, image, run: self.unit.run.as_ref() }
    }

    /// Which commits, and what failed.
    pub fn told(&self, colours: Colours) -> String {
        let head = format!("✗ build {} of {}: {}", self.name, self.service, self.status.message);
        let failures = self.unit.failures.iter();
        let failures = failures.map(|failure| format!("  failed   {}: {}", failure.name, failure.message));
        let run = self.unit.run.as_ref();
        let run = run.map(|run| format!("  command  {}, in {}", run.command, run.folder));
        let facts = [
            format!("  commit   {}", self.inputs.commit),
            format!("  ops      {}", self.inputs.ops_commit),
            format!("  image    {}", self.image),
        ];
        let lines: Vec<_> =
            std::iter::once(colours.bad(&head)).chain(failures).chain(facts).chain(run).collect();
        lines.join("\n")
    }
}

/// The build of this name, or the newest of the service of this name.
pub fn choose<'a>(all: &'a [ServiceBuild], word: &str) -> Result<Kept<'a>, String> {
    if let Some(build) = all.iter().find(|build| build.name_any() == word) {
        return Kept::of(build).ok_or_else(|| nothing_kept(build));
    }
    let of_service: Vec<_> = all.iter().filter(|build| build.spec.service == word).collect();
    let kept = of_service.iter().copied().filter(|build| Kept::of(build).is_some());
    let newest = kept.max_by_key(|build| build.creation_timestamp());
    newest.and_then(Kept::of).ok_or_else(|| match of_service.as_slice() {
        [] => format!(
            "there is no build {word}, and none of a service {word}\n  see which there are: kubectl get sbuild"
        ),
        several => format!(
            "of {} builds of {word} none failed in its unit tests\n  see them: kubectl get sbuild",
            several.len()
        ),
    })
}

fn nothing_kept(build: &ServiceBuild) -> String {
    let (name, status) = (build.name_any(), build.status.clone().unwrap_or_default());
    let log = status
        .result
        .map(|map| format!("\n  its log: kubectl get configmap {map} -o jsonpath='{{.data.log}}'"));
    let said = if status.message.is_empty() { "it has not begun".to_owned() } else { status.message };
    format!("build {name} has no image whose unit tests failed: {said}{}", log.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn build(name: &str, second: u8, status: &Value) -> ServiceBuild {
        serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "ServiceBuild",
            "metadata": {"name": name, "creationTimestamp": format!("2026-11-22T10:00:{second:02}Z")},
            "spec": {"service": "www", "commit": "main"}, "status": status}))
        .unwrap()
    }

    fn failed() -> Value {
        json!({"step": "Finished", "outcome": "Failed", "message": "the unit tests failed: the command ended with code 2",
            "namespace": "build-fleet", "image": "registry/www@sha256:cc",
            "inputs": {"commit": "3f2c", "opsCommit": "91ab", "base": "registry/base@sha256:aa"},
            "unit": {"outcome": "Failed", "message": "the command ended with code 2",
                "failures": [{"name": "www.pages::greets", "message": "no greeting"}],
                "run": {"command": "make test", "folder": "/srv/www", "env": {"SERVICE": "www"}}}})
    }

    fn provisioning() -> Value {
        json!({"step": "Finished", "outcome": "Failed", "message": "1 of 9 states failed", "result": "www-3-build"})
    }

    #[test]
    fn a_service_means_its_newest_build_that_failed_in_its_unit_tests() {
        let all =
            [build("www-1", 1, &failed()), build("www-2", 2, &failed()), build("www-3", 3, &provisioning())];
        assert_eq!(choose(&all, "www").unwrap().name, "www-2");
        assert_eq!(choose(&all, "www-1").unwrap().name, "www-1");
    }

    #[test]
    fn what_cannot_be_opened_says_why() {
        let all = [build("www-3", 3, &provisioning()), build("www-4", 4, &json!({}))];
        let refused = |word: &str| choose(&all, word).unwrap_err();
        assert_eq!(
            refused("www-3"),
            "build www-3 has no image whose unit tests failed: 1 of 9 states failed\n  \
             its log: kubectl get configmap www-3-build -o jsonpath='{.data.log}'"
        );
        assert!(refused("www-4").ends_with("it has not begun"));
        assert!(refused("www").starts_with("of 2 builds of www none failed"));
        assert!(refused("api").starts_with("there is no build api, and none of a service api\n"));
    }

    #[test]
    fn it_is_told_which_commits_and_what_failed() {
        let all = [build("www-1", 1, &failed())];
        let expected = "\
✗ build www-1 of www: the unit tests failed: the command ended with code 2
  failed   www.pages::greets: no greeting
  commit   3f2c
  ops      91ab
  image    registry/www@sha256:cc
  command  make test, in /srv/www";
        assert_eq!(choose(&all, "www").unwrap().told(Colours::default()), expected);
    }
}
