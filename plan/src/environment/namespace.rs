//! The namespace of an environment: `env-<name>-<6 hex of fleet namespace and name>`, cut to 63 characters.

use sha2::{Digest as _, Sha256};

const LONGEST: usize = 63;

/// The name of the namespace in which the environment's pods are.
pub fn name(fleet_namespace: &str, environment: &str) -> String {
    let sum = Sha256::digest(format!("{fleet_namespace}/{environment}"));
    let suffix = format!("{:02x}{:02x}{:02x}", sum[0], sum[1], sum[2]);
    // The name of a custom resource may have dots, that of a namespace may not.
    let readable = environment.replace('.', "-");
    let room = LONGEST - "env-".len() - 1 - suffix.len();
    let cut = readable.get(..room.min(readable.len())).unwrap_or(&readable).trim_end_matches('-');
    format!("env-{cut}-{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_short_and_differ_by_fleet() {
        assert_eq!(name("fleet", "issue519"), name("fleet", "issue519"));
        assert_ne!(name("fleet", "issue519"), name("other", "issue519"));
        assert!(name("fleet", "issue519").starts_with("env-issue519-"));
        assert_eq!(name("fleet", &"long.".repeat(40)).len(), 63);
    }
}
