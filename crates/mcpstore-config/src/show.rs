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
