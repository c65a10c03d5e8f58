//! Services and what they depend on: order and cycles.

use std::collections::BTreeMap;

use crate::service_name::ServiceName;

/// Services that depend on each other in a circle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("services depend on each other in a circle: {}", path(.0))]
pub struct Cycle(pub Vec<ServiceName>);

fn path(services: &[ServiceName]) -> String {
    let names: Vec<_> = services.iter().map(ServiceName::as_str).collect();
    names.join(" → ")
}

/// Every service after all that it depends on; those at the same depth in alphabetical order.
/// Names that are no key are ignored.
pub fn start_order(
    dependencies: &BTreeMap<ServiceName, Vec<ServiceName>>,
) -> Result<Vec<ServiceName>, Cycle> {
    let mut walk = Walk { dependencies, order: Vec::new(), above: Vec::new() };
    for service in dependencies.keys() {
        walk.visit(service)?;
    }
    Ok(walk.order)
}

struct Walk<'a> {
    dependencies: &'a BTreeMap<ServiceName, Vec<ServiceName>>,
    order: Vec<ServiceName>,
    above: Vec<ServiceName>,
}

impl Walk<'_> {
    fn visit(&mut self, service: &ServiceName) -> Result<(), Cycle> {
        if let Some(start) = self.above.iter().position(|above| above == service) {
            let mut circle = self.above[start..].to_vec();
            circle.push(service.clone());
            return Err(Cycle(circle));
        }
        let Some(dependencies) = self.dependencies.get(service) else { return Ok(()) };
        if self.order.contains(service) {
            return Ok(());
        }
        self.above.push(service.clone());
        for dependency in dependencies {
            self.visit(dependency)?;
        }
        self.above.pop();
        self.order.push(service.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> BTreeMap<ServiceName, Vec<ServiceName>> {
        let name = |text: &&str| ServiceName::parse(text).unwrap();
        edges.iter().map(|(from, to)| (name(from), to.iter().map(name).collect())).collect()
    }

    #[test]
    fn a_service_starts_after_what_it_depends_on() {
        let order = start_order(&graph(&[
            ("www", &["api"]),
            ("api", &["local", "eta"]),
            ("eta", &[]),
            ("local", &[]),
        ]));
        let names: Vec<_> = order.unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["local", "eta", "api", "www"]);
    }

    #[test]
    fn a_circle_is_named_once_around() {
        let error = start_order(&graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])])).unwrap_err();
        assert_eq!(error.to_string(), "services depend on each other in a circle: b → c → b");
    }
}
