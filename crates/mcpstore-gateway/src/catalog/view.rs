//! What one agent sees: a part of the services, and of their tools.

use std::sync::OnceLock;

use bytes::Bytes;
use mcpstore_types::{Era, ServiceName, StaleLists, ViewSpec};

use super::capabilities;
use super::cursor::BadCursor;
use super::listing::{Listing, PageBounds};
use super::patterns::lets_through;
use super::prepare::Part;
use super::source::{Hints, Kind};
use super::stock::Stock;

/// The part of the stock that a view shows.
#[derive(Debug)]
pub(super) struct Shown {
    /// For each service, whether it is in the view.
    services: Vec<bool>,
    /// For each row of the tools, whether the view's patterns let it through.
    tools: Vec<bool>,
    /// For each service, whether its lists are left out because it is down.
    left_out: Vec<bool>,
    listings: Vec<Listing>,
    /// By era.
    capabilities: [OnceLock<String>; 2],
    instructions: OnceLock<Option<String>>,
}

/// What goes into a view beside the stock's tables.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    /// `None`: everything.
    pub(super) view: Option<&'a ViewSpec>,
    pub(super) stale: StaleLists,
    pub(super) bounds: PageBounds,
}

impl Shown {
    pub(super) fn new(stock: &Stock, rules: Rules<'_>) -> Self {
        let parts = &stock.parts;
        let has = |part: &Part| rules.view.is_none_or(|view| view.services.contains(&part.source.service));
        let leaves_out = |part: &Part| part.source.stale && rules.stale == StaleLists::LeaveOut;
        let shows = |part: usize, item: usize, bare: bool| {
            let name = parts[part].items(Kind::Tools)[item].name(bare);
            rules.view.is_none_or(|view| lets_through(&view.allow, &view.deny, name))
        };
        let mut shown = Self {
            services: parts.iter().map(has).collect(),
            tools: stock.table(Kind::Tools).rows.iter().map(|row| shows(row.part, row.item, row.bare)).collect(),
            left_out: parts.iter().map(leaves_out).collect(),
            listings: Vec::new(),
            capabilities: Default::default(),
            instructions: OnceLock::new(),
        };
        shown.listings = Kind::ALL
            .into_iter()
            .map(|kind| {
                let rows = shown.listed(stock, kind);
                Listing::new(kind, rows, shown.hints(stock, kind), rules.bounds, stock.whole(kind))
            })
            .collect();
        shown
    }

    /// True when the view has this row, listed or not.
    pub(super) fn has(&self, stock: &Stock, kind: Kind, index: usize) -> bool {
        let part = stock.table(kind).rows[index].part;
        self.services[part] && (kind != Kind::Tools || self.tools[index])
    }

    /// The row that has a name in this view. Of several, one whose service is up, where such are left out that are not.
    pub(super) fn find(&self, stock: &Stock, kind: Kind, name: &str) -> Option<usize> {
        let own = || stock.table(kind).named(name).filter(|(index, _)| self.has(stock, kind, *index));
        let up = own().find(|(_, row)| !self.left_out[row.part]);
        up.or_else(|| own().next()).map(|(index, _)| index)
    }

    /// Is the service of this index left out, because it is down?
    pub(super) fn leaves_out(&self, part: usize) -> bool {
        self.left_out[part]
    }

    /// The rows that are listed.
    fn listed(&self, stock: &Stock, kind: Kind) -> Vec<usize> {
        let table = stock.table(kind);
        let rows = table.rows.iter().enumerate().filter(|(index, row)| {
            let item = &stock.parts[row.part].items(kind)[row.item];
            self.has(stock, kind, *index)
                && !self.left_out[row.part]
                && !item.quarantined
                && match kind {
                    Kind::Tools | Kind::Prompts => true,
                    Kind::Resources | Kind::Templates => self.find(stock, kind, &item.key) == Some(*index),
                }
        });
        rows.map(|(index, _)| index).collect()
    }

