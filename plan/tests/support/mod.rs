//! A small fleet as values, and a world that plans are carried out in.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "it is all test code")]

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;
use slipway_crds::v1alpha1::{BuildInputs, DevEnvironment, DevEnvironmentSpec, FleetSpec};
use slipway_crds::{names, reasons};
use slipway_plan::desired::Identity;
use slipway_plan::desired::integration::AgentSettings;
use slipway_plan::diff::{Plan, Step};
use slipway_plan::environment::decide::{self, Act, Decision, Facts, Refusal};
use slipway_plan::environment::namespace;
use slipway_plan::environment::resolve::{
    self, FoundCommit, FoundDigest, Knowledge, Need, Problem, Resolution, Resolved,
};
use slipway_plan::environment::starts::Told;
use slipway_plan::manifest;
use slipway_plan::object::{ObjectKey, Observed, digest};
use slipway_plan::pull_secret::{PullSecret, PullSecretProblem};
use slipway_plan::service_name::ServiceName;
use slipway_plan::yaml;

/// A time of the test's own.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

/// Repositories and registry, as far as a test needs them.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The operator was just started, and has read none of them.
    pub unread: bool,
    /// Manifest text by service and commit.
    pub manifests: BTreeMap<(String, String), String>,
    /// Commit by service and reference; the trunk is the empty reference.
    pub commits: BTreeMap<(String, String), String>,
    /// Images that exist.
    pub images: Vec<String>,
    /// Commit of the ops repository's trunk.
    pub ops: Option<String>,
    /// Images that were built, by the name of the build.
    pub builds: BTreeMap<String, String>,
    /// The image of every other build.
    pub every_build: Option<String>,
}

impl Sources {
    /// A service whose trunk and whose image are there.
    pub fn service(mut self, name: &str, rest: &str) -> Self {
        let commit = commit(name, "trunk");
        let text = format!("name: {name}\nimage: \"{{registry}}/{name}:{{commit}}\"\n{rest}");
        self.manifests.insert((name.to_owned(), commit.clone()), text);
        self.images.push(format!("registry/{name}:{commit}"));
        self.commits.insert((name.to_owned(), String::new()), commit);
        self
    }

    /// A branch with the trunk's manifest.
    pub fn branch(mut self, name: &str, branch: &str, with_image: bool) -> Self {
        let (trunk, commit) = (commit(name, "trunk"), commit(name, branch));
        let text = self.manifests[&(name.to_owned(), trunk)].clone();
        self.manifests.insert((name.to_owned(), commit.clone()), text);
        if with_image {
            self.images.push(format!("registry/{name}:{commit}"));
        }
        self.commits.insert((name.to_owned(), branch.to_owned()), commit);
        self
    }

    /// What the environment runs.
    pub fn resolve(&self, environment: &DevEnvironment, fleet: &FleetSpec) -> Result<Resolved, Problem> {
        let services = self.commits.keys().map(|(service, _)| name(service)).collect();
        let mut known = Knowledge { services, ..Knowledge::default() };
        let locked = environment.status.clone().unwrap_or_default().lock;
        loop {
            match resolve::resolve(&environment.spec, fleet, &locked, &known)? {
                Resolution::Resolved(resolved) => return Ok(resolved),
                Resolution::Needs(needs) => needs.into_iter().for_each(|need| self.answer(need, &mut known)),
            }
        }
    }

