//! What a process has used, as the kernel counts it.

use std::fs;

use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};

/// Parts of a second in which the kernel tells CPU time: on Linux the same for every program.
const TICKS: f64 = 100.0;

/// What a process has used.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Seconds of CPU since its start.
    pub cpu: f64,
    /// Megabytes of memory that it has now.
    pub resident: f64,
    /// The most megabytes that it had since [`forget_peak`].
    pub peak: f64,
}

impl Usage {
    /// Of a process that runs.
    pub fn of(id: u32) -> Result<Self> {
        let read = |file: &str| {
            let path = format!("/proc/{id}/{file}");
            fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
        };
        let status = read("status")?;
        let cpu = cpu_ticks(&read("stat")?).context("the kernel tells no CPU time")? / TICKS;
        let megabytes = |field| kilobytes(&status, field).map(|kilobytes| kilobytes / 1000.0);
        let resident = megabytes("VmRSS:").context("the kernel tells no memory")?;
        let peak = megabytes("VmHWM:").context("the kernel tells no peak of memory")?;
        Ok(Self { cpu, resident, peak })
    }
}

/// From now on a new peak is counted.
pub fn forget_peak(id: u32) -> Result<()> {
    fs::write(format!("/proc/{id}/clear_refs"), "5").context("cannot reset the peak of memory")
}

/// Seconds of CPU of all child processes that have ended.
pub fn cpu_of_children() -> Result<f64> {
    let used = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| {
        std::time::Duration::new(time.tv_sec().unsigned_abs(), 0).as_secs_f64()
            + std::time::Duration::from_micros(time.tv_usec().unsigned_abs()).as_secs_f64()
    };
    Ok(seconds(used.user_time()) + seconds(used.system_time()))
}

/// User and system time; the program's name before them may have spaces.
fn cpu_ticks(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

/// The kernel's kB are of 1024 bytes.
fn kilobytes(status: &str, field: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let count: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(count * 1.024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_time() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.resident > 0.0 && usage.peak >= usage.resident, "{usage:?}");
    }

    #[test]
    fn a_name_with_spaces_and_brackets_is_passed_over() {
        let stat = "1 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0";
        assert_eq!(cpu_ticks(stat), Some(200.0));
    }
}
