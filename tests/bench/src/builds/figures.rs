//! What we take, what the others take, and both as a ratio.

use crate::figure::{Figure, ratios};

/// Two quantities and their ratio, run by run; less than one is faster than the others. Without `ours` only theirs.
pub fn pairs(what: &str, ours: Vec<f64>, beside: &str, theirs: Vec<f64>) -> Vec<Figure> {
    if ours.is_empty() {
        return vec![Figure::new(format!("{what}: {beside}"), "s", theirs)];
    }
    let ratio = Figure::new(format!("  beside {beside}"), "×", ratios(&ours, &theirs));
    vec![Figure::new(what, "s", ours), Figure::new(format!("{what}: {beside}"), "s", theirs), ratio]
}
