//! An integration run for people.

use jiff::SignedDuration;
use slipway_crds::v1alpha1::{IntegrationStatus, IntegrationStep, Outcome, StepTime, TestTotals};

use super::colours::Colours;
use super::elapsed;

/// The outcome, the totals, the first failing tests, and how long each step took.
pub fn summary(run: &IntegrationStatus, colours: Colours) -> String {
    let mut lines = vec![format!("integration run: {}", outcome(run, colours))];
    if !run.message.is_empty() {
        lines.push(indented(&run.message));
    }
    lines.extend(run.totals.as_ref().map(|totals| format!("  {}", counted(totals))));
    for failure in &run.failures {
        lines.push(format!("  {} {}", colours.bad("✗"), failure.name));
        lines.extend(
            Some(&failure.message).filter(|text| !text.is_empty()).map(|text| indented(&indented(text))),
        );
    }
    if !run.times.is_empty() {
        lines.push(format!("  {}", run.times.iter().map(time).collect::<Vec<_>>().join(", ")));
    }
    lines.join("\n") + "\n"
}

/// How it ended, or how far it is.
pub fn outcome(run: &IntegrationStatus, colours: Colours) -> String {
    match (run.outcome, run.step) {
        (Some(Outcome::Passed), _) => colours.good("Passed"),
        (Some(Outcome::Failed), _) => colours.bad("Failed"),
        (Some(Outcome::Error), _) => colours.bad("Error, the tests could not say"),
        (None, step) => colours.waiting(doing(step)),
    }
}

/// What happens in a step.
pub fn doing(step: IntegrationStep) -> &'static str {
    match step {
        IntegrationStep::Preparing => "dependencies start",
        IntegrationStep::Starting => "tests start",
        IntegrationStep::Running => "tests run",
        IntegrationStep::Finished => "finished",
    }
}

fn counted(totals: &TestTotals) -> String {
    let TestTotals { tests, failures, errors, skipped } = totals;
    format!("{tests} tests: {failures} failed, {errors} with errors, {skipped} skipped")
}

fn time(time: &StepTime) -> String {
    format!("{} {}", doing(time.step), elapsed::span(SignedDuration::from_secs(time.seconds)))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_failed_run_names_its_failing_tests() {
        let run: IntegrationStatus = serde_json::from_value(json!({"generation": 1, "step": "Finished",
            "outcome": "Failed", "message": "the command ended with code 1, 5 tests, 1 failed",
            "totals": {"tests": 5, "failures": 1, "errors": 0, "skipped": 0},
            "failures": [{"name": "journey.greets", "message": "expected Hello\ngot Bye"}],
            "times": [{"step": "Preparing", "seconds": 75}, {"step": "Running", "seconds": 4}],
            "since": "2026-11-22T10:00:00Z"}))
        .unwrap();
        let expected = "\
integration run: Failed
  the command ended with code 1, 5 tests, 1 failed
  5 tests: 1 failed, 0 with errors, 0 skipped
  ✗ journey.greets
    expected Hello
    got Bye
  dependencies start 1m 15s, tests run 4s
";
        assert_eq!(summary(&run, Colours::default()), expected);
    }

    #[test]
    fn a_run_under_way_says_what_it_does() {
        let run: IntegrationStatus = serde_json::from_value(json!({"generation": 1, "step": "Preparing",
            "message": "the dependencies are starting", "since": "2026-11-22T10:00:00Z"}))
        .unwrap();
        let expected = "integration run: dependencies start\n  the dependencies are starting\n";
        assert_eq!(summary(&run, Colours::default()), expected);
    }
}
