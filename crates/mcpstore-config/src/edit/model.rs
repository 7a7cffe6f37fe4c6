//! The value of the text, on which every change is made too: it says what the edited text must say.

use std::collections::BTreeMap;

use super::change::Change;
use super::error::EditError;
use super::op::{Action, Op, Step};
use crate::{Format, Plain};

/// The value of a whole text, with the entries of one container of it within reach.
#[derive(Debug)]
pub(super) struct Model<'c> {
    format: Format,
    root: Plain,
    container: &'c [&'c str],
    /// How many keys of the path of the container lead to something; all of them when the container is there.
    known: usize,
    /// The container is a list.
    list: bool,
    /// The container is known to be an object or a list: no null, and not missing.
    made: bool,
    entries: Vec<Option<Entry>>,
    /// Where the entries of a name are; the last one counts.
    index: BTreeMap<String, Vec<usize>>,
}

#[derive(Debug)]
struct Entry {
    /// The key, or the `name` of an element of a list. None for an element without one.
    key: Option<String>,
    value: Plain,
}

impl<'c> Model<'c> {
    /// Takes the entries of the container out of `root`.
    pub(super) fn open(format: Format, mut root: Plain, container: &'c [&'c str]) -> Result<Self, EditError> {
        let known = known_keys(&root, container)?;
        let (mut list, mut entries) = (false, Vec::new());
        if known == container.len() {
            match inside(&mut root, container) {
                Plain::Object(members) => {
                    let members = std::mem::take(members);
                    entries = members.into_iter().map(|(key, value)| Some(Entry { key: Some(key), value })).collect();
                }
                Plain::List(elements) => {
                    list = true;
                    let elements = std::mem::take(elements);
                    let named = |value: Plain| Some(Entry { key: name_of(&value), value });
                    entries = elements.into_iter().map(named).collect();
                }
                Plain::Null => {}
                _ => return Err(not_an_object(container)),
            }
        }
        let mut model = Self { format, root, container, known, list, made: false, entries, index: BTreeMap::new() };
        model.compact();
        Ok(model)
    }

    /// True when the container is not there yet.
    pub(super) const fn is_missing(&self) -> bool {
        self.known < self.container.len()
    }

    /// Numbers the entries as the text has them now.
    pub(super) fn compact(&mut self) {
        self.entries.retain(Option::is_some);
        self.index.clear();
        for (at, entry) in self.entries.iter().enumerate() {
            if let Some(Entry { key: Some(key), .. }) = entry {
                self.index.entry(key.clone()).or_default().push(at);
            }
        }
    }

    /// Makes a change, and adds to `ops` what must be done to the text.
    pub(super) fn change(&mut self, change: &Change<'_>, ops: &mut Vec<Op>) -> Result<(), EditError> {
        match *change {
            Change::Insert { key, value } => self.insert(key, self.writable(value)?, ops),
            Change::Replace { key, value } | Change::Set { key, path: [], value } => {
                self.replace(key, self.writable(value)?, ops)
            }
            Change::Remove { key } => self.remove(key, ops),
            Change::Unset { key, path: [] } if !self.index.contains_key(key) => Ok(()),
            Change::Unset { key, path: [] } => self.remove(key, ops),
            Change::Set { key, path, value: Plain::Null } if self.format == Format::Toml => self.unset(key, path, ops),
            Change::Set { key, path, value } => self.set(key, path, self.writable(value)?, ops),
            Change::Unset { key, path } => self.unset(key, path, ops),
        }
    }

    /// The value as the format can have it: without nulls in TOML.
    fn writable(&self, value: &Plain) -> Result<Plain, EditError> {
        let mut value = value.clone();
        check(&mut value, self.format, 0)?;
        Ok(value)
    }

    fn insert(&mut self, key: &str, value: Plain, ops: &mut Vec<Op>) -> Result<(), EditError> {
        if self.index.contains_key(key) {
            return Err(EditError::KeyExists { key: key.to_owned() });
        }
        let value = if self.list { self.named(key, value)? } else { value };
        let step = if self.list { Step::Index(self.entries.len()) } else { Step::Key(key.to_owned()) };
        let op = if self.is_missing() {
            let nested = [(key.to_owned(), value.clone())];
            let rest = &self.container[self.known + 1..];
            let nested = rest
                .iter()
                .rev()
                .fold(Plain::Object(nested.into()), |inner, key| Plain::Object(vec![((*key).to_owned(), inner)]));
            let step = Step::Key(self.container[self.known].to_owned());
            Op { at: keys(&self.container[..self.known]), step, action: Action::Insert(nested), section: true }
        } else {
            Op { at: keys(self.container), step, action: Action::Insert(value.clone()), section: true }
        };
        if !self.list && !self.made {
            self.make_container();
        }
        ops.push(op);
        self.index.entry(key.to_owned()).or_default().push(self.entries.len());
        self.entries.push(Some(Entry { key: Some(key.to_owned()), value }));
        Ok(())
    }

    fn make_container(&mut self) {
        let mut at = &mut self.root;
        for key in self.container {
            if *at == Plain::Null {
                *at = Plain::Object(Vec::new());
            }
            let Plain::Object(members) = at else { return };
            let found = members.iter().rposition(|(name, _)| name == key);
            let found = found.unwrap_or_else(|| {
                members.push(((*key).to_owned(), Plain::Null));
                members.len() - 1
            });
            at = &mut members[found].1;
        }
        if *at == Plain::Null {
            *at = Plain::Object(Vec::new());
        }
        self.made = true;
        self.known = self.container.len();
    }

    /// An element of a list: the value with its name as the first member.
    fn named(&self, key: &str, value: Plain) -> Result<Plain, EditError> {
        let Plain::Object(mut members) = value else {
            return Err(EditError::Value { format: self.format, why: "an entry of a list is an object" });
        };
        members.retain(|(name, _)| name != "name");
        members.insert(0, ("name".to_owned(), Plain::text(key)));
        Ok(Plain::Object(members))
    }

    /// Which entry counts.
    fn find(&self, key: &str) -> Result<usize, EditError> {
        let found = self.index.get(key).and_then(|at| at.last().copied());
        found.ok_or_else(|| {
            let nearest = mcpstore_types::nearest(key, self.index.keys()).map(str::to_owned);
            EditError::NoSuchKey { key: key.to_owned(), nearest }
        })
    }

    fn step(&self, key: &str, at: usize) -> Step {
        if self.list { Step::Index(at) } else { Step::Key(key.to_owned()) }
    }

    fn value(&mut self, at: usize) -> &mut Plain {
        // Within one pass an entry is removed by the last change of it.
        &mut self.entries[at].get_or_insert(Entry { key: None, value: Plain::Null }).value
    }

    fn replace(&mut self, key: &str, value: Plain, ops: &mut Vec<Op>) -> Result<(), EditError> {
        let at = self.find(key)?;
        let value = if self.list { self.named(key, value)? } else { value };
        let slot = self.value(at);
        if *slot != value {
            slot.clone_from(&value);
            let step = self.step(key, at);
            ops.push(Op { at: keys(self.container), step, action: Action::Replace(value), section: true });
        }
        Ok(())
    }

    fn remove(&mut self, key: &str, ops: &mut Vec<Op>) -> Result<(), EditError> {
        self.find(key)?;
        let places = self.index.remove(key).unwrap_or_default();
        for &at in &places {
            self.entries[at] = None;
        }
        let steps = if self.list {
            places.into_iter().map(Step::Index).collect()
        } else {
            // One step takes every member of that key.
            vec![Step::Key(key.to_owned())]
        };
        for step in steps {
            ops.push(Op { at: keys(self.container), step, action: Action::Remove, section: true });
        }
        Ok(())
    }

    fn set(&mut self, key: &str, path: &[&str], value: Plain, ops: &mut Vec<Op>) -> Result<(), EditError> {
        let found = self.find(key)?;
        let mut at = keys(self.container);
        at.push(self.step(key, found));
        let mut slot = self.value(found);
        for (depth, field) in path.iter().enumerate() {
            let nest = |value| {
                path[depth + 1..]
                    .iter()
                    .rev()
                    .fold(value, |inner, key: &&str| Plain::Object(vec![((*key).to_owned(), inner)]))
            };
            if *slot == Plain::Null {
                *slot = Plain::Object(Vec::new());
            }
            let Plain::Object(members) = slot else {
                return Err(not_an_object(&[&[key], &path[..depth]].concat()));
            };
            let step = Step::Key((*field).to_owned());
            let Some(place) = members.iter().rposition(|(name, _)| name == field) else {
                let value = nest(value);
                members.push(((*field).to_owned(), value.clone()));
                ops.push(Op { at, step, action: Action::Insert(value), section: false });
                return Ok(());
            };
            slot = &mut members[place].1;
            if depth + 1 == path.len() {
                if *slot != value {
                    slot.clone_from(&value);
                    ops.push(Op { at, step, action: Action::Replace(value), section: false });
                }
                return Ok(());
            }
            at.push(step);
        }
        Ok(())
    }

    fn unset(&mut self, key: &str, path: &[&str], ops: &mut Vec<Op>) -> Result<(), EditError> {
        let found = self.find(key)?;
        let mut at = keys(self.container);
        at.push(self.step(key, found));
        let mut slot = self.value(found);
        let Some((last, holders)) = path.split_last() else { return Ok(()) };
        for field in holders {
            let Plain::Object(members) = slot else { return Ok(()) };
            let Some(value) = last_mut(members, field) else { return Ok(()) };
            slot = value;
            at.push(Step::Key((*field).to_owned()));
        }
        let Plain::Object(members) = slot else { return Ok(()) };
        let before = members.len();
        members.retain(|(name, _)| name != last);
        if members.len() < before {
            ops.push(Op { at, step: Step::Key((*last).to_owned()), action: Action::Remove, section: false });
        }
        Ok(())
    }

    /// The value with every change made.
    pub(super) fn close(mut self) -> Plain {
        let at = inside(&mut self.root, &self.container[..self.known]);
        let entries = self.entries.into_iter().flatten();
        if self.list {
            *at = Plain::List(entries.map(|entry| entry.value).collect());
        } else if self.known == self.container.len() {
            let members: Vec<_> = entries.map(|entry| (entry.key.unwrap_or_default(), entry.value)).collect();
            // A null that nothing was put into stays null.
            if *at != Plain::Null || !members.is_empty() {
                *at = Plain::Object(members);
            }
        }
        self.root
    }
}

