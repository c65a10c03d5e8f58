//! containerd with runc, the pods' network plugins, and its one registry.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::Result;
use crate::network;
use crate::node::registry;
use crate::part::Part;
use crate::settings::Settings;

/// The image of each pod's sandbox; it is imported, no registry has it.
pub(super) const PAUSE_IMAGE: &str = "localhost/pause:1";

/// The socket that containerd answers on.
pub(super) fn socket(settings: &Settings) -> PathBuf {
    settings.path("containerd.sock")
}

pub(super) fn part(settings: &Settings) -> Result<Part> {
    let debian = settings.cache.debian();
    let plugins = debian.join("containernetworking-plugins/usr/lib/cni");
    let network_plan = settings.write("cni/10-slipway.conflist", &network_plan(settings).to_string())?;
    settings.write(
        &format!("registries/{}/hosts.toml", registry::NAME),
        &format!("[host.\"http://{}\"]\n  capabilities = [\"pull\", \"resolve\"]\n", registry::NAME),
    )?;
    let config = config(settings, &plugins, network_plan.parent().unwrap_or(&settings.data));
    let config = settings.write("containerd.toml", &config)?;
    let mut part = Part::new("containerd", debian.join("containerd/usr/bin/containerd"))
        .arguments(["--config".to_owned(), config.display().to_string()]);
    part.environment = libraries(settings);
    Ok(part)
}

/// Where the unpacked programs find the unpacked libraries.
pub(super) fn libraries(settings: &Settings) -> Vec<(String, String)> {
    let triple = format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    let folders = settings.cache.unpacked(&[&triple, triple.trim_start_matches("usr/")]);
    let path = std::env::join_paths(folders).unwrap_or_default();
    vec![("LD_LIBRARY_PATH".into(), path.to_string_lossy().into_owned())]
}

/// The same for both versions of control groups: the kubelet names the groups, runc makes them.
fn config(settings: &Settings, plugins: &Path, network_plans: &Path) -> String {
    let root = settings.path("containerd");
    let socket = socket(settings);
    let registries = settings.path("registries");
    let (root, socket, registries) = (root.display(), socket.display(), registries.display());
    let (plugins, network_plans) = (plugins.display(), network_plans.display());
    format!(
        r#"version = 2
root = "{root}"
state = "/run/containerd"

[grpc]
  address = "{socket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # Without CAP_SYS_RESOURCE, as in many sandboxes, nobody may lower the score below its own.
  restrict_oom_score_adj = true
  # A profile would stay in the host's kernel.
  disable_apparmor = true

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{network_plans}"

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{registries}"
"#
    )
}

/// Each pod has a link of its own to the node, which routes: two pods meet in the node's rules as everything else does,
/// and no kernel module has to look into bridges.
fn network_plan(settings: &Settings) -> Value {
    json!({
        "cniVersion": "0.4.0",
        "name": "slipway",
        "plugins": [{
            "type": "ptp",
            "ipMasq": false,
            "ipam": {
                "type": "host-local",
                "dataDir": settings.path("cni-addresses"),
                "ranges": [[{"subnet": network::PODS}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup;
    use crate::options::Mode;
    use crate::settings::example;

    #[test]
    fn containerd_keeps_everything_in_the_cluster_s_folder_or_in_memory() {
        let settings = example(Mode::Full, cgroup::Version::Two);
        let config = config(&settings, Path::new("/cache/cni"), Path::new("/data/cni"));
        assert!(config.contains("root = \"/data/containerd\"\nstate = \"/run/containerd\""), "{config}");
        assert!(config.contains("config_path = \"/data/registries\""), "{config}");
    }

    #[test]
    fn pods_get_addresses_of_the_pod_range() {
        let plan = network_plan(&example(Mode::Full, cgroup::Version::One));
        assert_eq!(plan["plugins"][0]["ipam"]["ranges"][0][0]["subnet"], "10.88.0.0/16");
    }
}
