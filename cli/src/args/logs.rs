//! What is written after `slipway logs`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::{Within, duration_text};
use crate::complete;
use crate::log::level::Level;
use crate::log::source::Kind;

/// `slipway logs`.
#[derive(Args, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct Logs {
    /// The services; `tests` are those of an integration run. Unset: all
    #[arg(value_name = "SERVICE", add = ArgValueCompleter::new(complete::services_of_the_environment))]
    pub services: Vec<String>,
    /// Environment.
    #[command(flatten)]
    pub within: Within,
    /// Go on as more is printed, by new pods too, until Ctrl-C
    #[arg(long, short)]
    pub follow: bool,
    /// That many last lines of each container, or `all`. Unset: 200, or all with --since or --level
    #[arg(long, value_name = "LINES", value_parser = tail)]
    pub tail: Option<Tail>,
    /// Only what was printed in that time, for example 10m
    #[arg(long, value_name = "DURATION", value_parser = duration_text)]
    pub since: Option<String>,
    /// Only what services print, or only what tests print. Unset: both
    #[arg(long, value_name = "SOURCE", value_enum)]
    pub source: Option<Kind>,
    /// Only lines of this level and above
    #[arg(long, value_name = "LEVEL", value_enum)]
    pub level: Option<Level>,
    /// Leave out lines whose level is not known, too
    #[arg(long, requires = "level")]
    pub strict_level: bool,
    /// What the container printed before it was last restarted
    #[arg(long, short, conflicts_with = "follow")]
    pub previous: bool,
    /// Put the time before every line
    #[arg(long, short)]
    pub timestamps: bool,
}

/// Last lines of each container, where nothing else is said.
const TAIL: u32 = 200;

impl Logs {
    /// How many last lines: none is all of them.
    pub fn last_lines(&self) -> Option<u32> {
        match self.tail {
            Some(Tail::Lines(lines)) => Some(lines),
            Some(Tail::All) => None,
            // These say by themselves what is wanted; lines are counted before they are filtered.
            None if self.since.is_some() || self.level.is_some() => None,
            None => Some(TAIL),
        }
    }
}

/// How many of a log's last lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// All lines.
    All,
    /// That many.
    Lines(u32),
}

fn tail(text: &str) -> Result<Tail, String> {
    match text.parse() {
        Ok(lines) => Ok(Tail::Lines(lines)),
        Err(_) if text == "all" => Ok(Tail::All),
        Err(_) => Err("write a number of lines, or `all`".to_owned()),
    }
}
