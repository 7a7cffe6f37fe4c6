//! Lines that carry the hash of all before them.
//!
//! A line is a JSON object whose last member is `hash`: the SHA-256 of the hash of the line before (32 bytes) and of its own text
//! up to the comma before `hash`. Who knows the last hash of a log knows whether any of it was changed. Lines that are missing
//! at the very end leave no trace in the file itself.

use sha2::{Digest as _, Sha256};

/// The hash of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Link([u8; 32]);

/// What stands between a line's text and its hash.
const BEFORE: &str = ",\"hash\":\"";

/// What stands behind it.
const AFTER: &str = "\"}";

/// Hexadecimal digits of a hash.
const DIGITS: usize = 64;

impl Link {
    /// The hash of a line with this text, behind a line with this hash.
    fn then(self, text: &str) -> Self {
        let mut digest = Sha256::new();
        digest.update(self.0);
        digest.update(text.as_bytes());
        Self(digest.finalize().into())
    }

    pub(super) fn digits(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// From 64 lower-case digits.
    pub(super) fn parse(digits: &str) -> Option<Self> {
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        let mut bytes = [0; 32];
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
        }
        let link = Self(bytes);
        // One hash has one spelling: a flipped bit in it must show.
        (link.digits() == digits).then_some(link)
    }

    /// Adds a JSON object as the next line to `out`; the hash of that line.
    pub(super) fn append(self, object: &str, out: &mut Vec<u8>) -> Self {
        let text = object.strip_suffix('}').unwrap_or(object);
        let link = self.then(text);
        for part in [text, BEFORE, &link.digits(), AFTER, "\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        link
    }

    /// The hash of a line (without its line feed) that follows one with this hash; `None`: it does not.
    pub(super) fn follow(self, line: &str) -> Option<Self> {
        let (text, hash) = parts(line)?;
        let link = self.then(text);
        (Self::parse(hash)? == link).then_some(link)
    }
}

/// The text of a line, and its hash.
fn parts(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_suffix(AFTER)?;
    let (text, hash) = line.split_at_checked(line.len().checked_sub(DIGITS)?)?;
    Some((text.strip_suffix(BEFORE)?, hash))
}
