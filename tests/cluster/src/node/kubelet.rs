//! The kubelet.

use serde_json::{Value, json};

use crate::cache::Program;
use crate::certificates::{Authority, Files};
use crate::cgroup;
use crate::error::Result;
use crate::kubeconfig;
use crate::network;
use crate::node::containerd;
use crate::part::Part;
use crate::settings::{NODE_NAME, Settings};

pub(super) fn part(settings: &Settings, authority: &Authority) -> Result<Part> {
    let kubeconfig = kubeconfig::write_inside(
        settings,
        authority,
        &format!("system:node:{NODE_NAME}"),
        Some("system:nodes"),
    )?;
    let serving = authority.server("kubelet", &[NODE_NAME.into(), network::NODE.to_string()])?;
    let config = config(settings, authority, &serving);
    let config = settings.write("kubelet.json", &config.to_string())?;
    Ok(Part::new("kubelet", settings.cache.program(Program::Kubelet)).arguments([
        format!("--config={}", config.display()),
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--root-dir={}", settings.folder("kubelet")?.display()),
        format!("--hostname-override={NODE_NAME}"),
        format!("--node-ip={}", network::NODE),
    ]))
}

fn config(settings: &Settings, authority: &Authority, serving: &Files) -> Value {
    let mut config = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": network::NODE,
        "authentication": {"x509": {"clientCAFile": authority.certificate_path()}},
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": serving.certificate,
        "tlsPrivateKeyFile": serving.key,
        "containerRuntimeEndpoint": format!("unix://{}", containerd::socket(settings).display()),
        "podLogsDir": settings.path("pod-logs"),
        "volumePluginDir": settings.path("kubelet-volume-plugins"),
        "clusterDomain": "cluster.local",
        "clusterDNS": [network::DNS_SERVICE],
        "resolvConf": "/etc/resolv.conf",
        "maxPods": 250,
        "serializeImagePulls": false,
        "failSwapOn": false,
        "makeIPTablesUtilChains": false,
        // The host's disk is as full as it is, and the cluster is short-lived.
        "evictionHard": {},
        "imageGCHighThresholdPercent": 100,
        "oomScoreAdj": 0,
        "cgroupDriver": "cgroupfs",
    });
    if let (Value::Object(config), Value::Object(groups)) = (&mut config, cgroup_config(settings)) {
        config.extend(groups);
    }
    config
}

/// Version 2: below one group of the cluster's own. Version 1: the kubelet makes no groups, runc makes each container's
/// below the one that containerd is in, which is the cluster's own as well.
fn cgroup_config(settings: &Settings) -> Value {
    match settings.cgroup {
        cgroup::Version::Two => json!({
            "cgroupsPerQOS": true,
            "cgroupRoot": format!("/{}", settings.name()),
            "enforceNodeAllocatable": ["pods"],
        }),
        cgroup::Version::One => json!({
            "failCgroupV1": false,
            "cgroupsPerQOS": false,
            "enforceNodeAllocatable": [],
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Mode;
    use crate::settings::example;

    fn rendered(version: cgroup::Version) -> Value {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::create(folder.path().to_owned()).unwrap();
        let serving = Files { certificate: "/c.crt".into(), key: "/c.key".into() };
        config(&example(Mode::Full, version), &authority, &serving)
    }

    #[test]
    fn on_cgroup_version_2_every_pod_is_below_the_cluster_s_group() {
        let config = rendered(cgroup::Version::Two);
        assert_eq!(config["cgroupRoot"], "/slipway-a1b2c3");
        assert_eq!(config["cgroupsPerQOS"], true);
        assert_eq!(config["enforceNodeAllocatable"], json!(["pods"]));
        assert!(config.get("failCgroupV1").is_none());
    }

    #[test]
    fn on_cgroup_version_1_the_kubelet_starts_and_makes_no_groups() {
        let config = rendered(cgroup::Version::One);
        assert_eq!(config["failCgroupV1"], false);
        assert_eq!(config["cgroupsPerQOS"], false);
        assert_eq!(config["enforceNodeAllocatable"], json!([]));
        assert!(config.get("cgroupRoot").is_none());
    }

    #[test]
    fn both_versions_let_runc_make_the_groups_itself() {
        for version in [cgroup::Version::One, cgroup::Version::Two] {
            assert_eq!(rendered(version)["cgroupDriver"], "cgroupfs");
        }
    }
}
