//! What is inside a cluster before its first part starts: namespaces, control group, mounts and network.

use std::path::Path;
use std::sync::Arc;

use nix::sched::CloneFlags;

use crate::cgroup;
use crate::error::{Error, Result};
use crate::mounts;
use crate::namespaces::Namespaces;
use crate::network;
use crate::node::registry;
use crate::options::Mode;
use crate::settings::{NODE_NAME, Settings};

/// Makes the namespaces of the mode and everything in them that is not a process.
pub(crate) fn create(settings: &Arc<Settings>, keeper: &Path) -> Result<Namespaces> {
    if settings.mode == Mode::Fast {
        return Namespaces::create(CloneFlags::empty(), keeper);
    }
    let etc = settings.path("etc");
    let resolver = format!("nameserver {}\n", network::NODE);
    mounts::write_etc(&etc, &hosts(settings), &resolver)?;
    if settings.cgroup == cgroup::Version::Two {
        cgroup::create_unified(&settings.name())?;
    }
    let flags = CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    let namespaces = Namespaces::create(flags, keeper)?;
    let settings = settings.clone();
    namespaces.run(move || {
        if settings.cgroup == cgroup::Version::One {
            cgroup::join_calling_thread(&settings.name())?;
        }
        nix::unistd::sethostname(NODE_NAME).map_err(Error::kernel("name the node"))?;
        mounts::set_up(&settings.data, &settings.path("etc"))?;
        network::set_up()
    })??;
    Ok(namespaces)
}

fn hosts(settings: &Settings) -> String {
    let registry_host = registry::NAME.split(':').next().unwrap_or_default();
    let names: Vec<&str> = settings.domains().chain([NODE_NAME, registry_host]).collect();
    format!("127.0.0.1 localhost\n{} {}\n", network::NODE, names.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::example;

    #[test]
    fn the_node_s_own_names_are_in_its_hosts_file() {
        let hosts = hosts(&example(Mode::Full, cgroup::Version::Two));
        assert_eq!(
            hosts,
            "127.0.0.1 localhost\n10.87.0.1 github.com slipway.test node registry.slipway.test\n"
        );
    }
}
