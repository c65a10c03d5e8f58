//! How grave a line is, read from what services usually print: JSON, `key=value`, and text.

use clap::ValueEnum;
use serde_json::Value;

/// How grave a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Level {
    /// Every step
    Trace,
    /// For whoever looks for a mistake
    Debug,
    /// What usually happens
    Info,
    /// It may go wrong
    Warn,
    /// It went wrong
    Error,
}

/// Names of the field that holds the level.
const FIELDS: [&str; 6] = ["level", "severity", "lvl", "levelname", "log.level", "loglevel"];
/// A level in a text is among its first words: later on it is what the text is about.
const HEAD: usize = 8;

/// The level of a line, if it says one.
pub fn detect(line: &str) -> Option<Level> {
    let line = line.trim_start();
    if line.starts_with('{') {
        return of_json(line);
    }
    of_key_value(line).or_else(|| of_redis(line)).or_else(|| of_klog(line)).or_else(|| of_text(line))
}

fn of_json(line: &str) -> Option<Level> {
    let value: Value = serde_json::from_str(line).ok()?;
    let field = FIELDS.iter().find_map(|field| value.get(field)).or_else(|| value.pointer("/log/level"))?;
    match field {
        Value::String(word) => of_word(word),
        Value::Number(number) => number.as_u64().and_then(of_number),
        _ => None,
    }
}

/// The numbers of bunyan and pino.
fn of_number(number: u64) -> Option<Level> {
    match number {
        10..20 => Some(Level::Trace),
        20..30 => Some(Level::Debug),
        30..40 => Some(Level::Info),
        40..50 => Some(Level::Warn),
        50..=60 => Some(Level::Error),
        _ => None,
    }
}

fn of_key_value(line: &str) -> Option<Level> {
    let value = |word: &str| {
        let (key, value) = word.split_once('=')?;
        FIELDS.contains(&key).then(|| of_word(value.trim_matches('"')))?
    };
    line.split_ascii_whitespace().find_map(value)
}

/// `1:M 22 Nov 2026 16:11:06.862 * Ready`
fn of_redis(line: &str) -> Option<Level> {
    let words: Vec<_> = line.split_ascii_whitespace().take(6).collect();
    let (pid, role) = words.first()?.split_once(':')?;
    if pid.parse::<u32>().is_err() || !["X", "C", "S", "M"].contains(&role) {
        return None;
    }
    match *words.get(5)? {
        "." => Some(Level::Debug),
        "-" | "*" => Some(Level::Info),
        "#" => Some(Level::Warn),
        _ => None,
    }
}

/// `W1122 10:00:00.000000       1 file.go:1] text`
fn of_klog(line: &str) -> Option<Level> {
    let head = line.split_ascii_whitespace().next()?;
    let (letter, date) = head.split_at_checked(1)?;
    if date.len() != 4 || date.parse::<u16>().is_err() {
        return None;
    }
    match letter {
        "I" => Some(Level::Info),
        "W" => Some(Level::Warn),
        "E" | "F" => Some(Level::Error),
        _ => None,
    }
}

/// A level among the first words: in capitals, in brackets, or before a colon.
fn of_text(line: &str) -> Option<Level> {
    let plain = without_colours(line);
    let is_marked = |word: &str| {
        let capitals = !word.contains(|c: char| c.is_ascii_lowercase());
        capitals || word.starts_with(['[', '<', '(', '|']) || word.ends_with(':')
    };
    let mut marked = plain.split_ascii_whitespace().take(HEAD).filter(|word| is_marked(word));
    marked.find_map(|word| of_word(word.trim_matches(|c: char| !c.is_ascii_alphabetic())))
}

fn of_word(word: &str) -> Option<Level> {
    match word.to_ascii_lowercase().as_str() {
        "trace" => Some(Level::Trace),
        "debug" | "dbg" | "verbose" => Some(Level::Debug),
        "info" | "information" | "inf" | "notice" => Some(Level::Info),
        "warn" | "warning" | "wrn" => Some(Level::Warn),
        "error" | "err" | "fatal" | "critical" | "crit" | "panic" | "alert" | "emerg" | "emergency" => {
            Some(Level::Error)
        }
        _ => None,
    }
}

/// The text without the sequences that colour it on a terminal.
fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_it_in_a_field() {
        assert_eq!(detect(r#"{"level":"WARN","msg":"slow"}"#), Some(Level::Warn));
        assert_eq!(detect(r#"{"severity":"critical","error":"x"}"#), Some(Level::Error));
        assert_eq!(detect(r#"{"level":30,"msg":"error in a text"}"#), Some(Level::Info));
        assert_eq!(detect(r#"{"log":{"level":"debug"}}"#), Some(Level::Debug));
        assert_eq!(detect(r#"{"msg":"ERROR"}"#), None);
        assert_eq!(detect(r#"{"level":"error", cut"#), None);
    }

    #[test]
    fn key_value_says_it_in_a_field() {
        assert_eq!(detect("time=2026-11-22T10:00:00Z level=warn msg=\"no ERROR here\""), Some(Level::Warn));
        assert_eq!(detect("lvl=\"error\" msg=x"), Some(Level::Error));
        assert_eq!(detect("levels=3"), None);
    }

    #[test]
    fn text_says_it_among_its_first_words() {
        for (line, level) in [
            ("2026-11-22 10:00:00,123 - root - WARNING - slow", Level::Warn),
            ("2026/11/22 16:11:08 [error] 7#7: *1 connect() failed", Level::Error),
            ("\u{1b}[2m2026-11-22T10:00:00Z\u{1b}[0m \u{1b}[32m INFO\u{1b}[0m started", Level::Info),
            ("[DEBUG] cache miss", Level::Debug),
            ("warning: unused", Level::Warn),
            ("W1122 10:00:00.000000       1 file.go:1] text", Level::Warn),
            ("1:M 22 Nov 2026 16:11:06.862 * Ready to accept connections", Level::Info),
            ("1:C 22 Nov 2026 16:11:06.862 # no config file", Level::Warn),
        ] {
            assert_eq!(detect(line), Some(level), "{line}");
        }
    }

    #[test]
    fn what_a_text_is_about_is_not_its_level() {
        for line in
            ["an error page is shown", "GET /error 200", "", "the one and only place where it can be WARN"]
        {
            assert_eq!(detect(line), None, "{line}");
        }
    }
}
