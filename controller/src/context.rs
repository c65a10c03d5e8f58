//! What a reconciler may use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use kube::Client;
use kube::runtime::events::Recorder;
use kube::runtime::reflector::Store;
use slipway_crds::v1alpha1::{AddressRange, DevEnvironment, Fleet, GitSync, ServiceBuild, ServiceRepo};
use slipway_plan::addresses::{self, Block};
use slipway_plan::desired::integration::AgentSettings;
use slipway_plan::environment::decide::{AddressesExhausted, Refusal};
use slipway_plan::environment::starts::Told;
use slipway_plan::gitsync::settled::Settled;

use crate::builds::Progress;
use crate::cache::{AskBuild, BuildObjects, Cache, ForeignObjects, OwnObjects, Trigger};
use crate::git::Git;
use crate::hooks::Wake;
use crate::lease::Tenure;
use crate::metrics::Metrics;
use crate::pull_secrets::PullSecrets;
use crate::reconcile::gitsync;
use crate::reconcile::service_build::Turns;
use crate::registry::Registry;
use crate::repositories::{Repositories, Repository};

/// What a reconciler may use.
pub struct Context {
    /// The API server; it writes only with the lease.
    pub client: Client,
    /// Whether this operator may write.
    pub tenure: Tenure,
    /// Mirrors of repositories.
    pub git: Git,
    /// Digests of images.
    pub registry: Registry,
    /// How the agent is run.
    pub agent: AgentSettings,
    /// The Fleets' pull Secrets.
    pub pull_secrets: PullSecrets,
    /// Objects in environments.
    pub cache: Cache,
    /// Objects of builds.
    pub builds: BuildObjects,
    /// What the pods of builds told last.
    pub progress: Progress,
    /// Whose turn it is to build.
    pub turns: Turns,
    /// Asks for a reconcile of a build.
    pub ask_build: AskBuild,
    /// Slipway's own objects, as they are kept.
    pub own: OwnObjects,
    /// Objects of other kinds that `GitSync`s made, and clients with the rights of those who made them.
    pub foreign: ForeignObjects,
    /// Slipway's own objects, typed.
    pub stores: Stores,
    /// What the service repositories have.
    pub repositories: Repositories,
    /// What the Fleets' ops repositories have, by the Fleet's namespace.
    pub ops: Memory<Option<Repository>>,
    /// Blocks of addresses that environments were given.
    pub blocks: Blocks,
    /// What the API server refused when an environment's last plan was carried out, by UID.
    pub refused: Memory<Option<Refusal>>,
    /// The version of each environment after its status was last written, by UID.
    pub reported: Memory<u64>,
    /// How containers of each environment came up, as far as they told since this operator runs, by UID.
    pub starts: Memory<Told>,
    /// The last look at each `GitSync`'s repository, by UID.
    pub looks: Memory<Option<gitsync::Look>>,
    /// What the files of each `GitSync` said, by UID.
    pub known_files: Memory<Option<gitsync::Known>>,
    /// In which way the API server keeps what each `GitSync` wrote, by UID.
    pub settled: Memory<Settled>,
    /// Failed attempts in a row, by object.
    pub attempts: Memory<u32>,
    /// Writes events.
    pub recorder: Recorder,
    /// Counts.
    pub metrics: Metrics,
    /// Asks for a look at a repository to which something was pushed.
    pub pushed: Wake,
    /// Asks for a reconcile of an environment.
    pub trigger: Trigger,
}

/// Slipway's own objects, as the watches show them.
#[derive(Clone)]
pub struct Stores {
    /// Fleets.
    pub fleets: Store<Fleet>,
    /// Service repositories.
    pub repos: Store<ServiceRepo>,
    /// Environments.
    pub environments: Store<DevEnvironment>,
    /// Syncs.
    pub syncs: Store<GitSync>,
    /// Builds.
    pub builds: Store<ServiceBuild>,
}