fn keys(path: &[&str]) -> Vec<Step> {
    path.iter().map(|key| Step::Key((*key).to_owned())).collect()
}

/// How many keys of the way lead to something. A null is where the way may go on once something is put into it.
fn known_keys(root: &Plain, container: &[&str]) -> Result<usize, EditError> {
    let mut at = root;
    for (known, key) in container.iter().enumerate() {
        let members = match at {
            Plain::Object(members) => members,
            Plain::Null => return Ok(known),
            _ => return Err(not_an_object(&container[..known])),
        };
        match members.iter().rev().find(|(name, _)| name == key) {
            Some((_, value)) => at = value,
            None => return Ok(known),
        }
    }
    Ok(container.len())
}

/// The value at the end of a way that is known.
fn inside<'p>(value: &'p mut Plain, way: &[&str]) -> &'p mut Plain {
    let Some((key, rest)) = way.split_first() else { return value };
    let place = match value {
        Plain::Object(members) => members.iter().rposition(|(name, _)| name == key),
        _ => None,
    };
    match (value, place) {
        (Plain::Object(members), Some(place)) => inside(&mut members[place].1, rest),
        (value, _) => value,
    }
}

fn last_mut<'m>(members: &'m mut [(String, Plain)], key: &str) -> Option<&'m mut Plain> {
    members.iter_mut().rev().find(|(name, _)| name == key).map(|(_, value)| value)
}

