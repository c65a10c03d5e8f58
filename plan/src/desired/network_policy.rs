//! Who may talk to whom: an environment to itself, to names and to the internet, and to no other environment.
//!
//! Probes need no rule: a node always reaches its own pods. Nor does port-forward: it ends inside the pod.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use slipway_crds::names;

use super::integration::AgentSettings;
use super::{Identity, Inputs, labels};
use crate::object::{Object, RenderError};

/// Name of the policy of all pods.
const ENVIRONMENT: &str = "environment";
/// Name of the policy of the pod that delivers a result.
const DELIVERY: &str = "delivery";
/// Everything, and in it what clusters, companies and clouds use inside: pods, nodes and metadata servers are there.
const OUTSIDE: [(&str, &[&str]); 2] = [
    ("0.0.0.0/0", &["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"]),
    ("::/0", &["fc00::/7", "fe80::/10"]),
];
const DNS: i32 = 53;
/// Name of the policy of pods that get sources.
const SOURCES: &str = "sources";
/// The operator's port, in its pod.
const OPERATOR_PORT: i32 = 8080;

/// The policies of an environment.
pub fn build(inputs: &Inputs<'_>) -> Result<Vec<Object>, RenderError> {
    let mut policies = vec![build_environment(inputs)?];
    if inputs.resolved.under_test.is_some() {
        policies.push(build_delivery(inputs.identity, inputs.agent)?);
    }
    if inputs.resolved.services.iter().any(|service| service.manifest.image.is_none()) {
        policies.push(build_to_operator(inputs.identity, inputs.agent, SOURCES, names::BUILT)?);
    }
    Ok(policies)
}

/// All pods: in from the environment and the Fleet's `ingress`; out to the environment, names, the internet and the
/// Fleet's `egress`.
fn build_environment(inputs: &Inputs<'_>) -> Result<Object, RenderError> {
    let network = &inputs.fleet.network;
    let mut sources = vec![environment()];
    sources.extend((!network.ingress.is_empty()).then(|| namespaces(&network.ingress)));
    let mut egress = vec![to(vec![environment()], None)];
    egress.extend(outward(&network.egress));
    let spec = NetworkPolicySpec {
        pod_selector: Some(LabelSelector::default()),
        policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
        ingress: Some(vec![NetworkPolicyIngressRule { from: Some(sources), ports: None }]),
        egress: Some(egress),
    };
    policy(inputs.identity, ENVIRONMENT, spec)
}

/// Out to names, to the internet and to these ranges.
pub(super) fn outward(ranges: &[String]) -> Vec<NetworkPolicyEgressRule> {
    let blocks = OUTSIDE.iter().map(|(range, except)| block(range, except));
    let own = ranges.iter().map(|range| block(range, &[]));
    vec![
        // A rule each: ports of one number would be taken for one when they are compared.
        anywhere(port("UDP", DNS)),
        anywhere(port("TCP", DNS)),
        to(blocks.chain(own).collect(), None),
    ]
}

/// The pod of an integration run: out to the operator, too.
fn build_delivery(identity: &Identity, agent: &AgentSettings) -> Result<Object, RenderError> {
    build_to_operator(identity, agent, DELIVERY, names::RUN_GENERATION)
}

/// Pods with this label: out to the operator, too.
fn build_to_operator(
    identity: &Identity,
    agent: &AgentSettings,
    name: &str,
    label: &str,
) -> Result<Object, RenderError> {
    let labelled =
        LabelSelectorRequirement { key: label.to_owned(), operator: "Exists".to_owned(), values: None };
    let spec = NetworkPolicySpec {
        pod_selector: Some(LabelSelector { match_expressions: Some(vec![labelled]), match_labels: None }),
        policy_types: Some(vec!["Egress".to_owned()]),
        ingress: None,
        egress: Some(to_operator(agent)),
    };
    policy(identity, name, spec)
}

/// Out to the operator.
pub(super) fn to_operator(agent: &AgentSettings) -> Vec<NetworkPolicyEgressRule> {
    let operator = NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector::default()),
        pod_selector: Some(LabelSelector {
            match_labels: Some(BTreeMap::from([(
                "app.kubernetes.io/name".to_owned(),
                names::OPERATOR.to_owned(),
            )])),
            match_expressions: None,
        }),
        ip_block: None,
    };
    let mut rules = vec![to(vec![operator], Some(port("TCP", OPERATOR_PORT)))];
    // An operator outside of the cluster, and implementations that look before a Service's address is translated.
    rules.extend(
        address(&agent.url).map(|(range, number)| to(vec![block(&range, &[])], Some(port("TCP", number)))),
    );
    rules
}

/// The address of a URL as a range of one, and its port.
fn address(url: &str) -> Option<(String, i32)> {
    let host = url.strip_prefix("http://")?.trim_end_matches('/');
    let socket = host.parse::<std::net::SocketAddr>().ok();
    let ip = socket.map(|socket| socket.ip()).or_else(|| host.parse().ok())?;
    let bits = if ip.is_ipv4() { 32 } else { 128 };
    Some((format!("{ip}/{bits}"), i32::from(socket.map_or(80, |socket| socket.port()))))
}

fn policy(identity: &Identity, name: &str, spec: NetworkPolicySpec) -> Result<Object, RenderError> {
    let metadata = labels::metadata(identity, name, BTreeMap::new());
    Object::from_typed(&NetworkPolicy { metadata, spec: Some(spec) })
}

fn to(peers: Vec<NetworkPolicyPeer>, port: Option<NetworkPolicyPort>) -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule { to: Some(peers), ports: port.map(|port| vec![port]) }
}

fn anywhere(port: NetworkPolicyPort) -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule { to: None, ports: Some(vec![port]) }
}

fn environment() -> NetworkPolicyPeer {
    NetworkPolicyPeer { pod_selector: Some(LabelSelector::default()), ..NetworkPolicyPeer::default() }
}

fn namespaces(names: &[String]) -> NetworkPolicyPeer {
    let one_of = LabelSelectorRequirement {
        key: "kubernetes.io/metadata.name".to_owned(),
        operator: "In".to_owned(),
        values: Some(names.to_vec()),
    };
    let selector = LabelSelector { match_expressions: Some(vec![one_of]), match_labels: None };
    NetworkPolicyPeer { namespace_selector: Some(selector), ..NetworkPolicyPeer::default() }
}

fn block(range: &str, except: &[&str]) -> NetworkPolicyPeer {
    let except = (!except.is_empty()).then(|| except.iter().map(|&range| range.to_owned()).collect());
    let block = IPBlock { cidr: range.to_owned(), except };
    NetworkPolicyPeer { ip_block: Some(block), ..NetworkPolicyPeer::default() }
}

fn port(protocol: &str, number: i32) -> NetworkPolicyPort {
    NetworkPolicyPort {
        protocol: Some(protocol.to_owned()),
        port: Some(IntOrString::Int(number)),
        end_port: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_address_is_a_range_of_one() {
        assert_eq!(address("http://10.96.3.7:8080"), Some(("10.96.3.7/32".to_owned(), 8080)));
        assert_eq!(address("http://10.96.3.7/"), Some(("10.96.3.7/32".to_owned(), 80)));
        assert_eq!(address("http://[fd00::1]:8080"), Some(("fd00::1/128".to_owned(), 8080)));
        assert_eq!(address("http://operator"), None);
    }
}
