//! What `sv status` says of one service.

/// How a service stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its program runs.
    Up {
        /// The process.
        pid: u32,
        /// Since how many seconds.
        seconds: u64,
    },
    /// Its program has ended, and is started again in a second.
    Down,
    /// It is down and is meant to be: its folder has a file `down`.
    Off,
    /// Its program has ended, and what cleans up after it runs.
    Finishing,
    /// runit does not know of it yet.
    Unwatched,
}

/// Reads the line of a service. A second part, after `; `, is about its log.
pub(super) fn parse(line: &str) -> Standing {
    let service = line.split("; ").next().unwrap_or_default();
    let rest = |kind: &str| service.strip_prefix(kind).and_then(|rest| rest.strip_prefix(": "));
    if let Some(rest) = rest("run") {
        if let Some((pid, seconds)) = pid_and_seconds(rest) {
            return Standing::Up { pid, seconds };
        }
    } else if let Some(rest) = rest("down") {
        return if rest.contains("normally up") || rest.contains("want up") {
            Standing::Down
        } else {
            Standing::Off
        };
    } else if rest("finish").is_some() {
        return Standing::Finishing;
    }
    Standing::Unwatched
}

/// From `/etc/service/www: (pid 12) 3s, want down`.
fn pid_and_seconds(rest: &str) -> Option<(u32, u64)> {
    let (pid, after) = rest.rsplit_once("(pid ")?.1.split_once(") ")?;
    let seconds = after.split_once('s')?.0;
    Some((pid.parse().ok()?, seconds.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_sv_are_understood() {
        let cases = [
            ("run: /etc/service/www: (pid 12) 3s", Standing::Up { pid: 12, seconds: 3 }),
            (
                "run: /a b: (pid 1) x: (pid 12) 30s; run: log: (pid 9) 1s",
                Standing::Up { pid: 12, seconds: 30 },
            ),
            ("run: www: (pid 12) 3s, normally down", Standing::Up { pid: 12, seconds: 3 }),
            ("down: www: 1s, normally up, want up", Standing::Down),
            ("down: www: 1s, want up", Standing::Down),
            ("down: www: 8s", Standing::Off),
            ("down: www: 8s; run: log: (pid 9) 1s, normally up", Standing::Off),
            ("finish: www: (pid 12) 0s", Standing::Finishing),
            ("fail: www: runsv not running", Standing::Unwatched),
            ("warning: www: unable to open supervise/ok: file does not exist", Standing::Unwatched),
            ("", Standing::Unwatched),
        ];
        for (line, standing) in cases {
            assert_eq!(parse(line), standing, "{line}");
        }
    }
}
