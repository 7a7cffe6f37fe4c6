//! What would become of the servers of another client's file: which are new, which are there already, which differ.

use std::collections::{BTreeMap, BTreeSet};

use mcpstore_types::ServiceName;

use crate::words::SERVICE;
use crate::{Plain, Stated};

/// One entry of another client's file, and what would become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The name it has there.
    pub name: ServiceName,
    /// What would become of it.
    pub outcome: Outcome,
    /// Its entry as it would be written.
    pub entry: Plain,
    /// Secrets that stood in it in plain text; the entry refers to them.
    pub secrets: Vec<MovedSecret>,
    /// Keys of the other client that have no meaning here, and are left out.
    pub left_out: Vec<String>,
}

/// What becomes of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is no service of this name.
    New,
    /// There is one, and it says the same.
    Same,
    /// There is one, and it says something else, in these fields.
    Conflict(Vec<String>),
}

/// A secret that was taken out of an entry.
#[derive(Clone, PartialEq, Eq)]
pub struct MovedSecret {
    /// Where it stood: `env.TOKEN`, `headers.Authorization`.
    pub field: String,
    /// The name under which it is kept: of a variable, or of a file.
    pub key: String,
    /// The secret.
    pub value: mcpstore_types::Secret,
    /// What refers to it now.
    pub reference: String,
}

impl std::fmt::Debug for MovedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { field, key, value: _, reference } = self;
        f.debug_struct("MovedSecret")
            .field("field", field)
            .field("key", key)
            .field("reference", reference)
            .finish_non_exhaustive()
    }
}

/// Where a secret is kept: given a name for it and the secret, the name it goes by and what refers to it. The same secret under the
/// same name goes to the same place; another one must not.
pub type Refer<'a> = dyn Fn(&str, &str) -> (String, String) + 'a;

/// Compares the entries of another file with those there are, after its secrets were taken out. `refer` says where to; `None`:
/// they stay where they are.
#[must_use]
pub fn import(existing: &[Stated], foreign: &[Stated], refer: Option<&Refer<'_>>) -> Vec<Imported> {
    let known: BTreeMap<&ServiceName, &Stated> = existing.iter().map(|stated| (&stated.name, stated)).collect();
    let one = |stated: &Stated| {
        let (mut entry, left_out) = ours(&stated.entry);
        let mut secrets = Vec::new();
        if let Some(refer) = refer {
            for (place, secret) in crate::secret::in_entry(&entry) {
                let (key, reference) = refer(&key_of(&stated.name, &place), &secret);
                replace(&mut entry, &place, &secret, &reference);
                secrets.push(MovedSecret { field: place, key, value: secret.into(), reference });
            }
        }
        let outcome = match known.get(&stated.name) {
            None => Outcome::New,
            Some(there) => {
                let differing = differing(&ours(&there.entry).0, &entry);
                if differing.is_empty() { Outcome::Same } else { Outcome::Conflict(differing) }
            }
        };
        Imported { name: stated.name.clone(), outcome, entry, secrets, left_out }
    };
    foreign.iter().map(one).collect()
}

/// What of an entry has a meaning here, and the keys that have none.
fn ours(entry: &Plain) -> (Plain, Vec<String>) {
    let Plain::Object(members) = entry else { return (entry.clone(), Vec::new()) };
    let mut out = Vec::with_capacity(members.len());
    let mut left_out = Vec::new();
    for (key, value) in members {
        match (key.as_str(), value) {
            ("disabled", Plain::Bool(disabled)) => {
                if *disabled {
                    out.push(("enabled".to_owned(), Plain::Bool(false)));
                }
            }
            // What a list calls its elements by.
            ("name", _) | (_, Plain::Null) => {}
            ("serverUrl" | "httpUrl", _) => out.push(("url".to_owned(), value.clone())),
            (key, _) if SERVICE.read.contains(&key) || SERVICE.later.contains(&key) => {
                out.push((key.to_owned(), value.clone()));
            }
            (key, _) => left_out.push(key.to_owned()),
        }
    }
    (Plain::Object(out), left_out)
}

/// The keys in which two entries differ. An empty list, map or text is as good as none; the word for a transport says nothing that
/// `command` or `url` does not.
fn differing(a: &Plain, b: &Plain) -> Vec<String> {
    let members = |entry: &Plain| -> BTreeMap<String, Plain> {
        let Plain::Object(members) = entry.clone().sorted() else { return BTreeMap::new() };
        let says_something = |(key, value): &(String, Plain)| match value {
            Plain::List(list) => !list.is_empty(),
            Plain::Object(inner) => !inner.is_empty(),
            Plain::Text(text) => !text.is_empty() && key != "type" && key != "transport",
            Plain::Bool(enabled) => !(key == "enabled" && *enabled),
            Plain::Null | Plain::Number(_) => true,
        };
        members.into_iter().filter(says_something).collect()
    };
    let (a, b) = (members(a), members(b));
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    keys.into_iter().filter(|key| a.get(*key) != b.get(*key)).cloned().collect()
}

/// The name under which a secret is kept: `search` and `env.API_TOKEN` give `SEARCH_API_TOKEN`.
fn key_of(service: &ServiceName, field: &str) -> String {
    let last = match field.split_once('.') {
        Some(("args", nth)) => &format!("ARG_{nth}"),
        Some((_, last)) => last,
        None => field,
    };
    let word = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
    };
    let (service, last) = (word(service.as_str()), word(last));
    let key = if last.starts_with(&service) { last } else { format!("{service}_{last}") };
    if key.starts_with(|c: char| c.is_ascii_digit()) { format!("_{key}") } else { key }
}

/// Puts the reference in the place of the secret.
fn replace(entry: &mut Plain, path: &str, secret: &str, reference: &str) {
    let (first, deeper) = path.split_once('.').map_or((path, None), |(first, deeper)| (first, Some(deeper)));
    let inner = match entry {
        Plain::Object(members) => members.iter_mut().find(|(key, _)| key == first).map(|(_, value)| value),
        Plain::List(list) => first.parse().ok().and_then(|nth: usize| list.get_mut(nth)),
        _ => None,
    };
    let Some(value) = inner else { return };
    match (deeper, value) {
        (Some(deeper), inner) => replace(inner, deeper, secret, reference),
        (None, Plain::Text(text)) => *text = text.replacen(secret, reference, 1),
        (None, _) => {}
    }
}
