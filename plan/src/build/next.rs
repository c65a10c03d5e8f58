//! From facts to the status of a build.

use jiff::Timestamp;
use slipway_crds::reasons;
use slipway_crds::v1alpha1::{
    BlockedBy, BuildInputs, BuildOutcome, BuildParent, BuildStep, BuildTime, Outcome, ServiceBuildStatus,
    UnitStatus,
};

use super::{BuildFacts, Limits, Report, Unit, UnitTests, say};
use crate::environment::resolve::FoundDigest;
use crate::integration::JobFacts;

/// Where a build stands now.
#[derive(Clone, Debug, PartialEq)]
pub struct Next {
    /// What is recorded, before anything is done for it.
    pub status: ServiceBuildStatus,
    /// What is done then.
    pub act: Act,
    /// When to look again although nothing happens.
    pub again_at: Option<Timestamp>,
}

/// What is done for a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing now.
    Wait,
    /// The Job that builds is made.
    MakeJob,
    /// The Job of the unit tests is made.
    MakeUnitJob,
    /// The candidate gets its good name.
    NameGood,
    /// The candidate gets the name of one whose unit tests failed.
    NameFailed,
}

/// Where the build stands now. It goes as far as the facts allow, and never back.
pub fn next(previous: &ServiceBuildStatus, facts: &BuildFacts, now: Timestamp) -> Next {
    let mut status = previous.clone();
    status.since.get_or_insert(now);
    status.blocked_by.clear();
    while let Some(change) = change(&status, facts, now) {
        status = enter(status, change, now);
    }
    let status = observe(status, facts, now);
    Next { act: act(&status, facts), again_at: again_at(&status, facts), status }
}

/// What happens to a build.
enum Change {
    Known { inputs: BuildInputs, why: String },
    Exists { image: String },
    Turn { parent: Option<BuildParent>, assets_from: Option<String>, namespace: String },
    Made { uid: String },
    Pushed { tested: bool },
    Tested(UnitStatus),
    Named { image: String },
    Over { outcome: BuildOutcome, message: String },
}

fn over(outcome: BuildOutcome, message: impl Into<String>) -> Change {
    Change::Over { outcome, message: message.into() }
}

fn change(status: &ServiceBuildStatus, facts: &BuildFacts, now: Timestamp) -> Option<Change> {
    if status.step == BuildStep::Finished {
        return None;
    }
    if let Some(why) = facts.cancelled.as_ref().filter(|_| status.step < BuildStep::Naming) {
        return Some(over(BuildOutcome::Cancelled, why));
    }
    match status.step {
        BuildStep::Waiting => known(facts),
        BuildStep::Queued => turn(facts),
        BuildStep::Starting => match &facts.job {
            Some(job) => Some(Change::Made { uid: job.uid.clone() }),
            None => unreadable(status, facts, now),
        },
        BuildStep::Building => built(status, facts, now),
        BuildStep::Testing => tested(status, facts, now),
        BuildStep::Naming => named(status, facts),
        BuildStep::Finished => None,
    }
}

fn known(facts: &BuildFacts) -> Option<Change> {
    let inputs = facts.inputs.as_ref().ok()?;
    Some(Change::Known { inputs: inputs.clone(), why: facts.why.clone() })
}

/// Nothing is built before the registry has said that there is no such image.
fn turn(facts: &BuildFacts) -> Option<Change> {
    match &facts.good {
        FoundDigest::Image(image) => Some(Change::Exists { image: image.clone() }),
        FoundDigest::Missing if facts.twin.is_none() && facts.ahead < facts.concurrency => {
            let (parent, namespace) = (facts.parent.clone(), facts.namespace.clone());
            Some(Change::Turn { parent, assets_from: facts.assets_from.clone(), namespace })
        }
        FoundDigest::Missing | FoundDigest::Unknown(_) | FoundDigest::NotBuilt(_) => None,
    }
}

