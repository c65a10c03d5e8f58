//! Volumes made on claim: a folder of the host per claim, as a `local` volume, so that fsGroup is honoured.

mod claim;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt};

use crate::error::{Error, Result};

pub use claim::CLASS;
pub(crate) use claim::PROVISIONER;

/// What both controllers share.
struct Context {
    client: Client,
    folder: PathBuf,
}

/// Serves claims and wipes released volumes until the task is dropped.
pub(crate) async fn run(client: Client, folder: PathBuf) {
    let context = Arc::new(Context { client: client.clone(), folder });
    let claims =
        Controller::new(Api::<PersistentVolumeClaim>::all(client.clone()), watcher::Config::default())
            .run(provision, retry, context.clone())
            .for_each(|_| std::future::ready(()));
    let volumes = Controller::new(Api::<PersistentVolume>::all(client), watcher::Config::default())
        .run(reclaim, retry, context)
        .for_each(|_| std::future::ready(()));
    futures::join!(claims, volumes);
}

fn retry<K>(_: Arc<K>, _: &Error, _: Arc<Context>) -> Action {
    Action::requeue(Duration::from_secs(1))
}

/// The folder comes first: a volume is never promised before it can be used.
async fn provision(claim: Arc<PersistentVolumeClaim>, context: Arc<Context>) -> Result<Action> {
    if let Some(volume) = claim::volume_for(&claim, &context.folder) {
        let folder = context.folder.join(volume.name_any());
        tokio::fs::create_dir_all(&folder).await.map_err(Error::file("create", &folder))?;
        let volumes: Api<PersistentVolume> = Api::all(context.client.clone());
        match volumes.create(&PostParams::default(), &volume).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            created => drop(created.map_err(Error::api("create a volume"))?),
        }
    }
    Ok(Action::await_change())
}

/// The folder goes first: a volume is never forgotten before it is wiped.
async fn reclaim(volume: Arc<PersistentVolume>, context: Arc<Context>) -> Result<Action> {
    if claim::is_released(&volume) {
        let folder = context.folder.join(volume.name_any());
        match tokio::fs::remove_dir_all(&folder).await {
            Err(failure) if failure.kind() == std::io::ErrorKind::NotFound => {}
            removed => removed.map_err(Error::file("wipe", &folder))?,
        }
        let volumes: Api<PersistentVolume> = Api::all(context.client.clone());
        let same = Preconditions { uid: volume.uid(), resource_version: None };
        let parameters = DeleteParams { preconditions: Some(same), ..DeleteParams::default() };
        match volumes.delete(&volume.name_any(), &parameters).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            deleted => drop(deleted.map_err(Error::api("delete a released volume"))?),
        }
    }
    Ok(Action::await_change())
}
