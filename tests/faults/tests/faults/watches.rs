//! Watches that end without saying so.

use std::time::Duration;

use serde_json::json;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_faults::proxy::{EventFault, Fault, Matcher, Rule, Verb};
use slipway_faults::stage::{NAME, Stage};

use crate::shared::in_world;

/// Within which time a watch that says nothing is given up; the second part is for a busy machine.
const NOTICED: Duration = Duration::from_secs(30 + 10);

#[test]
fn a_watch_that_falls_silent_is_begun_again_within_30_seconds() {
    in_world(|world| async move {
        let stage = Stage::open(world, "silent").await.unwrap();
        stage.fleet().await.unwrap();
        stage.settle().await.unwrap();
        let watches = Matcher {
            verb: Some(Verb::Watch),
            resource: Some("devenvironments".to_owned()),
            ..Matcher::default()
        };
        // The operator has two watches of this kind, and their first event is the environment that is made now.
        stage.proxy.rules().set(vec![Rule::first(watches, 2, Fault::Event(EventFault::Silence))]);
        stage.create::<DevEnvironment>(NAME, json!({"services": ["eta"]})).await.unwrap();
        let begun = stage.until("the environment is seen", || async {
            Ok(stage
                .environment()
                .await?
                .is_some_and(|found| found.status.is_some_and(|status| !status.conditions.is_empty())))
        });
        tokio::time::timeout(NOTICED, begun).await.unwrap().unwrap();
        stage.close().await;
    });
}
