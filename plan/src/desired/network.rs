//! One Service with a fixed `ClusterIP` for each service that answers on a port: its short DNS name.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use slipway_crds::names;

use super::{Identity, Inputs, labels};
use crate::environment::resolve::ResolvedService;
use crate::object::{Object, RenderError};
use crate::service_name::ServiceName;

/// The Service of a service, if it answers on any port.
pub fn build_service(inputs: &Inputs<'_>, service: &ResolvedService) -> Result<Option<Object>, RenderError> {
    let ports: Vec<i32> = service.manifest.run.ports.iter().copied().map(i32::from).collect();
    build(inputs, &service.name, &ports)
}

/// The Service of the stateful pod, if it has any store.
pub fn build_local_service(inputs: &Inputs<'_>) -> Result<Option<Object>, RenderError> {
    let ports: Vec<i32> = inputs.fleet.stores.iter().flat_map(|store| store.ports.clone()).collect();
    build(inputs, &ServiceName::local(), &ports)
}

fn build(inputs: &Inputs<'_>, name: &ServiceName, ports: &[i32]) -> Result<Option<Object>, RenderError> {
    if ports.is_empty() {
        return Ok(None);
    }
    let identity: &Identity = inputs.identity;
    let selector = [(names::SERVES.to_owned(), name.to_string())].into();
    let service = Service {
        metadata: labels::metadata(identity, name.as_str(), labels::selector(name.as_str(), None)),
        spec: Some(ServiceSpec {
            cluster_ip: inputs.addresses.get(name).cloned(),
            ports: Some(ports.iter().map(|port| build_port(*port)).collect()),
            selector: Some(selector),
            type_: Some("ClusterIP".to_owned()),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    };
    Object::from_typed(&service).map(Some)
}

fn build_port(port: i32) -> ServicePort {
    ServicePort {
        name: Some(format!("port-{port}")),
        port,
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::Int(port)),
        ..ServicePort::default()
    }
}
