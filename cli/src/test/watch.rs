//! Watches an integration run until it is over, and shows the tests' log meanwhile.

use std::io::Write;
use std::time::Duration;

use jiff::SignedDuration;
use kube::{Api, ResourceExt as _};
use slipway_crds::names;
use slipway_crds::v1alpha1::{DevEnvironment, IntegrationStatus, IntegrationStep};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::args::{Format, Test};
use crate::connect::Session;
use crate::environment;
use crate::follow::{self, Event, Follower};
use crate::log::line::Line;
use crate::log::source::{Source, TESTS, sources};
use crate::log::stream::{self, Begin};
use crate::output::Output;
use crate::output::checklist::checklist;
use crate::output::progress::{Progress, Silence};
use crate::output::run::doing;
use crate::pods;

/// How long the end of a log may take to arrive after the result.
const LAST_LINES: Duration = Duration::from_secs(5);

/// How the watching ended.
pub enum Watched {
    /// The run is over; whether any of its log was shown.
    Finished(Box<DevEnvironment>, Box<IntegrationStatus>, bool),
    /// The time is up.
    TimedOut,
    /// The environment was deleted.
    Gone,
    /// Ctrl-C.
    Interrupted,
}

/// Where the tests' log goes: beside the result for people, out of its way for programs.
pub fn sink<'a>(arguments: &Test, output: &'a mut Output) -> &'a mut dyn Write {
    match arguments.printed.format {
        Format::Text => &mut *output.stdout,
        Format::Json | Format::Yaml => &mut *output.stderr,
    }
}

/// Watches the run of the environment's present spec.
pub async fn until_finished(
    session: &Session,
    environment: &DevEnvironment,
    timeout: Option<SignedDuration>,
    arguments: &Test,
    output: &mut Output,
) -> anyhow::Result<Watched> {
    let mut watch = Watch::new(session, environment, output);
    let mut follower = Follower::new(session, &environment.name_any());
    let deadline = follow::deadline(timeout);
    tokio::pin!(deadline);
    let ended = loop {
        tokio::select! {
            event = follower.next() => match event {
                Event::Changed(changed) => {
                    watch.look(*changed, &follower, output);
                    if let Some(run) = watch.finished() {
                        watch.drain(arguments, output).await;
                        break Watched::Finished(Box::new(watch.seen.clone()), Box::new(run), watch.log.shown);
                    }
                }
                Event::Gone => break Watched::Gone,
                Event::Pods => watch.look(watch.seen.clone(), &follower, output),
                Event::Second => watch.silence.tell(watch.is_answered(), &watch.progress, output),
                Event::Lost(error) => watch.progress.say(output, &format!("no connection, trying again: {error}")),
            },
            Some((_, line)) = watch.log.lines.recv() => watch.print(&line, arguments, output),
            () = &mut deadline => break Watched::TimedOut,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                break Watched::Interrupted;
            }
        }
    };
    watch.progress.finish(output);
    Ok(ended)
}

/// What has been seen and shown of a run.
struct Watch<'a> {
    session: &'a Session,
    /// Generation of the spec whose run is meant.
    generation: i64,
    seen: DevEnvironment,
    progress: Progress,
    silence: Silence,
    step: Option<IntegrationStep>,
    log: Log,
}

/// The tests' log, which begins when their pod runs.
struct Log {
    to: Option<Sender<(Source, Line)>>,
    lines: Receiver<(Source, Line)>,
    shown: bool,
}

impl<'a> Watch<'a> {
    fn new(session: &'a Session, environment: &DevEnvironment, output: &Output) -> Self {
        let (to, lines) = mpsc::channel(1024);
        Self {
            session,
            generation: environment.metadata.generation.unwrap_or_default(),
            seen: environment.clone(),
            progress: Progress::new(output),
            silence: Silence::default(),
            step: None,
            log: Log { to: Some(to), lines, shown: false },
        }
    }

    fn run(&self) -> Option<&IntegrationStatus> {
        let run = self.seen.status.as_ref()?.integration.as_ref()?;
        (run.generation == self.generation).then_some(run)
    }

    fn finished(&self) -> Option<IntegrationStatus> {
        self.run().filter(|run| run.step == IntegrationStep::Finished).cloned()
    }

    fn is_answered(&self) -> bool {
        environment::status(&self.seen).observed_generation >= Some(self.generation)
    }

    /// Shows what is new, and begins to follow the tests' log once there is one.
    fn look(&mut self, seen: DevEnvironment, follower: &Follower, output: &mut Output) {
        self.seen = seen;
        let Some(step) = self.run().map(|run| run.step) else { return };
        if step != IntegrationStep::Finished {
            self.progress.update(output, checklist(&self.seen, &follower.pods()));
        }
        if self.step.replace(step) != Some(step) {
            self.progress.say(output, doing(step));
        }
        self.follow_log(follower);
    }

    fn follow_log(&mut self, follower: &Follower) {
        let generation = self.generation.to_string();
        let known = follower.pods();
        let mine = known.values().filter(|pod| pods::label(pod, names::RUN_GENERATION) == Some(&generation));
        let found = sources(mine, &[TESTS.to_owned()]).into_iter().next();
        let namespace = environment::namespace(&self.seen).map(str::to_owned);
        if let (Some(source), Some(namespace)) = (found, namespace)
            && let Some(to) = self.log.to.take()
        {
            let api = Api::namespaced(self.session.client.clone(), &namespace);
            tokio::spawn(stream::follow(api, source, Begin::default(), to));
        }
    }

    fn print(&mut self, line: &Line, arguments: &Test, output: &mut Output) {
        // A list that is redrawn and a log would write over each other.
        self.progress.finish(output);
        self.log.shown = true;
        // Somebody may have stopped reading; the result is still wanted.
        drop(writeln!(sink(arguments, output), "{}", line.text));
    }

    /// The lines that are still on their way.
    async fn drain(&mut self, arguments: &Test, output: &mut Output) {
        self.log.to = None;
        let late = tokio::time::sleep(LAST_LINES);
        tokio::pin!(late);
        loop {
            tokio::select! {
                line = self.log.lines.recv() => match line {
                    Some((_, line)) => self.print(&line, arguments, output),
                    None => return,
                },
                () = &mut late => return,
            }
        }
    }
}
