//! The reasons for people.

use jiff::Timestamp;
use slipway_crds::v1alpha1::{BlockedBy, LockedService};

use super::reasons::{PodStanding, Reasons, Repository};
use crate::output::checklist::{reason, short};
use crate::output::colours::Colours;
use crate::output::{elapsed, run, standing};

/// The whole answer.
pub fn told(reasons: &Reasons, now: Timestamp, colours: Colours) -> String {
    let mut lines = vec![head(reasons, colours)];
    match &reasons.locked {
        Some(locked) => lines.extend(what_runs(locked, reasons.ops_held_back.as_deref())),
        None => lines.push(field("commit", &format!("not known yet: {}", reasons.message))),
    }
    lines.extend(reasons.repository.iter().map(|repository| self::repository(repository, colours)));
    lines.extend(reasons.pods.iter().map(|pod| self::pod(pod, reasons, now)));
    if let Some(at) = reasons.expires_at {
        lines.push(field("until", &format!("{} (in {})", elapsed::moment(at), elapsed::until(at, now))));
    }
    let mut parts = vec![lines.join("\n") + "\n"];
    parts.extend(waits(reasons, now, colours));
    parts.extend(reasons.integration.as_ref().map(|run| run::summary(run, colours)));
    if !reasons.next.is_empty() {
        let commands = reasons.next.iter().map(|command| format!("  {command}\n"));
        parts.push(format!("next:\n{}", commands.collect::<String>()));
    }
    parts.join("\n")
}

fn head(reasons: &Reasons, colours: Colours) -> String {
    let Reasons { service, environment, state, .. } = reasons;
    let stands = match (reasons.is_ready(), reasons.blocked_by.is_empty()) {
        (true, true) => colours.good("is ready"),
        (true, false) => format!("{}, {}", colours.good("is ready"), colours.waiting("and waits")),
        (false, false) => colours.waiting("waits"),
        (false, true) => colours.faint("does not run"),
    };
    format!("{} in {environment} ({state}) {stands}", colours.bold(service))
}

fn field(name: &str, text: &str) -> String {
    format!("  {name:<8} {text}")
}

fn what_runs(locked: &LockedService, held_back: Option<&str>) -> Vec<String> {
    let commit = match &locked.commit {
        Some(commit) => format!("{commit}: {}", reason(&locked.why)),
        None => locked.why.clone(),
    };
    let image = match (&locked.image, &locked.commit) {
        (Some(image), _) => Some(image.as_str()),
        (None, Some(_)) => Some("not there yet"),
        (None, None) => None,
    };
    let mut lines = vec![field("commit", &commit)];
    lines.extend(locked.ops_commit.as_deref().map(|ops| field("ops", &self::ops(ops, held_back))));
    lines.extend(image.map(|image| field("image", image)));
    lines.extend(locked.address.as_ref().map(|address| field("address", address)));
    lines
}

fn ops(commit: &str, held_back: Option<&str>) -> String {
    let held_back = held_back.map(|why| format!("; not newer: {why}"));
    format!("commit {}{}", short(commit), held_back.unwrap_or_default())
}

fn repository(repository: &Repository, colours: Colours) -> String {
    let Repository { url, trunk, trunk_commit, trouble } = repository;
    let at = trunk_commit.as_deref().map(|commit| format!(" at {}", short(commit))).unwrap_or_default();
    let trouble = trouble.as_ref().map(|trouble| format!("; {}", colours.bad(trouble))).unwrap_or_default();
    field("from", &format!("{url}, trunk {trunk}{at}{trouble}"))
}

fn pod(pod: &PodStanding, reasons: &Reasons, now: Timestamp) -> String {
    let wanted = reasons.locked.as_ref().and_then(|locked| locked.commit.as_ref());
    let old = match &pod.commit {
        Some(commit) if Some(commit) != wanted => format!(", still at commit {}", short(commit)),
        _ => String::new(),
    };
    let age = pod.since.map(|since| format!(", made {} ago", elapsed::since(since, now))).unwrap_or_default();
    let restarts = match pod.restarts {
        0 => String::new(),
        1 => ", restarted once".to_owned(),
        times => format!(", restarted {times} times"),
    };
    let ready = if pod.ready { "ready" } else { "not ready" };
    field("pod", &format!("{} {}, {ready}{restarts}{age}{old}", pod.name, pod.phase))
}

