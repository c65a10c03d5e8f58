//! Stories, told one after another or side by side: each by its name with its time, and all of them even when one fails.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use futures::future::LocalBoxFuture;
use futures::{FutureExt, StreamExt, stream};

use crate::world::World;

/// Longer than any story takes on a busy machine.
const LIMIT: Duration = Duration::from_mins(12);

/// One story.
#[derive(Clone, Copy)]
pub struct Story {
    /// A sentence that is true when the story ends well.
    pub name: &'static str,
    /// The story.
    pub run: for<'a> fn(&'a World) -> LocalBoxFuture<'a, Result<()>>,
}

/// How a story ended.
struct Told {
    story: Story,
    took: Duration,
    outcome: Result<()>,
}

impl Told {
    fn print(&self) {
        let verdict = if self.outcome.is_ok() { "ok" } else { "FAILED" };
        println!("story {} ... {verdict} in {:.1} s", self.story.name, self.took.as_secs_f64());
        if let Err(error) = &self.outcome {
            println!("  {}", format!("{error:#}").replace('\n', "\n  "));
        }
    }
}

/// Tells the stories, at most `at_once` at a time. Returns the names of those that failed.
pub async fn tell(world: &World, stories: &[Story], at_once: usize) -> Vec<&'static str> {
    let mut told = stream::iter(stories.iter().map(|story| one(world, *story))).buffer_unordered(at_once);
    let mut failed = Vec::new();
    while let Some(told) = told.next().await {
        told.print();
        if told.outcome.is_err() {
            failed.push(told.story.name);
        }
    }
    failed
}

/// A panic is a failure of this story and no other.
async fn one(world: &World, story: Story) -> Told {
    let begun = Instant::now();
    let run = std::panic::AssertUnwindSafe((story.run)(world)).catch_unwind();
    let outcome = match tokio::time::timeout(LIMIT, run).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(anyhow!("it panicked; see above")),
        Err(_) => Err(anyhow!("it did not end within {} s", LIMIT.as_secs())),
    };
    Told { story, took: begun.elapsed(), outcome }
}
