//! What is told of a sync: a line each, for people or as JSON.

use std::path::PathBuf;
use std::time::Duration;

use kube::ResourceExt as _;
use serde_json::{Value, json};
use slipway_agent::live::{Provisioned, Synced};
use slipway_crds::v1alpha1::DevEnvironment;
use tokio::sync::mpsc::UnboundedSender;

use super::{Followed, provisioned};
use crate::args::Format;
use crate::output::Output;
use crate::output::colours::Colours;

/// Problems that are shown for people; JSON has all that are known.
const SHOWN: usize = 5;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The agent of this pod answers.
    Connected {
        /// The pod.
        pod: String,
        /// The folder there.
        mount: String,
        /// The folder here.
        folder: PathBuf,
    },
    /// The trees were compared, and made the same.
    Synced {
        /// What was done.
        synced: Synced,
        /// How long it took.
        milliseconds: u64,
    },
    /// The reload ran.
    Reloaded {
        /// What ran.
        command: String,
        /// Its code; none when it took too long.
        code: Option<i32>,
        /// What it printed.
        output: String,
        /// How long it took.
        milliseconds: u64,
    },
    /// The container was provisioned.
    Provisioned(Box<Provisioned>),
    /// The folder here cannot be read.
    Problem(String),
    /// The connection is gone.
    Lost {
        /// Why.
        why: String,
        /// When it is tried again.
        again: Duration,
    },
}

/// The way of the news of one container to who tells them.
#[derive(Clone, Debug)]
pub struct Teller {
    /// Which container of all that follow.
    pub place: usize,
    /// The way.
    pub sender: UnboundedSender<(usize, News)>,
}

impl Teller {
    /// Passes it on.
    pub fn say(&self, news: News) {
        // Who does not listen any more ends the program soon.
        drop(self.sender.send((self.place, news)));
    }

    /// Whether nobody listens any more.
    pub fn is_unheard(&self) -> bool {
        self.sender.is_closed()
    }
}

/// Who tells it.
pub struct Telling {
    service: String,
    role: Option<String>,
    environment: String,
    format: Format,
}

impl Telling {
    /// Of this container in this environment.
    pub fn new(followed: &Followed, environment: &DevEnvironment, format: Format) -> Self {
        let (service, role) = (followed.service.clone(), followed.role.clone());
        Self { service, role, environment: environment.name_any(), format }
    }

    /// As `slipway logs` calls it.
    fn name(&self) -> String {
        let role = self.role.as_ref().map(|role| format!("/{role}")).unwrap_or_default();
        format!("{}{role}", self.service)
    }

    /// Tells it: results on standard output, the rest beside.
    pub fn tell(&self, news: &News, output: &mut Output) -> anyhow::Result<()> {
        match self.format {
            Format::Text => {
                let is_result =
                    matches!(news, News::Synced { .. } | News::Reloaded { .. } | News::Provisioned(_));
                let colours = if is_result { output.colours } else { output.colours_of_news };
                let text = self.text(news, colours);
                if is_result {
                    writeln!(output.stdout, "{text}")?;
                    output.stdout.flush()?;
                } else {
                    output.say(&text);
                }
            }
            Format::Json => {
                writeln!(output.stdout, "{}", self.json(news))?;
                output.stdout.flush()?;
            }
            Format::Yaml => {
                let yaml = crate::output::objects::yaml(&self.json(news))?;
                write!(output.stdout, "---\n{yaml}")?;
                output.stdout.flush()?;
            }
        }
        Ok(())
    }

    fn text(&self, news: &News, colours: Colours) -> String {
        let (name, environment) = (&self.name(), &self.environment);
        match news {
            News::Connected { pod, mount, folder } => colours.faint(&format!(
                "environment {environment}, pod {pod}: {mount} follows {}",
                folder.display()
            )),
            News::Synced { synced, milliseconds } => synced_text(synced, *milliseconds, name, colours),
            News::Reloaded { command, code, output, milliseconds } => {
                let end = match code {
                    Some(0) => colours.good(&format!("✓ reloaded in {milliseconds} ms: {command}")),
                    Some(code) => colours.bad(&format!("✗ reload failed with code {code}: {command}")),
                    None => colours.bad(&format!("✗ reload took too long and was ended: {command}")),
                };
                output.lines().map(|line| format!("  {line}\n")).chain([end]).collect()
            }
            News::Provisioned(provisioned) => provisioned::text(provisioned, name, colours),
            News::Problem(why) => colours.bad(&format!("nothing was sent: {why}")),
            News::Lost { why, again } => colours.waiting(&format!(
                "{why}\n  {name} is tried again in {:.1} s, and until it works",
                again.as_secs_f32()
            )),
        }
    }

    fn json(&self, news: &News) -> Value {
        let mut value = match news {
            News::Connected { pod, mount, folder } => {
                json!({"event": "connected", "pod": pod, "mount": mount, "folder": folder})
            }
            News::Synced { synced, milliseconds } => json!({
                "event": "synced", "files": synced.written, "removed": synced.removed, "bytes": synced.bytes,
                "milliseconds": milliseconds, "equal": synced.is_equal, "tree": synced.digest,
                "problems": synced.problems}),
            News::Reloaded { command, code, output, milliseconds } => json!({
                "event": "reloaded", "command": command, "code": code, "output": output,
                "milliseconds": milliseconds}),
            News::Provisioned(provisioned) => provisioned::json(provisioned),
            News::Problem(why) => json!({"event": "problem", "message": why}),
            News::Lost { why, again } => {
                json!({"event": "lost", "message": why, "retryMilliseconds": again.as_millis()})
            }
        };
        value["service"] = json!(self.service);
        if let Some(role) = &self.role {
            value["role"] = json!(role);
        }
        value["environment"] = json!(self.environment);
        value
    }
}

