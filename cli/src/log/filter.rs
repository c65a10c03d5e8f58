//! Which lines are shown.

use std::collections::BTreeMap;

use super::level::{self, Level};
use super::line::Line;
use super::source::Source;

/// Shows lines by their level.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    least: Option<Level>,
    strict: bool,
    /// What the last line of each source that says a level says.
    last: BTreeMap<Source, Option<Level>>,
}

impl Filter {
    /// Shows lines of this level and above; those whose level is not known unless it is strict.
    pub fn new(least: Option<Level>, strict: bool) -> Self {
        Self { least, strict, last: BTreeMap::new() }
    }

    /// Whether the line is shown. Lines of a source are asked about in their order: an indented one belongs to the one before.
    pub fn shows(&mut self, source: &Source, line: &Line) -> bool {
        let Some(least) = self.least else { return true };
        let goes_on = line.text.starts_with([' ', '\t']);
        let level = match (level::detect(&line.text), self.last.get(source)) {
            (None, Some(before)) if goes_on => *before,
            (level, _) => level,
        };
        self.last.insert(source.clone(), level);
        level.map_or(!self.strict, |level| level >= least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(strict: bool, lines: &[&str]) -> Vec<bool> {
        let source = Source { service: "www".to_owned(), ..Source::default() };
        let mut filter = Filter::new(Some(Level::Warn), strict);
        lines.iter().map(|text| filter.shows(&source, &Line { at: None, text: (*text).to_owned() })).collect()
    }

    #[test]
    fn lines_below_the_level_are_left_out_and_unknown_ones_only_when_told() {
        let lines = ["INFO up", "WARN slow", "ERROR down", "Traceback:"];
        assert_eq!(shown(false, &lines), [false, true, true, true]);
        assert_eq!(shown(true, &lines), [false, true, true, false]);
    }

    #[test]
    fn what_goes_on_belongs_to_the_line_before() {
        let lines = ["DEBUG state", "  a: 1", "ERROR down", "\tat main.c:1", "plain"];
        assert_eq!(shown(true, &lines), [false, false, true, true, false]);
        assert_eq!(shown(false, &lines), [false, false, true, true, true]);
    }
}
