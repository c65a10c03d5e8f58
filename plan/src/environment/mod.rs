//! An environment: what it runs, what that means in objects, and what is said of it.

mod active;
pub mod blocked;
pub mod decide;
mod decision;
mod ending;
mod facts;
mod fixed;
pub mod life;
pub mod lock;
pub mod namespace;
mod obstacle;
pub mod pods;
pub mod readiness;
pub mod report;
pub mod resolve;
pub mod restart;
mod run;
pub mod starts;
