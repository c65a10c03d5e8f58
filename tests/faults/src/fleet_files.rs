//! Files of a fleet's repository.

use serde_json::{Value, json};
use slipway_demo::Change;

use crate::stage::{Stage, fleet_spec};

/// The file of one service, read so often.
pub fn service(stage: &Stage<'_>, name: &str, interval: &str) -> Change {
    let spec = json!({"url": stage.world.git.url("eta"), "interval": interval});
    file("ServiceRepo", name, &spec)
}

/// The file of the Fleet.
pub fn fleet(stage: &Stage<'_>) -> Change {
    file("Fleet", "fleet", &fleet_spec(&stage.world.registry.address()))
}

/// The spec of a `GitSync` of the fleet's repository.
pub fn sync(stage: &Stage<'_>) -> Value {
    json!({"url": stage.url, "interval": "1s", "credentials": {"secret": "git"}})
}

fn file(kind: &str, name: &str, spec: &Value) -> Change {
    let object =
        json!({"apiVersion": "slipway.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec});
    // JSON is YAML.
    Change::write(&format!("{name}.yaml"), object.to_string())
}
