//! Writes what is generated: the custom resource definitions, and `manifests/install.yaml` from them and the operator.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    for (path, content) in slipway_crds::generated::files(root)? {
        let file = root.join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&file, content)?;
    }
    Ok(())
}
