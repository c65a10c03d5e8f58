//! Watches an environment until it is ready, or until nobody needs to wait any longer.

use jiff::SignedDuration;
use kube::ResourceExt as _;
use slipway_crds::names;
use slipway_crds::v1alpha1::DevEnvironment;

use crate::connect::Session;
use crate::environment::{self, State};
use crate::exit::Exit;
use crate::follow::{self, Event, Follower};
use crate::output::Output;
use crate::output::checklist::{Checklist, checklist};
use crate::output::progress::{Progress, Silence};

/// How the waiting ended.
pub enum Waited {
    /// It is as wanted.
    Arrived(Box<DevEnvironment>),
    /// Only a person can mend it, or it ended.
    Stuck(String),
    /// The time is up; what it waits for.
    TimedOut(String),
    /// Ctrl-C.
    Interrupted,
}

impl Waited {
    /// Tells how the waiting ended that did not end well; `doing` is what the environment goes on with.
    pub fn told(self, name: &str, doing: &str, program: &str, output: &mut Output) -> anyhow::Result<Exit> {
        match self {
            Self::Arrived(_) => Ok(Exit::Done),
            Self::Stuck(message) => anyhow::bail!(
                "{name} does not get ready: {message}\n  look closer: {program} status {name}; {program} logs -e {name}"
            ),
            Self::TimedOut(message) => anyhow::bail!(
                "{name} is not ready in time: {message}\n  it goes on {doing}: {program} status {name} --watch"
            ),
            Self::Interrupted => {
                output.say(&format!(
                    "no longer watched; {name} goes on {doing}: {program} status {name} --watch"
                ));
                Ok(Exit::Interrupted)
            }
        }
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug)]
pub enum Goal<'a> {
    /// The whole environment is ready.
    Everything,
    /// These services are ready, whatever becomes of the others.
    Services(&'a [String]),
}

impl Goal<'_> {
    fn is_reached(self, environment: &DevEnvironment) -> bool {
        match self {
            Self::Everything => environment::state(environment) == State::Ready,
            Self::Services(services) => {
                let lock = environment::status(environment).lock;
                let is_ready =
                    |service: &String| lock.iter().any(|locked| locked.service == *service && locked.ready);
                services.iter().all(is_ready)
            }
        }
    }

    /// What is shown of the check-list.
    fn part_of(self, mut checklist: Checklist) -> Checklist {
        if let Self::Services(services) = self {
            checklist.rows.retain(|row| services.contains(&row.service));
        }
        checklist
    }
}

/// Shows how it comes up, until it is as wanted.
pub async fn until(
    session: &Session,
    environment: &DevEnvironment,
    timeout: Option<SignedDuration>,
    goal: Goal<'_>,
    output: &mut Output,
) -> anyhow::Result<Waited> {
    let mut progress = Progress::new(output);
    let watched = watch(session, environment, timeout, goal, &mut progress, output).await;
    progress.finish(output);
    watched
}

async fn watch(
    session: &Session,
    environment: &DevEnvironment,
    timeout: Option<SignedDuration>,
    goal: Goal<'_>,
    progress: &mut Progress,
    output: &mut Output,
) -> anyhow::Result<Waited> {
    let mut seen = environment.clone();
    let mut follower = Follower::new(session, &seen.name_any());
    let mut silence = Silence::default();
    let deadline = follow::deadline(timeout);
    tokio::pin!(deadline);
    loop {
        let event = tokio::select! {
            event = follower.next() => event,
            () = &mut deadline => return Ok(Waited::TimedOut(environment::message(&seen))),
            interrupted = tokio::signal::ctrl_c() => return interrupted.map(|()| Waited::Interrupted).map_err(Into::into),
        };
        match event {
            Event::Changed(changed) => seen = *changed,
            Event::Gone => return Ok(Waited::Stuck("somebody deleted it".to_owned())),
            Event::Lost(error) => progress.say(output, &format!("no connection, trying again: {error}")),
            Event::Second => silence.tell(is_answered(&seen), progress, output),
            Event::Pods => {}
        }
        if is_answered(&seen) {
            progress.update(output, goal.part_of(checklist(&seen, &follower.pods())));
            if let Some(end) = end(&seen, goal) {
                return Ok(end);
            }
        }
    }
}

/// Whether the operator has looked at it since it was last asked to.
fn is_answered(environment: &DevEnvironment) -> bool {
    let status = environment::status(environment);
    let asked = environment.annotations().get(names::REQUESTED_AT);
    status.observed_generation == environment.metadata.generation
        && status.last_handled_reconcile_at.as_ref() == asked
}

/// Whether an environment that the operator has looked at needs no more waiting.
fn end(environment: &DevEnvironment, goal: Goal<'_>) -> Option<Waited> {
    match environment::state(environment) {
        _ if goal.is_reached(environment) => Some(Waited::Arrived(Box::new(environment.clone()))),
        State::Stalled | State::Ended(_) | State::Deleting | State::Stopping => {
            Some(Waited::Stuck(environment::message(environment)))
        }
        State::Ready | State::Starting | State::New => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn environment(status: &Value) -> DevEnvironment {
        let metadata =
            json!({"name": "demo", "generation": 2, "annotations": {"slipway.dev/requestedAt": "t2"}});
        serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment",
            "metadata": metadata, "spec": {"services": ["www"]}, "status": status}))
        .unwrap()
    }

    fn condition(type_: &str, status: &str) -> Value {
        json!({"type": type_, "status": status, "reason": "R", "message": "the message",
            "lastTransitionTime": "2026-11-22T10:00:00Z"})
    }

    #[test]
    fn what_was_true_before_the_question_is_no_answer() {
        let answered = |generation: i64, handled: &str| {
            is_answered(&environment(
                &json!({"observedGeneration": generation, "lastHandledReconcileAt": handled}),
            ))
        };
        assert!(answered(2, "t2"));
        assert!(!answered(1, "t2"), "an older spec");
        assert!(!answered(2, "t1"), "an older question");
        assert!(!is_answered(&environment(&json!({}))));
    }

    #[test]
    fn waiting_ends_with_ready_and_where_only_a_person_helps() {
        let ended =
            |conditions: Value| end(&environment(&json!({"conditions": conditions})), Goal::Everything);
        assert!(matches!(ended(json!([condition("Ready", "True")])), Some(Waited::Arrived(_))));
        assert!(ended(json!([condition("Ready", "False"), condition("Reconciling", "True")])).is_none());
        let stalled = ended(json!([condition("Ready", "False"), condition("Stalled", "True")]));
        assert!(matches!(stalled, Some(Waited::Stuck(message)) if message == "the message"));
    }

    #[test]
    fn services_that_are_named_are_all_that_counts() {
        let lock = json!([{"service": "www", "why": "w", "ready": true}, {"service": "api", "why": "w", "ready": false}]);
        let environment = environment(&json!({"lock": lock}));
        let names = |services: &[&str]| services.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let reached = |services: &[&str]| Goal::Services(&names(services)).is_reached(&environment);
        assert!(reached(&["www"]));
        assert!(!reached(&["www", "api"]) && !reached(&["eta"]));
        assert!(!Goal::Everything.is_reached(&environment));
        let shown =
            Goal::Services(&names(&["api"])).part_of(checklist(&environment, &crate::follow::Pods::new()));
        assert_eq!(shown.rows.iter().map(|row| row.service.as_str()).collect::<Vec<_>>(), ["api"]);
    }
}
