//! Closures: all that a service needs, and all that needs it.

use mcpstore_types::DepKind;

use crate::{DepGraph, Edge, NodeId};

impl DepGraph {
    /// The roots and everything they depend on, directly or not, over edges of the kinds to `follow`; in start order.
    #[must_use]
    pub fn closure_up(&self, roots: &[NodeId], follow: impl Fn(DepKind) -> bool) -> Vec<NodeId> {
        self.closure(roots, follow, Self::dependencies)
    }

    /// The roots and everything that depends on them, directly or not, over edges of the kinds to `follow`; in start order.
    #[must_use]
    pub fn closure_down(&self, roots: &[NodeId], follow: impl Fn(DepKind) -> bool) -> Vec<NodeId> {
        self.closure(roots, follow, Self::dependents)
    }

    fn closure(
        &self,
        roots: &[NodeId],
        follow: impl Fn(DepKind) -> bool,
        edges: impl Fn(&Self, NodeId) -> &[Edge],
    ) -> Vec<NodeId> {
        let mut seen = vec![false; self.len()];
        let mut found = Vec::new();
        for &root in roots {
            if !std::mem::replace(&mut seen[root.index()], true) {
                found.push(root);
            }
        }
        let mut next = 0;
        while let Some(&node) = found.get(next) {
            next += 1;
            for edge in edges(self, node).iter().filter(|edge| follow(edge.kind)) {
                if !std::mem::replace(&mut seen[edge.node.index()], true) {
                    found.push(edge.node);
                }
            }
        }
        self.sort_by_rank(&mut found);
        found
    }
}

#[cfg(test)]
mod tests {
    use mcpstore_types::DepKind;

    use crate::testing::{build, ids, named, seed};

    #[test]
    fn goes_up_and_down_in_start_order() {
        let graph = seed();
        let up = |names: &str| named(&graph, &graph.closure_up(&ids(&graph, names), DepKind::pulls_in));
        let down = |names: &str| named(&graph, &graph.closure_down(&ids(&graph, names), DepKind::orders));
        assert_eq!(up("auth"), "database auth");
        assert_eq!(up("web auth web"), "database auth api web");
        assert_eq!(down("auth"), "auth api web");
        assert_eq!(down("web"), "web");
        assert!(graph.closure_up(&[], |_| true).is_empty());
    }

    #[test]
    fn follows_only_the_kinds_asked_for() {
        let graph = build("a: b after, c wants, d conflicts, e part_of | b | c: f | d | e: a part_of | f").unwrap();
        let from_a = |follow: fn(DepKind) -> bool| named(&graph, &graph.closure_up(&ids(&graph, "a"), follow));
        assert_eq!(from_a(DepKind::pulls_in), "f c a");
        assert_eq!(from_a(DepKind::orders), "b f c a");
        assert_eq!(from_a(|kind| kind == DepKind::PartOf), "e a");
        assert_eq!(from_a(|_| false), "a");
    }
}
