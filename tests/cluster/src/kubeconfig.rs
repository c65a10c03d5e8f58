//! Kubeconfig files: complete in themselves, so that a copy works as well.

use std::path::PathBuf;

use k8s_openapi::ByteString;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;

use crate::certificates::{Authority, Identity};
use crate::error::{Error, Result};
use crate::settings::Settings;

/// A kubeconfig with one context, for one server and user.
pub(crate) fn render(context: &str, server: &str, authority: &str, user: &Identity) -> Result<String> {
    let base64 = |text: &str| ByteString(text.as_bytes().to_vec());
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": context, "cluster": {
            "server": server,
            "certificate-authority-data": base64(authority),
        }}],
        "users": [{"name": context, "user": {
            "client-certificate-data": base64(&user.certificate),
            "client-key-data": base64(&user.key),
        }}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
    });
    serde_yaml::to_string(&kubeconfig)
        .map_err(|failure| Error::Options { reason: format!("could not write a kubeconfig: {failure}") })
}

/// Writes the kubeconfig of a user for use inside, and returns its path.
pub(crate) fn write_inside(
    settings: &Settings,
    authority: &Authority,
    user: &str,
    group: Option<&str>,
) -> Result<PathBuf> {
    let identity = authority.client(user, group)?;
    let content = render(&settings.name(), &settings.api_url(), authority.certificate(), &identity)?;
    settings.write(&format!("kubeconfigs/inside/{}.yaml", user.replace([':', '/'], "-")), &content)
}

/// A client with the rights of a rendered kubeconfig.
pub(crate) async fn client(kubeconfig: &str) -> Result<kube::Client> {
    let unreadable = |failure: &dyn std::fmt::Display| Error::Options {
        reason: format!("could not read the kubeconfig just written: {failure}"),
    };
    let parsed = Kubeconfig::from_yaml(kubeconfig).map_err(|failure| unreadable(&failure))?;
    let config = kube::Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default())
        .await
        .map_err(|failure| unreadable(&failure))?;
    kube::Client::try_from(config).map_err(Error::api("make a client"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_carries_its_certificates() {
        let user = Identity { certificate: "CERTIFICATE".into(), key: "KEY".into() };
        let text = render("slipway-1", "https://127.0.0.1:6443", "AUTHORITY", &user).unwrap();
        let parsed = Kubeconfig::from_yaml(&text).unwrap();
        assert_eq!(parsed.current_context.as_deref(), Some("slipway-1"));
        let user = parsed.auth_infos[0].auth_info.as_ref().unwrap();
        assert_eq!(user.client_certificate_data.as_deref(), Some("Q0VSVElGSUNBVEU="));
    }
}
