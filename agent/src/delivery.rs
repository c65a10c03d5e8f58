//! A result is offered until it is acknowledged.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use slipway_agent::operator;
use ureq::Agent;

use crate::arguments::Order;
use crate::command::Ended;

/// Time before the second attempt; it doubles from one to the next, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// What is left once this process is asked to end.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// Answers after which the same result would be refused again: it is malformed, too large, or another one is stored.
const FINAL: [u16; 4] = [400, 409, 413, 422];
/// Time of one attempt.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read.
const ANSWER_BYTES: u64 = 1_024;

/// Why a result did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    /// The operator will not take it.
    #[error("the operator refuses the result with {status}: {reason}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said.
        reason: String,
    },
    /// Time is up.
    #[error("the result was not taken in time, at last: {0}")]
    GaveUp(String),
}

/// Offers the body until it is acknowledged. The token is read anew each time: the kubelet renews it.
pub fn deliver(order: &Order, body: &[u8], ended: &Ended) -> Result<(), Undelivered> {
    let client = operator::client(PATIENCE);
    let patience = if ended.told_to_stop.is_some() { LAST_WORDS } else { order.give_up_after };
    let mut until = Instant::now() + patience;
    let (mut wait, mut said) = (FIRST_WAIT, String::new());
    loop {
        let Some(problem) = offer(&client, &order.url, &order.token_file, body)? else { return Ok(()) };
        if Instant::now() + wait > until {
            return Err(Undelivered::GaveUp(problem));
        }
        if problem != said {
            eprintln!("slipway-agent: the result is not delivered yet, it is offered again: {problem}");
            said = problem;
        }
        if is_asked_to_end(&ended.signals.asked_to_end, wait) {
            until = until.min(Instant::now() + LAST_WORDS);
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// One attempt; what was in the way, if anything.
fn offer(client: &Agent, url: &str, token_file: &Path, body: &[u8]) -> Result<Option<String>, Undelivered> {
    let token = match std::fs::read_to_string(token_file) {
        Ok(token) => token,
        Err(error) => return Ok(Some(format!("token {} could not be read: {error}", token_file.display()))),
    };
    let request = client
        .post(url)
        .header("authorization", format!("Bearer {}", token.trim()))
        .content_type("application/json");
    let mut response = match request.send(body) {
        Ok(response) => response,
        Err(error) => return Ok(Some(error.to_string())),
    };
    let status = response.status();
    if status.is_success() {
        return Ok(None);
    }
    let reason = response.body_mut().with_config().limit(ANSWER_BYTES).read_to_string().unwrap_or_default();
    let (status, reason) = (status.as_u16(), reason.trim().to_owned());
    if FINAL.contains(&status) {
        return Err(Undelivered::Refused { status, reason });
    }
    Ok(Some(format!("{status} {reason}")))
}

fn is_asked_to_end(asked_to_end: &Receiver<Signal>, wait: Duration) -> bool {
    match asked_to_end.recv_timeout(wait) {
        Ok(_) => true,
        Err(RecvTimeoutError::Timeout) => false,
        Err(RecvTimeoutError::Disconnected) => {
            thread::sleep(wait);
            false
        }
    }
}
