//! An environment of the demo: waiting until it is ready, and reaching its services.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use slipway_cluster::Publish;
use slipway_crds::v1alpha1::DevEnvironment;

use crate::demo::{Demo, NAMESPACE};
use crate::waiting::wait_for;

/// Whether its `Ready` condition is true for its newest generation.
pub fn is_ready(environment: &DevEnvironment) -> bool {
    let Some(status) = &environment.status else { return false };
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
    let current = status.observed_generation == environment.metadata.generation;
    current && ready.is_some_and(|condition| condition.status == "True")
}

impl Demo {
    /// The environments of the namespace of its fleet.
    pub fn environments(&self) -> Api<DevEnvironment> {
        Api::namespaced(self.client().clone(), NAMESPACE)
    }

    /// Waits until an environment is ready and returns it.
    pub async fn environment_ready(&self, name: &str, patience: Duration) -> Result<DevEnvironment> {
        wait_for(self.environments(), name, patience, is_ready).await
    }

    /// Makes the first port of a service of an environment answer on 127.0.0.1 of this machine, once and for all.
    pub async fn publish(&self, environment: &DevEnvironment, service: &str) -> Result<SocketAddr> {
        let status = environment.status.as_ref();
        let namespace =
            status.and_then(|status| status.namespace.as_ref()).context("it has no namespace yet")?;
        let name = format!("{}/{service}", namespace.name);
        if let Some(address) = self.cluster().published(&name) {
            return Ok(address);
        }
        let services: Api<Service> = Api::namespaced(self.client().clone(), &namespace.name);
        let spec = services.get(service).await?.spec.context("a Service without a spec")?;
        let port = spec.ports.unwrap_or_default().first().context("a Service without ports")?.port;
        let address: IpAddr = spec.cluster_ip.context("a Service without an address")?.parse()?;
        let target = SocketAddr::new(address, u16::try_from(port)?);
        self.publish_address(&name, target)
    }

    /// Makes an address inside the cluster answer on 127.0.0.1 of this machine.
    pub fn publish_address(&self, name: &str, target: SocketAddr) -> Result<SocketAddr> {
        Ok(self.cluster().publish(&Publish { name: name.to_owned(), host_port: None, target })?)
    }
}
