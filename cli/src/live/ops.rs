//! A working tree of the ops repository, and the containers that may follow it.

use std::path::{Path, PathBuf};

use kube::ResourceExt as _;
use slipway_agent::order::Folders;
use slipway_crds::v1alpha1::{DevEnvironment, Fleet, LockedService};

use super::Followed;
use super::agent::Task;
use super::conversation::Afterwards;
use crate::connect::Session;
use crate::exit::Usage;
use crate::{environment, fleet, pods};

/// A working tree of the ops repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpsTree {
    folder: PathBuf,
}

impl OpsTree {
    /// The one in this folder, which must be its root: what is not in it goes from the containers.
    pub fn read(path: &Path) -> Result<Self, Usage> {
        let folder = path.canonicalize().map_err(|error| Usage(format!("{}: {error}", path.display())))?;
        match folder.ancestors().find(|folder| is_root(folder)) {
            Some(root) if root == folder => Ok(Self { folder }),
            Some(root) => Err(Usage(format!(
                "{} is a part of the working tree {}\n  name its root, if it is one of the ops repository",
                folder.display(),
                root.display()
            ))),
            None => Err(Usage(format!(
                "{} is no git working tree\n  name the root of a clone of the ops repository",
                folder.display()
            ))),
        }
    }

    /// Refuses what the Fleet has no use for, as far as it may be seen.
    pub async fn refuse_fleet(&self, session: &Session) -> anyhow::Result<()> {
        fleet::only(session).await.map_or(Ok(()), |fleet| self.refuse(&fleet))
    }

    fn refuse(&self, fleet: &Fleet) -> anyhow::Result<()> {
        let name = fleet.name_any();
        let Some(ops) = &fleet.spec.ops else {
            anyhow::bail!(
                "Fleet {name} names no ops repository: nothing of its services is made by one\n  name it in the Fleet: \
                 ops: {{url: …}}"
            );
        };
        let Some(salt) = &fleet.spec.provisioner.salt else { return Ok(()) };
        if self.folder.join(&salt.states).is_dir() {
            return Ok(());
        }
        Err(Usage(format!(
            "{} has no folder {}, in which Fleet {name} has its states\n  name the root of a clone of {}",
            self.folder.display(),
            salt.states,
            ops.url
        ))
        .into())
    }
}

/// A clone has a folder `.git`, a linked work tree a file.
fn is_root(folder: &Path) -> bool {
    let git = folder.join(".git");
    git.join("HEAD").is_file() || git.is_file()
}

/// Each role of the services that are built, all of them when none is named.
pub async fn followed(
    session: &Session,
    environment: &DevEnvironment,
    tree: &OpsTree,
    services: &[String],
    role: Option<&str>,
) -> anyhow::Result<Vec<Followed>> {
    environment::refuse_unknown(environment, services, &[], &session.program)?;
    let (is_named, services) = (!services.is_empty(), built(environment, services)?);
    let all = pods::list(&pods::api(session, environment)?).await?;
    let mut followed = Vec::new();
    for service in services {
        let roles = roles(pods::roles(&all, &service), role, is_named);
        followed.extend(roles.into_iter().map(|role| Followed {
            service: service.clone(),
            role,
            folder: tree.folder.clone(),
            mount: Folders::default().ops,
            task: Task::SyncOps,
            afterwards: Afterwards::Provision,
        }));
    }
    if followed.is_empty() {
        let role = role.map(|role| format!(" in a role {role}")).unwrap_or_default();
        let (name, program) = (environment.name_any(), &session.program);
        anyhow::bail!(
            "no pod of a service that is built runs in {name}{role}\n  look closer: {program} status {name}"
        );
    }
    Ok(followed)
}

/// Those that are wanted. A service that is named is not passed over: that nothing of it runs is told later.
fn roles(running: Vec<Option<String>>, wanted: Option<&str>, is_named: bool) -> Vec<Option<String>> {
    let is_wanted = |role: &Option<String>| wanted.is_none() || role.as_deref() == wanted;
    let fitting: Vec<_> = running.into_iter().filter(is_wanted).collect();
    if fitting.is_empty() && is_named { vec![wanted.map(str::to_owned)] } else { fitting }
}

