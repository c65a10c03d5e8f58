//! From facts to the status of a run.

use jiff::{SignedDuration, Timestamp};
use slipway_crds::v1alpha1::{EndReason, IntegrationStatus, IntegrationStep, Outcome, StepTime};

use super::{Delivery, JobFacts, RunFacts, store};

/// Lines and bytes of a service's log that go into the message of a run.
const LOG_LINES: usize = 20;
const LOG_BYTES: usize = 2_048;

/// Where a run stands now.
#[derive(Clone, Debug, PartialEq)]
pub struct Next {
    /// What is recorded, before anything is done for it.
    pub status: IntegrationStatus,
    /// The service that was never ready: the end of its log belongs into the message, see [`with_log`].
    pub log_of: Option<String>,
    /// When to look again although nothing happens.
    pub again_at: Option<Timestamp>,
}

/// Where the run of this generation stands now. It goes as far as the facts allow, and never back.
pub fn next(previous: Option<&IntegrationStatus>, facts: &RunFacts, now: Timestamp) -> Next {
    let same_run = previous.filter(|status| status.generation == facts.generation).cloned();
    let mut status = same_run.unwrap_or_else(|| begin(facts.generation, now));
    let mut log_of = None;
    while let Some(change) = change(&status, facts, now) {
        if let Change::NeverReady { service, .. } = &change {
            log_of = Some(service.clone());
        }
        status = enter(status, change, now);
    }
    Next { again_at: again_at(&status, facts), log_of, status }
}

/// Whether the run of this generation is over.
pub fn is_finished(status: Option<&IntegrationStatus>, generation: i64) -> bool {
    status.is_some_and(|status| status.generation == generation && status.step == IntegrationStep::Finished)
}

/// The status with the last lines of a log in its message.
#[must_use]
pub fn with_log(mut status: IntegrationStatus, log: &str) -> IntegrationStatus {
    let lines: Vec<&str> = log.trim_end().lines().collect();
    let last = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
    if !last.is_empty() {
        status.message =
            format!("{}; its last log lines:\n{}", status.message, store::tail(&last, LOG_BYTES));
    }
    status
}

/// What happens to a run.
enum Change<'a> {
    Ready,
    Started { uid: &'a str },
    Delivered(&'a Delivery),
    NeverReady { service: String, message: String },
    Lost { message: String },
}

fn begin(generation: i64, now: Timestamp) -> IntegrationStatus {
    IntegrationStatus {
        generation,
        step: IntegrationStep::Preparing,
        outcome: None,
        message: "the dependencies are starting".to_owned(),
        job_uid: None,
        totals: None,
        failures: Vec::new(),
        times: Vec::new(),
        result: None,
        since: now,
    }
}

fn change<'a>(status: &IntegrationStatus, facts: &'a RunFacts, now: Timestamp) -> Option<Change<'a>> {
    if status.step == IntegrationStep::Finished {
        return None;
    }
    if let Some(delivery) = &facts.delivery {
        return Some(untold(status, facts).unwrap_or(Change::Delivered(delivery)));
    }
    if let Some(reason) = facts.ended {
        return Some(Change::Lost {
            message: format!("the environment {} before the run was over", ending(reason)),
        });
    }
    match status.step {
        IntegrationStep::Preparing => prepared(status, facts, now),
        IntegrationStep::Starting => facts.job.as_ref().map(|job| Change::Started { uid: &job.uid }),
        IntegrationStep::Running => lost(status, facts, now),
        IntegrationStep::Finished => None,
    }
}

/// What came before the result while nobody looked: that the Job ran belongs into the record all the same.
fn untold<'a>(status: &IntegrationStatus, facts: &'a RunFacts) -> Option<Change<'a>> {
    let job = facts.job.as_ref()?;
    match status.step {
        IntegrationStep::Preparing => Some(Change::Ready),
        IntegrationStep::Starting => Some(Change::Started { uid: &job.uid }),
        IntegrationStep::Running | IntegrationStep::Finished => None,
    }
}

fn ending(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Expired => "reached its ttl",
        EndReason::Stopped => "was stopped",
        EndReason::Finished => "ended",
    }
}

