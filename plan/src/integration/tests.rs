//! Every transition of a run, and what holds whatever is observed in whichever order.

use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use slipway_crds::v1alpha1::{
    EndReason, IntegrationStatus, IntegrationStep, Outcome, TestFailure, TestTotals,
};

use super::*;
use IntegrationStep::{Finished, Preparing, Running, Starting};

const READY_TIMEOUT: i64 = 600;
const GRACE: i64 = 30;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn facts() -> RunFacts {
    RunFacts {
        generation: 1,
        not_ready: None,
        job: None,
        delivery: None,
        ended: None,
        limits: Limits {
            ready_timeout: SignedDuration::from_secs(READY_TIMEOUT),
            delivery_grace: SignedDuration::from_secs(GRACE),
        },
    }
}

fn waiting() -> RunFacts {
    let not_ready =
        NotReady { service: "api".to_owned(), message: "container api ended with code 3".to_owned() };
    RunFacts { not_ready: Some(not_ready), ..facts() }
}

fn job(started: bool, end: Option<i64>) -> JobFacts {
    let end = end.map(|second| JobEnd { at: at(second), message: "backoff limit".to_owned() });
    JobFacts { uid: "job-uid".to_owned(), started, trouble: None, end }
}

fn with_job(started: bool, end: Option<i64>) -> RunFacts {
    RunFacts { job: Some(job(started, end)), ..facts() }
}

fn delivery(exit_code: i32) -> Delivery {
    Delivery {
        exit_code: Some(exit_code),
        error: None,
        totals: Some(TestTotals { tests: 3, failures: 1, errors: 0, skipped: 0 }),
        failures: vec![TestFailure { name: "pays".to_owned(), message: "no money".to_owned() }],
        message: format!("the command ended with code {exit_code}"),
        result: "ci-run-1".to_owned(),
    }
}

fn at_step(facts: &[(RunFacts, i64)]) -> IntegrationStatus {
    let mut status = None;
    for (facts, second) in facts {
        status = Some(next(status.as_ref(), facts, at(*second)).status);
    }
    status.unwrap()
}

fn running() -> IntegrationStatus {
    at_step(&[(waiting(), 0), (facts(), 5), (with_job(true, None), 7)])
}

#[test]
fn it_waits_for_its_dependencies_and_looks_again_at_the_deadline() {
    let first = next(None, &waiting(), at(0));
    assert_eq!((first.status.step, first.again_at), (Preparing, Some(at(READY_TIMEOUT))));
    assert_eq!(next(Some(&first.status), &waiting(), at(READY_TIMEOUT - 1)).status, first.status);
}

#[test]
fn a_dependency_that_never_gets_ready_ends_it_and_its_log_is_asked_for() {
    let ended = next(Some(&at_step(&[(waiting(), 0)])), &waiting(), at(READY_TIMEOUT));
    assert_eq!((ended.status.step, ended.status.outcome), (Finished, Some(Outcome::Error)));
    assert_eq!(ended.status.message, "api was not ready within 10m: container api ended with code 3");
    assert_eq!(ended.log_of.as_deref(), Some("api"));
    let told = with_log(ended.status, "line 1\nline 2\n");
    assert!(told.message.ends_with("; its last log lines:\nline 1\nline 2"), "{}", told.message);
}

#[test]
fn what_can_never_get_ready_is_not_waited_for() {
    let limits = Limits { ready_timeout: SignedDuration::ZERO, ..facts().limits };
    let ended = next(None, &RunFacts { limits, ..waiting() }, at(0)).status;
    assert_eq!(ended.outcome, Some(Outcome::Error));
    assert_eq!(ended.message, "api cannot get ready: container api ended with code 3");
}

#[test]
fn once_all_are_ready_it_starts_even_after_the_deadline() {
    let status = at_step(&[(waiting(), 0), (facts(), READY_TIMEOUT + 60)]);
    assert_eq!((status.step, status.job_uid), (Starting, None));
}

#[test]
fn it_runs_once_the_job_is_seen() {
    let status = running();
    assert_eq!((status.step, status.job_uid.as_deref()), (Running, Some("job-uid")));
    assert_eq!(next(Some(&status), &with_job(true, None), at(999_999)).again_at, None, "tests may take long");
}

