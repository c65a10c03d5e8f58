//! Prints lines of many containers in the order in which they were printed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::sync::mpsc::Receiver;

use super::Wanted;
use crate::api_error::explain;
use crate::follow::FollowedPods;
use crate::log::filter::Filter;
use crate::log::line::{Line, Look};
use crate::log::source::Source;
use crate::log::stream::{self, Begin};
use crate::output::Output;

/// How long a line waits for older ones of other containers. Their streams are not read in step.
const GATHERING: Duration = Duration::from_millis(100);

/// What has been shown.
pub struct Shown {
    api: Api<Pod>,
    look: Look,
    filter: Filter,
    /// The time of each container's last line.
    last: BTreeMap<Source, Option<Timestamp>>,
}

impl Shown {
    /// Nothing yet.
    pub fn new(api: Api<Pod>, look: Look, filter: Filter) -> Self {
        Self { api, look, filter, last: BTreeMap::new() }
    }

    /// Prints what there is.
    pub async fn show(
        &mut self,
        sources: &[Source],
        wanted: &Wanted,
        output: &mut Output,
    ) -> anyhow::Result<()> {
        let read =
            sources.iter().map(|source| stream::read(&self.api, source, wanted.begin, wanted.previous));
        let read = join_all(read).await;
        let mut lines = Vec::new();
        for (source, read) in sources.iter().zip(read) {
            match read {
                Ok(read) => {
                    self.last.insert(source.clone(), read.iter().rev().find_map(|line| line.at));
                    lines.extend(read.into_iter().map(|line| (source.clone(), line)));
                }
                // Most containers have never been restarted.
                Err(_) if wanted.previous => {}
                Err(error) => {
                    output.say(&format!(
                        "no log of {} (pod {}): {}",
                        source.label,
                        source.pod,
                        explain(&error)
                    ));
                }
            }
        }
        if lines.is_empty() && wanted.previous {
            output.say("nothing was restarted that printed anything before");
        }
        self.print(lines, output)
    }

    /// Prints what comes, of containers that are new, too.
    pub async fn follow(
        &mut self,
        mut pods: FollowedPods,
        wanted: &Wanted,
        output: &mut Output,
    ) -> anyhow::Result<()> {
        let (to, mut lines) = tokio::sync::mpsc::channel(1024);
        let mut followed = BTreeSet::new();
        loop {
            tokio::select! {
                () = pods.next() => {
                    for source in wanted.of(pods.known().values()) {
                        if followed.insert(source.clone()) {
                            let begin = self.begin(&source, wanted);
                            tokio::spawn(stream::follow(self.api.clone(), source, begin, to.clone()));
                        }
                    }
                }
                Some(first) = lines.recv() => {
                    let gathered = gather(first, &mut lines).await;
                    self.print(gathered, output)?;
                }
            }
        }
    }

    /// Where to go on with a container: after its last line, as was asked for if it has printed nothing, and at its very
    /// beginning if it is new.
    fn begin(&self, source: &Source, wanted: &Wanted) -> Begin {
        match self.last.get(source) {
            Some(Some(last)) => Begin { last: Some(*last), ..Begin::default() },
            Some(None) => wanted.begin,
            None => Begin::default(),
        }
    }

    fn print(&mut self, lines: Vec<(Source, Line)>, output: &mut Output) -> anyhow::Result<()> {
        for (source, line) in in_order(lines) {
            if self.filter.shows(&source, &line) {
                let text = self.look.line(&source.service, &source.label, &line);
                output.stdout.write_all(text.as_bytes())?;
            }
        }
        output.stdout.flush()?;
        Ok(())
    }
}

/// The line, with all that come in the next moment.
async fn gather(first: (Source, Line), lines: &mut Receiver<(Source, Line)>) -> Vec<(Source, Line)> {
    tokio::time::sleep(GATHERING).await;
    let rest = std::iter::from_fn(|| lines.try_recv().ok());
    std::iter::once(first).chain(rest).collect()
}

/// Lines of all containers by their time; those of one container keep their order.
fn in_order(mut lines: Vec<(Source, Line)>) -> Vec<(Source, Line)> {
    lines.sort_by_key(|(_, line)| line.at);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(service: &str, text: &str) -> (Source, Line) {
        (Source { service: service.to_owned(), ..Source::default() }, Line::parse(text.as_bytes()))
    }

    fn texts(lines: Vec<(Source, Line)>) -> Vec<String> {
        in_order(lines).into_iter().map(|(_, line)| line.text).collect()
    }

    #[test]
    fn lines_of_several_services_are_in_the_order_in_which_they_were_printed() {
        let lines = vec![
            line("www", "2026-11-22T10:00:01Z 1"),
            line("www", "2026-11-22T10:00:03Z 3"),
            line("api", "2026-11-22T10:00:02Z 2"),
            line("api", "2026-11-22T10:00:03Z 4"),
        ];
        assert_eq!(texts(lines), ["1", "2", "3", "4"]);
    }

    #[tokio::test]
    async fn lines_that_arrive_together_are_put_in_order_too() {
        let (to, mut lines) = tokio::sync::mpsc::channel(8);
        for (service, text) in [("www", "2026-11-22T10:00:02Z 2"), ("api", "2026-11-22T10:00:01Z 1")] {
            to.send(line(service, text)).await.unwrap();
        }
        let first = lines.recv().await.unwrap();
        assert_eq!(texts(gather(first, &mut lines).await), ["1", "2"]);
    }
}
