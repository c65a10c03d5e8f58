//! A registry: which images it has, and pushing only what it lacks.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use futures::TryStreamExt as _;
use http::HeaderValue;
use oci_client::client::{Client, ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor};
use oci_client::secrets::RegistryAuth;
use oci_client::{Reference, RegistryOperation};
use slipway_agent::layer::sha256;
use tokio_util::io::ReaderStream;

use crate::{Image, ImageError, ImageLayer, InheritedImage, LayerFile};

/// How long a connection may take, and how long a registry may say nothing.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_mins(1);

/// Who pushes.
#[derive(Clone)]
pub enum Credentials {
    /// Nobody in particular.
    Anonymous,
    /// A user with a password or a token.
    Password {
        /// The user.
        user: String,
        /// The password or token; never printed.
        password: String,
    },
}

impl Credentials {
    /// What `docker login` or `podman login` left on this machine for the registry of `image`.
    pub fn of_this_machine(image: &Reference) -> Self {
        match docker_credential::get_credential(image.resolve_registry()) {
            Ok(docker_credential::DockerCredential::UsernamePassword(user, password)) => {
                Self::Password { user, password }
            }
            _ => Self::Anonymous,
        }
    }

    /// What a `.dockerconfigjson` has for the registry of `image`.
    pub fn of_file(path: &Path, image: &Reference) -> Result<Self, ImageError> {
        use docker_credential::{CredentialRetrievalError, DockerCredential};
        let file = std::fs::File::open(path)
            .map_err(|source| ImageError::ReadFile { path: path.to_owned(), source })?;
        match docker_credential::get_credential_from_reader(file, image.resolve_registry()) {
            Ok(DockerCredential::UsernamePassword(user, password)) => Ok(Self::Password { user, password }),
            Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(Self::Anonymous),
            // What went wrong may hold what is in the file.
            Ok(DockerCredential::IdentityToken(_)) | Err(_) => {
                Err(ImageError::Logins { path: path.to_owned() })
            }
        }
    }
}

/// A client of one or more registries.
#[derive(Clone)]
pub struct Registry {
    client: Client,
    auth: RegistryAuth,
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Registry(…)")
    }
}

impl Registry {
    /// HTTPS, and plain HTTP for `plain_hosts`. Example of a host: `127.0.0.1:5000`.
    pub fn new(plain_hosts: Vec<String>, credentials: Credentials) -> Self {
        let protocol = ClientProtocol::HttpsExcept(plain_hosts);
        let auth = match credentials {
            Credentials::Anonymous => RegistryAuth::Anonymous,
            Credentials::Password { user, password } => RegistryAuth::Basic(user, password),
        };
        let config = ClientConfig {
            protocol,
            use_monolithic_push: true,
            connect_timeout: Some(CONNECT),
            read_timeout: Some(SILENCE),
            ..ClientConfig::default()
        };
        Self { client: Client::new(config), auth }
    }

    /// Parses the name of an image.
    pub fn reference(text: &str) -> Result<Reference, ImageError> {
        text.parse().map_err(|source| ImageError::Reference { text: text.to_owned(), source })
    }

    /// Digest that a tag stands for; `None` when there is no such image.
    pub async fn digest(&self, image: &Reference) -> Result<Option<String>, ImageError> {
        match self.client.fetch_manifest_digest(image, &self.auth).await {
            Ok(digest) => Ok(Some(digest)),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(failed("ask for the digest of", image)(error)),
        }
    }

    /// What another image needs to know of this one to be built on it.
    pub async fn inherit(&self, image: &Reference) -> Result<InheritedImage, ImageError> {
        let pulled = self.client.pull_manifest_and_config(image, &self.auth).await;
        let (manifest, _, config) = match pulled {
            Err(error) if is_not_found(&error) => {
                return Err(ImageError::NoImage { image: image.to_string() });
            }
            other => other.map_err(failed("read the manifest of", image))?,
        };
        let config = serde_json::from_str(&config)
            .map_err(|source| ImageError::Configuration { image: image.to_string(), source })?;
        let registry = self.clone();
        Ok(InheritedImage { reference: image.clone(), registry, layers: manifest.layers, config })
    }

