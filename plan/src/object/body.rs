//! The fields of an object: whole, or packed as text while nobody asks for them.

use std::borrow::Cow;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::head::Head;

/// The fields of an object. Clones share them until one is changed: thousands of objects are looked at again and again. A
/// packed body takes a tenth of the memory of a whole one.
#[derive(Clone)]
pub struct Body(Kept);

#[derive(Clone)]
enum Kept {
    Whole(Arc<Value>),
    Packed(Arc<Packed>),
}

impl Kept {
    fn make_whole(&mut self) -> &mut Arc<Value> {
        loop {
            match self {
                Self::Whole(value) => return value,
                Self::Packed(packed) => *self = Self::Whole(Arc::new(packed.value())),
            }
        }
    }
}

struct Packed {
    head: Head,
    text: Box<str>,
    /// A number that differs where the text differs, and is never zero.
    print: u64,
    /// The declaration, by its print, from which this was found not to differ.
    as_declared: AtomicU64,
    /// What somebody asked for by a field's name.
    unpacked: OnceLock<Box<Value>>,
}

impl Packed {
    fn value(&self) -> Value {
        // It is the text of a value.
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl Body {
    /// Packs an object with its metadata.
    pub fn packed(whole: &Value) -> Self {
        let text = whole.to_string().into_boxed_str();
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let print = hasher.finish().max(1);
        let (head, as_declared, unpacked) = (Head::of(whole), AtomicU64::new(0), OnceLock::new());
        Self(Kept::Packed(Arc::new(Packed { head, text, print, as_declared, unpacked })))
    }

    /// All fields. Of a packed body they are unpacked for this once; asking for a field by its name keeps them.
    pub fn whole(&self) -> Cow<'_, Value> {
        match &self.0 {
            Kept::Whole(value) => Cow::Borrowed(value),
            Kept::Packed(packed) => match packed.unpacked.get() {
                Some(value) => Cow::Borrowed(value),
                None => Cow::Owned(packed.value()),
            },
        }
    }

    /// What is asked of every object at each look, of a packed body.
    pub(super) fn head(&self) -> Option<&Head> {
        match &self.0 {
            Kept::Whole(_) => None,
            Kept::Packed(packed) => Some(&packed.head),
        }
    }

    /// Whether this was found not to differ from exactly this declaration.
    pub(crate) fn is_known_as(&self, declared: &Self) -> bool {
        match (&self.0, &declared.0) {
            (Kept::Packed(found), Kept::Packed(declared)) => {
                found.as_declared.load(Ordering::Relaxed) == declared.print
            }
            _ => false,
        }
    }

    /// Remembers that this does not differ from a declaration, so that it is not compared at each look.
    pub(crate) fn know_as(&self, declared: &Self) {
        if let (Kept::Packed(found), Kept::Packed(declared)) = (&self.0, &declared.0) {
            found.as_declared.store(declared.print, Ordering::Relaxed);
        }
    }
}

impl From<Value> for Body {
    fn from(fields: Value) -> Self {
        Self(Kept::Whole(Arc::new(fields)))
    }
}

impl From<Body> for Value {
    fn from(body: Body) -> Self {
        match body.0 {
            Kept::Whole(value) => Arc::unwrap_or_clone(value),
            Kept::Packed(packed) => packed.value(),
        }
    }
}

impl Deref for Body {
    type Target = Value;

    fn deref(&self) -> &Value {
        match &self.0 {
            Kept::Whole(value) => value,
            Kept::Packed(packed) => packed.unpacked.get_or_init(|| Box::new(packed.value())),
        }
    }
}

impl DerefMut for Body {
    fn deref_mut(&mut self) -> &mut Value {
        Arc::make_mut(self.0.make_whole())
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.whole() == other.whole()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.whole().fmt(formatter)
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.whole().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_packed_body_is_the_same_value() {
        let whole = json!({"metadata": {"name": "a", "uid": "u"}, "spec": {"ports": [{"port": 80}]}});
        let packed = Body::packed(&whole);
        assert_eq!(packed, Body::from(whole.clone()));
        assert_eq!(packed["spec"]["ports"][0]["port"], 80);
        assert_eq!(Value::from(packed.clone()), whole);
        let mut changed = packed.clone();
        changed["spec"] = json!(null);
        assert_ne!(changed, packed);
        assert_eq!(*packed, whole, "others keep what they have");
    }

    #[test]
    fn what_is_known_is_known_of_one_declaration_and_one_observation() {
        let (declared, other) = (Body::packed(&json!({"spec": 1})), Body::packed(&json!({"spec": 2})));
        let found = Body::packed(&json!({"spec": 1, "status": {}}));
        assert!(!found.is_known_as(&declared));
        found.know_as(&declared);
        assert!(found.is_known_as(&declared) && !found.is_known_as(&other));
        assert!(!Body::packed(&found.whole()).is_known_as(&declared), "seen anew, compared anew");
    }
}
