//! Salt from PyPI as a folder: the program `salt-call`, and `lib` beside it. It runs wherever there is a Python of the version
//! it was fetched for; nothing is installed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Cache, digest};
use crate::command::run;
use crate::error::{Error, Result};
use crate::progress::Progress;

const REQUIREMENTS: &str = include_str!("salt/requirements.txt");
const PROGRAM: &str = include_str!("salt/salt-call");

/// By what a folder is known: all that it is made of.
pub(super) fn key(python: &str) -> String {
    format!("{python}-{}", digest(&format!("{REQUIREMENTS}{PROGRAM}")))
}

/// The folder for this version of Python, fetched when it is not there yet. It appears only once it is complete.
pub(super) fn make_missing(cache: &Cache, python: &str, progress: Progress) -> Result<PathBuf> {
    let folder = cache.root.join(format!("salt-{}", key(python)));
    if folder.is_dir() {
        return Ok(folder);
    }
    let step = progress.step("salt from PyPI");
    let scratch = cache.root.join(".salt");
    if scratch.exists() {
        // Of a download that was killed.
        fs::remove_dir_all(&scratch).map_err(Error::file("remove", &scratch))?;
    }
    let made = scratch.join("made");
    fs::create_dir_all(&made).map_err(Error::file("create", &made))?;
    fetch(&scratch, &made.join("lib"), python, &cache.root.join("pip"))?;
    forget_this_machine(&made.join("lib"))?;
    write_program(&made.join("salt-call"))?;
    fs::rename(&made, &folder).map_err(Error::file("create", &folder))?;
    fs::remove_dir_all(&scratch).map_err(Error::file("remove", &scratch))?;
    step.done();
    Ok(folder)
}

/// Salt itself is on PyPI as source only, and is made into a wheel first; all else are wheels for the wanted Python and for
/// any Linux since 2018.
fn fetch(scratch: &Path, lib: &Path, python: &str, downloads: &Path) -> Result<()> {
    let (tools, wheels, requirements) =
        (scratch.join("tools"), scratch.join("wheels"), scratch.join("requirements.txt"));
    fs::write(&requirements, REQUIREMENTS).map_err(Error::file("write", &requirements))?;
    run(Command::new("python3").args(["-m", "venv"]).arg(&tools))?;
    let pip = |verb: &str| {
        let mut pip = Command::new(tools.join("bin/pip"));
        pip.env("PIP_CACHE_DIR", downloads).args([verb, "--quiet", "--no-input", "--no-deps"]);
        pip
    };
    let salt = REQUIREMENTS.lines().find(|line| line.starts_with("salt=="));
    run(pip("wheel").arg("--wheel-dir").arg(&wheels).args(salt))?;
    let mut install = pip("install");
    install.arg("--target").arg(lib).arg("--find-links").arg(&wheels).arg("--requirement").arg(requirements);
    install.args(["--no-compile", "--only-binary=:all:", "--implementation=cp", "--python-version", python]);
    for platform in ["manylinux2014", "manylinux_2_28"] {
        install.args(["--platform", &format!("{platform}_{}", std::env::consts::ARCH)]);
    }
    run(&mut install).map(drop)
}

/// Programs and lists of files name the Python that fetched them, and would differ from machine to machine.
fn forget_this_machine(lib: &Path) -> Result<()> {
    for folder in ["bin", "share"].map(|name| lib.join(name)) {
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(Error::file("remove", &folder))?;
        }
    }
    for entry in fs::read_dir(lib).map_err(Error::file("list", lib))? {
        let list = entry.map_err(Error::file("list", lib))?.path().join("RECORD");
        if list.exists() {
            fs::remove_file(&list).map_err(Error::file("remove", &list))?;
        }
    }
    Ok(())
}

fn write_program(path: &Path) -> Result<()> {
    let executable = fs::Permissions::from_mode(0o755);
    fs::write(path, PROGRAM)
        .and_then(|()| fs::set_permissions(path, executable))
        .map_err(Error::file("write", path))
}
