//! A fleet of real services on the local cluster: their repositories, a git server that builds an image for every
//! pushed commit, and the images they stand on.

mod git_server;
mod repository;

pub use git_server::GitServer;
pub use repository::{Change, Repository, TRUNK};