fn built(status: &ServiceBuildStatus, facts: &BuildFacts, now: Timestamp) -> Option<Change> {
    let report = facts.report.clone().unwrap_or_default();
    if let Some(message) = report.failed {
        return Some(over(BuildOutcome::Failed, message));
    }
    if let Some(message) = report.error {
        return Some(over(BuildOutcome::Error, message));
    }
    if let Some(pushed) = report.pushed {
        return match &facts.candidate {
            _ if matches!(facts.unit, UnitTests::Unknown(_)) => unreadable(status, facts, now),
            FoundDigest::Image(image) if image.ends_with(&pushed.digest) => {
                Some(Change::Pushed { tested: facts.unit == UnitTests::None })
            }
            FoundDigest::Image(image) => {
                let said = pushed.digest;
                let message = format!("the build says that it pushed {said}, but the registry has {image}");
                Some(over(BuildOutcome::Error, message))
            }
            _ => late(status, facts, now),
        };
    }
    let uid = status.job_uid.as_deref();
    lost("the build", uid, facts.job.as_ref(), facts, now).or_else(|| late(status, facts, now))
}

fn late(status: &ServiceBuildStatus, facts: &BuildFacts, now: Timestamp) -> Option<Change> {
    let limit = facts.limits.build;
    let stage = facts.report.as_ref().and_then(|report| report.stage);
    let doing =
        stage.map_or_else(|| "its pod did not start".to_owned(), |stage| format!("it was in {stage:?}"));
    let is_late = now >= Limits::end(status.since?, limit);
    is_late.then(|| over(BuildOutcome::Error, format!("not built within {limit:#}: {doing}")))
}

/// A commit that was found and is not there any more is waited for as long as a build may take.
fn unreadable(status: &ServiceBuildStatus, facts: &BuildFacts, now: Timestamp) -> Option<Change> {
    let UnitTests::Unknown(why) = &facts.unit else { return None };
    let is_late = now >= Limits::end(status.since?, facts.limits.build);
    is_late.then(|| over(BuildOutcome::Error, &why.message))
}

/// A Job that is gone, or that ended and said nothing.
fn lost(
    what: &str,
    uid: Option<&str>,
    job: Option<&JobFacts>,
    facts: &BuildFacts,
    now: Timestamp,
) -> Option<Change> {
    let Some(job) = job.filter(|job| uid == Some(job.uid.as_str())) else {
        return Some(over(
            BuildOutcome::Error,
            format!("the Job of {what} disappeared: ask for another build"),
        ));
    };
    let end = job.end.as_ref()?;
    let said = job.trouble.as_ref().unwrap_or(&end.message);
    let is_late = now >= Limits::end(end.at, facts.limits.delivery_grace);
    is_late.then(|| over(BuildOutcome::Error, format!("the Job of {what} ended and said nothing: {said}")))
}

fn tested(status: &ServiceBuildStatus, facts: &BuildFacts, now: Timestamp) -> Option<Change> {
    let Unit { job, status: unit } = match &facts.unit {
        UnitTests::Declared(unit) => unit,
        UnitTests::Unknown(_) => return unreadable(status, facts, now),
        // They were declared when the build began; the manifest of a commit does not change.
        UnitTests::None => return Some(over(BuildOutcome::Error, "the unit tests are declared no more")),
    };
    let recorded = status.unit_job_uid.as_deref();
    // Recorded first, also when the result is there already: an operator may have been killed in between.
    if let (None, Some(job)) = (recorded, job) {
        return Some(Change::Made { uid: job.uid.clone() });
    }
    if let Some(unit) = unit {
        return Some(Change::Tested(unit.clone()));
    }
    let uid = recorded?;
    let is_late = now >= Limits::end(status.since?, facts.limits.unit);
    let late =
        || over(BuildOutcome::Error, format!("the unit tests did not end within {:#}", facts.limits.unit));
    lost("the unit tests", Some(uid), job.as_ref(), facts, now).or_else(|| is_late.then(late))
}

fn named(status: &ServiceBuildStatus, facts: &BuildFacts) -> Option<Change> {
    match name_of(status) {
        Act::NameFailed => match &facts.failed {
            FoundDigest::Image(image) => Some(Change::Named { image: image.clone() }),
            _ => None,
        },
        _ => match &facts.good {
            FoundDigest::Image(image) => Some(Change::Named { image: image.clone() }),
            _ => None,
        },
    }
}

