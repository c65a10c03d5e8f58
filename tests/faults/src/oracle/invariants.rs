//! The design's invariants, checked on what an operator wrote. I4 (no write after things have settled), I5 (no orphans)
//! and I9 (no write without the lease, see [`super::lease`]) need more than one operator's requests and are checked where that
//! is known.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use slipway_crds::names as words;

use crate::proxy::{Entry, Verb};

/// What one operator may touch.
pub struct Territory<'a> {
    /// Its fleet's namespace.
    pub fleet: &'a str,
    /// Its environments' namespaces.
    pub environments: &'a [&'a str],
}

/// What is broken, one line each; nothing when all is well.
pub fn broken(entries: &[Entry], territory: &Territory<'_>) -> Vec<String> {
    let writes: Vec<&Entry> = entries.iter().filter(|entry| entry.target.verb.is_write()).collect();
    let mut broken = strays(&writes, territory);
    broken.extend(unknown_removals(&writes));
    broken.extend(double_jobs(&writes));
    broken.extend(dishonest_generations(&writes));
    broken.extend(moved_images(&writes));
    broken
}

/// I1: a reconcile of A never writes in B.
fn strays(writes: &[&Entry], territory: &Territory<'_>) -> Vec<String> {
    let is_ours = |entry: &&&Entry| {
        let target = &entry.target;
        match target.resource.as_str() {
            "tokenreviews" => true,
            "namespaces" => territory.environments.contains(&target.name.as_str()),
            _ => {
                target.namespace == territory.fleet
                    || territory.environments.contains(&target.namespace.as_str())
            }
        }
    };
    writes.iter().filter(|entry| !is_ours(entry)).map(|entry| format!("I1: {entry} is a stray")).collect()
}

/// I2: nothing is deleted whose UID was not recorded: the operator itself made it, or it is a `DevEnvironment` whose
/// time is up.
fn unknown_removals(writes: &[&Entry]) -> Vec<String> {
    let mut made = BTreeSet::new();
    let mut broken = Vec::new();
    for entry in writes {
        match entry.target.verb {
            Verb::Create => drop(made.insert(entry.answered()["metadata"]["uid"].to_string())),
            Verb::DeleteCollection => broken.push(format!("I2: {entry} removes a whole collection")),
            Verb::Delete if entry.target.resource != "devenvironments" => {
                let uid = &entry.sent()["preconditions"]["uid"];
                if uid.is_null() {
                    broken.push(format!("I2: {entry} has no UID"));
                } else if !made.contains(&uid.to_string()) {
                    broken.push(format!("I2: {entry} removes what the operator has not made"));
                }
            }
            _ => {}
        }
    }
    broken
}

/// I3: an integration run happens at most once per generation.
fn double_jobs(writes: &[&Entry]) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let made = |entry: &&&Entry| {
        entry.is_done() && entry.target.verb == Verb::Create && entry.target.resource == "jobs"
    };
    for entry in writes.iter().filter(made) {
        let labels = &entry.sent()["metadata"]["labels"];
        // A build has two Jobs, that of its unit tests is the second.
        let unit = match labels[words::BUILD].as_str() {
            Some(_) => entry.sent()["metadata"]["name"].to_string(),
            None => String::new(),
        };
        let run = format!("{} generation {} {unit}", labels[words::OWNER_UID], labels[words::RUN_GENERATION]);
        *seen.entry(run).or_default() += 1;
    }
    let twice = seen.into_iter().filter(|(_, times)| *times > 1);
    twice.map(|(run, times)| format!("I3: the run of {run} was made {times} times")).collect()
}

/// I6: `observedGeneration` never falls, and never claims what is not there yet.
fn dishonest_generations(writes: &[&Entry]) -> Vec<String> {
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    let mut broken = Vec::new();
    for entry in writes.iter().filter(|entry| entry.target.resource.ends_with("/status") && entry.is_done()) {
        let answer = entry.answered();
        let Some(observed) = answer["status"]["observedGeneration"].as_i64() else { continue };
        if observed > answer["metadata"]["generation"].as_i64().unwrap_or_default() {
            broken.push(format!("I6: {entry} claims generation {observed}, which does not exist"));
        }
        let before = last.entry(answer["metadata"]["uid"].to_string()).or_default();
        if observed < *before {
            broken.push(format!("I6: {entry} falls from generation {before} to {observed}"));
        }
        *before = observed;
        let conditions = answer["status"]["conditions"].as_array();
        for condition in conditions.into_iter().flatten() {
            if condition["observedGeneration"].as_i64() > Some(observed) {
                broken.push(format!("I6: {entry} has a condition of a later generation"));
            }
        }
    }
    broken
}

/// I7: an image digest changes only with a commit.
fn moved_images(writes: &[&Entry]) -> Vec<String> {
    let mut known: BTreeMap<String, Value> = BTreeMap::new();
    let mut broken = Vec::new();
    let workloads = ["deployments", "cronjobs", "jobs"];
    for entry in writes.iter().filter(|entry| workloads.contains(&entry.target.resource.as_str())) {
        let sent = entry.sent();
        let pod = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"]
            .into_iter()
            .find_map(|path| sent.pointer(path));
        let Some(image) = pod.map(|pod| pod["containers"][0]["image"].clone()) else { continue };
        let commit = &sent["metadata"]["annotations"][words::COMMIT];
        let inputs = format!("{} {commit}", entry.target.name);
        let before = known.entry(inputs).or_insert_with(|| image.clone());
        if *before != image {
            broken.push(format!("I7: {entry} moves the image from {before} to {image} at the same commit"));
        }
    }
    broken
}

