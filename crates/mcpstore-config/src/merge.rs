//! Several texts become one config: later ones win.
//!
//! An entry that says how to launch or reach its server stands for itself: it takes the place of an earlier entry of the same
//! name as a whole, so that no command ever meets arguments of another file. An entry that does not say so is a patch: its
//! fields win over those of the earlier entry, one by one. Either way every value keeps its own place.

use std::collections::BTreeMap;

use mcpstore_types::ServiceName;

use crate::dialect::Part;
use crate::tree::{At, Member, Node, Object, Value};
use crate::words::URL_KEYS;

/// Parts of an entry that are merged field by field, with keys that are words of the config language.
const BLOCKS: &[&str] = &["restart", "timeouts", "health", "limits", "oauth", "tools"];

/// The same with keys that are the user's.
const MAPS: &[&str] = &["env", "headers", "settings"];

/// An entry and the places of the entries that it was made of.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'t> {
    pub(crate) name_at: At,
    pub(crate) value: Value<'t>,
    /// Earlier entries that have no say any more.
    pub(crate) overrides: Vec<At>,
    /// Later entries of which single fields count.
    pub(crate) patches: Vec<At>,
}

/// What the texts up to now state together.
#[derive(Default)]
pub(crate) struct Layer<'t> {
    pub(crate) entries: BTreeMap<ServiceName, Entry<'t>>,
    pub(crate) defaults: Option<Value<'t>>,
    pub(crate) gateway: Option<Value<'t>>,
    pub(crate) profiles: Option<Value<'t>>,
}

impl<'t> Layer<'t> {
    /// What one text states; its services have good names.
    pub(crate) fn of(part: Part<'t>, services: Vec<(ServiceName, At, Value<'t>)>) -> Self {
        let mut entries: BTreeMap<ServiceName, Entry<'t>> = BTreeMap::new();
        for (name, name_at, value) in services {
            let entry = Entry { name_at, value, overrides: Vec::new(), patches: Vec::new() };
            entries.insert(name, entry);
        }
        Self { entries, defaults: part.defaults, gateway: part.gateway, profiles: part.profiles }
    }

    /// This layer with a later one over it.
    pub(crate) fn under(mut self, later: Self) -> Self {
        for (name, entry) in later.entries {
            let merged = match self.entries.remove(&name) {
                Some(earlier) => earlier.under(entry),
                None => entry,
            };
            self.entries.insert(name, merged);
        }
        Self {
            entries: self.entries,
            defaults: over(self.defaults, later.defaults, Keys::Entry),
            gateway: over(self.gateway, later.gateway, Keys::Entry),
            profiles: over(self.profiles, later.profiles, Keys::Own),
        }
    }
}

impl<'t> Entry<'t> {
    fn under(self, later: Self) -> Self {
        let (mut overrides, mut patches) = (later.overrides, later.patches);
        if stands_alone(&later.value) {
            overrides.extend(self.patches);
            overrides.push(self.name_at);
            overrides.extend(self.overrides);
            newest_first(&mut overrides);
            return Self { name_at: later.name_at, value: later.value, overrides, patches };
        }
        overrides.extend(self.overrides);
        newest_first(&mut overrides);
        patches.push(later.name_at);
        patches.extend(self.patches);
        newest_first(&mut patches);
        Self { name_at: self.name_at, value: overlay(self.value, later.value, Keys::Entry), overrides, patches }
    }
}

fn newest_first(places: &mut [At]) {
    places.sort_unstable_by(|a, b| b.cmp(a));
}

/// True for an entry that is no patch.
fn stands_alone(value: &Value<'_>) -> bool {
    let Node::Object(object) = &value.node else { return true };
    let states = |key: &str| object.get(key).is_some_and(|value| !value.is_null());
    states("command") || states("settings") || URL_KEYS.iter().any(|key| states(key))
}

fn over<'t>(earlier: Option<Value<'t>>, later: Option<Value<'t>>, keys: Keys) -> Option<Value<'t>> {
    match (earlier, later) {
        (Some(earlier), Some(later)) => Some(overlay(earlier, later, keys)),
        (one, other) => one.or(other),
    }
}

/// Whose words the keys of an object are.
#[derive(Clone, Copy)]
enum Keys {
    /// Those of an entry, or of `defaults`.
    Entry,
    /// The config language's.
    Words,
    /// The user's.
    Own,
}

/// The earlier value with the later one's fields over it.
fn overlay<'t>(earlier: Value<'t>, later: Value<'t>, keys: Keys) -> Value<'t> {
    match (earlier.node, later.node) {
        (Node::Object(mut under), Node::Object(over)) => {
            for member in over.members {
                put(&mut under, member, keys);
            }
            Value { at: earlier.at, node: Node::Object(under) }
        }
        (node, Node::Null) => Value { at: earlier.at, node },
        (_, node) => Value { at: later.at, node },
    }
}

fn put<'t>(under: &mut Object<'t>, member: Member<'t>, keys: Keys) {
    let same = |other: &Member<'_>| match keys {
        Keys::Entry | Keys::Words => is_same_word(&other.key, &member.key),
        Keys::Own => other.key == member.key,
    };
    let Some(place) = under.members.iter().rposition(same) else {
        under.members.push(member);
        return;
    };
    let inner = match keys {
        Keys::Entry if BLOCKS.contains(&member.key.as_ref()) => Some(Keys::Words),
        Keys::Entry if MAPS.contains(&member.key.as_ref()) => Some(Keys::Own),
        Keys::Entry | Keys::Words | Keys::Own => None,
    };
    if member.value.is_null() {
        return;
    }
    let slot = &mut under.members[place];
    match inner {
        Some(keys) => {
            let earlier = Value { at: slot.value.at, node: std::mem::replace(&mut slot.value.node, Node::Null) };
            slot.value = overlay(earlier, member.value, keys);
        }
        None => *slot = member,
    }
}

/// `callTotal` and `call_total` are one word.
fn is_same_word(a: &str, b: &str) -> bool {
    let plain = |word: &'_ str| word.bytes().filter(|b| *b != b'_').map(|b| b.to_ascii_lowercase()).collect::<Vec<_>>();
    a == b || (a.contains('_') != b.contains('_') && plain(a) == plain(b))
}
