//! Gathers what the next step of a build depends on.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use slipway_crds::v1alpha1::{
    BlockedBy, BuildInputs, BuildStep, FleetSpec, ServiceBuild, ServiceBuildStatus, UnitStatus,
};
use slipway_crds::{names, reasons};
use slipway_plan::build::inputs::Tags;
use slipway_plan::build::{BuildFacts, Limits, Report, Unit, UnitTests, stored, why};
use slipway_plan::desired::{Identity, build};
use slipway_plan::duration;
use slipway_plan::environment::resolve::{FoundDigest, Unavailable};
use slipway_plan::integration::{DELIVERY_GRACE, JobFacts, job};
use slipway_plan::manifest::Manifest;
use slipway_plan::object::{ObjectKey, Observed};
use slipway_plan::pull_secret::PullSecret;
use slipway_plan::service_name::ServiceName;

use super::ground::Ground;
use super::kin::{Kin, Start};
use super::made;
use crate::context::Context;
use crate::error::Error;
use crate::reconcile::dev_environment::knowledge;

/// When a timeout is none, which the schema refuses.
const DEFAULT_TIMEOUT: SignedDuration = SignedDuration::from_mins(30);

/// All that the decision about a build depends on, and what acting on it needs.
pub struct Gathered {
    /// Its names.
    pub identity: Identity,
    /// The service.
    pub service: ServiceName,
    /// The Fleet; None where there is none, or more than one.
    pub fleet: Option<FleetSpec>,
    /// What the service says of itself at the commit.
    pub manifest: Option<Manifest>,
    /// What was made for it, and what all builds of the fleet share.
    pub observed: Vec<Observed>,
    /// Logins to pull with, and to push with.
    pub pull: Option<Arc<PullSecret>>,
    /// To push with.
    pub push: Option<Arc<PullSecret>>,
    /// What the decision depends on.
    pub facts: BuildFacts,
}

/// Gathers; None while the cache is older than what we wrote, or a repository was not read yet.
pub async fn gather(
    context: &Context,
    build: &ServiceBuild,
    now: Timestamp,
) -> Result<Option<Gathered>, Error> {
    let namespace = build.namespace().unwrap_or_default();
    let Some(observed) = context.builds.of_build(&namespace, &build.name_any()) else { return Ok(None) };
    let status = build.status.clone().unwrap_or_default();
    // A name that is none has no ServiceRepo either.
    let Ok(service) = ServiceName::parse(&build.spec.service) else {
        return Ok(Some(lost(build, &namespace, observed, "the service's name is none", now)));
    };
    let fleet = match made::fleet(context, &namespace) {
        Ok(fleet) => fleet,
        Err(why) if status.step == BuildStep::Waiting => {
            return Ok(Some(lost(build, &namespace, observed, why, now)));
        }
        // What has begun waits for the Fleet to come back.
        Err(_) => return Ok(None),
    };
    let logins = made::logins(context, &namespace, &fleet).await?;
    let identity = made::identity(build, &namespace, &fleet);
    let look = Look { context, build, status: &status, service: &service, fleet: &fleet, now };
    let (pull, push) = match logins {
        Ok(logins) => logins,
        Err(problem) if status.step == BuildStep::Waiting => {
            let mut gathered = lost(build, &namespace, observed, "", now);
            gathered.facts.inputs = Err(blocked("the Fleet's Secrets", problem, now));
            return Ok(Some(gathered));
        }
        Err(_) => return Ok(None),
    };
    let Some(inputs) = look.inputs(pull.as_deref()).await else { return Ok(None) };
    let (inputs, manifest) = match inputs {
        Err(blocked) => (Err(blocked.clone()), Err(blocked)),
        Ok(inputs) => match look.manifest(&inputs).await {
            Some(Err(blocked)) if status.step == BuildStep::Waiting => (Err(blocked.clone()), Err(blocked)),
            Some(manifest) => (Ok(inputs), manifest),
            None if status.step == BuildStep::Waiting => return Ok(None),
            None => (Ok(inputs), Err(look.unread())),
        },
    };
    let facts = look.facts(&identity, inputs, manifest.as_ref(), &observed, pull.as_deref()).await;
    let manifest = manifest.ok();
    Ok(Some(Gathered { identity, service, fleet: Some(fleet), manifest, observed, pull, push, facts }))
}

