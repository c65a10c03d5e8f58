//! What a reconciler may use.

use jiff::Timestamp;
use kube::Client;
use kube::runtime::events::Recorder;
use kube::runtime::reflector::Store;
use slipway_crds::v1alpha1::{DevEnvironment, Fleet, GitSync, ServiceBuild, ServiceRepo};
use slipway_plan::desired::integration::AgentSettings;
use slipway_plan::environment::decide::Refusal;
use slipway_plan::environment::starts::Told;
use slipway_plan::gitsync::settled::Settled;

use crate::blocks::Blocks;
use crate::builds::Progress;
use crate::cache::{AskBuild, BuildObjects, Cache, ForeignObjects, OwnObjects, Trigger};
use crate::git::Git;
use crate::lease::Tenure;
use crate::looked::{Known, Look};
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::pull_secrets::PullSecrets;
use crate::pushed::Wake;
use crate::reconcile::wake::AskFleet;
use crate::registry::Registry;
use crate::repositories::{Repositories, Repository};
use crate::turns::Turns;

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
    /// Asks for a reconcile of a Fleet.
    pub ask_fleet: AskFleet,
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
    pub looks: Memory<Option<Look>>,
    /// What the files of each `GitSync` said, by UID.
    pub known_files: Memory<Option<Known>>,
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

/// The time, read once a reconcile, to the second: times in a status are no finer.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}
