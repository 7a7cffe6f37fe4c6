//! Building the graph of a very large set of services, and planning with it.
//!
//! The reference is petgraph's own `toposort` over numbers, its graph built first: no names, no order by name, no second
//! direction, no search for what is wrong. It is what the bare problem costs.

use std::collections::BTreeSet;

use mcpstore_graph::DepGraph;
use mcpstore_types::{Dependency, ServiceName};
use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};

use super::samples::in_turns;
use super::table::Row;

pub(super) const SERVICES: usize = 10_000;
pub(super) const EDGES: usize = 50_000;
const RUNS: usize = 100;
const SEED: u64 = 2_026;

/// The same services twice: as numbers for the reference, as names for us.
pub(super) struct Input {
    pub(super) edges: Vec<(usize, usize)>,
    pub(super) services: Vec<(ServiceName, Vec<Dependency>)>,
}

/// Build, plan, and both.
pub(super) fn run() -> Vec<Row> {
    let input = input(SERVICES, EDGES);
    let size = format!("{SERVICES} services, {EDGES} edges");
    let graph = build(&input.services);
    let plain = || plain_toposort(SERVICES, &input.edges);
    let (plain_build, build_time) = in_turns(RUNS, plain, || build(&input.services));
    let (plain_plan, plan_time) = in_turns(RUNS, plain, || graph.plan(None));
    let row = |what: &str, reference_time, measured| Row {
        what: format!("graph: {what}, {size}"),
        reference: "petgraph's toposort over numbers, without names".into(),
        reference_time,
        measured,
    };
    vec![
        row("build from specs, checked, ordered by name", plain_build.p50(), build_time),
        row("plan (waves, start order, stop order, with names)", plain_plan.p50(), plan_time),
    ]
}

fn build(services: &[(ServiceName, Vec<Dependency>)]) -> DepGraph {
    DepGraph::build(services.iter().map(|(name, list)| (name, list.as_slice())))
        .expect("an edge goes from a higher number to a lower, so there is no cycle")
}

/// Edges from a service to ones before it, so that there is no cycle; the numbers are shuffled into names, so that order by name
/// is not order by need.
pub(super) fn input(services: usize, edges: usize) -> Input {
    let mut random = Lcg(SEED);
    let mut pairs = BTreeSet::new();
    while pairs.len() < edges {
        let from = 1 + random.below(services - 1);
        pairs.insert((from, random.below(from)));
    }
    // 7,919 is prime and no factor of the count: each number gets a name of its own.
    let name =
        |number: usize| ServiceName::new(format!("service-{:06}", number * 7_919 % services)).expect("a plain name");
    let mut lists: Vec<Vec<Dependency>> = vec![Vec::new(); services];
    for (from, to) in &pairs {
        lists[*from].push(Dependency::requires(name(*to)));
    }
    let services = lists.into_iter().enumerate().map(|(number, list)| (name(number), list)).collect();
    Input { edges: pairs.into_iter().collect(), services }
}

/// The order of `count` numbers in which the second of each pair comes before the first.
pub(super) fn plain_toposort(count: usize, edges: &[(usize, usize)]) -> Vec<NodeIndex> {
    let mut graph = DiGraph::<(), ()>::with_capacity(count, edges.len());
    let nodes: Vec<NodeIndex> = (0..count).map(|_| graph.add_node(())).collect();
    for (from, to) in edges {
        graph.add_edge(nodes[*to], nodes[*from], ());
    }
    toposort(&graph, None).expect("an edge goes from a higher number to a lower, so there is no cycle")
}

/// Knuth's 64-bit linear congruential generator: the same numbers on every machine.
struct Lcg(u64);

impl Lcg {
    /// A number below `bound`, from the high bits (the low ones repeat).
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_is_sound_and_both_orders_agree_with_it() {
        let input = input(100, 300);
        let graph = build(&input.services);
        assert_eq!((graph.len(), graph.edge_count(), input.edges.len()), (100, 300, 300));
        assert_eq!(graph.plan(None).start_order.len(), 100);
        let order = plain_toposort(100, &input.edges);
        let place = |number: usize| order.iter().position(|other| other.index() == number).unwrap();
        assert_eq!(order.len(), 100);
        assert!(input.edges.iter().all(|(from, to)| place(*to) < place(*from)));
    }
}
