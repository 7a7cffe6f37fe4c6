//! Where a name or an address leads.

use std::ops::Bound;

use mcpstore_types::{ServiceName, nearest};
use serde_json::value::RawValue;

use super::names::Row;
use super::prepare::{Item, Part, clip};
use super::source::Kind;
use super::view::View;

/// The longest name for which a similar one is looked for, in bytes.
const MAX_MEANT: usize = 128;
/// The most names that a name is compared with.
const MAX_COMPARED: usize = 256;

/// Where a name or an address leads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route<'a> {
    /// The service.
    pub(crate) service: &'a ServiceName,
    /// What its server calls it: the name of a tool or prompt, the address of a resource, or the template it falls under.
    pub(crate) upstream: &'a str,
    /// Its entry in the server's list, byte for byte.
    pub(crate) entry: &'a RawValue,
    /// How many other services it could have meant just as well.
    pub(crate) rivals: usize,
}

/// Why a name leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum NoRoute {
    /// Nothing is named so, or nothing that this view has.
    #[error("there is no {what} `{name}`{hint}")]
    Unknown {
        /// What it should have been.
        what: &'static str,
        /// The name, cut where it is long.
        name: String,
        /// What may have been meant, as the tail of a message; may be empty.
        hint: String,
    },
    /// It is held back until it is approved.
    #[error("tool `{tool}` of service `{service}` changed since it was approved, and is held back")]
    Quarantined {
        /// The service.
        service: ServiceName,
        /// The tool, as its server calls it.
        tool: String,
    },
}

