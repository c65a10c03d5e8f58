//! Waiting by watching: until one object, or all of a kind together, are as wished. Errors tell what was seen last.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures::{Stream, StreamExt, TryStreamExt};
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{WatchStreamExt, reflector};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Longer than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(5);

/// What can be watched.
pub trait Watched:
    Resource<DynamicType = ()> + Clone + Debug + Send + Sync + DeserializeOwned + Serialize + 'static
{
}

impl<K> Watched for K where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + DeserializeOwned + Serialize + 'static
{
}

/// Returns the object once `wish` holds for it; `what` says in words what was wished for.
pub async fn until<K: Watched>(api: &Api<K>, name: &str, what: &str, wish: impl Fn(&K) -> bool) -> Result<K> {
    let holds = |found: Option<&K>| found.is_some_and(&wish);
    match tokio::time::timeout(PATIENCE, await_condition(api.clone(), name, holds)).await {
        Ok(found) => found?.with_context(|| format!("{what}: {name} went away")),
        Err(_) => bail!("{what}: not after {} s; {}", PATIENCE.as_secs(), last_seen(api, name).await),
    }
}

/// Returns when the object is gone; another of the same name does not count.
pub async fn until_gone<K: Watched>(api: &Api<K>, name: &str) -> Result<()> {
    let Some(found) = api.get_opt(name).await? else { return Ok(()) };
    let uid = found.uid().unwrap_or_default();
    let gone = await_condition(api.clone(), name, conditions::is_deleted(&uid));
    match tokio::time::timeout(PATIENCE, gone).await {
        Ok(gone) => gone.map(drop).map_err(Into::into),
        Err(_) => bail!("{name} is not gone after {} s; {}", PATIENCE.as_secs(), last_seen(api, name).await),
    }
}

/// Returns all objects that `config` chooses once `wish` holds for them together.
pub async fn until_all<K: Watched>(
    api: &Api<K>,
    config: watcher::Config,
    what: &str,
    wish: impl Fn(&[Arc<K>]) -> bool,
) -> Result<Vec<Arc<K>>> {
    let (store, writer) = reflector::store();
    let events = reflector(writer, watcher(api.clone(), config)).default_backoff();
    let mut changes = Box::pin(complete(events));
    let found = async {
        while changes.try_next().await?.is_some() {
            let all = store.state();
            if wish(&all) {
                return Ok(all);
            }
        }
        Err(anyhow!("the API server ended the watch"))
    };
    if let Ok(found) = tokio::time::timeout(PATIENCE, found).await {
        return found.with_context(|| what.to_owned());
    }
    let names: Vec<_> = store.state().iter().map(|object| object.name_any()).collect();
    bail!("{what}: not after {} s; there are {names:?}", PATIENCE.as_secs())
}

/// Only moments at which the store is complete; errors are the watcher's to retry.
fn complete<K: Send>(
    events: impl Stream<Item = Result<Event<K>, watcher::Error>>,
) -> impl Stream<Item = Result<()>> {
    events.filter_map(|event| async move {
        match event {
            Ok(Event::InitDone | Event::Apply(_) | Event::Delete(_)) => Some(Ok(())),
            Ok(Event::Init | Event::InitApply(_)) | Err(_) => None,
        }
    })
}

/// Asks again and again until `ask` gives an answer: for what cannot be watched. The last error is told.
pub async fn until_answered<T>(what: &str, ask: impl AsyncFn() -> Result<T>) -> Result<T> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if tokio::time::Instant::now() >= deadline => {
                return Err(error.context(format!("{what}: not after {} s", PATIENCE.as_secs())));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

async fn last_seen<K: Watched>(api: &Api<K>, name: &str) -> String {
    match api.get_opt(name).await {
        Ok(None) => "it is not there".to_owned(),
        Ok(Some(object)) => {
            let mut seen = serde_json::to_value(&object).unwrap_or_default();
            if let Some(metadata) = seen["metadata"].as_object_mut() {
                metadata.remove("managedFields");
            }
            format!("it is {}", Value::to_string(&seen))
        }
        Err(error) => format!("it cannot be read: {error}"),
    }
}
