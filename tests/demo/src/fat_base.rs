//! The image that the services of the built fleet are made of: the demo's base, which has runit and Python, and salt.

use std::path::Path;

use anyhow::Result;
use slipway_images::{Execution, Image, Layer, Registry};

use crate::layer_cache::LayerCache;
use crate::recipe;
use crate::sources::Sources;

/// Its name and tag, as the Fleet has them.
const NAME: &str = "base:1";

/// Its layers, from the cache or made now.
pub struct FatBase {
    debian: Layer,
    salt: Layer,
}

impl FatBase {
    /// Takes minutes the first time, and the network: Debian's packages and PyPI's.
    pub fn prepare(sources: &Sources) -> Result<Self> {
        let cache = LayerCache::open()?;
        let debian = recipe::debian(&cache, sources, "base")?;
        let salt = recipe::salt(&cache, &debian)?;
        Ok(Self { debian, salt })
    }

    /// Pushes it as `base:1`; `base` is the demo's base image in the same registry. Returns the reference.
    pub(crate) async fn push(&self, registry: &Registry, address: &str, base: &str) -> Result<String> {
        let inherited = registry.inherit(&Registry::reference(base)?).await?;
        let image = Image::on(inherited, vec![self.salt.clone()], &Execution::default())?;
        let text = format!("{address}/{NAME}");
        registry.push(&image, &Registry::reference(&text)?).await?;
        Ok(text)
    }

    /// Unpacks it as a container would have it, but for `/dev` and `/proc`.
    pub fn unpack(&self, root: &Path) -> Result<()> {
        recipe::unpack(&self.debian, root)?;
        recipe::unpack(&self.salt, root)
    }
}
