//! The cluster's own certificate authority, and certificates for its servers and users.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::error::{Error, Result};

/// An authority whose key lives as long as the process that made it, and no longer.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    folder: PathBuf,
}

/// A certificate with its key, both as PEM text.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// Where a certificate and its key were written.
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Where the keys for service account tokens were written.
pub(crate) struct SigningKeys {
    pub(crate) private: PathBuf,
    pub(crate) public: PathBuf,
}

impl Authority {
    /// Makes an authority; what it is asked to write goes below `folder`.
    pub(crate) fn create(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
        let failed = |source| Error::Certificate { name: "the authority".into(), source };
        let mut parameters = named("slipway-cluster", None, &[]).map_err(failed)?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = parameters.self_signed(&key).map_err(failed)?.pem();
        let authority = Self { issuer: Issuer::new(parameters, key), certificate, folder };
        write(&authority.certificate_path(), &authority.certificate)?;
        Ok(authority)
    }

    /// The authority's certificate, as PEM text.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Where the authority's certificate is.
    pub(crate) fn certificate_path(&self) -> PathBuf {
        self.folder.join("authority.crt")
    }

    /// A server's certificate for these names and addresses, written to files.
    pub(crate) fn server(&self, name: &str, reached_as: &[String]) -> Result<Files> {
        let identity = self.issue(name, None, reached_as, ExtendedKeyUsagePurpose::ServerAuth)?;
        self.write(name, &identity)
    }

    /// A user's certificate: Kubernetes takes the common name as the user, the organization as a group.
    pub(crate) fn client(&self, user: &str, group: Option<&str>) -> Result<Identity> {
        self.issue(user, group, &[], ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// A certificate and its key as files named after their purpose.
    pub(crate) fn write(&self, name: &str, identity: &Identity) -> Result<Files> {
        let files = Files {
            certificate: self.folder.join(format!("{name}.crt")),
            key: self.folder.join(format!("{name}.key")),
        };
        write(&files.certificate, &identity.certificate)?;
        write(&files.key, &identity.key)?;
        Ok(files)
    }

    /// A pair of keys that signs and verifies service account tokens; it needs no certificate.
    pub(crate) fn signing_keys(&self, name: &str) -> Result<SigningKeys> {
        let failed = |source| Error::Certificate { name: name.into(), source };
        let files = SigningKeys {
            private: self.folder.join(format!("{name}.key")),
            public: self.folder.join(format!("{name}.pub")),
        };
        let pair = KeyPair::generate().map_err(failed)?;
        write(&files.private, &pair.serialize_pem())?;
        write(&files.public, &pair.public_key_pem())?;
        Ok(files)
    }

    fn issue(
        &self,
        name: &str,
        group: Option<&str>,
        reached_as: &[String],
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Identity> {
        let failed = |source| Error::Certificate { name: name.into(), source };
        let mut parameters = named(name, group, reached_as).map_err(failed)?;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![usage];
        parameters.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = parameters.signed_by(&key, &self.issuer).map_err(failed)?.pem();
        Ok(Identity { certificate, key: key.serialize_pem() })
    }
}

/// Names that are addresses become address entries.
fn named(
    name: &str,
    group: Option<&str>,
    reached_as: &[String],
) -> std::result::Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new(reached_as)?;
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    if let Some(group) = group {
        parameters.distinguished_name.push(DnType::OrganizationName, group);
    }
    Ok(parameters)
}

fn write(path: &Path, content: &str) -> Result<()> {
    fs::write(path, content).map_err(Error::file("write", path))
}
