//! What is written after `slipway`.

mod build;
mod diff;
mod live;
mod logs;
mod open;
mod shell;
mod start;
mod why;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use slipway_plan::duration;

use crate::complete;

pub use build::Build;
pub use diff::Diff;
pub use live::Sync;
pub use logs::Logs;
pub use open::{Forward, Open};
pub use shell::{Completion, Man, Shell};
pub use start::Start;
pub use why::Why;

const CODES: &str = "Exit codes: 0 done · 1 it failed · 2 only `test`, `build` and `diff`: it could not be told · 64 wrong arguments, or no \
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
    pub call: Call,
}

/// What is called: a verb that acts on a cluster, or something that needs none.
#[derive(Debug, Subcommand)]
pub enum Call {
    /// A verb.
    #[command(flatten)]
    Verb(Verb),
    /// Print what makes a shell complete verbs, flags, environments and services
    #[command(
        after_help = "Examples:\n  source <(slipway completion bash)                                in ~/.bashrc\n  \
        source <(slipway completion zsh)                                 in ~/.zshrc, after compinit\n  \
        slipway completion fish > ~/.config/fish/completions/slipway.fish"
    )]
    Completion(Completion),
    /// Write the manual pages
    #[command(after_help = "Example:\n  slipway man ~/.local/share/man/man1 && man slipway-start")]
    Man(Man),
}

/// Which cluster and namespace, and how it looks.
#[derive(Args, Debug)]
pub struct Place {
    /// Context of the kubeconfig.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        add = ArgValueCompleter::new(complete::contexts),
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
        slipway start --env issue519 --profile rider --branch eta=       eta runs its trunk again\n  \
        slipway start api --live ~/src/api                               api runs what is in that folder\n  \
        slipway start api dispatch --live-ops ~/src/ops                  made by the states in that folder\n\n\
        More services and flags are added to what the environment has; --only makes it exactly what you say. A stopped or expired \
        environment starts again. Ctrl-C stops watching, nothing else."
    )]
    Start(Box<Start>),
    /// Stop an environment: its pods and data go, what it ran stays on record
    #[command(after_help = "Examples:\n  slipway stop\n  slipway stop issue519")]
    Stop(Stop),
    /// Show an environment: every service, its commit and why, and what it waits for
    #[command(after_help = "Examples:\n  slipway status\n  slipway status issue519 --watch\n  \
        slipway status issue519 -o json | jq .status.lock")]
    Status(Status),
    /// Say why a service runs what it runs, and what it waits for
    #[command(after_help = "Examples:\n  slipway why www\n  slipway why www -e test-www-3f2c1ab03f2c\n  \
        slipway why www -o json | jq .blockedBy")]
    Why(Why),
    /// Show what the services print, of all at once or of some
    #[command(after_help = "Examples:\n  slipway logs --follow\n  slipway logs api dispatch --tail 20\n  \
        slipway logs --since 10m --level warn\n  slipway logs api --previous       why it crashed\n\n\
        Levels are read from JSON, key=value and the usual text formats. A line whose level is not known is shown, unless \
        --strict-level is given; an indented line belongs to the one before.")]
    Logs(Logs),
    /// Make services answer on ports of this machine, until Ctrl-C
    #[command(
        after_help = "Examples:\n  slipway open www\n  slipway open www=8080 api local:6379\n  slipway open --all\n  \
        curl \"$(slipway open www | head -1)\""
    )]
    Open(Open),
    /// Replace the pods of services by new ones of the same commit
    #[command(
        after_help = "Examples:\n  slipway restart api\n  slipway restart api dispatch -e issue519\n\n\
        The old pods go when the new ones are ready. `local` keeps its data."
    )]
    Restart(Restart),
    /// Run a command in a service's container; its exit code is passed on
    #[command(
        after_help = "Examples:\n  slipway exec api -- bash\n  slipway exec dispatch --role worker -- env\n  \
        slipway exec local --role redis -- redis-cli info\n  \
        slipway exec --failed www                        a shell in the image whose unit tests failed\n  \
        slipway exec --failed www -- make test_unit"
    )]
    Exec(Exec),
    /// Build the image of a service at a commit, and run its unit tests in it
    #[command(
        after_help = "Examples:\n  slipway build www --watch\n  slipway build www --commit fix-eta --ops-commit fix-nginx --watch\n  \
        slipway build www -o json | jq -r .metadata.name\n  \
        slipway build new_service_greeter --repository https://git.example.com/team/greeter.git\n\n\
        What was built is not built again: the build is over at once. Ctrl-C stops watching, nothing else.\n\n\
        new_service_NAME asks no cluster: it makes the files of a service that can be built as it is, overwrites nothing, and says \
        what comes next.\n\n\
        Exit codes: 0 made, or being made · 1 provisioning or a unit test failed · 2 error: it could not be built, or was \
        cancelled · 64 wrong arguments, or no context was named · 130 interrupted; the build goes on"
    )]
    Build(Build),
    /// Mirror a working tree into containers of services, again whenever it changes, until Ctrl-C
    #[command(after_help = "Examples:\n  slipway sync api\n  slipway sync api ~/src/api -e issue519\n  \
        slipway sync api --once -o json\n  slipway sync api dispatch --ops ~/src/ops\n\n\
        What git ignores, and what .slipwayignore names in the same way, is neither sent nor touched. All else is made like \
        the folder: what is only in the container goes. Then `run.reload` of manifest.yaml runs there.\n\n\
        With --ops the folder is a working tree of the Fleet's ops repository, for services that are built: then their \
        provisioner runs, and their processes are restarted when it changed something. A new pod begins with its image.")]
    Sync(Sync),
    /// List all environments of the namespace
    #[command(visible_alias = "ls")]
    List(List),
    /// Look at everything Slipway stands on, and say how to mend what is wrong
    #[command(
        after_help = "Examples:\n  slipway doctor\n  slipway doctor -o json | jq '.[] | select(.verdict == \"failed\")'\n\n\
        Exit code 1 when something is wrong, so that a script can ask, too."
    )]
    Doctor(Doctor),
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

