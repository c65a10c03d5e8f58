//! Strict YAML: whatever a file says twice, misspells or leaves ambiguous is an error with file, line and column.
//!
//! Stricter than the format: duplicate keys, unknown fields and tags, keys that are no strings, `yes` for `true` and
//! unquoted numbers where text is expected are errors; aliases, nesting and sizes have budgets.

mod value;

use std::fmt;

use serde::de::DeserializeOwned;
use serde_yaml::{DuplicateKeyPolicy, MessageFormatter as _, Options, Spanned, UserMessageFormatter};

use value::Untyped;

/// The largest file that is read, in bytes.
pub const FILE_LIMIT: usize = 1024 * 1024;

/// The most documents in one file.
pub const DOCUMENT_LIMIT: usize = 500;

/// What is wrong in a file, and where. Lines and columns count from one; zero stands for the file as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub struct YamlError {
    /// Path of the file, as its reader knows it.
    pub file: String,
    /// Line in the file.
    pub line: u64,
    /// Column in the line, in characters.
    pub column: u64,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for YamlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => write!(formatter, "{}: {}", self.file, self.message),
            (line, 0) => write!(formatter, "{}:{line}: {}", self.file, self.message),
            (line, column) => write!(formatter, "{}:{line}:{column}: {}", self.file, self.message),
        }
    }
}

impl YamlError {
    /// An error about a file as a whole.
    pub fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: 0, column: 0, message: message.into() }
    }
}

/// One document of a file: its value, and its text for a second, typed look.
#[derive(Clone, Debug, PartialEq)]
pub struct Document<'a> {
    /// Path of the file, as its reader knows it.
    pub file: &'a str,
    /// Line of the file on which the document's content starts.
    pub line: u64,
    /// What it says.
    pub value: serde_json::Value,
    part: Part<'a>,
}

impl Document<'_> {
    /// The document as a `T`; an unknown field is an error when `T` denies it.
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T, YamlError> {
        serde_yaml::from_str_with_options(self.part.text, options())
            .map_err(|error| self.part.error(self.file, &error))
    }

    /// An error about this document as a whole.
    pub fn error(&self, message: impl Into<String>) -> YamlError {
        YamlError { file: self.file.to_owned(), line: self.line, column: 1, message: message.into() }
    }
}

/// All documents of a file that have content, in their order. `file` is only named in errors.
pub fn parse_documents<'a>(file: &'a str, bytes: &'a [u8]) -> Result<Vec<Document<'a>>, YamlError> {
    let parts = split(text(file, bytes)?);
    if parts.len() > DOCUMENT_LIMIT {
        return Err(YamlError::of_file(file, format!("has more than {DOCUMENT_LIMIT} documents")));
    }
    let documents = parts.into_iter().map(|part| part.parse(file));
    documents.filter_map(Result::transpose).collect()
}

/// The only document of a file, as a `T`.
pub fn parse_typed<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T, YamlError> {
    let documents = parse_documents(file, bytes)?;
    match documents.as_slice() {
        [] => Err(YamlError::of_file(file, "is empty")),
        [document] => document.typed(),
        [_, second, ..] => Err(second.error("only one document is expected here")),
    }
}

fn text<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, YamlError> {
    if bytes.len() > FILE_LIMIT {
        return Err(YamlError::of_file(file, format!("has {} bytes, more than {FILE_LIMIT}", bytes.len())));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (line, column) = place(&bytes[..error.valid_up_to()]);
        YamlError { file: file.to_owned(), line, column, message: "is not valid UTF-8 from here".to_owned() }
    })?;
    // At the beginning it only says that this is UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.char_indices().find(|(_, character)| is_refused(*character)) {
        None => Ok(text),
        Some((at, character)) => {
            let (line, column) = place(&text.as_bytes()[..at]);
            let message = format!(
                "character U+{:04X} is not allowed: it cannot be seen, or makes text look like other text",
                u32::from(character)
            );
            Err(YamlError { file: file.to_owned(), line, column, message })
        }
    }
}

