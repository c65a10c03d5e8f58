//! What can be done with an environment that is ready.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::ResourceExt as _;
use slipway_crds::names;
use slipway_crds::v1alpha1::{DevEnvironment, LockedService};

use super::checklist::short;
use super::colours::Colours;
use super::{elapsed, table};
use crate::environment;

/// The ports that services answer on.
pub type Ports = BTreeMap<String, Vec<i32>>;

/// Where each service answers, and what to do next. `program` is how this program is called.
pub fn ready(
    environment: &DevEnvironment,
    ports: &Ports,
    program: &str,
    now: Timestamp,
    colours: Colours,
) -> String {
    let name = environment.name_any();
    let status = environment::status(environment);
    let ends = status
        .expires_at
        .map(|at| format!(", until {} (in {})", elapsed::moment(at), elapsed::until(at, now)));
    let rows = status.lock.iter().map(|locked| row(locked, ports, program, &name)).collect();
    let table = table::table(["SERVICE", "COMMIT", "IN THE ENVIRONMENT", "ON THIS MACHINE"], rows);
    let head = colours.good(&format!("✓ {name} is ready"));
    format!("{head}{}\n\n{table}\nnext:\n{}", ends.unwrap_or_default(), next(&name, program))
}

fn row(locked: &LockedService, ports: &Ports, program: &str, environment: &str) -> [String; 4] {
    let service = &locked.service;
    let ports = ports.get(service).map(Vec::as_slice).unwrap_or_default();
    let open = format!("{program} open {service} -e {environment}");
    [
        service.clone(),
        locked.commit.as_deref().map(short).unwrap_or_default(),
        ports.iter().map(|port| url(service, *port)).collect::<Vec<_>>().join(" "),
        if ports.is_empty() { String::new() } else { open },
    ]
}

fn url(service: &str, port: i32) -> String {
    match (service, port) {
        (names::LOCAL, port) => format!("{service}:{port}"),
        (_, 80) => format!("http://{service}"),
        (_, port) => format!("http://{service}:{port}"),
    }
}

fn next(name: &str, program: &str) -> String {
    format!("  {program} logs -e {name} --follow\n  {program} status {name}\n  {program} stop {name}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_service_is_told_with_its_addresses_and_what_next() {
        let environment: DevEnvironment =
            serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1",
            "kind": "DevEnvironment", "metadata": {"name": "demo"}, "spec": {"services": ["www"]},
            "status": {"expiresAt": "2026-11-22T18:00:00Z", "lock": [
                {"service": "local", "why": "w", "ready": true},
                {"service": "www", "commit": "3f2c1ab03f2c", "why": "w", "ready": true},
                {"service": "worker", "commit": "91ab1ab03f2c", "why": "w", "ready": true}]}}))
            .unwrap();
        let ports = Ports::from([("local".to_owned(), vec![6379, 8000]), ("www".to_owned(), vec![80, 8080])]);
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let text = ready(&environment, &ports, "slipway", now, Colours::default());
        let expected = "\
✓ demo is ready, until 2026-11-22T18:00:00Z (in 8h)

SERVICE  COMMIT    IN THE ENVIRONMENT          ON THIS MACHINE
local    -         local:6379 local:8000       slipway open local -e demo
www      3f2c1ab0  http://www http://www:8080  slipway open www -e demo
worker   91ab1ab0  -                           -

next:
  slipway logs -e demo --follow
  slipway status demo
  slipway stop demo
";
        assert_eq!(text, expected);
    }
}
