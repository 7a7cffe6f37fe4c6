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
const BLOCKS: &[&str] = &["restart", "timeouts", "health", "breaker", "recycle", "limits", "oauth", "tools", "rules"];

/// The same with keys that are the user's.
const MAPS: &[&str] = &["env", "headers", "settings"];

/// The same within `tools`; no other block has them.
const TOOLS: &[&str] = &["rename", "describe"];

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
    pub(crate) alerts: Option<Value<'t>>,
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
        let Part { defaults, gateway, alerts, profiles, .. } = part;
        Self { entries, defaults, gateway, alerts, profiles }
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
            alerts: over(self.alerts, later.alerts, Keys::Entry),
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
    /// Those of an entry, of `defaults`, or of `alerts`.
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
        Keys::Words if TOOLS.contains(&member.key.as_ref()) => Some(Keys::Own),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where a value of the `layer`th layer stands: no two values have the same place.
    fn at(layer: u32, nth: &mut u32) -> At {
        *nth += 1;
        At { source: layer, start: *nth, end: *nth + 1 }
    }

    /// What an entry may state: by key, a text, `null`, or members.
    type Fields = Vec<(&'static str, Result<Option<u8>, Vec<(&'static str, u8)>>)>;

    fn fields() -> impl Strategy<Value = Fields> {
        let single = prop::sample::select(vec!["command", "args", "cwd", "enabled", "tags"]);
        let block = prop::sample::select(vec!["restart", "timeouts", "env", "headers"]);
        let member = prop::sample::select(vec!["delay", "max_delay", "maxDelay", "A_B", "AB"]);
        let field = prop_oneof![
            3 => (single, prop::option::of(0..3_u8)).prop_map(|(key, value)| (key, Ok(value))),
            3 => (block.clone(), prop::collection::vec((member, 0..3_u8), 0..3)).prop_map(|(key, members)| (key, Err(members))),
            1 => block.prop_map(|key| (key, Ok(None))),
        ];
        prop::collection::vec(field, 0..5).prop_map(|fields| {
            let mut seen = std::collections::BTreeSet::new();
            fields.into_iter().filter(|(key, _)| seen.insert(*key)).collect()
        })
    }

    fn object(layer: u32, nth: &mut u32, fields: &Fields) -> Value<'static> {
        let text = |nth: &mut u32, value: u8| Value { at: at(layer, nth), node: Node::Text(value.to_string().into()) };
        let members = fields.iter().map(|(key, value)| {
            let key_at = at(layer, nth);
            let value = match value {
                Ok(Some(value)) => text(nth, *value),
                Ok(None) => Value { at: at(layer, nth), node: Node::Null },
                Err(members) => {
                    let mut seen = std::collections::BTreeSet::new();
                    let once = members.iter().filter(|(key, _)| seen.insert(key.replace('_', "").to_ascii_lowercase()));
                    let members: Vec<Member<'static>> = once
                        .map(|(key, value)| Member {
                            key: (*key).into(),
                            key_at: at(layer, nth),
                            value: text(nth, *value),
                        })
                        .collect();
                    Value::object(at(layer, nth), members)
                }
            };
            Member { key: (*key).into(), key_at, value }
        });
        let members = members.collect();
        Value::object(at(layer, nth), members)
    }

    fn layer(number: u32, (services, defaults): &(Vec<(&'static str, Fields)>, Option<Fields>)) -> Layer<'static> {
        let mut nth = 0;
        let mut entries = BTreeMap::new();
        for (name, fields) in services {
            let name_at = at(number, &mut nth);
            let value = object(number, &mut nth, fields);
            let entry = Entry { name_at, value, overrides: Vec::new(), patches: Vec::new() };
            entries.insert(ServiceName::new(name).expect("a good name"), entry);
        }
        let defaults = defaults.as_ref().map(|fields| object(number, &mut nth, fields));
        Layer { entries, defaults, ..Layer::default() }
    }

    fn layers() -> impl Strategy<Value = (Vec<(&'static str, Fields)>, Option<Fields>)> {
        let services = prop::collection::vec((prop::sample::select(vec!["a", "b"]), fields()), 0..3);
        (services, prop::option::of(fields()))
    }

    /// Everything there is to see of a layer: values, places, origins. The order of members has no meaning.
    fn seen(layer: &Layer<'_>) -> String {
        fn value(of: &Value<'_>) -> String {
            match &of.node {
                Node::Object(object) => {
                    let member = |m: &Member<'_>| format!("{}@{:?}={}", m.key, m.key_at, value(&m.value));
                    let mut members: Vec<String> = object.members.iter().map(member).collect();
                    members.sort();
                    format!("{{{}}}", members.join(","))
                }
                node => format!("{node:?}@{:?}", of.at),
            }
        }
        let entries = layer.entries.iter().map(|(name, entry)| {
            let Entry { name_at, value: inner, overrides, patches } = entry;
            format!("{name}@{name_at:?} {} {overrides:?} {patches:?}\n", value(inner))
        });
        entries.chain(layer.defaults.iter().map(value)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_does_not_matter_which_texts_are_laid_over_each_other_first((a, b, c) in (layers(), layers(), layers())) {
            let make = |number, parts| layer(number, parts);
            let left = make(0, &a).under(make(1, &b)).under(make(2, &c));
            let right = make(0, &a).under(make(1, &b).under(make(2, &c)));
            prop_assert_eq!(seen(&left), seen(&right));
        }

        #[test]
        fn nothing_changes_nothing(a in layers()) {
            let nothing = Layer::default;
            prop_assert_eq!(seen(&layer(0, &a).under(nothing())), seen(&layer(0, &a)));
            prop_assert_eq!(seen(&nothing().under(layer(0, &a))), seen(&layer(0, &a)));
        }
    }
}
