//! The start of a fat container: to the wanted commits, then its services, until it is told to end.

use std::fs;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use slipway_agent::converge::{self, Said, Steps, Wanted};
use slipway_agent::delta::Delta;
use slipway_agent::order::{Instead, Runit};
use slipway_agent::service::{self, Serving};
use slipway_agent::{InitOrder, StartRecord, StepRecord, plain_file};

use crate::alone;
use crate::delivery::{self, Delivery};
use crate::outcome;

/// How long the operator is told that a container is up.
const GIVE_UP_AFTER: Duration = Duration::from_mins(10);

/// Brings up, and serves until a signal asks to end. A container that does not come up says why as it ends.
pub fn init(order: &InitOrder) -> ExitCode {
    // It may be on a volume that has seen this container start before.
    let _ = fs::remove_file(&order.record);
    let mut record = StartRecord { identity: order.identity.clone(), ..StartRecord::default() };
    match come_up(order, &mut record).and_then(|()| run(order, &record)) {
        Ok(code) => code,
        Err(error) => {
            let reason = format!("{error:#}");
            record.error = Some(reason.clone());
            write(order, &record);
            let code = outcome::failed(&order.termination_log, &reason);
            if let (Some(to), Ok(body)) = (&order.report, serde_json::to_vec(&record)) {
                delivery::mention(to, &body);
            }
            code
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
        assets: order.assets,
        kept: None,
        newest: order.newest,
    };
    let (mut steps, mut said) = (Steps::default(), Said::default());
    let done = converge::converge(&wanted, record.image.as_ref(), &mut steps, &mut said);
    (record.provision, record.assets) = (said.provision, said.assets);
    record.steps = steps.done;
    Ok(done?)
}

fn run(order: &InitOrder, record: &StartRecord) -> anyhow::Result<ExitCode> {
    match &order.instead {
        None => serve(order, &order.runit, record),
        Some(Instead::Service(command)) => serve(order, &alone::services(order, command)?, record),
        Some(Instead::Once(command)) => once(order, command, record),
    }
}

fn serve(order: &InitOrder, runit: &Runit, record: &StartRecord) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let serving = Serving {
        identity: &order.identity,
        runit,
        checks: Duration::from_secs(u64::from(order.checks_seconds)),
        grace: Duration::from_secs(u64::from(order.grace_seconds)),
    };
    let up = || {
        let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut record = record.clone();
        record.steps.push(StepRecord { name: "checks".to_owned(), milliseconds });
        eprintln!("slipway-agent: all services are up after {milliseconds} ms");
        write(order, &record);
        tell(order, &record);
    };
    service::run(&serving, up)?;
    Ok(ExitCode::SUCCESS)
}

/// The first process of the container passes signals on: to this one, and with it to the command.
fn once(order: &InitOrder, command: &str, record: &StartRecord) -> anyhow::Result<ExitCode> {
    write(order, record);
    tell(order, record);
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command).envs(order.identity.environment()).current_dir(alone::folder(order));
    let status = shell.status().context("failed to start /bin/sh")?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Says that it is up, beside what it has to do.
fn tell(order: &InitOrder, record: &StartRecord) {
    let (Some(to), Ok(body)) = (order.report.clone(), serde_json::to_vec(record)) else { return };
    thread::spawn(move || {
        let (_, nobody_asks) = std::sync::mpsc::channel();
        let delivery = Delivery { to: &to, body: &body, patience: GIVE_UP_AFTER };
        if let Err(undelivered) = delivery.deliver(&nobody_asks) {
            eprintln!("slipway-agent: the operator does not know that this is up: {undelivered}");
        }
    });
}

/// What it says is of use to others only; the services run without.
fn write(order: &InitOrder, record: &StartRecord) {
    let folder = order.record.parent().map_or(Ok(()), fs::create_dir_all);
    let written = folder.and_then(|()| plain_file::replace(&order.record, &serde_json::to_vec(record)?));
    if let Err(error) = written {
        eprintln!("slipway-agent: cannot write {}: {error}", order.record.display());
    }
}
