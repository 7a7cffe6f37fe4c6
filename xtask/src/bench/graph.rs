//! Building the graph of a very large set of services, and planning with it.
//!
//! The reference is a plain Kahn by hand over numbers: no names, no order by name, no second direction, no search for what is
//! wrong. It is what the bare problem costs. (petgraph's own toposort is no reference here, for petgraph belongs to the graph crate.)

use std::collections::{BTreeSet, VecDeque};

use mcpstore_graph::DepGraph;
use mcpstore_types::{Dependency, ServiceName};

use super::samples::in_turns;
use super::table::Row;

const SERVICES: usize = 10_000;
const EDGES: usize = 50_000;
const RUNS: usize = 100;
const SEED: u64 = 2_026;

/// The same services twice: as numbers for the reference, as names for us.
struct Input {
    edges: Vec<(usize, usize)>,
    services: Vec<(ServiceName, Vec<Dependency>)>,
}

/// Build, plan, and both.
pub(super) fn run() -> Vec<Row> {
    let input = input(SERVICES, EDGES);
    let size = format!("{SERVICES} services, {EDGES} edges");
    let graph = build(&input.services);
    let kahn = || plain_kahn(SERVICES, &input.edges);
    let (kahn_build, build_time) = in_turns(RUNS, kahn, || build(&input.services));
    let (kahn_plan, plan_time) = in_turns(RUNS, kahn, || graph.plan(None));
    let row = |what: &str, reference_time, measured| Row {
        what: format!("graph: {what}, {size}"),
        reference: "plain Kahn over numbers, without names".into(),
        reference_time,
        measured,
    };
    vec![
        row("build from specs, checked, ordered by name", kahn_build.p50(), build_time),
        row("plan (waves, start order, stop order, with names)", kahn_plan.p50(), plan_time),
    ]
}

fn build(services: &[(ServiceName, Vec<Dependency>)]) -> DepGraph {
    DepGraph::build(services.iter().map(|(name, list)| (name, list.as_slice())))
        .expect("an edge goes from a higher number to a lower, so there is no cycle")
}

/// Edges from a service to ones before it, so that there is no cycle; the numbers are shuffled into names, so that order by name
/// is not order by need.
fn input(services: usize, edges: usize) -> Input {
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
fn plain_kahn(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut waiting = vec![0_usize; count];
    let mut dependents = vec![Vec::new(); count];
    for (from, to) in edges {
        waiting[*from] += 1;
        dependents[*to].push(*from);
    }
    let mut ready: VecDeque<usize> = (0..count).filter(|number| waiting[*number] == 0).collect();
    let mut order = Vec::with_capacity(count);
    while let Some(number) = ready.pop_front() {
        order.push(number);
        for dependent in &dependents[number] {
            waiting[*dependent] -= 1;
            if waiting[*dependent] == 0 {
                ready.push_back(*dependent);
            }
        }
    }
    order
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
        let order = plain_kahn(100, &input.edges);
        let place = |number: usize| order.iter().position(|other| *other == number).unwrap();
        assert_eq!(order.len(), 100);
        assert!(input.edges.iter().all(|(from, to)| place(*to) < place(*from)));
    }
}