/// Which name the candidate of a build gets.
fn name_of(status: &ServiceBuildStatus) -> Act {
    match status.unit.as_ref().map(|unit| unit.outcome) {
        Some(Outcome::Failed | Outcome::Error) => Act::NameFailed,
        Some(Outcome::Passed) | None => Act::NameGood,
    }
}

fn act(status: &ServiceBuildStatus, facts: &BuildFacts) -> Act {
    match status.step {
        BuildStep::Starting => Act::MakeJob,
        BuildStep::Testing if status.unit_job_uid.is_none() => Act::MakeUnitJob,
        // Without an answer of the registry nothing is known of the names.
        BuildStep::Naming if matches!(facts.candidate, FoundDigest::Image(_)) => name_of(status),
        _ => Act::Wait,
    }
}

fn again_at(status: &ServiceBuildStatus, facts: &BuildFacts) -> Option<Timestamp> {
    let (job, limit) = match (status.step, &facts.unit) {
        (BuildStep::Building, _) => (facts.job.as_ref(), facts.limits.build),
        (BuildStep::Testing, UnitTests::Declared(unit)) => (unit.job.as_ref(), facts.limits.unit),
        (BuildStep::Starting | BuildStep::Testing, UnitTests::Unknown(_)) => (None, facts.limits.build),
        _ => return None,
    };
    let end = job.and_then(|job| job.end.as_ref());
    let given_up = end.map(|end| Limits::end(end.at, facts.limits.delivery_grace));
    [given_up, Some(Limits::end(status.since?, limit))].into_iter().flatten().min()
}

fn enter(mut status: ServiceBuildStatus, change: Change, now: Timestamp) -> ServiceBuildStatus {
    let before = status.step;
    match change {
        Change::Known { inputs, why } => {
            status.inputs = Some(inputs);
            status.why = Some(why);
            status.step = BuildStep::Queued;
        }
        Change::Exists { image } => {
            status.image = Some(image);
            return finish(status, BuildOutcome::Succeeded, "the image was there already".to_owned(), now);
        }
        Change::Turn { parent, assets_from, namespace } => {
            status.parent = parent;
            status.assets_from = assets_from;
            status.namespace = Some(namespace);
            status.step = BuildStep::Starting;
        }
        Change::Made { uid } if status.step == BuildStep::Starting => {
            status.job_uid = Some(uid);
            status.step = BuildStep::Building;
        }
        Change::Made { uid } => status.unit_job_uid = Some(uid),
        Change::Pushed { tested: true } => status.step = BuildStep::Naming,
        Change::Pushed { tested: false } => status.step = BuildStep::Testing,
        Change::Tested(unit) => {
            status.unit = Some(unit);
            status.step = BuildStep::Naming;
        }
        Change::Named { image } => return finish_named(status, image, now),
        Change::Over { outcome, message } => return finish(status, outcome, message, now),
    }
    timed(status, before, now)
}

fn finish_named(mut status: ServiceBuildStatus, image: String, now: Timestamp) -> ServiceBuildStatus {
    status.image = Some(image);
    let said = status.unit.as_ref().map(|unit| (unit.outcome, unit.message.clone()));
    match said {
        Some((Outcome::Failed, message)) => {
            finish(status, BuildOutcome::Failed, format!("the unit tests failed: {message}"), now)
        }
        Some((Outcome::Error, message)) => {
            finish(status, BuildOutcome::Error, format!("the unit tests could not say: {message}"), now)
        }
        Some((Outcome::Passed, message)) => {
            finish(status, BuildOutcome::Succeeded, format!("the unit tests passed: {message}"), now)
        }
        None => finish(status, BuildOutcome::Succeeded, "no unit tests are declared".to_owned(), now),
    }
}

fn finish(
    mut status: ServiceBuildStatus,
    outcome: BuildOutcome,
    message: String,
    now: Timestamp,
) -> ServiceBuildStatus {
    let before = status.step;
    status.step = BuildStep::Finished;
    status.outcome = Some(outcome);
    status.message = message;
    timed(status, before, now)
}

