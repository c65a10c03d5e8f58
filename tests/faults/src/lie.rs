//! Lies: ways in which the API server, or what is between it and the operator, does not do what it should. Each is told
//! once at every write of a scenario, or in every watch, and must change nothing about the end.

use std::time::Duration;

use crate::names::Names;
use crate::point::Point;
use crate::proxy::{EventFault, Fault, Matcher, Rule, Verb};

/// Events that go wrong in one run.
const EVENTS: usize = 20;
/// Requests that go wrong in one run, where they do not go wrong at every write.
const REQUESTS: usize = 40;

/// A lie.
#[derive(Clone, Copy, Debug)]
pub struct Lie {
    /// What it is called.
    pub name: &'static str,
    /// What goes wrong, from the writes of the reference run.
    rules: fn(&[Point], &Names) -> Vec<Rule>,
}

impl Lie {
    /// What goes wrong in a run with these names, given the writes of the reference run.
    pub fn rules(&self, points: &[Point], names: &Names) -> Vec<Rule> {
        (self.rules)(points, names)
    }

    /// The lie of this name.
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|lie| lie.name == name)
    }
}

/// All lies.
pub const ALL: [Lie; 23] = [
    Lie {
        name: "429-retry-after",
        rules: |points, names| at_writes(points, names, &answer(429, Some(1), false)),
    },
    Lie { name: "500-not-done", rules: |points, names| at_writes(points, names, &answer(500, None, false)) },
    Lie { name: "500-done", rules: |points, names| at_writes(points, names, &answer(500, None, true)) },
    Lie { name: "503-not-done", rules: |points, names| at_writes(points, names, &answer(503, None, false)) },
    Lie { name: "503-done", rules: |points, names| at_writes(points, names, &answer(503, None, true)) },
    Lie { name: "504-not-done", rules: |points, names| at_writes(points, names, &answer(504, None, false)) },
    Lie { name: "504-done", rules: |points, names| at_writes(points, names, &answer(504, None, true)) },
    Lie {
        name: "reset-not-done",
        rules: |points, names| at_writes(points, names, &Fault::Reset { forwarded: false }),
    },
    Lie {
        name: "reset-done",
        rules: |points, names| at_writes(points, names, &Fault::Reset { forwarded: true }),
    },
    Lie { name: "403-not-done", rules: |points, names| at_writes(points, names, &answer(403, None, false)) },
    Lie { name: "409-on-changes", rules: conflicts },
    Lie {
        name: "503-to-everything-for-a-while",
        rules: |_, _| vec![Rule::first(Matcher::default(), REQUESTS, answer(503, None, false))],
    },
    Lie { name: "killed-before-four-writes-in-a-row", rules: |_, _| killed(Fault::KillBefore) },
    Lie { name: "killed-after-four-writes-in-a-row", rules: |_, _| killed(Fault::KillAfter) },
    Lie { name: "watches-cut-in-mid-object", rules: |_, _| vec![events(EventFault::Cut)] },
    Lie { name: "events-twice", rules: |_, _| vec![events(EventFault::Duplicate)] },
    Lie { name: "events-swapped", rules: |_, _| vec![events(EventFault::Reorder)] },
    Lie { name: "events-coalesced", rules: |_, _| vec![events(EventFault::Coalesce)] },
    Lie { name: "events-late", rules: |_, _| vec![events(EventFault::Delay(Duration::from_millis(700)))] },
    Lie { name: "events-later-than-patience", rules: |_, _| vec![late()] },
    Lie { name: "events-lost-then-410", rules: |_, _| vec![events(EventFault::Lose)] },
    Lie {
        name: "410-on-watches",
        rules: |_, _| {
            vec![events(EventFault::Cut), Rule::first(watches(), REQUESTS, answer(410, None, false))]
        },
    },
    Lie { name: "older-lists-after-a-kill", rules: older },
];

fn answer(status: u16, retry_after: Option<u32>, forwarded: bool) -> Fault {
    Fault::Answer { status, retry_after, forwarded }
}

/// Once at every write: each first try goes wrong and is followed by a second, so the n-th write is request 2n-1.
fn at_writes(points: &[Point], names: &Names, fault: &Fault) -> Vec<Rule> {
    let first_try = |point: &Point| 2 * point.nth - 1;
    points.iter().map(|point| Rule::once(point.matcher(names), first_try(point), fault.clone())).collect()
}

/// Somebody else was faster: once at every change of what is there.
fn conflicts(points: &[Point], names: &Names) -> Vec<Rule> {
    let changes: Vec<Point> =
        points.iter().filter(|point| matches!(point.verb, Verb::Update | Verb::Patch)).cloned().collect();
    at_writes(&changes, names, &answer(409, None, false))
}

fn watches() -> Matcher {
    Matcher { verb: Some(Verb::Watch), ..Matcher::default() }
}

fn events(fault: EventFault) -> Rule {
    Rule::first(watches(), EVENTS, Fault::Event(fault))
}

/// Each life of the operator ends at its first write.
fn killed(fault: Fault) -> Vec<Rule> {
    let writes = Matcher { writes: true, ..Matcher::default() };
    vec![Rule { matcher: writes, from: 2, times: 4, fault }]
}

/// Later than the operator waits for its own writes to come back.
fn late() -> Rule {
    Rule::first(watches(), 3, Fault::Event(EventFault::Delay(Duration::from_secs(6))))
}

/// The operator is killed at its first creation, and begins again with lists from before anything was there.
fn older(points: &[Point], names: &Names) -> Vec<Rule> {
    let lists = Matcher { verb: Some(Verb::List), ..Matcher::default() };
    let killed = points.iter().find(|point| point.verb == Verb::Create && point.name.is_some());
    let killed = killed.or(points.first());
    let kill = killed.map(|point| Rule::once(point.matcher(names), point.nth, Fault::KillAfter));
    kill.into_iter().chain([Rule::first(lists, REQUESTS, Fault::OlderList)]).collect()
}
