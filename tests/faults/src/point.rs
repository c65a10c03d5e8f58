//! One write of a scenario, by what it is and not by when it comes: writes that go on side by side change places.

use std::collections::BTreeMap;

use crate::names::Names;
use crate::proxy::{Entry, Matcher, Verb};

/// One write of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Point {
    /// What it does.
    pub verb: Verb,
    /// Kind as in the path, with the subresource.
    pub resource: String,
    /// Namespace, in general words.
    pub namespace: String,
    /// Name, in general words; none for events, which are named by chance.
    pub name: Option<String>,
    /// Which one of its like, counted from 1.
    pub nth: usize,
}

impl Point {
    /// The writes among these requests.
    pub fn all(entries: &[Entry], names: &Names) -> Vec<Self> {
        let mut seen: BTreeMap<Self, usize> = BTreeMap::new();
        let writes = entries.iter().filter(|entry| entry.target.verb.is_write());
        let mut numbered = |entry: &Entry| {
            let alike = Self::like(entry, names);
            let count = seen.entry(alike.clone()).or_default();
            *count += 1;
            Self { nth: *count, ..alike }
        };
        writes.map(&mut numbered).collect()
    }

    fn like(entry: &Entry, names: &Names) -> Self {
        let target = &entry.target;
        let by_chance = target.resource == "events" || target.name.is_empty();
        Self {
            verb: target.verb,
            resource: target.resource.clone(),
            namespace: names.general(&target.namespace),
            name: (!by_chance).then(|| names.general(&target.name)),
            nth: 0,
        }
    }

    /// What finds it in a run.
    pub fn matcher(&self, names: &Names) -> Matcher {
        Matcher {
            verb: Some(self.verb),
            resource: Some(self.resource.clone()),
            namespace: Some(names.own(&self.namespace)),
            name: self.name.as_ref().map(|name| names.own(name)),
            ..Matcher::default()
        }
    }
}

impl std::fmt::Display for Point {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { verb, resource, namespace, name, nth } = self;
        let verb = format!("{verb:?}").to_lowercase();
        let name = name.as_deref().unwrap_or("*");
        write!(formatter, "{verb} {resource} {namespace}/{name} #{nth}")
    }
}
