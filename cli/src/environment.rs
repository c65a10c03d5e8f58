//! Which environment is meant, whose it is, and how it stands.

use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::ListParams;
use slipway_crds::v1alpha1::{DevEnvironment, DevEnvironmentStatus, EndReason};
use slipway_crds::{UNOBSERVED, conditions, names};

use crate::api_error::Attempted as _;
use crate::connect::Session;
use crate::exit::Usage;

/// Longest part of a name that is made from something else.
const LONGEST: usize = 40;

/// Where an environment came from: who may change its spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A `GitSync` of this name.
    Git(String),
    /// `slipway start` or `slipway test`.
    CommandLine,
    /// Somebody, by other means.
    Hand,
}

/// Where the environment came from.
pub fn origin(environment: &DevEnvironment) -> Origin {
    match environment.labels().get(names::GITSYNC) {
        Some(sync) => Origin::Git(sync.clone()),
        None if environment.annotations().contains_key(names::MADE_BY) => Origin::CommandLine,
        None => Origin::Hand,
    }
}

/// How an environment stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Everything runs and is ready.
    Ready,
    /// It is on its way, or something of it is not ready.
    Starting,
    /// Only a person can mend it.
    Stalled,
    /// It was asked to stop and has not yet.
    Stopping,
    /// It has ended.
    Ended(EndReason),
    /// It is being deleted.
    Deleting,
    /// The operator has not looked at it yet.
    New,
}

impl State {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Starting => "Starting",
            Self::Stalled => "Stalled",
            Self::Stopping => "Stopping",
            Self::Ended(EndReason::Expired) => "Expired",
            Self::Ended(EndReason::Stopped) => "Stopped",
            Self::Ended(EndReason::Finished) => "Finished",
            Self::Deleting => "Deleting",
            Self::New => "New",
        }
    }
}

/// How the environment stands.
pub fn state(environment: &DevEnvironment) -> State {
    if environment.metadata.deletion_timestamp.is_some() {
        return State::Deleting;
    }
    let status = status(environment);
    let is_true = |type_| conditions::is_true(&status.conditions, type_);
    match status.ended {
        Some(ended) => State::Ended(ended.reason),
        None if environment.annotations().contains_key(names::STOPPED_AT) => State::Stopping,
        None if environment.status.is_none() || status.observed_generation == Some(UNOBSERVED) => State::New,
        None if is_true(conditions::STALLED) => State::Stalled,
        None if is_true(conditions::READY) => State::Ready,
        None => State::Starting,
    }
}

/// Its status, empty before the operator has looked at it.
pub fn status(environment: &DevEnvironment) -> DevEnvironmentStatus {
    environment.status.clone().unwrap_or_default()
}

/// What its `Ready` condition says, or why there is none.
pub fn message(environment: &DevEnvironment) -> String {
    let status = status(environment);
    let find = |type_| conditions::find(&status.conditions, type_);
    let said = find(conditions::READY).or_else(|| find(conditions::ENDED));
    said.map_or_else(
        || "the operator has not looked at it yet".to_owned(),
        |condition| condition.message.clone(),
    )
}

/// Name of the namespace its pods are in, as long as there is one.
pub fn namespace(environment: &DevEnvironment) -> Option<&str> {
    environment.status.as_ref()?.namespace.as_ref().map(|record| record.name.as_str())
}

/// The user's own environment.
pub fn own_name() -> Result<String, Usage> {
    let said = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let known = || nix::unistd::User::from_uid(nix::unistd::Uid::current()).ok().flatten();
    let user = said.filter(|user| !user.is_empty()).or_else(|| known().map(|user| user.name));
    own_name_of(user.as_deref())
}

fn own_name_of(user: Option<&str>) -> Result<String, Usage> {
    let user = user.map(|user| name_part(user, LONGEST)).filter(|user| !user.is_empty());
    let unknown =
        || Usage("your user name is not known: name the environment with --env, or set USER".to_owned());
    user.map(|user| format!("dev-{user}")).ok_or_else(unknown)
}

/// A text as part of an object's name: lower-case letters, digits and hyphens, not at its ends.
pub fn name_part(text: &str, longest: usize) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let all: String = text.chars().map(safe).collect();
    let start = all.trim_start_matches('-');
    start[..start.len().min(longest)].trim_end_matches('-').to_owned()
}

/// The environment of that name, or an error that says which there are.
pub async fn find(session: &Session, name: &str) -> anyhow::Result<DevEnvironment> {
    let found = session.environments().get_opt(name).await.attempted(format!("read environment {name}"))?;
    match found {
        Some(environment) => Ok(environment),
        None => Err(unknown(name, &list(session).await?, &session.namespace).into()),
    }
}

/// All environments of the fleet.
pub async fn list(session: &Session) -> anyhow::Result<Vec<DevEnvironment>> {
    let listed = session.environments().list(&ListParams::default()).await;
    Ok(listed.attempted("list the environments")?.items)
}

/// The environment that is meant: the named one, or else the user's own, or else the only one that runs.
pub async fn find_or_guess(session: &Session, named: Option<&str>) -> anyhow::Result<DevEnvironment> {
    match named {
        Some(name) => find(session, name).await,
        None => Ok(guess(own_name().ok().as_deref(), &list(session).await?, &session.namespace)?),
    }
}

fn guess(own: Option<&str>, all: &[DevEnvironment], namespace: &str) -> Result<DevEnvironment, Usage> {
    if let Some(mine) = all.iter().find(|environment| environment.metadata.name.as_deref() == own) {
        return Ok(mine.clone());
    }
    let runs = |environment: &&DevEnvironment| {
        !matches!(state(environment), State::Ended(_) | State::Deleting)
            && environment.spec.integration.is_none()
    };
    let running: Vec<_> = all.iter().filter(runs).collect();
    match running.as_slice() {
        [only] => Ok((*only).clone()),
        _ => Err(unknown(own.unwrap_or("of your own"), all, namespace)),
    }
}

fn unknown(name: &str, all: &[DevEnvironment], namespace: &str) -> Usage {
    let names: Vec<_> = all.iter().map(ResourceExt::name_any).collect();
    let there = match names.as_slice() {
        [] => "there are none; make one with: slipway start SERVICE…".to_owned(),
        names => format!("name one of: {}", names.join(", ")),
    };
    Usage(format!("there is no environment {name} in namespace {namespace}\n  {there}"))
}

/// Refuses services that the environment does not run, once that is known; `more` are names that are as good.
pub fn refuse_unknown(
    environment: &DevEnvironment,
    services: &[String],
    more: &[&str],
    program: &str,
) -> Result<(), Usage> {
    let lock = status(environment).lock;
    let runs: Vec<_> = lock.iter().map(|locked| locked.service.as_str()).collect();
    let is_known = |service: &str| lock.is_empty() || runs.contains(&service) || more.contains(&service);
    match services.iter().find(|service| !is_known(service)) {
        None => Ok(()),
        Some(service) => Err(Usage(format!(
            "{name} does not run {service}; it runs: {}\n  add it: {program} start {service} --env {name}",
            runs.join(", "),
            name = environment.name_any(),
        ))),
    }
}

/// Until when a person keeps it.
pub fn kept_until(environment: &DevEnvironment) -> Option<Timestamp> {
    environment.annotations().get(names::KEEP_UNTIL)?.parse().ok()
}

#[cfg(test)]
mod tests;
