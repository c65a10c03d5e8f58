//! Who wrote what, as the API server recorded it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;
use slipway_cluster::Cluster;

/// The API server's audit log.
pub struct Audit {
    path: PathBuf,
}

/// One write request; also a read of the user that the cluster was told to record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The user.
    pub user: String,
    /// `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    /// Plural of the kind, with the subresource: `devenvironments/status`.
    pub resource: String,
    /// Namespace, empty for what has none.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// HTTP status of the answer.
    pub code: i64,
    /// When it was answered.
    pub answered: Timestamp,
}

impl Audit {
    /// Of this cluster.
    pub fn of(cluster: &Cluster) -> Self {
        Self { path: cluster.audit_log_path() }
    }

    /// The end of the log as it is now: [`Audit::since`] begins there.
    pub fn mark(&self) -> Result<usize> {
        Ok(self.read()?.len())
    }

    /// All writes after a mark, in their order; 0 is the beginning.
    pub fn since(&self, mark: usize) -> Result<Vec<Write>> {
        let text = self.read()?;
        let new = text.get(mark..).context("the audit log became shorter")?;
        new.lines().map(|line| Ok(write(&serde_json::from_str(line)?))).collect()
    }

    /// Complete lines only.
    fn read(&self) -> Result<String> {
        let mut text = fs::read_to_string(&self.path)
            .with_context(|| format!("cannot read the audit log {}", self.path.display()))?;
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        Ok(text)
    }
}

fn write(event: &Value) -> Write {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &event["objectRef"];
    let (mut resource, subresource) = (text(&object["resource"]), text(&object["subresource"]));
    if !subresource.is_empty() {
        resource = format!("{resource}/{subresource}");
    }
    Write {
        user: text(&event["user"]["username"]),
        verb: text(&event["verb"]),
        resource,
        namespace: text(&object["namespace"]),
        name: text(&object["name"]),
        code: event["responseStatus"]["code"].as_i64().unwrap_or_default(),
        answered: text(&event["stageTimestamp"]).parse().unwrap_or_default(),
    }
}
