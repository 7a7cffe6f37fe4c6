//! The signatures that Feishu and DingTalk ask for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use mcpstore_types::Secret;
use sha2::Sha256;

/// Over nothing, with the time (in seconds) and the key as the key (source: Feishu, "Custom bot guide").
pub(super) fn feishu(timestamp: &str, key: &Secret) -> String {
    hmac(format!("{timestamp}\n{}", key.expose()).as_bytes(), b"")
}

/// Over the time (in milliseconds) and the key, with the key (source: DingTalk, "Custom robot access").
pub(super) fn dingtalk(timestamp: &str, key: &Secret) -> String {
    hmac(key.expose().as_bytes(), format!("{timestamp}\n{}", key.expose()).as_bytes())
}

fn hmac(key: &[u8], message: &[u8]) -> String {
    // Any length of a key will do.
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    STANDARD.encode(mac.chain_update(message).finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_another_implementation() {
        let key = Secret::from("SECdemo");
        assert_eq!(feishu("1599360473", &key), "UNvK0aHeWrPUMl0ySOUpIoYdvBDU1mnjgkbX5JtMxkk=");
        assert_eq!(dingtalk("1599360473123", &key), "1HQs9f3cSAHzovKqY78he1KVa4lpHx38oe3kOWE08vc=");
    }
}
