//! One thing that was looked at.

use kube::Error;
use serde::Serialize;

use crate::api_error::explain;
use crate::output::colours::Colours;

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It may be in the way, or could not be seen.
    Warning,
    /// It is in the way.
    Failed,
}

/// What was looked at, how it stands, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at, in one word.
    pub subject: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// What was found.
    pub message: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

impl Check {
    /// It is as it should be.
    pub fn ok(subject: &'static str, message: impl Into<String>) -> Self {
        Self { subject, verdict: Verdict::Ok, message: message.into(), cure: None }
    }

    /// It may be in the way.
    pub fn warning(subject: &'static str, message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { subject, verdict: Verdict::Warning, message: message.into(), cure: Some(cure.into()) }
    }

    /// It is in the way.
    pub fn failed(subject: &'static str, message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { subject, verdict: Verdict::Failed, message: message.into(), cure: Some(cure.into()) }
    }

    /// It could not be looked at: for want of a right it is a warning.
    pub fn unseen(subject: &'static str, what: &str, error: &Error) -> Self {
        let explained = explain(error);
        let (message, cure) = explained.split_once("\n  ").unwrap_or((&explained, "try again"));
        let message = format!("{what} cannot be seen: {message}");
        if is_forbidden(error) {
            Self::warning(subject, message, cure)
        } else {
            Self::failed(subject, message, cure)
        }
    }
}

/// Whether the API server refused for want of a right.
pub fn is_forbidden(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.code == 403)
}

/// All checks, a line each, and what comes of it.
pub fn told(checks: &[Check], colours: Colours) -> String {
    let width = checks.iter().map(|check| check.subject.len()).max().unwrap_or_default();
    let lines = checks.iter().map(|check| line(check, width, colours));
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let end = match (count(Verdict::Failed), count(Verdict::Warning)) {
        (0, 0) => colours.good("everything is well"),
        (0, _) => colours.waiting("nothing is in the way; look at the lines with !"),
        (1, _) => colours.bad("1 thing is in the way"),
        (count, _) => colours.bad(&format!("{count} things are in the way")),
    };
    format!("{}{end}\n", lines.collect::<String>())
}

fn line(check: &Check, width: usize, colours: Colours) -> String {
    let mark = match check.verdict {
        Verdict::Ok => colours.good("✓"),
        Verdict::Warning => colours.waiting("!"),
        Verdict::Failed => colours.bad("✗"),
    };
    let Check { subject, message, cure, .. } = check;
    let indent = " ".repeat(width + 4);
    let message = message.trim_end().replace('\n', &format!("\n{indent}"));
    let cure = cure.as_ref().map(|cure| format!("{indent}{}\n", colours.bold(cure))).unwrap_or_default();
    format!("{mark} {subject:<width$}  {message}\n{cure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_is_a_line_and_what_is_wrong_has_its_cure() {
        let checks = [
            Check::ok("cluster", "Kubernetes v1.36.3"),
            Check::warning("git", "GitSync fleet is suspended", "remove spec.suspend"),
            Check::failed("nodes", "node a: its disk\nis full", "free some space"),
        ];
        let expected = "\
✓ cluster  Kubernetes v1.36.3
! git      GitSync fleet is suspended
           remove spec.suspend
✗ nodes    node a: its disk
           is full
           free some space
1 thing is in the way
";
        assert_eq!(told(&checks, Colours::default()), expected);
        assert!(told(&checks[..1], Colours::default()).ends_with("everything is well\n"));
        assert!(told(&checks[..2], Colours::default()).ends_with("look at the lines with !\n"));
    }
}
