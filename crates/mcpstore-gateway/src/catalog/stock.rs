//! The entries of all services together, before a view takes its part of them.

use std::collections::BTreeMap;

use mcpstore_types::ServiceName;

use super::listing::Whole;
use super::names::{Conflict, Table};
use super::prepare::Part;
use super::source::{Kind, Source};
use super::splice::json;

/// All entries of all services, under the names that they got.
#[derive(Debug)]
pub(super) struct Stock {
    /// By the names of the services.
    pub(super) parts: Vec<Part>,
    tables: [Table; 4],
    /// The rows of the templates, by their text before the first expression.
    pub(super) templates: BTreeMap<Box<str>, Vec<usize>>,
    pub(super) conflicts: Vec<Conflict>,
    /// See [`Whole::stamp`].
    stamp: String,
}

impl Stock {
    pub(super) fn new(mut sources: Vec<Source>, meta: Option<&str>, before: Option<&Self>) -> Self {
        // Stable, so that of two the first stays.
        sources.sort_by(|one, other| one.service.cmp(&other.service));
        sources.dedup_by(|later, first| later.service == first.service);
        let part = |source: Source| {
            let old = before.and_then(|before| before.part(&source.service));
            Part::new(source, old)
        };
        let parts: Vec<Part> = sources.into_iter().map(part).collect();
        let mut conflicts = Vec::new();
        let tables = Kind::ALL.map(|kind| Table::new(&parts, kind, &mut conflicts));
        let templates = prefixes(&parts, &tables[Kind::Templates.index()]);
        let stamp = meta.map_or_else(String::new, |meta| format!("{}:{meta}", json("_meta")));
        Self { parts, tables, templates, conflicts, stamp }
    }

    pub(super) fn table(&self, kind: Kind) -> &Table {
        &self.tables[kind.index()]
    }

    pub(super) fn whole(&self, kind: Kind) -> Whole<'_> {
        Whole { parts: &self.parts, table: self.table(kind), stamp: &self.stamp }
    }

    fn part(&self, service: &ServiceName) -> Option<&Part> {
        let found = self.parts.binary_search_by(|part| part.source.service.cmp(service));
        found.ok().map(|index| &self.parts[index])
    }
}

fn prefixes(parts: &[Part], table: &Table) -> BTreeMap<Box<str>, Vec<usize>> {
    let mut prefixes: BTreeMap<Box<str>, Vec<usize>> = BTreeMap::new();
    for (index, row) in table.rows.iter().enumerate() {
        if let Some(template) = parts[row.part].template(row.item) {
            prefixes.entry(template.prefix().into()).or_default().push(index);
        }
    }
    prefixes
}
