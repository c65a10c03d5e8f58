//! `slipway logs`: what the services of an environment print.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::{Api, ResourceExt as _};
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_plan::integration::result;

use crate::api_error::explain;
use crate::args::{Logs, Tail};
use crate::connect::Session;
use crate::environment;
use crate::exit::{Exit, Usage};
use crate::follow::FollowedPods;
use crate::log::line::{Line, Look};
use crate::log::source::{Source, TESTS, sources};
use crate::log::stream;
use crate::output::Output;
use crate::pods;

/// Shows them.
pub async fn run(session: &Session, arguments: &Logs, output: &mut Output) -> anyhow::Result<Exit> {
    let environment = environment::find_or_guess(session, arguments.within.env.as_deref()).await?;
    refuse_unknown(&environment, &arguments.services)?;
    if let Some(log) = stored(session, &environment, arguments).await {
        output.stdout.write_all(log.as_bytes())?;
        return Ok(Exit::Done);
    }
    let api = pods::api(session, &environment)?;
    let found = sources(pods::list(&api).await?.iter(), &arguments.services);
    let (name, program) = (environment.name_any(), &session.program);
    if found.is_empty() && !arguments.follow {
        anyhow::bail!("nothing has printed anything yet\n  see what it waits for: {program} status {name}");
    }
    let labels = found.iter().map(|source| source.label.len());
    let services = environment::status(&environment).lock.into_iter().map(|locked| locked.service.len());
    let width = labels.chain(services).max().unwrap_or_default();
    let look = Look { width, colours: output.colours, timestamps: arguments.timestamps };
    let shown = show(&api, &found, arguments, &look, output).await?;
    if arguments.follow {
        let namespace = environment::namespace(&environment).unwrap_or_default();
        let pods = FollowedPods::new(&session.client, namespace);
        follow(api, pods, shown, arguments, look, output).await?;
    }
    Ok(Exit::Done)
}

fn refuse_unknown(environment: &DevEnvironment, services: &[String]) -> Result<(), Usage> {
    let lock = environment::status(environment).lock;
    let known: Vec<_> = lock.iter().map(|locked| locked.service.as_str()).chain([TESTS]).collect();
    let unknown = services.iter().find(|service| !known.contains(&service.as_str()) && !lock.is_empty());
    let Some(service) = unknown else { return Ok(()) };
    Err(Usage(format!(
        "{} does not run {service}; it runs: {}",
        environment.name_any(),
        known[..known.len() - 1].join(", ")
    )))
}

/// The stored log of an integration run whose pods are gone.
async fn stored(session: &Session, environment: &DevEnvironment, arguments: &Logs) -> Option<String> {
    let status = environment::status(environment);
    status
        .ended
        .filter(|_| arguments.services.is_empty() || arguments.services.iter().any(|name| name == TESTS))?;
    let name = status.integration?.result?;
    let stored = session.in_namespace::<ConfigMap>().get_opt(&name).await.ok()??;
    stored.data?.remove(result::LOG)
}

/// Prints what there is, in the order in which it was printed; the time of each container's last line.
async fn show(
    api: &Api<Pod>,
    sources: &[Source],
    arguments: &Logs,
    look: &Look,
    output: &mut Output,
) -> anyhow::Result<BTreeMap<Source, Option<Timestamp>>> {
    let tail = match arguments.tail {
        Tail::All => None,
        Tail::Lines(lines) => Some(lines),
    };
    let read =
        join_all(sources.iter().map(|source| stream::read(api, source, tail, arguments.previous))).await;
    let (mut lines, mut last) = (Vec::new(), BTreeMap::new());
    for (source, read) in sources.iter().zip(read) {
        match read {
            Ok(read) => {
                last.insert(source.clone(), read.iter().rev().find_map(|line| line.at));
                lines.extend(read.into_iter().map(|line| (source, line)));
            }
            // Most containers have never been restarted.
            Err(_) if arguments.previous => {}
            Err(error) => {
                output.say(&format!("no log of {} (pod {}): {}", source.label, source.pod, explain(&error)));
            }
        }
    }
    if lines.is_empty() && arguments.previous {
        output.say("nothing was restarted that printed anything before");
    }
    for (source, line) in in_order(lines) {
        output.stdout.write_all(look.line(&source.service, &source.label, &line).as_bytes())?;
    }
    output.stdout.flush()?;
    Ok(last)
}

/// Lines of all containers by their time; those of one container keep their order.
fn in_order(mut lines: Vec<(&Source, Line)>) -> Vec<(&Source, Line)> {
    lines.sort_by_key(|(_, line)| line.at);
    lines
}

/// Prints what comes, of containers that are new, too.
async fn follow(
    api: Api<Pod>,
    mut pods: FollowedPods,
    shown: BTreeMap<Source, Option<Timestamp>>,
    arguments: &Logs,
    look: Look,
    output: &mut Output,
) -> anyhow::Result<()> {
    let (to, mut lines) = tokio::sync::mpsc::channel(1024);
    let mut followed = BTreeSet::new();
    loop {
        tokio::select! {
            () = pods.next() => {
                for source in sources(pods.known().values(), &arguments.services) {
                    if followed.insert(source.clone()) {
                        let last = shown.get(&source).copied().flatten();
                        tokio::spawn(stream::follow(api.clone(), source, last, to.clone()));
                    }
                }
            }
            Some((source, line)) = lines.recv() => {
                output.stdout.write_all(look.line(&source.service, &source.label, &line).as_bytes())?;
                output.stdout.flush()?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn source(label: &str) -> Source {
        let text = label.to_owned();
        Source {
            service: text.clone(),
            label: text.clone(),
            pod: text.clone(),
            uid: text.clone(),
            container: text,
            restarts: 0,
        }
    }

    #[test]
    fn lines_of_several_services_are_in_the_order_in_which_they_were_printed() {
        let (www, api) = (source("www"), source("api"));
        let line = |text: &str| Line::parse(text.as_bytes());
        let lines = vec![
            (&www, line("2026-11-22T10:00:01Z 1")),
            (&www, line("2026-11-22T10:00:03Z 3")),
            (&api, line("2026-11-22T10:00:02Z 2")),
            (&api, line("2026-11-22T10:00:03Z 4")),
        ];
        let order: Vec<_> = in_order(lines).into_iter().map(|(_, line)| line.text).collect();
        assert_eq!(order, ["1", "2", "3", "4"]);
    }

    #[test]
    fn a_service_that_does_not_run_is_told_with_those_that_do() {
        let environment: DevEnvironment =
            serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1",
            "kind": "DevEnvironment", "metadata": {"name": "demo"}, "spec": {"services": ["www"]},
            "status": {"lock": [{"service": "www", "why": "w", "ready": true}]}}))
            .unwrap();
        assert_eq!(refuse_unknown(&environment, &["www".to_owned(), "tests".to_owned()]), Ok(()));
        let refusal = refuse_unknown(&environment, &["wwww".to_owned()]).unwrap_err().0;
        assert_eq!(refusal, "demo does not run wwww; it runs: www");
    }
}
