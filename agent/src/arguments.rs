//! What the agent is told to do.

use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use slipway_agent::live::SyncOrder;
use slipway_agent::{BuildOrder, InitOrder, KeepOrder, PushOrder, ReportTo, operator};

/// How long a result is offered before the agent gives up, unless `--give-up-after` says otherwise.
const GIVE_UP_AFTER: Duration = Duration::from_hours(1);

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    /// Copy itself to this path.
    Install(PathBuf),
    /// Run a command and deliver how it ended.
    Run(Order),
    /// Provision, and write the layer of what changed.
    Build(Box<BuildOrder>),
    /// Wait for a build, and push its image.
    Push(Box<PushOrder>),
    /// Copy the assets of this image to a volume.
    Keep(Box<KeepOrder>),
    /// Bring up a fat container and run its services.
    Init(Box<InitOrder>),
    /// Say whether the record at this path tells of a container that is up.
    Started(PathBuf),
    /// Mirror what comes on standard input into a folder.
    Sync(Box<SyncOrder>),
    /// Mirror it into the folder of the ops repository of the fat container that this process brought up, and provision.
    SyncOps(u32),
}

/// A command, and where its result goes.
#[derive(Debug, PartialEq, Eq)]
pub struct Order {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Glob of the JUnit files the command writes, relative to its folder.
    pub glob: Option<String>,
    /// Where the result goes; its host is an address. The kubelet renews the one-run token.
    pub report: ReportTo,
    /// How long the result is offered.
    pub give_up_after: Duration,
}

/// Arguments that are none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongArguments {
    /// The first word is unknown.
    #[error(
        "expected `install <path>`, `run --url <url> --token-file <file> [--glob <glob>] -- <command>`, `build <order>`, `keep <order>`, `push <order>`, `init <order>`, `started <record>`, `sync <order>` or `sync-ops <process>`"
    )]
    Usage,
    /// An option is unknown.
    #[error("`{0}` is not an option of `run`")]
    Unknown(String),
    /// An option has no value, or is missing.
    #[error("`{0}` and its value are needed")]
    Missing(&'static str),
    /// A number is none.
    #[error("`--give-up-after {0}` is not a number of seconds")]
    Seconds(String),
    /// An order is none.
    #[error("the order is not the JSON that the operator writes: {0}")]
    Order(String),
    /// The host has to be looked up.
    #[error("`{0}` must be http:// and an address: a static program resolves no names")]
    Address(String),
}

/// Reads the words after the program's name.
pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Task, WrongArguments> {
    let mut words = words.into_iter();
    match words.next().as_deref() {
        Some("install") => {
            let path = words.next().ok_or(WrongArguments::Usage)?;
            Ok(Task::Install(path.into()))
        }
        Some("run") => parse_run(words).map(Task::Run),
        Some("build") => {
            let order: BuildOrder = order(words.next())?;
            checked(order.sources.url.clone())?;
            Ok(Task::Build(Box::new(order)))
        }
        Some("keep") => Ok(Task::Keep(Box::new(order(words.next())?))),
        Some("started") => {
            let path = words.next().ok_or(WrongArguments::Usage)?;
            Ok(Task::Started(path.into()))
        }
        Some("push") => {
            let order: PushOrder = order(words.next())?;
            checked(order.report.url.clone())?;
            Ok(Task::Push(Box::new(order)))
        }
        Some("init") => {
            let order: InitOrder = order(words.next())?;
            checked(order.sources.url.clone())?;
            order.report.as_ref().map(|report| checked(report.url.clone())).transpose()?;
            Ok(Task::Init(Box::new(order)))
        }
        Some("sync") => Ok(Task::Sync(Box::new(order(words.next())?))),
        Some("sync-ops") => {
            let process = words.next().and_then(|word| word.parse().ok());
            process.map(Task::SyncOps).ok_or(WrongArguments::Usage)
        }
        _ => Err(WrongArguments::Usage),
    }
}

