//! What a start changes, and what it must not.

use jiff::Timestamp;
use kube::ResourceExt as _;
use slipway_crds::names;
use slipway_crds::v1alpha1::{DevEnvironment, DevEnvironmentSpec, EndReason, GitSync, Reference};
use slipway_plan::duration;

use crate::environment::{self, Origin, State, name_part};
use crate::exit::Usage;
use crate::output::elapsed;
use crate::request::Request;

/// Longest name of a new environment: it becomes the value of a label.
const LONGEST: usize = 63;

/// The spec that is asked for: that of an environment there is with what is asked for added, or a new one.
pub fn wanted_spec(
    name: &str,
    request: &Request,
    before: Option<&DevEnvironment>,
    program: &str,
) -> Result<DevEnvironmentSpec, Usage> {
    if let Some(run) = before.and_then(|before| before.spec.integration.as_ref()) {
        return Err(Usage(format!(
            "{name} is an integration run; for another one: {program} test {} --commit {} --again",
            run.service, run.commit
        )));
    }
    if before.is_none() && (name.is_empty() || name_part(name, LONGEST) != name) {
        return Err(Usage(format!(
            "`{name}` is no name for an environment: use lower-case letters, digits and hyphens, at most {LONGEST}"
        )));
    }
    let spec = request.applied_to(before.map(|before| &before.spec));
    if spec.services.is_empty() && spec.profile.is_none() {
        let problem =
            if before.is_some() { "nothing would be left of it" } else { "there is none of that name yet" };
        return Err(Usage(format!(
            "environment {name} needs services, {problem}\n  name some: {program} start SERVICE… --env {name}; or a set of \
             the Fleet: --profile NAME"
        )));
    }
    Ok(spec)
}

/// The annotations with which an environment that was stopped, or has expired, starts again: its `ttl` counts anew.
pub fn resumption(before: &DevEnvironment, now: Timestamp) -> Vec<(&'static str, Option<String>)> {
    let stopped = before.annotations().contains_key(names::STOPPED_AT);
    let expired = environment::state(before) == State::Ended(EndReason::Expired);
    let mut annotations = Vec::new();
    if stopped {
        annotations.push((names::STOPPED_AT, None));
    }
    let ttl = before.spec.ttl.as_deref().filter(|_| stopped || expired);
    if let Some(ttl) = ttl.and_then(|ttl| duration::parse(ttl).ok()) {
        let until = now.saturating_add(ttl).unwrap_or(Timestamp::MAX);
        let until = environment::kept_until(before).map_or(until, |kept| kept.max(until));
        annotations.push((names::KEEP_UNTIL, Some(elapsed::moment(until))));
    }
    annotations
}

/// Why the spec of somebody else's environment is not changed, and what to do instead.
pub fn refusal(
    before: &DevEnvironment,
    origin: &Origin,
    sync: Option<&GitSync>,
    yaml: &str,
    program: &str,
) -> String {
    let name = before.name_any();
    let (whose, how) = match origin {
        Origin::Git(sync_name) => {
            let place = sync.map(|sync| format!(": {}", place(sync))).unwrap_or_default();
            (format!("comes from git (GitSync {sync_name}{place})"), "commit this instead")
        }
        Origin::CommandLine | Origin::Hand => {
            ("was not made by slipway start".to_owned(), "apply this instead, with kubectl or what made it")
        }
    };
    let own = format!("or start one of your own: {program} start SERVICE… --env NAME");
    format!("environment {name} {whose}, and is not changed from here\n  {how}:\n\n{yaml}\n  {own}")
}

