//! What a request is about.

use http::Method;
use serde_json::Value;

/// What a request does, in the API server's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// One object.
    Get,
    /// A collection.
    List,
    /// Changes of a collection.
    Watch,
    /// POST.
    Create,
    /// PUT.
    Update,
    /// PATCH, server-side apply among them.
    Patch,
    /// DELETE of one object.
    Delete,
    /// DELETE of a collection.
    DeleteCollection,
}

impl Verb {
    /// Whether it can change something.
    pub fn is_write(self) -> bool {
        !matches!(self, Self::Get | Self::List | Self::Watch)
    }
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// What it does.
    pub verb: Verb,
    /// API group; empty for the core group.
    pub group: String,
    /// Kind as in the path, with the subresource: `deployments`, `devenvironments/status`.
    pub resource: String,
    /// Namespace; empty for what has none.
    pub namespace: String,
    /// Name; empty for a collection.
    pub name: String,
}

impl Target {
    /// Reads it from a request; none when it is no request for a resource. The name of what is created is in its body.
    pub fn of(method: &Method, path: &str, query: &str, body: &[u8]) -> Option<Self> {
        let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let group = match (parts.first()?, parts.get(1)?) {
            (&"api", _) => String::new(),
            (&"apis", group) => (*group).to_owned(),
            _ => return None,
        };
        parts.drain(..if group.is_empty() { 2 } else { 3.min(parts.len()) });
        let is_namespaced = parts.first() == Some(&"namespaces")
            && parts.len() > 2
            && !matches!(parts[2], "status" | "finalize");
        let namespace = if is_namespaced { parts.drain(..2).nth(1).unwrap_or_default() } else { "" };
        let resource = *parts.first()?;
        let resource = parts.get(2).map_or_else(|| resource.to_owned(), |sub| format!("{resource}/{sub}"));
        let name = parts.get(1).map_or_else(|| created_name(method, body), |name| (*name).to_owned());
        let verb = verb(method, query, parts.len() > 1)?;
        Some(Self { verb, group, resource, namespace: namespace.to_owned(), name })
    }
}

fn verb(method: &Method, query: &str, is_one: bool) -> Option<Verb> {
    let watches = query.split('&').any(|pair| pair == "watch=true" || pair == "watch=1");
    Some(match (method.as_str(), is_one) {
        ("GET", _) if watches => Verb::Watch,
        ("GET", true) => Verb::Get,
        ("GET", false) => Verb::List,
        ("POST", _) => Verb::Create,
        ("PUT", _) => Verb::Update,
        ("PATCH", _) => Verb::Patch,
        ("DELETE", true) => Verb::Delete,
        ("DELETE", false) => Verb::DeleteCollection,
        _ => return None,
    })
}

fn created_name(method: &Method, body: &[u8]) -> String {
    if method != Method::POST {
        return String::new();
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &Method, path: &str, query: &str) -> (Verb, String, String, String, String) {
        let body = br#"{"metadata": {"name": "made"}}"#;
        let Target { verb, group, resource, namespace, name } =
            Target::of(method, path, query, body).unwrap();
        (verb, group, resource, namespace, name)
    }

    fn expected(verb: Verb, words: [&str; 4]) -> (Verb, String, String, String, String) {
        let [group, resource, namespace, name] = words.map(str::to_owned);
        (verb, group, resource, namespace, name)
    }

    #[test]
    fn a_path_says_what_a_request_is_about() {
        let deployments = "/apis/apps/v1/namespaces/env/deployments";
        let status = "/apis/slipway.dev/v1alpha1/namespaces/f/gitsyncs/a/status";
        let cases = [
            (
                of(&Method::POST, deployments, ""),
                expected(Verb::Create, ["apps", "deployments", "env", "made"]),
            ),
            (
                of(&Method::GET, "/api/v1/pods", "limit=5&watch=true"),
                expected(Verb::Watch, ["", "pods", "", ""]),
            ),
            (
                of(&Method::PUT, status, ""),
                expected(Verb::Update, ["slipway.dev", "gitsyncs/status", "f", "a"]),
            ),
            (
                of(&Method::DELETE, "/api/v1/namespaces/env", ""),
                expected(Verb::Delete, ["", "namespaces", "", "env"]),
            ),
            (
                of(&Method::POST, "/api/v1/namespaces", ""),
                expected(Verb::Create, ["", "namespaces", "", "made"]),
            ),
            (
                of(&Method::GET, "/api/v1/namespaces/env/services", ""),
                expected(Verb::List, ["", "services", "env", ""]),
            ),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn discovery_is_about_no_resource() {
        assert_eq!(Target::of(&Method::GET, "/version", "", b""), None);
        assert_eq!(Target::of(&Method::GET, "/apis/apps/v1", "", b""), None);
    }
}
