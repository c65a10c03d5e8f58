//! What Debian gives, unpacked into the cache: nothing is installed, nothing starts by itself, nothing of the user's is
//! displaced.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::cache::Cache;
use crate::command::run;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// The packages of a node: its daemons, `nft` for kube-proxy, and the libraries these need beyond the C library.
pub(crate) const NODE: &[&str] = &[
    "containerd",
    "runc",
    "containernetworking-plugins",
    "docker-registry",
    "nftables",
    "libnftables1",
    "libnftnl11",
    "libmnl0",
    "libxtables12",
    "libjansson4",
    "libedit2",
    "libbsd0",
    "libmd0",
    "libseccomp2",
];

/// What carries out network policies.
pub(crate) const POLICIES: &[&str] = &["iptables", "ipset", "libipset13"];

pub(super) fn is_unpacked(cache: &Cache, name: &str) -> bool {
    cache.debian().join(name).is_dir()
}

/// Downloads and unpacks the packages that are not there yet, in one call of apt.
pub(super) fn unpack_missing(cache: &Cache, packages: &[&str], progress: Progress) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|name| !is_unpacked(cache, name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let step = progress.step(format!("{} Debian packages", missing.len()));
    let downloads = cache.debian().join(".download");
    if downloads.exists() {
        // Of a download that was killed.
        fs::remove_dir_all(&downloads).map_err(Error::file("remove", &downloads))?;
    }
    fs::create_dir_all(&downloads).map_err(Error::file("create", &downloads))?;
    let unpacked = download(&missing, &downloads, progress).and_then(|()| unpack_all(cache, &downloads));
    fs::remove_dir_all(&downloads).map_err(Error::file("remove", &downloads))?;
    unpacked?;
    step.done();
    Ok(())
}

/// Tries with the package lists as they are; only when that fails are they brought up to date.
fn download(packages: &[&str], into: &Path, progress: Progress) -> Result<()> {
    if run(&mut apt_get_download(packages, into)).is_ok() {
        return Ok(());
    }
    progress.say("  the package lists are old: apt-get update");
    run(Command::new("apt-get").args(["-q", "update"]))?;
    run(&mut apt_get_download(packages, into)).map(drop)
}

fn apt_get_download(packages: &[&str], into: &Path) -> Command {
    let mut command = Command::new("apt-get");
    // The unprivileged user apt downloads with cannot write below root's home.
    command.args(["-q", "-o", "APT::Sandbox::User=root", "download"]).args(packages).current_dir(into);
    command
}

fn unpack_all(cache: &Cache, downloads: &Path) -> Result<()> {
    let files = fs::read_dir(downloads).map_err(Error::file("list", downloads))?;
    for file in files {
        let file = file.map_err(Error::file("list", downloads))?;
        unpack(cache, &file.path(), &package_name(&file.file_name()))?;
    }
    Ok(())
}

/// The folder appears under its name only once it is complete.
fn unpack(cache: &Cache, archive: &Path, name: &str) -> Result<()> {
    let partial = archive.with_extension("unpacked");
    run(Command::new("dpkg-deb").arg("-x").arg(archive).arg(&partial))?;
    let folder = cache.debian().join(name);
    fs::rename(&partial, &folder).map_err(Error::file("create", &folder))
}

/// `runc_1.1.5_amd64.deb` is package `runc`.
fn package_name(file: &OsString) -> String {
    let file = file.to_string_lossy();
    file.split('_').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_names_its_package_before_the_first_underscore() {
        let file = OsString::from("containerd_1.6.20~ds1-1+deb12u3_amd64.deb");
        assert_eq!(package_name(&file), "containerd");
    }
}
