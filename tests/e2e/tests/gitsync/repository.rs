//! Files that stories commit.

use slipway_demo::Change;

/// A file that declares one service repository.
pub fn service(name: &str, url: &str) -> Change {
    Change::write(&format!("{name}.yaml"), text(name, url))
}

/// The declaration of one service repository.
pub fn text(name: &str, url: &str) -> String {
    format!(
        "apiVersion: slipway.dev/v1alpha1\nkind: ServiceRepo\nmetadata:\n  name: {name}\nspec:\n  url: {url}\n  interval: 1h\n"
    )
}