/// `slipway stop`.
#[derive(Args, Debug)]
pub struct Stop {
    /// The environment. Unset: dev-<your user name>
    #[arg(add = ArgValueCompleter::new(complete::environments))]
    pub name: Option<String>,
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}

/// `slipway status`.
#[derive(Args, Debug)]
pub struct Status {
    /// The environment. Unset: dev-<your user name>, or the only one that runs
    #[arg(add = ArgValueCompleter::new(complete::environments))]
    pub name: Option<String>,
    /// Go on showing it as it changes, until Ctrl-C
    #[arg(long, short)]
    pub watch: bool,
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}

/// `slipway restart`.
#[derive(Args, Debug)]
pub struct Restart {
    /// The services
    #[arg(value_name = "SERVICE", required = true, add = ArgValueCompleter::new(complete::services_of_the_environment))]
    pub services: Vec<String>,
    /// Environment.
    #[command(flatten)]
    pub within: Within,
    /// Do not wait until the new pods are ready
    #[arg(long, short)]
    pub detach: bool,
    /// Give up waiting after that long, with exit code 1; it goes on restarting
    #[arg(long, value_name = "DURATION", value_parser = duration_text)]
    pub timeout: Option<String>,
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}

/// `slipway doctor`.
#[derive(Args, Debug)]
pub struct Doctor {
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}

/// `slipway list`.
#[derive(Args, Debug)]
pub struct List {
    /// Go on showing them as they change, until Ctrl-C
    #[arg(long, short)]
    pub watch: bool,
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}

/// `slipway keep`.
#[derive(Args, Debug)]
pub struct Keep {
    /// The environment. Unset: dev-<your user name>
    #[arg(add = ArgValueCompleter::new(complete::environments))]
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
    #[arg(long, short, value_name = "NAME", add = ArgValueCompleter::new(complete::environments))]
    pub env: Option<String>,
}

/// `slipway exec`.
#[derive(Args, Debug)]
pub struct Exec {
    /// The service; with --failed also the name of a build
    #[arg(add = ArgValueCompleter::new(complete::services_of_the_environment))]
    pub service: String,
    /// Environment.
    #[command(flatten)]
    pub within: Within,
    /// Which role of the service; of `local`: which store. Unset: the one that answers on the service's ports
    #[arg(long, short)]
    pub role: Option<String>,
    /// In a pod of the image whose unit tests failed, the service's newest; it goes when the command ends
    #[arg(long, conflicts_with_all = ["env", "role"])]
    pub failed: bool,
    /// The command and its arguments. With --failed it may be left out: a shell
    #[arg(last = true, required_unless_present = "failed", value_name = "COMMAND")]
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
    #[arg(add = ArgValueCompleter::new(complete::services))]
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

fn duration_text(text: &str) -> Result<String, duration::NotADuration> {
    duration::parse(text).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests;
