//! Which of its fleets the demo runs: the one switch.

use crate::repository::TRUNK;

/// A fleet of the demo: the same services, from other branches of their repositories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DemoFleet {
    /// Every service names an image, which the git server makes when a commit is pushed.
    #[default]
    Named,
    /// Services name no image: the operator builds them, of a base image and the ops repository. `eta` alone has an image of its
    /// own.
    Built,
}

impl DemoFleet {
    /// Its namespace.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Named => "demo",
            Self::Built => "fat",
        }
    }

    /// Its repository, and the name of its `GitSync`.
    pub fn repository(self) -> &'static str {
        match self {
            Self::Named => "fleet",
            Self::Built => "fat",
        }
    }

    /// The environment of all services that its repository declares.
    pub fn environment(self) -> &'static str {
        self.namespace()
    }

    /// The branch of the repository of `service` that it builds on.
    pub fn trunk(self, service: &str) -> &'static str {
        match self {
            Self::Built if service != "eta" => "fat",
            Self::Named | Self::Built => TRUNK,
        }
    }
}
