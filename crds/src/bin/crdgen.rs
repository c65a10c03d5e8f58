//! Writes the custom resource definitions; `make generate` then renders `manifests/install.yaml` from the chart.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    for (path, content) in slipway_crds::generated::files()? {
        let file = root.join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&file, content)?;
    }
    Ok(())
}
