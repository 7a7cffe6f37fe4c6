//! What one endpoint offers out of the lists of many services, and where each name leads.
//!
//! Pure: a [`Catalog`] is made from its inputs, and made anew when one of them changes. What was made of a service that did
//! not change is taken over. `docs/catalog.md` says how names are made and conflicts settled.

mod body;
mod capabilities;
pub(crate) mod cursor;
pub(crate) mod listing;
mod name;
pub(crate) mod names;
mod patterns;
pub(crate) mod prepare;
pub(crate) mod route;
pub(crate) mod source;
mod splice;
mod stock;
mod template;
pub(crate) mod view;

#[cfg(test)]
mod prop;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use mcpstore_types::{ServiceName, StaleLists, ViewSpec};

use listing::PageBounds;
use names::Conflict;
use prepare::Dropped;
use source::Source;
use stock::Stock;
use view::{Rules, Shown, View};

/// What a catalog is made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inputs<'a> {
    /// One for each service, in any order; of two for one service the first counts.
    pub(crate) sources: Vec<Source>,
    /// The views beside the whole.
    pub(crate) views: &'a [ViewSpec],
    /// What becomes of the lists of a service that is down.
    pub(crate) stale: StaleLists,
    /// The `_meta` of every list result in the stateless era, as a JSON object; `None`: no such member.
    pub(crate) meta: Option<&'a str>,
    /// How large a page of a list may be.
    pub(crate) bounds: PageBounds,
}

/// What one endpoint offers, and where each name leads. Never changes.
#[derive(Debug)]
pub(crate) struct Catalog {
    stock: Stock,
    everything: Shown,
    views: BTreeMap<String, Shown>,
}

impl Catalog {
    /// Makes a catalog. What was made of a source for the one before is taken over where its lists are the same ones (the
    /// same `Arc`s) and its rules are equal; the rest is linear in the number of entries, but for sorting the names.
    pub(crate) fn new(inputs: Inputs<'_>, before: Option<&Self>) -> Self {
        let stock = Stock::new(inputs.sources, inputs.meta, before.map(|before| &before.stock));
        let shown = |view| Shown::new(&stock, Rules { view, stale: inputs.stale, bounds: inputs.bounds });
        let everything = shown(None);
        let views = inputs.views.iter().map(|view| (view.name.clone(), shown(Some(view)))).collect();
        Self { stock, everything, views }
    }

    /// A view by its name, or everything; `None` when there is no such view.
    pub(crate) fn view(&self, name: Option<&str>) -> Option<View<'_>> {
        let shown = match name {
            None => &self.everything,
            Some(name) => self.views.get(name)?,
        };
        Some(View { stock: &self.stock, shown })
    }

    /// Everything.
    #[cfg(test)]
    pub(crate) fn everything(&self) -> View<'_> {
        View { stock: &self.stock, shown: &self.everything }
    }

    /// Names and addresses that more than one service has, and what became of them. By kind, then by name.
    pub(crate) fn conflicts(&self) -> &[Conflict] {
        &self.stock.conflicts
    }

    /// The services with entries that are none, and why they are none.
    pub(crate) fn dropped(&self) -> impl Iterator<Item = (&ServiceName, &Dropped)> {
        let all = self.stock.parts.iter().map(|part| (&part.source.service, part.dropped()));
        all.filter(|(_, dropped)| dropped.total > 0)
    }
}
