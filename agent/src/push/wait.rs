//! Waits until the build beside this container has ended, and says meanwhile how far it is.

use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use slipway_agent::record::{PROGRESS, RECORD};
use slipway_agent::{BuildProgress, BuildRecord, PushOrder, plain_file};

use super::tell;

/// How often is looked.
const PERIOD: Duration = Duration::from_millis(250);
/// Most bytes of what a build says of itself; with all that may be in it, a record has half of that.
const RECORD_BYTES: u64 = 768 * 1024;

/// How the wait ended.
pub enum Waited {
    /// There is a layer.
    Built(Box<BuildRecord>),
    /// There is none, and the record says why.
    Failed(Box<BuildRecord>),
    /// There is no record.
    InVain(String),
}

/// Waits for as long as the order says.
pub fn for_the_build(order: &PushOrder) -> Waited {
    let until = Instant::now() + Duration::from_secs(u64::from(order.wait_seconds));
    let mut told = BuildProgress::default();
    loop {
        match read::<BuildRecord>(&order.input.join(RECORD)) {
            Ok(Some(record)) => return judged(order, record),
            Ok(None) => {}
            Err(error) => {
                return Waited::InVain(format!("what the build says of itself is unreadable: {error}"));
            }
        }
        // What is not whole yet is read again.
        if let Ok(Some(progress)) = read::<BuildProgress>(&order.input.join(PROGRESS))
            && progress != told
        {
            tell(order, progress.clone());
            told = progress;
        }
        if Instant::now() > until {
            let step = told.step.unwrap_or_else(|| "its first step".to_owned());
            let seconds = order.wait_seconds;
            return Waited::InVain(format!("the build did not end within {seconds} s; it was at {step}"));
        }
        thread::sleep(PERIOD);
    }
}

fn judged(order: &PushOrder, record: BuildRecord) -> Waited {
    if record.identity != order.identity {
        return Waited::InVain("what was built is not what was ordered".to_owned());
    }
    if record.error.is_some() { Waited::Failed(Box::new(record)) } else { Waited::Built(Box::new(record)) }
}

/// None when it is not there.
fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match plain_file::read(path, RECORD_BYTES) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
