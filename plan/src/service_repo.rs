//! What is said of a service's repository.

use jiff::Timestamp;
use kube::ResourceExt as _;
use slipway_crds::conditions::{self, Say};
use slipway_crds::v1alpha1::{ServiceRepo, ServiceRepoStatus};
use slipway_crds::{names, reasons};

use crate::gitsync::source::Failure;

/// The status after a look at the server, which gave the commit of the trunk, none where there is no such branch, or failed.
pub fn status(
    repo: &ServiceRepo,
    trunk: Result<Option<String>, Failure>,
    now: Timestamp,
) -> ServiceRepoStatus {
    let before = repo.status.clone().unwrap_or_default();
    let generation = repo.metadata.generation.unwrap_or_default();
    let says = says(repo, &trunk);
    ServiceRepoStatus {
        observed_generation: Some(generation),
        conditions: conditions::set(&before.conditions, says, generation, now),
        trunk_commit: trunk.unwrap_or(before.trunk_commit),
        last_handled_reconcile_at: repo.annotations().get(names::REQUESTED_AT).cloned(),
    }
}

fn says(repo: &ServiceRepo, trunk: &Result<Option<String>, Failure>) -> Vec<Say> {
    let spec = &repo.spec;
    match trunk {
        Ok(Some(_)) => vec![Say::yes(conditions::READY, reasons::APPLIED, "the repository is read")],
        Ok(None) => {
            let message = format!("{} has no branch {}: push it, or set `trunk`", spec.url, spec.trunk);
            failed(&Failure { reason: reasons::REFERENCE_NOT_FOUND, message, needs_a_person: true })
        }
        Err(failure) => failed(failure),
    }
}

fn failed(Failure { reason, message, needs_a_person }: &Failure) -> Vec<Say> {
    let then = if *needs_a_person { conditions::STALLED } else { conditions::RECONCILING };
    vec![Say::no(conditions::READY, reason, message), Say::yes(then, reason, message)]
}
