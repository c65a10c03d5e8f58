//! The other builds of the fleet: who is before a build, and from which image it may start.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt as _;
use slipway_crds::v1alpha1::{
    BuildInputs, BuildOutcome, BuildParent, BuildStep, FleetSpec, ServiceBuild, ServiceBuildStatus,
};
use slipway_plan::build::parent::{self, Candidate};
use slipway_plan::build::queue::{self, Queued};
use slipway_plan::commit::CommitId;
use slipway_plan::environment::resolve::FoundDigest;
use slipway_plan::pull_secret::PullSecret;
use slipway_plan::service_name::ServiceName;

use super::trial::{self, Asked};
use crate::context::Context;
use crate::turns::Given;

/// The other builds of the fleet.
pub struct Kin<'a> {
    build: &'a ServiceBuild,
    others: Vec<Arc<ServiceBuild>>,
    asked: Asked,
}

/// What a build starts from.
#[derive(Debug, Default)]
pub struct Start {
    /// The image of an ancestor; none is a full build.
    pub parent: Option<BuildParent>,
    /// The image whose assets a full build may take over.
    pub assets_from: Option<String>,
}

impl<'a> Kin<'a> {
    /// Those in the namespace of a build, the newest first.
    pub fn of(context: &Context, build: &'a ServiceBuild) -> Self {
        let is_other =
            |other: &ServiceBuild| other.namespace() == build.namespace() && other.uid() != build.uid();
        let mut others = context.stores.builds.state_filter(is_other);
        others.sort_by_key(|other| std::cmp::Reverse((made_at(other), other.name_any())));
        let asked = trial::asked(context, &build.namespace().unwrap_or_default());
        Self { build, others, asked }
    }

    /// Those of the same service that ended well, the newest first.
    fn images(&self) -> impl Iterator<Item = (&BuildInputs, &ServiceBuildStatus)> {
        let same = self.others.iter().filter(move |other| other.spec.service == self.build.spec.service);
        same.filter_map(|other| {
            let status = other.status.as_ref()?;
            let is_good = status.outcome == Some(BuildOutcome::Succeeded);
            status.inputs.as_ref().filter(|_| is_good).map(|inputs| (inputs, status))
        })
    }

    /// What the last image of the service was made of.
    pub fn last(&self) -> Option<&BuildInputs> {
        self.images().next().map(|(inputs, _)| inputs)
    }

    /// How many builds are before it. Of those whose turn was `given` no status may tell yet.
    pub fn ahead(&self, given: &Given) -> usize {
        let queued = |build: &ServiceBuild| Queued {
            name: build.name_any(),
            made: self.counts_from(build),
            step: step_of(build, given),
        };
        let all: Vec<Queued> = self.others.iter().map(|other| queued(other)).collect();
        queue::ahead(&self.build.name_any(), self.counts_from(self.build), &all)
    }

    /// For an ops commit that is only tried nobody waits, but where an environment asked for the same.
    fn counts_from(&self, build: &ServiceBuild) -> Timestamp {
        let is_waited_for = trial::of(build).is_none_or(|tried| trial::is_asked(&self.asked, &tried));
        queue::counts_from(made_at(build), is_waited_for)
    }

    /// The build before it that makes the same image.
    pub fn twin(&self, inputs: &BuildInputs, given: &Given) -> Option<String> {
        let me = (self.counts_from(self.build), self.build.name_any());
        let same = |other: &ServiceBuild| {
            other.spec.service == self.build.spec.service
                && other.status.as_ref().and_then(|status| status.inputs.as_ref()) == Some(inputs)
        };
        let is_before = |other: &ServiceBuild| match step_of(other, given) {
            BuildStep::Waiting | BuildStep::Finished => false,
            BuildStep::Queued => (self.counts_from(other), other.name_any()) < me,
            BuildStep::Starting | BuildStep::Building | BuildStep::Testing | BuildStep::Naming => true,
        };
        let known = self.others.iter().find(|other| same(other) && is_before(other));
        let known = known.map(|other| other.name_any());
        let uid = self.build.uid().unwrap_or_default();
        known.or_else(|| {
            let mut turns = given.iter().filter(|(other, _)| **other != uid);
            let turn = turns.find(|(_, turn)| {
                turn.service == self.build.spec.service
                    && Some(&turn.namespace) == self.build.namespace().as_ref()
                    && turn.inputs == *inputs
            });
            turn.map(|(_, turn)| turn.name.clone())
        })
    }

    /// The image of the nearest ancestor, unless the registry has it no more; only its assets when a full build is due.
    pub async fn start(
        &self,
        context: &Context,
        service: &ServiceName,
        fleet: &FleetSpec,
        inputs: &BuildInputs,
        login: Option<&PullSecret>,
    ) -> Start {
        let candidates = self.candidates(context, service, inputs).await;
        let Some(image) = parent::assets_from(inputs, &candidates) else { return Start::default() };
        let found = context.registry.digest(&image, login).await;
        if !matches!(found, FoundDigest::Image(_)) {
            return Start::default();
        }
        match parent::choose(inputs, &candidates, i64::from(fleet.builds.full_every)) {
            None => Start { parent: None, assets_from: Some(image) },
            parent => Start { parent, assets_from: None },
        }
    }

    async fn candidates(
        &self,
        context: &Context,
        service: &ServiceName,
        inputs: &BuildInputs,
    ) -> Vec<Candidate> {
        let namespace = self.build.namespace().unwrap_or_default();
        let repository = context.repositories.get(&namespace, service);
        let Some((remote, _)) = repository.and_then(|repository| repository.read) else { return Vec::new() };
        let Ok(commit) = inputs.commit.parse::<CommitId>() else { return Vec::new() };
        let sought: BTreeSet<CommitId> =
            self.images().filter_map(|(inputs, _)| inputs.commit.parse().ok()).collect();
        if sought.is_empty() {
            return Vec::new();
        }
        // Without distances it is a full build: slower, and as good.
        let distances = context.git.distances(&remote, &commit, sought).await.unwrap_or_default();
        let candidate = |(inputs, status): (&BuildInputs, &ServiceBuildStatus)| {
            let id: CommitId = inputs.commit.parse().ok()?;
            Some(Candidate {
                inputs: inputs.clone(),
                image: status.image.clone()?,
                depth: status.parent.as_ref().map_or(0, |parent| parent.depth),
                distance: distances.get(&id).copied(),
            })
        };
        self.images().filter_map(candidate).collect()
    }
}

fn step_of(build: &ServiceBuild, given: &Given) -> BuildStep {
    let shown = build.status.as_ref().map_or(BuildStep::Waiting, |status| status.step);
    let was_given = build.uid().is_some_and(|uid| given.contains_key(&uid));
    if was_given { shown.max(BuildStep::Starting) } else { shown }
}

/// When a build was made.
pub fn made_at(build: &ServiceBuild) -> Timestamp {
    build.creation_timestamp().map(|time| time.0).unwrap_or_default()
}
