//! The graph in the language of Mermaid.

use std::fmt::Write as _;

use mcpstore_types::DepKind;

use super::{arrows, conflicts_once, label};
use crate::{DepGraph, NodeId};

impl DepGraph {
    /// The graph as a Mermaid flow chart: an arrow leads from a service to what it depends on.
    ///
    /// Kind and condition stand at the arrow where they are not the default; `part_of` is dotted, and a conflict is a
    /// dotted line without direction.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        // Nodes are numbered by name: a name can be a word of the language (`end`), or have spaces in it.
        let number = |node: NodeId| format!("n{}", self.name_rank[node.index()]);
        let mut lines = vec!["flowchart LR".to_owned()];
        for &node in &self.by_name {
            lines.push(format!("  {}[\"{}\"]", number(node), escaped(self.name(node).as_str())));
        }
        for &node in &self.by_name {
            let from = number(node);
            for edge in arrows(self, node) {
                let to = number(edge.node);
                lines.push(match (edge.kind, label(edge)) {
                    (DepKind::PartOf, Some(text)) => format!("  {from} -. \"{text}\" .-> {to}"),
                    (_, Some(text)) => format!("  {from} -- \"{text}\" --> {to}"),
                    (_, None) => format!("  {from} --> {to}"),
                });
            }
            lines.extend(conflicts_once(self, node).map(|o| format!("  {from} -. \"conflicts\" .- {}", number(o))));
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

/// A label of Mermaid: all but plain characters by number. A dot before a space too: `1. x` would be read as a list.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let plain = c.is_ascii_alphanumeric() || "_-/@ ".contains(c) || (c == '.' && chars.peek() != Some(&' '));
        if plain {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
    }
    out
}
