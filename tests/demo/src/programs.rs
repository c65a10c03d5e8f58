//! The project's other programs, built by cargo beside this one.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// A program of the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The operator.
    Controller,
    /// The static agent.
    Agent,
    /// This crate's own command.
    Demo,
    /// The command line tool.
    Cli,
}

impl Program {
    /// What a fleet with an operator needs.
    pub(crate) const OF_A_FLEET: &[Self] = &[Self::Demo, Self::Controller, Self::Agent];

    /// An error that names the first of them that is not built.
    pub(crate) fn require(programs: &[Self]) -> Result<()> {
        programs.iter().try_for_each(|program| program.path().map(drop))
    }

    /// Name of its file and of its package.
    pub fn name(self) -> &'static str {
        match self {
            Self::Controller => "slipway-controller",
            Self::Agent => "slipway-agent",
            Self::Demo => "slipway-demo",
            Self::Cli => "slipway",
        }
    }

    /// Where it is. Programs lie in the folder of this one, or above it when this is a test; the agent is built for a
    /// named target and has a folder of its own.
    pub fn path(self) -> Result<PathBuf> {
        let me = std::env::current_exe().context("cannot find out where this program is")?;
        let mut profile = me.parent().context("this program is in no folder")?;
        if profile.ends_with("deps") {
            profile = profile.parent().context("this program is in no build folder")?;
        }
        let path = match self {
            Self::Agent => {
                let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
                let name = profile.file_name().unwrap_or_default();
                profile.parent().unwrap_or(profile).join(host).join(name).join(self.name())
            }
            _ => profile.join(self.name()),
        };
        if !path.exists() {
            bail!("{} is not built; run make build", path.display());
        }
        Ok(path)
    }
}
