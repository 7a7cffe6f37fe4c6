//! The graph itself and what can be read off it directly.

use indexmap::IndexSet;
use mcpstore_types::ServiceName;

use crate::adjacency::Adjacency;
use crate::{Edge, NodeId};

/// All services and their dependencies: sound by construction, and never changed after.
///
/// A changed set of services is a new graph; building one for 10,000 services takes some milliseconds. The default is the
/// graph without services. Every method that takes a [`NodeId`] panics when the graph has no such node.
#[derive(Clone, Debug, Default)]
pub struct DepGraph {
    /// In the order given; a name's index is its node.
    pub(crate) names: IndexSet<ServiceName>,
    /// All nodes, sorted by name.
    pub(crate) by_name: Vec<NodeId>,
    /// For each node its place in `by_name`: compares two names without looking at them.
    pub(crate) name_rank: Vec<u32>,
    pub(crate) dependencies: Adjacency<Edge>,
    pub(crate) dependents: Adjacency<Edge>,
    pub(crate) conflicts: Adjacency<NodeId>,
    pub(crate) start_order: Vec<NodeId>,
    /// For each node its place in `start_order`.
    pub(crate) start_rank: Vec<u32>,
}

impl DepGraph {
    /// How many services there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// True without services.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// How many dependencies there are, of all kinds; one that is listed twice counts twice.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.dependencies.item_count()
    }

    /// The node of the service with this name.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<NodeId> {
        self.names.get_index_of(name).map(NodeId::from_index)
    }

    /// The name of a service.
    #[must_use]
    pub fn name(&self, node: NodeId) -> &ServiceName {
        &self.names[node.index()]
    }

    /// All services, in the order in which they were given.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.len()).map(NodeId::from_index)
    }

    /// What a service depends on, in all kinds: sorted by name, then kind, then condition.
    #[must_use]
    pub fn dependencies(&self, node: NodeId) -> &[Edge] {
        self.dependencies.of(node.index())
    }

    /// What depends on a service, in all kinds: the reverse of [`DepGraph::dependencies`], sorted likewise.
    #[must_use]
    pub fn dependents(&self, node: NodeId) -> &[Edge] {
        self.dependents.of(node.index())
    }

    /// What never runs together with a service, whichever of the two says so: sorted by name, each once.
    #[must_use]
    pub fn conflicts(&self, node: NodeId) -> &[NodeId] {
        self.conflicts.of(node.index())
    }

    /// The order in which services start one by one: dependencies first, and by name wherever that leaves a choice.
    #[must_use]
    pub fn start_order(&self) -> &[NodeId] {
        &self.start_order
    }

    /// The order in which services stop one by one: exactly the reverse of [`DepGraph::start_order`].
    #[must_use]
    pub fn stop_order(&self) -> Vec<NodeId> {
        self.start_order.iter().rev().copied().collect()
    }

    /// A service's place in [`DepGraph::start_order`], counted from 0.
    #[must_use]
    pub fn rank(&self, node: NodeId) -> u32 {
        self.start_rank[node.index()]
    }

    /// Sorts nodes into start order and drops those that occur twice.
    pub(crate) fn sort_by_rank(&self, nodes: &mut Vec<NodeId>) {
        nodes.sort_unstable_by_key(|&node| self.rank(node));
        nodes.dedup();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{build, named, seed};

    #[test]
    fn reads_back_what_was_given() {
        let graph = seed();
        assert_eq!((graph.len(), graph.edge_count(), graph.is_empty()), (4, 4, false));
        assert_eq!(
            graph.nodes().map(|n| graph.name(n).as_str()).collect::<Vec<_>>(),
            ["api", "auth", "web", "database"]
        );
        let api = graph.id("api").unwrap();
        assert_eq!(api, NodeId::from_index(0));
        assert_eq!(graph.id("nobody"), None);
        let ends = |edges: &[Edge]| named(&graph, &edges.iter().map(|edge| edge.node).collect::<Vec<_>>());
        assert_eq!(ends(graph.dependencies(api)), "auth database");
        assert_eq!(ends(graph.dependents(api)), "web");
        assert_eq!(ends(graph.dependents(graph.id("database").unwrap())), "api auth");
    }

    #[test]
    fn the_empty_graph_answers_too() {
        for graph in [DepGraph::default(), build("").unwrap()] {
            assert_eq!((graph.len(), graph.edge_count(), graph.is_empty()), (0, 0, true));
            assert!(graph.start_order().is_empty() && graph.stop_order().is_empty() && graph.waves().is_empty());
            assert_eq!(graph.plan(None), crate::Plan::default());
            assert_eq!(graph.critical_path(|_| std::time::Duration::MAX), crate::CriticalPath::default());
            assert_eq!(graph.to_ascii(), "");
        }
    }

    #[test]
    fn a_conflict_is_seen_from_both_ends_once() {
        let graph = build("a: c conflicts, b conflicts, b | b: a conflicts | c").unwrap();
        let at = |name: &str| named(&graph, graph.conflicts(graph.id(name).unwrap()));
        assert_eq!((at("a").as_str(), at("b").as_str(), at("c").as_str()), ("b c", "a", "a"));
    }
}
