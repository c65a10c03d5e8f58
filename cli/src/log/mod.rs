//! What containers print.

pub mod filter;
pub mod level;
pub mod line;
pub mod source;
pub mod stream;
