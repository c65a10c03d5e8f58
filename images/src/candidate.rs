//! The image that a build left, pushed under its name as a candidate.

use std::collections::BTreeMap;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use jiff::Timestamp;
use slipway_agent::record::LAYER;
use slipway_agent::{Fault, PushOrder, PushOutcome, PushedImage};

use crate::{
    Credentials, Execution, Image, ImageError, InheritedImage, LayerFile, Origin, Reference, Registry,
};

/// Attempts after the first; waits double from one second, so that the last is made after a minute or so.
const ATTEMPTS: usize = 6;

/// Makes the image of an order and pushes it. What can be tried again is, a few times.
pub async fn push_candidate(order: &PushOrder) -> PushOutcome {
    match push(order).await {
        Ok(image) => PushOutcome::Pushed(image),
        Err(error) => {
            let fault = if error.is_of_the_content() { Fault::Commits } else { Fault::Surroundings };
            PushOutcome::Failed { error: told(&error), fault }
        }
    }
}

fn told(error: &ImageError) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

async fn push(order: &PushOrder) -> Result<PushedImage, ImageError> {
    let layer = LayerFile::open(&order.input.join(LAYER))?;
    let (base, target) = (Registry::reference(&order.base)?, Registry::reference(&order.target)?);
    let near = registry(order, &base)?;
    let inherited = retried(|| near.inherit(&base)).await?;
    let size = layer.checked().size;
    let image = image(order, inherited, layer)?;
    let registry = registry(order, &target)?;
    let digest = retried(|| registry.push(&image, &target)).await?;
    let layers = u32::try_from(image.layers()).unwrap_or(u32::MAX);
    Ok(PushedImage { name: order.target.clone(), digest, layers, size })
}

async fn retried<T, F: Future<Output = Result<T, ImageError>>>(
    attempt: impl FnMut() -> F,
) -> Result<T, ImageError> {
    let waits = ExponentialBuilder::default().with_jitter().with_max_times(ATTEMPTS);
    let say = |error: &ImageError, wait: Duration| {
        eprintln!("slipway-push: trying again in {wait:?}: {}", told(error));
    };
    attempt.retry(waits).when(ImageError::is_temporary).notify(say).await
}

/// A client with the login for this registry, and for no other.
fn registry(order: &PushOrder, image: &Reference) -> Result<Registry, ImageError> {
    let credentials = match &order.credentials {
        Some(path) => Credentials::of_file(path, image)?,
        None => Credentials::Anonymous,
    };
    Ok(Registry::new(order.plain_http_registries.clone(), credentials))
}

fn image(order: &PushOrder, base: InheritedImage, layer: LayerFile) -> Result<Image, ImageError> {
    let environment = order.identity.environment().map(|(name, value)| format!("{name}={value}"));
    let execution = Execution { environment: environment.into(), ..Execution::default() };
    let origin = Origin { labels: labels(order), created: Timestamp::from_second(order.newest).ok() };
    Image::made_of(base, vec![layer], &execution, &origin)
}

fn labels(order: &PushOrder) -> BTreeMap<String, String> {
    let identity = &order.identity;
    let created = Timestamp::from_second(order.newest).map(|created| created.to_string());
    let mut labels = BTreeMap::from([
        ("org.opencontainers.image.source", order.source.clone()),
        ("org.opencontainers.image.revision", identity.service_sha.clone()),
        ("org.opencontainers.image.created", created.unwrap_or_default()),
        ("org.opencontainers.image.title", identity.service.clone()),
        ("slipway.dev/service", identity.service.clone()),
        ("slipway.dev/ops-commit", identity.ops_sha.clone()),
        ("slipway.dev/base", order.base.clone()),
        ("slipway.dev/depth", order.parent.as_ref().map_or(0, |parent| parent.depth).to_string()),
    ]);
    labels.extend(order.parent.as_ref().map(|parent| ("slipway.dev/parent", parent.commit.clone())));
    labels.into_iter().map(|(name, label)| (name.to_owned(), label)).collect()
}
