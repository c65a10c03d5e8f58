//! The Job of a run, as the API server gets it.

use serde_json::{Value, json};
use slipway_crds::v1alpha1::DevEnvironmentSpec;

use super::*;
use crate::desired::Addresses;
use crate::environment::restart::Restarts;
use crate::manifest;
use crate::service_name::ServiceName;

const MANIFEST: &str = r#"
name: www
image: "{registry}/www:{commit}"
run: {ports: [80], mount: /srv/www, env: {COLOUR: green}}
integration:
  cmd: make test_integration REVISION=$(git rev-parse HEAD)
  label: oslave2_xl
  dependencies: [local]
  reports:
    junit: test/results/protractor-*.xml
"#;

fn identity() -> Identity {
    Identity {
        fleet_namespace: "fleet".to_owned(),
        name: "ci".to_owned(),
        uid: "env-uid".to_owned(),
        namespace: "env-ci".to_owned(),
    }
}

fn fleet() -> FleetSpec {
    let machines = json!([{"name": "oslave2_xl", "resources": {"requests": {"cpu": "2"}}, "nodeSelector": {"disk": "ssd"}}]);
    let fleet =
        json!({"registry": "registry:5000", "env": {"REDIS_URL": "redis://local"}, "machines": machines});
    serde_json::from_value(fleet).unwrap()
}

fn resolved(manifest: &str) -> Resolved {
    let name = ServiceName::parse("www").unwrap();
    let manifest = manifest::parse(&name, manifest.as_bytes()).unwrap();
    let under_test = ResolvedService {
        name,
        reference: Some("3f2c".to_owned()),
        commit: "3f2c".to_owned(),
        why: "commit 3f2c".to_owned(),
        manifest,
        tag: "registry:5000/www:3f2c".to_owned(),
        image: FoundDigest::Image("registry:5000/www@sha256:ab".to_owned()),
        inputs: None,
        stands_in: false,
    };
    Resolved { local: true, services: Vec::new(), under_test: Some(under_test) }
}

fn desired_at(step: IntegrationStep, manifest: &str) -> Desired {
    let (identity, fleet, resolved) = (identity(), fleet(), resolved(manifest));
    let (spec, addresses) = (DevEnvironmentSpec::default(), Addresses::new());
    let agent =
        AgentSettings { image: "registry:5000/agent:1".to_owned(), url: "http://10.96.3.7:8080/".to_owned() };
    let inputs = Inputs {
        identity: &identity,
        fleet: &fleet,
        spec: &spec,
        resolved: &resolved,
        addresses: &addresses,
        agent: &agent,
        pull_secret: None,
        restarts: &Restarts::new(),
    };
    let status = json!({"generation": 4, "step": step, "since": "2026-11-22T10:00:00Z"});
    let status: IntegrationStatus = serde_json::from_value(status).unwrap();
    let mut desired = Desired::default();
    build_run(&inputs, &status, &machine(&fleet, &resolved).unwrap(), &mut desired).unwrap();
    desired
}

fn job() -> Value {
    desired_at(IntegrationStep::Starting, MANIFEST).objects.remove(0).body.into()
}

fn pod_spec() -> Value {
    job()["spec"]["template"]["spec"].take()
}

#[test]
fn a_job_is_made_only_while_the_run_starts_and_is_left_alone_while_it_runs() {
    let count = |step| {
        let desired = desired_at(step, MANIFEST);
        (desired.objects.len(), desired.kept.contains(&key(&identity(), 4)))
    };
    assert_eq!(count(IntegrationStep::Preparing), (0, false));
    assert_eq!(count(IntegrationStep::Starting), (1, false));
    assert_eq!(count(IntegrationStep::Running), (0, true));
    assert_eq!(count(IntegrationStep::Finished), (0, false));
}