/// What is there when a person has to mend something before anything can be found out.
fn lost(
    build: &ServiceBuild,
    namespace: &str,
    observed: Vec<Observed>,
    why: &str,
    now: Timestamp,
) -> Gathered {
    let unavailable = Unavailable { reason: reasons::FLEET_NOT_FOUND, message: why.to_owned() };
    let identity = Identity {
        fleet_namespace: namespace.to_owned(),
        name: build.name_any(),
        uid: build.uid().unwrap_or_default(),
        namespace: String::new(),
    };
    let facts = BuildFacts {
        inputs: Err(blocked("the Fleet", unavailable, now)),
        namespace: String::new(),
        why: String::new(),
        parent: None,
        assets_from: None,
        good: FoundDigest::Missing,
        candidate: FoundDigest::Missing,
        failed: FoundDigest::Missing,
        ahead: 0,
        twin: None,
        concurrency: 0,
        job: None,
        report: None,
        unit: UnitTests::None,
        cancelled: cancelled(build),
        limits: limits(None, None),
    };
    Gathered {
        identity,
        service: ServiceName::local(),
        fleet: None,
        manifest: None,
        observed,
        pull: None,
        push: None,
        facts,
    }
}

struct Look<'a> {
    context: &'a Context,
    build: &'a ServiceBuild,
    status: &'a ServiceBuildStatus,
    service: &'a ServiceName,
    fleet: &'a FleetSpec,
    now: Timestamp,
}

impl Look<'_> {
    fn namespace(&self) -> String {
        self.build.namespace().unwrap_or_default()
    }

    /// What is recorded, or what is found now; None while the service's repository was not read yet.
    async fn inputs(&self, login: Option<&PullSecret>) -> Option<Result<BuildInputs, BlockedBy>> {
        if let Some(inputs) = &self.status.inputs {
            return Some(Ok(inputs.clone()));
        }
        let namespace = self.namespace();
        let Some(repository) = self.context.repositories.get(&namespace, self.service) else {
            let is_read_soon = made::has_repo(self.context, &namespace, self.service);
            return (!is_read_soon).then(|| Err(self.unknown_service()));
        };
        let spec = &self.build.spec;
        let found = knowledge::commit(self.context, &repository, Some(spec.commit.as_str())).await;
        let ground = Ground { context: self.context, namespace: &namespace, fleet: self.fleet, login };
        let inputs = match found {
            Ok(found) => ground.inputs(&found.commit, spec.ops_commit.as_deref()).await,
            Err(unavailable) => Err(unavailable),
        };
        Some(inputs.map_err(|why| blocked(&format!("build of {}", self.service), why, self.now)))
    }

    fn unknown_service(&self) -> BlockedBy {
        let message = format!("there is no ServiceRepo `{}` in this namespace: add one", self.service);
        let why = Unavailable { reason: reasons::UNKNOWN_SERVICE, message };
        blocked(&format!("service {}", self.service), why, self.now)
    }

    fn unread(&self) -> BlockedBy {
        let message = format!("the repository of {} was not read yet", self.service);
        let why = Unavailable { reason: reasons::FETCH_FAILED, message };
        blocked(&format!("service {}", self.service), why, self.now)
    }

    /// None while the service's repository was not read yet.
    async fn manifest(&self, inputs: &BuildInputs) -> Option<Result<Manifest, BlockedBy>> {
        let (remote, _) = self.context.repositories.get(&self.namespace(), self.service)?.read?;
        let read = knowledge::manifest(self.context, &remote, self.service, &inputs.commit).await;
        let wrong = |message: String| {
            let why = Unavailable { reason: reasons::INVALID_MANIFEST, message };
            blocked(&format!("service {}", self.service), why, self.now)
        };
        Some(match read {
            Ok(manifest) if manifest.image.is_some() => {
                Err(wrong(format!("{} names an `image`: it is not built", self.service)))
            }
            Ok(manifest) => Ok(manifest),
            Err(error) => Err(wrong(error.to_string())),
        })
    }

    async fn facts(
        &self,
        identity: &Identity,
        inputs: Result<BuildInputs, BlockedBy>,
        manifest: Result<&Manifest, &BlockedBy>,
        observed: &[Observed],
        login: Option<&PullSecret>,
    ) -> BuildFacts {
        let kin = Kin::of(self.context, self.build);
        let known = inputs.as_ref().ok();
        let tags = known.map(|inputs| Tags::of(&self.fleet.registry, self.service, inputs));
        let digest = |wanted: bool, tag: Option<String>| async move {
            match tag.filter(|_| wanted) {
                Some(tag) => self.context.registry.digest(&tag, login).await,
                None => FoundDigest::Missing,
            }
        };
        let step = self.status.step;
        let queues = step <= BuildStep::Queued;
        let names = step == BuildStep::Naming;
        let pushed = matches!(step, BuildStep::Building | BuildStep::Testing) || names;
        let tests = manifest.map(|manifest| manifest.unit.as_ref());
        let start = match known.filter(|_| queues) {
            Some(inputs) => kin.start(self.context, self.service, self.fleet, inputs, login).await,
            None => Start::default(),
        };
        let has_assets = manifest.is_ok_and(|manifest| !manifest.assets.is_empty());
        BuildFacts {
            why: known.map_or_else(String::new, |inputs| why::why(inputs, kin.last())),
            parent: start.parent,
            assets_from: start.assets_from.filter(|_| has_assets),
            good: digest(queues || names, tags.as_ref().map(|tags| tags.good.clone())).await,
            candidate: digest(pushed, tags.as_ref().map(|tags| tags.candidate.clone())).await,
            failed: digest(names, tags.as_ref().map(|tags| tags.failed.clone())).await,
            // Decided with the turns that were given meanwhile.
            ahead: 0,
            twin: None,
            concurrency: usize::try_from(self.fleet.builds.concurrency).unwrap_or(1),
            job: job_of(&build::key(identity), identity, observed),
            unit: self.unit_tests(identity, known, manifest, observed),
            report: self.report(observed),
            cancelled: cancelled(self.build),
            limits: limits(Some(self.fleet), tests.ok().flatten().map(build::unit_seconds)),
            namespace: identity.namespace.clone(),
            inputs,
        }
    }

    /// What was stored at its end, or else what it told last.
    fn report(&self, observed: &[Observed]) -> Option<Report> {
        let uid = self.build.uid().unwrap_or_default();
        let stored = config_map(observed, &stored::name(&self.build.name_any()));
        let stored = stored.and_then(|map| stored::report(&map, &uid));
        stored.or_else(|| self.context.progress.of(&uid))
    }

    /// The unit tests, where some are declared, and how they went.
    fn unit_tests(
        &self,
        identity: &Identity,
        inputs: Option<&BuildInputs>,
        manifest: Result<&Manifest, &BlockedBy>,
        observed: &[Observed],
    ) -> UnitTests {
        let manifest = match manifest {
            Err(unread) => return UnitTests::Unknown(unread.clone()),
            Ok(manifest) => manifest,
        };
        let Some(tests) = &manifest.unit else { return UnitTests::None };
        let run = inputs.map(|inputs| build::unit_run(self.fleet, self.service, manifest, inputs, tests));
        let stored = config_map(observed, &stored::unit_name(&identity.name));
        let status = stored.and_then(|map| stored::unit(&map, &identity.uid));
        UnitTests::Declared(Unit {
            job: job_of(&build::unit_key(identity), identity, observed),
            status: status.map(|status| UnitStatus { run, ..status }),
        })
    }
}

