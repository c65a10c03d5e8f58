//! Points at which the operator can be caught: the API server refuses it to make what comes after.

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

/// What the operator may not make in a namespace.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The namespace.
    pub namespace: String,
    /// Plurals of kinds of which nothing is made.
    pub kinds: Vec<&'static str>,
    /// Names of Services.
    pub services: Vec<&'static str>,
}

impl Refusal {
    /// In CEL: true when the request is none that is refused.
    fn allows(&self) -> String {
        let Self { namespace, kinds, services } = self;
        let kind = format!("request.resource.resource in {}", json!(kinds));
        let service =
            format!("request.resource.resource == 'services' && request.name in {}", json!(services));
        format!("request.namespace != '{namespace}' || !({kind} || ({service}))")
    }
}

/// An admission policy that is in force.
pub struct Holdback {
    name: String,
    policies: Api<ValidatingAdmissionPolicy>,
    bindings: Api<ValidatingAdmissionPolicyBinding>,
}

impl Holdback {
    /// Returns when the API server refuses; `name` is the policy's.
    pub async fn begin(client: &Client, name: &str, refusals: &[Refusal]) -> Result<Self> {
        let (policies, bindings) = (Api::all(client.clone()), Api::all(client.clone()));
        let holdback = Self { name: format!("story-{name}"), policies, bindings };
        let name = &holdback.name;
        let params = PatchParams::apply("slipway-story").force();
        holdback.policies.patch(name, &params, &Patch::Apply(policy(name, refusals))).await?;
        holdback.bindings.patch(name, &params, &Patch::Apply(binding(name))).await?;
        until_answered("the API server refuses", async || refuses(client, name).await).await?;
        Ok(holdback)
    }

    /// Nothing is refused any more, a moment after this.
    pub async fn end(self) -> Result<()> {
        self.bindings.delete(&self.name, &DeleteParams::default()).await?;
        self.policies.delete(&self.name, &DeleteParams::default()).await?;
        Ok(())
    }
}

/// A request that would change nothing is refused by the same policy.
async fn refuses(client: &Client, name: &str) -> Result<()> {
    let services: Api<Service> = Api::namespaced(client.clone(), "default");
    let service = json!({"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}});
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let made = services.create(&params, &serde_json::from_value(service)?).await;
    let refused = matches!(&made, Err(kube::Error::Api(status)) if status.message.contains(name));
    ensure!(refused, "a Service was accepted: {made:?}");
    Ok(())
}

fn policy(name: &str, refusals: &[Refusal]) -> Value {
    let probe = json!({"expression": format!("request.name != '{name}'"), "message": name});
    let of_operator = format!("request.userInfo.username != '{USER}'");
    let validations = refusals.iter().map(|refusal| {
        let message = format!("{name}: not yet");
        json!({"expression": format!("{of_operator} || {}", refusal.allows()), "message": message})
    });
    let rules = json!([{
        "apiGroups": ["", "apps", "batch"], "apiVersions": ["v1"], "operations": ["CREATE"],
        "resources": ["services", "statefulsets", "deployments", "jobs"],
    }]);
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": rules},
            "validations": validations.chain([probe]).collect::<Vec<_>>(),
        },
    })
}

fn binding(name: &str) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    })
}