fn parse_run(mut words: impl Iterator<Item = String>) -> Result<Order, WrongArguments> {
    let (mut glob, mut url, mut token_file, mut give_up_after) = (None, None, None, GIVE_UP_AFTER);
    loop {
        match words.next().as_deref() {
            Some("--") => break,
            Some("--glob") => glob = Some(value(&mut words, "--glob")?),
            Some("--url") => url = Some(checked(value(&mut words, "--url")?)?),
            Some("--token-file") => token_file = Some(value(&mut words, "--token-file")?),
            Some("--give-up-after") => give_up_after = seconds(value(&mut words, "--give-up-after")?)?,
            Some(other) => return Err(WrongArguments::Unknown(other.to_owned())),
            None => return Err(WrongArguments::Missing("-- <command>")),
        }
    }
    let command: Vec<String> = words.collect();
    if command.is_empty() {
        return Err(WrongArguments::Missing("-- <command>"));
    }
    let url = url.ok_or(WrongArguments::Missing("--url"))?;
    let token_file = token_file.ok_or(WrongArguments::Missing("--token-file"))?.into();
    Ok(Order { command, glob, report: ReportTo { url, token_file }, give_up_after })
}

fn value(words: &mut impl Iterator<Item = String>, option: &'static str) -> Result<String, WrongArguments> {
    words.next().ok_or(WrongArguments::Missing(option))
}

fn seconds(text: String) -> Result<Duration, WrongArguments> {
    text.parse().map(Duration::from_secs).map_err(|_| WrongArguments::Seconds(text))
}

fn checked(url: String) -> Result<String, WrongArguments> {
    if operator::is_address(&url) { Ok(url) } else { Err(WrongArguments::Address(url)) }
}

/// The operator writes orders, so that they have one form: JSON.
fn order<T: DeserializeOwned>(word: Option<String>) -> Result<T, WrongArguments> {
    let text = word.ok_or(WrongArguments::Usage)?;
    serde_json::from_str(&text).map_err(|source| WrongArguments::Order(source.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Task, WrongArguments> {
        parse(line.split(' ').map(str::to_owned))
    }

    #[test]
    fn a_run_has_a_command_and_where_its_result_goes() {
        let line = "run --glob a/*.xml --url http://10.0.0.1:80/v1 --token-file /t --give-up-after 5 -- sh -c --glob";
        let expected = Order {
            command: ["sh", "-c", "--glob"].map(str::to_owned).into(),
            glob: Some("a/*.xml".to_owned()),
            report: ReportTo { url: "http://10.0.0.1:80/v1".to_owned(), token_file: "/t".into() },
            give_up_after: Duration::from_secs(5),
        };
        assert_eq!(parsed(line), Ok(Task::Run(expected)));
    }

    #[test]
    fn what_is_missing_is_named() {
        for line in ["install", "sync-ops", "sync-ops {}"] {
            assert_eq!(parsed(line), Err(WrongArguments::Usage));
        }
        assert_eq!(parsed("run --token-file t -- sh"), Err(WrongArguments::Missing("--url")));
        assert_eq!(parsed("run --url http://[::1]/ -- sh"), Err(WrongArguments::Missing("--token-file")));
        assert_eq!(parsed("run --url"), Err(WrongArguments::Missing("--url")));
        assert_eq!(parsed("run --token-file t --"), Err(WrongArguments::Missing("-- <command>")));
        assert_eq!(parsed("run --verbose -- sh"), Err(WrongArguments::Unknown("--verbose".to_owned())));
    }

    #[test]
    fn a_host_name_is_refused_because_nothing_here_could_look_it_up() {
        for url in ["http://operator.slipway:80/", "https://10.0.0.1/", "10.0.0.1", "http://"] {
            let line = format!("run --url {url} --token-file t -- sh");
            assert_eq!(parsed(&line), Err(WrongArguments::Address(url.to_owned())));
        }
    }
}
