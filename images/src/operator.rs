//! The image of the operator: its program, the libraries that needs, and nothing else.

use std::path::Path;

use crate::{Execution, Image, ImageError, LayerBuilder, shared_libraries};

/// Where Debian has the certificates of authorities.
pub(crate) const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
const USERS: &str = "root:x:0:0:root:/:/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/nologin\n";
const GROUPS: &str = "root:x:0:\nnonroot:x:65532:\n";

/// Libraries at the paths where they are on this machine; certificates when this machine has some.
pub fn operator_image(binary: &Path) -> Result<Image, ImageError> {
    let mut files = LayerBuilder::new();
    for library in shared_libraries(binary)? {
        files = files.copy_file(&library, &library.to_string_lossy())?;
    }
    if Path::new(CERTIFICATES).exists() {
        files = files.copy_file(Path::new(CERTIFICATES), CERTIFICATES)?;
    }
    let system = files
        .file("/etc/passwd", 0o644, USERS)
        .file("/etc/group", 0o644, GROUPS)
        .file("/etc/nsswitch.conf", 0o644, "hosts: files dns\n")
        .directory("/tmp", 0o1777)
        .build()?;
    let program = LayerBuilder::new().copy_file(binary, "/slipway-controller")?.build()?;
    Image::from_scratch(vec![system, program], &execution())
}

fn execution() -> Execution {
    Execution {
        entrypoint: vec!["/slipway-controller".to_owned()],
        environment: vec![format!("SSL_CERT_FILE={CERTIFICATES}"), "HOME=/tmp".to_owned()],
        user: Some("65532:65532".to_owned()),
        working_directory: Some("/".to_owned()),
        ..Execution::default()
    }
}
