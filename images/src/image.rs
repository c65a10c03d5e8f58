//! An image: layers, how its program is run, and the manifest that names both.

use std::collections::BTreeMap;

use jiff::Timestamp;
use oci_client::Reference;
use oci_client::config::{Architecture, Config, ConfigFile, Os, Rootfs};
use oci_client::manifest::{IMAGE_CONFIG_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};
use serde_json::Value;
use slipway_agent::layer::sha256;

use crate::{ImageError, ImageLayer, Layer, Registry};

/// How a container of the image runs. What is left empty is inherited from the base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Execution {
    /// Program and first arguments that always run. Example: `["/slipway-controller"]`.
    pub entrypoint: Vec<String>,
    /// Arguments, or the whole command where there is no entrypoint.
    pub command: Vec<String>,
    /// Variables as `NAME=value`; they win over the base's.
    pub environment: Vec<String>,
    /// Numeric user, with group if wanted. Example: `65532:65532`.
    pub user: Option<String>,
    /// Directory the program starts in.
    pub working_directory: Option<String>,
}

/// What an image says of how it came about. Nothing of it is inherited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// By name. Example: `org.opencontainers.image.revision`.
    pub labels: BTreeMap<String, String>,
    /// When it counts as made; it depends on what it is made of, or the same would never have the same digest.
    pub created: Option<Timestamp>,
}

/// What an image takes over from its base.
#[derive(Clone, Debug)]
pub struct InheritedImage {
    /// Where the base is.
    pub reference: Reference,
    pub(crate) registry: Registry,
    pub(crate) layers: Vec<OciDescriptor>,
    pub(crate) config: ConfigFile,
}

/// An image that is ready to be pushed.
#[derive(Clone, Debug)]
pub struct Image {
    pub(crate) base: Option<InheritedImage>,
    pub(crate) layers: Vec<ImageLayer>,
    pub(crate) config: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
}

impl Image {
    /// An image of these layers alone, the lowest first.
    pub fn from_scratch(layers: Vec<Layer>, execution: &Execution) -> Result<Self, ImageError> {
        let empty = ConfigFile { architecture: architecture(), os: Os::Linux, ..ConfigFile::default() };
        Self::assemble(None, empty, layers, execution, &Origin::default())
    }

    /// An image of these layers on top of a base.
    pub fn on(
        base: InheritedImage,
        layers: Vec<impl Into<ImageLayer>>,
        execution: &Execution,
    ) -> Result<Self, ImageError> {
        Self::made_of(base, layers, execution, &Origin::default())
    }

    /// An image of these layers on top of a base that says how it came about.
    pub fn made_of(
        base: InheritedImage,
        layers: Vec<impl Into<ImageLayer>>,
        execution: &Execution,
        origin: &Origin,
    ) -> Result<Self, ImageError> {
        let config = base.config.clone();
        Self::assemble(Some(base), config, layers, execution, origin)
    }

    /// Digest of the manifest: what pins the image.
    pub fn digest(&self) -> String {
        sha256(&self.manifest)
    }

    /// How many layers it has, those of its base included.
    pub fn layers(&self) -> usize {
        self.layers.len() + self.base.as_ref().map_or(0, |base| base.layers.len())
    }

    fn assemble(
        base: Option<InheritedImage>,
        mut file: ConfigFile,
        layers: Vec<impl Into<ImageLayer>>,
        execution: &Execution,
        origin: &Origin,
    ) -> Result<Self, ImageError> {
        let broken = |source| ImageError::Configuration { image: "the new image".to_owned(), source };
        let layers: Vec<ImageLayer> = layers.into_iter().map(Into::into).collect();
        file.config = Some(merge(file.config.unwrap_or_default(), execution));
        let mut diff_ids = file.rootfs.diff_ids;
        diff_ids.extend(layers.iter().map(|layer| layer.diff_id().to_owned()));
        file.rootfs = Rootfs { diff_ids, ..Rootfs::default() };
        file.history = None;
        file.created = None;
        let config = describe(serde_json::to_value(&file).map_err(broken)?, origin);
        let config = serde_json::to_vec(&config).map_err(broken)?;
        let inherited = base.iter().flat_map(|base| base.layers.iter().cloned());
        let manifest = OciImageManifest {
            media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
            config: describe_config(&config),
            layers: inherited.chain(layers.iter().map(ImageLayer::descriptor)).collect(),
            ..OciImageManifest::default()
        };
        let manifest = serde_json::to_vec(&manifest).map_err(broken)?;
        Ok(Self { base, layers, config, manifest })
    }
}

/// The configuration with what is said of its origin, always in the same order: the digest depends on it.
fn describe(mut config: Value, origin: &Origin) -> Value {
    if let Some(created) = origin.created {
        config["created"] = created.to_string().into();
    }
    if !origin.labels.is_empty() {
        config["config"]["Labels"] =
            origin.labels.iter().map(|(name, label)| (name.clone(), label.clone())).collect();
    }
    sorted(config)
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.into_iter().collect();
            Value::Object(fields.into_iter().map(|(name, value)| (name, sorted(value))).collect())
        }
        Value::Array(values) => values.into_iter().map(sorted).collect(),
        other => other,
    }
}

fn describe_config(config: &[u8]) -> OciDescriptor {
    OciDescriptor {
        media_type: IMAGE_CONFIG_MEDIA_TYPE.to_owned(),
        digest: sha256(config),
        size: i64::try_from(config.len()).unwrap_or(i64::MAX),
        ..OciDescriptor::default()
    }
}

fn merge(base: Config, execution: &Execution) -> Config {
    let named = |variable: &str| variable.split('=').next().unwrap_or_default().to_owned();
    let is_replaced = |old: &String| execution.environment.iter().any(|new| named(new) == named(old));
    let mut env = base.env.unwrap_or_default();
    env.retain(|old| !is_replaced(old));
    env.extend(execution.environment.iter().cloned());
    Config {
        entrypoint: not_empty(&execution.entrypoint).or(base.entrypoint),
        cmd: not_empty(&execution.command).or(base.cmd),
        env: not_empty(&env),
        user: execution.user.clone().or(base.user),
        working_dir: execution.working_directory.clone().or(base.working_dir),
        ..Config::default()
    }
}

fn not_empty(words: &[String]) -> Option<Vec<String>> {
    (!words.is_empty()).then(|| words.to_vec())
}

fn architecture() -> Architecture {
    if cfg!(target_arch = "aarch64") { Architecture::ARM64 } else { Architecture::Amd64 }
}
