//! One line a step, with the time it took, in the cluster's own form.

use std::time::Instant;

use anyhow::{Context, Result};
use slipway_cluster::Progress;

/// Tells the steps of a start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    progress: Progress,
}

impl Steps {
    pub(crate) fn new(progress: Progress) -> Self {
        Self { progress }
    }

    /// Runs a step; its name is also what an error begins with.
    pub(crate) async fn run<T>(self, name: &'static str, step: impl Future<Output = Result<T>>) -> Result<T> {
        let begun = Instant::now();
        let result = step.await.with_context(|| format!("{name}: failed"))?;
        if self.progress == Progress::Lines {
            eprintln!("  {name:<28}{:>6.1} s", begun.elapsed().as_secs_f64());
        }
        Ok(result)
    }
}
