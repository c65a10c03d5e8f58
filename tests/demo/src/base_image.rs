//! The image every service of the demo stands on, and the demo's two stores: no Dockerfile.

use anyhow::Result;
use slipway_images::{Execution, Image, Layer, Registry};

use crate::layer_cache::LayerCache;
use crate::recipe;
use crate::sources::Sources;

/// Repository of the base image.
pub const BASE: &str = "slipway-demo-base";

/// Layers of the base and of the stores, from the cache or made now.
pub struct BaseLayers {
    debian: Layer,
    dynalite: Layer,
}

impl BaseLayers {
    /// Takes minutes the first time, and the network: Debian's packages and npm's.
    pub fn prepare(sources: &Sources) -> Result<Self> {
        let cache = LayerCache::open()?;
        let debian = recipe::debian(&cache, sources, "base")?;
        Ok(Self { debian, dynalite: recipe::npm(&cache, sources, "dynalite")? })
    }

    /// Pushes the base, `redis:7` and `dynalite:3`. Returns the reference of the base.
    pub async fn push(&self, registry: &Registry, address: &str) -> Result<String> {
        let tag: String = self.debian.digest.trim_start_matches("sha256:").chars().take(12).collect();
        let text = format!("{address}/{BASE}:{tag}");
        let base = Registry::reference(&text)?;
        if registry.digest(&base).await?.is_none() {
            let image = Image::from_scratch(vec![self.debian.clone()], &recipe::execution())?;
            registry.push(&image, &base).await?;
        }
        let inherited = registry.inherit(&base).await?;
        for (store, layers) in [("redis:7", vec![]), ("dynalite:3", vec![self.dynalite.clone()])] {
            let image = Image::on(inherited.clone(), layers, &Execution::default())?;
            registry.push(&image, &Registry::reference(&format!("{address}/{store}"))?).await?;
        }
        Ok(text)
    }
}
