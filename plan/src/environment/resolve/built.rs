//! The image of a service that names none: it is built.

use slipway_crds::reasons;
use slipway_crds::v1alpha1::{BuildInputs, LockedService};

use super::{FoundDigest, Need, Unavailable, Walk, repository};
use crate::build::inputs::{self, Tags};
use crate::duration;
use crate::service_name::ServiceName;

/// The image of a service that is built.
pub(super) struct Built {
    /// By tag.
    pub(super) tag: String,
    /// By digest, or how far it is.
    pub(super) image: FoundDigest,
    /// What it is built of.
    pub(super) inputs: Option<BuildInputs>,
    /// Whether an older image runs in its stead.
    pub(super) stands_in: bool,
}

impl Built {
    /// An image that is named, and not built.
    pub(super) fn named(tag: String, image: FoundDigest) -> Self {
        Self { tag, image, inputs: None, stands_in: false }
    }
}

impl Walk<'_> {
    /// None while something has to be found out first.
    pub(super) fn built(&mut self, service: &ServiceName, commit: &str) -> Option<Built> {
        let key = (service.clone(), commit.to_owned(), self.spec.ops.clone());
        let Some(found) = self.knowledge.inputs.get(&key).cloned() else {
            let (service, commit, ops) = key;
            self.needs.insert(Need::Inputs { service, commit, ops });
            return None;
        };
        let locked = self.locked.iter().find(|locked| locked.service == service.as_str());
        let same = locked.filter(|locked| locked.commit.as_deref() == Some(commit));
        match found {
            Ok(inputs) => self.built_of(service, inputs, same.cloned()),
            Err(unavailable) => Some(self.without_inputs(service, same, unavailable)),
        }
    }

    fn built_of(
        &mut self,
        service: &ServiceName,
        inputs: BuildInputs,
        same: Option<LockedService>,
    ) -> Option<Built> {
        let tag = Tags::of(&self.fleet.registry, service, &inputs).good;
        let is_pinned =
            same.as_ref().is_some_and(|locked| locked.ops_commit.as_ref() == Some(&inputs.ops_commit));
        let older = same.and_then(|locked| locked.image);
        let older = older.filter(|image| image.split('@').next() == Some(repository(&tag)));
        if let Some(image) = older.clone().filter(|_| is_pinned) {
            let image = FoundDigest::Image(image);
            return Some(Built { tag, image, inputs: Some(inputs), stands_in: false });
        }
        let name = inputs::name(service, &inputs);
        let Some(found) = self.knowledge.builds.get(&name).cloned() else {
            self.needs.insert(Need::Build { service: service.clone(), name });
            return None;
        };
        let instead = older.filter(|_| is_building(&found) && self.may_stand_in());
        let stands_in = instead.is_some();
        let image = instead.map_or(found, FoundDigest::Image);
        Some(Built { tag, image, inputs: Some(inputs), stands_in })
    }

    /// While the image with a newer ops commit is built, that of the same commit of the service runs: its containers fetch
    /// and provision the difference at their start. Tests run in no image but their own.
    fn may_stand_in(&self) -> bool {
        let budget = duration::parse(&self.fleet.builds.staleness);
        self.spec.integration.is_none() && budget.is_ok_and(|budget| !budget.is_zero())
    }

    /// While it cannot be found out what the image would be built of, the one that was locked for the commit stays.
    fn without_inputs(
        &self,
        service: &ServiceName,
        same: Option<&LockedService>,
        unavailable: Unavailable,
    ) -> Built {
        let tag = format!("{}/{service}", self.fleet.registry);
        let pinned = same.and_then(|locked| locked.image.clone());
        let image = pinned.map_or(FoundDigest::NotBuilt(unavailable), FoundDigest::Image);
        Built { tag, image, inputs: None, stands_in: false }
    }
}

fn is_building(found: &FoundDigest) -> bool {
    matches!(found, FoundDigest::NotBuilt(why) if why.reason == reasons::IMAGE_BUILDING)
}