    /// Pushes the layers that are missing, then configuration and manifest. Returns the digest.
    pub async fn push(&self, image: &Image, target: &Reference) -> Result<String, ImageError> {
        self.client.store_auth_if_needed(target.resolve_registry(), &self.auth).await;
        let login = self.client.auth(target, &self.auth, RegistryOperation::Push).await;
        login.map_err(failed("log in to push", target))?;
        if let Some(base) = &image.base {
            for layer in &base.layers {
                self.take_over(target, base, layer).await?;
            }
        }
        for layer in &image.layers {
            match layer {
                ImageLayer::Made(layer) => self.push_blob(target, &layer.bytes, &layer.digest).await?,
                ImageLayer::Found(file) => self.push_file(target, file).await?,
            }
        }
        self.push_blob(target, &image.config, &sha256(&image.config)).await?;
        let kind = HeaderValue::from_static(OCI_IMAGE_MEDIA_TYPE);
        let pushed = self.client.push_manifest_raw(target, image.manifest.clone(), kind).await;
        pushed.map_err(failed("push the manifest of", target))?;
        Ok(image.digest())
    }

    async fn push_blob(&self, target: &Reference, bytes: &[u8], digest: &str) -> Result<(), ImageError> {
        if self.has_blob(target, digest).await? {
            return Ok(());
        }
        let pushed = self.client.push_blob(target, bytes.to_vec(), digest).await;
        pushed.map(drop).map_err(failed("push a layer of", target))
    }

    async fn push_file(&self, target: &Reference, file: &LayerFile) -> Result<(), ImageError> {
        let checked = file.checked();
        if self.has_blob(target, &checked.digest).await? {
            return Ok(());
        }
        let failed = failed("push a layer of", target);
        let reader = match file.reader() {
            Ok(reader) => ReaderStream::new(tokio::fs::File::from_std(reader)),
            Err(error) => return Err(failed(error.into())),
        };
        let bytes = reader.map_err(OciDistributionError::from);
        let pushed = self.client.push_blob_stream(target, bytes, &checked.digest, Some(checked.size)).await;
        pushed.map(drop).map_err(failed)
    }

    /// The registry takes a layer over from one of its repositories to another, unless it cannot or will not: then the
    /// layer goes through this process, as it does between registries.
    async fn take_over(
        &self,
        target: &Reference,
        base: &InheritedImage,
        layer: &OciDescriptor,
    ) -> Result<(), ImageError> {
        if self.has_blob(target, &layer.digest).await? {
            return Ok(());
        }
        let is_near = base.reference.resolve_registry() == target.resolve_registry();
        if is_near && self.client.mount_blob(target, &base.reference, &layer.digest).await.is_ok() {
            return Ok(());
        }
        let pulled = base.registry.client.pull_blob_stream(&base.reference, layer).await;
        let bytes = pulled.map_err(failed("read a layer of", &base.reference))?;
        let size = bytes.content_length.or(u64::try_from(layer.size).ok());
        let bytes = bytes.map_err(OciDistributionError::from);
        let pushed = self.client.push_blob_stream(target, bytes, &layer.digest, size).await;
        pushed.map(drop).map_err(failed("take over the layers of the base for", target))
    }

    async fn has_blob(&self, image: &Reference, digest: &str) -> Result<bool, ImageError> {
        self.client.blob_exists(image, digest).await.map_err(failed("look for a layer of", image))
    }
}

fn failed(action: &'static str, image: &Reference) -> impl FnOnce(OciDistributionError) -> ImageError {
    let image = image.to_string();
    move |source| ImageError::Registry { action, image, source: Box::new(source) }
}

fn is_not_found(error: &OciDistributionError) -> bool {
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