    /// How long a list may be kept: the shortest time of those that are in it, and shared only when all of them may be.
    ///
    /// Who says nothing says zero (spec: MCP 2026-07-28, caching). Zero too while a service is down or was not listed yet:
    /// there, the list is about to change.
    fn hints(&self, stock: &Stock, kind: Kind) -> Hints {
        let mut all = Hints { ttl_ms: None, private: false };
        for (part, _) in stock.parts.iter().zip(&self.services).filter(|(_, has)| **has) {
            let own = part.source.hints(kind);
            let settled = part.source.is_listed(kind) && !part.source.stale;
            if settled && part.items(kind).is_empty() && own == Hints::default() {
                continue;
            }
            if !settled && part.items(kind).is_empty() && !part.may_list(kind) {
                continue;
            }
            let own_ms = if settled { own.ttl_ms.unwrap_or(0) } else { 0 };
            all.ttl_ms = Some(all.ttl_ms.map_or(own_ms, |all| all.min(own_ms)));
            all.private |= own.private || own.ttl_ms.is_none();
        }
        // Of an empty list nobody said that it may be shared.
        Hints { private: all.private || all.ttl_ms.is_none(), ..all }
    }
}

/// One view of a catalog.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(super) stock: &'a Stock,
    pub(super) shown: &'a Shown,
}

impl<'a> View<'a> {
    /// The result of a list, as JSON: the page after `cursor`, or the first. Made at the first time, shared afterwards.
    ///
    /// # Errors
    /// [`BadCursor`] when no list of this kind ever gave that cursor.
    pub(crate) fn list(&self, kind: Kind, era: Era, cursor: Option<&str>) -> Result<Bytes, BadCursor> {
        self.listing(kind).page(era, cursor, self.stock.whole(kind))
    }

    /// How many entries the list has, all its pages together.
    pub(crate) fn len(&self, kind: Kind) -> usize {
        self.listing(kind).rows().len()
    }

    /// True when a list is byte for byte that of the other view: nobody has to be told that it changed.
    pub(crate) fn lists_the_same(&self, kind: Kind, other: View<'_>) -> bool {
        let (own, others) = (self.listing(kind), other.listing(kind));
        let made_with = |(one, other): (&Part, &Part)| one.is_made_with(other);
        let same_parts = self.stock.parts.len() == other.stock.parts.len()
            && self.stock.parts.iter().zip(&other.stock.parts).all(made_with);
        if same_parts && self.stock.table(kind).rows == other.stock.table(kind).rows {
            return own.rows() == others.rows();
        }
        own.texts(self.stock.whole(kind)).eq(others.texts(other.stock.whole(kind)))
    }

    /// The services in it, by name.
    pub(crate) fn services(&self) -> impl Iterator<Item = &'a ServiceName> + use<'a> {
        self.parts().map(|part| &part.source.service)
    }

    /// The era that the server of a service last spoke; `None` until it ever did, and for one that is not in the view.
    pub(crate) fn era_of(&self, service: &ServiceName) -> Option<Era> {
        let part = self.parts().find(|part| part.source.service == *service)?;
        part.source.server.as_ref().map(|server| server.era)
    }

    /// The services in it that have a list of this kind, or may have one.
    pub(crate) fn services_with(&self, kind: Kind) -> impl Iterator<Item = &'a ServiceName> + use<'a> {
        self.parts().filter(move |part| part.may_list(kind)).map(|part| &part.source.service)
    }

    /// The services in it that may have a list of this kind and never gave one: nobody knows what they will call things.
    pub(crate) fn unlisted(&self, kind: Kind) -> impl Iterator<Item = &'a ServiceName> + use<'a> {
        let never = move |part: &&Part| !part.source.is_listed(kind) && part.may_list(kind);
        self.parts().filter(never).map(|part| &part.source.service)
    }

    /// What its services can do together, as a JSON object for `initialize` or `server/discover`.
    pub(crate) fn capabilities(&self, era: Era) -> &'a str {
        self.shown.capabilities[era as usize].get_or_init(|| capabilities::union(self.parts(), era))
    }

    /// How its services say they are used, each below its name; `None` when none says so. At most 64 KiB.
    pub(crate) fn instructions(&self) -> Option<&'a str> {
        self.shown.instructions.get_or_init(|| capabilities::instructions(self.parts())).as_deref()
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &'a Part> + use<'a> {
        let (stock, shown) = (self.stock, self.shown);
        stock.parts.iter().zip(&shown.services).filter(|(_, has)| **has).map(|(part, _)| part)
    }

    pub(super) fn listing(&self, kind: Kind) -> &'a Listing {
        &self.shown.listings[kind.index()]
    }
}