fn synced_text(synced: &Synced, milliseconds: u64, service: &str, colours: Colours) -> String {
    let mut parts = Vec::new();
    if synced.written > 0 {
        parts.push(format!("{}, {}", counted(synced.written, "file"), bytes(synced.bytes)));
    }
    if synced.removed > 0 {
        parts.push(format!("{} removed", counted(synced.removed, "file")));
    }
    let did = if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") };
    let line = format!("{service}: {did}, {milliseconds} ms");
    let first = match (synced.is_equal, synced.problems.is_empty()) {
        (true, true) => colours.good(&format!("✓ {line}")),
        (false, true) => {
            colours.waiting(&format!("… {line}; it changes all the time, and is looked at again"))
        }
        _ => colours.bad(&format!("✗ {line}; not all of it")),
    };
    let shown = synced.problems.iter().take(SHOWN);
    let shown = shown.map(|problem| format!("\n  {}: {}", problem.path, problem.why));
    let more = synced.problems.len().saturating_sub(SHOWN);
    let rest = (more > 0).then(|| format!("\n  and {more} more"));
    [first].into_iter().chain(shown).chain(rest).collect()
}

fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn bytes(count: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.into_iter().find(|(unit, _)| count >= *unit) {
        Some((unit, name)) => format!("{}.{} {name}", count / unit, count % unit * 10 / unit),
        None => counted(count, "byte"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slipway_agent::live::Problem;

    fn text(news: &News) -> String {
        telling(None).text(news, Colours::default())
    }

    fn telling(role: Option<&str>) -> Telling {
        let [service, environment] = ["api", "dev-emma"].map(str::to_owned);
        Telling { service, role: role.map(str::to_owned), environment, format: Format::Text }
    }

    fn synced(synced: Synced) -> News {
        News::Synced { synced, milliseconds: 118 }
    }

    fn good(written: u64, removed: u64, bytes: u64) -> Synced {
        Synced { written, removed, bytes, is_equal: true, digest: "sha256:ab".to_owned(), problems: vec![] }
    }

    fn problem(path: &str) -> Problem {
        Problem { path: path.to_owned(), why: "the container's disk is full".to_owned() }
    }

    #[test]
    fn a_sync_is_one_line() {
        assert_eq!(text(&synced(good(1, 0, 1))), "✓ api: 1 file, 1 byte, 118 ms");
        assert_eq!(
            text(&synced(good(10_000, 3, 41_260_000))),
            "✓ api: 10000 files, 41.2 MB, 3 files removed, 118 ms"
        );
        assert_eq!(text(&synced(good(0, 1, 0))), "✓ api: 1 file removed, 118 ms");
        assert_eq!(text(&synced(good(0, 0, 0))), "✓ api: nothing to do, 118 ms");
    }

    #[test]
    fn what_could_not_be_done_is_named() {
        let problems = (0..7).map(|number| problem(&format!("f{number}"))).collect();
        let told = text(&synced(Synced { problems, is_equal: false, ..good(2, 0, 2_500) }));
        let lines: Vec<_> = told.lines().collect();
        assert_eq!(lines[0], "✗ api: 2 files, 2.5 kB, 118 ms; not all of it");
        assert_eq!(lines[1], "  f0: the container's disk is full");
        assert_eq!((lines.len(), lines[6]), (7, "  and 2 more"));
    }

    #[test]
    fn the_output_of_a_reload_is_shown_before_its_end() {
        let reloaded = |code, output: &str| News::Reloaded {
            command: "sv restart api".to_owned(),
            code,
            output: output.to_owned(),
            milliseconds: 310,
        };
        let run = "ok: run: api: (pid 12) 0s\n";
        assert_eq!(
            text(&reloaded(Some(0), run)),
            "  ok: run: api: (pid 12) 0s\n✓ reloaded in 310 ms: sv restart api"
        );
        assert_eq!(text(&reloaded(Some(1), "")), "✗ reload failed with code 1: sv restart api");
        assert_eq!(text(&reloaded(None, "")), "✗ reload took too long and was ended: sv restart api");
    }

    #[test]
    fn as_json_each_is_a_line_with_the_same_keys_every_time() {
        let told = telling(None).json(&synced(good(1, 2, 3))).to_string();
        assert_eq!(
            told,
            "{\"event\":\"synced\",\"files\":1,\"removed\":2,\"bytes\":3,\"milliseconds\":118,\"equal\":true,\
             \"tree\":\"sha256:ab\",\"problems\":[],\"service\":\"api\",\"environment\":\"dev-emma\"}"
        );
    }

    #[test]
    fn a_role_is_told_where_there_is_one() {
        let done = synced(good(1, 0, 1));
        assert!(telling(Some("worker")).text(&done, Colours::default()).starts_with("✓ api/worker: 1 file"));
        assert_eq!(telling(Some("worker")).json(&done)["role"], "worker");
    }
}
