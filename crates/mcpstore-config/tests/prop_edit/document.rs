//! Documents with entries, changes of them, and what the changes should come to.

use mcpstore_config::{Change, Format, Plain};
use proptest::prelude::*;

/// Keys with their values.
pub(crate) type Members = Vec<(String, Plain)>;

/// A document, before it is written.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) format: Format,
    /// The way to the entries.
    pub(crate) container: &'static [&'static str],
    /// The entries are a list with names.
    pub(crate) list: bool,
    pub(crate) entries: Vec<(String, Plain)>,
    /// What stands before and behind the container.
    pub(crate) others: (Members, Members),
}

impl Document {
    /// The value of the container.
    pub(crate) fn inner(&self) -> Plain {
        if self.list {
            let named = |(name, value): &(String, Plain)| {
                let mut members = vec![("name".to_owned(), Plain::text(name))];
                if let Plain::Object(fields) = value {
                    members.extend(fields.iter().cloned());
                }
                Plain::Object(members)
            };
            Plain::List(self.entries.iter().map(named).collect())
        } else {
            Plain::Object(self.entries.clone())
        }
    }

    /// The value of the whole text.
    pub(crate) fn whole(&self) -> Plain {
        let inner = self.inner();
        let Some((last, way)) = self.container.split_last() else { return inner };
        let mut value = Plain::Object(vec![((*last).to_owned(), inner)]);
        for key in way.iter().rev() {
            value = Plain::Object(vec![((*key).to_owned(), value)]);
        }
        let Plain::Object(middle) = value else { return value };
        Plain::Object(self.others.0.iter().cloned().chain(middle).chain(self.others.1.iter().cloned()).collect())
    }

    /// Makes a change; false when it must be refused.
    pub(crate) fn change(&mut self, change: &Change<'_>) -> bool {
        let place = |entries: &[(String, Plain)], key: &str| entries.iter().position(|(name, _)| name == key);
        let null_is_none = self.format == Format::Toml;
        match *change {
            Change::Insert { key, value } => {
                let free = place(&self.entries, key).is_none();
                if free {
                    self.entries.push((key.to_owned(), value.clone()));
                }
                free
            }
            Change::Replace { key, value } => match place(&self.entries, key) {
                Some(at) => {
                    self.entries[at].1 = value.clone();
                    true
                }
                None => false,
            },
            Change::Remove { key } => match place(&self.entries, key) {
                Some(at) => {
                    self.entries.remove(at);
                    true
                }
                None => false,
            },
            Change::Set { key, path, value } => match place(&self.entries, key) {
                Some(at) if null_is_none && *value == Plain::Null => {
                    unset(&mut self.entries[at].1, path);
                    true
                }
                Some(at) => set(&mut self.entries[at].1, path, value),
                None => false,
            },
            Change::Unset { key, path } => match place(&self.entries, key) {
                Some(at) => {
                    unset(&mut self.entries[at].1, path);
                    true
                }
                None => false,
            },
        }
    }
}

fn set(value: &mut Plain, path: &[&str], new: &Plain) -> bool {
    let Some((first, rest)) = path.split_first() else {
        *value = new.clone();
        return true;
    };
    if *value == Plain::Null {
        *value = Plain::Object(Vec::new());
    }
    let Plain::Object(members) = value else { return false };
    if !members.iter().any(|(key, _)| key == first) {
        members.push(((*first).to_owned(), Plain::Null));
    }
    members.iter_mut().find(|(key, _)| key == first).is_some_and(|(_, inner)| set(inner, rest, new))
}

fn unset(value: &mut Plain, path: &[&str]) {
    let (Plain::Object(members), Some((first, rest))) = (value, path.split_first()) else { return };
    if rest.is_empty() {
        members.retain(|(key, _)| key != first);
    } else if let Some((_, inner)) = members.iter_mut().find(|(key, _)| key == first) {
        unset(inner, rest);
    }
}

/// A change that owns what it is about.
#[derive(Clone, Debug)]
pub(crate) struct Owned {
    pub(crate) kind: u8,
    pub(crate) key: String,
    pub(crate) path: Vec<String>,
    pub(crate) value: Plain,
}

