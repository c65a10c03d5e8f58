//! What follows when the ops repository of a fat container was changed by hand: its provisioner runs again, as its start
//! would have run it, and its services are restarted when that changed something.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::LiveError;
use super::message::Provisioned;
use crate::provision::{self, Context};
use crate::service::{self, Serving};
use crate::{InitOrder, ProvisionRecord, started};

/// A fat container that is provisioned once more.
#[derive(Clone, Debug)]
pub struct Ops {
    order: InitOrder,
}

impl Ops {
    /// Of the container that was brought up by this order.
    pub fn new(order: InitOrder) -> Self {
        Self { order }
    }

    /// Where its ops repository is.
    pub fn folder(&self) -> &Path {
        &self.order.folders.ops
    }

    /// Where it is remembered what is due: beside what the provisioner writes for itself.
    pub(super) fn state(&self) -> PathBuf {
        self.order.folders.scratch.join("live")
    }

    /// Refuses a container that is being provisioned already.
    pub(super) fn refuse(&self) -> Result<(), LiveError> {
        if started::is_up(&self.order.record) {
            return Ok(());
        }
        let service = &self.order.identity.service;
        let message = format!("{service} has not come up yet: only what has is provisioned once more");
        Err(LiveError::Refused { message })
    }

    /// Provisions. What runs is not touched when that fails; a restart may also be due from before.
    pub(super) fn provision(&self, restart_due: bool) -> Result<Provisioned, LiveError> {
        let order = &self.order;
        let context = Context { identity: &order.identity, folders: &order.folders, newest: order.newest };
        let record = provision::provision(&order.provisioner, &context).map_err(refused)?;
        if record.error.is_some() || !(restart_due || may_have_changed(&record)) {
            return Ok(Provisioned { record, ..Provisioned::default() });
        }
        Ok(match self.restart() {
            Ok(restarted) => Provisioned { record, restarted, down: None },
            Err(error) => Provisioned { record, restarted: Vec::new(), down: Some(told(&error)) },
        })
    }

    fn restart(&self) -> Result<Vec<String>, service::ServiceError> {
        let order = &self.order;
        let Some(runit) = order.running() else { return Ok(Vec::new()) };
        let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
        let (checks, grace) = (seconds(order.checks_seconds), seconds(order.grace_seconds));
        service::restart(&Serving { identity: &order.identity, runit: &runit, checks, grace })
    }
}

/// Whether what runs may be of other files than there are now.
pub(super) fn may_have_changed(record: &ProvisionRecord) -> bool {
    record.changed > 0 || record.changes_untold
}

fn refused(error: impl std::error::Error) -> LiveError {
    LiveError::Refused { message: told(&error) }
}

fn told(error: &dyn std::error::Error) -> String {
    let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{source}")
}
