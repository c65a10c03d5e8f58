//! In which way the API server keeps what was written: `1000m` as `1`, `4` where `"4"` was declared. What it keeps in its own
//! way is no drift, and writing it again would change nothing.

use std::collections::BTreeMap;

use crate::diff::{self, Cause, Plan, Step};
use crate::object::Observed;

/// For each object, by UID, how its declared fields were kept when they were written last, where that differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled(BTreeMap<String, String>);

impl Settled {
    /// Remembers it of objects that were just written.
    pub fn learn(&mut self, steps: &[Step], written: &[Observed]) {
        let declared: BTreeMap<_, _> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Create(object) | Step::Update { object, .. } => Some((&object.key, object)),
                Step::Delete { .. } => None,
            })
            .collect();
        for live in written {
            let Some(object) = declared.get(&live.key) else { continue };
            self.0.remove(live.uid());
            let (declared, live_body) = (object.body.whole(), live.body.whole());
            if diff::first_difference(&declared, &live_body, "").is_some() {
                self.0.insert(live.uid().to_owned(), diff::kept_as(&declared, &live_body));
            }
        }
    }

    /// Takes from a plan what would be written because of such differences only.
    pub(super) fn leave_be(&self, plan: &mut Plan, observed: &[Observed]) {
        if self.0.is_empty() {
            return;
        }
        let seen: BTreeMap<_, _> = observed.iter().map(|object| (object.uid(), object)).collect();
        plan.steps.retain(|step| {
            let Step::Update { object, uid, cause: Cause::Drift { .. }, .. } = step else { return true };
            let (Some(live), Some(kept)) = (seen.get(uid.as_str()), self.0.get(uid)) else { return true };
            diff::kept_as(&object.body.whole(), &live.body.whole()) != *kept
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::object::{Object, ObjectKey};

    fn key() -> ObjectKey {
        let (api_version, kind, name) = ("apps/v1".to_owned(), "Deployment".to_owned(), "www".to_owned());
        ObjectKey { api_version, kind, namespace: Some("platform".to_owned()), name }
    }

    fn live(cpu: &Value) -> Observed {
        Observed {
            key: key(),
            body: json!({"metadata": {"uid": "u"}, "spec": {"cpu": cpu, "defaulted": true}}).into(),
        }
    }

    fn plan() -> Plan {
        let object = Object { key: key(), body: json!({"metadata": {}, "spec": {"cpu": "1000m"}}).into() };
        let cause = Cause::Drift { field: "spec.cpu".to_owned(), managers: Vec::new() };
        let step = Step::Update { object, uid: "u".to_owned(), cause, loses_fields: false };
        Plan { steps: vec![step], conflicts: Vec::new() }
    }

    fn left(settled: &Settled, now: &Value) -> usize {
        let mut plan = plan();
        settled.leave_be(&mut plan, &[live(now)]);
        plan.steps.len()
    }

    #[test]
    fn what_the_api_server_keeps_in_its_own_way_is_not_written_again() {
        let mut settled = Settled::default();
        assert_eq!(left(&settled, &json!("1")), 1, "who knows nothing writes");
        settled.learn(&plan().steps, &[live(&json!("1"))]);
        assert_eq!(left(&settled, &json!("1")), 0);
        assert_eq!(left(&settled, &json!("2")), 1, "somebody else's value is put back");
        settled.learn(&plan().steps, &[live(&json!("1000m"))]);
        assert_eq!(left(&settled, &json!("1")), 1, "only the last write counts");
    }
}
