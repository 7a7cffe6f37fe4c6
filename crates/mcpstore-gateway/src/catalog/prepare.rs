//! What can be made of one source without looking at the others, so that it is made once.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use mcpstore_types::Expose;
use serde_json::value::RawValue;

use super::capabilities;
use super::name;
use super::patterns::lets_through;
use super::source::{Kind, Source};
use super::splice::{Change, Object, splice};
use super::template::Template;

/// The most reasons for dropped entries that are kept for a service; the rest is counted.
const MAX_REASONS: usize = 20;
/// The most bytes of a server's text in such a reason.
const MAX_TEXT: usize = 200;

/// A source and what was made of it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) source: Source,
    /// By kind, whether its server has such a list, or may have one.
    may_list: [bool; 4],
    made: Arc<Made>,
}

#[derive(Debug)]
struct Made {
    items: [Vec<Item>; 4],
    /// Beside the items of that kind.
    templates: Vec<Template>,
    dropped: Dropped,
}

/// Entries of a service that are not offered because they are none.
#[derive(Debug, Default)]
pub(crate) struct Dropped {
    /// How many.
    pub(crate) total: usize,
    /// Why the first of them, for people.
    pub(crate) reasons: Vec<String>,
}

/// An entry that is offered, or held back.
#[derive(Debug)]
pub(super) struct Item {
    /// Its place in the server's list.
    index: usize,
    /// Its name or address, as the server has it.
    pub(super) key: Arc<str>,
    /// The bare name that the rules want for it; `None`: its own.
    pub(super) wanted: Option<Arc<str>>,
    /// The name that is its own, whoever else is there.
    pub(super) own: Arc<str>,
    /// It changed since it was approved.
    pub(super) quarantined: bool,
    /// Its text with the name it wants; `None`: the server's.
    text: Option<Box<str>>,
    /// Its text with its own name, where it does not get the one it wants.
    fallback: OnceLock<Box<str>>,
}

impl Part {
    /// Prepares a source, or takes what was made of the same source before.
    pub(super) fn new(source: Source, before: Option<&Self>) -> Self {
        let same = before.filter(|before| before.source.makes_the_same(&source));
        let made = same.map_or_else(|| Arc::new(Made::new(&source)), |before| Arc::clone(&before.made));
        let may_list = match (&source.server, before) {
            (Some(own), Some(Self { source: Source { server: Some(old), .. }, may_list, .. }))
                if Arc::ptr_eq(own, old) =>
            {
                *may_list
            }
            (Some(own), _) => capabilities::lists(own),
            (None, _) => [true; 4],
        };
        Self { source, may_list, made }
    }

    /// True when its server has a list of that kind, or may have one.
    pub(super) fn may_list(&self, kind: Kind) -> bool {
        self.may_list[kind.index()]
    }

    /// What it offers of a kind, in the server's order.
    pub(super) fn items(&self, kind: Kind) -> &[Item] {
        &self.made.items[kind.index()]
    }

    /// The template of an item of that kind.
    pub(super) fn template(&self, item: usize) -> Option<&Template> {
        self.made.templates.get(item)
    }

    /// What it has that is none.
    pub(super) fn dropped(&self) -> &Dropped {
        &self.made.dropped
    }

    /// True when both were made of the same.
    pub(super) fn is_made_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.made, &other.made)
    }

    /// An item's entry, as the server has it.
    pub(super) fn entry(&self, kind: Kind, item: &Item) -> Option<&RawValue> {
        self.source.entry(kind, item.index)
    }

    /// An item's entry, as it is listed: under the name it wants when it gets it (`bare`), else under its own.
    pub(super) fn text<'a>(&'a self, kind: Kind, item: &'a Item, bare: bool) -> &'a str {
        let Some(entry) = self.entry(kind, item) else { return "{}" };
        if bare || item.wanted.is_none() {
            return item.text.as_deref().unwrap_or(entry.get());
        }
        item.fallback.get_or_init(|| {
            let change = change(&self.source, kind, &item.key, Some(&item.own));
            // It went well with the other name.
            let text = Object::read(entry).map_err(|error| error.to_string()).and_then(|entry| splice(&entry, change));
            text.unwrap_or_else(|_| entry.get().to_owned()).into()
        })
    }
}

