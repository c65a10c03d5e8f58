//! What happens to an environment and its pods, as it happens.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt as _, future};
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
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
pub struct FollowedPods {
    namespace: String,
    known: Pods,
    /// Seen since the list was begun anew.
    listed: Pods,
    events: BoxStream<'static, watcher::Result<watcher::Event<Pod>>>,
}

impl FollowedPods {
    /// Of that namespace.
    pub fn new(client: &Client, namespace: &str) -> Self {
        let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
        let events = watcher(api, watcher::Config::default()).default_backoff().boxed();
        Self { namespace: namespace.to_owned(), known: Pods::new(), listed: Pods::new(), events }
    }

    /// The pods as they are known.
    pub fn known(&self) -> &Pods {
        &self.known
    }

    /// Waits until they change. Somebody who may not see them waits for ever: they are no more than a nicety.
    pub async fn next(&mut self) {
        while let Some(event) = self.events.next().await {
            match event {
                Ok(watcher::Event::Init) => self.listed.clear(),
                Ok(watcher::Event::InitApply(pod)) => drop(self.listed.insert(pod.name_any(), pod)),
                Ok(watcher::Event::InitDone) => {
                    self.known = std::mem::take(&mut self.listed);
                    return;
                }
                Ok(watcher::Event::Apply(pod)) => {
                    self.known.insert(pod.name_any(), pod);
                    return;
                }
                Ok(watcher::Event::Delete(pod)) => {
                    self.known.remove(&pod.name_any());
                    return;
                }
                Err(_) => {}
            }
        }
        future::pending::<()>().await;
    }
}

/// Ends after that long, or never.
pub async fn deadline(timeout: Option<jiff::SignedDuration>) {
    match timeout {
        Some(timeout) => tokio::time::sleep(timeout.unsigned_abs()).await,
        None => future::pending().await,
    }
}
