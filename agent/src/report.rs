//! The result of a command, as it is delivered: `POST <url>` with this as JSON and the one-run token as bearer.

use serde::{Deserialize, Serialize};

/// Most bytes of one delivery; the operator reads no more.
pub const MAX_DELIVERY_BYTES: usize = 1024 * 1024;

/// How a command ended, and what it left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Code the command ended with, 128 and the signal's number when a signal ended it; none when it never ran.
    pub exit_code: Option<i32>,
    /// Why the code says nothing about the tests, if so: the command could not start, or was told to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long the command ran.
    pub seconds: u64,
    /// The end of what it wrote to standard output and standard error.
    pub log: String,
    /// Bytes of the log before that.
    #[serde(default)]
    pub log_cut: u64,
    /// The JUnit files.
    #[serde(default)]
    pub files: Vec<ReportFile>,
    /// What was left out or could not be read.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One JUnit file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportFile {
    /// Its path as the glob matched it.
    pub path: String,
    /// Its text; bytes that are not UTF-8 are replaced.
    pub content: String,
}

/// Bytes of a text once it is a JSON string: control characters take six.
pub fn encoded_len(text: &str) -> usize {
    let escaped = |c: char| match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    };
    text.chars().map(escaped).sum::<usize>() + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoded_length_is_that_of_the_json() {
        let all: String = (0..=0x7f_u8).map(char::from).chain("é√🛥".chars()).collect();
        assert_eq!(encoded_len(&all), serde_json::to_string(&all).unwrap().len());
    }

    #[test]
    fn the_field_names_are_those_of_the_wire() {
        let file = ReportFile { path: "a.xml".to_owned(), content: "<x/>".to_owned() };
        let report =
            Report { exit_code: Some(1), log: "hi".to_owned(), files: vec![file], ..Report::default() };
        let expected = r#"{"exitCode":1,"seconds":0,"log":"hi","logCut":0,"files":[{"path":"a.xml","content":"<x/>"}],"notes":[]}"#;
        assert_eq!(serde_json::to_string(&report).unwrap(), expected);
        assert_eq!(serde_json::from_str::<Report>(expected).unwrap(), report);
    }
}
