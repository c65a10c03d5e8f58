//! Exit codes. They are part of what users rely on: `docs/cli.md` lists them.

use crate::args::{Call, Verb};

/// How a verb ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// What was asked for did not happen; for `test`: the tests ran and failed; for `diff`: something would change.
    Failed,
    /// Only `test`: the tests could not say. Only `build`: it could not be built. Only `diff`: it could not be told, or something would be refused.
    Undecided,
    /// The arguments are wrong, or no context was named. Nothing was asked of any cluster.
    Usage,
    /// Only `exec`: the command could not be run, or its end is not known.
    NotExecuted,
    /// Ctrl-C.
    Interrupted,
    /// Only `exec`: the command's own code.
    Command(u8),
}

impl Exit {
    /// The code for the shell.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Undecided => 2,
            Self::Usage => 64,
            Self::NotExecuted => 125,
            Self::Interrupted => 130,
            Self::Command(code) => code,
        }
    }

    /// How a verb ends that met this error.
    pub fn of_error(call: &Call, error: &anyhow::Error) -> Self {
        if error.is::<Usage>() {
            return Self::Usage;
        }
        match call {
            Call::Verb(Verb::Test(_) | Verb::Diff(_) | Verb::Build(_)) => Self::Undecided,
            Call::Verb(Verb::Exec(_)) => Self::NotExecuted,
            _ if is_broken_pipe(error) => Self::Done,
            _ => Self::Failed,
        }
    }
}

/// Whether somebody closed the other end of our output, as `head` does: no failure of ours.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// The arguments, or the lack of a context, stand in the way. It says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn call(words: &[&str]) -> Call {
        crate::args::Arguments::try_parse_from([&["slipway"], words].concat()).unwrap().call
    }

    #[test]
    fn the_codes_of_a_test_run_are_its_own() {
        assert_eq!([Exit::Done, Exit::Failed, Exit::Undecided].map(Exit::code), [0, 1, 2]);
        let test = call(&["test", "www", "--commit", "main"]);
        assert_eq!(Exit::of_error(&test, &anyhow::anyhow!("no answer")), Exit::Undecided);
        assert_eq!(Exit::of_error(&test, &Usage("no context".to_owned()).into()), Exit::Usage);
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let gone = anyhow::Error::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert_eq!(Exit::of_error(&call(&["list"]), &gone), Exit::Done);
        assert_eq!(Exit::of_error(&call(&["list"]), &anyhow::anyhow!("no answer")), Exit::Failed);
        let exec = call(&["exec", "www", "--", "true"]);
        assert_eq!(Exit::of_error(&exec, &anyhow::anyhow!("no pod")).code(), 125);
    }
}
