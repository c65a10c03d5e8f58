//! What carries out network policies: kube-router's controller for them, which writes rules of iptables and sets of addresses.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::cache::Program;
use crate::certificates::Authority;
use crate::error::{Error, Result};
use crate::kubeconfig;
use crate::network;
use crate::node::containerd;
use crate::part::Part;
use crate::settings::{NODE_NAME, Settings};

/// Where it takes connections once policies are carried out.
pub(super) const READY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 20244);

pub(super) fn part(settings: &Settings, authority: &Authority) -> Result<Part> {
    let kubeconfig =
        kubeconfig::write_inside(settings, authority, "slipway-network-policies", Some("system:masters"))?;
    let mut part =
        Part::new("network-policies", settings.cache.program(Program::NetworkPolicies)).arguments([
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--node={NODE_NAME}"),
            format!("--services={}", network::SERVICES),
            format!("--listen={READY}"),
        ]);
    let extensions = format!("iptables/usr/lib/{}-linux-gnu/xtables", std::env::consts::ARCH);
    part.environment = containerd::libraries(settings);
    part.environment.push(("PATH".into(), tools(settings)?.display().to_string()));
    let extensions = settings.cache.debian().join(extensions);
    part.environment.push(("XTABLES_LIBDIR".into(), extensions.display().to_string()));
    Ok(part)
}

/// A folder with the tools under the names that Debian makes at installation, which is not done here.
fn tools(settings: &Settings) -> Result<PathBuf> {
    let folder = settings.folder("netpol")?;
    let debian = settings.cache.debian();
    let variants = "iptables/usr/sbin/xtables-nft-multi";
    let tools = [
        ("iptables", variants),
        ("iptables-save", variants),
        ("iptables-restore", variants),
        ("ipset", "ipset/usr/sbin/ipset"),
    ];
    for (name, program) in tools {
        let link = folder.join(name);
        symlink(debian.join(program), &link).map_err(Error::file("create", &link))?;
    }
    Ok(folder)
}