impl<'a> View<'a> {
    /// Where a tool's exposed name leads; also when its service is down, and its lists are left out.
    ///
    /// # Errors
    /// [`NoRoute`]: nothing is named so in this view, or it is held back.
    pub(crate) fn route_tool(&self, exposed: &str) -> Result<Route<'a>, NoRoute> {
        self.route_named(Kind::Tools, exposed)
    }

    /// Where a prompt's exposed name leads. That is what a completion's `ref/prompt` has.
    ///
    /// # Errors
    /// As [`View::route_tool`].
    pub(crate) fn route_prompt(&self, exposed: &str) -> Result<Route<'a>, NoRoute> {
        self.route_named(Kind::Prompts, exposed)
    }

    /// Where the address of a resource leads: to who lists it, or else to who has a template for it. Of several templates
    /// that with the longest text before its first expression, and of these the first by the names of the services.
    ///
    /// # Errors
    /// [`NoRoute::Unknown`]: nobody in this view lists it or has a template for it. [`View::services_with`] says who
    /// might know it still.
    pub(crate) fn route_resource(&self, uri: &str) -> Result<Route<'a>, NoRoute> {
        let listed = self.shown.find(self.stock, Kind::Resources, uri);
        let found = listed.and_then(|index| self.route(Kind::Resources, index, 0));
        found.or_else(|| self.through_template(uri)).ok_or_else(|| self.unknown(Kind::Resources, uri))
    }

    /// Where a completion's `ref/resource` leads: to who has this template, or else where it leads as an address.
    ///
    /// # Errors
    /// As [`View::route_resource`].
    pub(crate) fn route_template(&self, text: &str) -> Result<Route<'a>, NoRoute> {
        let listed = self.shown.find(self.stock, Kind::Templates, text);
        let found = listed.and_then(|index| self.route(Kind::Templates, index, 0));
        found.map_or_else(|| self.route_resource(text), Ok)
    }

    fn route_named(&self, kind: Kind, exposed: &str) -> Result<Route<'a>, NoRoute> {
        let found = self.shown.find(self.stock, kind, exposed);
        let index = found.ok_or_else(|| self.unknown(kind, exposed))?;
        let (part, _, item) = self.at(kind, index);
        if item.quarantined {
            let (service, tool) = (part.source.service.clone(), clip(&item.key).to_owned());
            return Err(NoRoute::Quarantined { service, tool });
        }
        self.route(kind, index, 0).ok_or_else(|| self.unknown(kind, exposed))
    }

    /// Templates are tried from the longest literal beginning to the shortest. Those beginnings are the keys of an ordered
    /// map: of the keys at or below a text, the greatest is a beginning of it, or shows how long one can be at most.
    fn through_template(&self, uri: &str) -> Option<Route<'a>> {
        let mut bound = Bound::Included(uri);
        while let Some((prefix, rows)) = self.stock.templates.range::<str, _>((Bound::Unbounded, bound)).next_back() {
            if let Some(rest) = uri.strip_prefix(&**prefix) {
                if let Some(route) = self.best_of(rows, uri) {
                    return Some(route);
                }
                bound = Bound::Excluded(&uri[..uri.len() - rest.len()]);
            } else {
                let common = prefix.chars().zip(uri.chars()).take_while(|(one, other)| one == other);
                bound = Bound::Included(&uri[..common.map(|(c, _)| c.len_utf8()).sum()]);
            }
        }
        None
    }

    /// The first of these templates that is in the view and may stand for the address; one of a service that is up, where
    /// such are left out that are not.
    fn best_of(&self, rows: &[usize], uri: &str) -> Option<Route<'a>> {
        let table = self.stock.table(Kind::Templates);
        let fits = |index: &&usize| {
            let row = table.rows[**index];
            let template = self.stock.parts[row.part].template(row.item);
            self.shown.has(self.stock, Kind::Templates, **index) && template.is_some_and(|own| own.matches(uri))
        };
        let left_out = |index: usize| self.shown.leaves_out(table.rows[index].part);
        let mut best: Option<usize> = None;
        let (mut rivals, mut last) = (0, None);
        for index in rows.iter().filter(fits) {
            let part = table.rows[*index].part;
            // Rows of one service are side by side.
            if last.is_some_and(|last| last != part) {
                rivals += 1;
            }
            last = Some(part);
            if best.is_none_or(|best| left_out(best) && !left_out(*index)) {
                best = Some(*index);
            }
        }
        self.route(Kind::Templates, best?, rivals)
    }

    fn route(&self, kind: Kind, index: usize, rivals: usize) -> Option<Route<'a>> {
        let (part, _, item) = self.at(kind, index);
        let entry = part.entry(kind, item)?;
        Some(Route { service: &part.source.service, upstream: &item.key, entry, rivals })
    }

    fn at(&self, kind: Kind, index: usize) -> (&'a Part, Row, &'a Item) {
        let row = self.stock.table(kind).rows[index];
        let part = &self.stock.parts[row.part];
        (part, row, &part.items(kind)[row.item])
    }

    fn unknown(&self, kind: Kind, name: &str) -> NoRoute {
        let hint = self.meant(kind, name).map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        NoRoute::Unknown { what: kind.word(), name: clip(name).to_owned(), hint }
    }

    /// The listed name that was meant: that of an entry which its server calls so, or else the nearest one. Bounded, for
    /// everybody can ask for names that do not exist.
    fn meant(&self, kind: Kind, name: &str) -> Option<&'a str> {
        if name.len() > MAX_MEANT {
            return None;
        }
        let listed = || {
            self.listing(kind).rows().iter().map(|index| {
                let (_, row, item) = self.at(kind, *index);
                (&**item.name(row.bare), &*item.key)
            })
        };
        let renamed = listed().find(|(exposed, key)| *key == name && *exposed != name).map(|(exposed, _)| exposed);
        // Others are too far away whatever they say.
        let alike = |exposed: &&str| exposed.len().abs_diff(name.len()) <= exposed.len().max(name.len()) / 3;
        let near = || listed().map(|(exposed, _)| exposed).filter(alike).take(MAX_COMPARED);
        renamed.or_else(|| nearest(name, near()))
    }
}
