//! docker-registry, the real one, as Debian has it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use slipway_cluster::{Cache, Progress};
use tempfile::TempDir;

const UP_LIMIT: Duration = Duration::from_secs(30);
/// `fleet` with the password `right`.
const USERS: &str = "fleet:$2y$05$abcdefghijklmnopqrstuu8xaCxxL82bnl.UY74PMksDxIJShppPC\n";

/// Where a registry keeps its images, and the address that it has whenever it runs.
pub struct Place {
    folder: TempDir,
    pub address: String,
    wants_login: bool,
}

/// A registry that runs until it is dropped.
pub struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Place {
    /// One that serves everybody.
    pub fn open() -> Self {
        Self::new(false)
    }

    /// One that serves only `fleet`.
    pub fn private() -> Self {
        Self::new(true)
    }

    fn new(wants_login: bool) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { folder: tempfile::tempdir().unwrap(), address: free.to_string(), wants_login }
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Starts it, and waits until it answers.
    pub fn start(&self) -> Running {
        let running = self.starting();
        let until = Instant::now() + UP_LIMIT;
        while std::net::TcpStream::connect(&self.address).is_err() {
            assert!(Instant::now() < until, "docker-registry does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        running
    }

    fn starting(&self) -> Running {
        let mut config = json!({
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": self.folder.path().join("storage")}},
            "http": {"addr": self.address},
        });
        if self.wants_login {
            config["auth"] = json!({"htpasswd": {"realm": "fleet", "path": self.file("users", USERS)}});
        }
        let config = self.file("registry.json", &config.to_string());
        let child = Command::new(program())
            .arg("serve")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Running(child.unwrap())
    }

    /// Whether a name stands for an image, as the storage has it.
    pub fn has_tag(&self, repository: &str, tag: &str) -> bool {
        let repositories = self.folder.path().join("storage/docker/registry/v2/repositories");
        repositories.join(repository).join("_manifests/tags").join(tag).exists()
    }
}

fn program() -> PathBuf {
    let package = Cache::open().unwrap().debian_package("docker-registry", Progress::Quiet).unwrap();
    Path::new(&package).join("usr/bin/docker-registry")
}
