//! Kills the operator at every write, and lies to it.
//!
//! A [`proxy`] before the API server does what rules say. A [`scenario`] is what a person does; the reference run records
//! its writes, and then there is one run for each of them in which the operator is killed before, and one in which it is
//! killed after it. The [`oracle`] compares how they end.

pub mod fleet_files;
pub mod lie;
pub mod names;
pub mod node;
pub mod operator;
pub mod oracle;
pub mod pair;
pub mod point;
pub mod proxy;
pub mod registry;
pub mod report;
pub mod run;
pub mod scenario;
pub mod stage;
pub mod suite;
pub mod world;
