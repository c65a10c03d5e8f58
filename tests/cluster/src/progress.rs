//! What a person sees while a cluster is built and started.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Where the steps of a build or start are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Progress {
    /// One line on standard error per step that is done, with its time.
    #[default]
    Lines,
    /// Nowhere.
    Quiet,
}

impl Progress {
    /// Begins a step; the line appears when it is done.
    pub(crate) fn step(self, name: impl Into<String>) -> Step {
        Step { progress: self, name: name.into(), begun: Instant::now() }
    }

    /// One line between the steps.
    pub(crate) fn say(self, line: &str) {
        if self == Self::Lines {
            eprintln!("{line}");
        }
    }

    /// A bar over `length` units; on a terminal only, and gone when dropped.
    pub(crate) fn bar(self, message: String, length: u64) -> ProgressBar {
        let target =
            if self == Self::Lines { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(length), target).with_message(message);
        let style = ProgressStyle::with_template("  {msg} {bar:30} {pos}/{len} packages, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar
    }
}

/// A step under way.
pub(crate) struct Step {
    progress: Progress,
    name: String,
    begun: Instant,
}

impl Step {
    /// The step is done.
    pub(crate) fn done(self) {
        self.progress.say(&line(&self.name, self.begun.elapsed()));
    }
}

fn line(name: &str, took: Duration) -> String {
    format!("  {name:<28}{:>6.1} s", took.as_secs_f64())
}

/// A duration as people say it: "40 s", "3 min".
pub(crate) fn spoken(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..90 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_one_line_with_its_time() {
        assert_eq!(
            line("kube-apiserver", Duration::from_millis(3_940)),
            "  kube-apiserver                 3.9 s"
        );
    }

    #[test]
    fn durations_are_spoken_in_seconds_then_in_whole_minutes() {
        assert_eq!(spoken(Duration::from_secs(40)), "40 s");
        assert_eq!(spoken(Duration::from_secs(121)), "3 min");
    }
}
