//! The operator: whether it runs and has seen everything.

use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, Error};

use super::check::{Check, is_forbidden};
use crate::api_error::INSTALL;
use crate::ask::OPERATOR;
use crate::connect::Session;

const SUBJECT: &str = "operator";

/// Asks the operator itself through the API server; who may not do that looks at its Deployment.
pub async fn look(session: &Session) -> Check {
    let (namespace, service, port) = OPERATOR;
    let path = format!("/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy/readyz");
    let ready = match http::Request::get(path).body(Vec::new()) {
        Ok(request) => session.client.request_text(request).await,
        Err(error) => Err(Error::HttpError(error)),
    };
    let deployments: Api<Deployment> = Api::namespaced(session.client.clone(), namespace);
    judge(ready.map(drop), deployments.get_opt(service).await)
}

fn judge(ready: Result<(), Error>, deployment: Result<Option<Deployment>, Error>) -> Check {
    let (namespace, service, _) = OPERATOR;
    let look = format!(
        "look closer: kubectl -n {namespace} get pods; kubectl -n {namespace} logs deployment/{service}"
    );
    let image = deployment.as_ref().ok().and_then(Option::as_ref).and_then(image);
    let image = image.map(|image| format!(" ({image})")).unwrap_or_default();
    match (ready, deployment) {
        (Ok(()), _) => Check::ok(SUBJECT, format!("it runs and is ready{image}")),
        (Err(Error::Api(status)), Ok(None)) if status.code == 404 => {
            Check::failed(SUBJECT, format!("there is no {service} in namespace {namespace}"), INSTALL)
        }
        (Err(error), Ok(Some(deployment))) if is_forbidden(&error) && is_available(&deployment) => {
            Check::ok(SUBJECT, format!("its Deployment is available{image}"))
        }
        (Err(error), Err(_)) if is_forbidden(&error) => Check::warning(
            SUBJECT,
            format!("it cannot be seen with your rights in namespace {namespace}"),
            format!("ask whoever administers the cluster for get services/proxy {service} there"),
        ),
        (Err(Error::Api(status)), _) => {
            Check::failed(SUBJECT, format!("it does not answer{image}: {}", status.message), look)
        }
        (Err(error), _) => Check::failed(SUBJECT, format!("it does not answer{image}: {error}"), look),
    }
}

fn image(deployment: &Deployment) -> Option<&str> {
    deployment.spec.as_ref()?.template.spec.as_ref()?.containers.first()?.image.as_deref()
}

fn is_available(deployment: &Deployment) -> bool {
    deployment.status.as_ref().and_then(|status| status.available_replicas).unwrap_or_default() > 0
}

#[cfg(test)]
mod tests {
    use super::super::check::Verdict;
    use super::*;
    use kube::core::Status;
    use serde_json::json;

    fn error(code: u16) -> Error {
        let mut status = Status::failure("the message", "Reason");
        status.code = code;
        Error::Api(Box::new(status))
    }

    fn deployment(available: i32) -> Deployment {
        serde_json::from_value(json!({"metadata": {}, "spec": {"selector": {}, "template": {"spec": {"containers": [
            {"name": "controller", "image": "r/slipway-controller:1"}]}}}, "status": {"availableReplicas": available}}))
        .unwrap()
    }

    #[test]
    fn the_operators_own_answer_counts_most() {
        let ready = judge(Ok(()), Err(error(403)));
        assert_eq!(ready.verdict, Verdict::Ok);
        assert_eq!(
            judge(Ok(()), Ok(Some(deployment(1)))).message,
            "it runs and is ready (r/slipway-controller:1)"
        );
        let waking = judge(Err(error(503)), Ok(Some(deployment(0))));
        assert_eq!(
            (waking.verdict, waking.cure.unwrap().contains("kubectl -n slipway-system logs")),
            (Verdict::Failed, true)
        );
        assert!(judge(Err(error(404)), Ok(None)).cure.unwrap().starts_with("install it"));
    }

    #[test]
    fn without_the_right_to_ask_its_deployment_is_looked_at() {
        assert_eq!(judge(Err(error(403)), Ok(Some(deployment(1)))).verdict, Verdict::Ok);
        assert_eq!(judge(Err(error(403)), Ok(Some(deployment(0)))).verdict, Verdict::Failed);
        assert_eq!(judge(Err(error(403)), Err(error(403))).verdict, Verdict::Warning);
    }
}