fn timed(mut status: ServiceBuildStatus, before: BuildStep, now: Timestamp) -> ServiceBuildStatus {
    if status.step == before {
        return status;
    }
    let since = status.since.unwrap_or(now);
    let seconds = now.duration_since(since).as_secs().max(0);
    status.times.push(BuildTime { name: format!("{before:?}"), seconds });
    status.since = Some(now);
    status
}

/// What changes within a step.
fn observe(mut status: ServiceBuildStatus, facts: &BuildFacts, now: Timestamp) -> ServiceBuildStatus {
    if let Some(Report { stage, provisioned, assets, result, times, .. }) = &facts.report {
        let new = times.iter().filter(|time| !status.times.iter().any(|known| known.name == time.name));
        let new: Vec<BuildTime> = new.cloned().collect();
        status.times.extend(new);
        status.stage = stage.filter(|_| status.step == BuildStep::Building);
        status.provisioned = provisioned.clone().or(status.provisioned);
        if !assets.is_empty() {
            status.assets.clone_from(assets);
        }
        status.result = result.clone().or(status.result);
    }
    status.ahead = (status.step == BuildStep::Queued).then(|| i64::try_from(facts.ahead).unwrap_or(i64::MAX));
    if status.step == BuildStep::Finished {
        return status;
    }
    status.message = say::message(&status);
    if let Some(blocked) = blocked(&status, facts, now) {
        status.message.clone_from(&blocked.message);
        status.blocked_by = vec![blocked];
    }
    status
}

/// What is in the way of going on.
fn blocked(status: &ServiceBuildStatus, facts: &BuildFacts, now: Timestamp) -> Option<BlockedBy> {
    let since = status.since.unwrap_or(now);
    let wait = |what: String, reason: &str, message: String| {
        let (reason, until, override_by) = (reason.to_owned(), None, None);
        Some(BlockedBy { what, reason, message, since, until, override_by })
    };
    let registry = |found: &FoundDigest| match found {
        FoundDigest::Unknown(why) => wait("the registry".to_owned(), reasons::REGISTRY_FAILED, why.clone()),
        _ => None,
    };
    match (status.step, &facts.inputs, &facts.twin) {
        (BuildStep::Waiting, Err(blocked), _) => Some(BlockedBy { since, ..blocked.clone() }),
        (BuildStep::Queued, _, Some(twin)) => {
            let message = format!("build {twin} makes the same image: it is waited for");
            wait(format!("build {twin}"), reasons::IMAGE_BUILDING, message)
        }
        (BuildStep::Queued, _, None) => registry(&facts.good),
        (BuildStep::Building | BuildStep::Testing, ..) => {
            let trouble = trouble(status.step, facts);
            let trouble = trouble.and_then(|why| wait("its pod".to_owned(), reasons::POD_NOT_READY, why));
            trouble.or_else(|| registry(&facts.candidate)).or_else(|| unread(status, facts))
        }
        (BuildStep::Starting, ..) => unread(status, facts),
        (BuildStep::Naming, ..) => registry(&facts.candidate),
        _ => None,
    }
}

/// What has to be read before it can go on.
fn unread(status: &ServiceBuildStatus, facts: &BuildFacts) -> Option<BlockedBy> {
    let UnitTests::Unknown(why) = &facts.unit else { return None };
    let since = status.since.unwrap_or(why.since);
    let until = Some(Limits::end(since, facts.limits.build));
    // While its pod builds, nothing waits for the manifest.
    let waits = status.step != BuildStep::Building
        || facts.report.as_ref().is_some_and(|report| report.pushed.is_some());
    waits.then(|| BlockedBy { since, until, ..why.clone() })
}

/// What the pod of this step has to complain about.
fn trouble(step: BuildStep, facts: &BuildFacts) -> Option<String> {
    let job = match (step, &facts.unit) {
        (BuildStep::Testing, UnitTests::Declared(unit)) => unit.job.as_ref(),
        _ => facts.job.as_ref(),
    };
    job?.trouble.clone()
}
