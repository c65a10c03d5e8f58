//! What salt says: strict about the result, patient with what is printed around it.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Ended, Outcome, ended_with, short};
use crate::StateRecord;

/// One state, as `state.apply` returns it.
#[derive(Deserialize)]
struct State {
    result: Option<bool>,
    comment: Value,
    #[serde(default)]
    name: Value,
    #[serde(default)]
    changes: Value,
    #[serde(default)]
    duration: Value,
    #[serde(default, rename = "__id__")]
    id: Option<String>,
    #[serde(default, rename = "__run_num__")]
    order: u64,
}

/// What came of `salt-call --out=json state.apply`.
pub(super) fn understand(ended: &Ended) -> Outcome {
    let failed = |error: String| Outcome { error: Some(short(&error)), ..Outcome::default() };
    let untold = |error: String| Outcome { changes_untold: true, ..failed(error) };
    let Some(result) = result(&ended.output) else {
        return untold(ended_with("salt-call wrote no result; it", ended));
    };
    let states = match result {
        Value::Object(states) => states,
        // Rendering errors are a list of texts, and some failures one text: no state was begun.
        Value::Array(texts) => return failed(texts.iter().map(text).collect::<Vec<_>>().join("; ")),
        Value::String(text) => return failed(text),
        other => return untold(format!("salt's result is of an unknown form: {other}")),
    };
    match records(states) {
        Ok(states) => Outcome { error: verdict(&states, ended), states, changes_untold: false },
        Err(key) => untold(format!("salt's result for {key} is of an unknown form")),
    }
}

/// The value of the only key, `local`. What a state or a module prints itself may come before and after it.
fn result(output: &[u8]) -> Option<Value> {
    let mut starts = (0..output.len())
        .filter(|at| output.get(*at) == Some(&b'{') && (*at == 0 || output.get(at - 1) == Some(&b'\n')));
    starts.find_map(|at| local(output.get(at..)?))
}

fn local(output: &[u8]) -> Option<Value> {
    let mut values = serde_json::Deserializer::from_slice(output).into_iter::<Map<String, Value>>();
    let mut object = values.next()?.ok()?;
    if object.len() == 1 { object.remove("local") } else { None }
}

fn records(states: Map<String, Value>) -> Result<Vec<StateRecord>, String> {
    let mut ordered = Vec::new();
    for (key, value) in states {
        let state: State = serde_json::from_value(value).map_err(|_| key.clone())?;
        ordered.push((state.order, record(&key, state)));
    }
    ordered.sort_by_key(|(order, _)| *order);
    Ok(ordered.into_iter().map(|(_, record)| record).collect())
}

/// The key is `module_|-id_|-name_|-function`.
fn record(key: &str, state: State) -> StateRecord {
    let parts: Vec<&str> = key.split("_|-").collect();
    let part = |at: usize| parts.get(at).copied().unwrap_or_default();
    StateRecord {
        id: state.id.unwrap_or_else(|| part(1).to_owned()),
        name: if state.name.is_null() { part(2).to_owned() } else { text(&state.name) },
        function: format!("{}.{}", part(0), parts.last().copied().unwrap_or_default()),
        result: state.result,
        changed: !matches!(&state.changes, Value::Null) && state.changes != Value::Object(Map::new()),
        comment: short(&text(&state.comment)),
        milliseconds: milliseconds(&state.duration),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(texts) => texts.iter().map(text).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}

/// A number, or in some versions a text such as `12.5 ms`.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float becomes an integer in no other way; what is no time becomes 0 or the largest"
)]
fn milliseconds(duration: &Value) -> u64 {
    let number = match duration {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.split_whitespace().next().and_then(|number| number.parse().ok()),
        _ => None,
    };
    number.unwrap_or_default().round() as u64
}

fn verdict(states: &[StateRecord], ended: &Ended) -> Option<String> {
    let failed: Vec<_> = states.iter().filter(|state| state.result == Some(false)).collect();
    match failed.first() {
        Some(first) => {
            let (id, function, comment) = (&first.id, &first.function, &first.comment);
            let count = format!("{} of {} states failed", failed.len(), states.len());
            Some(short(&format!("{count}, first {id} ({function}): {comment}")))
        }
        None if ended.code == Some(0) => None,
        None => Some(ended_with("salt-call", ended)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(output: &str, code: i32) -> Outcome {
        let log = "[ERROR   ] something is off\n".to_owned();
        understand(&Ended { code: Some(code), output: output.into(), log, ..Ended::default() })
    }

    const TWO: &str = r#"{"local": {
        "file_|-b_|-/etc/b_|-managed": {"name": "/etc/b", "result": false, "comment": "no source", "changes": {},
            "duration": "7.6 ms", "__run_num__": 1, "__id__": "b", "start_time": "x"},
        "pkg_|-a_|-nginx_|-installed": {"name": "nginx", "result": true, "comment": ["fine", "really"],
            "changes": {"nginx": "new"}, "duration": 1200.4, "__run_num__": 0}}}"#;

    #[test]
    fn states_come_in_their_order_with_what_they_said() {
        let states = outcome(TWO, 2).states;
        let said: Vec<_> = states.iter().map(|state| (state.id.as_str(), state.comment.as_str())).collect();
        assert_eq!(said, [("a", "fine; really"), ("b", "no source")]);
        assert_eq!((states[0].milliseconds, states[1].milliseconds), (1200, 8));
        assert_eq!((states[0].changed, states[1].changed), (true, false));
        assert_eq!(states[0].function, "pkg.installed");
    }

    #[test]
    fn the_first_state_that_failed_is_in_the_error() {
        let error = outcome(TWO, 2).error.unwrap();
        assert_eq!(error, "1 of 2 states failed, first b (file.managed): no source");
    }

    #[test]
    fn what_is_printed_around_the_result_does_not_matter() {
        let noisy = format!("Warning: {{}}\n{{not json}}\n{{\"a\": 1}}\n{TWO}\nbye\n");
        assert_eq!(outcome(&noisy, 2), outcome(TWO, 2));
    }

    #[test]
    fn errors_before_any_state_are_told() {
        let cases = [
            (
                r#"{"local": ["Rendering SLS 'base:www' failed", "line 3"]}"#,
                "Rendering SLS 'base:www' failed; line 3",
            ),
            (r#"{"local": "Pillar failed"}"#, "Pillar failed"),
            (r#"{"local": {"a_|-b_|-c_|-d": 5}}"#, "salt's result for a_|-b_|-c_|-d is of an unknown form"),
            (r#"{"local": 5}"#, "salt's result is of an unknown form: 5"),
            ("", "salt-call wrote no result; it ended with code 1: [ERROR   ] something is off"),
        ];
        for (output, expected) in cases {
            assert_eq!(outcome(output, 1).error.as_deref(), Some(expected), "{output}");
        }
    }

    #[test]
    fn nothing_changed_where_no_state_was_begun_and_nobody_knows_without_a_result() {
        let untold = |output: &str| outcome(output, 1).changes_untold;
        assert!(!untold(r#"{"local": ["Rendering SLS 'base:www' failed"]}"#) && !untold(TWO));
        assert!(untold("") && untold(r#"{"local": {"a_|-b_|-c_|-d": 5}}"#));
    }

    #[test]
    fn a_code_without_a_failed_state_is_a_failure_too() {
        let fine = r#"{"local": {"a_|-b_|-c_|-d": {"result": true, "comment": ""}}}"#;
        assert_eq!(outcome(fine, 0).error, None);
        assert!(outcome(fine, 1).error.unwrap().contains("code 1"));
    }
}
