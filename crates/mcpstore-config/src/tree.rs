//! The tree of a text: the same for every format, each node with its place.

use std::borrow::Cow;

use crate::Plain;

/// The bytes of one text that a node stands in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    /// The index of the text.
    pub(crate) source: u32,
    /// Its first byte.
    pub(crate) start: u32,
    /// The byte after its last one.
    pub(crate) end: u32,
}

impl At {
    /// Texts have at most [`MAX_SOURCE_BYTES`](crate::MAX_SOURCE_BYTES), so their bytes can be counted in 32 bits.
    pub(crate) fn new(source: usize, start: usize, end: usize) -> Self {
        let short = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { source: short(source), start: short(start), end: short(end.max(start)) }
    }
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Value<'t> {
    pub(crate) at: At,
    pub(crate) node: Node<'t>,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Node<'t> {
    Null,
    Bool(bool),
    /// As it is written; JSON's syntax, and what Rust's `f64` takes beside it.
    Number(Cow<'t, str>),
    Text(Cow<'t, str>),
    List(Vec<Value<'t>>),
    Object(Object<'t>),
}

/// The members of an object, in the order of the text. A key may stand twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object<'t> {
    pub(crate) members: Vec<Member<'t>>,
}

/// One member of an object.
#[derive(Clone, Debug)]
pub(crate) struct Member<'t> {
    pub(crate) key: Cow<'t, str>,
    pub(crate) key_at: At,
    pub(crate) value: Value<'t>,
}

impl<'t> Object<'t> {
    /// The value of a key; the last one, when it stands twice.
    pub(crate) fn get(&self, key: &str) -> Option<&Value<'t>> {
        self.members.iter().rev().find(|member| member.key == key).map(|member| &member.value)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.members.iter().any(|member| member.key == key)
    }
}

impl<'t> Value<'t> {
    pub(crate) fn object(at: At, members: Vec<Member<'t>>) -> Self {
        Self { at, node: Node::Object(Object { members }) }
    }

    pub(crate) const fn is_null(&self) -> bool {
        matches!(self.node, Node::Null)
    }

    pub(crate) const fn as_object(&self) -> Option<&Object<'t>> {
        match &self.node {
            Node::Object(object) => Some(object),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.node {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// True when any part of it stands in one of these texts.
    pub(crate) fn stands_in(&self, sources: &std::collections::BTreeSet<usize>) -> bool {
        sources.contains(&(self.at.source as usize))
            || match &self.node {
                Node::List(list) => list.iter().any(|value| value.stands_in(sources)),
                Node::Object(object) => object.members.iter().any(|member| member.value.stands_in(sources)),
                Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => false,
            }
    }

    /// The value without places. Of a key that stands twice the last value counts.
    pub(crate) fn plain(&self) -> Plain {
        match &self.node {
            Node::Null => Plain::Null,
            Node::Bool(value) => Plain::Bool(*value),
            Node::Number(number) => Plain::Number(number.clone().into_owned()),
            Node::Text(text) => Plain::Text(text.clone().into_owned()),
            Node::List(list) => Plain::List(list.iter().map(Self::plain).collect()),
            Node::Object(object) => {
                let mut index = std::collections::BTreeMap::new();
                let mut members: Vec<(String, Plain)> = Vec::with_capacity(object.members.len());
                for member in &object.members {
                    let at = *index.entry(member.key.as_ref()).or_insert(members.len());
                    let pair = (member.key.clone().into_owned(), member.value.plain());
                    match members.get_mut(at) {
                        Some(earlier) => *earlier = pair,
                        None => members.push(pair),
                    }
                }
                Plain::Object(members)
            }
        }
    }
}
