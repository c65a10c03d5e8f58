//! What is shown, and where: results on standard output, everything else on standard error, so that pipes stay clean.

pub mod checklist;
pub mod colours;
pub mod elapsed;
pub mod objects;
pub mod preview;
pub mod progress;
pub mod ready;
pub mod run;
pub mod standing;
pub mod table;

use std::io::{IsTerminal as _, Write};

use crate::args::Format;
use colours::Colours;

/// Clears a terminal and goes to its first line.
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";

/// The two streams of a program.
pub struct Output {
    /// Results.
    pub stdout: Box<dyn Write>,
    /// What happens meanwhile.
    pub stderr: Box<dyn Write>,
    /// Colours of standard output.
    pub colours: Colours,
    /// Colours of standard error.
    pub colours_of_news: Colours,
    /// Whether standard error is a terminal, on which progress is redrawn in place.
    pub redraws: bool,
}

impl Output {
    /// The streams of this process.
    pub fn of_process(no_color: bool) -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let wanted =
            !no_color && variable("NO_COLOR").is_none() && variable("TERM").as_deref() != Some("dumb");
        let (stdout, stderr) = (std::io::stdout(), std::io::stderr());
        Self {
            colours: Colours { on: wanted && stdout.is_terminal() },
            colours_of_news: Colours { on: wanted && stderr.is_terminal() },
            redraws: stderr.is_terminal() && variable("TERM").as_deref() != Some("dumb"),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
        }
    }

    /// Begins to show something anew: a terminal is cleared first.
    pub fn begin_anew(&mut self, headline: &str, format: Format) -> std::io::Result<()> {
        if self.colours.on && format == Format::Text {
            write!(self.stdout, "{CLEAR}{headline}\n\n")?;
        }
        Ok(())
    }

    /// A line of news. News that nobody reads any more are no reason to stop.
    pub fn say(&mut self, line: &str) {
        drop(writeln!(self.stderr, "{line}"));
    }
}
