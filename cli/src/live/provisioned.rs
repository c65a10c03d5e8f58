//! What is told of a container that was provisioned from a working tree of the ops repository.

use serde_json::{Value, json};
use slipway_agent::live::Provisioned;

use crate::output::colours::Colours;

/// Lines of the log that are shown where no state says what went wrong.
const SHOWN: usize = 10;

/// For people.
pub fn text(provisioned: &Provisioned, name: &str, colours: Colours) -> String {
    let record = &provisioned.record;
    let states = match record.states {
        0 => String::new(),
        all => format!("{} of {all} states changed, ", record.changed),
    };
    let took = format!("{states}{} ms", record.milliseconds);
    let lines = match (&record.error, &provisioned.down) {
        (Some(error), _) => {
            let error = error.replace('\n', "\n  ");
            let head = colours.bad(&format!("✗ {name}: provisioning failed, {took}: {error}"));
            let is_changed = record.changed > 0 || record.changes_untold;
            let stays = if is_changed { "; what was changed before stays" } else { "" };
            [vec![head], failed(provisioned), vec![format!("  what runs was not restarted{stays}")]].concat()
        }
        (None, Some(down)) => vec![
            colours.bad(&format!("✗ {name}: {took}; restarted, and it does not come up")),
            format!("  {down}"),
        ],
        (None, None) => {
            let restarted = match provisioned.restarted.as_slice() {
                [] => "nothing to restart".to_owned(),
                names => format!("restarted {}", names.join(", ")),
            };
            vec![colours.good(&format!("✓ {name}: {took}; {restarted}"))]
        }
    };
    lines.join("\n")
}

/// Each state that failed, with its comment; else the end of what was written.
fn failed(provisioned: &Provisioned) -> Vec<String> {
    let record = &provisioned.record;
    if !record.failed.is_empty() {
        let one = |state: &slipway_agent::StateRecord| {
            let comment = state.comment.trim().replace('\n', "\n    ");
            format!("  {} ({}): {comment}", state.id, state.function)
        };
        return record.failed.iter().map(one).collect();
    }
    let is_told = |line: &str| record.error.as_ref().is_some_and(|error| error.contains(line.trim()));
    let lines: Vec<_> = record.log.lines().filter(|line| !is_told(line)).collect();
    lines.iter().skip(lines.len().saturating_sub(SHOWN)).map(|line| format!("  {line}")).collect()
}

/// As an event.
pub fn json(provisioned: &Provisioned) -> Value {
    let record = &provisioned.record;
    let failed = record.failed.iter().map(|state| {
        json!({"id": state.id, "name": state.name, "function": state.function, "comment": state.comment})
    });
    json!({
        "event": "provisioned", "error": record.error, "states": record.states, "changed": record.changed,
        "failed": failed.collect::<Vec<_>>(), "restarted": provisioned.restarted, "down": provisioned.down,
        "milliseconds": record.milliseconds, "log": record.log})
}

#[cfg(test)]
mod tests {
    use super::*;
    use slipway_agent::{ProvisionRecord, StateRecord};

    fn record(changed: u64) -> ProvisionRecord {
        ProvisionRecord { states: 12, changed, milliseconds: 4100, ..ProvisionRecord::default() }
    }

    fn told(record: ProvisionRecord, restarted: &[&str], down: Option<&str>) -> String {
        let restarted = restarted.iter().map(|&name| name.to_owned()).collect();
        let provisioned = Provisioned { record, restarted, down: down.map(str::to_owned) };
        text(&provisioned, "api", Colours::default())
    }

    #[test]
    fn how_many_states_changed_and_what_was_restarted_is_one_line() {
        assert_eq!(
            told(record(3), &["app", "metrics"], None),
            "✓ api: 3 of 12 states changed, 4100 ms; restarted app, metrics"
        );
        assert_eq!(told(record(0), &[], None), "✓ api: 0 of 12 states changed, 4100 ms; nothing to restart");
    }

    #[test]
    fn each_state_that_failed_is_named_with_its_comment() {
        let state = |id: &str, comment: &str| StateRecord {
            id: id.to_owned(),
            function: "file.managed".to_owned(),
            comment: comment.to_owned(),
            ..StateRecord::default()
        };
        let failed = vec![state("a", "no source"), state("b", "it is\nso")];
        let error = Some("2 of 12 states failed".to_owned());
        assert_eq!(
            told(ProvisionRecord { error, failed, ..record(1) }, &[], None),
            "✗ api: provisioning failed, 1 of 12 states changed, 4100 ms: 2 of 12 states failed\n  \
             a (file.managed): no source\n  b (file.managed): it is\n    so\n  \
             what runs was not restarted; what was changed before stays"
        );
    }

    #[test]
    fn of_a_command_the_end_of_its_log_is_shown() {
        let log = (0..20).map(|line| format!("line {line}")).collect::<Vec<_>>().join("\n");
        let error = Some("make ended with code 2: line 19".to_owned());
        let shown = told(ProvisionRecord { error, log, ..ProvisionRecord::default() }, &[], None);
        assert!(shown.starts_with("✗ api: provisioning failed, 0 ms: make ended with code 2"), "{shown}");
        assert!(shown.ends_with("line 18\n  what runs was not restarted"), "{shown}");
        assert!(shown.contains("\n  line 9\n") && !shown.contains("line 8\n"), "{shown}");
    }

    #[test]
    fn a_service_that_does_not_come_up_after_it_is_named() {
        let shown = told(record(1), &[], Some("app does not stay up"));
        assert_eq!(
            shown,
            "✗ api: 1 of 12 states changed, 4100 ms; restarted, and it does not come up\n  app does not stay up"
        );
    }
}
