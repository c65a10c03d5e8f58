//! What containers print.

pub mod line;
pub mod source;
pub mod stream;
