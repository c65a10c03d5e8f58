//! What has to be done so that the world is as declared: nothing that would change nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;
use slipway_crds::names;

use crate::object::{Object, ObjectKey, Observed, digest};

/// On whose behalf objects are made.
#[derive(Clone, Debug, Default)]
pub struct Owner {
    /// UID of the Slipway object.
    pub uid: String,
    /// Its field manager.
    pub manager: String,
    /// UIDs of the objects that are recorded as its own.
    pub recorded: BTreeSet<String>,
}

impl Owner {
    /// Whether an object is this owner's: its UID is recorded, or it carries the owner's UID, which the request
    /// that created it set, and our manager is among those who wrote it.
    pub fn owns(&self, observed: &Observed) -> bool {
        self.recorded.contains(observed.uid())
            || (observed.label(names::OWNER_UID) == Some(&self.uid)
                && observed.managers().any(|manager| manager == self.manager))
    }
}

/// One act.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing of that name was there.
    Create(Object),
    /// It is ours and differs.
    Update {
        /// What it should be.
        object: Object,
        /// The UID it was observed with.
        uid: String,
        /// Why.
        cause: Cause,
        /// Whether fields that the request which made the object set are declared no more: they go with this update.
        loses_fields: bool,
    },
    /// It is ours and no longer declared.
    Delete {
        /// Which.
        key: ObjectKey,
        /// The UID it was observed with.
        uid: String,
    },
}

/// Why an object is updated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The declaration changed.
    Declared,
    /// Somebody else changed this declared field.
    Drift {
        /// Path of the first such field.
        field: String,
        /// Who else manages fields of the object.
        managers: Vec<String>,
    },
}

/// An object of that name exists and is not ours. It is never forced and never adopted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Which.
    pub key: ObjectKey,
    /// Who made it, as far as can be told.
    pub holder: String,
}

impl fmt::Display for Conflict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, holder } = self;
        write!(formatter, "{key} exists and belongs to {holder}: remove or rename it, it is not taken over")
    }
}

/// What has to be done, in order, and what cannot be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Acts; creates and updates in the order of the declaration, then deletes.
    pub steps: Vec<Step>,
    /// Objects that are somebody else's.
    pub conflicts: Vec<Conflict>,
}

/// Compares what is declared with what is observed. Whatever is observed, ours, and neither declared nor to be
/// kept as it is, is deleted.
pub fn diff(owner: &Owner, declared: &[Object], kept: &BTreeSet<ObjectKey>, observed: &[Observed]) -> Plan {
    let seen: BTreeMap<&ObjectKey, &Observed> = observed.iter().map(|o| (&o.key, o)).collect();
    let wanted: BTreeSet<&ObjectKey> = declared.iter().map(|o| &o.key).chain(kept).collect();
    let mut plan = Plan::default();
    for object in declared {
        match seen.get(&object.key) {
            None => plan.steps.push(Step::Create(stamped(object).into_owned())),
            Some(found) if found.is_terminating() => {}
            Some(found) if !owner.owns(found) => plan.conflicts.push(conflict(found)),
            Some(found) => plan.steps.extend(update(owner, &stamped(object), found)),
        }
    }
    let left = observed.iter().filter(|o| !wanted.contains(&o.key) && owner.owns(o) && !o.is_terminating());
    plan.steps.extend(left.map(|o| Step::Delete { key: o.key.clone(), uid: o.uid().to_owned() }));
    plan
}

/// Stamped once, where it was read: the digests of thousands of objects take longer than all else of a look at them.
fn stamped(object: &Object) -> Cow<'_, Object> {
    if object.stamp().is_some() { Cow::Borrowed(object) } else { Cow::Owned(object.clone().stamped()) }
}

fn conflict(found: &Observed) -> Conflict {
    let holder = found.label(names::GITSYNC).map(|name| format!("GitSync {name}"));
    let manager = found.managers().next().map(|manager| format!("field manager {manager}"));
    Conflict {
        key: found.key.clone(),
        holder: holder.or(manager).unwrap_or_else(|| "somebody else".to_owned()),
    }
}

fn update(owner: &Owner, object: &Object, found: &Observed) -> Option<Step> {
    // A Job's template is immutable and its run happens once: what is there stays.
    if object.key.kind == "Job" {
        return None;
    }
    let stamp = object.stamp();
    let cause = if found.annotation(names::DECLARED) == stamp {
        Cause::Drift { field: difference(object, found)?, managers: others(owner, found) }
    } else {
        Cause::Declared
    };
    let same_fields = shape_of(found.annotation(names::DECLARED)) == shape_of(stamp);
    let loses_fields = !same_fields && found.was_set_by_update(&owner.manager);
    Some(Step::Update { uid: found.uid().to_owned(), object: object.clone(), cause, loses_fields })
}

