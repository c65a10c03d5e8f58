//! A preview for people. A line's first character after the spaces says what kind of line it is.

use std::fmt;

use serde_json::Value;

use super::{Act, FieldChange, PlannedStep, Preview};

/// Values longer than this are cut, in characters.
const LONGEST: usize = 120;

impl fmt::Display for Preview {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self, "", formatter)
    }
}

fn write(preview: &Preview, indent: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Preview { of, problems, steps, waits, unchanged: _, follows } = preview;
    writeln!(out, "{indent}{of}: {}", head(preview))?;
    for problem in problems {
        writeln!(out, "{indent}  ✗ {}", problem.replace('\n', &format!("\n{indent}    ")))?;
    }
    for step in steps {
        write!(out, "{indent}  {step}")?;
        for field in &step.fields {
            writeln!(out, "{indent}      {field}")?;
        }
    }
    for wait in waits.iter().filter(|wait| is_worth_saying(wait, problems)) {
        writeln!(out, "{indent}  waits for {wait}")?;
    }
    follows.iter().try_for_each(|follow| write(follow, &format!("{indent}  "), out))
}

fn head(preview: &Preview) -> String {
    let steps = match preview.steps.len() {
        0 => None,
        1 => Some("1 step".to_owned()),
        count => Some(format!("{count} steps")),
    };
    let refused = match (preview.problems.len(), &steps) {
        (0, _) => None,
        (_, None) => Some("it cannot be done".to_owned()),
        (count, Some(_)) => Some(format!("{count} refused")),
    };
    let stay = Some(preview.unchanged.len()).filter(|count| *count > 0);
    let stay = stay.map(|count| {
        format!("{count} {} as {}", verb(count, "stay"), if count == 1 { "it is" } else { "they are" })
    });
    let follows = preview.follows.len();
    let follows =
        (follows > 0).then(|| format!("{follows} {}", if follows == 1 { "follows" } else { "follow" }));
    let said: Vec<String> = [steps, refused, follows].into_iter().flatten().collect();
    let said = if said.is_empty() { vec!["nothing would change".to_owned()] } else { said };
    said.into_iter().chain(stay).collect::<Vec<_>>().join(", ")
}

fn verb(count: usize, word: &str) -> String {
    if count == 1 { format!("{word}s") } else { word.to_owned() }
}

/// What has to start is waited for anyway, and a problem is told as one.
fn is_worth_saying(wait: &str, problems: &[String]) -> bool {
    !wait.ends_with(" is starting") && !problems.iter().any(|problem| wait.contains(problem))
}

impl fmt::Display for PlannedStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.act {
            Act::Create => '+',
            Act::Change => '~',
            Act::Delete => '-',
            Act::Hold => '?',
        };
        write!(formatter, "{mark} {}", self.object)?;
        let beside: Vec<&str> =
            [&self.place, &self.why].into_iter().filter_map(|text| text.as_deref()).collect();
        if !beside.is_empty() {
            write!(formatter, " ({})", beside.join("; "))?;
        }
        writeln!(formatter)
    }
}

impl fmt::Display for FieldChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |value: &Option<Value>| value.as_ref().map_or_else(|| "unset".to_owned(), short);
        write!(formatter, "{}: {} → {}", self.path, side(&self.before), side(&self.after))
    }
}

/// As JSON, and without anything that a terminal would obey.
fn short(value: &Value) -> String {
    let text = value.to_string();
    let cut = text.chars().take(LONGEST).map(|c| if c.is_control() { '\u{fffd}' } else { c });
    let more = match (text.chars().count() > LONGEST, value) {
        (true, Value::String(_)) => "…\"",
        (true, _) => "…",
        (false, _) => "",
    };
    cut.chain(more.chars()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(list: &[&str]) -> Vec<String> {
        list.iter().map(|&line| line.to_owned()).collect()
    }

    fn step(act: Act, object: &str) -> PlannedStep {
        PlannedStep { act, object: object.to_owned(), place: None, why: None, fields: Vec::new() }
    }

    #[test]
    fn a_plan_is_its_steps_and_what_it_waits_for() {
        let nothing = Preview { of: "demo".to_owned(), ..Preview::default() };
        assert_eq!(nothing.to_string(), "demo: nothing would change\n");
        let preview = Preview {
            steps: vec![step(Act::Create, "Service env/www")],
            waits: lines(&["service www: image r/www:3f2c does not exist yet", "local: local is starting"]),
            ..nothing
        };
        let expected = "demo: 1 step\n  + Service env/www\n  waits for service www: image r/www:3f2c does not exist yet\n";
        assert_eq!(preview.to_string(), expected);
    }

    #[test]
    fn a_problem_is_told_once() {
        let problem = "there is no ServiceRepo wwww";
        let waits = lines(&[&format!("demo: {problem}")]);
        let preview =
            Preview { of: "demo".to_owned(), problems: lines(&[problem]), waits, ..Preview::default() };
        assert_eq!(preview.to_string(), format!("demo: it cannot be done\n  ✗ {problem}\n"));
    }

    #[test]
    fn fields_places_reasons_and_what_follows_are_told() {
        let change = |path: &str, before, after| FieldChange { path: path.to_owned(), before, after };
        let mut changed = step(Act::Change, "Fleet fleet/fleet");
        changed.place = Some("fleet.yaml:1".to_owned());
        changed.why = Some("put back; kubectl-edit changed it".to_owned());
        changed.fields = vec![
            change("spec.registry", Some(json!("r\u{1b}[31m\u{9b}")), Some(json!("s"))),
            change(
                "spec.profiles[rider]",
                None,
                Some(json!({"name": "rider", "services": ["x".repeat(119)]})),
            ),
            change("spec.base", Some(json!("b".repeat(200))), None),
        ];
        let follow = Preview {
            of: "demo".to_owned(),
            steps: vec![step(Act::Delete, "Deployment env/www")],
            ..Preview::default()
        };
        let preview = Preview {
            of: "Fleet fleet/fleet".to_owned(),
            steps: vec![changed, step(Act::Hold, "DevEnvironment fleet/old")],
            problems: lines(&["a.yaml:6:3: unknown field `x`"]),
            unchanged: lines(&["ci"]),
            follows: vec![follow],
            ..Preview::default()
        };
        let expected = format!(
            "\
Fleet fleet/fleet: 2 steps, 1 refused, 1 follows, 1 stays as it is
  ✗ a.yaml:6:3: unknown field `x`
  ~ Fleet fleet/fleet (fleet.yaml:1; put back; kubectl-edit changed it)
      spec.registry: \"r\\u001b[31m\u{fffd}\" → \"s\"
      spec.profiles[rider]: unset → {{\"name\":\"rider\",\"services\":[\"{}…
      spec.base: \"{}…\" → unset
  ? DevEnvironment fleet/old
  demo: 1 step
    - Deployment env/www
",
            "x".repeat(120 - 29),
            "b".repeat(120 - 1)
        );
        assert_eq!(preview.to_string(), expected);
    }
}
