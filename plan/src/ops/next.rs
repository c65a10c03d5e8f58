//! From facts to the default of the ops repository.

use jiff::Timestamp;
use slipway_crds::v1alpha1::{
    BuildInputs, BuildOutcome, OpsCandidate, OpsTrial, ServiceBuildStatus, TrialPhase,
};

use super::{OpsFacts, OpsState, Seen, Subject, Wanted};
use crate::build::inputs;
use crate::environment::resolve::short;
use crate::service_name::ServiceName;

/// Why the first commit is taken as it is.
const FIRST: &str = "it was the first: there was no older one to keep, so it was not tried";
/// Why a commit is taken that nothing is built with.
const NOTHING_BUILT: &str = "no service is built that it could be tried with";

/// Where the default stands now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Next {
    /// What is recorded, before anything is asked for.
    pub state: OpsState,
    /// Builds that are asked for then.
    pub ask: Vec<Wanted>,
}

/// The commit that is tried, if any: the trunk's, or while it cannot be read the one that was seen last.
pub fn target<'a>(state: &'a OpsState, head: Option<&'a str>) -> Option<&'a str> {
    let accepted = state.accepted.as_deref()?;
    let seen = state.candidate.as_ref().map(|candidate| candidate.commit.as_str());
    head.or(seen).filter(|commit| *commit != accepted)
}

/// Where the default stands now. It moves to the newest commit when every service was built with it, and only then; the
/// first commit ever is taken as it is.
pub fn next(previous: &OpsState, facts: &OpsFacts, now: Timestamp) -> Next {
    let head = facts.head.as_deref();
    if let (None, Some(head)) = (&previous.accepted, head) {
        return accept(head, FIRST.to_owned());
    }
    let Some(commit) = target(previous, head) else {
        let state = OpsState { candidate: None, ..previous.clone() };
        return Next { state, ask: Vec::new() };
    };
    let before = previous.candidate.as_ref().filter(|before| before.commit == commit);
    let trials: Vec<OpsTrial> = facts
        .services
        .iter()
        .map(|(service, subject)| {
            let recorded = before
                .and_then(|before| before.trials.iter().find(|trial| trial.service == service.as_str()));
            let accepted = previous.accepted.as_deref();
            Look { service, subject, recorded, facts, accepted, target: commit }.trial()
        })
        .collect();
    if trials.iter().all(|trial| matches!(trial.phase, TrialPhase::Passed | TrialPhase::LeftOut)) {
        return accept(commit, why(&trials));
    }
    let ask = trials.iter().filter_map(|trial| wanted(trial, commit, &facts.builds)).collect();
    let since = before.map_or(now, |before| before.since);
    let candidate = Some(OpsCandidate { commit: commit.to_owned(), since, trials });
    Next { state: OpsState { candidate, ..previous.clone() }, ask }
}

fn accept(commit: &str, why: String) -> Next {
    let state = OpsState { accepted: Some(commit.to_owned()), why: Some(why), candidate: None };
    Next { state, ask: Vec::new() }
}

fn why(trials: &[OpsTrial]) -> String {
    let names = |phase: TrialPhase| {
        let of = trials.iter().filter(|trial| trial.phase == phase);
        of.map(|trial| trial.service.as_str()).collect::<Vec<_>>().join(", ")
    };
    match (names(TrialPhase::Passed), names(TrialPhase::LeftOut)) {
        (passed, left) if passed.is_empty() && left.is_empty() => NOTHING_BUILT.to_owned(),
        (passed, left) if left.is_empty() => format!("built with it: {passed}"),
        (passed, left) if passed.is_empty() => format!("left out, they cannot be built anyway: {left}"),
        (passed, left) => format!("built with it: {passed}; left out, they cannot be built anyway: {left}"),
    }
}

fn wanted(trial: &OpsTrial, ops_commit: &str, builds: &[Seen]) -> Option<Wanted> {
    let (build, commit) = (trial.build.clone()?, trial.commit.clone()?);
    let is_there = builds.iter().any(|seen| seen.name == build);
    let is_wanted = trial.phase == TrialPhase::Waiting && !is_there;
    let (service, ops_commit) = (trial.service.clone(), ops_commit.to_owned());
    is_wanted.then_some(Wanted { build, service, commit, ops_commit })
}

struct Look<'a> {
    service: &'a ServiceName,
    subject: &'a Subject,
    recorded: Option<&'a OpsTrial>,
    facts: &'a OpsFacts,
    accepted: Option<&'a str>,
    target: &'a str,
}

