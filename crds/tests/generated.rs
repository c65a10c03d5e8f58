//! The committed files are what the types say.

use std::path::Path;

#[test]
fn committed_files_are_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (path, content) in slipway_crds::generated::files().unwrap() {
        let committed = std::fs::read_to_string(root.join(&path)).unwrap_or_default();
        assert_eq!(committed, content, "{path} is stale: run `make generate`");
    }
}