/// Something remembered for each object while the process lives.
#[derive(Debug)]
pub struct Memory<T>(Mutex<BTreeMap<String, T>>);

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone + Default> Memory<T> {
    /// What is remembered of it.
    pub fn get(&self, object: &str) -> T {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(object).cloned().unwrap_or_default()
    }

    /// Remembers it.
    pub fn set(&self, object: &str, value: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(object.to_owned(), value);
    }

    /// Changes what is remembered of it.
    pub fn change(&self, object: &str, change: impl FnOnce(&mut T)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(object.to_owned()).or_default());
    }

    /// Forgets it.
    pub fn forget(&self, object: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(object);
    }
}

/// Blocks of addresses: what is recorded in statuses, what was given since, and what turned out to be taken.
#[derive(Debug, Default)]
pub struct Blocks(Mutex<Given>);

#[derive(Debug, Default)]
struct Given {
    by_environment: BTreeMap<String, Block>,
    unusable: BTreeSet<Block>,
}

impl Blocks {
    /// The environment's block: the recorded one, unless it turned out to be taken, or the next free one.
    pub fn of(
        &self,
        environment: &DevEnvironment,
        range: Option<&AddressRange>,
        all: &[std::sync::Arc<DevEnvironment>],
    ) -> Result<Option<Block>, AddressesExhausted> {
        let Some(range) = range else { return Ok(None) };
        let uid = environment.metadata.uid.clone().unwrap_or_default();
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = recorded(environment).or_else(|| given.by_environment.get(&uid).copied());
        if let Some(block) = own.filter(|block| !given.unusable.contains(block)) {
            given.by_environment.insert(uid, block);
            return Ok(Some(block));
        }
        let others = all.iter().filter(|other| other.metadata.uid.as_ref() != Some(&uid));
        let mut taken: BTreeSet<Block> = others.filter_map(|other| recorded(other)).collect();
        taken.extend(given.by_environment.values().chain(&given.unusable));
        // A range that is none is refused by the schema.
        let block = addresses::next_block(range, &taken).ok().flatten().ok_or(AddressesExhausted)?;
        given.by_environment.insert(uid, block);
        Ok(Some(block))
    }

    /// An address of the environment's block is somebody else's: it gets another block.
    pub fn refuse(&self, uid: &str) {
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(block) = given.by_environment.remove(uid) {
            given.unusable.insert(block);
        }
    }

    /// The environment is gone.
    pub fn release(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_environment.remove(uid);
    }
}

fn recorded(environment: &DevEnvironment) -> Option<Block> {
    environment.status.as_ref()?.address_block.as_ref()?.parse().ok()
}

/// The time, read once a reconcile, to the second: times in a status are no finer.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use slipway_crds::v1alpha1::DevEnvironmentStatus;

    use super::*;

    fn environment(uid: &str, block: Option<&str>) -> DevEnvironment {
        let mut environment = DevEnvironment::new(uid, slipway_crds::v1alpha1::DevEnvironmentSpec::default());
        environment.metadata.uid = Some(uid.to_owned());
        let address_block = block.map(str::to_owned);
        environment.status = Some(DevEnvironmentStatus { address_block, ..DevEnvironmentStatus::default() });
        environment
    }

    fn given(blocks: &Blocks, environment: &DevEnvironment, all: &[Arc<DevEnvironment>]) -> Option<String> {
        let range = AddressRange { range: "10.96.128.0/26".to_owned(), block: 32 };
        let block = blocks.of(environment, Some(&range), all).ok()?;
        block.map(|block| block.to_string())
    }

    #[test]
    fn two_environments_never_get_the_same_block_and_a_recorded_one_stays() {
        let blocks = Blocks::default();
        let recorded = Arc::new(environment("a", Some("10.96.128.0/27")));
        let all = [recorded.clone()];
        assert_eq!(given(&blocks, &environment("b", None), &all).as_deref(), Some("10.96.128.32/27"));
        assert_eq!(given(&blocks, &recorded, &all).as_deref(), Some("10.96.128.0/27"));
        assert_eq!(given(&blocks, &environment("c", None), &all), None, "none is left");
    }

    #[test]
    fn a_taken_address_means_the_next_block() {
        let blocks = Blocks::default();
        let first = environment("a", None);
        assert_eq!(given(&blocks, &first, &[]).as_deref(), Some("10.96.128.0/27"));
        blocks.refuse("a");
        assert_eq!(given(&blocks, &first, &[]).as_deref(), Some("10.96.128.32/27"));
    }
}
