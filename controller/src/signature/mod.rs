//! Whether a commit is signed by whom it must be signed by. Nothing is asked of anybody: what counts is in a Secret.

mod openpgp;
mod ssh;

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use slipway_crds::v1alpha1::SignatureProvider;

/// A signature, and the bytes that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedContent {
    /// As the commit has it: armoured.
    pub signature: Vec<u8>,
    /// The commit without the signature.
    pub content: Vec<u8>,
}

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is none.
    #[error("it is not signed")]
    Unsigned,
    /// It is not what signatures of this provider look like.
    #[error("its signature is none of {0}")]
    Malformed(&'static str),
    /// Nobody is trusted.
    #[error("the Secret has no usable public key: {0}")]
    NoSigners(String),
    /// Nobody who is trusted made it, or what it is about was changed.
    #[error("it is not signed by a key that is trusted here")]
    Untrusted,
    /// The key was good once, or will be.
    #[error("it is signed by key {key}, which is {why}")]
    KeyNotValid {
        /// Fingerprint.
        key: String,
        /// For people.
        why: &'static str,
    },
}

/// Checks a signature against the public keys in a Secret, at a time. Says whose it is.
pub fn verify(
    provider: SignatureProvider,
    signers: &BTreeMap<String, ByteString>,
    signed: Option<&SignedContent>,
    now: Timestamp,
) -> Result<String, SignatureError> {
    let signed = signed.ok_or(SignatureError::Unsigned)?;
    let texts = signers.iter().map(|(name, bytes)| {
        let text = std::str::from_utf8(&bytes.0);
        text.map_err(|_| SignatureError::NoSigners(format!("`{name}` is no text")))
    });
    let texts: Vec<&str> = texts.collect::<Result<_, _>>()?;
    match provider {
        SignatureProvider::Ssh => ssh::verify(&texts, signed, now),
        SignatureProvider::Gpg => openpgp::verify(&texts, signed, now),
    }
}
