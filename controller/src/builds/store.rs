//! What a build told at its end is stored once.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::PostParams;
use kube::{Api, Client, Error};
use slipway_agent::{BuildEnded, Report};
use slipway_crds::names;
use slipway_plan::build::stored;
use slipway_plan::desired::Identity;
use slipway_plan::integration::result;

use super::record;
use super::sender::Part;
use crate::runs::{Refusal, digest, unit_result};

/// Stores how a build ended, unless it is stored already.
pub async fn build(
    client: &Client,
    identity: &Identity,
    ended: &BuildEnded,
    body: &[u8],
) -> Result<(), Refusal> {
    let digest = digest(body);
    let stored = record::ended(ended, digest.clone());
    let map = stored::build(identity, &stored, &record::log(ended)).map_err(Refusal::Render)?;
    let known = |map: &ConfigMap| stored::record(map).map(|record| record.digest);
    keep(client, identity, &stored::name(&identity.name), &map, &digest, known).await
}

/// Stores how the unit tests went, unless it is stored already.
pub async fn unit(client: &Client, identity: &Identity, report: Report, body: &[u8]) -> Result<(), Refusal> {
    let digest = digest(body);
    let (stored, log, files) = unit_result(report, &digest);
    let map = stored::build_unit(identity, stored, &log, files).map_err(Refusal::Render)?;
    let known = |map: &ConfigMap| result::record(map).map(|record| record.digest);
    keep(client, identity, &stored::unit_name(&identity.name), &map, &digest, known).await
}

/// Whether exactly this was stored before the build was over.
pub async fn known(client: &Client, identity: &Identity, part: Part, body: &[u8]) -> Result<(), Refusal> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), &identity.fleet_namespace);
    let (name, digest): (String, fn(&ConfigMap) -> Option<String>) = match part {
        Part::Build => (stored::name(&identity.name), |map| stored::record(map).map(|record| record.digest)),
        Part::Unit => {
            (stored::unit_name(&identity.name), |map| result::record(map).map(|record| record.digest))
        }
    };
    let found = api.get_opt(&name).await.map_err(Refusal::api(format!("read ConfigMap {name}")))?;
    let ours = found.filter(|map| result::is_of(map, &identity.uid));
    let is_same = ours.and_then(|map| digest(&map)) == Some(self::digest(body));
    if is_same { Ok(()) } else { Err(Refusal::Over(identity.name.clone())) }
}

async fn keep(
    client: &Client,
    identity: &Identity,
    name: &str,
    map: &ConfigMap,
    digest: &str,
    known: impl Fn(&ConfigMap) -> Option<String>,
) -> Result<(), Refusal> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), &identity.fleet_namespace);
    let params = PostParams { field_manager: Some(names::BUILD_MANAGER.to_owned()), ..PostParams::default() };
    match api.create(&params, map).await {
        Ok(_) => Ok(()),
        Err(Error::Api(status)) if status.is_already_exists() => {
            let there = api.get(name).await.map_err(Refusal::api(format!("read ConfigMap {name}")))?;
            if !result::is_of(&there, &identity.uid) {
                return Err(Refusal::StillThere(name.to_owned()));
            }
            // The agent did not hear that it was stored, and offers it again; or it is another one.
            if known(&there).as_deref() == Some(digest) {
                return Ok(());
            }
            Err(Refusal::Stored(name.to_owned()))
        }
        Err(source) => Err(Refusal::Api { what: format!("store ConfigMap {name}"), source }),
    }
}