#[test]
fn only_the_delivered_code_says_passed_or_failed() {
    for (code, outcome) in [(0, Outcome::Passed), (2, Outcome::Failed)] {
        let delivered = RunFacts { delivery: Some(delivery(code)), ..with_job(true, Some(60)) };
        let status = next(Some(&running()), &delivered, at(61)).status;
        assert_eq!((status.step, status.outcome), (Finished, Some(outcome)));
        assert_eq!((status.totals.unwrap().tests, status.failures.len()), (3, 1));
        assert_eq!(status.result.as_deref(), Some("ci-run-1"));
    }
}

#[test]
fn a_job_that_ended_without_a_result_is_an_error_after_a_grace() {
    let silent = with_job(true, Some(60));
    let before = next(Some(&running()), &silent, at(60 + GRACE - 1));
    assert_eq!((before.status.step, before.again_at), (Running, Some(at(60 + GRACE))));
    let after = next(Some(&before.status), &silent, at(60 + GRACE)).status;
    assert_eq!((after.step, after.outcome), (Finished, Some(Outcome::Error)));
    assert!(after.message.contains("without delivering a result: backoff limit"), "{}", after.message);
}

#[test]
fn a_job_that_disappears_or_is_replaced_is_an_error_and_not_run_again() {
    let replaced =
        RunFacts { job: Some(JobFacts { uid: "another".to_owned(), ..job(true, None) }), ..facts() };
    for lost in [facts(), replaced] {
        let status = next(Some(&running()), &lost, at(8)).status;
        assert_eq!((status.step, status.outcome), (Finished, Some(Outcome::Error)));
        assert!(status.message.contains("the Job disappeared"), "{}", status.message);
    }
}

#[test]
fn tests_whose_pod_cannot_start_end_with_the_reason() {
    let trouble = Some("container tests of pod x: ImagePullBackOff".to_owned());
    let stuck = RunFacts { job: Some(JobFacts { trouble, ..job(false, None) }), ..facts() };
    let status = at_step(&[(facts(), 0), (stuck.clone(), 1)]);
    assert_eq!(next(Some(&status), &stuck, at(READY_TIMEOUT)).status.step, Running);
    let ended = next(Some(&status), &stuck, at(READY_TIMEOUT + 1)).status;
    assert_eq!(ended.outcome, Some(Outcome::Error));
    let message = "the tests did not start within 10m: container tests of pod x: ImagePullBackOff";
    assert_eq!(ended.message, message);
}

#[test]
fn an_environment_that_ends_first_ends_the_run() {
    let stopped = RunFacts { ended: Some(EndReason::Stopped), ..with_job(true, None) };
    let status = next(Some(&running()), &stopped, at(20)).status;
    assert_eq!(status.outcome, Some(Outcome::Error));
    assert_eq!(status.message, "the environment was stopped before the run was over");
}

#[test]
fn a_new_generation_is_a_new_run() {
    let finished = next(Some(&running()), &RunFacts { delivery: Some(delivery(1)), ..facts() }, at(9)).status;
    let again = next(Some(&finished), &RunFacts { generation: 2, ..waiting() }, at(100)).status;
    assert_eq!((again.generation, again.step, again.outcome), (2, Preparing, None));
    assert_eq!((again.job_uid, again.result, again.times), (None, None, Vec::new()));
}

#[test]
fn a_run_whose_record_was_lost_goes_on_with_its_job_and_its_result() {
    assert_eq!(next(None, &RunFacts { job: Some(job(true, None)), ..waiting() }, at(0)).status.step, Running);
    let delivered = RunFacts { delivery: Some(delivery(0)), ..waiting() };
    assert_eq!(next(None, &delivered, at(0)).status.outcome, Some(Outcome::Passed));
}

#[test]
fn a_run_that_nobody_watched_is_recorded_with_its_job_all_the_same() {
    let delivered = RunFacts { delivery: Some(delivery(0)), ..with_job(true, Some(9)) };
    let starting = at_step(&[(facts(), 0)]);
    for before in [None, Some(&starting)] {
        let status = next(before, &delivered, at(10)).status;
        let steps: Vec<_> = status.times.iter().map(|time| time.step).collect();
        assert_eq!(steps, [Preparing, Starting, Running]);
        assert_eq!((status.job_uid.as_deref(), status.outcome), (Some("job-uid"), Some(Outcome::Passed)));
    }
}

#[test]
fn each_step_has_its_time_in_whole_seconds() {
    let delivered = RunFacts { delivery: Some(delivery(0)), ..with_job(true, None) };
    let status = next(Some(&running()), &delivered, at(67)).status;
    let times: Vec<_> = status.times.iter().map(|time| (time.step, time.seconds)).collect();
    assert_eq!(times, [(Preparing, 5), (Starting, 2), (Running, 60)]);
    assert_eq!(status.since, at(67));
}

