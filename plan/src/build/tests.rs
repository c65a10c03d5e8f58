//! Builds as stories, and what holds for all of them.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use slipway_crds::reasons;
use slipway_crds::v1alpha1::{
    BlockedBy, BuildInputs, BuildOutcome, BuildStage, BuildStep, BuildTime, Outcome, ServiceBuildStatus,
    UnitStatus,
};

use super::{Act, BuildFacts, Limits, Next, Pushed, Report, Unit, UnitTests, next};
use crate::environment::resolve::FoundDigest;
use crate::integration::{JobEnd, JobFacts};

const CANDIDATE: &str = "registry/www@sha256:abc";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn inputs() -> BuildInputs {
    BuildInputs { commit: "c".to_owned(), ops_commit: "o".to_owned(), base: "b".to_owned() }
}

fn facts() -> BuildFacts {
    BuildFacts {
        inputs: Ok(inputs()),
        namespace: "build-fleet".to_owned(),
        why: "it is the first build of the service".to_owned(),
        parent: None,
        assets_from: None,
        good: FoundDigest::Missing,
        candidate: FoundDigest::Missing,
        failed: FoundDigest::Missing,
        ahead: 0,
        twin: None,
        concurrency: 1,
        job: None,
        report: None,
        unit: UnitTests::Declared(Unit::default()),
        cancelled: None,
        limits: Limits {
            build: SignedDuration::from_mins(30),
            unit: SignedDuration::from_mins(10),
            delivery_grace: SignedDuration::from_secs(30),
        },
    }
}

fn job(uid: &str) -> JobFacts {
    JobFacts { uid: uid.to_owned(), started: true, trouble: None, end: None }
}

fn image(name: &str) -> FoundDigest {
    FoundDigest::Image(name.to_owned())
}

fn pushed(digest: &str) -> Report {
    Report { pushed: Some(Pushed { digest: digest.to_owned() }), ..Report::default() }
}

fn unit(outcome: Outcome) -> UnitTests {
    let (message, failures) = ("so it is".to_owned(), Vec::new());
    let status = UnitStatus { outcome, message, totals: None, failures, run: None };
    UnitTests::Declared(Unit { job: Some(job("unit")), status: Some(status) })
}

/// The world as it comes to be when everything that a build does works.
fn world(done: &mut Vec<Act>, act: Act, outcome: Outcome) -> BuildFacts {
    if act != Act::Wait && done.last() != Some(&act) {
        done.push(act);
    }
    let mut facts = facts();
    if done.contains(&Act::MakeJob) {
        (facts.job, facts.report, facts.candidate) =
            (Some(job("build")), Some(pushed("sha256:abc")), image(CANDIDATE));
    }
    if done.contains(&Act::MakeUnitJob) {
        facts.unit = unit(outcome);
    }
    if done.contains(&Act::NameGood) {
        facts.good = image(CANDIDATE);
    }
    if done.contains(&Act::NameFailed) {
        facts.failed = image(CANDIDATE);
    }
    facts
}

/// Runs a build to its end; a write that the operator is killed before is done at the next look.
fn run(outcome: Outcome, killed: &[bool]) -> (ServiceBuildStatus, Vec<Act>) {
    let (mut status, mut done, mut act) = (ServiceBuildStatus::default(), Vec::new(), Act::Wait);
    for second in 0..40 {
        let looked = next(&status, &world(&mut done, act, outcome), at(second));
        let is_killed = killed.get(usize::try_from(second).unwrap()).copied().unwrap_or(false);
        (status, act) = if is_killed { (looked.status, Act::Wait) } else { (looked.status, looked.act) };
    }
    (status, done)
}

fn after(step: BuildStep) -> ServiceBuildStatus {
    let uid = |from: BuildStep, uid: &str| (step > from).then(|| uid.to_owned());
    ServiceBuildStatus {
        step,
        inputs: Some(inputs()),
        job_uid: uid(BuildStep::Starting, "build"),
        unit_job_uid: uid(BuildStep::Building, "unit"),
        since: Some(at(0)),
        ..ServiceBuildStatus::default()
    }
}

