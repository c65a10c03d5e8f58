//! What the verbs need, and whether you may.

use futures::future::join_all;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;
use slipway_crds::names;
use slipway_crds::v1alpha1::DevEnvironment;

use super::check::{Check, Verdict};
use crate::ask::OPERATOR;
use crate::connect::Session;
use crate::environment;

const SUBJECT: &str = "rights";

/// Where something is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Fleet,
    Environment,
    Operator,
}

/// What some verbs need.
#[derive(Clone, Copy, Debug)]
struct Need {
    /// The verbs of this program.
    verbs: &'static str,
    /// What has to be allowed.
    right: &'static str,
    /// Group, resource and subresource.
    resource: (&'static str, &'static str, &'static str),
    place: Place,
    /// How bad it is without.
    without: Verdict,
}

const fn need(
    verbs: &'static str,
    right: &'static str,
    resource: (&'static str, &'static str, &'static str),
    place: Place,
    without: Verdict,
) -> Need {
    Need { verbs, right, resource, place, without }
}

const ENVIRONMENTS: (&str, &str, &str) = (slipway_crds::GROUP, "devenvironments", "");

const NEEDS: [Need; 13] = [
    need("every verb", "get", ENVIRONMENTS, Place::Fleet, Verdict::Failed),
    need("every verb", "list", ENVIRONMENTS, Place::Fleet, Verdict::Failed),
    need("start, test, status --watch", "watch", ENVIRONMENTS, Place::Fleet, Verdict::Failed),
    need("start, test", "create", ENVIRONMENTS, Place::Fleet, Verdict::Warning),
    need("start, stop, keep, restart, test", "patch", ENVIRONMENTS, Place::Fleet, Verdict::Warning),
    need("test", "get", ("", "configmaps", ""), Place::Fleet, Verdict::Warning),
    need("logs, open, exec, why", "list", ("", "pods", ""), Place::Environment, Verdict::Warning),
    need("logs", "get", ("", "pods", "log"), Place::Environment, Verdict::Warning),
    need("open", "create", ("", "pods", "portforward"), Place::Environment, Verdict::Warning),
    need("open", "list", ("", "services", ""), Place::Environment, Verdict::Warning),
    need("exec", "create", ("", "pods", "exec"), Place::Environment, Verdict::Warning),
    need("plan, diff", "create", ("", "serviceaccounts", "token"), Place::Fleet, Verdict::Warning),
    need("plan, diff", "create", ("", "services", "proxy"), Place::Operator, Verdict::Warning),
];

/// One line when everything is allowed, else a line for each need that is not met.
pub async fn look(session: &Session, environments: &[DevEnvironment]) -> Vec<Check> {
    // Environments have namespaces of their own: one that runs stands for all.
    let inside = environments.iter().find_map(environment::namespace);
    let answers = join_all(NEEDS.iter().map(|need| ask(session, need, inside))).await;
    let checks: Vec<_> =
        NEEDS.iter().zip(answers).filter_map(|(need, answer)| judge(need, answer, session)).collect();
    if checks.is_empty() { vec![Check::ok(SUBJECT, "you may use every verb")] } else { checks }
}

async fn ask(session: &Session, need: &Need, inside: Option<&str>) -> Result<bool, kube::Error> {
    let (group, resource, subresource) = need.resource;
    let namespace = match need.place {
        Place::Fleet => Some(session.namespace.as_str()),
        Place::Environment => inside,
        Place::Operator => Some(OPERATOR.0),
    };
    let name = match (need.place, resource) {
        (Place::Operator, _) => Some(format!("{}:{}", OPERATOR.1, OPERATOR.2)),
        (_, "serviceaccounts") => Some(names::PLAN_ACCOUNT.to_owned()),
        _ => None,
    };
    let attributes = ResourceAttributes {
        group: Some(group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource: Some(subresource.to_owned()).filter(|text| !text.is_empty()),
        namespace: namespace.map(str::to_owned),
        verb: Some(need.right.to_owned()),
        name,
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
    let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(session.client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

fn judge(need: &Need, answer: Result<bool, kube::Error>, session: &Session) -> Option<Check> {
    let described = described(need, &session.namespace);
    match answer {
        Ok(true) => None,
        Ok(false) => {
            let message = format!("you may not {described}, which {} needs", need.verbs);
            let cure = "ask whoever administers the cluster for this right".to_owned();
            Some(Check { subject: SUBJECT, verdict: need.without, message, cure: Some(cure) })
        }
        Err(error) => Some(Check::unseen(SUBJECT, &format!("whether you may {described}"), &error)),
    }
}

fn described(need: &Need, fleet: &str) -> String {
    let (_, resource, subresource) = need.resource;
    let resource =
        if subresource.is_empty() { resource.to_owned() } else { format!("{resource}/{subresource}") };
    let place = match need.place {
        Place::Fleet => format!("in namespace {fleet}"),
        Place::Environment => "in the namespaces of environments".to_owned(),
        Place::Operator => format!("in namespace {}", OPERATOR.0),
    };
    format!("{} {resource} {place}", need.right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_need_is_told_as_kubernetes_says_it() {
        let told: Vec<_> = NEEDS.iter().map(|need| described(need, "fleet")).collect();
        assert!(told.contains(&"patch devenvironments in namespace fleet".to_owned()));
        assert!(told.contains(&"create pods/portforward in the namespaces of environments".to_owned()));
        assert!(told.contains(&"create services/proxy in namespace slipway-system".to_owned()));
        assert!(told.contains(&"create serviceaccounts/token in namespace fleet".to_owned()));
    }
}
