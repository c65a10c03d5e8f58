//! What an image is made of.

use serde::{Deserialize, Serialize};

/// Whose image it is, and of which commits. An image says it of itself in a file, and in its environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    /// The service. In the environment: `SERVICE`.
    pub service: String,
    /// Commit of the service's repository. In the environment: `SERVICE_SHA`.
    pub service_sha: String,
    /// Commit of the ops repository. In the environment: `OPS_SHA`.
    pub ops_sha: String,
}

impl Identity {
    /// The three variables, as every process of the service sees them.
    pub fn environment(&self) -> [(&'static str, &str); 3] {
        [("SERVICE", &self.service), ("SERVICE_SHA", &self.service_sha), ("OPS_SHA", &self.ops_sha)]
    }
}
