//! Shows a check-list: redrawn in place on a terminal, as lines elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::Output;
use super::checklist::{self, Checklist, Row};
use super::colours::Colours;

/// So many seconds without an answer are worth a word.
const PATIENCE: u32 = 10;

/// A check-list that is being shown.
pub struct Progress {
    shown: Checklist,
    bars: Option<Bars>,
}

impl Progress {
    /// Nothing is shown yet.
    pub fn new(output: &Output) -> Self {
        Self { shown: Checklist::default(), bars: output.redraws.then(|| Bars::new(output.colours_of_news)) }
    }

    /// Shows how far it is now.
    pub fn update(&mut self, output: &mut Output, checklist: Checklist) {
        match &mut self.bars {
            Some(bars) => bars.update(&checklist),
            None => checklist::news(&self.shown, &checklist).iter().for_each(|line| output.say(line)),
        }
        self.shown = checklist;
    }

    /// A line beside the list.
    pub fn say(&self, output: &mut Output, line: &str) {
        match &self.bars {
            Some(bars) => bars.all.suspend(|| output.say(line)),
            None => output.say(line),
        }
    }

    /// Leaves the list as it is.
    pub fn finish(&mut self, output: &mut Output) {
        let Some(bars) = self.bars.take() else { return };
        bars.head.finish_and_clear();
        bars.rows.values().for_each(ProgressBar::abandon);
        if !bars.rows.is_empty() {
            // The cursor is at the end of the last line.
            output.say("");
        }
    }
}

/// Says once that the operator does not answer.
#[derive(Default)]
pub struct Silence {
    seconds: u32,
}

impl Silence {
    /// Called every second.
    pub fn tell(&mut self, answered: bool, progress: &Progress, output: &mut Output) {
        self.seconds = if answered { 0 } else { self.seconds + 1 };
        if self.seconds == PATIENCE {
            progress.say(
                output,
                "the operator does not answer; does it run? kubectl -n slipway-system get deployment,pods",
            );
        }
    }
}

struct Bars {
    all: MultiProgress,
    head: ProgressBar,
    rows: BTreeMap<String, ProgressBar>,
    colours: Colours,
}

impl Bars {
    fn new(colours: Colours) -> Self {
        let all = MultiProgress::new();
        let head = all.add(spinner());
        Self { all, head, rows: BTreeMap::new(), colours }
    }

    fn update(&mut self, checklist: &Checklist) {
        self.head.set_message(checklist.head.clone());
        let gone = |service: &String| !checklist.rows.iter().any(|row| row.service == *service);
        for (_, bar) in self.rows.extract_if(.., |service, _| gone(service)) {
            bar.finish_and_clear();
        }
        let width = checklist.rows.iter().map(|row| row.service.len()).max().unwrap_or_default();
        for row in &checklist.rows {
            self.draw(row, width);
        }
    }

    fn draw(&mut self, row: &Row, width: usize) {
        let all = &self.all;
        let bar = self.rows.entry(row.service.clone()).or_insert_with(|| all.add(spinner()));
        bar.set_prefix(if row.is_ready() { self.colours.good("✓") } else { String::new() });
        bar.set_style(if row.is_ready() {
            style("{prefix} {wide_msg}")
        } else {
            style("{spinner} {wide_msg}")
        });
        bar.set_message(checklist::line(row, width, self.colours));
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_style(style("{spinner} {wide_msg}"));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
