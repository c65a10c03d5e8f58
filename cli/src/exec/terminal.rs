//! The terminal, while a command elsewhere has it.

use std::io::{Stdin, stdin};

use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

/// Keys go to the command as they are typed, Ctrl-C too; dropped, the terminal is as it was before.
pub struct Raw {
    stdin: Stdin,
    before: Termios,
}

impl Raw {
    /// Takes the terminal.
    pub fn enter() -> nix::Result<Self> {
        let stdin = stdin();
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(&stdin, SetArg::TCSADRAIN, &raw)?;
        Ok(Self { stdin, before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone needs no mending.
        let _gone = tcsetattr(&self.stdin, SetArg::TCSADRAIN, &self.before);
    }
}

/// Columns and lines of the terminal.
pub fn size() -> Option<(u16, u16)> {
    terminal_size::terminal_size().map(|(width, height)| (width.0, height.0))
}
