//! The order that the operator writes into the pod of a built service is the one that the agent reads.

#![allow(clippy::unwrap_used, reason = "a failing test may say so loudly")]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use slipway_agent::InitOrder;
use slipway_agent::order::Instead;
use slipway_crds::v1alpha1::{BuildInputs, DevEnvironmentSpec, FleetSpec};
use slipway_plan::desired::integration::AgentSettings;
use slipway_plan::desired::{self, Identity, Inputs, pod};
use slipway_plan::environment::resolve::{FoundDigest, Resolved, ResolvedService};
use slipway_plan::manifest;
use slipway_plan::service_name::ServiceName;

const IMAGE: &str = "registry:5000/www@sha256:bb";

fn service(manifest: &str) -> ResolvedService {
    let name = ServiceName::parse("www").unwrap();
    let manifest = manifest::parse(&name, manifest.as_bytes()).unwrap();
    let (ops_commit, base) = ("91ab".to_owned(), "registry:5000/base@sha256:aa".to_owned());
    ResolvedService {
        name,
        reference: None,
        commit: "3f2c".to_owned(),
        why: "trunk main".to_owned(),
        manifest,
        tag: "registry:5000/www:3f2c".to_owned(),
        image: FoundDigest::Image(IMAGE.to_owned()),
        inputs: Some(BuildInputs { commit: "3f2c".to_owned(), ops_commit, base }),
        stands_in: false,
    }
}

/// The order of each role, as the kubelet passes it on.
fn orders(manifest: &str) -> Vec<InitOrder> {
    let fleet: FleetSpec = serde_json::from_value(json!({"registry": "registry:5000"})).unwrap();
    let identity = Identity {
        fleet_namespace: "fleet".to_owned(),
        name: "emma".to_owned(),
        uid: "env-uid".to_owned(),
        namespace: "env-emma".to_owned(),
    };
    let agent = AgentSettings { image: "agent:1".to_owned(), url: "http://10.96.3.7:8080/".to_owned() };
    let inputs = Inputs {
        identity: &identity,
        fleet: &fleet,
        spec: &DevEnvironmentSpec::default(),
        resolved: &Resolved::default(),
        addresses: &BTreeMap::default(),
        agent: &agent,
        pull_secret: None,
        restarts: &BTreeMap::default(),
    };
    let (service, machine) = (service(manifest), desired::machine(&fleet, None).unwrap());
    let order = |role| {
        let template = pod::build_template(&inputs, &machine, &service, &role, IMAGE);
        let pod: Value = serde_json::to_value(template).unwrap();
        let command = &pod["spec"]["containers"][0]["command"];
        assert_eq!((&command[0], &command[1]), (&json!("/slipway/agent"), &json!("init")));
        serde_json::from_str(&command[2].as_str().unwrap().replace("$$", "$")).unwrap()
    };
    service.manifest.resolved_roles().into_iter().map(order).collect()
}

#[test]
fn the_agent_reads_where_a_container_is_brought_to_and_whom_to_tell() {
    let order = orders("name: www\nrun: {ports: [80], mount: /srv/www}\n").remove(0);
    assert_eq!((order.identity.service_sha.as_str(), order.identity.ops_sha.as_str()), ("3f2c", "91ab"));
    assert_eq!(order.sources.url, "http://10.96.3.7:8080/v1/sources/fleet/www");
    assert_eq!(order.report.unwrap().url, "http://10.96.3.7:8080/v1/starts/fleet/emma/www");
    assert_eq!((order.folders.service.to_str(), order.instead), (Some("/srv/www"), None));
    assert!(order.grace_seconds < 30, "the kubelet waits for longer");
}

#[test]
fn the_agent_reads_what_runs_instead_of_the_images_services() {
    let roles = "name: www\nroles: {worker: {command: 'exec bin/worker $(HOME)'}, nightly: {command: make etl, schedule: \"0 3 * * *\"}}\n";
    let mut instead: Vec<_> = orders(roles).into_iter().filter_map(|order| order.instead).collect();
    instead.sort_by_key(|instead| format!("{instead:?}"));
    let expected =
        [Instead::Once("make etl".to_owned()), Instead::Service("exec bin/worker $(HOME)".to_owned())];
    assert_eq!(instead, expected);
}
