//! What of a `GitSync`'s objects is there, seen with the rights that it has.

use std::collections::BTreeMap;

use kube::ResourceExt as _;
use kube::discovery::ApiResource;
use slipway_crds::reasons;
use slipway_crds::v1alpha1::GitSync;
use slipway_plan::gitsync::KindName;
use slipway_plan::gitsync::account::Account;
use slipway_plan::gitsync::kinds::{self, Kinds};
use slipway_plan::gitsync::source::Failure;
use slipway_plan::object::Observed;

use super::owner;
use crate::cache::{Known, Unseen};
use crate::context::Context;
use crate::error::Error;

/// What is there.
pub struct Seen {
    /// With whose rights it was seen, and is written.
    pub account: Account,
    /// The kinds that may be applied.
    pub kinds: Kinds,
    /// Kinds that are not Slipway's.
    pub resources: Vec<ApiResource>,
    /// All objects of Slipway's kinds in the namespace, and of others what GitSyncs made.
    pub observed: Vec<Observed>,
}

/// What a look came to.
pub enum Sight {
    /// All of it was seen.
    Seen(Seen),
    /// What is seen is older than what we wrote.
    Old,
    /// Nothing may be looked at.
    Hindered(Failure),
}

impl Seen {
    /// For who asks for nothing.
    pub fn nothing() -> Self {
        let (resources, observed) = (Vec::new(), Vec::new());
        Self { account: Account::Operator, kinds: Kinds::own(), resources, observed }
    }
}

/// Looks.
pub async fn see(context: &Context, sync: &GitSync) -> Result<Sight, Error> {
    let account = match Account::of(sync) {
        Ok(account) => account,
        Err(failure) => return Ok(Sight::Hindered(failure)),
    };
    let mut kinds = Kinds::of(&sync.spec);
    let (namespace, id) = (sync.namespace().unwrap_or_default(), sync.uid().unwrap_or_default());
    let foreign = match foreign(context, sync, &mut kinds).await {
        Ok(foreign) => foreign,
        Err(unseen) => return hindered(sync, unseen),
    };
    let mut observed = context.own.in_namespace(&namespace);
    match context.foreign.all(&account, &foreign, &id).await {
        Ok(others) => observed.extend(others),
        Err(unseen) => return hindered(sync, unseen),
    }
    if !context.own.written.is_settled(&owner(sync), &observed) {
        return Ok(Sight::Old);
    }
    Ok(Sight::Seen(Seen { account, kinds, resources: foreign.into_values().collect(), observed }))
}

/// The kinds that are not Slipway's, and of which there can be objects.
async fn foreign(
    context: &Context,
    sync: &GitSync,
    kinds: &mut Kinds,
) -> Result<BTreeMap<KindName, ApiResource>, Unseen> {
    let mut found = BTreeMap::new();
    for name in kinds::concerned(sync) {
        match context.foreign.known(&name).await? {
            Known::Namespaced(resource) => {
                found.insert(name, resource);
            }
            Known::OfCluster => {
                let why = format!("{name} belongs to no namespace, and a GitSync writes only to its own");
                kinds.refuse(&name, why);
            }
            Known::Missing => kinds.refuse(&name, format!("this cluster has no {name}")),
        }
    }
    Ok(found)
}

fn hindered(sync: &GitSync, unseen: Unseen) -> Result<Sight, Error> {
    let name = sync.spec.service_account_name.as_deref().unwrap_or_default();
    let message =
        format!("as service account {name}, {unseen}; give it a Role that lets it get, list and watch them");
    match unseen {
        Unseen::Forbidden { .. } => {
            Ok(Sight::Hindered(Failure { reason: reasons::ACCOUNT_FORBIDDEN, message, needs_a_person: true }))
        }
        Unseen::Late { .. } => Err(Error::Unseen(unseen)),
    }
}
