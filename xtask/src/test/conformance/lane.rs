//! The lanes of the server side: what stands behind the address that the suite talks to.

use serde_json::{Value, json};

/// One way to the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// The fixture itself, over HTTP.
    Direct,
    /// The gateway, and behind it the fixture over stdio, which speaks both eras.
    Stdio,
    /// The gateway, and behind it the fixture over HTTP, which speaks both eras.
    Http,
    /// The gateway, and behind it the fixture over stdio, which speaks the other era only.
    Cross,
}

/// The name of the service behind the gateway.
pub(super) const SERVICE: &str = "reference";

impl Lane {
    pub(super) const GATEWAY: [Self; 3] = [Self::Stdio, Self::Http, Self::Cross];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Stdio => "stdio",
            Self::Http => "http",
            Self::Cross => "cross-era",
        }
    }

    /// How many of so many required scenarios have to count.
    pub(super) const fn floor(self, revision: &str, required: usize) -> usize {
        match self {
            Self::Direct | Self::Stdio | Self::Http => required,
            // What a server of the other era cannot know of cannot be asked of it.
            Self::Cross if stateless(revision) => 30,
            Self::Cross => 26,
        }
    }

    /// The flags of the fixture.
    pub(super) fn fixture(self, revision: &str) -> Vec<&'static str> {
        let era = match self {
            Self::Cross if stateless(revision) => "handshake",
            Self::Cross => "stateless",
            Self::Direct | Self::Stdio | Self::Http => "both",
        };
        vec!["--reference", "--era", era]
    }

    /// The entry of the service in the gateway's config; `program` is the fixture, `url` where it is reached over HTTP.
    pub(super) fn entry(self, revision: &str, program: &str, url: Option<&str>) -> Value {
        let mut entry = match url {
            Some(url) => json!({ "type": "http", "url": url }),
            None => json!({ "command": program, "args": self.fixture(revision) }),
        };
        entry["tools"] = json!({ "expose": "plain" });
        if self == Self::Cross {
            entry["era"] = if stateless(revision) { "handshake" } else { "stateless" }.into();
        }
        entry
    }
}

/// Whether the revision has no handshake. Revisions are dates.
const fn stateless(revision: &str) -> bool {
    // `2025-11-25` is the last one with a handshake.
    revision.as_bytes()[3] >= b'6'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_era_is_the_other_one() {
        for (revision, era, least) in [("2025-11-25", "stateless", 26), ("2026-07-28", "handshake", 30)] {
            let entry = Lane::Cross.entry(revision, "fixture", None);
            assert_eq!((&entry["era"], &entry["args"][2]), (&json!(era), &json!(era)));
            assert_eq!((Lane::Cross.floor(revision, 99), Lane::Stdio.floor(revision, 99)), (least, 99));
        }
    }
}
