//! What is counted. Labels come from enums only, never from an object's name.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// Which kind, and how it went.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outcome {
    /// For example `DevEnvironment`.
    pub kind: &'static str,
    /// `ok`, `failed` or `panicked`.
    pub outcome: &'static str,
}

/// What is counted.
#[derive(Clone, Debug)]
pub struct Metrics {
    reconciles: Family<Outcome, Counter>,
    durations: Histogram,
}

impl Metrics {
    /// Registers everything.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            reconciles: Family::default(),
            durations: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
        };
        registry.register("slipway_reconciles", "Reconciles by kind and outcome", metrics.reconciles.clone());
        registry.register_with_unit(
            "slipway_reconcile_duration",
            "How long a reconcile takes",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        metrics
    }

    /// Counts one reconcile.
    pub fn reconciled(&self, kind: &'static str, outcome: &'static str, took: std::time::Duration) {
        self.reconciles.get_or_create(&Outcome { kind, outcome }).inc();
        self.durations.observe(took.as_secs_f64());
    }
}
