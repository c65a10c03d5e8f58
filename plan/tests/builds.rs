//! The objects of a build, as text: who sees which secret, and who is root.

#![allow(clippy::unwrap_used, reason = "a failing test may say so loudly")]

mod support;

use serde_json::{Value, json};
use slipway_crds::v1alpha1::{BuildInputs, BuildParent, FleetSpec};
use slipway_plan::desired::Identity;
use slipway_plan::desired::build::{self, Looking, Making};
use slipway_plan::desired::integration::AgentSettings;
use slipway_plan::manifest::{self, Manifest};
use slipway_plan::object::Object;
use slipway_plan::service_name::ServiceName;
use support::fleet;

const FLEET: &str = "\
base: \"{registry}/base:1\"
ops: {url: \"https://git.example.com/ops.git\"}
env: {REDIS_URL: \"redis://local:6379\"}
builds: {pushSecret: push, timeout: 10m}
";
const MANIFEST: &str = "\
name: www
run: {ports: [80], mount: /srv/www, env: {COLOUR: green}}
unit: {command: \"make test REVISION=$(git rev-parse HEAD)\", reports: {junit: out/*.xml}, timeout: 2m}
";

fn identity() -> Identity {
    Identity {
        fleet_namespace: "fleet".to_owned(),
        name: "www-1".to_owned(),
        uid: "build-uid".to_owned(),
        namespace: "build-fleet".to_owned(),
    }
}

fn inputs() -> BuildInputs {
    BuildInputs {
        commit: "3f2c1ab03f2c1ab03f2c1ab03f2c1ab03f2c1ab0".to_owned(),
        ops_commit: "91ab1ab091ab1ab091ab1ab091ab1ab091ab1ab0".to_owned(),
        base: "registry/base@sha256:aa".to_owned(),
    }
}

fn manifest() -> Manifest {
    manifest::parse(&ServiceName::parse("www").unwrap(), MANIFEST.as_bytes()).unwrap()
}

fn agent() -> AgentSettings {
    AgentSettings { image: "registry:5000/agent:1".to_owned(), url: "http://10.96.3.7:8080/".to_owned() }
}

fn made<T>(fleet: &FleetSpec, parent: Option<&BuildParent>, render: impl Fn(&Making<'_>) -> T) -> T {
    let (identity, manifest, inputs, agent) = (identity(), manifest(), inputs(), agent());
    let service = ServiceName::parse("www").unwrap();
    render(&Making {
        identity: &identity,
        fleet,
        service: &service,
        manifest: &manifest,
        inputs: &inputs,
        parent,
        assets_from: None,
        newest: 1_700_000_000,
        source: "https://git.example.com/www.git",
        plain_http: &["registry:5000".to_owned()],
        agent: &agent,
    })
}

fn parent() -> BuildParent {
    let image = "registry/www@sha256:bb".to_owned();
    BuildParent { image, commit: "older".to_owned(), depth: 3 }
}

fn job(fleet_text: &str, parent: Option<&BuildParent>) -> Value {
    made(&fleet(fleet_text), parent, |making| build::build_job(making).unwrap()).body.into()
}

fn text(object: &Value) -> String {
    serde_yaml::to_string(object).unwrap()
}

fn order(container: &Value) -> Value {
    serde_json::from_str(container["command"][2].as_str().unwrap()).unwrap()
}

#[test]
fn the_job_of_a_build_is_as_it_is_written() {
    let written = text(&job(FLEET, None));
    assert_eq!(written, include_str!("golden/build-job.yaml"), "{written}");
}

#[test]
fn the_job_of_the_unit_tests_is_as_it_is_written() {
    let manifest = manifest();
    let tests = manifest.unit.as_ref().unwrap();
    let image = "registry/www@sha256:cc";
    let made = made(&fleet(FLEET), None, |making| build::build_unit_job(making, tests, image).unwrap());
    let written = text(&made.body);
    assert_eq!(written, include_str!("golden/unit-job.yaml"), "{written}");
}

#[test]
fn the_job_in_which_a_failed_image_is_looked_into_is_as_it_is_written() {
    let (fleet, manifest, inputs) = (fleet(&format!("{FLEET}pullSecret: registry\n")), manifest(), inputs());
    let service = ServiceName::parse("www").unwrap();
    let run = build::unit_run(&fleet, &service, &manifest, &inputs, manifest.unit.as_ref().unwrap());
    let looking = Looking {
        name: "failed-20261122",
        namespace: "build-fleet",
        build: "www-1",
        service: "www",
        inputs: &inputs,
        image: "registry/www@sha256:cc",
        run: Some(&run),
    };
    let whole = Object::from_typed(&build::build_failed_job(&looking, &fleet)).unwrap().body;
    let written = text(&whole);
    assert_eq!(written, include_str!("golden/failed-job.yaml"), "{written}");

    // An older operator recorded no more than the image.
    let bare = build::build_failed_job(&Looking { run: None, ..looking }, &fleet);
    let bare = Object::from_typed(&bare).unwrap().body["spec"]["template"]["spec"]["containers"][0].take();
    assert_eq!(bare["workingDir"], Value::Null);
    assert_eq!(bare["env"].as_array().unwrap().len(), 3, "{bare}");
}

#[test]
fn what_builds_share_is_as_it_is_written() {
    let opened = format!("{FLEET}network: {{egress: [10.20.0.0/16]}}\n")
        .replace("timeout: 10m", "timeout: 10m, egress: [10.30.0.0/24]");
    let room: Vec<Object> = build::build_room(&identity(), &fleet(&opened), &agent(), None, None).unwrap();
    let written = room.iter().map(|object| text(&object.body)).collect::<Vec<_>>().join("---\n");
    assert_eq!(written, include_str!("golden/build-room.yaml"), "{written}");
}

#[test]
fn assets_of_an_older_image_are_taken_by_our_program_alone_and_without_a_token() {
    let text = format!("{MANIFEST}assets: [{{command: make, inputs: [a], output: b}}]\n");
    let manifest = manifest::parse(&ServiceName::parse("www").unwrap(), text.as_bytes()).unwrap();
    let render = |making: &Making<'_>| {
        let from = Some("registry/www@sha256:dd");
        build::build_job(&Making { manifest: &manifest, assets_from: from, ..*making }).unwrap()
    };
    let job: Value = made(&fleet(FLEET), None, render).body.into();
    let pod = &job["spec"]["template"]["spec"];
    let keep = &pod["initContainers"][1];
    assert_eq!((&keep["name"], &keep["image"]), (&json!("keep-assets"), &json!("registry/www@sha256:dd")));
    assert_eq!(keep["command"][0], "/slipway/agent");
    assert_eq!(order(keep), json!({"folders": {"service": "/srv/www"}, "to": "/slipway-assets"}));
    let mounts: Vec<_> = keep["volumeMounts"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(mounts, ["agent", "assets"]);
    let build = &pod["containers"][0];
    assert_eq!(build["image"], "registry/base@sha256:aa");
    let order = order(build);
    assert_eq!((&order["assets"], &order["kept"]), (&json!(true), &json!("/slipway-assets")));
    assert_eq!(
        build["volumeMounts"][3],
        json!({"mountPath": "/slipway-assets", "name": "assets", "readOnly": true})
    );
}

#[test]
fn only_the_container_that_runs_nothing_of_the_repositories_sees_the_push_secret() {
    let pod = job(FLEET, None)["spec"]["template"]["spec"].take();
    let mounts = |container: &Value| text(&container["volumeMounts"]);
    let (build, push) = (&pod["containers"][0], &pod["containers"][1]);
    assert!(!mounts(build).contains("slipway.dev-push"), "{}", mounts(build));
    assert!(mounts(push).contains("slipway.dev-push"), "{}", mounts(push));
    assert_eq!(order(push)["credentials"], "/var/run/secrets/slipway.dev-push/.dockerconfigjson");
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(push["image"], "registry:5000/agent:1", "what pushes is ours");
}

#[test]
fn without_a_push_secret_none_is_mounted() {
    let open = FLEET.replace("pushSecret: push, ", "");
    let pod = job(&open, None)["spec"]["template"]["spec"].take();
    assert!(!text(&pod).contains("slipway-push"), "{}", text(&pod));
    assert_eq!(order(&pod["containers"][1])["credentials"], Value::Null);
}

#[test]
fn an_ancestors_image_is_built_in_and_named() {
    let pod = job(FLEET, Some(&parent()))["spec"]["template"]["spec"].take();
    assert_eq!(pod["containers"][0]["image"], "registry/www@sha256:bb");
    let push = order(&pod["containers"][1]);
    assert_eq!(push["parent"], json!({"commit": "older", "depth": 3}));
    assert_eq!(push["base"], "registry/www@sha256:bb");
}

#[test]
fn the_provisioner_is_the_fleets() {
    let provisioner = |more: &str| {
        let pod = job(&format!("{FLEET}{more}"), None)["spec"]["template"]["spec"].take();
        order(&pod["containers"][0])["provisioner"].clone()
    };
    let salt = json!({"with": {"salt": {"states": "states", "pillar": "pillar", "apply": []}}, "timeoutSeconds": 540});
    assert_eq!(provisioner(""), salt);
    let command = provisioner("provisioner: {command: [./provision.sh, $HOME]}\n");
    assert_eq!(command["with"], json!({"command": ["./provision.sh", "$$HOME"]}), "Kubernetes halves them");
}

#[test]
fn a_namespace_is_short_and_of_one_fleet() {
    let fleet = fleet(FLEET);
    assert_eq!(build::namespace("fleet", &fleet), "build-fleet");
    let long = build::namespace(&"x".repeat(63), &fleet);
    assert_eq!(long.len(), 63);
    assert_ne!(long, build::namespace(&format!("{}y", "x".repeat(62)), &fleet));
    assert_ne!(build::fleet_uid("fleet"), build::fleet_uid("other"));
}
