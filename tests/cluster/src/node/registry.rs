//! The registry: one name for the operator, the node and its pods.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};

use crate::error::Result;
use crate::network;
use crate::part::Part;
use crate::settings::Settings;

/// The registry in image references, everywhere inside. It speaks plain HTTP.
pub const NAME: &str = "registry.slipway.test:5000";

/// Where it listens.
pub(crate) const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(network::NODE), 5000);

pub(super) fn part(settings: &Settings) -> Result<Part> {
    let program = settings.cache.debian().join("docker-registry/usr/bin/docker-registry");
    let config = settings.write("registry.json", &config(settings).to_string())?;
    Ok(Part::new("registry", program).arguments(["serve".to_owned(), config.display().to_string()]))
}

fn config(settings: &Settings) -> Value {
    json!({
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": true}},
        "storage": {
            "filesystem": {"rootdirectory": settings.path("registry")},
            "cache": {"blobdescriptor": "inmemory"},
            "delete": {"enabled": true},
        },
        "http": {"addr": ADDRESS},
    })
}
