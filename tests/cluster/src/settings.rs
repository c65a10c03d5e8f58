//! Everything the parts of one cluster have to agree about.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::cache::Cache;
use crate::cgroup;
use crate::error::{Error, Result};
use crate::network;
use crate::options::{Mode, Options};

/// The longest path of a Unix socket that the kernel takes, less the names of ours.
const DATA_PATH_LIMIT: usize = 80;

/// The node's name in Kubernetes.
pub(crate) const NODE_NAME: &str = "node";

/// The settings of one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) id: String,
    pub(crate) mode: Mode,
    pub(crate) cache: Cache,
    pub(crate) data: PathBuf,
    pub(crate) cgroup: cgroup::Version,
    pub(crate) api_port: u16,
    pub(crate) audit: bool,
    pub(crate) network_policies: bool,
    pub(crate) extra_hosts: Vec<String>,
}

impl Settings {
    /// The name of the cluster's control group and kubeconfig context.
    pub(crate) fn name(&self) -> String {
        format!("slipway-{}", self.id)
    }

    /// The address that everything of the node listens on.
    pub(crate) fn node_address(&self) -> Ipv4Addr {
        match self.mode {
            Mode::Full => network::NODE,
            Mode::Fast => Ipv4Addr::LOCALHOST,
        }
    }

    /// The API server for clients in the node's network.
    pub(crate) fn api_url(&self) -> String {
        format!("https://{}:{}", self.node_address(), self.api_port)
    }

    /// A path in the data directory.
    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.data.join(relative)
    }

    /// Where a part's output goes.
    pub(crate) fn log(&self, part: &str) -> PathBuf {
        self.path("logs").join(format!("{part}.log"))
    }

    /// Names beside `*.slipway.test` go first, they are the rarer ones.
    pub(crate) fn domains(&self) -> impl Iterator<Item = &str> {
        self.extra_hosts.iter().map(String::as_str).chain([network::DOMAIN])
    }

    /// Writes a file of configuration and returns its path.
    pub(crate) fn write(&self, relative: &str, content: &str) -> Result<PathBuf> {
        let path = self.path(relative);
        self.folder(path.parent().unwrap_or(&self.data))?;
        fs::write(&path, content).map_err(Error::file("write", &path))?;
        Ok(path)
    }

    /// Makes a folder in the data directory.
    pub(crate) fn folder(&self, relative: impl AsRef<Path>) -> Result<PathBuf> {
        let path = self.path(relative);
        fs::create_dir_all(&path).map_err(Error::file("create", &path))?;
        Ok(path)
    }
}

/// Decides what the options leave open and makes the data directory.
pub(crate) fn settle(options: &Options, cache: &Cache, api_port: u16) -> Result<Settings> {
    let id = format!("{:06x}", rand::random::<u32>() & 0x00ff_ffff);
    let data = options.data_dir.clone().unwrap_or_else(|| cache.clusters().join(&id));
    check_data_path(&data)?;
    // Keys are in it.
    let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(&data);
    created.map_err(Error::file("create", &data))?;
    let data = data.canonicalize().map_err(Error::file("find", &data))?;
    check_data_path(&data)?;
    if fs::read_dir(&data).map_err(Error::file("list", &data))?.next().is_some() {
        let reason = format!("the data directory {} is not empty; name another", data.display());
        return Err(Error::Options { reason });
    }
    Ok(Settings {
        id,
        mode: options.mode,
        cache: cache.clone(),
        data,
        cgroup: cgroup::Version::detect().unwrap_or(cgroup::Version::Two),
        api_port,
        audit: options.audit,
        network_policies: options.network_policies,
        extra_hosts: options.extra_hosts.clone(),
    })
}

/// Whether a cluster can live in this directory; the answer says why not.
fn check_data_path(data: &Path) -> Result<()> {
    let reason = if data.as_os_str().len() > DATA_PATH_LIMIT {
        format!("is longer than {DATA_PATH_LIMIT} bytes, which the kernel does not allow for sockets")
    } else if let Some(place) = crate::mounts::PRIVATE.iter().find(|place| data.starts_with(place)) {
        format!("is below {place}, which the node does not share with the host")
    } else if data.to_string_lossy().contains([',', ':', '\\']) {
        "contains a character that mount options cannot express".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::Options { reason: format!("the data directory {} {reason}; choose another", data.display()) })
}

#[cfg(test)]
pub(crate) fn example(mode: Mode, cgroup: cgroup::Version) -> Settings {
    Settings {
        id: "a1b2c3".into(),
        mode,
        cache: Cache::open().unwrap(),
        data: "/data".into(),
        cgroup,
        api_port: 6443,
        audit: true,
        network_policies: true,
        extra_hosts: vec!["github.com".into()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_that_the_node_could_not_use_is_refused() {
        assert!(check_data_path(Path::new("/root/.cache/slipway/clusters/a1b2c3")).is_ok());
        for refused in ["/run/slipway", "/var/lib/slipway", "/data,ro", &format!("/{}", "x".repeat(90))] {
            assert!(check_data_path(Path::new(refused)).is_err(), "{refused}");
        }
    }
}
