//! Demo server `digest`: what is in a text.

use std::fmt::Write as _;

use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::{ServerHandler, schemars, tool, tool_handler, tool_router};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::say;

pub(crate) const NAME: &str = "digest";
pub(crate) const DESCRIPTION: &str = "What is in a text: counts and a checksum";

/// The server; it keeps nothing.
pub(crate) struct Digest;

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct TextArgs {
    /// The text to look at
    text: String,
}

#[derive(Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct Counts {
    bytes: usize,
    characters: usize,
    words: usize,
    lines: usize,
    /// Characters of the longest line
    longest_line: usize,
}

#[derive(Serialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
struct Checksum {
    /// SHA-256 of the UTF-8 bytes, in hexadecimal
    sha256: String,
}

#[tool_router]
impl Digest {
    #[tool(description = "Counts bytes, characters, words and lines", annotations(read_only_hint = true))]
    fn count(&self, Parameters(TextArgs { text }): Parameters<TextArgs>) -> Json<Counts> {
        let counts = Counts {
            bytes: text.len(),
            characters: text.chars().count(),
            words: text.split_whitespace().count(),
            lines: text.lines().count(),
            longest_line: text.lines().map(|line| line.chars().count()).max().unwrap_or_default(),
        };
        say(format_args!("count -> {} words", counts.words));
        Json(counts)
    }

    #[tool(description = "The SHA-256 checksum of a text", annotations(read_only_hint = true))]
    fn sha256(&self, Parameters(TextArgs { text }): Parameters<TextArgs>) -> Json<Checksum> {
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(text.as_bytes()) {
            // Writing to a text cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        say(format_args!("sha256 of {} bytes", text.len()));
        Json(Checksum { sha256: hex })
    }
}

#[tool_handler(name = "mcpstore-demo-digest", instructions = "Counts what is in a text, and computes its checksum.")]
impl ServerHandler for Digest {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let count = |text: &str| Digest.count(Parameters(TextArgs { text: text.to_owned() })).0;
        let expected = Counts { bytes: 14, characters: 13, words: 4, lines: 2, longest_line: 8 };
        assert_eq!(count("né two x\nmore"), expected);
        assert_eq!(count(""), Counts { bytes: 0, characters: 0, words: 0, lines: 0, longest_line: 0 });
    }

    #[test]
    fn checksum() {
        // FIPS 180-4's example of one block.
        let hex = Digest.sha256(Parameters(TextArgs { text: "abc".to_owned() })).0.sha256;
        assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
