//! A result is offered until it is acknowledged.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use slipway_agent::{ReportTo, operator};
use ureq::Agent;

/// Time before the second attempt; it doubles from one to the next, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// What is left once this process is asked to end.
pub const LAST_WORDS: Duration = Duration::from_secs(10);
/// Answers after which the same result would be refused again: it is malformed, too large, or another one is stored.
const FINAL: [u16; 4] = [400, 409, 413, 422];
/// Time of one attempt.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time of the only attempt.
const SOON: Duration = Duration::from_secs(5);
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

/// What is delivered, where to, and for how long it is offered.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Where it goes.
    pub to: &'a ReportTo,
    /// The JSON.
    pub body: &'a [u8],
    /// How long it is offered.
    pub patience: Duration,
}

impl Delivery<'_> {
    /// Offers the body until it is acknowledged. The token is read anew each time: the kubelet renews it.
    pub fn deliver(&self, asked_to_end: &Receiver<Signal>) -> Result<(), Undelivered> {
        let client = operator::client(PATIENCE);
        let mut until = Instant::now() + self.patience;
        let (mut wait, mut said) = (FIRST_WAIT, String::new());
        loop {
            let Some(problem) = offer(&client, self.to, self.body)? else { return Ok(()) };
            if Instant::now() + wait > until {
                return Err(Undelivered::GaveUp(problem));
            }
            if problem != said {
                eprintln!("slipway-agent: the result is not delivered yet, it is offered again: {problem}");
                said = problem;
            }
            if is_asked_to_end(asked_to_end, wait) {
                until = until.min(Instant::now() + LAST_WORDS);
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// Offers something once, and soon gives up: there will be other news, or it is of use to others only.
pub fn mention(to: &ReportTo, body: &[u8]) {
    let said = offer(&operator::client(SOON), to, body);
    let problem = said.unwrap_or_else(|refused| Some(refused.to_string()));
    if let Some(problem) = problem {
        eprintln!("slipway-agent: the operator was not told how it goes: {problem}");
    }
}

/// One attempt; what was in the way, if anything.
fn offer(client: &Agent, to: &ReportTo, body: &[u8]) -> Result<Option<String>, Undelivered> {
    let token = match std::fs::read_to_string(&to.token_file) {
        Ok(token) => token,
        Err(error) => {
            return Ok(Some(format!("token {} could not be read: {error}", to.token_file.display())));
        }
    };
    let request = client
        .post(&to.url)
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
