//! Every transition, and that two never write at once, whatever happens to them.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn at(tenths: u64) -> Duration {
    Duration::from_millis(tenths * 100)
}

fn lease(holder: &str, version: u32) -> Lease {
    Lease { holder: holder.to_owned(), term: TERM, version: version.to_string() }
}

fn leader() -> State {
    let (state, act) = next(State::new("a".to_owned()), Seen::Missing, at(0));
    assert_eq!(act, Act::Write { over: None });
    let (state, act) = next(state, Seen::Written { sent: at(0), lease: lease("a", 1) }, at(2));
    assert_eq!((act, state.until()), (Act::Wait(RENEW), Some(HOLD)));
    state
}

fn candidate() -> State {
    let (state, act) = next(State::new("b".to_owned()), Seen::Lease(lease("a", 1)), at(0));
    assert_eq!(act, Act::Wait(LOOK));
    state
}

#[test]
fn a_leader_renews_over_the_version_it_wrote_and_its_hold_counts_from_before_it_asked() {
    let (state, act) = next(leader(), Seen::Awake, at(30));
    assert_eq!(act, Act::Write { over: Some("1".to_owned()) });
    let (state, _) = next(state, Seen::Written { sent: at(30), lease: lease("a", 2) }, at(50));
    assert_eq!(state.until(), Some(at(30) + HOLD));
}

#[test]
fn a_leader_that_is_not_answered_tries_until_its_hold_is_over() {
    let (state, act) = next(leader(), Seen::Nothing, at(60));
    assert_eq!((act, state.until()), (Act::Wait(at(65)), Some(HOLD)));
    let (state, act) = next(state, Seen::Awake, HOLD);
    assert_eq!((act, state.until()), (Act::Stop, None));
}

#[test]
fn a_leader_that_slept_past_its_hold_stops_whatever_it_hears_first() {
    let late = Seen::Written { sent: at(30), lease: lease("a", 2) };
    for seen in [Seen::Awake, Seen::Nothing, Seen::Lease(lease("a", 1)), late] {
        assert_eq!(next(leader(), seen, at(600)).1, Act::Stop);
    }
}

#[test]
fn a_leader_whose_lease_was_edited_by_hand_writes_it_again_and_yields_to_another_holder() {
    let (state, act) = next(leader(), Seen::Refused, at(30));
    assert_eq!(act, Act::Look);
    let mine = next(state.clone(), Seen::Lease(lease("a", 7)), at(31));
    assert_eq!(mine.1, Act::Write { over: Some("7".to_owned()) });
    assert_eq!(next(state, Seen::Lease(lease("b", 7)), at(31)), (candidate_of("a", 1), Act::Stop));
}

fn candidate_of(me: &str, version: u32) -> State {
    let last = Some(Last { lease: Some(lease(me, version)), since: at(2) });
    State { me: me.to_owned(), last, until: None }
}

#[test]
fn a_leader_whose_lease_was_deleted_makes_it_again() {
    let (state, _) = next(leader(), Seen::Refused, at(30));
    assert_eq!(next(state, Seen::Missing, at(31)).1, Act::Write { over: None });
}

#[test]
fn a_candidate_waits_for_a_term_of_silence() {
    let (state, act) = next(candidate(), Seen::Lease(lease("a", 1)), TERM - at(1));
    assert_eq!(act, Act::Wait(TERM));
    let (renewed, act) = next(state.clone(), Seen::Lease(lease("a", 2)), TERM);
    assert_eq!(act, Act::Wait(TERM + LOOK));
    assert_eq!(next(renewed, Seen::Lease(lease("a", 2)), TERM + at(100)).1, Act::Wait(TERM + at(105)));
    assert_eq!(next(state, Seen::Lease(lease("a", 1)), TERM).1, Act::Write { over: Some("1".to_owned()) });
}

#[test]
fn a_lease_that_was_given_back_is_taken_at_once_and_one_that_was_emptied_by_hand_is_not() {
    let released = Lease { term: RELEASED, ..lease("", 2) };
    assert_eq!(next(candidate(), Seen::Lease(released), at(1)).1, Act::Write { over: Some("2".to_owned()) });
    assert_eq!(next(candidate(), Seen::Lease(lease("", 2)), at(1)).1, Act::Wait(at(6)));
}

