//! The image of the agent: one static program, copied from there into any other image; and beside it the one that pushes
//! images, which stays there.

use std::path::Path;

use crate::operator::CERTIFICATES;
use crate::{Execution, Image, ImageError, LayerBuilder, shared_libraries};

/// The program that pushes, beside the agent.
const PUSH: &str = "slipway-push";

/// `binary` must be static, or it would load the libraries of the image it is copied into; `slipway-push` is expected
/// beside it. Certificates are taken along when this machine has some.
pub fn agent_image(binary: &Path) -> Result<Image, ImageError> {
    let push = binary.with_file_name(PUSH);
    for program in [binary, &push] {
        if !shared_libraries(program)?.is_empty() {
            return Err(ImageError::NotStatic { binary: program.to_owned() });
        }
    }
    let agent = LayerBuilder::new().copy_file(binary, "/slipway-agent")?.build()?;
    let mut beside = LayerBuilder::new().copy_file(&push, "/slipway-push")?.directory("/tmp", 0o1777);
    if Path::new(CERTIFICATES).exists() {
        beside = beside.copy_file(Path::new(CERTIFICATES), CERTIFICATES)?;
    }
    let execution = Execution {
        entrypoint: vec!["/slipway-agent".to_owned()],
        environment: vec![format!("SSL_CERT_FILE={CERTIFICATES}")],
        user: Some("65532:65532".to_owned()),
        ..Execution::default()
    };
    Image::from_scratch(vec![agent, beside.build()?], &execution)
}