#[test]
fn the_log_in_a_message_is_bounded() {
    let status = at_step(&[(waiting(), 0)]);
    let long = with_log(status.clone(), &"é\n".repeat(5_000));
    assert_eq!(long.message.matches('é').count(), 20);
    assert!(with_log(status.clone(), &"é".repeat(5_000)).message.len() < status.message.len() + 2_100);
    assert_eq!(with_log(status.clone(), "\n"), status, "no log, no words about it");
}

fn any_facts() -> impl Strategy<Value = RunFacts> {
    let job = prop_oneof![
        Just(None),
        (any::<bool>(), proptest::option::of(0..50_i64), "[ab]")
            .prop_map(|(started, end, uid)| { Some(JobFacts { uid, ..job(started, end) }) }),
    ];
    let delivery = prop_oneof![4 => Just(None), 1 => (0..2_i32).prop_map(|code| Some(delivery(code)))];
    let ended = prop_oneof![9 => Just(None), 1 => Just(Some(EndReason::Expired))];
    (any::<bool>(), job, delivery, ended, 1..3_i64).prop_map(|(ready, job, delivery, ended, generation)| {
        let not_ready = if ready { None } else { waiting().not_ready };
        RunFacts { generation, not_ready, job, delivery, ended, ..facts() }
    })
}

fn rank(step: IntegrationStep) -> u8 {
    match step {
        Preparing => 0,
        Starting => 1,
        Running => 2,
        Finished => 3,
    }
}

proptest! {
    #[test]
    fn within_a_generation_it_never_goes_back_and_finished_never_changes(
        seen in vec((any_facts(), 0..400_i64), 1..12)
    ) {
        let mut status: Option<IntegrationStatus> = None;
        let mut now = 0;
        for (facts, seconds) in seen {
            now += seconds;
            let after = next(status.as_ref(), &facts, at(now)).status;
            if let Some(before) = status.filter(|before| before.generation == after.generation) {
                prop_assert!(rank(before.step) <= rank(after.step));
                prop_assert!(before.step != Finished || before == after);
                prop_assert!(before.step == Preparing || after.step != Preparing);
                prop_assert!(before.job_uid.is_none() || before.job_uid == after.job_uid);
            }
            prop_assert_eq!(after.step == Finished, after.outcome.is_some());
            status = Some(after);
        }
    }

    #[test]
    fn a_job_is_wished_for_only_before_one_was_recorded(seen in vec((any_facts(), 0..400_i64), 1..12)) {
        let mut status: Option<IntegrationStatus> = None;
        let (mut now, mut recorded) = (0, false);
        for (facts, seconds) in seen {
            now += seconds;
            let after = next(status.as_ref(), &RunFacts { generation: 1, ..facts }, at(now)).status;
            prop_assert!(!(recorded && after.step == Starting));
            recorded |= after.job_uid.is_some();
            status = Some(after);
        }
    }

    #[test]
    fn seeing_the_same_again_changes_nothing(seen in vec(any_facts(), 1..6), times in 1..4_usize) {
        let mut once: Option<IntegrationStatus> = None;
        let mut often: Option<IntegrationStatus> = None;
        for facts in &seen {
            once = Some(next(once.as_ref(), facts, at(0)).status);
            for _ in 0..times {
                often = Some(next(often.as_ref(), facts, at(0)).status);
            }
        }
        prop_assert_eq!(once, often);
    }

    #[test]
    fn in_whichever_order_it_is_noticed_a_delivered_result_is_the_outcome(
        code in 0..2_i32,
        order in Just(vec![0, 1, 2, 3]).prop_shuffle(),
    ) {
        let delivered = RunFacts { delivery: Some(delivery(code)), ..with_job(true, Some(10)) };
        let seen = [waiting(), facts(), with_job(true, None), with_job(true, Some(10))];
        // Facts only ever grow: what was noticed before the delivery cannot tell of an end that is longer past.
        let mut status: Option<IntegrationStatus> = None;
        for index in order {
            let known = status.as_ref().is_some_and(|status| status.job_uid.is_some());
            if !(known && seen[index].job.is_none()) {
                status = Some(next(status.as_ref(), &seen[index], at(11)).status);
            }
        }
        let status = next(status.as_ref(), &delivered, at(12)).status;
        let outcome = if code == 0 { Outcome::Passed } else { Outcome::Failed };
        prop_assert_eq!(status.outcome, Some(outcome));
    }
}
