//! What a person asks an environment to be, and what that makes of its spec.

use std::collections::BTreeMap;

use slipway_crds::v1alpha1::DevEnvironmentSpec;
use slipway_plan::service_name::ServiceName;

use crate::args::Wanted;
use crate::exit::Usage;

/// What a person asks an environment to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    services: Vec<String>,
    /// None: the trunk again.
    branches: BTreeMap<String, Option<String>>,
    profile: Option<String>,
    machine: Option<String>,
    ttl: Option<String>,
    env: BTreeMap<String, String>,
    only: bool,
}

impl Request {
    /// What the words on the command line ask for.
    pub fn parse(services: &[String], wanted: &Wanted) -> Result<Self, Usage> {
        for service in services {
            ServiceName::parse(service).map_err(|error| Usage(error.to_string()))?;
        }
        let branches = wanted.branches.iter().map(|text| branch(text)).collect::<Result<_, _>>()?;
        let env = wanted.variables.iter().map(|text| variable(text)).collect::<Result<_, _>>()?;
        Ok(Self {
            services: services.to_vec(),
            branches,
            env,
            profile: wanted.profile.clone(),
            machine: wanted.machine.clone(),
            ttl: wanted.ttl.clone(),
            only: wanted.only,
        })
    }

    /// The spec, after what is asked for was added to the one there is.
    pub fn applied_to(&self, before: Option<&DevEnvironmentSpec>) -> DevEnvironmentSpec {
        let mut spec = before.filter(|_| !self.only).cloned().unwrap_or_default();
        for service in &self.services {
            if !spec.services.contains(service) {
                spec.services.push(service.clone());
            }
        }
        for (service, reference) in &self.branches {
            match reference {
                Some(reference) => spec.branches.insert(service.clone(), reference.clone()),
                None => spec.branches.remove(service),
            };
        }
        spec.env.extend(self.env.clone());
        spec.profile = self.profile.clone().or(spec.profile);
        spec.machine = self.machine.clone().or(spec.machine);
        spec.ttl = self.ttl.clone().or(spec.ttl);
        spec
    }
}

fn branch(text: &str) -> Result<(String, Option<String>), Usage> {
    let (service, reference) = text.split_once('=').ok_or_else(|| {
        Usage(format!("--branch {text}: write the service too, for example --branch dispatch={text}"))
    })?;
    ServiceName::parse(service).map_err(|error| Usage(format!("--branch {text}: {error}")))?;
    Ok((service.to_owned(), Some(reference.to_owned()).filter(|reference| !reference.is_empty())))
}

fn variable(text: &str) -> Result<(String, String), Usage> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair
        .ok_or_else(|| Usage(format!("--set-env {text}: write NAME=VALUE, for example --set-env DEBUG=1")))?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|&word| word.to_owned()).collect()
    }

    fn request(services: &[&str], wanted: &Wanted) -> Request {
        Request::parse(&words(services), wanted).unwrap()
    }

    fn branches(list: &[&str]) -> Wanted {
        Wanted { branches: words(list), ..Wanted::default() }
    }

    #[test]
    fn what_is_asked_for_is_added() {
        let first = request(&["api"], &Wanted { ttl: Some("8h".to_owned()), ..branches(&["api=fix"]) })
            .applied_to(None);
        let second =
            request(&["eta", "api"], &Wanted { variables: words(&["A=b=c"]), ..branches(&["eta=v1"]) });
        let spec = second.applied_to(Some(&first));
        assert_eq!((spec.services, spec.ttl), (words(&["api", "eta"]), Some("8h".to_owned())));
        assert_eq!(
            spec.branches.into_iter().collect::<Vec<_>>(),
            [("api".to_owned(), "fix".to_owned()), ("eta".to_owned(), "v1".to_owned())]
        );
        assert_eq!(spec.env.get("A"), Some(&"b=c".to_owned()));
    }

    #[test]
    fn only_leaves_nothing_of_before() {
        let first = request(&["api"], &branches(&["api=fix"])).applied_to(None);
        let only = request(&["eta"], &Wanted { only: true, ..Wanted::default() }).applied_to(Some(&first));
        assert_eq!(only, request(&["eta"], &Wanted::default()).applied_to(None));
    }

    #[test]
    fn a_branch_is_taken_back_by_naming_none() {
        let first = request(&["api"], &branches(&["api=fix"])).applied_to(None);
        let spec = request(&[], &branches(&["api="])).applied_to(Some(&first));
        assert_eq!((spec.services, spec.branches.len()), (words(&["api"]), 0));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_an_example() {
        let refusal =
            |services: &[&str], wanted: &Wanted| Request::parse(&words(services), wanted).unwrap_err().0;
        assert!(refusal(&["Www"], &Wanted::default()).contains("`Www` is not a service name"));
        assert!(refusal(&[], &branches(&["fix-eta"])).contains("--branch dispatch=fix-eta"));
        assert!(refusal(&[], &branches(&["=fix-eta"])).contains("is not a service name"));
        let unnamed = Wanted { variables: words(&["=1"]), ..Wanted::default() };
        assert!(refusal(&[], &unnamed).contains("NAME=VALUE"));
    }
}
