//! Cases as text, and properties of all cases.

mod cases;
mod files;
mod previews;
mod properties;
mod world;
