//! What the pods of a service say is in the way.

use serde_json::Value;

use crate::object::Observed;

/// In one sentence: why these pods are not ready, as far as they tell. Pods that are going do not count.
pub fn trouble(pods: &[&Observed]) -> Option<String> {
    let mut alive = pods.iter().filter(|pod| !pod.is_terminating());
    alive.find_map(|pod| {
        let of_a_container = || containers(pod).find_map(|container| container_trouble(pod, container));
        ended_by_the_node(pod).or_else(of_a_container).or_else(|| unscheduled(pod))
    })
}

/// What the node says of a pod that it ended, for its disk or its memory: its containers only know that they were told to end.
fn ended_by_the_node(pod: &Observed) -> Option<String> {
    let status = &pod.body["status"];
    let reason = status["reason"].as_str().filter(|_| status["phase"] == "Failed")?;
    let message = status["message"].as_str().unwrap_or_default();
    Some(format!("pod {}: {reason} {message}", pod.key.name).trim_end().to_owned())
}

fn containers(pod: &Observed) -> impl Iterator<Item = &Value> {
    ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .filter_map(|list| pod.body["status"][list].as_array())
        .flatten()
}

fn container_trouble(pod: &Observed, container: &Value) -> Option<String> {
    let name = container["name"].as_str().unwrap_or_default();
    let waiting = &container["state"]["waiting"];
    let ended = [&container["state"]["terminated"], &container["lastState"]["terminated"]]
        .into_iter()
        .find(|state| state["exitCode"].as_i64().is_some_and(|code| code != 0));
    let reason = waiting["reason"].as_str().unwrap_or_default();
    if let Some(ended) = ended {
        // What the program said of its end: the agent in a container of a built service says why it did not come up.
        if let Some(said) = ended["message"].as_str().map(str::trim).filter(|said| !said.is_empty()) {
            return Some(format!("container {name} of pod {} ended: {said}", pod.key.name));
        }
        let code = ended["exitCode"].as_i64().unwrap_or_default();
        let why = ended["reason"].as_str().unwrap_or("Error");
        return Some(format!(
            "container {name} of pod {} ended with code {code} ({why}): see its logs",
            pod.key.name
        ));
    }
    if matches!(reason, "" | "ContainerCreating" | "PodInitializing") {
        return None;
    }
    let message = waiting["message"].as_str().unwrap_or_default();
    Some(format!("container {name} of pod {}: {reason} {message}", pod.key.name).trim_end().to_owned())
}

fn unscheduled(pod: &Observed) -> Option<String> {
    let conditions = pod.body["status"]["conditions"].as_array()?;
    let scheduled = conditions.iter().find(|c| c["type"] == "PodScheduled" && c["status"] == "False")?;
    Some(format!("pod {} has no node: {}", pod.key.name, scheduled["message"].as_str().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::ObjectKey;
    use serde_json::json;

    fn pod(status: &Value) -> Observed {
        let key = ObjectKey {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: Some("env".to_owned()),
            name: "www-1".to_owned(),
        };
        Observed { key, body: json!({"metadata": {}, "status": status}).into() }
    }

    #[test]
    fn a_crash_is_told_with_its_code() {
        let crashed = pod(&json!({"containerStatuses": [{"name": "www",
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}}}]}));
        let told = trouble(&[&crashed]).unwrap();
        assert_eq!(told, "container www of pod www-1 ended with code 3 (Error): see its logs");
    }

    #[test]
    fn what_a_program_said_of_its_end_is_told() {
        let crashed = pod(&json!({"containerStatuses": [{"name": "www",
            "state": {"terminated": {"exitCode": 1, "message": "provisioning failed: no space\n"}}}]}));
        let told = trouble(&[&crashed]).unwrap();
        assert_eq!(told, "container www of pod www-1 ended: provisioning failed: no space");
    }

    #[test]
    fn a_pod_that_is_being_made_is_no_trouble() {
        let starting = pod(&json!({"containerStatuses": [{"name": "www",
            "state": {"waiting": {"reason": "ContainerCreating"}}}]}));
        assert_eq!(trouble(&[&starting]), None);
    }

    #[test]
    fn a_pod_without_a_node_says_why() {
        let pending = pod(&json!({"conditions": [{"type": "PodScheduled", "status": "False",
            "message": "0/1 nodes are available: insufficient memory"}]}));
        let told = trouble(&[&pending]).unwrap();
        assert_eq!(told, "pod www-1 has no node: 0/1 nodes are available: insufficient memory");
    }
}
