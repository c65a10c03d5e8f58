//! Times as people read them.

use jiff::{SignedDuration, Timestamp};

/// A length of time, in its two largest units: `45s`, `12m`, `3h 20m`, `5d 2h`.
pub fn span(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let two = |large, large_unit, small, small_unit| match small {
        0 => format!("{large}{large_unit}"),
        _ => format!("{large}{large_unit} {small}{small_unit}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => two(minutes, "m", seconds % 60, "s"),
        (0, _, _) => two(hours, "h", minutes, "m"),
        _ => two(days, "d", hours, "h"),
    }
}

/// How long ago that was.
pub fn since(then: Timestamp, now: Timestamp) -> String {
    span(now.duration_since(then))
}

/// How long until then.
pub fn until(then: Timestamp, now: Timestamp) -> String {
    span(then.duration_since(now))
}

/// A moment to the second, RFC 3339.
pub fn moment(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_at_most_two_units() {
        let told = |seconds| span(SignedDuration::from_secs(seconds));
        assert_eq!([0, 59, 60, 61, 3_600, 12_000].map(told), ["0s", "59s", "1m", "1m 1s", "1h", "3h 20m"]);
        assert_eq!([86_400, 442_801, -5].map(told), ["1d", "5d 3h", "0s"]);
    }

    #[test]
    fn a_moment_has_no_fractions() {
        assert_eq!(moment("2026-11-22T10:00:00.999Z".parse().unwrap()), "2026-11-22T10:00:00Z");
    }
}
