//! The nodes: whether they take pods, and whether their disks have room.

use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};

use super::check::Check;
use crate::connect::Session;

const SUBJECT: &str = "nodes";

/// One line when all is well, else a line for each thing that is not.
pub async fn look(session: &Session) -> Vec<Check> {
    let nodes: Api<Node> = Api::all(session.client.clone());
    match nodes.list(&ListParams::default()).await {
        Ok(nodes) => judge(&nodes.items),
        Err(error) => vec![Check::unseen(SUBJECT, "the nodes", &error)],
    }
}

fn judge(nodes: &[Node]) -> Vec<Check> {
    if nodes.is_empty() {
        let cure = "nothing runs before there is one: add a node";
        return vec![Check::failed(SUBJECT, "the cluster has no node", cure)];
    }
    let troubles: Vec<_> = nodes.iter().flat_map(of_node).collect();
    if troubles.is_empty() {
        vec![Check::ok(SUBJECT, format!("{} ready, with room on their disks", nodes.len()))]
    } else {
        troubles
    }
}

fn of_node(node: &Node) -> Vec<Check> {
    let name = node.name_any();
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let of_condition = |condition: &k8s_openapi::api::core::v1::NodeCondition| {
        let message = condition.message.as_deref().unwrap_or_default();
        let told = |what: &str| format!("node {name} {what}: {message}");
        match (condition.type_.as_str(), condition.status == "True") {
            ("Ready", false) => Some(Check::failed(
                SUBJECT,
                told("is not ready"),
                format!("look closer: kubectl describe node {name}"),
            )),
            ("DiskPressure", true) => Some(Check::failed(
                SUBJECT,
                told("has no room on its disk"),
                "stop environments that nobody needs, and remove unused images on the node",
            )),
            ("MemoryPressure" | "PIDPressure", true) => Some(Check::warning(
                SUBJECT,
                told("has too much to do"),
                "stop environments that nobody needs, or add a node",
            )),
            _ => None,
        }
    };
    conditions.filter_map(of_condition).collect()
}

#[cfg(test)]
mod tests {
    use super::super::check::Verdict;
    use super::*;
    use serde_json::json;

    fn node(ready: &str, disk: &str) -> Node {
        serde_json::from_value(json!({"metadata": {"name": "a"}, "status": {"conditions": [
            {"type": "Ready", "status": ready, "message": "m"}, {"type": "DiskPressure", "status": disk, "message": "m"}]}}))
        .unwrap()
    }

    #[test]
    fn a_full_disk_and_a_node_that_is_not_ready_are_told() {
        let verdicts = |node: Node| judge(&[node]).iter().map(|check| check.verdict).collect::<Vec<_>>();
        assert_eq!(verdicts(node("True", "False")), [Verdict::Ok]);
        assert_eq!(verdicts(node("Unknown", "True")), [Verdict::Failed, Verdict::Failed]);
        assert!(judge(&[node("True", "True")])[0].message.contains("no room on its disk"));
        assert_eq!(judge(&[])[0].verdict, Verdict::Failed);
    }
}
