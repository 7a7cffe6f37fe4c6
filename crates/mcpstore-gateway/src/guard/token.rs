//! Whether who calls has the token.

use std::fmt;
use std::hint::black_box;

use mcpstore_types::Secret;
use sha2::{Digest as _, Sha256};

/// The token of the gateway, to compare others with in a time that tells nothing of it.
pub(crate) struct TokenCheck {
    digest: [u8; 32],
}

impl TokenCheck {
    pub(crate) fn new(token: &Secret) -> Self {
        Self { digest: Sha256::digest(token.expose().as_bytes()).into() }
    }

    /// True when both are of one token.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// True when this is the token. Digests are compared, all of them each time: neither the length of the token nor how much
    /// of it is right shows in the time.
    pub(crate) fn matches(&self, given: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(given.as_bytes()).into();
        let differences = self.digest.iter().zip(given).fold(0, |sum, (ours, theirs)| black_box(sum | (ours ^ theirs)));
        differences == 0
    }
}

impl fmt::Debug for TokenCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A digest of a weak token could be searched for.
        f.write_str("TokenCheck(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_matches() {
        let check = TokenCheck::new(&Secret::from("0123456789abcdef"));
        assert!(check.matches("0123456789abcdef"));
        for wrong in ["", "0", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeF", " 0123456789abcdef"] {
            assert!(!check.matches(wrong), "{wrong:?}");
        }
        assert_eq!(format!("{check:?}"), "TokenCheck(***)");
    }
}