impl Item {
    /// Its exposed name: the one it wants when it gets it (`bare`), else its own.
    pub(super) fn name(&self, bare: bool) -> &Arc<str> {
        if bare { self.wanted.as_ref().unwrap_or(&self.own) } else { &self.own }
    }
}

impl Made {
    fn new(source: &Source) -> Self {
        let mut dropped = Dropped::default();
        let items = Kind::ALL.map(|kind| items(source, kind, &mut dropped));
        let templates = items[Kind::Templates.index()].iter().map(|item| Template::new(&item.key)).collect();
        Self { items, templates, dropped }
    }
}

fn items(source: &Source, kind: Kind, dropped: &mut Dropped) -> Vec<Item> {
    let mut items = Vec::with_capacity(source.len(kind));
    let mut seen = BTreeSet::new();
    for index in 0..source.len(kind) {
        let Some(entry) = source.entry(kind, index) else { continue };
        match item(source, kind, index, entry, &mut seen) {
            Ok(item) => items.extend(item),
            Err(reason) => {
                dropped.total += 1;
                if dropped.reasons.len() < MAX_REASONS {
                    dropped.reasons.push(format!("{} {}: {}", kind.word(), index + 1, clip(&reason)));
                }
            }
        }
    }
    items
}

/// The item of an entry; `None` where the rules leave it out, and an error where it is none.
fn item(
    source: &Source,
    kind: Kind,
    index: usize,
    entry: &RawValue,
    seen: &mut BTreeSet<Arc<str>>,
) -> Result<Option<Item>, String> {
    let object = Object::read(entry).map_err(|error| error.to_string())?;
    let key: Arc<str> = object.text(kind.key())?.into();
    if key.is_empty() {
        return Err(format!("its `{}` is empty", kind.key()));
    }
    if kind == Kind::Tools {
        let schema = object.get("inputSchema")?;
        if !schema.is_some_and(|schema| schema.get().starts_with('{')) {
            return Err(format!("`{}`: its `inputSchema` is no object", clip(&key)));
        }
        if !lets_through(&source.rules.allow, &source.rules.deny, &key) {
            return Ok(None);
        }
    }
    if !seen.insert(Arc::clone(&key)) {
        return Err(format!("there is another `{}`", clip(&key)));
    }
    let (own, wanted) = names(source, kind, &key);
    let change = change(source, kind, &key, wanted.as_ref().or(Some(&own)));
    let text = if change.is_none() { None } else { Some(splice(&object, change)?.into()) };
    let quarantined = kind == Kind::Tools && source.quarantined.contains(&*key);
    Ok(Some(Item { index, key, wanted, own, quarantined, text, fallback: OnceLock::new() }))
}

/// The name that is an entry's own, and the one that the rules want in its place.
fn names(source: &Source, kind: Kind, key: &Arc<str>) -> (Arc<str>, Option<Arc<str>>) {
    match kind {
        // What an address names is not ours to change.
        Kind::Resources | Kind::Templates => return (Arc::clone(key), None),
        Kind::Tools | Kind::Prompts => {}
    }
    let own: Arc<str> = name::own(source.service.as_str(), key).into();
    let renamed = if kind == Kind::Tools { source.rules.rename.get(&**key) } else { None };
    let wanted = match (renamed, source.rules.expose) {
        (Some(to), _) => Some(Arc::from(to.as_str())),
        (None, Expose::Plain) => Some(Arc::clone(key)),
        (None, Expose::Prefixed) => None,
    };
    let wanted = wanted.filter(|wanted| *wanted != own);
    (own, wanted)
}

/// What is changed in an entry that is listed under this name.
fn change<'a>(source: &'a Source, kind: Kind, key: &str, name: Option<&'a Arc<str>>) -> Change<'a> {
    let named = matches!(kind, Kind::Tools | Kind::Prompts);
    Change {
        name: name.filter(|name| named && ***name != *key).map(|name| &**name),
        description: (kind == Kind::Tools).then(|| source.rules.describe.get(key).map(String::as_str)).flatten(),
        stale: source.stale,
    }
}

/// The text, cut at a character.
pub(super) fn clip(text: &str) -> &str {
    let mut end = MAX_TEXT.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
