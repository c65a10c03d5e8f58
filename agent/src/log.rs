//! What a command writes: passed on unchanged, its end kept.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::report::encoded_len;

/// Bytes of the log that are kept, and what they may grow to as JSON.
const KEPT_BYTES: usize = 64 * 1024;
const ENCODED_BYTES: usize = 128 * 1024;

/// The end of a log. Clones are the same log.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Tail>>);

#[derive(Debug, Default)]
struct Tail {
    bytes: VecDeque<u8>,
    cut: u64,
}

impl Log {
    /// Passes on all that is read, until nothing more comes. A reader that went away does not stop the command.
    pub fn pass_on(&self, mut from: impl Read, mut to: impl Write) {
        let mut buffer = [0; 8 * 1024];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => {
                    self.push(&buffer[..length]);
                    let _ = to.write_all(&buffer[..length]).and_then(|()| to.flush());
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn push(&self, bytes: &[u8]) {
        let mut tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tail.bytes.extend(bytes);
        let over = tail.bytes.len().saturating_sub(KEPT_BYTES);
        tail.bytes.drain(..over);
        tail.cut += over as u64;
    }

    /// The end of the log as text, and how many bytes came before it.
    pub fn end(&self) -> (String, u64) {
        let tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = tail.bytes.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let end = fitting_end(&text);
        (end.to_owned(), tail.cut + (text.len() - end.len()) as u64)
    }
}

/// The longest end whose JSON fits.
fn fitting_end(text: &str) -> &str {
    let mut left = ENCODED_BYTES;
    for (index, character) in text.char_indices().rev() {
        let length = encoded_len(character.encode_utf8(&mut [0; 4])) - 2;
        if length > left {
            return &text[index + character.len_utf8()..];
        }
        left -= length;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_passed_on_and_only_the_end_is_kept() {
        let (log, mut out) = (Log::default(), Vec::new());
        let written: Vec<u8> = (0..200_000_u32).map(|i| b'a' + u8::try_from(i % 26).unwrap()).collect();
        log.pass_on(&written[..], &mut out);
        assert!(out == written);
        let (end, cut) = log.end();
        assert_eq!((end.len(), cut), (KEPT_BYTES, (200_000 - KEPT_BYTES) as u64));
        assert!(written.ends_with(end.as_bytes()));
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let log = Log::default();
        log.push(b"a\xff\n");
        assert_eq!(log.end(), ("a\u{fffd}\n".to_owned(), 0));
    }

    #[test]
    fn a_log_that_grows_as_json_is_cut_further() {
        let log = Log::default();
        log.push(&vec![1; KEPT_BYTES]);
        let (end, cut) = log.end();
        assert!(encoded_len(&end) <= ENCODED_BYTES + 2);
        assert_eq!(end.len() as u64 + cut, KEPT_BYTES as u64);
    }
}
