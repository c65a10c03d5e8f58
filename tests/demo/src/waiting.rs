//! Waiting for an object to be as wished, by watching it.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kube::Api;
use kube::runtime::wait::await_condition;
use serde::de::DeserializeOwned;

/// Returns the object once `wish` holds for it; an error when `patience` ends before.
pub async fn wait_for<K>(api: Api<K>, name: &str, patience: Duration, wish: impl Fn(&K) -> bool) -> Result<K>
where
    K: kube::Resource + Clone + Debug + Send + DeserializeOwned + 'static,
{
    let condition = |found: Option<&K>| found.is_some_and(&wish);
    match tokio::time::timeout(patience, await_condition(api, name, condition)).await {
        Ok(found) => found?.with_context(|| format!("{name} was deleted while it was waited for")),
        Err(_) => bail!("{name} is not as wished after {} s", patience.as_secs()),
    }
}