/// The text of the member `name`.
fn name_of(value: &Plain) -> Option<String> {
    let Plain::Object(members) = value else { return None };
    match members.iter().rev().find(|(key, _)| key == "name") {
        Some((_, Plain::Text(name))) => Some(name.clone()),
        _ => None,
    }
}

fn not_an_object(path: &[&str]) -> EditError {
    EditError::NotAnObject { path: path.join(".") }
}

/// Refuses what the format cannot say, and takes nulls out of the objects of TOML.
fn check(value: &mut Plain, format: Format, depth: usize) -> Result<(), EditError> {
    let refuse = |why| Err(EditError::Value { format, why });
    if depth > MAX_VALUE_DEPTH {
        return refuse("too many objects and lists inside each other");
    }
    match value {
        Plain::Null if format == Format::Toml => refuse("it knows no null"),
        Plain::Null | Plain::Bool(_) | Plain::Text(_) => Ok(()),
        Plain::Number(number) if format == Format::Toml && is_large(number) => refuse("a number of it is too large"),
        Plain::Number(number) if super::number::is_json(number) => Ok(()),
        Plain::Number(_) => refuse("a number of it is none"),
        Plain::List(list) => list.iter_mut().try_for_each(|value| check(value, format, depth + 1)),
        Plain::Object(members) => {
            if format == Format::Toml {
                members.retain(|(_, value)| *value != Plain::Null);
            }
            let mut keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
            keys.sort_unstable();
            if keys.windows(2).any(|pair| pair[0] == pair[1]) {
                return refuse("a key stands twice");
            }
            members.iter_mut().try_for_each(|(_, value)| check(value, format, depth + 1))
        }
    }
}

/// True for an integer that needs more than 64 bits.
fn is_large(number: &str) -> bool {
    !number.contains(['.', 'e', 'E']) && number.parse::<i64>().is_err() && super::number::is_json(number)
}

/// How deep a value to be written may be; with what holds it, less than [`MAX_DEPTH`](crate::MAX_DEPTH).
const MAX_VALUE_DEPTH: usize = 64;