impl Owned {
    /// Calls `then` with the change.
    pub(crate) fn with<T>(&self, then: impl FnOnce(&Change<'_>) -> T) -> T {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let (key, path, value) = (self.key.as_str(), path.as_slice(), &self.value);
        let entry = match value {
            Plain::Object(_) => value.clone(),
            other => Plain::Object(vec![("command".to_owned(), other.clone())]),
        };
        let entry = without_nulls_and_names(entry);
        then(&match self.kind {
            0 => Change::Insert { key, value: &entry },
            1 => Change::Replace { key, value: &entry },
            2 => Change::Remove { key },
            3 => Change::Set { key, path, value },
            _ => Change::Unset { key, path },
        })
    }

    /// What the change may take comments from: the entry, or a field of it.
    pub(crate) fn touched(&self) -> Vec<String> {
        match self.kind {
            0 => vec!["no entry".to_owned()],
            1 | 2 => vec![self.key.clone()],
            _ => vec![self.key.clone(), self.path[0].clone()],
        }
    }
}

/// A value that TOML can have, whose members can stand beside a `name`.
fn without_nulls_and_names(value: Plain) -> Plain {
    match value {
        Plain::Object(members) => Plain::Object(
            members
                .into_iter()
                .filter(|(key, value)| *value != Plain::Null && key != "name")
                .map(|(key, value)| (key, without_nulls_and_names(value)))
                .collect(),
        ),
        Plain::List(list) => {
            Plain::List(list.into_iter().filter(|value| *value != Plain::Null).map(without_nulls_and_names).collect())
        }
        other => other,
    }
}

const KEYS: &[&str] = &[
    "a", "b", "command", "args", "env", "A B", "x.y", "é", "日本", "1", "null", "-", "# no", "", "true", "'", "a:", "~",
];

fn key() -> impl Strategy<Value = String> {
    prop_oneof![9 => prop::sample::select(KEYS).prop_map(str::to_owned), 1 => "[ -~]{0,5}"]
        .prop_filter("name", |key| key != "name")
}

fn text() -> impl Strategy<Value = String> {
    let odd = [
        "",
        "npx",
        "-y",
        "yes",
        "null",
        "1",
        "1e3",
        "0x1f",
        "2024-01-01",
        " a",
        "a ",
        "a: b",
        "a #b",
        "// x",
        "/* x",
        "# y",
        "a\nb",
        "a\n\nb\n",
        "\t",
        "'",
        "\"",
        "\\",
        "{",
        "[x]",
        "}",
        ",",
        "é🞄",
        "\u{85}\u{2028}\u{feff}",
        "---",
        "*a",
        "&a",
        "!a",
        "'''",
        "\"\"\"",
        "${A:-b}",
        "\r\n",
        "\u{7f}\u{0}",
        "- x",
        "? x",
        "x:",
        "%",
        "@",
        "`",
    ];
    prop_oneof![4 => prop::sample::select(odd.to_vec()).prop_map(str::to_owned).boxed(), 1 => "\\PC{0,8}".boxed()]
}

fn value(nulls: bool) -> impl Strategy<Value = Plain> {
    let numbers = ["0", "-1", "12", "1.5", "1e3", "1.50", "-0.0E-2"];
    let leaf = prop_oneof![
        4 => text().prop_map(Plain::Text),
        1 => prop::sample::select(numbers.to_vec()).prop_map(|number| Plain::Number(number.to_owned())),
        1 => any::<bool>().prop_map(Plain::Bool),
        1 => Just(if nulls { Plain::Null } else { Plain::Bool(true) }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(Plain::List),
            2 => members(inner, 0..3).prop_map(Plain::Object),
        ]
    })
}

fn members(value: impl Strategy<Value = Plain>, count: std::ops::Range<usize>) -> impl Strategy<Value = Members> {
    prop::collection::vec((key(), value), count).prop_map(|mut members| {
        let mut seen = std::collections::BTreeSet::new();
        members.retain(|(key, _)| seen.insert(key.clone()));
        members
    })
}

fn entries(nulls: bool) -> impl Strategy<Value = Vec<(String, Plain)>> {
    prop_oneof![1 => Just(0..1_usize), 7 => Just(1..5)]
        .prop_flat_map(move |count| members(members(value(nulls), 0..4).prop_map(Plain::Object), count))
}

/// A document of this format.
pub(crate) fn document(format: Format) -> impl Strategy<Value = Document> {
    let nulls = format != Format::Toml;
    let containers: [&'static [&'static str]; 3] = [&["mcpServers"], &[], &["mcp", "servers"]];
    let container = prop::sample::select(containers.to_vec());
    let others = || members(value(nulls), 0..3);
    (container, any::<bool>(), entries(nulls), others(), others()).prop_map(
        move |(container, list, entries, before, mut behind)| {
            // A TOML text is an object.
            let list = list && !(container.is_empty() && format == Format::Toml);
            behind.retain(|(key, _)| !before.iter().any(|(other, _)| other == key));
            Document { format, container, list, entries, others: (before, behind) }
        },
    )
}

/// Changes that are about the document, for the most part.
pub(crate) fn changes(document: &Document) -> impl Strategy<Value = Vec<Owned>> + use<> {
    let nulls = document.format != Format::Toml;
    let some = ["new", "n w", "a"].map(str::to_owned);
    let mut keys: Vec<String> = document.entries.iter().flat_map(|(key, _)| [key.clone(), key.clone()]).collect();
    keys.push("new".to_owned());
    let mut fields: Vec<String> = vec!["env".to_owned(), "new".to_owned(), "A".to_owned()];
    for (_, entry) in &document.entries {
        if let Plain::Object(members) = entry {
            for (key, value) in members {
                fields.push(key.clone());
                if let Plain::Object(inner) = value {
                    fields.extend(inner.iter().map(|(key, _)| key.clone()));
                }
            }
        }
    }
    let path = prop::collection::vec(prop::sample::select(fields), 1..4);
    let key = prop_oneof![3 => prop::sample::select(keys), 1 => prop::sample::select(some.to_vec())];
    let one = (0..5_u8, key, path, value(nulls)).prop_map(|(kind, key, path, value)| {
        // Most of what is added is new.
        let key = if kind == 0 && key != "a" { format!("{key} 2") } else { key };
        Owned { kind, key, path, value }
    });
    prop::collection::vec(one, 1..5)
}