/// I8: no byte of a secret in what is sent or said.
pub fn told_secrets(entries: &[Entry], log: &str, metrics: &str, secret: &str) -> Vec<String> {
    let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    let mut broken: Vec<String> = entries
        .iter()
        .filter(|entry| holds(&entry.body))
        .map(|entry| format!("I8: {entry} carries the secret"))
        .collect();
    for (where_, text) in [("log", log), ("metrics", metrics)] {
        if holds(text.as_bytes()) {
            broken.push(format!("I8: the secret is in the {where_}"));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::json;

    use super::*;
    use crate::proxy::Target;

    fn entry(verb: Verb, resource: &str, namespace: &str, sent: &Value, answer: &Value) -> Entry {
        let name = sent["metadata"]["name"].as_str().unwrap_or("x").to_owned();
        let (group, resource) = (String::new(), resource.to_owned());
        Entry {
            at: Instant::now(),
            user: "operator".to_owned(),
            target: Target { verb, group, resource, namespace: namespace.to_owned(), name },
            query: String::new(),
            body: sent.to_string().into(),
            status: Some(200),
            answer: answer.to_string().into(),
        }
    }

    fn found(entries: &[Entry]) -> Vec<String> {
        broken(entries, &Territory { fleet: "f", environments: &["env-f"] })
    }

    fn first_words(broken: &[String]) -> Vec<&str> {
        broken.iter().map(|line| &line[..2]).collect()
    }

    #[test]
    fn a_write_elsewhere_is_seen() {
        let nothing = json!({});
        let home = entry(Verb::Create, "services", "env-f", &nothing, &nothing);
        assert_eq!(found(&[home]), Vec::<String>::new());
        let stray = entry(Verb::Patch, "services", "env-g", &nothing, &nothing);
        assert_eq!(first_words(&found(&[stray])), ["I1"]);
    }

    #[test]
    fn a_removal_needs_the_uid_of_something_made() {
        let nothing = json!({});
        let made = entry(Verb::Create, "services", "env-f", &nothing, &json!({"metadata": {"uid": "u"}}));
        let known = json!({"preconditions": {"uid": "u"}});
        let known = entry(Verb::Delete, "services", "env-f", &known, &nothing);
        assert_eq!(found(&[made.clone(), known.clone()]), Vec::<String>::new());
        assert_eq!(first_words(&found(&[known])), ["I2"]);
        assert_eq!(
            first_words(&found(&[made, entry(Verb::Delete, "services", "env-f", &nothing, &nothing)])),
            ["I2"]
        );
    }

    #[test]
    fn a_second_run_of_a_generation_is_seen() {
        let job = json!({"metadata": {"labels": {"slipway.dev/owner-uid": "u", "slipway.dev/run-generation": "1"}}});
        let one = entry(Verb::Create, "jobs", "env-f", &job, &job);
        assert_eq!(found(std::slice::from_ref(&one)), Vec::<String>::new());
        assert_eq!(first_words(&found(&[one.clone(), one])), ["I3"]);
    }

    #[test]
    fn a_generation_that_falls_or_runs_ahead_is_seen() {
        let status = |observed: i64| {
            let answer = json!({"metadata": {"uid": "u", "generation": 2}, "status": {"observedGeneration": observed}});
            entry(Verb::Update, "gitsyncs/status", "f", &json!({}), &answer)
        };
        assert_eq!(found(&[status(1), status(2)]), Vec::<String>::new());
        assert_eq!(first_words(&found(&[status(2), status(1)])), ["I6"]);
        assert_eq!(first_words(&found(&[status(3)])), ["I6"]);
    }

    #[test]
    fn an_image_that_moves_without_a_commit_is_seen() {
        let deployment = |commit: &str, image: &str| {
            let sent = json!({"metadata": {"name": "www", "annotations": {"slipway.dev/commit": commit}},
                "spec": {"template": {"spec": {"containers": [{"image": image}]}}}});
            entry(Verb::Patch, "deployments", "env-f", &sent, &json!({}))
        };
        assert_eq!(found(&[deployment("a", "1"), deployment("b", "2")]), Vec::<String>::new());
        assert_eq!(first_words(&found(&[deployment("a", "1"), deployment("a", "2")])), ["I7"]);
    }

    #[test]
    fn a_secret_is_found_wherever_it_is_told() {
        let quiet = entry(Verb::Create, "events", "f", &json!({"note": "all is well"}), &json!({}));
        assert_eq!(told_secrets(&[quiet], "log", "metrics", "hush"), Vec::<String>::new());
        let loud = entry(Verb::Create, "events", "f", &json!({"note": "it is hush"}), &json!({}));
        assert_eq!(told_secrets(&[loud], "a hush b", "hush", "hush").len(), 3);
    }
}
