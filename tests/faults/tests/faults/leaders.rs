//! Two operators, of which one writes (I9).

use std::time::Instant;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{DeleteParams, Patch, PatchParams};
use nix::sys::signal::Signal;
use serde_json::json;
use slipway_crds::v1alpha1::{DevEnvironment, Outcome};
use slipway_faults::operator::LEASE;
use slipway_faults::pair::{Pair, SECOND};
use slipway_faults::stage::NAME;
use slipway_plan::lease::TERM;

use crate::shared::in_world;

async fn make_environment(pair: &Pair<'_>) {
    pair.stage.create::<DevEnvironment>(NAME, json!({"services": ["www"]})).await.unwrap();
    until_ready(pair).await;
}

async fn until_ready(pair: &Pair<'_>) {
    pair.until("the environment is ready", || pair.stage.is_environment_ready()).await.unwrap();
}

async fn edit_lease(pair: &Pair<'_>, spec: serde_json::Value) {
    let patch = Patch::Merge(json!({"spec": spec}));
    pair.stage.api::<Lease>().patch(LEASE, &PatchParams::default(), &patch).await.unwrap();
}

#[test]
fn a_killed_leader_is_followed_by_the_standby() {
    in_world(|world| async move {
        let pair = Pair::open(world, "lead-killed").await.unwrap();
        pair.stage.create::<DevEnvironment>(NAME, json!({"services": ["www"]})).await.unwrap();
        let begin = Instant::now();
        pair.stage.operator.kill();
        pair.until_holder(SECOND).await.unwrap();
        println!("after SIGKILL the standby led in {:?}", begin.elapsed());
        until_ready(&pair).await;
        pair.close().await.unwrap();
    });
}

#[test]
fn a_leader_that_is_told_to_stop_hands_over_and_a_standby_passes_results_on() {
    in_world(|world| async move {
        let pair = Pair::open(world, "lead-stopped").await.unwrap();
        make_environment(&pair).await;
        let begin = Instant::now();
        pair.stage.operator.signal(Signal::SIGTERM).unwrap();
        pair.until_holder(SECOND).await.unwrap();
        let took = begin.elapsed();
        println!("after SIGTERM the standby led in {took:?}");
        assert!(took < TERM, "{took:?}: the lease was not given back");
        pair.until("the first ended", || async { pair.stage.operator.has_ended() }).await.unwrap();
        pair.stage.start_operator().unwrap();
        // The second leads; pods deliver to the first.
        let run = json!({"integration": {"service": "www", "commit": pair.stage.trunk("www").unwrap()}});
        pair.stage.delete::<DevEnvironment>().await.unwrap();
        pair.until("the environment is gone", || async {
            Ok(pair.stage.environment().await?.is_none() && pair.stage.is_namespace_gone().await?)
        })
        .await
        .unwrap();
        pair.stage.create::<DevEnvironment>(NAME, run).await.unwrap();
        pair.until("the tests have passed", || async {
            let run = pair.stage.environment().await?.and_then(|found| found.status?.integration);
            Ok(run.is_some_and(|run| run.outcome == Some(Outcome::Passed)))
        })
        .await
        .unwrap();
        assert_eq!(pair.holder().await.unwrap(), SECOND);
        pair.close().await.unwrap();
    });
}

#[test]
fn a_leader_that_wakes_after_its_lease_was_taken_writes_nothing() {
    in_world(|world| async move {
        let pair = Pair::open(world, "lead-asleep").await.unwrap();
        make_environment(&pair).await;
        pair.stage.operator.signal(Signal::SIGSTOP).unwrap();
        let written = pair.writes_of_first();
        // Work that waits for the sleeper, too.
        pair.stage.patch::<DevEnvironment>(json!({"spec": {"env": {"A": "1"}}})).await.unwrap();
        pair.until_holder(SECOND).await.unwrap();
        until_ready(&pair).await;
        pair.stage.patch::<DevEnvironment>(json!({"spec": {"env": {"A": "2"}}})).await.unwrap();
        pair.stage.operator.signal(Signal::SIGCONT).unwrap();
        pair.until("the first has ended itself", || async { pair.stage.operator.has_ended() }).await.unwrap();
        assert_eq!(pair.writes_of_first(), written);
        until_ready(&pair).await;
        pair.close().await.unwrap();
    });
}

#[test]
fn a_leader_that_is_cut_off_stops_before_the_standby_begins() {
    in_world(|world| async move {
        let pair = Pair::open(world, "lead-cut-off").await.unwrap();
        make_environment(&pair).await;
        pair.cut_off_first();
        pair.stage.patch::<DevEnvironment>(json!({"spec": {"env": {"A": "1"}}})).await.unwrap();
        pair.until_holder(SECOND).await.unwrap();
        until_ready(&pair).await;
        pair.until("the first has ended itself", || async { pair.stage.operator.has_ended() }).await.unwrap();
        pair.close().await.unwrap();
    });
}

#[test]
fn a_lease_that_is_deleted_or_changed_by_hand_is_written_again_and_used_by_one() {
    in_world(|world| async move {
        let pair = Pair::open(world, "lead-deleted").await.unwrap();
        pair.stage.api::<Lease>().delete(LEASE, &DeleteParams::default()).await.unwrap();
        make_environment(&pair).await;
        pair.until("the lease is there again", || async { Ok(!pair.holder().await?.is_empty()) })
            .await
            .unwrap();
        edit_lease(&pair, json!({"leaseDurationSeconds": 30})).await;
        pair.stage.patch::<DevEnvironment>(json!({"spec": {"env": {"A": "1"}}})).await.unwrap();
        until_ready(&pair).await;
        let renewed = || async {
            let lease = pair.stage.api::<Lease>().get(LEASE).await?;
            Ok(lease.spec.and_then(|spec| spec.lease_duration_seconds) == i32::try_from(TERM.as_secs()).ok())
        };
        pair.until("the lease is written again", renewed).await.unwrap();
        pair.close().await.unwrap();
    });
}

#[test]
fn a_lease_that_is_given_to_the_standby_by_hand_is_not_used_before_the_leader_has_stopped() {
    in_world(|world| async move {
        let pair = Pair::open(world, "lead-given").await.unwrap();
        edit_lease(&pair, json!({"holderIdentity": SECOND})).await;
        pair.stage.create::<DevEnvironment>(NAME, json!({"services": ["www"]})).await.unwrap();
        pair.until("the first has ended itself", || async { pair.stage.operator.has_ended() }).await.unwrap();
        until_ready(&pair).await;
        pair.close().await.unwrap();
    });
}
