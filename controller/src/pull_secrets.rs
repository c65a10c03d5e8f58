//! Reads the Fleets' pull Secrets, and their copies in environments. Secrets are read one by one, never listed or watched.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Secret;
use kube::api::{ApiResource, DynamicObject};
use kube::{Api, Client};
use slipway_crds::names;
use slipway_crds::v1alpha1::FleetSpec;
use slipway_plan::desired::pull_secret;
use slipway_plan::object::Observed;
use slipway_plan::pull_secret::{PullSecret, PullSecretProblem};

use crate::cache;
use crate::error::Error;

/// For how long what was read is given again without asking: the environments of a Fleet ask together.
const FRESH: Duration = Duration::from_secs(2);

/// What a pull Secret says, or why it cannot be used.
pub type Found = Result<Arc<PullSecret>, PullSecretProblem>;

/// The Fleets' pull Secrets.
pub struct PullSecrets {
    client: Client,
    recent: Mutex<HashMap<(String, String), (Instant, Found)>>,
}

impl PullSecrets {
    /// Of this cluster.
    pub fn new(client: Client) -> Self {
        Self { client, recent: Mutex::default() }
    }

    /// The pull Secret of the Fleet in this namespace; None where it names none.
    pub async fn of_fleet(&self, namespace: &str, fleet: &FleetSpec) -> Result<Option<Found>, Error> {
        self.named(namespace, fleet.pull_secret.as_deref()).await
    }

    /// The Secret of the Fleet with which images are pushed; None where it names none.
    pub async fn to_push(&self, namespace: &str, fleet: &FleetSpec) -> Result<Option<Found>, Error> {
        self.named(namespace, fleet.builds.push_secret.as_deref()).await
    }

    async fn named(&self, namespace: &str, name: Option<&str>) -> Result<Option<Found>, Error> {
        let Some(name) = name else { return Ok(None) };
        let key = (namespace.to_owned(), name.to_owned());
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some((_, found)) = recent.filter(|(at, _)| at.elapsed() < FRESH) {
            return Ok(Some(found));
        }
        let found = self.read(&key.0, &key.1).await?;
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|_, (at, _)| at.elapsed() < FRESH);
        recent.insert(key, (Instant::now(), found.clone()));
        Ok(Some(found))
    }

    async fn read(&self, namespace: &str, name: &str) -> Result<Found, Error> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        match api.get(name).await {
            Ok(secret) => {
                let data = secret.data.unwrap_or_default();
                Ok(PullSecret::parse(name, secret.type_.as_deref(), &data).map(Arc::new))
            }
            Err(kube::Error::Api(status)) if status.is_not_found() => {
                Ok(Err(PullSecretProblem::Missing(name.to_owned())))
            }
            Err(kube::Error::Api(status)) if status.is_forbidden() => {
                Ok(Err(PullSecretProblem::Forbidden(name.to_owned())))
            }
            Err(source) => Err(Error::Read { what: format!("Secret {namespace}/{name}"), source }),
        }
    }

    /// The copy in an environment's namespace, where one is wanted or was.
    pub async fn copy_in(
        &self,
        namespace: &str,
        fleet: &FleetSpec,
        observed: &[Observed],
    ) -> Result<Option<Observed>, Error> {
        let has_namespace = observed.iter().any(|object| object.key.kind == "Namespace");
        if !has_namespace || (fleet.pull_secret.is_none() && !pull_secret::is_named(observed)) {
            return Ok(None);
        }
        self.copy(namespace, names::PULL_SECRET).await
    }

    /// The copies in the namespace of builds, once that is there.
    pub async fn copies_in(&self, namespace: &str, observed: &[Observed]) -> Result<Vec<Observed>, Error> {
        let is_it = |object: &Observed| object.key.kind == "Namespace" && object.key.name == namespace;
        if !observed.iter().any(is_it) {
            return Ok(Vec::new());
        }
        let pull = self.copy(namespace, names::PULL_SECRET).await?;
        let push = self.copy(namespace, names::PUSH_SECRET).await?;
        Ok(pull.into_iter().chain(push).collect())
    }

    async fn copy(&self, namespace: &str, name: &str) -> Result<Option<Observed>, Error> {
        let resource = ApiResource::erase::<Secret>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace, &resource);
        let found = api.get_opt(name).await;
        let what = || format!("Secret {namespace}/{name}");
        let found = found.map_err(|source| Error::Read { what: what(), source })?;
        Ok(found.map(|copy| cache::observed(&resource, &copy)))
    }
}
