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

fn refused(setting: &str) -> String {
    let chart = chart::chart();
    let output = helm(&["template", "slipway", chart.to_str().unwrap(), "--set", IMAGE, "--set", setting]);
    assert!(!output.status.success(), "{setting} must be refused");
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
    let role = found(&objects, "Role");
    assert_eq!((role.len(), &role[0]["metadata"]["namespace"]), (1, &"fleet".into()));
    let everywhere = found(&objects, "ClusterRole")[0]["rules"].as_array().unwrap();
    for rule in everywhere {
        assert_ne!(rule["apiGroups"][0], "slipway.dev", "{rule}");
        let reads =
            rule["resources"][0] == "secrets" && rule["verbs"].as_array().unwrap().contains(&"get".into());
        assert!(!reads || rule["resourceNames"][0] == "slipway-pull", "{rule}");
    }
}

#[test]
fn secrets_may_be_read_only_where_it_is_said() {
    let objects = rendered(&["secretNamespaces={a,b}"]);
    let roles = found(&objects, "Role");
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
    let role = found(&objects, "Role")[0];
    assert_eq!(role["metadata"]["namespace"], "fleet");
    assert_eq!(role["rules"][0]["resourceNames"], serde_json::json!(["deployer"]));
    assert!(is_impersonation(&role["rules"][0]));
    assert_eq!(found(&objects, "RoleBinding")[0]["metadata"]["namespace"], "fleet");
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
