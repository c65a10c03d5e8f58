//! kube-apiserver: client certificates, RBAC and node authorization, and a record of every write.

use serde_json::{Value, json};

use crate::cache::Program;
use crate::certificates::{Authority, Files};
use crate::error::Result;
use crate::network;
use crate::node::etcd;
use crate::options::Mode;
use crate::part::Part;
use crate::settings::Settings;

/// The file, in the data directory, that names who wrote what.
pub(crate) const AUDIT_LOG: &str = "audit.log";

const SERVICE_ACCOUNTS: &str = "service-accounts";

pub(super) fn part(settings: &Settings, authority: &Authority) -> Result<Part> {
    let serving = authority.server("kube-apiserver", &reached_as(settings))?;
    let kubelet_client =
        authority.write("kubelet-client", &authority.client("kube-apiserver", Some("system:masters"))?)?;
    let tokens = authority.signing_keys(SERVICE_ACCOUNTS)?;
    let address = settings.node_address();
    let mut arguments = vec![
        format!("--etcd-servers={}", etcd::url(settings)),
        format!("--secure-port={}", settings.api_port),
        format!("--advertise-address={address}"),
        format!("--client-ca-file={}", authority.certificate_path().display()),
        format!("--service-account-signing-key-file={}", tokens.private.display()),
        format!("--service-account-key-file={}", tokens.public.display()),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-cluster-ip-range={}", network::SERVICES),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--enable-admission-plugins=NodeRestriction".to_owned(),
        "--allow-privileged=true".to_owned(),
        "--profiling=false".to_owned(),
    ];
    arguments.extend(certificate_arguments("tls-cert-file", "tls-private-key-file", &serving));
    arguments.extend(match settings.mode {
        Mode::Full => node_arguments(&kubelet_client),
        // Nothing may listen beyond loopback, and a loopback address cannot be an endpoint of the kubernetes Service.
        Mode::Fast => vec![
            format!("--bind-address={address}"),
            "--endpoint-reconciler-type=none".to_owned(),
            "--permit-port-sharing".to_owned(),
        ],
    });
    if settings.audit {
        let policy = settings
            .write("audit-policy.json", &audit_policy(settings.audited_reader.as_deref()).to_string())?;
        arguments.push(format!("--audit-policy-file={}", policy.display()));
        arguments.push(format!("--audit-log-path={}", settings.path(AUDIT_LOG).display()));
        // One file, however long: a test reads it from begin to end.
        arguments.push("--audit-log-maxsize=0".to_owned());
    }
    Ok(Part::new("kube-apiserver", settings.cache.program(Program::ApiServer)).arguments(arguments))
}

fn node_arguments(kubelet_client: &Files) -> Vec<String> {
    let mut arguments = vec!["--kubelet-preferred-address-types=InternalIP".to_owned()];
    arguments.extend(certificate_arguments(
        "kubelet-client-certificate",
        "kubelet-client-key",
        kubelet_client,
    ));
    arguments
}

fn certificate_arguments(certificate: &str, key: &str, files: &Files) -> [String; 2] {
    [format!("--{certificate}={}", files.certificate.display()), format!("--{key}={}", files.key.display())]
}

/// From the host through a forwarded port, from the node, and from pods.
fn reached_as(settings: &Settings) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "kubernetes", "kubernetes.default"]
        .into_iter()
        .chain(["kubernetes.default.svc", "kubernetes.default.svc.cluster.local"])
        .map(Into::into)
        .collect();
    if settings.mode == Mode::Full {
        names.extend([network::NODE.to_string(), network::API_SERVICE.to_string()]);
    }
    names
}

/// Writes, once each, without their bodies; reads of one user at most.
fn audit_policy(reader: Option<&str>) -> Value {
    let reads = reader.map(|user| json!({"level": "Metadata", "users": [user]}));
    let mut rules = vec![
        json!({"level": "Metadata", "verbs": ["create", "update", "patch", "delete", "deletecollection"]}),
    ];
    rules.extend(reads);
    rules.push(json!({"level": "None"}));
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived", "ResponseStarted"],
        "rules": rules,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup;
    use crate::settings::example;

    #[test]
    fn the_audit_log_has_every_kind_of_write_and_no_read() {
        let policy = audit_policy(None);
        let written = policy["rules"][0]["verbs"].to_string();
        for verb in ["create", "update", "patch", "delete", "deletecollection"] {
            assert!(written.contains(verb), "{verb}");
        }
        assert_eq!(policy["rules"][1], json!({"level": "None"}));
        assert_eq!(audit_policy(Some("operator"))["rules"][1]["users"], json!(["operator"]));
    }

    #[test]
    fn the_fast_mode_listens_on_loopback_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = example(Mode::Fast, cgroup::Version::One);
        settings.data = folder.path().to_owned();
        let authority = Authority::create(folder.path().join("certificates")).unwrap();
        let part = part(&settings, &authority).unwrap();
        assert!(part.arguments.contains(&"--bind-address=127.0.0.1".to_owned()), "{:?}", part.arguments);
    }
}
