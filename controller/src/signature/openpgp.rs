//! `OpenPGP` signatures, as `git commit -S` makes them with gpg.

use jiff::Timestamp;
use pgp::composed::{Deserializable as _, DetachedSignature, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::{Duration, KeyDetails, Tag};

use super::{SignatureError, SignedContent};

pub(super) fn verify(
    texts: &[&str],
    signed: &SignedContent,
    now: Timestamp,
) -> Result<String, SignatureError> {
    let malformed = || SignatureError::Malformed("OpenPGP's");
    let text = std::str::from_utf8(&signed.signature).map_err(|_| malformed())?;
    let (signature, _) = DetachedSignature::from_string(text).map_err(|_| malformed())?;
    let signature = signature.signature;
    let keys = keys(texts)?;
    if !is_acceptable(&signature) || signature.typ() != Some(SignatureType::Binary) {
        return Err(SignatureError::Untrusted);
    }
    let now = u64::try_from(now.as_second()).unwrap_or_default();
    let made = keys.iter().filter_map(|key| made_by(key, &signature, &signed.content, now));
    let mut refused = None;
    for whose in made {
        match whose {
            Ok(signer)
                if !has_passed(signature.created().map(secs), signature.signature_expiration_time(), now) =>
            {
                return Ok(signer);
            }
            Ok(key) => {
                refused = Some(SignatureError::KeyNotValid { key, why: "in a signature that has expired" })
            }
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or(SignatureError::Untrusted))
}

/// All keys of all texts; one that cannot be read is an error, as nobody would notice otherwise.
fn keys(texts: &[&str]) -> Result<Vec<SignedPublicKey>, SignatureError> {
    let unreadable = |error: pgp::errors::Error| SignatureError::NoSigners(error.to_string());
    let mut keys = Vec::new();
    for text in texts {
        let (found, _) = SignedPublicKey::from_string_many(text).map_err(unreadable)?;
        for key in found {
            keys.push(key.map_err(unreadable)?);
        }
    }
    if keys.is_empty() {
        return Err(SignatureError::NoSigners("add what `gpg --armor --export` prints".to_owned()));
    }
    Ok(keys)
}

/// Whether a key, or a subkey of it that may sign, made the signature, and whether it may still do so.
fn made_by(
    key: &SignedPublicKey,
    signature: &Signature,
    content: &[u8],
    now: u64,
) -> Option<Result<String, SignatureError>> {
    let name = format!("{}", key.primary_key.fingerprint()).to_uppercase();
    let own = signature.verify(&key.primary_key, content).is_ok().then(|| Ok(()));
    let made = own.or_else(|| {
        let subkey =
            key.public_subkeys.iter().find(|subkey| signature.verify(&subkey.key, content).is_ok())?;
        Some(subkey_problem(key, subkey, now).map_or(Ok(()), Err))
    })?;
    let problem = made.err().or_else(|| key_problem(key, now));
    Some(match problem {
        None => Ok(name),
        Some(why) => Err(SignatureError::KeyNotValid { key: name, why }),
    })
}

fn key_problem(key: &SignedPublicKey, now: u64) -> Option<&'static str> {
    let primary = &key.primary_key;
    if key.details.revocation_signatures.iter().any(|revoked| revoked.verify_key(primary).is_ok()) {
        return Some("revoked");
    }
    let of_users = key.details.users.iter().flat_map(|user| {
        let own = |made: &&Signature| made.verify_certification(primary, Tag::UserId, &user.id).is_ok();
        user.signatures.iter().filter(|made| made.typ() != Some(SignatureType::CertRevocation)).filter(own)
    });
    let direct = key.details.direct_signatures.iter().filter(|made| made.verify_key(primary).is_ok());
    let Some(latest) = latest(of_users.chain(direct)) else { return Some("not signed by itself") };
    has_passed(Some(secs(primary.created_at())), latest.key_expiration_time(), now).then_some("expired")
}

fn subkey_problem(key: &SignedPublicKey, subkey: &SignedPublicSubKey, now: u64) -> Option<&'static str> {
    let primary = &key.primary_key;
    let bound = |made: &&Signature| made.verify_subkey_binding(primary, &subkey.key).is_ok();
    let is_revocation = |made: &&Signature| made.typ() == Some(SignatureType::SubkeyRevocation);
    if subkey.signatures.iter().filter(bound).any(|made| is_revocation(&made)) {
        return Some("a revoked subkey");
    }
    let bindings = subkey.signatures.iter().filter(|made| !is_revocation(made)).filter(bound);
    let Some(latest) = latest(bindings) else { return Some("not bound to its key") };
    // A key cannot be claimed by another: it must have agreed.
    let agreed = latest.embedded_signature();
    let agreed = agreed.is_some_and(|back| back.verify_primary_key_binding(&subkey.key, primary).is_ok());
    if !latest.key_flags().sign() || !agreed {
        return Some("not for signing");
    }
    has_passed(Some(secs(subkey.key.created_at())), latest.key_expiration_time(), now).then_some("expired")
}

fn latest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.filter(|made| is_acceptable(made)).max_by_key(|made| made.created().map(secs))
}

/// Two hashes can be made to collide.
fn is_acceptable(signature: &Signature) -> bool {
    !matches!(
        signature.hash_alg(),
        None | Some(HashAlgorithm::Md5 | HashAlgorithm::Sha1 | HashAlgorithm::Ripemd160)
    )
}

fn secs(time: pgp::types::Timestamp) -> u64 {
    u64::from(time.as_secs())
}

/// Whether a span of time from a moment on is over; no span never is.
fn has_passed(from: Option<u64>, span: Option<Duration>, now: u64) -> bool {
    match (from, span.map(|span| u64::from(span.as_secs()))) {
        (_, None | Some(0)) => false,
        (Some(from), Some(span)) => from + span <= now,
        (None, Some(_)) => true,
    }
}
