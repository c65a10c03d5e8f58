//! Objects of other kinds that `GitSync`s applied, seen with the rights of the service accounts that applied them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::api::DynamicObject;
use kube::core::GroupVersionKind;
use kube::discovery::{ApiResource, Scope, pinned_kind};
use kube::runtime::watcher;
use kube::{Api, Client};
use slipway_crds::names;
use slipway_plan::gitsync::KindName;
use slipway_plan::gitsync::account::Account;
use slipway_plan::object::Observed;
use tokio::task::AbortHandle;

use super::{Objects, watch};
use crate::accounts::Accounts;

/// How long the first list of a kind may take before it is looked for later.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether a watch was refused.
const LOOK: Duration = Duration::from_millis(20);

/// Why objects of a kind are not seen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unseen {
    /// The service account may not list and watch them, or the operator may not act for it.
    #[error("{kind} cannot be listed and watched: {answer}")]
    Forbidden {
        /// Which kind.
        kind: KindName,
        /// The API server's words.
        answer: String,
    },
    /// The API server could not be asked, or has not answered yet.
    #[error("{kind} could not be listed yet: {why}")]
    Late {
        /// Which kind.
        kind: KindName,
        /// What happened.
        why: String,
    },
}

/// What the API server says of a kind.
#[derive(Clone, Debug)]
pub enum Known {
    /// It has objects of this kind in namespaces.
    Namespaced(ApiResource),
    /// They are in no namespace.
    OfCluster,
    /// It has no such kind.
    Missing,
}

type Tell = Arc<dyn Fn(&DynamicObject) + Send + Sync>;

/// A watch for each service account and kind; it ends with the last `GitSync` that wants it.
pub struct ForeignObjects {
    accounts: Accounts,
    operator: Client,
    resources: Mutex<BTreeMap<KindName, ApiResource>>,
    watches: Mutex<BTreeMap<(Account, KindName), Watch>>,
    tell: Tell,
}

struct Watch {
    store: Objects,
    failed: watch::Failed,
    users: BTreeSet<String>,
    task: AbortHandle,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ForeignObjects {
    /// Nothing is watched yet. `tell` hears of each object that came, changed or went.
    pub fn new(operator: &Client, tell: impl Fn(&DynamicObject) + Send + Sync + 'static) -> Self {
        Self {
            accounts: Accounts::new(operator.clone()),
            operator: operator.clone(),
            resources: Mutex::default(),
            watches: Mutex::default(),
            tell: Arc::new(tell),
        }
    }

    /// A client with the rights of an account.
    pub fn client(&self, account: &Account) -> Client {
        self.accounts.client(account)
    }

    /// What the API server says of a kind. A kind that is there is remembered, one that is missing may come.
    pub async fn known(&self, name: &KindName) -> Result<Known, Unseen> {
        if let Some(resource) = lock(&self.resources).get(name) {
            return Ok(Known::Namespaced(resource.clone()));
        }
        let (group, version) = name.api_version.split_once('/').unwrap_or(("", &name.api_version));
        match pinned_kind(&self.operator, &GroupVersionKind::gvk(group, version, &name.kind)).await {
            Ok((resource, capabilities)) if capabilities.scope == Scope::Namespaced => {
                lock(&self.resources).insert(name.clone(), resource.clone());
                Ok(Known::Namespaced(resource))
            }
            Ok(_) => Ok(Known::OfCluster),
            Err(kube::Error::Discovery(_)) => Ok(Known::Missing),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(Known::Missing),
            Err(error) => Err(Unseen::Late { kind: name.clone(), why: error.to_string() }),
        }
    }

    /// All objects of these kinds that `GitSync`s applied in the account's namespace. The user, a `GitSync`, wants these kinds
    /// from now on, and no others.
    pub async fn all(
        &self,
        account: &Account,
        kinds: &BTreeMap<KindName, ApiResource>,
        user: &str,
    ) -> Result<Vec<Observed>, Unseen> {
        self.keep(user, |key| key.0 == *account && kinds.contains_key(&key.1));
        let mut found = Vec::new();
        for (name, resource) in kinds {
            let (store, failed) = self.watch(account, name, resource, user);
            wait(&store, &failed, name).await?;
            found.extend(store.all());
        }
        Ok(found)
    }

    /// The user wants nothing any more.
    pub fn release(&self, user: &str) {
        self.keep(user, |_| false);
    }

    fn keep(&self, user: &str, wanted: impl Fn(&(Account, KindName)) -> bool) {
        lock(&self.watches).retain(|key, watch| {
            if !wanted(key) {
                watch.users.remove(user);
            }
            !watch.users.is_empty()
        });
    }

    fn watch(
        &self,
        account: &Account,
        name: &KindName,
        resource: &ApiResource,
        user: &str,
    ) -> (Objects, watch::Failed) {
        let mut watches = lock(&self.watches);
        let start = || self.start(account, resource);
        let watch = watches.entry((account.clone(), name.clone())).or_insert_with(start);
        watch.users.insert(user.to_owned());
        (watch.store.clone(), watch.failed.clone())
    }

    fn start(&self, account: &Account, resource: &ApiResource) -> Watch {
        let client = self.client(account);
        let api = match account {
            Account::Service { namespace, .. } => Api::namespaced_with(client, namespace, resource),
            Account::Operator => Api::all_with(client, resource),
        };
        let config = watcher::Config::default().labels(names::GITSYNC);
        let tell = Arc::clone(&self.tell);
        let started =
            watch::follow(api, config, resource.clone(), &watch::DECLARED, move |object| tell(object));
        let watch::Started { store, failed, task } = started;
        Watch { store, failed, users: BTreeSet::new(), task }
    }
}

/// Waits until a kind was listed, or the list was refused.
async fn wait(store: &Objects, failed: &watch::Failed, kind: &KindName) -> Result<(), Unseen> {
    let ready = tokio::time::timeout(PATIENCE, store.listed());
    let mut ready = std::pin::pin!(ready);
    loop {
        tokio::select! {
            listed = &mut ready => match listed {
                Ok(()) => return refusal(failed, kind).map_or(Ok(()), Err),
                Err(_) => return Err(Unseen::Late { kind: kind.clone(), why: "the API server is slow".to_owned() }),
            },
            () = tokio::time::sleep(LOOK) => if let Some(refusal) = refusal(failed, kind) {
                return Err(refusal);
            },
        }
    }
}

fn refusal(failed: &watch::Failed, kind: &KindName) -> Option<Unseen> {
    let kind = kind.clone();
    match lock(failed).clone()? {
        watch::Failure { is_forbidden: true, message } => Some(Unseen::Forbidden { kind, answer: message }),
        watch::Failure { is_forbidden: false, .. } => None,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
