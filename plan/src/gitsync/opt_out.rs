//! Objects that ask to be left alone.

use std::collections::BTreeMap;

use slipway_crds::names;
use slipway_crds::v1alpha1::OptOut;

use super::files::Reading;
use crate::diff::{Plan, Step};
use crate::object::{Object, Observed};

/// What is not done to an object. What its file says counts; where that says nothing, what the object itself says.
pub(super) fn of(declared: Option<&Object>, live: Option<&Observed>) -> Option<OptOut> {
    let said = |name: &str| {
        let written = declared.and_then(|object| object.annotation(name));
        written.or_else(|| live.and_then(|object| object.annotation(name)))
    };
    let is_disabled = |name: &str| said(name) == Some(names::DISABLED);
    if is_disabled(names::RECONCILE) {
        Some(OptOut::Reconcile)
    } else {
        is_disabled(names::PRUNE).then_some(OptOut::Prune)
    }
}

/// Takes from a plan what objects ask not to be done to them.
pub(super) fn honour(plan: &mut Plan, observed: &[Observed]) {
    let live: BTreeMap<_, _> = observed.iter().map(|object| (object.uid(), object)).collect();
    plan.steps.retain(|step| match step {
        Step::Create(object) => of(Some(object), None) != Some(OptOut::Reconcile),
        Step::Update { object, uid, .. } => {
            of(Some(object), live.get(uid.as_str()).copied()) != Some(OptOut::Reconcile)
        }
        Step::Delete { uid, .. } => of(None, live.get(uid.as_str()).copied()).is_none(),
    });
}

/// How many declared objects are not as declared on purpose.
pub(super) fn left_alone(reading: &Reading, observed: &[Observed]) -> usize {
    let live: BTreeMap<_, _> = observed.iter().map(|object| (&object.key, object)).collect();
    let is_left =
        |object: &&Object| of(Some(object), live.get(&object.key).copied()) == Some(OptOut::Reconcile);
    reading.objects.iter().filter(is_left).count()
}