fn place(sync: &GitSync) -> String {
    let Reference { branch, tag, semver, commit } = &sync.spec.reference;
    let named = |what, name: &Option<String>| name.as_ref().map(|name| format!(", {what} {name}"));
    let moving = named("branch", branch).or_else(|| named("tag", tag)).or_else(|| named("versions", semver));
    let reference = moving.or_else(|| named("commit", commit));
    let path = sync.spec.path.as_ref().map(|path| format!(", below {path}"));
    format!("{}{}{}", sync.spec.url, reference.unwrap_or_default(), path.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Wanted;
    use serde_json::{Value, json};

    fn environment(metadata: &Value, spec: &Value, status: &Value) -> DevEnvironment {
        serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment",
            "metadata": metadata, "spec": spec, "status": status}))
        .unwrap()
    }

    fn request(services: &[&str]) -> Request {
        let services: Vec<_> = services.iter().map(|&service| service.to_owned()).collect();
        Request::parse(&services, &Wanted::default()).unwrap()
    }

    #[test]
    fn a_new_environment_needs_services_and_one_there_is_does_not() {
        let refusal = wanted_spec("demo", &request(&[]), None, "slipway").unwrap_err().0;
        assert!(refusal.contains("slipway start SERVICE… --env demo"), "{refusal}");
        let before =
            environment(&json!({"name": "demo"}), &json!({"services": ["www"], "ttl": "8h"}), &json!({}));
        assert_eq!(wanted_spec("demo", &request(&[]), Some(&before), "slipway"), Ok(before.spec.clone()));
    }

    #[test]
    fn a_new_name_has_to_be_one() {
        for bad in ["Foo_Bar", "a.b", "-a", "", &"a".repeat(64)] {
            let refusal = wanted_spec(bad, &request(&["www"]), None, "slipway").unwrap_err().0;
            assert!(refusal.contains("is no name for an environment"), "{refusal}");
        }
    }

    #[test]
    fn an_integration_run_is_not_started() {
        let spec = json!({"integration": {"service": "www", "commit": "3f2c"}});
        let run = environment(&json!({"name": "test-www-3f2c"}), &spec, &json!({}));
        let refusal = wanted_spec("test-www-3f2c", &request(&["api"]), Some(&run), "slipway").unwrap_err().0;
        assert!(refusal.ends_with("slipway test www --commit 3f2c --again"), "{refusal}");
    }

    #[test]
    fn what_was_stopped_or_expired_gets_its_whole_ttl_again() {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let spec = json!({"services": ["www"], "ttl": "8h"});
        let kept = (names::KEEP_UNTIL, Some("2026-11-22T18:00:00Z".to_owned()));
        let stopped =
            json!({"name": "demo", "annotations": {"slipway.dev/stopped-at": "2026-11-21T10:00:00Z"}});
        let resumed = resumption(&environment(&stopped, &spec, &json!({})), now);
        assert_eq!(resumed, [(names::STOPPED_AT, None), kept.clone()]);
        let expired = json!({"ended": {"reason": "Expired", "at": "2026-11-21T10:00:00Z", "generation": 1}});
        assert_eq!(resumption(&environment(&json!({"name": "demo"}), &spec, &expired), now), [kept]);
        assert_eq!(resumption(&environment(&json!({"name": "demo"}), &spec, &json!({})), now), []);
    }

    #[test]
    fn one_from_git_is_changed_by_a_commit() {
        let before = environment(&json!({"name": "demo"}), &json!({"services": ["www"]}), &json!({}));
        let sync: GitSync = serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "GitSync",
            "metadata": {"name": "fleet"}, "spec": {"url": "http://git/fleet.git", "reference": {"branch": "main"},
                "path": "environments"}}))
        .unwrap();
        let origin = Origin::Git("fleet".to_owned());
        let refusal = refusal(&before, &origin, Some(&sync), "spec:\n  ttl: 8h\n", "slipway");
        let expected = "environment demo comes from git (GitSync fleet: http://git/fleet.git, branch main, below \
            environments), and is not changed from here\n  commit this instead:\n\nspec:\n  ttl: 8h\n\n  \
            or start one of your own: slipway start SERVICE… --env NAME";
        assert_eq!(refusal, expected);
    }
}
