//! `manifest.yaml`: what a service says of itself, in the root of its own repository.

mod built;
mod globs;

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::service_name::ServiceName;
use crate::yaml::{self, YamlError};

pub use globs::Globs;

/// Name of the file in the root of a service's repository.
pub const FILE: &str = "manifest.yaml";

/// What a service says of itself at one commit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The service; the same as the `ServiceRepo`'s name.
    pub name: ServiceName,
    /// Image; `{registry}` is the Fleet's registry, `{commit}` the locked commit. Unset: it is built.
    #[serde(default)]
    pub image: Option<String>,
    /// What every role has in common, and the only role when `roles` is empty.
    #[serde(default)]
    pub run: Run,
    /// The ways in which one image runs.
    #[serde(default)]
    pub roles: BTreeMap<ServiceName, Role>,
    /// What starts with this service, transitively.
    #[serde(default)]
    pub dependencies: Vec<ServiceName>,
    /// The integration tests.
    #[serde(default)]
    pub integration: Option<Integration>,
    /// The unit tests; they run in each new image.
    #[serde(default)]
    pub unit: Option<UnitTests>,
    /// What is built apart and copied into the image.
    #[serde(default)]
    pub assets: Vec<Asset>,
}

/// What every role has in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Shell command. Unset: the image's own.
    #[serde(default)]
    pub command: Option<String>,
    /// Ports it answers on.
    #[serde(default)]
    pub ports: Vec<u16>,
    /// How readiness is found out. Unset: the first port accepts connections.
    #[serde(default)]
    pub health: Option<Health>,
    /// Where the service's code is in the image; commands run there.
    #[serde(default)]
    pub mount: Option<String>,
    /// Shell command after which new code in `mount` counts.
    #[serde(default)]
    pub reload: Option<String>,
    /// Environment variables; they win over the Fleet's.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// How readiness is found out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Path that answers with 2xx or 3xx on the first port.
    pub http: String,
}

/// One way in which the image runs. What it leaves out comes from `run`, but for the ports and the health check
/// of a role with a command of its own: that one answers on no port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Shell command. Unset: that of `run`, which has the ports and the health check.
    #[serde(default)]
    pub command: Option<String>,
    /// How many pods. Unset: one.
    #[serde(default)]
    pub instances: Option<u16>,
    /// Cron schedule: the role runs as a `CronJob`.
    #[serde(default)]
    pub schedule: Option<String>,
    /// Environment variables of this role alone.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// The integration tests of a service, and exactly what they need.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Integration {
    /// Shell command that runs the tests.
    pub cmd: String,
    /// Machine label of the Fleet.
    #[serde(default)]
    pub label: Option<String>,
    /// Exactly the services that are started.
    #[serde(default)]
    pub dependencies: Vec<ServiceName>,
    /// Where the reports are.
    #[serde(default)]
    pub reports: Reports,
}

/// The unit tests of a service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitTests {
    /// Shell command that runs the tests.
    pub command: String,
    /// Where the reports are.
    #[serde(default)]
    pub reports: Reports,
    /// How long they may take. Unset: ten minutes.
    #[serde(default)]
    pub timeout: Option<String>,
}

/// Files that are built apart, only when one of their sources has changed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// Shell command that builds them.
    pub command: String,
    /// Globs of their sources in the service's repository; the command sees nothing else of it.
    pub inputs: Vec<String>,
    /// Folder that the command writes, relative to the repository; the commit has nothing there.
    pub output: String,
}

/// Where reports are found after the tests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reports {
    /// Glob of JUnit files, relative to `run.mount`.
    #[serde(default)]
    pub junit: Option<String>,
}

/// A manifest that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is not valid YAML, or has unknown, missing or wrong fields.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// Its name is another service's.
    #[error("{FILE} says its name is `{found}`, but this is the repository of `{expected}`: correct `name`")]
    Name {
        /// The `ServiceRepo`'s name.
        expected: ServiceName,
        /// The manifest's.
        found: ServiceName,
    },
    /// A value makes no sense.
    #[error("{FILE}: {0}")]
    Senseless(String),
    /// The commit has no such file.
    #[error("there is no {FILE} in the root of the repository: add one")]
    Missing,
}

