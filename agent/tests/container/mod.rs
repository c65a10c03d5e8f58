//! A folder that stands for a container, and the agent in it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

pub const AGENT: &str = env!("CARGO_BIN_EXE_slipway-agent");

/// A container.
pub struct Container {
    folder: TempDir,
}

impl Container {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), "secret\n").unwrap();
        fs::create_dir_all(folder.path().join("root/etc")).unwrap();
        Self { folder }
    }

    /// A path in the container, or with a leading slash one beside it, as of a volume.
    pub fn at(&self, path: &str) -> PathBuf {
        match path.strip_prefix('/') {
            Some(path) => self.folder.path().join(path),
            None => self.folder.path().join("root").join(path),
        }
    }

    pub fn write(&self, path: &str, content: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap_or_default()
    }

    /// What builds and starts have in common: www at commits `b` and `y`, provisioned by this, for this many seconds.
    pub fn order(&self, url: &str, with: &Value, seconds: u32) -> Value {
        json!({
            "identity": { "service": "www", "serviceSha": "b", "opsSha": "y" },
            "sources": { "url": url, "tokenFile": self.at("/token") },
            "folders": {
                "service": self.at("srv/www"), "ops": self.at("srv/ops"),
                "image": self.at("var/lib/slipway/image.json"), "scratch": self.at("/scratch"),
            },
            "provisioner": { "with": with, "timeoutSeconds": seconds },
            "newest": 2_000,
            "terminationLog": self.at("/termination-log"),
        })
    }

    /// The agent with a verb and its order.
    pub fn agent(&self, verb: &str, order: &Value) -> Command {
        let mut command = Command::new(AGENT);
        command.arg(verb).arg(order.to_string()).current_dir(self.folder.path());
        command.env("ROOT", self.at(""));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}
