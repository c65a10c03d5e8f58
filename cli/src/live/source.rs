//! A folder with a service's code.

use std::path::{Path, PathBuf};

use slipway_plan::manifest::{self, Manifest};
use slipway_plan::yaml;

use crate::exit::Usage;

/// A working tree, and what its `manifest.yaml` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Where it is.
    pub folder: PathBuf,
    /// The service.
    pub service: String,
    /// Where its code is in the container.
    pub mount: String,
    /// What makes new code count.
    pub reload: Option<String>,
}

impl Source {
    /// Of this folder.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let usage = |text: String| anyhow::Error::from(Usage(text));
        let folder = path.canonicalize().map_err(|error| usage(format!("{}: {error}", path.display())))?;
        let file = folder.join(manifest::FILE);
        let bytes = std::fs::read(&file).map_err(|error| {
            let name = folder.display();
            usage(format!("{}: {error}\n  is {name} the root of a service's repository?", file.display()))
        })?;
        let manifest: Manifest = yaml::parse_typed(manifest::FILE, &bytes)
            .map_err(|error| usage(format!("{}: {error}", file.display())))?;
        let service = manifest.name.to_string();
        let Some(mount) = manifest.run.mount else {
            let name = file.display();
            return Err(usage(format!(
                "{name} does not say where the code of {service} is in its container\n  \
                 name the folder, for example  run: {{mount: /srv/{service}}}"
            )));
        };
        Ok(Self { folder, service, mount, reload: manifest.run.reload })
    }

    /// The wrong folder would replace all code of a service.
    pub fn refuse_other(&self, service: &str) -> Result<(), Usage> {
        self.refuse_others(&[service.to_owned()])
    }

    /// The same where several are named; none means that others choose.
    pub fn refuse_others(&self, services: &[String]) -> Result<(), Usage> {
        if services.is_empty() || services.contains(&self.service) {
            return Ok(());
        }
        let (folder, service, others) = (self.folder.display(), &self.service, services.join(", "));
        Err(Usage(format!(
            "{folder} is the code of {service}, and not of {others}\n  name the folder with the right code"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(manifest: Option<&str>) -> Result<Source, String> {
        let folder = tempfile::tempdir().unwrap();
        if let Some(manifest) = manifest {
            std::fs::write(folder.path().join("manifest.yaml"), manifest).unwrap();
        }
        Source::read(folder.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_manifest_says_where_the_code_goes() {
        let manifest = "name: api\nimage: x\nrun: {mount: /srv/api, reload: sv restart api}\n";
        let source = read(Some(manifest)).unwrap();
        assert_eq!((source.mount.as_str(), source.reload.as_deref()), ("/srv/api", Some("sv restart api")));
        let refused = source.refuse_other("www").unwrap_err().0;
        assert!(refused.contains("is the code of api, and not of www"), "{refused}");
        assert!(source.refuse_other("api").is_ok());
    }

    #[test]
    fn a_folder_that_is_no_service_is_refused_with_what_to_do() {
        assert!(read(None).unwrap_err().contains("the root of a service's repository?"));
        assert!(read(Some("name: api\nimage: x\n")).unwrap_err().contains("run: {mount: /srv/api}"));
        assert!(read(Some("nme: api\n")).unwrap_err().contains("manifest.yaml:1"));
    }
}