/// Parses and checks the file's bytes.
pub fn parse(service: &ServiceName, bytes: &[u8]) -> Result<Manifest, ManifestError> {
    let manifest: Manifest = yaml::parse_typed(FILE, bytes)?;
    if manifest.name != *service {
        return Err(ManifestError::Name { expected: service.clone(), found: manifest.name });
    }
    match built::mistake(&manifest) {
        Some(mistake) => Err(ManifestError::Senseless(mistake)),
        None => Ok(manifest),
    }
}

/// One role with all that `run` gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedRole {
    /// Its name; none for the only role of a service.
    pub name: Option<ServiceName>,
    /// Shell command, or the image's own.
    pub command: Option<String>,
    /// Ports it answers on.
    pub ports: Vec<u16>,
    /// Health check.
    pub health: Option<Health>,
    /// How many pods.
    pub instances: u16,
    /// Cron schedule.
    pub schedule: Option<String>,
    /// Environment variables of `run` and of the role.
    pub env: BTreeMap<String, String>,
}

impl Manifest {
    /// The ways in which the service runs: its roles, or `run` alone.
    pub fn resolved_roles(&self) -> Vec<ResolvedRole> {
        if self.roles.is_empty() {
            return vec![self.resolve_role(None, &Role::default())];
        }
        self.roles.iter().map(|(name, role)| self.resolve_role(Some(name.clone()), role)).collect()
    }

    fn resolve_role(&self, name: Option<ServiceName>, role: &Role) -> ResolvedRole {
        let serves = role.command.is_none() && role.schedule.is_none();
        let mut env = self.run.env.clone();
        env.extend(role.env.clone());
        ResolvedRole {
            name,
            command: role.command.clone().or_else(|| self.run.command.clone()),
            ports: if serves { self.run.ports.clone() } else { Vec::new() },
            health: self.run.health.clone().filter(|_| serves),
            instances: role.instances.unwrap_or(1),
            schedule: role.schedule.clone(),
            env,
        }
    }

    /// The image at a commit; none when it is built.
    pub fn image_at(&self, registry: &str, commit: &str) -> Option<String> {
        let image = self.image.as_ref()?;
        Some(image.replace("{registry}", registry).replace("{commit}", commit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ServiceName {
        ServiceName::parse(text).unwrap()
    }

    const SEED: &str = "\
name: www
image: \"{registry}/www:{commit}\"
integration:
  cmd: make test_integration
  label: oslave2_xl
  dependencies:
    - local
    - www
    - api
    - ats
  reports:
    junit: test/results/protractor-*.xml
";

    #[test]
    fn the_integration_block_of_2015_parses_as_written() {
        let integration = parse(&name("www"), SEED.as_bytes()).unwrap().integration.unwrap();
        assert_eq!(integration.cmd, "make test_integration");
        assert_eq!(integration.label.as_deref(), Some("oslave2_xl"));
        assert_eq!(integration.dependencies, ["local", "www", "api", "ats"].map(name));
        assert_eq!(integration.reports.junit.as_deref(), Some("test/results/protractor-*.xml"));
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        let error = parse(&name("www"), SEED.replace("label:", "lable:").as_bytes()).unwrap_err();
        assert!(error.to_string().contains("manifest.yaml:5:3"), "{error}");
        assert!(error.to_string().contains("lable"), "{error}");
    }

    #[test]
    fn another_services_manifest_is_refused() {
        let error = parse(&name("api"), SEED.as_bytes()).unwrap_err();
        assert_eq!(error, ManifestError::Name { expected: name("api"), found: name("www") });
    }

    #[test]
    fn a_role_with_a_command_of_its_own_answers_on_no_port() {
        let text = "name: www\nimage: x\nrun: {ports: [80], env: {A: run, B: run}}\nroles: {web: {instances: 2}, worker: {command: work, env: {B: worker}}}\n";
        let roles = parse(&name("www"), text.as_bytes()).unwrap().resolved_roles();
        assert_eq!((roles[0].ports.clone(), roles[0].instances), (vec![80], 2));
        assert_eq!(roles[1].ports, Vec::<u16>::new());
        assert_eq!(roles[1].env["A"], "run");
        assert_eq!(roles[1].env["B"], "worker");
    }

    #[test]
    fn the_image_is_expanded_to_the_locked_commit() {
        let manifest = parse(&name("www"), SEED.as_bytes()).unwrap();
        assert_eq!(manifest.image_at("registry:5000", "3f2c").as_deref(), Some("registry:5000/www:3f2c"));
    }
}
