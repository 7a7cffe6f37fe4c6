//! Texts that clients carry for us, bound to the one they were given to.

use std::fmt;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use mcpstore_types::Timestamp;
use sha2::Sha256;

/// The form of a sealed text.
const VERSION: u8 = 1;

/// Bytes of a key, and of a mark.
const MARK: usize = 32;

/// Bytes that a key is filled up to with zeros (source: RFC 2104, for SHA-256).
const BLOCK: usize = 64;

/// What stands before the payload: version, end, mark.
const HEAD: usize = 1 + 8 + MARK;

/// The longest sealed text that is looked at, in bytes. Clients could send anything.
pub(crate) const MAX_SEALED_BYTES: usize = 1024 * 1024;

/// Seals what clients carry: `requestState` of a parked call, cursors. Each sealed text is for one owner, until a moment.
///
/// It keeps others from changing it, and not from reading it. The key lives as long as the process: no sealed text outlives it.
pub(crate) struct Seal {
    key: [u8; BLOCK],
}

/// Why a sealed text was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SealError {
    /// It is none of this form.
    #[error("it is no state of this gateway's")]
    Malformed,
    /// It was changed, given to somebody else, or sealed by another process.
    #[error("it was not given to this client by this gateway")]
    Foreign,
    /// It was good once.
    #[error("it has expired")]
    Expired,
}

impl Seal {
    /// With this key, which nobody else may know.
    pub(crate) fn new(key: [u8; MARK]) -> Self {
        let mut block = [0; BLOCK];
        block[..MARK].copy_from_slice(&key);
        Self { key: block }
    }

    /// With a key of its own.
    ///
    /// # Errors
    /// The system gave no random bytes.
    pub(crate) fn random() -> io::Result<Self> {
        mcpstore_files::random_bytes().map(Self::new)
    }

    /// Seals bytes for `owner`, until `expires`.
    pub(crate) fn seal(&self, owner: &str, payload: &[u8], expires: Timestamp) -> String {
        let mut bytes = Vec::with_capacity(HEAD + payload.len());
        bytes.push(VERSION);
        bytes.extend(expires.as_nanos().to_be_bytes());
        bytes.extend(self.mac(owner, expires, payload).finalize().into_bytes());
        bytes.extend(payload);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The bytes that were sealed for `owner`.
    ///
    /// # Errors
    /// [`SealError`]. Compares in a time that tells nothing of the mark.
    pub(crate) fn open(&self, owner: &str, text: &str, now: Timestamp) -> Result<Vec<u8>, SealError> {
        if text.len() > MAX_SEALED_BYTES {
            return Err(SealError::Malformed);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Malformed)?;
        let (head, payload) = bytes.split_first_chunk::<HEAD>().ok_or(SealError::Malformed)?;
        let ([version], rest) = head.split_first_chunk::<1>().ok_or(SealError::Malformed)?;
        let (expires, mark) = rest.split_first_chunk::<8>().ok_or(SealError::Malformed)?;
        if *version != VERSION {
            return Err(SealError::Malformed);
        }
        let expires = Timestamp::from_nanos(u64::from_be_bytes(*expires));
        self.mac(owner, expires, payload).verify_slice(mark).map_err(|_| SealError::Foreign)?;
        if now >= expires {
            return Err(SealError::Expired);
        }
        Ok(payload.to_vec())
    }

    fn mac(&self, owner: &str, expires: Timestamp, payload: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.key.into());
        mac.update(&[VERSION]);
        mac.update(&expires.as_nanos().to_be_bytes());
        // Its length before it, so that no owner and payload feed the same bytes as another pair.
        mac.update(&(owner.len() as u64).to_be_bytes());
        mac.update(owner.as_bytes());
        mac.update(payload);
        mac
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(***)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LATER: Timestamp = Timestamp::from_secs(60);

    #[test]
    fn what_is_sealed_is_for_its_owner_and_its_time_alone() {
        let seal = Seal::random().unwrap();
        let text = seal.seal("token", b"payload", LATER);
        let open = |owner, now| seal.open(owner, &text, now);
        assert_eq!(open("token", Timestamp::ZERO).unwrap(), b"payload");
        assert_eq!(open("token", Timestamp::from_millis(59_999)).unwrap(), b"payload");
        assert_eq!(open("token", LATER), Err(SealError::Expired));
        assert_eq!(open("local", Timestamp::ZERO), Err(SealError::Foreign));
        assert_eq!(open("local", LATER), Err(SealError::Foreign), "whether it expired is the owner's to know");
        assert_eq!(Seal::random().unwrap().open("token", &text, Timestamp::ZERO), Err(SealError::Foreign));
        for text in ["", "a", "ÿ", "AQ", &URL_SAFE_NO_PAD.encode([2; 60]), &"A".repeat(MAX_SEALED_BYTES + 1)] {
            assert_eq!(seal.open("token", text, Timestamp::ZERO), Err(SealError::Malformed));
        }
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        assert_eq!(format!("{seal:?}"), "Seal(***)");
    }

    proptest! {
        #[test]
        fn any_change_is_noticed(
            owner in "[a-z]{0,8}",
            payload in prop::collection::vec(any::<u8>(), 0..40),
            at in any::<prop::sample::Index>(),
            with in 0..64_usize,
        ) {
            let seal = Seal::new([7; MARK]);
            let text = seal.seal(&owner, &payload, LATER);
            prop_assert_eq!(seal.open(&owner, &text, Timestamp::ZERO).unwrap(), payload);
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let mut changed = text.clone().into_bytes();
            let at = at.index(changed.len());
            changed[at] = alphabet[with];
            let changed = String::from_utf8(changed).unwrap();
            if changed != text {
                prop_assert!(seal.open(&owner, &changed, Timestamp::ZERO).is_err(), "{}", changed);
            }
            let other = owner + "x";
            prop_assert!(seal.open(&other, &text, Timestamp::ZERO).is_err());
        }

        #[test]
        fn no_text_ends_it(text in any::<String>()) {
            prop_assert!(Seal::new([7; MARK]).open("o", &text, Timestamp::ZERO).is_err());
        }
    }
}
