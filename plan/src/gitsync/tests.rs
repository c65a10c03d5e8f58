//! Cases as text, and properties of all cases.

mod cases;
mod files;
mod kinds;
mod properties;
mod world;
