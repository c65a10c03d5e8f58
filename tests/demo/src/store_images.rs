//! Images of the stores that the demo's own fleet does without, and of the client libraries of all five.

use anyhow::Result;
use slipway_images::{Execution, Image, Layer, Registry};

use crate::layer_cache::LayerCache;
use crate::recipe;
use crate::sources::Sources;

/// Their layers, from the cache or made now.
pub struct StoreImages {
    jvm: Layer,
    mongodb: Layer,
    sqs: Layer,
    kinesis: Layer,
    clients: Layer,
}

impl StoreImages {
    /// Takes minutes the first time, and the network: Debian's packages, Maven's and npm's.
    pub fn prepare(sources: &Sources) -> Result<Self> {
        let cache = LayerCache::open()?;
        Ok(Self {
            jvm: recipe::debian(&cache, sources, "jvm")?,
            mongodb: recipe::maven(&cache, sources, "mongo-java-server")?,
            sqs: recipe::maven(&cache, sources, "elasticmq")?,
            kinesis: recipe::npm(&cache, sources, "kinesalite")?,
            clients: recipe::npm(&cache, sources, "store-clients")?,
        })
    }

    /// Pushes `mongo-java-server:1`, `elasticmq:1`, `kinesalite:3` and `store-clients:1`; `base` is the demo's base image
    /// in the same registry, which has node.
    pub(crate) async fn push(&self, registry: &Registry, address: &str, base: &str) -> Result<()> {
        for (name, layer) in [("mongo-java-server:1", &self.mongodb), ("elasticmq:1", &self.sqs)] {
            let image = Image::from_scratch(vec![self.jvm.clone(), layer.clone()], &recipe::execution())?;
            registry.push(&image, &Registry::reference(&format!("{address}/{name}"))?).await?;
        }
        let inherited = registry.inherit(&Registry::reference(base)?).await?;
        for (name, layer) in [("kinesalite:3", &self.kinesis), ("store-clients:1", &self.clients)] {
            let image = Image::on(inherited.clone(), vec![layer.clone()], &Execution::default())?;
            registry.push(&image, &Registry::reference(&format!("{address}/{name}"))?).await?;
        }
        Ok(())
    }
}
