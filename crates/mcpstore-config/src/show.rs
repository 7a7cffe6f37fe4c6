//! What a config says, before anything is filled in: every value with its place.

use std::collections::BTreeMap;

use mcpstore_types::ServiceName;

use crate::context::Text;
use crate::fields::camel;
use crate::inputs::Inputs;
use crate::parse::gather;
use crate::sink::Sink;
use crate::tree::{Node, Value};
use crate::{Format, Nothing, Place, Plain, Source, secret};

/// One service as its texts state it together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// Its name.
    pub name: ServiceName,
    /// Where its name stands.
    pub place: Place,
    /// Its entry in the shape of this config language, references as they are written. Secrets may stand in it in plain
    /// text; [`Stated::masked`] hides them.
    pub entry: Plain,
    /// The place of each value, by its path (`command`, `timeouts.start`, `env.TOKEN`); lists are one value.
    places: BTreeMap<String, Place>,
}

impl Stated {
    /// Where a field stands; of one that is not stated, the nearest thing around it that is.
    #[must_use]
    pub fn place_of(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return *place;
            }
            match path.rsplit_once('.') {
                Some((outer, _)) => path = outer,
                None => return self.place,
            }
        }
    }

    /// Every value that is stated, by its path.
    pub fn places(&self) -> impl Iterator<Item = (&str, Place)> {
        self.places.iter().map(|(path, place)| (path.as_str(), *place))
    }

    /// The entry with `***` for what is or may be secret; references stay.
    #[must_use]
    pub fn masked(&self) -> Plain {
        secret::masked(&self.entry)
    }
}

/// A block of the top level as its texts state it together: `defaults`, `gateway`, `profiles` or `alerts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedBlock {
    /// Its key.
    pub key: &'static str,
    /// Where the first text that states it does.
    pub place: Place,
    /// What it says, in the shape of this config language. Secrets may stand in it in plain text; [`StatedBlock::masked`]
    /// hides them.
    pub value: Plain,
    /// The place of each value, by its path; lists are one value.
    places: BTreeMap<String, Place>,
}

impl StatedBlock {
    /// Where a field stands; of one that is not stated, where the block does.
    #[must_use]
    pub fn place_of(&self, path: &str) -> Place {
        self.places.get(path).copied().unwrap_or(self.place)
    }

    /// Every value that is stated, by its path.
    pub fn places(&self) -> impl Iterator<Item = (&str, Place)> {
        self.places.iter().map(|(path, place)| (path.as_str(), *place))
    }

    /// The block with `***` for what is or may be secret; references stay.
    #[must_use]
    pub fn masked(&self) -> Plain {
        if self.key == "alerts" { secret::masked_alerts(&self.value) } else { secret::masked(&self.value) }
    }
}

/// What the texts of a config state together beside services: the blocks of the top level that are stated.
#[must_use]
pub fn stated_blocks(sources: &[Source]) -> Vec<StatedBlock> {
    let texts: Vec<Text<'_>> = sources.iter().map(Text::new).collect();
    let mut sink = Sink::new(false);
    let layer = gather(&texts, &Nothing, &mut sink, &mut Inputs::new()).layer;
    let place = |at| crate::context::place(&texts, at);
    let blocks = [
        ("defaults", layer.defaults),
        ("gateway", layer.gateway),
        ("profiles", layer.profiles),
        ("alerts", layer.alerts),
    ];
    let stated = blocks.into_iter().filter_map(|(key, value)| Some((key, value?)));
    stated
        .map(|(key, value)| {
            let at = place(value.at);
            let value = match key {
                "alerts" => camel_alerts(&texts, value, Level::Words),
                // Keys of the user.
                "profiles" => value,
                _ => camel_keys(&texts, value, 0),
            };
            let mut places = BTreeMap::new();
            note(&mut places, &value, "", &place);
            StatedBlock { key, place: at, value: value.plain(), places }
        })
        .collect()
}

/// Whose words the keys of an object within `alerts` are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// The config language's.
    Words,
    /// Kinds of alerts.
    Kinds,
}

/// The words of `alerts` as JSON spells them; kinds of alerts in snake case.
fn camel_alerts<'t>(texts: &[Text<'_>], mut value: Value<'t>, level: Level) -> Value<'t> {
    match &mut value.node {
        Node::Object(object) => {
            for member in &mut object.members {
                if level == Level::Kinds {
                    if let Some(kind) = crate::alerts::kind_of(&member.key) {
                        member.key = kind.as_str().into();
                    }
                } else if texts[member.key_at.source as usize].format != Format::Json
                    && let Some(word) = camel(&member.key)
                {
                    member.key = word.into();
                }
                let inner = if member.key == "rules" && level == Level::Words { Level::Kinds } else { Level::Words };
                if member.key != "headers" {
                    let inner_value =
                        Value { at: member.value.at, node: std::mem::replace(&mut member.value.node, Node::Null) };
                    member.value = camel_alerts(texts, inner_value, inner);
                }
            }
        }
        Node::List(list) => {
            for element in list {
                let inner = Value { at: element.at, node: std::mem::replace(&mut element.node, Node::Null) };
                *element = camel_alerts(texts, inner, Level::Words);
            }
        }
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => {}
    }
    value
}

/// What the texts of a config state together, by service, in the order of the texts; entries with errors too.
#[must_use]
pub fn stated(sources: &[Source]) -> Vec<Stated> {
    let texts: Vec<Text<'_>> = sources.iter().map(Text::new).collect();
    let mut sink = Sink::new(false);
    let gathered = gather(&texts, &Nothing, &mut sink, &mut Inputs::new());
    let mut entries: Vec<_> = gathered.layer.entries.into_iter().collect();
    entries.sort_by_key(|(_, entry)| entry.name_at);
    let place = |at| crate::context::place(&texts, at);
    let mut out = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        let mut places = BTreeMap::new();
        let camel = camel_keys(&texts, entry.value, 0);
        note(&mut places, &camel, "", &place);
        out.push(Stated { name, place: place(entry.name_at), entry: camel.plain(), places });
    }
    out
}

/// The words of the config language as JSON spells them, down to the second level; keys of the user stay.
fn camel_keys<'t>(texts: &[Text<'_>], mut value: Value<'t>, level: usize) -> Value<'t> {
    if let Node::Object(object) = &mut value.node {
        for member in &mut object.members {
            if texts[member.key_at.source as usize].format != Format::Json
                && let Some(word) = camel(&member.key)
            {
                member.key = word.into();
            }
            let is_own = matches!(member.key.as_ref(), "env" | "headers" | "settings");
            if level == 0 && !is_own {
                let inner = Value { at: member.value.at, node: std::mem::replace(&mut member.value.node, Node::Null) };
                member.value = camel_keys(texts, inner, level + 1);
            }
        }
    }
    value
}

fn note(out: &mut BTreeMap<String, Place>, value: &Value<'_>, path: &str, place: &dyn Fn(crate::tree::At) -> Place) {
    if let Node::Object(object) = &value.node {
        for member in &object.members {
            let inner = if path.is_empty() { member.key.to_string() } else { format!("{path}.{}", member.key) };
            // The key, not the value: that is where people look.
            out.insert(inner.clone(), place(member.key_at));
            note(out, &member.value, &inner, place);
        }
    }
}
