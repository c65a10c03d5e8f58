//! The cluster, the registry with a password, and the operator that was told of both.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::PostParams;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use slipway_cluster::{Process, REGISTRY};
use slipway_demo::{Demo, DemoOptions, TRUNK};

/// The registry that wants a password, everywhere inside.
pub const PRIVATE: &str = "private.slipway.test:5001";
/// Who may pull from it, and push.
pub const LOGIN: [&str; 2] = ["fleet", "canary-9d41c0"];
/// The same for the registry.
const LOGINS: &str = "fleet:$2y$05$slipwayslipwayslipwayuYwpPzV03BJoSctZjnXCeSBKtRDCgDhG\n";

/// How long an environment may take to become ready.
pub const PATIENCE: Duration = Duration::from_mins(4);

/// What the stories stand on.
pub struct Stage {
    pub demo: Demo,
}

impl Stage {
    /// Starts everything; the demo's own environment is on its way.
    pub async fn start() -> Result<Self> {
        let options = DemoOptions { operator: false, network_policies: true, ..DemoOptions::default() };
        let demo = Box::pin(Demo::start(options)).await?;
        let mut installation = demo.push_operator().await?;
        installation.plain_http_registry = format!("{REGISTRY},{PRIVATE}");
        Box::pin(installation.apply(demo.client())).await?;
        demo.sync_fleet().await?;
        let stage = Self { demo };
        stage.serve_private_registry().await?;
        Ok(stage)
    }

    /// A second registry beside the node's own, as another team would have it.
    async fn serve_private_registry(&self) -> Result<()> {
        let cluster = self.demo.cluster();
        let data = cluster.data_dir();
        let logins = data.join("private-logins");
        std::fs::write(&logins, LOGINS)?;
        let listen = SocketAddr::new(cluster.node_address(), 5001);
        let config = json!({
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": data.join("private-registry")}},
            "auth": {"htpasswd": {"realm": "fleet", "path": logins}},
            "http": {"addr": listen},
        });
        let file = data.join("private-registry.json");
        std::fs::write(&file, config.to_string())?;
        // The node speaks plain HTTP to it.
        let hosts = data.join("registries").join(PRIVATE);
        std::fs::create_dir_all(&hosts)?;
        std::fs::write(hosts.join("hosts.toml"), format!("[host.\"http://{PRIVATE}\"]\n"))?;
        let command = ["docker-registry", "serve", &file.to_string_lossy()].map(str::to_owned).to_vec();
        let name = "private-registry".to_owned();
        let process = Process { name, command, environment: Vec::new(), ready: Some(listen) };
        cluster.start_inside(process).await?;
        for image in ["redis:7", "dynalite:3", &format!("ats:{}", self.head("ats")?)] {
            self.copy_to_private(image).await?;
        }
        Ok(())
    }

    async fn copy_to_private(&self, image: &str) -> Result<()> {
        let (from, to) = (format!("{REGISTRY}/{image}"), format!("{PRIVATE}/{image}"));
        let login = LOGIN.join(":");
        for words in [
            &["content", "fetch", "--plain-http", &from][..],
            &["images", "tag", &from, &to],
            &["images", "push", "--plain-http", "--user", &login, &to],
        ] {
            // A namespace of containerd that the kubelet does not look into.
            let command = [&["ctr", "--namespace", "story"], words].concat();
            let output = self.demo.cluster().exec_inside(&command).await?;
            ensure!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// The commit that a service's trunk points at.
    pub fn head(&self, service: &str) -> Result<String> {
        let head = self.demo.repositories().repository(service).head(TRUNK)?;
        head.with_context(|| format!("{service} has no trunk"))
    }

    /// Objects in a namespace.
    pub fn within<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.demo.client().clone(), namespace)
    }

    /// Makes a namespace.
    pub async fn namespace(&self, name: &str) -> Result<()> {
        let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": name}}))?;
        Api::all(self.demo.client().clone()).create(&PostParams::default(), &namespace).await?;
        Ok(())
    }

    /// Makes an object of a kind that has a spec.
    pub async fn make<K>(&self, namespace: &str, name: &str, spec: Value) -> Result<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + Serialize + DeserializeOwned,
    {
        let object = serde_json::from_value(json!({
            "apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": {"name": name}, "spec": spec,
        }))?;
        Ok(self.within(namespace).create(&PostParams::default(), &object).await?)
    }
}
