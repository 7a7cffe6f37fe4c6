//! The exposed names: `service__tool`, in what every client takes.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The longest exposed name that is made here, in characters.
pub(super) const MAX_LEN: usize = 64;
/// Between the service and its tool.
pub(super) const SEPARATOR: &str = "__";
/// Hexadecimal digits of a tail.
const DIGITS: usize = 10;
/// Characters that the service keeps of its name at least, where a name is cut.
const SERVICE_LEAST: usize = 24;

/// The exposed name of a tool or prompt of a service: a function of these two alone, so that it stays whatever else comes
/// and goes.
///
/// `service__tool` where that has at most 64 characters of `[a-zA-Z0-9_-]`, can be taken apart again in one way only, and
/// does not look as if it had a tail. Everything else is cleaned, cut, and gets a tail of ten hexadecimal digits of a hash
/// over both names. So two names are equal only when two hashes are.
pub(super) fn own(service: &str, name: &str) -> String {
    if let Some(space) = space_of(service) {
        let plain = format!("{space}{name}");
        if plain.len() <= MAX_LEN && !name.is_empty() && plain.bytes().all(is_plain) && !has_tail(&plain) {
            return plain;
        }
    }
    let (service_part, name_part) = (clean(service), clean(name));
    let room = MAX_LEN - SEPARATOR.len() - 1 - DIGITS;
    let service_room = room.saturating_sub(name_part.len()).max(SERVICE_LEAST);
    let service_part = head(&service_part, service_room);
    let name_part = head(&name_part, room - service_part.len());
    let mut exposed = format!("{service_part}{SEPARATOR}{name_part}-");
    // No service name has a zero character, so no two pairs are one text.
    let hash = Sha256::new().chain_update(service).chain_update([0]).chain_update(name).finalize();
    for byte in hash.iter().take(DIGITS / 2) {
        // Writing to a text cannot fail.
        let _ = write!(exposed, "{byte:02x}");
    }
    exposed
}

/// `service__`, the beginning of all names without a tail of this service; `None` when all of its names have tails.
///
/// A name is taken apart at its first `__`. That finds the service again unless its name has a `__` in it or ends with `_`.
pub(super) fn space_of(service: &str) -> Option<String> {
    let fits = service.bytes().all(is_plain) && !service.contains(SEPARATOR) && !service.ends_with('_');
    fits.then(|| format!("{service}{SEPARATOR}"))
}

/// The service whose name space a name is in, whether or not there is such a service.
pub(super) fn space_in(name: &str) -> Option<&str> {
    name.split_once(SEPARATOR).map(|(service, _)| service)
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// True when a name ends as one with a tail does.
fn has_tail(name: &str) -> bool {
    let hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let bytes = name.as_bytes();
    bytes.len() > DIGITS && bytes[bytes.len() - DIGITS..].iter().all(hex) && bytes[bytes.len() - DIGITS - 1] == b'-'
}

/// The same with `_` for each character that may not stand in a name, and none of them at the beginning. Longer than needed
/// it never is, however long the text.
fn clean(text: &str) -> String {
    let plain = |c: char| if c.is_ascii() && is_plain(c as u8) { c } else { '_' };
    let cleaned: String = text.chars().take(2 * MAX_LEN).map(plain).collect();
    cleaned.trim_start_matches(['_', '-']).to_owned()
}

/// The first characters of a text that is ASCII.
fn head(text: &str, most: usize) -> &str {
    &text[..most.min(text.len())]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn names_are_plain_where_they_can_be() {
        let made: String = [
            ("github", "search"),
            ("file-system_1", "read_file"),
            ("a", "_b"),
            ("a_", "b"),
            ("a__b", "c"),
            ("a", "b__c"),
            ("@scope/server", "search"),
            ("com.example/foo bar", "größe ändern"),
            ("github", "commit-0123456789"),
            ("github", "commit-012345678"),
            ("github", ""),
            ("_", "日本"),
            ("a-very-long-name-of-a-service-that-says-it-all", "and_a_tool_whose_name_is_as_long_as_a_sentence"),
            ("a-very-long-name-of-a-service-that-says-it-all-and-more", "get"),
        ]
        .iter()
        .map(|(service, name)| format!("{}\n", own(service, name)))
        .collect();
        expect![[r#"
            github__search
            file-system_1__read_file
            a___b
            a___b-a00766a378
            a__b__c-a92700ced2
            a__b__c
            scope_server__search-e4de20f3d5
            com_example_foo_bar__gr__e__ndern-6778454a4d
            github__commit-0123456789-3217df2491
            github__commit-012345678
            github__-c243ff331b
            __-f03f6aff0c
            a-very-long-name-of-a-se__and_a_tool_whose_name_is_as-21ee621944
            a-very-long-name-of-a-service-that-says-it-all-and-more__get
        "#]]
        .assert_eq(&made);
        for line in made.lines() {
            assert!(line.len() <= MAX_LEN && line.bytes().all(is_plain), "{line}");
        }
    }

    #[test]
    fn a_name_that_looks_like_one_with_a_tail_gets_a_tail() {
        let made = own("@scope/server", "search");
        let (_, tool) = made.split_once(SEPARATOR).unwrap();
        // A service that calls itself as the cleaned one does cannot take its name.
        assert_ne!(own("scope_server", tool), made);
        assert!(has_tail(&made) && has_tail(&own("scope_server", tool)));
    }

    #[test]
    fn long_names_are_cut_and_differ() {
        let (one, other) = (own("s", &"x".repeat(1_000_000)), own("s", &"x".repeat(1_000_001)));
        assert!(one.len() == MAX_LEN && other.len() == MAX_LEN && one != other);
    }
}
