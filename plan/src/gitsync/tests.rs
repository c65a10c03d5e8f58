//! Cases as text, and properties of all cases.

mod cases;
mod files;
mod kinds;
mod opt_out;
mod previews;
mod properties;
mod world;
