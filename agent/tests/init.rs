//! The start of a fat container, with Debian's runit.

#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

mod container;
mod operator;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use container::Container;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use operator::{Operator, archive};
use serde_json::{Value, json};
use slipway_agent::StartRecord;
use slipway_cluster::{Cache, Progress};

const UP_LIMIT: Duration = Duration::from_mins(1);

/// runit as Debian has it, unpacked and not installed.
fn runit() -> PathBuf {
    Cache::open().unwrap().debian_package("runit", Progress::Quiet).unwrap().join("usr/bin")
}

/// A container of www at the wanted commits, with these scripts as services.
fn container(services: &[(&str, &str)]) -> Container {
    let container = Container::new();
    container.write("var/lib/slipway/image.json", r#"{"service":"www","serviceSha":"b","opsSha":"y"}"#);
    for (path, script) in services {
        let path = format!("etc/service/{path}");
        container.write(&path, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(container.at(&path), fs::Permissions::from_mode(0o755)).unwrap();
    }
    container
}

fn order(container: &Container, url: &str) -> Value {
    let mut order = container.order(url, &json!({ "command": ["sh", "provision.sh"] }), 60);
    let bin = runit();
    order["runit"] = json!({
        "services": container.at("etc/service"), "runsvdir": bin.join("runsvdir"), "sv": bin.join("sv"),
        "settleSeconds": 1,
    });
    order["record"] = json!(container.at("/run/start.json"));
    order["checksSeconds"] = json!(20);
    order["graceSeconds"] = json!(10);
    order
}

fn agent(container: &Container, order: &Value) -> Command {
    let mut agent = container.agent("init", order);
    agent.env("PATH", format!("{}:{}", runit().display(), std::env::var("PATH").unwrap()));
    agent
}

const NOWHERE: &str = "http://127.0.0.1:1";

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + UP_LIMIT;
    while !holds() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn record(container: &Container) -> StartRecord {
    serde_json::from_str(&container.read("/run/start.json")).unwrap()
}

/// The agent, once all services are up.
fn up(container: &Container, command: &mut Command) -> Child {
    let mut child = command.spawn().unwrap();
    until("all services are up", || {
        let ended = child.try_wait().unwrap();
        assert_eq!(ended, None, "{}", container.read("/termination-log"));
        container.at("/run/start.json").exists()
    });
    child
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
}

fn lives(pid: &str) -> bool {
    Path::new("/proc").join(pid.trim()).exists()
}

const SERVE: &str = "exec 2>&1\necho $$ > $ROOT/pid\necho $SERVICE_SHA $OPS_SHA > $ROOT/env\n\
    trap 'echo ended > $ROOT/ended; exit 0' TERM\ntrap 'echo hup > $ROOT/hup' HUP\n\
    while :; do sleep 0.05; done";

#[test]
fn services_come_up_and_end_cleanly_when_told_to() {
    let container = container(&[
        ("www/run", SERVE),
        ("www/check", "test -e $ROOT/pid"),
        ("helper/run", "exec sleep 600"),
    ]);
    let mut child = up(&container, &mut agent(&container, &order(&container, NOWHERE)));
    let steps: Vec<_> = record(&container).steps.into_iter().map(|step| step.name).collect();
    assert_eq!(steps, ["checks"], "an image of the wanted commits needs nothing else");
    let pid = container.read("pid");
    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(container.read("ended"), "ended\n");
    assert!(!lives(&pid));
}

#[test]
fn a_signal_that_asks_for_something_else_reaches_the_services() {
    let container = container(&[("www/run", SERVE)]);
    let mut child = up(&container, &mut agent(&container, &order(&container, NOWHERE)));
    signal(&child, Signal::SIGHUP);
    until("the service got SIGHUP", || container.at("hup").exists());
    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_service_that_does_not_end_is_ended() {
    let container =
        container(&[("www/run", "echo $$ > $ROOT/pid\ntrap '' TERM\nwhile :; do sleep 0.05; done")]);
    let mut order = order(&container, NOWHERE);
    order["graceSeconds"] = json!(1);
    let mut child = up(&container, &mut agent(&container, &order));
    let pid = container.read("pid");
    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!lives(&pid));
}

/// A start that fails, and why.
fn failed(container: &Container, order: &Value) -> (Output, String) {
    let output = agent(container, order).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let reason = container.read("/termination-log");
    assert_eq!(record(container).error.as_deref(), Some(reason.as_str()));
    (output, reason)
}

#[test]
fn a_check_that_does_not_pass_ends_the_container_with_its_words() {
    let container = container(&[("www/run", SERVE), ("www/check", "echo 'port 80 is closed' >&2; exit 1")]);
    let mut order = order(&container, NOWHERE);
    order["checksSeconds"] = json!(3);
    assert_eq!(failed(&container, &order).1, "the check of www does not pass: port 80 is closed");
    assert_eq!(container.read("ended"), "ended\n", "what did come up is stopped as ever");
}

#[test]
fn a_service_that_ends_again_and_again_ends_the_container() {
    let container = container(&[("www/run", "exit 1"), ("helper/run", "exec sleep 600")]);
    let mut order = order(&container, NOWHERE);
    // On a busy machine even a process that ends at once can live for a second.
    order["runit"]["settleSeconds"] = json!(8);
    let (_, reason) = failed(&container, &order);
    assert!(reason.starts_with("www "), "{reason}");
}

#[test]
fn a_container_without_services_says_what_is_missing() {
    let container = Container::new();
    fs::create_dir_all(container.at("etc/service")).unwrap();
    container.write("var/lib/slipway/image.json", r#"{"service":"www","serviceSha":"b","opsSha":"y"}"#);
    let (_, reason) = failed(&container, &order(&container, NOWHERE));
    assert!(reason.contains("let a state put one there"), "{reason}");
}

#[test]
fn a_service_that_is_meant_to_be_down_stays_down() {
    let container = container(&[("www/run", SERVE), ("debug/run", "touch $ROOT/debug"), ("debug/down", "")]);
    let mut child = up(&container, &mut agent(&container, &order(&container, NOWHERE)));
    assert!(!container.at("debug").exists());
    signal(&child, Signal::SIGTERM);
    child.wait().unwrap();
}

#[test]
fn an_older_image_is_brought_to_the_wanted_commits_before_its_services_start() {
    let container = container(&[("www/run", SERVE)]);
    container.write("var/lib/slipway/image.json", r#"{"service":"www","serviceSha":"b","opsSha":"x"}"#);
    container.write("srv/ops/provision.sh", "exit 1");
    let ops = archive(&[("provision.sh", "test ! -e $ROOT/pid && echo $OPS_SHA > $ROOT/etc/ops")], &[]);
    let operator = Operator::start([("/ops?to=y&from=x", vec![ops])]);
    let mut child = up(&container, &mut agent(&container, &order(&container, &operator.url)));
    assert_eq!((container.read("etc/ops").as_str(), container.read("env").as_str()), ("y\n", "b y\n"));
    let record = record(&container);
    let steps: Vec<_> = record.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(steps, ["fetch", "provision", "checks"]);
    assert_eq!(record.image.unwrap().ops_sha, "x");
    assert_eq!(operator.asked(), ["/ops?to=y&from=x secret"]);
    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_operator_is_told_how_a_start_went() {
    let container = container(&[("www/run", SERVE)]);
    let operator = Operator::start([("/starts", vec![(503, b"not yet".to_vec()), (200, Vec::new())])]);
    let mut order = order(&container, NOWHERE);
    order["report"] =
        json!({ "url": format!("{}/starts", operator.url), "tokenFile": container.at("/token") });
    let mut child = up(&container, &mut agent(&container, &order));
    let mut told = Vec::new();
    until("it is told until it is taken", || {
        told.extend(operator.asked());
        told.len() == 2
    });
    let text = told[1].strip_prefix("/starts secret ").unwrap();
    let record: StartRecord = serde_json::from_str(text).unwrap();
    assert_eq!((record.identity.service.as_str(), record.error), ("www", None));
    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_operator_is_told_why_a_start_failed() {
    let container = container(&[("www/run", SERVE), ("www/check", "echo 'port 80 is closed' >&2; exit 1")]);
    let operator = Operator::start([("/starts", vec![(200, Vec::new())])]);
    let mut order = order(&container, NOWHERE);
    order["checksSeconds"] = json!(3);
    order["report"] =
        json!({ "url": format!("{}/starts", operator.url), "tokenFile": container.at("/token") });
    let (_, reason) = failed(&container, &order);
    let told = operator.asked();
    assert_eq!(told.len(), 1);
    let record: StartRecord = serde_json::from_str(told[0].strip_prefix("/starts secret ").unwrap()).unwrap();
    assert_eq!(record.error, Some(reason));
}

#[test]
fn a_role_with_a_command_runs_that_instead_of_the_services() {
    let container = container(&[("www/run", SERVE)]);
    container.write("srv/www/worker", "echo $SERVICE_SHA > $ROOT/worked; exec sleep 600");
    let mut order = order(&container, NOWHERE);
    order["instead"] = json!({ "service": "exec sh ./worker" });
    let mut child = up(&container, &mut agent(&container, &order));
    until("the command runs", || container.read("worked") == "b\n");
    assert!(!container.at("pid").exists(), "the image's own service does not run");
    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_command_that_runs_once_ends_the_container_with_its_code() {
    let container = container(&[("www/run", SERVE)]);
    container.write("srv/www/nightly", "exit 7");
    let mut order = order(&container, NOWHERE);
    order["instead"] = json!({ "once": "sh ./nightly" });
    assert_eq!(agent(&container, &order).output().unwrap().status.code(), Some(7));
}

#[test]
fn a_probe_learns_whether_all_is_up() {
    let container = Container::new();
    let started = || {
        let mut probe = Command::new(container::AGENT);
        probe.arg("started").arg(container.at("/run/start.json")).status().unwrap().success()
    };
    assert!(!started(), "there is no record yet");
    let identity = json!({ "service": "www", "serviceSha": "b", "opsSha": "y" });
    let record = |error: Value| json!({ "identity": identity, "steps": [], "error": error }).to_string();
    container.write("/run/start.json", &record(json!("no space")));
    assert!(!started(), "it says that it failed");
    container.write("/run/start.json", &record(Value::Null));
    assert!(started());
}

#[test]
fn services_do_not_start_on_a_difference_that_fails() {
    let container = container(&[("www/run", SERVE)]);
    container.write("var/lib/slipway/image.json", r#"{"service":"www","serviceSha":"a","opsSha":"y"}"#);
    container.write("srv/ops/provision.sh", "echo 'no such package' >&2; exit 4");
    let service = archive(&[("main.py", "new")], &[]);
    let operator = Operator::start([("/service?to=b&from=a", vec![service])]);
    let (_, reason) = failed(&container, &order(&container, &operator.url));
    assert_eq!(reason, "provisioning failed: sh ended with code 4: no such package");
    assert!(!container.at("pid").exists());
}

#[test]
fn as_the_first_process_it_buries_orphans_and_nothing_is_left_when_it_ends() {
    let orphan = "sh -c 'sleep 0.2 & echo $! > $ROOT/orphan'\n";
    let container = container(&[("www/run", &format!("{orphan}{SERVE}"))]);
    // The orphan's folder in /proc, as the container sees it, is there until somebody has waited for it.
    let check = "test ! -d /proc/$(cat $ROOT/orphan)";
    container.write("etc/service/www/check", &format!("#!/bin/sh\n{check}\n"));
    fs::set_permissions(container.at("etc/service/www/check"), fs::Permissions::from_mode(0o755)).unwrap();
    let inside = agent(&container, &order(&container, NOWHERE));
    let mut outside = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        outside.args(["--user", "--map-root-user"]);
    }
    outside
        .args(["--pid", "--fork", "--mount-proc", "--kill-child"])
        .arg(inside.get_program())
        .args(inside.get_args());
    outside.envs(inside.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut child = up(&container, &mut outside);
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let first: i32 = fs::read_to_string(children).unwrap().trim().parse().unwrap();
    kill(Pid::from_raw(first), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(container.read("ended"), "ended\n");
}