#[test]
fn the_job_starts_one_pod_once_and_says_which_run_it_is() {
    let job = job();
    assert_eq!(
        (&job["metadata"]["name"], &job["metadata"]["namespace"]),
        (&json!("integration-4"), &json!("env-ci"))
    );
    assert_eq!(
        (&job["spec"]["backoffLimit"], &job["spec"]["podReplacementPolicy"]),
        (&json!(0), &json!("Failed"))
    );
    assert_eq!(job["spec"]["template"]["spec"]["restartPolicy"], "Never");
    for labels in [&job["metadata"]["labels"], &job["spec"]["template"]["metadata"]["labels"]] {
        assert_eq!(
            (&labels[names::ENVIRONMENT], &labels[names::RUN_GENERATION]),
            (&json!("ci"), &json!("4"))
        );
        assert_eq!(labels[names::SERVICE], Value::Null, "the tests' pod is none of the service's own");
    }
}

#[test]
fn the_agent_wraps_the_command_in_the_services_own_image() {
    let tests = pod_spec()["containers"][0].take();
    let command = [
        "/slipway/agent",
        "run",
        "--url",
        "http://10.96.3.7:8080/v1/runs/fleet/ci/4",
        "--token-file",
        "/var/run/secrets/slipway.dev/token",
        "--glob",
        "test/results/protractor-*.xml",
        "--",
        "/bin/sh",
        "-c",
        "make test_integration REVISION=$$(git rev-parse HEAD)",
    ];
    assert_eq!(tests["command"], json!(command), "Kubernetes turns `$$(` into `$(`");
    assert_eq!(tests["image"], "registry:5000/www@sha256:ab");
    assert_eq!(tests["workingDir"], "/srv/www");
    let variables = tests["env"].as_array().unwrap();
    for (name, value) in [("COLOUR", "green"), ("REDIS_URL", "redis://local"), ("SERVICE_SHA", "3f2c")] {
        assert!(variables.contains(&json!({"name": name, "value": value})), "{name}");
    }
}

#[test]
fn without_reports_no_glob_is_given() {
    let without = MANIFEST.replace("  reports:\n    junit: test/results/protractor-*.xml\n", "");
    let body = desired_at(IntegrationStep::Starting, &without).objects.remove(0).body;
    let command = &body["spec"]["template"]["spec"]["containers"][0]["command"];
    assert!(!command.as_array().unwrap().contains(&json!("--glob")), "{command}");
}

#[test]
fn the_label_gives_resources_and_node() {
    let spec = pod_spec();
    assert_eq!(spec["nodeSelector"], json!({"disk": "ssd"}));
    for container in [&spec["containers"][0], &spec["initContainers"][0]] {
        assert_eq!(container["resources"]["requests"]["cpu"], "2");
    }
}

#[test]
fn the_pod_has_no_api_credentials_but_a_token_for_one_audience() {
    let spec = pod_spec();
    assert_eq!(
        (&spec["automountServiceAccountToken"], &spec["enableServiceLinks"]),
        (&json!(false), &json!(false))
    );
    let token = &spec["volumes"][1]["projected"]["sources"];
    let expected = json!([{"serviceAccountToken": {"audience": "slipway.dev/run", "expirationSeconds": 3600, "path": "token"}}]);
    assert_eq!(*token, expected);
}

#[test]
fn the_agents_own_container_is_restricted_and_the_pod_asks_for_nothing_above_baseline() {
    let spec = pod_spec();
    let installer = &spec["initContainers"][0];
    assert_eq!(installer["command"], json!(["/slipway-agent", "install", "/slipway/agent"]));
    let security = &installer["securityContext"];
    assert_eq!(
        (&security["runAsNonRoot"], &security["allowPrivilegeEscalation"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(security["capabilities"]["drop"], json!(["ALL"]));
    for above in ["hostNetwork", "hostPID", "hostIPC", "securityContext"] {
        assert_eq!(spec[above], Value::Null, "{above}");
    }
    let volumes = spec["volumes"].as_array().unwrap();
    assert!(volumes.iter().all(|volume| volume["emptyDir"].is_object() || volume["projected"].is_object()));
}

#[test]
fn a_label_the_fleet_does_not_know_is_named() {
    let unknown = resolved(&MANIFEST.replace("oslave2_xl", "oslave3"));
    assert_eq!(machine(&fleet(), &unknown), Err(Problem::UnknownMachine("oslave3".to_owned())));
}
