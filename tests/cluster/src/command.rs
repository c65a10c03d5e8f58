//! Running a short command and saying well what went wrong.

use std::process::{Command, Output};

use crate::error::{Error, Result};

/// Runs the command to its end; its failure carries the end of what it printed.
pub(crate) fn run(command: &mut Command) -> Result<Output> {
    let output = command
        .output()
        .map_err(|source| Error::Start { command: command.get_program().display().to_string(), source })?;
    checked(&spelled(command), output)
}

/// The output of a command that succeeded.
pub(crate) fn checked(command: &str, output: Output) -> Result<Output> {
    if output.status.success() {
        return Ok(output);
    }
    let printed = [output.stdout, output.stderr].concat();
    Err(Error::Command {
        command: command.into(),
        output: last_lines(&String::from_utf8_lossy(&printed), 20),
    })
}

/// The command line, for people.
pub(crate) fn spelled(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The last `count` lines of a text.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_a_short_text_are_all_of_it() {
        assert_eq!(last_lines("a\nb\n", 20), "a\nb");
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
    }

    #[test]
    fn a_failed_command_says_what_it_printed() {
        let failure = run(Command::new("sh").args(["-c", "echo no such thing >&2; exit 3"])).unwrap_err();
        assert_eq!(failure.to_string(), "sh -c echo no such thing >&2; exit 3 failed:\nno such thing");
    }
}