/// Whether a character hides others or changes the order in which they are seen: what a reviewer reads is not what is meant.
pub fn is_deceptive(character: char) -> bool {
    matches!(character,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}')
}

fn is_refused(character: char) -> bool {
    let is_control = character.is_control() && !matches!(character, '\t' | '\n' | '\r');
    // YAML 1.1 broke lines at the last two, others do not.
    is_control || is_deceptive(character) || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Line and column of what comes after this text.
fn place(before: &[u8]) -> (u64, u64) {
    let text = String::from_utf8_lossy(before);
    let line = text.matches('\n').count() as u64 + 1;
    let column = text.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
    (line, column)
}

/// The text of one document, and the line of the file on which it starts.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part<'a> {
    first_line: u64,
    text: &'a str,
}

impl<'a> Part<'a> {
    fn parse(self, file: &'a str) -> Result<Option<Document<'a>>, YamlError> {
        let values: Vec<Spanned<Untyped>> = serde_yaml::from_str_multiple_with_options(self.text, options())
            .map_err(|error| self.error(file, &error))?;
        let mut values = values.into_iter();
        let document = values.next().map(|spanned| Document {
            file,
            line: self.line(spanned.referenced),
            value: spanned.value.0,
            part: self,
        });
        match values.next() {
            None => Ok(document),
            Some(_) => Err(YamlError::of_file(file, "has a line break that is neither LF nor CRLF")),
        }
    }

    fn line(self, location: serde_yaml::Location) -> u64 {
        self.first_line + location.line().saturating_sub(1)
    }

    fn error(self, file: &str, error: &serde_yaml::Error) -> YamlError {
        let location = error.location();
        YamlError {
            file: file.to_owned(),
            line: location.map_or(self.first_line, |location| self.line(location)),
            column: location.map_or(0, |location| location.column()),
            message: message(error.without_snippet()),
        }
    }
}

/// The documents of a stream. A line that starts with `---` or `...` is a marker wherever it stands: YAML forbids it
/// inside scalars.
fn split(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut start, mut first_line, mut offset) = (0, 1, 0);
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let end = offset + line.len();
        let cut = match marker(line) {
            Some(Marker::Start) => Some((offset, number)),
            Some(Marker::End) => Some((end, number + 1)),
            None => None,
        };
        if let Some((at, line_after)) = cut {
            parts.push(Part { first_line, text: &text[start..at] });
            (start, first_line) = (at, line_after);
        }
        offset = end;
    }
    parts.push(Part { first_line, text: &text[start..] });
    parts.retain(|part| !part.text.trim().is_empty());
    parts
}

enum Marker {
    Start,
    End,
}

fn marker(line: &str) -> Option<Marker> {
    let (head, tail) = line.split_at_checked(3)?;
    if !tail.is_empty() && !tail.starts_with(char::is_whitespace) {
        return None;
    }
    match head {
        "---" => Some(Marker::Start),
        "..." => Some(Marker::End),
        _ => None,
    }
}

fn options() -> Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_events: 100_000,
            max_nodes: 50_000,
            max_depth: 40,
            flow_nesting_limit: 40,
            max_aliases: 500,
            max_anchors: 500,
            max_merge_keys: 500,
            max_recorded_anchor_events: 50_000,
            max_total_scalar_bytes: FILE_LIMIT,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 20_000,
            max_replay_stack_depth: 8,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        no_schema: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

fn message(error: &serde_yaml::Error) -> String {
    match error {
        serde_yaml::Error::QuotingRequired { value, .. } => {
            format!("text is expected here: write \"{value}\" with quotes")
        }
        serde_yaml::Error::DuplicateMappingKey { key: Some(key), .. } => format!("duplicate key `{key}`"),
        serde_yaml::Error::AliasError { error, .. } => message(error),
        other => UserMessageFormatter.format_message(other).into_owned(),
    }
}

#[cfg(test)]
mod tests;
