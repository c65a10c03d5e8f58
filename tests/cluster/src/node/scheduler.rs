//! kube-scheduler.

use std::net::{Ipv4Addr, SocketAddr};

use crate::cache::Program;
use crate::certificates::Authority;
use crate::error::Result;
use crate::kubeconfig;
use crate::part::Part;
use crate::settings::Settings;

/// Where it listens once it has started.
pub(super) const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 10259);

pub(super) fn part(settings: &Settings, authority: &Authority) -> Result<Part> {
    let kubeconfig = kubeconfig::write_inside(settings, authority, "system:kube-scheduler", None)?;
    let certificates = settings.folder("scheduler")?;
    Ok(Part::new("kube-scheduler", settings.cache.program(Program::Scheduler)).arguments([
        format!("--kubeconfig={}", kubeconfig.display()),
        "--leader-elect=false".to_owned(),
        format!("--bind-address={}", ADDRESS.ip()),
        format!("--cert-dir={}", certificates.display()),
        "--authentication-skip-lookup".to_owned(),
    ]))
}