fn job_of(key: &ObjectKey, identity: &Identity, observed: &[Observed]) -> Option<JobFacts> {
    let uid = observed.iter().find(|object| object.key == *key)?.uid().to_owned();
    let its_pod = |pod: &Observed| pod.body["metadata"]["ownerReferences"][0]["uid"] == uid.as_str();
    job::of(key, &identity.uid, observed, its_pod)
}

fn config_map(observed: &[Observed], name: &str) -> Option<ConfigMap> {
    let found = observed.iter().find(|object| object.key.kind == "ConfigMap" && object.key.name == name)?;
    serde_json::from_value((*found.body).clone()).ok()
}

fn cancelled(build: &ServiceBuild) -> Option<String> {
    let at = build.annotations().get(names::CANCELLED_AT)?;
    Some(format!("somebody asked at {at} to cancel it"))
}

fn limits(fleet: Option<&FleetSpec>, unit: Option<i64>) -> Limits {
    let timeout = fleet.and_then(|fleet| duration::parse(&fleet.builds.timeout).ok());
    Limits {
        build: timeout.unwrap_or(DEFAULT_TIMEOUT),
        unit: SignedDuration::from_secs(unit.unwrap_or_default().saturating_add(build::UNIT_GRACE_SECONDS)),
        delivery_grace: DELIVERY_GRACE,
    }
}

fn blocked(what: &str, why: Unavailable, now: Timestamp) -> BlockedBy {
    let Unavailable { reason, message } = why;
    BlockedBy {
        what: what.to_owned(),
        reason: reason.to_owned(),
        message,
        since: now,
        until: None,
        override_by: None,
    }
}
