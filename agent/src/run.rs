//! A command is run, and how it ended is delivered.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use slipway_agent::Report;

use crate::arguments::Order;
use crate::command::{self, Ended};
use crate::delivery::{Delivery, LAST_WORDS};
use crate::junit::{self, Collected};

/// The command could not start, as shells say it.
const NOT_STARTED: u8 = 127;
/// The result was not delivered, as in sysexits.h: the Job fails, and the operator asks why.
const UNDELIVERED: u8 = 75;

/// Runs the command, delivers the result, and ends with the command's own code once it is acknowledged.
pub fn run(order: &Order) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let ended = command::run(&order.command)?;
    let report = report(order, &ended, begun.elapsed().as_secs());
    let body = serde_json::to_vec(&report).context("failed to write the result as JSON")?;
    let patience = if ended.told_to_stop.is_some() { LAST_WORDS } else { order.give_up_after };
    let delivery = Delivery { to: &order.report, body: &body, patience };
    match delivery.deliver(&ended.signals.asked_to_end) {
        Ok(()) => Ok(ended.code.map_or(NOT_STARTED, |code| u8::try_from(code).unwrap_or(u8::MAX)).into()),
        Err(undelivered) => {
            eprintln!("slipway-agent: {undelivered}");
            Ok(ExitCode::from(UNDELIVERED))
        }
    }
}

fn report(order: &Order, ended: &Ended, seconds: u64) -> Report {
    let (log, log_cut) = ended.log.end();
    let Collected { files, notes } = order.glob.as_deref().map(junit::collect).unwrap_or_default();
    let told =
        ended.told_to_stop.map(|signal| format!("the tests were told to stop by {signal} before they ended"));
    let error = ended.error.clone().or(told);
    Report { exit_code: ended.code, error, seconds, log, log_cut, files, notes }
}
