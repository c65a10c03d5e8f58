//! Writes the custom resource definitions to a folder, one file a kind.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).map_or_else(|| "crds/generated".into(), Into::into);
    std::fs::create_dir_all(&folder)?;
    for definition in slipway_crds::definitions() {
        let file = folder.join(format!("{}.yaml", definition.spec.names.plural));
        std::fs::write(&file, slipway_crds::render(&definition)?)?;
    }
    Ok(())
}
