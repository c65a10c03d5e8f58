//! Which of its fleets a demo is made with.

/// A fleet of the demo: the same services and stores, under the same names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DemoFleet {
    /// Every service names an image, which the git server makes when a commit is pushed: for stories about other things than
    /// builds. The branch [`crate::BUILT`] of a service names none.
    #[default]
    Named,
    /// Services name no image: the operator builds them, of a base image and the ops repository. `eta` alone has an image of its
    /// own, for the base has no compiler.
    Built,
}

impl DemoFleet {
    /// Its folder in `manifests/demo`.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Named => "fleet",
            Self::Built => "fat",
        }
    }
}
