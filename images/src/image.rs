//! An image: layers, how its program is run, and the manifest that names both.

use oci_client::Reference;
use oci_client::config::{Architecture, Config, ConfigFile, Os, Rootfs};
use oci_client::manifest::{IMAGE_CONFIG_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};
use slipway_agent::layer::sha256;

use crate::{ImageError, Layer};

/// How a container of the image runs. What is left empty is inherited from the base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Execution {
    /// Program and first arguments that always run. Example: `["/slipway-controller"]`.
    pub entrypoint: Vec<String>,
    /// Arguments, or the whole command where there is no entrypoint.
    pub command: Vec<String>,
    /// Variables as `NAME=value`; they come after the base's.
    pub environment: Vec<String>,
    /// Numeric user, with group if wanted. Example: `65532:65532`.
    pub user: Option<String>,
    /// Directory the program starts in.
    pub working_directory: Option<String>,
}

/// What an image takes over from its base.
#[derive(Clone, Debug)]
pub struct InheritedImage {
    /// Where the base is.
    pub reference: Reference,
    pub(crate) layers: Vec<OciDescriptor>,
    pub(crate) config: ConfigFile,
}

/// An image that is ready to be pushed.
#[derive(Clone, Debug)]
pub struct Image {
    pub(crate) base: Option<Reference>,
    pub(crate) inherited: Vec<OciDescriptor>,
    pub(crate) layers: Vec<Layer>,
    pub(crate) config: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
}

impl Image {
    /// An image of these layers alone, the lowest first.
    pub fn from_scratch(layers: Vec<Layer>, execution: &Execution) -> Result<Self, ImageError> {
        let empty = ConfigFile { architecture: architecture(), os: Os::Linux, ..ConfigFile::default() };
        Self::assemble(None, Vec::new(), empty, layers, execution)
    }

    /// An image of these layers on top of a base.
    pub fn on(base: InheritedImage, layers: Vec<Layer>, execution: &Execution) -> Result<Self, ImageError> {
        Self::assemble(Some(base.reference), base.layers, base.config, layers, execution)
    }

    /// Digest of the manifest: what pins the image.
    pub fn digest(&self) -> String {
        sha256(&self.manifest)
    }

    fn assemble(
        base: Option<Reference>,
        inherited: Vec<OciDescriptor>,
        mut file: ConfigFile,
        layers: Vec<Layer>,
        execution: &Execution,
    ) -> Result<Self, ImageError> {
        let broken = |source| ImageError::Configuration { image: "the new image".to_owned(), source };
        file.config = Some(merge(file.config.unwrap_or_default(), execution));
        let mut diff_ids = file.rootfs.diff_ids;
        diff_ids.extend(layers.iter().map(|layer| layer.diff_id.clone()));
        file.rootfs = Rootfs { diff_ids, ..Rootfs::default() };
        file.history = None;
        let config = serde_json::to_vec(&file).map_err(broken)?;
        let manifest = OciImageManifest {
            media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
            config: describe_config(&config),
            layers: inherited.iter().cloned().chain(layers.iter().map(Layer::descriptor)).collect(),
            ..OciImageManifest::default()
        };
        let manifest = serde_json::to_vec(&manifest).map_err(broken)?;
        Ok(Self { base, inherited, layers, config, manifest })
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
    let mut env = base.env.unwrap_or_default();
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
