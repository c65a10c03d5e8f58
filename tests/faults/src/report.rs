//! The table of a run of the suite, for `docs/reliability.md`.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::suite::{Outcome, Tried, Trouble, When};

/// Lines between which the table is kept.
const BEGIN: &str = "<!-- table: written by `make crash` -->";
const END: &str = "<!-- end of table -->";

/// The table as Markdown.
pub fn table(tried: &[Tried]) -> String {
    let mut text = String::from(
        "| scenario | writes | killed before | killed after | lies | not come by | other end than the reference run | seconds of runs |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for one in tried {
        row(&mut text, one);
    }
    let writes = tried.iter().map(|one| one.writes).sum::<usize>();
    let runs = tried.iter().map(|one| one.outcomes.len()).sum::<usize>();
    let wrong = tried.iter().map(|one| count(one, |outcome| !outcome.wrong.is_empty())).sum::<usize>();
    // Writing to a String does not fail.
    let _ = writeln!(text, "\n{writes} writes, {runs} runs, {wrong} with another end.");
    text
}

fn row(text: &mut String, tried: &Tried) {
    let time: Duration = tried.outcomes.iter().map(|outcome| outcome.time).sum();
    // Writing to a String does not fail.
    let _ = writeln!(
        text,
        "| {} | {} | {} | {} | {} | {} | {} | {} |",
        tried.scenario,
        tried.writes,
        count(tried, |outcome| matches!(outcome.trouble, Trouble::Kill(When::Before, _))),
        count(tried, |outcome| matches!(outcome.trouble, Trouble::Kill(When::After, _))),
        count(tried, |outcome| matches!(outcome.trouble, Trouble::Lie(_))),
        count(tried, |outcome| !outcome.reached),
        count(tried, |outcome| !outcome.wrong.is_empty()),
        time.as_secs(),
    );
}

fn count(tried: &Tried, wanted: impl Fn(&Outcome) -> bool) -> usize {
    tried.outcomes.iter().filter(|outcome| wanted(outcome)).count()
}

/// Puts the table into a document, in place of the last one.
pub fn write(document: &Path, tried: &[Tried]) -> Result<()> {
    let text =
        std::fs::read_to_string(document).with_context(|| format!("cannot read {}", document.display()))?;
    let (before, rest) = text.split_once(BEGIN).context("the document has no place for a table")?;
    let (_, after) = rest.split_once(END).context("the document's place for a table has no end")?;
    let text = format!("{before}{BEGIN}\n{}{END}{after}", table(tried));
    std::fs::write(document, text).with_context(|| format!("cannot write {}", document.display()))
}
