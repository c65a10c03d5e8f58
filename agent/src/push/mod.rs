//! Container 2 of a build pod: waits for the layer, lets it be pushed, and tells the operator all the while.
//!
//! It runs nothing of the repositories and believes nothing that it finds on the volume. The registry is spoken to by
//! `slipway-push`, which is beside this program in the agent's image: TLS and names are needed for that, and by nobody
//! else.

mod image;
mod wait;

use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use slipway_agent::{
    BuildEnded, BuildProgress, BuildRecord, BuildReport, Fault, PushOrder, PushOutcome, StepRecord,
};

use crate::delivery::{self, Delivery};
use crate::outcome;
use wait::Waited;

/// How long the end of a build is offered to the operator.
const GIVE_UP_AFTER: Duration = Duration::from_hours(1);

/// Waits, pushes, tells. It fails when there is no image, or nobody was told of it.
pub fn push(order: &PushOrder) -> anyhow::Result<ExitCode> {
    let ended = end(order);
    let body = serde_json::to_vec(&BuildReport::Ended(Box::new(ended.clone())))
        .context("failed to write the end of the build as JSON")?;
    // Signals are not waited for: whoever ends this container has no use for an image.
    let (_, nobody_asks) = mpsc::channel();
    let told = Delivery { to: &order.report, body: &body, patience: GIVE_UP_AFTER }.deliver(&nobody_asks);
    match (ended.error, told) {
        (None, Ok(())) => Ok(ExitCode::SUCCESS),
        (Some(error), _) => Ok(outcome::failed(&order.termination_log, &error)),
        (None, Err(undelivered)) => Ok(outcome::failed(&order.termination_log, &undelivered.to_string())),
    }
}

fn end(order: &PushOrder) -> BuildEnded {
    let build = match wait::for_the_build(order) {
        Waited::Built(build) => *build,
        Waited::Failed(build) => {
            let (error, fault) = (build.error.clone(), build.fault);
            return BuildEnded { build: *build, image: None, error, fault };
        }
        Waited::InVain(error) => {
            let build = BuildRecord { identity: order.identity.clone(), ..BuildRecord::default() };
            return BuildEnded { build, image: None, error: Some(error), fault: Some(Fault::Surroundings) };
        }
    };
    let progress = BuildProgress { step: Some("push".to_owned()), steps: build.steps.clone() };
    tell(order, progress);
    pushed(order, build)
}

fn pushed(order: &PushOrder, mut build: BuildRecord) -> BuildEnded {
    let begun = Instant::now();
    let outcome = image::push(order);
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    build.steps.push(StepRecord { name: "push".to_owned(), milliseconds });
    match outcome {
        Ok(PushOutcome::Pushed(image)) => BuildEnded { build, image: Some(image), error: None, fault: None },
        Ok(PushOutcome::Failed { error, fault }) => {
            BuildEnded { build, image: None, error: Some(error), fault: Some(fault) }
        }
        Err(error) => {
            let (error, fault) = (Some(format!("{error:#}")), Some(Fault::Surroundings));
            BuildEnded { build, image: None, error, fault }
        }
    }
}

fn tell(order: &PushOrder, progress: BuildProgress) {
    if let Ok(body) = serde_json::to_vec(&BuildReport::Progress(progress)) {
        delivery::mention(&order.report, &body);
    }
}
