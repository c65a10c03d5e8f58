//! The chart as Helm renders it.

#![allow(clippy::unwrap_used, reason = "a failing story may say so loudly")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use slipway_cluster::{Cache, Progress};
use slipway_e2e::chart;

const IMAGE: &str = "image.registry=r.example.com/platform";

fn helm(words: &[&str]) -> std::process::Output {
    Command::new(Cache::open().unwrap().helm(Progress::Quiet).unwrap()).args(words).output().unwrap()
}

fn rendered(settings: &[&str]) -> Vec<Value> {
    let chart = chart::chart();
    let mut words =
        vec!["template", "slipway", chart.to_str().unwrap(), "--namespace", "platform", "--set", IMAGE];
    words.extend(settings.iter().flat_map(|setting| ["--set", *setting]));
    let output = helm(&words);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_yaml::from_multiple(&String::from_utf8(output.stdout).unwrap()).unwrap()
}

fn found<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// Roles of one name: that of the lease is apart.
fn named<'a>(objects: &'a [Value], kind: &str, name: &str) -> Vec<&'a Value> {
    found(objects, kind).into_iter().filter(|object| object["metadata"]["name"] == name).collect()
}

fn refused(setting: &str) -> String {
    refused_with(&[setting])
}

fn refused_with(settings: &[&str]) -> String {
    let chart = chart::chart();
    let settings = settings.join(",");
    let output = helm(&["template", "slipway", chart.to_str().unwrap(), "--set", IMAGE, "--set", &settings]);
    assert!(!output.status.success(), "{settings} must be refused");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn install_yaml_is_what_the_chart_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let helm = Cache::open().unwrap().helm(Progress::Quiet).unwrap();
    let output = Command::new(root.join("charts/render-install.sh")).arg(helm).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let committed = std::fs::read_to_string(root.join("manifests/install.yaml")).unwrap();
    assert!(
        committed == String::from_utf8(output.stdout).unwrap(),
        "manifests/install.yaml is stale: run `make generate`"
    );
}

#[test]
fn helm_has_nothing_to_say_against_the_chart() {
    let output = helm(&["lint", chart::chart().to_str().unwrap(), "--strict", "--set", IMAGE]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// `UPDATE_GOLDEN=1` writes it anew.
#[test]
fn with_all_options_it_is_what_it_was() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/chart.yaml");
    let settings = golden.with_file_name("values.yaml");
    let words = ["template", "slipway", chart::chart().to_str().unwrap(), "--namespace", "platform"]
        .map(str::to_owned)
        .to_vec();
    let words = [words, vec!["--values".to_owned(), settings.display().to_string()]].concat();
    let output = helm(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rendered = String::from_utf8(output.stdout).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &rendered).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap();
    assert!(
        rendered == expected,
        "it differs from tests/golden/chart.yaml: look at UPDATE_GOLDEN=1 and git diff"
    );
}

#[test]
fn who_installs_it_is_told_what_comes_next() {
    let chart = chart::chart();
    let words = ["install", "slipway", chart.to_str().unwrap(), "--dry-run=client", "--set", IMAGE];
    let told = |more: &[&str]| {
        let output = helm(&[&words[..], more].concat());
        String::from_utf8(output.stdout).unwrap().split("NOTES:").nth(1).unwrap().to_owned()
    };
    let usual = told(&[]);
    assert!(usual.contains("rollout status") && usual.contains("kubectl create namespace fleet"), "{usual}");
    assert!(!usual.contains("admission"), "{usual}");
    let special = told(&["--set", "namespace=mine,replicas=0,admission.policies=false"]);
    assert!(special.contains("namespace mine") && special.contains("no replica"), "{special}");
    assert!(special.contains("admission policies are left out"), "{special}");
}

#[test]
fn two_replicas_need_a_lease_and_are_kept_apart() {
    assert!(refused_with(&["leaderElection=false", "replicas=2"]).contains("replicas"));
    let objects = rendered(&["leaderElection=true", "replicas=2", "podDisruptionBudget.enabled=true"]);
    let spec = &found(&objects, "Deployment")[0]["spec"];
    assert_eq!((&spec["replicas"], &spec["strategy"]["type"]), (&2.into(), &"RollingUpdate".into()));
    let affinity = &spec["template"]["spec"]["affinity"]["podAntiAffinity"];
    assert!(affinity.to_string().contains("kubernetes.io/hostname"), "{affinity}");
    assert_eq!(found(&objects, "PodDisruptionBudget")[0]["spec"]["maxUnavailable"], 1);
    let strategy = |values: &[&str]| found(&rendered(values), "Deployment")[0]["spec"]["strategy"].clone();
    assert_eq!(
        strategy(&["replicas=1"])["rollingUpdate"]["maxUnavailable"],
        0,
        "a bad image changes nothing"
    );
    assert_eq!(strategy(&["leaderElection=false"])["type"], "Recreate");
}

/// What pod security calls restricted, and a root file system that cannot be written.
#[test]
fn the_operators_pod_is_restricted() {
    let objects = rendered(&[]);
    let pod = &found(&objects, "Deployment")[0]["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    for container in pod["containers"].as_array().unwrap() {
        let expected = serde_json::json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]}});
        assert_eq!(container["securityContext"], expected);
    }
}

