//! Carries a plan out: creates, updates and deletes, with preconditions.

mod ownership;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use slipway_crds::names;
use slipway_plan::diff::{Conflict, Owner, Step};
use slipway_plan::object::{Object, ObjectKey, Observed};

use crate::cache::{self, Written};

/// The API server's answer to an object that is not valid.
const UNPROCESSABLE: u16 = 422;
/// The API server's answer to a request for which a right is missing.
const FORBIDDEN: u16 = 403;
/// How many requests of one plan are under way at once.
const PARALLEL: usize = 16;

/// A step that could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The API server refused it or could not be reached.
    #[error("failed to {verb} {key}")]
    Request {
        /// What was tried.
        verb: &'static str,
        /// On which object.
        key: ObjectKey,
        /// Why.
        source: kube::Error,
    },
    /// An object of that name is somebody else's.
    #[error("{0}")]
    Conflict(Conflict),
}

impl ApplyError {
    /// Whether the object changed between our look and our write: another look helps, and nobody has to know.
    pub fn is_stale(&self) -> bool {
        matches!(self, Self::Request { source: kube::Error::Api(status), .. } if status.is_conflict())
    }

    /// Whether a right is missing, and not a quota or a policy in the way.
    pub fn is_forbidden(&self) -> bool {
        let Self::Request { source: kube::Error::Api(status), .. } = self else { return false };
        status.code == FORBIDDEN && status.message.contains(" cannot ")
    }

    /// The API server's own words, where it answered.
    pub fn answer(&self) -> String {
        match self {
            Self::Request { source: kube::Error::Api(status), .. } => format!("{self}: {}", status.message),
            Self::Request { source, .. } => format!("{self}: {source}"),
            Self::Conflict(conflict) => conflict.to_string(),
        }
    }
}

/// What became of a plan: the objects that were written, and the steps that failed.
#[derive(Debug, Default)]
pub struct Applied {
    /// Objects as the API server returned them.
    pub done: Vec<Observed>,
    /// Objects whose deletion was accepted.
    pub deleted: Vec<ObjectKey>,
    /// Steps that failed.
    pub failed: Vec<ApplyError>,
}

/// Carries out steps on behalf of an owner.
#[derive(Clone)]
pub struct Applier<'a> {
    /// The API server.
    pub client: &'a Client,
    /// On whose behalf.
    pub owner: &'a Owner,
    /// Remembers what was written, under this name.
    pub written: Option<(&'a Written, &'a str)>,
    /// Kinds beside Slipway's and those of environments; they are watched, too.
    pub resources: &'a [ApiResource],
}

enum Done {
    Written(Observed),
    Deleted(ObjectKey),
}