fn shape_of(stamp: Option<&str>) -> Option<&str> {
    stamp?.split_once('.').map(|(_, shape)| shape)
}

fn others(owner: &Owner, found: &Observed) -> Vec<String> {
    let others: BTreeSet<_> = found
        .managers()
        .filter(|m| *m != owner.manager && *m != names::STATUS_MANAGER)
        .map(str::to_owned)
        .collect();
    others.into_iter().collect()
}

/// Path of the first declared field that differs. What was found not to differ is not compared again.
fn difference(declared: &Object, found: &Observed) -> Option<String> {
    if found.body.is_known_as(&declared.body) {
        return None;
    }
    let field = first_difference(&declared.body.whole(), &found.body.whole(), "");
    if field.is_none() {
        found.body.know_as(&declared.body);
    }
    field
}

/// Path of the first declared field whose observed value differs; fields nobody declared do not count.
pub fn first_difference(declared: &Value, observed: &Value, path: &str) -> Option<String> {
    match (declared, observed) {
        (Value::Object(wanted), Value::Object(found)) => wanted.iter().find_map(|(key, value)| {
            first_difference(value, found.get(key).unwrap_or(&Value::Null), &format!("{path}.{key}"))
        }),
        // The API server leaves out what is empty.
        (Value::Object(wanted), Value::Null) if wanted.is_empty() => None,
        (Value::Array(wanted), Value::Null) if wanted.is_empty() => None,
        (Value::Array(wanted), Value::Array(found)) => differing_item(wanted, found, path),
        _ => (declared != observed).then(|| path.trim_start_matches('.').to_owned()),
    }
}

/// A digest of the observed values of the declared fields.
pub fn kept_as(declared: &Value, observed: &Value) -> String {
    digest(&kept(declared, observed))
}

fn kept(declared: &Value, observed: &Value) -> Value {
    match (declared, observed) {
        (Value::Object(wanted), Value::Object(found)) => {
            let fields = wanted
                .iter()
                .map(|(name, value)| (name.clone(), kept(value, found.get(name).unwrap_or(&Value::Null))));
            Value::Object(fields.collect())
        }
        (Value::Array(wanted), Value::Array(found)) => match merge_key(wanted) {
            Some(key) => {
                let same =
                    |item: &Value| found.iter().find(|other| other[key] == item[key]).unwrap_or(&Value::Null);
                wanted.iter().map(|item| kept(item, same(item))).collect()
            }
            None if wanted.len() == found.len() => {
                wanted.iter().zip(found).map(|(wanted, found)| kept(wanted, found)).collect()
            }
            None => observed.clone(),
        },
        _ => observed.clone(),
    }
}

fn differing_item(wanted: &[Value], found: &[Value], path: &str) -> Option<String> {
    let Some(key) = merge_key(wanted) else {
        let same_length = wanted.len() == found.len();
        let inner = wanted.iter().zip(found).enumerate();
        let differing =
            inner.map(|(i, (a, b))| first_difference(a, b, &format!("{path}[{i}]"))).find_map(|d| d);
        return differing.or_else(|| (!same_length).then(|| path.trim_start_matches('.').to_owned()));
    };
    wanted.iter().find_map(|item| {
        let same = found.iter().find(|other| other[key] == item[key]).unwrap_or(&Value::Null);
        first_difference(item, same, &format!("{path}[{}]", item[key].as_str().unwrap_or_default()))
    })
}

/// The field by which the API server merges the items of such a list.
pub(crate) fn merge_key(items: &[Value]) -> Option<&'static str> {
    ["name", "mountPath", "port", "containerPort"]
        .into_iter()
        .find(|key| !items.is_empty() && items.iter().all(|item| !item[*key].is_null()))
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(object) => write!(formatter, "+ {}", object.key),
            Self::Update { object, cause: Cause::Declared, .. } => write!(formatter, "~ {}", object.key),
            Self::Update { object, cause: Cause::Drift { field, .. }, .. } => {
                write!(formatter, "~ {} (drift at {field})", object.key)
            }
            Self::Delete { key, .. } => write!(formatter, "- {key}"),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(formatter, "{step}")?;
        }
        for Conflict { key, holder } in &self.conflicts {
            writeln!(formatter, "! {key} belongs to {holder}")?;
        }
        Ok(())
    }
}
