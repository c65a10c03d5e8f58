//! One line of a log, and how it looks beside those of other services.

use jiff::Timestamp;

use crate::output::colours::Colours;

/// A line, as the API server gives it when times are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was printed.
    pub at: Option<Timestamp>,
    /// What was printed.
    pub text: String,
}

impl Line {
    /// Reads `2026-11-22T10:00:00.123456789Z text`; bytes that are no text are replaced.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end_matches(['\n', '\r']);
        let (head, rest) = text.split_once(' ').unwrap_or((text, ""));
        match head.parse() {
            Ok(at) => Self { at: Some(at), text: rest.to_owned() },
            Err(_) => Self { at: None, text: text.to_owned() },
        }
    }
}

/// How lines of several services are told apart.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Width of the widest label.
    pub width: usize,
    /// Colours.
    pub colours: Colours,
    /// Whether each line begins with its time.
    pub timestamps: bool,
}

impl Look {
    /// The line with its service before it.
    pub fn line(&self, service: &str, label: &str, line: &Line) -> String {
        let width = self.width;
        let prefix = self.colours.of_service(service, &format!("{label:>width$} │"));
        let time = line.at.filter(|_| self.timestamps).map(|at| format!(" {at}")).unwrap_or_default();
        format!("{prefix}{time} {}\n", line.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_line_is_parted_from_its_time() {
        let parsed = Line::parse(b"2026-11-22T10:00:00.5Z GET / 200\r\n");
        assert_eq!(parsed, Line { at: Some(at("2026-11-22T10:00:00.5Z")), text: "GET / 200".to_owned() });
        assert_eq!(Line::parse(b"2026-11-22T10:00:00Z \n").text, "");
        assert_eq!(Line::parse(b"no time here"), Line { at: None, text: "no time here".to_owned() });
        assert_eq!(Line::parse(b"2026-11-22T10:00:00Z \xff!").text, "\u{fffd}!");
    }

    #[test]
    fn labels_are_aligned() {
        let line = Line { at: Some(at("2026-11-22T10:00:00Z")), text: "GET /".to_owned() };
        let plain = Look { width: 8, colours: Colours::default(), timestamps: false };
        assert_eq!(plain.line("www", "www", &line), "     www │ GET /\n");
        let timed = Look { timestamps: true, ..plain };
        assert_eq!(timed.line("www", "www", &line), "     www │ 2026-11-22T10:00:00Z GET /\n");
    }
}
