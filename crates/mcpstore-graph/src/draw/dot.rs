//! The graph in the language of Graphviz.

use std::fmt::Write as _;

use mcpstore_types::DepKind;

use super::{arrows, conflicts_once, label};
use crate::DepGraph;

impl DepGraph {
    /// The graph in the DOT language of Graphviz: an arrow leads from a service to what it depends on.
    ///
    /// Kind and condition stand at the arrow where they are not the default; `part_of` is dotted, and a conflict is a
    /// dashed line without direction.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut out = String::from("digraph mcpstore {\n  rankdir=LR;\n  node [shape=box];\n");
        for &node in &self.by_name {
            line(&mut out, format_args!("  {};", quoted(self.name(node).as_str())));
        }
        for &node in &self.by_name {
            let from = quoted(self.name(node).as_str());
            for edge in arrows(self, node) {
                let mut attributes = Vec::new();
                attributes.extend(label(edge).map(|text| format!("label={}", quoted(&text))));
                if edge.kind == DepKind::PartOf {
                    attributes.push("style=dotted".to_owned());
                }
                let tail = if attributes.is_empty() { String::new() } else { format!(" [{}]", attributes.join(", ")) };
                line(&mut out, format_args!("  {from} -> {}{tail};", quoted(self.name(edge.node).as_str())));
            }
            for other in conflicts_once(self, node) {
                let other = quoted(self.name(other).as_str());
                line(
                    &mut out,
                    format_args!(
                        "  {from} -> {other} [label=\"conflicts\", dir=none, style=dashed, constraint=false];"
                    ),
                );
            }
        }
        out.push_str("}\n");
        out
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{text}");
}

/// A string of DOT. Today's names have neither character; a drawing must not depend on that.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