/// An API server that has no `MutatingAdmissionPolicy` refuses the whole release if there is one.
#[test]
fn who_asked_is_stamped_where_the_cluster_can_and_checked_everywhere() {
    let served = "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy";
    let with = |versions: &[&str]| {
        let chart = chart::chart();
        let words = ["template", "slipway", chart.to_str().unwrap(), "--set", IMAGE];
        let output = helm(&[&words[..], versions].concat());
        let objects: Vec<Value> =
            serde_yaml::from_multiple(&String::from_utf8(output.stdout).unwrap()).unwrap();
        let checks = found(&objects, "ValidatingAdmissionPolicy");
        assert!(checks.iter().any(|policy| policy["metadata"]["name"] == "slipway-requester-is-true"));
        found(&objects, "MutatingAdmissionPolicy").len()
    };
    assert_eq!(with(&["--kube-version", "1.35.0"]), 0);
    assert_eq!(with(&["--kube-version", "1.36.0", "--api-versions", served]), 1);
    assert_eq!(with(&["--kube-version", "1.35.0", "--set", "admission.stampRequester=always"]), 1);
    assert_eq!(with(&["--api-versions", served, "--set", "admission.stampRequester=never"]), 0);
}

#[test]
fn a_removed_release_leaves_the_kinds_and_everybodys_objects() {
    let objects = rendered(&[]);
    let kinds = found(&objects, "CustomResourceDefinition");
    assert_eq!(kinds.len(), slipway_crds::definitions().len());
    for kind in kinds {
        assert_eq!(kind["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    }
}

#[test]
fn one_namespace_means_rights_in_one_namespace() {
    let objects = rendered(&["namespace=fleet"]);
    let role = named(&objects, "Role", "slipway-controller");
    assert_eq!((role.len(), &role[0]["metadata"]["namespace"]), (1, &"fleet".into()));
    let everywhere = found(&objects, "ClusterRole")[0]["rules"].as_array().unwrap();
    for rule in everywhere {
        assert_ne!(rule["apiGroups"][0], "slipway.dev", "{rule}");
        let reads =
            rule["resources"][0] == "secrets" && rule["verbs"].as_array().unwrap().contains(&"get".into());
        let ours = ["slipway-pull", "slipway-push"];
        assert!(!reads || ours.iter().any(|name| rule["resourceNames"][0] == *name), "{rule}");
    }
}

#[test]
fn secrets_may_be_read_only_where_it_is_said() {
    let objects = rendered(&["secretNamespaces={a,b}"]);
    let roles = named(&objects, "Role", "slipway-controller");
    let places: Vec<_> = roles.iter().map(|role| role["metadata"]["namespace"].as_str().unwrap()).collect();
    assert_eq!(places, ["a", "b"]);
    for role in roles {
        assert_eq!(role["rules"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn the_operator_may_act_for_service_accounts_only_where_they_are_named() {
    let is_impersonation = |rule: &Value| rule["verbs"].as_array().unwrap().contains(&"impersonate".into());
    let objects = rendered(&["impersonate[0].namespace=fleet", "impersonate[0].serviceAccounts={deployer}"]);
    let role = named(&objects, "Role", "slipway-impersonate")[0];
    assert_eq!(role["metadata"]["namespace"], "fleet");
    assert_eq!(role["rules"][0]["resourceNames"], serde_json::json!(["deployer"]));
    assert!(is_impersonation(&role["rules"][0]));
    assert_eq!(named(&objects, "RoleBinding", "slipway-impersonate")[0]["metadata"]["namespace"], "fleet");
    let everywhere = found(&objects, "ClusterRole")[0]["rules"].as_array().unwrap();
    assert!(!everywhere.iter().any(is_impersonation));
    assert!(refused("impersonate[0].namespace=fleet").contains("serviceAccounts"));
}

#[test]
fn a_setting_that_is_none_is_refused() {
    assert!(refused("replica=2").contains("replica"));
    assert!(refused("plainHttpRegistries={http://r}").contains("plainHttpRegistries"));
    assert!(refused("image.registry=").contains("make images"));
}

#[test]
fn what_watches_slipway_asks_only_for_metrics_that_there_are() {
    let objects =
        rendered(&["serviceMonitor.enabled=true", "alertRules.enabled=true", "dashboard.enabled=true"]);
    assert_eq!(found(&objects, "ServiceMonitor").len(), 1);
    let dashboard = found(&objects, "ConfigMap")[0]["data"]["slipway.json"].as_str().unwrap();
    let dashboard: Value = serde_json::from_str(dashboard).unwrap();
    let rules = &found(&objects, "PrometheusRule")[0]["spec"];
    let mut registry = prometheus_client::registry::Registry::default();
    let metrics = slipway_controller::metrics::Metrics::register(&mut registry);
    metrics.reconciled("Fleet", "ok", std::time::Duration::from_secs(1));
    let mut served = String::new();
    prometheus_client::encoding::text::encode(&mut served, &registry).unwrap();
    for text in [dashboard.to_string(), rules.to_string()] {
        let asked = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let asked: Vec<_> = asked.filter(|word| word.starts_with("slipway_")).collect();
        assert!(!asked.is_empty());
        for name in asked {
            assert!(
                served.contains(&format!("{name}{{")) || served.contains(&format!("{name} ")),
                "{name} in\n{served}"
            );
        }
    }
}
