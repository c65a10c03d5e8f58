//! What a commit says of its assets.

use serde::{Deserialize, Serialize};

/// One asset of a commit. `GET URL/assets?to=SHA` answers with a list of them as JSON, and `GET URL/assets/0?to=SHA` with
/// the sources of the first: an archive like those of repositories, which holds its inputs and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Asset {
    /// Shell command that builds it, in a folder that holds its inputs and nothing else.
    pub command: String,
    /// Folder that the command writes, relative to where it runs; it goes to the same place in the service's repository.
    pub output: String,
    /// What is the same exactly when the command, the output and the files that it is built from are.
    pub sources: String,
}