fn ended(looked: &Next) -> (Option<BuildOutcome>, &str) {
    (looked.status.outcome, looked.status.message.as_str())
}

#[test]
fn a_build_whose_pod_is_done_does_not_say_that_it_starts() {
    let says = |times: Vec<BuildTime>| {
        let report = Report { times, ..pushed("sha256:abc") };
        let facts = BuildFacts { job: Some(job("build")), report: Some(report), ..facts() };
        next(&after(BuildStep::Building), &facts, at(1)).status.message
    };
    assert_eq!(says(Vec::new()), "its pod starts");
    let done = BuildTime { name: "Push".to_owned(), seconds: 1 };
    assert_eq!(says(vec![done]), "the registry is asked for its image");
}

#[test]
fn a_build_is_made_pushed_tested_and_named() {
    let (status, done) = run(Outcome::Passed, &[]);
    assert_eq!(done, [Act::MakeJob, Act::MakeUnitJob, Act::NameGood]);
    assert_eq!((status.outcome, status.image.as_deref()), (Some(BuildOutcome::Succeeded), Some(CANDIDATE)));
    assert_eq!(status.message, "the unit tests passed: so it is");
    // The result is there as soon as the Job is; the Job is recorded all the same.
    assert_eq!(status.unit_job_uid.as_deref(), Some("unit"));
    let steps: Vec<&str> = status.times.iter().map(|time| time.name.as_str()).collect();
    assert_eq!(steps, ["Waiting", "Queued", "Starting", "Building", "Testing", "Naming"]);
}

#[test]
fn an_image_whose_unit_tests_fail_never_gets_its_good_name() {
    let (status, done) = run(Outcome::Failed, &[]);
    assert_eq!(done, [Act::MakeJob, Act::MakeUnitJob, Act::NameFailed]);
    assert_eq!((status.outcome, status.image.as_deref()), (Some(BuildOutcome::Failed), Some(CANDIDATE)));
}

#[test]
fn what_exists_is_not_built() {
    let looked = next(&ServiceBuildStatus::default(), &BuildFacts { good: image("www@1"), ..facts() }, at(0));
    assert_eq!(ended(&looked), (Some(BuildOutcome::Succeeded), "the image was there already"));
    assert_eq!((looked.status.image.as_deref(), looked.act), (Some("www@1"), Act::Wait));
}

#[test]
fn nothing_is_built_while_the_registry_does_not_answer() {
    let silent = BuildFacts { good: FoundDigest::Unknown("it is down".to_owned()), ..facts() };
    let looked = next(&ServiceBuildStatus::default(), &silent, at(0));
    assert_eq!((looked.status.step, looked.act), (BuildStep::Queued, Act::Wait));
    assert_eq!(looked.status.blocked_by[0].reason, reasons::REGISTRY_FAILED);
}

#[test]
fn it_waits_for_its_turn_and_says_how_many_are_before() {
    let looked = next(&ServiceBuildStatus::default(), &BuildFacts { ahead: 3, ..facts() }, at(0));
    assert_eq!((looked.status.step, looked.status.ahead), (BuildStep::Queued, Some(3)));
    assert_eq!(looked.status.message, "3 builds are before it");
}

#[test]
fn the_same_image_is_made_once_and_the_other_build_is_waited_for() {
    let twin = BuildFacts { twin: Some("www-1".to_owned()), concurrency: 9, ..facts() };
    let looked = next(&ServiceBuildStatus::default(), &twin, at(0));
    assert_eq!((looked.status.step, looked.act), (BuildStep::Queued, Act::Wait));
    assert_eq!(looked.status.message, "build www-1 makes the same image: it is waited for");
    let made = next(&looked.status, &BuildFacts { good: image("www@1"), ..twin }, at(1));
    assert_eq!(ended(&made), (Some(BuildOutcome::Succeeded), "the image was there already"));
}

#[test]
fn a_pod_that_cannot_start_is_told() {
    let pod = JobFacts { trouble: Some("container build: ImagePullBackOff".to_owned()), ..job("build") };
    let looked = next(&after(BuildStep::Building), &BuildFacts { job: Some(pod), ..facts() }, at(1));
    assert_eq!(looked.status.blocked_by[0].reason, reasons::POD_NOT_READY);
    assert_eq!(looked.status.message, "container build: ImagePullBackOff");
}

