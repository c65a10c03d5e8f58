//! The check-list while it fills in: redrawn on a terminal, a line for each change elsewhere.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::runtime::watcher::{self, watcher};
use kube::runtime::{WatchStreamExt, reflector};
use slipway_crds::names;
use slipway_crds::v1alpha1::DevEnvironment;

use super::checklist::{Row, rows};
use crate::demo::Demo;
use crate::environment::is_ready;

/// Shows the check-list until the environment is ready.
pub(super) async fn until_ready(demo: &Demo, name: &str) -> Result<DevEnvironment> {
    let (environments, environment_writer) = reflector::store();
    let (pods, pod_writer) = reflector::store();
    let of_environment = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let labelled = watcher::Config::default().labels(&format!("{}={name}", names::ENVIRONMENT));
    let changes = stream::select(
        changes(reflector(environment_writer, watcher(demo.environments(), of_environment))),
        changes(reflector(pod_writer, watcher(Api::<Pod>::all(demo.client().clone()), labelled))),
    );
    let mut changes = std::pin::pin!(changes);
    let mut view = View::default();
    while changes.next().await.is_some() {
        let pods: Vec<Pod> = pods.state().iter().map(|pod| pod.as_ref().clone()).collect();
        let Some(environment) = environments.state().pop() else { continue };
        view.show(&rows(&environment, &pods));
        if is_ready(&environment) {
            view.finish();
            return Ok(environment.as_ref().clone());
        }
    }
    bail!("the API server ended the watch")
}

/// Errors of a watch are the watcher's to retry.
fn changes<K: Send + 'static>(
    events: impl Stream<Item = Result<watcher::Event<K>, watcher::Error>> + Send + 'static,
) -> stream::BoxStream<'static, ()> {
    events.default_backoff().into_stream().map(drop).boxed()
}

#[derive(Default)]
struct View {
    bars: MultiProgress,
    lines: BTreeMap<String, (ProgressBar, Row)>,
}

impl View {
    fn show(&mut self, rows: &[Row]) {
        for row in rows {
            let (bar, shown) = self.lines.entry(row.service.clone()).or_insert_with(|| {
                let style =
                    ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
                let empty = Row { service: String::new(), ..row.clone() };
                (self.bars.add(ProgressBar::new(1).with_style(style)), empty)
            });
            if shown == row {
                continue;
            }
            bar.set_message(row.text());
            bar.tick();
            if bar.is_hidden() {
                eprintln!("{}", row.text());
            }
            *shown = row.clone();
        }
    }

    /// The last state stays on the terminal.
    fn finish(&self) {
        for (bar, _) in self.lines.values() {
            bar.abandon();
        }
    }
}
