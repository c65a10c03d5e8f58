//! The operator, as a process of its own would be: it can be killed between any two of its acts.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use slipway_controller::run;
use slipway_controller::settings::Settings;
use tokio::runtime::Runtime;

/// A running operator; dropping it kills it.
pub struct Operator {
    runtime: Option<Runtime>,
}

impl Operator {
    /// Starts one for a namespace, with its HTTP server at an address.
    pub fn start(kubeconfig: &Path, namespace: &str, cache: &Path, listen: SocketAddr) -> Self {
        let listen = listen.to_string();
        let arguments = [
            "slipway-controller",
            "--namespace",
            namespace,
            "--cache",
            cache.to_str().unwrap(),
            "--listen",
            &listen,
            "--url",
            "http://127.0.0.1:1",
        ];
        let settings = Settings::parse_from(arguments);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let kubeconfig = kubeconfig.to_owned();
        runtime.spawn(async move {
            let ended = run::operate(client(kubeconfig).await, settings).await;
            panic!("the operator ended: {ended:?}");
        });
        Self { runtime: Some(runtime) }
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A client of the cluster, on the current runtime.
pub async fn client(kubeconfig: PathBuf) -> Client {
    let file = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}
