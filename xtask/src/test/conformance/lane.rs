//! The lanes of the server side: what stands behind the address that the suite talks to.

use clap::ValueEnum;
use serde_json::{Value, json};

/// One way to the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Lane {
    /// The fixture itself, over HTTP.
    Direct,
    /// The gateway, and behind it the fixture over stdio, which speaks both eras.
    Stdio,
    /// The gateway, and behind it the fixture over HTTP, which speaks both eras.
    Http,
    /// The gateway, and behind it the fixture over stdio, which speaks the other era only.
    CrossStdio,
    /// The gateway, and behind it the fixture over HTTP, which speaks the other era only.
    CrossHttp,
}

/// The name of the service behind the gateway.
pub(super) const SERVICE: &str = "reference";

impl Lane {
    pub(super) const GATEWAY: [Self; 4] = [Self::Stdio, Self::Http, Self::CrossStdio, Self::CrossHttp];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Stdio => "stdio",
            Self::Http => "http",
            Self::CrossStdio => "cross-stdio",
            Self::CrossHttp => "cross-http",
        }
    }

    /// A server of the other era stands behind it.
    pub(super) const fn crosses(self) -> bool {
        matches!(self, Self::CrossStdio | Self::CrossHttp)
    }

    /// The fixture is reached over HTTP.
    pub(super) const fn over_http(self) -> bool {
        matches!(self, Self::Direct | Self::Http | Self::CrossHttp)
    }

    /// How many of so many required scenarios have to count.
    pub(super) const fn floor(self, revision: &str, required: usize) -> usize {
        match self.crosses() {
            false => required,
            // What a server of the other era cannot know of cannot be asked of it.
            true if stateless(revision) => 30,
            true => 26,
        }
    }

    /// The flags of the fixture.
    pub(super) fn fixture(self, revision: &str) -> Vec<&'static str> {
        let era = match (self.crosses(), stateless(revision)) {
            (false, _) => "both",
            (true, true) => "handshake",
            (true, false) => "stateless",
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
        if self.crosses() {
            entry["era"] = if stateless(revision) { "handshake" } else { "stateless" }.into();
        }
        entry
    }
}

/// Whether the revision has no handshake. Revisions are dates.
pub(super) const fn stateless(revision: &str) -> bool {
    // `2025-11-25` is the last one with a handshake.
    revision.as_bytes()[3] >= b'6'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_era_is_the_other_one() {
        for (revision, era, least) in [("2025-11-25", "stateless", 26), ("2026-07-28", "handshake", 30)] {
            let entry = Lane::CrossStdio.entry(revision, "fixture", None);
            assert_eq!((&entry["era"], &entry["args"][2]), (&json!(era), &json!(era)));
            assert_eq!((Lane::CrossHttp.floor(revision, 99), Lane::Stdio.floor(revision, 99)), (least, 99));
        }
    }
}