fn prepared<'a>(status: &IntegrationStatus, facts: &RunFacts, now: Timestamp) -> Option<Change<'a>> {
    // A Job of this generation says that the run began before and its record was lost: it must not begin again.
    let Some(not_ready) = facts.not_ready.as_ref().filter(|_| facts.job.is_none()) else {
        return Some(Change::Ready);
    };
    let limit = facts.limits.ready_timeout;
    let within = if limit.is_zero() {
        "cannot get ready".to_owned()
    } else {
        format!("was not ready within {limit:#}")
    };
    let message = format!("{} {within}: {}", not_ready.service, not_ready.message);
    (now >= after(status.since, limit))
        .then(|| Change::NeverReady { service: not_ready.service.clone(), message })
}

fn lost<'a>(status: &IntegrationStatus, facts: &RunFacts, now: Timestamp) -> Option<Change<'a>> {
    let Some(job) = own_job(status, facts) else {
        let message = "the Job disappeared before it delivered a result: ask for another run".to_owned();
        return Some(Change::Lost { message });
    };
    let message = if let Some(end) = &job.end {
        let said = job.trouble.as_ref().unwrap_or(&end.message);
        format!("the Job ended without delivering a result: {said}")
    } else {
        let trouble = job.trouble.as_deref().unwrap_or("its pod does not run yet");
        format!("the tests did not start within {:#}: {trouble}", start_limit(facts))
    };
    (now >= patience(status, job, facts)?).then_some(Change::Lost { message })
}

fn own_job<'a>(status: &IntegrationStatus, facts: &'a RunFacts) -> Option<&'a JobFacts> {
    facts.job.as_ref().filter(|job| status.job_uid.as_deref() == Some(job.uid.as_str()))
}

/// When a running Job that shows no sign of life counts as lost; never while its tests run.
fn patience(status: &IntegrationStatus, job: &JobFacts, facts: &RunFacts) -> Option<Timestamp> {
    match &job.end {
        Some(end) => Some(after(end.at, facts.limits.delivery_grace)),
        None => (!job.started).then(|| after(status.since, start_limit(facts))),
    }
}

/// A run that nothing could make ready has no limit of its own, see [`Limits`](super::Limits); its pod has.
fn start_limit(facts: &RunFacts) -> SignedDuration {
    facts.limits.ready_timeout.max(facts.limits.delivery_grace)
}

fn again_at(status: &IntegrationStatus, facts: &RunFacts) -> Option<Timestamp> {
    match status.step {
        IntegrationStep::Preparing => Some(after(status.since, facts.limits.ready_timeout)),
        IntegrationStep::Running => patience(status, own_job(status, facts)?, facts),
        IntegrationStep::Starting | IntegrationStep::Finished => None,
    }
}

fn after(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

fn enter(mut status: IntegrationStatus, change: Change<'_>, now: Timestamp) -> IntegrationStatus {
    let seconds = now.duration_since(status.since).as_secs().max(0);
    status.times.push(StepTime { step: status.step, seconds });
    status.since = now;
    match change {
        Change::Ready => {
            status.step = IntegrationStep::Starting;
            "everything is ready, the Job is being made".clone_into(&mut status.message);
            status
        }
        Change::Started { uid } => {
            status.step = IntegrationStep::Running;
            status.job_uid = Some(uid.to_owned());
            "the tests run".clone_into(&mut status.message);
            status
        }
        Change::Delivered(delivery) => finish_with(status, delivery),
        Change::NeverReady { message, .. } | Change::Lost { message } => IntegrationStatus {
            step: IntegrationStep::Finished,
            outcome: Some(Outcome::Error),
            message,
            ..status
        },
    }
}

fn finish_with(status: IntegrationStatus, delivery: &Delivery) -> IntegrationStatus {
    IntegrationStatus {
        step: IntegrationStep::Finished,
        outcome: Some(delivery.outcome()),
        message: delivery.message.clone(),
        totals: delivery.totals,
        failures: delivery.failures.clone(),
        result: Some(delivery.result.clone()),
        ..status
    }
}