#[test]
fn stages_are_added_to_the_times_once() {
    let times = vec![slipway_crds::v1alpha1::BuildTime { name: "Fetch".to_owned(), seconds: 3 }];
    let report = Report { times, ..Report::default() };
    let told = BuildFacts { job: Some(job("build")), report: Some(report), ..facts() };
    let once = next(&after(BuildStep::Building), &told, at(1)).status;
    let twice = next(&once, &told, at(2)).status;
    assert_eq!(twice.times.iter().filter(|time| time.name == "Fetch").count(), 1);
}

#[test]
fn what_it_is_made_of_holds_when_a_branch_moves() {
    let first = next(&ServiceBuildStatus::default(), &BuildFacts { ahead: 1, ..facts() }, at(0)).status;
    let moved = BuildInputs { commit: "moved".to_owned(), ..inputs() };
    let then = next(&first, &BuildFacts { inputs: Ok(moved), ahead: 1, ..facts() }, at(1)).status;
    assert_eq!(then.inputs, Some(inputs()));
}

#[test]
fn what_is_missing_is_said() {
    let blocked = BlockedBy {
        what: "commit fix".to_owned(),
        reason: reasons::REFERENCE_NOT_FOUND.to_owned(),
        message: "there is no fix".to_owned(),
        since: at(9),
        until: None,
        override_by: None,
    };
    let looked = next(&ServiceBuildStatus::default(), &BuildFacts { inputs: Err(blocked), ..facts() }, at(0));
    assert_eq!((looked.status.step, looked.status.message.as_str()), (BuildStep::Waiting, "there is no fix"));
    assert_eq!(looked.status.blocked_by[0].since, at(0));
}

#[test]
fn a_state_that_fails_is_the_commits_fault_and_a_lost_pod_is_not() {
    let report = |failed: Option<&str>, error: Option<&str>| {
        let (failed, error) = (failed.map(str::to_owned), error.map(str::to_owned));
        BuildFacts {
            job: Some(job("build")),
            report: Some(Report { failed, error, ..Report::default() }),
            ..facts()
        }
    };
    let looked = next(&after(BuildStep::Building), &report(Some("nginx: not found"), None), at(1));
    assert_eq!(ended(&looked), (Some(BuildOutcome::Failed), "nginx: not found"));
    let looked = next(&after(BuildStep::Building), &report(None, Some("the disk is full")), at(1));
    assert_eq!(ended(&looked), (Some(BuildOutcome::Error), "the disk is full"));
    let looked = next(&after(BuildStep::Building), &facts(), at(1));
    assert_eq!(ended(&looked).0, Some(BuildOutcome::Error));
}

#[test]
fn the_registry_decides_what_was_pushed() {
    let liar = BuildFacts {
        job: Some(job("build")),
        report: Some(pushed("sha256:other")),
        candidate: image(CANDIDATE),
        ..facts()
    };
    let looked = next(&after(BuildStep::Building), &liar, at(1));
    assert_eq!(looked.status.outcome, Some(BuildOutcome::Error));
    let unseen = BuildFacts { job: Some(job("build")), report: Some(pushed("sha256:abc")), ..facts() };
    assert_eq!(next(&after(BuildStep::Building), &unseen, at(1)).status.step, BuildStep::Building);
}

#[test]
fn a_build_that_hangs_ends_and_names_its_stage() {
    let report = Report { stage: Some(BuildStage::Provision), ..Report::default() };
    let hangs = BuildFacts { job: Some(job("build")), report: Some(report), ..facts() };
    let looked = next(&after(BuildStep::Building), &hangs, at(1));
    assert_eq!((looked.status.step, looked.again_at), (BuildStep::Building, Some(at(1_800))));
    let looked = next(&after(BuildStep::Building), &hangs, at(1_800));
    assert_eq!(ended(&looked), (Some(BuildOutcome::Error), "not built within 30m: it was in Provision"));
}

