//! `slipway sync --ops`, both ends of it, in a container that is up: its ops repository becomes the working tree, and its
//! provisioner runs.

#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

mod container;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use container::Container;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use slipway_agent::live::{LiveError, Provisioned, Sender, WorkingTree};
use slipway_cluster::{Cache, Progress};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_mins(1);

/// A fat container whose service writes its ID and what was provisioned when it started, and a working tree.
struct Fat {
    container: Container,
    work: TempDir,
    init: Child,
}

impl Drop for Fat {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.init.id().cast_signed()), Signal::SIGTERM);
        drop(self.init.wait());
    }
}

type Speaker = Sender<ChildStdout, ChildStdin>;

impl Fat {
    fn up() -> Self {
        let container = Container::new();
        container.write("var/lib/slipway/image.json", r#"{"service":"www","serviceSha":"b","opsSha":"y"}"#);
        container.write("srv/ops/provision.sh", "true");
        service(
            &container,
            "www",
            "cat $ROOT/etc/greeting > $ROOT/served\necho $$ > $ROOT/pid\nexec sleep 600",
        );
        let mut init = container.agent("init", &order(&container));
        init.env("PATH", format!("{}:{}", runit().display(), std::env::var("PATH").unwrap()));
        let init = init.spawn().unwrap();
        let fat = Self { container, work: tempfile::tempdir().unwrap(), init };
        fat.until("all services are up", || fat.container.at("/run/start.json").exists());
        fat
    }

    fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let until = Instant::now() + LIMIT;
        while !holds() {
            assert!(Instant::now() < until, "never: {what}; {}", self.container.read("/termination-log"));
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Our end.
    fn connect(&self) -> Result<Speaker, LiveError> {
        connect(self.init.id())
    }

    /// Mirrors this as the provisioner, and provisions.
    fn provisioned(&self, sender: &mut Speaker, script: &str) -> Provisioned {
        fs::write(self.work.path().join("provision.sh"), script).unwrap();
        let mut tree = WorkingTree::new(self.work.path()).unwrap();
        assert!(sender.sync(&mut tree).unwrap().is_equal);
        assert!(sender.reload_due);
        sender.provision().unwrap()
    }

    fn pid(&self) -> String {
        self.container.read("pid")
    }
}

/// A process of its own: whatever a provisioner leaves below its own process is ended.
fn connect(init: u32) -> Result<Speaker, LiveError> {
    let mut agent = Command::new(container::AGENT)
        .args(["sync-ops", &init.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (output, input) = (agent.stdout.take().unwrap(), agent.stdin.take().unwrap());
    // It ends with its input.
    thread::spawn(move || agent.wait());
    Sender::greet(output, input)
}

fn service(container: &Container, name: &str, script: &str) {
    let path = format!("etc/service/{name}/run");
    container.write(&path, &format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(container.at(&path), fs::Permissions::from_mode(0o755)).unwrap();
}

fn runit() -> PathBuf {
    Cache::open().unwrap().debian_package("runit", Progress::Quiet).unwrap().join("usr/bin")
}

fn order(container: &Container) -> Value {
    let root = format!("ROOT={}", container.at("").display());
    let command = json!({ "command": ["env", root, "sh", "-e", "provision.sh"] });
    let mut order = container.order("http://127.0.0.1:1", &command, 60);
    let bin = runit();
    order["runit"] = json!({
        "services": container.at("etc/service"), "runsvdir": bin.join("runsvdir"), "sv": bin.join("sv"),
        "settleSeconds": 1,
    });
    order["record"] = json!(container.at("/run/start.json"));
    order["checksSeconds"] = json!(10);
    order["graceSeconds"] = json!(10);
    order
}

const GREET: &str = "mkdir -p $ROOT/etc; echo hello > $ROOT/etc/greeting";

#[test]
fn what_is_in_the_working_tree_is_provisioned_and_the_services_start_with_it() {
    let fat = Fat::up();
    let before = fat.pid();
    let done = fat.provisioned(&mut fat.connect().unwrap(), GREET);
    assert_eq!((done.record.error.as_deref(), done.down.as_deref()), (None, None));
    assert_eq!(done.restarted, ["www"]);
    assert_eq!(fat.container.read("served"), "hello\n");
    assert_ne!(fat.pid(), before);
    assert!(!fat.connect().unwrap().reload_due, "nothing is left to do");
}

#[test]
fn a_provisioner_that_fails_is_told_and_what_runs_goes_on_until_it_is_mended() {
    let fat = Fat::up();
    let before = fat.pid();
    let mut sender = fat.connect().unwrap();
    let failed = fat.provisioned(&mut sender, &format!("{GREET}\necho it is broken\nexit 3"));
    let error = failed.record.error.unwrap();
    assert!(error.contains("code 3") && error.contains("it is broken"), "{error}");
    assert_eq!((failed.restarted.len(), fat.pid()), (0, before.clone()));
    assert!(!sender.reload_due, "the same is not tried again by itself");
    assert!(fat.connect().unwrap().reload_due, "a new connection knows of it");
    let mended = fat.provisioned(&mut sender, "true");
    assert_eq!(mended.restarted, ["www"], "what the failed run left counts");
    assert_eq!(fat.container.read("served"), "hello\n");
    assert_ne!(fat.pid(), before);
}

#[test]
fn a_service_that_is_new_comes_up_and_one_whose_watcher_lost_its_folder_is_reached() {
    let fat = Fat::up();
    let before = fat.pid();
    let script = "rm -r $ROOT/etc/service/www/supervise\nmkdir $ROOT/etc/service/new\n\
        printf '#!/bin/sh\\necho here > $ROOT/new\\nexec sleep 600\\n' > $ROOT/etc/service/new/run\n\
        chmod +x $ROOT/etc/service/new/run";
    let done = fat.provisioned(&mut fat.connect().unwrap(), script);
    assert_eq!((done.down.as_deref(), done.restarted), (None, vec!["new".to_owned(), "www".to_owned()]));
    assert_eq!(fat.container.read("new"), "here\n");
    assert_ne!(fat.pid(), before);
}

#[test]
fn a_service_that_does_not_come_up_with_it_is_named() {
    let fat = Fat::up();
    let script = "printf '#!/bin/sh\\nexit 1\\n' > $ROOT/etc/service/www/run";
    let done = fat.provisioned(&mut fat.connect().unwrap(), script);
    let down = done.down.clone().unwrap();
    assert!(down.contains("www") && !done.is_good(), "{down}");
    assert!(fat.connect().unwrap().reload_due);
}

#[test]
fn a_container_that_is_not_up_is_refused_and_so_is_one_that_is_none_of_ours() {
    let fat = Fat::up();
    fs::remove_file(fat.container.at("/run/start.json")).unwrap();
    let refused = fat.connect().map(drop).unwrap_err().to_string();
    assert!(refused.contains("www has not come up yet"), "{refused}");
    let refused = connect(std::process::id()).map(drop).unwrap_err().to_string();
    assert!(refused.contains("is not built by Slipway"), "{refused}");
}
