//! The image of a service that names none: it is built.

use slipway_crds::v1alpha1::{BuildInputs, LockedService};

use super::{FoundDigest, Need, Unavailable, Walk, repository};
use crate::build::inputs::{self, Tags};
use crate::service_name::ServiceName;

/// The image by tag and by digest, and what it is built of.
type Built = (String, FoundDigest, Option<BuildInputs>);

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
        let pinned = same.filter(|locked| locked.ops_commit.as_ref() == Some(&inputs.ops_commit));
        let pinned = pinned.and_then(|locked| locked.image);
        if let Some(image) = pinned.filter(|image| image.split('@').next() == Some(repository(&tag))) {
            return Some((tag, FoundDigest::Image(image), Some(inputs)));
        }
        let name = inputs::name(service, &inputs);
        let Some(found) = self.knowledge.builds.get(&name).cloned() else {
            self.needs.insert(Need::Build { service: service.clone(), name });
            return None;
        };
        Some((tag, found, Some(inputs)))
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
        (tag, pinned.map_or(FoundDigest::NotBuilt(unavailable), FoundDigest::Image), None)
    }
}
