//! What the server gives a client to bring back: readable, and worth nothing once a letter of it is another one.

use std::fmt::Write;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The same in every process, so that any of them takes what another one sealed. It guards nothing.
const KEY: &str = "a fixture has no secrets";

/// How far a dialogue is: the dialogue's name, its next round, the answers so far.
pub(super) fn seal(name: &str, round: usize, answers: &Map<String, Value>) -> String {
    let text = serde_json::json!([name, round, answers]).to_string();
    let mark = mark(&text);
    format!("{text}.{mark}")
}

/// How far the dialogue of this name is; `None` when this is no seal of ours, or of another dialogue.
pub(super) fn open(sealed: &str, name: &str) -> Option<(usize, Map<String, Value>)> {
    let (text, found) = sealed.rsplit_once('.')?;
    if found != mark(text) {
        return None;
    }
    let (whose, round, answers): (String, usize, Map<String, Value>) = serde_json::from_str(text).ok()?;
    (whose == name).then_some((round, answers))
}

fn mark(text: &str) -> String {
    let digest = Sha256::new().chain_update(KEY).chain_update(text).finalize();
    let mut mark = String::new();
    for byte in digest {
        // Writing to a string cannot fail.
        let _ = write!(mark, "{byte:02x}");
    }
    mark
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_is_opened() {
        let answers = Map::from_iter([("a".to_owned(), Value::from("b.c"))]);
        let sealed = seal("one", 2, &answers);
        assert_eq!(open(&sealed, "one"), Some((2, answers)));
        assert_eq!(open(&sealed, "two"), None);
        assert_eq!(open(&format!("{sealed}-TAMPERED"), "one"), None);
        assert_eq!(open(&sealed.replace("[\"one\",2", "[\"one\",3"), "one"), None);
        assert_eq!(open("", "one"), None);
    }
}
