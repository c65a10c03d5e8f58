//! What would happen, in the colours of what it does.

use slipway_plan::preview::Preview;

use super::colours::Colours;

/// The text with each line in the colour of its mark.
pub fn text(preview: &Preview, colours: Colours) -> String {
    preview.to_string().lines().map(|line| format!("{}\n", painted(line, colours))).collect()
}

fn painted(line: &str, colours: Colours) -> String {
    let text = line.trim_start();
    let indent = &line[..line.len() - text.len()];
    match text.split_once(' ') {
        Some(("+", _)) => format!("{indent}{}", colours.good(text)),
        Some(("-", _)) => format!("{indent}{}", colours.bad(text)),
        Some(("~" | "?", _)) => format!("{indent}{}", colours.waiting(text)),
        Some(("✗", rest)) => format!("{indent}{} {rest}", colours.bad("✗")),
        Some(("waits", rest)) => match rest.strip_prefix("for ") {
            Some(rest) => format!("{indent}{} {rest}", colours.waiting("waits for")),
            None => line.to_owned(),
        },
        _ if indent.is_empty() => match text.split_once(": ") {
            Some((of, head)) => format!("{}: {head}", colours.bold(of)),
            None => line.to_owned(),
        },
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_colour_of_what_they_tell() {
        let on = Colours { on: true };
        assert_eq!(painted("  + Fleet fleet/a", on), format!("  {}", on.good("+ Fleet fleet/a")));
        assert_eq!(painted("    - Fleet fleet/a", on), format!("    {}", on.bad("- Fleet fleet/a")));
        assert_eq!(painted("  ✗ a.yaml:1:1: no", on), format!("  {} a.yaml:1:1: no", on.bad("✗")));
        assert_eq!(painted("demo: 1 step", on), format!("{}: 1 step", on.bold("demo")));
        let field = "      spec.registry: \"a\" → \"b\"";
        assert_eq!(painted(field, on), field);
    }
}
