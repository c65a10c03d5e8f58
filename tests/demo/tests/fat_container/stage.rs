//! What the tests stand on: the base image unpacked, the demo's repositories, and an operator that serves them.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use slipway_agent::layer::{Accepted, Limits, apply};
use slipway_agent::{BuildRecord, StartRecord, StepRecord};
use slipway_demo::{DemoFleet, FatBase, OPS, Program, Repositories, Repository, Sources};

use crate::container::Container;
use crate::operator::Operator;

/// No file of a layer is younger.
const NEWEST: i64 = 1_500_000_000;
const UP_LIMIT: Duration = Duration::from_mins(3);

/// What is there before any ground is: files of this machine.
pub struct Parts {
    base: FatBase,
    agent: Vec<u8>,
    sources: Sources,
}

impl Parts {
    pub fn gather() -> Self {
        let sources = Sources::of_this_checkout().unwrap();
        let base = FatBase::prepare(&sources).unwrap();
        let agent = fs::read(Program::Agent.path().unwrap()).unwrap();
        Self { base, agent, sources }
    }
}

/// One service and its two repositories.
pub struct Stage {
    folder: PathBuf,
    agent: Vec<u8>,
    service: String,
    pub code: Repository,
    pub ops: Repository,
    pub operator: Operator,
}

/// A built image: what the build said, and all its files.
pub struct Built {
    pub record: BuildRecord,
    pub files: PathBuf,
}

/// Commits of both repositories.
#[derive(Clone)]
pub struct Commits {
    pub code: String,
    pub ops: String,
}

impl Stage {
    pub fn set(folder: &Path, parts: &Parts, service: &str) -> Self {
        parts.base.unpack(&folder.join("base")).unwrap();
        let repositories =
            Repositories::create(&parts.sources, &folder.join("git"), DemoFleet::Built).unwrap();
        let (code, ops) = (repositories.repository(service), repositories.repository(OPS));
        let operator = Operator::start(code.path(), ops.path());
        let agent = parts.agent.clone();
        Self { folder: folder.to_owned(), agent, service: service.to_owned(), code, ops, operator }
    }

    /// The branch without images, and the ops trunk.
    pub fn heads(&self) -> Commits {
        let head = |repository: &Repository, branch: &str| repository.head(branch).unwrap().unwrap();
        Commits { code: head(&self.code, slipway_demo::TRUNK), ops: head(&self.ops, slipway_demo::TRUNK) }
    }

    /// The unpacked base image.
    pub fn base(&self) -> PathBuf {
        self.folder.join("base")
    }

    /// A container over these files.
    pub fn container(&self, image: &Path, name: &str) -> Container {
        Container::over(image, &self.folder.join(name), &self.agent)
    }

    fn order(&self, commits: &Commits) -> Value {
        json!({
            "identity": { "service": self.service, "serviceSha": commits.code, "opsSha": commits.ops },
            "sources": { "url": self.operator.url, "tokenFile": "/slipway/token" },
            "provisioner": { "with": { "salt": {} }, "timeoutSeconds": 300 },
            "newest": NEWEST,
        })
    }

    /// Builds in a container over an image.
    pub fn build(&self, image: &Path, name: &str, commits: &Commits) -> Built {
        let container = self.container(image, name);
        container.furnish();
        let mut order = self.order(commits);
        order["output"] = json!("/slipway/out");
        let words = ["/slipway/slipway-agent", "build", &order.to_string()];
        let output = container.command(&words).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let record: BuildRecord =
            serde_json::from_slice(&fs::read(container.volume("out/build.json")).unwrap()).unwrap();
        tell(&format!("build {name}"), &record.steps);
        let made = self.container(image, &format!("{name}-image"));
        let layer = File::open(container.volume("out/layer.tar.gz")).unwrap();
        apply(layer, &made.root(), Accepted::Everything, Limits::default()).unwrap();
        Built { record, files: made.root() }
    }

    /// Starts the services of an image, and returns when they are up.
    pub fn start(&self, image: &Path, name: &str, commits: &Commits) -> Running {
        let container = self.container(image, name);
        container.furnish();
        let mut order = self.order(commits);
        order["record"] = json!("/slipway/start.json");
        let words = ["/slipway/slipway-agent", "init", &order.to_string()];
        let mut process = container.command(&words).spawn().unwrap();
        let record = container.volume("start.json");
        let until = Instant::now() + UP_LIMIT;
        while !record.exists() && process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "it does not come up: {}", last_words(&mut process));
            std::thread::sleep(Duration::from_millis(50));
        }
        let record: StartRecord = serde_json::from_slice(&fs::read(record).unwrap_or_default()).unwrap();
        assert_eq!(record.error, None, "{}", last_words(&mut process));
        tell(&format!("start {name}"), &record.steps);
        Running { process, record }
    }
}

fn tell(what: &str, steps: &[StepRecord]) {
    let steps: Vec<_> = steps.iter().map(|step| format!("{} {} ms", step.name, step.milliseconds)).collect();
    println!("{what}: {}", steps.join(", "));
}

/// Ends it and gives what it wrote.
fn last_words(process: &mut Child) -> String {
    let _ = process.kill();
    let mut text = String::new();
    if let Some(mut errors) = process.stderr.take() {
        let _ = errors.read_to_string(&mut text);
    }
    text
}

/// A container whose services are up.
pub struct Running {
    process: Child,
    pub record: StartRecord,
}

impl Running {
    /// Tells it to end, as the kubelet does; its code.
    pub fn stop(mut self) -> Option<i32> {
        let children = format!("/proc/{0}/task/{0}/children", self.process.id());
        let first = fs::read_to_string(children).unwrap();
        let first = first.split_whitespace().next().unwrap().parse().unwrap();
        kill(Pid::from_raw(first), Signal::SIGTERM).unwrap();
        self.process.wait().unwrap().code()
    }
}
