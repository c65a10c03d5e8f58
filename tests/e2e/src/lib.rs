//! What stories on real parts are told with: one cluster with the demo on it, namespaces of a story's own, and looks at
//! what is there. The stories are in `tests/stories`.

pub mod answer;
pub mod audit;
pub mod chart;
pub mod cli;
pub mod containers;
pub mod environment;
pub mod fat;
pub mod git;
pub mod holdback;
pub mod objects;
pub mod operator;
pub mod pods;
pub mod story;
pub mod waiting;
pub mod world;
pub mod yard;

pub use story::{Story, tell};
pub use world::World;
pub use yard::{Layout, Yard};
