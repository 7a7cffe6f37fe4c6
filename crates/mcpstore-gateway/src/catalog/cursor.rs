//! Where a page of a list ended, so that the next can begin there even when the list is another one by then.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcpstore_types::ServiceName;

use super::source::Kind;

/// The most entries before the end of a page that a cursor remembers.
pub(super) const MEMORY: usize = 16;
/// The first byte of a cursor of this form.
const VERSION: u8 = 1;

/// A cursor that is none of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is none of this list")]
pub(crate) struct BadCursor;

/// The end of a page: the service of its last entry, and the last entries of that service.
///
/// Services have an order of their own, entries have none but the server's. So the place within a service is found by what
/// is still there of the entries before it. Where all that a cursor remembers are gone at once, that service begins anew:
/// its client sees some entries twice rather than some never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) kind: Kind,
    pub(super) service: ServiceName,
    /// Hashes of the keys of the last entries, the last one first.
    pub(super) last: Vec<u64>,
}

impl Cursor {
    /// As text that means nothing to a client.
    pub(super) fn encode(&self) -> String {
        let service = self.service.as_str().as_bytes();
        let mut bytes = Vec::with_capacity(3 + service.len() + 8 * self.last.len());
        bytes.extend([VERSION, self.kind as u8]);
        // A name has at most 64 characters of ASCII.
        bytes.push(u8::try_from(service.len()).unwrap_or_default());
        bytes.extend(service);
        for hash in &self.last {
            bytes.extend(hash.to_be_bytes());
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what was encoded for a list of this kind.
    pub(super) fn decode(text: &str, kind: Kind) -> Result<Self, BadCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor)?;
        let [version, own_kind, length, rest @ ..] = bytes.as_slice() else { return Err(BadCursor) };
        let (service, hashes) = rest.split_at_checked(usize::from(*length)).ok_or(BadCursor)?;
        let (hashes, left) = hashes.as_chunks::<8>();
        let known = *version == VERSION && *own_kind == kind as u8 && left.is_empty();
        if !known || hashes.is_empty() || hashes.len() > MEMORY {
            return Err(BadCursor);
        }
        let service = str::from_utf8(service).ok().and_then(|text| ServiceName::new(text).ok()).ok_or(BadCursor)?;
        Ok(Self { kind, service, last: hashes.iter().map(|hash| u64::from_be_bytes(*hash)).collect() })
    }
}

/// A hash of a key (FNV-1a, 64 bit): the same in every version, and a server that makes two alike harms its own list alone.
pub(super) fn hash(key: &str) -> u64 {
    key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_encoded_is_decoded() {
        let service = ServiceName::new("com.example/foo bar").unwrap();
        let cursor = Cursor { kind: Kind::Prompts, service, last: vec![hash("a"), 0, u64::MAX] };
        let text = cursor.encode();
        assert_eq!(Cursor::decode(&text, Kind::Prompts), Ok(cursor));
        assert_eq!(Cursor::decode(&text, Kind::Tools), Err(BadCursor));
        for cut in 0..text.len() {
            let found = Cursor::decode(&text[..cut], Kind::Prompts);
            assert!(found.is_err() || found.is_ok_and(|cursor| cursor.last.len() < 3), "{cut}");
        }
        let bad =
            ["", "x", "AQE", "????", "AgEBYQAAAAAAAAAA", "AQEBKgAAAAAAAAAA", "AQH_YQAAAAAAAAAA", &format!("{text}A")];
        for bad in bad {
            assert_eq!(Cursor::decode(bad, Kind::Prompts), Err(BadCursor), "{bad}");
        }
    }
}
