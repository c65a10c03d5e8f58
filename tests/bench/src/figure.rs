//! What was measured.

use serde::Serialize;

/// Figures that belong together.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// The figures, in their order.
    pub figures: Vec<Figure>,
}

/// One measured quantity; less is better.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// In what, as `s`, `ms`, `MB`; empty for a plain number.
    pub unit: &'static str,
    /// One value a run.
    pub samples: Vec<f64>,
    /// What it should not exceed.
    pub at_most: Option<f64>,
    /// What else is to be said, for people.
    pub remark: String,
}

impl Figure {
    /// A quantity without an aim.
    pub fn new(what: impl Into<String>, unit: &'static str, samples: Vec<f64>) -> Self {
        Self { what: what.into(), unit, samples, at_most: None, remark: String::new() }
    }

    /// The median should not exceed this.
    #[must_use]
    pub fn at_most(mut self, limit: f64) -> Self {
        self.at_most = Some(limit);
        self
    }

    /// Says more.
    #[must_use]
    pub fn remark(mut self, remark: impl Into<String>) -> Self {
        self.remark = remark.into();
        self
    }

    /// The middle value; of an even number, the lower one of the two.
    pub fn median(&self) -> f64 {
        percentile(&self.samples, 50)
    }

    /// The largest value.
    pub fn worst(&self) -> f64 {
        percentile(&self.samples, 100)
    }

    /// Whether it is as it should be; none without an aim.
    pub fn holds(&self) -> Option<bool> {
        self.at_most.map(|limit| self.median() <= limit)
    }
}

/// The smallest value that so many percent of all do not exceed; zero of nothing.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// One value divided by another, run by run.
pub fn ratios(of: &[f64], to: &[f64]) -> Vec<f64> {
    of.iter().zip(to).map(|(of, to)| of / to).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&values, 50).to_bits(), 50_f64.to_bits());
        assert_eq!(percentile(&values, 99).to_bits(), 99_f64.to_bits());
        assert_eq!(percentile(&[3.0, 1.0, 2.0], 50).to_bits(), 2_f64.to_bits());
        assert_eq!(percentile(&[], 50).to_bits(), 0_f64.to_bits());
    }
}