impl Applier<'_> {
    /// Creates and updates group by group, each group in parallel, then deletes in parallel.
    /// `rank` gives the group: lower ones first.
    pub async fn apply(&self, steps: &[Step], rank: impl Fn(&ObjectKey) -> usize) -> Applied {
        let mut groups: std::collections::BTreeMap<usize, Vec<&Step>> = std::collections::BTreeMap::new();
        for step in steps {
            let group = match step {
                Step::Create(object) | Step::Update { object, .. } => rank(&object.key),
                Step::Delete { .. } => usize::MAX,
            };
            groups.entry(group).or_default().push(step);
        }
        let mut applied = Applied::default();
        for group in groups.into_values() {
            self.all(group, &mut applied).await;
        }
        applied
    }

    /// A request is a large thing while it is under way: only a few are made before they are sent.
    async fn all(&self, steps: Vec<&Step>, applied: &mut Applied) {
        let mut left = steps.into_iter();
        let mut under_way = FuturesUnordered::new();
        loop {
            under_way.extend(left.by_ref().take(PARALLEL - under_way.len()).map(|step| self.one(step)));
            let Some(result) = under_way.next().await else { return };
            collect(applied, result);
        }
    }

    async fn one(&self, step: &Step) -> Result<Done, ApplyError> {
        match step {
            Step::Create(object) => self.create(object).await.map(Done::Written),
            Step::Update { object, uid, loses_fields, .. } => {
                self.update(object, uid, *loses_fields).await.map(Done::Written)
            }
            Step::Delete { key, uid } => self.delete(key, uid).await.map(|()| Done::Deleted(key.clone())),
        }
    }

    /// POST, not PATCH: an object of that name that the cache does not show is never merged into.
    async fn create(&self, object: &Object) -> Result<Observed, ApplyError> {
        let (api, resource) = self.api(&object.key);
        match self.post(&api, object).await {
            Ok(live) => Ok(self.remember(&resource, &live)),
            Err(kube::Error::Api(status)) if status.is_already_exists() => self.found(object).await,
            Err(source) => Err(request("create", &object.key, source)),
        }
    }

    /// Of a kind that only the API server knows, it says which fields there are none of.
    async fn post(&self, api: &Api<DynamicObject>, object: &Object) -> kube::Result<DynamicObject> {
        let params = PostParams { field_manager: Some(self.owner.manager.clone()), ..PostParams::default() };
        let body = serde_json::to_vec(&object.body).map_err(kube::Error::SerdeError)?;
        let request = kube::core::Request::new(api.resource_url()).create(&params, body);
        let mut request = request.map_err(kube::Error::BuildRequest)?;
        if self.is_foreign(&object.key) {
            let strict = format!("{}&fieldValidation=Strict", request.uri());
            *request.uri_mut() = strict
                .parse()
                .map_err(|error: http::uri::InvalidUri| kube::Error::HttpError(error.into()))?;
        }
        self.client.request(request).await
    }

    fn is_foreign(&self, key: &ObjectKey) -> bool {
        self.resources.iter().any(|known| known.api_version == key.api_version && known.kind == key.kind)
    }

    /// Somebody was there first: ourselves before a crash, or somebody else. A watch by label does not show an object of
    /// ours that has lost its labels: it gets them back.
    async fn found(&self, object: &Object) -> Result<Observed, ApplyError> {
        let (api, resource) = self.api(&object.key);
        let live = api.get(&object.key.name).await.map_err(|source| request("read", &object.key, source))?;
        let live = cache::observed(&resource, &live);
        if self.owner.owns(&live) {
            let is_whole = live.label(names::OWNER_UID) == Some(&self.owner.uid);
            return if is_whole { Ok(live) } else { self.update(object, live.uid(), true).await };
        }
        let holder = live.managers().next().unwrap_or("somebody else").to_owned();
        Err(ApplyError::Conflict(Conflict { key: object.key.clone(), holder }))
    }

    /// Server-side apply with force, on exactly the object that was observed.
    async fn update(&self, object: &Object, uid: &str, loses_fields: bool) -> Result<Observed, ApplyError> {
        let (api, resource) = self.api(&object.key);
        if loses_fields {
            self.take_over_own_create(&api, &object.key).await?;
        }
        let mut body = object.body.clone();
        body["metadata"]["uid"] = Value::from(uid);
        let mut params = PatchParams::apply(&self.owner.manager).force();
        if self.is_foreign(&object.key) {
            params = params.validation_strict();
        }
        let live = match api.patch(&object.key.name, &params, &Patch::Apply(&body)).await {
            Err(kube::Error::Api(status)) if status.code == UNPROCESSABLE => {
                self.replace_lists(&api, &body).await
            }
            other => other,
        };
        let live = live.map_err(|source| request("update", &object.key, source))?;
        Ok(self.remember(&resource, &live))
    }

    /// What somebody else put into a list of ours, such as another port of the same name, can make the merged object
    /// invalid. A merge patch puts the declared lists in place of the merged ones.
    async fn replace_lists(&self, api: &Api<DynamicObject>, body: &Value) -> kube::Result<DynamicObject> {
        let name = body["metadata"]["name"].as_str().unwrap_or_default();
        let params =
            PatchParams { field_manager: Some(self.owner.manager.clone()), ..PatchParams::default() };
        api.patch(name, &params, &Patch::Merge(body)).await
    }

    /// What our POST set counts as set by "Update"; only what was set by "Apply" goes when it is no longer declared.
    /// So before the first update that leaves fields out, the one is turned into the other.
    async fn take_over_own_create(
        &self,
        api: &Api<DynamicObject>,
        key: &ObjectKey,
    ) -> Result<(), ApplyError> {
        let live = api.get(&key.name).await.map_err(|source| request("read", key, source))?;
        let mut fields = live.managed_fields().to_vec();
        if !ownership::claim(&mut fields, &self.owner.manager) {
            return Ok(());
        }
        let version = live.resource_version();
        let patch = Patch::Merge(json!({"metadata": {"resourceVersion": version, "managedFields": fields}}));
        let params =
            PatchParams { field_manager: Some(self.owner.manager.clone()), ..PatchParams::default() };
        let patched = api.patch_metadata(&key.name, &params, &patch).await;
        patched.map(drop).map_err(|source| request("update", key, source))
    }

    async fn delete(&self, key: &ObjectKey, uid: &str) -> Result<(), ApplyError> {
        let (api, _) = self.api(key);
        let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        let params = DeleteParams::background().preconditions(preconditions);
        match api.delete(&key.name, &params).await {
            Ok(_) => {}
            // Gone already, or another object of that name: nothing of ours is left.
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
            Err(source) => return Err(request("delete", key, source)),
        }
        if let Some((written, owner)) = self.written.filter(|_| self.is_watched(key)) {
            written.deleted(owner, key, uid);
        }
        Ok(())
    }

    fn remember(&self, resource: &ApiResource, live: &DynamicObject) -> Observed {
        let live = cache::packed(resource, live);
        if let Some((written, owner)) = self.written.filter(|_| self.is_watched(&live.key)) {
            written.applied(owner, &live.key, live.resource_version());
        }
        live
    }

    /// What is not watched never comes back: a pull Secret is read each time.
    fn is_watched(&self, key: &ObjectKey) -> bool {
        self.is_foreign(key) || known().any(|resource| resource.kind == key.kind)
    }

    fn resource(&self, key: &ObjectKey) -> ApiResource {
        let mut known = self.resources.iter().cloned().chain(known());
        let found = known.find(|known| known.api_version == key.api_version && known.kind == key.kind);
        let (group, version) = key.api_version.split_once('/').unwrap_or(("", &key.api_version));
        found.unwrap_or_else(|| ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &key.kind)))
    }

    fn api(&self, key: &ObjectKey) -> (Api<DynamicObject>, ApiResource) {
        let resource = self.resource(key);
        let api = match &key.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        (api, resource)
    }
}

fn collect(applied: &mut Applied, result: Result<Done, ApplyError>) {
    match result {
        Ok(Done::Written(live)) => applied.done.push(live),
        Ok(Done::Deleted(key)) => applied.deleted.push(key),
        Err(error) => applied.failed.push(error),
    }
}

fn known() -> impl Iterator<Item = ApiResource> {
    cache::kinds().into_iter().chain(crate::own_kinds())
}

fn request(verb: &'static str, key: &ObjectKey, source: kube::Error) -> ApplyError {
    ApplyError::Request { verb, key: key.clone(), source }
}
