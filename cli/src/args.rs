//! What is written after `slipway`.

mod diff;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use slipway_plan::duration;

pub use diff::Diff;

const CODES: &str = "Exit codes: 0 done · 1 it failed · 2 only `test` and `diff`: it could not be told · 64 wrong arguments, or no \
context was named · 125 only `exec`: the command did not run · 130 interrupted";

/// Private copies of your services, and their tests, on Kubernetes
#[derive(Debug, Parser)]
#[command(name = "slipway", version, propagate_version = true, after_help = CODES)]
pub struct Arguments {
    /// Where.
    #[command(flatten)]
    pub place: Place,
    /// What.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Which cluster and namespace, and how it looks.
#[derive(Args, Debug)]
pub struct Place {
    /// Context of the kubeconfig.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        help = "Context of the kubeconfig to act on. Unset: $SLIPWAY_CONTEXT; without either it refuses"
    )]
    pub context: Option<String>,
    /// Namespace of the fleet.
    #[arg(
        long,
        short,
        global = true,
        value_name = "NAME",
        help = "The fleet's namespace. Unset: $SLIPWAY_NAMESPACE, else the context's"
    )]
    pub namespace: Option<String>,
    /// No colours.
    #[arg(long, global = true, help = "No colours; they are off in a pipe and with $NO_COLOR, too")]
    pub no_color: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Start services, with all they depend on, in an environment of your own
    #[command(
        after_help = "Examples:\n  slipway start api dispatch eta\n  slipway start dispatch --branch dispatch=fix-eta --ttl 8h\n  \
        slipway start --env issue519 --profile rider --branch eta=       eta runs its trunk again\n\n\
        More services and flags are added to what the environment has; --only makes it exactly what you say. A stopped or expired \
        environment starts again. Ctrl-C stops watching, nothing else."
    )]
    Start(Start),
    /// Stop an environment: its pods and data go, what it ran stays on record
    #[command(after_help = "Examples:\n  slipway stop\n  slipway stop issue519")]
    Stop(Stop),
    /// Show an environment: every service, its commit and why, and what it waits for
    #[command(after_help = "Examples:\n  slipway status\n  slipway status issue519 --watch\n  \
        slipway status issue519 -o json | jq .status.lock")]
    Status(Status),
    /// Show what the services print, of all at once or of some
    #[command(after_help = "Examples:\n  slipway logs --follow\n  slipway logs api dispatch --tail 20\n  \
        slipway logs api --previous       why it crashed")]
    Logs(Logs),
    /// Make a service answer on a port of this machine, until Ctrl-C
    #[command(
        after_help = "Examples:\n  slipway open www\n  slipway open local --port 6379\n  curl \"$(slipway open www | head -1)\""
    )]
    Open(Open),
    /// Run a command in a service's container; its exit code is passed on
    #[command(
        after_help = "Examples:\n  slipway exec api -- bash\n  slipway exec dispatch --role worker -- env\n  \
        slipway exec local --role redis -- redis-cli info"
    )]
    Exec(Exec),
    /// List all environments of the namespace
    #[command(visible_alias = "ls")]
    List(List),
    /// Keep an environment longer than its ttl
    #[command(after_help = "Example:\n  slipway keep issue519 --for 8h")]
    Keep(Keep),
    /// Say what would change, and change nothing
    #[command(
        after_help = "Examples:\n  slipway plan environments/issue519.yaml\n  slipway plan issue519 --branch dispatch=fix-eta\n  \
        slipway plan fleet.yaml                          which environments would change\n  \
        slipway plan gitsync/fleet --commit fix-eta\n\n\
        The operator is asked: it answers from the same code that would do it. Exit code 1 when it could not be done."
    )]
    Plan(Plan),
    /// Compare a folder, or a commit, with what a GitSync made of the cluster
    #[command(
        after_help = "Examples:\n  slipway diff\n  slipway diff ~/src/fleet --gitsync fleet\n  slipway diff --commit fix-eta\n\n\
        + made  ~ changed  - pruned  ? no longer declared, and waits for a person  ✗ refused\n\n\
        Exit codes: 0 nothing would change · 1 something would · 2 something would be refused, or it could not be told · \
        64 wrong arguments, or no context was named"
    )]
    Diff(Diff),
    /// Run a service's integration tests against exactly its declared dependencies
    #[command(
        after_help = "Examples:\n  slipway test www --commit \"$GIT_COMMIT\" --wait --junit results\n  \
        slipway test www --commit 3f2c1ab0… --again --wait\n\n\
        A commit is tested once: the same call again answers with the stored result, --again makes a new run. Files that \
        an earlier call wrote into the JUnit folder (junit-NNN-…) are replaced.\n\n\
        Exit codes: 0 passed · 1 failed · 2 error: the tests could not say (a dependency never got ready, a timeout, no answer \
        from the cluster) · 64 wrong arguments, or no context was named · 130 interrupted; the run goes on"
    )]
    Test(Test),
}

/// How objects are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// The objects as JSON.
    Json,
    /// The objects as YAML.
    Yaml,
}

/// For verbs that print objects.
#[derive(Args, Clone, Copy, Debug)]
pub struct Printed {
    /// How it is printed
    #[arg(long = "output", short = 'o', value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
}

