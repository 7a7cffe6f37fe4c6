//! Who gets which name, when all services are looked at together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mcpstore_types::ServiceName;

use super::name::{space_in, space_of};
use super::patterns::lets_through;
use super::prepare::{Item, Part};
use super::source::Kind;

/// A name that more than one wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    /// What is named so.
    pub(crate) kind: Kind,
    /// The name, or the address.
    pub(crate) name: String,
    /// Who wants it: services, with what the server calls it. Two at least, but for [`Settled::Space`].
    pub(crate) claims: Vec<(ServiceName, String)>,
    /// What became of it.
    pub(crate) settled: Settled,
}

/// How a conflict was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Nobody got the bare name: each is exposed as `service__tool`.
    Prefixed,
    /// The bare name begins as those of another service do, so it was not given.
    Space,
    /// The first one, by the names of the services, has it in each view in which it is; the others are not listed there.
    First,
}

/// One line of a table: an item, and which of its names it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The index of its part.
    pub(super) part: usize,
    /// Its index among the items of that part.
    pub(super) item: usize,
    /// It has the bare name that it wants.
    pub(super) bare: bool,
}

/// All entries of a kind, by service and then in the order of the servers, and an index of their names.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
    /// Sorted; rows of one name are side by side, and in their order.
    by_name: Vec<(Arc<str>, usize)>,
}

impl Table {
    /// Makes the table of a kind, and adds what is in conflict.
    pub(super) fn new(parts: &[Part], kind: Kind, conflicts: &mut Vec<Conflict>) -> Self {
        match kind {
            Kind::Tools | Kind::Prompts => Self::of_names(parts, kind, conflicts),
            Kind::Resources | Kind::Templates => Self::of_addresses(parts, kind, conflicts),
        }
    }

    /// The rows of this name, in their order. Allocates nothing.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = (usize, Row)> {
        let start = self.by_name.partition_point(|(own, _)| **own < *name);
        self.by_name[start..]
            .iter()
            .take_while(move |(own, _)| **own == *name)
            .map(|(_, index)| (*index, self.rows[*index]))
    }

    fn of_names(parts: &[Part], kind: Kind, conflicts: &mut Vec<Conflict>) -> Self {
        let mut owners: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        let mut hidden = BTreeSet::new();
        for (part, item, own) in items(parts, kind).map(|(part, at, item)| (part, at, &*item.own)) {
            // Only where two hashes are equal.
            if let Some(&first) = owners.get(own) {
                let claims = vec![claim(parts, kind, first), claim(parts, kind, (part, item))];
                conflicts.push(Conflict { kind, name: own.to_owned(), claims, settled: Settled::First });
                hidden.insert((part, item));
            } else {
                owners.insert(own, (part, item));
            }
        }
        let mut contested = BTreeSet::new();
        for (name, mut claims) in bare_claims(parts, kind) {
            if let Some(&owner) = owners.get(name) {
                let owner = claim(parts, kind, owner);
                if !claims.contains(&owner) {
                    claims.push(owner);
                }
            }
            let settled = if claims.len() > 1 {
                Settled::Prefixed
            } else if claims.iter().any(|(service, _)| is_in_space_of_another(parts, name, service)) {
                Settled::Space
            } else {
                continue;
            };
            contested.insert(name);
            conflicts.push(Conflict { kind, name: name.to_owned(), claims, settled });
        }
        let rows = items(parts, kind)
            .filter(|(part, at, _)| !hidden.contains(&(*part, *at)))
            .map(|(part, at, item)| {
                let bare = item.wanted.as_ref().is_some_and(|wanted| !contested.contains(&**wanted));
                Row { part, item: at, bare }
            })
            .collect();
        Self::indexed(parts, kind, rows)
    }

    fn of_addresses(parts: &[Part], kind: Kind, conflicts: &mut Vec<Conflict>) -> Self {
        let rows = items(parts, kind).map(|(part, item, _)| Row { part, item, bare: false }).collect();
        let table = Self::indexed(parts, kind, rows);
        for same in table.by_name.chunk_by(|(one, _), (other, _)| one == other).filter(|same| same.len() > 1) {
            let claims = same.iter().map(|(_, index)| &table.rows[*index]);
            let claims = claims.map(|row| claim(parts, kind, (row.part, row.item))).collect();
            let name = same[0].0.to_string();
            conflicts.push(Conflict { kind, name, claims, settled: Settled::First });
        }
        table
    }

    fn indexed(parts: &[Part], kind: Kind, rows: Vec<Row>) -> Self {
        let name = |row: &Row| Arc::clone(parts[row.part].items(kind)[row.item].name(row.bare));
        let mut by_name: Vec<_> = rows.iter().map(name).zip(0..).collect();
        by_name.sort_unstable();
        Self { rows, by_name }
    }
}

/// Who wants a bare name. Renaming counts by the rules alone, whether or not there is such a tool (yet): so names do not
/// depend on which of two services was listed first.
fn bare_claims(parts: &[Part], kind: Kind) -> BTreeMap<&str, Vec<(ServiceName, String)>> {
    let mut claims: BTreeMap<&str, Vec<(ServiceName, String)>> = BTreeMap::new();
    for part in parts {
        let (service, rules) = (&part.source.service, &part.source.rules);
        if kind == Kind::Tools {
            let allowed = rules.rename.iter().filter(|(from, _)| lets_through(&rules.allow, &rules.deny, from));
            for (from, to) in allowed.filter(|(from, to)| super::name::own(service.as_str(), from) != **to) {
                claims.entry(to).or_default().push((service.clone(), from.clone()));
            }
        }
        for item in part.items(kind) {
            let renamed = kind == Kind::Tools && rules.rename.contains_key(&*item.key);
            if let (Some(wanted), false) = (&item.wanted, renamed) {
                claims.entry(wanted).or_default().push((service.clone(), item.key.to_string()));
            }
        }
    }
    claims
}

/// True when a name begins as those of a known service do, and that is not its own: it could be that service's next tool.
fn is_in_space_of_another(parts: &[Part], name: &str, own: &ServiceName) -> bool {
    space_in(name).is_some_and(|service| {
        service != own.as_str()
            && space_of(service).is_some()
            && parts.binary_search_by(|part| part.source.service.as_str().cmp(service)).is_ok()
    })
}

fn items(parts: &[Part], kind: Kind) -> impl Iterator<Item = (usize, usize, &Item)> {
    parts
        .iter()
        .enumerate()
        .flat_map(move |(part, made)| made.items(kind).iter().enumerate().map(move |(at, item)| (part, at, item)))
}

fn claim(parts: &[Part], kind: Kind, (part, item): (usize, usize)) -> (ServiceName, String) {
    (parts[part].source.service.clone(), parts[part].items(kind)[item].key.to_string())
}
