use clap::CommandFactory as _;

use super::logs::Tail;
use super::*;

fn parse(words: &[&str]) -> Verb {
    let Call::Verb(verb) = Arguments::try_parse_from(words).unwrap().call else {
        panic!("{words:?} is no verb")
    };
    verb
}

fn refused(words: &[&str]) -> String {
    Arguments::try_parse_from(words).unwrap_err().to_string()
}

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn it_answers_to_its_old_name() {
    let Verb::Start(start) = parse(&["./service", "start", "api", "dispatch", "eta"]) else { panic!() };
    assert_eq!(start.services, ["api", "dispatch", "eta"]);
}

#[test]
fn place_may_be_named_after_the_verb() {
    let parsed = Arguments::try_parse_from(["slipway", "status", "--context", "c", "-n", "fleet"]).unwrap();
    assert_eq!(
        (parsed.place.context.as_deref(), parsed.place.namespace.as_deref()),
        (Some("c"), Some("fleet"))
    );
}

#[test]
fn the_command_of_exec_is_left_alone() {
    let Verb::Exec(exec) = parse(&["slipway", "exec", "www", "-e", "demo", "--", "ls", "-e", "--role"])
    else {
        panic!()
    };
    assert_eq!(exec.command, ["ls", "-e", "--role"]);
    assert_eq!(exec.within.env.as_deref(), Some("demo"));
}

#[test]
fn what_is_no_duration_is_refused_before_anything_is_asked() {
    assert!(refused(&["slipway", "keep", "demo", "--for", "8"]).contains("90m or 7d"));
    assert!(refused(&["slipway", "start", "www", "--ttl", "soon"]).contains("is not a duration"));
}

#[test]
fn a_tail_is_a_number_or_all() {
    let tail = |text| {
        let Verb::Logs(logs) = parse(&["slipway", "logs", "--tail", text]) else { panic!() };
        logs.tail
    };
    assert_eq!((tail("7"), tail("all")), (Some(Tail::Lines(7)), Some(Tail::All)));
    assert!(refused(&["slipway", "logs", "--tail", "few"]).contains("`all`"));
}

#[test]
fn a_time_or_a_level_is_not_cut_short() {
    let last_lines = |more: &[&str]| {
        let Verb::Logs(logs) = parse(&[&["slipway", "logs"], more].concat()) else { panic!() };
        logs.last_lines()
    };
    assert_eq!(last_lines(&[]), Some(200));
    assert_eq!((last_lines(&["--since", "10m"]), last_lines(&["--level", "warn"])), (None, None));
    assert_eq!(last_lines(&["--level", "warn", "--tail", "20"]), Some(20));
    assert_eq!(last_lines(&["--tail", "all"]), None);
}

#[test]
fn what_does_not_exist_yet_is_not_offered() {
    assert!(refused(&["slipway", "logs", "--source", "build"]).contains("run, test"));
    assert!(refused(&["slipway", "logs", "--strict-level"]).contains("--level"));
}

#[test]
fn all_is_instead_of_names() {
    assert!(refused(&["slipway", "open"]).contains("required"));
    assert!(refused(&["slipway", "open", "www", "--all"]).contains("cannot be used with"));
}

#[test]
fn earlier_output_is_not_followed() {
    assert!(refused(&["slipway", "logs", "--previous", "--follow"]).contains("cannot be used with"));
}
