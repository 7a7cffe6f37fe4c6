//! The lines that make a new adapter known: its module, its name outside, its place among what is built in.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::name::Name;

const LIB: &str = "crates/mcpstore-transport/src/lib.rs";
const REGISTRY: &str = "crates/mcpstore-transport/src/registry.rs";
/// The line before which an adapter goes: the chain of those built in ends with it.
const LAST_BUILT_IN: &str = ".with(Arc::new(InProcess::new()))";

/// Texts to write, and lines that found no place.
pub(super) struct Changes {
    texts: Vec<(&'static str, String)>,
    by_hand: Vec<String>,
}

/// Finds the places; nothing is written yet.
///
/// # Errors
/// When a file cannot be read, or names such an adapter already.
pub(super) fn plan(root: &Path, name: &Name) -> Result<Changes> {
    let read =
        |path: &'static str| std::fs::read_to_string(root.join(path)).with_context(|| format!("failed to read {path}"));
    let mut changes = Changes { texts: Vec::new(), by_hand: Vec::new() };
    let (module, outside) = (format!("mod {};", name.snake()), format!("pub use {}::{};", name.snake(), name.camel()));
    let lib = read(LIB)?;
    if lib.lines().any(|line| line == module) {
        bail!("{LIB} has a module `{}` already: choose another name (nothing was written)", name.snake());
    }
    let lib = changes.insert(LIB, lib, "mod ", &module);
    let lib = changes.insert(LIB, lib, "pub use ", &outside);
    changes.texts.push((LIB, lib));
    let registry = read(REGISTRY)?;
    let adapter = format!(".with(Arc::new(crate::{}::new()))", name.camel());
    match registry.matches(LAST_BUILT_IN).count() {
        1 => {
            let text = registry.replace(LAST_BUILT_IN, &format!("{adapter}\n{LAST_BUILT_IN}"));
            changes.texts.push((REGISTRY, text));
        }
        // Somebody wrote it in another way: better none than a wrong one.
        _ => changes.by_hand.push(format!("`{adapter}` to `AdapterSet::builtin()` in {REGISTRY}")),
    }
    Ok(changes)
}

impl Changes {
    /// The text with one more line, in the order of the letters among those that begin alike.
    fn insert(&mut self, path: &str, text: String, start: &str, line: &str) -> String {
        let mut lines: Vec<&str> = text.lines().collect();
        let alike = |other: &&str| other.starts_with(start) && other.ends_with(';');
        let after = lines.iter().position(|other| alike(other) && *other > line);
        let place = after.or_else(|| lines.iter().rposition(alike).map(|last| last + 1));
        let Some(place) = place else {
            self.by_hand.push(format!("`{line}` to {path}"));
            return text;
        };
        lines.insert(place, line);
        lines.join("\n") + "\n"
    }

    /// Writes the texts. Returns what is to be added by hand.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn apply(self, root: &Path) -> Result<Vec<String>> {
        for (path, text) in self.texts {
            std::fs::write(root.join(path), text).with_context(|| format!("failed to write {path}"))?;
        }
        Ok(self.by_hand)
    }
}
