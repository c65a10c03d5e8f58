//! Which cluster and namespace. It acts only on the context it was told to use: the kubeconfig's current one is what some
//! other tool was last used for.

use std::time::Duration;

use anyhow::Context as _;
use http::Uri;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Api, Client, Config};
use slipway_crds::v1alpha1::DevEnvironment;

use crate::args::Place;
use crate::exit::Usage;

/// Environment variable with the context; `make run` prints it.
const CONTEXT: &str = "SLIPWAY_CONTEXT";
/// Environment variable with the fleet's namespace; `make run` prints it.
const NAMESPACE: &str = "SLIPWAY_NAMESPACE";
/// Name of the context that is the pod's own `ServiceAccount`, where no kubeconfig has one of that name.
const IN_CLUSTER: &str = "in-cluster";

/// A connection to the fleet's namespace of one cluster.
pub struct Session {
    /// Its client.
    pub client: Client,
    /// The context it was told to use.
    pub context: String,
    /// The fleet's namespace.
    pub namespace: String,
    /// How this program is called again with the same context and namespace, for "what next".
    pub program: String,
}

impl Session {
    /// The environments of the fleet.
    pub fn environments(&self) -> Api<DevEnvironment> {
        self.in_namespace()
    }

    /// Objects of the fleet's namespace.
    pub fn in_namespace<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The first line of every verb.
    pub fn headline(&self) -> String {
        format!("context {}, namespace {}", self.context, self.namespace)
    }
}

/// Connects to the context that was named; nothing is asked of the cluster yet.
pub async fn connect(place: &Place) -> anyhow::Result<Session> {
    let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let kubeconfig = read_kubeconfig()?;
    let named = place.context.clone().or_else(|| variable(CONTEXT));
    let context = choose(named.as_deref(), kubeconfig.as_ref())?;
    let mut config = config(&context, kubeconfig).await?;
    config.connect_timeout = Some(Duration::from_secs(10));
    if is_loopback(&config.cluster_url) {
        config.proxy_url = None;
    }
    let named = place.namespace.clone().or_else(|| variable(NAMESPACE));
    let namespace = named.unwrap_or_else(|| config.default_namespace.clone());
    let client = Client::try_from(config).with_context(|| {
        format!("context {context} cannot be used: mend its certificates and its user in the kubeconfig")
    })?;
    Ok(Session { client, namespace, program: program(std::env::args().next().as_deref(), place), context })
}

fn read_kubeconfig() -> anyhow::Result<Option<Kubeconfig>> {
    match Kubeconfig::read() {
        Ok(kubeconfig) => Ok(Some(kubeconfig)),
        Err(KubeconfigError::FindPath) => Ok(None),
        Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) => {
            Err(Usage(format!("{error}: mend the kubeconfig, or point KUBECONFIG at another")).into())
        }
    }
}

/// The context to use: the one that was named, when it exists.
fn choose(named: Option<&str>, kubeconfig: Option<&Kubeconfig>) -> Result<String, Usage> {
    let contexts: Vec<_> =
        kubeconfig.iter().flat_map(|file| &file.contexts).map(|c| c.name.as_str()).collect();
    let problem = match named {
        Some(name) if contexts.contains(&name) || name == IN_CLUSTER => return Ok(name.to_owned()),
        Some(name) => format!("there is no context {name} in the kubeconfig"),
        None => "no context was named, and the kubeconfig's current one is not guessed at".to_owned(),
    };
    let Some(first) = contexts.first() else {
        return Err(Usage(format!(
            "{problem}; the kubeconfig has no context at all\n  point KUBECONFIG at one that has, or start a cluster with: make run"
        )));
    };
    let list = contexts
        .iter()
        .map(|name| {
            format!(
                "    {name}
"
            )
        })
        .collect::<Vec<_>>()
        .concat();
    Err(Usage(format!(
        "{problem}\n  contexts:\n{list}  name one with --context {first}, or for this terminal: export {CONTEXT}={first}"
    )))
}

async fn config(context: &str, kubeconfig: Option<Kubeconfig>) -> anyhow::Result<Config> {
    let has = |file: &Kubeconfig| file.contexts.iter().any(|c| c.name == context);
    match kubeconfig.filter(has) {
        Some(file) => {
            let options =
                KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
            let config = Config::from_custom_kubeconfig(file, &options).await;
            config.map_err(|error| Usage(format!("context {context}: {error}: mend the kubeconfig")).into())
        }
        None => Config::incluster().map_err(|error| {
            Usage(format!("{IN_CLUSTER} is for pods with a ServiceAccount, and this is none: {error}\n  name a context of the kubeconfig with --context")).into()
        }),
    }
}

/// Proxies are for other machines.
fn is_loopback(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The name it was called by, with what was said on the command line about the place.
fn program(called: Option<&str>, place: &Place) -> String {
    let called = called.filter(|path| path.rsplit('/').next() == Some("service")).unwrap_or("slipway");
    let context = place.context.as_ref().map(|name| format!(" --context {name}"));
    let namespace = place.namespace.as_ref().map(|name| format!(" -n {name}"));
    [Some(called.to_owned()), context, namespace].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig() -> Kubeconfig {
        let text = "current-context: production\ncontexts:\n- {name: production, context: {cluster: a}}\n\
            - {name: laptop, context: {cluster: b}}\n";
        Kubeconfig::from_yaml(text).unwrap()
    }

    #[test]
    fn the_current_context_alone_is_not_enough() {
        let refusal = choose(None, Some(&kubeconfig())).unwrap_err().0;
        assert_eq!(
            refusal,
            "no context was named, and the kubeconfig's current one is not guessed at\n  contexts:\n    production\n    \
             laptop\n  name one with --context production, or for this terminal: export SLIPWAY_CONTEXT=production"
        );
    }

    #[test]
    fn a_named_context_is_used_when_it_exists() {
        assert_eq!(choose(Some("laptop"), Some(&kubeconfig())), Ok("laptop".to_owned()));
        let refusal = choose(Some("laptob"), Some(&kubeconfig())).unwrap_err().0;
        assert!(
            refusal.starts_with("there is no context laptob in the kubeconfig\n  contexts:\n"),
            "{refusal}"
        );
    }

    #[test]
    fn without_a_kubeconfig_there_is_only_the_pods_own_cluster() {
        assert_eq!(choose(Some("in-cluster"), None), Ok("in-cluster".to_owned()));
        assert!(choose(Some("laptop"), None).unwrap_err().0.contains("no context at all"));
    }

    #[test]
    fn proxies_are_not_for_this_machine() {
        for (url, loopback) in [
            ("https://127.0.0.1:6443", true),
            ("https://localhost:6443", true),
            ("https://[::1]:6443", true),
            ("https://api.example.com", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), loopback, "{url}");
        }
    }

    #[test]
    fn what_next_is_said_with_the_words_it_was_called_with() {
        let place = |context: Option<&str>| Place {
            context: context.map(str::to_owned),
            namespace: None,
            no_color: false,
        };
        assert_eq!(program(Some("/usr/bin/slipway"), &place(None)), "slipway");
        assert_eq!(program(Some("./service"), &place(Some("laptop"))), "./service --context laptop");
    }
}
