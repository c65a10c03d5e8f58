//! A shell command as the only service of a container: a role of an image that runs otherwise than the image.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use slipway_agent::InitOrder;
use slipway_agent::order::Runit;

/// The service's name, for `sv`.
const NAME: &str = "command";

/// A folder of services with this one alone, beside the record of the start.
pub fn services(order: &InitOrder, command: &str) -> anyhow::Result<Runit> {
    let runit = order.alone();
    let service = runit.services.join(NAME);
    let program = service.join("run");
    fs::create_dir_all(&service)
        .and_then(|()| fs::write(&program, script(order, command)))
        .and_then(|()| fs::set_permissions(&program, Permissions::from_mode(0o755)))
        .with_context(|| format!("failed to write {}", program.display()))?;
    Ok(runit)
}

fn script(order: &InitOrder, command: &str) -> String {
    let folder = folder(order).display().to_string().replace('\'', r"'\''");
    format!("#!/bin/sh\nexec 2>&1\ncd '{folder}' || exit 1\n{command}\n")
}

/// Where commands of a service run: where its code is.
pub fn folder(order: &InitOrder) -> &Path {
    &order.folders.service
}