    fn answer(&self, need: Need, known: &mut Knowledge) {
        match need {
            Need::Commit { service, reference } => {
                let key = (service.to_string(), reference.clone().unwrap_or_default());
                let why =
                    reference.as_ref().map_or("trunk main".to_owned(), |branch| format!("branch {branch}"));
                let missing = || resolve::Unavailable {
                    reason: slipway_crds::reasons::REFERENCE_NOT_FOUND,
                    message: format!("no {}", key.1),
                };
                let found = self.commits.get(&key).cloned().ok_or_else(missing);
                known.commits.insert((service, reference), found.map(|commit| FoundCommit { commit, why }));
            }
            Need::Manifest { service, commit } => {
                let text = &self.manifests[&(service.to_string(), commit.clone())];
                let parsed = manifest::parse(&service, text.as_bytes());
                known.manifests.insert((service, commit), parsed);
            }
            Need::Digest { image } => {
                let found = if self.images.contains(&image) {
                    FoundDigest::Image(format!("{}@sha256:{}", resolve::repository(&image), image.len()))
                } else {
                    FoundDigest::Missing
                };
                known.digests.insert(image, found);
            }
            Need::Inputs { service, commit, ops } => {
                let found = self.ops.clone().map(|trunk| BuildInputs {
                    commit: commit.clone(),
                    ops_commit: ops.clone().unwrap_or(trunk),
                    base: "registry/base@sha256:1".to_owned(),
                });
                known.inputs.insert((service, commit, ops), found.ok_or_else(no_ops));
            }
            Need::Build { name, .. } => {
                let found = self.builds.get(&name).or(self.every_build.as_ref());
                let found = found.map_or_else(not_built, |image| FoundDigest::Image(image.clone()));
                known.builds.insert(name, found);
            }
        }
    }
}

fn no_ops() -> resolve::Unavailable {
    resolve::Unavailable { reason: reasons::FETCH_FAILED, message: "ops was not read yet".to_owned() }
}

fn not_built() -> FoundDigest {
    let message = "build: Queued: 2 builds are before it".to_owned();
    FoundDigest::NotBuilt(resolve::Unavailable { reason: reasons::IMAGE_BUILDING, message })
}

/// A commit made up from a name.
pub fn commit(service: &str, reference: &str) -> String {
    let sum = digest(&json!([service, reference]));
    format!("{sum:0<40}")
}

/// A checked name.
pub fn name(text: &str) -> ServiceName {
    ServiceName::parse(text).unwrap()
}

/// A Fleet from YAML.
pub fn fleet(text: &str) -> FleetSpec {
    yaml::parse_typed("fleet.yaml", format!("registry: registry\n{text}").as_bytes()).unwrap()
}

/// An environment from the YAML of its spec.
pub fn environment(spec: &str) -> DevEnvironment {
    let spec: DevEnvironmentSpec = yaml::parse_typed("environment.yaml", spec.as_bytes()).unwrap();
    let mut environment = DevEnvironment::new("demo", spec);
    environment.metadata.namespace = Some("fleet".to_owned());
    environment.metadata.uid = Some("uid-of-demo".to_owned());
    environment.metadata.generation = Some(1);
    environment
}

/// A world in which plans are carried out as Kubernetes would.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// What exists.
    pub objects: Vec<Observed>,
    made: usize,
}

impl World {
    /// Carries a plan out.
    pub fn carry_out(&mut self, plan: &Plan) {
        for step in &plan.steps {
            self.step(step);
        }
    }

    /// Carries one step out.
    pub fn step(&mut self, step: &Step) {
        match step {
            Step::Create(object) => {
                assert!(self.find(&object.key).is_none(), "{} is made twice", object.key);
                self.made += 1;
                let mut body = object.body.clone();
                body["metadata"]["uid"] = json!(format!("uid-{}", self.made));
                body["metadata"]["generation"] = json!(1);
                body["metadata"]["managedFields"] = json!([{"manager": names::ENVIRONMENT_MANAGER}]);
                if object.key.kind == "Service" && body["spec"]["clusterIP"].is_null() {
                    body["spec"]["clusterIP"] = json!(format!("10.0.0.{}", self.made));
                }
                self.objects.push(Observed { key: object.key.clone(), body });
            }
            Step::Update { object, uid, .. } => {
                let found = self.objects.iter_mut().find(|found| found.key == object.key).unwrap();
                assert_eq!(found.uid(), uid);
                let metadata = found.body["metadata"].clone();
                let mut body = object.body.clone();
                for kept in ["uid", "generation", "managedFields"] {
                    body["metadata"][kept] = metadata[kept].clone();
                }
                found.body = body;
            }
            Step::Delete { key, uid } => {
                self.objects.retain(|found| found.key != *key || found.uid() != uid);
                if key.kind == "Namespace" {
                    self.objects.retain(|found| found.key.namespace.as_deref() != Some(&key.name));
                }
            }
        }
    }

