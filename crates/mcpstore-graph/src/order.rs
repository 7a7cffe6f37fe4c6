//! Orders: one by one, and wave by wave.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::{DepGraph, Edge, NodeId};

/// Kahn's algorithm with a ready set sorted by name: the start order, and the nodes (sorted by name) that a cycle keeps
/// out of it.
///
/// Own code because petgraph's `toposort` is not stable by name and names one node only when it fails.
pub(crate) fn kahn(graph: &DepGraph) -> (Vec<NodeId>, Vec<NodeId>) {
    let ordering = |edges: &[Edge]| edges.iter().filter(|edge| edge.kind.orders()).count();
    let mut waits_for: Vec<usize> = graph.nodes().map(|node| ordering(graph.dependencies(node))).collect();
    // Ranks by name stand for the nodes: smaller ones to compare than names.
    let mut ready: BinaryHeap<Reverse<u32>> = BinaryHeap::new();
    for node in graph.nodes().filter(|node| waits_for[node.index()] == 0) {
        ready.push(Reverse(graph.name_rank[node.index()]));
    }
    let mut order = Vec::with_capacity(graph.len());
    while let Some(Reverse(name_rank)) = ready.pop() {
        let node = graph.by_name[name_rank as usize];
        order.push(node);
        // A dependency listed twice was counted twice, and is met twice here.
        for edge in graph.dependents(node).iter().filter(|edge| edge.kind.orders()) {
            let left = &mut waits_for[edge.node.index()];
            *left -= 1;
            if *left == 0 {
                ready.push(Reverse(graph.name_rank[edge.node.index()]));
            }
        }
    }
    let stuck = graph.by_name.iter().copied().filter(|node| waits_for[node.index()] > 0).collect();
    (order, stuck)
}

impl DepGraph {
    /// The services in waves, each sorted by name: a service's wave is the first one after all waves of its dependencies.
    ///
    /// Something to print: at run time a service starts the moment its own dependencies allow it.
    #[must_use]
    pub fn waves(&self) -> Vec<Vec<NodeId>> {
        self.waves_of(&vec![true; self.len()])
    }

    /// The waves of the chosen services alone. One that is not chosen takes no wave, yet hands on the order it makes.
    pub(crate) fn waves_of(&self, chosen: &[bool]) -> Vec<Vec<NodeId>> {
        // For each node the first wave in which what waits for it can be.
        let mut done_by = vec![0_usize; self.len()];
        for &node in self.start_order() {
            let ordering = self.dependencies(node).iter().filter(|edge| edge.kind.orders());
            let wave = ordering.map(|edge| done_by[edge.node.index()]).max().unwrap_or(0);
            done_by[node.index()] = wave + usize::from(chosen[node.index()]);
        }
        let mut waves = Vec::new();
        for &node in self.by_name.iter().filter(|node| chosen[node.index()]) {
            let wave = done_by[node.index()] - 1;
            if waves.len() <= wave {
                waves.resize_with(wave + 1, Vec::new);
            }
            waves[wave].push(node);
        }
        waves
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{build, ids, named, seed};

    #[test]
    fn the_seeds_example_starts_database_auth_api_web() {
        let graph = seed();
        assert_eq!(named(&graph, graph.start_order()), "database auth api web");
        assert_eq!(named(&graph, &graph.stop_order()), "web api auth database");
        let ranks: Vec<u32> = ids(&graph, "database auth api web").into_iter().map(|n| graph.rank(n)).collect();
        assert_eq!(ranks, [0, 1, 2, 3]);
    }

    #[test]
    fn choices_go_by_name_and_not_by_place() {
        for text in ["z | y: z | b | a: b | m", "m | a: b | b | y: z | z"] {
            let graph = build(text).unwrap();
            assert_eq!(named(&graph, graph.start_order()), "b a m z y");
            let waves: Vec<_> = graph.waves().iter().map(|wave| named(&graph, wave)).collect();
            assert_eq!(waves, ["b m z", "a y"]);
        }
    }

    #[test]
    fn only_kinds_that_order_order() {
        let graph =
            build("a: z part_of, y conflicts | b: z after | c: z wants | d: z binds_to | y | z: a part_of").unwrap();
        assert_eq!(named(&graph, graph.start_order()), "a y z b c d");
    }

    #[test]
    fn a_dependency_listed_twice_orders_once() {
        let graph = build("a: b, b, b after started | b: c, c | c").unwrap();
        assert_eq!(named(&graph, graph.start_order()), "c b a");
        assert_eq!(graph.edge_count(), 5);
        assert_eq!(graph.dependents(graph.id("b").unwrap()).len(), 3);
    }
}
