//! What happens to an environment and its pods, as it happens.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt as _, future};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use slipway_crds::v1alpha1::DevEnvironment;
use tokio::time::Interval;

use crate::connect::Session;
use crate::environment;

/// Pods by name.
pub type Pods = BTreeMap<String, Pod>;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The environment is like this now.
    Changed(Box<DevEnvironment>),
    /// It does not exist.
    Gone,
    /// Its pods changed.
    Pods,
    /// A second went by.
    Second,
    /// The API server does not answer; it is asked again.
    Lost(String),
}

/// Follows one environment, and its pods as soon as it has a namespace.
pub struct Follower {
    client: Client,
    environment: BoxStream<'static, watcher::Result<Option<DevEnvironment>>>,
    pods: Option<FollowedPods>,
    second: Interval,
}

impl Follower {
    /// Of the environment of that name.
    pub fn new(session: &Session, name: &str) -> Self {
        let watched = watcher::watch_object(session.environments(), name);
        Self {
            client: session.client.clone(),
            environment: watched.default_backoff().boxed(),
            pods: None,
            second: tokio::time::interval(Duration::from_secs(1)),
        }
    }

    /// The pods as they are known.
    pub fn pods(&self) -> Pods {
        self.pods.as_ref().map(|pods| pods.known.clone()).unwrap_or_default()
    }

    /// The next thing that happens.
    pub async fn next(&mut self) -> Event {
        tokio::select! {
            Some(seen) = self.environment.next() => match seen {
                Ok(Some(environment)) => {
                    self.follow_pods(environment::namespace(&environment));
                    Event::Changed(Box::new(environment))
                }
                Ok(None) => Event::Gone,
                Err(error) => Event::Lost(error.to_string()),
            },
            () = next_pods(self.pods.as_mut()) => Event::Pods,
            _ = self.second.tick() => Event::Second,
        }
    }

    fn follow_pods(&mut self, namespace: Option<&str>) {
        if self.pods.as_ref().map(|pods| pods.namespace.as_str()) != namespace {
            self.pods = namespace.map(|namespace| FollowedPods::new(&self.client, namespace));
        }
    }
}

async fn next_pods(pods: Option<&mut FollowedPods>) {
    match pods {
        Some(pods) => pods.next().await,
        None => future::pending().await,
    }
}

/// The pods of one namespace.
pub type FollowedPods = Followed<Pod>;

/// The objects of one kind in one namespace.
pub struct Followed<K> {
    namespace: String,
    known: BTreeMap<String, K>,
    /// Seen since the list was begun anew.
    listed: BTreeMap<String, K>,
    events: BoxStream<'static, watcher::Result<watcher::Event<K>>>,
}

impl<K> Followed<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Send
        + 'static,
{
    /// Of that namespace.
    pub fn new(client: &Client, namespace: &str) -> Self {
        let api: Api<K> = Api::namespaced(client.clone(), namespace);
        let events = watcher(api, watcher::Config::default()).default_backoff().boxed();
        let (known, listed) = (BTreeMap::new(), BTreeMap::new());
        Self { namespace: namespace.to_owned(), known, listed, events }
    }

    /// The objects as they are known, by name.
    pub fn known(&self) -> &BTreeMap<String, K> {
        &self.known
    }

    /// Waits until they change. Somebody who may not see them waits for ever: they are no more than a nicety.
    pub async fn next(&mut self) {
        while self.changed().await.is_err() {}
    }

    /// Waits until they change, or until the API server does not answer; it is asked again by the next call.
    pub async fn changed(&mut self) -> watcher::Result<()> {
        while let Some(event) = self.events.next().await {
            match event? {
                watcher::Event::Init => self.listed.clear(),
                watcher::Event::InitApply(object) => drop(self.listed.insert(object.name_any(), object)),
                watcher::Event::InitDone => {
                    self.known = std::mem::take(&mut self.listed);
                    return Ok(());
                }
                watcher::Event::Apply(object) => {
                    self.known.insert(object.name_any(), object);
                    return Ok(());
                }
                watcher::Event::Delete(object) => {
                    self.known.remove(&object.name_any());
                    return Ok(());
                }
            }
        }
        future::pending().await
    }
}

/// Ends after that long, or never.
pub async fn deadline(timeout: Option<jiff::SignedDuration>) {
    match timeout {
        Some(timeout) => tokio::time::sleep(timeout.unsigned_abs()).await,
        None => future::pending().await,
    }
}
