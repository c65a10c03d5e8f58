//! Applications of four objects, as files of a repository and as bodies of requests.

use bytes::Bytes;
use serde_json::{Value, json};
use slipway_demo::Change;

/// Objects of one application.
pub const OBJECTS: usize = 4;

/// The kinds of an application's objects, as a `GitSync` is told of them.
pub fn kinds() -> Value {
    json!([
        {"apiVersion": "v1", "kind": "ServiceAccount"},
        {"apiVersion": "v1", "kind": "ConfigMap"},
        {"apiVersion": "v1", "kind": "Service"},
        {"apiVersion": "apps/v1", "kind": "Deployment"},
    ])
}

/// The name of an application.
pub fn name(number: usize) -> String {
    format!("app-{number:04}")
}

/// The four files of each of so many applications, a folder each.
pub fn files(count: usize) -> Vec<Change> {
    (0..count).flat_map(|number| objects(&name(number)).map(|object| file(&name(number), &object))).collect()
}

/// The file of an application's `ConfigMap`, with another value.
pub fn changed(number: usize, value: &str) -> Change {
    let name = name(number);
    file(&name, &config_map(&name, value))
}

fn file(folder: &str, object: &Value) -> Change {
    let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
    // An object of texts, numbers and lists can always be written.
    let text = serde_yaml::to_string(object).unwrap_or_default();
    Change::write(&format!("{folder}/{kind}.yaml"), text)
}

/// Path and body of the requests that make the same applications in a namespace.
pub fn bodies(namespace: &str, count: usize) -> Vec<(String, Bytes)> {
    (0..count).flat_map(|number| objects(&name(number)).map(|object| body(namespace, &object))).collect()
}

fn body(namespace: &str, object: &Value) -> (String, Bytes) {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
    let base = match object["apiVersion"].as_str() {
        Some("v1") | None => "/api/v1".to_owned(),
        Some(version) => format!("/apis/{version}"),
    };
    (format!("{base}/namespaces/{namespace}/{kind}s/{name}"), Bytes::from(object.to_string()))
}

fn objects(name: &str) -> [Value; OBJECTS] {
    let labels = json!({"app.kubernetes.io/name": name});
    let container = json!({
        "name": "app",
        "image": "registry.slipway.test:5000/app:1.0.0",
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "envFrom": [{"configMapRef": {"name": name}}],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
    });
    let template = json!({
        "metadata": {"labels": labels},
        "spec": {"serviceAccountName": name, "containers": [container]},
    });
    [
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "labels": labels}}),
        config_map(name, "first"),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": labels},
            "spec": {"clusterIP": "None", "selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]}}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels},
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}}),
    ]
}

fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": name}},
        "data": {"VALUE": value, "LOG_LEVEL": "info", "UPSTREAM": "http://upstream.example.com:8080"}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_is_four_files_and_four_requests() {
        let files = files(2);
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths.len(), 2 * OBJECTS);
        assert_eq!(paths[0], "app-0000/serviceaccount.yaml");
        assert_eq!(changed(1, "x").path, paths[5]);
        let bodies = bodies("bench", 1);
        assert_eq!(bodies[3].0, "/apis/apps/v1/namespaces/bench/deployments/app-0000");
        assert_eq!(bodies[1].0, "/api/v1/namespaces/bench/configmaps/app-0000");
    }
}
