//! What cannot be had from a server of the other era, and why: the table in `docs/conformance.md`.
//!
//! Nothing else may be missed, and whatever counts after all has to leave that table.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

/// Where the explanations are.
pub(super) const FILE: &str = "docs/conformance.md";

/// Why scenarios are missed, by revision and scenario.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Explained(BTreeMap<(String, String), String>);

impl Explained {
    /// Reads the table.
    pub(super) fn load(root: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(root.join(FILE)).with_context(|| format!("failed to read {FILE}"))?;
        Ok(Self::parse(&text))
    }

    /// Its rows are those that begin with a revision; a row that does not say why is none.
    pub(super) fn parse(text: &str) -> Self {
        let row = |line: &str| {
            let mut cells = line.trim().strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim);
            let revision = super::REVISIONS.into_iter().find(|known| cells.clone().next() == Some(known))?;
            let scenario = cells.nth(1)?.strip_prefix('`')?.strip_suffix('`')?;
            let why = cells.next().filter(|why| !why.is_empty())?.to_owned();
            Some(((revision.to_owned(), scenario.to_owned()), why))
        };
        Self(text.lines().filter_map(row).collect())
    }

    /// Why this scenario is missed.
    pub(super) fn why(&self, revision: &str, scenario: &str) -> Option<&str> {
        self.0.get(&(revision.to_owned(), scenario.to_owned())).map(String::as_str)
    }

    /// The scenarios of a revision that are explained.
    pub(super) fn of<'a>(&'a self, revision: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.keys().filter(move |(known, _)| known == revision).map(|(_, scenario)| scenario.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_with_a_reason_are_read() {
        let explained = Explained::parse(
            "| revision | scenario | why |\n|---|---|---|\n\
             | 2025-11-25 | `a` | it has none |\n| 2025-11-25 | `e` | it never had |\n\
             | 2026-07-28 | `b` | |\n| 2099-01-01 | `c` | x |\n| 2026-07-28 | bare | x |\n",
        );
        let why = |scenario| explained.why("2025-11-25", scenario);
        assert_eq!((why("a"), why("e"), why("b")), (Some("it has none"), Some("it never had"), None));
        assert_eq!(explained.of("2025-11-25").collect::<Vec<_>>(), ["a", "e"]);
        assert_eq!(explained.of("2026-07-28").count(), 0);
    }
}
