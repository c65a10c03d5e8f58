//! What images are built of: commits of the ops repository, and the base by digest.

use kube::ResourceExt as _;
use slipway_crds::reasons;
use slipway_crds::v1alpha1::{BuildInputs, FleetSpec};
use slipway_plan::environment::resolve::{FoundDigest, Unavailable};
use slipway_plan::pull_secret::PullSecret;

use crate::context::Context;
use crate::reconcile::dev_environment::knowledge;

/// What the images of a fleet are built of.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The operator's means.
    pub context: &'a Context,
    /// Namespace of the fleet.
    pub namespace: &'a str,
    /// The fleet.
    pub fleet: &'a FleetSpec,
    /// For the registry.
    pub login: Option<&'a PullSecret>,
}

impl Ground<'_> {
    /// What the image of a service at this commit is built of; `ops` is a branch, tag or commit, none is the Fleet's default.
    pub async fn inputs(&self, commit: &str, ops: Option<&str>) -> Result<BuildInputs, Unavailable> {
        let (Some(base), Some(_)) = (&self.fleet.base, &self.fleet.ops) else {
            let message = "the Fleet does not say what images are built of: give it `base` and `ops`, or the service's manifest an `image`";
            return Err(Unavailable { reason: reasons::NO_BASE, message: message.to_owned() });
        };
        let ops_commit = self.ops_commit(ops).await?;
        let base = self.base(base).await?;
        Ok(BuildInputs { commit: commit.to_owned(), ops_commit, base })
    }

    async fn ops_commit(&self, ops: Option<&str>) -> Result<String, Unavailable> {
        if let Some(default) = self.default_ops().filter(|_| ops.is_none()) {
            return Ok(default);
        }
        let unread = || Unavailable {
            reason: reasons::FETCH_FAILED,
            message: "the ops repository was not read yet".to_owned(),
        };
        let repository = self.context.ops.get(self.namespace).ok_or_else(unread)?;
        let found = knowledge::commit(self.context, &repository, ops).await;
        let told =
            |why: Unavailable| Unavailable { message: format!("ops repository: {}", why.message), ..why };
        found.map(|found| found.commit).map_err(told)
    }

    /// The commit that the Fleet's status names.
    fn default_ops(&self) -> Option<String> {
        let is_here =
            |fleet: &slipway_crds::v1alpha1::Fleet| fleet.namespace().as_deref() == Some(self.namespace);
        let fleets = self.context.stores.fleets.state_filter(is_here);
        fleets.first()?.status.as_ref()?.ops_commit.clone()
    }

    async fn base(&self, base: &str) -> Result<String, Unavailable> {
        let image = base.replace("{registry}", &self.fleet.registry);
        match self.context.registry.digest(&image, self.login).await {
            FoundDigest::Image(image) => Ok(image),
            FoundDigest::Unknown(why) => {
                let message = format!("the base image {image} could not be looked up: {why}");
                Err(Unavailable { reason: reasons::REGISTRY_FAILED, message })
            }
            FoundDigest::Missing | FoundDigest::NotBuilt(_) => {
                let message =
                    format!("there is no base image {image}: push it, or correct the Fleet's `base`");
                Err(Unavailable { reason: reasons::IMAGE_NOT_FOUND, message })
            }
        }
    }
}
