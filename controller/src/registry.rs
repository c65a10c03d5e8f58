//! Looks up digests of images in a registry.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use slipway_plan::environment::resolve::FoundDigest;

/// For how long an answer that may change is given again without asking.
const FRESH: Duration = Duration::from_secs(2);

/// A registry client; answers are shared for a moment, so that many environments ask once.
pub struct Registry {
    client: Client,
    recent: Mutex<HashMap<String, (Instant, FoundDigest)>>,
}

impl Registry {
    /// A client that speaks plain HTTP to these hosts and HTTPS to all others.
    pub fn new(plain_http: Vec<String>) -> Self {
        let config =
            ClientConfig { protocol: ClientProtocol::HttpsExcept(plain_http), ..ClientConfig::default() };
        Self { client: Client::new(config), recent: Mutex::default() }
    }

    /// The image by digest, that it is missing, or why it cannot be told.
    pub async fn digest(&self, image: &str) -> FoundDigest {
        if let Some(answer) = self.recent(image) {
            return answer;
        }
        let answer = self.ask(image).await;
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|_, (at, _)| at.elapsed() < FRESH);
        recent.insert(image.to_owned(), (Instant::now(), answer.clone()));
        answer
    }

    fn recent(&self, image: &str) -> Option<FoundDigest> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.get(image).filter(|(at, _)| at.elapsed() < FRESH).map(|(_, answer)| answer.clone())
    }

    async fn ask(&self, image: &str) -> FoundDigest {
        let reference: Reference = match image.parse() {
            Ok(reference) => reference,
            Err(error) => {
                return FoundDigest::Unknown(format!("`{image}` is not an image reference: {error}"));
            }
        };
        match self.client.fetch_manifest_digest(&reference, &RegistryAuth::Anonymous).await {
            Ok(digest) => FoundDigest::Image(pinned(image, &digest)),
            Err(error) if is_missing(&error) => FoundDigest::Missing,
            Err(error) => FoundDigest::Unknown(error.to_string()),
        }
    }
}

fn pinned(image: &str, digest: &str) -> String {
    format!("{}@{digest}", slipway_plan::environment::resolve::repository(image))
}

fn is_missing(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) => true,
        OciDistributionError::ServerError { code, .. } => *code == 404,
        OciDistributionError::RegistryError { envelope, .. } => envelope.errors.iter().any(|error| {
            matches!(
                error.code,
                OciErrorCode::ManifestUnknown | OciErrorCode::NameUnknown | OciErrorCode::NotFound
            )
        }),
        _ => false,
    }
}
