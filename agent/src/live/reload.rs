//! The command that makes a service take up its new code.

use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How often it is looked whether the command has ended.
const STEP: Duration = Duration::from_millis(10);
/// How long the output of what the command left running is waited for.
const LAST_OUTPUT: Duration = Duration::from_millis(200);

/// Runs it, and writes what it prints. The code is none when it took too long. What it leaves running goes on.
pub(super) fn run(
    command: &str,
    folder: &Path,
    limit: Duration,
    to: &mut impl Write,
) -> io::Result<Option<i32>> {
    let (mut reader, writer) = io::pipe()?;
    let mut words = Command::new("sh");
    words.args(["-c", command]).current_dir(folder).process_group(0);
    let child = words.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // It holds the writing end of the pipe.
    drop(words);
    let (sender, printed) = mpsc::sync_channel(16);
    thread::spawn(move || {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(read @ 1..) = reader.read(&mut buffer) {
            if sender.send(buffer.get(..read).unwrap_or_default().to_vec()).is_err() {
                return;
            }
        }
    });
    let ended = end_of(child, limit);
    let mut quiet_since = None;
    loop {
        match printed.recv_timeout(STEP) {
            Ok(bytes) => to.write_all(&bytes).and_then(|()| to.flush())?,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if quiet_since.is_none() && ended.is_over() {
            quiet_since = Some(Instant::now());
        }
        if quiet_since.is_some_and(|since| since.elapsed() > LAST_OUTPUT) {
            break;
        }
    }
    Ok(ended.code())
}

/// A process that is waited for.
struct Ending(thread::JoinHandle<Option<ExitStatus>>);

impl Ending {
    fn is_over(&self) -> bool {
        self.0.is_finished()
    }

    fn code(self) -> Option<i32> {
        let status = self.0.join().ok().flatten()?;
        status.code().or(status.signal().map(|signal| 128 + signal))
    }
}

fn end_of(child: Child, limit: Duration) -> Ending {
    Ending(thread::spawn(move || wait(child, limit)))
}

fn wait(mut child: Child, limit: Duration) -> Option<ExitStatus> {
    let group = Pid::from_raw(child.id().cast_signed());
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || tell(&mut child, &sender));
    if let Ok(status) = ended.recv_timeout(limit) {
        return status;
    }
    let _ = killpg(group, Signal::SIGKILL);
    None
}

fn tell(child: &mut Child, to: &Sender<Option<ExitStatus>>) {
    // Nobody listens when it took too long.
    let _ = to.send(child.wait().ok());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(command: &str, limit: u64) -> (Option<i32>, String) {
        let mut printed = Vec::new();
        let code = run(command, Path::new("/"), Duration::from_secs(limit), &mut printed).unwrap();
        (code, String::from_utf8(printed).unwrap())
    }

    #[test]
    fn both_outputs_and_the_code_are_told() {
        assert_eq!(ran("pwd; echo oh >&2; exit 3", 60), (Some(3), "/\noh\n".to_owned()));
    }

    #[test]
    fn what_it_leaves_running_is_not_waited_for() {
        assert_eq!(ran("sleep 2 & echo started", 60), (Some(0), "started\n".to_owned()));
    }

    #[test]
    fn what_takes_too_long_is_ended() {
        assert_eq!(ran("echo begun; sleep 600", 1), (None, "begun\n".to_owned()));
    }
}
