//! The image of the agent: one static program, copied from there into any other image.

use std::path::Path;

use crate::{Execution, Image, ImageError, LayerBuilder, shared_libraries};

/// `binary` must be static, or it would load the libraries of the image it is copied into.
pub fn agent_image(binary: &Path) -> Result<Image, ImageError> {
    if !shared_libraries(binary)?.is_empty() {
        return Err(ImageError::NotStatic { binary: binary.to_owned() });
    }
    let layer = LayerBuilder::new().copy_file(binary, "/slipway-agent")?.build()?;
    let execution = Execution {
        entrypoint: vec!["/slipway-agent".to_owned()],
        user: Some("65532:65532".to_owned()),
        ..Execution::default()
    };
    Image::from_scratch(vec![layer], &execution)
}
