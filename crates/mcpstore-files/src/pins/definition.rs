//! What a server says a tool is.

use std::sync::Arc;

use super::canonical::canonical;
use crate::Fingerprint;

/// The members that make a tool what it is (spec: MCP, `Tool`): what a model reads, and what it must fill in.
const MEMBERS: [&str; 6] = ["annotations", "description", "inputSchema", "name", "outputSchema", "title"];

/// The longest text that is kept to be shown, in bytes; of a longer one the fingerprint alone is.
const MAX_TEXT_BYTES: usize = 256 * 1024;

/// The definition of a tool: its fingerprint, and its text where that is kept.
///
/// The fingerprint is the SHA-256 of the canonical form of the members `annotations`, `description`, `inputSchema`, `name`,
/// `outputSchema` and `title`: no blanks, names sorted, texts with the fewest escapes, numbers as they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    fingerprint: Fingerprint,
    text: Option<Arc<str>>,
}

impl Definition {
    /// The definition in one entry of a list of tools, which is the JSON text of an object. Of anything else the whole is taken.
    #[must_use]
    pub fn of(entry: &str) -> Self {
        let text = canonical(entry, Some(&MEMBERS)).unwrap_or_else(|| entry.to_owned());
        let fingerprint = Fingerprint::of_text(&text);
        Self { fingerprint, text: (text.len() <= MAX_TEXT_BYTES).then(|| text.into()) }
    }

    pub(super) const fn new(fingerprint: Fingerprint, text: Option<Arc<str>>) -> Self {
        Self { fingerprint, text }
    }

    /// Two with one fingerprint are the same.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The canonical form; `None` when it was too large to be kept.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The same without its text.
    pub(super) fn without_text(&self) -> Self {
        Self { fingerprint: self.fingerprint, text: None }
    }

    pub(super) fn text_bytes(&self) -> usize {
        self.text.as_ref().map_or(0, |text| text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_reads_is_in_it_and_nothing_else() {
        let of = |json: &str| Definition::of(json).fingerprint();
        let tool = r#"{"name":"t","description":"d","inputSchema":{"type":"object","n":1.0}}"#;
        let same = "{ \"inputSchema\": {\"n\":1.0,\"type\":\"object\"}, \"_meta\": {}, \"icons\": [], \"name\": \"t\", \"description\":\"d\" }";
        assert_eq!(of(tool), of(same));
        for other in [
            r#"{"name":"t","description":"d ","inputSchema":{"type":"object","n":1.0}}"#,
            r#"{"name":"t","description":"d","inputSchema":{"type":"object","n":1}}"#,
            r#"{"name":"t","description":"d","inputSchema":{"type":"object","n":1.0},"title":"d"}"#,
            r#"{"name":"t","description":"d","inputSchema":{"type":"object","n":1.0},"outputSchema":{}}"#,
            r#"{"name":"t","description":"d","inputSchema":{"type":"object","n":1.0},"annotations":{"readOnlyHint":true}}"#,
        ] {
            assert_ne!(of(tool), of(other), "{other}");
        }
        assert_eq!(Definition::of(tool).fingerprint(), Fingerprint::of_text(Definition::of(same).text().unwrap()));
    }

    #[test]
    fn a_large_one_is_known_by_its_fingerprint_alone() {
        let large = |c: &str| Definition::of(&format!("{{\"description\":\"{}\"}}", c.repeat(MAX_TEXT_BYTES)));
        assert_eq!(large("a").text(), None);
        assert_ne!(large("a"), large("b"));
    }
}
