//! Durations as YAML authors write them: `30s`, `1h30m`, `7d`.

use jiff::SignedDuration;

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration: write whole numbers with s, m, h or d, for example 90m or 7d")]
pub struct NotADuration(pub String);

/// The duration a text stands for; a day has 24 hours.
pub fn parse(text: &str) -> Result<SignedDuration, NotADuration> {
    let wrong = || NotADuration(text.to_owned());
    let mut total = SignedDuration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let seconds = tail.chars().next().and_then(seconds_of).ok_or_else(wrong)?;
        let part = number.parse::<i64>().ok().and_then(|n| n.checked_mul(seconds)).ok_or_else(wrong)?;
        total = total.checked_add(SignedDuration::from_secs(part)).ok_or_else(wrong)?;
        rest = &tail[1..];
    }
    if text.is_empty() { Err(wrong()) } else { Ok(total) }
}

fn seconds_of(unit: char) -> Option<i64> {
    match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3_600),
        'd' => Some(86_400),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_sums_of_units() {
        assert_eq!(parse("1h30m"), Ok(SignedDuration::from_secs(5_400)));
        assert_eq!(parse("7d"), Ok(SignedDuration::from_hours(168)));
        for bad in ["", "5", "h", "5x", "-5s", "99999999999999999999s", "é", "1é"] {
            assert_eq!(parse(bad), Err(NotADuration(bad.to_owned())));
        }
    }
}
