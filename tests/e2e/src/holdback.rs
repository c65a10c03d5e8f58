//! Points at which the operator can be caught: the API server refuses it to make what comes after.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::Service;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::operator::USER;
use crate::waiting::until_answered;

const NAME: &str = "slipway-story-holdback";

/// What the operator may not make in a namespace.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The namespace.
    pub namespace: String,
    /// Names of Services.
    pub services: Vec<String>,
    /// Whether stateful sets are refused, too. Deployments always are.
    pub stateful_sets: bool,
}

impl Refusal {
    /// In CEL: true when the request is none that is refused.
    fn allows(&self) -> String {
        let mut refused = String::from("request.resource.resource == 'deployments'");
        if self.stateful_sets {
            refused += " || request.resource.resource == 'statefulsets'";
        }
        for service in &self.services {
            // Writing to a String cannot fail.
            let _ = write!(
                refused,
                " || (request.resource.resource == 'services' && request.name == '{service}')"
            );
        }
        format!("request.namespace != '{}' || !({refused})", self.namespace)
    }
}

/// An admission policy that is in force.
pub struct Holdback {
    policies: Api<ValidatingAdmissionPolicy>,
    bindings: Api<ValidatingAdmissionPolicyBinding>,
}

impl Holdback {
    /// Returns when the API server refuses.
    pub async fn begin(client: &Client, refusals: &[Refusal]) -> Result<Self> {
        let holdback = Self { policies: Api::all(client.clone()), bindings: Api::all(client.clone()) };
        let params = PatchParams::apply("slipway-story").force();
        holdback.policies.patch(NAME, &params, &Patch::Apply(policy(refusals))).await?;
        holdback.bindings.patch(NAME, &params, &Patch::Apply(binding())).await?;
        until_answered("the API server refuses", async || refuses(client).await).await?;
        Ok(holdback)
    }

    /// Nothing is refused any more, a moment after this.
    pub async fn end(self) -> Result<()> {
        self.bindings.delete(NAME, &DeleteParams::default()).await?;
        self.policies.delete(NAME, &DeleteParams::default()).await?;
        Ok(())
    }
}

/// A request that would change nothing is refused by the same policy.
async fn refuses(client: &Client) -> Result<()> {
    let services: Api<Service> = Api::namespaced(client.clone(), "default");
    let service = json!({"metadata": {"name": NAME}, "spec": {"ports": [{"port": 80}]}});
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let made = services.create(&params, &serde_json::from_value(service)?).await;
    let refused = matches!(&made, Err(kube::Error::Api(status)) if status.message.contains(NAME));
    ensure!(refused, "a Service was accepted: {made:?}");
    Ok(())
}

fn policy(refusals: &[Refusal]) -> Value {
    let probe = json!({"expression": format!("request.name != '{NAME}'"), "message": NAME});
    let of_operator = format!("request.userInfo.username != '{USER}'");
    let validations = refusals.iter().map(|refusal| {
        let message = format!("{NAME}: not yet");
        json!({"expression": format!("{of_operator} || {}", refusal.allows()), "message": message})
    });
    let rules = json!([{
        "apiGroups": ["", "apps"], "apiVersions": ["v1"], "operations": ["CREATE"],
        "resources": ["services", "statefulsets", "deployments"],
    }]);
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": NAME},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": rules},
            "validations": validations.chain([probe]).collect::<Vec<_>>(),
        },
    })
}

fn binding() -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": NAME},
        "spec": {"policyName": NAME, "validationActions": ["Deny"]},
    })
}