    /// Makes every workload ready.
    pub fn settle(&mut self) {
        for object in &mut self.objects {
            let replicas = object.body["spec"]["replicas"].clone();
            object.body["status"] = json!({"observedGeneration": 1, "replicas": replicas,
                "updatedReplicas": replicas, "readyReplicas": replicas});
        }
        self.objects.retain(|object| object.key.kind != "Pod");
        let stateful = self.objects.iter().filter(|object| object.key.kind == "StatefulSet");
        let pods: Vec<_> = stateful.map(ready_pod).collect();
        self.objects.extend(pods);
    }

    /// An object, if it exists.
    pub fn find(&self, key: &ObjectKey) -> Option<&Observed> {
        self.objects.iter().find(|object| object.key == *key)
    }
}

/// The pod of a `StatefulSet`, with every container ready.
fn ready_pod(set: &Observed) -> Observed {
    let key = ObjectKey {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        name: format!("{}-0", set.key.name),
        ..set.key.clone()
    };
    let template = &set.body["spec"]["template"];
    let containers = template["spec"]["containers"].as_array().into_iter().flatten();
    let ready: Vec<_> =
        containers.map(|container| json!({"name": container["name"], "ready": true})).collect();
    let body = json!({"metadata": {"labels": template["metadata"]["labels"]}, "status": {"containerStatuses": ready}});
    Observed { key, body: body.into() }
}

/// An environment with its Fleet, its sources and its world.
#[derive(Clone, Debug)]
pub struct Story {
    /// The environment.
    pub environment: DevEnvironment,
    /// Its Fleet.
    pub fleet: FleetSpec,
    /// Repositories and registry.
    pub sources: Sources,
    /// What exists.
    pub world: World,
    /// What was refused last.
    pub refused: Option<Refusal>,
    /// How containers came up.
    pub starts: Told,
    /// The Fleet's pull Secret.
    pub pull_secret: Option<Result<PullSecret, PullSecretProblem>>,
}

impl Story {
    /// Nothing yet.
    pub fn empty() -> Self {
        Self {
            environment: environment("services: [nothing]\n"),
            fleet: fleet(""),
            sources: Sources::default(),
            world: World::default(),
            refused: None,
            starts: Told::default(),
            pull_secret: None,
        }
    }

    /// One look, and what it leads to; the status is recorded.
    pub fn look(&mut self, now: Timestamp) -> Decision {
        let decision = self.decide(now);
        self.environment.status = Some(decision.status.clone());
        if let Act::Apply(plan) = &decision.act {
            self.world.carry_out(plan);
        }
        decision
    }

    /// One look.
    pub fn decide(&self, now: Timestamp) -> Decision {
        let identity = Identity {
            fleet_namespace: "fleet".to_owned(),
            name: "demo".to_owned(),
            uid: "uid-of-demo".to_owned(),
            namespace: namespace::name("fleet", "demo"),
        };
        let resolution = self.sources.resolve(&self.environment, &self.fleet);
        let agent = AgentSettings { image: "agent".to_owned(), url: "http://10.0.0.1".to_owned() };
        let facts = Facts {
            environment: &self.environment,
            identity: &identity,
            fleet: Ok(&self.fleet),
            resolution: (decide::is_active(&self.environment, now) && !self.sources.unread)
                .then_some(&resolution),
            observed: &self.world.objects,
            block: Ok(None),
            pull_secret: self.pull_secret.as_ref().map(Result::as_ref),
            agent: &agent,
            refused: self.refused.as_ref(),
            starts: &self.starts,
        };
        decide::decide(&facts, now).unwrap()
    }

    /// Looks until nothing is left to do; gives the plans on the way as text.
    pub fn run(&mut self, now: Timestamp) -> String {
        let mut told = String::new();
        for _ in 0..10 {
            let decision = self.look(now);
            self.world.settle();
            match decision.act {
                Act::Apply(plan) => told.push_str(&plan.to_string()),
                _ => return told,
            }
        }
        panic!("it does not come to rest:\n{told}");
    }
}
