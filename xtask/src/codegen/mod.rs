//! Documents that are written from the code, so that they cannot be wrong.
//!
//! A generator is a function that returns the whole text; add it to [`DOCUMENTS`].

mod alerts;
mod events;
mod layers;
mod metrics;

use std::path::Path;

use anyhow::{Context, Result, bail};

/// A generated document.
struct Document {
    /// Its place in the checkout.
    path: &'static str,
    /// Makes its text: the same text each time from the same code.
    make: fn() -> String,
}

const DOCUMENTS: &[Document] = &[
    Document { path: "docs/alerts-reference.md", make: alerts::text },
    Document { path: "docs/diagnostics.md", make: mcpstore_config::diagnostics_markdown },
    Document { path: "docs/events.md", make: events::text },
    Document { path: "docs/layers.md", make: layers::text },
    Document { path: "docs/metrics.md", make: metrics::text },
    Document { path: "docs/schema/mcpstore.schema.json", make: mcpstore_config::json_schema },
    Document { path: "docs/states.md", make: mcpstore_core::states_markdown },
];

/// Writes what is stale, or with `check` only says it.
///
/// # Errors
/// When a file cannot be written; with `check`, when one is stale.
pub(crate) fn run(root: &Path, check: bool) -> Result<()> {
    let mut stale = Vec::new();
    for document in DOCUMENTS {
        if update(root, document, check)? {
            stale.push(document.path);
        }
    }
    match (stale.is_empty(), check) {
        (true, _) => println!("codegen: {} document(s), all current", DOCUMENTS.len()),
        (false, true) => bail!("stale: {}; run `cargo xtask codegen` and commit", stale.join(", ")),
        (false, false) => println!("codegen: wrote {}", stale.join(", ")),
    }
    Ok(())
}

/// Brings one document up to date, unless `check`; true when it was stale.
fn update(root: &Path, document: &Document, check: bool) -> Result<bool> {
    let place = root.join(document.path);
    let text = (document.make)();
    if std::fs::read_to_string(&place).is_ok_and(|found| found == text) {
        return Ok(false);
    }
    if !check {
        if let Some(dir) = place.parent() {
            std::fs::create_dir_all(dir).with_context(|| format!("failed to make {}", dir.display()))?;
        }
        std::fs::write(&place, text).with_context(|| format!("failed to write {}", place.display()))?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_written_once_and_a_changed_one_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let document = Document { path: "docs/x.md", make: || "text\n".to_owned() };
        let place = folder.path().join(document.path);
        assert!(update(folder.path(), &document, true).unwrap(), "a missing document is stale");
        assert!(!place.exists(), "a check writes nothing");
        assert!(update(folder.path(), &document, false).unwrap());
        assert!(!update(folder.path(), &document, false).unwrap(), "what is current is left alone");
        std::fs::write(&place, "edited by hand\n").unwrap();
        assert!(update(folder.path(), &document, true).unwrap());
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "edited by hand\n");
    }

    #[test]
    fn generators_give_the_same_text_twice() {
        for document in DOCUMENTS {
            assert_eq!((document.make)(), (document.make)(), "{}", document.path);
        }
    }
}