/// What an environment is asked to be.
#[derive(Args, Clone, Debug, Default)]
pub struct Wanted {
    /// Run a branch, tag or commit of a service instead of its trunk; `SERVICE=` for the trunk again
    #[arg(long = "branch", short, value_name = "SERVICE=REF")]
    pub branches: Vec<String>,
    /// A named set of services of the Fleet
    #[arg(long, short, value_name = "NAME")]
    pub profile: Option<String>,
    /// A machine label of the Fleet, for every service
    #[arg(long, value_name = "LABEL")]
    pub machine: Option<String>,
    /// How long it runs, for example 90m, 8h or 2d
    #[arg(long, value_name = "DURATION", value_parser = duration_text)]
    pub ttl: Option<String>,
    /// Environment variable of every service
    #[arg(long = "set-env", value_name = "KEY=VALUE")]
    pub variables: Vec<String>,
    /// Exactly these services and flags, instead of adding them to what the environment has
    #[arg(long)]
    pub only: bool,
}

/// `slipway start`.
#[derive(Args, Debug)]
pub struct Start {
    /// The services; what they depend on follows
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Name of the environment. Unset: dev-<your user name>
    #[arg(long, short, value_name = "NAME")]
    pub env: Option<String>,
    /// What it should be.
    #[command(flatten)]
    pub wanted: Wanted,
    /// Do not wait until everything is ready
    #[arg(long, short)]
    pub detach: bool,
    /// Give up waiting after that long, with exit code 1; it goes on starting
    #[arg(long, value_name = "DURATION", value_parser = duration_text)]
    pub timeout: Option<String>,
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}

/// `slipway stop`.
#[derive(Args, Debug)]
pub struct Stop {
    /// The environment. Unset: dev-<your user name>
    pub name: Option<String>,
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}

/// `slipway status`.
#[derive(Args, Debug)]
pub struct Status {
    /// The environment. Unset: dev-<your user name>, or the only one that runs
    pub name: Option<String>,
    /// Go on showing it as it changes, until Ctrl-C
    #[arg(long, short)]
    pub watch: bool,
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}

/// `slipway list`.
#[derive(Args, Debug)]
pub struct List {
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}

/// `slipway keep`.
#[derive(Args, Debug)]
pub struct Keep {
    /// The environment. Unset: dev-<your user name>
    pub name: Option<String>,
    /// How long from now, for example 8h; it never shortens
    #[arg(long = "for", value_name = "DURATION", value_parser = duration_text)]
    pub duration: String,
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}

/// Which environment, for verbs whose words are services.
#[derive(Args, Debug)]
pub struct Within {
    /// The environment. Unset: dev-<your user name>, or the only one that runs
    #[arg(long, short, value_name = "NAME")]
    pub env: Option<String>,
}

/// `slipway logs`.
#[derive(Args, Debug)]
pub struct Logs {
    /// The services; `tests` are those of an integration run. Unset: all
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Environment.
    #[command(flatten)]
    pub within: Within,
    /// Go on as more is printed, by new pods too, until Ctrl-C
    #[arg(long, short)]
    pub follow: bool,
    /// That many last lines of each container, or `all`
    #[arg(long, value_name = "LINES", default_value = "200", value_parser = tail)]
    pub tail: Tail,
    /// What the container printed before it was last restarted
    #[arg(long, short, conflicts_with = "follow")]
    pub previous: bool,
    /// Put the time before every line
    #[arg(long, short)]
    pub timestamps: bool,
}

/// `slipway open`.
#[derive(Args, Debug)]
pub struct Open {
    /// The service
    pub service: String,
    /// Environment.
    #[command(flatten)]
    pub within: Within,
    /// Which of the service's ports. Unset: its first
    #[arg(long, short)]
    pub port: Option<u16>,
    /// Port of this machine. Unset: a free one
    #[arg(long, short, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    pub local_port: u16,
}

/// `slipway exec`.
#[derive(Args, Debug)]
pub struct Exec {
    /// The service
    pub service: String,
    /// Environment.
    #[command(flatten)]
    pub within: Within,
    /// Which role of the service; of `local`: which store. Unset: the one that answers on the service's ports
    #[arg(long, short)]
    pub role: Option<String>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// `slipway plan`.
#[derive(Args, Debug)]
pub struct Plan {
    /// A file of Slipway's kinds (*.yaml, or `-`), something that exists, or the name of an environment
    #[arg(value_name = "FILE.yaml|KIND/NAME|NAME")]
    pub target: String,
    /// More services
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// What it should be.
    #[command(flatten)]
    pub wanted: Wanted,
    /// Of a `GitSync`: a branch, tag or commit of its repository instead of what it follows
    #[arg(long, value_name = "REF")]
    pub commit: Option<String>,
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}

/// `slipway test`.
#[derive(Args, Debug)]
pub struct Test {
    /// The service whose `integration:` block runs
    pub service: String,
    /// The commit under test; a branch or tag is held as first found
    #[arg(long, short, value_name = "SHA")]
    pub commit: String,
    /// Wait for the result, and show the tests' log meanwhile
    #[arg(long, short)]
    pub wait: bool,
    /// A new run, although there is a result
    #[arg(long)]
    pub again: bool,
    /// Folder for the tests' JUnit files. Unset: slipway-results, with --wait
    #[arg(long, value_name = "DIR")]
    pub junit: Option<PathBuf>,
    /// Give up waiting after that long, with exit code 2; the run goes on
    #[arg(long, value_name = "DURATION", value_parser = duration_text)]
    pub timeout: Option<String>,
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}

/// How many of a log's last lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// All lines.
    All,
    /// That many.
    Lines(u32),
}

fn tail(text: &str) -> Result<Tail, String> {
    match text.parse() {
        Ok(lines) => Ok(Tail::Lines(lines)),
        Err(_) if text == "all" => Ok(Tail::All),
        Err(_) => Err("write a number of lines, or `all`".to_owned()),
    }
}

fn duration_text(text: &str) -> Result<String, duration::NotADuration> {
    duration::parse(text).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests;