fn waits(reasons: &Reasons, now: Timestamp, colours: Colours) -> Option<String> {
    let told = |waits: &[BlockedBy]| waits.iter().map(|wait| standing::wait(wait, now)).collect::<String>();
    if !reasons.blocked_by.is_empty() {
        return Some(format!("{}\n{}", colours.waiting("waits for"), told(&reasons.blocked_by)));
    }
    // A service under test does not run before its dependencies do.
    let depends =
        reasons.integration.as_ref().is_some_and(|run| run.outcome.is_none()) && !reasons.is_ready();
    let head = if depends { "waits for its dependencies" } else { "others wait for" };
    let others = &reasons.others_blocked_by;
    (!others.is_empty()).then(|| format!("{}\n{}", colours.waiting(head), told(others)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::follow::Pods;
    use serde_json::{Value, json};
    use slipway_crds::v1alpha1::{DevEnvironment, ServiceRepo};

    fn environment(spec: &Value, status: &Value) -> DevEnvironment {
        serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment",
            "metadata": {"name": "demo"}, "spec": spec, "status": status}))
        .unwrap()
    }

    fn answer(
        service: &str,
        environment: &DevEnvironment,
        repo: Option<&ServiceRepo>,
        pods: &Pods,
    ) -> String {
        let reasons = Reasons::of(service, environment, repo, pods, "slipway");
        told(&reasons, "2026-11-22T10:02:00Z".parse().unwrap(), Colours::default())
    }

    fn crashed() -> Value {
        json!({
            "conditions": [{"type": "Ready", "status": "False", "reason": "Progressing", "message": "service www: it crashed",
                "lastTransitionTime": "2026-11-22T10:00:00Z"}],
            "lock": [
                {"service": "www", "commit": "3f2c1ab03f2c1ab03f2c1ab03f2c1ab03f2c1ab0", "why": "branch fix", "ready": false,
                    "image": "r/www@sha256:01", "address": "10.96.128.2"},
                {"service": "api", "commit": "91ab", "why": "trunk main", "ready": false}],
            "expiresAt": "2026-11-22T18:00:00Z",
            "blockedBy": [
                {"what": "service www", "reason": "PodNotReady", "message": "it crashed",
                    "since": "2026-11-22T10:01:00Z", "until": "2026-11-22T18:00:00Z"},
                {"what": "service api", "reason": "ImageNotFound", "message": "image r/api:91ab does not exist yet",
                    "since": "2026-11-22T10:01:00Z", "overrideBy": "whoever may push to the registry"}]})
    }

    #[test]
    fn it_says_commit_image_pods_waits_and_what_to_do() {
        let environment = environment(&json!({"services": ["www"]}), &crashed());
        let repo: ServiceRepo = serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1",
            "kind": "ServiceRepo", "metadata": {"name": "www"}, "spec": {"url": "http://git/www.git"},
            "status": {"trunkCommit": "77aa77aa77aa"}}))
        .unwrap();
        let pod = serde_json::from_value(
            json!({"metadata": {"name": "www-1", "labels": {"slipway.dev/service": "www"},
            "annotations": {"slipway.dev/commit": "91ab"}, "creationTimestamp": "2026-11-22T10:00:00Z"},
            "status": {"phase": "Running", "containerStatuses": [
                {"name": "www", "restartCount": 2, "image": "", "imageID": "", "ready": false}]}}),
        )
        .unwrap();
        let text = answer("www", &environment, Some(&repo), &Pods::from([("www-1".to_owned(), pod)]));
        let expected = "\
www in demo (Starting) waits
  commit   3f2c1ab03f2c1ab03f2c1ab03f2c1ab03f2c1ab0: branch fix
  image    r/www@sha256:01
  address  10.96.128.2
  from     http://git/www.git, trunk main at 77aa77aa
  pod      www-1 Running, not ready, restarted 2 times, made 2m ago, still at commit 91ab
  until    2026-11-22T18:00:00Z (in 7h 58m)

