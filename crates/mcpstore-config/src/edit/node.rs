//! A value with its place in the text.

use crate::{Plain, Span};

/// A value of a text, with what an edit must know of it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// From its first byte to behind its last one. Of a block of YAML: from its first key or dash.
    pub(super) span: Span,
    /// Where its text may begin: behind a colon, a dash, or a comma (YAML).
    pub(super) from: usize,
    /// What it is.
    pub(super) shape: Shape,
    /// In brackets (`{ }`, `[ ]`): everything of JSON.
    pub(super) flow: bool,
    /// It has an anchor or a tag, or it is an alias (YAML).
    pub(super) odd: bool,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// Null, a truth value, a number, or text.
    Scalar(Plain),
    /// A list.
    List(Vec<Node>),
    /// An object. A key may stand twice; the last one counts.
    Object(Vec<Member>),
}

/// One member of an object.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Its key.
    pub(super) key: String,
    /// Where the key stands.
    pub(super) key_span: Span,
    /// Its value.
    pub(super) value: Node,
}

impl Node {
    /// A single value.
    pub(super) fn scalar(span: Span, value: Plain) -> Self {
        Self { span, from: span.start, shape: Shape::Scalar(value), flow: true, odd: false }
    }

    /// The value without places, every key of the text in it.
    pub(super) fn to_plain(&self) -> Plain {
        match &self.shape {
            Shape::Scalar(value) => value.clone(),
            Shape::List(list) => Plain::List(list.iter().map(Self::to_plain).collect()),
            Shape::Object(members) => {
                Plain::Object(members.iter().map(|member| (member.key.clone(), member.value.to_plain())).collect())
            }
        }
    }

    /// True when it or something in it has an anchor, a tag, or is an alias.
    pub(super) fn any_odd(&self) -> bool {
        self.odd
            || match &self.shape {
                Shape::Scalar(_) => false,
                Shape::List(list) => list.iter().any(Self::any_odd),
                Shape::Object(members) => members.iter().any(|member| member.value.any_odd()),
            }
    }
}
