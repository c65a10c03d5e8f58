//! kube-controller-manager.

use crate::cache::Program;
use crate::certificates::Authority;
use crate::error::Result;
use crate::kubeconfig;
use crate::part::Part;
use crate::settings::Settings;

pub(super) fn part(settings: &Settings, authority: &Authority) -> Result<Part> {
    let kubeconfig = kubeconfig::write_inside(settings, authority, "system:kube-controller-manager", None)?;
    let program = settings.cache.program(Program::ControllerManager);
    Ok(Part::new("kube-controller-manager", program).arguments([
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--root-ca-file={}", authority.certificate_path().display()),
        format!(
            "--service-account-private-key-file={}",
            settings.path("certificates/service-accounts.key").display()
        ),
        "--use-service-account-credentials".to_owned(),
        "--leader-elect=false".to_owned(),
        // Nobody asks it anything: the default service account shows that it works.
        "--secure-port=0".to_owned(),
        "--authentication-skip-lookup".to_owned(),
        "--kube-api-qps=200".to_owned(),
        "--kube-api-burst=400".to_owned(),
        // A busy machine is no reason to evict the only node's pods.
        "--node-monitor-grace-period=5m".to_owned(),
    ]))
}
