//! Services and what they depend on: order and cycles.

use std::collections::{BTreeMap, BTreeSet};

use crate::service_name::ServiceName;

/// Services that depend on each other in a circle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("services depend on each other in a circle: {}", path(.0))]
pub struct Cycle(pub Vec<ServiceName>);

/// How many services of a circle are named: it may be a long one.
const NAMED: usize = 20;

fn path(services: &[ServiceName]) -> String {
    let names: Vec<_> = services.iter().map(ServiceName::as_str).collect();
    match names.as_slice() {
        [first @ .., last] if names.len() > NAMED => {
            format!("{} → … → {last}", first[..NAMED].join(" → "))
        }
        all => all.join(" → "),
    }
}

/// Every service after all that it depends on; those at the same depth in alphabetical order.
/// Names that are no key are ignored.
pub fn start_order(
    dependencies: &BTreeMap<ServiceName, Vec<ServiceName>>,
) -> Result<Vec<ServiceName>, Cycle> {
    let mut walk = Walk { dependencies, order: Vec::new(), done: BTreeSet::new() };
    for service in dependencies.keys() {
        walk.visit(service)?;
    }
    Ok(walk.order.into_iter().cloned().collect())
}

struct Walk<'a> {
    dependencies: &'a BTreeMap<ServiceName, Vec<ServiceName>>,
    order: Vec<&'a ServiceName>,
    done: BTreeSet<&'a ServiceName>,
}

/// A service on the way down, and which of its dependencies comes next.
struct Above<'a> {
    service: &'a ServiceName,
    next: usize,
}

impl<'a> Walk<'a> {
    // A stack of its own: a chain of dependencies may be longer than the program's stack is deep.
    fn visit(&mut self, first: &'a ServiceName) -> Result<(), Cycle> {
        let mut above: Vec<Above<'a>> = Vec::new();
        let mut open: BTreeSet<&ServiceName> = BTreeSet::new();
        let mut entering = Some(first);
        loop {
            if let Some(service) = entering.take() {
                if !open.insert(service) {
                    return Err(circle(&above, service));
                }
                above.push(Above { service, next: 0 });
            }
            let Some(last) = above.last_mut() else { return Ok(()) };
            let below = self.dependencies.get(last.service).map(Vec::as_slice).unwrap_or_default();
            entering = match below.get(last.next) {
                Some(next) if !self.done.contains(next) && self.dependencies.contains_key(next) => Some(next),
                Some(_) => None,
                None => {
                    open.remove(last.service);
                    if self.done.insert(last.service) {
                        self.order.push(last.service);
                    }
                    above.pop();
                    continue;
                }
            };
            last.next += 1;
        }
    }
}

fn circle(above: &[Above<'_>], again: &ServiceName) -> Cycle {
    let around = above.iter().map(|above| above.service).skip_while(|service| *service != again);
    Cycle(around.chain([again]).cloned().collect())
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
    fn a_chain_of_thousands_of_services_is_ordered() {
        let name = |number: usize| ServiceName::parse(&format!("s{number}")).unwrap();
        let mut chain: BTreeMap<_, _> = (0..20_000).map(|n| (name(n), vec![name(n + 1)])).collect();
        chain.insert(name(20_000), Vec::new());
        let order = start_order(&chain).unwrap();
        assert_eq!((order.first(), order.last()), (Some(&name(20_000)), Some(&name(0))));
        chain.insert(name(20_000), vec![name(0)]);
        assert_eq!(start_order(&chain).unwrap_err().0.len(), 20_002);
    }

    #[test]
    fn a_service_that_depends_on_itself_is_a_circle() {
        let error = start_order(&graph(&[("a", &["a"])])).unwrap_err();
        assert_eq!(error.to_string(), "services depend on each other in a circle: a → a");
    }

    #[test]
    fn a_circle_is_named_once_around() {
        let error = start_order(&graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])])).unwrap_err();
        assert_eq!(error.to_string(), "services depend on each other in a circle: b → c → b");
    }
}
