//! A fleet of real services on the local cluster: their repositories, a git server that builds an image for every
//! pushed commit, the images they stand on, and the operator.

mod base_image;
mod demo;
mod environment;
mod fat_base;
mod fleet;
mod git_server;
mod hook;
mod install;
mod journey;
mod layer_cache;
mod programs;
mod push;
mod recipe;
mod repositories;
mod repository;
mod run;
mod service_image;
mod sources;
mod steps;
mod store_images;
mod waiting;

pub use base_image::BaseLayers;
pub use demo::{Demo, DemoOptions, GIT_HOST, NAMESPACE};
pub use environment::is_ready;
pub use fat_base::FatBase;
pub use fleet::DemoFleet;
pub use git_server::GitServer;
pub use hook::build_pushed;
pub use install::Installation;
pub use journey::{Journey, get, travel, travel_within};
pub use layer_cache::LayerCache;
pub use programs::Program;
pub use push::Pushed;
pub use repositories::{BUILT, FLEET, OPS, Repositories};
pub use repository::{Change, Repository, TRUNK};
pub use run::{End, run};
pub use service_image::{Built, ServiceImages};
pub use sources::Sources;
pub use store_images::StoreImages;
pub use waiting::wait_for;
