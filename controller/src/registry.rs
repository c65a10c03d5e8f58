//! Looks up digests of images in a registry, and gives images names.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderValue;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::manifest::{IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use slipway_plan::environment::resolve::FoundDigest;
use slipway_plan::pull_secret::{Login, PullSecret};

/// For how long an answer that may change is given again without asking.
const FRESH: Duration = Duration::from_secs(2);
/// For how long the tokens of a login are kept after it was last used.
const KEPT: Duration = Duration::from_mins(10);

/// Who asks; None is anybody. What one is told another does not get to know.
type Asker = Option<Login>;

/// A registry client; answers are shared for a moment, so that many environments ask once.
pub struct Registry {
    plain_http: Vec<String>,
    /// One for each login: a client keeps the first login that a registry was asked with, and its tokens.
    clients: Mutex<HashMap<Asker, (Instant, Client)>>,
    recent: Mutex<HashMap<(String, Asker), (Instant, FoundDigest)>>,
}

impl Registry {
    /// A client that speaks plain HTTP to these hosts and HTTPS to all others.
    pub fn new(plain_http: Vec<String>) -> Self {
        Self { plain_http, clients: Mutex::default(), recent: Mutex::default() }
    }

    /// The image by digest, that it is missing, or why it cannot be told. The pull Secret's login for exactly the image's
    /// registry is used, if it has one.
    pub async fn digest(&self, image: &str, pull_secret: Option<&PullSecret>) -> FoundDigest {
        let reference: Reference = match image.parse() {
            Ok(reference) => reference,
            Err(error) => {
                return FoundDigest::Unknown(format!("`{image}` is not an image reference: {error}"));
            }
        };
        let login = pull_secret.and_then(|secret| secret.login(reference.registry(), reference.repository()));
        let key = (image.to_owned(), login.cloned());
        if let Some(answer) = self.recent(&key) {
            return answer;
        }
        let answer = self.ask(image, &reference, login).await;
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|_, (at, _)| at.elapsed() < FRESH);
        recent.insert(key, (Instant::now(), answer.clone()));
        answer
    }

    /// Gives an image, which is named by digest, a name more: the same bytes under another tag. What was answered of that
    /// name before is forgotten.
    pub async fn name(&self, image: &str, tag: &str, secret: Option<&PullSecret>) -> Result<(), NamingError> {
        let failed = |why: String| NamingError { image: image.to_owned(), tag: tag.to_owned(), why };
        let parsed = |text: &str| text.parse::<Reference>().map_err(|error| failed(error.to_string()));
        let (from, to) = (parsed(image)?, parsed(tag)?);
        let login = secret.and_then(|secret| secret.login(to.registry(), to.repository()));
        let auth = auth(login);
        let client = self.client(login);
        let pulled = client.pull_manifest_raw(&from, &auth, &MANIFESTS).await;
        let (bytes, _) = pulled.map_err(|error| failed(told(&error, from.registry(), login)))?;
        let kind =
            media_type(&bytes).ok_or_else(|| failed("its manifest is of an unknown kind".to_owned()))?;
        client.store_auth_if_needed(to.resolve_registry(), &auth).await;
        let pushed = client.push_manifest_raw(&to, bytes, HeaderValue::from_static(kind)).await;
        pushed.map_err(|error| failed(told(&error, to.registry(), login)))?;
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).retain(|(known, _), _| known != tag);
        Ok(())
    }

    /// Registries that are spoken to over plain HTTP, as host:port.
    pub fn plain_http(&self) -> &[String] {
        &self.plain_http
    }

    fn recent(&self, key: &(String, Asker)) -> Option<FoundDigest> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.get(key).filter(|(at, _)| at.elapsed() < FRESH).map(|(_, answer)| answer.clone())
    }

    async fn ask(&self, image: &str, reference: &Reference, login: Option<&Login>) -> FoundDigest {
        match self.client(login).fetch_manifest_digest(reference, &auth(login)).await {
            Ok(digest) => FoundDigest::Image(pinned(image, &digest)),
            Err(error) if is_missing(&error) => FoundDigest::Missing,
            Err(error) if is_refusal(&error) => FoundDigest::Unknown(refusal(reference.registry(), login)),
            Err(error) => FoundDigest::Unknown(error.to_string()),
        }
    }

    fn client(&self, login: Option<&Login>) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|_, (used, _)| used.elapsed() < KEPT);
        let protocol = ClientProtocol::HttpsExcept(self.plain_http.clone());
        let make = || Client::new(ClientConfig { protocol, ..ClientConfig::default() });
        let (used, client) = clients.entry(login.cloned()).or_insert_with(|| (Instant::now(), make()));
        *used = Instant::now();
        client.clone()
    }
}

/// The kinds of manifests of an image.
const MANIFESTS: [&str; 2] = [OCI_IMAGE_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE];

/// An image that did not get another name.
#[derive(Debug, thiserror::Error)]
#[error("failed to name {image} {tag}: {why}")]
pub struct NamingError {
    image: String,
    tag: String,
    why: String,
}

/// What a manifest says that it is; OCI's may leave it out.
fn media_type(manifest: &[u8]) -> Option<&'static str> {
    let manifest: serde_json::Value = serde_json::from_slice(manifest).ok()?;
    let named = manifest["mediaType"].as_str().unwrap_or(OCI_IMAGE_MEDIA_TYPE);
    MANIFESTS.into_iter().find(|known| *known == named)
}

fn auth(login: Option<&Login>) -> RegistryAuth {
    login.map_or(RegistryAuth::Anonymous, |login| {
        RegistryAuth::Basic(login.username.clone(), login.password.clone())
    })
}

fn told(error: &OciDistributionError, registry: &str, login: Option<&Login>) -> String {
    match login {
        Some(_) if is_refusal(error) => format!("{registry} refused the login of the Fleet's Secret"),
        None if is_refusal(error) => {
            format!("{registry} wants a login: name a Secret in `builds.pushSecret`")
        }
        _ => error.to_string(),
    }
}

fn refusal(registry: &str, login: Option<&Login>) -> String {
    match login {
        Some(_) => format!("{registry} refused the login of the Fleet's pullSecret: correct the Secret"),
        None => format!(
            "{registry} wants a login: add one for it to a Secret that the Fleet's `pullSecret` names"
        ),
    }
}

fn pinned(image: &str, digest: &str) -> String {
    format!("{}@{digest}", slipway_plan::environment::resolve::repository(image))
}

fn is_refusal(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::AuthenticationFailure(_) | OciDistributionError::UnauthorizedError { .. } => {
            true
        }
        OciDistributionError::ServerError { code, .. } => matches!(code, 401 | 403),
        OciDistributionError::RegistryError { envelope, .. } => envelope
            .errors
            .iter()
            .any(|error| matches!(error.code, OciErrorCode::Unauthorized | OciErrorCode::Denied)),
        _ => false,
    }
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