impl Look<'_> {
    /// What has begun goes on although the service moves; what failed is judged again: a newer commit of the service may
    /// mend it. A build that a person deleted is asked for again.
    fn trial(&self) -> OpsTrial {
        if let Some(passed) = self.recorded.filter(|recorded| recorded.phase == TrialPhase::Passed) {
            return passed.clone();
        }
        let known =
            self.recorded.and_then(|recorded| Some((recorded.commit.as_ref()?, recorded.build.as_ref()?)));
        let begun = known.and_then(|(commit, build)| self.seen(commit, build));
        match (begun, self.subject) {
            (Some(begun), Subject::Unknown(_)) => begun,
            (Some(begun), _) if begun.phase != TrialPhase::Failed => begun,
            (_, Subject::At(commit)) => self.at_trunk(commit),
            (None, Subject::Unknown(why)) => self.without_build(TrialPhase::Waiting, why),
            (_, Subject::Unfit(why)) => self.stand_in(why),
        }
    }

    fn at_trunk(&self, commit: &str) -> OpsTrial {
        let trial = self.at(commit);
        match self.fails_anyway(commit).filter(|_| trial.phase == TrialPhase::Failed) {
            Some(other) => {
                self.stand_in(&format!("it fails with the older ops commit, too: see build {other}"))
            }
            None => trial,
        }
    }

    /// A trunk that cannot be built anyway proves nothing: the commit is tried that was built last with the default.
    fn stand_in(&self, why: &str) -> OpsTrial {
        let good = self.with_default(BuildOutcome::Succeeded).max_by_key(|(seen, _)| (seen.made, &seen.name));
        match good {
            Some((_, commit)) => self.at(commit),
            None => self.without_build(TrialPhase::LeftOut, why),
        }
    }

    fn at(&self, commit: &str) -> OpsTrial {
        let base = match &self.facts.base {
            Ok(base) => base.clone(),
            Err(why) => return self.without_build(TrialPhase::Waiting, why),
        };
        let inputs = BuildInputs { commit: commit.to_owned(), ops_commit: self.target.to_owned(), base };
        let build = inputs::name(self.service, &inputs);
        self.seen(commit, &build).unwrap_or_else(|| {
            let message = "its build is asked for".to_owned();
            self.of(Some((commit, &build)), TrialPhase::Waiting, message)
        })
    }

    fn seen(&self, commit: &str, build: &str) -> Option<OpsTrial> {
        let status = &self.facts.builds.iter().find(|seen| seen.name == build)?.status;
        let (phase, message) = match status.outcome {
            None => (TrialPhase::Building, status.message.clone()),
            Some(BuildOutcome::Succeeded) => (TrialPhase::Passed, String::new()),
            Some(BuildOutcome::Error) => (TrialPhase::Error, status.message.clone()),
            Some(BuildOutcome::Cancelled) => {
                let message = format!("{}: delete build {build} to try it again", status.message);
                (TrialPhase::Failed, message)
            }
            Some(BuildOutcome::Failed) => (TrialPhase::Failed, failure(status)),
        };
        Some(self.of(Some((commit, build)), phase, message))
    }

    /// The build of the same commit of the service with the present default, when it failed, too.
    fn fails_anyway(&self, commit: &str) -> Option<&str> {
        let mut failed = self.with_default(BuildOutcome::Failed);
        failed.find(|(_, built)| *built == commit).map(|(seen, _)| seen.name.as_str())
    }

    /// The builds of the service with the present default that ended so, and their commits.
    fn with_default(&self, outcome: BuildOutcome) -> impl Iterator<Item = (&Seen, &str)> {
        let mine = self.facts.builds.iter().filter(move |seen| {
            seen.service == self.service.as_str() && seen.status.outcome == Some(outcome)
        });
        mine.filter_map(|seen| {
            let inputs = seen.status.inputs.as_ref()?;
            (Some(inputs.ops_commit.as_str()) == self.accepted).then_some((seen, inputs.commit.as_str()))
        })
    }

    fn without_build(&self, phase: TrialPhase, why: &str) -> OpsTrial {
        self.of(None, phase, why.to_owned())
    }

    fn of(&self, of: Option<(&str, &str)>, phase: TrialPhase, message: String) -> OpsTrial {
        let (commit, build) = of.unzip();
        OpsTrial {
            service: self.service.to_string(),
            commit: commit.map(str::to_owned),
            build: build.map(str::to_owned),
            phase,
            message,
        }
    }
}

/// The first state that failed, or else what the build said.
fn failure(status: &ServiceBuildStatus) -> String {
    let failed = status.provisioned.iter().flat_map(|provisioned| &provisioned.failed).next();
    match failed {
        Some(state) => format!("state `{}` failed: {}", state.id, state.comment),
        None => status.message.clone(),
    }
}

/// A commit in few digits, for messages.
pub(super) fn named(commit: Option<&str>) -> &str {
    commit.map_or("none", short)
}
