//! Results that are stored and read back.

use super::*;
use crate::desired::Identity;
use crate::integration::store::{JunitFile, MAX_BYTES, MAX_NAME, build, key};

fn identity() -> Identity {
    Identity {
        fleet_namespace: "fleet".to_owned(),
        name: "ci".to_owned(),
        uid: "env-uid".to_owned(),
        namespace: "env-ci".to_owned(),
    }
}

fn failed() -> StoredResult {
    let totals = TestTotals { tests: 12, failures: 2, errors: 1, skipped: 4 };
    let failures = vec![TestFailure { name: "pays".to_owned(), message: "no money".to_owned() }];
    StoredResult { exit_code: Some(2), totals: Some(totals), failures, ..StoredResult::default() }
}

fn file(path: &str, content: &str) -> JunitFile {
    JunitFile { path: path.to_owned(), content: content.to_owned() }
}

#[test]
fn what_was_stored_is_read_back_as_the_delivery() {
    let config_map = build(&identity(), 3, failed(), "hello\n", vec![file("a/b.xml", "<x/>")]).unwrap();
    let delivery = delivery(&config_map, "env-uid").unwrap();
    assert_eq!(delivery.outcome(), Outcome::Failed);
    assert_eq!(delivery.message, "the command ended with code 2, 12 tests, 3 failed, 4 skipped");
    assert_eq!((delivery.failures.len(), delivery.result.as_str()), (1, "ci-run-3"));
    let data = config_map.data.unwrap();
    assert_eq!((data[LOG].as_str(), data["junit-000-b.xml"].as_str()), ("hello\n", "<x/>"));
}

#[test]
fn it_is_owned_by_its_environment_immutable_and_found_by_its_labels() {
    let config_map = build(&identity(), 3, failed(), "", Vec::new()).unwrap();
    assert_eq!(config_map.immutable, Some(true));
    let metadata = config_map.metadata;
    assert_eq!(metadata.namespace.as_deref(), Some("fleet"));
    assert_eq!(metadata.owner_references.unwrap()[0].uid, "env-uid");
    assert_eq!(metadata.labels.unwrap()[names::RUN_GENERATION], "3");
}

#[test]
fn a_deleted_environments_result_of_the_same_name_is_none() {
    let config_map = build(&identity(), 3, failed(), "", Vec::new()).unwrap();
    assert_eq!(delivery(&config_map, "a-newer-uid"), None);
}

#[test]
fn a_record_that_cannot_be_read_is_an_error_of_the_run() {
    let mut config_map = build(&identity(), 3, failed(), "", Vec::new()).unwrap();
    config_map.data.get_or_insert_default().insert(RECORD.to_owned(), "{".to_owned());
    let delivery = delivery(&config_map, "env-uid").unwrap();
    assert_eq!(delivery.outcome(), Outcome::Error);
    assert!(delivery.message.contains("cannot be read"), "{}", delivery.message);
}

#[test]
fn only_the_code_of_a_command_that_ended_by_itself_is_a_verdict() {
    let outcome = |exit_code, error: Option<&str>| {
        let stored = StoredResult { exit_code, error: error.map(str::to_owned), ..StoredResult::default() };
        delivery(&build(&identity(), 1, stored, "", Vec::new()).unwrap(), "env-uid").unwrap().outcome()
    };
    assert_eq!(outcome(Some(0), None), Outcome::Passed);
    assert_eq!(outcome(Some(1), None), Outcome::Failed);
    assert_eq!(outcome(Some(0), Some("the pod was told to stop")), Outcome::Error);
    assert_eq!(outcome(None, None), Outcome::Error);
}

#[test]
fn a_result_fits_into_a_config_map_and_says_what_it_left_out() {
    let files = vec![file("big.xml", &"x".repeat(MAX_BYTES)), file("small.xml", "<x/>")];
    let config_map = build(&identity(), 1, failed(), &"é".repeat(MAX_BYTES), files).unwrap();
    let stored = record(&config_map).unwrap();
    assert_eq!(stored.notes, ["test reports that did not fit were left out: 1"]);
    assert_eq!(
        stored.files,
        [StoredFile { key: "junit-000-small.xml".to_owned(), path: "small.xml".to_owned() }]
    );
    let bytes: usize = config_map.data.unwrap().values().map(String::len).sum();
    assert!(bytes < 1024 * 1024, "{bytes}");
}

#[test]
fn a_flood_of_small_files_stays_within_a_config_map() {
    let files = (0..40_000).map(|_| file(&"p".repeat(1_000), "")).collect();
    let config_map = build(&identity(), 1, failed(), "", files).unwrap();
    assert_eq!(record(&config_map).unwrap().notes, ["test reports that did not fit were left out: 39800"]);
    let bytes: usize = config_map.data.unwrap().iter().map(|(key, value)| key.len() + value.len()).sum();
    assert!(bytes < 1024 * 1024, "{bytes}");
}

#[test]
fn a_key_is_safe_whatever_the_path() {
    assert_eq!(key(7, "../../etc/pass wd"), "junit-007-pass_wd");
    assert_eq!(key(0, "test/results/.."), "junit-000-..");
    assert_eq!(key(0, &"é".repeat(500)).len(), "junit-000-".len() + MAX_NAME);
}
