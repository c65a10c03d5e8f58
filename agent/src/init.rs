//! The start of a fat container: to the wanted commits, then its services, until it is told to end.

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use slipway_agent::converge::{self, Steps, Wanted};
use slipway_agent::delta::Delta;
use slipway_agent::service::{self, Serving};
use slipway_agent::{InitOrder, StartRecord, StepRecord};

use crate::outcome;

/// Brings up, and serves until a signal asks to end. A container that does not come up says why as it ends.
pub fn init(order: &InitOrder) -> ExitCode {
    // It may be on a volume that has seen this container start before.
    let _ = fs::remove_file(&order.record);
    let mut record = StartRecord { identity: order.identity.clone(), ..StartRecord::default() };
    match come_up(order, &mut record).and_then(|()| serve(order, &record)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let reason = format!("{error:#}");
            record.error = Some(reason.clone());
            write(order, &record);
            outcome::failed(&order.termination_log, &reason)
        }
    }
}

/// The image's commits become the wanted ones.
fn come_up(order: &InitOrder, record: &mut StartRecord) -> anyhow::Result<()> {
    record.image = converge::image(&order.folders)?;
    if Delta::between(record.image.as_ref(), &order.identity).is_nothing() {
        return Ok(());
    }
    let wanted = Wanted {
        identity: &order.identity,
        sources: &order.sources,
        folders: &order.folders,
        provisioner: &order.provisioner,
        newest: order.newest,
    };
    let mut steps = Steps::default();
    let done = converge::converge(&wanted, record.image.as_ref(), &mut steps, &mut record.provision);
    record.steps = steps.0;
    Ok(done?)
}

fn serve(order: &InitOrder, record: &StartRecord) -> anyhow::Result<()> {
    let begun = Instant::now();
    let serving = Serving {
        identity: &order.identity,
        runit: &order.runit,
        checks: Duration::from_secs(u64::from(order.checks_seconds)),
        grace: Duration::from_secs(u64::from(order.grace_seconds)),
    };
    let up = || {
        let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut record = record.clone();
        record.steps.push(StepRecord { name: "checks".to_owned(), milliseconds });
        eprintln!("slipway-agent: all services are up after {milliseconds} ms");
        write(order, &record);
    };
    Ok(service::run(&serving, up)?)
}

/// What it says is of use to others only; the services run without.
fn write(order: &InitOrder, record: &StartRecord) {
    let folder = order.record.parent().map_or(Ok(()), fs::create_dir_all);
    let part = order.record.with_extension("part");
    let written = folder
        .and_then(|()| fs::write(&part, serde_json::to_vec(record)?))
        .and_then(|()| fs::rename(&part, &order.record));
    if let Err(error) = written {
        eprintln!("slipway-agent: cannot write {}: {error}", order.record.display());
    }
}
