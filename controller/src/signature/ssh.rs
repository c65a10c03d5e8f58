//! Signatures by SSH keys, as `git commit -S` makes them with `gpg.format = ssh`.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ssh_key::{HashAlg, PublicKey, SshSig};

use super::{SignatureError, SignedContent};

/// What git signs for: a signature made for something else does not count.
const NAMESPACE: &str = "git";

/// Somebody who is trusted, as a line of `allowed_signers` says.
#[derive(Debug, PartialEq)]
struct Signer {
    principals: String,
    key: PublicKey,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
}

pub(super) fn verify(
    texts: &[&str],
    signed: &SignedContent,
    now: Timestamp,
) -> Result<String, SignatureError> {
    let signature = SshSig::from_pem(&signed.signature).map_err(|_| SignatureError::Malformed("SSH's"))?;
    let lines = texts.iter().flat_map(|text| text.lines());
    let lines: Vec<&str> =
        lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let signers: Vec<Signer> = lines.iter().filter_map(|line| signer(line)).collect();
    if signers.is_empty() {
        return Err(SignatureError::NoSigners(
            "write lines as in allowed_signers, `emma@example.com ssh-ed25519 AAAA…`".to_owned(),
        ));
    }
    let made = |signer: &&Signer| signer.key.verify(NAMESPACE, &signed.content, &signature).is_ok();
    let candidates: Vec<&Signer> = signers.iter().filter(made).collect();
    let is_valid = |signer: &&&Signer| {
        signer.after.is_none_or(|after| after <= now) && signer.before.is_none_or(|before| now < before)
    };
    match (candidates.iter().find(is_valid), candidates.first()) {
        (Some(signer), _) => Ok(signer.principals.clone()),
        (None, Some(signer)) => Err(SignatureError::KeyNotValid {
            key: signer.key.fingerprint(HashAlg::Sha256).to_string(),
            why: "outside of its `valid-after` and `valid-before`",
        }),
        (None, None) => Err(SignatureError::Untrusted),
    }
}

/// `principals [options] type key [comment]`. A line that is not understood lets nobody in.
fn signer(line: &str) -> Option<Signer> {
    let (principals, rest) = line.split_once(char::is_whitespace)?;
    let mut words = rest.split_whitespace().peekable();
    let options = words.next_if(|word| !is_key_type(word)).unwrap_or_default();
    let key = PublicKey::from_openssh(&format!("{} {}", words.next()?, words.next()?)).ok()?;
    let mut signer = Signer { principals: principals.to_owned(), key, after: None, before: None };
    for option in split(options) {
        let (name, value) = option.split_once('=')?;
        let value = value.trim_matches('"');
        match name.to_ascii_lowercase().as_str() {
            "namespaces" if value.split(',').any(|namespace| namespace == NAMESPACE) => {}
            "valid-after" => signer.after = Some(time(value)?),
            "valid-before" => signer.before = Some(time(value)?),
            _ => return None,
        }
    }
    Some(signer)
}

fn is_key_type(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-"].iter().any(|start| word.starts_with(start))
}

/// At commas outside of quotes.
fn split(options: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let at_comma = move |character: char| {
        is_quoted ^= character == '"';
        character == ',' && !is_quoted
    };
    options.split(at_comma).filter(|option| !option.is_empty()).collect()
}

/// `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, with or without a Z; UTC either way.
fn time(text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z').unwrap_or(text);
    let padded = match digits.len() {
        8 => format!("{digits}000000"),
        12 => format!("{digits}00"),
        14 => digits.to_owned(),
        _ => return None,
    };
    let civil = DateTime::strptime("%Y%m%d%H%M%S", padded).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    #[test]
    fn lines_are_read_as_ssh_keygen_reads_them() {
        let plain = signer(&format!("emma@example.com {KEY} comment")).unwrap();
        assert_eq!((plain.principals.as_str(), plain.after, plain.before), ("emma@example.com", None, None));
        let line =
            format!("* namespaces=\"file,git\",valid-after=\"20260101\",valid-before=20270101120000Z {KEY}");
        let limited = signer(&line).unwrap();
        assert_eq!(limited.after, Some("2026-01-01T00:00:00Z".parse().unwrap()));
        assert_eq!(limited.before, Some("2027-01-01T12:00:00Z".parse().unwrap()));
    }

    #[test]
    fn a_line_that_is_not_understood_lets_nobody_in() {
        for line in [
            "emma",
            KEY,
            "emma ssh-ed25519 !",
            &format!("emma cert-authority {KEY}"),
            &format!("emma namespaces=\"file\" {KEY}"),
            &format!("emma valid-before=\"soon\" {KEY}"),
            &format!("emma unheard-of=\"x\" {KEY}"),
        ] {
            assert_eq!(signer(line), None, "{line}");
        }
    }
}
