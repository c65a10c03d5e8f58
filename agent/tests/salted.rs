//! Builds with real salt, masterless, by states of an ops repository.

#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

mod container;
mod operator;
mod salt;

use container::Container;
use operator::{Operator, archive};
use serde_json::json;
use slipway_agent::{BuildRecord, ProvisionRecord};

const TOP: &str = "base:\n  'role:www':\n    - match: grain\n    - www\n";
const PILLAR: &str = "greeting: hello from the pillar\n";
const STATES: &str = "\
{% set root = salt['environ.get']('ROOT') %}
configuration:
  file.managed:
    - name: {{ root }}/etc/www.conf
    - contents: '{{ pillar.greeting }}, {{ grains.service_sha }} {{ salt['environ.get']('OPS_SHA') }}'
service:
  file.managed:
    - name: {{ root }}/etc/service/www/run
    - source: salt://run
    - mode: '0755'
    - makedirs: true
    - require:
      - file: configuration
slow:
  cmd.run:
    - name: sleep 1.5
    - unless: test -e {{ root }}/etc/slow
";

/// A container, and what a build with these states makes of it.
fn build(container: &Container, states: &str) -> BuildRecord {
    let ops = archive(
        &[
            ("states/top.sls", TOP),
            ("states/www.sls", states),
            ("states/run", "#!/bin/sh\nexec sleep 600\n"),
            ("pillar/top.sls", &TOP.replace("- www\n", "- settings\n")),
            ("pillar/settings.sls", PILLAR),
        ],
        &[],
    );
    let service = archive(&[("main.py", "print(1)\n")], &[]);
    let operator = Operator::start([("/service?to=b", vec![service]), ("/ops?to=y", vec![ops])]);
    let with = json!({ "salt": { "program": salt::salt_call() } });
    let mut order = container.order(&operator.url, &with, 300);
    order["root"] = json!(container.at(""));
    order["output"] = json!(container.at("/out"));
    let output = container.agent("build", &order).output().unwrap();
    let asked = operator.asked();
    let record = container.read("/out/build.json");
    assert!(!record.is_empty(), "{asked:?} {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&record).unwrap()
}

fn failed(states: &str) -> (String, ProvisionRecord) {
    let container = Container::new();
    container.write("etc/slow", "it need not be slow here");
    let record = build(&container, states);
    assert_eq!(record.layer, None);
    (record.error.unwrap(), record.provision.unwrap())
}

#[test]
fn states_make_the_image_and_each_is_told() {
    let (first, second) = (Container::new(), Container::new());
    let record = build(&first, STATES);
    assert_eq!(record.error, None);
    assert_eq!(first.read("etc/www.conf"), "hello from the pillar, b y\n");
    let provision = record.provision.unwrap();
    assert_eq!((provision.states, provision.changed), (3, 3));
    let slowest = &provision.slowest[0];
    assert_eq!(
        (slowest.id.as_str(), slowest.function.as_str(), slowest.result),
        ("slow", "cmd.run", Some(true))
    );
    assert!(slowest.milliseconds >= 1500);
    assert_eq!(provision.failed, []);
    let digest = |record: &BuildRecord| record.layer.as_ref().unwrap().digest.clone();
    let once_more = build(&second, STATES);
    assert_eq!(digest(&once_more), record.layer.unwrap().digest, "the same commits make the same layer");
}

#[test]
fn a_state_that_fails_is_named_with_its_comment() {
    let states = STATES.replace("salt://run", "salt://not-there");
    let (error, provision) = failed(&states);
    assert!(
        error.starts_with("provisioning failed: 1 of 3 states failed, first service (file.managed):"),
        "{error}"
    );
    assert!(error.contains("salt://not-there"), "{error}");
    assert_eq!(provision.failed.len(), 1);
    assert_eq!(provision.failed[0].id, "service");
}

#[test]
fn a_mistake_in_a_state_file_is_told_with_its_place() {
    let (error, provision) = failed("configuration:\n  file.managed:\n    - name: [\n");
    assert!(error.contains("Rendering SLS 'base:www' failed"), "{error}");
    assert_eq!(provision.states, 0);
}
