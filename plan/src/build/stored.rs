//! What is stored of a build and of its unit tests: a `ConfigMap` each, beside the `ServiceBuild` and gone with it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource as _;
use serde::{Deserialize, Serialize};
use slipway_crds::v1alpha1::{BuildTime, BuiltAsset, Provisioned, ServiceBuild, UnitStatus};

use super::{Pushed, Report};
use crate::desired::Identity;
use crate::desired::build::labels;
use crate::integration::result::{self, LOG, RECORD, StoredResult};
use crate::integration::store::{self, JunitFile, MAX_BYTES, tail};

/// What is recorded of how a build ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredBuild {
    /// How long each stage took.
    pub times: Vec<BuildTime>,
    /// What configuration management said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioned: Option<Provisioned>,
    /// Its assets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<BuiltAsset>,
    /// Why it failed: the commits' fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// Why it failed: nobody's fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Digest of the image that it says it pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<String>,
    /// SHA-256 of the delivery: the same one may come twice.
    pub digest: String,
}

/// Name of the `ConfigMap` of a build.
pub fn name(build: &str) -> String {
    format!("{build}-build")
}

/// Name of the `ConfigMap` of its unit tests.
pub fn unit_name(build: &str) -> String {
    format!("{build}-unit")
}

/// The `ConfigMap` of a build. It is immutable: what ended did not end in another way.
pub fn build(identity: &Identity, stored: &StoredBuild, log: &str) -> Result<ConfigMap, serde_json::Error> {
    let data = [
        (RECORD.to_owned(), serde_json::to_string(stored)?),
        (LOG.to_owned(), tail(log, MAX_BYTES / 2).to_owned()),
    ];
    Ok(config_map(identity, name(&identity.name), data.into()))
}

/// The `ConfigMap` of its unit tests.
pub fn build_unit(
    identity: &Identity,
    stored: StoredResult,
    log: &str,
    files: Vec<JunitFile>,
) -> Result<ConfigMap, serde_json::Error> {
    Ok(config_map(identity, unit_name(&identity.name), store::data(stored, log, files)?))
}

fn config_map(identity: &Identity, name: String, data: BTreeMap<String, String>) -> ConfigMap {
    let owner = OwnerReference {
        api_version: ServiceBuild::api_version(&()).into_owned(),
        kind: ServiceBuild::kind(&()).into_owned(),
        name: identity.name.clone(),
        uid: identity.uid.clone(),
        controller: Some(true),
        block_owner_deletion: None,
    };
    let metadata = ObjectMeta {
        name: Some(name),
        namespace: Some(identity.fleet_namespace.clone()),
        labels: Some(labels(identity)),
        owner_references: Some(vec![owner]),
        ..ObjectMeta::default()
    };
    ConfigMap { metadata, data: Some(data), immutable: Some(true), binary_data: None }
}

/// What the pod of a build said at its end; none when it is a deleted build's of the same name.
pub fn report(config_map: &ConfigMap, build_uid: &str) -> Option<Report> {
    if !result::is_of(config_map, build_uid) {
        return None;
    }
    let result = config_map.metadata.name.clone();
    let Some(stored) = record(config_map) else {
        let error = Some(format!("{RECORD} of the stored record cannot be read: ask for another build"));
        return Some(Report { error, result, ..Report::default() });
    };
    let StoredBuild { times, provisioned, assets, failed, error, pushed, digest: _ } = stored;
    let pushed = pushed.map(|digest| Pushed { digest });
    Some(Report { stage: None, times, provisioned, assets, failed, error, pushed, result })
}

/// The record in a `ConfigMap`.
pub fn record(config_map: &ConfigMap) -> Option<StoredBuild> {
    serde_json::from_str(config_map.data.as_ref()?.get(RECORD)?).ok()
}

/// How the unit tests went, but for what ran; none when it is a deleted build's of the same name.
pub fn unit(config_map: &ConfigMap, build_uid: &str) -> Option<UnitStatus> {
    let delivery = result::delivery(config_map, build_uid)?;
    Some(UnitStatus {
        outcome: delivery.outcome(),
        message: delivery.message,
        totals: delivery.totals,
        failures: delivery.failures,
        run: None,
    })
}

#[cfg(test)]
mod tests {
    use slipway_crds::v1alpha1::Outcome;

    use super::*;

    fn identity() -> Identity {
        Identity {
            fleet_namespace: "fleet".to_owned(),
            name: "www-1".to_owned(),
            uid: "build-uid".to_owned(),
            namespace: "build-fleet".to_owned(),
        }
    }

    #[test]
    fn what_is_stored_is_what_was_said() {
        let times = vec![BuildTime { name: "Provision".to_owned(), seconds: 7 }];
        let stored = StoredBuild {
            times: times.clone(),
            pushed: Some("sha256:1".to_owned()),
            digest: "d".to_owned(),
            ..StoredBuild::default()
        };
        let map = build(&identity(), &stored, "the log").unwrap();
        assert_eq!((map.immutable, &map.data.as_ref().unwrap()[LOG]), (Some(true), &"the log".to_owned()));
        let report = report(&map, "build-uid").unwrap();
        assert_eq!((report.times, report.pushed), (times, Some(Pushed { digest: "sha256:1".to_owned() })));
        assert_eq!(report.result.as_deref(), Some("www-1-build"));
    }

    #[test]
    fn a_deleted_builds_record_says_nothing_and_a_broken_one_says_so() {
        let mut map = build(&identity(), &StoredBuild::default(), "").unwrap();
        assert_eq!(report(&map, "another"), None);
        map.data.as_mut().unwrap().insert(RECORD.to_owned(), "{".to_owned());
        assert!(report(&map, "build-uid").unwrap().error.unwrap().contains("cannot be read"));
    }

    #[test]
    fn unit_tests_are_judged_by_their_code() {
        let stored = |exit_code| StoredResult { exit_code, ..StoredResult::default() };
        let outcome = |exit_code| {
            let map = build_unit(&identity(), stored(exit_code), "", Vec::new()).unwrap();
            unit(&map, "build-uid").unwrap().outcome
        };
        let outcomes = [outcome(Some(0)), outcome(Some(2)), outcome(None)];
        assert_eq!(outcomes, [Outcome::Passed, Outcome::Failed, Outcome::Error]);
    }
}
