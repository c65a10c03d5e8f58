//! kube-proxy, with nftables.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use crate::cache::Program;
use crate::certificates::Authority;
use crate::error::Result;
use crate::kubeconfig;
use crate::network;
use crate::node::containerd;
use crate::part::Part;
use crate::settings::{NODE_NAME, Settings};

/// Where it says that it is healthy.
pub(super) const HEALTH: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 10256);

pub(super) fn part(settings: &Settings, authority: &Authority) -> Result<Part> {
    let kubeconfig = kubeconfig::write_inside(settings, authority, "system:kube-proxy", None)?;
    let config = config(&kubeconfig.to_string_lossy());
    let config = settings.write("kube-proxy.json", &config.to_string())?;
    let mut part = Part::new("kube-proxy", settings.cache.program(Program::Proxy))
        .arguments([format!("--config={}", config.display())]);
    part.environment = containerd::libraries(settings);
    Ok(part)
}

fn config(kubeconfig: &str) -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": kubeconfig},
        "mode": "nftables",
        "hostnameOverride": NODE_NAME,
        "clusterCIDR": network::PODS,
        "bindAddress": network::NODE,
        "healthzBindAddress": HEALTH,
        "metricsBindAddress": "127.0.0.1:10249",
        "oomScoreAdj": 0,
        "nftables": {"minSyncPeriod": "100ms", "syncPeriod": "30s"},
        // These settings of the kernel belong to the host.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    })
}
