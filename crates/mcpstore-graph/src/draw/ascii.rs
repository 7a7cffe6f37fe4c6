//! The graph as a list for a terminal.

use super::{distinct, label};
use crate::DepGraph;

impl DepGraph {
    /// The graph as plain lines: wave by wave, each service with what it depends on indented under it.
    ///
    /// Kind and condition stand in brackets behind the dependency where they are not the default. Only ASCII characters.
    /// Empty without services.
    #[must_use]
    pub fn to_ascii(&self) -> String {
        let mut out = String::new();
        for (number, wave) in (1..).zip(self.waves()) {
            out.push_str(&format!("wave {number}\n"));
            for node in wave {
                out.push_str(&format!("  {}\n", self.name(node)));
                let mut edges = distinct(self, node).peekable();
                while let Some(edge) = edges.next() {
                    let branch = if edges.peek().is_some() { "|-" } else { "`-" };
                    let tail = label(edge).map_or_else(String::new, |text| format!(" [{text}]"));
                    out.push_str(&format!("    {branch} {}{tail}\n", self.name(edge.node)));
                }
            }
        }
        out
    }
}
