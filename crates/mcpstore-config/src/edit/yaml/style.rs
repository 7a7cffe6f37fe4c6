//! How the lists and blocks of a YAML text are laid out.

use crate::edit::lines::{self, Layout};
use crate::edit::node::{Node, Shape};

/// What is added looks like this.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style<'t> {
    /// The line break.
    pub(super) eol: &'t str,
    /// One level of indentation.
    pub(super) unit: &'t str,
    /// The indentation of a list below its key.
    pub(super) list: &'t str,
    /// Short lists stand between brackets.
    pub(super) brackets: bool,
}

impl<'t> Style<'t> {
    /// Of a text, after the first list in it.
    pub(super) fn of(text: &'t str, root: Option<&Node>) -> Self {
        let layout = Layout::of(text);
        let unit = if layout.unit == "\t" { "  " } else { layout.unit };
        let mut style = Self { eol: layout.eol, unit, list: unit, brackets: false };
        if let Some((column, list)) = root.and_then(|root| first_list(text, root)) {
            style.brackets = list.flow;
            if !list.flow
                && lines::begins_line(text, list.span.start) == Some(list.span.start - column.min(list.span.start))
            {
                style.list = "";
            }
        }
        style
    }
}

/// The first list that is the value of a key, with the column of the key.
fn first_list<'n>(text: &str, node: &'n Node) -> Option<(usize, &'n Node)> {
    match &node.shape {
        Shape::Scalar(_) => None,
        Shape::List(list) => list.iter().find_map(|inner| first_list(text, inner)),
        Shape::Object(members) => members.iter().find_map(|member| match &member.value.shape {
            Shape::List(list) if !list.is_empty() => {
                let start = member.key_span.start;
                let column = lines::begins_line(text, start).map_or(usize::MAX, |line| start - line);
                Some((column, &member.value))
            }
            _ => first_list(text, &member.value),
        }),
    }
}