#[test]
fn a_lease_that_was_deleted_is_waited_for_while_its_holder_may_not_know() {
    // Who last looked long ago may have missed another holder.
    let (state, act) = next(candidate(), Seen::Missing, TERM + at(1));
    assert_eq!(act, Act::Wait(TERM + at(6)));
    assert_eq!(next(state, Seen::Missing, TERM + TERM + at(1)).1, Act::Write { over: None });
}

#[test]
fn a_process_goes_on_with_the_lease_of_the_one_before_it_and_not_with_a_gift() {
    let (_, act) = next(State::new("a".to_owned()), Seen::Lease(lease("a", 3)), at(0));
    assert_eq!(act, Act::Write { over: Some("3".to_owned()) });
    assert_eq!(next(candidate(), Seen::Lease(lease("b", 3)), at(1)).1, Act::Wait(at(6)));
}

#[test]
fn a_term_that_no_one_can_mean_is_not_waited_for() {
    let long = Lease { term: Duration::from_hours(9), ..lease("a", 1) };
    let (state, _) = next(State::new("b".to_owned()), Seen::Lease(long.clone()), at(0));
    assert_eq!(next(state, Seen::Lease(long), LONGEST).1, Act::Write { over: Some("1".to_owned()) });
}

/// One process in the model below.
struct Process {
    state: State,
    act: Act,
}

impl Process {
    fn new(me: &str) -> Self {
        Self { state: State::new(me.to_owned()), act: Act::Look }
    }

    fn may_write(&self, now: Duration) -> bool {
        self.state.until().is_some_and(|until| now < until)
    }
}

/// What the API server holds, and what happens to one request.
struct Server {
    lease: Option<Lease>,
    version: u32,
}

impl Server {
    fn write(&mut self, me: &str, over: Option<&String>) -> Option<Lease> {
        if self.lease.as_ref().map(|lease| &lease.version) != over {
            return None;
        }
        self.version += 1;
        let written = lease(me, self.version);
        self.lease = Some(written.clone());
        Some(written)
    }

    /// A request takes so long; it is done at its end, and its answer may get lost.
    fn serve(&mut self, process: &Process, sent: Duration, lost: bool) -> Seen {
        let seen = match &process.act {
            Act::Look => self.lease.clone().map_or(Seen::Missing, Seen::Lease),
            Act::Write { over } => match self.write(&process.state.me, over.as_ref()) {
                Some(lease) => Seen::Written { sent, lease },
                None => Seen::Refused,
            },
            Act::Wait(_) | Act::Stop => return Seen::Awake,
        };
        if lost { Seen::Nothing } else { seen }
    }
}

/// What happens next in the model: which process takes a step, after how long, and what goes wrong.
fn steps() -> impl Strategy<Value = Vec<(bool, u64, u8)>> {
    vec((any::<bool>(), prop_oneof![8 => 0..12_u64, 1 => 80..200_u64], 0..40_u8), 1..200)
}

proptest! {
    #[test]
    fn two_never_may_write_at_once(steps in steps()) {
        let mut server = Server { lease: None, version: 0 };
        let mut processes = [Process::new("a"), Process::new("b")];
        let (mut now, mut deleted) = (Duration::ZERO, false);
        for (which, tenths, fate) in steps {
            // The request is under way meanwhile, and what was waited for may be long over.
            let sent = now;
            now += at(tenths);
            match fate {
                // Who deletes it again before a term is over can undo what a slow candidate saw.
                0 if server.lease.is_some() && !deleted => {
                    deleted = true;
                    server.lease = None;
                }
                1 => if let Some(lease) = &mut server.lease {
                    server.version += 1;
                    lease.version = server.version.to_string();
                },
                _ => {}
            }
            let other_writes = processes[usize::from(!which)].may_write(now);
            let process = &mut processes[usize::from(which)];
            // A new process cannot know of a holder whose Lease was deleted a moment before.
            if process.state.last.is_none() && server.lease.is_none() && other_writes {
                continue;
            }
            if matches!(process.act, Act::Wait(until) if now < until) {
                continue;
            }
            let seen = server.serve(process, sent, fate > 35);
            let before = std::mem::replace(process, Process::new("x"));
            let (state, act) = next(before.state, seen, now);
            *process = if act == Act::Stop { Process::new(if which { "b2" } else { "a2" }) } else { Process { state, act } };
            prop_assert!(!(processes[0].may_write(now) && processes[1].may_write(now)));
        }
    }
}
