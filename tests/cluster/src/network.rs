//! Addresses of the node and its own network.

use std::io::Write;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use crate::command::checked;
use crate::error::{Error, Result};

/// The node's address on its own link; everything of the node listens here.
pub(crate) const NODE: Ipv4Addr = Ipv4Addr::new(10, 87, 0, 1);
/// The addresses of Services.
pub(crate) const SERVICES: &str = "10.96.0.0/16";
/// The first Service address: the API server for pods.
pub(crate) const API_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
/// The Service address of the cluster's DNS.
pub(crate) const DNS_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
/// The addresses of pods.
pub(crate) const PODS: &str = "10.88.0.0/16";
/// Every name below it means the node.
pub const DOMAIN: &str = "slipway.test";

/// Sets up the network of the calling thread's namespace.
///
/// The link is a bridge without members: it keeps an address, which is all that is wanted of it. Services are routed to
/// it, so that a packet to a Service that kube-proxy does not know yet goes nowhere.
pub(crate) fn set_up() -> Result<()> {
    let commands = format!(
        "link set lo up\n\
         link add slipway0 type bridge\n\
         address add {NODE}/24 dev slipway0\n\
         link set slipway0 up\n\
         route add {SERVICES} dev slipway0\n"
    );
    ip(&commands)?;
    let forwarding = "/proc/sys/net/ipv4/ip_forward";
    std::fs::write(forwarding, "1").map_err(Error::file("write", forwarding))
}

fn ip(commands: &str) -> Result<()> {
    let failed = |source| Error::Start { command: "ip".into(), source };
    let mut child = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(commands.as_bytes()).map_err(failed)?;
    }
    checked("ip -batch -", child.wait_with_output().map_err(failed)?).map(drop)
}
