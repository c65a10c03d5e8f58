//! The orders that the operator writes into the pods of a build are the ones that the agent reads.

#![allow(clippy::unwrap_used, reason = "a failing test may say so loudly")]

use serde_json::{Value, json};
use slipway_agent::order::With;
use slipway_agent::{BuildOrder, KeepOrder, PushOrder};
use slipway_crds::v1alpha1::{BuildInputs, BuildParent, FleetSpec};
use slipway_plan::desired::Identity;
use slipway_plan::desired::build::{self, Making};
use slipway_plan::desired::integration::AgentSettings;
use slipway_plan::manifest;
use slipway_plan::service_name::ServiceName;

/// The words of a container's command as the kubelet passes them on.
fn order(pod: &Value, container: usize, verb: &str) -> String {
    ordered(&pod["containers"][container], verb)
}

fn ordered(container: &Value, verb: &str) -> String {
    let command = &container["command"];
    assert_eq!(command[1], verb);
    command[2].as_str().unwrap().replace("$$", "$")
}

fn pod(fleet: Value) -> Value {
    pod_of(fleet, "name: www\nrun: {mount: /srv/www}\n", None)
}

fn pod_of(fleet: Value, manifest: &str, assets_from: Option<&str>) -> Value {
    let fleet: FleetSpec = serde_json::from_value(fleet).unwrap();
    let service = ServiceName::parse("www").unwrap();
    let identity = Identity {
        fleet_namespace: "fleet".to_owned(),
        name: "www-1".to_owned(),
        uid: "build-uid".to_owned(),
        namespace: "build-fleet".to_owned(),
    };
    let inputs = BuildInputs {
        commit: "3f2c".to_owned(),
        ops_commit: "91ab".to_owned(),
        base: "registry:5000/base@sha256:aa".to_owned(),
    };
    let parent = BuildParent { image: "www@sha256:bb".to_owned(), commit: "1a2b".to_owned(), depth: 2 };
    let agent =
        AgentSettings { image: "registry:5000/agent:1".to_owned(), url: "http://10.96.3.7:8080".to_owned() };
    let making = Making {
        identity: &identity,
        fleet: &fleet,
        service: &service,
        manifest: &manifest::parse(&service, manifest.as_bytes()).unwrap(),
        inputs: &inputs,
        parent: Some(&parent),
        assets_from,
        newest: 1_700_000_000,
        source: "https://git.example.com/www.git",
        plain_http: &["registry:5000".to_owned()],
        agent: &agent,
    };
    build::build_job(&making).unwrap().body["spec"]["template"]["spec"].take()
}

fn fleet(provisioner: &Value) -> Value {
    json!({"registry": "registry:5000", "provisioner": provisioner, "builds": {"pushSecret": "push"}})
}

#[test]
fn the_agent_reads_what_is_built_and_where_it_comes_from() {
    let pod = pod(fleet(&json!({"salt": {"apply": ["www"]}})));
    let order: BuildOrder = serde_json::from_str(&order(&pod, 0, "build")).unwrap();
    assert_eq!((order.identity.service.as_str(), order.identity.ops_sha.as_str()), ("www", "91ab"));
    assert_eq!(order.sources.url, "http://10.96.3.7:8080/v1/sources/fleet/www");
    assert_eq!((order.folders.service.to_str(), order.newest), (Some("/srv/www"), 1_700_000_000));
    let With::Salt(salt) = order.provisioner.with else { panic!("{:?}", order.provisioner) };
    assert_eq!((salt.apply, salt.program), (vec!["www".to_owned()], "salt-call".to_owned()));
}

#[test]
fn a_command_reaches_the_agent_as_it_is_written() {
    let pod = pod(fleet(&json!({"command": ["./provision.sh", "$(HOME)"]})));
    let order: BuildOrder = serde_json::from_str(&order(&pod, 0, "build")).unwrap();
    let command = With::Command(vec!["./provision.sh".to_owned(), "$(HOME)".to_owned()]);
    assert_eq!(order.provisioner.with, command);
}

#[test]
fn the_agent_reads_what_is_pushed_and_whom_to_tell() {
    let pod = pod(fleet(&json!({"salt": {}})));
    let order: PushOrder = serde_json::from_str(&order(&pod, 1, "push")).unwrap();
    assert!(order.target.starts_with("registry:5000/www:3f2c-"), "{}", order.target);
    assert!(order.target.ends_with("-candidate"), "{}", order.target);
    assert_eq!((order.base.as_str(), order.parent.unwrap().depth), ("www@sha256:bb", 2));
    assert_eq!(order.report.url, "http://10.96.3.7:8080/v1/builds/fleet/www-1");
    assert_eq!(order.wait_seconds, 1_800);
    let credentials = order.credentials.unwrap();
    assert_eq!(credentials.to_str(), Some("/var/run/secrets/slipway.dev-push/.dockerconfigjson"));
}

#[test]
fn the_agent_reads_which_assets_there_are() {
    let manifest = "name: www\nrun: {mount: /srv/www}\nassets: [{command: make, inputs: [a], output: b}]\n";
    let pod = pod_of(fleet(&json!({"salt": {}})), manifest, Some("registry:5000/www@sha256:dd"));
    let build: BuildOrder = serde_json::from_str(&order(&pod, 0, "build")).unwrap();
    let keep: KeepOrder = serde_json::from_str(&ordered(&pod["initContainers"][1], "keep")).unwrap();
    assert_eq!((build.assets, build.kept), (true, Some(keep.to)));
    assert_eq!(build.folders, keep.folders);
}
