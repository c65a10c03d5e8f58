//! Salt from `PyPI`, in a folder of its own below `~/.cache/slipway`, made once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use slipway_agent::layer::sha256;

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// The program `salt-call`. Takes a minute or two the first time, and the network.
pub fn salt_call() -> PathBuf {
    let cache = Path::new(&std::env::var("HOME").unwrap()).join(".cache/slipway");
    fs::create_dir_all(&cache).unwrap();
    let digest = sha256(REQUIREMENTS.as_bytes());
    let folder = cache.join(format!("salt-{}", &digest[7..19]));
    let lock = File::create(cache.join("salt.lock")).unwrap();
    lock.lock().unwrap();
    if !folder.join("complete").exists() {
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        make(&folder, &cache.join("pip"));
        fs::write(folder.join("complete"), "").unwrap();
    }
    folder.join("bin/salt-call")
}

fn make(folder: &Path, downloads: &Path) {
    run(Command::new("python3").args(["-m", "venv"]).arg(folder));
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS).unwrap();
    let mut pip = Command::new(folder.join("bin/pip"));
    pip.args(["install", "--no-input", "--quiet", "--requirement"]).arg(requirements);
    run(pip.env("PIP_CACHE_DIR", downloads));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
