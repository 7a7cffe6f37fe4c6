//! One list of one view: which entries it has, where its pages begin, and the bodies of those pages.

use std::ops::Range;
use std::sync::OnceLock;

use bytes::Bytes;
use mcpstore_types::Era;

use super::body;
use super::cursor::{BadCursor, Cursor, MEMORY, hash};
use super::names::{Row, Table};
use super::prepare::Part;
use super::source::{Hints, Kind};

/// How large a page of a list may be. A single entry may be larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageBounds {
    /// Entries.
    pub(crate) entries: usize,
    /// Bytes of all its entries.
    pub(crate) bytes: usize,
}

impl Default for PageBounds {
    /// 5,000 entries, 4 MiB: many clients read the first page alone, so it holds what a large set of services has; and those
    /// that read lines take four times as much in one.
    fn default() -> Self {
        Self { entries: 5_000, bytes: 4 * 1024 * 1024 }
    }
}

/// The rows of a table that a view lists.
#[derive(Debug)]
pub(super) struct Listing {
    kind: Kind,
    /// Indices of rows, in their order.
    rows: Vec<usize>,
    /// How long it may be kept, and by whom.
    hints: Hints,
    /// Where its pages begin when it is read from the beginning; one at least.
    starts: Vec<usize>,
    /// The bodies of these pages in each era, made when they are first asked for.
    bodies: [Vec<OnceLock<Bytes>>; 2],
    bounds: PageBounds,
}

/// What a listing is a list of.
#[derive(Clone, Copy)]
pub(super) struct Whole<'a> {
    pub(super) parts: &'a [Part],
    pub(super) table: &'a Table,
    /// Members that each result of the stateless era has beside the list, as JSON (`"_meta":{…}`); empty: none.
    pub(super) stamp: &'a str,
}

impl Whole<'_> {
    fn row(&self, index: usize) -> Row {
        self.table.rows[index]
    }

    fn text(&self, kind: Kind, index: usize) -> &str {
        let row = self.row(index);
        let part = &self.parts[row.part];
        part.text(kind, &part.items(kind)[row.item], row.bare)
    }

    fn key(&self, kind: Kind, index: usize) -> &str {
        let row = self.row(index);
        &self.parts[row.part].items(kind)[row.item].key
    }
}

impl Listing {
    pub(super) fn new(kind: Kind, rows: Vec<usize>, hints: Hints, bounds: PageBounds, whole: Whole<'_>) -> Self {
        let mut listing = Self { kind, rows, hints, starts: Vec::new(), bodies: [Vec::new(), Vec::new()], bounds };
        let mut start = 0;
        loop {
            listing.starts.push(start);
            start = listing.page_end(start, whole);
            if start >= listing.rows.len() {
                break;
            }
        }
        listing.bodies = [(); 2].map(|()| listing.starts.iter().map(|_| OnceLock::new()).collect());
        listing
    }

    /// The body of the page after a cursor, or of the first.
    pub(super) fn page(&self, era: Era, cursor: Option<&str>, whole: Whole<'_>) -> Result<Bytes, BadCursor> {
        let start = match cursor {
            None => 0,
            Some(text) => self.place(&Cursor::decode(text, self.kind)?, whole),
        };
        Ok(match self.starts.binary_search(&start) {
            Ok(page) => self.bodies[era as usize][page].get_or_init(|| self.body(era, start, whole)).clone(),
            // The list changed since that cursor was given.
            Err(_) => self.body(era, start, whole),
        })
    }

    /// The texts of all of its entries.
    pub(super) fn texts<'a>(&'a self, whole: Whole<'a>) -> impl Iterator<Item = &'a str> {
        self.rows.iter().map(move |index| {
            let row = whole.table.rows[*index];
            let part = &whole.parts[row.part];
            part.text(self.kind, &part.items(self.kind)[row.item], row.bare)
        })
    }

    /// The rows, in their order.
    pub(super) fn rows(&self) -> &[usize] {
        &self.rows
    }

    fn body(&self, era: Era, start: usize, whole: Whole<'_>) -> Bytes {
        let end = self.page_end(start, whole);
        let next = (end < self.rows.len()).then(|| self.cursor(end, whole).encode());
        let texts = self.rows[start..end].iter().map(|index| whole.text(self.kind, *index));
        body::list(self.kind, texts, next.as_deref(), (era == Era::Stateless).then_some((self.hints, whole.stamp)))
    }

    /// Behind the last entry of the page that begins there.
    fn page_end(&self, start: usize, whole: Whole<'_>) -> usize {
        let mut bytes = 0;
        let fits = self.rows[start..].iter().take(self.bounds.entries.max(1)).take_while(|index| {
            let before = bytes;
            bytes += whole.text(self.kind, **index).len();
            before == 0 || bytes <= self.bounds.bytes
        });
        start + fits.count()
    }

    /// The cursor of a page that ended there. It had an entry at least.
    fn cursor(&self, end: usize, whole: Whole<'_>) -> Cursor {
        let part = whole.row(self.rows[end - 1]).part;
        let own = self.rows[..end].iter().rev().take_while(|index| whole.row(**index).part == part);
        let last = own.take(MEMORY).map(|index| hash(whole.key(self.kind, *index))).collect();
        Cursor { kind: self.kind, service: whole.parts[part].source.service.clone(), last }
    }

    /// Where the page after a cursor begins in this list.
    fn place(&self, cursor: &Cursor, whole: Whole<'_>) -> usize {
        let service = |index: &usize| &whole.parts[whole.row(*index).part].source.service;
        let own: Range<usize> = self.rows.partition_point(|index| *service(index) < cursor.service)
            ..self.rows.partition_point(|index| *service(index) <= cursor.service);
        let hashes: Vec<u64> = self.rows[own.clone()].iter().map(|index| hash(whole.key(self.kind, *index))).collect();
        let found = cursor.last.iter().find_map(|last| hashes.iter().rposition(|own| own == last));
        own.start + found.map_or(0, |found| found + 1)
    }
}