/// Those that are built of these services, or of all.
fn built(environment: &DevEnvironment, services: &[String]) -> Result<Vec<String>, Usage> {
    let (name, lock) = (environment.name_any(), environment::status(environment).lock);
    let is_built = |locked: &&LockedService| locked.ops_commit.is_some();
    let built: Vec<_> = lock.iter().filter(is_built).map(|locked| locked.service.clone()).collect();
    if built.is_empty() {
        return Err(Usage(format!(
            "nothing that {name} runs is built: no ops repository is in its images\n  leave out `image` in a service's \
             manifest.yaml, and it is built"
        )));
    }
    match services.iter().find(|service| !built.contains(service)) {
        Some(service) => Err(Usage(format!(
            "{service} has an image of its own, and no ops repository in it; built in {name}: {}",
            built.join(", ")
        ))),
        None if services.is_empty() => Ok(built),
        None => Ok(services.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn environment(lock: &Value) -> DevEnvironment {
        serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment",
            "metadata": {"name": "one"}, "spec": {}, "status": {"lock": lock}}))
        .unwrap()
    }

    fn mixed() -> DevEnvironment {
        environment(&json!([
            {"service": "local", "why": "w", "ready": true},
            {"service": "api", "why": "w", "ready": true, "opsCommit": "77aa"},
            {"service": "eta", "why": "w", "ready": true},
            {"service": "www", "why": "w", "ready": true, "opsCommit": "77aa"}]))
    }

    fn named(services: &[&str]) -> Result<Vec<String>, String> {
        let services: Vec<_> = services.iter().map(|&service| service.to_owned()).collect();
        built(&mixed(), &services).map_err(|usage| usage.0)
    }

    #[test]
    fn all_that_is_built_follows_or_what_is_named() {
        assert_eq!(named(&[]).unwrap(), ["api", "www"]);
        assert_eq!(named(&["www"]).unwrap(), ["www"]);
    }

    #[test]
    fn a_service_with_an_image_of_its_own_is_refused() {
        let refused = named(&["www", "eta"]).unwrap_err();
        assert_eq!(
            refused,
            "eta has an image of its own, and no ops repository in it; built in one: api, www"
        );
        let none = built(&environment(&json!([{"service": "eta", "why": "w", "ready": true}])), &[]);
        assert!(none.unwrap_err().0.starts_with("nothing that one runs is built"));
    }

    #[test]
    fn every_role_that_runs_follows_and_only_who_is_named_is_missed() {
        let running = || ["web", "worker"].map(|role| Some(role.to_owned())).to_vec();
        assert_eq!(roles(running(), None, false), running());
        assert_eq!(roles(running(), Some("worker"), true), [Some("worker".to_owned())]);
        assert_eq!(roles(vec![None], Some("worker"), false), []);
        assert_eq!((roles(vec![], None, false), roles(vec![], None, true)), (vec![], vec![None]));
    }

    fn clone() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join(".git")).unwrap();
        std::fs::write(folder.path().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        std::fs::create_dir(folder.path().join("states")).unwrap();
        folder
    }

    #[test]
    fn only_the_root_of_a_working_tree_is_taken() {
        let clone = clone();
        assert!(OpsTree::read(clone.path()).is_ok());
        let part = OpsTree::read(&clone.path().join("states")).unwrap_err().0;
        assert!(part.contains("is a part of the working tree") && part.contains("name its root"), "{part}");
        let none = OpsTree::read(tempfile::tempdir().unwrap().path()).unwrap_err().0;
        assert!(none.contains("is no git working tree"), "{none}");
    }

    fn fleet(spec: &Value) -> Fleet {
        serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "Fleet",
            "metadata": {"name": "demo"}, "spec": spec}))
        .unwrap()
    }

    #[test]
    fn a_fleet_without_ops_and_a_tree_without_states_are_refused() {
        let clone = clone();
        let tree = OpsTree::read(clone.path()).unwrap();
        let refused = |spec: &Value| tree.refuse(&fleet(spec)).map_err(|error| error.to_string());
        let ops = json!({"url": "https://git.example.com/ops.git"});
        assert!(refused(&json!({"registry": "r"})).unwrap_err().contains("names no ops repository"));
        assert_eq!(refused(&json!({"registry": "r", "ops": ops})), Ok(()));
        let salt = json!({"salt": {"states": "salt/states"}});
        let told = refused(&json!({"registry": "r", "ops": ops, "provisioner": salt})).unwrap_err();
        assert!(told.contains("has no folder salt/states") && told.contains("git.example.com"), "{told}");
        let command = json!({"command": ["make"]});
        assert_eq!(refused(&json!({"registry": "r", "ops": ops, "provisioner": command})), Ok(()));
    }
}
