//! Rules: which requests go wrong, and how.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::target::{Target, Verb};

/// How a request goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operator is killed before the API server sees the request.
    KillBefore,
    /// The operator is killed after the API server has done it, and before it hears so.
    KillAfter,
    /// The request reaches the API server later.
    Delay(Duration),
    /// The operator is told this, whether or not the API server has done it.
    Answer {
        /// HTTP status.
        status: u16,
        /// Seconds in a `Retry-After` header.
        retry_after: Option<u32>,
        /// Whether the API server gets the request.
        forwarded: bool,
    },
    /// The connection breaks.
    Reset {
        /// Whether the API server gets the request.
        forwarded: bool,
    },
    /// Nothing is ever answered, and the API server does not get the request.
    BlackHole,
    /// A list is answered as the first one of its kind was.
    OlderList,
    /// An event of a watch goes wrong.
    Event(EventFault),
}

/// How an event of a watch goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventFault {
    /// The connection ends in the middle of it.
    Cut,
    /// It is left out.
    Drop,
    /// It comes twice.
    Duplicate,
    /// It comes after the next one.
    Reorder,
    /// It is left out when the next one is about the same object.
    Coalesce,
    /// It comes later, and so do all after it.
    Delay(Duration),
    /// From it on the watch stays open and says nothing more.
    Silence,
    /// It and all after it are lost, until the watch says a moment later that it is too old to go on.
    Lose,
}

/// Which requests, or events, a rule is about. What is not said does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matcher {
    /// What the request does.
    pub verb: Option<Verb>,
    /// Any write.
    pub writes: bool,
    /// API group.
    pub group: Option<String>,
    /// Kind as in the path, with the subresource.
    pub resource: Option<String>,
    /// Namespace.
    pub namespace: Option<String>,
    /// Name.
    pub name: Option<String>,
}

impl Matcher {
    /// Whether it is about this request, or event.
    pub fn matches(&self, target: &Target) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        self.verb.is_none_or(|verb| verb == target.verb)
            && (!self.writes || target.verb.is_write())
            && is(&self.group, &target.group)
            && is(&self.resource, &target.resource)
            && is(&self.namespace, &target.namespace)
            && is(&self.name, &target.name)
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it is about.
    pub matcher: Matcher,
    /// From which occurrence on, counted from 1.
    pub from: usize,
    /// How many occurrences in a row.
    pub times: usize,
    /// What happens then.
    pub fault: Fault,
}

impl Rule {
    /// A rule for one occurrence.
    pub fn once(matcher: Matcher, nth: usize, fault: Fault) -> Self {
        Self { matcher, from: nth, times: 1, fault }
    }

    /// A rule for the first occurrences.
    pub fn first(matcher: Matcher, times: usize, fault: Fault) -> Self {
        Self { matcher, from: 1, times, fault }
    }
}

/// The rules that are in force, and how often each has matched.
#[derive(Debug, Default)]
pub struct Rules(Mutex<Vec<(Rule, usize)>>);

impl Rules {
    /// Replaces the rules; occurrences are counted from now on.
    pub fn set(&self, rules: Vec<Rule>) {
        let counted = rules.into_iter().map(|rule| (rule, 0)).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = counted;
    }

    /// What goes wrong with this request.
    pub fn request(&self, target: &Target) -> Option<Fault> {
        self.count(target, false)
    }

    /// What goes wrong with this event of a watch.
    pub fn event(&self, target: &Target) -> Option<EventFault> {
        match self.count(target, true) {
            Some(Fault::Event(fault)) => Some(fault),
            _ => None,
        }
    }

    /// Whether every rule has had its way at least once.
    pub fn all_reached(&self) -> bool {
        let rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rules.iter().all(|(rule, seen)| *seen >= rule.from)
    }

    fn count(&self, target: &Target, event: bool) -> Option<Fault> {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = None;
        for (rule, seen) in rules.iter_mut() {
            if matches!(rule.fault, Fault::Event(_)) != event || !rule.matcher.matches(target) {
                continue;
            }
            *seen += 1;
            if *seen >= rule.from && *seen - rule.from < rule.times && found.is_none() {
                found = Some(rule.fault.clone());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(verb: Verb, name: &str) -> Target {
        let (group, resource) = ("apps".to_owned(), "deployments".to_owned());
        Target { verb, group, resource, namespace: "env".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn a_rule_meets_its_occurrence_and_no_other() {
        let rules = Rules::default();
        let matcher = Matcher { name: Some("www".to_owned()), writes: true, ..Matcher::default() };
        rules.set(vec![Rule::once(matcher, 2, Fault::KillBefore)]);
        assert_eq!(rules.request(&target(Verb::Create, "www")), None);
        assert_eq!(rules.request(&target(Verb::Create, "api")), None);
        assert_eq!(rules.request(&target(Verb::Get, "www")), None);
        assert!(!rules.all_reached());
        assert_eq!(rules.request(&target(Verb::Patch, "www")), Some(Fault::KillBefore));
        assert!(rules.all_reached());
        assert_eq!(rules.request(&target(Verb::Patch, "www")), None);
    }

    #[test]
    fn events_and_requests_are_counted_apart() {
        let rules = Rules::default();
        let matcher = Matcher { verb: Some(Verb::Watch), ..Matcher::default() };
        rules.set(vec![Rule::first(matcher, 1, Fault::Event(EventFault::Drop))]);
        assert_eq!(rules.request(&target(Verb::Watch, "")), None);
        assert_eq!(rules.event(&target(Verb::Watch, "www")), Some(EventFault::Drop));
        assert_eq!(rules.event(&target(Verb::Watch, "www")), None);
    }
}
