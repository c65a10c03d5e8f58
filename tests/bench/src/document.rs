//! The tables for docs/performance.md, and the same as JSON beside it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::figure::{Figure, Section};

/// Where tables are kept: between two lines of the document, and in a JSON file beside it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    begin: &'static str,
    end: &'static str,
    json: &'static str,
}

/// Of the operator.
pub const OPERATOR: Place = Place {
    begin: "<!-- tables: written by `make bench` -->",
    end: "<!-- end of tables -->",
    json: "performance.json",
};
/// Of builds and syncs, which can be measured alone.
pub const BUILDS: Place = Place {
    begin: "<!-- builds: written by `make bench`, alone by `make bench PART=builds` -->",
    end: "<!-- end of builds -->",
    json: "performance-builds.json",
};

/// All tables as Markdown.
pub fn tables(sections: &[Section]) -> String {
    sections.iter().fold(String::new(), |mut text, section| {
        // Writing to a String does not fail.
        let _ = write!(text, "\n### {}\n\n", section.title);
        text.push_str("| | median | worst | aim | |\n|---|---|---|---|---|\n");
        for figure in &section.figures {
            row(&mut text, figure);
        }
        text
    })
}

fn row(text: &mut String, figure: &Figure) {
    let Figure { what, unit, samples, at_most, remark } = figure;
    let indented = what.replacen("  ", "– ", 1);
    let value = |value: f64| {
        if *unit == "×" { format!("{} ×", digits(value)) } else { format!("{} {unit}", digits(value)) }
    };
    let worst = if samples.len() > 1 { value(figure.worst()) } else { String::new() };
    let aim = at_most.map(|limit| format!("≤ {limit}")).unwrap_or_default();
    let verdict = match figure.holds() {
        Some(true) => "holds",
        Some(false) => "**missed**",
        None => "",
    };
    let said: Vec<&str> = [verdict, remark].into_iter().filter(|said| !said.is_empty()).collect();
    // Writing to a String does not fail.
    let _ =
        writeln!(text, "| {indented} | {} | {worst} | {aim} | {} |", value(figure.median()), said.join("; "));
}

/// Three digits are all that such measurements give.
fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || size.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Puts the tables into their place in a document, and writes the JSON beside it.
pub fn write(document: &Path, place: Place, sections: &[Section], quick: bool) -> Result<()> {
    let Place { begin, end, json: beside } = place;
    let text =
        std::fs::read_to_string(document).with_context(|| format!("cannot read {}", document.display()))?;
    let (before, rest) = text.split_once(begin).context("the document has no place for tables")?;
    let (_, after) = rest.split_once(end).context("the document's place for tables has no end")?;
    let circumstances = circumstances(quick);
    let told = circumstances.as_object().into_iter().flatten();
    let told: Vec<String> = told.map(|(name, value)| format!("{name}: {}", plain(value))).collect();
    let text = format!("{before}{begin}\n\n{}.\n{}{end}{after}", told.join("; "), tables(sections));
    std::fs::write(document, text).with_context(|| format!("cannot write {}", document.display()))?;
    let json = json!({"circumstances": circumstances, "sections": sections});
    std::fs::write(document.with_file_name(beside), format!("{json:#}\n")).context("cannot write the JSON")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// On what, of what and how it was measured.
fn circumstances(quick: bool) -> Value {
    json!({
        "measured": jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
        "commit": said(&["git", "rev-parse", "--short=12", "HEAD"]),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "kernel": said(&["uname", "-r"]),
        "kubernetes": "1.36.3",
        "etcd": "3.6.16, without fsync",
        "kube-controller-manager": "200 requests a second for each controller",
        "operator": if cfg!(debug_assertions) { "debug profile" } else { "release profile" },
        "loader": format!("{} connections of HTTP/1.1", crate::loader::CONNECTIONS),
        "quick": quick,
    })
}

fn said(command: &[&str]) -> String {
    let [program, arguments @ ..] = command else { return String::new() };
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_aim_is_said() {
        let figure = Figure::new("memory", "MB", vec![41.23, 50.0, 39.0]).at_most(40.0);
        let section = Section { title: "Idle".to_owned(), figures: vec![figure] };
        let text = tables(&[section]);
        assert!(text.contains("| memory | 41.2 MB | 50 MB | ≤ 40 | **missed** |"), "{text}");
    }
}
