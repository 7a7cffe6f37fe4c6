//! The critical path: what bounds a start from below.

use std::time::Duration;

use crate::{DepGraph, NodeId};

/// The chain of services that takes longest: no start of all services is quicker than this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CriticalPath {
    /// The chain, in start order: each service waits for the one before it. Empty without services.
    pub path: Vec<NodeId>,
    /// The sum of the times along it.
    pub total: Duration,
}

impl DepGraph {
    /// The chain of services that takes longest when each takes `weight`; of equal ones the first by name from its end.
    ///
    /// Follows all edges that order. A sum that would overflow stays at [`Duration::MAX`].
    #[must_use]
    pub fn critical_path(&self, weight: impl Fn(NodeId) -> Duration) -> CriticalPath {
        // For each node: when it is up at the earliest, and the dependency it waited for last.
        let mut up_at = vec![Duration::ZERO; self.len()];
        let mut waited_for: Vec<Option<NodeId>> = vec![None; self.len()];
        for &node in self.start_order() {
            let mut begins = Duration::ZERO;
            for edge in self.dependencies(node).iter().filter(|edge| edge.kind.orders()) {
                let other = up_at[edge.node.index()];
                if waited_for[node.index()].is_none() || other > begins {
                    begins = other;
                    waited_for[node.index()] = Some(edge.node);
                }
            }
            up_at[node.index()] = begins.saturating_add(weight(node));
        }
        let mut last: Option<NodeId> = None;
        for &node in &self.by_name {
            if last.is_none_or(|best| up_at[node.index()] > up_at[best.index()]) {
                last = Some(node);
            }
        }
        let total = last.map_or(Duration::ZERO, |node| up_at[node.index()]);
        let mut path: Vec<NodeId> = std::iter::successors(last, |node| waited_for[node.index()]).collect();
        path.reverse();
        CriticalPath { path, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{build, named, seed};

    #[test]
    fn is_the_longest_chain() {
        let graph = seed();
        let found = graph.critical_path(|_| Duration::from_millis(500));
        assert_eq!(named(&graph, &found.path), "database auth api web");
        assert_eq!(found.total, Duration::from_secs(2));
    }

    #[test]
    fn weighs_time_and_not_steps() {
        let graph = build("end: slow, b | slow | b: c | c: d | d | other").unwrap();
        let slow = graph.id("slow").unwrap();
        let found = graph.critical_path(|node| Duration::from_secs(if node == slow { 9 } else { 1 }));
        assert_eq!(named(&graph, &found.path), "slow end");
        assert_eq!(found.total, Duration::from_secs(10));
    }

    #[test]
    fn equal_chains_go_by_name_and_sums_do_not_overflow() {
        let graph = build("x: q, p | p | q | y: p").unwrap();
        assert_eq!(named(&graph, &graph.critical_path(|_| Duration::MAX).path), "p");
        let found = graph.critical_path(|_| Duration::from_secs(1));
        assert_eq!(named(&graph, &found.path), "p x");
        assert_eq!(graph.critical_path(|_| Duration::MAX).total, Duration::MAX);
        assert_eq!(named(&graph, &graph.critical_path(|_| Duration::ZERO).path), "p");
    }
}
