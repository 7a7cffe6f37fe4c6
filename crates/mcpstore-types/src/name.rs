//! The name of a service.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The name of a service: 1 to 64 characters, first a letter, digit, `_` or `@`, then also `-`, `.`, `/` and inner spaces.
///
/// Only ASCII. Case counts. Cheap to clone and ordered by its text. Config files in the wild use more than a file system
/// wants to see, so a name is not a file name: [`ServiceName::file_stem`] is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "String", into = "String"))]
pub struct ServiceName(Arc<str>);

/// A text that is no service name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidName {
    /// The text is empty.
    #[error("a service name is empty")]
    Empty,
    /// The text is longer than [`ServiceName::MAX_LEN`] characters.
    #[error("service name `{text}` has {len} characters; at most {} are allowed", ServiceName::MAX_LEN)]
    TooLong {
        /// The text as given.
        text: String,
        /// Its length in characters.
        len: usize,
    },
    /// A character that may not stand where it stands.
    #[error("service name `{text}` has {found:?} at character {at}; {expected}")]
    BadCharacter {
        /// The text as given.
        text: String,
        /// The offending character.
        found: char,
        /// Its place, counted from 1.
        at: usize,
        /// What may stand there.
        expected: &'static str,
    },
}

impl ServiceName {
    /// The longest name allowed, in characters.
    pub const MAX_LEN: usize = 64;

    /// Checks `text` and makes it a name.
    ///
    /// # Errors
    /// [`InvalidName`] when the text is empty, too long, or has a character out of place.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidName> {
        let text = text.as_ref();
        if text.is_empty() {
            return Err(InvalidName::Empty);
        }
        let len = text.chars().count();
        if len > Self::MAX_LEN {
            return Err(InvalidName::TooLong { text: text.to_owned(), len });
        }
        let bad = |index: usize, found, expected| InvalidName::BadCharacter {
            text: text.to_owned(),
            found,
            at: index + 1,
            expected,
        };
        for (index, c) in text.chars().enumerate() {
            if index == 0 {
                if !(c.is_ascii_alphanumeric() || c == '_' || c == '@') {
                    return Err(bad(index, c, "a name starts with a letter, a digit, `_` or `@`"));
                }
            } else if !(c.is_ascii_alphanumeric() || "_-./@ ".contains(c)) {
                return Err(bad(
                    index,
                    c,
                    "allowed are ASCII letters, digits, `_`, `-`, `.`, `/`, `@` and inner spaces",
                ));
            } else if c == ' ' && index + 1 == len {
                return Err(bad(index, c, "a name does not end with a space"));
            }
        }
        Ok(Self(Arc::from(text)))
    }

    /// The name as a text that is shared, not copied.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A file name of its own for this service: `[a-z0-9][a-z0-9_-]{0,63}`.
    ///
    /// A name that already has that form is its own stem; any other gets a tail of eight hexadecimal digits, so that two
    /// names never share a stem by folding.
    #[must_use]
    pub fn file_stem(&self) -> String {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if self.0.chars().all(plain) && self.0.chars().next().is_some_and(first) {
            return self.0.to_string();
        }
        let mut stem: String =
            self.0.chars().map(|c| c.to_ascii_lowercase()).map(|c| if plain(c) { c } else { '-' }).take(54).collect();
        if !stem.chars().next().is_some_and(first) {
            stem.insert(0, 's');
        }
        // FNV-1a, 32 bit: small, stable for ever, and good enough to keep folded names apart.
        let hash = self.0.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
        format!("{stem}-{hash:08x}")
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

impl AsRef<str> for ServiceName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ServiceName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for ServiceName {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for ServiceName {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl TryFrom<String> for ServiceName {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::new(text)
    }
}

impl TryFrom<&str> for ServiceName {
    type Error = InvalidName;
    fn try_from(text: &str) -> Result<Self, InvalidName> {
        Self::new(text)
    }
}

impl std::str::FromStr for ServiceName {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::new(text)
    }
}

impl From<ServiceName> for String {
    fn from(name: ServiceName) -> Self {
        name.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_the_wild_are_accepted() {
        for text in ["filesystem", "Sequential Thinking", "@scope/server-x", "com.example/foo", "a", "GitHub", "9p"] {
            assert_eq!(ServiceName::new(text).unwrap(), text);
        }
    }

    #[test]
    fn bad_names_say_where() {
        assert_eq!(ServiceName::new(""), Err(InvalidName::Empty));
        assert!(matches!(ServiceName::new("x".repeat(65)), Err(InvalidName::TooLong { len: 65, .. })));
        for (text, place) in [("a*b", 2), ("-a", 1), ("a ", 2), ("tag:x", 4), ("é", 1), ("a\u{1b}", 2)] {
            match ServiceName::new(text) {
                Err(InvalidName::BadCharacter { at, .. }) => assert_eq!(at, place, "{text:?}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn stems_are_file_names_and_do_not_collide() {
        let stem = |t: &str| ServiceName::new(t).unwrap().file_stem();
        assert_eq!(stem("file-system_1"), "file-system_1");
        assert_ne!(stem("GitHub"), stem("github"));
        assert_ne!(stem("a/b"), stem("a.b"));
        for text in ["@a/b", "_x", "X Y", &"A".repeat(64)] {
            let s = stem(text);
            assert!(
                s.len() <= 64 && s.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c)),
                "{s}"
            );
        }
    }
}
