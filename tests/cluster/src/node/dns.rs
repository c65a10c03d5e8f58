//! `CoreDNS`, on the node's address.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use crate::cache::Program;
use crate::certificates::Authority;
use crate::error::Result;
use crate::kubeconfig;
use crate::network;
use crate::part::Part;
use crate::settings::Settings;

/// The user that `CoreDNS` reads Services as.
pub(super) const USER: &str = "system:coredns";
/// Where it says that it is ready.
pub(super) const READY: SocketAddr = SocketAddr::new(IpAddr::V4(network::NODE), 8181);

pub(super) fn part(settings: &Settings, authority: &Authority) -> Result<Part> {
    let kubeconfig = kubeconfig::write_inside(settings, authority, USER, None)?;
    let corefile = settings.write("Corefile", &corefile(settings, &kubeconfig))?;
    Ok(Part::new("coredns", settings.cache.program(Program::CoreDns))
        .arguments(["-conf".to_owned(), corefile.display().to_string()]))
}

/// Kubernetes' names, the node's own names, and a plain "no such name" for all others: there is no way out to ask.
fn corefile(settings: &Settings, kubeconfig: &Path) -> String {
    let own: Vec<&str> = settings.domains().collect();
    let own = own.join(" ");
    let (node, kubeconfig) = (network::NODE, kubeconfig.display());
    format!(
        r#"cluster.local in-addr.arpa ip6.arpa {{
    bind {node}
    errors
    ready {READY}
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {kubeconfig}
        pods insecure
    }}
}}
{own} {{
    bind {node}
    errors
    template IN A {{
        answer "{{{{ .Name }}}} 60 IN A {node}"
    }}
    template ANY ANY {{
        rcode NOERROR
    }}
}}
. {{
    bind {node}
    errors
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup;
    use crate::options::Mode;
    use crate::settings::example;

    #[test]
    fn own_names_mean_the_node() {
        let corefile = corefile(&example(Mode::Full, cgroup::Version::Two), Path::new("/k"));
        assert!(corefile.contains("github.com slipway.test {"), "{corefile}");
        assert!(corefile.contains(r#"answer "{{ .Name }} 60 IN A 10.87.0.1""#), "{corefile}");
    }
}
