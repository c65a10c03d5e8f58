//! A build, from the sources to the layer.

#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

mod container;
mod listing;
mod operator;

use std::fs::{self, File};
use std::path::Path;
use std::process::Output;

use container::Container;
use listing::listing;
use operator::{Answer, Operator, archive};
use serde_json::{Value, json};
use slipway_agent::BuildRecord;
use slipway_agent::layer::{Accepted, Limits, apply};

const PROVISION: &str = "set -e\n\
    echo \"$SERVICE $SERVICE_SHA $OPS_SHA\" > $ROOT/etc/app.conf\n\
    mkdir -p $ROOT/var/log/app && date +%N > $ROOT/var/log/app/log\n\
    rm -f $ROOT/etc/old; ln -sf app.conf $ROOT/etc/link; echo provisioned\n";

fn all() -> Operator {
    Operator::start(sources())
}

fn sources() -> [(&'static str, Vec<Answer>); 2] {
    let service = archive(&[("app/main.py", "print(1)\n"), ("start", "#!/bin/sh\n")], &[]);
    let ops = archive(&[("provision.sh", PROVISION)], &[]);
    [("/service?to=b", vec![service]), ("/ops?to=y", vec![ops])]
}

fn base() -> Container {
    let container = Container::new();
    container.write("etc/old", "of the base");
    container.write("etc/kept", "of the base");
    container
}

fn order(container: &Container, operator: &Operator, words: &[&str]) -> Value {
    let mut order = container.order(&operator.url, &json!({ "command": words }), 60);
    order["root"] = json!(container.at(""));
    order["output"] = json!(container.at("/out"));
    order
}

fn build(container: &Container, order: &Value) -> (Output, BuildRecord) {
    let output = container.agent("build", order).output().unwrap();
    let record = serde_json::from_str(&container.read("/out/build.json"));
    (output, record.unwrap())
}

/// A build that has to succeed.
fn built(container: &Container, operator: &Operator) -> BuildRecord {
    let (output, record) = build(container, &order(container, operator, &["sh", "provision.sh"]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    record
}

fn unpack(layer: &Path, over: &Path) {
    apply(File::open(layer).unwrap(), over, Accepted::Everything, Limits::default()).unwrap();
}

#[test]
fn the_layer_on_the_base_is_what_provisioning_left() {
    let (container, operator) = (base(), all());
    let record = built(&container, &operator);
    assert_eq!(operator.asked(), ["/service?to=b secret", "/ops?to=y secret"]);
    assert_eq!(container.read("etc/app.conf"), "www b y\n");
    let image = base();
    unpack(&container.at("/out/layer.tar.gz"), &image.at(""));
    assert_eq!(fs::read_dir(image.at("var/log/app")).unwrap().count(), 0, "a folder for logs, and no log");
    fs::remove_file(container.at("var/log/app/log")).unwrap();
    let names = |container: &Container| -> Vec<String> {
        let lines = listing(&container.at(""));
        lines.iter().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
    };
    assert_eq!(names(&image), names(&container));
    assert!(!image.at("etc/old").exists() && image.at("etc/kept").exists());
    let steps: Vec<_> = record.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(steps, ["base", "fetch", "provision", "look", "commit"]);
    assert_eq!(record.provision.unwrap().log, "provisioned\n");
}

#[test]
fn the_record_names_the_layer_as_a_registry_does() {
    use slipway_agent::layer::sha256;
    let (container, operator) = (base(), all());
    let layer = built(&container, &operator).layer.unwrap();
    let bytes = fs::read(container.at("/out/layer.tar.gz")).unwrap();
    assert_eq!((layer.digest, layer.size), (sha256(&bytes), bytes.len() as u64));
    let mut archive = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes.as_slice()), &mut archive).unwrap();
    assert_eq!(layer.diff_id, sha256(&archive));
}

#[test]
fn two_builds_of_one_identity_have_one_digest() {
    let operator = all();
    let digest = || built(&base(), &operator).layer.unwrap().digest;
    assert_eq!(digest(), digest());
}

#[test]
fn on_the_image_of_an_older_commit_only_the_difference_is_fetched() {
    let container = base();
    container.write("var/lib/slipway/image.json", r#"{"service":"www","serviceSha":"a","opsSha":"y"}"#);
    container.write("srv/www/gone.py", "old");
    container.write("srv/www/stays.py", "old");
    container.write("srv/ops/provision.sh", PROVISION);
    let delta = archive(&[("new.py", "new")], &["gone.py"]);
    let operator = Operator::start([("/service?to=b&from=a", vec![delta])]);
    let record = built(&container, &operator);
    assert_eq!(operator.asked(), ["/service?to=b&from=a secret"]);
    assert!(!container.at("srv/www/gone.py").exists() && container.at("srv/www/stays.py").exists());
    assert_eq!(
        container.read("var/lib/slipway/image.json"),
        r#"{"service":"www","serviceSha":"b","opsSha":"y"}"#
    );
    assert_eq!(record.parent.unwrap().service_sha, "a");
}

#[test]
fn when_there_is_nothing_to_start_from_the_whole_is_asked_for() {
    let container = base();
    container.write("var/lib/slipway/image.json", r#"{"service":"www","serviceSha":"a","opsSha":"y"}"#);
    container.write("srv/www/gone.py", "old");
    container.write("srv/ops/provision.sh", PROVISION);
    let whole = archive(&[("new.py", "new")], &[]);
    let pushed_over = (409, b"commit a is not in the history".to_vec());
    let operator =
        Operator::start([("/service?to=b&from=a", vec![pushed_over]), ("/service?to=b", vec![whole])]);
    built(&container, &operator);
    assert_eq!(operator.asked(), ["/service?to=b&from=a secret", "/service?to=b secret"]);
    assert!(!container.at("srv/www/gone.py").exists() && container.at("srv/www/new.py").exists());
}

#[test]
fn what_broke_off_is_asked_for_again() {
    let [(service, answers), ops] = sources();
    let whole = answers[0].clone();
    let cut = (200, whole.1[..whole.1.len() / 2].to_vec());
    let busy = (503, b"starting".to_vec());
    let operator = Operator::start([(service, vec![busy, cut, whole]), ops]);
    let container = base();
    built(&container, &operator);
    assert_eq!(operator.asked().len(), 4);
    assert_eq!(container.read("srv/www/app/main.py"), "print(1)\n");
}

fn failed(words: &[&str], operator: &Operator) -> (Container, BuildRecord) {
    let container = base();
    let mut order = order(&container, operator, words);
    order["provisioner"]["timeoutSeconds"] = json!(2);
    let (output, record) = build(&container, &order);
    assert_eq!(output.status.code(), Some(1));
    assert!(!container.at("/out/layer.tar.gz").exists(), "no layer under a good name");
    assert_eq!(record.error.as_deref(), Some(container.read("/termination-log").as_str()));
    (container, record)
}

#[test]
fn a_commit_that_the_operator_does_not_have_fails_at_once() {
    let operator = Operator::start([]);
    let (_, record) = failed(&["true"], &operator);
    let error = record.error.unwrap();
    assert_eq!(error, "the operator does not give the service repository at b: 404 no such commit");
    assert_eq!(operator.asked().len(), 1);
}

#[test]
fn a_command_that_fails_is_told_by_its_last_words() {
    let (container, record) = failed(&["sh", "-c", "echo first; echo no space >&2; exit 3"], &all());
    assert_eq!(record.error.unwrap(), "provisioning failed: sh ended with code 3: no space");
    assert!(!container.at("var/lib/slipway/image.json").exists(), "it is no image of these commits");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let error = failed(&["/no/such/program"], &all()).1.error.unwrap();
    assert!(error.starts_with("cannot start /no/such/program; is it in the base image?"), "{error}");
}

#[test]
fn what_hangs_is_ended_with_all_that_it_started() {
    let script = "setsid sleep 600 & echo $! > $ROOT/daemon; trap '' TERM; sleep 600; sleep 600";
    let (container, record) = failed(&["sh", "-c", script], &all());
    assert_eq!(record.error.unwrap(), "provisioning failed: it did not end within 2 s, and was ended");
    assert!(record.provision.unwrap().left_running >= 1);
    let daemon = container.read("daemon");
    assert!(!Path::new("/proc").join(daemon.trim()).exists(), "{daemon}");
}

#[test]
fn more_output_than_anybody_reads_is_cut() {
    let script = "head -c 3000000 /dev/zero | tr '\\0' x; exit 1";
    let provision = failed(&["sh", "-c", script], &all()).1.provision.unwrap();
    assert_eq!((provision.log.len(), provision.log_cut), (64 * 1024, 3_000_000 - 64 * 1024));
}

#[test]
fn a_hostile_name_in_the_tree_is_refused_by_name() {
    let script = "touch \"$ROOT/etc/.wh.hosts\"";
    let error = failed(&["sh", "-c", script], &all()).1.error.unwrap();
    assert!(error.contains("etc/.wh.hosts cannot be in an image's layer"), "{error}");
}

#[test]
fn an_order_that_is_none_is_told_before_anything_runs() {
    let container = Container::new();
    let mut order = order(&container, &Operator::start([]), &["true"]);
    order["unknown"] = json!(1);
    let output = container.agent("build", &order).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8(output.stderr).unwrap().contains("unknown field `unknown`"));
}