waits for
  service www: it crashed (PodNotReady, for 1m, until 2026-11-22T18:00:00Z)

next:
  slipway logs www -e demo --previous
  slipway restart www -e demo
";
        assert_eq!(text, expected);
    }

    #[test]
    fn an_ops_commit_that_is_held_back_is_told() {
        let mut status = crashed();
        status["lock"][0]["opsCommit"] = "77aa77aa77aa".into();
        let environment = environment(&json!({"services": ["www"]}), &status);
        let mut reasons = Reasons::of("www", &environment, None, &Pods::new(), "slipway");
        let told = |reasons: &Reasons| {
            self::told(reasons, "2026-11-22T10:02:00Z".parse().unwrap(), Colours::default())
        };
        assert!(told(&reasons).contains("  ops      commit 77aa77aa\n"), "{}", told(&reasons));
        reasons.ops_held_back = Some("ops commit 91ab: service api: state `nginx` failed".to_owned());
        let expected = "commit 77aa77aa; not newer: ops commit 91ab: service api: state `nginx` failed\n";
        assert!(told(&reasons).contains(expected), "{}", told(&reasons));
    }

    #[test]
    fn what_runs_while_a_newer_manifest_is_refused_is_told_so() {
        let mut status = crashed();
        status["lock"][0]["ready"] = true.into();
        status["conditions"] = json!([{"type": "Stalled", "status": "True", "reason": "ManifestInvalid", "message": "unknown field",
            "lastTransitionTime": "2026-11-22T10:00:00Z"}]);
        status["blockedBy"] = json!([{"what": "demo", "reason": "ManifestInvalid", "message": "manifest.yaml:4:1: unknown field",
            "since": "2026-11-22T10:01:00Z"}]);
        let text = answer("www", &environment(&json!({"services": ["www"]}), &status), None, &Pods::new());
        assert!(text.starts_with("www in demo (Stalled) is ready, and waits\n"), "{text}");
        assert!(text.ends_with("next:\n  slipway status demo --watch\n"), "{text}");
    }

    #[test]
    fn who_can_end_a_wait_is_told() {
        let environment = environment(&json!({"services": ["www"]}), &crashed());
        let text = answer("api", &environment, None, &Pods::new());
        assert!(text.contains("  image    not there yet\n"), "{text}");
        assert!(
            text.contains("(ImageNotFound, for 1m, whoever may push to the registry may override it)"),
            "{text}"
        );
    }

    #[test]
    fn a_service_under_test_waits_for_its_dependencies() {
        let mut status = crashed();
        status["lock"][0]["service"] = "api".into();
        status["lock"][1]["service"] = "www".into();
        status["blockedBy"] = json!([{"what": "service api", "reason": "PodNotReady", "message": "api is starting",
            "since": "2026-11-22T10:01:00Z"}]);
        status["integration"] = json!({"generation": 1, "step": "Preparing", "message": "the dependencies are starting",
            "since": "2026-11-22T10:00:00Z"});
        let environment = environment(&json!({"integration": {"service": "www", "commit": "91ab"}}), &status);
        let text = answer("www", &environment, None, &Pods::new());
        assert!(text.starts_with("www in demo (Starting) does not run\n"), "{text}");
        assert!(text.contains("waits for its dependencies\n  service api: api is starting"), "{text}");
        assert!(text.contains("integration run: dependencies start"), "{text}");
    }

    #[test]
    fn before_anything_is_known_the_environment_says_why() {
        let environment = environment(&json!({"services": ["www"]}), &json!({}));
        let text = answer("www", &environment, None, &Pods::new());
        assert!(text.contains("  commit   not known yet: "), "{text}");
    }
}
