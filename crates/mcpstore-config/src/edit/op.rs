//! What must be done to a text: a tree of steps that follows the tree of its values.

use std::collections::{BTreeMap, BTreeSet};

use crate::Plain;

/// One step from a value into it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// To the member of an object.
    Key(String),
    /// To the element of a list.
    Index(usize),
}

/// One thing to do.
#[derive(Clone, Debug)]
pub(super) struct Op {
    /// The way to the object or list it is done in.
    pub(super) at: Vec<Step>,
    /// The member or element.
    pub(super) step: Step,
    /// What is done.
    pub(super) action: Action,
    /// It is about a whole entry, which TOML writes as a section.
    pub(super) section: bool,
}

/// What is done with a member.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// It is added behind the last one.
    Insert(Plain),
    /// It gets another value.
    Replace(Plain),
    /// It is taken out.
    Remove,
}

/// A new member.
#[derive(Clone, Debug)]
pub(super) struct New {
    /// Its key; nothing in a list.
    pub(super) key: Option<String>,
    /// Its value.
    pub(super) value: Plain,
    /// See [`Op::section`].
    pub(super) section: bool,
}

/// Everything to be done in one object or list, and in what is in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Todo {
    pub(super) insert: Vec<New>,
    pub(super) replace: BTreeMap<Step, New>,
    pub(super) remove: BTreeSet<Step>,
    pub(super) into: BTreeMap<Step, Todo>,
}

impl Todo {
    /// Sorts things to do by where they are done.
    pub(super) fn new(ops: Vec<Op>) -> Self {
        let mut root = Self::default();
        for op in ops {
            let todo = op.at.into_iter().fold(&mut root, |todo, step| todo.into.entry(step).or_default());
            let key = match &op.step {
                Step::Key(key) => Some(key.clone()),
                Step::Index(_) => None,
            };
            let section = op.section;
            match op.action {
                Action::Insert(value) => todo.insert.push(New { key, value, section }),
                Action::Replace(value) => drop(todo.replace.insert(op.step, New { key, value, section })),
                Action::Remove => drop(todo.remove.insert(op.step)),
            }
        }
        root
    }

    /// What the new members make, when there is nothing yet that they could be put into.
    pub(super) fn inserted(&self) -> Plain {
        let member = |new: &New| (new.key.clone().unwrap_or_default(), new.value.clone());
        Plain::Object(self.insert.iter().map(member).collect())
    }
}