#[test]
fn a_job_that_ended_gets_a_grace_for_what_it_said() {
    let end = Some(JobEnd { at: at(10), message: "deadline".to_owned() });
    let ended_job = Some(JobFacts { end, ..job("build") });
    let silent = BuildFacts { job: ended_job, ..facts() };
    assert_eq!(next(&after(BuildStep::Building), &silent, at(39)).status.step, BuildStep::Building);
    let looked = next(&after(BuildStep::Building), &silent, at(40));
    assert_eq!(
        ended(&looked),
        (Some(BuildOutcome::Error), "the Job of the build ended and said nothing: deadline")
    );
}

#[test]
fn without_unit_tests_it_is_named_at_once() {
    let built = BuildFacts {
        job: Some(job("build")),
        report: Some(pushed("sha256:abc")),
        candidate: image(CANDIDATE),
        unit: UnitTests::None,
        ..facts()
    };
    let looked = next(&after(BuildStep::Building), &built, at(1));
    assert_eq!((looked.status.step, looked.act), (BuildStep::Naming, Act::NameGood));
}

#[test]
fn a_commit_that_is_lost_on_the_way_is_waited_for_but_not_for_ever() {
    let BuildFacts { limits: Limits { build, .. }, .. } = facts();
    let lost = BlockedBy {
        what: "service www".to_owned(),
        reason: reasons::REFERENCE_NOT_FOUND.to_owned(),
        message: "there is no commit c any more".to_owned(),
        since: at(0),
        until: None,
        override_by: None,
    };
    let made = BuildFacts {
        job: Some(job("build")),
        candidate: image(CANDIDATE),
        report: Some(pushed("sha256:abc")),
        ..facts()
    };
    for (step, known) in
        [(BuildStep::Starting, facts()), (BuildStep::Building, made.clone()), (BuildStep::Testing, made)]
    {
        let lost = BuildFacts { unit: UnitTests::Unknown(lost.clone()), ..known };
        let looked = next(&after(step), &lost, at(1));
        assert_eq!((looked.status.step, looked.again_at), (step, Some(at(build.as_secs()))), "{step:?}");
        assert_eq!(looked.status.blocked_by[0].until, Some(at(build.as_secs())), "{step:?}");
        let looked = next(&looked.status, &lost, at(build.as_secs()));
        assert_eq!(ended(&looked), (Some(BuildOutcome::Error), "there is no commit c any more"), "{step:?}");
    }
}

#[test]
fn a_build_nobody_needs_is_cancelled_until_it_is_named() {
    let cancelled = BuildFacts { cancelled: Some("a newer commit is built".to_owned()), ..facts() };
    for step in [BuildStep::Waiting, BuildStep::Queued, BuildStep::Building, BuildStep::Testing] {
        let looked = next(&after(step), &cancelled, at(1));
        assert_eq!(ended(&looked), (Some(BuildOutcome::Cancelled), "a newer commit is built"), "{step:?}");
    }
    let looked =
        next(&after(BuildStep::Naming), &BuildFacts { candidate: image(CANDIDATE), ..cancelled }, at(1));
    assert_eq!(looked.act, Act::NameGood);
}

proptest! {
    #[test]
    fn however_often_it_is_killed_it_ends_the_same_and_does_nothing_twice(killed in proptest::collection::vec(any::<bool>(), 0..20)) {
        let (calm, (status, done)) = (run(Outcome::Passed, &[]), run(Outcome::Passed, &killed));
        prop_assert_eq!((status.outcome, status.image), (calm.0.outcome, calm.0.image));
        prop_assert_eq!((status.job_uid, status.unit_job_uid), (calm.0.job_uid, calm.0.unit_job_uid));
        prop_assert_eq!(done, calm.1);
    }

    #[test]
    fn a_look_at_the_same_facts_changes_nothing(step in 0_usize..6, second in 0_i64..100) {
        let steps = [BuildStep::Waiting, BuildStep::Queued, BuildStep::Starting, BuildStep::Building, BuildStep::Testing, BuildStep::Naming];
        let once = next(&after(steps[step]), &facts(), at(second));
        prop_assert_eq!(&next(&once.status, &facts(), at(second)), &once);
        prop_assert!(once.status.step >= steps[step]);
    }
}
