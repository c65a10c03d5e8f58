//! PAX records. Their values may hold newlines, as extended attributes do; the reader of the `tar` crate splits there.

use std::collections::BTreeMap;
use std::io;

/// The records of one extended header: values by key.
pub(super) type Records = BTreeMap<String, Vec<u8>>;

/// Reads `LENGTH KEY=VALUE\n`, again and again.
pub(super) fn parse(mut data: &[u8]) -> io::Result<Records> {
    let mut records = Records::new();
    while !data.is_empty() {
        let (key, value, rest) = record(data).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "an extended header has a malformed record")
        })?;
        records.insert(key.to_owned(), value.to_vec());
        data = rest;
    }
    Ok(records)
}

fn record(data: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let space = data.iter().take(20).position(|byte| *byte == b' ')?;
    let length: usize = str::from_utf8(data.get(..space)?).ok()?.parse().ok()?;
    let body = data.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    let key = str::from_utf8(body.get(..equals)?).ok()?;
    Some((key, body.get(equals + 1..)?, data.get(length..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_hold_newlines_and_equals_signs() {
        let records = parse(b"12 a=b\nc=d\n\n12 path=x\ny\n").unwrap();
        assert_eq!(records["a"], b"b\nc=d\n");
        assert_eq!(records["path"], b"x\ny");
    }

    #[test]
    fn a_record_that_lies_about_its_length_is_refused() {
        for data in ["", "5 a=b\n", "99 a=b\n", "7 a=b", "x a=b\n", "0 \n", "6 ab=\n\n"] {
            assert_eq!(parse(data.as_bytes()).is_ok(), data.is_empty(), "{data:?}");
        }
    }
}
