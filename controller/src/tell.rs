//! Writes events on Slipway's objects.

use kube::Resource;
use kube::runtime::events;
use slipway_plan::event::Event;
use tracing::warn;

use crate::context::Context;

/// Publishes events. One that cannot be written is logged and keeps nothing else from going on.
pub async fn tell<K: Resource<DynamicType = ()>>(context: &Context, object: &K, news: Vec<Event>) {
    for event in news {
        let kind = if event.is_warning { events::EventType::Warning } else { events::EventType::Normal };
        let event = events::Event {
            type_: kind,
            reason: event.reason.to_owned(),
            note: Some(shortened(event.note)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = context.recorder.publish(&event, &object.object_ref(&())).await {
            warn!(%error, reason = event.reason, "an event could not be written");
        }
    }
}

/// The API server takes notes of up to 1024 bytes.
fn shortened(mut note: String) -> String {
    const LIMIT: usize = 1000;
    if note.len() > LIMIT {
        note.truncate(note.floor_char_boundary(LIMIT));
        note.push('…');
    }
    note
}
