//! Fat containers on real parts: the demo's base image, ops repository and services, salt, runit, and the static agent, with the
//! default capabilities of a container. Needs root.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its setup fails")]

mod container;
mod files;
mod ground;
mod operator;
mod stage;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use slipway_agent::BuildRecord;
use slipway_demo::{Change, TRUNK};
use stage::{Parts, Stage};

const WWW: ([u8; 4], u16) = ([127, 0, 0, 1], 80);
const METRICS: ([u8; 4], u16) = ([127, 0, 0, 1], 9125);

fn get(address: ([u8; 4], u16), path: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(slipway_demo::get(address.into(), path)).unwrap()
}

fn digest(record: &BuildRecord) -> &str {
    &record.layer.as_ref().unwrap().digest
}

#[test]
fn a_service_is_built_twice_alike_and_runs_with_its_daemons_under_runit() {
    let parts = Parts::gather();
    ground::on_own_ground(|folder| {
        let stage = Stage::set(folder, &parts, "www");
        let commits = stage.heads();
        let first = stage.build(&stage.base(), "first", &commits);
        let second = stage.build(&stage.base(), "second", &commits);
        assert_eq!(digest(&first.record), digest(&second.record), "one identity, one digest");
        let provision = first.record.provision.unwrap();
        assert_eq!((provision.failed, provision.states), (vec![], provision.changed));

        let running = stage.start(&first.files, "running", &commits);
        let steps: Vec<_> = running.record.steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(steps, ["checks"], "its image is of the wanted commits");
        assert_eq!(get(WWW, "/services/ping"), "pong\n");
        assert!(get(WWW, "/assets/style.css").contains("font"));
        let metrics = get(WWW, "/services/metrics");
        for process in ["app", "metrics", "nginx"] {
            assert!(metrics.contains(&format!("fleet_process_up{{process=\"{process}\"}} 1")), "{metrics}");
        }
        assert!(metrics.contains(&format!("service_sha=\"{}\"", commits.code)), "{metrics}");
        until("nginx's requests are counted", || {
            get(WWW, "/services/metrics").contains("fleet_www_requests_200_total")
        });
        assert_eq!(running.stop(), Some(0));
    });
}

#[test]
fn a_change_of_the_ops_repository_arrives_as_a_difference() {
    let parts = Parts::gather();
    ground::on_own_ground(|folder| {
        let stage = Stage::set(folder, &parts, "ats");
        let before = stage.heads();
        let old = stage.build(&stage.base(), "old", &before);
        assert_eq!(stage.operator.asked().len(), 2);
        let pillar = Change::write("pillar/fleet.sls", "metrics: {port: 9125, statsd: 8125, prefix: crew}\n");
        let helper = Change::remove("README.md");
        let mut wanted = before.clone();
        wanted.ops = stage.ops.commit(TRUNK, "Another prefix", &[pillar, helper]).unwrap();

        let running = stage.start(&old.files, "running", &wanted);
        let steps: Vec<_> = running.record.steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(steps, ["fetch", "provision", "checks"]);
        assert_eq!(stage.operator.asked(), [format!("/ops?to={}&from={}", wanted.ops, before.ops)]);
        assert!(get(METRICS, "/metrics").contains("crew_process_up{process=\"app\"} 1"));
        assert!(get(WWW, "/places/castle").contains("castle"), "the app answers, too");
        assert_eq!(running.stop(), Some(0));

        let full = stage.build(&stage.base(), "full", &wanted);
        let on_ancestor = stage.build(&old.files, "on-ancestor", &wanted);
        assert_eq!(on_ancestor.record.parent.unwrap().ops_sha, before.ops);
        assert_eq!(files::differing(&full.files, &on_ancestor.files), Vec::<String>::new());
    });
}

#[test]
fn a_container_has_the_default_capabilities_and_sees_only_itself() {
    ground::on_own_ground(|_| {
        let script = "grep CapEff /proc/self/status; ls -d /proc/[0-9]* | wc -l";
        let output = container::contained(Path::new("/"), &["sh", "-c", script]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(told.contains("CapEff:\t00000000a80425fb"), "{told}");
        let processes: u32 = told.lines().last().unwrap().trim().parse().unwrap();
        assert!(processes < 6, "{told}");
    });
}

/// Started by the test below, which kills it.
#[test]
#[ignore = "it ends when it is killed"]
fn the_one_that_is_killed() {
    ground::on_own_ground(|_| {
        let mut inside = container::contained(Path::new("/"), &["sleep", "600"]).spawn().unwrap();
        println!("net {}", network(std::process::id()));
        inside.wait().unwrap();
    });
}

#[test]
fn nothing_is_left_of_a_container_whose_test_is_killed() {
    let me = std::env::current_exe().unwrap();
    let words = ["--exact", "the_one_that_is_killed", "--ignored", "--nocapture"];
    let mut victim = Command::new(me).args(words).stdout(Stdio::null()).spawn().unwrap();
    let mine = network(std::process::id());
    let theirs = || below(victim.id()).into_iter().find(|process| name(*process) == "sleep");
    until("its container runs", || theirs().is_some());
    let theirs = network(theirs().unwrap());
    assert_ne!(mine, theirs, "it has a network of its own");
    victim.kill().unwrap();
    victim.wait().unwrap();
    until("nobody is on its ground", || processes().into_iter().all(|process| network(process) != theirs));
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn processes() -> Vec<u32> {
    let names = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok).map(|entry| entry.file_name());
    names.filter_map(|name| name.to_str()?.parse().ok()).collect()
}

/// A process and all below it.
fn below(process: u32) -> Vec<u32> {
    let children: String = std::fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
        .collect();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    std::iter::once(process).chain(children.flat_map(below)).collect()
}

fn name(process: u32) -> String {
    std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default().trim().to_owned()
}

/// The network namespace of a process; nothing when it is gone.
fn network(process: u32) -> String {
    let link = std::fs::read_link(format!("/proc/{process}/ns/net")).unwrap_or_default();
    link.display().to_string()
}
