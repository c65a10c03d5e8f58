//! Whether a message comes from somebody who knows the secret.

use aws_lc_rs::hmac;
use axum::http::HeaderMap;

/// Where senders put the HMAC-SHA256 of the body, and what they write before it.
const HEADERS: [(&str, &str); 3] =
    [("x-slipway-signature", "sha256="), ("x-hub-signature-256", "sha256="), ("x-gitea-signature", "")];

/// What a message is signed with, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature([u8; 32]);

impl Signature {
    /// Reads the first header that is there. A second one of the same name makes it ambiguous.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let (name, prefix) = HEADERS.into_iter().find(|(name, _)| headers.contains_key(*name))?;
        let mut values = headers.get_all(name).iter();
        let (value, None) = (values.next()?, values.next()) else { return None };
        digits(value.as_bytes().strip_prefix(prefix.as_bytes())?).map(Self)
    }

    /// Whether this is the signature of exactly these bytes. Takes as long for every wrong one.
    pub(super) fn is_of(&self, secret: &[u8], body: &[u8]) -> bool {
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), body, &self.0).is_ok()
    }
}

fn digits(text: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let digit =
            |at: usize| char::from(*pair.get(at)?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(0)? << 4 | digit(1)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    // From GitHub's documentation on validating deliveries.
    const SECRET: &[u8] = b"It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const DIGITS: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn signature(name: &'static str, value: &str) -> Option<Signature> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        Signature::of(&headers)
    }

    #[test]
    fn all_three_senders_are_understood() {
        for (name, prefix) in HEADERS {
            for digits in [DIGITS.to_owned(), DIGITS.to_uppercase()] {
                let read = signature(name, &format!("{prefix}{digits}")).unwrap();
                assert!(read.is_of(SECRET, BODY), "{name}");
            }
        }
    }

    #[test]
    fn another_body_secret_or_digit_is_not_signed() {
        let read = signature("x-slipway-signature", &format!("sha256={DIGITS}")).unwrap();
        assert!(!read.is_of(SECRET, b"Hello, World?"));
        assert!(!read.is_of(SECRET, b""));
        assert!(!read.is_of(b"another", BODY));
        for at in 0..DIGITS.len() {
            let mut digits = DIGITS.as_bytes().to_vec();
            digits[at] = if digits[at] == b'0' { b'1' } else { b'0' };
            let value = format!("sha256={}", String::from_utf8(digits).unwrap());
            assert!(!signature("x-slipway-signature", &value).unwrap().is_of(SECRET, BODY), "digit {at}");
        }
    }

    #[test]
    fn what_is_no_signature_is_none() {
        for value in [
            "",
            "sha256=",
            "sha1=757107",
            DIGITS,
            &format!("sha256={DIGITS}00"),
            &format!("sha256=g{}", &DIGITS[1..]),
        ] {
            assert_eq!(signature("x-hub-signature-256", value), None, "{value}");
        }
        assert_eq!(signature("x-hub-signature", &format!("sha1={DIGITS}")), None);
        let mut twice = HeaderMap::new();
        twice.append("x-gitea-signature", DIGITS.parse().unwrap());
        twice.append("x-gitea-signature", DIGITS.parse().unwrap());
        assert_eq!(Signature::of(&twice), None);
    }
}
