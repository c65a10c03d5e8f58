//! The operator: gathers, applies, reports.

pub mod git;
